//! What logarithms of sums of exponentials pass back: shares of the cotangent, by the softmax.

use crate::diff::cotangent::Cotangent;
use crate::graph::Expr;
use crate::ops::Op;

/// `g·softmax(x)`.
pub(super) fn of_log_sum_exp<'g>(axes: &[usize], x: Expr<'g>, g: Cotangent<'g>) -> Cotangent<'g> {
    shared(axes, x.apply(Op::LogSoftmax(axes.to_vec()), &[]), g)
}

/// `g - Σ g·softmax(x)` of `y = log softmax(x)`.
pub(super) fn of_log_softmax<'g>(axes: &[usize], y: Expr<'g>, g: Cotangent<'g>) -> Cotangent<'g> {
    let shares = shared(axes, y, g.summed(axes));
    Cotangent { value: g.value - shares.value, live: shares.live }
}

/// A cotangent of what has no such axes, in parts that `y = log softmax(x)` tells.
fn shared<'g>(axes: &[usize], y: Expr<'g>, g: Cotangent<'g>) -> Cotangent<'g> {
    let shape = y.shape();
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
    let g = g.moved(|e| e.broadcast_along(&kept, &shape));
    g.times(g.value * y.exp())
}
