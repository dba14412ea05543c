//! How far results in `f32` may be from the values that the tables define, and how that is measured.
//!
//! `cargo xtask accuracy` measures it over all inputs and writes what it found to `docs/accuracy.md`.

use dl_core::ops::{Binary, Unary};

/// The largest error of a function of one argument over all `f32`, in [ulp](ulps): declared here,
/// held by tests. Half an ulp means correctly rounded, 0 exact.
pub fn unary(op: Unary) -> f64 {
    match op {
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Relu | Unary::Floor => 0.0,
        Unary::Ceil | Unary::Round => 0.0,
        Unary::IsFinite | Unary::Not => 0.0,
        Unary::Sqrt => 0.5,
        Unary::Sin | Unary::Cos | Unary::Tan | Unary::Log2 | Unary::Exp2 => 0.51,
        Unary::Sinh | Unary::Cosh | Unary::Asin | Unary::Acos | Unary::Atan => 0.51,
        Unary::Erfc | Unary::Erfcx | Unary::Erfinv | Unary::LogNdtr => 0.51,
        Unary::Lgamma | Unary::Digamma => 0.51,
        Unary::Log => 0.9,
        Unary::Exp => 1.05,
        Unary::Erf => 1.3,
        Unary::Tanh => 1.35,
        Unary::Log1p => 1.45,
        Unary::Expm1 => 1.6,
        Unary::Softplus => 1.7,
        Unary::Sigmoid => 1.8,
    }
}

/// The same for functions of two arguments.
pub fn binary(op: Binary) -> f64 {
    match op {
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => 0.5,
        Binary::Pow | Binary::Atan2 => 0.51,
        Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => 0.5,
        Binary::Max | Binary::Min => 0.0,
        Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => 0.0,
        Binary::And | Binary::Or => 0.0,
    }
}

/// The error of `got` in units in the last place of `f32` at the exact value (of `2^-149` where that
/// is subnormal). Infinite where a special value is wrong: NaN, an infinity, the sign of a zero.
///
/// ```
/// use dl_backends::cpu::vector::fidelity::ulps;
/// assert_eq!(ulps(1.0, 1.0), 0.0);
/// assert_eq!(ulps(1.0 + f32::EPSILON, 1.0), 1.0);
/// assert_eq!(ulps(f32::INFINITY, 1e39), 0.0);
/// assert_eq!(ulps(0.0, -0.0), f64::INFINITY);
/// ```
#[inline]
pub fn ulps(got: f32, exact: f64) -> f64 {
    const ABOVE_MAX: f64 = 2.0 * (1_u128 << 127) as f64;
    let nearest = exact as f32;
    if !nearest.is_finite() || got.is_nan() {
        let right = got == nearest || got.is_nan() && exact.is_nan();
        // An overflow that comes too late: how far from the first number that has none.
        let near = if got.is_finite() && exact.is_finite() {
            ABOVE_MAX - f64::from(got.abs())
        } else {
            f64::INFINITY
        };
        return if right { 0.0 } else { near / ulp(f64::from(f32::MAX)) };
    }
    if got == 0.0 && got.is_sign_negative() != exact.is_sign_negative() {
        return f64::INFINITY;
    }
    let value = if got.is_finite() { f64::from(got) } else { ABOVE_MAX.copysign(f64::from(got)) };
    (value - exact).abs() / ulp(exact)
}

/// The distance of neighbours in `f32` around `x`.
#[inline]
fn ulp(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52 & 0x7ff).max(1023 - 126);
    f64::from_bits((exponent - 23) << 52)
}
