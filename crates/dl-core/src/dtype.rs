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

    /// True unless a float lies below the smallest normal number of the type, without being zero.
    pub(crate) fn has_digits(self, value: f64) -> bool {
        let normal = if self == DType::F32 { (value as f32).is_normal() } else { value.is_normal() };
        normal || value == 0.0 || !value.is_finite()
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
    /// The constant `value` as `dtype` computes with it: floats are rounded to the type, integers
    /// truncate and saturate.
    pub fn of(dtype: DType, value: f64) -> Scalar {
        match dtype {
            DType::F32 => Scalar::Float(f64::from(value as f32)),
            DType::F64 => Scalar::Float(value),
            DType::I64 | DType::U8 => Scalar::Int(value as i64),
            DType::Bool => Scalar::Bool(value != 0.0),
        }
    }

    /// The same for a number that an author wrote: rounding is fine, another number is not.
    ///
    /// # Errors
    /// When the number is finite and outside the range of a float type (or so small that the type
    /// takes it for zero), is no integer of an integer type, or neither 0 nor 1 as a truth value.
    pub fn written(dtype: DType, value: f64) -> Result<Scalar, String> {
        let scalar = Scalar::of(dtype, value);
        let held = scalar.as_f64();
        let misfit = |why: String| Err(format!("constant {value:?} does not fit {dtype}: {why}"));
        match dtype {
            DType::F32 if value.is_finite() && held.is_infinite() => {
                misfit(format!("its largest number is {:?}", f32::MAX))
            }
            DType::F32 if held == 0.0 && value != 0.0 => {
                misfit(format!("its smallest number above zero is {:?}", f32::from_bits(1)))
            }
            DType::F32 | DType::F64 => Ok(scalar),
            // 2⁶³ itself saturates to the number below it.
            DType::I64 if held == value && value < 2f64.powi(63) => Ok(scalar),
            DType::I64 => misfit("expected an integer of 64 bits".into()),
            DType::U8 if scalar.fits(DType::U8) && held == value => Ok(scalar),
            DType::U8 => misfit("expected an integer from 0 to 255".into()),
            DType::Bool if held == value => Ok(scalar),
            DType::Bool => misfit("expected 0 or 1".into()),
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

    /// True where an element of `dtype` can hold exactly this constant.
    pub fn fits(self, dtype: DType) -> bool {
        match self {
            Scalar::Float(x) if dtype == DType::F32 => x.is_nan() || f64::from(x as f32) == x,
            Scalar::Float(_) => dtype == DType::F64,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_numbers_of_their_type() {
        let held = |dtype, x| Scalar::written(dtype, x).map(Scalar::as_f64);
        assert_eq!(held(DType::F32, 0.1), Ok(f64::from(0.1f32)));
        assert_eq!(held(DType::F64, 0.1), Ok(0.1));
        assert_eq!(held(DType::F32, f64::INFINITY), Ok(f64::INFINITY));
        assert_eq!(held(DType::F32, -1e-45).map(f64::to_bits), Ok(f64::from(-1e-45f32).to_bits()));
        assert!(held(DType::F32, f64::NAN).is_ok_and(f64::is_nan));
        assert_eq!(held(DType::Bool, 1.0), Ok(1.0));
        for (dtype, x) in [
            (DType::F32, 1e300),
            (DType::F32, -3.5e38),
            (DType::F32, 1e-60),
            (DType::I64, 0.5),
            (DType::I64, 1e30),
            (DType::I64, 9223372036854775808.0),
            (DType::I64, f64::NAN),
            (DType::U8, 256.0),
            (DType::U8, -1.0),
            (DType::Bool, 0.5),
            (DType::Bool, f64::NAN),
        ] {
            let message = held(dtype, x).unwrap_err();
            assert!(message.contains(&format!("does not fit {dtype}: ")), "{message}");
        }
        assert!(!Scalar::Float(0.1).fits(DType::F32));
        assert!(Scalar::Float(0.1).fits(DType::F64));
    }
}
