//! Penalties on what a network computes: activations that should be sparse, predictions too sure.

use crate::graph::Expr;
use crate::nn::{log_softmax, require_float, softmax};

/// Sparsity of activations: for each unit the KL divergence `ρ·log(ρ/ρ̂) + (1-ρ)·log((1-ρ)/(1-ρ̂))` of
/// its wanted activity `ρ` from its mean activity `ρ̂` over the batch. (The L1 form is [`l1`](super::l1).)
///
/// Shapes: activations `[B, …]` in `(0, 1)`, such as a sigmoid's; the result `[…]`, to be summed. A
/// unit that is always 0 or always 1 costs `∞`.
///
/// Ng: "Sparse autoencoder", CS294A lecture notes, 2011.
///
/// # Errors
/// Recorded when `ρ` is outside `(0, 1)`, or the activations hold no floats or have no axis.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let h = g.input("h", F64, (Named("B"), 1));
/// let data = [("h", Tensor::new([2, 1], vec![0.125, 0.375])?)];
/// assert_eq!(interp::eval_expr(nn::sparsity_kl(h, 0.25).sum(..), &data)?.item()?, 0.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn sparsity_kl(activations: Expr<'_>, rho: f64) -> Expr<'_> {
    if let Err(poison) = require_float("sparsity_kl", activations) {
        return poison;
    }
    let g = activations.graph();
    if !(rho > 0.0 && rho < 1.0) {
        return g.fail(format!("sparsity_kl with activity {rho}: a number in (0, 1) is needed"));
    }
    if activations.shape().rank() == 0 {
        return g.fail("sparsity_kl of []: a first axis of examples is needed".into());
    }
    let mean = activations.mean(0);
    (rho * (rho.ln() - mean.log()) + (1.0 - rho) * ((-rho).ln_1p() - (-mean).log1p()))
        .called("sparsity_kl", &[activations])
}

/// Confidence penalty: the negative entropy `Σ p·log p` of `p = softmax(logits)`, for each example; at
/// most 0, and lowest where all classes are as likely.
///
/// Shapes: logits `[…, C]`, the result `[…]`.
///
/// Pereyra, Tucker, Chorowski, Kaiser, Hinton: "Regularizing neural networks by penalizing confident
/// output distributions", ICLR 2017 workshop.
///
/// # Errors
/// Recorded when the logits hold no floats or are a scalar.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, (Named("B"), 2));
/// let y = interp::eval_expr(nn::confidence_penalty(x), &[("x", Tensor::new([1, 2], vec![5.0, 5.0])?)])?;
/// assert!((y.to_f64()[0] + 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn confidence_penalty(logits: Expr<'_>) -> Expr<'_> {
    if let Err(poison) = require_float("confidence_penalty", logits) {
        return poison;
    }
    if logits.shape().rank() == 0 {
        return logits.graph().fail("confidence_penalty of []: the last axis must be the classes".into());
    }
    (softmax(logits, -1) * log_softmax(logits, -1)).sum(-1).called("confidence_penalty", &[logits])
}
