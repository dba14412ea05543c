//! Checking what an author declared of a value.

use super::array::{Array, Values::Float, position};
use crate::dtype::DType;
use crate::ops::Fact;
use crate::tensor::{DataRef, TensorRef};

/// How far rounding may carry a value in double precision from what was declared of it.
pub(super) const TOLERANCE: f64 = 1e-6;

/// The same for values that an executor computed, in their element type.
pub(crate) fn check_tensor(fact: Fact, x: TensorRef<'_>) -> Result<(), String> {
    let tolerance = if x.dtype() == DType::F32 { 10.0 * TOLERANCE } else { TOLERANCE };
    // Where nothing is wrong, as a rule, nothing is copied.
    let right = match x.data() {
        _ if fact == Fact::Distribution => false,
        DataRef::F32(v) => v.iter().all(|v| holds(fact, (*v).into(), tolerance)),
        DataRef::F64(v) => v.iter().all(|v| holds(fact, *v, tolerance)),
        _ => false,
    };
    if right { Ok(()) } else { check(fact, &Array::from(x), tolerance) }
}

fn holds(fact: Fact, v: f64, tolerance: f64) -> bool {
    match fact {
        Fact::NonNegative | Fact::Distribution => v >= -tolerance,
        Fact::Positive => v > 0.0,
        Fact::Finite => v.is_finite(),
    }
}

/// The first place where `fact` does not hold, or nothing. NaN satisfies no fact.
pub(super) fn check(fact: Fact, x: &Array, tolerance: f64) -> Result<(), String> {
    let Float(values) = &x.data else {
        return Err(format!("{} is declared of {}, not of floats", fact.name(), x.data.kind()));
    };
    if let Some(k) = values.iter().position(|v| !holds(fact, *v, tolerance)) {
        let at = position(&x.shape, k);
        return Err(format!("the value is assumed {}, but is {} at {at:?}", fact.name(), values[k]));
    }
    if fact == Fact::Distribution { sums_to_one(values, &x.shape, tolerance) } else { Ok(()) }
}

fn sums_to_one(values: &[f64], shape: &[usize], tolerance: f64) -> Result<(), String> {
    let Some((last, outer)) = shape.split_last() else {
        return Err("a scalar has no axis to sum to one".into());
    };
    for row in 0..outer.iter().product() {
        let sum: f64 = values[row * last..(row + 1) * last].iter().sum();
        let off = (sum - 1.0).abs();
        if off.is_nan() || off > tolerance {
            let at = position(outer, row);
            return Err(format!(
                "the value is assumed distribution, but sums to {sum} along the last axis at {at:?}"
            ));
        }
    }
    Ok(())
}
