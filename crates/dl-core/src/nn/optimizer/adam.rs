//! Adam: steps scaled by running moments of the gradient.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::{Decay, Moments, correction};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Adam: `m ← β₁m + (1-β₁)g`, `v ← β₂v + (1-β₂)g²`, `θ ← θ - α·m̂/(√v̂ + ε)` with the bias-corrected
/// `m̂ = m/(1-β₁ᵗ)` and `v̂ = v/(1-β₂ᵗ)`.
///
/// Semantics and defaults are those of `torch.optim.Adam`: `ε` stands outside the root, and weight
/// decay adds `λθ` to the gradient. The moments and the number of updates are the state
/// `adam.m({path})`, `adam.v({path})` and `adam.t({path})`.
///
/// Kingma, Ba: "Adam: a method for stochastic optimization", ICLR 2015.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Adam;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Adam::new(0.001))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adam {
    /// The name in states and messages.
    pub(super) kind: &'static str,
    pub(super) rate: LearningRate,
    pub(super) betas: (f64, f64),
    pub(super) eps: f64,
    pub(super) decay: Decay,
    pub(super) amsgrad: bool,
}

impl Adam {
    /// Adam with `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`; the rate (PyTorch's default is 0.001) is a
    /// number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Adam {
        let decay = Decay { factor: 0.0, decoupled: false };
        Adam { kind: "adam", rate: rate.into(), betas: (0.9, 0.999), eps: 1e-8, decay, amsgrad: false }
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> Adam {
        Adam { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Adam {
        Adam { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient (coupled; [`AdamW`](crate::nn::AdamW) decouples it).
    pub fn weight_decay(self, weight_decay: f64) -> Adam {
        Adam { decay: Decay { factor: weight_decay, ..self.decay }, ..self }
    }

    /// AMSGrad: the largest `v` so far in the place of `v`, so that steps never grow again. It is the
    /// state `adam.max({path})`.
    ///
    /// Reddi, Kale, Kumar: "On the convergence of Adam and beyond", ICLR 2018; the maximum is taken
    /// before the bias is corrected, as in PyTorch.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init};
    /// use dl_core::nn::Adam;
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let step = (theta - 3.0).square().minimize(Adam::new(0.001).amsgrad())?;
    /// assert_eq!(step.updates().len(), 5);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn amsgrad(self) -> Adam {
        Adam { amsgrad: true, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let Moments { m, mut v, t, mut updates } =
            Moments::of(self.kind, self.betas, of, self.decay.gradient(of));
        if self.amsgrad {
            let old = of.state(&format!("{}.max", self.kind));
            v = old.maximum(v);
            updates.push((old, v));
        }
        let rate = self.rate.like(of.parameter);
        let scale = v.sqrt() / correction(self.betas.1, t).sqrt() + self.eps;
        let size = rate / correction(self.betas.0, t);
        updates.push((of.parameter, self.decay.parameter(of, rate) - size * (m / scale)));
        updates
    }
}

impl Optimizer for Adam {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of(self.kind, graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.decay.factor)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Adam {
            rate: letters.rate(&self.rate),
            betas: letters.betas(self.betas),
            eps: letters.setting("ε", self.eps),
            decay: Decay { factor: letters.setting("λ", self.decay.factor), ..self.decay },
            ..self.clone()
        }))
    }
}
