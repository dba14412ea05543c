//! Constants in clean decimal: the shortest digits that mean the same number in its element type.

use crate::dtype::{DType, Scalar};

/// A number, taken apart for printing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Decimal digits, perhaps with a point.
    Plain { minus: bool, digits: String },
    /// `digits · 10^exponent`.
    Scientific { minus: bool, digits: String, exponent: i32 },
    /// Infinity.
    Infinite { minus: bool },
    /// Not a number.
    Nan,
    /// A truth value.
    Truth(bool),
}

impl Number {
    pub(super) fn new(value: Scalar, dtype: DType) -> Number {
        match value {
            Scalar::Bool(b) => Number::Truth(b),
            Scalar::Int(n) => Number::Plain { minus: n < 0, digits: n.unsigned_abs().to_string() },
            Scalar::Float(x) if x.is_nan() => Number::Nan,
            Scalar::Float(x) if x.is_infinite() => Number::Infinite { minus: x < 0.0 },
            Scalar::Float(x) => float(x, dtype),
        }
    }

    /// In one line of ASCII: `-0.5`, `1e-8`, `-inf`.
    pub(super) fn ascii(&self) -> String {
        let sign = |minus: &bool| if *minus { "-" } else { "" };
        match self {
            Number::Plain { minus, digits } => format!("{}{digits}", sign(minus)),
            Number::Scientific { minus, digits, exponent } => format!("{}{digits}e{exponent}", sign(minus)),
            Number::Infinite { minus } => format!("{}inf", sign(minus)),
            Number::Nan => "NaN".into(),
            Number::Truth(b) => b.to_string(),
        }
    }
}

fn float(x: f64, dtype: DType) -> Number {
    let minus = x.is_sign_negative();
    let narrow = x.abs() as f32;
    // 0.1 rounded to f32 has 17 digits as f64 and one as itself.
    let is_narrow = dtype == DType::F32 && f64::from(narrow) == x.abs();
    let (plain, scientific) = if is_narrow {
        (narrow.to_string(), format!("{narrow:e}"))
    } else {
        (x.abs().to_string(), format!("{:e}", x.abs()))
    };
    let (digits, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    let many = digits.len() > 4;
    if (-4..7).contains(&exponent) || (many && (-5..16).contains(&exponent)) {
        return Number::Plain { minus, digits: plain };
    }
    Number::Scientific { minus, digits: digits.into(), exponent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_the_shortest_of_the_type() {
        let check =
            |x: f64, dtype, want: &str| assert_eq!(Number::new(Scalar::Float(x), dtype).ascii(), want);
        check(0.1, DType::F64, "0.1");
        check(f64::from(0.1f32), DType::F32, "0.1");
        check(f64::from(0.1f32), DType::F64, "0.10000000149011612");
        check(1e-4, DType::F64, "0.0001");
        check(-1e-8, DType::F64, "-1e-8");
        check(1.5e300, DType::F64, "1.5e300");
        check(60000.0, DType::F32, "60000");
        check(16777216.0, DType::F32, "16777216");
        check(-0.0, DType::F32, "-0");
        check(f64::NEG_INFINITY, DType::F32, "-inf");
        check(f64::NAN, DType::F32, "NaN");
    }
}
