//! Constants that rules move: the one place that says what may become of them.
//!
//! **No constant moves unless it may.** Constants are folded in the type of the value, as a run would.
//! A product or ratio of constants that leaves the type's normal numbers, or underflows, is not made
//! ([`combined`]), so the rule that asks for it does not apply. A sum of constants is made where no
//! digit is lost ([`exact_sum`]). What scales a value moves across an operation only where no partial
//! result leaves the range that the author's order kept ([`enlarges`]).

use crate::dtype::{DType, Scalar};
use crate::ops::Binary;

/// How much a constant may enlarge what is computed before it: results that come this near to the
/// smallest normal number lose as many bits as that, and no more.
const ENLARGED: f64 = 8.0;

/// True for a factor that makes nothing much larger: what underflows before it is as good as zero after it.
pub(super) fn is_moderate(factor: f64) -> bool {
    factor.abs() <= ENLARGED
}

/// `value` as the type holds it.
pub(super) fn rounded(dtype: DType, value: f64) -> f64 {
    Scalar::of(dtype, value).as_f64()
}

/// The logarithm as an author's own constant of the type would hold it, so that both cancel.
pub(super) fn log(dtype: DType, value: f64) -> f64 {
    rounded(dtype, value.ln())
}

/// True for the same constant, computed in another order or rounded to the type before; never for NaN.
pub(crate) fn close(dtype: DType, a: f64, b: f64) -> bool {
    let tolerance = if dtype == DType::F32 { 2.0 * f64::from(f32::EPSILON) } else { 1e-14 };
    a.is_finite() && b.is_finite() && (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

/// The constant that two constants make, rounded to the type; nothing where it would not have the
/// digits of its operands, or come nearer to the ends of the type than they do, or where the operation is
/// none of arithmetic.
pub(super) fn combined(op: Binary, dtype: DType, a: f64, b: f64) -> Option<f64> {
    let value = rounded(dtype, (op.row().value)(a, b));
    let fits = match op {
        Binary::Add | Binary::Sub => value.is_finite(),
        Binary::Mul | Binary::Div => {
            let (small, large) = (a.abs().min(b.abs()), a.abs().max(b.abs()));
            let far = if dtype == DType::F32 { 1e30 } else { 1e290 };
            let inner = |x: f64| (1.0 / far..=far).contains(&x) || (small..=large).contains(&x);
            value.is_finite()
                && dtype.has_digits(value)
                && inner(value.abs())
                && (value != 0.0 || small == 0.0)
        }
        _ => false,
    };
    fits.then_some(value)
}

/// True where the type holds `a + b` without rounding.
pub(super) fn exact_sum(dtype: DType, a: f64, b: f64) -> bool {
    let sum = a + b;
    // The rounding error of the sum (Knuth, The Art of Computer Programming 2, 4.2.2).
    let from_b = sum - a;
    let error = (a - (sum - from_b)) + (b - from_b);
    sum.is_finite() && error == 0.0 && rounded(dtype, sum) == sum
}

/// True for a factor that makes what it scales no smaller, and hardly larger: then a product, ratio or sum
/// of what varies, computed before it is scaled, overflows only where the result does, and what it loses
/// by underflow are some last bits.
pub(super) fn enlarges(factor: f64) -> bool {
    (1.0..=ENLARGED).contains(&factor.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DType::{F32, F64};

    #[test]
    fn products_keep_their_digits() {
        assert_eq!(combined(Binary::Mul, F64, 0.5, 3.0), Some(1.5));
        assert_eq!(combined(Binary::Mul, F32, 0.0, 3.0), Some(0.0));
        for (a, b) in [(1e30, 1e30), (1e-20, 1e-20), (1e-30, 1e-30), (f64::INFINITY, 1.0), (f64::NAN, 1.0)] {
            assert_eq!(combined(Binary::Mul, F32, a, b), None, "{a} · {b}");
        }
        assert_eq!(combined(Binary::Div, F64, 1.0, 1e-310), None);
        assert_eq!(combined(Binary::Div, F64, 1.0, 0.0), None);
        assert_eq!(combined(Binary::Div, F32, 1.0, 3.0), Some(f64::from(1.0f32 / 3.0)));
        assert_eq!(combined(Binary::Max, F64, 1.0, 0.0), None);
    }

    #[test]
    fn sums_lose_nothing() {
        assert!(exact_sum(F64, 1.0, 2.0) && exact_sum(F32, 0.5, -0.25));
        assert!(!exact_sum(F64, 1.0, 1e-17) && !exact_sum(F64, 0.1, 0.2));
        assert!(!exact_sum(F32, 1.0, -f64::from(1e-8f32)) && exact_sum(F64, 1.0, 2f64.powi(-40)));
        assert!(!exact_sum(F64, f64::MAX, f64::MAX) && !exact_sum(F64, f64::NAN, 1.0));
    }
}
