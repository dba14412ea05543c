//! NAdam: Adam with Nesterov's look-ahead.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::{Decay, Moments, correction};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Optimizer};

/// NAdam: `θ ← θ - α·((1-μₜ)/(1-Πₜ)·g + μₜ₊₁/(1-Πₜ₊₁)·m)/(√v̂ + ε)` with [`Adam`](crate::nn::Adam)'s
/// moments, momenta `μₜ = β₁·(1 - 0.96^(t·ψ)/2)` that grow with time, and their product `Πₜ = μ₁⋯μₜ`.
///
/// Semantics and defaults are those of `torch.optim.NAdam`. The state is `nadam.m({path})`,
/// `nadam.v({path})`, `nadam.t({path})` and the product `nadam.mu({path})`.
///
/// Dozat: "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::NAdam;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(NAdam::new(0.002))?;
/// assert_eq!(step.updates().len(), 5);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NAdam {
    rate: LearningRate,
    betas: (f64, f64),
    eps: f64,
    decay: Decay,
    momentum_decay: f64,
}

impl NAdam {
    /// NAdam with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and `ψ = 0.004`; the rate (PyTorch's default is
    /// 0.002) is a number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> NAdam {
        let decay = Decay { factor: 0.0, decoupled: false };
        NAdam { rate: rate.into(), betas: (0.9, 0.999), eps: 1e-8, decay, momentum_decay: 0.004 }
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> NAdam {
        NAdam { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> NAdam {
        NAdam { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> NAdam {
        NAdam { decay: Decay { factor: weight_decay, ..self.decay }, ..self }
    }

    /// Multiplies parameters by `1 - α · weight_decay` and leaves the gradient alone.
    pub fn decoupled(self) -> NAdam {
        NAdam { decay: Decay { decoupled: true, ..self.decay }, ..self }
    }

    /// With another `ψ`, by which the momenta approach `β₁`.
    pub fn momentum_decay(self, momentum_decay: f64) -> NAdam {
        NAdam { momentum_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let gradient = self.decay.gradient(of);
        let Moments { m, v, t, mut updates } = Moments::of("nadam", self.betas, of, gradient);
        let exponent = self.momentum_decay * libm::log(0.96);
        let momentum = |t: Expr<'g>| self.betas.0 * (1.0 - 0.5 * (t * exponent).exp());
        let (now, next) = (momentum(t), momentum(t + 1.0));
        let old = of.scalar("nadam.mu", 1.0);
        let product = old * now;
        let rate = self.rate.like(of.parameter);
        let of_gradient = rate * (1.0 - now) / (1.0 - product);
        let of_mean = rate * next / (1.0 - product * next);
        let scale = (v / correction(self.betas.1, t)).sqrt() + self.eps;
        let step = (of_gradient * gradient + of_mean * m) / scale;
        updates.push((old, product));
        updates.push((of.parameter, self.decay.parameter(of, rate) - step));
        updates
    }
}

impl Optimizer for NAdam {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("nadam", graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.decay.factor)
            .at_least_0("momentum decay", self.momentum_decay)
            .each(gradients, |of| self.update(of))
    }
}
