//! Activations: elementwise functions with the field's names, softmax and its relatives, gated units.
//!
//! Each is a function here and a method of [`Expr`]; `relu`, `sigmoid` and `tanh` are operations, and
//! so methods only. Where a derivative does not exist, `docs/kinks.md` says what we take.

mod bounded;
mod gated;
mod rectifier;
mod simplex;
mod smooth;

pub use bounded::{hardshrink, hardsigmoid, hardswish, hardtanh, relu6, softshrink, threshold};
pub use gated::{geglu, glu, reglu, swiglu};
pub use rectifier::{PRelu, celu, elu, leaky_relu, prelu, selu};
pub use simplex::{softmin, sparsemax};
pub use smooth::{gelu, gelu_tanh, log_sigmoid, mish, silu, softplus, softsign, tanhshrink};

use crate::graph::{Axes, Expr, Operand};
use crate::nn::require_float;
use crate::stable::{log_softmax, logsumexp, softmax};

macro_rules! methods {
    ($($name:ident ( $($setting:ident : $type:ty),* ) $doc:literal;)*) => {
        impl<'g> Expr<'g> {
            $(#[doc = concat!("[`nn::", stringify!($name), "`](crate::nn::", stringify!($name), "): ", $doc)]
            #[track_caller]
            pub fn $name(self, $($setting: $type),*) -> Expr<'g> {
                $name(self, $($setting),*)
            })*
        }
    };
}

methods! {
    leaky_relu(slope: impl Operand<'g>)   "`x` above 0, `slope·x` below.";
    elu(alpha: f64)                      "`x` above 0, `α·(eˣ - 1)` below.";
    selu()                               "the self-normalizing ELU.";
    celu(alpha: f64)                     "`x` above 0, `α·(e^(x/α) - 1)` below.";
    gelu()                               "`x·Φ(x)`.";
    gelu_tanh()                          "`x·Φ(x)`, approximated by a hyperbolic tangent.";
    silu()                               "`x·σ(x)`.";
    mish()                               "`x·tanh(softplus(x))`.";
    softsign()                           "`x/(1 + |x|)`.";
    log_sigmoid()                        "`log σ(x)`.";
    tanhshrink()                         "`x - tanh x`.";
    hardtanh(low: f64, high: f64)        "`x` between the bounds.";
    relu6()                              "`x` between 0 and 6.";
    hardsigmoid()                        "`x/6 + 1/2` between 0 and 1.";
    hardswish()                          "`x` times its `hardsigmoid`.";
    hardshrink(bound: f64)               "`x` where its size is above the bound, otherwise 0.";
    softshrink(bound: f64)               "`x`, moved towards 0 by the bound.";
    threshold(bound: f64, value: f64)    "`x` above the bound, otherwise the value.";
    softmax(axes: impl Axes)             "weights that sum to one along `axes`.";
    log_softmax(axes: impl Axes)         "the logarithm of the weights.";
    logsumexp(axes: impl Axes)           "`log Σ exp(x)` along `axes`, which disappear.";
    softmin(axes: impl Axes)             "the softmax of `-x`.";
    sparsemax(axis: isize)               "the nearest point of the simplex along `axis`.";
    glu(axis: isize)                     "one half of `x`, gated by `σ` of the other.";
    reglu(axis: isize)                   "one half of `x`, gated by `relu` of the other.";
    geglu(axis: isize)                   "one half of `x`, gated by `gelu` of the other.";
    swiglu(axis: isize)                  "one half of `x`, gated by `silu` of the other.";
}

/// Ok if `x` holds floats and the setting fits; otherwise the fault, which says what is needed, is
/// recorded and the poison returned.
#[track_caller]
fn require<'g>(what: &str, x: Expr<'g>, fits: bool, setting: impl Fn() -> String) -> Result<(), Expr<'g>> {
    require_float(what, x)?;
    if fits { Ok(()) } else { Err(x.graph().fail(format!("{what} with {}", setting()))) }
}

#[cfg(test)]
mod tests;
