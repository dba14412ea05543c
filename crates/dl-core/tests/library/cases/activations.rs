//! Activations.

use dl_core::{Expr, Named, nn};

use super::{Case, case};

const B: Named = Named("B");
/// Of the inputs, on both sides of the kinks.
const RANGE: (f64, f64) = (-4.0, 4.0);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        rows("leaky_relu", |x| nn::leaky_relu(x, 0.1)),
        rows("prelu", |x| nn::prelu(x, "act")),
        rows("prelu of features", |x| nn::PRelu::new().per_feature().apply(x, "act")),
        rows("elu", |x| nn::elu(x, 0.75)),
        rows("selu", nn::selu),
        rows("celu", |x| nn::celu(x, 0.75)),
        rows("gelu", nn::gelu),
        rows("gelu_tanh", nn::gelu_tanh),
        rows("silu", nn::silu),
        rows("mish", nn::mish),
        rows("softplus", |x| nn::softplus(x, 2.0, 20.0)),
        rows("softplus above its threshold", |x| nn::softplus(x, 2.0, 1.0)),
        rows("softsign", nn::softsign),
        rows("log_sigmoid", nn::log_sigmoid),
        rows("tanhshrink", nn::tanhshrink),
        rows("hardtanh", |x| nn::hardtanh(x, -1.0, 2.0)),
        rows("relu6", nn::relu6),
        rows("hardsigmoid", nn::hardsigmoid),
        rows("hardswish", nn::hardswish),
        rows("hardshrink", |x| nn::hardshrink(x, 0.5)),
        rows("softshrink", |x| nn::softshrink(x, 0.5)),
        rows("threshold", |x| nn::threshold(x, 0.5, -2.0)),
        rows("softmax", |x| nn::softmax(x, -1)),
        rows("softmin", |x| nn::softmin(x, 0)),
        rows("log_softmax", |x| nn::log_softmax(x, -1)),
        rows("logsumexp", |x| nn::logsumexp(x, -1)),
        rows("sparsemax", |x| nn::sparsemax(x, -1)),
        rows("sparsemax along the first", |x| nn::sparsemax(x, 0)),
        halves("glu", |x| nn::glu(x, -1)),
        halves("reglu", |x| nn::reglu(x, -1)),
        halves("geglu", |x| nn::geglu(x, -1)),
        halves("swiglu", |x| nn::swiglu(x, 1)),
    ]
}

/// A case of rows `[B, 5]`.
fn rows(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 5), RANGE)
}

/// A case of rows `[B, 6]`.
fn halves(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 6), RANGE)
}
