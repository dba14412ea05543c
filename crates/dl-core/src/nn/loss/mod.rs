//! Losses: one value per element or example, for the author to average, sum or weigh.

mod binary;
mod cross_entropy;
mod embedding;
mod imbalance;
mod likelihood;
mod margin;
mod multiclass;
mod nll;
mod overlap;
mod regression;
mod robust;

pub use binary::{BinaryCrossEntropyWithLogits, binary_cross_entropy, binary_cross_entropy_with_logits};
pub use cross_entropy::{CrossEntropy, cross_entropy};
pub use embedding::{TripletMargin, cosine_embedding, info_nce};
pub use imbalance::{Focal, class_balanced, class_balanced_weights};
pub use likelihood::{GaussianNll, KlDivergence, PoissonNll};
pub use margin::{hinge, margin_ranking, soft_margin, squared_hinge};
pub use multiclass::{MultiLabelSoftMargin, MultiMargin, multi_label_margin};
pub use nll::{Nll, nll};
pub use overlap::{Dice, Tversky};
pub use regression::{mae, mape, mse, msle, rmse, smape};
pub use robust::{huber, log_cosh_error, quantile, smooth_l1};

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::require_float;
use crate::shape::Shape;

/// Nothing, or the poison of a recorded fault.
type Checked<'g> = Result<(), Expr<'g>>;

/// Both floats of the same type and shape.
#[track_caller]
fn require_alike<'g>(what: &str, a: Expr<'g>, b: Expr<'g>) -> Checked<'g> {
    require_float(what, a)?;
    if b.is_poison() {
        return Err(b);
    }
    if a.shape() != b.shape() {
        return Err(a.graph().fail(format!("{what} of {} and {}: shapes differ", a.shape(), b.shape())));
    }
    if a.dtype() != b.dtype() {
        let message =
            format!("{what} of {} and {}: element types differ, cast one of them", a.dtype(), b.dtype());
        return Err(a.graph().fail(message));
    }
    Ok(())
}

/// Floats `[…, C]` and `i64` `[…]`.
#[track_caller]
fn require_classes<'g>(what: &str, logits: Expr<'g>, labels: Expr<'g>) -> Checked<'g> {
    let want = require_examples(what, logits)?;
    if labels.is_poison() {
        return Err(labels);
    }
    let (g, all, got) = (logits.graph(), logits.shape(), labels.shape());
    if labels.dtype() != DType::I64 {
        return Err(g.fail(format!("{what} needs i64 labels, got {} {got}: cast them", labels.dtype())));
    }
    if got != want {
        return Err(g.fail(format!("{what} of {all} and labels {got}: labels of shape {want} are needed")));
    }
    Ok(())
}

/// Floats `[…, C]` of at least one class; the shape `[…]` of the examples.
#[track_caller]
fn require_examples<'g>(what: &str, x: Expr<'g>) -> Result<Shape, Expr<'g>> {
    require_float(what, x)?;
    let shape = x.shape();
    match shape.last() {
        Some(Dim::Size(0)) => Err(x.graph().fail(format!("{what} of {shape}: there are no classes"))),
        Some(_) => Ok(shape.without(&[shape.rank() - 1])),
        None => Err(x.graph().fail(format!("{what} of {shape}: the last axis must be the classes"))),
    }
}

/// A weight for each class, of the element type of `x` `[…, C]`.
#[track_caller]
fn require_class_weight<'g>(what: &str, x: Expr<'g>, weight: Option<Expr<'g>>) -> Checked<'g> {
    let Some(weight) = weight else {
        return Ok(());
    };
    if weight.is_poison() {
        return Err(weight);
    }
    let classes: Shape = x.shape().last().into_iter().cloned().collect();
    if (weight.dtype(), weight.shape()) != (x.dtype(), classes.clone()) {
        return Err(x.graph().fail(format!(
            "{what} with a weight {} {}: {} {classes} is needed, a number for each class",
            weight.dtype(),
            weight.shape(),
            x.dtype()
        )));
    }
    Ok(())
}

/// A setting in its range; `what` is the loss and the setting.
#[track_caller]
fn require_setting<'g>(of: Expr<'g>, what: &str, value: f64, holds: bool, want: &str) -> Checked<'g> {
    if holds { Ok(()) } else { Err(of.graph().fail(format!("{what} = {value}: {want} is needed"))) }
}

/// A number that is not negative; `what` is the loss and the setting.
#[track_caller]
fn require_non_negative<'g>(of: Expr<'g>, what: &str, value: f64) -> Checked<'g> {
    let holds = value >= 0.0 && value.is_finite();
    require_setting(of, what, value, holds, "a finite number that is not negative")
}

/// A number above 0; `what` is the loss and the setting.
#[track_caller]
fn require_positive<'g>(of: Expr<'g>, what: &str, value: f64) -> Checked<'g> {
    let holds = value > 0.0 && value.is_finite();
    require_setting(of, what, value, holds, "a finite number above 0")
}

/// `values` `[…]` along the last axis of `shape` `[…, C]`.
#[track_caller]
fn along_last<'g>(values: Expr<'g>, shape: &Shape) -> Expr<'g> {
    let leading: Vec<usize> = (0..shape.rank() - 1).collect();
    values.broadcast_along(&leading, shape)
}

#[cfg(test)]
mod tests;
