//! Bytes that only products read: which are converted, and how many at a time.

use dl_core::DType;

use crate::cpu::matmul::Caches;
use crate::cpu::tiles::data::instr::Work;
use crate::cpu::tiles::data::tiling::Tiling;
use crate::cpu::vector::ByteMap;

/// A function of an input's bytes.
pub(crate) struct Convert {
    pub map: ByteMap,
    /// The input's home.
    pub from: usize,
    /// Elements of a row.
    pub len: usize,
    /// The plan's step.
    pub step: usize,
    pub work: Work,
    /// How many elements are made at a time; all of a tile's where there are that many.
    pub room: usize,
}

/// What one thread has converted.
#[derive(Default)]
pub(crate) struct Converted {
    pub elements: Vec<f32>,
    /// Which tile's all of them are, by the scene's count; 0 for part of one.
    pub tile: u64,
}

/// What of the second cache numbers made of bytes may fill.
const SHARE: usize = 4;

/// Columns at a time are a multiple of this: of whole vectors, and of the rows that micro-kernels take.
const COLUMNS: usize = 48;

impl Convert {
    /// Bytes of a row, once it is converted.
    pub(crate) fn row_bytes(&self) -> usize {
        self.len * DType::F32.bytes()
    }

    /// Decides how many elements are made at a time: as many as fit into the cache's share, but no less than
    /// a row, or [`COLUMNS`] of a tile; all of a tile's, if it has no more.
    pub(crate) fn settle(&mut self, tiling: &Tiling, caches: Caches) {
        let share = caches.l2 / SHARE / DType::F32.bytes();
        let tile = self.len * tiling.tile;
        self.room = share.max(self.len).max(COLUMNS * tiling.tile).min(tile);
    }

    /// Whether all of a tile's elements are made at once.
    pub(crate) fn by_tiles(&self, tiling: &Tiling) -> bool {
        self.room == self.len * tiling.tile
    }

    /// Rows of a left operand that are made at a time, each of `k` elements, of a product with `m` rows.
    pub(crate) fn at_a_time(&self, (m, k): (usize, usize)) -> usize {
        let rows = self.room / k.max(1);
        if rows >= m { m } else { (rows / COLUMNS * COLUMNS).max(1) }
    }
}

impl Converted {
    /// Room for `len` elements, which are part of a tile.
    pub(crate) fn part(&mut self, len: usize) -> &mut [f32] {
        self.tile = 0;
        self.elements.resize(self.elements.len().max(len), 0.0);
        &mut self.elements[..len]
    }
}
