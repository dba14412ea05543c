//! The work of a tile at run time: groups in blocks of rows, products, reductions, kernels on whole values.

mod code;
mod convert;
mod elements;
pub(crate) mod fold;
pub(crate) mod fused;
pub(crate) mod group;
mod instr;
mod looped;
mod number;
mod product;
pub(crate) mod scene;
pub(crate) mod shard;
pub(crate) mod update;
pub(crate) mod watch;
pub(crate) mod whole;
