//! What windows mean: element `k` of window `w` is element `w·stride + k·dilation`.

use super::array::{Array, Values, each_index, offset};
use crate::ops::Reduce;

/// The windows along `axis`: it becomes the window's number, a new last axis the place in it.
pub(super) fn unfold(axis: usize, stride: usize, dilation: usize, x: &Array, shape: &[usize]) -> Values {
    x.pick(shape, |index| x.offset(&source(index, axis, stride, dilation)))
}

/// The transpose of [`unfold`]: what several windows hold adds up.
pub(super) fn fold(
    axis: usize,
    stride: usize,
    dilation: usize,
    x: &Array,
    shape: &[usize],
) -> Result<Values, String> {
    let targets = each_index(&x.shape, |index| offset(shape, &source(index, axis, stride, dilation)));
    x.data.accumulate(Reduce::Sum, &targets, shape.iter().product())
}

fn source(index: &[usize], axis: usize, stride: usize, dilation: usize) -> Vec<usize> {
    let (k, own) = index.split_last().expect("windows have a last axis");
    let mut source = own.to_vec();
    source[axis] = own[axis] * stride + k * dilation;
    source
}
