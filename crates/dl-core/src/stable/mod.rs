//! Functions that lose their digits, overflow or underflow when they are written as in a textbook.

mod softmax;

pub(crate) use softmax::{Shift, against, log_mean_exp, log_odds_against, negative_entropy, others, rest};
pub use softmax::{log_softmax, logsumexp, softmax};

use crate::graph::{Axes, Expr};

/// `log(eᵃ + eᵇ)`, elementwise: `max(a, b) + softplus(-|a - b|)`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (a, b) = (g.input("a", F64, ()), g.input("b", F64, ()));
/// let y = interp::eval_expr(nn::logaddexp(a, b), &[("a", Tensor::scalar(1000.0)), ("b", Tensor::scalar(1000.0))])?;
/// assert_eq!(y.item()?, 1000.0 + 2f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn logaddexp<'g>(a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    // Equal infinities have no difference.
    let difference = a.eq(b).select(0.0, a - b);
    a.maximum(b) + (-difference.abs()).softplus()
}

/// `log(1 - eᵘ)` for `u ≤ 0`, elementwise; NaN above.
///
/// Mächler, "Accurately computing log(1 − exp(−|a|))", 2012: `log(-expm1(u))` above `-log 2`,
/// `log1p(-exp(u))` below.
#[track_caller]
pub fn log1mexp<'g>(u: Expr<'g>) -> Expr<'g> {
    let cut = -std::f64::consts::LN_2;
    let above = u.gt(cut);
    let near = (-above.select(u, cut).expm1()).log();
    let far = (-above.select(cut, u).exp()).log1p();
    above.select(near, far)
}

/// `log(p·eᵃ + q·eᵇ)` for weights with `p + q = 1`, elementwise: near zero where the exponents are.
///
/// With `p ≥ q` it is `a + log1p(q·(eᵇ⁻ᵃ - 1))` while the first term is the larger one, and
/// `b + log q + log1p(p/q·eᵃ⁻ᵇ)` beyond; both have the same derivatives where they meet.
#[track_caller]
pub(crate) fn log_mix<'g>(p: f64, a: Expr<'g>, q: f64, b: Expr<'g>) -> Expr<'g> {
    // Equal infinities have no difference.
    if p == q {
        let gap = a.eq(b).select(0.0, a - b);
        return a.maximum(b) + (p * (-gap.abs()).expm1()).log1p();
    }
    if p < q {
        return log_mix(q, b, p, a);
    }
    // Equal numbers have one, with its derivatives.
    let gap = a.eq(b).and(!a.is_finite()).select(0.0, a - b);
    let first = gap.ge((q / p).ln());
    let near = a + (q * (-first.select(gap, 0.0)).expm1()).log1p();
    let far = (b + q.ln()) + (p / q * first.select(0.0, gap).exp()).log1p();
    first.select(near, far)
}

/// `log((1 + eˣ)/(1 + eʸ))`, elementwise: `log1p(σ(y)·(eˣ⁻ʸ - 1))` where that is near zero.
#[track_caller]
pub(crate) fn softplus_difference<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let above = x.gt(y);
    // The difference is symmetric: the smaller exponent over the larger one is what must be small.
    let gap = above.select(y - x, x - y);
    let part = above.select(x, y).sigmoid() * gap.expm1();
    let near = part.gt(-0.5);
    let log = near.select(part, 0.0).log1p();
    let far = near.select(0.0, x).softplus() - near.select(0.0, y).softplus();
    near.select(above.select(-log, log), far)
}

/// `log cosh x`, elementwise, accurate at 0 (where it is `x²/2`) and without overflow.
#[track_caller]
pub fn log_cosh<'g>(x: Expr<'g>) -> Expr<'g> {
    // cosh x = 1 + 2 sinh²(x/2), and sinh h = (e + e/(e+1))/2 with e = expm1 h.
    let e = (x * 0.5).expm1();
    let sinh = (e + e / (e + 1.0)) * 0.5;
    let near = (2.0 * sinh * sinh).log1p();
    let size = x.abs();
    let far = size + (0.5 * (-2.0 * size).expm1()).log1p();
    size.lt(1.0).select(near, far)
}

/// The Euclidean norm along `axes`, which disappear, without overflow or underflow; its gradient at
/// the zero vector is 0. The norm of nothing is 0.
///
/// ```
/// use dl_core::{F32, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, [2]);
/// let y = interp::eval_expr(nn::norm(x, ..), &[("x", Tensor::vector(vec![3e30f32, 4e30]))])?;
/// assert!((y.item()? / 5e30 - 1.0).abs() < 1e-6);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn norm<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    rooted(x, axes, |x| x * x, Expr::sqrt)
}

/// The norm `(Σ|x|ᵖ)^(1/p)` along `axes`, which disappear, for `p ≥ 1`, the maximum for `p = ∞`: as
/// [`norm`], which it is for `p = 2`.
#[track_caller]
pub(crate) fn p_norm<'g>(x: Expr<'g>, p: f64, axes: impl Axes) -> Expr<'g> {
    match p {
        1.0 => x.abs().sum(axes),
        2.0 => norm(x, axes),
        p if p.is_infinite() => largest(x, axes),
        p => rooted(x, axes, |x| x.abs().pow(p), |sum| sum.pow(1.0 / p)),
    }
}

/// `root(Σ power(x))` for a power and its root. Where all is 0 the root has no derivative, and is the sum.
#[track_caller]
fn rooted<'g>(
    x: Expr<'g>,
    axes: impl Axes,
    power: impl Fn(Expr<'g>) -> Expr<'g>,
    root: impl Fn(Expr<'g>) -> Expr<'g>,
) -> Expr<'g> {
    let shape = x.shape();
    let axes = match axes.resolve(shape.rank()) {
        Ok(axes) => axes,
        Err(message) => return x.graph().fail(format!("norm {message} of {shape}")),
    };
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
    let largest = x.abs().max(axes.clone()).stop_gradient();
    let usable = largest.gt(0.0).and(largest.is_finite());
    let scale = usable.select(largest, 1.0);
    let sum = power(x / scale.broadcast_along(&kept, &shape)).sum(axes);
    // The largest of nothing is -∞; the sum of nothing is 0, as that of zeros, and not finite where one
    // of the numbers is not.
    usable.select(scale * root(sum), sum.stop_gradient())
}

/// The largest magnitude along `axes`; 0 of nothing.
#[track_caller]
fn largest<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    let shape = x.shape();
    let axes = match axes.resolve(shape.rank()) {
        Ok(axes) => axes,
        Err(message) => return x.graph().fail(format!("norm {message} of {shape}")),
    };
    let empty = |axis: &&usize| shape[**axis].size().is_none_or(|size| size == 0);
    let padded = axes.iter().filter(empty).fold(x.abs(), |x, axis| x.pad(*axis, 0, 1, 0.0));
    padded.max(axes)
}

/// `√(x² + y²)`, elementwise, without overflow or underflow; its gradient at the origin is 0.
#[track_caller]
pub fn hypot<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let largest = x.abs().maximum(y.abs()).stop_gradient();
    let usable = largest.gt(0.0).and(largest.is_finite());
    let scale = usable.select(largest, 1.0);
    let (a, b) = (x / scale, y / scale);
    usable.select(scale * (a * a + b * b).sqrt(), largest)
}
