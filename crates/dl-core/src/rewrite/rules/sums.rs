//! Stabilization in code: logarithms of weighted sums of exponentials along axes and in contractions.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::softmax::labels_of;
use super::structure::args;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Binary, Contraction, Op, Reduce};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                        at            instance                            result
    "log-contract-exp"          at ["log"]  : "log(contract(exp(x), y))"       => "m + log(contract(exp(x - m), y))"     by log_contract_exp;
    "log-one-hot-sum"           at ["log"]  : "log(sum[r](y * x))"             => "pick(log(x), argmax(y))"              by log_one_hot_sum;
};

/// `x - max x`, so that the largest exponential is exactly 1.
pub(super) fn shifted_by_hand(x: Expr<'_>, axes: &[usize]) -> bool {
    let Some((whole, wide)) = pair(x).filter(|_| x.node().op == Op::Binary(Binary::Sub)) else {
        return false;
    };
    let max = match &wide.node().op {
        Op::Broadcast(kept) if kept.iter().all(|k| !axes.contains(k)) => args(wide).next(),
        _ => Some(wide),
    };
    let max = max.and_then(|m| if m.node().op == Op::StopGradient { args(m).next() } else { Some(m) });
    max.and_then(|m| reduction(m, Reduce::Max)).is_some_and(|(of, along)| of == whole && along == axes)
}

/// The maximum along the axes where it is finite, and the same repeated along them.
fn offset<'g>(x: Expr<'g>, axes: &[usize]) -> (Expr<'g>, Expr<'g>) {
    let max = x.max(axes.to_vec()).stop_gradient();
    let offset = max.is_finite().select(max, 0.0);
    let kept: Vec<usize> = (0..x.shape().rank()).filter(|a| !axes.contains(a)).collect();
    (offset, offset.broadcast_along(&kept, &x.shape()))
}

/// The logarithm of a product of matrices, one of them exponentials: shifted along what is summed, unless
/// all that the largest exponentials are multiplied with is zero or nearly so.
fn log_contract_exp<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let product = args(expr).next()?;
    let Op::Contract(spec) = &product.node().op else { return None };
    let (a, b) = pair(product)?;
    let (power, letters) = if is_exp(a) { (a, &spec.lhs) } else { (b, &spec.rhs) };
    let x = args(power).next().filter(|_| is_exp(power))?;
    if facts.of(x).high <= 0.0 {
        return None;
    }
    let axes: Vec<usize> = (0..letters.len()).filter(|i| !spec.out.contains(&letters[*i])).collect();
    let (offset, wide) = offset(x, &axes);
    let small = (x - wide).exp();
    let (a, b) = if power == a { (small, b) } else { (a, small) };
    let sum = a.apply(Op::Contract(spec.clone()), &[b]);
    let shifted = |sum: Expr<'g>| Some(sum.log() + placed(offset, letters, spec, sum)?);
    let other = if power == args(product).next()? { args(product).nth(1)? } else { args(product).next()? };
    if facts.of(other).positive() {
        return shifted(sum);
    }
    let usable = sum.abs().gt(if x.dtype() == DType::F32 { 1e-30 } else { 1e-290 });
    Some(usable.select(shifted(usable.select(sum, 1.0))?, usable.select(1.0, product).log()))
}

/// What is left of an operand's axes, as axes of the result.
fn placed<'g>(offset: Expr<'g>, letters: &[u8], spec: &Contraction, like: Expr<'g>) -> Option<Expr<'g>> {
    let left: Vec<u8> = letters.iter().copied().filter(|l| spec.out.contains(l)).collect();
    let places: Vec<usize> = (0..spec.out.len()).filter(|i| left.contains(&spec.out[*i])).collect();
    let order: Vec<usize> =
        places.iter().filter_map(|i| left.iter().position(|l| *l == spec.out[*i])).collect();
    Some(offset.permute(&order).broadcast_along(&places, &like.shape()))
}

/// One-hot rows pick one of the values, of which the logarithm can be taken before.
fn log_one_hot_sum<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (inner, axes) = reduction(args(expr).next()?, Reduce::Sum)?;
    let (a, b) = pair(inner).filter(|_| inner.node().op == Op::Binary(Binary::Mul))?;
    let one_hot = |e: Expr<'g>| facts.of(e).binary && facts.of(e).distribution;
    let (hot, x) = if one_hot(a) { (a, b) } else { (b, a) };
    if !one_hot(hot) || axes != [hot.shape().rank() - 1] || !super::exponential::exponential(x, 6) {
        return None;
    }
    Some(x.log().pick(labels_of(hot)))
}
