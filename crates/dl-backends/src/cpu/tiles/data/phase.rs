//! Phases of a tile: products and opaque steps on the whole tile, and groups of instructions that go row by
//! row.

use std::ops::Range;

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::Reduce;

use crate::cpu::tiles::data::code::Segment;
use crate::cpu::tiles::data::home::{Base, Target};
use crate::cpu::tiles::data::instr::{Instr, Kind, Work};
use crate::cpu::tiles::data::product::Product;
use crate::cpu::tiles::data::slots::Slot;
use crate::cpu::tiles::data::tiling::Tiling;

/// Part of a tile's work.
pub(crate) enum Phase {
    /// A matrix product.
    Product(Product),
    /// A step of the plan on the whole tile.
    Opaque(OpaqueStep),
    /// Instructions that go row by row.
    Group(Group),
}

/// A step on a whole tile.
pub(crate) struct OpaqueStep {
    /// The plan's step.
    pub step: usize,
    pub args: Vec<Argument>,
    /// Where its results go, in the step's order.
    pub outs: Vec<Target>,
    /// For all rows together.
    pub work: Work,
}

/// An operand of a step on a whole tile.
pub(crate) enum Argument {
    /// Rows, by their home.
    Rows(usize),
    /// A whole value of the plan.
    Whole(usize),
    Number(Scalar),
}

/// A reduction over rows.
pub(crate) struct FoldDecl {
    /// The plan's value.
    pub value: usize,
    pub kind: Reduce,
    pub stage: usize,
    /// Written, not only added to, in a shard's first tile.
    pub overwritten: bool,
    /// Terms that a row contributes to one element, at most.
    pub terms: usize,
    /// Elements that terms are added to one after the other: a multiple of those of the value.
    pub width: usize,
}

/// A whole value that a line of rows repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    /// Its home, and that of the line.
    pub from: usize,
    pub to: usize,
}

/// Operations that go row by row, in blocks.
#[derive(Default)]
pub(crate) struct Group {
    pub instrs: Vec<Instr>,
    /// Instructions that run as one piece of code, in order.
    pub segments: Vec<Segment>,
    /// Rows of a block.
    pub rows: usize,
    /// Which of the operands are inputs.
    pub inputs: Vec<usize>,
    /// Whether values lie column by column inside.
    pub transposed: bool,
    /// What rows fold to; `None` if they cannot do so in parts.
    pub folded: Option<Vec<Folded>>,
    /// What is repeated along the lines of rows before the first of them.
    pub repeated: Vec<Repeated>,
}

/// Instructions of a group that run together.
pub(crate) struct Unit<'g> {
    pub range: Range<usize>,
    /// Their code; without, it is one instruction.
    pub segment: Option<&'g Segment>,
}

impl Group {
    /// The units in order.
    pub(crate) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let (mut at, mut segments) = (0, self.segments.iter().peekable());
        std::iter::from_fn(move || {
            let segment = segments.next_if(|segment| segment.instrs.start == at);
            let range = segment.map_or(at..at + 1, |segment| segment.instrs.clone());
            at = range.end;
            (range.start < self.instrs.len()).then_some(Unit { range, segment })
        })
    }
}

/// The phases of each tile of a stage, in order.
pub(crate) type Phases = Vec<Phase>;

/// A buffer: its type, its first row, and the elements of a row (of a block: of all rows).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub dtype: DType,
    pub base: Base,
    pub len: usize,
}

impl Buffer {
    /// How many elements it has.
    pub(crate) fn elements(&self, tiling: &Tiling) -> usize {
        match self.base {
            Base::Shard => self.len * tiling.shard.min(tiling.rows),
            Base::Tile => self.len * tiling.tile,
            Base::Block => self.len,
        }
    }
}

impl Buffer {
    /// The buffer of a shard; blocks are its members' own.
    pub(crate) fn of_rows(&self, tiling: &Tiling) -> Slot {
        match self.base {
            Base::Block => Slot::EMPTY,
            Base::Shard | Base::Tile => Slot::new(self.dtype, self.elements(tiling)),
        }
    }
}

/// What rows of a group fold to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded {
    /// By the list of folds.
    pub fold: usize,
    pub kind: Reduce,
    pub dtype: DType,
}

impl Group {
    /// The reductions of the rows, if parts of them can be reduced each for itself.
    pub(crate) fn folds(&self) -> Option<Vec<Folded>> {
        let mut folds = vec![];
        for instr in &self.instrs {
            match instr.kind {
                Kind::Fold(kind, _, fold) => folds.push(Folded { fold, kind, dtype: instr.dtype }),
                // A table's rows may be many.
                Kind::Scatter { .. } => return None,
                _ => {}
            }
        }
        Some(folds)
    }
}

impl Phase {
    /// What a group's rows fold to, in parts.
    pub(crate) fn folded(&self) -> Option<&[Folded]> {
        if let Phase::Group(group) = self { group.folded.as_deref() } else { None }
    }

    /// The homes that are read.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        match self {
            Phase::Group(group) => group.instrs.iter().flat_map(|i| i.kind.inputs()).collect(),
            Phase::Product(product) => product.inputs(),
            Phase::Opaque(step) => {
                let rows = |a: &Argument| if let Argument::Rows(home) = a { Some(*home) } else { None };
                step.args.iter().filter_map(rows).collect()
            }
        }
    }

    /// The homes that are written.
    pub(crate) fn results(&self) -> Vec<usize> {
        match self {
            Phase::Group(group) => {
                let lines = group.repeated.iter().map(|r| r.to);
                lines.chain(group.instrs.iter().filter_map(|i| i.out)).collect()
            }
            Phase::Product(Product { out, .. }) => out.home().into_iter().collect(),
            Phase::Opaque(step) => step.outs.iter().filter_map(|out| out.home()).collect(),
        }
    }
}
