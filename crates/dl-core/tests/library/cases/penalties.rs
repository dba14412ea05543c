//! Regularizers.

use dl_core::{Expr, Named, nn};

use super::{Case, case};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        weight("l1", |w| nn::l1(w)),
        weight("l2", |w| nn::l2(w)),
        weight("elastic_net", |w| nn::elastic_net(w, 0.25)),
        weight("group_lasso", |w| nn::group_lasso(w, 1)),
        weight("orthogonality", |w| nn::orthogonality(w)),
        weight("max_norm", |w| nn::max_norm(w, 1.25, 0)),
        case("total_variation", |x| nn::total_variation(x[0], 1)).over("x", (B, 5), (-1.5, 1.5)),
        images("total_variation of images", |x| nn::total_variation(x, [1, 2])),
        images("isotropic_total_variation", |x| nn::isotropic_total_variation(x, [1, 2])),
        case("sparsity_kl", |h| nn::sparsity_kl(h[0], 0.2)).over("h", (B, 3), (0.05, 0.6)),
        case("confidence_penalty", |x| nn::confidence_penalty(x[0])).over("x", (B, 5), (-4.0, 4.0)),
        network("input_gradient_penalty", |y, x| nn::input_gradient_penalty(y.square(), x)),
        network("gradient_penalty", |y, x| nn::gradient_penalty(y.square(), x)),
        network("jacobian_penalty", nn::jacobian_penalty),
        network("jacobian_penalty_estimate", |y, x| nn::jacobian_penalty_estimate(y, x, 2)),
    ]
}

/// A case of one weight `[4, 3]`.
fn weight(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |w| function(w[0])).over("W", [4, 3], (-1.5, 1.5))
}

/// A case of images `[B, 3, 4]`.
fn images(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 3, 4), (-1.5, 1.5))
}

/// A case of a network `y = tanh(x·W)` and its input.
fn network(name: &str, function: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |v| function(v[0].dot(v[1]).tanh(), v[0])).over("x", (B, 3), (-1.5, 1.5)).over(
        "W",
        [3, 2],
        (-1.5, 1.5),
    )
}
