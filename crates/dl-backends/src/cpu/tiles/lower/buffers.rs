//! Buffers for rows: which values share one, and how many rows each holds.

use std::collections::{BTreeSet, HashMap, HashSet};

use dl_core::DType;

use crate::cpu::tiles::data::home::{Base, Home, Place};
use crate::cpu::tiles::data::phase::{Buffer, Group, Phase, Phases};

/// Which values are needed where.
pub(crate) struct Buffers {
    /// By home: the phase that makes it, and the last that reads it.
    spans: Vec<(usize, usize)>,
    /// By home: whether it outlives its stage.
    kept: Vec<bool>,
    all: Vec<Buffer>,
    free: HashMap<(DType, Base), Vec<usize>>,
}

impl Buffers {
    pub(crate) fn new(n: usize, outputs: &[Option<usize>], stages: &[Phases]) -> Buffers {
        let (mut spans, mut made, mut kept) = (vec![(0, 0); n], vec![0; n], vec![false; n]);
        let phases = stages.iter().enumerate().flat_map(|(r, phases)| phases.iter().map(move |p| (r, p)));
        for (index, (stage, phase)) in phases.enumerate() {
            // First, since loops and groups read what they make.
            for home in phase.results() {
                spans[home] = (index, index);
                made[home] = stage;
            }
            for home in phase.inputs() {
                spans[home].1 = index;
                kept[home] |= made[home] != stage;
            }
        }
        for home in outputs.iter().flatten() {
            kept[*home] = true;
        }
        Buffers { spans, kept, all: vec![], free: HashMap::new() }
    }

    pub(crate) fn give(mut self, homes: &mut [Home], stages: &[Phases]) -> Vec<Buffer> {
        for (index, phase) in stages.iter().flatten().enumerate() {
            self.phase(homes, phase, &HashSet::new());
            let read = phase.inputs().into_iter().chain(phase.results());
            let mut done: Vec<usize> = read.filter(|h| self.spans[*h].1 == index).collect();
            done.sort_unstable();
            done.dedup();
            for home in done {
                if matches!(homes[home].place, Place::Slot(_, Base::Tile)) {
                    self.release(homes, home);
                }
            }
        }
        self.all
    }

    /// Buffers for the results of a phase, but for those that have one.
    fn phase(&mut self, homes: &mut [Home], phase: &Phase, opened: &HashSet<usize>) {
        match phase {
            Phase::Group(group) => self.group(homes, group, opened),
            Phase::Loop(looped) => {
                // Sorted, so that they are given in one order.
                let shared: BTreeSet<usize> = looped.shared().into_iter().collect();
                let results = looped.outs().chain(shared.iter().copied()).filter(|h| !opened.contains(h));
                results.for_each(|home| self.open(homes, home, (0, 1)));
                let opened: HashSet<usize> = shared.into_iter().chain(looped.outs()).collect();
                looped.phases.iter().for_each(|phase| self.phase(homes, phase, &opened));
            }
            Phase::Product(_) | Phase::Opaque(_) => {
                let results = phase.results().into_iter().filter(|home| !opened.contains(home));
                results.for_each(|home| self.open(homes, home, (0, 1)));
            }
        }
    }

    fn group(&mut self, homes: &mut [Home], group: &Group, opened: &HashSet<usize>) {
        let takes = group.takes.iter().map(|taken| taken.one).filter(|one| !opened.contains(one));
        takes.for_each(|one| self.open(homes, one, (group.rows, group.lines())));
        let kept = |home: usize| group.keeps.iter().any(|keep| keep.one == home);
        // Until the last block of rows is done.
        let lines: Vec<usize> = group.repeated.iter().map(|r| r.to).collect();
        lines.iter().for_each(|home| self.open(homes, *home, (1, 1)));
        for unit in group.units() {
            let (instrs, later) = (&group.instrs[unit.range.clone()], &group.instrs[unit.range.end..]);
            match unit.segment {
                Some(segment) => {
                    let outs = segment.outs.iter().filter(|out| !opened.contains(out));
                    outs.for_each(|out| self.open(homes, *out, (group.rows, group.lines())));
                }
                None => {
                    let outs = instrs.iter().filter_map(|i| i.out).filter(|out| !opened.contains(out));
                    outs.for_each(|out| self.open(homes, out, (group.rows, group.lines())));
                }
            }
            // Freed after the result has its place: no instruction writes over its operands.
            let mut inputs: Vec<usize> = instrs.iter().flat_map(|i| i.kind.inputs()).collect();
            inputs.sort_unstable();
            inputs.dedup();
            inputs.retain(|home| !lines.contains(home));
            for home in inputs {
                let again = later.iter().any(|later| later.kind.inputs().contains(&home));
                if !again && !kept(home) && matches!(homes[home].place, Place::Slot(_, Base::Block)) {
                    self.release(homes, home);
                }
            }
        }
        self.free.retain(|(_, base), _| *base != Base::Block);
        for (slot, buffer) in self.all.iter().enumerate().filter(|(_, b)| b.base == Base::Block) {
            self.free.entry((buffer.dtype, Base::Block)).or_default().push(slot);
        }
    }

    /// A buffer for a home; `rows` are those of a block, or as many lines of rows, 0 for a whole tile.
    fn open(&mut self, homes: &mut [Home], home: usize, (rows, lines): (usize, usize)) {
        let base = match (self.kept[home], self.spans[home]) {
            (true, _) => Base::Shard,
            (_, (made, read)) if made != read => Base::Tile,
            // Of a product that nothing reads: it still fills a tile.
            _ if rows == 0 => Base::Tile,
            _ => Base::Block,
        };
        let place = &mut homes[home];
        let len = if base == Base::Block { place.len.div_ceil(lines) * rows } else { place.len };
        let slot = match self.free.get_mut(&(place.dtype, base)).and_then(Vec::pop) {
            Some(slot) if base != Base::Shard => slot,
            _ => {
                self.all.push(Buffer { dtype: place.dtype, base, len: 0 });
                self.all.len() - 1
            }
        };
        self.all[slot].len = self.all[slot].len.max(len);
        place.place = Place::Slot(slot, base);
    }

    fn release(&mut self, homes: &[Home], home: usize) {
        if let Place::Slot(slot, base) = homes[home].place
            && base != Base::Shard
        {
            self.free.entry((homes[home].dtype, base)).or_default().push(slot);
        }
    }
}
