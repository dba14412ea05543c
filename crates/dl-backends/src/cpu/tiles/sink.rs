//! Operations move to the group that needs their results, so that no tile is kept for what costs little
//! to wait with, and blocks have rows of like lengths.

use std::collections::HashMap;

use super::build::{Built, Item, Target, Work};
use super::lane::Place;

/// Raises the ranks of operations as far as their readers allow, where they read no more memory of the
/// tile than they write.
pub(super) fn sink(built: &Built, items: &mut [Item]) {
    // By home: the round of its readers, and the last group in which it may be made.
    let mut latest: HashMap<usize, (u32, usize)> = HashMap::new();
    for home in built.outputs.iter().flatten() {
        latest.insert(*home, (u32::MAX, 0));
    }
    // Readers come after what they read.
    for item in items.iter_mut().rev() {
        let bytes = |home: usize| built.homes[home].len * built.homes[home].dtype.bytes();
        let mut by = item.rank;
        match &item.work {
            Work::Row(instr) => {
                let of_tile = |home: &usize| built.homes[*home].place == Place::Open;
                let read: usize = instr.kind.inputs().into_iter().filter(of_tile).map(bytes).sum();
                if let Some((round, latest)) = latest.get(&instr.out)
                    && *round == item.round
                    && *latest > item.rank
                    && read <= bytes(instr.out)
                {
                    item.rank = *latest;
                }
                by = item.rank;
            }
            // A product comes before the group of its rank.
            _ => by = by.saturating_sub(1),
        }
        for home in item.work.inputs() {
            let entry = latest.entry(home).or_insert((item.round, by));
            *entry = if entry.0 == item.round { (item.round, entry.1.min(by)) } else { (u32::MAX, 0) };
        }
    }
}

impl Work {
    /// The homes that are read.
    pub(super) fn inputs(&self) -> Vec<usize> {
        match self {
            Work::Row(instr) => instr.kind.inputs(),
            Work::Product(product) => product.inputs(),
            Work::Step { args, .. } => super::build::inputs(args),
        }
    }

    /// The home that is written, if it is no fold.
    pub(super) fn result(&self) -> Option<usize> {
        match self {
            Work::Row(instr) => (instr.out != usize::MAX).then_some(instr.out),
            Work::Product(product) => product.out.home(),
            Work::Step { out, .. } => out.home(),
        }
    }
}

impl Target {
    fn home(self) -> Option<usize> {
        if let Target::Home(home) = self { Some(home) } else { None }
    }
}
