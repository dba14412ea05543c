//! Softmax and its relatives: what keeps its identity until it is lowered, and forms that neither overflow nor
//! divide by zero.

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Axes, Expr, require_float};
use crate::ops::Op;
use crate::shape::Shape;

/// `exp(x) / Σ exp(x)` along `axes`: weights that sum to one. Shape in, shape out.
///
/// Elements of `-∞` get the weight 0; where all are `-∞`, all weights are 0 and so is the gradient. It is
/// the exponential of [`log_softmax`]; what a run computes is `exp(x - max x) / Σ exp(x - max x)`.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let p = interp::eval_expr(nn::softmax(x, -1), &[("x", Tensor::vector(vec![0.0, 3f64.ln()]))])?;
/// assert!((p.to_f64()[1] - 0.75).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn softmax<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    match resolved("softmax", x, axes) {
        Ok(axes) => x.apply(Op::LogSoftmax(axes), &[]).exp(),
        Err(poison) => poison,
    }
}

/// `x - log Σ exp(x)` along `axes`: the logarithm of [`softmax`]. Shape in, shape out.
///
/// Where all elements are `-∞`, so is the result. A run computes `(x - max x) - log Σ exp(x - max x)`, whose
/// error does not grow with `max x`, by `log1p` of the sum without the maximum's own term, so that a weight
/// of nearly 1 keeps its logarithm.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::log_softmax(x, -1), &[("x", Tensor::vector(vec![1000.0, 1000.0]))])?;
/// assert_eq!(y.to_f64(), [-(2f64.ln()); 2]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn log_softmax<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    match resolved("log_softmax", x, axes) {
        Ok(axes) => x.apply(Op::LogSoftmax(axes), &[]),
        Err(poison) => poison,
    }
}

/// `log Σ exp(x)` along `axes`, which disappear.
///
/// Over nothing, and where all elements are `-∞`, it is `-∞` with gradient 0. A run computes
/// `max x + log Σ exp(x - max x)`, see [`log_softmax`].
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::logsumexp(x, ..), &[("x", Tensor::vector(vec![1000.0; 3]))])?;
/// assert_eq!(y.item()?, 1000.0 + 3f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn logsumexp<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    match resolved("logsumexp", x, axes) {
        Ok(axes) if axes.is_empty() => x,
        Ok(axes) => x.apply(Op::LogSumExp(axes), &[]),
        Err(poison) => poison,
    }
}

/// `log Σ exp(others - own)` for the label of each row: the logarithm of `(1 - p)/p`.
#[track_caller]
pub(crate) fn log_odds_against<'g>(x: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
    let others = others(x, labels);
    let last = others.shape().rank() - 1;
    against(x, labels, &Shift::by(others.max([last as isize]).stop_gradient(), others, vec![last]))
}

/// `x`, but `-∞` at the label of each row: added rather than chosen, so that no gradient has to be masked.
#[track_caller]
pub(crate) fn others<'g>(x: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
    let (shape, last) = (x.shape(), x.shape().rank() - 1);
    let kept: Vec<usize> = (0..last).collect();
    let place = x.graph().iota(DType::I64, last, &shape);
    x + barred(place.eq(labels.broadcast_along(&kept, &shape)), x.dtype())
}

/// [`log_odds_against`] the labels by the others' sum of exponentials.
#[track_caller]
pub(crate) fn against<'g>(x: Expr<'g>, labels: Expr<'g>, others: &Shift<'g>) -> Expr<'g> {
    let own = x.pick(labels);
    // Without others the label is sure, unless it has no weight either.
    let sure = others.empty.and(own.ne(f64::NEG_INFINITY));
    others.safe_total.log() - (own - others.offset) + barred(sure, x.dtype())
}

/// `-∞` where it holds, otherwise 0.
fn barred(truth: Expr<'_>, dtype: DType) -> Expr<'_> {
    let full = |value: f64| truth.graph().full(dtype, truth.shape(), value);
    truth.select(full(f64::NEG_INFINITY), full(0.0))
}

/// `Σ exp(s) - 1` for `s = x - max x` along `axes`: 0 where there is nothing or all are `-∞`.
pub(crate) fn rest<'g>(shifted: Expr<'g>, axes: &[usize]) -> Expr<'g> {
    // The largest term is exactly 1 and is left out of the sum; others that tie with it come back.
    let full = |value: f64| shifted.graph().full(shifted.dtype(), shifted.shape(), value);
    let largest = shifted.eq(0.0).select(full(1.0), full(0.0));
    let ties = (largest.sum(axes.to_vec()) - 1.0).relu();
    (shifted.exp() - largest).sum(axes.to_vec()) + ties
}

/// `log (Σ exp(x) / n)` along `axes`, which disappear: by the mean of `exp(x - max x) - 1`, all terms of
/// which have one sign, where that is near 0.
#[track_caller]
pub(crate) fn log_mean_exp<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    match shift("log_mean_exp", x, axes) {
        Ok(s) => {
            let mean = s.shifted.expm1().mean(s.axes.clone());
            let count = s.axes.iter().fold(Dim::Size(1), |n, axis| &n * &s.shape[*axis]);
            let total = s.safe_total.log();
            let far = match count.size() {
                Some(n) => total - (n as f64).ln(),
                None => total - x.graph().extent(x.dtype(), count).log(),
            };
            let near = mean.gt(-0.5);
            near.select(near.select(mean, 0.0).log1p(), far) + s.max
        }
        Err(poison) => poison,
    }
}

/// `Σ p·log p` of `p = softmax(x)` along the last axis, where the largest weight is 1 before it is divided,
/// so that neither term cancels the other.
#[track_caller]
pub(crate) fn negative_entropy<'g>(x: Expr<'g>) -> Expr<'g> {
    match shift("entropy", x, -1) {
        Ok(s) => {
            let t = rest(s.shifted, &s.axes);
            (s.weights * s.shifted).sum(s.axes) / (1.0 + t) - t.log1p()
        }
        Err(poison) => poison,
    }
}

/// What logarithms of sums of exponentials are computed by.
pub(crate) struct Shift<'g> {
    /// `x - offset`, at most 0 where the maximum is finite.
    pub(crate) shifted: Expr<'g>,
    /// `exp(shifted)`.
    pub(crate) weights: Expr<'g>,
    /// The maximum along the axes.
    pub(crate) max: Expr<'g>,
    /// The maximum where it is finite, otherwise 0.
    offset: Expr<'g>,
    /// Where `Σ weights` is 0.
    empty: Expr<'g>,
    /// `Σ weights`, or 1 where that is 0, so that no derivative behind a `select` divides by zero.
    pub(crate) safe_total: Expr<'g>,
    pub(crate) axes: Vec<usize>,
    shape: Shape,
}

impl<'g> Shift<'g> {
    /// With the maximum of `x` along `axes`, perhaps as a constant to differentiation.
    #[track_caller]
    pub(crate) fn by(max: Expr<'g>, x: Expr<'g>, axes: Vec<usize>) -> Self {
        let shape = x.shape();
        let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
        let offset = max.is_finite().select(max, 0.0);
        let shifted = x - offset.broadcast_along(&kept, &shape);
        let weights = shifted.exp();
        let total = weights.sum(axes.clone());
        let empty = total.eq(0.0);
        let safe_total = empty.select(1.0, total);
        Shift { shifted, weights, max, offset, empty, safe_total, axes, shape }
    }
}

/// The results do not depend on the maximum, so that it is a constant to differentiation.
#[track_caller]
fn shift<'g>(what: &str, x: Expr<'g>, axes: impl Axes) -> Result<Shift<'g>, Expr<'g>> {
    let axes = resolved(what, x, axes)?;
    Ok(Shift::by(x.max(axes.clone()).stop_gradient(), x, axes))
}

/// The axes of floats.
#[track_caller]
fn resolved<'g>(what: &str, x: Expr<'g>, axes: impl Axes) -> Result<Vec<usize>, Expr<'g>> {
    require_float(what, x)?;
    let shape = x.shape();
    let message = |message| x.graph().fail(format!("{what} {message} of {shape}"));
    axes.resolve(shape.rank()).map_err(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{faults, gradient, near, value};
    use crate::{F64, Graph, I64, Named, Tensor};
    use expect_test::expect;

    const INF: f64 = f64::INFINITY;

    fn rows(values: &[f64]) -> Tensor {
        Tensor::new([values.len() / 2, 2], values.to_vec()).unwrap()
    }

    fn check(f: for<'g> fn(Expr<'g>) -> Expr<'g>, x: &[f64], want: &[f64]) {
        let g = Graph::new();
        let y = f(g.input("x", F64, (Named("B"), 2)));
        near(&value(y, &[("x", rows(x))]), want);
    }

    #[test]
    fn rows_of_any_size_have_their_values() {
        let x = [0.0, 1.0, 1000.0, 1000.0, -1e300, 5.0];
        let p = 1.0 / (1.0 + 1f64.exp());
        check(|x| x.softmax(-1), &x, &[p, 1.0 - p, 0.5, 0.5, 0.0, 1.0]);
        check(|x| x.log_softmax(-1), &x, &[p.ln(), (1.0 - p).ln(), -(2f64.ln()), -(2f64.ln()), -1e300, 0.0]);
        check(|x| x.logsumexp(-1), &x, &[1f64.exp().ln_1p(), 1000.0 + 2f64.ln(), 5.0]);
        check(|x| x.logsumexp(..), &x, &[1000.0 + 2f64.ln()]);
    }

    #[test]
    fn infinite_elements_make_no_nan() {
        let x = [-INF, -INF, -INF, 3.0];
        check(|x| x.softmax(1), &x, &[0.0, 0.0, 0.0, 1.0]);
        check(|x| x.log_softmax(1), &x, &[-INF, -INF, -INF, 0.0]);
        check(|x| x.logsumexp(1), &x, &[-INF, 3.0]);
        check(|x| x.logsumexp(1), &[INF, 0.0], &[INF]);
    }

    #[test]
    fn nan_is_not_hidden() {
        check(|x| x.logsumexp(1), &[f64::NAN, 0.0], &[f64::NAN]);
        check(|x| x.softmax(1), &[f64::NAN, 0.0], &[f64::NAN, f64::NAN]);
    }

    #[test]
    fn nothing_sums_to_nothing() {
        let g = Graph::new();
        let x = g.input("x", F64, [3, 0]);
        let empty = Tensor::zeros(F64, [3, 0]);
        near(&value(x.logsumexp(1), &[("x", empty.clone())]), &[-INF; 3]);
        near(&value(x.softmax(1), &[("x", empty.clone())]), &[]);
        near(&value(x.log_softmax(0), &[("x", empty)]), &[]);
    }

    #[test]
    fn gradients_are_the_weights_and_zero_for_empty_rows() {
        let g = Graph::new();
        let x = g.input("x", F64, (Named("B"), 2));
        let data = [0.0, 1.0, -INF, -INF, -INF, 3.0];
        let p = 1.0 / (1.0 + 1f64.exp());
        let lse = gradient(x.logsumexp(1).sum(..), x, &[("x", rows(&data))]);
        near(&lse, &[p, 1.0 - p, 0.0, 0.0, 0.0, 1.0]);
        let c = g.literal(rows(&[1.0, 2.0]));
        let weighted = (x.softmax(1) * c).sum(..);
        let d = p * (1.0 - p);
        near(&gradient(weighted, x, &[("x", rows(&data))]), &[-d, d, 0.0, 0.0, 0.0, 0.0]);
        let y = (x.log_softmax(1) * c).sum(..);
        near(&gradient(y, x, &[("x", rows(&data[..2]))]), &[1.0 - 3.0 * p, 2.0 - 3.0 * (1.0 - p)]);
    }

    #[test]
    fn misuse_is_recorded() {
        let g = Graph::new();
        let x = g.input("x", F64, (Named("B"), 2));
        x.softmax(2);
        x.logsumexp([0, -2]);
        g.input("n", I64, Named("B")).log_softmax(0).softmax(5);
        expect![[r#"
            softmax along axis 2 of [B, 2]
            logsumexp along axes [0, -2], one of them twice of [B, 2]
            log_softmax needs a float (f32 or f64), got i64 [B]: cast it first"#]]
        .assert_eq(&faults(&g));
    }
}
