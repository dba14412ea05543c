//! Penalties on gradients inside the objective: double backpropagation, WGAN-GP, Jacobians.
//!
//! Each gives one value per example, for the author to average: the first axis of `x` is the examples,
//! and what an example gives must not depend on the others (no normalization over the batch).

use crate::graph::Expr;
use crate::nn::norm;

/// Input-gradient penalty: `‖∂J/∂x‖²` for each example, so that a small move of the input changes its
/// loss little. **Without** the factor 1/2 of the paper.
///
/// Shapes: losses of any shape, one example's own; `x` `[B, …]`; the result `[B]`.
///
/// Drucker, LeCun: "Improving generalization performance using double backpropagation", IEEE Trans.
/// Neural Networks 3, 1992.
///
/// # Errors
/// Recorded when `x` has no axis, or there is no gradient with respect to it.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, Named("B"));
/// let data = [("x", Tensor::vector(vec![1.0, -3.0]))];
/// assert_eq!(interp::eval_expr(nn::input_gradient_penalty(x * x, x), &data)?.to_f64(), [4.0, 36.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn input_gradient_penalty<'g>(losses: Expr<'g>, x: Expr<'g>) -> Expr<'g> {
    match inner_axes("input_gradient_penalty", x) {
        Ok(inner) => losses.sum(..).grad(&[x])[0].square().sum(inner),
        Err(poison) => poison,
    }
}

/// Gradient penalty of a Wasserstein critic: `(‖∂D/∂x‖₂ - 1)²` for each example. Where the gradient is
/// zero, so is the penalty's own.
///
/// The paper takes it at points between real and generated examples, `x = ε·real + (1-ε)·generated` with
/// `ε` uniform for each example, and weighs it by 10.
///
/// Shapes: the critic's values of any shape, one example's own; `x` `[B, …]`; the result `[B]`.
///
/// Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: "Improved training of Wasserstein GANs", NIPS 2017.
///
/// # Errors
/// Recorded when `x` has no axis, or there is no gradient with respect to it.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, Named("B"));
/// let data = [("x", Tensor::vector(vec![1.0, -3.0]))];
/// assert_eq!(interp::eval_expr(nn::gradient_penalty(x * x, x), &data)?.to_f64(), [1.0, 25.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn gradient_penalty<'g>(critic: Expr<'g>, x: Expr<'g>) -> Expr<'g> {
    match inner_axes("gradient_penalty", x) {
        Ok(inner) => (norm(critic.sum(..).grad(&[x])[0], inner) - 1.0).square(),
        Err(poison) => poison,
    }
}

/// Jacobian penalty `‖∂y/∂x‖²_F` for each example, exact: one gradient for each of the outputs, so for
/// few of them; [`jacobian_penalty_estimate`] takes as many as it is told.
///
/// Shapes: `y` `[B, C]`, `x` `[B, …]`; the result `[B]`.
///
/// Sokolić, Giryes, Sapiro, Rodrigues: "Robust large margin deep neural networks", IEEE Trans. Signal
/// Processing 65, 2017.
///
/// # Errors
/// Recorded when `y` is no matrix with a known number of columns, `x` has no axis, or there is no
/// gradient with respect to it.
///
/// ```
/// use dl_core::{F64, Graph, Init, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, w) = (g.input("x", F64, (Named("B"), 2)), g.parameter("w", F64, [2, 2], Init::Zeros));
/// let data = [("x", Tensor::zeros(F64, [1, 2])), ("w", Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 4.0])?)];
/// assert_eq!(interp::eval_expr(nn::jacobian_penalty(x.dot(w), x), &data)?.to_f64(), [30.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn jacobian_penalty<'g>(y: Expr<'g>, x: Expr<'g>) -> Expr<'g> {
    let inner = match inner_axes("jacobian_penalty", x) {
        Ok(inner) => inner,
        Err(poison) => return poison,
    };
    let shape = y.shape();
    let Some(outputs) = shape.last().filter(|_| shape.rank() == 2).and_then(|d| d.size()) else {
        return y.fail(format!("jacobian_penalty of {shape}: [B, C] with a known C is needed"));
    };
    let row = |k: usize| y.slice(1, k, k + 1).sum(..).grad(&[x])[0].square().sum(inner.clone());
    (0..outputs).map(row).reduce(|a, b| a + b).unwrap_or_else(|| (x * 0.0).sum(inner.clone()))
}

/// An unbiased estimate of [`jacobian_penalty`]: the mean of `‖vᵀ·∂y/∂x‖²` over projections on random
/// signs `v`, which are drawn afresh at every step, the same on every backend.
///
/// Shapes: `y` `[B, …]`, `x` `[B, …]`; the result `[B]`.
///
/// Hoffman, Roberts, Yaida: "Robust learning with Jacobian regularization", arXiv:1908.02729, 2019, with
/// the signs of Hutchinson: "A stochastic estimator of the trace of the influence matrix", 1990.
///
/// # Errors
/// Recorded when there are no projections, `x` has no axis, or there is no gradient with respect to it.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, (Named("B"), 2));
/// // Where each output has one input of its own, the estimate is exact.
/// let data = [("x", Tensor::new([1, 2], vec![1.0, -3.0])?)];
/// let penalty = nn::jacobian_penalty_estimate(x * x, x, 1);
/// assert_eq!(interp::eval_expr(penalty, &data)?.to_f64(), [4.0 + 36.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn jacobian_penalty_estimate<'g>(y: Expr<'g>, x: Expr<'g>, projections: usize) -> Expr<'g> {
    let inner = match inner_axes("jacobian_penalty_estimate", x) {
        Ok(inner) => inner,
        Err(poison) => return poison,
    };
    let g = y.graph();
    let projection = |_| {
        let up = g.random(y.dtype(), y.shape()).lt(0.5);
        up.select(y, -y).sum(..).grad(&[x])[0].square().sum(inner.clone())
    };
    match (0..projections).map(projection).reduce(|a, b| a + b) {
        Some(total) => total / projections as f64,
        None => g.fail("jacobian_penalty_estimate of 0 projections: one or more are needed".into()),
    }
}

/// All axes of `x` but that of the examples, or the recorded fault's poison.
#[track_caller]
fn inner_axes<'g>(what: &str, x: Expr<'g>) -> Result<Vec<usize>, Expr<'g>> {
    if x.is_poison() {
        return Err(x);
    }
    match x.shape().rank() {
        0 => Err(x.graph().fail(format!("{what} by []: a first axis of examples is needed"))),
        rank => Ok((1..rank).collect()),
    }
}
