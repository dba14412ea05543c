//! Reductions: neighbouring axes are merged, then reduced one group at a time.

use burn_backend::Backend;
use dl_core::ops::Reduce;
use dl_core::{DType, Scalar};

use super::host;
use super::long::{Parts, sized, taken};
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
        x = along(m, step.exact, kind, x, &shape, axis)?;
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
pub(super) fn along<B: Backend>(
    m: &Machine<B>,
    exact: bool,
    kind: Reduce,
    x: Value<B>,
    shape: &[usize],
    axis: usize,
) -> Result<Value<B>> {
    if let Some((most, part)) = m.longest(kind, matches!(x, Value::Float(_)))
        && shape[axis] > most
    {
        return in_parts(m, exact, kind, x, (shape, axis), &Parts::of(shape[axis], part));
    }
    Ok(match (x, kind) {
        (Value::Float(x), Reduce::Sum) => Value::Float(B::float_sum_dim(x, axis)),
        (Value::Float(x), Reduce::Prod) => Value::Float(B::float_prod_dim(x, axis)),
        (Value::Float(x), Reduce::Max) if m.on_host => Value::Float(B::float_max_dim(x, axis)),
        (Value::Float(x), Reduce::Min) if m.on_host => Value::Float(B::float_min_dim(x, axis)),
        (Value::Float(x), _) => {
            Value::Float(super::device::extreme::<B>(x, axis, kind == Reduce::Max, m.bool))
        }
        (Value::Int(x), Reduce::Max) => Value::Int(B::int_max_dim(x, axis)),
        (Value::Int(x), Reduce::Min) => Value::Int(B::int_min_dim(x, axis)),
        (Value::Int(x), Reduce::Sum) if exact => Value::Int(B::int_sum_dim(x, axis)),
        (Value::Int(x), Reduce::Prod) if exact => Value::Int(B::int_prod_dim(x, axis)),
        (x @ Value::Int(_), _) => {
            let (outer, inner) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
            host::reduce_ints(m, kind, x, [outer, shape[axis], inner])?.reshape(&sized(shape, axis, 1))
        }
        (x, _) => return Err(format!("{} of {}", kind.name(), x.kind())),
    })
}

/// Equal parts of the axis first, then what they gave together with the rest. As three axes, since parts are one
/// more.
fn in_parts<B: Backend>(
    m: &Machine<B>,
    exact: bool,
    kind: Reduce,
    x: Value<B>,
    (whole, reduced): (&[usize], usize),
    parts: &Parts,
) -> Result<Value<B>> {
    let n = whole[reduced];
    let (outer, inner) = (whole[..reduced].iter().product(), whole[reduced + 1..].iter().product());
    let (shape, axis, x) = (&[outer, n, inner], 1, x.reshape(&[outer, n, inner]));
    let split = [outer, parts.count, parts.size, inner];
    let head = taken(x.clone(), shape, axis, (0, parts.whole())).reshape(&split);
    let head = along(m, exact, kind, head, &split, 2)?;
    let mut found = vec![head.reshape(&sized(shape, axis, parts.count))];
    if parts.rest > 0 {
        let rest = taken(x, shape, axis, (parts.whole(), shape[axis]));
        found.push(along(m, exact, kind, rest, &sized(shape, axis, parts.rest), axis)?);
    }
    let shorter = sized(shape, axis, parts.count + found.len() - 1);
    let found = along(m, exact, kind, Value::concat(found, axis), &shorter, axis)?;
    Ok(found.reshape(&sized(whole, reduced, 1)))
}

/// The shape with neighbouring axes merged where all disappear or all stay, and which of the merged axes disappear.
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
            let (name, shape) = (step.op.name(), &step.args[0].shape);
            return Err(format!("{name} along axis {axis} of {shape:?}, which is empty"));
        }
        x if !m.on_host => arg_by_value(m, kind, axis, x, &step.args[0].shape)?,
        Value::Float(x) if max => Value::Int(B::float_argmax(x, axis, m.int)),
        Value::Float(x) => Value::Int(B::float_argmin(x, axis, m.int)),
        Value::Int(x) if max => Value::Int(B::int_cast(B::int_argmax(x, axis), m.int)),
        Value::Int(x) => Value::Int(B::int_cast(B::int_argmin(x, axis), m.int)),
        Value::Bool(_) => return Err(format!("{} of truth values", step.op.name())),
    };
    Ok(indices.reshape(&extents(&step.shape)))
}

/// The least index of an element that equals the extreme one, or is NaN: devices of their own do
/// not promise which of several they find.
fn arg_by_value<B: Backend>(
    m: &Machine<B>,
    kind: Reduce,
    axis: usize,
    x: Value<B>,
    shape: &[usize],
) -> Result<Value<B>> {
    let n = shape[axis];
    let found = match (x.clone(), along(m, true, kind, x, shape, axis)?.expand(shape)) {
        (Value::Float(x), Value::Float(top)) => {
            B::bool_or(B::float_is_nan(x.clone(), m.bool), B::float_equal(x, top, m.bool))
        }
        (Value::Int(x), Value::Int(top)) => B::int_equal(x, top, m.bool),
        (x, _) => return Err(format!("the index of {}", x.kind())),
    };
    let mut count = vec![1; shape.len()];
    count[axis] = n;
    let places = m.indices((0..n as i64).collect())?.reshape(&count).expand(shape).int()?;
    let places = B::int_mask_fill(places, B::bool_not(found), m.scalar(Scalar::Int(n as i64))?);
    along(m, true, Reduce::Min, Value::Int(places), shape, axis)
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
