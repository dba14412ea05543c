//! The sum of a value over all steps of a scan, taken apart: products become one product over time.

use crate::dim::Dim;
use crate::graph::{Expr, NodeId, Scopes};
use crate::ops::{Binary, Contraction, Op, Reduce, Unary};

/// The sum over all steps of a value of a body.
pub(super) enum Total<'g> {
    /// Of what is the same in every step.
    Constant(Expr<'g>),
    /// Of a product of two values of the body: the contraction of their histories.
    Product(Contraction, Expr<'g>, Expr<'g>),
    /// Of a sum along axes: that of the history.
    Sum(Vec<usize>, Expr<'g>),
    /// An operation that is linear in this argument, and constant in the others.
    Linear(Expr<'g>, usize, Box<Total<'g>>),
    /// A sum or a difference.
    Both(Binary, Box<[Total<'g>; 2]>),
    /// Added up step by step.
    Running(Expr<'g>),
}

impl<'g> Total<'g> {
    /// Of a value in the body of `scan`; only with `histories` of values where these may be kept.
    pub(super) fn of(e: Expr<'g>, scopes: &Scopes, scan: u64, histories: bool) -> Total<'g> {
        let inside = |id: NodeId| scopes.has(id, scan);
        if !inside(e.id()) {
            return Total::Constant(e);
        }
        let node = e.node();
        let arg = |place: usize| e.graph().expr(node.args[place]);
        let linear =
            |place: usize| Total::Linear(e, place, Box::new(Total::of(arg(place), scopes, scan, histories)));
        match &node.op {
            Op::Contract(spec) => match (inside(node.args[0]), inside(node.args[1])) {
                (true, true) if !histories => Total::Running(e),
                (true, true) => Total::Product(spec.clone(), arg(0), arg(1)),
                (true, false) => linear(0),
                _ => linear(1),
            },
            Op::Reduce { kind: Reduce::Sum, axes } if histories => Total::Sum(axes.clone(), arg(0)),
            Op::Unary(Unary::Neg) | Op::Reshape | Op::Permute(_) | Op::Slice { .. } | Op::Flip(_) => {
                linear(0)
            }
            Op::Pad { value, .. } if value.as_f64() == 0.0 => linear(0),
            Op::Binary(op @ (Binary::Add | Binary::Sub)) => {
                let both = [0, 1].map(|place| Total::of(arg(place), scopes, scan, histories));
                Total::Both(*op, Box::new(both))
            }
            Op::Binary(Binary::Mul) if !inside(node.args[1]) => linear(0),
            Op::Binary(Binary::Mul) if !inside(node.args[0]) => linear(1),
            Op::Binary(Binary::Div) if !inside(node.args[1]) => linear(0),
            _ => Total::Running(e),
        }
    }

    /// The values that are added up step by step, in order.
    pub(super) fn running(&self, visit: &mut impl FnMut(Expr<'g>)) {
        match self {
            Total::Running(e) => visit(*e),
            Total::Linear(_, _, of) => of.running(visit),
            Total::Both(_, both) => both.iter().for_each(|of| of.running(visit)),
            Total::Constant(_) | Total::Product(..) | Total::Sum(..) => {}
        }
    }

    /// The sum, from the histories of values, with their new axes, and from what was added up.
    pub(super) fn value(
        self,
        steps: &Dim,
        history: &impl Fn(Expr<'g>) -> (Expr<'g>, usize),
        added: &mut impl FnMut() -> Expr<'g>,
    ) -> Expr<'g> {
        match self {
            Total::Constant(e) => {
                let times = e.graph().leaf(Op::Extent(steps.clone()), e.dtype(), e.shape());
                e * times
            }
            Total::Product(spec, a, b) => {
                let ((a, first), (b, second)) = (history(a), history(b));
                a.apply(Op::Contract(over_time(spec, first, second)), &[b])
            }
            Total::Sum(axes, of) => {
                let (all, time) = history(of);
                let moved = axes.iter().map(|a| a + usize::from(*a >= time));
                let mut axes: Vec<usize> = moved.chain([time]).collect();
                axes.sort_unstable();
                all.sum(axes)
            }
            Total::Linear(e, place, of) => {
                let (of, node) = (of.value(steps, history, added), e.node());
                let mut args: Vec<Expr<'g>> = node.args.iter().map(|a| e.graph().expr(*a)).collect();
                args[place] = of;
                args[0].apply_as(node.op.clone(), &args[1..], node.dtype, node.shape.clone())
            }
            Total::Both(op, both) => {
                let [a, b] = both.map(|of| of.value(steps, history, added));
                a.apply(Op::Binary(op), &[b])
            }
            Total::Running(_) => added(),
        }
    }
}

/// A contraction whose operands have one axis more, over which it sums too.
fn over_time(spec: Contraction, first: usize, second: usize) -> Contraction {
    let used = |l: &u8| spec.lhs.contains(l) || spec.rhs.contains(l) || spec.out.contains(l);
    let letters = (b'a'..=b'z').chain(b'A'..=b'Z');
    let preferred = std::iter::once(b't').chain(letters);
    let time =
        preferred.into_iter().find(|l| !used(l)).expect("operands have fewer axes than there are letters");
    let Contraction { mut lhs, mut rhs, out } = spec;
    lhs.insert(first, time);
    rhs.insert(second, time);
    Contraction { lhs, rhs, out }
}
