//! Stabilization in code: logarithms of weighted sums of exponentials along axes and in contractions.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::softmax::labels_of;
use super::structure::args;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Binary, Contraction, Op, Reduce, Unary};
use crate::rewrite::constants;
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                        at            instance                            result
    "log-sum-exp"               at ["log"]  : "log(sum[r](y * exp(x)))"        => "logsumexp[r](x + log(y))"             by log_sum_exp;
    "log-contract-exp"          at ["log"]  : "log(contract(exp(x), y))"       => "m + log(contract(exp(x - m), y))"     by log_contract_exp;
    "log-one-hot-sum"           at ["log"]  : "log(sum[r](y * x))"             => "pick(log(x), argmax(y))"              by log_one_hot_sum;
};

/// `log Σ y·exp(x)` and `log Σ exp(x)`.
fn log_sum_exp<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (inner, axes) = reduction(args(expr).next()?, Reduce::Sum)?;
    let (x, weight) = weighted(inner)?;
    if shifted_by_hand(x, &axes) {
        return weight.is_none().then(|| stable::logsumexp(x, axes));
    }
    // An exponent that is at most 0 was shifted in another way, or cannot overflow.
    if facts.of(x).high <= 0.0 || is_capped(inner, 4) {
        return None;
    }
    if let Some(of) = parts_of_mean(x, weight, &axes) {
        return Some(stable::log_mean_exp(of, axes));
    }
    match weight {
        None => Some(stable::logsumexp(x, axes)),
        Some(w) if facts.of(w).positive() => Some(stable::logsumexp(x + w.log(), axes)),
        Some(w) => {
            // The largest term is 1 in size. Half of an exponent does not overflow, however small the weight
            // is; what a weight of 0 multiplies must not, either.
            let (offset, wide) = offset(x + w.abs().log(), &axes);
            let half = (0.5 * (x - wide)).minimum(cap(x.dtype())).exp();
            Some((w * half * half).sum(axes).log() + offset)
        }
    }
}

/// An exponent whose exponential is nearly as large as the type allows.
fn cap(dtype: DType) -> f64 {
    if dtype == DType::F32 { 88.0 } else { 709.0 }
}

/// True for a product of which the rule has made an exponential.
fn is_capped(product: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    let cap = |e: Expr<'_>| e.as_constant() == Some(cap(product.dtype()));
    let capped = |x: Expr<'_>| x.node().op == Op::Binary(Binary::Min) && args(x).any(cap);
    match product.node().op {
        Op::Unary(Unary::Exp) => args(product).any(capped),
        Op::Binary(Binary::Mul) => args(product).any(|factor| is_capped(factor, deeper)),
        _ => false,
    }
}

/// `x` where each exponential is divided by the number of them, which may have gone into the exponents.
fn parts_of_mean<'g>(x: Expr<'g>, weight: Option<Expr<'g>>, axes: &[usize]) -> Option<Expr<'g>> {
    let weight = weight.map_or(Some(1.0), constant)?;
    let (of, shift) = match (&x.node().op, pair(x)) {
        (Op::Binary(Binary::Add), Some((a, b))) => match (a.as_constant(), b.as_constant()) {
            (Some(c), None) => (b, c),
            (None, Some(c)) => (a, c),
            _ => (x, 0.0),
        },
        (Op::Binary(Binary::Sub), Some((a, b))) => b.as_constant().map_or((x, 0.0), |c| (a, -c)),
        _ => (x, 0.0),
    };
    let count = axes.iter().map(|axis| x.shape()[*axis].size()).product::<Option<usize>>()?;
    (constants::close(x.dtype(), weight.ln() + shift, -(count as f64).ln()) && count > 1).then_some(of)
}

/// A constant, or a product or ratio of two.
fn constant(expr: Expr<'_>) -> Option<f64> {
    let both = || pair(expr).and_then(|(a, b)| Some((a.as_constant()?, b.as_constant()?)));
    match expr.node().op {
        Op::Binary(Binary::Mul) => both().map(|(a, b)| a * b),
        Op::Binary(Binary::Div) => both().map(|(a, b)| a / b),
        _ => expr.as_constant(),
    }
}

/// `x` of `exp(x)` and what it is multiplied by.
fn weighted<'g>(inner: Expr<'g>) -> Option<(Expr<'g>, Option<Expr<'g>>)> {
    if is_exp(inner) {
        return Some((args(inner).next()?, None));
    }
    if inner.node().op == Op::Reshape {
        let (x, w) = weighted(args(inner).next()?)?;
        return Some((x.reshape(inner.shape()), w.map(|w| w.reshape(inner.shape()))));
    }
    let (a, b) = pair(inner)?;
    let times = |w: Option<Expr<'g>>, factor: Expr<'g>| Some(w.map_or(factor, |w| w * factor));
    match inner.node().op {
        Op::Binary(Binary::Mul) => match (weighted(a), weighted(b)) {
            (Some((x, Some(v))), Some((y, w))) => Some((x + y, times(w, v))),
            (Some((x, None)), Some((y, w))) => Some((x + y, w)),
            (Some((x, w)), None) => Some((x, times(w, b))),
            (None, Some((x, w))) => Some((x, times(w, a))),
            _ => None,
        },
        Op::Binary(Binary::Div) => {
            let (x, w) = weighted(a)?;
            Some((x, times(w, 1.0 / b)))
        }
        _ => None,
    }
}

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
