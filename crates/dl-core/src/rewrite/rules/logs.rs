//! Sums in which logarithms of sums of exponentials take part: what is added goes into the exponents.

use super::Known;
use super::Rule;
use super::algebra::{Exponentials, Linear, is_mixture};
use super::rows::code_rows;
use super::structure::args;
use crate::dtype::Scalar;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::constants;
use crate::stable::softplus_difference;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                            at                                 instance                              result
    "linear-and-log-of-sum"         at ["add", "sub"]                : "y + softplus(x - y)"              => "logaddexp(x, y)"   by linear_and_log;
    "linear-and-log-of-difference"  at ["add", "sub"]                : "log(exp(x) - 1) - x"              => "log1mexp(-x)"      by log_of_difference;
    "difference-of-exponentials"    at ["add", "sub", "mul", "div"]  : "(exp(x) - 1) / exp(x)"            => "-expm1(-x)"        by difference;
    "difference-of-logistics"       at ["sub"]                       : "sigmoid(x) - sigmoid(-x)"         => "tanh(x / 2)"       by logistics;
    "difference-of-parts-of-logistics" at ["add", "sub"]             : "y * sigmoid(x) - y * sigmoid(-x)" => "y * tanh(x / 2)"  by parts_of_logistics;
    "difference-of-softplus"        at ["sub"]                       : "softplus(x) - softplus(-x)"       => "x"                 by softpluses;
    "log-of-ratio-of-sums"          at ["sub"]                       : "softplus(x) - softplus(y)"        => "log1p(sigmoid(y) * expm1(x - y))" by ratio_of_sums;
};

/// `r ± log Σ exp(l)` with linear `r`, as `± log Σ exp(l ± r)`, where that is simpler.
fn linear_and_log<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let dtype = expr.dtype();
    // Two terms whose weights sum to 1: near zero where the exponents are.
    let mixed = |moved: &[Linear<'g>]| matches!(moved, [a, b] if is_mixture(dtype, a.constant.exp(), b.constant.exp()));
    let whole = Linear::of(expr);
    whole.terms.iter().filter(|(_, k)| k.abs() == 1.0).find_map(|(log, k)| {
        let (exponents, used) = exponents(*log, *k, &whole)?;
        let mut rest = used.iter().fold(whole.clone(), |rest, (e, k)| rest.plus(-k, &single(*e)));
        let sizes: Vec<_> = exponents.iter().flat_map(|l| &l.terms).filter_map(|(e, _)| size(*e)).collect();
        // What is nothing beside 1 would be lost in an exponent.
        let lost = rest.constant.abs() < 1e-3;
        let (constant, stays_constant) = if lost { (0.0, rest.constant) } else { (rest.constant, 0.0) };
        let count = rest.terms.len();
        for size in &sizes {
            rest = by_size(&rest, *size);
        }
        // Only what meets something of the exponents moves into them.
        let spoken = |e: &Expr<'g>| {
            exponents.iter().flat_map(|l| &l.terms).any(|(own, _)| own == e)
                || sizes.iter().any(|(_, v)| Linear::of(*v).terms.iter().any(|(own, _)| own == e))
        };
        let (moves, stays): (Vec<_>, Vec<_>) = rest.terms.into_iter().partition(|(e, _)| spoken(e));
        let before = count - stays.len().min(count) + exponents.iter().map(|l| l.terms.len()).sum::<usize>();
        let moves = Linear { terms: moves, constant };
        let cancelled = |l: Linear<'g>| match constants::close(dtype, l.constant, 0.0) {
            true => Linear { constant: 0.0, ..l },
            false => l,
        };
        let moved = exponents.iter().map(|l| cancelled(l.plus(*k, &moves))).collect();
        let moved = without_sizes(moved);
        let after: usize = moved.iter().map(|l| l.terms.len()).sum();
        let settled = constant != 0.0 && (mixed(&moved) || moved.iter().all(|l| l.constant == 0.0));
        let even = mixed(&moved) && moved[0].plus(1.0, &moved[1]).terms.is_empty();
        if after >= before && !settled && !(even && log_cosh_of(*log).is_none()) {
            return None;
        }
        let log = Exponentials::log_of(expr, moved)?;
        let log = if *k > 0.0 { log } else { -log };
        let stays = Linear { terms: stays, constant: stays_constant };
        Some(if stays.is_zero() { log } else { stays.build(expr) + log })
    })
}

type Used<'g> = Vec<(Expr<'g>, f64)>;

/// The exponents of `log Σ exp(l)`, if `log` is (with what stands beside it) such a logarithm, and
/// the terms that it is made of.
fn exponents<'g>(log: Expr<'g>, k: f64, whole: &Linear<'g>) -> Option<(Vec<Linear<'g>>, Used<'g>)> {
    let two = constants::log(log.dtype(), 2.0);
    let halved = |l: Linear<'g>| Linear { constant: l.constant - two, ..l };
    if let Some(x) = log_cosh_of(log) {
        let x = Linear::of(x);
        return Some((vec![halved(x.clone()), halved(Linear::constant(0.0).plus(-1.0, &x))], vec![(log, k)]));
    }
    // max(a, b) + log(1 + e^-|a - b|) or log((1 + e^-|a - b|)/2), as the library writes them.
    let (u, mixed) = match log.node().op {
        Op::Unary(Unary::Softplus) => (args(log).next()?, false),
        Op::Unary(Unary::Log1p) => (half_expm1(args(log).next()?)?, true),
        _ => return None,
    };
    if let Some((a, b)) = guarded_gap(u)
        && let Some((max, _)) = whole.terms.iter().find(|(e, j)| *j == k && is_max(*e, a, b))
    {
        let (a, b) = (Linear::of(a), Linear::of(b));
        let both = if mixed { vec![halved(a), halved(b)] } else { vec![a, b] };
        return Some((both, vec![(log, k), (*max, k)]));
    }
    let (one, u) = (Linear::constant(0.0), Linear::of(u));
    let both = if mixed { vec![halved(one), halved(u)] } else { vec![one, u] };
    Some((both, vec![(log, k)]))
}

/// `x` of `log cosh x`, as [`log_cosh`](crate::stable::log_cosh) writes it.
fn log_cosh_of(log: Expr<'_>) -> Option<Expr<'_>> {
    let far = args(log).nth(2).filter(|_| log.node().op == Op::Select)?;
    let (size, x) = args(far).find_map(size)?;
    let rest = Linear::of(far).plus(-1.0, &single(size));
    let [(e, 1.0)] = rest.terms.as_slice() else { return None };
    let u = half_expm1(args(*e).next().filter(|_| e.node().op == Op::Unary(Unary::Log1p))?)?;
    Linear::of(u).plus(2.0, &single(size)).is_zero().then_some(x)
}

/// `u` of `0.5·expm1(u)`.
fn half_expm1(product: Expr<'_>) -> Option<Expr<'_>> {
    let half =
        args(product).any(|a| a.as_constant() == Some(0.5)) && product.node().op == Op::Binary(Binary::Mul);
    let power = args(product).find(|e| e.node().op == Op::Unary(Unary::Expm1)).filter(|_| half)?;
    args(power).next()
}

/// `max(a, b)`, which is `relu` where one of them is 0.
fn is_max<'g>(e: Expr<'g>, a: Expr<'g>, b: Expr<'g>) -> bool {
    let arg: Vec<Expr<'g>> = args(e).collect();
    match e.node().op {
        Op::Binary(Binary::Max) => arg == [a, b],
        Op::Unary(Unary::Relu) => {
            (arg[0] == a && b.as_constant() == Some(0.0)) || (arg[0] == b && a.as_constant() == Some(0.0))
        }
        _ => false,
    }
}

fn single(e: Expr<'_>) -> Linear<'_> {
    Linear { terms: vec![(e, 1.0)], constant: 0.0 }
}

/// `a` and `b` of `-|select(a = b, 0, a - b)|`.
fn guarded_gap(u: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let size = args(u).next().filter(|_| u.node().op == Op::Unary(Unary::Neg))?;
    let gap = args(size).next().filter(|_| size.node().op == Op::Unary(Unary::Abs))?;
    let equal = args(gap).next().filter(|_| gap.node().op == Op::Select)?;
    let both = (args(equal).next()?, args(equal).nth(1)?);
    (equal.node().op == Op::Binary(Binary::Eq)).then_some(both)
}

/// `v` of `|v|`.
fn size(e: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let v = args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Abs))?;
    Some((e, v))
}

/// `relu(v)`, `max(a, b)` and `min(a, b)` by `|v|` and `|a - b|`, where that size is spoken of.
fn by_size<'g>(rest: &Linear<'g>, (size, v): (Expr<'g>, Expr<'g>)) -> Linear<'g> {
    let v = Linear::of(v);
    let same = |gap: &Linear<'g>| gap.plus(-1.0, &v).is_zero() || gap.plus(1.0, &v).is_zero();
    let half = |e: Linear<'g>, by: f64| e.plus(by, &single(size));
    let zero = Linear::constant(0.0);
    rest.terms.iter().fold(Linear { terms: vec![], constant: rest.constant }, |sum, (e, k)| {
        let arg: Vec<Linear<'g>> = args(*e).map(Linear::of).collect();
        let split = match e.node().op {
            Op::Unary(Unary::Relu) if same(&arg[0]) => half(zero.plus(0.5, &arg[0]), 0.5),
            Op::Binary(op @ (Binary::Max | Binary::Min)) if same(&arg[0].plus(-1.0, &arg[1])) => {
                half(zero.plus(0.5, &arg[0]).plus(0.5, &arg[1]), if op == Binary::Max { 0.5 } else { -0.5 })
            }
            _ => single(*e),
        };
        sum.plus(*k, &split)
    })
}

/// Two exponents that differ in the sign of `|v|` are the same two with `v` for `|v|`.
fn without_sizes<'g>(moved: Vec<Linear<'g>>) -> Vec<Linear<'g>> {
    let [a, b] = moved.as_slice() else { return moved };
    let Some((e, k, v)) = a.terms.iter().find_map(|(e, k)| Some((*e, *k, size(*e)?.1))) else { return moved };
    let with = |l: &Linear<'g>, k: f64| l.plus(-k, &single(e)).plus(k, &Linear::of(v));
    match b.terms.iter().find(|(own, _)| *own == e) {
        Some((_, j)) if *j == -k => without_sizes(vec![with(a, k), with(b, *j)]),
        _ => moved,
    }
}

/// `(x + log(1 - eᵘ)) - x`: what is left when terms cancel.
fn log_of_difference<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let is_log = |e: Expr<'g>| {
        let kind = |i: usize, op: Unary| args(e).nth(i).is_some_and(|b| b.node().op == Op::Unary(op));
        e.node().op == Op::Select && kind(1, Unary::Log) && kind(2, Unary::Log1p)
    };
    let whole = Linear::of(expr);
    let logs = whole.terms.iter().any(|(e, _)| is_log(*e));
    (logs && leaves(expr, 6) > whole.terms.len()).then(|| whole.build(expr))
}

/// How many terms are added up.
fn leaves(expr: Expr<'_>, depth: usize) -> usize {
    match (&expr.node().op, depth.checked_sub(1)) {
        (Op::Binary(Binary::Add | Binary::Sub), Some(d)) => args(expr).map(|a| leaves(a, d)).sum(),
        (Op::Unary(Unary::Neg), Some(d)) => args(expr).map(|a| leaves(a, d)).sum(),
        (Op::Constant(_), _) => 0,
        _ => 1,
    }
}

/// `c·exp(a) - c` and `c·exp(a) - c·exp(-a)`, however they are spelled.
fn difference<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !speaks_of_exp(expr, 6) {
        return None;
    }
    let form = Exponentials::of(expr)?;
    let (c, a, b) = form.difference()?;
    let (c, a, b) = if a.is_zero() { (-c, b, a) } else { (c, a, b) };
    let whole = if b.is_zero() {
        a.build(expr).expm1()
    } else if a.plus(1.0, b).is_zero() {
        a.build(expr).expm1() - b.build(expr).expm1()
    } else {
        return None;
    };
    Some(match c {
        1.0 => whole,
        -1.0 => -whole,
        _ => c * whole,
    })
}

/// True where an `exp` takes part, by itself.
fn speaks_of_exp(expr: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &expr.node().op {
        Op::Unary(Unary::Exp) => true,
        Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div) => {
            args(expr).any(|a| speaks_of_exp(a, deeper))
        }
        _ => false,
    }
}

fn logistics<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    Some((0.5 * opposites(expr, Unary::Sigmoid)?).tanh())
}

/// `k·y·σ(x) - k·y·σ(-x)`, whatever the common factors are: a derivative of `σ(x)·σ(-x)` is of this form.
fn parts_of_logistics<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let sign = if expr.node().op == Op::Binary(Binary::Sub) { -1.0 } else { 1.0 };
    let ((k, mut left), (j, right)) = (factors(args(expr).next()?, 8), factors(args(expr).nth(1)?, 8));
    let (mut common, mut rest) = (vec![], vec![]);
    for factor in right {
        match left.iter().position(|own| *own == factor) {
            Some(at) => common.push(left.remove(at)),
            None => rest.push(factor),
        }
    }
    let ([a], [b]) = (left.as_slice(), rest.as_slice()) else { return None };
    let x = opposed(*a, *b, Unary::Sigmoid).filter(|_| k == -sign * j)?;
    let part = common.into_iter().rev().fold((0.5 * x).tanh(), |part, factor| factor * part);
    Some(if k == 1.0 { part } else { k * part })
}

/// A constant and the factors that it scales.
pub(super) fn factors(expr: Expr<'_>, depth: usize) -> (f64, Vec<Expr<'_>>) {
    let arg: Vec<Expr<'_>> = args(expr).collect();
    match (&expr.node().op, depth.checked_sub(1)) {
        (Op::Constant(Scalar::Float(c)), _) => (*c, vec![]),
        (Op::Unary(Unary::Neg), Some(d)) => {
            let (k, all) = factors(arg[0], d);
            (-k, all)
        }
        (Op::Binary(Binary::Mul), Some(d)) => {
            let ((k, x), (j, y)) = (factors(arg[0], d), factors(arg[1], d));
            (k * j, [x, y].concat())
        }
        _ => (1.0, vec![expr]),
    }
}

fn softpluses<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    opposites(expr, Unary::Softplus)
}

/// The difference of two logarithms that may both be near `log 2`.
fn ratio_of_sums<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Softplus));
    let (x, y) = (inner(args(expr).next()?)?, inner(args(expr).nth(1)?)?);
    // What the result itself is made of.
    let masked = x.node().op == Op::Select && y.node().op == Op::Select && args(x).next() == args(y).next();
    (!masked).then(|| softplus_difference(x, y))
}

/// `x` of `f(x) - f(-x)`.
fn opposites<'g>(expr: Expr<'g>, op: Unary) -> Option<Expr<'g>> {
    opposed(args(expr).next()?, args(expr).nth(1)?, op)
}

/// `x` of `f(x)` and `f(-x)`.
fn opposed<'g>(a: Expr<'g>, b: Expr<'g>, op: Unary) -> Option<Expr<'g>> {
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(op));
    let (x, y) = (inner(a)?, inner(b)?);
    Linear::of(x).plus(1.0, &Linear::of(y)).is_zero().then_some(x)
}
