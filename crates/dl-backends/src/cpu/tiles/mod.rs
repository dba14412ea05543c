//! A schedule in tiles that stay in cache, and in shards that threads share.
//!
//! A shard's rows are fixed by the number of rows alone, its tiles follow each other in order, and the
//! reductions of shards are combined in a fixed tree: results are the same bits for every number of threads.
//! Inside a tile, products (and other steps that need whole tiles) alternate with groups of instructions
//! that go row by row; a group runs in blocks of rows that stay in the nearest cache.
//!
//! `lower` makes `data` from a schedule, and `run` works on it. `tiled` compiles a schedule; `execute` and
//! `stage` run it.

mod amounts;
mod data;
mod execute;
mod kernels;
mod listing;
mod lower;
mod run;
mod stage;
mod tiled;

pub(super) use self::data::packed::Forms;
pub(super) use self::tiled::Tiled;

/// Elements of a row block of a group.
const BLOCK: usize = 2048;
