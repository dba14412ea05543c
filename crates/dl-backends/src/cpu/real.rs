//! Arithmetic on the element types: the definitions of `dl-core`'s tables in each precision.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::array::Item;

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
    /// A size as an element.
    fn size(n: usize) -> Self;
}

/// Floats: the functions of one argument, and `pow`.
pub(super) trait Real:
    Arithmetic
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    fn abs(self) -> Self;
    fn sign(self) -> Self;
    fn exp(self) -> Self;
    fn expm1(self) -> Self;
    fn log(self) -> Self;
    fn log1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tanh(self) -> Self;
    fn sigmoid(self) -> Self;
    fn softplus(self) -> Self;
    fn relu(self) -> Self;
    fn erf(self) -> Self;
    fn floor(self) -> Self;
    fn pow(self, exponent: Self) -> Self;
    fn is_finite(self) -> bool;
    /// A uniform number, which every float type holds exactly.
    fn uniform(x: f32) -> Self;
}

macro_rules! reals {
    ($($t:ident $erf:path;)*) => {$(
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
            fn size(n: usize) -> Self { n as $t }
        }

        impl Real for $t {
            #[inline(always)]
            fn abs(self) -> Self { $t::abs(self) }
            #[inline(always)]
            fn sign(self) -> Self { if self == 0.0 { 0.0 } else if self.is_nan() { self } else { self.signum() } }
            #[inline(always)]
            fn exp(self) -> Self { $t::exp(self) }
            #[inline(always)]
            fn expm1(self) -> Self { $t::exp_m1(self) }
            #[inline(always)]
            fn log(self) -> Self { $t::ln(self) }
            #[inline(always)]
            fn log1p(self) -> Self { $t::ln_1p(self) }
            #[inline(always)]
            fn sqrt(self) -> Self { $t::sqrt(self) }
            #[inline(always)]
            fn sin(self) -> Self { $t::sin(self) }
            #[inline(always)]
            fn cos(self) -> Self { $t::cos(self) }
            #[inline(always)]
            fn tanh(self) -> Self { $t::tanh(self) }
            /// Never overflows: the exponential is of a number that is not positive.
            #[inline(always)]
            fn sigmoid(self) -> Self {
                let e = (-$t::abs(self)).exp();
                if self >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
            }
            /// `max(x, 0) + log(1 + e^-|x|)`.
            #[inline(always)]
            fn softplus(self) -> Self { Real::relu(self) + (-$t::abs(self)).exp().ln_1p() }
            #[inline(always)]
            fn relu(self) -> Self { if self > 0.0 || self.is_nan() { self } else { 0.0 } }
            #[inline(always)]
            fn erf(self) -> Self { $erf(self) }
            #[inline(always)]
            fn floor(self) -> Self { $t::floor(self) }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self { $t::powf(self, exponent) }
            #[inline(always)]
            fn is_finite(self) -> bool { $t::is_finite(self) }
            #[inline(always)]
            fn uniform(x: f32) -> Self { $t::from(x) }
        }
    )*};
}
reals! {
    f32 libm::erff;
    f64 libm::erf;
}

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
    fn size(n: usize) -> Self {
        n as i64
    }
}
