//! Rectifiers: the identity above 0, and something small below.

use crate::graph::{Expr, Operand};
use crate::nn::activation::require;
use crate::nn::{Init, require_float};

/// Leaky ReLU: `x` above 0, `slope·x` elsewhere. Shape in, shape out. The derivative at 0 is the slope.
///
/// The slope is a number (PyTorch's default is 0.01), or an expression that broadcasts against `x`.
///
/// Maas, Hannun, Ng: "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
///
/// # Errors
/// Recorded when `x` holds no floats or the slope is not finite.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::leaky_relu(x, 0.01), &[("x", Tensor::vector(vec![-2.0, 3.0]))])?;
/// assert_eq!(y.to_f64(), [-0.02, 3.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn leaky_relu<'g>(x: Expr<'g>, slope: impl Operand<'g>) -> Expr<'g> {
    let slope = slope.expr(x);
    let number = slope.as_constant().unwrap_or(0.0);
    match require("leaky_relu", x, number.is_finite(), || {
        format!("slope {number}: a finite number is needed")
    }) {
        Ok(()) => x.gt(0.0).select(x, slope * x).called("leaky_relu", &[x]),
        Err(poison) => poison,
    }
}

/// Parametric ReLU with one slope, which starts at 1/4: [`PRelu`] has options.
///
/// Declares `{path}.slope` `[]` of `x`'s element type. Shape in, shape out.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let data = [("x", Tensor::vector(vec![-2.0, 3.0])), ("act.slope", Tensor::scalar(0.5))];
/// assert_eq!(interp::eval_expr(nn::prelu(x, "act"), &data)?.to_f64(), [-1.0, 3.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn prelu<'g>(x: Expr<'g>, path: &str) -> Expr<'g> {
    PRelu::new().apply(x, path)
}

/// Parametric ReLU with options: a [`leaky_relu`] whose slopes are trained.
///
/// The slopes are not named `weight`, so that a penalty on `*.weight` leaves them alone: decay would
/// push them to 0, as the paper remarks. Defaults are PyTorch's.
///
/// He, Zhang, Ren, Sun: "Delving deep into rectifiers", ICCV 2015.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::PRelu};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 128));
/// PRelu::new().start(0.1).per_feature().apply(x, "act1");
/// assert_eq!(g.parameter_decls()[0].shape.to_string(), "[128]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PRelu {
    start: f64,
    per_feature: bool,
}

impl Default for PRelu {
    fn default() -> PRelu {
        PRelu::new()
    }
}

impl PRelu {
    /// One slope for all elements, 1/4 at first.
    pub fn new() -> PRelu {
        PRelu { start: 0.25, per_feature: false }
    }

    /// With another first slope.
    pub fn start(self, slope: f64) -> PRelu {
        PRelu { start: slope, ..self }
    }

    /// With one slope for each place along the last axis.
    pub fn per_feature(self) -> PRelu {
        PRelu { per_feature: true, ..self }
    }

    /// The activation at `path`, applied to `x`; see [`prelu`].
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, the first slope is not finite, or the size of the last axis
    /// is not known where it must be.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let (g, what) = (x.graph(), format!("prelu {path}"));
        let fits = self.start.is_finite();
        if let Err(poison) =
            require(&what, x, fits, || format!("first slope {}: a finite number is needed", self.start))
        {
            return poison;
        }
        let (name, init) = (format!("{path}.slope"), Init::Constant(self.start));
        if !self.per_feature {
            return leaky_relu(x, g.parameter(&name, x.dtype(), (), init));
        }
        match x.shape().last().and_then(|d| d.size()) {
            Some(features) => leaky_relu(x, g.parameter(&name, x.dtype(), [features], init)),
            None => g.fail(format!("{what} of {}: a last axis of known size is needed", x.shape())),
        }
    }
}

/// Exponential linear unit: `x` above 0, `α·(eˣ - 1)` elsewhere. Shape in, shape out. The derivative at
/// 0 is `α`, as in PyTorch, whose default is `α = 1`.
///
/// Clevert, Unterthiner, Hochreiter: "Fast and accurate deep network learning by exponential linear
/// units", ICLR 2016.
///
/// # Errors
/// Recorded when `x` holds no floats or `α` is not finite.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::elu(x, 1.0), &[("x", Tensor::vector(vec![-1e3, 3.0]))])?;
/// assert_eq!(y.to_f64(), [-1.0, 3.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn elu(x: Expr<'_>, alpha: f64) -> Expr<'_> {
    match require("elu", x, alpha.is_finite(), || format!("alpha {alpha}: a finite number is needed")) {
        Ok(()) => x.gt(0.0).select(x, alpha * x.expm1()).called("elu", &[x]),
        Err(poison) => poison,
    }
}

/// Self-normalizing ELU: `λ·x` above 0, `λ·α·(eˣ - 1)` elsewhere, with the constants that keep mean 0
/// and variance 1. Shape in, shape out. The derivative at 0 is `λ·α`, as in PyTorch.
///
/// Klambauer, Unterthiner, Mayr, Hochreiter: "Self-normalizing neural networks", NIPS 2017.
///
/// # Errors
/// Recorded when `x` holds no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let y = interp::eval_expr(nn::selu(x), &[("x", Tensor::scalar(1.0))])?;
/// assert_eq!(y.item()?, 1.0507009873554805);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn selu(x: Expr<'_>) -> Expr<'_> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    match require_float("selu", x) {
        Ok(()) => x.gt(0.0).select(LAMBDA * x, LAMBDA * ALPHA * x.expm1()).called("selu", &[x]),
        Err(poison) => poison,
    }
}

/// Continuously differentiable ELU: `x` above 0, `α·(e^(x/α) - 1)` elsewhere; its derivative has no jump
/// at 0, where it is 1. Shape in, shape out. PyTorch's default is `α = 1`.
///
/// Barron: "Continuously differentiable exponential linear units", arXiv:1704.07483, 2017.
///
/// # Errors
/// Recorded when `x` holds no floats or `α` is not above 0.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let y = interp::eval_expr(nn::celu(x, 2.0), &[("x", Tensor::vector(vec![-1e3, 3.0]))])?;
/// assert_eq!(y.to_f64(), [-2.0, 3.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn celu(x: Expr<'_>, alpha: f64) -> Expr<'_> {
    let fits = alpha.is_finite() && alpha > 0.0;
    match require("celu", x, fits, || format!("alpha {alpha}: a number above 0 is needed")) {
        Ok(()) => x.gt(0.0).select(x, alpha * (x / alpha).expm1()).called("celu", &[x]),
        Err(poison) => poison,
    }
}
