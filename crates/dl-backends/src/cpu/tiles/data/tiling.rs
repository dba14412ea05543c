//! Tilings: how the rows of a batch are shared out, in shards for workers and tiles for caches.

use crate::cpu::matmul::Caches;

/// Rows that make it worth to open another shard, of the first few and of more: each has sums of its own,
/// which leave the nearer caches when there are many.
const SHARD: (usize, usize) = (256, 1024);
/// The same where rows are so many bytes each that the second cache holds no more of them: images, whose
/// work is worth a thread's while.
const HEAVY: usize = 12;
/// The first few.
const FEW: usize = 4;
/// Most shards.
const SHARDS: usize = 16;
/// Tiles are a multiple of this: of the rows that most micro-kernels take at a time.
const STEP: usize = 12;
/// Most rows of a tile that the caches decide.
const WHOLE: usize = 1024;

/// How rows are shared out. It depends on sizes and caches alone, never on the number of threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    /// How many there are.
    pub rows: usize,
    /// Rows of a shard; the last may have fewer.
    pub shard: usize,
    /// Rows of a tile; the last of a shard may have fewer.
    pub tile: usize,
}

impl Tiling {
    /// Tiles of rows of `bytes`, all buffers together, and of `more` bytes if a tile keeps the numbers that
    /// products convert; tiles of `tile` rows, if that is given.
    ///
    /// Rows that fill the second cache little more than once are one tile, so that the last product updates
    /// its parameter. Otherwise a tile takes a quarter of the cache with the numbers that are converted,
    /// since weights and the sums that go from tile to tile want their part.
    pub(crate) fn new(
        rows: usize,
        (bytes, more): (usize, usize),
        tile: Option<usize>,
        caches: Caches,
    ) -> Tiling {
        let all = rows.saturating_mul(bytes) <= caches.l2 / 2 * 3 && rows <= WHOLE;
        if tile.is_none() && all {
            return Tiling { rows, shard: rows.max(1), tile: rows.max(1) };
        }
        let fitting = tile.unwrap_or((caches.l2 / 4 / (bytes + more).max(1)).clamp(STEP, WHOLE));
        let (first, more) = match tile {
            Some(tile) => (tile.saturating_mul(2), tile.saturating_mul(2)),
            None => ((caches.l2 / bytes.max(1)).clamp(HEAVY, SHARD.0), SHARD.1),
        };
        let shards = (rows / first).clamp(1, FEW).max(rows / more).min(SHARDS);
        let shard = rows.div_ceil(shards).max(1);
        // Where rows are heavy, tiles of a shard are of a size.
        let step = if fitting == STEP { STEP / 3 } else { STEP };
        let tile = tile.unwrap_or_else(|| shard.div_ceil(shard.div_ceil(fitting)).next_multiple_of(step));
        Tiling { rows, shard, tile: tile.min(shard) }
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.rows.div_ceil(self.shard).max(1)
    }

    /// Whether all rows are one tile.
    pub(crate) fn is_one_tile(&self) -> bool {
        self.rows > 0 && self.rows <= self.tile && self.shards() == 1
    }
}
