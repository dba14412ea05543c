//! Reductions: neighbouring axes are taken together, then reduced one group at a time.

use burn_backend::Backend;
use dl_core::ops::Reduce;
use dl_core::{DType, Scalar};

use super::host;
use super::machine::Machine;
use super::step::Step;
use super::value::{Value, extents};

type Result<T> = std::result::Result<T, String>;

/// `kind` along `axes`, which disappear.
pub(super) fn reduce<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    kind: Reduce,
    axes: &[usize],
    x: Value<B>,
) -> Result<Value<B>> {
    let from = &step.args[0].shape;
    if x.is_empty() {
        return over_nothing(m, step, kind);
    }
    let (mut shape, reduced) = grouped(from, axes);
    let mut x = x.reshape(&extents(&shape));
    for (axis, _) in reduced.iter().enumerate().filter(|(_, r)| **r) {
        x = along(m, step, kind, x, &shape, axis)?;
        shape[axis] = 1;
    }
    Ok(x.reshape(&extents(&step.shape)))
}

fn over_nothing<B: Backend>(m: &Machine<B>, step: &Step<B>, kind: Reduce) -> Result<Value<B>> {
    let value = match (kind, step.dtype) {
        (Reduce::Max | Reduce::Min, DType::I64) => {
            return Err(format!(
                "{} of {:?} over nothing: i64 has no infinity",
                kind.name(),
                step.args[0].shape
            ));
        }
        _ => Scalar::of(step.dtype, kind.identity()),
    };
    m.full(step.dtype, &step.shape, value)
}

/// One axis, which keeps size 1.
fn along<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    kind: Reduce,
    x: Value<B>,
    shape: &[usize],
    axis: usize,
) -> Result<Value<B>> {
    Ok(match (x, kind) {
        (Value::Float(x), Reduce::Sum) => Value::Float(B::float_sum_dim(x, axis)),
        (Value::Float(x), Reduce::Prod) => Value::Float(B::float_prod_dim(x, axis)),
        (Value::Float(x), _) if !m.near => {
            Value::Float(super::far::extreme::<B>(x, axis, kind == Reduce::Max, m.bool))
        }
        (Value::Float(x), Reduce::Max) => Value::Float(B::float_max_dim(x, axis)),
        (Value::Float(x), Reduce::Min) => Value::Float(B::float_min_dim(x, axis)),
        (Value::Int(x), Reduce::Max) => Value::Int(B::int_max_dim(x, axis)),
        (Value::Int(x), Reduce::Min) => Value::Int(B::int_min_dim(x, axis)),
        (Value::Int(x), Reduce::Sum) if step.exact => Value::Int(B::int_sum_dim(x, axis)),
        (Value::Int(x), Reduce::Prod) if step.exact => Value::Int(B::int_prod_dim(x, axis)),
        (x @ Value::Int(_), _) => {
            let (outer, inner) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
            let mut out = shape.to_vec();
            out[axis] = 1;
            host::reduce_ints(m, kind, x, [outer, shape[axis], inner])?.reshape(&out)
        }
        (x, _) => return Err(format!("{} of {}", kind.name(), x.kind())),
    })
}

/// The shape with neighbouring axes of the same fate taken together, and which of these disappear.
fn grouped(shape: &[usize], axes: &[usize]) -> (Vec<usize>, Vec<bool>) {
    let (mut sizes, mut reduced): (Vec<usize>, Vec<bool>) = (vec![], vec![]);
    for (axis, &size) in shape.iter().enumerate() {
        let gone = axes.contains(&axis);
        match (sizes.last_mut(), reduced.last()) {
            (Some(last), Some(fate)) if *fate == gone => *last *= size,
            _ => {
                sizes.push(size);
                reduced.push(gone);
            }
        }
    }
    (sizes, reduced)
}

/// The index of the first extreme element along `axis`, the first NaN if there is one.
pub(super) fn arg_reduce<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    kind: Reduce,
    axis: usize,
    x: Value<B>,
) -> Result<Value<B>> {
    let max = kind == Reduce::Max;
    let indices = match x {
        Value::Empty => {
            return Err(format!(
                "{} along axis {axis} of {:?}, which is empty",
                step.op.name(),
                step.args[0].shape
            ));
        }
        Value::Float(x) if !m.near => super::far::arg_extreme::<B>(&m.device, x, axis, max, (m.int, m.bool)),
        Value::Float(x) if max => B::float_argmax(x, axis, m.int),
        Value::Float(x) => B::float_argmin(x, axis, m.int),
        Value::Int(x) if max => B::int_cast(B::int_argmax(x, axis), m.int),
        Value::Int(x) => B::int_cast(B::int_argmin(x, axis), m.int),
        Value::Bool(_) => return Err(format!("{} of truth values", step.op.name())),
    };
    Ok(Value::<B>::Int(indices).reshape(&extents(&step.shape)))
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn neighbouring_axes_go_together() {
        assert_eq!(grouped(&[2, 3, 5, 7], &[0, 1]), (vec![6, 35], vec![true, false]));
        assert_eq!(grouped(&[2, 3, 5, 7], &[1, 3]), (vec![2, 3, 5, 7], vec![false, true, false, true]));
        assert_eq!(grouped(&[4], &[0]), (vec![4], vec![true]));
    }
}
