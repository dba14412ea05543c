//! Regularizers.

use dl_core::{Expr, nn};

use super::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        weight("l1", |w| nn::l1(w)),
        weight("l2", |w| nn::l2(w)),
        weight("elastic_net", |w| nn::elastic_net(w, 0.25)),
    ]
}

/// A case of one weight `[4, 3]`.
fn weight(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |w| function(w[0])).over("W", [4, 3], (-1.5, 1.5))
}
