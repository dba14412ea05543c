//! Adam: steps scaled by running moments of the gradient.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::{Gradient, LearningRate, Optimizer, settings_fit};

/// Adam: `m ← β₁m + (1-β₁)g`, `v ← β₂v + (1-β₂)g²`, `θ ← θ - α·m̂/(√v̂ + ε)` with the bias-corrected
/// `m̂ = m/(1-β₁ᵗ)` and `v̂ = v/(1-β₂ᵗ)`.
///
/// Semantics and defaults are those of `torch.optim.Adam`: `ε` stands outside the root, and weight
/// decay adds `λθ` to the gradient. The moments and the number of updates are the state
/// `adam.m.{path}`, `adam.v.{path}` and `adam.t.{path}`.
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
    rate: LearningRate,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
}

impl Adam {
    /// Adam with `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`; the rate (PyTorch's default is 0.001) is a
    /// number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Adam {
        Adam { rate: rate.into(), betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0 }
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> Adam {
        Adam { betas: (first, second), ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Adam {
        Adam { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient (coupled; AdamW is another optimizer).
    pub fn weight_decay(self, weight_decay: f64) -> Adam {
        Adam { weight_decay, ..self }
    }

    /// The updates of one parameter and of its state.
    fn update<'g>(&self, of: &Gradient<'g>) -> [(Expr<'g>, Expr<'g>); 4] {
        let (beta1, beta2) = self.betas;
        let gradient = match self.weight_decay {
            0.0 => of.gradient,
            decay => of.gradient + decay * of.parameter,
        };
        let (m, v) = (of.state("adam.m"), of.state("adam.v"));
        let (count, t) = of.count("adam.t");
        let first = beta1 * m + (1.0 - beta1) * gradient;
        let second = beta2 * v + (1.0 - beta2) * gradient.square();
        let scale = second.sqrt() / correction(beta2, t).sqrt() + self.eps;
        let size = self.rate.like(of.parameter) / correction(beta1, t);
        [(m, first), (v, second), (count, t), (of.parameter, of.parameter - size * (first / scale))]
    }

    fn fits(&self, graph: &Graph) -> bool {
        let positive = |x: f64| x.is_finite() && x >= 0.0;
        let below_one = |x: f64| (0.0..1.0).contains(&x);
        settings_fit(
            graph,
            &[
                (self.rate.fits(), &|| {
                    format!("adam with learning rate {:?}: at least 0 is needed", self.rate)
                }),
                (below_one(self.betas.0) && below_one(self.betas.1), &|| {
                    format!("adam with betas {:?}: numbers in [0, 1) are needed", self.betas)
                }),
                (positive(self.eps), &|| format!("adam with eps {}: at least 0 is needed", self.eps)),
                (positive(self.weight_decay), &|| {
                    format!("adam with weight decay {}: at least 0 is needed", self.weight_decay)
                }),
            ],
        )
    }
}

/// `1 - βᵗ` as `-expm1(t·log β)`: in `f32`, `1 - 0.999` alone would lose four digits.
fn correction(beta: f64, t: Expr<'_>) -> Expr<'_> {
    -(t * libm::log(beta)).expm1()
}

impl Optimizer for Adam {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        if !self.fits(graph) {
            return vec![];
        }
        gradients.iter().flat_map(|of| self.update(of)).collect()
    }
}
