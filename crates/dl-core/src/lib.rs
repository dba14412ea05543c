//! Training objectives as mathematics: graph, differentiation, rewriting, plans and the reference interpreter.
//!
//! The folders follow the compiler's pipeline: `graph` and `ops` are what a user writes,
//! `rewrite` makes it stable and small, `diff` differentiates it, `program` closes it,
//! `plan` lowers it for an executor, `interp` says what it means, and `print` shows it.

// The judge of stability tests speaks of this crate by its name.
#[cfg(test)]
extern crate self as dl_core;

pub mod derive;
pub mod diff;
pub mod dim;
pub mod dtype;
pub mod error;
pub mod finite;
mod float;
pub mod graph;
mod init;
pub mod interp;
pub mod nn;
pub mod ops;
pub mod plan;
pub mod print;
pub mod program;
pub mod rewrite;
pub mod schedule;
pub mod shape;
pub mod spelling;
pub mod stability;
mod stable;
pub mod tensor;
#[cfg(test)]
mod testing;

pub use dim::{Dim, Dims, Name, Named};
pub use dtype::DType;
pub use dtype::DType::{Bool, F32, F64, I64, U8};
pub use dtype::Scalar;
pub use error::{Error, Fault, Result, Site};
pub use graph::{Expr, Graph};
pub use init::Init;
pub use ops::Fact;
pub use plan::Plan;
pub use program::Program;
pub use schedule::Schedule;
pub use shape::Shape;
pub use tensor::{Tensor, TensorRef};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
