//! The library: layers, activations, losses, regularizers, optimizers and initialisers, composed from the ops.
//!
//! Everything here is a few lines of expressions, so that it is also the explanation.
//!
//! - Losses give one value per element or example; reduce them by `.mean(..)` or `.sum(..)`. A mean over
//!   nothing is NaN, as in PyTorch; a sum or a norm of nothing is 0.
//! - A loss without options is a function; one with options is a struct with its defaults, and `each`
//!   gives the values: `nn::CrossEntropy::new().label_smoothing(0.1).each(logits, y)`. Where PyTorch's mean
//!   is not the plain one, as with weights of classes, the struct has `mean` besides.
//! - The classes, or the elements of one example, are the last axis. (PyTorch's classes are the second.)
//! - Operands of a loss have the same shape: nothing broadcasts where that would hide a mistake.
//! - Activations are functions here and methods of [`Expr`](crate::Expr); semantics and defaults are PyTorch's.
//! - Regularizers of parameters give a scalar, those of examples one value each; `term.weighted(λ)` is
//!   `λ * term` that refuses a negative `λ`.
//! - Optimizers are structs with PyTorch's options, or their papers'. One that holds another comes first:
//!   `ClipNorm::new(1.0, Adam::new(1e-3))` clips, then takes Adam's step. To maximize, negate.
//! - A name that the library makes has a form that paths and names of programs have not: parentheses around
//!   the path that it goes with, as an optimizer's moments `adam.m(fc1.weight)` and the directions of
//!   Hessian-vector products `direction(fc1.weight)`, or primes, as the objective `J′` beside another `J`. So
//!   the two never meet, whatever a program calls its values.
//! - A mistake is recorded at the caller's line and returned by `compile` with all the others.
//!
//! ```
//! use dl_core::nn::{self, Sgd};
//! use dl_core::{Expr, F32, Graph, I64, Named, U8};
//! const B: Named = Named("B");
//!
//! fn model(x: Expr<'_>) -> Expr<'_> {
//!     let h = nn::dense(x, "fc1", 128).relu();
//!     nn::dense(h, "fc2", 10)
//! }
//!
//! let g = Graph::new();
//! let x = g.input("x", U8, (B, 784)).cast(F32) / 255.0;
//! let y = g.input("y", I64, B);
//! let j1 = nn::cross_entropy(model(x), y).mean(..).named("J₁");
//! let j2 = nn::l2(g.parameters().matching("*.weight")).named("J₂");
//! let step = (j1 + 1e-4 * j2).minimize(Sgd::new(0.01))?;
//! assert_eq!(step.updates().len(), 4);
//! # Ok::<(), dl_core::Error>(())
//! ```

mod activation;
mod attention;
mod audit;
mod conv;
mod embedding;
mod flatten;
mod glob;
mod layer;
mod loss;
mod minimize;
mod norm;
mod one_cycle;
mod optimizer;
mod padding;
mod parameters;
mod penalty;
mod plateau;
mod pool;
mod recurrent;
mod resample;
mod schedule;
mod windows;

pub use crate::init::{Fan, Init, Nonlinearity};
pub use crate::stable::{hypot, log_cosh, log_softmax, log1mexp, logaddexp, logsumexp, norm, softmax};
pub use activation::{
    PRelu, celu, elu, geglu, gelu, gelu_tanh, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu,
    log_sigmoid, mish, prelu, reglu, relu6, selu, silu, softmin, softplus, softshrink, softsign, sparsemax,
    swiglu, tanhshrink, threshold,
};
pub use attention::{
    Attention, MultiHeadAttention, Rotary, TransformerDecoderLayer, TransformerEncoderLayer, sinusoidal,
};
pub use conv::{Conv, ConvTranspose, conv1d, conv2d, conv3d};
pub use embedding::Embedding;
pub use flatten::flatten;
pub use layer::{Dense, Dropout, Mode, dense, dropout, spatial_dropout};
pub use loss::{
    BinaryCrossEntropyWithLogits, CrossEntropy, Dice, Focal, GaussianNll, KlDivergence, MultiLabelSoftMargin,
    MultiMargin, Nll, PoissonNll, TripletMargin, Tversky, binary_cross_entropy,
    binary_cross_entropy_with_logits, class_balanced, class_balanced_weights, cosine_embedding,
    cross_entropy, hinge, huber, info_nce, log_cosh_error, mae, mape, margin_ranking, mse, msle,
    multi_label_margin, nll, quantile, rmse, smape, smooth_l1, soft_margin, squared_hinge,
};
pub use norm::{BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm, SpectralNorm, weight_norm};
pub use one_cycle::OneCycle;
pub use optimizer::{
    Accumulate, Adadelta, Adagrad, Adam, AdamW, Adamax, ClipNorm, ClipValue, Ema, Gradient, Groups, Lamb,
    LearningRate, Letters, Lion, NAdam, Optimizer, RAdam, RmsProp, Rprop, Scoped, Sgd, Swa, average_of,
    averaged,
};
pub use padding::{PaddingMode, crop, pad};
pub use parameters::Parameters;
pub use penalty::{
    MaxNorm, confidence_penalty, elastic_net, gradient_penalty, group_lasso, input_gradient_penalty,
    isotropic_total_variation, jacobian_penalty, jacobian_penalty_estimate, l1, l2, max_norm, orthogonality,
    sparsity_kl, total_variation,
};
pub use plateau::Plateau;
pub use pool::{
    Pool, adaptive_avg_pool, adaptive_max_pool, avg_pool, global_avg_pool, global_max_pool, max_pool,
};
pub use recurrent::{Given, Recurrence, Recurrent, gru, lstm, rnn};
pub use resample::{Upsample, pixel_shuffle, pixel_unshuffle};
pub use schedule::Schedule;
pub use windows::{Pads, PerAxis};

use crate::graph::require_float;
