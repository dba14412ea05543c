//! Stabilization of differences of what is nearly equal: remainders of the exponential and of the logarithm,
//! roots, squares.

use super::Known;
use super::Rule;
use super::algebra::Linear;
use super::exponential::{pair, reduction};
use super::forms::{difference, is_masked, single};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::{Expr, NodeId};
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                          at                  instance                         result
    "remainder-of-exponential"    at ["add", "sub"] : "expm1(x) - x"                 => "exp_remainder(x)"            by exponential;
    "remainder-of-logarithm"      at ["add", "sub"] : "x - 1 - log(x)"               => "log_remainder(x - 1)"        by logarithm;
    "root-less-part"              at ["add", "sub"] : "sqrt(x * x + y) - x"          => "y / (sqrt(x * x + y) + x)"  by root_less_part;
    "difference-of-roots"         at ["sub"]        : "sqrt(x) - sqrt(y)"            => "(x - y) / (sqrt(x) + sqrt(y))" by roots;
    "part-and-hypot"              at ["add", "sub"] : "x + hypot(x, y)"              => "y * (y / (hypot(x, y) - x))" by part_and_hypot;
    "asinh"                       at ["log"]        : "log(x + hypot(x, 1))"         => "asinh(x)"                    by asinh;
    "acosh"                       at ["log"]        : "log(x + sqrt(x * x - 1))"     => "acosh(x)"                    by acosh;
    "square-of-difference"        at ["add", "sub"] : "x * x - 2 * (x * y) + y * y"  => "(x - y) * (x - y)"           by square;
    "difference-of-log1p"         at ["sub"]        : "log1p(x) - log1p(y)"          => "log1p((x - y) / (1 + y))"    by logarithms;
    "difference-of-two-powers"    at ["sub"]        : "exp(x) - exp(y)"              => "select(abs(x - y) < 1/2, expm1(x - y) * exp(y), exp(x) - exp(y))" by powers;
};

fn scaled(factor: f64, x: Expr<'_>) -> Expr<'_> {
    match factor {
        1.0 => x,
        -1.0 => -x,
        _ => factor * x,
    }
}

fn with<'g>(part: Expr<'g>, rest: &Linear<'g>) -> Expr<'g> {
    if rest.is_zero() { part } else { part + rest.build(part) }
}

/// `eˣ - 1 - x`, whatever it is scaled by and stands beside.
fn exponential<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    whole.terms.iter().find_map(|(e, k)| {
        let d = args(*e).next()?;
        let one = match e.node().op {
            Op::Unary(Unary::Exp) => 1.0,
            Op::Unary(Unary::Expm1) => 0.0,
            _ => return None,
        };
        let exponent = Linear::of(d);
        if exponent.terms.is_empty() || exponent.constant != 0.0 || is_masked(d) {
            return None;
        }
        let rest = whole.plus(-k, &single(*e)).plus(*k, &exponent).plus(*k, &Linear::constant(one));
        let gone = rest.terms.len() + exponent.terms.len() + 1 == whole.terms.len();
        let settled = rest.constant == 0.0 || (one == 0.0 && whole.constant == rest.constant);
        (gone && settled).then(|| with(scaled(*k, stable::exp_remainder(d)), &rest))
    })
}

/// `u` of `log u`, also where a quotient's logarithm was guarded, and the factor that the logarithm has.
fn log_of(e: Expr<'_>) -> Option<(Expr<'_>, f64)> {
    if e.node().op == Op::Unary(Unary::Log) {
        let u = args(e).next()?;
        return match u.node().op {
            Op::Unary(Unary::Abs) => {
                let x = args(u).next()?;
                Some((x * x, 2.0))
            }
            _ => Some((u, 1.0)),
        };
    }
    None
}

/// What a guarded logarithm of a quotient is the logarithm of.
fn guarded(stop: Expr<'_>) -> Option<Expr<'_>> {
    fn of<'g>(e: Expr<'g>, op: Op) -> Option<Expr<'g>> {
        args(e).next().filter(|_| e.node().op == op)
    }
    let difference = of(stop, Op::StopGradient)?;
    let log = args(difference).next().filter(|_| difference.node().op == Op::Binary(Binary::Sub))?;
    let branch = args(log).nth(2).filter(|_| log.node().op == Op::Select)?;
    let inside = of(of(branch, Op::StopGradient).unwrap_or(branch), Op::Unary(Unary::Log))?;
    args(inside).nth(2).filter(|_| inside.node().op == Op::Select)
}

/// `u - 1 - log u` for what is computed exactly near 1.
fn logarithm<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    whole.terms.iter().find_map(|(e, k)| {
        if let Some(u) = guarded(*e) {
            return by_quotient(&whole, u, *k);
        }
        if let Some((x, y)) = scaled_log(*e) {
            return by_scaled_log(&whole, (x, y), *e, *k);
        }
        let (u, times) = log_of(*e).filter(|(u, _)| !is_masked(*u))?;
        let k = -k / times;
        let (t, own) = match pair(u).filter(|_| u.node().op == Op::Binary(Binary::Mul)) {
            Some((x, y)) if x == y => ((x - 1.0) * (x + 1.0), Linear::of(u)),
            _ => (u - 1.0, Linear::of(u)),
        };
        let rest = whole.plus(-1.0, &Linear { terms: vec![(*e, -k * times)], constant: 0.0 });
        let rest = rest.plus(-k, &own).plus(k, &Linear::constant(1.0));
        let gone = rest.terms.len() + own.terms.len() + 1 == whole.terms.len() && !own.terms.is_empty();
        (gone && rest.constant == 0.0).then(|| with(scaled(k, stable::log_remainder(t, u)), &rest))
    })
}

/// `x` and `y` of `x·log(x/y)`, where the logarithm was guarded.
fn scaled_log(e: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let (a, b) = pair(e).filter(|_| e.node().op == Op::Binary(Binary::Mul))?;
    let quotient = |x: Expr<'_>, log: Expr<'_>| -> Option<(NodeId, NodeId)> {
        let log = if log.node().op == Op::Select { args(log).nth(2)? } else { log };
        let u = args(log).find_map(guarded)?;
        let (over, under) = pair(u).filter(|_| u.node().op == Op::Binary(Binary::Div))?;
        (over.id() == x.id()).then(|| (over.id(), under.id()))
    };
    let (x, y) = quotient(a, b).or_else(|| quotient(b, a))?;
    Some((e.graph().expr(x), e.graph().expr(y)))
}

/// `x·log(x/y) - x + y` as `x·(t - log(1 + t))` with `t = (y - x)/x`.
fn by_scaled_log<'g>(
    whole: &Linear<'g>,
    (x, y): (Expr<'g>, Expr<'g>),
    e: Expr<'g>,
    k: f64,
) -> Option<Expr<'g>> {
    let rest = whole.plus(-k, &single(e)).plus(k, &single(x)).plus(-k, &single(y));
    if rest.terms.len() + 3 != whole.terms.len() {
        return None;
    }
    if is_masked(x) || is_masked(y) {
        return None;
    }
    let t = (y - x) / x;
    let near = t.abs().lt(0.5);
    let t = near.select(t, 0.0);
    let close = x * stable::log_remainder(t, t + 1.0);
    let (a, b) = (near.select(1.0, x), near.select(1.0, y));
    let far = a * (a / b).log() - a + b;
    Some(with(scaled(k, near.select(close, far)), &rest))
}

/// The logarithm of a quotient `x/y` as it was guarded: `a + stop(log - a)` with `a = log|x| - log|y|`.
fn by_quotient<'g>(whole: &Linear<'g>, u: Expr<'g>, k: f64) -> Option<Expr<'g>> {
    let (x, y) = pair(u).filter(|_| u.node().op == Op::Binary(Binary::Div))?;
    let stop = whole.terms.iter().find(|(e, _)| guarded(*e) == Some(u))?.0;
    let logs = single(x.abs().log()).plus(-1.0, &single(y.abs().log())).plus(1.0, &single(stop));
    let rest = whole.plus(-k, &logs);
    if rest.terms.len() + 3 != whole.terms.len() {
        return None;
    }
    let k = -k;
    let t = (x - y) / y;
    // The quotient less one, or the difference over the divisor.
    let own = rest.plus(-k, &single(u)).plus(k, &Linear::constant(1.0));
    if own.terms.len() + 1 == rest.terms.len() && own.constant == 0.0 {
        return Some(with(scaled(k, stable::log_remainder(t, u)), &own));
    }
    let over = rest.plus(-k, &single(t));
    (over.terms.len() + 1 == rest.terms.len()).then(|| with(scaled(k, stable::log_remainder(t, u)), &over))
}

/// `√(b² + r) - b` where `b` is positive, as a quotient.
fn root_less_part<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    let [(p, k), (q, l)] = whole.terms.as_slice() else { return None };
    let is_root = |e: &Expr<'g>| e.node().op == Op::Unary(Unary::Sqrt);
    let ((root, k), (b, l)) = if is_root(p) { ((*p, *k), (*q, *l)) } else { ((*q, *l), (*p, *k)) };
    if !is_root(&root) || k.abs() != l.abs() || whole.constant != 0.0 {
        return None;
    }
    let inside = Linear::of(args(root).next()?);
    let square = inside.terms.iter().find(|(e, j)| *j == 1.0 && *e == b * b)?;
    let rest = inside.plus(-1.0, &single(square.0));
    if k == l && rest.terms.is_empty() {
        // The argument of an area hyperbolic cosine.
        return None;
    }
    // b with the sign with which it cancels the root.
    let part = if k == l { -b } else { b };
    let above = part.gt(0.0);
    let sum = above.select(root, 1.0) + above.select(part, 1.0);
    let close = rest.build(root) / sum;
    Some(scaled(k, above.select(close, root + above.select(0.0, -part))))
}

/// A difference of two roots by the difference of what they are of.
fn roots<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (p, q) = pair(expr)?;
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Sqrt));
    let (a, b) = (inner(p)?, inner(q)?);
    let gap = difference(a, b);
    let sum = p + q;
    let usable = sum.gt(0.0);
    Some(usable.select(gap / usable.select(sum, 1.0), 0.0))
}

/// `x` and `y` of `hypot(x, y)`, as [`stable::hypot`] writes it.
pub(super) fn legs_of(root: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let scaled = args(root).nth(1).filter(|_| root.node().op == Op::Select)?;
    args(scaled).find(|e| e.node().op == Op::Unary(Unary::Sqrt))?;
    let scale = args(scaled).find(|e| e.node().op == Op::Select)?;
    // The larger of both sizes, perhaps hidden from differentiation.
    let largest = args(scale).nth(1)?;
    let largest = if largest.node().op == Op::StopGradient { args(largest).next()? } else { largest };
    let (a, b) = pair(largest).filter(|_| largest.node().op == Op::Binary(Binary::Max))?;
    fn size<'g>(e: Expr<'g>) -> Option<Expr<'g>> {
        match e.node().op {
            Op::Unary(Unary::Abs) => args(e).next(),
            _ => e.as_constant().map(|_| e),
        }
    }
    Some((size(a)?, size(b)?))
}

/// `x ± hypot(x, y)` where both cancel.
fn part_and_hypot<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    whole.terms.iter().find_map(|(root, k)| {
        let (x, y) = legs_of(*root)?;
        let part = |x: Expr<'g>| {
            let l = whole.terms.iter().find(|(e, _)| *e == x)?.1;
            (l.abs() == k.abs()).then_some(l)
        };
        let (x, y, l) = match (part(x), part(y)) {
            (Some(l), _) => (x, y, l),
            (_, Some(l)) => (y, x, l),
            _ => return None,
        };
        let rest = whole.plus(-k, &single(*root)).plus(-l, &single(x));
        let against = if *k == l { -x } else { x };
        let above = against.gt(0.0);
        let sum = above.select(*root, 1.0) + above.select(against, 1.0);
        let close = y * (y / sum);
        Some(with(scaled(*k, above.select(close, *root + above.select(0.0, -against))), &rest))
    })
}

/// `log(x + √(x² + 1))`, and with another constant.
fn asinh<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let sum = args(expr).next()?;
    // What the rule before has made of the sum.
    let chosen = args(sum).nth(2).filter(|_| sum.node().op == Op::Select).and_then(pair);
    let (a, b) = chosen.or_else(|| pair(sum).filter(|_| sum.node().op == Op::Binary(Binary::Add)))?;
    let root = [a, b].into_iter().find(|e| legs_of(*e).is_some())?;
    let (x, y) = legs_of(root)?;
    let (x, c) = match (x.as_constant(), y.as_constant()) {
        (None, Some(c)) => (x, c.abs()),
        (Some(c), None) => (y, c.abs()),
        _ => return None,
    };
    let against = args(sum).nth(1).and_then(pair).filter(|_| chosen.is_some());
    let fits = match against {
        Some(_) => pair(args(sum).next()?).is_some_and(|(e, _)| e == -x),
        None => a == x || b == x,
    };
    if !fits || c == 0.0 {
        return None;
    }
    let below = x.lt(0.0);
    let size = below.select(-x, x);
    // An infinite argument is as large as the root.
    let part = size.is_finite().select(size / (root + c), 1.0);
    let log = ((size + size * part) / c).log1p();
    let log = below.select(-log, log);
    Some(if c == 1.0 { log } else { log + c.ln() })
}

/// `log(x + √(x² - 1))`.
fn acosh<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let sum = args(expr).next()?;
    let (a, b) = pair(sum).filter(|_| sum.node().op == Op::Binary(Binary::Add))?;
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Sqrt));
    let (x, inside) = match (inner(a), inner(b)) {
        (None, Some(inside)) => (a, inside),
        (Some(inside), None) => (b, inside),
        _ => return None,
    };
    let (square, one) = pair(inside).filter(|_| inside.node().op == Op::Binary(Binary::Sub))?;
    if square != x * x || one.as_constant() != Some(1.0) {
        return None;
    }
    let t = x - 1.0;
    Some((t + t.sqrt() * (x + 1.0).sqrt()).log1p())
}

/// A product of two in a sum, perhaps summed along axes.
fn product(e: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>, Option<Vec<usize>>)> {
    if let Some((inner, axes)) = reduction(e, Reduce::Sum) {
        let (x, y) = pair(inner).filter(|_| inner.node().op == Op::Binary(Binary::Mul))?;
        return Some((x, y, Some(axes)));
    }
    if let Op::Contract(spec) = &e.node().op {
        let (x, y) = pair(e)?;
        let axes = (0..spec.lhs.len()).filter(|i| !spec.out.contains(&spec.lhs[*i])).collect();
        let left: Vec<u8> = spec.lhs.iter().copied().filter(|l| spec.out.contains(l)).collect();
        return (spec.lhs == spec.rhs && left == spec.out).then_some((x, y, Some(axes)));
    }
    let (x, y) = pair(e).filter(|_| e.node().op == Op::Binary(Binary::Mul))?;
    Some((x, y, None))
}

/// `x² - 2xy + y²` and the difference of two squares, also of sums.
fn square<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    if whole.terms.len() < 2 {
        return None;
    }
    let squares: Vec<(usize, Expr<'g>, Option<Vec<usize>>)> = whole
        .terms
        .iter()
        .enumerate()
        .filter_map(|(i, (e, _))| product(*e).filter(|(x, y, _)| x == y).map(|(x, _, axes)| (i, x, axes)))
        .collect();
    for (n, (i, x, axes)) in squares.iter().enumerate() {
        for (j, y, others) in &squares[n + 1..] {
            let (k, l) = (whole.terms[*i].1, whole.terms[*j].1);
            let rest = whole.plus(-k, &single(whole.terms[*i].0)).plus(-l, &single(whole.terms[*j].0));
            if axes != others || x.shape() != y.shape() {
                continue;
            }
            if k == -l && axes.is_none() {
                return Some(with(scaled(k, (*x - *y) * (*x + *y)), &rest));
            }
            let mixed = rest.terms.iter().find(|(e, m)| {
                m.abs() == 2.0 * k.abs()
                    && product(*e).is_some_and(|(a, b, along)| {
                        along == *axes && ((a == *x && b == *y) || (a == *y && b == *x))
                    })
            });
            if let (Some((e, m)), true) = (mixed, k == l) {
                let rest = rest.plus(-m, &single(*e));
                let root = if m * k < 0.0 { *x - *y } else { *x + *y };
                let square = root * root;
                let square = match axes {
                    Some(axes) => square.sum(axes.clone()),
                    None => square,
                };
                return Some(with(scaled(k, square), &rest));
            }
        }
    }
    None
}

/// `log((1 + x)/(1 + y))` by what both differ in, where that is small.
fn logarithms<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (p, q) = pair(expr)?;
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Log1p));
    let (x, y) = (inner(p)?, inner(q)?);
    if is_masked(x) || is_masked(y) || Linear::of(x).plus(1.0, &Linear::of(y)).is_zero() {
        return None;
    }
    let gap = difference(x, y) / (1.0 + y);
    let near = gap.abs().lt(0.5);
    let far = near.select(0.0, x).log1p() - near.select(0.0, y).log1p();
    Some(near.select(near.select(gap, 0.0).log1p(), far))
}

/// `eˣ - eʸ` by the larger of both and `1 - e^-|x - y|`.
fn powers<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (p, q) = pair(expr)?;
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Exp));
    let (x, y) = (inner(p)?, inner(q)?);
    if x.as_constant().is_some()
        || y.as_constant().is_some()
        || Linear::of(x).plus(1.0, &Linear::of(y)).is_zero()
    {
        return None;
    }
    if is_masked(x) || is_masked(y) {
        return None;
    }
    let gap = difference(x, y);
    let near = gap.abs().lt(0.5);
    let far = near.select(1.0, x).exp() - near.select(0.0, y).exp();
    Some(near.select(near.select(gap, 0.0).expm1() * y.exp(), far))
}
