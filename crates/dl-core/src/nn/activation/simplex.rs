//! Weights that sum to one besides `softmax`: softmin, and sparsemax with its exact zeros.

use crate::graph::{Axes, Expr};
use crate::nn::{require_float, softmax};
use crate::ops::Order;
use crate::shape::Shape;

/// [`softmax`] of `-x`: the smallest element gets the largest weight. Shape in, shape out.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let p = interp::eval_expr(nn::softmin(x, -1), &[("x", Tensor::vector(vec![0.0, 3f64.ln()]))])?;
/// assert!((p.to_f64()[0] - 0.75).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn softmin<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    match require_float("softmin", x) {
        Ok(()) => softmax(-x, axes).called("softmin", &[x]),
        Err(poison) => poison,
    }
}

/// The point of the simplex that is nearest to `x` along `axis`: `max(x - τ, 0)` with the `τ` that makes
/// the sum one. Shape in, shape out. Elements of `-∞` get the weight 0.
///
/// `τ = (Σ x - 1)/k` over the `k` largest elements, the last of which is still above it; the gradient is
/// that of this formula for a fixed choice of them: what comes back, less its mean over the support. Of
/// equal elements all are in the support or none; an element exactly at `τ` is not.
///
/// Martins, Astudillo: "From softmax to sparsemax", ICML 2016.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let p = interp::eval_expr(nn::sparsemax(x, -1), &[("x", Tensor::vector(vec![1.0, 0.5, -1.0]))])?;
/// assert_eq!(p.to_f64(), [0.75, 0.25, 0.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn sparsemax<'g>(x: Expr<'g>, axis: isize) -> Expr<'g> {
    if let Err(poison) = require_float("sparsemax", x) {
        return poison;
    }
    let (g, shape) = (x.graph(), x.shape());
    let axis = match axis.resolve(shape.rank()) {
        Ok(axes) => axes[0],
        Err(message) => return g.fail(format!("sparsemax {message} of {shape}")),
    };
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| *a != axis).collect();
    let wide = |reduced: Expr<'g>| reduced.broadcast_along(&kept, &shape);
    // What is a whole one below the largest has no weight: cut there, nothing is infinite or cancels.
    let shifted = x - wide(x.max(vec![axis])).stop_gradient();
    let near = shifted.le(-1.0).select(-1.0, shifted);
    // Asked this way round, NaN is inside and stays visible.
    let outside = near.lt(wide(smallest_of_support(near.stop_gradient(), axis)));
    let count = (!outside).cast(x.dtype()).sum(vec![axis]);
    let tau = (outside.select(0.0, near).sum(vec![axis]) - 1.0) / count;
    outside.select(0.0, near - wide(tau)).called("sparsemax", &[x])
}

/// The smallest `z` along the axis that is in the support: the last `k` in falling order with
/// `1 + k·z(k) > z(1) + … + z(k)`.
fn smallest_of_support<'g>(z: Expr<'g>, axis: usize) -> Expr<'g> {
    let (g, shape) = (z.graph(), z.shape());
    let sorted = z.sort(axis as isize, Order::Descending);
    let rank = g.iota(z.dtype(), axis, &shape) + 1.0;
    let holds = (1.0 + rank * sorted).gt(running_sum(sorted, axis));
    holds.select(sorted, f64::INFINITY).min(vec![axis])
}

/// The sums of everything up to each place along the axis.
fn running_sum<'g>(x: Expr<'g>, axis: usize) -> Expr<'g> {
    let last = x.shape().rank() - 1;
    let mut swap: Vec<usize> = (0..=last).collect();
    swap.swap(axis, last);
    let n = x.shape()[axis].clone();
    let square = Shape::from(vec![n.clone(), n]);
    let place = |axis| x.graph().iota(x.dtype(), axis, &square);
    let up_to = place(0).le(place(1)).cast(x.dtype());
    x.permute(&swap).dot(up_to).permute(&swap)
}
