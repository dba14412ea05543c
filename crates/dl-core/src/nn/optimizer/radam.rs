//! RAdam: Adam that adapts only once its second moment is worth something.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::{Decay, Moments, correction};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Optimizer};

/// RAdam: `θ ← θ - α·m̂·rₜ·√(1-β₂ᵗ)/(√v + ε)` with [`Adam`](crate::nn::Adam)'s moments and the
/// rectification `rₜ = √((ρₜ-4)(ρₜ-2)ρ∞/((ρ∞-4)(ρ∞-2)ρₜ))`, where `ρ∞ = 2/(1-β₂) - 1` and
/// `ρₜ = ρ∞ - 2tβ₂ᵗ/(1-β₂ᵗ)`; while `ρₜ ≤ 5`, plainly `θ ← θ - α·m̂`.
///
/// Semantics and defaults are those of `torch.optim.RAdam`. The state is `radam.m({path})`,
/// `radam.v({path})` and `radam.t({path})`.
///
/// Liu, Jiang, He, Chen, Liu, Gao, Han: "On the variance of the adaptive learning rate and beyond",
/// ICLR 2020.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::RAdam;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(RAdam::new(0.001))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RAdam {
    rate: LearningRate,
    betas: (f64, f64),
    eps: f64,
    decay: Decay,
}

impl RAdam {
    /// RAdam with `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`; the rate (PyTorch's default is 0.001) is a
    /// number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> RAdam {
        let decay = Decay { factor: 0.0, decoupled: false };
        RAdam { rate: rate.into(), betas: (0.9, 0.999), eps: 1e-8, decay }
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> RAdam {
        RAdam { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> RAdam {
        RAdam { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> RAdam {
        RAdam { decay: Decay { factor: weight_decay, ..self.decay }, ..self }
    }

    /// Multiplies parameters by `1 - α · weight_decay` and leaves the gradient alone.
    pub fn decoupled(self) -> RAdam {
        RAdam { decay: Decay { decoupled: true, ..self.decay }, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let (beta1, beta2) = self.betas;
        let Moments { m, v, t, mut updates } = Moments::of("radam", self.betas, of, self.decay.gradient(of));
        let rate = self.rate.like(of.parameter);
        let size = rate / correction(beta1, t);
        let plain = size * m;
        let limit = 2.0 / (1.0 - beta2) - 1.0;
        let step = if limit <= 5.0 {
            plain
        } else {
            let rho = limit - 2.0 * t * (t * libm::log(beta2)).exp() / correction(beta2, t);
            let fraction = (rho - 4.0) * (rho - 2.0) / rho * (limit / ((limit - 4.0) * (limit - 2.0)));
            let rectified = size * (fraction * correction(beta2, t)).sqrt();
            t.le(plain_steps(beta2, limit)).select(plain, rectified * (m / (v.sqrt() + self.eps)))
        };
        updates.push((of.parameter, self.decay.parameter(of, rate) - step));
        updates
    }
}

/// The last `t` with `ρₜ ≤ 5`. Found here, since in `f32` the difference may fall on the other side.
fn plain_steps(beta2: f64, limit: f64) -> f64 {
    let mut t = 1.0;
    let rho = |t: f64| limit - 2.0 * t * libm::pow(beta2, t) / (1.0 - libm::pow(beta2, t));
    while rho(t + 1.0) <= 5.0 {
        t += 1.0;
    }
    t
}

impl Optimizer for RAdam {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("radam", graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.decay.factor)
            .each(gradients, |of| self.update(of))
    }
}
