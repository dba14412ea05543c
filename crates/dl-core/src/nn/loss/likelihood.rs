//! Negative log-likelihoods of counts and of measurements, and the distance of distributions.

use std::f64::consts::PI;

use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::loss::{Checked, require_alike, require_non_negative, require_positive};
use crate::nn::require_float;
use crate::ops::Fact;

/// The Kullback-Leibler divergence `Σ t·(log t - x)` of a distribution `t` from the prediction's
/// log-probabilities `x`. PyTorch's `kl_div`.
///
/// Rows of the target, along the last axis, are [assumed](Expr::assume) to be distributions, so that a
/// checking run finds those that do not sum to one.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, [1, 2]), g.input("t", F64, [1, 2]));
/// let j = nn::KlDivergence::new().batch_mean(x.log_softmax(-1), t);
/// let data = [("x", Tensor::zeros(F64, [1, 2])), ("t", Tensor::new([1, 2], vec![1.0, 0.0])?)];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 2f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KlDivergence {
    log_target: bool,
}

impl KlDivergence {
    /// Of targets that are probabilities.
    pub fn new() -> Self {
        KlDivergence::default()
    }

    /// Of targets that are log-probabilities.
    pub fn log_target(self) -> Self {
        KlDivergence { log_target: true }
    }

    /// `t·(log t - x)`, element by element, `-t·x` where `t` is 0: its `.sum(-1)` is the divergence of
    /// each row.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, or for scalars.
    #[track_caller]
    pub fn each<'g>(&self, log_probabilities: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(log_probabilities, target) {
            return poison;
        }
        if self.log_target {
            let each = target.exp().assume(Fact::Distribution) * (target - log_probabilities);
            return each.called("kl_divergence", &[log_probabilities, target]);
        }
        let target = target.assume(Fact::Distribution);
        let none = target.eq(0.0);
        let own = none.select(0.0, target * none.select(1.0, target).log());
        (own - target * log_probabilities).called("kl_divergence", &[log_probabilities, target])
    }

    /// The sum over the size of the first axis: a scalar, as PyTorch's `reduction='batchmean'`. (Its
    /// `'mean'` is the mean over all elements, which is not the divergence.) NaN over nothing.
    ///
    /// # Errors
    /// As for [`each`](KlDivergence::each).
    #[track_caller]
    pub fn batch_mean<'g>(&self, log_probabilities: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let each = self.each(log_probabilities, target);
        let count = each.shape().first().cloned().unwrap_or(Dim::Size(1));
        each.sum(..) / each.graph().extent(each.dtype(), count)
    }

    #[track_caller]
    fn check<'g>(&self, log_probabilities: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        require_alike("kl_divergence", log_probabilities, target)?;
        match log_probabilities.shape().rank() {
            0 => {
                let message = "kl_divergence of []: a distribution along a last axis is needed";
                Err(target.graph().fail(message.into()))
            }
            _ => Ok(()),
        }
    }
}

/// The negative log-likelihood of counts `t` under Poisson distributions, `eˣ - t·x` of the logarithm `x`
/// of their means. PyTorch's `poisson_nll_loss`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::PoissonNll::new().each(g.input("x", F64, ()), g.input("t", F64, ()));
/// let data = [("x", Tensor::scalar(0.0)), ("t", Tensor::scalar(3.0))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 1.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonNll {
    log_input: bool,
    full: bool,
    eps: f64,
}

impl Default for PoissonNll {
    fn default() -> Self {
        PoissonNll { log_input: true, full: false, eps: 1e-8 }
    }
}

impl PoissonNll {
    /// Of logarithms of the means, without the term that only depends on the target.
    pub fn new() -> Self {
        PoissonNll::default()
    }

    /// Of the means `x` themselves: `x - t·log(x + ε)` with `ε = 10⁻⁸`.
    pub fn of_means(self) -> Self {
        PoissonNll { log_input: false, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Self {
        PoissonNll { eps, ..self }
    }

    /// With Stirling's approximation of `log t!`, `t·log t - t + log(2π·t)/2`, for targets above 1:
    /// PyTorch's `full`.
    pub fn full(self) -> Self {
        PoissonNll { full: true, ..self }
    }

    /// Both of one shape, element by element.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, or when `ε` is negative.
    #[track_caller]
    pub fn each<'g>(&self, prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let eps = require_non_negative(prediction, "poisson_nll with eps", self.eps);
        if let Err(poison) = require_alike("poisson_nll", prediction, target).and(eps) {
            return poison;
        }
        let each = match self.log_input {
            true => prediction.exp() - target * prediction,
            false => prediction - target * (prediction + self.eps).log(),
        };
        if !self.full {
            return each.called("poisson_nll", &[prediction, target]);
        }
        let many = target.gt(1.0);
        let t = many.select(target, 1.0);
        let each = each + many.select(t * t.log() - t + 0.5 * (2.0 * PI * t).log(), 0.0);
        each.called("poisson_nll", &[prediction, target])
    }
}

/// The negative log-likelihood of measurements under normal distributions of given mean and variance,
/// `(log v + (x - t)²/v)/2`. PyTorch's `gaussian_nll_loss`.
///
/// Nix, Weigend: "Estimating the mean and variance of the target probability distribution", ICNN 1994.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t, v) = (g.input("x", F64, ()), g.input("t", F64, ()), g.input("v", F64, ()));
/// let data = [("x", Tensor::scalar(1.0)), ("t", Tensor::scalar(3.0)), ("v", Tensor::scalar(1.0))];
/// assert_eq!(interp::eval_expr(nn::GaussianNll::new().each(x, t, v), &data)?.item()?, 2.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNll {
    full: bool,
    eps: f64,
}

impl Default for GaussianNll {
    fn default() -> Self {
        GaussianNll { full: false, eps: 1e-6 }
    }
}

impl GaussianNll {
    /// Without the constant, and with variances of at least `10⁻⁶`.
    pub fn new() -> Self {
        GaussianNll::default()
    }

    /// With variances of at least `eps`. The gradient passes to smaller ones as if they were not raised.
    pub fn eps(self, eps: f64) -> Self {
        GaussianNll { eps, ..self }
    }

    /// With the constant `log(2π)/2`.
    pub fn full(self) -> Self {
        GaussianNll { full: true, ..self }
    }

    /// Mean and target of one shape, the variance of that shape or with a last axis of size 1, element
    /// by element. The variance is [assumed](Expr::assume) not to be negative.
    ///
    /// # Errors
    /// Recorded when the shapes or element types do not go together, or are no floats, or when `eps` is
    /// not above 0.
    #[track_caller]
    pub fn each<'g>(&self, mean: Expr<'g>, target: Expr<'g>, variance: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(mean, target, variance) {
            return poison;
        }
        let v = variance.assume(Fact::NonNegative);
        // As raised without the knowledge of differentiation.
        let v = v + (v.maximum(self.eps) - v).stop_gradient();
        let each = 0.5 * (v.log() + (mean - target).square() / v);
        let each = if self.full { each + 0.5 * libm::log(2.0 * PI) } else { each };
        each.called("gaussian_nll", &[mean, target, variance])
    }

    #[track_caller]
    fn check<'g>(&self, mean: Expr<'g>, target: Expr<'g>, variance: Expr<'g>) -> Checked<'g> {
        let eps = require_positive(mean, "gaussian_nll with eps", self.eps);
        require_alike("gaussian_nll", mean, target)?;
        require_float("gaussian_nll", variance)?;
        let (want, got) = (mean.shape(), variance.shape());
        let one = want.rank().checked_sub(1).map(|last| want.with_axis(last, Dim::Size(1)));
        if variance.dtype() != mean.dtype() || (got != want && Some(&got) != one.as_ref()) {
            return Err(mean.graph().fail(format!(
                "gaussian_nll of {} {want} with variances {} {got}: the same shape is needed, or 1 as last axis",
                mean.dtype(),
                variance.dtype()
            )));
        }
        eps
    }
}
