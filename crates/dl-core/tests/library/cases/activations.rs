//! Activations.

use dl_core::{Expr, Named, nn};

use super::{Case, case};

const B: Named = Named("B");
/// Of the inputs, on both sides of the kinks.
const RANGE: (f64, f64) = (-4.0, 4.0);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        rows("softmax", |x| nn::softmax(x, -1)),
        rows("log_softmax", |x| nn::log_softmax(x, -1)),
        rows("logsumexp", |x| nn::logsumexp(x, -1)),
    ]
}

/// A case of rows `[B, 5]`.
fn rows(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 5), RANGE)
}
