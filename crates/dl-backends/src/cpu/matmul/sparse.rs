//! A single row times a matrix: where an element of the row is zero, the matrix's row is not read. The black pixels
//! of an image are four of five.

use std::mem::MaybeUninit;

use super::simd::Simd;
use super::{CHAIN, Kernels, LONG, panel_width, part};

/// `c ← a·b`, or `c ← c + a·b`, for the elements of a row that are not zero.
pub(super) struct Row<'a> {
    /// At most [`CHAIN`] elements.
    pub a: &'a [f32],
    /// A row for each of them.
    pub b: *const f32,
    pub b_row: usize,
    pub c: *mut f32,
    /// Of columns.
    pub vectors: usize,
    pub adds: bool,
}

/// Computes the row.
///
/// # Safety
/// The CPU has the unit's instructions; as many vectors can be read from each row of `b`, and read and written in
/// `c`, while nothing else touches them.
pub(super) type RowKernel = unsafe fn(&Row<'_>);

/// # Safety
/// As for [`RowKernel`]; the caller enables the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn row<S: Simd>(job: &Row<'_>) {
    assert!(job.a.len() <= CHAIN, "at most {CHAIN} elements");
    let (mut places, mut factors) =
        ([MaybeUninit::uninit(); CHAIN + 16], [MaybeUninit::uninit(); CHAIN + 16]);
    let (mut count, mut first) = (0, 0);
    // SAFETY: the caller's promise, for vectors below `job.vectors`; of the row, the elements that are there are read,
    // and where some are kept there is room for another vector, of at most 16 elements.
    let kept = unsafe {
        for (some, first) in job.a.chunks(S::WIDTH).zip((0..).step_by(S::WIDTH)) {
            let x = if some.len() == S::WIDTH {
                S::load(some.as_ptr())
            } else {
                S::load_first(some.as_ptr(), some.len())
            };
            let (places, factors) = (places.as_mut_ptr().add(count), factors.as_mut_ptr().add(count));
            count += S::keep(x, first, places.cast(), factors.cast());
        }
        // So many were written.
        Kept { places: places[..count].assume_init_ref(), factors: factors[..count].assume_init_ref() }
    };
    // SAFETY: the caller's promise, for vectors below `job.vectors`.
    unsafe {
        while first + 8 <= job.vectors {
            some::<S, 8>(job, &kept, first);
            first += 8;
        }
        while first < job.vectors {
            some::<S, 1>(job, &kept, first);
            first += 1;
        }
    }
}

/// Rows of `b`, and what each is multiplied by.
struct Kept<'a> {
    places: &'a [u32],
    factors: &'a [f32],
}

/// Some vectors of columns; each element is one chain of sums, as in a tile.
///
/// # Safety
/// As for [`row`].
#[inline(always)]
unsafe fn some<S: Simd, const V: usize>(job: &Row<'_>, kept: &Kept<'_>, first: usize) {
    // SAFETY: the caller's promise, for `V` vectors from `first` on.
    unsafe {
        let mut sums = [S::splat(0.0); V];
        for (place, factor) in kept.places.iter().zip(kept.factors) {
            let b = job.b.add(*place as usize * job.b_row + first * S::WIDTH);
            let a = S::splat(*factor);
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = S::multiply_add(a, S::load(b.add(v * S::WIDTH)), *sum);
            }
        }
        for (v, sum) in sums.into_iter().enumerate() {
            let at = job.c.add((first + v) * S::WIDTH);
            let sum = if job.adds { S::multiply_add(S::splat(1.0), S::load(at), sum) } else { sum };
            S::store(at, sum);
        }
    }
}

impl Kernels {
    /// Whether [`multiply_row`](Kernels::multiply_row) takes a matrix of so many rows and columns: of whole
    /// vectors, and not worth a second thread.
    pub(in crate::cpu) fn takes_row(&self, (k, n): (usize, usize)) -> bool {
        n.is_multiple_of(self.unit.width) && k <= LONG && k.saturating_mul(n) < MOST
    }

    /// `c ← a·b` for one row `a` of `k` elements and rows of `b` at a stride, whose elements are all finite: then a
    /// zero of `a` adds nothing. Sums are those of [`multiply`](Kernels::multiply), but for the sign of zero. Rows of
    /// `b` that begin at lines of the cache take two thirds of the time.
    ///
    /// # Panics
    /// Where an operand or the result does not lie inside its slice, or the sizes are none that are taken.
    pub(in crate::cpu) fn multiply_row(
        &self,
        a: &[f32],
        (b, stride): (&[f32], usize),
        (k, n): (usize, usize),
        c: &mut [f32],
    ) {
        assert!(self.takes_row((k, n)) && a.len() == k && c.len() >= n, "operands and result of the sizes");
        assert!(self.reads_rows(b.len(), stride, k, n), "the right operand has all its rows and columns");
        if n == 0 {
            return;
        }
        // As in `multiply_part`: the order of sums is that of a product with more rows.
        let depth = (self.near / panel_width(n, 0, self.panel(), self.unit.width)).min(CHAIN);
        let depths = k.div_ceil(depth).max(1);
        for index in 0..depths {
            let range = part(0..k, index, depths);
            let b = b[range.start * stride..].as_ptr();
            let (c, vectors) = (c.as_mut_ptr(), n / self.unit.width);
            let row = Row { a: &a[range], b, b_row: stride, c, vectors, adds: index > 0 };
            // SAFETY: the CPU has the unit's instructions (`available`); `b` has all rows and their vectors,
            // says the assertion, and `c` has room for as many columns.
            unsafe { (self.unit.row)(&row) }
        }
    }
}

/// Elements of a matrix that a team may share.
const MOST: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::super::{Out, Product, Right, Sizes, Strided};
    use super::*;

    #[test]
    fn sums_are_those_of_the_whole_product() {
        let number = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 512.0 - 1.0;
        for kernels in Kernels::available() {
            for (k, vectors) in [(0, 1), (1, 1), (5, 3), (300, 8), (784, 8), (700, 13), (64, 4)] {
                let n = vectors * kernels.vector();
                let stride = n + 16;
                let b: Vec<f32> = (0..k * stride + n).map(number).collect();
                for zeros in [0, 1, 2, 5, 1000] {
                    let a: Vec<f32> = (0..k)
                        .map(|i| if zeros > 0 && i % zeros != 1 { 0.0 } else { number(i + 77) })
                        .collect();
                    let (mut got, mut want) = (vec![f32::NAN; n], vec![f32::NAN; n]);
                    kernels.multiply_row(&a, (&b, stride), (k, n), &mut got);
                    let (sizes, b) = (Sizes { m: 1, n, k }, Right::Rows(&b, stride));
                    let product = Product { sizes, a: Strided::rows(&a, k), b, alpha: 1.0, beta: 0.0 };
                    kernels.multiply(&product, 0..1, &mut Out::rows(&mut want, n));
                    assert_eq!(got, want, "{k} by {n}, {zeros}, {}", kernels.name());
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_in_the_row_stays() {
        let kernels = Kernels::best();
        let n = kernels.vector();
        let mut c = vec![0.0; n];
        kernels.multiply_row(&[0.0, f32::NAN], (&vec![1.0; 2 * n], n), (2, n), &mut c);
        assert!(c.iter().all(|x| x.is_nan()));
    }
}
