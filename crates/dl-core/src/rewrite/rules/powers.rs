//! Stabilization of powers and products near one: by logarithms that keep what they differ from one by.

use super::Known;
use super::Rule;
use super::algebra::Linear;
use super::exponential::{pair, reduction};
use super::forms::{is_masked, single};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                    at           instance                       result
    "power-of-one-plus"     at ["pow"] : "(1 + x) ^ y"               => "select(|x| < 1/2, exp(y * log1p(x)), (1 + x) ^ y)"  by power_of_one_plus;
    "one-less-power"        at ["sub"] : "x ^ y - 1"                 => "select(|l| < 1/2, expm1(l), x ^ y - 1) with l = y * log(x)" by one_less;
    "log-of-share"          at ["log"] : "log(x / (x + y))"          => "-log1p(y / x)"                                      by log_of_share;
    "log-of-variable-power" at ["log"] : "log(x ^ y)"                => "y * log(x)"                                         by log_of_variable_power;
    "log-of-branches"       at ["log"] : "log(select(y, -expm1(x), z))" => "select(y, log(-expm1(x)), log(z))"               by log_of_branches;
    "quotient-of-expm1"     at ["div"] : "expm1(x * y) / x"          => "y * exp_quotient(x * y)"                            by quotient_of_expm1;
    "quotient-by-expm1"     at ["div"] : "x / expm1(x)"              => "1 / exp_quotient(x)"                                by quotient_by_expm1;
    "quotient-of-log1p"     at ["div"] : "log1p(x * y) / x"          => "y * log_quotient(x * y)"                            by quotient_of_log1p;
    "product-with-log1p"    at ["mul"] : "x * log1p(y / x)"          => "y * log_quotient(y / x)"                            by product_with_log1p;
    "power-of-product"      at ["pow", "sqrt"] : "prod[r](x) ^ c"    => "prod[r](abs(x) ^ c)"                                by power_of_product;
};

/// How deep products are taken apart.
const DEPTH: usize = 6;
/// Powers up to this keep the digits of what is added to one.
const SMALL_POWER: f64 = 4.0;

/// `log(v)` that is exact to the last digits near 1, where `v` is one and something.
fn log_near_one(v: Expr<'_>, depth: usize) -> Option<Expr<'_>> {
    let deeper = depth.checked_sub(1)?;
    let arg: Vec<Expr<'_>> = args(v).collect();
    let inner = |i: usize| log_near_one(arg[i], deeper);
    let one = |i: usize| arg[i].as_constant() == Some(1.0);
    let node = v.node();
    match &node.op {
        Op::Unary(Unary::Exp) => Some(arg[0]),
        Op::Unary(Unary::Sigmoid) => Some(-(-arg[0]).softplus()),
        Op::Unary(Unary::Sqrt) => Some(0.5 * inner(0)?),
        Op::Unary(Unary::Abs) => inner(0),
        Op::Binary(Binary::Add) if one(0) => Some(arg[1].log1p()),
        Op::Binary(Binary::Add) if one(1) => Some(arg[0].log1p()),
        Op::Binary(Binary::Sub) if one(0) => Some((-arg[1]).log1p()),
        Op::Binary(Binary::Mul) if arg[0] == arg[1] => Some(2.0 * inner(0)?),
        Op::Binary(Binary::Mul) => Some(inner(0)? + inner(1)?),
        Op::Binary(Binary::Div) => match share(v) {
            Some(odds) => Some(-odds.log1p()),
            None => Some(inner(0)? - inner(1)?),
        },
        Op::Binary(Binary::Pow) => Some(arg[1] * inner(0).unwrap_or_else(|| arg[0].log())),
        Op::Reduce { kind: Reduce::Prod, axes } => Some(inner(0)?.sum(axes.clone())),
        Op::Broadcast(_) | Op::Reshape | Op::Slice { .. } => {
            Some(inner(0)?.apply_as(node.op.clone(), &[], node.dtype, node.shape.clone()))
        }
        _ => None,
    }
}

/// `y/x` of `x/(x + y)`.
fn share(v: Expr<'_>) -> Option<Expr<'_>> {
    let (x, sum) = pair(v).filter(|_| v.node().op == Op::Binary(Binary::Div))?;
    let (a, b) = pair(sum).filter(|_| sum.node().op == Op::Binary(Binary::Add))?;
    let rest = if a == x { b } else { Some(a).filter(|_| b == x)? };
    let made = |e: Expr<'_>| super::exponential::exponential(e, 6);
    (x.as_constant().is_none() && !made(x) && !made(rest)).then(|| rest / x)
}

/// `u` of `1 + u`, `1 - u` and `x/(x + y)`, as the base of a power; for the last `v` is `1/(1 + u)`.
fn base(v: Expr<'_>) -> Option<(Expr<'_>, f64)> {
    let one = |e: Expr<'_>| e.as_constant() == Some(1.0);
    if let Some(odds) = share(v) {
        return Some((odds, -1.0));
    }
    let (a, b) = pair(v)?;
    match v.node().op {
        Op::Binary(Binary::Add) if one(a) => Some((b, 1.0)),
        Op::Binary(Binary::Add) if one(b) => Some((a, 1.0)),
        Op::Binary(Binary::Sub) if one(a) => Some((-b, 1.0)),
        _ => None,
    }
}

fn power_of_one_plus<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (x, y) = pair(expr)?;
    if y.as_constant().is_some_and(|c| c.abs() <= SMALL_POWER) {
        return None;
    }
    let (u, sign) = base(x)?;
    let near = u.abs().lt(0.5);
    let power = y * near.select(u, 0.0).log1p();
    let power = if sign < 0.0 { -power } else { power };
    Some(near.select(power.exp(), near.select(1.0, x).pow(y)))
}

/// `v - 1` and `1 - v` for a power or product near one.
fn one_less<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let (v, sign) = match (a.as_constant(), b.as_constant()) {
        (None, Some(1.0)) => (a, 1.0),
        (Some(1.0), None) => (b, -1.0),
        _ => return None,
    };
    let composed =
        matches!(v.node().op, Op::Binary(Binary::Mul | Binary::Div | Binary::Pow) | Op::Unary(Unary::Sqrt))
            || (v.node().op == Op::Select && powered(v))
            || matches!(v.node().op, Op::Reduce { kind: Reduce::Prod, .. });
    let root = args(v).next().filter(|_| sign > 0.0 && v.node().op == Op::Unary(Unary::Sqrt));
    if !composed
        || root.is_some_and(|inner| base(inner).is_some())
        || pair(v).is_some_and(|(x, y)| x == y && v.node().op == Op::Binary(Binary::Mul))
    {
        return None;
    }
    let (log, valid) = match power_log(v) {
        // The exponent counts on one side only.
        Some(log) => (log, args(v).next()),
        None => (log_near_one(v, DEPTH)?, None),
    };
    let near = log.abs().lt(0.5);
    let near = valid.map_or(near, |valid| near.and(valid));
    let size = near.select(log, 0.0).expm1();
    let rest = near.select(1.0, v);
    Some(match sign > 0.0 {
        true => near.select(size, rest - 1.0),
        false => near.select(-size, 1.0 - rest),
    })
}

/// True for what [`power_of_one_plus`] makes.
fn powered(v: Expr<'_>) -> bool {
    power_log(v).is_some()
}

fn power_log(v: Expr<'_>) -> Option<Expr<'_>> {
    let arms: Vec<Expr<'_>> = args(v).collect();
    let exp = arms.get(1).filter(|e| v.node().op == Op::Select && e.node().op == Op::Unary(Unary::Exp))?;
    let far = arms.get(2).filter(|e| e.node().op == Op::Binary(Binary::Pow))?;
    let masked = args(*far).next().filter(|e| e.node().op == Op::Select)?;
    (args(masked).next() == args(v).next()).then(|| args(*exp).next())?
}

/// The base and the exponent of what [`power_of_one_plus`] makes.
pub(super) fn power_of(v: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    power_log(v)?;
    let (base, y) = pair(args(v).nth(2)?)?;
    Some((args(base).nth(2)?, y))
}

fn log_of_share<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let odds = share(v)?;
    let near = odds.abs().lt(1.0);
    let (x, sum) = pair(v)?;
    let far = near.select(1.0, x).abs().log() - near.select(1.0, sum).abs().log();
    let far = v.lt(0.0).select(f64::NAN, far);
    Some(near.select(-near.select(odds, 0.0).log1p(), far))
}

/// The logarithm of a power whose exponent varies; the base may be negative where the exponent is whole.
fn log_of_variable_power<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let sized = args(v).next().filter(|_| v.node().op == Op::Unary(Unary::Abs));
    if let Some((inside, y)) = sized.and_then(power_of) {
        return Some(y * inside.abs().log());
    }
    if v.node().op == Op::Select && args(v).nth(2).and_then(Expr::as_constant).is_some_and(f64::is_nan) {
        // What [`power_of_product`] has made.
        let arm: Vec<Expr<'g>> = args(v).collect();
        return Some(arm[0].select(arm[1].log(), f64::NAN));
    }
    if let Some((inside, y)) = power_of(v) {
        // What a power of one plus something has become.
        let near = args(v).next()?;
        let u = args(args(near).next()?).next()?;
        let log = if share(inside).is_some() { -(u.log1p()) } else { u.log1p() };
        if facts.of(u).low >= -1.0 {
            return Some(y * log);
        }
        let above = u.gt(-1.0);
        return Some(above.select(y * log, above.select(1.0, inside).pow(y).log()));
    }
    let (x, y) = pair(v).filter(|_| v.node().op == Op::Binary(Binary::Pow))?;
    if y.as_constant().is_some() {
        return None;
    }
    if is_masked(x) {
        return None;
    }
    // The power is 1 where the exponent is 0.
    if facts.of(x).non_negative() {
        return Some(y * y.eq(0.0).select(0.0, x.log()));
    }
    let above = x.gt(0.0);
    Some(above.select(y * above.select(x, 1.0).log(), above.select(1.0, x).pow(y).log()))
}

/// A root of a product of many, each of which has one.
fn power_of_product<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let (x, axes) = reduction(v, Reduce::Prod)?;
    let c = match expr.node().op {
        Op::Unary(Unary::Sqrt) => 0.5,
        _ => pair(expr)?.1.as_constant().filter(|c| c.abs() < 1.0 && *c != 0.0)?,
    };
    if facts.of(x).non_negative() {
        return Some(x.pow(c).prod(axes));
    }
    let sign = x.sign().prod(axes.clone());
    let size = x.abs().pow(c).prod(axes);
    Some(sign.ge(0.0).select(size, f64::NAN))
}

/// What [`one_less`] has made of a difference keeps its logarithm on either side.
fn log_of_branches<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let arm: Vec<Expr<'g>> = args(v).collect();
    let close = *arm.get(1).filter(|e| v.node().op == Op::Select && e.node().op == Op::Unary(Unary::Neg))?;
    let power = args(close).next().filter(|e| e.node().op == Op::Unary(Unary::Expm1))?;
    let masked = args(power).next().filter(|e| is_masked(*e))?;
    let (near, log) = (arm[0], args(masked).nth(1)?);
    let own = super::logarithms::complement(log, facts);
    let own = own.unwrap_or_else(|| stable::log1mexp(near.select(log, -1.0)));
    let far = near.select(0.5, arm[2]);
    // One less something small keeps its digits.
    let far = match pair(arm[2]).filter(|_| arm[2].node().op == Op::Binary(Binary::Sub)) {
        Some((one, rest)) if one.as_constant() == Some(1.0) => (-near.select(0.5, rest)).log1p(),
        _ => far.log(),
    };
    Some(near.select(own, far))
}

/// A constant and what it scales.
fn split(e: Expr<'_>) -> (f64, Expr<'_>) {
    match (&e.node().op, pair(e)) {
        (Op::Unary(Unary::Neg), _) => match args(e).next() {
            Some(x) => {
                let (k, x) = split(x);
                (-k, x)
            }
            None => (1.0, e),
        },
        (Op::Binary(Binary::Mul), Some((a, b))) => match (a.as_constant(), b.as_constant()) {
            (Some(k), None) => (k, b),
            (None, Some(k)) => (k, a),
            _ => (1.0, e),
        },
        (Op::Binary(Binary::Div), Some((a, b))) => match b.as_constant() {
            Some(k) if k != 0.0 => (1.0 / k, a),
            _ => (1.0, e),
        },
        _ => (1.0, e),
    }
}

fn times<'g>(k: f64, x: Expr<'g>) -> Expr<'g> {
    if k == 1.0 { x } else { k * x }
}

/// `u / y` where `y` is a factor of `u`, without dividing; or the same of `k·log1p(y)`.
fn over<'g>(u: Expr<'g>, y: Expr<'g>) -> Option<Expr<'g>> {
    let ((k, u), (j, y)) = (split(u), split(y));
    let one = || y.graph().full(y.dtype(), y.shape(), 1.0);
    if u == y {
        return Some(times(k / j, one()));
    }
    let of = |e: Expr<'g>| args(e).next().map(|x| if is_masked(x) { args(x).nth(1).unwrap_or(x) } else { x });
    if u.node().op == Op::Unary(Unary::Log1p) && of(u) == Some(y) {
        let near = y.abs().lt(0.5);
        let far = near.select(1.0, y);
        let quotient = near.select(stable::log_series(near.select(y, 0.0)), far.log1p() / far);
        return Some(times(k / j, quotient));
    }
    let (a, b) = pair(u)?;
    match u.node().op {
        Op::Binary(Binary::Mul) => {
            let part = if a == y {
                b
            } else if b == y {
                a
            } else {
                return other_factor(k / j, a, b, y);
            };
            Some(times(k / j, part))
        }
        Op::Binary(Binary::Div) => Some(over(a, y)? / b).map(|e| times(k / j, e)),
        _ => None,
    }
}

fn other_factor<'g>(k: f64, a: Expr<'g>, b: Expr<'g>, y: Expr<'g>) -> Option<Expr<'g>> {
    if let Some(part) = over(a, y) {
        return Some(times(k, part * b));
    }
    over(b, y).map(|part| times(k, a * part))
}

/// `(eᵘ - 1)/y` where `y` is a factor of `u`.
fn quotient_of_expm1<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (x, y) = pair(expr)?;
    if y.as_constant().is_some() {
        return None;
    }
    let (k, x) = split(x);
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Expm1));
    if let Some(u) = inner(x) {
        if is_masked(u) {
            return None;
        }
        let near = u.abs().lt(0.5);
        let close = over(u, y)? * stable::exp_series(near.select(u, 0.0));
        let far = near.select(1.0, u).expm1() / near.select(1.0, y);
        return Some(times(k, near.select(close, far)));
    }
    // What `one_less` has made.
    let arm: Vec<Expr<'g>> = args(x).collect();
    let close = *arm.get(1).filter(|_| x.node().op == Op::Select)?;
    let (sign, power) = split(close);
    let masked = inner(power).filter(|u| is_masked(*u))?;
    let u = args(masked).nth(1)?;
    let value = over(u, y)? * stable::exp_series(arm[0].select(u, 0.0));
    Some(times(k, arm[0].select(times(sign, value), arm[2] / arm[0].select(1.0, y))))
}

/// `y/(eᵘ - 1)` where `y` is `u`, perhaps scaled.
fn quotient_by_expm1<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (y, x) = pair(expr)?;
    let ((k, y), (j, x)) = (split(y), split(x));
    let u = args(x).next().filter(|u| x.node().op == Op::Unary(Unary::Expm1) && !is_masked(*u))?;
    let (l, own) = split(u);
    (own == y).then(|| times(k / j / l, stable::exp_quotient_inverse(u)))
}

/// `log(1 + u)/y` where `y` is a factor of `u`.
fn quotient_of_log1p<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (x, y) = pair(expr)?;
    if y.as_constant().is_some() {
        return None;
    }
    let (k, x) = split(x);
    let u = args(x).next().filter(|_| x.node().op == Op::Unary(Unary::Log1p))?;
    let (u, near) = match is_masked(u) {
        // What `power_of_one_plus` has made.
        true => (args(u).nth(1).filter(|e| e.as_constant().is_none())?, args(u).next()?),
        false => (u, u.abs().lt(0.5)),
    };
    let close = over(u, y)? * stable::log_series(near.select(u, 0.0));
    let far = near.select(1.0, u).log1p() / near.select(1.0, y);
    Some(times(k, near.select(close, far)))
}

/// `y·log(1 + x/y)`, also where more than `y` is multiplied with the logarithm.
fn product_with_log1p<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    with_log1p(expr)
}

fn with_log1p<'g>(expr: Expr<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    // What `log1p_square` has made: the logarithm stands on one side.
    let chosen = |y: Expr<'g>, log: Expr<'g>| {
        let arm: Vec<Expr<'g>> = args(log).collect();
        let log1p =
            *arm.get(2).filter(|e| log.node().op == Op::Select && e.node().op == Op::Unary(Unary::Log1p))?;
        let close = with_log1p(y * log1p)?;
        Some(arm[0].select(y * arm[1], close))
    };
    if let Some(value) = chosen(a, b).or_else(|| chosen(b, a)) {
        return Some(value);
    }
    let find = |y: Expr<'g>, log: Expr<'g>| {
        let (j, log) = split(log);
        let masked = args(log).next().filter(|_| log.node().op == Op::Unary(Unary::Log1p))?;
        let (k, own) = split(y);
        let (u, near) = match masked.node().op {
            Op::Select if is_masked(masked) => (args(masked).nth(1)?, args(masked).next()),
            _ => (masked, None),
        };
        let (over, divisor) = factor_over(u)?;
        let near = near.unwrap_or_else(|| u.abs().lt(0.5));
        let close = over * stable::log_series(near.select(u, 0.0));
        let far = near.select(1.0, u).log1p();
        if own == divisor {
            return Some(times(j * k, near.select(close, own * far)));
        }
        // A sum of which the divisor is a term.
        let whole = Linear::of(own);
        let share = whole.terms.iter().find(|(e, _)| *e == divisor)?.1;
        let rest = whole.plus(-share, &single(divisor));
        (!is_masked(masked) && rest.terms.is_empty() && rest.constant != 0.0).then(|| {
            let part = near.select(close, divisor * far);
            times(j * k, times(share, part) + rest.constant * u.log1p())
        })
    };
    find(a, b).or_else(|| find(b, a))
}

/// `x` and `y` of `x/y`, where the divisor varies.
fn factor_over(u: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let (k, u) = split(u);
    let (x, y) = pair(u).filter(|_| u.node().op == Op::Binary(Binary::Div))?;
    y.as_constant().is_none().then(|| (times(k, x), y))
}
