//! Losses of numbers: absolute, squared and relative errors.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::loss::require_alike;
use crate::nn::norm;

/// Squared error `(prediction - target)²`, element by element; its `.mean(..)` is the mean squared
/// error, as in PyTorch's `mse_loss` (there with `reduction='none'`).
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats. `[B]` against `[B, 1]` does
/// not broadcast.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, Named("B")), g.input("t", F64, Named("B")));
/// let j = nn::mse(x, t).mean(..);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![2.0, 2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn mse<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("mse", prediction, target) {
        Ok(()) => (prediction - target).square().called("mse", &[prediction, target]),
        Err(poison) => poison,
    }
}

/// Absolute error `|prediction - target|`, element by element; its `.mean(..)` is the mean absolute
/// error, PyTorch's `l1_loss`. Its gradient where both are equal is 0.
///
/// Shapes: both the same, and so is the result. [`l1`](crate::nn::l1) is the penalty on parameters.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, Named("B")), g.input("t", F64, Named("B")));
/// let j = nn::mae(x, t).mean(..);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![2.0, 2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 2.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn mae<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("mae", prediction, target) {
        Ok(()) => (prediction - target).abs().called("mae", &[prediction, target]),
        Err(poison) => poison,
    }
}

/// Root mean squared error `√(Σ (prediction - target)² / n)` over all elements: a scalar.
///
/// By the [norm](crate::nn::norm()), so that no square overflows and the gradient of a perfect
/// prediction is 0 (`sqrt(mse_loss)` has NaN there in PyTorch). NaN over nothing.
///
/// Shapes: both the same, the result `[]`.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::rmse(g.input("x", F64, [2]), g.input("t", F64, [2]));
/// let data = [("x", Tensor::vector(vec![1.0, 7.0])), ("t", Tensor::vector(vec![0.0, 0.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn rmse<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_alike("rmse", prediction, target) {
        return poison;
    }
    let count = prediction.shape().elements();
    (norm(prediction - target, ..) / prediction.graph().extent(prediction.dtype(), count).sqrt())
        .called("rmse", &[prediction, target])
}

/// Absolute error relative to the target, `|prediction - target| / max(|target|, ε)`, element by
/// element; its `.mean(..)` is the mean absolute percentage error, as a fraction of 1.
///
/// As scikit-learn's `mean_absolute_percentage_error`: `ε` is the distance from 1 to the next number
/// of the element type, so that targets of 0 give large but finite values.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::mape(g.input("x", F64, [2]), g.input("t", F64, [2])).mean(..);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![2.0, -5.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 1.25);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn mape<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_alike("mape", prediction, target) {
        return poison;
    }
    let eps = if target.dtype() == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    ((prediction - target).abs() / target.abs().maximum(eps)).called("mape", &[prediction, target])
}

/// Absolute error relative to the mean size of both,
/// `2·|prediction - target| / (|prediction| + |target|)`, element by element, and 0 where both are 0;
/// its `.mean(..)` is the symmetric mean absolute percentage error, as a fraction, from 0 to 2.
///
/// Makridakis, Hibon: "The M3-competition", Int. J. Forecasting 16, 2000, with absolute values in the
/// denominator.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::smape(g.input("x", F64, [2]), g.input("t", F64, [2]));
/// let data = [("x", Tensor::vector(vec![1.0, 0.0])), ("t", Tensor::vector(vec![3.0, 0.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [1.0, 0.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn smape<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_alike("smape", prediction, target) {
        return poison;
    }
    let size = prediction.abs() + target.abs();
    let both_zero = size.eq(0.0);
    both_zero
        .select(0.0, 2.0 * (prediction - target).abs() / both_zero.select(1.0, size))
        .called("smape", &[prediction, target])
}

/// Squared error of the logarithms, `(log(1 + prediction) - log(1 + target))²`, element by element;
/// its `.mean(..)` is the mean squared logarithmic error. NaN below -1.
///
/// As scikit-learn's `mean_squared_log_error`.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::msle(g.input("x", F64, ()), g.input("t", F64, ()));
/// let data = [("x", Tensor::scalar(1f64.exp() - 1.0)), ("t", Tensor::scalar(0.0))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 1.0).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn msle<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("msle", prediction, target) {
        Ok(()) => (prediction.log1p() - target.log1p()).square().called("msle", &[prediction, target]),
        Err(poison) => poison,
    }
}
