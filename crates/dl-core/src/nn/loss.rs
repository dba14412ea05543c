//! Losses: one value per element or example, for the author to average, sum or weigh.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::activation::negative_log_share;
use crate::nn::require_float;
use crate::shape::Shape;

/// Squared error `(prediction - target)²`, element by element; its `.mean(..)` is the mean squared
/// error, as in PyTorch's `mse_loss` (there with `reduction='none'`).
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats. `[B]` against `[B, 1]` does
/// not broadcast.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let (x, t) = (g.input("x", F64, Named("B")), g.input("t", F64, Named("B")));
/// let j = nn::mse(x, t).mean(..);
/// let data = [("x", Tensor::vector(vec![1.0, 5.0])), ("t", Tensor::vector(vec![2.0, 2.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.item()?, 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn mse<'g>(prediction: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("mse", prediction, target) {
        Ok(()) => (prediction - target).square(),
        Err(poison) => poison,
    }
}

/// Cross entropy of class indices: `-log softmax(logits)[label]`, for each example.
///
/// Shapes: logits `[…, C]`, labels `i64` `[…]`, result `[…]`. As PyTorch's `cross_entropy` with
/// `reduction='none'`, except that the classes are the last axis.
///
/// Computed as `log(1 + Σ exp(others - own))`, so that neither the value nor the gradient `p - y` loses
/// digits where the prediction is nearly sure.
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
        Ok(()) => negative_log_share(logits, labels),
        Err(poison) => poison,
    }
}

/// Binary cross entropy `-t·log σ(x) - (1 - t)·log(1 - σ(x))` of logits `x` and probabilities `t`,
/// element by element.
///
/// Computed as `t·softplus(-x) + (1 - t)·softplus(x)`: no exponential overflows and nothing cancels.
/// As PyTorch's `binary_cross_entropy_with_logits` with `reduction='none'`.
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
    match require_alike("binary_cross_entropy_with_logits", logits, target) {
        Ok(()) => target * (-logits).softplus() + (1.0 - target) * logits.softplus(),
        Err(poison) => poison,
    }
}

/// Both floats of the same type and shape, or the recorded fault's poison.
#[track_caller]
fn require_alike<'g>(what: &str, a: Expr<'g>, b: Expr<'g>) -> Result<(), Expr<'g>> {
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

/// Floats `[…, C]` and `i64` `[…]`, or the recorded fault's poison.
#[track_caller]
fn require_classes<'g>(what: &str, logits: Expr<'g>, labels: Expr<'g>) -> Result<(), Expr<'g>> {
    require_float(what, logits)?;
    if labels.is_poison() {
        return Err(labels);
    }
    let (g, all, got) = (logits.graph(), logits.shape(), labels.shape());
    let Some((_, leading)) = all.split_last() else {
        return Err(g.fail(format!("{what} of logits {all}: the last axis must be the classes")));
    };
    let want = Shape::from(leading.to_vec());
    if labels.dtype() != DType::I64 {
        return Err(g.fail(format!("{what} needs i64 labels, got {} {got}: cast them", labels.dtype())));
    }
    if got != want {
        return Err(
            g.fail(format!("{what} of logits {all} and labels {got}: labels of shape {want} are needed"))
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{faults, gradient, near, value};
    use crate::{F32, F64, Graph, I64, Named, Tensor, U8};
    use expect_test::expect;

    const B: Named = Named("B");

    #[test]
    fn squared_errors_and_their_gradient() {
        let g = Graph::new();
        let (x, t) = (g.input("x", F64, (B, 2)), g.input("t", F64, (B, 2)));
        let of = |v: &[f64]| Tensor::new([v.len() / 2, 2], v.to_vec()).unwrap();
        let data = [("x", of(&[1.0, 2.0, 3.0, 4.0])), ("t", of(&[1.0, 0.0, 0.0, 5.0]))];
        near(&value(mse(x, t), &data), &[0.0, 4.0, 9.0, 1.0]);
        near(&gradient(mse(x, t).mean(..), x, &data), &[0.0, 1.0, 1.5, -0.5]);
    }

    #[test]
    fn cross_entropy_and_its_gradient() {
        let g = Graph::new();
        let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
        let logits = [0.5f64, -1.0, 2.0, 1000.0, 0.0, -1000.0];
        let data =
            [("x", Tensor::new([2, 3], logits.to_vec()).unwrap()), ("y", Tensor::vector(vec![2i64, 1]))];
        let z: f64 = logits[..3].iter().map(|x| x.exp()).sum();
        near(&value(cross_entropy(x, y), &data), &[z.ln() - 2.0, 1000.0]);
        let p: Vec<f64> = logits[..3].iter().map(|x| x.exp() / z).collect();
        let want = [p[0] / 2.0, p[1] / 2.0, (p[2] - 1.0) / 2.0, 0.5, -0.5, 0.0];
        near(&gradient(cross_entropy(x, y).mean(..), x, &data), &want);
    }

    #[test]
    fn cross_entropy_of_one_example_and_of_sequences() {
        let g = Graph::new();
        let one = cross_entropy(g.input("a", F64, [2]), g.input("b", I64, ()));
        near(&value(one, &[("a", Tensor::vector(vec![0.0; 2])), ("b", Tensor::scalar(0i64))]), &[2f64.ln()]);
        let many = cross_entropy(g.input("x", F32, (B, 7, 10)), g.input("y", I64, (B, 7)));
        assert_eq!(many.shape().to_string(), "[B, 7]");
    }

    #[test]
    fn binary_cross_entropy_keeps_its_digits() {
        let g = Graph::new();
        let (x, t) = (g.input("x", F64, B), g.input("t", F64, B));
        let j = binary_cross_entropy_with_logits(x, t);
        let data = [
            ("x", Tensor::vector(vec![0.3, -40.0, 40.0, 800.0, -800.0])),
            ("t", Tensor::vector(vec![0.25, 0.0, 1.0, 0.0, 1.0])),
        ];
        let p = 1.0 / (1.0 + (-0.3f64).exp());
        let tiny = (-40f64).exp();
        let got = value(j, &data);
        near(&got, &[-(0.25 * p.ln() + 0.75 * (1.0 - p).ln()), tiny, tiny, 800.0, 800.0]);
        assert!((got[1] / tiny - 1.0).abs() < 1e-12 && (got[2] / tiny - 1.0).abs() < 1e-12);
        near(&gradient(j.sum(..), x, &data), &[p - 0.25, tiny, -tiny, 1.0, -1.0]);
    }

    #[test]
    fn nothing_broadcasts_silently() {
        let g = Graph::new();
        let (flat, column) = (g.input("x", F32, B), g.input("t", F32, (B, 1)));
        mse(flat, column).mean(..);
        mse(flat, g.input("d", F64, B));
        mse(g.input("n", I64, B), flat);
        cross_entropy(g.input("z", F32, (B, 10)), g.input("y", I64, (B, 1)));
        cross_entropy(g.input("z", F32, (B, 10)), g.input("u", U8, B));
        cross_entropy(g.input("s", F32, ()), g.input("k", I64, ()));
        binary_cross_entropy_with_logits(column, flat);
        expect![[r#"
            mse of [B] and [B, 1]: shapes differ
            mse of f32 and f64: element types differ, cast one of them
            mse needs a float (f32 or f64), got i64 [B]: cast it first
            cross_entropy of logits [B, 10] and labels [B, 1]: labels of shape [B] are needed
            cross_entropy needs i64 labels, got u8 [B]: cast them
            cross_entropy of logits []: the last axis must be the classes
            binary_cross_entropy_with_logits of [B, 1] and [B]: shapes differ"#]]
        .assert_eq(&faults(&g));
    }

    #[test]
    fn a_label_outside_the_classes_is_an_error_of_the_run() {
        let g = Graph::new();
        let j = cross_entropy(g.input("x", F64, (B, 3)), g.input("y", I64, B));
        let data = [("x", Tensor::zeros(F64, [1, 3])), ("y", Tensor::vector(vec![3i64]))];
        assert!(crate::interp::eval_expr(j, &data).is_err());
    }
}
