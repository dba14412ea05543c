//! The logarithm of the gamma function and its derivative in `f32`, by way of `f64`. To the right of 0 without
//! branches; to the left, where poles and zeros alternate, as the tables define them, one at a time. The polynomials
//! are our own, by Chebyshev's nodes.

use dl_core::ops::Unary;

use super::loops::Each1;
use super::power::{fma, log, polynomial};

/// `log Γ(x)/((x - 1)(x - 2))` in `x - 2`, for `x` from 1 to 3; within `2^-42`.
#[rustfmt::skip]
const LGAMMA: [f64; 21] = [
    0.422_784_335_098_467_13, -0.100_317_301_673_592_78, 0.032_965_000_620_789_046,
    -0.012_384_192_249_011_258, 0.004_998_641_191_508_931, -0.002_108_129_641_246_667,
    0.000_915_376_347_524_567_3, -0.000_405_719_061_834_395_9, 0.000_182_558_259_531_262_32,
    -8.303_282_256_273_21e-5, 3.813_886_986_891_306_6e-5, -1.785_997_122_066_035_6e-5,
    8.317_725_430_088_186e-6, -3.456_944_835_806_197e-6, 1.620_044_733_006_518_5e-6,
    -1.327_574_512_815_519e-6, 6.323_209_435_773_388e-7, 1.470_313_195_192_125_7e-7,
    -7.187_147_655_697_66e-8, -1.644_032_352_585_006e-7, 7.898_340_999_827_553e-8,
];

/// `ψ(x)/(x - zero)` in `x - 3/2`, for `x` from 1 to 2; within `2^-38`.
#[rustfmt::skip]
const DIGAMMA: [f64; 15] = [
    0.951_055_876_031_832_8, -0.423_627_421_371_411_57, 0.240_542_484_300_751_26, -0.148_404_909_661_199_2,
    0.094_988_715_524_889_54, -0.061_922_707_612_220_53, 0.040_761_216_812_455_69,
    -0.026_964_998_894_209_35, 0.017_900_050_177_476_704, -0.012_011_492_252_509_106,
    0.007_995_866_300_075_899, -0.004_759_988_007_507_497, 0.003_171_492_289_738_212_3,
    -0.003_622_727_502_659_080_2, 0.002_414_810_084_858_684_6,
];

/// The zero of `ψ`, and what a `f64` cannot hold of it.
const ZERO: f64 = 1.461_632_144_968_362_2;
const BEHIND: f64 = 9.549_995_429_965_697e-17;

/// Stirling's series of `log Γ`, and that of its derivative, in `1/x²`.
const STIRLING: [f64; 5] = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
const SLOPE: [f64; 5] = [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0];

#[inline(always)]
pub(super) fn lgamma<const FMA: bool>(each: impl Each1<Element = f32>) {
    let left = Unary::Lgamma.row().value;
    sides(each, log_gamma::<FMA>, |x| left(f64::from(x)) as f32);
}

#[inline(always)]
pub(super) fn digamma<const FMA: bool>(each: impl Each1<Element = f32>) {
    let left = Unary::Digamma.row().value;
    sides(each, psi::<FMA>, |x| left(f64::from(x)) as f32);
}

/// `right` of what is above 0, the same whatever stands beside it.
#[inline(always)]
fn sides(each: impl Each1<Element = f32>, right: impl Fn(f32) -> f32, left: impl Fn(f32) -> f32) {
    if each.all(|x| x > 0.0) {
        each.each(right);
    } else {
        each.each(|x| if x > 0.0 { right(x) } else { left(x) });
    }
}

/// `log Γ(x)` for `x > 0`: from 3 on Stirling's, six further on up to 9; below, the polynomial, one further on up to 1.
#[inline(always)]
fn log_gamma<const FMA: bool>(x: f32) -> f32 {
    let x = f64::from(x);
    let (tiny, small, near) = (x < 1.0, x < 3.0, x < 9.0);
    let base = if tiny { x + 1.0 } else { x };
    let series = polynomial::<FMA, 21>(if small { base - 2.0 } else { 0.0 }, &LGAMMA);
    let below = (base - 1.0) * (base - 2.0) * series;
    let product = x * (x + 1.0) * ((x + 2.0) * (x + 3.0)) * ((x + 4.0) * (x + 5.0));
    let at = if near { x + 6.0 } else { x };
    let inverse = 1.0 / at;
    let tail = inverse * polynomial::<FMA, 5>(inverse * inverse, &STIRLING);
    // Half the logarithm of a turn.
    let above = fma::<FMA>(at - 0.5, log::<FMA>(at), -at) + (0.918_938_533_204_672_8 + tail);
    let moved = if near { product } else { 1.0 };
    let moved = if small { 1.0 } else { moved };
    let y = if small { below } else { above } - log::<FMA>(if tiny { x } else { moved });
    (if x < f64::INFINITY { y } else { x }) as f32
}

/// `ψ(x)` for `x > 0`, along the same lines; the polynomial reaches to 2.
#[inline(always)]
fn psi<const FMA: bool>(x: f32) -> f32 {
    let x = f64::from(x);
    let (tiny, small, near) = (x < 1.0, x < 3.0, x < 9.0);
    let back = if x < 2.0 { x } else { x - 1.0 };
    let base = if tiny { x + 1.0 } else { back };
    let series = polynomial::<FMA, 15>(if small { base - 1.5 } else { 0.0 }, &DIGAMMA);
    let step = if x < 2.0 { 0.0 } else { 1.0 / back };
    let below = fma::<FMA>((base - ZERO) - BEHIND, series, if tiny { -1.0 / x } else { step });
    // The sum of the reciprocals is the derivative of the product over the product.
    let (mut product, mut slope) = (x, 1.0);
    for k in [1.0, 2.0, 3.0, 4.0, 5.0] {
        slope = fma::<FMA>(slope, x + k, product);
        product *= x + k;
    }
    let at = if near { x + 6.0 } else { x };
    let inverse = 1.0 / at;
    let square = inverse * inverse;
    let tail = fma::<FMA>(square, polynomial::<FMA, 5>(square, &SLOPE), 0.5 * inverse);
    let above = log::<FMA>(at) - tail - if near { slope / product } else { 0.0 };
    (if small { below } else { above }) as f32
}
