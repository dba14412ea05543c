//! How far results of the `wgpu` executor may be from the values that the tables define, and what 16 bits keep of them.
//!
//! `cargo xtask accuracy --device` measures it and writes what it found to `docs/accuracy-device.md`.

use dl_core::ops::{Binary, Unary};

use super::Storage;

/// How far a stored number may be from the one that was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stored {
    /// Of its size, from [`least`](Stored::least) on.
    pub relative: f64,
    /// The least number that has all digits.
    pub least: f64,
    /// Whatever its size, below that.
    pub absolute: f64,
    /// The largest finite number; what rounds beyond it is infinite.
    pub most: f64,
}

impl Stored {
    /// The largest error of a number of this size: infinite where it may become so.
    pub fn error(&self, x: f64) -> f64 {
        match x.abs() {
            x if x > self.most => f64::INFINITY,
            x if x < self.least => self.absolute,
            x => self.relative * x,
        }
    }
}

/// What becomes of a number between kernels: it is rounded to the nearest one of the storage, of two to the even one,
/// on every device alike. Devices may take what is below the least normal `f32` to be 0.
pub fn stored(storage: Storage) -> Stored {
    let tiny = f64::from(f32::MIN_POSITIVE);
    match storage {
        Storage::F32 => Stored { relative: 0.0, least: tiny, absolute: tiny, most: f64::from(f32::MAX) },
        Storage::F16 => Stored {
            relative: 2f64.powi(-11),
            least: 2f64.powi(-14),
            absolute: 2f64.powi(-25),
            most: 65_504.0,
        },
        Storage::Bf16 => Stored {
            relative: 2f64.powi(-8),
            least: tiny,
            absolute: tiny,
            most: f64::from(f32::from_bits(0x7f7f_0000)),
        },
    }
}

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
