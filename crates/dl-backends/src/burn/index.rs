//! Gather and its transpose, on arrays of four axes: `[batch, before, size, after]`.

use burn_backend::tensor::IntTensor;
use burn_backend::{Backend, Scalar as BurnScalar};
use dl_core::ops::Op;
use dl_core::{DType, Scalar};

use super::machine::Machine;
use super::step::{Check, Env, Step};
use super::value::{Value, extents};
use super::{cumulative, host, long};

type Result<T> = std::result::Result<T, String>;

/// Picks along `axis`, the first `batch` axes going in step.
pub(super) fn gather<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    axis: usize,
    batch: usize,
    x: Value<B>,
    indices: Value<B>,
) -> Result<Value<B>> {
    let view = View::of(&step.args[0].shape, axis, batch, &step.args[1].shape);
    // As numbers, since burn's flex forgets that what it picks are truth values.
    let (x, truths) = match x {
        Value::Bool(x) => (Value::Int(B::bool_into_int(x, m.int)), true),
        x => (x, false),
    };
    let picked = if batch == 0 {
        x.reshape(&view.three()).select(1, indices.reshape(&[view.count]).int()?)
    } else {
        x.reshape(&view.four(view.size)).gather(2, view.spread(indices)?)
    };
    let picked = picked.reshape(&extents(&step.shape));
    Ok(match picked {
        Value::Int(x) if truths => Value::Bool(B::int_not_equal_elem(x, BurnScalar::Int(0), m.bool)),
        picked => picked,
    })
}

/// Updates that a kernel adds one after the other, perhaps all at one place: the promise is 64 units.
pub(super) const CHAIN: usize = 256;

/// Adds `updates` at the indices onto zeros.
pub(super) fn scatter_add<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    axis: usize,
    batch: usize,
    indices: Value<B>,
    updates: Value<B>,
) -> Result<Value<B>> {
    let view = View::of(&step.shape, axis, batch, &step.args[0].shape);
    let zeros = |shape: &[usize]| m.full(step.dtype, shape, Scalar::of(step.dtype, 0.0));
    if updates.is_empty() {
        return zeros(&step.shape);
    }
    let sum = if step.dtype == DType::I64 && !step.exact {
        let indices = m.read_ints(indices, &step.args[0].shape)?;
        host::scatter_ints(m, &indices, updates.reshape(&view.four(view.count)), view.four(view.size))?
    } else if view.count > CHAIN && m.on_host && step.dtype.is_float() {
        let indices = m.read_ints(indices, &step.args[0].shape)?;
        let sizes = view.four(view.size);
        host::scatter_floats(m, &indices, updates.reshape(&view.four(view.count)), step.dtype, sizes)?
    } else if view.count > CHAIN && !m.on_host {
        let shape = [view.batch * view.before, view.count, view.after];
        let indices = Value::Int(view.spread(indices)?).reshape(&shape);
        let sizes = [shape[0], view.count, view.size, view.after];
        long::add_at(m, indices, updates.reshape(&shape), sizes, zeros)?
    } else if batch == 0 {
        let updates = updates.reshape(&[view.before, view.count, view.after]);
        zeros(&view.three())?.select_add(1, indices.reshape(&[view.count]).int()?, updates)
    } else {
        let updates = updates.reshape(&view.four(view.count));
        zeros(&view.four(view.size))?.scatter_add(2, view.spread(indices)?, updates)
    };
    Ok(sum.reshape(&extents(&step.shape)))
}

/// Sets `updates` at the indices, or the extreme of each place.
pub(super) fn scatter_chosen<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    axis: usize,
    batch: usize,
    indices: Value<B>,
    updates: Value<B>,
) -> Result<Value<B>> {
    let view = View::of(&step.shape, axis, batch, &step.args[0].shape);
    if updates.is_empty() {
        let Op::Scatter { kind, .. } = step.op else { return Err("no scatter".into()) };
        return m.full(step.dtype, &step.shape, kind.nothing(step.dtype));
    }
    let indices = m.read_ints(indices, &step.args[0].shape)?;
    cumulative::scatter(m, step, &indices, updates, view.four(view.size))
}

/// An indexed array of any rank as one of four axes.
struct View {
    batch: usize,
    before: usize,
    size: usize,
    after: usize,
    /// Indices for each element of the batch.
    count: usize,
}

impl View {
    fn of(shape: &[usize], axis: usize, batch: usize, indices: &[usize]) -> View {
        View {
            batch: shape[..batch].iter().product(),
            before: shape[batch..axis].iter().product(),
            size: shape[axis],
            after: shape[axis + 1..].iter().product(),
            count: indices[batch..].iter().product(),
        }
    }

    /// The shape with `size` elements along the axis.
    fn four(&self, size: usize) -> [usize; 4] {
        [self.batch, self.before, size, self.after]
    }

    /// The shape without the batch, which is of one element.
    fn three(&self) -> [usize; 3] {
        [self.before, self.size, self.after]
    }

    /// The indices repeated for everything beside the axis.
    fn spread<B: Backend>(&self, indices: Value<B>) -> Result<IntTensor<B>> {
        indices.reshape(&[self.batch, 1, self.count, 1]).expand(&self.four(self.count)).int()
    }
}

/// Checks the indices of a step against their axis before a run, where they are an input.
///
/// # Errors
/// When one is outside: with its value and place.
pub(super) fn check_input<B: Backend>(step: &Step<B>, env: &Env<'_>) -> Result<()> {
    match step.check {
        Check::Input(slot) => check(step, env.inputs[slot].get::<i64>().map_err(|e| e.to_string())?),
        Check::Inside | Check::Computed => Ok(()),
    }
}

/// Checks computed indices against their axis, unless they cannot be outside; waits for the device.
///
/// # Errors
/// When one is outside: with its value and place.
pub(super) fn check_computed<B: Backend>(m: &Machine<B>, step: &Step<B>, indices: &Value<B>) -> Result<()> {
    match (step.check, step.indexed()) {
        (Check::Computed, Some((_, _, place))) => {
            check(step, &m.read_ints(indices.clone(), &step.args[place].shape)?)
        }
        _ => Ok(()),
    }
}

fn check<B: Backend>(step: &Step<B>, indices: &[i64]) -> Result<()> {
    let Some((axis, indexed, place)) = step.indexed() else { return Ok(()) };
    host::check_indices(step.op.name(), indices, &step.args[place].shape, axis, indexed)
}
