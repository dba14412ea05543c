//! What a training program names, for `use dl_objective::prelude::*`.
//!
//! Types and functions that one program in two needs are here; the rest is in the [modules](crate#modules).
//! Errors are not, since the crates have one each: a program's `main` returns
//! `Result<(), Box<dyn std::error::Error>>`.

pub use dl_core::nn::{self, Adam, AdamW, Sgd};
pub use dl_core::{
    Bool, DType, Dim, Dims, Expr, F32, F64, Fact, Graph, I64, Init, Named, Program, Shape, Tensor, TensorRef,
    U8,
};

#[cfg(feature = "cpu")]
pub use dl_backends::Cpu;
#[cfg(feature = "flex")]
pub use dl_backends::Flex;
#[cfg(feature = "ndarray")]
pub use dl_backends::Ndarray;
#[cfg(feature = "wgpu")]
pub use dl_backends::Wgpu;
pub use dl_backends::weights::Layout;
pub use dl_backends::{Executor, Handle, Model, Outputs, Session};

#[cfg(feature = "csv")]
pub use dl_data::{CsvOptions, Missing};
pub use dl_data::{Dataset, Fill, Images, Parts, Preparation, Split, Table, digits, fashion_mnist, mnist};

pub use dl_train::{
    Columns, Goal, History, Interrupt, Journal, Keep, Lbfgs, Metric, Objective, Observer, Progress, Source,
    Trainer, held_out,
};
