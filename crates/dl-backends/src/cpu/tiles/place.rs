//! Buffers for rows: which value shares which, and how many rows each holds.

use std::collections::HashMap;
use std::ops::Range;

use dl_core::DType;

use super::body::{Body, embody};
use super::build::{Built, Item, Work};
use super::columns::turn;
use super::convert::{Convert, converts};
use super::group::Instr;
use super::lane::{Base, Place};
use super::sink::sink;
use super::slots::Slot;
use super::together::Folded;
use super::{BLOCK, Cut};

/// Part of a tile's work.
pub(super) enum Phase {
    /// A product, or another step on the whole tile.
    Tile(Work),
    /// Operations that go row by row.
    Group(Group),
}

/// Operations that go row by row, in blocks.
#[derive(Default)]
pub(super) struct Group {
    pub instrs: Vec<Instr>,
    /// Those that are done together, in order.
    pub bodies: Vec<Body>,
    /// Rows of a block.
    pub rows: usize,
    /// Which of the operands are inputs.
    pub inputs: Vec<usize>,
    /// Whether values lie column by column inside.
    pub columns: bool,
    /// What rows fold to; `None` if they cannot do so in parts.
    pub folded: Option<Vec<Folded>>,
}

/// What of a group is done at a time.
pub(super) struct Unit<'g> {
    pub range: Range<usize>,
    /// The body that does it; otherwise it is one operation.
    pub body: Option<&'g Body>,
}

impl Group {
    /// What is done one after the other.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        let (mut at, mut bodies) = (0, self.bodies.iter().peekable());
        std::iter::from_fn(move || {
            let body = bodies.next_if(|body| body.instrs.start == at);
            let range = body.map_or(at..at + 1, |body| body.instrs.clone());
            at = range.end;
            (range.start < self.instrs.len()).then_some(Unit { range, body })
        })
    }
}

/// A round: the phases of each tile, in order.
pub(super) type Phases = Vec<Phase>;

/// A buffer: its type, its first row, and the elements of a row (of a block: of all rows).
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    pub dtype: DType,
    pub base: Base,
    pub len: usize,
}

impl Buffer {
    /// How many elements it has.
    pub(super) fn elements(&self, cut: &Cut) -> usize {
        match self.base {
            Base::Lane => self.len * cut.lane.min(cut.rows),
            Base::Tile => self.len * cut.tile,
            Base::Block => self.len,
        }
    }
}

impl Buffer {
    /// The buffer of a lane; blocks are its members' own.
    pub(super) fn of_rows(&self, cut: &Cut) -> Slot {
        match self.base {
            Base::Block => Slot::EMPTY,
            Base::Lane | Base::Tile => Slot::new(self.dtype, self.elements(cut)),
        }
    }
}

/// Sorts items into phases, and gives every home that is open a buffer, but for what is converted.
pub(super) fn place(built: &mut Built, rounds: u32, rows: usize) -> (Vec<Phases>, Vec<Convert>, Vec<Buffer>) {
    let mut rounds: Vec<Phases> = (0..rounds).map(|_| vec![]).collect();
    let mut items: Vec<Item> = std::mem::take(&mut built.items);
    sink(built, &mut items);
    // Stable: products of a rank before its group, otherwise in the plan's order.
    items.sort_by_key(|i| (i.round, i.rank, matches!(i.work, Work::Row(_))));
    let mut last = None;
    for Item { round, rank, work } in items {
        let phases = &mut rounds[round as usize];
        match work {
            Work::Row(instr) => {
                if last != Some((round, rank)) {
                    phases.push(Phase::Group(Group::default()));
                    last = Some((round, rank));
                }
                if let Some(Phase::Group(group)) = phases.last_mut() {
                    group.instrs.push(instr);
                }
            }
            work => {
                phases.push(Phase::Tile(work));
                last = None;
            }
        }
    }
    let converts = converts(built, &mut rounds);
    for phase in rounds.iter_mut().flatten() {
        if let Phase::Group(group) = phase {
            let longest = group.instrs.iter().map(|i| i.len).max().unwrap_or(1).max(1);
            group.rows = (BLOCK / longest).max(1);
            group.inputs = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
            group.inputs.retain(|home| matches!(built.homes[*home].place, Place::Input(_)));
            group.inputs.sort_unstable();
            group.inputs.dedup();
        }
    }
    turn(built, &mut rounds, rows);
    for phase in rounds.iter_mut().flatten() {
        if let Phase::Group(group) = phase {
            group.folded = group.folds();
        }
    }
    if built.code {
        embody(built, &mut rounds);
    }
    let buffers = Buffers::new(built, &rounds).give(built, &rounds);
    (rounds, converts, buffers)
}

/// Which values are needed where.
pub(super) struct Buffers {
    /// By home: the phase that makes it, and the last that reads it.
    spans: Vec<(usize, usize)>,
    /// By home: whether it outlives its round.
    kept: Vec<bool>,
    all: Vec<Buffer>,
    free: HashMap<(DType, Base), Vec<usize>>,
}

impl Phase {
    /// What a group's rows fold to, in parts.
    pub(super) fn folded(&self) -> Option<&[Folded]> {
        if let Phase::Group(group) = self { group.folded.as_deref() } else { None }
    }

    pub(super) fn inputs(&self) -> Vec<usize> {
        match self {
            Phase::Group(g) => g.instrs.iter().flat_map(|i| i.kind.inputs()).collect(),
            Phase::Tile(work) => work.inputs(),
        }
    }

    fn results(&self) -> Vec<usize> {
        match self {
            Phase::Group(g) => g.instrs.iter().map(|i| i.out).filter(|o| *o != usize::MAX).collect(),
            Phase::Tile(work) => work.result().into_iter().collect(),
        }
    }
}

impl Buffers {
    pub(super) fn new(built: &Built, rounds: &[Phases]) -> Buffers {
        let n = built.homes.len();
        let (mut spans, mut made, mut kept) = (vec![(0, 0); n], vec![0; n], vec![false; n]);
        let phases = rounds.iter().enumerate().flat_map(|(r, phases)| phases.iter().map(move |p| (r, p)));
        for (index, (round, phase)) in phases.enumerate() {
            for home in phase.inputs() {
                spans[home].1 = index;
                kept[home] |= made[home] != round;
            }
            for home in phase.results() {
                spans[home] = (index, index);
                made[home] = round;
            }
        }
        for home in built.outputs.iter().flatten() {
            kept[*home] = true;
        }
        Buffers { spans, kept, all: vec![], free: HashMap::new() }
    }

    pub(super) fn give(mut self, built: &mut Built, rounds: &[Phases]) -> Vec<Buffer> {
        for (index, phase) in rounds.iter().flatten().enumerate() {
            if let Phase::Group(group) = phase {
                for unit in group.units() {
                    let (instrs, later) =
                        (&group.instrs[unit.range.clone()], &group.instrs[unit.range.end..]);
                    match unit.body {
                        Some(body) => body.outs.iter().for_each(|out| self.open(built, *out, group.rows)),
                        None => {
                            let outs = instrs.iter().map(|i| i.out).filter(|out| *out != usize::MAX);
                            outs.for_each(|out| self.open(built, out, group.rows));
                        }
                    }
                    // Freed after the result has its place: no operation overwrites what it reads.
                    let mut inputs: Vec<usize> = instrs.iter().flat_map(|i| i.kind.inputs()).collect();
                    inputs.sort_unstable();
                    inputs.dedup();
                    for home in inputs {
                        let again = later.iter().any(|later| later.kind.inputs().contains(&home));
                        if !again && matches!(built.homes[home].place, Place::Slot(_, Base::Block)) {
                            self.release(built, home);
                        }
                    }
                }
                self.free.retain(|(_, base), _| *base != Base::Block);
                for (slot, buffer) in self.all.iter().enumerate().filter(|(_, b)| b.base == Base::Block) {
                    self.free.entry((buffer.dtype, Base::Block)).or_default().push(slot);
                }
            } else {
                phase.results().into_iter().for_each(|home| self.open(built, home, 0));
            }
            let read = phase.inputs().into_iter().chain(phase.results());
            let mut done: Vec<usize> = read.filter(|h| self.spans[*h].1 == index).collect();
            done.sort_unstable();
            done.dedup();
            for home in done {
                if matches!(built.homes[home].place, Place::Slot(_, Base::Tile)) {
                    self.release(built, home);
                }
            }
        }
        self.all
    }

    /// A buffer for a home; `rows` are those of a block, 0 for a whole tile.
    fn open(&mut self, built: &mut Built, home: usize, rows: usize) {
        let base = match (self.kept[home], self.spans[home]) {
            (true, _) => Base::Lane,
            (_, (made, read)) if made != read => Base::Tile,
            // Of a product that nothing reads: it still fills a tile.
            _ if rows == 0 => Base::Tile,
            _ => Base::Block,
        };
        let place = &mut built.homes[home];
        let len = if base == Base::Block { place.len * rows } else { place.len };
        let slot = match self.free.get_mut(&(place.dtype, base)).and_then(Vec::pop) {
            Some(slot) if base != Base::Lane => slot,
            _ => {
                self.all.push(Buffer { dtype: place.dtype, base, len: 0 });
                self.all.len() - 1
            }
        };
        self.all[slot].len = self.all[slot].len.max(len);
        place.place = Place::Slot(slot, base);
    }

    fn release(&mut self, built: &Built, home: usize) {
        if let Place::Slot(slot, base) = built.homes[home].place
            && base != Base::Lane
        {
            self.free.entry((built.homes[home].dtype, base)).or_default().push(slot);
        }
    }
}
