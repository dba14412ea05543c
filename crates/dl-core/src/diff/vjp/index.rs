//! What indexing, sorting and windows pass back: the transposes of their index maps.

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp::Contributions;
use crate::dim::Dim;
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
