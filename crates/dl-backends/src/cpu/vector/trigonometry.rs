//! `sin`, `cos` and `tan` in `f32` over all of its range, without branches.
//!
//! After Payne and Hanek (*Radian Reduction for Trigonometric Functions*, 1983): `x = m·2^e` with
//! an integer `m` of 24 bits, so only `2^e·(2/π)` modulo 4 matters, of which a table holds three
//! pieces for each `e`. The product of `m` and the first piece is exact in `f64`.

use super::loops::Each1;
use super::power::fma;

/// The first 256 binary digits of `2/π` behind the point.
const TWO_OVER_PI: [u64; 4] =
    [0xa2f9_836e_4e44_1529, 0xfc27_57d1_f534_ddc0, 0xdb62_9599_3c43_9041, 0xfe51_63ab_debb_c561];

/// The largest exponent of the table: `f32::MAX` is `m·2^104`.
const LARGEST: u32 = 104;

/// `2^e·(2/π)` modulo 4 in three pieces of 29, 29 and 52 bits. Padded, so that a mask bounds the index.
static HIGH: [f64; 128] = pieces(0, 29);
static MIDDLE: [f64; 128] = pieces(29, 29);
static LOW: [f64; 128] = pieces(58, 52);

const fn pieces(from: i32, len: i32) -> [f64; 128] {
    let mut table = [0.0; 128];
    let mut e = 0;
    while e <= LARGEST as i32 {
        // Digits in front of the point are 0: the window starts at the digit that counts 2.
        let (mut bits, mut i) = (0_u64, 0);
        while i < len {
            let digit = e - 2 + from + i;
            let one = digit >= 0 && TWO_OVER_PI[(digit / 64) as usize] >> (63 - digit % 64) & 1 == 1;
            bits = bits << 1 | one as u64;
            i += 1;
        }
        // The last digit counts 2^(2 - from - len).
        table[e as usize] = bits as f64 * f64::from_bits(((1025 - from - len) as u64) << 52);
        e += 1;
    }
    table
}

#[inline(always)]
pub(super) fn sin<const FMA: bool>(each: impl Each1<Element = f32>) {
    if each.all(is_near) {
        each.each(sine::<FMA, true>);
    } else {
        each.each(sine::<FMA, false>);
    }
}

#[inline(always)]
pub(super) fn cos<const FMA: bool>(each: impl Each1<Element = f32>) {
    if each.all(is_near) {
        each.each(cosine::<FMA, true>);
    } else {
        each.each(cosine::<FMA, false>);
    }
}

#[inline(always)]
pub(super) fn tan<const FMA: bool>(each: impl Each1<Element = f32>) {
    if each.all(is_near) {
        each.each(tangent::<FMA, true>);
    } else {
        each.each(tangent::<FMA, false>);
    }
}

/// Whether the first row of the table will do: the arithmetic is the same, without look-ups.
#[inline(always)]
fn is_near(x: f32) -> bool {
    x.abs() < (1 << 24) as f32
}

#[inline(always)]
fn sine<const FMA: bool, const NEAR: bool>(x: f32) -> f32 {
    rotated::<FMA, NEAR>(x, 0)
}

#[inline(always)]
fn cosine<const FMA: bool, const NEAR: bool>(x: f32) -> f32 {
    rotated::<FMA, NEAR>(x, 1)
}

#[inline(always)]
fn tangent<const FMA: bool, const NEAR: bool>(x: f32) -> f32 {
    let (r, quarter) = reduced::<FMA, NEAR>(x);
    let z = r * r;
    let (sine, cosine) = (r * sin_over::<FMA>(z), cos_near::<FMA>(z));
    let y = if quarter & 1 == 0 { sine / cosine } else { -cosine / sine };
    (if x.abs() < f32::INFINITY { y } else { f64::NAN }) as f32
}

/// `sin(x + quarters·π/2)`.
#[inline(always)]
fn rotated<const FMA: bool, const NEAR: bool>(x: f32, quarters: u64) -> f32 {
    let (r, quarter) = reduced::<FMA, NEAR>(x);
    let z = r * r;
    let quarter = quarter.wrapping_add(quarters);
    let y = if quarter & 1 == 0 { r * sin_over::<FMA>(z) } else { cos_near::<FMA>(z) };
    let y = if quarter & 2 == 0 { y } else { -y };
    (if x.abs() < f32::INFINITY { y } else { f64::NAN }) as f32
}

/// The distance to the nearest multiple of `π/2`, and bits of which the lowest two count it.
#[inline(always)]
fn reduced<const FMA: bool, const NEAR: bool>(x: f32) -> (f64, u64) {
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    let exponent = (x.to_bits() >> 23) & 0xff;
    // 23 digits behind the first one make an integer; smaller numbers are taken as they are.
    let e = if NEAR { 0 } else { exponent.saturating_sub(127 + 23).min(LARGEST) };
    let m = f64::from(x) * f64::from_bits(u64::from(1023 - e) << 52);
    let place = (e & 127) as usize;
    let product = m * HIGH[place];
    let shifted = product + ROUND;
    // Exact as far as it matters: both terms are multiples of 2^-56.
    let rest = (product - (shifted - ROUND)) + m * MIDDLE[place];
    (fma::<FMA>(m, LOW[place], rest) * std::f64::consts::FRAC_PI_2, shifted.to_bits())
}

/// `sin(r)/r` with `z = r²`, for `|r| ≤ 1`: a minimax polynomial of our own, within `2^-42`.
#[inline(always)]
fn sin_over<const FMA: bool>(z: f64) -> f64 {
    #[rustfmt::skip]
    let c = [
        -0.166_666_666_663_574_7, 0.008_333_333_283_779_098, -0.000_198_412_457_551_743_9,
        2.755_233_247_877_612_4e-6, -2.458_809_080_857_904e-8,
    ];
    let p = fma::<FMA>(z, fma::<FMA>(z, c[4], c[3]), c[2]);
    fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, p, c[1]), c[0]), 1.0)
}

/// `cos(r)` with `z = r²`, for `|r| ≤ 1`: a minimax polynomial of our own, within `2^-45`.
#[inline(always)]
fn cos_near<const FMA: bool>(z: f64) -> f64 {
    #[rustfmt::skip]
    let c = [
        -0.499_999_999_999_933_8, 0.041_666_666_665_070_56, -0.001_388_888_877_732_666,
        2.480_155_296_440_620_6e-5, -2.755_206_832_745_929_5e-7, 2.048_466_760_417_357_4e-9,
    ];
    let p = fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, c[5], c[4]), c[3]), c[2]);
    fma::<FMA>(z, fma::<FMA>(z, fma::<FMA>(z, p, c[1]), c[0]), 1.0)
}
