//! Binary cross entropy, of logits and of probabilities.

use crate::graph::Expr;
use crate::nn::loss::{Checked, require_alike};

/// Binary cross entropy `-t·log σ(x) - (1 - t)·log(1 - σ(x))` of logits `x` and probabilities `t`,
/// element by element.
///
/// Computed as `t·softplus(-x) + (1 - t)·softplus(x)`: no exponential overflows and nothing cancels.
/// As PyTorch's `binary_cross_entropy_with_logits` with `reduction='none'`; its `weight` is a factor
/// of the result, its `pos_weight` an option of [`BinaryCrossEntropyWithLogits`].
///
/// Shapes: both the same, and so is the result. Targets are of the logits' element type.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, ()), g.input("t", F64, ()));
/// let j = nn::binary_cross_entropy_with_logits(x, t);
/// let data = [("x", Tensor::scalar(0.0)), ("t", Tensor::scalar(1.0))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 2f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn binary_cross_entropy_with_logits<'g>(logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    BinaryCrossEntropyWithLogits::new().each(logits, target)
}

/// Binary cross entropy of logits with an option: PyTorch's `BCEWithLogitsLoss`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, [1, 2]), g.input("t", F64, [1, 2]));
/// let rare = g.literal(Tensor::vector(vec![3.0, 1.0]));
/// let j = nn::BinaryCrossEntropyWithLogits::new().pos_weight(rare).each(x, t);
/// let data = [("x", Tensor::zeros(F64, [1, 2])), ("t", Tensor::new([1, 2], vec![1.0, 1.0])?)];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [3.0 * 2f64.ln(), 2f64.ln()]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropyWithLogits<'g> {
    pos_weight: Option<Expr<'g>>,
}

impl<'g> BinaryCrossEntropyWithLogits<'g> {
    /// Without weight.
    pub fn new() -> Self {
        BinaryCrossEntropyWithLogits::default()
    }

    /// With a weight of the positive part, `t·log σ(x)`: as a rule the number of negative examples over
    /// that of positive ones, for each class. Of a shape that broadcasts to the logits'.
    pub fn pos_weight(self, weight: Expr<'g>) -> Self {
        BinaryCrossEntropyWithLogits { pos_weight: Some(weight) }
    }

    /// `-w·t·log σ(x) - (1 - t)·log(1 - σ(x))`, element by element.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats.
    #[track_caller]
    pub fn each(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(logits, target) {
            return poison;
        }
        let positive = self.pos_weight.map_or(target, |weight| target * weight);
        let each = positive * (-logits).softplus() + (1.0 - target) * logits.softplus();
        each.called("binary_cross_entropy_with_logits", &[logits, target])
    }

    #[track_caller]
    fn check(&self, logits: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        let what = "binary_cross_entropy_with_logits";
        require_alike(what, logits, target)?;
        let Some(weight) = self.pos_weight else {
            return Ok(());
        };
        if weight.is_poison() {
            return Err(weight);
        }
        let (got, want) = (weight.shape(), logits.shape());
        if weight.dtype() != logits.dtype() || got.broadcast(&want).ok().as_ref() != Some(&want) {
            let (have, need) = (weight.dtype(), logits.dtype());
            let message = format!(
                "{what} with pos_weight {have} {got}: {need} of a shape that broadcasts to {want} is needed"
            );
            return Err(logits.graph().fail(message));
        }
        Ok(())
    }
}

/// Binary cross entropy `-t·log p - (1 - t)·log(1 - p)` of probabilities `p` and `t`, element by
/// element.
///
/// As PyTorch's `binary_cross_entropy` with `reduction='none'`: logarithms end at -100, so that the
/// loss is finite at 0 and 1; its `weight` is a factor of the result. The gradient is that of this
/// formula, 0 where a logarithm is cut off; PyTorch's differs where `p` is within `1e-12` of 0 or 1,
/// since it divides by no less than that. NaN where `p` is outside `[0, 1]`.
///
/// From logits, [`binary_cross_entropy_with_logits`] keeps its digits where this one has none left.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::binary_cross_entropy(g.input("p", F64, [2]), g.input("t", F64, [2]));
/// let data = [("p", Tensor::vector(vec![0.5, 0.0])), ("t", Tensor::vector(vec![0.5, 1.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [2f64.ln(), 100.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn binary_cross_entropy<'g>(probability: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_alike("binary_cross_entropy", probability, target) {
        return poison;
    }
    let (log, log_of_rest) = (probability.log(), (-probability).log1p());
    (-(target * cut_off(log) + (1.0 - target) * cut_off(log_of_rest)))
        .called("binary_cross_entropy", &[probability, target])
}

/// Logarithms end at -100.
#[track_caller]
fn cut_off<'g>(log: Expr<'g>) -> Expr<'g> {
    log.lt(-100.0).select(-100.0, log)
}
