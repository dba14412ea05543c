//! What indexing, sorting and windows pass back: the transposes of their index maps.

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp::Contributions;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Op, Order, Scatter};
use crate::shape::Shape;

pub(super) fn pull_back<'g>(op: &Op, args: &[Expr<'g>], y: Expr<'g>, g: Cotangent<'g>) -> Contributions<'g> {
    match *op {
        Op::Gather { axis, batch } => {
            let (x, indices) = (args[0], args[1]);
            vec![(0, g.added_up(|e| e.scatter_add(axis, batch, indices, &x.shape())))]
        }
        Op::Scatter { kind, axis, batch } => {
            let gather = |e: Expr<'g>| e.gather_in_step(axis, batch, args[0]);
            vec![(
                1,
                match kind {
                    Scatter::Add => g.moved(gather),
                    Scatter::Set => standing((axis, batch), args, &y.shape(), g.moved(gather)),
                    Scatter::Max | Scatter::Min => {
                        let chosen = args[1].eq(gather(y));
                        let ones =
                            chosen.select(args[1].graph().full(g.value.dtype(), args[1].shape(), 1.0), 0.0);
                        let count = gather(ones.scatter_add(axis, batch, args[0], &y.shape()));
                        let part = g.moved(gather);
                        Cotangent { value: chosen.select(part.value / count, 0.0), ..part }
                    }
                },
            )]
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

/// The cotangent of updates of which only the last one of a place stands.
fn standing<'g>(
    (axis, batch): (usize, usize),
    args: &[Expr<'g>],
    result: &Shape,
    g: Cotangent<'g>,
) -> Cotangent<'g> {
    let (indices, updates) = (args[0], args[1]);
    let own = indices.shape();
    // Each index's place in row-major order, and the largest of those that lead where it does.
    let count = own.iter().fold(Dim::Size(1), |n, d| &n * d);
    let places = indices.graph().iota(DType::I64, 0, [count]).reshape(own.clone());
    let line: Shape = result[..batch].iter().chain([&result[axis]]).cloned().collect();
    let last = places.scattered(Scatter::Max, (batch, batch), indices, &line);
    let stands = last.gather_in_step(batch, batch, indices).eq(places);
    let axes: Vec<usize> = (0..batch).chain(axis..axis + own.rank() - batch).collect();
    let stands = stands.broadcast_along(&axes, &updates.shape());
    Cotangent { value: stands.select(g.value, 0.0), ..g }
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
    let g = g.moved(|e| e.broadcast_along(&kept, &shape));
    Cotangent { value: here.select(g.value, 0.0), ..g }
}
