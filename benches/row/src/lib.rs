//! A row of the benchmark, as every program knows it that measures one.
//!
//! The benchmark starts a process for each row: itself, or a peer's program. What the row is to do is told as
//! data ([`network`], [`protocol`]); how a process answers is here once ([`serve`]), for whatever can be
//! measured ([`subject`]).

pub mod curve;
pub mod fault;
pub mod layer;
pub mod layout;
pub mod memory;
pub mod network;
pub mod protocol;
pub mod serve;
pub mod subject;
