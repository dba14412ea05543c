//! The data of a tile's work, which lowering makes and runs read.

pub(crate) mod code;
pub(crate) mod convert;
pub(crate) mod home;
pub(crate) mod instr;
pub(crate) mod packed;
pub(crate) mod phase;
pub(crate) mod product;
pub(crate) mod slots;
pub(crate) mod tiling;
