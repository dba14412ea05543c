//! Pooling to a given size.

use crate::graph::Expr;
use crate::nn::windows::Images;
use crate::ops::Reduce;

/// The mean of each channel of images `[B, H, W, C]`: `[B, C]`. All axes between the first and the last are
/// spatial.
///
/// Lin, Chen, Yan: "Network in network", ICLR 2014.
///
/// # Errors
/// Recorded when `x` holds no floats or has fewer than three axes.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 7, 7, 64));
/// assert_eq!(nn::global_avg_pool(x).shape().to_string(), "[B, 64]");
/// ```
#[track_caller]
pub fn global_avg_pool(x: Expr<'_>) -> Expr<'_> {
    let axes = x.shape().rank().saturating_sub(2);
    match Images::of("global_avg_pool", x, axes) {
        Ok(images) => x.mean((images.first..images.first + axes).collect::<Vec<_>>()),
        Err(poison) => poison,
    }
}

/// The maximum of each channel of images `[B, H, W, C]`: `[B, C]`. All axes between the first and the last
/// are spatial. Elements that are equal share the gradient equally.
///
/// # Errors
/// Recorded when `x` holds no floats or has fewer than three axes.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 7, 7, 64));
/// assert_eq!(nn::global_max_pool(x).shape().to_string(), "[B, 64]");
/// ```
#[track_caller]
pub fn global_max_pool(x: Expr<'_>) -> Expr<'_> {
    let axes = x.shape().rank().saturating_sub(2);
    match Images::of("global_max_pool", x, axes) {
        Ok(images) => x.max((images.first..images.first + axes).collect::<Vec<_>>()),
        Err(poison) => poison,
    }
}

/// The means of parts of images `[…, H, W, C]`, as many along each spatial axis as `sizes` says: part `i` of
/// `n` has the elements from `⌊i·H/n⌋` to `⌈(i + 1)·H/n⌉`, so that parts overlap where `n` does not divide
/// `H`. PyTorch's `adaptive_avg_pool2d`.
///
/// # Errors
/// Recorded when `x` holds no floats, has fewer axes, or a spatial size or the channels are not known; or
/// when a size is 0 or there is nothing to take a mean of.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 15, 11, 64));
/// assert_eq!(nn::adaptive_avg_pool(x, [7, 7]).shape().to_string(), "[B, 7, 7, 64]");
/// ```
#[track_caller]
pub fn adaptive_avg_pool<'g, const N: usize>(x: Expr<'g>, sizes: [usize; N]) -> Expr<'g> {
    parts("adaptive_avg_pool", x, &sizes, Reduce::Sum)
}

/// The maxima of parts of images, as [`adaptive_avg_pool`] has them. PyTorch's `adaptive_max_pool2d`.
///
/// Elements that are equal share the gradient, first along the last spatial axis, then along the one before.
///
/// # Errors
/// Those of [`adaptive_avg_pool`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 15, 11, 64));
/// assert_eq!(nn::adaptive_max_pool(x, [7, 7]).shape().to_string(), "[B, 7, 7, 64]");
/// ```
#[track_caller]
pub fn adaptive_max_pool<'g, const N: usize>(x: Expr<'g>, sizes: [usize; N]) -> Expr<'g> {
    parts("adaptive_max_pool", x, &sizes, Reduce::Max)
}

/// Axis by axis: a part of an image is a part of each axis.
#[track_caller]
fn parts<'g>(what: &str, x: Expr<'g>, sizes: &[usize], kind: Reduce) -> Expr<'g> {
    let images = match Images::of(what, x, sizes.len()) {
        Ok(images) => images,
        Err(poison) => return poison,
    };
    if sizes.contains(&0) || images.sizes.contains(&0) {
        return images.fail(&format!("{sizes:?} parts: at least one part, of one element, is needed"));
    }
    let mut x = x;
    for axis in (0..sizes.len()).rev() {
        x = along(x, images.first + axis, (images.sizes[axis], sizes[axis]), kind);
    }
    x
}

/// The reductions of `count` parts of an axis of `size` elements.
#[track_caller]
fn along(x: Expr<'_>, axis: usize, (size, count): (usize, usize), kind: Reduce) -> Expr<'_> {
    if size.is_multiple_of(count) {
        let part = size / count;
        let mut dims = x.shape().to_vec();
        dims.splice(axis..=axis, [count.into(), part.into()]);
        return reduced(x.reshape(dims), axis + 1, part, kind);
    }
    let mut all = vec![];
    for i in 0..count {
        let (from, to) = (i * size / count, ((i + 1) * size).div_ceil(count));
        all.push(reduced(x.slice(axis, from, to), axis, to - from, kind).unsqueeze(axis));
    }
    x.graph().concat(axis, &all)
}

/// The maximum of an axis, or the mean of its elements.
#[track_caller]
fn reduced(x: Expr<'_>, axis: usize, count: usize, kind: Reduce) -> Expr<'_> {
    let y = x.reduce(kind, axis as isize);
    if kind == Reduce::Sum { y / count as f64 } else { y }
}
