//! Negative log-likelihood of class indices, with weights of the classes and indices that do not count.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::loss::{Checked, require_class_weight, require_classes};

/// Negative log-likelihood of class indices: `-log p[label]` of log-probabilities, for each example.
///
/// Shapes: log-probabilities `[…, C]`, labels `i64` `[…]`, result `[…]`. As PyTorch's `nll_loss` with
/// `reduction='none'`, except that the classes are the last axis; [`Nll`] has options. From logits,
/// [`cross_entropy`](crate::nn::cross_entropy) does both steps and keeps more digits.
///
/// # Errors
/// Recorded when the log-probabilities are no floats, the labels not `i64`, or their shapes do not go
/// together. A label outside `0..C` is an error of the run.
///
/// ```
/// use dl_core::{F64, Graph, I64, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::nll(g.input("p", F64, [3]).log(), g.input("y", I64, ()));
/// let data = [("p", Tensor::vector(vec![0.25, 0.5, 0.25])), ("y", Tensor::scalar(1i64))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 2f64.ln());
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn nll<'g>(log_probabilities: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
    Nll::new().each(log_probabilities, labels)
}

/// Negative log-likelihood with options: PyTorch's `NLLLoss`.
///
/// ```
/// use dl_core::{F64, Graph, I64, Named, nn};
/// const B: Named = Named("B");
/// let g = Graph::new();
/// let (x, y, w) = (g.input("x", F64, (B, 3)), g.input("y", I64, B), g.input("w", F64, [3]));
/// let nll = nn::Nll::new().weight(w).ignore_index(-100);
/// assert_eq!(nll.each(x.log_softmax(-1), y).shape().to_string(), "[B]");
/// assert_eq!(nll.mean(x.log_softmax(-1), y).shape().to_string(), "[]");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Nll<'g> {
    weight: Option<Expr<'g>>,
    ignored: Option<i64>,
}

impl<'g> Nll<'g> {
    /// Without weights, and every label counts. (PyTorch ignores -100 unless told otherwise; here it is
    /// an error like any other label outside the classes until [`ignore_index`](Nll::ignore_index) names it.)
    pub fn new() -> Self {
        Nll::default()
    }

    /// With a weight for each class, `[C]`.
    pub fn weight(self, weight: Expr<'g>) -> Self {
        Nll { weight: Some(weight), ..self }
    }

    /// Examples with this label have the loss 0 and do not count in the mean.
    pub fn ignore_index(self, label: i64) -> Self {
        Nll { ignored: Some(label), ..self }
    }

    /// `-w[label]·log p[label]` for each example; shapes and errors as for [`nll`].
    #[track_caller]
    pub fn each(&self, log_probabilities: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
        match self.check(log_probabilities, labels) {
            Ok(()) => {
                let each = self.labels(log_probabilities, labels).nll(log_probabilities);
                each.called("nll", &[log_probabilities, labels])
            }
            Err(poison) => poison,
        }
    }

    /// `Σ each / Σ w[label]` over the examples that count: a scalar, as PyTorch's `reduction='mean'`.
    /// NaN where none counts or the weights are all 0.
    #[track_caller]
    pub fn mean(&self, log_probabilities: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
        match self.check(log_probabilities, labels) {
            Ok(()) => {
                let labels = self.labels(log_probabilities, labels);
                labels.mean(labels.nll(log_probabilities))
            }
            Err(poison) => poison,
        }
    }

    #[track_caller]
    fn check(&self, log_probabilities: Expr<'g>, labels: Expr<'g>) -> Checked<'g> {
        require_classes("nll", log_probabilities, labels)?;
        require_class_weight("nll", log_probabilities, self.weight)
    }

    #[track_caller]
    fn labels(&self, x: Expr<'g>, labels: Expr<'g>) -> Labels<'g> {
        Labels::new(x.dtype(), labels, self.weight, self.ignored)
    }
}

/// Class indices, some of which may not count, and the weights of their classes.
pub(super) struct Labels<'g> {
    /// The indices, 0 where they do not count.
    pub(super) index: Expr<'g>,
    /// Where they count, if some may not.
    counts: Option<Expr<'g>>,
    /// `w[label]`, if there are weights.
    weight: Option<Expr<'g>>,
    dtype: DType,
}

impl<'g> Labels<'g> {
    #[track_caller]
    pub(super) fn new(
        dtype: DType,
        labels: Expr<'g>,
        weight: Option<Expr<'g>>,
        ignored: Option<i64>,
    ) -> Self {
        let counts = ignored.map(|index| labels.ne(index as f64));
        let index = counts.map_or(labels, |counts| counts.select(labels, 0.0));
        let weight = weight.map(|weight| weight.gather(0, index));
        Labels { index, counts, weight, dtype }
    }

    #[track_caller]
    fn nll(&self, log_probabilities: Expr<'g>) -> Expr<'g> {
        self.weighted(-log_probabilities.pick(self.index))
    }

    /// `w[label]·values`, 0 where the label does not count.
    #[track_caller]
    pub(super) fn weighted(&self, values: Expr<'g>) -> Expr<'g> {
        self.counted(self.weight.map_or(values, |weight| weight * values))
    }

    /// The values, 0 where the label does not count.
    #[track_caller]
    pub(super) fn counted(&self, values: Expr<'g>) -> Expr<'g> {
        self.counts.map_or(values, |counts| counts.select(values, 0.0))
    }

    /// The sum of values over the sum of the weights that count.
    #[track_caller]
    pub(super) fn mean(&self, values: Expr<'g>) -> Expr<'g> {
        if self.weight.is_none() && self.counts.is_none() {
            return values.mean(..);
        }
        let one = self.index.graph().full(self.dtype, self.index.shape(), 1.0);
        values.sum(..) / self.counted(self.weight.unwrap_or(one)).sum(..)
    }

    /// As [`mean`](Labels::mean), for values that are not 0 where their weights are: NaN where every
    /// weight that counts is 0, in value and gradient, since that is a mean over nothing.
    #[track_caller]
    pub(super) fn mean_of_any(&self, values: Expr<'g>) -> Expr<'g> {
        let mean = self.mean(values);
        let Some(weight) = self.weight else {
            return mean;
        };
        let nothing = self.counted(weight.abs()).sum(..).eq(0.0);
        let one = mean.graph().constant(self.dtype, 1.0);
        mean * nothing.select(-one, one).sqrt()
    }
}
