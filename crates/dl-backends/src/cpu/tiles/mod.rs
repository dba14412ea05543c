//! A divided plan: rows in tiles that stay in cache, tiles in lanes that threads share.
//!
//! A lane's rows are fixed by the number of rows alone, its tiles follow each other in order, and what
//! lanes fold is combined in a fixed tree: results are the same bits for every number of threads.
//! Inside a tile, contractions (and what else needs whole tiles) alternate with groups of operations
//! that go row by row; a group runs in blocks of rows that stay in the nearest cache.

mod build;
mod fold;
mod group;
mod lane;
mod movement;
mod number;
mod place;
mod product;
mod run;
mod slots;
mod update;

pub(super) use self::run::Tiled;

use super::matmul::Caches;

/// Rows that make it worth to open another lane.
const LANE: usize = 256;
/// Most lanes.
const LANES: usize = 16;
/// Elements of a row block of a group.
const BLOCK: usize = 2048;
/// How rows are shared out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// How many there are.
    pub rows: usize,
    /// Rows of a lane, a multiple of those of a tile; the last may have fewer.
    pub lane: usize,
    /// Rows of a tile.
    pub tile: usize,
}

impl Cut {
    /// Rows of so many bytes, all buffers together; `tile` rows, or as many as fill half of the second
    /// cache, since the weights want the other half.
    fn new(rows: usize, bytes: usize, tile: Option<usize>, caches: Caches) -> Cut {
        let fitting = (caches.l2 / 2 / bytes.max(1)).clamp(16, 1024);
        let (tile, least) = match tile {
            Some(tile) => (tile, 2 * tile),
            None => (1 << fitting.ilog2(), LANE.max(1 << fitting.ilog2())),
        };
        let lanes = (rows / least).clamp(1, LANES);
        let lane = rows.div_ceil(lanes).next_multiple_of(tile);
        Cut { rows, lane: lane.max(tile), tile: tile.min(rows.max(1)) }
    }

    fn lanes(&self) -> usize {
        self.rows.div_ceil(self.lane).max(1)
    }
}
