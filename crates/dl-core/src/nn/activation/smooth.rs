//! Smooth activations: GELU, SiLU, Mish, softplus, softsign and what is near them.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use crate::graph::Expr;
use crate::nn::activation::require;
use crate::nn::require_float;

/// Gaussian error linear unit `x·Φ(x)`, exact: `x·(1 + erf(x/√2))/2`. Shape in, shape out.
///
/// The error is small against 1, not against the result, where `x` is far below 0: `1 + erf` cancels
/// there, as in PyTorch; [`gelu_tanh`] does not.
///
/// Hendrycks, Gimpel: "Gaussian error linear units", arXiv:1606.08415, 2016.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let y = interp::eval_expr(nn::gelu(x), &[("x", Tensor::scalar(1.0))])?;
/// assert!((y.item()? - 0.841344746068543).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn gelu(x: Expr<'_>) -> Expr<'_> {
    match require_float("gelu", x) {
        Ok(()) => (x * (0.5 * (1.0 + (x * FRAC_1_SQRT_2).erf()))).called("gelu", &[x]),
        Err(poison) => poison,
    }
}

/// GELU by a hyperbolic tangent: `x·(1 + tanh u)/2` with `u = √(2/π)·(x + 0.044715x³)`, PyTorch's
/// `approximate='tanh'`. Shape in, shape out.
///
/// Computed as `x·σ(2u)`, the same function, which keeps its digits far below 0. See [`gelu`].
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let y = interp::eval_expr(nn::gelu_tanh(x), &[("x", Tensor::scalar(1.0))])?;
/// assert!((y.item()? - 0.841191990608276).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn gelu_tanh(x: Expr<'_>) -> Expr<'_> {
    if let Err(poison) = require_float("gelu_tanh", x) {
        return poison;
    }
    // Beyond ±100 the weight is 0 or 1 to the last digit, and the cube of what lies there may overflow.
    let z = x.clip(-100.0, 100.0);
    (x * (2.0 * FRAC_2_PI.sqrt() * (z + 0.044715 * (z * z * z))).sigmoid()).called("gelu_tanh", &[x])
}

/// Sigmoid linear unit `x·σ(x)`, also called swish. Shape in, shape out.
///
/// Elfwing, Uchibe, Doya: "Sigmoid-weighted linear units", Neural Networks 107, 2018.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::silu(x), &[("x", Tensor::vector(vec![0.0, 1e3]))])?;
/// assert_eq!(y.to_f64(), [0.0, 1e3]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn silu(x: Expr<'_>) -> Expr<'_> {
    match require_float("silu", x) {
        Ok(()) => (x * x.sigmoid()).called("silu", &[x]),
        Err(poison) => poison,
    }
}

/// Mish, `x·tanh(softplus(x))`. Shape in, shape out.
///
/// Misra: "Mish: a self regularized non-monotonic activation function", BMVC 2020.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let y = interp::eval_expr(nn::mish(x), &[("x", Tensor::scalar(1.0))])?;
/// assert!((y.item()? - 0.865098388267310).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn mish(x: Expr<'_>) -> Expr<'_> {
    match require_float("mish", x) {
        Ok(()) => (x * x.softplus().tanh()).called("mish", &[x]),
        Err(poison) => poison,
    }
}

/// `log(1 + e^(βx))/β`, and `x` itself where `βx` is above the threshold. Shape in, shape out.
///
/// PyTorch's, whose defaults are `β = 1` and 20. [`Expr::softplus`] is exact and overflows without
/// a threshold no more than with one: give `f64::INFINITY` for none.
///
/// # Errors
/// Recorded when `x` holds no floats, `β` is not finite or 0, or the threshold is NaN.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::softplus(x, 2.0, 20.0), &[("x", Tensor::vector(vec![0.0, 11.0]))])?;
/// assert_eq!(y.to_f64(), [2f64.ln() / 2.0, 11.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn softplus(x: Expr<'_>, beta: f64, threshold: f64) -> Expr<'_> {
    let fits = beta.is_finite() && beta != 0.0 && !threshold.is_nan();
    let settings = || format!("beta {beta} and threshold {threshold}: numbers, and beta not 0, are needed");
    match require("softplus", x, fits, settings) {
        Ok(()) => (beta * x).gt(threshold).select(x, (beta * x).softplus() / beta).called("softplus", &[x]),
        Err(poison) => poison,
    }
}

/// `x/(1 + |x|)`, between -1 and 1. Shape in, shape out.
///
/// Computed as `±(1 - 1/(1 + |x|))` where `|x|` is above 1, so that the derivative `1/(1 + |x|)²` does
/// not cancel.
///
/// Turian, Bergstra, Bengio: "Quadratic features and deep architectures for chunking", NAACL 2009.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::softsign(x), &[("x", Tensor::vector(vec![-1.0, 3.0]))])?;
/// assert_eq!(y.to_f64(), [-0.5, 0.75]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn softsign(x: Expr<'_>) -> Expr<'_> {
    if let Err(poison) = require_float("softsign", x) {
        return poison;
    }
    let fraction = 1.0 / (1.0 + x.abs());
    x.abs().gt(1.0).select(x.sign() * (1.0 - fraction), x * fraction).called("softsign", &[x])
}

/// `log σ(x)`, without underflow: `-softplus(-x)`. Shape in, shape out.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::log_sigmoid(x), &[("x", Tensor::vector(vec![0.0, -1e3]))])?;
/// assert_eq!(y.to_f64(), [-(2f64.ln()), -1e3]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn log_sigmoid(x: Expr<'_>) -> Expr<'_> {
    match require_float("log_sigmoid", x) {
        Ok(()) => (-(-x).softplus()).called("log_sigmoid", &[x]),
        Err(poison) => poison,
    }
}

/// `x - tanh x`. Shape in, shape out. Near 0 the error is small against `x`, not against the result,
/// as in PyTorch.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let y = interp::eval_expr(nn::tanhshrink(x), &[("x", Tensor::scalar(50.0))])?;
/// assert_eq!(y.item()?, 49.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn tanhshrink(x: Expr<'_>) -> Expr<'_> {
    match require_float("tanhshrink", x) {
        Ok(()) => (x - x.tanh()).called("tanhshrink", &[x]),
        Err(poison) => poison,
    }
}
