//! What cumulative operations and linear recurrences pass back: recurrences that run the other way.

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp::Contributions;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Cumulative, Prefix};

/// Along which axis, and whether from its end.
type Line = (usize, bool);

pub(super) fn pull_back<'g>(
    kind: Cumulative,
    line: Line,
    x: Expr<'g>,
    y: Expr<'g>,
    g: Cotangent<'g>,
) -> Cotangent<'g> {
    let (axis, reverse) = line;
    let one = |e: Expr<'g>| e.graph().full(e.dtype(), e.shape(), 1.0);
    match kind {
        Cumulative::Sum => g.added_up(|e| back(line, Cumulative::Sum, e)),
        // Each element's factor beside it: the product before it, and what comes of it afterwards. No
        // quotient is taken, so that zeros (and derivatives of it at zeros) are right.
        Cumulative::Prod => {
            let earlier = y.before(axis, reverse, 1.0);
            let later = x.before(axis, !reverse, 0.0).linear_recurrence(axis as isize, !reverse, g.value);
            let reached = g.added_up(|e| back(line, Cumulative::Sum, e));
            Cotangent { value: later, ..reached }.times(earlier * later)
        }
        // To the latest element that is the extreme.
        Cumulative::Max | Cumulative::Min => {
            let behind = if kind == Cumulative::Max { x.lt(y) } else { x.gt(y) };
            let shape = x.shape();
            let places = x.graph().iota(DType::I64, axis, shape.clone());
            let last = &shape[axis] - &Dim::Size(1);
            let first = match reverse {
                true => x.graph().extent(DType::I64, last).broadcast_to(&shape),
                false => x.graph().full(DType::I64, shape, 0.0),
            };
            let latest = if reverse { Cumulative::Min } else { Cumulative::Max };
            let prefix = Prefix { reverse, exclusive: false };
            let chosen = behind.select(first, places).cumulative(latest, axis as isize, prefix);
            let mut swap: Vec<usize> = (0..chosen.shape().rank()).collect();
            let end = swap.len() - 1;
            swap.swap(axis, end);
            let to = chosen.permute(&swap);
            g.added_up(|e| e.permute(&swap).scatter_add(end, end, to, &to.shape()).permute(&swap))
        }
        // exp(xⱼ - yⱼ) times the sum of gᵢ·exp(yⱼ - yᵢ) over the later i: no exponent is positive, and
        // equal infinities are no distance apart. Where there is nothing but -∞, nothing is passed back.
        Cumulative::LogSumExp => {
            let ratio = |a: Expr<'g>, b: Expr<'g>| a.eq(b).select(one(a), (a - b).exp());
            let decay = ratio(y, y.before(axis, !reverse, f64::INFINITY));
            let later = decay.linear_recurrence(axis as isize, !reverse, g.value);
            let reached = g.added_up(|e| back(line, Cumulative::Sum, e));
            let shared = y.eq(f64::NEG_INFINITY).select(0.0, ratio(x, y) * later);
            Cotangent { value: later, ..reached }.times(shared)
        }
    }
}

/// Of a recurrence: to what is added, the recurrence from the other end; to the factors, that times what
/// they multiplied.
pub(super) fn recurrence<'g>(
    (axis, reverse): Line,
    args: &[Expr<'g>],
    y: Expr<'g>,
    g: Cotangent<'g>,
) -> Contributions<'g> {
    let later = args[0].before(axis, !reverse, 0.0).linear_recurrence(axis as isize, !reverse, g.value);
    let reached = g.added_up(|e| back((axis, reverse), Cumulative::Sum, e));
    let added = Cotangent { value: later, ..reached };
    vec![(0, added.times(later * y.before(axis, reverse, 0.0))), (1, added)]
}

/// From the other end along the line.
fn back<'g>((axis, reverse): Line, kind: Cumulative, e: Expr<'g>) -> Expr<'g> {
    e.cumulative(kind, axis as isize, Prefix { reverse: !reverse, exclusive: false })
}
