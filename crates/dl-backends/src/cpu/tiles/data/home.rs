//! Homes: where each value of the rows lives, and which rows are at work.

use dl_core::DType;

/// Where a value lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub place: Place,
    pub dtype: DType,
    /// Elements of a row, or of the whole value.
    pub len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// Rows of an input.
    Input(usize),
    /// A whole value of the plan.
    Whole(usize),
    /// Elements of a whole value, taken for rows.
    Elements(usize),
    /// A whole value that the plan's sizes determine.
    Known(usize),
    /// Rows in a buffer of the shard.
    Slot(usize, Base),
    /// Elements of a part that is written over block by block.
    Part(usize),
    /// Not decided yet.
    Open,
}

/// Of which rows a buffer holds the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// Of the shard.
    Shard,
    /// Of the tile.
    Tile,
    /// Of the block.
    Block,
}

/// Rows to be computed, and where shard, tile and block begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: usize,
    pub rows: usize,
    pub shard: usize,
    pub tile: usize,
    /// Whether values are transposed: column by column, each with an element of every row.
    pub transposed: bool,
}

impl Span {
    /// The same rows as so many lines each.
    pub(crate) fn in_lines(self, lines: usize) -> Span {
        let Span { start, rows, shard, tile, transposed } = self;
        let [start, rows, shard, tile] = [start, rows, shard, tile].map(|row| row * lines);
        Span { start, rows, shard, tile, transposed }
    }

    /// Elements that lie together, of values with `len` elements a row: of a row or of a column.
    pub(crate) fn line(&self, len: usize) -> usize {
        if self.transposed { self.rows } else { len }
    }

    /// Where the element of a row stands that comes at `place`, of values with `len` elements a row.
    pub(crate) fn at(&self, row: usize, place: usize, len: usize) -> usize {
        if self.transposed { place * self.rows + row } else { row * len + place }
    }

    /// Where a buffer's first row is.
    pub(crate) fn base(&self, base: Base) -> usize {
        match base {
            Base::Shard => self.shard,
            Base::Tile => self.tile,
            Base::Block => self.start,
        }
    }
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Home(usize),
    Fold(usize),
}

impl Target {
    /// The home, if it is no fold.
    pub(crate) fn home(self) -> Option<usize> {
        if let Target::Home(home) = self { Some(home) } else { None }
    }
}
