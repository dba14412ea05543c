//! What indexing, sorting and windows pass back: the transposes of their index maps.

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp::Contributions;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Op, Order};

pub(super) fn pull_back<'g>(op: &Op, args: &[Expr<'g>], g: Cotangent<'g>) -> Contributions<'g> {
    match *op {
        Op::Gather { axis, batch } => {
            let (x, indices) = (args[0], args[1]);
            vec![(0, g.added_up(|e| e.scatter_add(axis, batch, indices, &x.shape())))]
        }
        Op::ScatterAdd { axis, batch } => {
            vec![(1, g.moved(|e| e.apply(Op::Gather { axis, batch }, &[args[0]])))]
        }
        Op::Sort { axis, order } => vec![(0, unsort(axis, order, args[0], g))],
        Op::Unfold { axis, stride, dilation, .. } => {
            let fold = |e: Expr<'g>| {
                e.apply_as(Op::Fold { axis, stride, dilation }, &[], e.dtype(), args[0].shape())
            };
            vec![(0, g.added_up(fold))]
        }
        Op::Fold { axis, stride, dilation } => {
            let size =
                args[0].shape().last().and_then(Dim::size).expect("the signature asks for a known window");
            vec![(0, g.moved(|e| e.unfold(axis, size, stride, dilation)))]
        }
        _ => vec![],
    }
}

/// Each element's cotangent goes back to where the element came from.
fn unsort<'g>(axis: usize, order: Order, x: Expr<'g>, g: Cotangent<'g>) -> Cotangent<'g> {
    let last = x.shape().rank() - 1;
    let mut swap: Vec<usize> = (0..=last).collect();
    swap.swap(axis, last);
    let places = x.argsort(axis as isize, order).permute(&swap);
    let shape = places.shape();
    g.added_up(|e| e.permute(&swap).scatter_add(last, last, places, &shape).permute(&swap))
}

/// What an element passes back to its sequence, in the body of the scan itself: zero but in this step.
pub(super) fn of_element<'g>(scan: u64, axis: usize, sequence: Expr<'g>, g: Cotangent<'g>) -> Cotangent<'g> {
    let (graph, shape) = (sequence.graph(), sequence.shape());
    let steps = graph.iota(DType::I64, 0, [shape[axis].clone()]);
    let step = steps.apply(Op::Element { scan, axis: 0 }, &[]).broadcast_to(&shape);
    let here = graph.iota(DType::I64, axis, shape.clone()).eq(step);
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| *a != axis).collect();
    g.moved(|e| e.broadcast_along(&kept, &shape)).branch(here, true)
}
