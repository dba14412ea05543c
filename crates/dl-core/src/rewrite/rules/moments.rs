//! Stabilization of differences of moments: variances and covariances by what is centred.

use super::Known;
use super::Rule;
use super::exponential::{pair, reduction};
use super::rows::code_rows;
use super::structure::args;
use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::rewrite::constants;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                    at          instance                                                    result
    "difference-of-moments" at ["sub"] : "sum[r](x * y) / n - (sum[r](x) / n) * (sum[r](y) / n)" => "sum[r]((x - bc[r](sum[r](x) / n)) * (y - bc[r](sum[r](y) / n))) / n" by moments;
    "difference-of-weighted-moments" at ["sub"] : "sum[r](p * x * y) - sum[r](p * x) * sum[r](p * y)" => "sum[r](p * (x - bc[r](sum[r](p * x))) * (y - bc[r](sum[r](p * y))))" by weighted;
};

/// `factor · Π sums`, and how often it is divided by the number of elements.
struct Product<'g> {
    factor: f64,
    sums: Vec<Expr<'g>>,
    counts: Vec<(Dim, i32)>,
}

impl<'g> Product<'g> {
    fn of(expr: Expr<'g>) -> Self {
        let mut product = Product { factor: 1.0, sums: vec![], counts: vec![] };
        product.collect(expr, 1, 8);
        product
    }

    fn collect(&mut self, expr: Expr<'g>, power: i32, depth: usize) {
        let arg: Vec<Expr<'g>> = args(expr).collect();
        match (&expr.node().op, depth.checked_sub(1)) {
            (Op::Constant(c), _) => self.factor *= c.as_f64().powi(power),
            (Op::Extent(dim), _) => match dim.size() {
                Some(n) => self.factor *= (n as f64).powi(power),
                None => self.counts.push((dim.clone(), power)),
            },
            (Op::Unary(Unary::Neg), Some(d)) => {
                self.factor = -self.factor;
                self.collect(arg[0], power, d);
            }
            (Op::Binary(Binary::Mul), Some(d)) => {
                self.collect(arg[0], power, d);
                self.collect(arg[1], power, d);
            }
            (Op::Binary(Binary::Div), Some(d)) => {
                self.collect(arg[0], power, d);
                self.collect(arg[1], -power, d);
            }
            _ if power == 1 => self.sums.push(expr),
            _ => self.factor = f64::NAN,
        }
    }

    /// The power of `n` among the factors; nothing if another count is there.
    fn power(&self, n: &Dim) -> Option<i32> {
        self.counts.iter().all(|(d, _)| d == n).then(|| self.counts.iter().map(|(_, p)| p).sum())
    }
}

/// What is summed, and along which axes; a contraction with all of a row is a sum of products.
fn summed(expr: Expr<'_>) -> Option<(Vec<Expr<'_>>, Vec<usize>)> {
    if let Some((inner, axes)) = reduction(expr, Reduce::Sum) {
        return Some((factors(inner, 4), axes));
    }
    let node = expr.node();
    let Op::Contract(spec) = &node.op else { return None };
    let (x, y) = pair(expr)?;
    let left: Vec<u8> = spec.lhs.iter().copied().filter(|l| spec.out.contains(l)).collect();
    let places: Vec<usize> = spec.rhs.iter().filter_map(|r| spec.lhs.iter().position(|l| l == r)).collect();
    let in_step = places.len() == spec.rhs.len() && places.is_sorted();
    let axes = (0..spec.lhs.len()).filter(|i| !spec.out.contains(&spec.lhs[*i])).collect();
    (in_step && left == spec.out).then(|| {
        let wide = y.broadcast_along(&places, &x.shape());
        ([factors(x, 4), factors(wide, 4)].concat(), axes)
    })
}

fn factors(expr: Expr<'_>, depth: usize) -> Vec<Expr<'_>> {
    match (pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Mul)), depth.checked_sub(1)) {
        (Some((x, y)), Some(d)) => [factors(x, d), factors(y, d)].concat(),
        _ => vec![expr],
    }
}

/// `expr` repeated along the axes of `like` that were reduced.
fn wide<'g>(expr: Expr<'g>, axes: &[usize], like: Expr<'g>) -> Expr<'g> {
    let kept: Vec<usize> = (0..like.shape().rank()).filter(|a| !axes.contains(a)).collect();
    expr.broadcast_along(&kept, &like.shape())
}

/// `k·Σxy - k/n·Σx·Σy`.
fn moments<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let (left, right) = (Product::of(a), Product::of(b));
    // The product of the means may stand first.
    let (left, right, sign) = if left.sums.len() == 1 { (left, right, 1.0) } else { (right, left, -1.0) };
    let ([square], [s, t]) = (left.sums.as_slice(), right.sums.as_slice()) else { return None };
    let (inner, axes) = summed(*square)?;
    let [x, y] = inner.as_slice() else { return None };
    let is_sum_of = |e: Expr<'g>, x: Expr<'g>| {
        reduction(e, Reduce::Sum).is_some_and(|(of, along)| of == x && along == axes)
    };
    let fits = (is_sum_of(*s, *x) && is_sum_of(*t, *y)) || (is_sum_of(*s, *y) && is_sum_of(*t, *x));
    let n = axes.iter().fold(Dim::Size(1), |n, i| &n * &x.shape()[*i]);
    let count = n.size().map_or(1.0, |n| n as f64);
    let symbolic = if n.size().is_some() { 0 } else { -1 };
    let powers = right.power(&n)? - left.power(&n)?;
    let ratio = right.factor / left.factor * count;
    // NaN, which stands for what is no constant, is not near 1.
    let same = constants::close(expr.dtype(), ratio, 1.0);
    if !(fits && powers == symbolic && same) {
        return None;
    }
    let graph = x.graph();
    let number = |e: Expr<'g>| match n.size() {
        Some(n) => graph.full(e.dtype(), e.shape(), n as f64),
        None => graph.extent(e.dtype(), n.clone()).broadcast_to(&e.shape()),
    };
    let centred = |e: Expr<'g>| {
        let sum = e.sum(axes.clone());
        e - wide(sum / number(sum), &axes, e)
    };
    let total = (centred(*x) * centred(*y)).sum(axes.clone());
    let scaled = (0..left.power(&n)?).fold(total, |t, _| t * number(total));
    let scaled = (0..-left.power(&n)?).fold(scaled, |t, _| t / number(total));
    Some(if sign * left.factor == 1.0 { scaled } else { (sign * left.factor) * scaled })
}

/// `Σpxy - Σpx·Σpy` for weights `p` that sum to one.
fn weighted<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let (s, t) = pair(b).filter(|_| b.node().op == Op::Binary(Binary::Mul))?;
    let (inner, axes) = summed(a)?;
    let ((left, along), (right, across)) = (summed(s)?, summed(t)?);
    let last = inner.first()?.shape().rank() - 1;
    if inner.len() != 3 || axes != [last] || along != axes || across != axes {
        return None;
    }
    let p = *inner.iter().find(|e| facts.of(**e).distribution)?;
    let other = |pair: &[Expr<'g>]| match pair {
        [e, w] if *w == p => Some(*e),
        [w, e] if *w == p => Some(*e),
        _ => None,
    };
    let (x, y) = (other(&left)?, other(&right)?);
    let mut rest: Vec<Expr<'g>> = inner.clone();
    for factor in [p, x, y] {
        rest.remove(rest.iter().position(|e| *e == factor)?);
    }
    let centred = |e: Expr<'g>| e - wide((p * e).sum(axes.clone()), &axes, e);
    Some((p * (centred(x) * centred(y))).sum(axes.clone()))
}
