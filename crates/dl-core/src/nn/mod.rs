//! The library: layers, losses, regularizers, optimizers and initialisers, composed from the ops.
//!
//! Everything here is a few lines of expressions, so that it is also the explanation.
//!
//! - Losses give one value per element or example; reduce them by `.mean(..)` or `.sum(..)`.
//! - Operands of a loss have the same shape: nothing broadcasts where that would hide a mistake.
//! - A mistake is recorded at the caller's line and returned by `compile` with all the others.

mod activation;
mod glob;
mod init;
mod layer;
mod loss;
mod minimize;
mod optimizer;
mod parameters;
mod penalty;
#[cfg(test)]
mod testing;

pub use activation::{log_softmax, logsumexp, softmax};
pub use init::{Fan, Init, Nonlinearity};
pub use layer::{Dense, Mode, dense, dropout};
pub use loss::{binary_cross_entropy_with_logits, cross_entropy, mse};
pub use optimizer::{Adam, Gradient, LearningRate, Optimizer, Sgd};
pub use parameters::Parameters;
pub use penalty::{elastic_net, l1, l2};

use crate::graph::Expr;

/// Ok if `x` holds floats; otherwise the fault is recorded and the poison returned.
#[track_caller]
fn require_float<'g>(what: &str, x: Expr<'g>) -> Result<(), Expr<'g>> {
    if x.is_poison() {
        return Err(x);
    }
    if !x.dtype().is_float() {
        let message = format!(
            "{what} needs a float (f32 or f64), got {} {}: cast it first",
            x.dtype(),
            x.shape()
        );
        return Err(x.graph().fail(message));
    }
    Ok(())
}
