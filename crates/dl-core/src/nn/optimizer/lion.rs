//! Lion: steps of one size, along the signs of an interpolated momentum.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Lion: `θ ← θ - α·(sign(β₁m + (1-β₁)g) + λθ)`, then `m ← β₂m + (1-β₂)g`.
///
/// Semantics and defaults are the paper's: the decay is decoupled. The momentum is the state
/// `lion.m({path})`.
///
/// Chen, Liang, Huang, Real, Wang, Liu, Pham, Dong, Luong, Hsieh, Lu, Le: "Symbolic discovery of
/// optimization algorithms", NeurIPS 2023, algorithm 2.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or a `β` is not below 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Lion;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Lion::new(0.0001).weight_decay(0.1))?;
/// assert_eq!(step.updates().len(), 2);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lion {
    rate: LearningRate,
    betas: (f64, f64),
    weight_decay: f64,
}

impl Lion {
    /// Lion with `β₁ = 0.9`, `β₂ = 0.99` and no decay; the rate (the authors' code has 0.0001) is a
    /// number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Lion {
        Lion { rate: rate.into(), betas: (0.9, 0.99), weight_decay: 0.0 }
    }

    /// With other fractions of the old momentum: in the step, and in the new momentum.
    pub fn betas(self, first: f64, second: f64) -> Lion {
        Lion { betas: (first, second), ..self }
    }

    /// With a decoupled decay `λ`.
    pub fn weight_decay(self, weight_decay: f64) -> Lion {
        Lion { weight_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let (beta1, beta2) = self.betas;
        let old = of.state("lion.m");
        let mut direction = (beta1 * old + (1.0 - beta1) * of.gradient).sign();
        if self.weight_decay != 0.0 {
            direction = direction + self.weight_decay * of.parameter;
        }
        let m = beta2 * old + (1.0 - beta2) * of.gradient;
        vec![(old, m), (of.parameter, of.parameter - self.rate.times(direction))]
    }
}

impl Optimizer for Lion {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("lion", graph)
            .rate(&self.rate)
            .betas(self.betas)
            .at_least_0("weight decay", self.weight_decay)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Lion {
            rate: letters.rate(&self.rate),
            betas: letters.betas(self.betas),
            weight_decay: letters.setting("λ", self.weight_decay),
        }))
    }
}
