//! What contractions pass back: contractions of the cotangent with the other operand.

use crate::diff::cotangent::{Cotangent, any, masked};
use crate::diff::vjp::Contributions;
use crate::graph::Expr;
use crate::ops::{Contraction, Op};
use crate::shape::Shape;

/// Under a mask, an element of an operand is live if one of the cotangent's elements that it takes
/// part in is. What is not live in the other operand is left out of the sum, whatever it holds.
pub(super) fn pull_back<'g>(c: &Contraction, args: &[Expr<'g>], g: Cotangent<'g>) -> Contributions<'g> {
    let (lhs, rhs) = (args[0], args[1]);
    let live = g.live.filter(|live| !is_drawn(*live, CONDITION_DEPTH));
    let live_lhs = live.map(|live| transport(live, &c.out, &c.lhs, &lhs.shape()));
    let live_rhs = live.map(|live| transport(live, &c.out, &c.rhs, &rhs.shape()));
    let to_lhs = g.value.apply(Op::Contract(c.transposed_lhs()), &[masked(rhs, live_rhs)]);
    let to_rhs = masked(lhs, live_lhs).apply(Op::Contract(c.transposed_rhs()), &[g.value]);
    vec![
        (0, Cotangent { value: masked(to_lhs, live_lhs), live: live_lhs }),
        (1, Cotangent { value: masked(to_rhs, live_rhs), live: live_rhs }),
    ]
}

/// How many operations deep a condition is looked at.
const CONDITION_DEPTH: usize = 8;

/// True if nothing but chance decides, as in dropout. Such a mask protects from no infinity (the
/// next draw shows it), so it does not pay to carry it through a product.
fn is_drawn(condition: Expr<'_>, depth: usize) -> bool {
    let node = condition.node();
    match node.op {
        Op::Random { .. } | Op::Constant(_) => true,
        _ if node.args.is_empty() || depth == 0 => false,
        _ => node.args.iter().all(|a| is_drawn(condition.graph().expr(*a), depth - 1)),
    }
}

/// The mask over the axes `from` as a mask over the axes `to`.
fn transport<'g>(live: Expr<'g>, from: &[u8], to: &[u8], shape: &Shape) -> Expr<'g> {
    let gone: Vec<usize> = (0..from.len()).filter(|&i| !to.contains(&from[i])).collect();
    let left: Vec<u8> = from.iter().copied().filter(|l| to.contains(l)).collect();
    let axes: Vec<usize> = (0..to.len()).filter(|&i| left.contains(&to[i])).collect();
    let order: Vec<usize> = axes.iter().filter_map(|&i| left.iter().position(|l| *l == to[i])).collect();
    any(live, &gone).permute(&order).broadcast_along(&axes, shape)
}
