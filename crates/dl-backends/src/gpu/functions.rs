//! Elementwise functions in WGSL.
//!
//! Shader languages promise neither small relative errors beside zeros nor what becomes of NaN. Functions whose
//! errors matter are ours: series and quotients about their zeros, the device's `exp` elsewhere. NaN is found by
//! its bits, since a device may take `x != x` to be false.

use std::collections::BTreeSet;
use std::fmt::Write;

use dl_core::ops::{Binary, Reduce, Unary};
use dl_core::{DType, Scalar};

/// The functions of ours that a kernel calls.
pub(super) type Called = BTreeSet<&'static str>;

/// What a value of this type is in registers.
pub(super) fn register_type(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 | DType::F64 => "f32",
        DType::I64 | DType::U8 => "i32",
        DType::Bool => "bool",
    }
}

/// What an element of this type is in memory.
pub(super) fn memory_type(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "u32",
        other => register_type(other),
    }
}

/// A number.
pub(super) fn number(value: Scalar, dtype: DType, called: &mut Called) -> Option<String> {
    Some(match dtype {
        DType::F32 | DType::F64 => float(value.as_f64() as f32, called),
        DType::I64 | DType::U8 => match value {
            Scalar::Int(n) => int(i32::try_from(n).ok()?),
            Scalar::Bool(b) => int(i32::from(b)),
            Scalar::Float(x) if x == x.trunc() && x.abs() < 2e9 => int(x as i32),
            Scalar::Float(_) => return None,
        },
        DType::Bool => (value.as_f64() != 0.0).to_string(),
    })
}

fn int(n: i32) -> String {
    if n == i32::MIN { "(-2147483647i - 1i)".into() } else { format!("{n}i") }
}

fn float(x: f32, called: &mut Called) -> String {
    if x.is_normal() || x.to_bits() == 0 {
        return format!("{x:?}f");
    }
    // What a constant of the language must not be: infinite, NaN, subnormal, -0.
    called.insert("bits");
    format!("bits({}u)", x.to_bits())
}

/// `op` of a value of type `of`.
pub(super) fn unary(op: Unary, of: DType, x: &str, called: &mut Called) -> Option<String> {
    let mut call = |name: &'static str| {
        called.insert(name);
        format!("{name}({x})")
    };
    Some(match (op, of) {
        (Unary::Neg, _) => format!("(-{x})"),
        (Unary::Abs, _) => format!("abs({x})"),
        (Unary::Sign, DType::I64) => format!("sign({x})"),
        (Unary::Not, _) => format!("(!{x})"),
        (Unary::Sign, _) => call("sign_"),
        (Unary::Exp, _) => format!("exp({x})"),
        (Unary::Expm1, _) => call("expm1_"),
        (Unary::Log, _) => call("log_"),
        (Unary::Log1p, _) => call("log1p_"),
        (Unary::Sqrt, _) => format!("sqrt({x})"),
        (Unary::Sin, _) => format!("sin({x})"),
        (Unary::Cos, _) => format!("cos({x})"),
        (Unary::Tanh, _) => call("tanh_"),
        (Unary::Sigmoid, _) => call("sigmoid_"),
        (Unary::Softplus, _) => call("softplus_"),
        (Unary::Relu, _) => format!("select({x}, 0.0f, {x} < 0.0f)"),
        (Unary::Erf, _) => call("erf_"),
        (Unary::Floor, _) => format!("floor({x})"),
        (Unary::IsFinite, _) => call("is_finite_"),
    })
}

/// `op` of two values of type `of`.
pub(super) fn binary(op: Binary, of: DType, x: &str, y: &str, called: &mut Called) -> Option<String> {
    let sign = match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div if of.is_float() => "/",
        Binary::Div => return None,
        Binary::Eq => "==",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Gt => ">",
        Binary::Ge => ">=",
        // On some devices NaN does not differ from NaN.
        Binary::Ne => return Some(format!("(!({x} == {y}))")),
        Binary::And => return Some(format!("({x} && {y})")),
        Binary::Or => return Some(format!("({x} || {y})")),
        Binary::Max | Binary::Min if of == DType::Bool => return None,
        Binary::Max | Binary::Min if !of.is_float() => {
            return Some(format!("{}({x}, {y})", if op == Binary::Max { "max" } else { "min" }));
        }
        Binary::Max | Binary::Min => {
            let name = if op == Binary::Max { "max_" } else { "min_" };
            called.insert(name);
            return Some(format!("{name}({x}, {y})"));
        }
        Binary::Pow => {
            called.insert("pow_");
            return Some(format!("pow_({x}, {y})"));
        }
    };
    if of == DType::Bool && sign != "==" {
        // false < true.
        return Some(match op {
            Binary::Lt => format!("(!{x} && {y})"),
            Binary::Le => format!("(!{x} || {y})"),
            Binary::Gt => format!("({x} && !{y})"),
            Binary::Ge => format!("({x} || !{y})"),
            _ => return None,
        });
    }
    Some(format!("({x} {sign} {y})"))
}

/// A value of type `from` in type `to`.
pub(super) fn cast(from: DType, to: DType, x: &str, called: &mut Called) -> String {
    match (register_type(from), register_type(to)) {
        _ if to == DType::U8 && from == DType::I64 => format!("clamp({x}, 0i, 255i)"),
        ("f32", "i32") => {
            called.insert("byte_");
            format!("byte_({x})")
        }
        ("f32", "bool") => format!("(!({x} == 0.0f))"),
        ("i32", "bool") => format!("({x} != 0i)"),
        ("bool", "i32") => format!("select(0i, 1i, {x})"),
        ("bool", "f32") => format!("select(0.0f, 1.0f, {x})"),
        ("i32", "f32") => format!("f32({x})"),
        _ => x.into(),
    }
}

/// The neutral element of a reduction.
pub(super) fn identity(kind: Reduce, dtype: DType, called: &mut Called) -> String {
    match (kind, dtype.is_float()) {
        (Reduce::Max, false) => "(-2147483647i - 1i)".into(),
        (Reduce::Min, false) => "2147483647i".into(),
        (kind, true) => float(kind.identity() as f32, called),
        (kind, false) => int(kind.identity() as i32),
    }
}

/// Two terms of a reduction.
pub(super) fn combine(kind: Reduce, dtype: DType, x: &str, y: &str, called: &mut Called) -> Option<String> {
    let op = match kind {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Max,
        Reduce::Min => Binary::Min,
    };
    binary(op, dtype, x, y, called)
}

/// The text of the functions that are called, and of those that they call.
pub(super) fn library(called: &Called) -> String {
    let mut needed: Called = called.clone();
    // Later functions call earlier ones only.
    for (name, _, calls) in FUNCTIONS.iter().rev() {
        if needed.contains(name) {
            needed.extend(calls.iter());
        }
    }
    let mut text = String::new();
    for (_, body, _) in FUNCTIONS.iter().filter(|(name, ..)| needed.contains(name)) {
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
    return select(exp(x) - 1.0f, s * x, abs(x) < 0.5f);
}",
        &[],
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
    let size = 1.0f - 2.0f / (exp(2.0f * abs(x)) + 1.0f);
    return select(select(size, -size, x < 0.0f), inner, abs(x) < 1.0f);
}",
        &[],
    ),
    // The exponential is of a number that is not positive.
    (
        "sigmoid_",
        "
fn sigmoid_(x: f32) -> f32 {
    let e = exp(-abs(x));
    let right = 1.0f / (1.0f + e);
    return select(right, e * right, x < 0.0f);
}",
        &[],
    ),
    (
        "softplus_",
        "
fn softplus_(x: f32) -> f32 {
    return select(x, 0.0f, x < 0.0f) + log1p_(exp(-abs(x)));
}",
        &["log1p_"],
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
    let size = 1.0f - p * t * exp(-z);
    return select(select(size, -size, x < 0.0f), 1.1283792f * s * x, a < 0.8f);
}",
        &[],
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
    // Beside 1, where a device's logarithm may have no digits, by ours.
    var size = select(pow(abs(x), y), exp(log_(abs(x)) * y), abs(abs(x) - 1.0f) < 0.3f);
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
        &["bits", "is_nan_", "is_finite_", "log_"],
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

    #[test]
    fn numbers_that_are_no_constants_are_bits() {
        let mut called = Called::new();
        assert_eq!(number(Scalar::Float(0.1), DType::F32, &mut called).as_deref(), Some("0.1f"));
        assert!(called.is_empty());
        let least = number(Scalar::Float(f64::NEG_INFINITY), DType::F32, &mut called);
        assert_eq!(least.as_deref(), Some("bits(4286578688u)"));
        assert_eq!(number(Scalar::Int(1 << 40), DType::I64, &mut called), None);
    }
}
