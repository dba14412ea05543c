//! Phases of a tile: products and opaque steps on the whole tile, and groups of instructions that go row by
//! row.

use std::collections::HashSet;
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
    /// A scan, step by step.
    Loop(Loop),
}

/// A scan of a tile's rows: phases that come once for each step.
pub(crate) struct Loop {
    /// The plan's step.
    pub step: usize,
    /// How many steps.
    pub length: usize,
    /// Whether the first step takes the last elements.
    pub reverse: bool,
    pub carries: Vec<Carry>,
    pub elements: Vec<Taken>,
    pub phases: Phases,
    pub stacks: Vec<Taken>,
}

/// The homes of rows that go from step to step.
#[derive(Clone, Copy)]
pub(crate) struct Carry {
    pub first: usize,
    pub value: Option<usize>,
    pub next: usize,
    pub last: Option<usize>,
}

/// The homes of the elements of a step and of all `length` steps: in a row, `runs` times `run` neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub all: usize,
    pub one: usize,
    pub runs: usize,
    pub length: usize,
    pub run: usize,
}

impl Loop {
    /// Leaves it to groups to take and to keep what they read or make, block by block, while that is in the
    /// nearest cache.
    pub(crate) fn by_blocks(&mut self) {
        let ends: HashSet<usize> =
            self.carries.iter().map(|c| c.next).chain(self.stacks.iter().map(|s| s.one)).collect();
        let reads: Vec<Vec<usize>> = self.phases.iter().map(Phase::inputs).collect();
        let makes: Vec<Vec<usize>> = self.phases.iter().map(Phase::results).collect();
        let group = |of: &[Vec<usize>], phases: &[Phase], home: usize| {
            let with = |i: &usize| matches!(phases[*i], Phase::Group(_)) && of[*i].contains(&home);
            (0..phases.len()).find(with)
        };
        let (mut takes, mut keeps) = (vec![], vec![]);
        for taken in std::mem::take(&mut self.elements) {
            let readers = reads.iter().filter(|reads| reads.contains(&taken.one)).count();
            match group(&reads, &self.phases, taken.one) {
                Some(at) if readers == 1 && !ends.contains(&taken.one) => takes.push((at, taken)),
                _ => self.elements.push(taken),
            }
        }
        for kept in std::mem::take(&mut self.stacks) {
            let maker = group(&makes, &self.phases, kept.one);
            match maker.or_else(|| group(&reads, &self.phases, kept.one)) {
                Some(at) => keeps.push((at, kept)),
                None => self.stacks.push(kept),
            }
        }
        for (i, phase) in self.phases.iter_mut().enumerate() {
            let Phase::Group(group) = phase else { continue };
            let of =
                |all: &[(usize, Taken)]| all.iter().filter(|(at, _)| *at == i).map(|(_, t)| *t).collect();
            (group.takes, group.keeps) = (of(&takes), of(&keeps));
        }
    }

    /// The homes that only its steps know.
    fn inside(&self) -> impl Iterator<Item = usize> {
        let begins = self.carries.iter().filter_map(|c| c.value).chain(self.elements.iter().map(|e| e.one));
        begins.chain(self.phases.iter().flat_map(Phase::results))
    }

    /// The homes inside that hold all rows of a tile: what one phase leaves for another, or a step for what
    /// comes after it.
    pub(crate) fn shared(&self) -> HashSet<usize> {
        let begins = self.carries.iter().filter_map(|c| c.value).chain(self.elements.iter().map(|e| e.one));
        let ends = self.carries.iter().map(|c| c.next).chain(self.stacks.iter().map(|s| s.one));
        let mut shared: HashSet<usize> = begins.chain(ends).collect();
        for (i, phase) in self.phases.iter().enumerate() {
            let made: HashSet<usize> = phase.results().into_iter().collect();
            let others = self.phases.iter().enumerate().filter(|(j, _)| *j != i);
            let read = others.flat_map(|(_, other)| other.inputs()).filter(|home| made.contains(home));
            shared.extend(read);
        }
        let inside: HashSet<usize> = self.inside().collect();
        shared.retain(|home| inside.contains(home));
        shared
    }

    /// The homes of what it leaves.
    pub(crate) fn outs(&self) -> impl Iterator<Item = usize> {
        self.carries.iter().filter_map(|c| c.last).chain(self.kept().map(|kept| kept.all))
    }

    /// What is kept of each step, by groups as well.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Taken> {
        let of = |phase| if let &Phase::Group(Group { ref keeps, .. }) = phase { &keeps[..] } else { &[] };
        self.stacks.iter().chain(self.phases.iter().flat_map(of))
    }

    /// What each step takes of sequences, by groups as well.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &Taken> {
        let of = |phase| if let &Phase::Group(Group { ref takes, .. }) = phase { &takes[..] } else { &[] };
        self.elements.iter().chain(self.phases.iter().flat_map(of))
    }
}

/// The groups of all phases, those of loops as well.
pub(crate) fn groups<'p>(phases: impl Iterator<Item = &'p mut Phase>) -> Vec<&'p mut Group> {
    let mut all = vec![];
    for phase in phases {
        match phase {
            Phase::Group(group) => all.push(group),
            Phase::Loop(looped) => all.extend(groups(looped.phases.iter_mut())),
            Phase::Product(_) | Phase::Opaque(_) => {}
        }
    }
    all
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
    /// Lines of a row, where each is taken for a row of its own.
    pub lines: usize,
    /// Whether values lie column by column inside.
    pub transposed: bool,
    /// What rows fold to; `None` if they cannot do so in parts.
    pub folded: Option<Vec<Folded>>,
    /// In a loop: what each block begins with, and what is kept of it.
    pub takes: Vec<Taken>,
    pub keeps: Vec<Taken>,
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
    /// Lines of a row, at least one.
    pub(crate) fn lines(&self) -> usize {
        self.lines.max(1)
    }

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

    /// The products in it.
    pub(crate) fn products(&self) -> Vec<&Product> {
        match self {
            Phase::Product(product) => vec![product],
            Phase::Loop(looped) => looped.phases.iter().flat_map(Phase::products).collect(),
            Phase::Group(_) | Phase::Opaque(_) => vec![],
        }
    }

    /// The homes that are read; a loop reads those of its own as well.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        match self {
            Phase::Group(group) => {
                let around = group.takes.iter().map(|t| t.all).chain(group.keeps.iter().map(|k| k.one));
                group.instrs.iter().flat_map(|i| i.kind.inputs()).chain(around).collect()
            }
            Phase::Product(product) => product.inputs(),
            Phase::Opaque(step) => {
                let rows = |a: &Argument| if let Argument::Rows(home) = a { Some(*home) } else { None };
                step.args.iter().filter_map(rows).collect()
            }
            Phase::Loop(looped) => {
                let around = looped.carries.iter().flat_map(|c| [c.first, c.next]);
                let taken = looped.elements.iter().map(|e| e.all).chain(looped.stacks.iter().map(|s| s.one));
                around.chain(taken).chain(looped.phases.iter().flat_map(Phase::inputs)).collect()
            }
        }
    }

    /// The homes that are written.
    pub(crate) fn results(&self) -> Vec<usize> {
        match self {
            Phase::Group(group) => {
                let around = group.takes.iter().map(|t| t.one).chain(group.keeps.iter().map(|k| k.all));
                let around = around.chain(group.repeated.iter().map(|r| r.to));
                group.instrs.iter().filter_map(|i| i.out).chain(around).collect()
            }
            Phase::Product(Product { out, .. }) => out.home().into_iter().collect(),
            Phase::Opaque(step) => step.outs.iter().filter_map(|out| out.home()).collect(),
            Phase::Loop(looped) => looped.inside().chain(looped.outs()).collect(),
        }
    }
}
