//! Inverse trigonometric functions, hyperbolic ones and remainders in `f32`, by way of `f64`: a step without branches
//! each, whose digits are more than `f32` has. The polynomials are our own, by Chebyshev's nodes.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use dl_core::ops::Binary;

use super::power::{exp, fma, polynomial};

/// `(asin(s)/s - 1)/z` with `z = s²`, for `z ≤ 1/4`; relative to the sine's arc within `2^-46`.
#[rustfmt::skip]
const ASIN: [f64; 10] = [
    0.166_666_666_666_621_8, 0.075_000_000_035_845_59, 0.044_642_852_437_938_72, 0.030_382_182_776_212_484,
    0.022_366_065_938_885_01, 0.017_441_495_685_492_855, 0.013_187_916_136_753_73,
    0.015_675_662_527_070_935, -0.002_939_792_906_724_196_3, 0.027_907_031_432_666_1,
];

/// `(atan(u)/u - 1)/z` with `z = u²`, for `|u| ≤ tan(π/8)`; relative to the arc within `2^-47`.
#[rustfmt::skip]
const ATAN: [f64; 9] = [
    -0.333_333_333_333_309_06, 0.199_999_999_977_080_6, -0.142_857_139_281_064_03, 0.111_110_895_333_524_4,
    -0.090_902_530_729_264_06, 0.076_810_065_760_487_57, -0.065_506_218_312_635_81,
    0.051_677_414_433_154_024, -0.027_215_937_829_399_475,
];

/// `asin a` for `0 ≤ a ≤ 1/2`; above, what the half of the complement is the arc of. NaN beyond 1.
#[inline(always)]
fn arc<const FMA: bool>(a: f64) -> (bool, f64) {
    let steep = a > 0.5;
    let z = if steep { (1.0 - a) * 0.5 } else { a * a };
    let s = if steep { z.sqrt() } else { a };
    (steep, fma::<FMA>(s * z, polynomial::<FMA, 10>(z, &ASIN), s))
}

#[inline(always)]
pub(super) fn asin<const FMA: bool>(x: f32) -> f32 {
    let (steep, p) = arc::<FMA>(f64::from(x.abs()));
    let y = if steep { FRAC_PI_2 - 2.0 * p } else { p };
    (y as f32).copysign(x)
}

#[inline(always)]
pub(super) fn acos<const FMA: bool>(x: f32) -> f32 {
    let (steep, p) = arc::<FMA>(f64::from(x.abs()));
    let side = if x < 0.0 { PI - 2.0 * p } else { 2.0 * p };
    let middle = FRAC_PI_2 - p.copysign(f64::from(x));
    (if steep { side } else { middle }) as f32
}

/// `atan t` for `t ≥ 0`.
#[inline(always)]
fn arctan<const FMA: bool>(t: f64) -> f64 {
    const LOW: f64 = 0.414_213_562_373_095_03;
    const HIGH: f64 = 2.414_213_562_373_095;
    let (far, beside) = (t > HIGH, t > LOW);
    let above = if beside { t - 1.0 } else { t };
    let below = if beside { t + 1.0 } else { 1.0 };
    let start = if beside { FRAC_PI_4 } else { 0.0 };
    let u = if far { -1.0 } else { above } / if far { t } else { below };
    let z = u * u;
    let rest = fma::<FMA>(u * z, polynomial::<FMA, 9>(z, &ATAN), u);
    rest + if far { FRAC_PI_2 } else { start }
}

#[inline(always)]
pub(super) fn atan<const FMA: bool>(x: f32) -> f32 {
    (arctan::<FMA>(f64::from(x.abs())) as f32).copysign(x)
}

#[inline(always)]
pub(super) fn atan2<const FMA: bool>(y: f32, x: f32) -> f32 {
    let (a, b) = (f64::from(y.abs()), f64::from(x.abs()));
    let (low, high) = if a > b { (b, a) } else { (a, b) };
    let ratio = if high == 0.0 { 0.0 } else { low / high };
    let ratio = if low == f64::INFINITY { 1.0 } else { ratio };
    let angle = arctan::<FMA>(ratio);
    let angle = if a > b { FRAC_PI_2 - angle } else { angle };
    let angle = if x.is_sign_negative() { PI - angle } else { angle };
    let angle = (angle as f32).copysign(y);
    if x.is_nan() | y.is_nan() { f32::NAN } else { angle }
}

/// By the exponential, or by the series near 0.
#[inline(always)]
pub(super) fn sinh<const FMA: bool>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let z = a * a;
    let mut series = 1.0;
    for k in [156.0, 110.0, 72.0, 42.0, 20.0, 6.0] {
        series = fma::<FMA>(series, z * (1.0 / k), 1.0);
    }
    // Beyond 100 it is infinite in `f32`.
    let e = exp::<FMA>(if a > 100.0 { 100.0 } else { a });
    let y = if a < 1.0 { a * series } else { 0.5 * (e - 1.0 / e) };
    (y as f32).copysign(x)
}

#[inline(always)]
pub(super) fn cosh<const FMA: bool>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let e = exp::<FMA>(if a > 100.0 { 100.0 } else { a });
    (0.5 * (e + 1.0 / e)) as f32
}

/// Up to here quotients of two `f32`, rounded to `f64`, are on the right side of every whole number, and their whole
/// parts times the divisor are exact.
const EXACT: f64 = (1_u64 << 28) as f64;

#[inline(always)]
pub(super) fn floor_divide(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    let quotient = x / y;
    if (quotient.abs() < EXACT) & (y.abs() < f64::INFINITY) {
        return quotient.floor() as f32;
    }
    (Binary::FloorDivide.row().value)(x, y) as f32
}

#[inline(always)]
pub(super) fn remainder(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    let quotient = x / y;
    if (quotient.abs() < EXACT) & (y.abs() < f64::INFINITY) {
        let rest = x - quotient.floor() * y;
        return (if rest == 0.0 { 0.0_f64.copysign(y) } else { rest }) as f32;
    }
    (Binary::Remainder.row().value)(x, y) as f32
}
