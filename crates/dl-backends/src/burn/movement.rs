//! Movements: reshape, permute, broadcast, slice, pad, concat and flip.

use burn_backend::{Backend, Slice};
use dl_core::ops::movement;
use dl_core::{Dim, Dims, Scalar};

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
    let slices = places("slice", starts, strides, &step.args[0].shape, &step.shape)?;
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
    let slices = places("pad", starts, strides, &step.shape, &step.args[0].shape)?;
    let whole = m.full(step.dtype, &step.shape, value)?;
    Ok(match x {
        Value::Empty => whole,
        x if step.shape == step.args[0].shape => x,
        x => whole.slice_assign(&slices, x),
    })
}

/// The places of `small` in `large`, once it is clear that all of them exist.
fn places(
    op: &str,
    starts: &[Dim],
    strides: &[usize],
    large: &[usize],
    small: &[usize],
) -> Result<Vec<Slice>> {
    // The compiler has put sizes in place of dimensions.
    let starts = movement::starts(op, (starts, strides), large, small, &Dims::new())?;
    let place = |((start, size), stride): ((usize, &usize), &usize)| {
        let last = start + size.saturating_sub(1) * stride;
        // Of one element, the stride is of no consequence, and some backends dislike long ones.
        let stride = if *size > 1 { *stride } else { 1 };
        Slice::new(start as isize, Some(last as isize + 1), stride as isize)
    };
    Ok(starts.into_iter().zip(small).zip(strides).map(place).collect())
}
