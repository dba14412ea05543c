//! Hard variants: piecewise linear functions with bounds.
//!
//! At a bound of [`hardtanh`], [`relu6`], [`hardsigmoid`] and [`hardswish`] the constant side gives the
//! derivative, as for `relu`, and as in PyTorch; `clip` gives the other one.

use crate::graph::Expr;
use crate::nn::activation::require;
use crate::nn::require_float;

/// `x` between the bounds, the nearer bound elsewhere. Shape in, shape out. The derivative at the bounds
/// is 0. PyTorch's defaults are -1 and 1.
///
/// # Errors
/// Recorded when `x` holds no floats or `low` is not below `high`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::hardtanh(x, -1.0, 1.0), &[("x", Tensor::vector(vec![-2.0, 0.5, 3.0]))])?;
/// assert_eq!(y.to_f64(), [-1.0, 0.5, 1.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn hardtanh(x: Expr<'_>, low: f64, high: f64) -> Expr<'_> {
    match require("hardtanh", x, low < high, || format!("bounds {low} and {high}: low < high is needed")) {
        Ok(()) => bounded(x, low, high).called("hardtanh", &[x]),
        Err(poison) => poison,
    }
}

/// `min(max(x, 0), 6)`. Shape in, shape out. The derivative at 0 and 6 is 0.
///
/// Krizhevsky: "Convolutional deep belief networks on CIFAR-10", 2010.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::relu6(x), &[("x", Tensor::vector(vec![-1.0, 2.0, 7.0]))])?;
/// assert_eq!(y.to_f64(), [0.0, 2.0, 6.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn relu6(x: Expr<'_>) -> Expr<'_> {
    match require_float("relu6", x) {
        Ok(()) => bounded(x, 0.0, 6.0).called("relu6", &[x]),
        Err(poison) => poison,
    }
}

/// `relu6(x + 3)/6`. Shape in, shape out. The derivative at ±3 is 0.
///
/// Howard et al.: "Searching for MobileNetV3", ICCV 2019.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::hardsigmoid(x), &[("x", Tensor::vector(vec![-4.0, 0.0, 4.0]))])?;
/// assert_eq!(y.to_f64(), [0.0, 0.5, 1.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn hardsigmoid(x: Expr<'_>) -> Expr<'_> {
    match require_float("hardsigmoid", x) {
        Ok(()) => (bounded(x + 3.0, 0.0, 6.0) / 6.0).called("hardsigmoid", &[x]),
        Err(poison) => poison,
    }
}

/// `x·relu6(x + 3)/6`. Shape in, shape out. The derivative is 0 at -3 and 1 at 3.
///
/// Howard et al.: "Searching for MobileNetV3", ICCV 2019.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::hardswish(x), &[("x", Tensor::vector(vec![-4.0, 0.0, 4.0]))])?;
/// assert_eq!(y.to_f64(), [0.0, 0.0, 4.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn hardswish(x: Expr<'_>) -> Expr<'_> {
    match require_float("hardswish", x) {
        Ok(()) => (x * (bounded(x + 3.0, 0.0, 6.0) / 6.0)).called("hardswish", &[x]),
        Err(poison) => poison,
    }
}

/// `x` where `|x|` is above the bound, otherwise 0. Shape in, shape out. The derivative at the jumps
/// is 0. PyTorch's default is 0.5.
///
/// Donoho, Johnstone: "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994.
///
/// # Errors
/// Recorded when `x` holds no floats or the bound is negative.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::hardshrink(x, 0.5), &[("x", Tensor::vector(vec![-2.0, 0.5, 0.75]))])?;
/// assert_eq!(y.to_f64(), [-2.0, 0.0, 0.75]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn hardshrink(x: Expr<'_>, bound: f64) -> Expr<'_> {
    match require("hardshrink", x, bound >= 0.0, || format!("bound {bound}: at least 0 is needed")) {
        Ok(()) => x.abs().le(bound).select(0.0, x).called("hardshrink", &[x]),
        Err(poison) => poison,
    }
}

/// `x`, moved towards 0 by the bound and no further: `x - clip(x, -bound, bound)`. Shape in, shape out.
/// The derivative at the bounds is 0. PyTorch's default is 0.5.
///
/// Donoho, Johnstone: "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994.
///
/// # Errors
/// Recorded when `x` holds no floats or the bound is negative or infinite.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = interp::eval_expr(nn::softshrink(x, 0.5), &[("x", Tensor::vector(vec![-2.0, 0.5, 0.75]))])?;
/// assert_eq!(y.to_f64(), [-1.5, 0.0, 0.25]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn softshrink(x: Expr<'_>, bound: f64) -> Expr<'_> {
    let fits = bound.is_finite() && bound >= 0.0;
    match require("softshrink", x, fits, || format!("bound {bound}: a number of at least 0 is needed")) {
        Ok(()) => (x - x.clip(-bound, bound)).called("softshrink", &[x]),
        Err(poison) => poison,
    }
}

/// `x` above the bound, `value` elsewhere. Shape in, shape out. The derivative at the bound is 0.
///
/// # Errors
/// Recorded when `x` holds no floats or a setting is NaN.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::threshold(x, 0.1, 20.0), &[("x", Tensor::vector(vec![0.1, 0.5]))])?;
/// assert_eq!(y.to_f64(), [20.0, 0.5]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn threshold(x: Expr<'_>, bound: f64, value: f64) -> Expr<'_> {
    let fits = !bound.is_nan() && !value.is_nan();
    match require("threshold", x, fits, || format!("bound {bound} and value {value}: numbers are needed")) {
        Ok(()) => x.le(bound).select(value, x).called("threshold", &[x]),
        Err(poison) => poison,
    }
}

/// `x` strictly between the bounds, so that nothing passes at them; NaN stays.
#[track_caller]
fn bounded(x: Expr<'_>, low: f64, high: f64) -> Expr<'_> {
    x.le(low).select(low, x.ge(high).select(high, x))
}
