//! Losses of the overlap of two sets, for segmentation.

use crate::graph::Expr;
use crate::nn::loss::{Checked, require_alike, require_non_negative};

/// The Dice loss `1 - (2·Σ p·t + s)/(Σ p + Σ t + s)` of probabilities `p` and targets `t` along the last
/// axis: 0 where both are the same set, near 1 where they have nothing in common.
///
/// Milletari, Navab, Ahmadi: "V-Net", 3DV 2016, has squares in the denominator ([`squared`](Dice::squared));
/// without them it is as in Sudre, Li, Vercauteren, Ourselin, Cardoso: "Generalised Dice overlap as a deep
/// learning loss function", DLMIA 2017. PyTorch has no such loss.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let image = |name| g.input(name, F64, (Named("B"), 2, 2)).reshape((Named("B"), 4));
/// let j = nn::Dice::new().each(image("p"), image("t"));
/// let data = [
///     ("p", Tensor::new([1, 2, 2], vec![1.0, 1.0, 0.0, 0.0])?),
///     ("t", Tensor::new([1, 2, 2], vec![1.0, 0.0, 0.0, 0.0])?),
/// ];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.25]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    smooth: f64,
    squared: bool,
}

impl Default for Dice {
    fn default() -> Self {
        Dice { smooth: 1.0, squared: false }
    }
}

impl Dice {
    /// With sums in the denominator and a smoothing of 1.
    pub fn new() -> Self {
        Dice::default()
    }

    /// With another number added to both parts of the fraction, so that two empty sets are the same; at
    /// 0 their loss is NaN.
    pub fn smooth(self, smooth: f64) -> Self {
        Dice { smooth, ..self }
    }

    /// With `Σ p² + Σ t²` in the denominator.
    pub fn squared(self) -> Self {
        Dice { squared: true, ..self }
    }

    /// Probabilities and targets in `[0, 1]`, both `[…, N]`, give `[…]`.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, for scalars, or when the
    /// smoothing is negative.
    #[track_caller]
    pub fn each<'g>(&self, probability: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let smooth = require_non_negative(probability, "dice with smooth", self.smooth);
        if let Err(poison) = require_sets("dice", probability, target).and(smooth) {
            return poison;
        }
        let size = |x: Expr<'g>| if self.squared { x.square().sum(-1) } else { x.sum(-1) };
        let both = (probability * target).sum(-1);
        let share = (2.0 * both + self.smooth) / (size(probability) + size(target) + self.smooth);
        (1.0 - share).called("dice", &[probability, target])
    }
}

/// The Tversky loss `1 - (TP + s)/(TP + α·FP + β·FN + s)` of probabilities `p` and targets `t` along the
/// last axis, with `TP = Σ p·t`, `FP = Σ p·(1 - t)`, `FN = Σ (1 - p)·t`. With `α = β = 1/2` it is the
/// [`Dice`] loss of half of the smoothing, with `α = β = 1` that of Jaccard.
///
/// Salehi, Erdogmus, Gholipour: "Tversky loss function for image segmentation using 3D fully
/// convolutional deep networks", MLMI 2017. PyTorch has no such loss.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::Tversky::new(0.3, 0.7).smooth(0.0).each(g.input("p", F64, [3]), g.input("t", F64, [3]));
/// let data = [("p", Tensor::vector(vec![1.0, 0.0, 0.0])), ("t", Tensor::vector(vec![1.0, 1.0, 0.0]))];
/// assert!((interp::eval_expr(j, &data)?.item()? - (1.0 - 1.0 / 1.7)).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tversky {
    alpha: f64,
    beta: f64,
    smooth: f64,
}

impl Tversky {
    /// With the weights of false positives and of false negatives, and a smoothing of 1.
    pub fn new(alpha: f64, beta: f64) -> Self {
        Tversky { alpha, beta, smooth: 1.0 }
    }

    /// With another number added to both parts of the fraction, so that two empty sets are the same; at
    /// 0 their loss is NaN.
    pub fn smooth(self, smooth: f64) -> Self {
        Tversky { smooth, ..self }
    }

    /// Probabilities and targets in `[0, 1]`, both `[…, N]`, give `[…]`.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, for scalars, or when a
    /// setting is negative.
    #[track_caller]
    pub fn each<'g>(&self, probability: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(probability, target) {
            return poison;
        }
        let hit = (probability * target).sum(-1);
        let wrong = (probability * (1.0 - target)).sum(-1);
        let missed = ((1.0 - probability) * target).sum(-1);
        let share = (hit + self.smooth) / (hit + self.alpha * wrong + self.beta * missed + self.smooth);
        (1.0 - share).called("tversky", &[probability, target])
    }

    #[track_caller]
    fn check<'g>(&self, probability: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        let alpha = require_non_negative(probability, "tversky with alpha", self.alpha);
        let beta = require_non_negative(probability, "tversky with beta", self.beta);
        let smooth = require_non_negative(probability, "tversky with smooth", self.smooth);
        require_sets("tversky", probability, target).and(alpha).and(beta).and(smooth)
    }
}

/// Both floats `[…, N]`.
#[track_caller]
fn require_sets<'g>(what: &str, a: Expr<'g>, b: Expr<'g>) -> Checked<'g> {
    require_alike(what, a, b)?;
    match a.shape().rank() {
        0 => Err(a.graph().fail(format!("{what} of []: sets along a last axis are needed"))),
        _ => Ok(()),
    }
}
