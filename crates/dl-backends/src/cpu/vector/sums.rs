//! Sums of many parts in which nothing gets lost: what rounding takes from a total is kept beside it.

use super::{Isa, Kernel, Real};

/// Adds to a total; what rounding takes is kept for the next time: Kahan's sum, by Knuth's sum of two, which
/// is exact for numbers of any sizes. What is lost of a total that is no number, or infinite, is not known.
#[inline(always)]
pub(in crate::cpu) fn keep<T: Real>(total: &mut T, lost: &mut T, x: T) {
    let x = x.plus(*lost);
    let sum = total.plus(x);
    let part = sum.minus(*total);
    let error = total.minus(sum.minus(part)).plus(x.minus(part));
    (*total, *lost) = (sum, if error.finite() { error } else { T::default() });
}

/// A total with what was lost on the way. A total that is no number, or infinite, stays: there, what was
/// lost is not known.
#[inline(always)]
pub(in crate::cpu) fn settled<T: Real>(total: T, lost: T) -> T {
    if total.finite() { total.plus(lost) } else { total }
}

impl Isa {
    /// `total ← total + x`, and `lost ← lost` + what rounding took.
    pub(in crate::cpu) fn add_keeping<T: Real>(self, total: &mut [T], lost: &mut [T], x: &[T]) {
        assert!(x.len() == total.len() && x.len() == lost.len(), "lengths of a kernel's operands");
        self.run(Keeping { total, lost, x });
    }

    /// `total ← total + lost`.
    pub(in crate::cpu) fn settle<T: Real>(self, total: &mut [T], lost: &[T]) {
        assert_eq!(total.len(), lost.len(), "lengths of a kernel's operands");
        self.run(Settling { total, lost });
    }
}

struct Keeping<'a, T> {
    total: &'a mut [T],
    lost: &'a mut [T],
    x: &'a [T],
}

impl<T: Real> Kernel for Keeping<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for ((total, lost), x) in self.total.iter_mut().zip(self.lost).zip(self.x) {
            keep(total, lost, *x);
        }
    }
}

struct Settling<'a, T> {
    total: &'a mut [T],
    lost: &'a [T],
}

impl<T: Real> Kernel for Settling<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.total.iter_mut().zip(self.lost).for_each(|(total, lost)| *total = settled(*total, *lost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        let (mut total, mut lost) = (1e8_f32, 0.0);
        keep(&mut total, &mut lost, 0.3);
        assert_eq!((total, lost), (1e8, 0.3));
        for isa in Isa::all() {
            let (mut total, mut lost) = ([0.0_f32, 0.0], [0.0; 2]);
            (0..1 << 20).for_each(|_| isa.add_keeping(&mut total, &mut lost, &[0.3, f32::INFINITY]));
            isa.settle(&mut total, &lost);
            assert_eq!(total, [0.3 * 1_048_576.0, f32::INFINITY]);
        }
    }
}
