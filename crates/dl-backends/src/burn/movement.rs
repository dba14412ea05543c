//! Movements: reshape, permute, broadcast, slice, pad, concat and flip.

use burn_backend::{Backend, Slice};
use dl_core::{Dim, Scalar};

use super::machine::Machine;
use super::step::Step;
use super::value::{Value, extents};

type Result<T> = std::result::Result<T, String>;

/// Axis `i` of `x` becomes axis `axes[i]`; along the others values repeat, at first by an axis of 1.
pub(super) fn broadcast<B: Backend>(step: &Step<B>, axes: &[usize], x: Value<B>) -> Value<B> {
    let own = x.shape();
    let mut shape = vec![1; extents(&step.shape).len()];
    // A scalar's one axis on the device belongs to no axis of the result.
    axes.iter().enumerate().for_each(|(i, &axis)| shape[axis] = own[i]);
    x.reshape(&shape)
}

/// Elements `start + i·stride` along each axis.
pub(super) fn slice<B: Backend>(
    step: &Step<B>,
    starts: &[Dim],
    strides: &[usize],
    x: Value<B>,
) -> Result<Value<B>> {
    if step.shape.is_empty() {
        return Ok(x);
    }
    let slices = spread("slice", starts, strides, &step.args[0].shape, &step.shape)?;
    Ok(if step.shape == step.args[0].shape { x } else { x.slice(&slices) })
}

/// The elements at `start + i·stride` along each axis of a larger array of `value`.
pub(super) fn pad<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    starts: &[Dim],
    strides: &[usize],
    value: Scalar,
    x: Value<B>,
) -> Result<Value<B>> {
    if step.shape.is_empty() {
        return Ok(x);
    }
    let slices = spread("pad", starts, strides, &step.shape, &step.args[0].shape)?;
    let whole = m.full(step.dtype, &step.shape, value)?;
    Ok(match x {
        Value::Empty => whole,
        x if step.shape == step.args[0].shape => x,
        x => whole.slice_assign(&slices, x),
    })
}

/// The places of `small` in `large`, once it is clear that all of them exist.
fn spread(
    op: &str,
    starts: &[Dim],
    strides: &[usize],
    large: &[usize],
    small: &[usize],
) -> Result<Vec<Slice>> {
    let axes = large.iter().zip(small).zip(starts).zip(strides).enumerate();
    axes.map(|(axis, (((&large_size, &size), start), &stride))| {
        let start = start
            .size()
            .ok_or_else(|| format!("{op} starts at {start} along axis {axis}, which is not known"))?;
        let last = start.saturating_add(size.saturating_sub(1).saturating_mul(stride));
        if size > 0 && last >= large_size {
            return Err(format!("{op} reaches element {last} along axis {axis} of {large:?}"));
        }
        // Of one element, the stride is of no consequence, and some backends dislike long ones.
        let stride = if size > 1 { stride } else { 1 };
        Ok(Slice::new(start as isize, Some(last as isize + 1), stride as isize))
    })
    .collect()
}
