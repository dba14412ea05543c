//! Losses of numbers that grow more slowly than the square, and the loss of a quantile.

use crate::graph::Expr;
use crate::nn::log_cosh;
use crate::nn::loss::{require_alike, require_non_negative, require_positive, require_setting};

/// Huber's loss, element by element: `d²/2` for an error `d` of at most `delta`, beyond it
/// `delta·(|d| - delta/2)`.
///
/// As PyTorch's `huber_loss` with `reduction='none'`; its default is `delta = 1`.
/// Huber: "Robust estimation of a location parameter", Ann. Math. Statist. 35, 1964.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats, or when `delta` is not above 0.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::huber(g.input("x", F64, [2]), g.input("t", F64, [2]), 1.0);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![0.0, 2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.5, 2.5]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn huber<'g>(prediction: Expr<'g>, target: Expr<'g>, delta: f64) -> Expr<'g> {
    let fits = require_positive(prediction, "huber with delta", delta);
    if let Err(poison) = require_alike("huber", prediction, target).and(fits) {
        return poison;
    }
    let error = prediction - target;
    let size = error.abs();
    size.le(delta)
        .select(0.5 * error.square(), delta * (size - 0.5 * delta))
        .called("huber", &[prediction, target])
}

/// The absolute error with a smooth bottom, element by element: `d²/(2·beta)` for an error `d` below
/// `beta`, otherwise `|d| - beta/2`. So it is [`huber`] divided by `beta`, and [`mae`](crate::nn::mae)
/// for `beta = 0`.
///
/// As PyTorch's `smooth_l1_loss` with `reduction='none'`; its default is `beta = 1`.
/// Girshick: "Fast R-CNN", ICCV 2015.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats, or when `beta` is negative.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::smooth_l1(g.input("x", F64, [2]), g.input("t", F64, [2]), 2.0);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![0.0, 2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.25, 2.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn smooth_l1<'g>(prediction: Expr<'g>, target: Expr<'g>, beta: f64) -> Expr<'g> {
    let fits = require_non_negative(prediction, "smooth_l1 with beta", beta);
    if let Err(poison) = require_alike("smooth_l1", prediction, target).and(fits) {
        return poison;
    }
    let error = prediction - target;
    let size = error.abs();
    if beta == 0.0 {
        return size;
    }
    size.lt(beta)
        .select(error.square() * 0.5 / beta, size - 0.5 * beta)
        .called("smooth_l1", &[prediction, target])
}

/// `log cosh(prediction - target)`, element by element: half the square near 0, the absolute error
/// less `log 2` far away. Neither overflows nor loses digits near 0, see [`log_cosh`].
///
/// Shapes: both the same, and so is the result. PyTorch has no such loss; it is Keras' `LogCosh`.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::log_cosh_error(g.input("x", F64, [2]), g.input("t", F64, [2]));
/// let data = [("x", Tensor::vector(vec![1.0, 900.0])), ("t", Tensor::vector(vec![1.0, -100.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.0, 1000.0 - 2f64.ln()]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn log_cosh_error<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("log_cosh_error", prediction, target) {
        Ok(()) => log_cosh(prediction - target).called("log_cosh_error", &[prediction, target]),
        Err(poison) => poison,
    }
}

/// The pinball loss, element by element: `q·d` where the target is above the prediction by `d`, and
/// `(1 - q)·d` where it is below. Its mean is least where the prediction is the `q`-quantile of the
/// target; `q = 1/2` is half of the absolute error. Its gradient where both are equal is `1/2 - q`.
///
/// Koenker, Bassett: "Regression quantiles", Econometrica 46, 1978. PyTorch has no such loss.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats, or when `q` is outside `(0, 1)`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::quantile(g.input("x", F64, [2]), g.input("t", F64, [2]), 0.75);
/// let data = [("x", Tensor::vector(vec![0.0, 0.0])), ("t", Tensor::vector(vec![2.0, -2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [1.5, 0.5]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn quantile<'g>(prediction: Expr<'g>, target: Expr<'g>, q: f64) -> Expr<'g> {
    let fits = q > 0.0 && q < 1.0;
    let fits = require_setting(prediction, "quantile with q", q, fits, "a number in (0, 1)");
    if let Err(poison) = require_alike("quantile", prediction, target).and(fits) {
        return poison;
    }
    let below = target - prediction;
    (q * below).maximum((q - 1.0) * below).called("quantile", &[prediction, target])
}
