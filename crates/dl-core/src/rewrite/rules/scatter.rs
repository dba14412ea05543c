//! Simplification of indexing: what is scattered into rows and summed along them again.

use super::Facts;
use super::Rule;
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Op, Reduce};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Simplify
//  name               at            instance                           result
    "sum-of-scatter"   at ["sum"]  : "sum[r](scatter_add(i, x))"     => "x"       by sum_of_scatter;
};

/// Scattered along an axis and summed along that axis: every update arrives once.
fn sum_of_scatter<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let scatter = args(expr).next()?;
    let (Op::Reduce { kind: Reduce::Sum, axes }, Op::ScatterAdd { axis, batch }) =
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
