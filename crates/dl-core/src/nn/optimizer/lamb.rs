//! LAMB: Adam's direction at the scale of each parameter, for large batches.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::{Moments, correction};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Optimizer};
use crate::stable::norm;

/// LAMB: `r = m̂/(√v̂ + ε) + λθ`, `θ ← θ - α·‖θ‖/‖r‖·r`, with [`Adam`](crate::nn::Adam)'s moments and
/// the norms over all of a parameter; where one of them is zero their ratio counts as 1.
///
/// Semantics and defaults are the paper's, with the identity for its `φ`. The state is
/// `lamb.m({path})`, `lamb.v({path})` and `lamb.t({path})`.
///
/// You, Li, Reddi, Hseu, Kumar, Bhojanapalli, Song, Demmel, Keutzer, Hsieh: "Large batch optimization
/// for deep learning: training BERT in 76 minutes", ICLR 2020, algorithm 2.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Lamb;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Lamb::new(0.002))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lamb {
    rate: LearningRate,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
}

impl Lamb {
    /// LAMB with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁶` and `λ = 0.01`; the rate is a number, the name of
    /// an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Lamb {
        Lamb { rate: rate.into(), betas: (0.9, 0.999), eps: 1e-6, weight_decay: 0.01 }
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> Lamb {
        Lamb { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Lamb {
        Lamb { eps, ..self }
    }

    /// With another `λ`.
    pub fn weight_decay(self, weight_decay: f64) -> Lamb {
        Lamb { weight_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let Moments { m, v, t, mut updates } = Moments::of("lamb", self.betas, of, of.gradient);
        let scale = (v / correction(self.betas.1, t)).sqrt() + self.eps;
        let mut direction = m / correction(self.betas.0, t) / scale;
        if self.weight_decay != 0.0 {
            direction = direction + self.weight_decay * of.parameter;
        }
        let (size, length) = (norm(of.parameter, ..), norm(direction, ..));
        let usable = size.gt(0.0).and(length.gt(0.0));
        let trust = usable.select(size / length, 1.0);
        updates.push((of.parameter, of.parameter - self.rate.like(of.parameter) * trust * direction));
        updates
    }
}

impl Optimizer for Lamb {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("lamb", graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.weight_decay)
            .each(gradients, |of| self.update(of))
    }
}
