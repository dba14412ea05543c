//! Stabilization of log-mean-exp: near 0 where the exponents are, which a sum and its count are not.

use super::Known;
use super::Rule;
use super::exponential::pair;
use super::rows::code_rows;
use super::softmax::log_sum_exp_of;
use super::structure::args;
use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::{Op, Unary};
use crate::rewrite::constants;
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                      at         instance                         result
    "log-sum-exp-less-count"  at ["sub"] : "logsumexp[r](x) - log(n)"  => "logmeanexp[r](x)"  by less_count;
};

/// The logarithm of a sum less that of the count of what is summed.
fn less_count<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let mean = |log: Expr<'g>, count: Expr<'g>| {
        let (x, axes) = log_sum_exp_of(log)?;
        let summed = axes.iter().fold(Dim::Size(1), |n, axis| &n * &x.shape()[*axis]);
        is_log_of(count, summed).then(|| stable::log_mean_exp(x, axes))
    };
    mean(a, b).or_else(|| mean(b, a).map(|mean| -mean))
}

/// `log n`, as a constant or of the size of the axes.
fn is_log_of(expr: Expr<'_>, count: Dim) -> bool {
    let of = |e: Expr<'_>| matches!(&e.node().op, Op::Extent(dim) if *dim == count);
    match (&expr.node().op, count.size()) {
        (Op::Unary(Unary::Log), _) => args(expr).any(of),
        (Op::Constant(log), Some(n)) => constants::close(expr.dtype(), log.as_f64(), (n as f64).ln()),
        _ => false,
    }
}
