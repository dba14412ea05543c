//! Simplification of rows: what is scattered or shared out along them and summed again.

use super::Known;
use super::Rule;
use super::exponential::{pair, reduction};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Scatter};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Simplify
//  name                           at           instance                      result
    "sum-of-scatter"             at ["sum"] : "sum[r](scatter_add(i, x))" => "x" by sum_of_scatter;
    "sum-of-scaled-distribution" at ["sum"] : "sum[r](bc[r](y) * x)"      => "y" by sum_of_scaled;
};

/// Scattered along an axis and summed along that axis: every update arrives once.
fn sum_of_scatter<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let scatter = args(expr).next()?;
    let (Op::Reduce { kind: Reduce::Sum, axes }, Op::Scatter { kind: Scatter::Add, axis, batch }) =
        (&expr.node().op, &scatter.node().op)
    else {
        return None;
    };
    let mut operands = args(scatter);
    let (indices, updates) = (operands.next()?, operands.next()?);
    // One index for each place of the batch, so that the axis disappears and nothing else does.
    let one_each = *batch == indices.shape().rank() && axis == batch;
    (one_each && axes == &[*axis]).then_some(updates)
}

/// The sum of a row of probabilities times the same number is that number.
fn sum_of_scaled<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (product, axes) = reduction(expr, Reduce::Sum)?;
    let (a, b) = pair(product).filter(|_| product.node().op == Op::Binary(Binary::Mul))?;
    let last = product.shape().rank() - 1;
    let sums_to_one = |e: Expr<'g>| facts.of(e).distribution && axes == [last];
    let whole = if sums_to_one(b) { a } else { b };
    let Op::Broadcast(kept) = whole.node().op.clone() else { return None };
    let once = (sums_to_one(a) || sums_to_one(b)) && !kept.contains(&last);
    once.then(|| args(whole).next().map(|y| y.broadcast_along(&kept, &expr.shape())))?
}
