//! `x^y` in `f32`, by way of `f64`: its digits make up for those that a large exponent costs. Exponentials and
//! logarithms in `f64`, with more digits than `f32` has, for other functions, too.

#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `c₀ + x·(c₁ + x·(…))`.
#[inline(always)]
pub(super) fn polynomial<const FMA: bool, const N: usize>(x: f64, c: &[f64; N]) -> f64 {
    let mut sum = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = fma::<FMA>(sum, x, c[i]);
    }
    sum
}

/// `log₂ x` of any `f32`.
#[inline(always)]
pub(super) fn log2_of<const FMA: bool>(x: f32) -> f32 {
    let y = log2::<FMA>(f64::from(x.abs())) as f32;
    if x < 0.0 { f32::NAN } else { y }
}

/// `2^x` of any `f32`.
#[inline(always)]
pub(super) fn exp2_of<const FMA: bool>(x: f32) -> f32 {
    // Beyond these, f32 has 0 and infinity; NaN stays.
    let t = if x > 200.0 { 200.0 } else { x };
    let t = if t < -200.0 { -200.0 } else { t };
    exp2::<FMA>(f64::from(t)) as f32
}

/// The natural logarithm of a positive normal `f64`; relative error below `2^-43`.
#[inline(always)]
pub(super) fn log<const FMA: bool>(x: f64) -> f64 {
    std::f64::consts::LN_2 * log2::<FMA>(x)
}

/// `e^x` within `2^-41`; for arguments beyond 700 in size that of 700.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f64) -> f64 {
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    /// So few digits that multiples of it are exact.
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// The reciprocals of the factorials.
    const SERIES: [f64; 11] = {
        let mut series = [1.0; 11];
        let mut i = 1;
        while i < 11 {
            series[i] = series[i - 1] / i as f64;
            i += 1;
        }
        series
    };
    let x = if x > 700.0 { 700.0 } else { x };
    let x = if x < -700.0 { -700.0 } else { x };
    let shifted = fma::<FMA>(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, x));
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023) << 52;
    polynomial::<FMA, 11>(r, &SERIES) * f64::from_bits(power)
}

/// As `f64::powf` defines it, special values included (IEEE 754, section 9.2.1).
#[inline(always)]
pub(super) fn pow<const FMA: bool>(x: f32, y: f32) -> f32 {
    let t = f64::from(y) * log2::<FMA>(f64::from(x.abs()));
    // Beyond these, f32 has 0 and infinity; NaN stays.
    let t = if t > 200.0 { 200.0 } else { t };
    let t = if t < -200.0 { -200.0 } else { t };
    let size = exp2::<FMA>(t) as f32;
    let whole = is_whole::<FMA>(y);
    let odd = whole & !is_whole::<FMA>(0.5 * y);
    let z = if odd { size.copysign(x) } else { size };
    let z = if (x < 0.0) & (x > f32::NEG_INFINITY) & !whole { f32::NAN } else { z };
    let z = if (x == -1.0) & (y.abs() == f32::INFINITY) { 1.0 } else { z };
    if (x == 1.0) | (y == 0.0) { 1.0 } else { z }
}

/// Every number from `2^23` on is, and the infinities.
#[inline(always)]
fn is_whole<const FMA: bool>(y: f32) -> bool {
    if FMA {
        return y.floor() == y;
    }
    let whole = (1_u32 << 23) as f32;
    let a = y.abs();
    (a >= whole) | ((a + whole) - whole == a)
}

/// By the series of the area tangent: relative error below `2^-44`.
#[inline(always)]
fn log2<const FMA: bool>(a: f64) -> f64 {
    const ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    const ABOVE_ROOT: u64 = 1.0_f64.to_bits() - ROOT;
    const SERIES: [f64; 8] = {
        let mut series = [0.0; 8];
        let mut i = 0;
        while i < 8 {
            series[i] = 2.0 / (std::f64::consts::LN_2 * (2 * i + 1) as f64);
            i += 1;
        }
        series
    };
    let bits = a.to_bits().wrapping_add(ABOVE_ROOT);
    let m = f64::from_bits((bits & ((1 << 52) - 1)).wrapping_add(ROOT));
    // The exponent as a number, from the low bits of 2^52.
    let whole = (1_u64 << 52) as f64;
    let k = f64::from_bits(whole.to_bits() | (bits >> 52)) - whole - 1023.0;
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let [c0, c1, c2, c3, c4, c5, c6, c7] = SERIES;
    let p = fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, c7, c6), c5), c4);
    let p = fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, p, c3), c2), c1), c0);
    let y = fma::<FMA>(s, p, k);
    let y = if a < f64::INFINITY { y } else { a };
    if a == 0.0 { f64::NEG_INFINITY } else { y }
}

/// For `|t| ≤ 200`; a minimax polynomial of our own, within `2^-34.5`.
#[inline(always)]
fn exp2<const FMA: bool>(t: f64) -> f64 {
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    let shifted = t + ROUND;
    let r = t - (shifted - ROUND);
    #[rustfmt::skip]
    let c = [
        0.999_999_999_961_609_8, 0.693_147_180_728_746_9, 0.240_226_511_987_640_78,
        0.055_504_103_527_468_97, 0.009_618_027_173_129_252, 0.001_333_392_290_965_781_5,
        0.000_154_693_169_470_616_97, 1.520_189_052_636_337_4e-5,
    ];
    let p = fma::<FMA>(r, fma::<FMA>(r, fma::<FMA>(r, c[7], c[6]), c[5]), c[4]);
    let p = fma::<FMA>(r, fma::<FMA>(r, fma::<FMA>(r, fma::<FMA>(r, p, c[3]), c[2]), c[1]), c[0]);
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    p * f64::from_bits(n.wrapping_add(1023) << 52)
}
