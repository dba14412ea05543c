//! Functions of the normal distribution in `f32`, by way of `f64`, without branches. The polynomials are our own, by
//! Chebyshev's nodes.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::power::{exp, fma, log, polynomial};

/// `(1 + 2t)·e^(t²)·erfc(t)` in `(t - 4)/(t + 4)`, for all `t ≥ 0`: the form of Shepherd and Laframboise, "Chebyshev
/// approximation of (1+2x)exp(x²)erfc x in 0 ≤ x < ∞", 1981; within `2^-41`.
#[rustfmt::skip]
const SCALED: [f64; 18] = [
    1.232_995_118_625_675_1, -0.139_621_116_840_091_07, 0.015_379_652_082_673_84, 0.068_097_054_178_254_48,
    -0.101_039_065_494_653_65, 0.093_732_837_045_284_87, -0.066_330_371_566_706_74,
    0.037_167_494_352_508_35, -0.016_197_702_818_290_312, 0.005_032_080_365_073_283,
    -0.000_757_871_201_338_639, -0.000_199_582_231_062_505_16, 0.000_150_809_645_435_013_72,
    -2.382_808_364_803_584_8e-5, -1.144_786_643_453_697_2e-5, 5.111_092_482_155_705e-6,
    4.621_413_324_264_289_4e-7, -4.663_314_614_417_070_6e-7,
];

/// `erfinv(x)/x` in `x²`, for `|x| ≤ 3/4`; within `2^-41`.
#[rustfmt::skip]
const INVERSE: [f64; 16] = [
    0.886_226_925_452_581_4, 0.232_013_666_695_234, 0.127_556_151_168_152_05, 0.086_553_557_157_488_37,
    0.064_915_471_830_422_89, 0.052_552_116_619_730_43, 0.032_881_156_990_046_005,
    0.119_273_184_061_735_68, -0.455_430_313_130_058_2, 2.089_126_416_599_478, -6.280_194_696_654_442,
    13.868_221_177_779_649, -21.310_935_136_003_046, 21.991_914_384_038_694, -13.658_504_597_879_848,
    3.960_749_432_315_955_8,
];

/// `erfinv(x)/s` in `s = √(-log(1 - x²))`, for the rest of the numbers of `f32`; within `2^-23`.
#[rustfmt::skip]
const INVERSE_TAIL: [f64; 12] = [
    0.885_772_276_752_673_3, 0.003_965_799_758_773_480_6, -0.003_866_882_575_288_142_5,
    0.028_872_757_411_070_996, -0.036_711_460_302_684_65, 0.030_249_264_607_079_655,
    -0.016_912_470_049_255_005, 0.006_256_835_916_407_993, -0.001_502_955_345_985_057_5,
    0.000_225_834_261_022_741_51, -1.933_345_399_596_171_4e-5, 7.214_235_005_168_187e-7,
];

/// `e^(t²)·erfc(t)` for `t ≥ 0`.
#[inline(always)]
fn scaled<const FMA: bool>(t: f64) -> f64 {
    let t = if t > 1e300 { 1e300 } else { t };
    polynomial::<FMA, 18>((t - 4.0) / (t + 4.0), &SCALED) / fma::<FMA>(2.0, t, 1.0)
}

#[inline(always)]
pub(super) fn erfc<const FMA: bool>(x: f32) -> f32 {
    let t = f64::from(x.abs());
    // The square is exact.
    let y = exp::<FMA>(-t * t) * scaled::<FMA>(t);
    (if x < 0.0 { 2.0 - y } else { y }) as f32
}

#[inline(always)]
pub(super) fn erfcx<const FMA: bool>(x: f32) -> f32 {
    let t = f64::from(x.abs());
    let y = scaled::<FMA>(t);
    (if x < 0.0 { 2.0 * exp::<FMA>(t * t) - y } else { y }) as f32
}

/// To the left `-x²/2` and the logarithm of what is left; to the right by the other tail `u`, whose `log(1 - u)` is
/// `2·artanh(u/(u - 2))`.
#[inline(always)]
pub(super) fn log_ndtr<const FMA: bool>(x: f32) -> f32 {
    let x = f64::from(x);
    let half = 0.5 * (scaled::<FMA>(x.abs() * FRAC_1_SQRT_2));
    let square = 0.5 * x * x;
    let tail = exp::<FMA>(-square) * half;
    let log = log::<FMA>(if x < 0.0 { half } else { 1.0 - tail });
    let s = tail / (tail - 2.0);
    let z = s * s;
    let mut series = 1.0 / 17.0;
    for k in [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = fma::<FMA>(series, z, 1.0 / k);
    }
    let y = if x < 0.0 { log - square } else { log };
    (if x > 0.55 { 2.0 * s * series } else { y }) as f32
}

/// In the middle by a polynomial; towards the ends by one and a step of Newton's.
#[inline(always)]
pub(super) fn erfinv<const FMA: bool>(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let middle = a * polynomial::<FMA, 16>(a * a, &INVERSE);
    let rest = 1.0 - a;
    let s = (-log::<FMA>(rest * (1.0 + a))).sqrt();
    let y = s * polynomial::<FMA, 12>(s, &INVERSE_TAIL);
    let y = y + (scaled::<FMA>(y) - rest * exp::<FMA>(y * y)) / FRAC_2_SQRT_PI;
    let y = if a < 0.75 { middle } else { y };
    let y = if a < 1.0 { y } else { f64::INFINITY };
    let y = if a <= 1.0 { y } else { f64::NAN };
    (y as f32).copysign(x)
}
