//! A matrix times one column: no vector of columns to fill, so vectors go along the matrix's own rows or
//! columns, whichever are contiguous.

use super::CHAIN;
use super::simd::Simd;
use crate::cpu::vector::settled;

/// `c ← beta·c + alpha·a·b` for `m` rows of `a`, `k` long, and one contiguous column `b`.
pub(super) struct Column {
    pub m: usize,
    pub k: usize,
    pub a: *const f32,
    pub a_row: isize,
    pub a_column: isize,
    pub b: *const f32,
    pub c: *mut f32,
    pub c_row: usize,
    pub alpha: f32,
    /// With zero, `c` is not read.
    pub beta: f32,
}

/// Computes the column.
///
/// # Safety
/// The CPU has the unit's instructions; the elements of `a` and `b` can be read, those of `c` read and
/// written, while nothing else touches them.
pub(super) type ColumnKernel = unsafe fn(&Column);

/// Rows, or vectors of rows, side by side: their sums do not wait for each other.
const SIDE: usize = 8;

/// Vectors' sums, of any length: chains of [`CHAIN`] terms, and what rounding took from their total.
struct Sums<S: Simd, const R: usize> {
    total: [S::Vector; R],
    lost: [S::Vector; R],
    begun: bool,
}

impl<S: Simd, const R: usize> Sums<S, R> {
    /// Of nothing.
    ///
    /// # Safety
    /// As for [`column`].
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the caller's.
        let zero = unsafe { S::splat(0.0) };
        Sums { total: [zero; R], lost: [zero; R], begun: false }
    }

    /// Adds what a chain came to.
    ///
    /// # Safety
    /// As for [`column`].
    #[inline(always)]
    unsafe fn add(&mut self, chain: [S::Vector; R]) {
        if !std::mem::replace(&mut self.begun, true) {
            self.total = chain;
            return;
        }
        // SAFETY: the caller's.
        unsafe {
            let (one, minus) = (S::splat(1.0), S::splat(-1.0));
            let plus = |x, y| S::multiply_add(x, one, y);
            let less = |x, y| S::multiply_add(y, minus, x);
            for ((total, lost), x) in self.total.iter_mut().zip(&mut self.lost).zip(chain) {
                // Knuth's sum of two, and its error.
                let sum = plus(*total, x);
                let part = less(sum, *total);
                *lost = plus(*lost, plus(less(*total, less(sum, part)), less(x, part)));
                *total = sum;
            }
        }
    }
}

/// Each element is summed in an order that depends on `k` and on which stride is 1.
///
/// # Safety
/// As for [`ColumnKernel`]; the caller enables the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn column<S: Simd>(t: &Column) {
    let mut i = 0;
    // SAFETY: rows from `i` stay below `m`.
    unsafe {
        match (t.a_column, t.a_row) {
            (1, _) => {
                while i + SIDE <= t.m {
                    along_rows::<S, SIDE>(t, i);
                    i += SIDE;
                }
                (i..t.m).for_each(|i| along_rows::<S, 1>(t, i));
            }
            (_, 1) => {
                while i + SIDE * S::WIDTH <= t.m {
                    along_columns::<S, SIDE>(t, i, S::WIDTH);
                    i += SIDE * S::WIDTH;
                }
                while i < t.m {
                    along_columns::<S, 1>(t, i, S::WIDTH.min(t.m - i));
                    i += S::WIDTH;
                }
            }
            _ => {
                for i in 0..t.m {
                    let a = |l: usize| *t.a.offset(i as isize * t.a_row + l as isize * t.a_column);
                    // In double precision, which holds each product and keeps what a long sum would lose.
                    let term = |l: usize| f64::from(a(l)) * f64::from(*t.b.add(l));
                    finish(t, i, (0..t.k).map(term).sum::<f64>() as f32);
                }
            }
        }
    }
}

/// Rows `from..from + R`, which are contiguous.
///
/// # Safety
/// As for [`column`]; these rows exist.
#[inline(always)]
unsafe fn along_rows<S: Simd, const R: usize>(t: &Column, from: usize) {
    // SAFETY: all places are below `k`.
    unsafe {
        let rows: [*const f32; R] =
            std::array::from_fn(|i| t.a.wrapping_offset((from + i) as isize * t.a_row));
        let mut sums = Sums::<S, R>::new();
        let mut l = 0;
        while l < t.k {
            let end = (l + CHAIN * S::WIDTH).min(t.k);
            let mut chain = [S::splat(0.0); R];
            while l + S::WIDTH <= end {
                let b = S::load(t.b.add(l));
                for (sum, row) in chain.iter_mut().zip(rows) {
                    *sum = S::multiply_add(S::load(row.add(l)), b, *sum);
                }
                l += S::WIDTH;
            }
            if l < end {
                let b = S::load_first(t.b.add(l), end - l);
                for (sum, row) in chain.iter_mut().zip(rows) {
                    *sum = S::multiply_add(S::load_first(row.add(l), end - l), b, *sum);
                }
                l = end;
            }
            sums.add(chain);
        }
        for (i, (total, lost)) in sums.total.into_iter().zip(sums.lost).enumerate() {
            finish(t, from + i, settled(folded(lanes::<S>(total)), folded(lanes::<S>(lost))));
        }
    }
}

/// Rows from `from` in `R` vectors, of which the last has `n` that are there; columns are contiguous.
///
/// # Safety
/// As for [`column`]; these rows exist, and `n` is the width where `R` is not 1.
#[inline(always)]
unsafe fn along_columns<S: Simd, const R: usize>(t: &Column, from: usize, n: usize) {
    // SAFETY: all rows exist, all places are below `k`.
    unsafe {
        let mut a = t.a.wrapping_add(from);
        let mut sums = Sums::<S, R>::new();
        for first in (0..t.k).step_by(CHAIN) {
            let mut chain = [S::splat(0.0); R];
            for l in first..(first + CHAIN).min(t.k) {
                let b = S::splat(*t.b.add(l));
                for (v, sum) in chain.iter_mut().enumerate() {
                    let at = a.wrapping_add(v * S::WIDTH);
                    let a = if R == 1 { S::load_first(at, n) } else { S::load(at) };
                    *sum = S::multiply_add(a, b, *sum);
                }
                a = a.wrapping_offset(t.a_column);
            }
            sums.add(chain);
        }
        for (v, (total, lost)) in sums.total.into_iter().zip(sums.lost).enumerate() {
            for (i, (total, lost)) in lanes::<S>(total).into_iter().zip(lanes::<S>(lost)).take(n).enumerate()
            {
                finish(t, from + v * S::WIDTH + i, settled(total, lost));
            }
        }
    }
}

/// The widest vector's elements.
const WIDEST: usize = 16;

/// A vector's elements, and zeros.
///
/// # Safety
/// As for [`column`].
#[inline(always)]
unsafe fn lanes<S: Simd>(x: S::Vector) -> [f32; WIDEST] {
    const { assert!(S::WIDTH <= WIDEST) };
    let mut lanes = [0.0; WIDEST];
    // SAFETY: a vector fits.
    unsafe { S::store(lanes.as_mut_ptr(), x) };
    lanes
}

/// The sum, by halves.
#[inline(always)]
fn folded(mut x: [f32; WIDEST]) -> f32 {
    for half in [8, 4, 2, 1] {
        let (low, high) = x.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
    }
    x[0]
}

/// Brings a sum into `c`.
///
/// # Safety
/// As for [`column`]; row `i` exists.
#[inline(always)]
unsafe fn finish(t: &Column, i: usize, sum: f32) {
    // SAFETY: the row exists.
    unsafe {
        let c = t.c.wrapping_add(i * t.c_row);
        *c = if t.beta == 0.0 { t.alpha * sum } else { t.alpha * sum + t.beta * *c };
    }
}
