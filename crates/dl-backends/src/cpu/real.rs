//! Arithmetic on the element types: the definitions of `dl-core`'s tables in each precision.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::array::Item;
use super::vector;

/// Types with sums, products and an order.
pub(super) trait Arithmetic: Item {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The maximum of nothing.
    const LOWEST: Self;
    /// The minimum of nothing.
    const HIGHEST: Self;
    /// The sum; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// The product; integers wrap.
    fn times(self, other: Self) -> Self;
    /// The larger one; NaN if either is.
    fn maximum(self, other: Self) -> Self;
    /// The smaller one; NaN if either is.
    fn minimum(self, other: Self) -> Self;
    /// True for what is not a number.
    fn is_nan(self) -> bool;
    /// Adds to a total; what rounding takes is added to `lost`. Integers lose nothing.
    fn keep(total: &mut Self, lost: &mut Self, x: Self);
    /// A total with what was lost.
    fn settled(self, lost: Self) -> Self;
    /// A size as an element.
    fn size(n: usize) -> Self;
}

/// Floats: what kernels compute with.
pub(super) trait Real:
    Arithmetic
    + vector::Real
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// A uniform number, which every float type holds exactly.
    fn uniform(x: f32) -> Self;
}

macro_rules! reals {
    ($($t:ident)*) => {$(
        impl Arithmetic for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = $t::NEG_INFINITY;
            const HIGHEST: Self = $t::INFINITY;
            #[inline(always)]
            fn plus(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn times(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self { if self.is_nan() || self > other { self } else { other } }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self { if self.is_nan() || self < other { self } else { other } }
            #[inline(always)]
            fn is_nan(self) -> bool { $t::is_nan(self) }
            #[inline(always)]
            fn keep(total: &mut Self, lost: &mut Self, x: Self) {
                vector::keep(total, lost, x);
            }
            fn settled(self, lost: Self) -> Self { vector::settled(self, lost) }
            fn size(n: usize) -> Self { n as $t }
        }

        impl Real for $t {
            #[inline(always)]
            fn uniform(x: f32) -> Self { $t::from(x) }
        }
    )*};
}
reals! { f32 f64 }

impl Arithmetic for i64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
    const LOWEST: Self = i64::MIN;
    const HIGHEST: Self = i64::MAX;
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
    fn maximum(self, other: Self) -> Self {
        self.max(other)
    }
    fn minimum(self, other: Self) -> Self {
        self.min(other)
    }
    fn is_nan(self) -> bool {
        false
    }
    fn keep(total: &mut Self, _: &mut Self, x: Self) {
        *total = total.plus(x);
    }
    fn settled(self, _: Self) -> Self {
        self
    }
    fn size(n: usize) -> Self {
        n as i64
    }
}
