//! Element types and scalar constants.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// The type of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Signed 64-bit integers: labels and indices.
    I64,
    /// Truth values.
    Bool,
    /// Bytes, such as images: stored, compared, moved and cast, but not computed with.
    U8,
}

impl DType {
    /// Every element type, in the order of declaration.
    pub const ALL: [DType; 5] = [DType::F32, DType::F64, DType::I64, DType::Bool, DType::U8];

    /// True for types with a derivative.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// True for types with arithmetic.
    pub fn is_numeric(self) -> bool {
        self.is_float() || self == DType::I64
    }

    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 => 4,
            DType::Bool | DType::U8 => 1,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I64 => "i64",
            DType::Bool => "bool",
            DType::U8 => "u8",
        })
    }
}

/// A constant; floats compare and hash by their bits, so that a node's identity is exact.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// A constant of a float type.
    Float(#[serde(with = "crate::float")] f64),
    /// A constant of an integer type.
    Int(i64),
    /// A truth value.
    Bool(bool),
}

impl Scalar {
    /// The constant `value` in the kind that `dtype` holds; integers saturate.
    pub fn of(dtype: DType, value: f64) -> Scalar {
        match dtype {
            DType::F32 | DType::F64 => Scalar::Float(value),
            DType::I64 | DType::U8 => Scalar::Int(value as i64),
            DType::Bool => Scalar::Bool(value != 0.0),
        }
    }

    /// The value as a float (exact for the floats, rounded for large integers).
    pub fn as_f64(self) -> f64 {
        match self {
            Scalar::Float(x) => x,
            Scalar::Int(n) => n as f64,
            Scalar::Bool(b) => f64::from(u8::from(b)),
        }
    }

    /// True where an element of `dtype` can hold this kind of constant.
    pub fn fits(self, dtype: DType) -> bool {
        match self {
            Scalar::Float(_) => dtype.is_float(),
            Scalar::Int(n) => dtype == DType::I64 || (dtype == DType::U8 && u8::try_from(n).is_ok()),
            Scalar::Bool(_) => dtype == DType::Bool,
        }
    }

    fn key(self) -> (u8, u64) {
        match self {
            Scalar::Float(x) => (0, x.to_bits()),
            Scalar::Int(n) => (1, n as u64),
            Scalar::Bool(b) => (2, u64::from(b)),
        }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Float(x) => write!(f, "{x}"),
            Scalar::Int(n) => write!(f, "{n}"),
            Scalar::Bool(b) => write!(f, "{b}"),
        }
    }
}
