//! Vector-Jacobian products: what each operation passes back to its arguments.

mod contract;
mod cumulative;
mod custom;
mod index;
mod movement;
mod reduce;
mod softmax;

use crate::diff::cotangent::Cotangent;
use crate::graph::{Expr, Node};
use crate::ops::{Binary, Op, Unary};

/// Contributions to the cotangents of arguments, by the argument's place.
pub(super) type Contributions<'g> = Vec<(usize, Cotangent<'g>)>;

/// What `node` (with `args`, and as an expression `y`) passes back of its cotangent `g`.
pub(super) fn contributions<'g>(
    node: &Node,
    args: &[Expr<'g>],
    y: Expr<'g>,
    g: Cotangent<'g>,
) -> Contributions<'g> {
    match &node.op {
        Op::Unary(op) => unary(*op, args[0], y, g),
        Op::Binary(op) => binary(*op, args, y, g),
        Op::Select => vec![(1, g.branch(args[0], true)), (2, g.branch(args[0], false))],
        Op::Cast => cast(args[0], g),
        Op::Reduce { kind, axes } => vec![(0, reduce::pull_back(*kind, axes, args[0], y, g))],
        Op::LogSumExp(axes) => vec![(0, softmax::of_log_sum_exp(axes, args[0], g))],
        Op::LogSoftmax(axes) => vec![(0, softmax::of_log_softmax(axes, y, g))],
        Op::Contract(contraction) => contract::pull_back(contraction, args, g),
        Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast(_)
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat(_)
        | Op::Flip(_) => movement::pull_back(&node.op, args, g),
        Op::Cumulative { kind, axis, reverse } => {
            vec![(0, cumulative::pull_back(*kind, (*axis, *reverse), args[0], y, g))]
        }
        Op::LinearRecurrence { axis, reverse } => cumulative::recurrence((*axis, *reverse), args, y, g),
        Op::Gather { .. } | Op::Scatter { .. } | Op::Sort { .. } | Op::Unfold { .. } | Op::Fold { .. } => {
            index::pull_back(&node.op, args, y, g)
        }
        Op::WithGradient => custom::pull_back(args, y, g),
        // A variable of another gradient is the identity here.
        Op::Assume(_) | Op::Variable(_) => vec![(0, g)],
        Op::Input(_)
        | Op::Parameter(_)
        | Op::Constant(_)
        | Op::Literal(_)
        | Op::Extent(_)
        | Op::Step
        | Op::Iota(_)
        | Op::Random { .. }
        | Op::ArgReduce { .. }
        | Op::ArgSort { .. }
        | Op::Carry { .. }
        | Op::StopGradient
        | Op::Poison => vec![],
        // A value of a body that is differentiated in the body itself.
        Op::Element { scan, axis } => vec![(0, index::of_element(*scan, *axis, args[0], g))],
        // Their scans are differentiated as one.
        Op::Scan(_) | Op::Final(_) | Op::Stack(_) => vec![],
        // Requests are resolved in the order of the arena, so none is left below an objective.
        Op::Grad => vec![],
    }
}

fn unary<'g>(op: Unary, x: Expr<'g>, y: Expr<'g>, g: Cotangent<'g>) -> Contributions<'g> {
    let derivative = op.row().derivative;
    derivative.map(|d| (0, g.times(d(g.value, x, y)))).into_iter().collect()
}

fn binary<'g>(op: Binary, args: &[Expr<'g>], z: Expr<'g>, g: Cotangent<'g>) -> Contributions<'g> {
    let Some(derivative) = op.row().derivative else { return vec![] };
    let (to_x, to_y) = derivative(g.value, args[0], args[1], z);
    let contributions = [to_x, to_y].into_iter().enumerate();
    contributions.filter_map(|(i, product)| Some((i, g.times(product?)))).collect()
}

fn cast<'g>(x: Expr<'g>, g: Cotangent<'g>) -> Contributions<'g> {
    match x.dtype().is_float() {
        true => vec![(0, Cotangent { value: g.value.cast(x.dtype()), ..g })],
        false => vec![],
    }
}
