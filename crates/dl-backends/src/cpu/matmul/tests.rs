//! Products against a plain triple loop in `f64`, by every vector unit that this CPU has.

use super::*;

/// Numbers around zero, the same every time.
fn noise(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// A matrix in more memory than it needs, at strides of its own.
#[derive(Clone, Copy, Debug)]
enum Form {
    Rows,
    Columns,
    Apart,
    Backwards,
}

const FORMS: [Form; 4] = [Form::Rows, Form::Columns, Form::Apart, Form::Backwards];

fn strided<T>(data: &[T], form: Form, rows: usize, columns: usize) -> Strided<'_, T> {
    let (rows, columns) = (rows as isize, columns as isize);
    let (offset, row, column) = match form {
        Form::Rows => (1, columns + 2, 1),
        Form::Columns => (2, 1, rows + 1),
        Form::Apart => (0, 2 * columns + 1, 2),
        Form::Backwards => (rows * columns, -columns, -1),
    };
    Strided { data, offset, row, column }
}

fn at<T: Copy>(x: &Strided<'_, T>, i: usize, j: usize) -> T {
    x.data[(x.offset + i as isize * x.row + j as isize * x.column) as usize]
}

fn value(x: &Operand<'_>, i: usize, j: usize) -> f64 {
    match x {
        Operand::F32(x) => f64::from(at(x, i, j)),
        Operand::U8(x, scale) => f64::from(f32::from(at(x, i, j)) * scale),
    }
}

/// Element `(i, j)` of the product, and the sum of what its terms amount to.
fn expected(k: usize, a: &Operand<'_>, b: &Operand<'_>, i: usize, j: usize) -> (f64, f64) {
    (0..k).map(|l| value(a, i, l) * value(b, l, j)).fold((0.0, 0.0), |(sum, all), x| (sum + x, all + x.abs()))
}

fn check(kernels: &Kernels, sizes: Sizes, a: Operand<'_>, b: Operand<'_>, alpha: f32, beta: f32) {
    let Sizes { m, n, k } = sizes;
    let stride = n + 3;
    let before = if beta == 0.0 { vec![f32::NAN; m * stride] } else { noise(m * stride, 9) };
    let mut c = before.clone();
    let mut workspace = vec![f32::NAN; kernels.workspace_len(sizes)];
    kernels.product(sizes, (alpha, a), b, (beta, &mut Out::rows(&mut c, stride)), &mut workspace);
    for (at, (got, before)) in c.iter().zip(&before).enumerate() {
        let (i, j) = (at / stride, at % stride);
        if j >= n {
            assert_eq!(got.to_bits(), before.to_bits(), "between rows nothing is written");
            continue;
        }
        let (sum, all) = expected(k, &a, &b, i, j);
        let before = if beta == 0.0 { 0.0 } else { f64::from(beta) * f64::from(*before) };
        let expected = f64::from(alpha) * sum + before;
        let allowed = (f64::from(alpha).abs() * all * (k as f64).sqrt() + before.abs()) * 3e-7;
        assert!(
            (f64::from(*got) - expected).abs() <= allowed,
            "{} {sizes:?} [{i}, {j}]: {got}, expected {expected}",
            kernels.name()
        );
    }
}

#[test]
fn products_of_all_forms_and_sizes() {
    let sizes = [
        (0, 3, 2),
        (3, 0, 2),
        (1, 1, 1),
        (7, 5, 0),
        (33, 17, 7),
        (1, 40, 300),
        (65, 10, 33),
        (29, 130, 4),
        (150, 1, 37),
    ];
    for kernels in Kernels::available() {
        for (m, n, k) in sizes {
            let (x, y) = (noise(3 * (m + 2) * (k + 2), 1), noise(3 * (k + 2) * (n + 2), 2));
            let bytes: Vec<u8> = (0..x.len()).map(|i| (i * 37 % 256) as u8).collect();
            for (form_a, form_b) in FORMS.into_iter().flat_map(|a| FORMS.map(|b| (a, b))) {
                let b = Operand::F32(strided(&y, form_b, k, n));
                let a = Operand::F32(strided(&x, form_a, m, k));
                check(&kernels, Sizes { m, n, k }, a, b, 1.0, 0.0);
                check(&kernels, Sizes { m, n, k }, a, b, -0.3, 0.9);
                let a = Operand::U8(strided(&bytes, form_a, m, k), 1.0 / 255.0);
                check(&kernels, Sizes { m, n, k }, a, b, 1.0, 1.0);
            }
        }
    }
}

/// Whole numbers, so that sums are exact in any order: all sizes up to 40 of every operand, with forms,
/// scales and layouts that change from one to the next.
#[test]
fn products_of_all_small_sizes() {
    const ALL: usize = 40;
    let left = |i: usize, l: usize| ((i * 5 + l * 3) % 7) as f32 - 3.0;
    let right = |l: usize, j: usize| ((l * 4 + j * 5) % 9) as f32 - 4.0;
    let before = |i: usize, j: usize| ((i + j) % 4) as f32;
    let matrix = |form: Form, rows: usize, columns: usize, f: &dyn Fn(usize, usize) -> f32| {
        let mut x = vec![f32::NAN; 3 * (rows + 2) * (columns + 2)];
        let Strided { offset, row, column, .. } = strided(&x, form, rows, columns);
        for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
            x[(offset + i as isize * row + j as isize * column) as usize] = f(i, j);
        }
        x
    };
    for (which, kernels) in Kernels::available().enumerate() {
        let (mut sums, mut workspace) = ([[0.0; ALL]; ALL], vec![]);
        for k in 0..=ALL {
            for (m, n) in (0..=ALL).flat_map(|m| (0..=ALL).map(move |n| (m, n))) {
                if which > 0 && (m + n + k) % 8 != which {
                    continue;
                }
                let seed = which + 7 * m + 3 * n + k;
                let (form_a, form_b) = (FORMS[seed % 4], FORMS[seed / 4 % 4]);
                let (alpha, beta) = [(1.0, 0.0), (2.0, 1.0), (-0.5, 0.25)][seed % 3];
                let (x, y) = (matrix(form_a, m, k, &left), matrix(form_b, k, n, &right));
                let (a, b) = (strided(&x, form_a, m, k), strided(&y, form_b, k, n));
                let stride = n + seed % 2;
                let mut c: Vec<f32> = (0..m * stride).map(|at| before(at / stride, at % stride)).collect();
                let sizes = Sizes { m, n, k };
                workspace.resize(kernels.workspace_len(sizes).max(workspace.len()), f32::NAN);
                let out = &mut Out::rows(&mut c, stride);
                kernels.product(
                    sizes,
                    (alpha, Operand::F32(a)),
                    Operand::F32(b),
                    (beta, out),
                    &mut workspace,
                );
                let right_at = |i: usize, j: usize| alpha * sums[i][j] + beta * before(i, j);
                let right = |at: usize| at % stride >= n || c[at] == right_at(at / stride, at % stride);
                let wrong = (0..c.len()).find(|at| !right(*at));
                assert_eq!(wrong, None, "{} {sizes:?} {form_a:?} {form_b:?} {alpha} {beta}", kernels.name());
            }
            for (i, row) in sums.iter_mut().enumerate() {
                row.iter_mut().enumerate().for_each(|(j, sum)| *sum += left(i, k) * right(k, j));
            }
        }
    }
}

/// The stride of a single row says nothing, so it may be anything.
#[test]
fn a_single_row_has_no_stride() {
    for kernels in Kernels::available() {
        let n = 2 * kernels.vector();
        let (x, y) = (noise(3, 1), noise(n, 2));
        for stride in [0, 1, n, usize::MAX] {
            let sizes = Sizes { m: 3, n, k: 1 };
            let product =
                Product { sizes, a: Strided::rows(&x, 1), b: Right::Rows(&y, stride), alpha: 1.0, beta: 0.0 };
            let mut c = vec![f32::NAN; 3 * n];
            kernels.multiply(&product, 0..3, &mut Out::rows(&mut c, n));
            assert!((0..3 * n).all(|at| c[at] == x[at / n] * y[at % n]), "{stride}");
        }
    }
}

/// A million terms of one sign, where errors add up: in all forms, and in panels.
#[test]
fn long_sums_lose_little() {
    for kernels in Kernels::available() {
        for (m, n, k) in [(1, 1, 1 << 19), (20, 1, 9_001), (2, 3, 1 << 15), (9, 70, 9_000)] {
            let (x, y) = (vec![0.3f32; 2 * (m + 2) * (k + 2)], vec![0.3f32; 2 * (k + 2) * (n + 2)]);
            let want = k as f64 * f64::from(0.3f32).powi(2);
            let near = |c: f32| (f64::from(c) / want - 1.0).abs() <= 64.0 * f64::from(f32::EPSILON);
            let sizes = Sizes { m, n, k };
            let mut workspace = vec![0.0; kernels.workspace_len(sizes)];
            for (form_a, form_b) in FORMS.into_iter().flat_map(|a| FORMS[..2].iter().map(move |b| (a, *b))) {
                let (a, b) = (strided(&x, form_a, m, k), strided(&y, form_b, k, n));
                let (a, b) = (Operand::F32(a), Operand::F32(b));
                let mut c = vec![1.0; m * n];
                kernels.product(sizes, (1.0, a), b, (0.0, &mut Out::rows(&mut c, n)), &mut workspace);
                assert!(c.iter().all(|c| near(*c)), "{} {sizes:?} {form_a:?} {form_b:?}", kernels.name());
            }
            let whole = in_parts(&kernels, sizes, (&x[..m * k], &y[..k * n]), &[], false);
            for (cuts, panels) in [(vec![], true), (vec![1, m.min(2)], true), (vec![m / 2], false)] {
                assert!(in_parts(&kernels, sizes, (&x[..m * k], &y[..k * n]), &cuts, panels) == whole);
            }
        }
    }
}

#[test]
fn products_of_many_blocks() {
    let kernels = Kernels::best();
    for (m, n, k) in [(300, 100, 1300), (13, 33, 2048), (2000, 5, 40)] {
        let (x, y) = (noise(m * k, 1), noise(k * n, 2));
        let b = Operand::F32(Strided::rows(&y, n));
        check(&kernels, Sizes { m, n, k }, Operand::F32(Strided::rows(&x, k)), b, 0.5, 2.0);
        check(&kernels, Sizes { m, n, k }, Operand::F32(Strided::rows(&x, m).t()), b, 1.0, 0.0);
    }
}

/// The product of row-major operands by rows, in parts that end at `cuts`, into panels or rows.
fn in_parts(
    kernels: &Kernels,
    sizes: Sizes,
    (x, y): (&[f32], &[f32]),
    cuts: &[usize],
    panels: bool,
) -> Vec<u32> {
    let Sizes { m, n, k } = sizes;
    let mut packed = vec![f32::NAN; kernels.panels_len(k, n)];
    kernels.pack_panels(&mut packed, k, n, Operand::F32(Strided::rows(y, n)));
    let (a, b) = (Strided::rows(x, k), Right::Panels(&packed));
    let product = Product { sizes, a, b, alpha: 0.7, beta: 0.3 };
    let mut c = noise(m * n, 5);
    let mut c_panels = vec![0.0; kernels.panels_len(m, n)];
    kernels.pack_panels(&mut c_panels, m, n, Operand::F32(Strided::rows(&c, n)));
    let mut start = 0;
    for end in cuts.iter().copied().chain([m]) {
        let mut out = if panels { Out::panels(&mut c_panels, m) } else { Out::rows(&mut c, n) };
        kernels.multiply(&product, start..end, &mut out);
        start = end;
    }
    if panels {
        kernels.unpack_panels(&c_panels, m, n, &mut c);
    }
    c.into_iter().map(f32::to_bits).collect()
}

#[test]
fn the_same_bits_however_rows_are_divided_and_laid_out() {
    for kernels in Kernels::available() {
        for (m, n, k) in [(64, 128, 784), (97, 10, 300), (33, 49, 7)] {
            let (x, y) = (noise(m * k, 1), noise(k * n, 2));
            let sizes = Sizes { m, n, k };
            let whole = in_parts(&kernels, sizes, (&x, &y), &[], false);
            for cuts in [vec![], vec![1], vec![0, 32], vec![5, 6, 20, 31], (0..m).collect()] {
                for panels in [false, true] {
                    assert!(
                        in_parts(&kernels, sizes, (&x, &y), &cuts, panels) == whole,
                        "{sizes:?} {cuts:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn panels_are_padded_with_zeros_and_unpack() {
    for kernels in Kernels::available() {
        for (rows, columns) in [(5, 1), (17, 33), (20, 130)] {
            let x = noise(rows * columns, 1);
            for (form, transposed) in
                [(Strided::rows(&x[..], columns), false), (Strided::rows(&x, rows).t(), true)]
            {
                let mut panels = vec![f32::NAN; kernels.panels_len(rows, columns)];
                kernels.pack_panels(&mut panels, rows, columns, Operand::F32(form));
                assert!(panels.iter().all(|x| !x.is_nan()), "what pads is zero");
                let mut back = vec![f32::NAN; rows * columns];
                kernels.unpack_panels(&panels, rows, columns, &mut back);
                let same = |i: usize| back[i] == at(&form, i / columns, i % columns);
                assert!((0..back.len()).all(same), "{rows} {columns} {transposed}");
            }
        }
    }
}

#[test]
fn a_column_has_the_same_bits_however_its_rows_are_divided() {
    for kernels in Kernels::available() {
        let (m, k) = (301, 83);
        let (x, b) = (noise(m * k, 1), noise(k, 2));
        for a in [Strided::rows(&x[..], k), Strided::rows(&x[..], m).t()] {
            let sizes = Sizes { m, n: 1, k };
            let product = Product { sizes, a, b: Right::Column(&b), alpha: 0.7, beta: 0.3 };
            let run = |cuts: &[usize]| {
                let mut c = noise(m, 5);
                let mut start = 0;
                for end in cuts.iter().copied().chain([m]) {
                    kernels.multiply(&product, start..end, &mut Out::rows(&mut c, 1));
                    start = end;
                }
                c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            assert!(run(&[1, 77, 78, 250]) == run(&[]));
        }
    }
}

#[test]
fn one_packing_of_bytes_serves_both_products() {
    for kernels in Kernels::available() {
        let (rows, columns) = (37, 50);
        let bytes: Vec<u8> = (0..rows * columns).map(|i| (i * 101 % 256) as u8).collect();
        let stride = kernels.row_stride(columns);
        let mut packed = vec![f32::NAN; rows * stride];
        let from = Operand::U8(Strided::rows(&bytes, columns), 0.01);
        kernels.pack_rows(&mut packed, rows, columns, from);
        for (i, row) in packed.chunks(stride).enumerate() {
            for (j, x) in row[..columns].iter().enumerate() {
                assert_eq!(*x, f32::from(bytes[i * columns + j]) * 0.01);
            }
        }
        let x = Strided::rows(&packed[..], stride);
        let w = noise(columns * 48, 3);
        let rows_of_w = Right::Rows(&w, 48);
        let sizes = Sizes { m: rows, n: 48, k: columns };
        let mut h = vec![f32::NAN; rows * 48];
        let product = Product { sizes, a: x, b: rows_of_w, alpha: 1.0, beta: 0.0 };
        kernels.multiply(&product, 0..rows, &mut Out::rows(&mut h, 48));
        let sizes = Sizes { m: columns, n: 48, k: rows };
        let mut g = vec![f32::NAN; columns * 48];
        let product = Product { sizes, a: x.t(), b: Right::Rows(&h, 48), alpha: 1.0, beta: 0.0 };
        kernels.multiply(&product, 0..columns, &mut Out::rows(&mut g, 48));
        let (w, of_h) = (Operand::F32(Strided::rows(&w, 48)), Operand::F32(Strided::rows(&h, 48)));
        for (i, j) in [(0, 0), (36, 47), (17, 5), (36, 15)] {
            let near = |got: f32, (sum, all): (f64, f64)| (f64::from(got) - sum).abs() <= all * 2e-6;
            assert!(near(h[i * 48 + j], expected(columns, &from, &w, i, j)));
            assert!(near(g[i * 48 + j], expected(rows, &from.t(), &of_h, i, j)));
        }
    }
}

#[test]
fn operands_outside_their_slices_are_refused() {
    let kernels = Kernels::best();
    let refused = |x: usize, y: usize, c: usize| {
        let (x, y, mut c) = (vec![0.0; x], vec![0.0; y], vec![0.0; c]);
        let sizes = Sizes { m: 3, n: kernels.vector(), k: 2 };
        let b = Right::Rows(&y, sizes.n);
        let product = Product { sizes, a: Strided::rows(&x, 2), b, alpha: 1.0, beta: 0.0 };
        let run = || kernels.multiply(&product, 0..3, &mut Out::rows(&mut c, sizes.n));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
    };
    let (b, c) = (2 * kernels.vector(), 3 * kernels.vector());
    assert!(!refused(6, b, c));
    assert!(refused(5, b, c) && refused(6, b - 1, c) && refused(6, b, c - 1));
}

#[test]
fn blocks_come_from_the_caches() {
    let near = |l1| Kernels::new("portable", &portable::UNIT, Caches { l1, l2: 1 << 20 }).near;
    assert!(near(64 << 10) > near(16 << 10) && near(16 << 10) > 0);
}
