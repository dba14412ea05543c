//! Losses for rare classes: less weight where it is easy, or where there are many examples.

use crate::graph::Expr;
use crate::nn::binary_cross_entropy_with_logits;
use crate::nn::loss::{
    Checked, CrossEntropy, require_alike, require_class_weight, require_classes, require_non_negative,
    require_setting,
};
use crate::stable::log_odds_against;

/// The focal loss `-α·(1 - p)^γ·log p` of the probability `p` that the prediction gives to the truth.
///
/// Lin, Goyal, Girshick, He, Dollár: "Focal loss for dense object detection", ICCV 2017, with its
/// defaults; that of targets is torchvision's `sigmoid_focal_loss`. PyTorch itself has none.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::Focal::new().each(g.input("x", F64, ()), g.input("t", F64, ()));
/// let data = [("x", Tensor::scalar(0.0)), ("t", Tensor::scalar(1.0))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 0.25 * 0.25 * 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    gamma: f64,
    alpha: Option<f64>,
}

impl Default for Focal {
    fn default() -> Self {
        Focal { gamma: 2.0, alpha: Some(0.25) }
    }
}

impl Focal {
    /// `γ = 2` and `α = 1/4`.
    pub fn new() -> Self {
        Focal::default()
    }

    /// With another exponent; at 0 it is the cross entropy.
    pub fn gamma(self, gamma: f64) -> Self {
        Focal { gamma, ..self }
    }

    /// With another weight of positive examples; negative ones have `1 - α`. Of two classes only.
    pub fn alpha(self, alpha: f64) -> Self {
        Focal { alpha: Some(alpha), ..self }
    }

    /// With equal weights of positive and negative examples, 1.
    pub fn without_alpha(self) -> Self {
        Focal { alpha: None, ..self }
    }

    /// For each element, of logits and targets in `[0, 1]` of one shape; or for each example by the
    /// softmax, of logits `[…, C]` and labels `i64` `[…]`, as the target's element type says. For labels
    /// `α` takes no part: multiply by weights of their classes.
    ///
    /// # Errors
    /// Recorded when the logits are no floats or the target does not go with them, when `γ` is negative
    /// or `α` outside `[0, 1]`. A label outside `0..C` is an error of the run.
    #[track_caller]
    pub fn each<'g>(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let fits = self.check(logits);
        if target.is_poison() || target.dtype().is_float() {
            match fits.and(require_alike("focal", logits, target)) {
                Ok(()) => self.of_targets(logits, target).called("focal", &[logits, target]),
                Err(poison) => poison,
            }
        } else {
            match fits.and(require_classes("focal", logits, target)) {
                Ok(()) => self.of_labels(logits, target).called("focal", &[logits, target]),
                Err(poison) => poison,
            }
        }
    }

    #[track_caller]
    fn of_targets<'g>(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let missed = target * (-logits).sigmoid() + (1.0 - target) * logits.sigmoid();
        let each = self.modulation(missed) * binary_cross_entropy_with_logits(logits, target);
        match self.alpha {
            Some(alpha) => (alpha * target + (1.0 - alpha) * (1.0 - target)) * each,
            None => each,
        }
    }

    /// `missed^γ`. Below an exponent of 1 it has no derivative at 0, where the loss has one, 0.
    #[track_caller]
    fn modulation<'g>(&self, missed: Expr<'g>) -> Expr<'g> {
        if self.gamma == 0.0 || self.gamma >= 1.0 {
            return missed.pow(self.gamma);
        }
        let sure = missed.eq(0.0);
        sure.select(0.0, sure.select(1.0, missed).pow(self.gamma))
    }

    #[track_caller]
    fn of_labels<'g>(&self, logits: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
        // log p = -softplus(a) and log (1 - p) = -softplus(-a) for the log-odds a against the label.
        let against = log_odds_against(logits, labels);
        (-self.gamma * (-against).softplus()).exp() * against.softplus()
    }

    #[track_caller]
    fn check<'g>(&self, of: Expr<'g>) -> Checked<'g> {
        let alpha = self.alpha.unwrap_or(0.0);
        let fits = (0.0..=1.0).contains(&alpha);
        let alpha = require_setting(of, "focal with alpha", alpha, fits, "a number in [0, 1]");
        require_non_negative(of, "focal with gamma", self.gamma).and(alpha)
    }
}

/// The cross entropy of class indices with [`class_balanced_weights`]: the weight of the label's class
/// times `-log softmax(logits)[label]`, for each example.
///
/// Cui, Jia, Lin, Song, Belongie: "Class-balanced loss based on effective number of samples", CVPR 2019:
/// its class-balanced softmax loss. PyTorch has no such loss.
///
/// Shapes: logits `[…, C]`, labels `i64` `[…]`, counts `[C]` of the logits' element type, result `[…]`.
///
/// # Errors
/// Recorded when the logits are no floats, when labels or counts do not go with them, or when `beta` is
/// outside `[0, 1)`. A label outside `0..C` is an error of the run.
///
/// ```
/// use dl_core::{F64, Graph, I64, Tensor, interp, nn};
/// let g = Graph::new();
/// let counts = g.literal(Tensor::vector(vec![5000.0, 5.0]));
/// let j = nn::class_balanced(g.input("x", F64, [2]), g.input("y", I64, ()), counts, 0.0);
/// let data = [("x", Tensor::vector(vec![0.0, 0.0])), ("y", Tensor::scalar(1i64))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 2f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn class_balanced<'g>(logits: Expr<'g>, labels: Expr<'g>, counts: Expr<'g>, beta: f64) -> Expr<'g> {
    let what = "class_balanced";
    let fits = require_beta(logits, beta).and(require_classes(what, logits, labels));
    match fits.and_then(|()| require_class_weight(what, logits, Some(counts))) {
        Ok(()) => CrossEntropy::new()
            .weight(class_balanced_weights(counts, beta))
            .each(logits, labels)
            .called("class_balanced", &[logits, labels, counts]),
        Err(poison) => poison,
    }
}

/// A weight for each class from the number of its examples: `(1 - β)/(1 - βⁿ)`, the inverse of the
/// effective number of examples, scaled so that the weights sum to the number of classes.
///
/// At `β = 0` all are 1, and towards 1 they become those of the inverse frequency. For
/// [`CrossEntropy::weight`], or as factors of any loss. Cui, Jia, Lin, Song, Belongie, CVPR 2019.
///
/// Shapes: counts `[C]`, each at least 1; the same for the result.
///
/// # Errors
/// Recorded when the counts are no floats or no vector, or when `beta` is outside `[0, 1)`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = nn::class_balanced_weights(g.input("n", F64, [2]), 0.5);
/// let w = interp::eval_expr(w, &[("n", Tensor::vector(vec![1.0, 2.0]))])?.to_f64();
/// assert!((w[0] - 1.2).abs() < 1e-15 && (w[1] - 0.8).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn class_balanced_weights(counts: Expr<'_>, beta: f64) -> Expr<'_> {
    if let Err(poison) = require_beta(counts, beta).and(require_counts(counts)) {
        return poison;
    }
    // 1 - βⁿ without cancellation for β near 1; the factor 1 - β is the same for all.
    let inverse = 1.0 / -(counts * libm::log(beta)).expm1();
    inverse / inverse.mean(-1)
}

#[track_caller]
fn require_beta(of: Expr<'_>, beta: f64) -> Checked<'_> {
    let fits = (0.0..1.0).contains(&beta);
    require_setting(of, "class_balanced with beta", beta, fits, "a number in [0, 1)")
}

#[track_caller]
fn require_counts(counts: Expr<'_>) -> Checked<'_> {
    crate::nn::require_float("class_balanced", counts)?;
    match counts.shape().rank() {
        1 => Ok(()),
        _ => Err(counts.graph().fail(format!(
            "class_balanced with counts {}: a number for each class is needed",
            counts.shape()
        ))),
    }
}
