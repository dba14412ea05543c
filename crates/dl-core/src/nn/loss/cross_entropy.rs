//! Cross entropy of logits, with class indices or probabilities as targets.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::loss::nll::Labels;
use crate::nn::loss::{Checked, require_class_weight, require_classes, require_examples, require_setting};
use crate::ops::Fact;

/// Cross entropy of class indices: `-log softmax(logits)[label]`, for each example.
///
/// Shapes: logits `[…, C]`, labels `i64` `[…]`, result `[…]`. As PyTorch's `cross_entropy` with
/// `reduction='none'`, except that the classes are the last axis. [`CrossEntropy`] has options, and
/// takes probabilities as targets.
///
/// A run computes it as `log(1 + Σ exp(others - own))`, so that neither the value nor the gradient `p - y`
/// loses digits where the prediction is nearly sure.
///
/// # Errors
/// Recorded when the logits are no floats, the labels not `i64`, or their shapes do not go
/// together. A label outside `0..C` is an error of the run.
///
/// ```
/// use dl_core::{F64, Graph, I64, Named, Tensor, interp, nn};
/// const B: Named = Named("B");
/// let g = Graph::new();
/// let (logits, y) = (g.input("logits", F64, (B, 3)), g.input("y", I64, B));
/// let j = nn::cross_entropy(logits, y).mean(..);
/// let data = [("logits", Tensor::new([1, 3], vec![0.0; 3])?), ("y", Tensor::vector(vec![2i64]))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 3f64.ln()).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn cross_entropy<'g>(logits: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
    match require_classes("cross_entropy", logits, labels) {
        Ok(()) => (-logits.log_softmax(-1).pick(labels)).called("cross_entropy", &[logits, labels]),
        Err(poison) => poison,
    }
}

/// Cross entropy with options: PyTorch's `CrossEntropyLoss`.
///
/// Targets are class indices (`i64` `[…]`) or probabilities (`[…, C]`, of the logits' element type), as
/// their element type says. Rows of probabilities are [assumed](Expr::assume) to be distributions, so
/// that a checking run finds those that do not sum to one.
///
/// Label smoothing mixes `ε` of the uniform distribution into the target: Szegedy, Vanhoucke, Ioffe,
/// Shlens, Wojna: "Rethinking the inception architecture for computer vision", CVPR 2016.
///
/// ```
/// use dl_core::{F64, Graph, I64, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, y) = (g.input("x", F64, [3, 2]), g.input("y", I64, [3]));
/// let j = nn::CrossEntropy::new().ignore_index(-100).label_smoothing(0.1).mean(x, y);
/// let data = [("x", Tensor::new([3, 2], vec![0.0; 6])?), ("y", Tensor::vector(vec![0i64, -100, 1]))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CrossEntropy<'g> {
    weight: Option<Expr<'g>>,
    ignored: Option<i64>,
    smoothing: f64,
}

impl<'g> CrossEntropy<'g> {
    /// Without weights and smoothing, and every label counts. (PyTorch ignores -100 unless told
    /// otherwise; here it is an error like any other label outside the classes until
    /// [`ignore_index`](CrossEntropy::ignore_index) names it.)
    pub fn new() -> Self {
        CrossEntropy::default()
    }

    /// With a weight for each class, `[C]`.
    pub fn weight(self, weight: Expr<'g>) -> Self {
        CrossEntropy { weight: Some(weight), ..self }
    }

    /// Examples with this label have the loss 0 and do not count in the mean. For class indices only.
    pub fn ignore_index(self, label: i64) -> Self {
        CrossEntropy { ignored: Some(label), ..self }
    }

    /// With `(1 - ε)·target + ε/C` in place of the target.
    pub fn label_smoothing(self, epsilon: f64) -> Self {
        CrossEntropy { smoothing: epsilon, ..self }
    }

    /// `-Σ w·target·log softmax(logits)` along the classes, for each example.
    ///
    /// Shapes: logits `[…, C]`, result `[…]`.
    ///
    /// # Errors
    /// Recorded when the logits are no floats, when target or weight do not go with them, when the
    /// smoothing is outside `[0, 1]`, or when an index is to be ignored among probabilities. A label
    /// outside `0..C` is an error of the run.
    #[track_caller]
    pub fn each(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        match self.check(logits, target) {
            Ok(()) if target.dtype() == DType::I64 => self.of_labels(logits, &self.labels(logits, target)),
            Ok(()) => self.of_probabilities(logits, target),
            Err(poison) => poison,
        }
        .called("cross_entropy", &[logits, target])
    }

    /// `Σ each / Σ w[label]` over the labels that count, or the plain mean for probabilities: a scalar,
    /// as PyTorch's `reduction='mean'`. NaN where no label counts or the weights are all 0.
    ///
    /// # Errors
    /// As for [`each`](CrossEntropy::each).
    #[track_caller]
    pub fn mean(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        match self.check(logits, target) {
            Ok(()) if target.dtype() == DType::I64 => {
                let labels = self.labels(logits, target);
                let each = self.of_labels(logits, &labels).called("cross_entropy", &[logits, target]);
                if self.smoothing == 0.0 { labels.mean(each) } else { labels.mean_of_any(each) }
            }
            Ok(()) => self.each(logits, target).mean(..),
            Err(poison) => poison,
        }
    }

    #[track_caller]
    fn labels(&self, logits: Expr<'g>, target: Expr<'g>) -> Labels<'g> {
        Labels::new(logits.dtype(), target, self.weight, self.ignored)
    }

    #[track_caller]
    fn of_labels(&self, logits: Expr<'g>, labels: &Labels<'g>) -> Expr<'g> {
        let own = labels.weighted(-logits.log_softmax(-1).pick(labels.index));
        if self.smoothing == 0.0 {
            return own;
        }
        let every = labels.counted(self.surprise(logits).mean(-1));
        (1.0 - self.smoothing) * own + self.smoothing * every
    }

    #[track_caller]
    fn of_probabilities(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        let target = target.assume(Fact::Distribution);
        let surprise = self.surprise(logits);
        let own = (target * surprise).sum(-1);
        if self.smoothing == 0.0 {
            return own;
        }
        (1.0 - self.smoothing) * own + self.smoothing * surprise.mean(-1)
    }

    /// `-w·log softmax(logits)`.
    #[track_caller]
    fn surprise(&self, logits: Expr<'g>) -> Expr<'g> {
        let surprise = -logits.log_softmax(-1);
        self.weight.map_or(surprise, |weight| surprise * weight)
    }

    #[track_caller]
    fn check(&self, logits: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        let fits = (0.0..=1.0).contains(&self.smoothing);
        let what = "cross_entropy with label smoothing";
        let smoothing = require_setting(logits, what, self.smoothing, fits, "a number in [0, 1]");
        if target.is_poison() || !target.dtype().is_float() {
            require_classes("cross_entropy", logits, target)?;
        } else {
            self.check_probabilities(logits, target)?;
        }
        require_class_weight("cross_entropy", logits, self.weight).and(smoothing)
    }

    #[track_caller]
    fn check_probabilities(&self, logits: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        let examples = require_examples("cross_entropy", logits)?;
        let (g, all) = (logits.graph(), logits.shape());
        if (target.dtype(), target.shape()) != (logits.dtype(), all.clone()) {
            return Err(g.fail(format!(
                "cross_entropy of logits {} {all} and targets {} {}: probabilities {} {all} are needed, or labels \
                 i64 {examples}",
                logits.dtype(),
                target.dtype(),
                target.shape(),
                logits.dtype()
            )));
        }
        if let Some(index) = self.ignored {
            return Err(g.fail(format!(
                "cross_entropy of probabilities with ignore_index {index}: only labels have an index"
            )));
        }
        Ok(())
    }
}
