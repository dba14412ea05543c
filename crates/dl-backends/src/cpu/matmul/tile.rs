//! The micro-kernel: one tile of the product, held in registers while the inner axis passes.

use super::simd::Simd;

/// One tile: `c ← beta·c + alpha·a·b` for as many rows and vectors of columns as the kernel has.
pub(super) struct Tile {
    /// How many products each element sums.
    pub k: usize,
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
}

/// A micro-kernel for a number of rows and of vectors.
///
/// # Safety
/// The CPU has the kernel's instructions; the tile's elements of `a` and `b` can be read, those of `c`
/// read and written, while nothing else touches them.
pub(super) type Kernel = unsafe fn(&Tile);

/// The tile of `M` rows and `V` vectors of columns. Each element is one chain of sums along `k`, so that
/// it is the same whatever tile it falls into.
///
/// # Safety
/// As for [`Kernel`]; the caller enables the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const M: usize, const V: usize>(t: &Tile) {
    // SAFETY: the caller's promise holds for every element that the loops reach: rows below `M`, `k`
    // products, and `V` vectors of `b`, which is padded; `finish` keeps to `t.columns` in `c`.
    unsafe {
        for i in 0..M {
            for v in 0..V {
                S::prefetch(t.c.wrapping_add(i * t.c_row + v * S::WIDTH));
            }
        }
        let mut sums = [[S::splat(0.0); V]; M];
        let mut b = t.b;
        if t.a_column == 1 {
            let mut rows: [*const f32; M] =
                std::array::from_fn(|i| t.a.wrapping_offset(i as isize * t.a_row));
            for _ in 0..t.k / UNROLL {
                for l in 0..UNROLL {
                    step::<S, M, V>(&mut sums, b, |i| *rows[i].add(l));
                    b = b.wrapping_add(t.b_row);
                }
                rows.iter_mut().for_each(|row| *row = row.wrapping_add(UNROLL));
            }
            for l in 0..t.k % UNROLL {
                step::<S, M, V>(&mut sums, b, |i| *rows[i].add(l));
                b = b.wrapping_add(t.b_row);
            }
        } else {
            let mut a = t.a;
            if t.a_row == 1 {
                for _ in 0..t.k {
                    step::<S, M, V>(&mut sums, b, |i| *a.add(i));
                    a = a.wrapping_offset(t.a_column);
                    b = b.wrapping_add(t.b_row);
                }
            } else {
                for _ in 0..t.k {
                    step::<S, M, V>(&mut sums, b, |i| *a.offset(i as isize * t.a_row));
                    a = a.wrapping_offset(t.a_column);
                    b = b.wrapping_add(t.b_row);
                }
            }
        }
        finish::<S, M, V>(t, &sums);
    }
}

/// Places of the inner axis between two tests whether it ends.
const UNROLL: usize = 1;

/// Adds one place of the inner axis.
///
/// # Safety
/// As for [`tile`]; `b` has `V` vectors, and `a` may be called with every row.
#[inline(always)]
unsafe fn step<S: Simd, const M: usize, const V: usize>(
    sums: &mut [[S::Vector; V]; M],
    b: *const f32,
    a: impl Fn(usize) -> f32,
) {
    // SAFETY: `b` has `V` vectors, says the caller.
    unsafe {
        let b: [S::Vector; V] = std::array::from_fn(|v| S::load(b.add(v * S::WIDTH)));
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = S::splat(a(i));
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = S::multiply_add(a, b, *sum);
            }
        }
    }
}

/// Brings the sums into `c`.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn finish<S: Simd, const M: usize, const V: usize>(t: &Tile, sums: &[[S::Vector; V]; M]) {
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
                    (true, _) => sum,
                    (false, true) => S::multiply_add(beta, S::load(at), sum),
                    (false, false) => S::multiply_add(beta, S::load_first(at, n), sum),
                };
                if whole { S::store(at, sum) } else { S::store_first(at, n, sum) }
            }
        }
    }
}
