//! A divided plan: rows in tiles that stay in cache, tiles in lanes that threads share.
//!
//! A lane's rows are fixed by the number of rows alone, its tiles follow each other in order, and what
//! lanes fold is combined in a fixed tree: results are the same bits for every number of threads.
//! Inside a tile, contractions (and what else needs whole tiles) alternate with groups of operations
//! that go row by row; a group runs in blocks of rows that stay in the nearest cache.

mod body;
mod build;
mod bytes;
mod columns;
mod convert;
mod fold;
mod fused;
mod group;
mod kernels;
mod lane;
mod lanes;
mod listing;
mod movement;
mod number;
mod place;
mod product;
mod recorder;
mod run;
mod sink;
mod slots;
mod together;
mod update;
mod watch;
mod whole;

pub(super) use self::run::Tiled;

use super::matmul::Caches;

/// Rows that make it worth to open another lane, of the first few and of more: each has sums of its own,
/// which leave the nearer caches when there are many.
const LANE: (usize, usize) = (256, 1024);
/// The first few.
const FEW: usize = 4;
/// Most lanes.
const LANES: usize = 16;
/// Tiles are a multiple of this: of the rows that most micro-kernels take at a time.
const STEP: usize = 12;
/// Most rows of a tile that the caches decide.
const WHOLE: usize = 1024;
/// Elements of a row block of a group.
const BLOCK: usize = 2048;

/// How rows are shared out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// How many there are.
    pub rows: usize,
    /// Rows of a lane; the last may have fewer.
    pub lane: usize,
    /// Rows of a tile; the last of a lane may have fewer.
    pub tile: usize,
}

impl Cut {
    /// Rows of so many bytes, all buffers together, and as many more if what products convert is kept for a
    /// tile; `tile` rows, or as many as suit the second cache: all of them, if they fill it little more than
    /// once, so that the last product updates its parameter; otherwise, with what is converted, a quarter
    /// of it for a tile, since weights and the sums that go from tile to tile want their part.
    fn new(rows: usize, (bytes, more): (usize, usize), tile: Option<usize>, caches: Caches) -> Cut {
        let all = rows.saturating_mul(bytes) <= caches.l2 / 2 * 3 && rows <= WHOLE;
        if tile.is_none() && all {
            return Cut { rows, lane: rows.max(1), tile: rows.max(1) };
        }
        let fitting = tile.unwrap_or((caches.l2 / 4 / (bytes + more).max(1)).clamp(STEP, WHOLE));
        let (first, more) = match tile {
            Some(tile) => (tile.saturating_mul(2), tile.saturating_mul(2)),
            None => LANE,
        };
        let lanes = (rows / first).clamp(1, FEW).max(rows / more).min(LANES);
        let lane = rows.div_ceil(lanes).max(1);
        let tile = tile.unwrap_or_else(|| lane.div_ceil(lane.div_ceil(fitting)).next_multiple_of(STEP));
        Cut { rows, lane, tile: tile.min(lane) }
    }

    fn lanes(&self) -> usize {
        self.rows.div_ceil(self.lane).max(1)
    }
}
