//! The matrix product: bounds checked here, computed by the `gemm` crate.
#![allow(unsafe_code)]

use gemm::Parallelism;

use super::loops::share;
use super::real::Real;
use super::team::Team;
use super::vector::Isa;

/// A matrix somewhere in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    /// The slice.
    pub data: &'a [T],
    /// Of the first element.
    pub offset: isize,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub column: isize,
}

impl<T> Matrix<'_, T> {
    /// The transposed matrix; nothing is moved.
    fn t(self) -> Self {
        Matrix { row: self.column, column: self.row, ..self }
    }
}

/// Rows of the left operand, columns of the right one, and the size that is summed over.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// `out = a·b`, or `out = out + a·b` to accumulate, where element `(i, j)` of the product stands at
/// `i·row + j·column` of `out`. The calling thread computes it alone.
pub(super) fn product<T: Real>(
    out: &mut [T],
    (row, column): (isize, isize),
    Sizes { m, n, k }: Sizes,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    accumulate: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(inside(out.len(), 0, (m, row), (n, column)), "the product lies inside its vector");
    if k == 0 {
        // `out` is all of the product: there is nothing between its elements.
        if !accumulate {
            out.fill(T::ZERO);
        }
        return;
    }
    assert!(
        inside(a.data.len(), a.offset, (m, a.row), (k, a.column)),
        "the left operand lies inside its vector"
    );
    assert!(
        inside(b.data.len(), b.offset, (k, b.row), (n, b.column)),
        "the right operand lies inside its vector"
    );
    let most = if m.min(n) == 1 { CHAIN } else { LONG };
    if k > most {
        let part = if most == CHAIN { CHAIN } else { DEPTH };
        return in_parts(out, (row, column), Sizes { m, n, k }, (a, b), accumulate, part);
    }
    // SAFETY: every element (i, j) of the three matrices was just shown to lie inside its slice, which
    // the borrows keep alive; `out` is borrowed mutably, so it overlaps neither operand, and it is
    // read only to accumulate.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            column,
            row,
            accumulate,
            a.data.as_ptr().offset(a.offset),
            a.column,
            a.row,
            b.data.as_ptr().offset(b.offset),
            b.column,
            b.row,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Multiplications that are worth to be shared.
const WORTH: usize = 1 << 20;
/// Rows, or columns, that a part has at least: fewer would be packed too often.
const PART: usize = 128;
/// Parts of a product at most.
const PARTS: usize = 16;

/// `out = a·b` where `out` lies row by row or column by column. A large product is computed in parts that
/// depend on its sizes alone, by a team if there is one: the bits are the same for every number of threads.
pub(super) fn shared<T: Real>(
    out: &mut [T],
    (row, column): (isize, isize),
    sizes: Sizes,
    (a, b): (Matrix<'_, T>, Matrix<'_, T>),
    team: Option<&Team>,
) {
    if column != 1 {
        // The transposed product, row by row.
        let sizes = Sizes { m: sizes.n, n: sizes.m, k: sizes.k };
        return shared(out, (column, row), sizes, (b.t(), a.t()), team);
    }
    let Sizes { m, n, k } = sizes;
    if m.saturating_mul(n).saturating_mul(k) < WORTH || m.max(n) < 2 * PART {
        return product(out, (row, column), sizes, a, b, false);
    }
    let parts = |len: usize| 1 << (len / PART).min(PARTS).ilog2();
    if m >= n || m >= PARTS * PART {
        let rows = m.div_ceil(parts(m));
        return share(team, out, rows * n, &|start, out| {
            let a = Matrix { offset: a.offset + (start / n) as isize * a.row, ..a };
            product(out, (row, column), Sizes { m: out.len() / n, n, k }, a, b, false);
        });
    }
    // Columns do not lie one after the other: each part goes to its place when all are there.
    let columns = n.div_ceil(parts(n));
    let mut blocks: Vec<Vec<T>> = vec![vec![]; n.div_ceil(columns)];
    share(team, &mut blocks, 1, &|i, block| {
        let first = i * columns;
        let sizes = Sizes { m, n: columns.min(n - first), k };
        let b = Matrix { offset: b.offset + first as isize * b.column, ..b };
        block[0] = vec![T::ZERO; sizes.m * sizes.n];
        product(&mut block[0], (sizes.n as isize, 1), sizes, a, b, false);
    });
    for (i, out) in out.chunks_exact_mut(n).enumerate() {
        for (block, out) in blocks.iter().zip(out.chunks_mut(columns)) {
            out.copy_from_slice(&block[i * out.len()..][..out.len()]);
        }
    }
}

/// Places of the inner axis that the library may add one after the other: all that a row or a column has.
const CHAIN: usize = 256;
/// The same of other products, of which it adds up some hundreds at a time, and then these sums.
const LONG: usize = 4096;
/// Places of a part where there are more.
const DEPTH: usize = 512;

/// A product whose inner axis is long: part by part, with what rounding takes from the total kept beside it.
fn in_parts<T: Real>(
    out: &mut [T],
    strides: (isize, isize),
    Sizes { m, n, k }: Sizes,
    (a, b): (Matrix<'_, T>, Matrix<'_, T>),
    accumulate: bool,
    part: usize,
) {
    let (mut sum, mut lost) = (vec![T::ZERO; out.len()], vec![T::ZERO; out.len()]);
    let isa = Isa::widest();
    for first in (0..k).step_by(part) {
        let sizes = Sizes { m, n, k: part.min(k - first) };
        let a = Matrix { offset: a.offset + first as isize * a.column, ..a };
        let b = Matrix { offset: b.offset + first as isize * b.row, ..b };
        if first == 0 {
            product(out, strides, sizes, a, b, accumulate);
        } else {
            product(&mut sum, strides, sizes, a, b, false);
            isa.add_keeping(out, &mut lost, &sum);
        }
    }
    isa.settle(out, &lost);
}

/// Whether all elements of a matrix that is not empty lie in `0..len`.
fn inside(len: usize, offset: isize, rows: (usize, isize), columns: (usize, isize)) -> bool {
    let reach = |(n, stride): (usize, isize)| (n as isize - 1).checked_mul(stride);
    let (Some(down), Some(across)) = (reach(rows), reach(columns)) else {
        return false;
    };
    let ends = (
        offset.checked_add(down.min(0)).and_then(|x| x.checked_add(across.min(0))),
        offset.checked_add(down.max(0)).and_then(|x| x.checked_add(across.max(0))),
    );
    matches!(ends, (Some(low), Some(high)) if low >= 0 && (high as usize) < len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::ops::random::uniform;

    fn random(n: usize, stream: u64) -> Vec<f32> {
        (0..n as u64).map(|i| uniform(1, 0, stream, i) - 0.5).collect()
    }

    #[test]
    fn the_same_bits_for_every_number_of_threads() {
        let sizes = [
            (64, 784, 128),
            (512, 128, 10),
            (784, 512, 128),
            (1, 700, 300),
            (33, 7, 1),
            (3000, 40, 65),
            (129, 5000, 257),
            (100, 300, 600),
        ];
        let teams = [2, 3, 8].map(|members| Team::new(members).expect("threads are to be had"));
        for (m, k, n) in sizes {
            let (x, y) = (random(m * k, 1), random(k * n, 2));
            for (transposed_a, transposed_b) in [(false, false), (true, false), (false, true), (true, true)] {
                let strides = |t: bool, rows: usize, columns: usize| {
                    if t { (1, rows as isize) } else { (columns as isize, 1) }
                };
                let (ra, ca) = strides(transposed_a, m, k);
                let (rb, cb) = strides(transposed_b, k, n);
                let a = Matrix { data: &x, offset: 0, row: ra, column: ca };
                let b = Matrix { data: &y, offset: 0, row: rb, column: cb };
                let run = |team: Option<&Team>| {
                    let mut out = vec![f32::NAN; m * n];
                    shared(&mut out, (n as isize, 1), Sizes { m, n, k }, (a, b), team);
                    out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                };
                let one = run(None);
                for team in &teams {
                    assert!(run(Some(team)) == one, "{m}x{k}x{n}, {team:?}");
                }
            }
        }
    }

    #[test]
    fn matrices_outside_their_slices_are_found() {
        assert!(inside(6, 0, (2, 3), (3, 1)) && !inside(5, 0, (2, 3), (3, 1)));
        assert!(inside(6, 5, (2, -3), (3, -1)) && !inside(6, 4, (2, -3), (3, -1)));
        assert!(!inside(6, 0, (2, isize::MAX), (3, 1)) && inside(1, 0, (9, 0), (9, 0)));
    }
}
