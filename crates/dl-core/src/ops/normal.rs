//! Functions of the normal distribution in double precision: what is defined by `erfc` without its underflow.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// `e^(-x²)` for `|x|` below `2^26`: `x²` is the square of its upper half, which is exact, and the rest.
fn gaussian(x: f64) -> f64 {
    let upper = f64::from_bits(x.to_bits() & (!0 << 32));
    (-upper * upper).exp() * ((upper - x) * (upper + x)).exp()
}

/// `e^(x²)`, the same way; infinite beyond.
fn inverse_gaussian(x: f64) -> f64 {
    if x.abs() > 27.0 {
        return f64::INFINITY;
    }
    let upper = f64::from_bits(x.to_bits() & (!0 << 32));
    (upper * upper).exp() * ((x - upper) * (x + upper)).exp()
}

/// `(1 + 2x)^(n+1)·e^(x²)·iⁿerfc(x)` as series of Chebyshev's polynomials in `(x - 4)/(x + 4)`, for all `x ≥ 0`: the
/// form of Shepherd and Laframboise, "Chebyshev approximation of (1+2x)exp(x²)erfc x in 0 ≤ x < ∞", 1981. The
/// coefficients are our own, for `n` of 0, 1 and 2; what is left out is below `2^-57`.
#[rustfmt::skip]
static SCALED: [&[f64]; 3] = [
    &[
        1.177_483_200_537_448_7, -0.007_260_796_620_301_901, -0.081_265_123_236_185,
        0.060_092_128_041_222_25, -0.028_753_935_580_276_66, 0.010_595_663_363_472_86,
        -0.003_136_927_294_554_264, 0.000_745_649_437_253_618_4, -0.000_136_969_650_301_005_4,
        1.718_386_160_030_093_7e-5, -7.158_364_623_450_346e-7, -2.426_139_944_244_953_4e-7,
        5.576_570_939_570_356_6e-8, -2.105_786_951_380_949_4e-9, -1.171_788_935_188_495_7e-9,
        1.909_835_517_245_669_5e-10, 1.408_871_764_208_802_4e-11, -6.901_108_320_482_402e-12,
        9.167_958_364_115_312e-14, 2.145_450_828_995_130_7e-13, -1.471_657_498_807_823e-14,
        -6.668_675_829_162_464e-15, 7.504_583_082_907_794e-16, 2.220_243_727_018_587_4e-16,
        -3.165_872_831_717_223e-17, -8.530_210_537_271_596e-18,
    ],
    &[
        1.112_967_096_438_678_6, 0.161_409_101_091_988_94, -0.235_996_606_588_879_55,
        0.120_555_226_498_580_2, -0.034_852_863_791_873_134, 0.002_499_309_847_374_521,
        0.003_339_165_838_994_541_7, -0.002_165_871_507_879_677, 0.000_794_388_989_923_509_7,
        -0.000_200_662_295_721_927_11, 3.364_048_242_244_957e-5, -2.457_894_013_683_790_6e-6,
        -4.362_759_187_566_749_7e-7, 1.491_783_074_273_313_1e-7, -1.046_856_211_766_410_8e-8,
        -3.173_878_609_711_137e-9, 7.232_817_531_781_252e-10, 2.802_594_565_842_486_7e-11,
        -2.731_218_482_020_444e-11, 1.185_317_786_980_043_3e-12, 9.085_573_335_340_543e-13,
        -9.488_812_586_960_024e-14, -3.034_694_030_800_134_4e-14, 4.771_726_145_559_644_6e-15,
        1.091_796_624_639_923_2e-15, -2.129_682_829_245_594_7e-16, -4.388_301_635_520_959e-17,
        9.418_668_129_935_347e-18,
    ],
    &[
        1.026_359_060_299_19, 0.340_853_121_380_161_7, -0.346_131_787_806_786, 0.120_307_533_879_109_67,
        -0.001_473_606_416_259_741_9, -0.019_623_279_672_232_67, 0.010_576_202_451_501_973,
        -0.002_681_859_484_406_379_6, 1.132_476_579_090_440_5e-6, 0.000_300_238_916_592_242_2,
        -0.000_137_432_277_831_876_64, 3.412_706_606_594_467_4e-5, -4.186_208_041_889_43e-6,
        -2.751_526_820_041_369e-7, 2.049_676_867_932_982e-7, -2.477_028_652_046_620_5e-8,
        -3.934_087_433_349_977e-9, 1.439_157_913_263_106_6e-9, -8.778_941_131_017_53e-12,
        -5.559_252_754_632_78e-11, 4.881_122_530_208_929_5e-12, 1.934_460_192_673_876e-12,
        -3.119_674_247_006_039e-13, -6.803_253_120_743_104e-14, 1.581_557_586_860_628e-14,
        2.610_938_521_843_371e-15, -7.471_125_607_874_458e-16, -1.147_721_388_634_236_8e-16,
        3.424_050_509_496_642_6e-17, 6.110_260_234_899_545e-18,
    ],
];

/// `e^(x²)·iⁿerfc(x)` for `x ≥ 0`.
fn scaled(n: usize, x: f64) -> f64 {
    let q = (x - 4.0) / (x + 4.0);
    let (mut b, mut c) = (0.0, 0.0);
    // Clenshaw's recurrence.
    for a in SCALED[n][1..].iter().rev() {
        (b, c) = (2.0 * q * b - c + a, b);
    }
    let series = q * b - c + SCALED[n][0];
    let factor = 1.0 / (1.0 + 2.0 * x);
    (0..=n).fold(series, |value, _| value * factor)
}

/// `e^(x²)·erfc(x)`.
pub(super) fn erfcx(x: f64) -> f64 {
    if x == f64::INFINITY {
        0.0
    } else if x < 0.0 {
        2.0 * inverse_gaussian(x) - scaled(0, (-x).min(1e9))
    } else {
        scaled(0, x)
    }
}

/// `e^(x²)·iⁿerfc(x)`, where `iⁿerfc` is the `n`-th integral of `erfc` from `x` to infinity.
pub(super) fn ierfcx(n: f64, x: f64) -> f64 {
    if n < 0.0 || n.fract() != 0.0 || n.is_infinite() || n.is_nan() || x.is_nan() {
        return f64::NAN;
    }
    if n == 0.0 {
        return erfcx(x);
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    if x == f64::NEG_INFINITY || x < -27.0 {
        return f64::INFINITY;
    }
    // Beyond, the integrals vanish in double precision.
    let order = n.min(400.0) as usize;
    match (order, x >= 0.0) {
        (1 | 2, true) => scaled(order, x),
        (_, true) if x >= 1.0 => descending(order, x),
        _ => ascending(order, x),
    }
}

/// By `2n·iⁿerfc(x) = iⁿ⁻²erfc(x) - 2x·iⁿ⁻¹erfc(x)`, from the first two on (Abramowitz and Stegun, 7.2.5): all terms
/// have one sign where `x` is negative.
fn ascending(order: usize, x: f64) -> f64 {
    let (mut last, mut value) = match x >= 0.0 {
        true => (scaled(1, x), scaled(2, x)),
        false => {
            let size = 2.0 * inverse_gaussian(x);
            let first = scaled(1, -x) - x * size;
            (first, 0.25 * (size - scaled(0, -x) - 2.0 * x * first))
        }
    };
    if order == 1 {
        return last;
    }
    for n in 3..=order {
        (last, value) = (value, (last - 2.0 * x * value) / (2 * n) as f64);
    }
    value
}

/// By the ratios of neighbours, from a large order down (Miller's way): `rₙ = 1/(2x + 2(n+1)·rₙ₊₁)`.
fn descending(order: usize, x: f64) -> f64 {
    let (mut ratio, mut value) = (0.0, erfcx(x));
    for n in (1..=order + 200).rev() {
        ratio = 1.0 / (2.0 * x + (2 * (n + 1)) as f64 * ratio);
        if n <= order {
            value *= ratio;
        }
    }
    value
}

/// The logarithm of the normal distribution function.
pub(super) fn log_ndtr(x: f64) -> f64 {
    let t = -x * FRAC_1_SQRT_2;
    if x < -1.0 {
        return (0.5 * erfcx(t)).ln() - 0.5 * x * x;
    }
    if x < 0.5 {
        return (0.5 * libm::erfc(t)).ln();
    }
    // The other tail, by the square of `x` itself.
    let tail = if x > 40.0 { 0.0 } else { 0.5 * root_gaussian(x) * scaled(0, -t) };
    (-tail).ln_1p()
}

/// `e^(-x²/2)`.
fn root_gaussian(x: f64) -> f64 {
    let upper = f64::from_bits(x.to_bits() & (!0 << 32));
    (-0.5 * upper * upper).exp() * (0.5 * (upper - x) * (upper + x)).exp()
}

/// The inverse of the error function: a first value by Winitzki's formula (2008), then Halley's steps.
pub(super) fn erfinv(x: f64) -> f64 {
    let size = x.abs();
    if size.is_nan() || size > 1.0 {
        return f64::NAN;
    }
    if size == 1.0 {
        return x * f64::INFINITY;
    }
    if size < 1e-9 {
        return x / FRAC_2_SQRT_PI;
    }
    let mut y = if size < 0.5 {
        let z = PI * size * size / 12.0;
        size / FRAC_2_SQRT_PI * (1.0 + z * (1.0 + z * (1.4 + 2.07 * z)))
    } else {
        const A: f64 = 0.147;
        let log = ((1.0 - size) * (1.0 + size)).ln();
        let half = 2.0 / (PI * A) + 0.5 * log;
        ((half * half - log / A).sqrt() - half).sqrt()
    };
    for _ in 0..2 {
        let miss = if size < 0.5 { size - libm::erf(y) } else { libm::erfc(y) - (1.0 - size) };
        let step = miss / (FRAC_2_SQRT_PI * gaussian(y));
        y += step / (1.0 - step * y);
    }
    y.copysign(x)
}
