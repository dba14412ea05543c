//! Functions of ours in WGSL, which kernels call.
//!
//! Shader languages promise neither small relative errors beside zeros nor what becomes of NaN. Functions whose
//! errors matter are ours; `burn/fidelity.rs` says how large they are at most. NaN is found by its bits, since a device
//! may take `x != x` to be false.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::special::SPECIAL;

/// The functions that a kernel calls.
pub(super) type Called = BTreeSet<&'static str>;

/// The text of the functions that are called, and of those that they call.
pub(super) fn library(called: &Called) -> String {
    let mut needed: Called = called.clone();
    // Later functions call earlier ones only.
    for (name, _, calls) in FUNCTIONS.iter().chain(SPECIAL).rev() {
        if needed.contains(name) {
            needed.extend(calls.iter());
        }
    }
    let mut text = String::new();
    for (_, body, _) in FUNCTIONS.iter().chain(SPECIAL).filter(|(name, ..)| needed.contains(name)) {
        let _ = writeln!(text, "{}", body.trim());
    }
    text
}

/// Name, text, and the functions that it calls.
static FUNCTIONS: &[(&str, &str, &[&str])] = &[
    ("bits", "fn bits(x: u32) -> f32 { return bitcast<f32>(x); }", &[]),
    ("is_nan_", "fn is_nan_(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }", &[]),
    (
        "is_finite_",
        "fn is_finite_(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u; }",
        &[],
    ),
    (
        "sign_",
        "fn sign_(x: f32) -> f32 { return select(select(select(0.0f, -1.0f, x < 0.0f), 1.0f, x > 0.0f), x, is_nan_(x)); }",
        &["is_nan_"],
    ),
    ("max_", "fn max_(x: f32, y: f32) -> f32 { return select(y, x, x > y || is_nan_(x)); }", &["is_nan_"]),
    ("min_", "fn min_(x: f32, y: f32) -> f32 { return select(y, x, x < y || is_nan_(x)); }", &["is_nan_"]),
    (
        "byte_",
        "fn byte_(x: f32) -> i32 { return select(i32(clamp(x, 0.0f, 255.0f)), 0i, is_nan_(x)); }",
        &["is_nan_"],
    ),
    // The power of two nearest to it, and Taylor's series of the rest in Horner's form; ln 2 is in two parts, of which
    // the first has so few digits that its multiples are exact.
    (
        "exp_",
        "
fn exp_(x: f32) -> f32 {
    let c = clamp(x, -104.0f, 89.0f);
    let n = i32(floor(c * 1.442695f + 0.5f));
    let half = n / 2i;
    // The same number otherwise written, lest a compiler puts both products together.
    let again = f32(half) + f32(n - half);
    let r = (c - f32(n) * 0.69314575f) - again * 1.4286068e-6f;
    var s = 1.0f + r * 0.14285715f;
    s = 1.0f + s * r * 0.16666667f;
    s = 1.0f + s * r * 0.2f;
    s = 1.0f + s * r * 0.25f;
    s = 0.5f + s * r * 0.16666667f;
    let e = 1.0f + (r + r * r * s);
    // The power in two factors: one of them alone may overflow or vanish.
    let first = bitcast<f32>((half + 127i) << 23u);
    let second = bitcast<f32>((n - half + 127i) << 23u);
    return select(e * first * second, x, is_nan_(x));
}",
        &["is_nan_"],
    ),
    // Taylor's series around 0, in Horner's form.
    (
        "expm1_",
        "
fn expm1_(x: f32) -> f32 {
    var s = 1.0f + x * 0.125f;
    s = 1.0f + s * x * 0.14285714f;
    s = 1.0f + s * x * 0.16666667f;
    s = 1.0f + s * x * 0.2f;
    s = 1.0f + s * x * 0.25f;
    s = 1.0f + s * x * 0.33333334f;
    s = 1.0f + s * x * 0.5f;
    return select(exp_(x) - 1.0f, s * x, abs(x) < 0.5f);
}",
        &["exp_"],
    ),
    // log(1 + f) = 2·artanh(f / (2 + f)).
    (
        "artanh2_",
        "
fn artanh2_(f: f32) -> f32 {
    let s = f / (2.0f + f);
    let z = s * s;
    var p = 0.11111111f + z * 0.09090909f;
    p = 0.14285715f + z * p;
    p = 0.2f + z * p;
    p = 0.33333334f + z * p;
    return 2.0f * (s + s * z * p);
}",
        &[],
    ),
    // The exponent by the bits, the logarithm of the rest by a series.
    (
        "log_",
        "
fn log_(x: f32) -> f32 {
    var u = bitcast<u32>(x);
    var e = 0.0f;
    if (u < 0x00800000u) {
        let shift = countLeadingZeros(u | 1u) - 8u;
        u = (u << shift) & 0x007fffffu;
        u = u | 0x00800000u;
        e = -f32(shift);
    }
    // Into [sqrt(1/2), sqrt(2)).
    let t = u - 0x3f3504f3u;
    let k = bitcast<i32>(t) >> 23u;
    let m = bitcast<f32>((t & 0x007fffffu) + 0x3f3504f3u);
    e = e + f32(k);
    let y = fma(e, 0.69314575f, fma(e, 1.4286068e-6f, artanh2_(m - 1.0f)));
    let least = select(y, bits(0xff800000u), (bitcast<u32>(x) & 0x7fffffffu) == 0u);
    let signed = select(least, bits(0x7fc00000u), bitcast<u32>(x) > 0x80000000u);
    return select(signed, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u || bitcast<u32>(x) == 0x7f800000u);
}",
        &["bits", "artanh2_"],
    ),
    (
        "log1p_",
        "fn log1p_(x: f32) -> f32 { return select(log_(1.0f + x), artanh2_(x), abs(x) < 0.3f); }",
        &["log_", "artanh2_"],
    ),
    // Lambert's continued fraction around 0; elsewhere by the exponential, which may overflow.
    (
        "tanh_",
        "
fn tanh_(x: f32) -> f32 {
    let z = x * x;
    let inner = x / (1.0f + z / (3.0f + z / (5.0f + z / (7.0f + z / (9.0f + z * 0.09090909f)))));
    let size = 1.0f - 2.0f / (exp_(2.0f * abs(x)) + 1.0f);
    return select(select(size, -size, x < 0.0f), inner, abs(x) < 1.0f);
}",
        &["exp_"],
    ),
    // The exponential is of a number that is not positive.
    (
        "sigmoid_",
        "
fn sigmoid_(x: f32) -> f32 {
    let e = exp_(-abs(x));
    let right = 1.0f / (1.0f + e);
    return select(right, e * right, x < 0.0f);
}",
        &["exp_"],
    ),
    (
        "softplus_",
        "
fn softplus_(x: f32) -> f32 {
    return select(x, 0.0f, x < 0.0f) + log1p_(exp_(-abs(x)));
}",
        &["exp_", "log1p_"],
    ),
    // The Taylor series around 0; elsewhere formula 7.1.26 of Abramowitz and Stegun, whose error is absolute.
    (
        "erf_",
        "
fn erf_(x: f32) -> f32 {
    let z = x * x;
    var s = 1.0683761e-4f + z * -1.3227513e-5f;
    s = -7.5757576e-4f + z * s;
    s = 4.6296296e-3f + z * s;
    s = -2.3809524e-2f + z * s;
    s = 0.1f + z * s;
    s = -0.33333334f + z * s;
    s = 1.0f + z * s;
    let a = abs(x);
    let t = 1.0f / (1.0f + 0.3275911f * a);
    var p = -1.4531521f + t * 1.0614054f;
    p = 1.4214137f + t * p;
    p = -0.28449672f + t * p;
    p = 0.2548296f + t * p;
    let size = 1.0f - p * t * exp_(-z);
    return select(select(size, -size, x < 0.0f), 1.1283792f * s * x, a < 0.8f);
}",
        &["exp_"],
    ),
    (
        "unpack_",
        "
fn unpack_(w: u32) -> vec4<i32> {
    return vec4<i32>((vec4<u32>(w) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}",
        &[],
    ),
    (
        "mulhi_",
        "
fn mulhi_(a: u32, b: u32) -> u32 {
    let t = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
    let u = (a & 0xffffu) * (b >> 16u) + (t & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (t >> 16u) + (u >> 16u);
}",
        &[],
    ),
    // How far a number is from the nearest multiple of a right angle, and the multiple's place in a turn: Payne and
    // Hanek, "Radian reduction for trigonometric functions", 1983, on 64 bits of the number of turns.
    (
        "quarters_",
        "
fn quarters_(x: f32) -> vec2<f32> {
    let size = bitcast<u32>(x) & 0x7fffffffu;
    if (size < 0x3f490fdbu) { return vec2<f32>(abs(x), 0.0f); }
    // 1 / 2π in binary digits.
    var digits = array<u32, 7>(
        0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u, 0x7f9458eau);
    let mantissa = (size << 8u) | 0x80000000u;
    let exponent = (size >> 23u) - 126u;
    let word = min(exponent >> 5u, 4u);
    let shift = exponent & 31u;
    let w0 = select(digits[max(word, 1u) - 1u], 0u, word == 0u);
    let w1 = digits[word];
    let w2 = digits[word + 1u];
    let w3 = digits[word + 2u];
    let back = (32u - shift) & 31u;
    let a = select((w0 << shift) | (w1 >> back), w0, shift == 0u);
    let b = select((w1 << shift) | (w2 >> back), w1, shift == 0u);
    let c = select((w2 << shift) | (w3 >> back), w2, shift == 0u);
    // Whole turns overflow and are gone.
    let low = mantissa * b + mulhi_(mantissa, c);
    let carry = select(0u, 1u, low < mantissa * b);
    let high = mantissa * a + mulhi_(mantissa, b) + carry;
    let quarter = (high + 0x20000000u) >> 30u;
    let rest = high - (quarter << 30u);
    let negative = (rest & 0x80000000u) != 0u;
    let low_size = select(low, 0u - low, negative);
    let size_high = select(rest, ~rest + select(0u, 1u, low == 0u), negative);
    // The first 32 digits that are not zeros.
    let gone = size_high == 0u;
    let first = select(size_high, low_size, gone);
    let second = select(low_size, 0u, gone);
    let zeros = countLeadingZeros(first | 1u);
    let left = select((first << zeros) | (second >> ((32u - zeros) & 31u)), first, zeros == 0u);
    let power = zeros + select(0u, 32u, gone);
    let angle = f32(left) * 1.4629181e-9f * bitcast<f32>((127u - power) << 23u);
    return vec2<f32>(select(angle, -angle, negative), f32(quarter & 3u));
}",
        &["mulhi_"],
    ),
    // Taylor's series within half a right angle, in Horner's form.
    (
        "wave_",
        "
fn wave_(angle: f32, quarter: u32) -> f32 {
    let z = angle * angle;
    let sine = angle + angle * z * (-0.16666667f + z * (8.333334e-3f + z * (-1.984127e-4f + z * 2.7557319e-6f)));
    let cosine = 1.0f + z * (-0.5f + z * (0.041666668f + z * (-1.3888889e-3f + z * (2.4801588e-5f - z * 2.7557319e-7f))));
    let value = select(sine, cosine, (quarter & 1u) == 1u);
    return select(value, -value, (quarter & 2u) == 2u);
}",
        &[],
    ),
    (
        "sin_",
        "
fn sin_(x: f32) -> f32 {
    let q = quarters_(x);
    let value = wave_(q.x, u32(q.y));
    return select(select(value, -value, x < 0.0f), bits(0x7fc00000u), !is_finite_(x));
}",
        &["bits", "is_finite_", "quarters_", "wave_"],
    ),
    (
        "cos_",
        "
fn cos_(x: f32) -> f32 {
    let q = quarters_(x);
    return select(wave_(q.x, u32(q.y) + 1u), bits(0x7fc00000u), !is_finite_(x));
}",
        &["bits", "is_finite_", "quarters_", "wave_"],
    ),
    // Philox 4x32-10: one word of the block that holds element `index`.
    (
        "uniform_",
        "
fn uniform_(index: u32, high: u32, low: u32, stream: u32, key0: u32, key1: u32) -> f32 {
    var c = vec4<u32>(index >> 2u, high, low, stream);
    var k0 = key0;
    var k1 = key1;
    for (var round = 0u; round < 10u; round = round + 1u) {
        let a = mulhi_(0xD2511F53u, c.x);
        let b = mulhi_(0xCD9E8D57u, c.z);
        c = vec4<u32>(b ^ c.y ^ k0, 0xCD9E8D57u * c.z, a ^ c.w ^ k1, 0xD2511F53u * c.x);
        k0 = k0 + 0x9E3779B9u;
        k1 = k1 + 0xBB67AE85u;
    }
    return f32(c[index & 3u] >> 8u) * 5.9604645e-8f;
}",
        &["mulhi_"],
    ),
    // As IEEE 754 has it, negative bases and infinities included.
    (
        "pow_",
        "
fn pow_(x: f32, y: f32) -> f32 {
    let zero = (bitcast<u32>(x) & 0x7fffffffu) == 0u;
    let infinite = (bitcast<u32>(y) & 0x7fffffffu) == 0x7f800000u;
    // Beside 1 and 0, where a device's logarithm may have no digits, by ours.
    let ours = abs(abs(x) - 1.0f) < 0.3f || (bitcast<u32>(x) & 0x7fffffffu) < 0x00800000u;
    var size = select(pow(abs(x), y), exp_(log_(abs(x)) * y), ours);
    if (zero) { size = select(0.0f, bits(0x7f800000u), y < 0.0f); }
    if ((bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u) { size = select(bits(0x7f800000u), 0.0f, y < 0.0f); }
    if (infinite) { size = select(0.0f, bits(0x7f800000u), (abs(x) > 1.0f) == (y > 0.0f)); }
    let whole = floor(y) == y;
    let odd = whole && !(floor(y * 0.5f) == y * 0.5f);
    if ((bitcast<u32>(x) & 0x80000000u) != 0u) {
        size = select(size, -size, odd && !infinite);
        if (is_finite_(x) && !zero && !whole) { size = bits(0x7fc00000u); }
    }
    if (is_nan_(x) || is_nan_(y)) { size = bits(0x7fc00000u); }
    if (x == 1.0f || y == 0.0f || (abs(x) == 1.0f && infinite)) { size = 1.0f; }
    return select(size, x * x, y == 2.0f);
}",
        &["exp_", "bits", "is_nan_", "is_finite_", "log_"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_has_what_its_functions_call_before_them() {
        let text = library(&Called::from(["softplus_"]));
        let places: Vec<_> = ["fn bits", "fn artanh2_", "fn log_", "fn log1p_", "fn softplus_"]
            .iter()
            .map(|f| text.find(f))
            .collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
        assert!(!text.contains("fn tanh_"));
    }
}
