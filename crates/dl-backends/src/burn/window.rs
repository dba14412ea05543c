//! Windows along an axis, and their transpose, by indices that are known before a run.

use burn_backend::Backend;
use burn_backend::tensor::IntTensor;
use dl_core::{DType, Scalar};

use super::index::CHAIN;
use super::machine::Machine;
use super::step::Step;
use super::value::Value;
use super::{host, long};

type Result<T> = std::result::Result<T, String>;

/// For each of `windows` and each place in it, the element of the axis.
pub(super) fn sources(windows: usize, size: usize, stride: usize, dilation: usize) -> Vec<i64> {
    (0..windows).flat_map(|w| (0..size).map(move |k| (w * stride + k * dilation) as i64)).collect()
}

/// The axis becomes the window's number, a new last axis the place in the window.
pub(super) fn unfold<B: Backend>(
    step: &Step<B>,
    axis: usize,
    x: Value<B>,
    sources: IntTensor<B>,
) -> Value<B> {
    let rank = step.args[0].shape.len();
    let mut split = step.args[0].shape.clone();
    split[axis] = step.shape[axis];
    split.insert(axis + 1, step.shape[rank]);
    // The place in the window moves to the end.
    let order: Vec<usize> = (0..=rank).filter(|&a| a != axis + 1).chain([axis + 1]).collect();
    x.select(axis, sources).reshape(&split).permute(&order)
}

/// The transpose of [`unfold`]: overlapping windows add up.
pub(super) fn fold<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    axis: usize,
    x: Value<B>,
    sources: (Vec<i64>, IntTensor<B>),
) -> Result<Value<B>> {
    let rank = step.shape.len();
    let order: Vec<usize> = (0..=axis).chain([rank]).chain(axis + 1..rank).collect();
    let mut joined = step.shape.clone();
    joined[axis] = sources.0.len();
    let x = x.permute(&order).reshape(&joined);
    if step.dtype == DType::I64 && !step.exact {
        let (before, after) = (step.shape[..axis].iter().product(), step.shape[axis + 1..].iter().product());
        return Ok(
            host::scatter_ints(m, &sources.0, x, [1, before, step.shape[axis], after])?.reshape(&step.shape)
        );
    }
    let (before, after): (usize, usize) =
        (step.shape[..axis].iter().product(), step.shape[axis + 1..].iter().product());
    let (count, size) = (sources.0.len(), step.shape[axis]);
    let zeros = |shape: &[usize]| m.full(step.dtype, shape, Scalar::of(step.dtype, 0.0));
    let sum = if count > CHAIN && m.on_host && step.dtype.is_float() {
        host::scatter_floats(m, &sources.0, x, step.dtype, [1, before, size, after])?
    } else if count > CHAIN && !m.on_host {
        let shape = [before, count, after];
        let indices = Value::Int(sources.1).reshape(&[1, count, 1]).expand(&shape);
        long::add_at(m, indices, x.reshape(&shape), [before, count, size, after], zeros)?
    } else {
        zeros(&step.shape)?.select_add(axis, sources.1, x)
    };
    Ok(sum.reshape(&step.shape))
}
