//! One idea per example, and the models that the benchmarks share with them.
//!
//! The programs themselves are in `examples/`; each runs as
//! `cargo run --release -p dl-examples --example NAME --features X -- --backend X`.
//! Here is what they have in common: the objectives ([`descent`], [`perceptron`]), so that a
//! benchmark or a test trains exactly what an example trains, and the command line ([`options`]); and with the
//! feature `serve`, the parts of the HTTP service.

pub mod autoencoder;
pub mod classifier;
pub mod descent;
#[cfg(feature = "explain")]
pub mod explained;
pub mod heat;
pub mod lenet;
pub mod mlp;
pub mod options;
pub mod perceptron;
pub mod resnet;
pub mod row_lstm;
#[cfg(feature = "serve")]
pub mod serve;
pub mod text;
pub mod watch;

/// The front page of the repository, whose example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
