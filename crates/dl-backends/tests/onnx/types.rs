//! Element types of ONNX, and ours that hold their values.

use dl_core::{Bool, DType, F32, F64, I64};

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    Float,
    Double,
    /// Half precision, computed in single: bits of the fraction, 10 or 7.
    Half(i32),
    Bool,
    /// Bits, and whether there is a sign.
    Int(u32, bool),
}

impl Ty {
    /// By the name of ONNX; the others are not written.
    pub(crate) fn named(name: &str) -> Result<Ty, String> {
        Ok(match name {
            "FLOAT" => Ty::Float,
            "DOUBLE" => Ty::Double,
            "FLOAT16" => Ty::Half(10),
            "BFLOAT16" => Ty::Half(7),
            "BOOL" => Ty::Bool,
            "INT8" => Ty::Int(8, true),
            "INT16" => Ty::Int(16, true),
            "INT32" => Ty::Int(32, true),
            "INT64" => Ty::Int(64, true),
            "UINT8" => Ty::Int(8, false),
            "UINT16" => Ty::Int(16, false),
            "UINT32" => Ty::Int(32, false),
            "UINT64" => Ty::Int(64, false),
            other => return Err(format!("elements of {}", other.to_lowercase())),
        })
    }

    /// By the number of `TensorProto.DataType`.
    pub(crate) fn numbered(number: i64) -> Result<Ty, String> {
        const NAMES: [&str; 17] = [
            "UNDEFINED",
            "FLOAT",
            "UINT8",
            "INT8",
            "UINT16",
            "INT16",
            "INT32",
            "INT64",
            "STRING",
            "BOOL",
            "FLOAT16",
            "DOUBLE",
            "UINT32",
            "UINT64",
            "COMPLEX64",
            "COMPLEX128",
            "BFLOAT16",
        ];
        let name = usize::try_from(number).ok().and_then(|n| NAMES.get(n));
        Ty::named(name.unwrap_or(&"fewer bits than 16"))
    }

    /// Ours.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Ty::Float | Ty::Half(_) => F32,
            Ty::Double => F64,
            Ty::Bool => Bool,
            Ty::Int(..) => I64,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Ty::Float | Ty::Double | Ty::Half(_))
    }

    /// The distance of 1 to the next number.
    pub(crate) fn epsilon(self) -> f64 {
        match self {
            Ty::Half(bits) => 2f64.powi(-bits),
            Ty::Double => f64::EPSILON,
            _ => f64::from(f32::EPSILON),
        }
    }

    /// The ends, where doubles hold them.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        match self {
            Ty::Int(bits @ ..=32, true) => {
                Some((-(2f64.powi(bits as i32 - 1)), 2f64.powi(bits as i32 - 1) - 1.0))
            }
            Ty::Int(bits @ ..=32, false) => Some((0.0, 2f64.powi(bits as i32) - 1.0)),
            _ => None,
        }
    }
}
