//! Regularizers: penalties on parameters, activations and gradients, as terms of an objective.

mod activity;
mod gradient;
mod max_norm;
mod structure;

pub use activity::{confidence_penalty, sparsity_kl};
pub use gradient::{gradient_penalty, input_gradient_penalty, jacobian_penalty, jacobian_penalty_estimate};
pub use max_norm::{MaxNorm, max_norm};
pub use structure::{group_lasso, isotropic_total_variation, orthogonality, total_variation};

use crate::graph::Expr;
use crate::nn::{Parameters, require_float};

/// `Σ |θ|` over all elements of all parameters: a scalar. Its gradient at 0 is 0. Of activations it is
/// the L1 form of their sparsity.
///
/// Tibshirani: "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58, 1996.
///
/// # Errors
/// Recorded when there are no parameters, or their element types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::l1(w), &w_is)?.item()?, 7.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn l1<'g>(parameters: impl Into<Parameters<'g>>) -> Expr<'g> {
    sum_of("l1", &parameters.into(), Expr::abs)
}

/// `Σ θ²` over all elements of all parameters: a scalar, **without** the factor 1/2 that some texts
/// put there. So `J(θ) = (θ - 3)² + λ·l2(θ)` has its minimum at `3/(1 + λ)`, and `λ·l2` is a
/// weight decay of `2λ` in the sense of PyTorch's SGD.
///
/// Hoerl, Kennard: "Ridge regression", Technometrics 12, 1970.
///
/// # Errors
/// Recorded when there are no parameters, or their element types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::l2(w), &w_is)?.item()?, 25.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn l2<'g>(parameters: impl Into<Parameters<'g>>) -> Expr<'g> {
    sum_of("l2", &parameters.into(), Expr::square)
}

/// `ratio·l1 + (1 - ratio)·l2`: the lasso at 1, ridge regression at 0. A scalar.
///
/// Zou, Hastie: "Regularization and variable selection via the elastic net", J. R. Stat. Soc. B 67,
/// 2005, whose `1 - α` is our `ratio`; [`l2`] has no factor 1/2 (scikit-learn has it).
///
/// # Errors
/// Recorded when `ratio` is outside `[0, 1]`, when there are no parameters, or when their element
/// types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::elastic_net(w, 0.5), &w_is)?.item()?, 16.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn elastic_net<'g>(parameters: impl Into<Parameters<'g>>, ratio: f64) -> Expr<'g> {
    let parameters = parameters.into();
    if !(0.0..=1.0).contains(&ratio) {
        return parameters
            .graph()
            .fail(format!("elastic_net with ratio {ratio}: a number in [0, 1] is needed"));
    }
    let first = sum_of("elastic_net", &parameters, Expr::abs);
    if first.is_poison() {
        return first;
    }
    ratio * first + (1.0 - ratio) * l2(parameters)
}

impl<'g> Expr<'g> {
    /// `λ·self`, a term of an objective: as `λ * self`, but a `λ` that would reward what the term
    /// penalizes is refused.
    ///
    /// # Errors
    /// Recorded when `λ` is negative or not finite.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
    /// let g = Graph::new();
    /// let w = g.parameter("w", F64, [2], Init::Zeros);
    /// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
    /// assert_eq!(interp::eval_expr(nn::l2(w).weighted(0.1), &w_is)?.item()?, 2.5);
    /// nn::l2(w).weighted(-0.1);
    /// assert!(g.check().is_err());
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn weighted(self, lambda: f64) -> Expr<'g> {
        if !(lambda.is_finite() && lambda >= 0.0) {
            return self.fail(format!("a term weighted by {lambda}: a number of at least 0 is needed"));
        }
        lambda * self
    }
}

/// The sum of all elements of `f` of every parameter.
#[track_caller]
fn sum_of<'g>(what: &str, parameters: &Parameters<'g>, f: impl Fn(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
    let Some((first, rest)) = parameters.as_slice().split_first() else {
        return parameters.graph().fail(format!("{what} of no parameters"));
    };
    if let Some(Err(poison)) = parameters.iter().map(|w| require_float(what, w)).find(Result::is_err) {
        return poison;
    }
    let mut total = f(*first).sum(..);
    for parameter in rest {
        total = total + f(*parameter).sum(..);
    }
    total
}

#[cfg(test)]
mod tests;
