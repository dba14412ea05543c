//! Expressions as s-expressions, in the author's order.

use std::fmt;

use crate::graph::Expr;
use crate::ops::Op;

/// Writes `expr` with every shared subexpression written out again.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, expr: Expr<'_>) -> fmt::Result {
    let node = expr.node();
    match &node.op {
        Op::Input(name) | Op::Parameter(name) => f.write_str(name),
        Op::Constant(value) => write!(f, "{value}"),
        Op::Extent(dim) => write!(f, "{dim}"),
        op => {
            write!(f, "({}", op.name())?;
            for arg in &node.args {
                f.write_str(" ")?;
                write(f, expr.graph().expr(*arg))?;
            }
            f.write_str(")")
        }
    }
}
