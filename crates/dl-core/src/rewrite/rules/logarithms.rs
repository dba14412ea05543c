//! Stabilization in code: logarithms of sums, products, powers and ratios, and `x log x` at zero.

use super::Known;
use super::Rule;
use super::algebra::Exponentials;
use super::exponential::{exponential, factored, is_exp, is_splat, pair, reduction, root_of_squares};
use super::rows::code_rows;
use super::structure::args;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                      at                      instance                            result
    "log-of-exponentials"     at ["log", "log1p"]   : "log(exp(x) + exp(y))"           => "logaddexp(x, y)"                  by log_exponentials;
    "log-of-power"            at ["log"]            : "log(x * x * x)"                 => "3 * log(x)"                       by log_power;
    "log-of-product"          at ["log"]            : "log(exp(x) * y)"                => "x + log(y)"                       by log_product;
    "log-of-quotient"         at ["log"]            : "log(exp(x) / y)"                => "x - log(y)"                       by log_quotient;
    "log-of-products"         at ["log"]            : "log(prod[r](x))"                => "sum[r](log(abs(x)))"              by log_products;
    "log-of-sum-of-squares"   at ["log"]            : "log(sum[r](x * x))"             => "2 * log(norm[r](x))"              by log_squares;
    "log-of-moved"            at ["log"]            : "log(slice(exp(x) / y))"         => "slice(log(exp(x) / y))"           by log_moved;
    "log-guarded"             at ["add"]            : "x + (select(y, x, z) - x)"      => "select(y, x, z)"                 by value_of_guarded;
    "x-log-x"                 at ["mul"]            : "x * log(x)"                     => "x * select(x = 0, 0, log(x))"     by x_log_x;
    "contract-x-log-x"        at ["contract"]       : "contract(x, log(x))"            => "sum(x * log(x))"                  by contract_x_log_x;
};

fn log_exponentials<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let x = args(expr).next()?;
    let one_plus = expr.node().op == Op::Unary(Unary::Log1p);
    if is_exp(x) && !one_plus {
        return None;
    }
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

/// `v` of `log v` and `log |v|`, and whether it is the second.
fn argument(expr: Expr<'_>) -> Option<(Expr<'_>, bool)> {
    let x = args(expr).next()?;
    match x.node().op {
        Op::Unary(Unary::Abs) => Some((args(x).next()?, true)),
        _ => Some((x, false)),
    }
}

/// `log(xⁿ)`, and of a product that is made of the same factor only.
fn log_power<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (value, size) = argument(expr)?;
    let (base, power) = match pair(value).filter(|_| value.node().op == Op::Binary(Binary::Pow)) {
        Some((x, c)) => (x, c.as_constant().filter(|c| *c != 0.0)?),
        None => Some(power(value, 6)).filter(|(_, n)| *n > 1.0)?,
    };
    // Other powers of negative numbers have no logarithm, as these have none.
    let even = power % 2.0 == 0.0;
    Some(power * if even || size { base.abs().log() } else { base.log() })
}

/// The factor and how often it occurs.
fn power(value: Expr<'_>, depth: usize) -> (Expr<'_>, f64) {
    let factors = pair(value).filter(|_| value.node().op == Op::Binary(Binary::Mul));
    let (Some((x, y)), Some(deeper)) = (factors, depth.checked_sub(1)) else { return (value, 1.0) };
    let ((x, m), (y, n)) = (power(x, deeper), power(y, deeper));
    if x == y { (x, m + n) } else { (value, 1.0) }
}

fn log_product<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (product, size) = argument(expr).filter(|(p, _)| p.node().op == Op::Binary(Binary::Mul))?;
    let (x, y) = pair(product)?;
    if apart(x, y, facts) {
        return Some(log_of(x, size) + log_of(y, size));
    }
    if x == y || x.as_constant().is_some() || y.as_constant().is_some() {
        return None;
    }
    Some(guarded(product, x, y, size, x.abs().log() + y.abs().log()))
}

fn log_quotient<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (quotient, size) = argument(expr).filter(|(p, _)| p.node().op == Op::Binary(Binary::Div))?;
    let (x, y) = pair(quotient)?;
    if apart(x, y, facts) || (size && (is_splat(x) || is_splat(y))) {
        return Some(log_of(x, size) - log_of(y, size));
    }
    if is_splat(x) || is_splat(y) {
        return None;
    }
    let far = guarded(quotient, x, y, size, x.abs().log() - y.abs().log());
    if !(is_one_plus(x) && is_one_plus(y)) || size {
        return Some(far);
    }
    // Near one, what is added to one must not be rounded off.
    let near = |e: Expr<'g>| e.gt(0.5).and(e.lt(2.0));
    Some(near(x).and(near(y)).select(x.log() - y.log(), far))
}

fn log_of(x: Expr<'_>, size: bool) -> Expr<'_> {
    if size { x.abs().log() } else { x.log() }
}

/// True where the logarithms of both are simple, or neither can be negative and one is made of exponentials.
fn apart<'g>(x: Expr<'g>, y: Expr<'g>, facts: &Known<'g>) -> bool {
    let signs = || facts.of(x).non_negative() && facts.of(y).non_negative();
    is_exp(x) || is_exp(y) || ((exponential(x, 6) || exponential(y, 6)) && signs())
}

/// `1 + u` or `1 - u`.
fn is_one_plus(x: Expr<'_>) -> bool {
    let one = |e: Expr<'_>| e.as_constant() == Some(1.0);
    match (&x.node().op, pair(x)) {
        (Op::Binary(Binary::Add), Some((a, b))) => one(a) || one(b),
        (Op::Binary(Binary::Sub), Some((a, _))) => one(a),
        _ => false,
    }
}

/// `log(value)`, by the sum of logarithms where the value, or what it is made of, leaves the range of
/// the type.
fn guarded<'g>(value: Expr<'g>, x: Expr<'g>, y: Expr<'g>, size: bool, apart: Expr<'g>) -> Expr<'g> {
    let tiny = if value.dtype() == DType::F32 { 1e-37 } else { 1e-307 };
    let within = |e: Expr<'g>| e.is_finite().and(e.abs().gt(tiny));
    let made = |e: &Expr<'g>| matches!(e.node().op, Op::Binary(Binary::Mul | Binary::Div | Binary::Pow));
    let in_range = [x, y].into_iter().filter(made).fold(within(value), |all, part| all.and(within(part)));
    let outside = if size { !in_range } else { (sign(x, 6) * sign(y, 6)).gt(0.0).and(!in_range) };
    let inside = outside.select(1.0, value);
    let log = outside.select(apart, log_of(inside, size).stop_gradient());
    // The value of `log`, the gradient of `apart`: that of a ratio would go through the ratio.
    apart + (log - apart).stop_gradient()
}

/// The sign, of the factors where there are some: a product may underflow.
fn sign(value: Expr<'_>, depth: usize) -> Expr<'_> {
    let Some(deeper) = depth.checked_sub(1) else { return value.sign() };
    match (&value.node().op, pair(value)) {
        (Op::Binary(Binary::Mul | Binary::Div), Some((x, y))) => sign(x, deeper) * sign(y, deeper),
        (Op::Binary(Binary::Pow), Some((x, c))) if c.as_constant().is_some_and(|c| c % 2.0 == 0.0) => {
            sign(x, deeper) * sign(x, deeper)
        }
        (Op::Binary(Binary::Pow), Some((x, c))) if c.as_constant().is_some() => sign(x, deeper),
        _ => match reduction(value, Reduce::Prod) {
            Some((x, axes)) => x.sign().prod(axes),
            None => value.sign(),
        },
    }
}

/// `apart + (log - apart)`, once every gradient is there.
fn value_of_guarded<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (apart, rest) = pair(expr)?;
    let (log, same) = pair(rest).filter(|_| rest.node().op == Op::Binary(Binary::Sub))?;
    let guarded = log.node().op == Op::Select && args(log).skip(1).any(|branch| branch == apart);
    (same == apart && guarded).then_some(log)
}

/// The product of many is positive where the product of their signs is.
fn log_products<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (product, size) = argument(expr)?;
    let (x, axes) = reduction(product, Reduce::Prod)?;
    if size || facts.of(x).non_negative() {
        return Some(log_of(x, size).sum(axes));
    }
    let sign = x.sign().prod(axes.clone());
    let zero = sign.graph().full(sign.dtype(), sign.shape(), f64::NEG_INFINITY);
    Some(sign.gt(0.0).select(x.abs().log().sum(axes), sign.eq(0.0).select(zero, f64::NAN)))
}

/// What is only picked or moved keeps its logarithm, which is taken where exponentials are seen.
fn log_moved<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let moved = args(expr).next()?;
    let node = moved.node();
    if !matches!(
        node.op,
        Op::Reshape | Op::Permute(_) | Op::Flip(_) | Op::Broadcast(_) | Op::Slice { .. } | Op::Gather { .. }
    ) {
        return None;
    }
    let inner = args(moved).next().filter(|inner| exponential(*inner, 6))?;
    let rest: Vec<Expr<'g>> = args(moved).skip(1).collect();
    Some(inner.log().apply_as(node.op.clone(), &rest, node.dtype, node.shape.clone()))
}

/// `log Σ x²` and `log(x² + y²)` by the norm.
fn log_squares<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let sum = args(expr).next()?;
    let constant = args(sum).any(is_splat) && sum.node().op == Op::Binary(Binary::Add);
    let root = if constant { None } else { root_of_squares(sum, facts) };
    Some(2.0 * root?.log())
}

/// `0·log 0` is 0, as is its limit.
fn x_log_x<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let part = |e: Expr<'g>| factored(e).1;
    let (scaled, log) = if has_log_of(b, part(a), 6) { (a, b) } else { (b, a) };
    let x = part(scaled);
    has_log_of(log, x, 6).then(|| scaled * x.eq(0.0).select(0.0, log))
}

/// True if `log x` is a term of `log`, perhaps scaled, or as the logarithm of a ratio.
fn has_log_of<'g>(log: Expr<'g>, x: Expr<'g>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    let any = |terms: &[Expr<'g>]| terms.iter().any(|t| has_log_of(*t, x, deeper));
    let terms: Vec<Expr<'g>> = args(log).collect();
    match log.node().op {
        Op::Unary(Unary::Log) => args(log).any(|v| is_made_of(v, x)),
        Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub) => any(&terms),
        Op::Binary(Binary::Mul) if args(log).any(|f| f.as_constant().is_some()) => any(&terms),
        // The guard against a ratio out of range; that against zero itself is what is to be made.
        Op::Select if !args(log).any(|a| a.as_constant() == Some(0.0)) => any(&terms[1..]),
        Op::StopGradient => any(&terms),
        _ => false,
    }
}

/// `x`, `|x|`, `x/y`, `y/x`, perhaps replaced where they are out of range.
fn is_made_of<'g>(v: Expr<'g>, x: Expr<'g>) -> bool {
    match v.node().op {
        _ if v == x => true,
        Op::Unary(Unary::Abs) => args(v).any(|a| a == x),
        Op::Binary(Binary::Div) => args(v).any(|a| a == x),
        Op::Select => args(v).nth(2).is_some_and(|a| a != v && is_made_of(a, x)),
        _ => false,
    }
}

/// A sum can leave out what `0·log 0` is, a product of matrices cannot.
fn contract_x_log_x<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let Op::Contract(spec) = &expr.node().op else { return None };
    let (x, y) = pair(expr)?;
    let axes: Vec<usize> = (0..spec.lhs.len()).filter(|i| !spec.out.contains(&spec.lhs[*i])).collect();
    let left: Vec<u8> = spec.lhs.iter().copied().filter(|l| spec.out.contains(l)).collect();
    let logs = has_log_of(y, x, 6) || has_log_of(x, y, 6);
    (logs && spec.lhs == spec.rhs && left == spec.out).then(|| (x * y).sum(axes))
}
