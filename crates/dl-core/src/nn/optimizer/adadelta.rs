//! Adadelta: steps in the unit of the parameter, from running squares of steps and gradients.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Adadelta: `v ← ρv + (1-ρ)g²`, `Δ = √(u + ε)/√(v + ε) · g`, `u ← ρu + (1-ρ)Δ²`, `θ ← θ - α·Δ`.
///
/// Semantics and defaults are those of `torch.optim.Adadelta`. The running squares of gradients and
/// steps are the state `adadelta.v({path})` and `adadelta.u({path})`.
///
/// Zeiler: "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, where `α = 1`.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or `ρ` is above 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Adadelta;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Adadelta::new(1.0))?;
/// assert_eq!(step.updates().len(), 3);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adadelta {
    rate: LearningRate,
    rho: f64,
    eps: f64,
    weight_decay: f64,
}

impl Adadelta {
    /// Adadelta with `ρ = 0.9` and `ε = 10⁻⁶`; the rate (PyTorch's default is 1) is a number, the name
    /// of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Adadelta {
        Adadelta { rate: rate.into(), rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }

    /// With another fraction of the old squares.
    pub fn rho(self, rho: f64) -> Adadelta {
        Adadelta { rho, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Adadelta {
        Adadelta { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> Adadelta {
        Adadelta { weight_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let gradient = of.decayed(self.weight_decay);
        let (old_v, old_u) = (of.state("adadelta.v"), of.state("adadelta.u"));
        let v = self.rho * old_v + (1.0 - self.rho) * gradient.square();
        let step = (old_u + self.eps).sqrt() / (v + self.eps).sqrt() * gradient;
        let u = self.rho * old_u + (1.0 - self.rho) * step.square();
        vec![(old_v, v), (old_u, u), (of.parameter, of.parameter - self.rate.times(step))]
    }
}

impl Optimizer for Adadelta {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("adadelta", graph)
            .rate(&self.rate)
            .fraction("rho", self.rho)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.weight_decay)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Adadelta {
            rate: letters.rate(&self.rate),
            rho: letters.setting("ρ", self.rho),
            eps: letters.setting("ε", self.eps),
            weight_decay: letters.setting("λ", self.weight_decay),
        }))
    }
}
