//! Adamax: Adam with the largest gradient in the place of the root mean square.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::correction;
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Adamax: `m ← β₁m + (1-β₁)g`, `u ← max(β₂u, |g| + ε)`, `θ ← θ - α/(1-β₁ᵗ) · m/u`.
///
/// Semantics and defaults are those of `torch.optim.Adamax`: `ε` stands inside the maximum. The state
/// is `adamax.m({path})`, `adamax.u({path})` and `adamax.t({path})`.
///
/// Kingma, Ba: "Adam: a method for stochastic optimization", ICLR 2015, section 7.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Adamax;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Adamax::new(0.002))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adamax {
    rate: LearningRate,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
}

impl Adamax {
    /// Adamax with `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`; the rate (PyTorch's default is 0.002) is a
    /// number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Adamax {
        Adamax { rate: rate.into(), betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0 }
    }

    /// With other decay rates of the mean and of the maximum.
    pub fn betas(self, first: f64, second: f64) -> Adamax {
        Adamax { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Adamax {
        Adamax { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> Adamax {
        Adamax { weight_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let (beta1, beta2) = self.betas;
        let gradient = of.decayed(self.weight_decay);
        let (old_m, old_u) = (of.state("adamax.m"), of.state("adamax.u"));
        let (count, t) = of.count("adamax.t");
        let m = beta1 * old_m + (1.0 - beta1) * gradient;
        let u = (beta2 * old_u).maximum(gradient.abs() + self.eps);
        let size = self.rate.like(of.parameter) / correction(beta1, t);
        vec![(old_m, m), (old_u, u), (count, t), (of.parameter, of.parameter - size * (m / u))]
    }
}

impl Optimizer for Adamax {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("adamax", graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.weight_decay)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Adamax {
            rate: letters.rate(&self.rate),
            betas: letters.betas(self.betas),
            eps: letters.setting("ε", self.eps),
            weight_decay: letters.setting("λ", self.weight_decay),
        }))
    }
}
