//! How far results of the `wgpu` executor may be from the values that the tables define.
//!
//! `cargo xtask accuracy --device` measures it and writes what it found to `docs/accuracy-device.md`.

use dl_core::ops::{Binary, Unary};

/// The largest error of a function of one argument among normal `f32`, in units in the last place.
pub fn unary(op: Unary) -> f64 {
    match op {
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Relu | Unary::Floor => 0.0,
        Unary::Ceil | Unary::Round => 0.0,
        Unary::IsFinite | Unary::Not => 0.0,
        Unary::Sqrt | Unary::Sin | Unary::Cos | Unary::Log | Unary::Tanh => 4.0,
        Unary::Exp | Unary::Expm1 | Unary::Sigmoid | Unary::Softplus => 4.0,
        Unary::Log1p | Unary::Erf => 8.0,
        Unary::Log2 | Unary::Exp2 | Unary::Asin | Unary::Acos | Unary::Atan => 8.0,
        Unary::Tan | Unary::Sinh | Unary::Cosh => 16.0,
        Unary::Erfc | Unary::Erfcx | Unary::Erfinv | Unary::LogNdtr => 32.0,
        // On the host.
        Unary::Lgamma | Unary::Digamma => 0.5,
    }
}

/// The same for functions of two arguments.
pub fn binary(op: Binary) -> f64 {
    match op {
        Binary::Add | Binary::Sub | Binary::Mul => 0.5,
        // What WGSL promises.
        Binary::Div => 2.5,
        // By the device's own, for powers that a `f32` holds.
        Binary::Pow => 256.0,
        Binary::Atan2 => 8.0,
        // On the host.
        Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => 0.5,
        Binary::Max | Binary::Min => 0.0,
        Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => 0.0,
        Binary::And | Binary::Or => 0.0,
    }
}
