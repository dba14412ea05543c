//! Stabilization in code: logarithms, ratios, norms and entropies that no single pattern covers.

use super::Facts;
use super::Rule;
use super::algebra::Exponentials;
use super::rows::code_rows;
use super::structure::args;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn;
use crate::ops::{Binary, Op, Reduce, Unary};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                      at                      instance                            result
    "ratio-of-exponentials"   at ["div"]            : "exp(x) / (1 + exp(x))"          => "sigmoid(x)"                       by ratio;
    "softmax"                 at ["div"]            : "exp(x) / bc[r](sum[r](exp(x)))" => "softmax(x)"                       by softmax;
    "log-of-exponentials"     at ["log", "log1p"]   : "log(exp(x) + exp(y))"           => "logaddexp(x, y)"                  by log_exponentials;
    "log-sum-exp"             at ["log"]            : "log(sum[r](y * exp(x)))"        => "logsumexp[r](x + log(y))"         by log_sum_exp;
    "log-of-product"          at ["log"]            : "log(exp(x) * y)"                => "x + log(y)"                       by log_product;
    "log-of-quotient"         at ["log"]            : "log(exp(x) / y)"                => "x - log(y)"                       by log_quotient;
    "log-of-products"         at ["log"]            : "log(prod[r](x))"                => "sum[r](log(abs(x)))"              by log_products;
    "norm"                    at ["sqrt"]           : "sqrt(sum[r](x * x))"            => "norm[r](x)"                       by norm;
    "hypot"                   at ["sqrt"]           : "sqrt(x * x + y * y)"            => "hypot(x, y)"                      by hypot;
    "x-log-x"                 at ["mul"]            : "x * log(x)"                     => "x * select(x = 0, 0, log(x))"     by x_log_x;
};

fn ratio<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (numerator, divisor) = pair(expr)?;
    let below = Exponentials::of(divisor)?;
    match Exponentials::of_any(numerator) {
        Some(above) => below.divide(&above),
        None => Some(numerator * below.reciprocal()?),
    }
}

fn log_exponentials<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let x = args(expr).next()?;
    let one_plus = expr.node().op == Op::Unary(Unary::Log1p);
    // What `log1mexp` itself is made of stays.
    if let Some(u) = exponent(x) {
        let known = facts.of(u);
        if known.low >= -0.7 || known.high <= -0.69 {
            return None;
        }
    }
    let form = if one_plus { Exponentials::of_one_plus(x)? } else { Exponentials::of(x)? };
    form.log()
}

/// `u` of `-expm1(u)` or `-exp(u)`.
fn exponent(x: Expr<'_>) -> Option<Expr<'_>> {
    let inner = args(x).next().filter(|_| x.node().op == Op::Unary(Unary::Neg))?;
    let kind = inner.node().op.clone();
    args(inner).next().filter(|_| matches!(kind, Op::Unary(Unary::Exp | Unary::Expm1)))
}

/// `log Σ y·exp(x)` and `log Σ exp(x)`.
fn log_sum_exp<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (inner, axes) = reduction(args(expr).next()?, Reduce::Sum)?;
    let exponent = match &inner.node().op {
        Op::Unary(Unary::Exp) => args(inner).next()?,
        Op::Binary(Binary::Mul) => {
            let (a, b) = pair(inner)?;
            let (weight, power) = if is_exp(b) { (a, b) } else { (b, a) };
            if !is_exp(power) || !facts.of(weight).non_negative() {
                return None;
            }
            args(power).next()? + weight.log()
        }
        _ => return None,
    };
    // An exponent that is at most 0 was shifted by hand, or cannot overflow.
    (facts.of(exponent).high > 0.0).then(|| nn::logsumexp(exponent, axes))
}

fn softmax<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (power, wide) = pair(expr)?;
    let Op::Broadcast(kept) = wide.node().op.clone() else { return None };
    let (inner, axes) = reduction(args(wide).next()?, Reduce::Sum)?;
    let frame: Vec<usize> = (0..power.shape().rank()).filter(|a| !axes.contains(a)).collect();
    if !is_exp(power) || inner != power || frame != kept {
        return None;
    }
    let x = args(power).next()?;
    (facts.of(x).high > 0.0).then(|| nn::softmax(x, axes))
}

fn log_product<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let product = args(expr).next().filter(|p| p.node().op == Op::Binary(Binary::Mul))?;
    let (x, y) = pair(product)?;
    let signs = facts.of(x).non_negative() && facts.of(y).non_negative();
    if is_exp(x) || is_exp(y) || (signs && (exponential(x, 6) || exponential(y, 6))) {
        return Some(x.log() + y.log());
    }
    if x == y || x.as_constant().is_some() || y.as_constant().is_some() {
        return None;
    }
    Some(guarded(product, x, y, x.abs().log() + y.abs().log()))
}

fn log_quotient<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let quotient = args(expr).next().filter(|p| p.node().op == Op::Binary(Binary::Div))?;
    let (x, y) = pair(quotient)?;
    let signs = facts.of(x).non_negative() && facts.of(y).non_negative();
    if is_exp(x) || is_exp(y) || (signs && (exponential(x, 6) || exponential(y, 6))) {
        return Some(x.log() - y.log());
    }
    if is_splat(x) || is_splat(y) {
        return None;
    }
    Some(guarded(quotient, x, y, x.abs().log() - y.abs().log()))
}

/// `log(value)`, by the sum of logarithms where the value leaves the range of the type.
fn guarded<'g>(value: Expr<'g>, x: Expr<'g>, y: Expr<'g>, apart: Expr<'g>) -> Expr<'g> {
    let tiny = if value.dtype() == DType::F32 { 1e-37 } else { 1e-307 };
    let in_range = value.is_finite().and(value.abs().gt(tiny));
    let same_sign = (x.sign() * y.sign()).gt(0.0);
    let outside = same_sign.and(!in_range);
    outside.select(apart, outside.select(1.0, value).log())
}

/// The product of many is positive where the product of their signs is.
fn log_products<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (x, axes) = reduction(args(expr).next()?, Reduce::Prod)?;
    if facts.of(x).non_negative() {
        return Some(x.log().sum(axes));
    }
    let sign = x.sign().prod(axes.clone());
    Some(sign.gt(0.0).select(x.abs().log().sum(axes), sign.log()))
}

fn norm<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (square, axes) = reduction(args(expr).next()?, Reduce::Sum)?;
    let (x, y) = pair(square).filter(|_| square.node().op == Op::Binary(Binary::Mul))?;
    let bounded = facts.of(x).high <= 1.0 && facts.of(x).low >= -1.0;
    (x == y && !bounded).then(|| nn::norm(x, axes))
}

fn hypot<'g>(expr: Expr<'g>, facts: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let sum = args(expr).next().filter(|s| s.node().op == Op::Binary(Binary::Add))?;
    let (a, b) = pair(sum)?;
    let (x, y) = match (root(a), root(b)) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) => (x, positive_root(b)?),
        (None, Some(y)) => (positive_root(a)?, y),
        (None, None) => return None,
    };
    let bounded = |e: Expr<'g>| facts.of(e).high <= 1.0 && facts.of(e).low >= -1.0;
    (!(bounded(x) && bounded(y))).then(|| nn::hypot(x, y))
}

/// `x` of `x·x`.
fn root(square: Expr<'_>) -> Option<Expr<'_>> {
    let (x, y) = pair(square).filter(|_| square.node().op == Op::Binary(Binary::Mul))?;
    (x == y).then_some(x)
}

/// The square root of a constant that is not negative, or of a sum of two squares.
fn positive_root(value: Expr<'_>) -> Option<Expr<'_>> {
    if let Some(c) = value.as_constant() {
        return (c >= 0.0).then(|| value.graph().full(value.dtype(), value.shape(), c.sqrt()));
    }
    let (a, b) = pair(value).filter(|_| value.node().op == Op::Binary(Binary::Add))?;
    Some(nn::hypot(root(a)?, root(b)?))
}

/// `0·log 0` is 0, as is its limit.
fn x_log_x<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let (x, log) = if is_log_of(b, a) { (a, b) } else { (b, a) };
    if !is_log_of(log, x) {
        return None;
    }
    Some(x * x.eq(0.0).select(0.0, log))
}

/// `log x`, perhaps negated.
fn is_log_of<'g>(log: Expr<'g>, x: Expr<'g>) -> bool {
    match log.node().op {
        Op::Unary(Unary::Log) => args(log).next() == Some(x),
        Op::Unary(Unary::Neg) => args(log).next().is_some_and(|inner| is_log_of(inner, x)),
        _ => false,
    }
}

/// Made of exponentials by products, quotients and sums, so that its logarithm is worth taking apart.
fn exponential(expr: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &expr.node().op {
        Op::Unary(Unary::Exp | Unary::Sigmoid) | Op::Reduce { kind: Reduce::Prod, .. } => true,
        Op::Reduce { kind: Reduce::Sum, .. } | Op::Broadcast(_) | Op::Reshape => {
            args(expr).any(|a| exponential(a, deeper))
        }
        Op::Unary(Unary::Sqrt) | Op::Binary(Binary::Mul | Binary::Div | Binary::Pow) | Op::Select => {
            args(expr).any(|a| exponential(a, deeper))
        }
        _ => false,
    }
}

fn is_exp(expr: Expr<'_>) -> bool {
    expr.node().op == Op::Unary(Unary::Exp)
}

fn is_splat(expr: Expr<'_>) -> bool {
    matches!(expr.node().op, Op::Constant(_) | Op::Extent(_))
}

fn pair(expr: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let mut args = args(expr);
    let both = (args.next()?, args.next()?);
    args.next().is_none().then_some(both)
}

/// What is reduced, and along which axes.
fn reduction(expr: Expr<'_>, want: Reduce) -> Option<(Expr<'_>, Vec<usize>)> {
    match &expr.node().op {
        Op::Reduce { kind, axes } if *kind == want => Some((args(expr).next()?, axes.clone())),
        _ => None,
    }
}
