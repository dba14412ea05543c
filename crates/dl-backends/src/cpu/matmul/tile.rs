//! The micro-kernel: one tile of the product, held in registers while the inner axis passes.

use super::simd::Simd;

/// One tile: `c ← beta·c + alpha·a·b` for as many rows and vectors of columns as the kernel has.
pub(super) struct Tile<'a> {
    /// Which products each element sums, in order.
    pub runs: &'a [Run],
    pub a: *const f32,
    pub a_row: isize,
    pub a_column: isize,
    pub b: *const f32,
    pub b_row: usize,
    pub c: *mut f32,
    pub c_row: usize,
    /// Columns of `c` that are there; those of `b` are padded to full vectors.
    pub columns: usize,
    pub alpha: f32,
    /// With zero, `c` is not read.
    pub beta: f32,
    /// With `beta` zero, what is added to each row: as many elements as there are columns.
    pub bias: Option<*const f32>,
}

/// Neighbours along the inner axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Where they begin in `a`.
    pub start: isize,
    pub terms: usize,
}

/// A micro-kernel for a number of rows and of vectors.
///
/// # Safety
/// The CPU has the kernel's instructions; the tile's elements of `a` and `b` can be read, those of `c`
/// read and written, while nothing else touches them.
pub(super) type Kernel = unsafe fn(&Tile<'_>);

/// The tile of `M` rows and `V` vectors of columns. Each element is one chain of sums along `k`, so that
/// it is the same whatever tile it falls into.
///
/// # Safety
/// As for [`Kernel`]; the caller enables the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const M: usize, const V: usize>(t: &Tile<'_>) {
    // SAFETY: the caller's promise holds for every element that the loops reach: rows below `M`, `k`
    // products, and `V` vectors of `b`, which is padded; `finish` keeps to `t.columns` in `c`.
    unsafe {
        for i in 0..M {
            for v in 0..V {
                S::prefetch(t.c.wrapping_add(i * t.c_row + v * S::WIDTH));
            }
        }
        let mut sums = [[S::splat(0.0); V]; M];
        match (t.a_row, t.a_column) {
            (row, 1) => sum::<S, M, V>(&mut sums, t, |i| i as isize * row, 1),
            (1, column) => sum::<S, M, V>(&mut sums, t, |i| i as isize, column),
            (row, column) => sum::<S, M, V>(&mut sums, t, |i| i as isize * row, column),
        }
        finish::<S, M, V>(t, &sums);
    }
}

/// Sums along the inner axis, where row `i` of `a` stands at `row(i)`.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn sum<S: Simd, const M: usize, const V: usize>(
    sums: &mut [[S::Vector; V]; M],
    t: &Tile<'_>,
    row: impl Fn(usize) -> isize,
    column: isize,
) {
    let mut b = t.b;
    for run in t.runs {
        let mut a = t.a.wrapping_offset(run.start);
        // Not unrolled: the loads of several places at a time would drive sums out of their registers.
        for _ in 0..run.terms {
            // SAFETY: this place of the inner axis has `M` rows and `V` vectors, says the caller.
            unsafe {
                let vectors: [S::Vector; V] = std::array::from_fn(|v| S::load(b.add(v * S::WIDTH)));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let a = S::splat(*a.offset(row(i)));
                    for (sum, b) in sums.iter_mut().zip(vectors) {
                        *sum = S::multiply_add(a, b, *sum);
                    }
                }
            }
            a = a.wrapping_offset(column);
            b = b.wrapping_add(t.b_row);
        }
    }
}

/// Brings the sums into `c`.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn finish<S: Simd, const M: usize, const V: usize>(t: &Tile<'_>, sums: &[[S::Vector; V]; M]) {
    // SAFETY: rows below `M` and columns below `t.columns` of `c` belong to the tile.
    unsafe {
        let (alpha, beta) = (S::splat(t.alpha), S::splat(t.beta));
        let whole = t.columns == V * S::WIDTH;
        for (i, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let at = t.c.wrapping_add(i * t.c_row + v * S::WIDTH);
                let n = if whole { S::WIDTH } else { t.columns.saturating_sub(v * S::WIDTH).min(S::WIDTH) };
                let sum = S::multiply(alpha, *sum);
                let sum = match (t.beta == 0.0, whole) {
                    (true, _) => match t.bias {
                        None => sum,
                        Some(bias) => {
                            let bias = S::load_first(bias.wrapping_add(v * S::WIDTH), n);
                            S::multiply_add(S::splat(1.0), sum, bias)
                        }
                    },
                    (false, true) => S::multiply_add(beta, S::load(at), sum),
                    (false, false) => S::multiply_add(beta, S::load_first(at, n), sum),
                };
                if whole { S::store(at, sum) } else { S::store_first(at, n, sum) }
            }
        }
    }
}
