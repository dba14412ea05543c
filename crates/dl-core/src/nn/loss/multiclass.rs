//! Margins between classes: of one label, of several, and of each class by itself.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::binary_cross_entropy_with_logits;
use crate::nn::loss::{
    Checked, along_last, require_alike, require_class_weight, require_classes, require_examples,
    require_non_negative,
};
use crate::shape::Shape;

/// The hinge loss of several classes: `Σ max(0, margin - x[label] + x[other])ᵖ / C` over the other
/// classes, for each example. PyTorch's `multi_margin_loss`, with the classes along the last axis.
///
/// Crammer, Singer: "On the algorithmic implementation of multiclass kernel-based vector machines",
/// JMLR 2, 2001, in the form that sums over all other classes.
///
/// ```
/// use dl_core::{F64, Graph, I64, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::MultiMargin::new().each(g.input("x", F64, [4]), g.input("y", I64, ()));
/// let data = [("x", Tensor::vector(vec![0.1, 0.2, 0.4, 0.8])), ("y", Tensor::scalar(3i64))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 0.325).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MultiMargin<'g> {
    margin: f64,
    squared: bool,
    weight: Option<Expr<'g>>,
}

impl Default for MultiMargin<'_> {
    fn default() -> Self {
        MultiMargin { margin: 1.0, squared: false, weight: None }
    }
}

impl<'g> MultiMargin<'g> {
    /// A margin of 1, `p = 1`, and no weights.
    pub fn new() -> Self {
        MultiMargin::default()
    }

    /// With another margin.
    pub fn margin(self, margin: f64) -> Self {
        MultiMargin { margin, ..self }
    }

    /// With the squares of the hinges: PyTorch's `p = 2`.
    pub fn squared(self) -> Self {
        MultiMargin { squared: true, ..self }
    }

    /// With a weight for each class, `[C]`, by which the label's example counts.
    pub fn weight(self, weight: Expr<'g>) -> Self {
        MultiMargin { weight: Some(weight), ..self }
    }

    /// Scores `[…, C]` and labels `i64` `[…]` give `[…]`. At a hinge the gradient is 0.
    ///
    /// # Errors
    /// Recorded when the scores are no floats, when labels or weight do not go with them, or when the
    /// margin is negative. A label outside `0..C` is an error of the run.
    #[track_caller]
    pub fn each(&self, scores: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(scores, labels) {
            return poison;
        }
        let (g, shape) = (scores.graph(), scores.shape());
        let own = along_last(scores.pick(labels), &shape);
        let hinge = (self.margin - own + scores).relu();
        let hinge = if self.squared { hinge.square() } else { hinge };
        let place = g.iota(DType::I64, shape.rank() - 1, &shape);
        let is_own = place.eq(along_last(labels, &shape));
        let mean = is_own.select(0.0, hinge).mean(-1);
        let each = self.weight.map_or(mean, |weight| weight.gather(0, labels) * mean);
        each.called("multi_margin", &[scores, labels])
    }

    #[track_caller]
    fn check(&self, scores: Expr<'g>, labels: Expr<'g>) -> Checked<'g> {
        let margin = require_non_negative(scores, "multi_margin with margin", self.margin);
        require_classes("multi_margin", scores, labels)?;
        require_class_weight("multi_margin", scores, self.weight).and(margin)
    }
}

/// The hinge loss of several labels at once: `Σ max(0, 1 - x[label] + x[other]) / C` over all labels of
/// the example and all classes that are none of them. PyTorch's `multilabel_margin_loss`.
///
/// Shapes: scores `[…, C]`, labels `i64` `[…, C]`, result `[…]`. The labels of an example come first and
/// end at the first -1; what stands behind it does not count. At a hinge the gradient is 0.
///
/// # Errors
/// Recorded when the scores are no floats, the labels not `i64`, or their shapes differ. A label outside
/// `0..C` before the first -1 is an error of the run.
///
/// ```
/// use dl_core::{F64, Graph, I64, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::multi_label_margin(g.input("x", F64, [4]), g.input("y", I64, [4]));
/// let data = [("x", Tensor::vector(vec![0.1, 0.2, 0.4, 0.8])), ("y", Tensor::vector(vec![3i64, 0, -1, 1]))];
/// assert!((interp::eval_expr(j, &data)?.item()? - 0.85).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn multi_label_margin<'g>(scores: Expr<'g>, labels: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_lists("multi_label_margin", scores, labels) {
        return poison;
    }
    let (g, dtype, shape) = (scores.graph(), scores.dtype(), scores.shape());
    let last = shape.rank() - 1;
    let full = |value: f64| g.full(dtype, &shape, value);
    let place = g.iota(dtype, last, &shape);
    let end = labels.eq(-1.0).select(place, f64::INFINITY).min(-1);
    let counts = place.lt(along_last(end, &shape));
    let index = counts.select(labels, 0.0);
    let named = counts.select(full(1.0), full(0.0)).scatter_add(last, last, index, &shape);
    // Labels down, classes across.
    let pairs: Shape = shape.iter().cloned().chain([shape[last].clone()]).collect();
    let across: Vec<usize> = (0..last).chain([last + 1]).collect();
    let own = along_last(scores.pick(index), &pairs);
    let hinge = (1.0 - own + scores.broadcast_along(&across, &pairs)).relu();
    let counted = along_last(counts, &pairs).and(named.eq(0.0).broadcast_along(&across, &pairs));
    counted.select(hinge, 0.0).sum(-1).mean(-1).called("multi_label_margin", &[scores, labels])
}

/// Floats `[…, C]` and `i64` of the same shape.
#[track_caller]
fn require_lists<'g>(what: &str, scores: Expr<'g>, labels: Expr<'g>) -> Checked<'g> {
    require_examples(what, scores)?;
    if labels.is_poison() {
        return Err(labels);
    }
    let (want, got) = (scores.shape(), labels.shape());
    if (labels.dtype(), &got) != (DType::I64, &want) {
        let message =
            format!("{what} of scores {want} needs labels i64 {want}, got {} {got}", labels.dtype());
        return Err(scores.graph().fail(message));
    }
    Ok(())
}

/// Binary cross entropy of logits, averaged over the classes of each example: PyTorch's
/// `multilabel_soft_margin_loss`, with the classes along the last axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, [1, 2]), g.input("t", F64, [1, 2]));
/// let j = nn::MultiLabelSoftMargin::new().each(x, t);
/// let data = [("x", Tensor::zeros(F64, [1, 2])), ("t", Tensor::new([1, 2], vec![1.0, 0.0])?)];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [2f64.ln()]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MultiLabelSoftMargin<'g> {
    weight: Option<Expr<'g>>,
}

impl<'g> MultiLabelSoftMargin<'g> {
    /// Without weights.
    pub fn new() -> Self {
        MultiLabelSoftMargin::default()
    }

    /// With a weight for each class, `[C]`. Their sum does not divide the result.
    pub fn weight(self, weight: Expr<'g>) -> Self {
        MultiLabelSoftMargin { weight: Some(weight) }
    }

    /// Logits and targets in `[0, 1]`, both `[…, C]`, give `[…]`.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, or when the weight does not
    /// go with them.
    #[track_caller]
    pub fn each(&self, logits: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(logits, target) {
            return poison;
        }
        let each = binary_cross_entropy_with_logits(logits, target);
        let mean = self.weight.map_or(each, |weight| weight * each).mean(-1);
        mean.called("multi_label_soft_margin", &[logits, target])
    }

    #[track_caller]
    fn check(&self, logits: Expr<'g>, target: Expr<'g>) -> Checked<'g> {
        let what = "multi_label_soft_margin";
        require_examples(what, logits)?;
        require_alike(what, logits, target)?;
        require_class_weight(what, logits, self.weight)
    }
}
