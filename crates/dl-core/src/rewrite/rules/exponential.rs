//! Stabilization in code: ratios of exponentials, norms and roots that no single pattern covers.

use super::Known;
use super::Rule;
use super::algebra::Exponentials;
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::rewrite::constants;
use crate::stable;

/// What must be done before the table of powers is used.
pub(super) static POWERS: &[Rule] = code_rows! { Canonicalize
//  name                      at                      instance                            result
    "pow-minus-two-of-sum"    at ["pow"]            : "(exp(x) + 1) ^ -2"              => "1 / ((exp(x) + 1) * (exp(x) + 1))" by square_of_sum;
};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                      at                      instance                            result
    "ratio-to-square"         at ["div"]            : "exp(x) / ((1 + exp(x)) * (1 + exp(x)))" => "sigmoid(x) * sigmoid(-x)"   by ratio_to_square;
    "ratio-of-exponentials"   at ["div"]            : "exp(x) / (1 + exp(x))"          => "sigmoid(x)"                       by ratio;
    "norm"                    at ["sqrt"]           : "sqrt(sum[r](x * x))"            => "norm[r](x)"                       by norm;
    "hypot"                   at ["sqrt"]           : "sqrt(x * x + y * y)"            => "hypot(x, y)"                      by hypot;
    "pseudo-huber"            at ["sub"]            : "hypot(x, 1) - 1"                => "x * (x / (hypot(x, 1) + 1))"      by pseudo_huber;
};

fn ratio<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (numerator, divisor) = pair(expr)?;
    let below = Exponentials::of(divisor)?;
    match Exponentials::of_any(numerator) {
        Some(above) => below.divide(&above),
        None => match product(numerator) {
            Some((x, power)) => Some(x * below.divide(&power)?),
            None => Some(numerator * below.reciprocal()?),
        },
    }
}

/// `x⁻²` keeps what is squared together where that is a sum of exponentials.
fn square_of_sum<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (x, power) = pair(expr)?;
    let sum = Exponentials::of(x).filter(|_| power.as_constant() == Some(-2.0))?;
    sum.divide_by_square(&Exponentials::one(expr)).map(|_| 1.0 / (x * x))
}

/// The same for a square below.
fn ratio_to_square<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (numerator, divisor) = pair(expr)?;
    let square = pair(divisor).filter(|(x, y)| divisor.node().op == Op::Binary(Binary::Mul) && x == y);
    let below = match square {
        Some((root, _)) => Exponentials::of(root)?,
        None => Exponentials::of(divisor)?.root()?,
    };
    match (Exponentials::of_any(numerator), product(numerator)) {
        (Some(above), _) => below.divide_by_square(&above),
        (None, Some((x, power))) => Some(x * below.divide_by_square(&power)?),
        (None, None) => Some(numerator * below.divide_by_square(&Exponentials::one(expr))?),
    }
}

/// `x` and `Σ c·exp(l)` of their product.
fn product(expr: Expr<'_>) -> Option<(Expr<'_>, Exponentials<'_>)> {
    let (x, y) = pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Mul))?;
    // What an infinity multiplies must not become 0 before.
    if [x, y].into_iter().filter_map(Expr::as_constant).any(|c| !c.is_finite()) {
        return None;
    }
    match (Exponentials::of(x), Exponentials::of(y)) {
        (None, Some(power)) => Some((x, power)),
        (Some(power), None) => Some((y, power)),
        _ => None,
    }
}

fn norm<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    root_of_squares(args(expr).next().filter(|s| s.node().op != Op::Binary(Binary::Add))?, facts)
}

/// `√(k·Σx²)`, `√(Σx²/n)` and `√(x² + y²)`.
pub(super) fn root_of_squares<'g>(value: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    if let Some((x, y)) = pair(value) {
        let positive = |e: Expr<'g>| is_splat(e) && facts.of(e).positive();
        match value.node().op {
            Op::Binary(Binary::Mul) if positive(x) => return Some(x.sqrt() * root_of_squares(y, facts)?),
            Op::Binary(Binary::Mul) if positive(y) => return Some(y.sqrt() * root_of_squares(x, facts)?),
            Op::Binary(Binary::Div) if is_splat(y) => return Some(root_of_squares(x, facts)? / y.sqrt()),
            _ => {}
        }
    }
    if value.node().op == Op::Binary(Binary::Add) {
        return root_of_sum(value, facts);
    }
    if let Op::Contract(spec) = &value.node().op {
        let (x, y) = pair(value)?;
        let left: Vec<u8> = spec.lhs.iter().copied().filter(|l| spec.out.contains(l)).collect();
        let axes: Vec<usize> = (0..spec.lhs.len()).filter(|i| !spec.out.contains(&spec.lhs[*i])).collect();
        return (x == y && spec.lhs == spec.rhs && left == spec.out).then(|| stable::norm(x, axes));
    }
    let (square, axes) = reduction(value, Reduce::Sum)?;
    let (k, x) = factored(root(square)?);
    (!(bounded(x, facts) || is_scaled(x))).then(|| times(k, stable::norm(x, axes)))
}

/// Squares of these neither overflow nor matter where they underflow.
fn bounded<'g>(x: Expr<'g>, facts: &Known<'g>) -> bool {
    facts.of(x).high <= 1.0 && facts.of(x).low >= -1.0
}

/// Divided by the guarded size of which the library's norms are made.
fn is_scaled(x: Expr<'_>) -> bool {
    let divisor = args(x).nth(1).filter(|_| x.node().op == Op::Binary(Binary::Div));
    let divisor =
        divisor.map(|d| if let Op::Broadcast(_) = d.node().op { args(d).next().unwrap_or(d) } else { d });
    let condition = divisor.filter(|d| d.node().op == Op::Select).and_then(|d| args(d).next());
    condition.is_some_and(|c| args(c).any(|e| e.node().op == Op::Unary(Unary::IsFinite)))
}

/// `|k|` and `x` of `k·x`.
pub(super) fn factored(x: Expr<'_>) -> (f64, Expr<'_>) {
    match pair(x) {
        Some((a, b)) if x.node().op == Op::Binary(Binary::Mul) => match (a.as_constant(), b.as_constant()) {
            (Some(k), None) => (k.abs(), b),
            (None, Some(k)) => (k.abs(), a),
            _ => (1.0, x),
        },
        Some((a, b)) if x.node().op == Op::Binary(Binary::Div) => match b.as_constant() {
            Some(k) if k != 0.0 => (1.0 / k.abs(), a),
            _ => (1.0, x),
        },
        _ => (1.0, x),
    }
}

fn times(k: f64, x: Expr<'_>) -> Expr<'_> {
    if k == 1.0 { x } else { k * x }
}

fn hypot<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    root_of_sum(args(expr).next().filter(|s| s.node().op == Op::Binary(Binary::Add))?, facts)
}

fn root_of_sum<'g>(sum: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(sum)?;
    let (x, y) = match (root(a), root(b)) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) => (x, positive_root(b)?),
        (None, Some(y)) => (positive_root(a)?, y),
        (None, None) => return None,
    };
    let ((k, u), (l, v)) = (factored(x), factored(y));
    if (bounded(x, facts) && bounded(y, facts)) || is_scaled(u) || is_scaled(v) {
        return None;
    }
    Some(match (x.as_constant(), y.as_constant()) {
        (Some(c), None) => times(l, stable::hypot(v, v.graph().full(v.dtype(), v.shape(), c / l))),
        (None, Some(c)) => times(k, stable::hypot(u, u.graph().full(u.dtype(), u.shape(), c / k))),
        _ if k == l => times(k, stable::hypot(u, v)),
        _ => stable::hypot(x, y),
    })
}

/// `√k·x` of `k·x·x`.
fn root(square: Expr<'_>) -> Option<Expr<'_>> {
    let (x, y) = pair(square)?;
    let scale = |e: Expr<'_>| e.as_constant().filter(|c| *c > 0.0).map(f64::sqrt);
    match square.node().op {
        Op::Binary(Binary::Mul) if x == y => Some(x),
        Op::Binary(Binary::Mul) => match (scale(x), scale(y)) {
            (Some(k), _) => Some(k * root(y)?),
            (_, Some(k)) => Some(k * root(x)?),
            _ => None,
        },
        Op::Binary(Binary::Div) => Some(root(x)? / scale(y)?),
        _ => None,
    }
}

/// `√(c² + x²) - c`, and the same times a constant: what `hypot` made of the root cannot cancel.
fn pseudo_huber<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let offset = b.as_constant().filter(|c| *c > 0.0)?;
    let (scale, root) = match pair(a).filter(|_| a.node().op == Op::Binary(Binary::Mul)) {
        Some((k, root)) if k.as_constant().is_some() => (k.as_constant()?, root),
        Some((root, k)) if k.as_constant().is_some() => (k.as_constant()?, root),
        _ => (1.0, a),
    };
    let (x, c) = legs(root)?;
    if !constants::close(expr.dtype(), scale * c / offset, 1.0) {
        return None;
    }
    let size = x * (x / (root + c));
    Some(if scale == 1.0 { size } else { scale * size })
}

/// `x` and the constant `c` of `hypot(x, c)`, as [`stable::hypot`] writes it.
pub(super) fn legs(root: Expr<'_>) -> Option<(Expr<'_>, f64)> {
    let scaled = args(root).nth(1).filter(|_| root.node().op == Op::Select)?;
    let sqrt = args(scaled).nth(1).filter(|e| e.node().op == Op::Unary(Unary::Sqrt))?;
    let (a, b) = pair(args(sqrt).next()?)?;
    let (x, y) = (leg(a)?, leg(b)?);
    match (x.as_constant(), y.as_constant()) {
        (Some(c), None) => Some((y, c.abs())),
        (None, Some(c)) => Some((x, c.abs())),
        _ => None,
    }
}

/// The square root of a constant that is not negative, or of a sum of two squares.
fn positive_root(value: Expr<'_>) -> Option<Expr<'_>> {
    if let Some(c) = value.as_constant() {
        return (c >= 0.0).then(|| value.graph().full(value.dtype(), value.shape(), c.sqrt()));
    }
    let (a, b) = pair(value).filter(|_| value.node().op == Op::Binary(Binary::Add))?;
    Some(stable::hypot(root(a)?, root(b)?))
}

/// `x` of `(x/s)·(x/s)`, which for a constant may have become `(x²/s)/s`.
fn leg<'g>(square: Expr<'g>) -> Option<Expr<'g>> {
    let quotient = |e: Expr<'g>| pair(e).filter(|_| e.node().op == Op::Binary(Binary::Div)).map(|(x, _)| x);
    if let Some((x, y)) = pair(square)
        && x == y
    {
        return quotient(x);
    }
    let c = quotient(quotient(square)?)?;
    Some(c.graph().full(c.dtype(), c.shape(), c.as_constant()?.sqrt()))
}

/// Made of exponentials by products, quotients and sums, so that its logarithm is worth taking apart.
pub(super) fn exponential(expr: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &expr.node().op {
        Op::Unary(Unary::Exp | Unary::Sigmoid) | Op::Reduce { kind: Reduce::Prod, .. } => true,
        Op::Reduce { kind: Reduce::Sum, .. } | Op::Broadcast(_) | Op::Reshape => {
            args(expr).any(|a| exponential(a, deeper))
        }
        Op::Unary(Unary::Sqrt)
        | Op::Binary(Binary::Add | Binary::Mul | Binary::Div | Binary::Pow)
        | Op::Select => args(expr).any(|a| exponential(a, deeper)),
        _ => false,
    }
}

pub(super) fn is_exp(expr: Expr<'_>) -> bool {
    expr.node().op == Op::Unary(Unary::Exp)
}

pub(super) fn is_splat(expr: Expr<'_>) -> bool {
    matches!(expr.node().op, Op::Constant(_) | Op::Extent(_))
}

pub(super) fn pair(expr: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let mut args = args(expr);
    let both = (args.next()?, args.next()?);
    args.next().is_none().then_some(both)
}

/// What is reduced, and along which axes.
pub(super) fn reduction(expr: Expr<'_>, want: Reduce) -> Option<(Expr<'_>, Vec<usize>)> {
    match &expr.node().op {
        Op::Reduce { kind, axes } if *kind == want => Some((args(expr).next()?, axes.clone())),
        _ => None,
    }
}
