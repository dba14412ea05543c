//! Grouping: instructions are gathered between the products and opaque steps that they wait for.

use std::collections::{HashMap, HashSet};

use crate::schedule::draft::Draft;
use crate::schedule::item::{Item, Level, RowId, Work};
use crate::schedule::{Instr, StageId};

/// Work of a stage's rows, in order.
pub(super) enum Phase {
    /// A product or an opaque step, with its level.
    Tile(Work, Level),
    /// Instructions that share a kernel, each with the value that it defines, and their level.
    Group(Vec<(Instr<RowId>, Option<RowId>)>, Level),
}

/// The phases of each stage.
pub(super) fn group(draft: &mut Draft<'_>, stages: usize) -> Vec<Vec<Phase>> {
    let mut phases: Vec<Vec<Phase>> = (0..stages).map(|_| vec![]).collect();
    let mut items = std::mem::take(&mut draft.items);
    sink(draft, &mut items);
    // Stable: products of a level before its group, otherwise in the plan's order.
    items.sort_by_key(|i| (i.stage, i.level, matches!(i.work, Work::Row(..))));
    for Item { stage, level, work } in items {
        let phases = &mut phases[stage.index()];
        match (work, phases.last_mut()) {
            (Work::Row(instr, out), Some(Phase::Group(group, own))) if *own == level => {
                group.push((instr, out));
            }
            (Work::Row(instr, out), _) => phases.push(Phase::Group(vec![(instr, out)], level)),
            (work, _) => phases.push(Phase::Tile(work, level)),
        }
    }
    phases
}

/// The level at which readers need a value.
#[derive(Clone, Copy)]
enum Needed {
    /// At the earliest by this level of this stage.
    In(StageId, Level),
    /// By several stages, or after all of them.
    Always,
}

/// Moves instructions to the last group that their readers allow, where they read no more memory between
/// kernels than they write: nothing is kept that costs little to compute later, and groups have rows of
/// like lengths. What is computed anew comes where it is wanted.
fn sink(draft: &Draft<'_>, items: &mut [Item]) {
    let renewed: HashSet<RowId> = draft.renewed.values().filter_map(|o| o.register()).collect();
    let mut needed: HashMap<RowId, Needed> = HashMap::new();
    for row in draft.outputs.iter().flatten() {
        needed.insert(*row, Needed::Always);
    }
    // Readers come after the values that they read.
    for item in items.iter_mut().rev() {
        let bytes = |row: RowId| draft.value(row).len * draft.value(row).dtype.bytes();
        let mut by = item.level;
        match &item.work {
            Work::Row(instr, out) => {
                let computed = |row: &RowId| draft.value(*row).load.is_none();
                let read: usize = instr.operation.registers().into_iter().filter(computed).map(bytes).sum();
                if let Some(out) = out
                    && let Some(Needed::In(stage, latest)) = needed.get(out)
                    && *stage == item.stage
                    && *latest > item.level
                    // A last product reads whole tiles, whenever they were computed.
                    && *latest != Level::Last
                    && (read <= bytes(*out) || renewed.contains(out))
                {
                    item.level = *latest;
                }
                by = item.level;
            }
            // A product comes before the group of its level.
            _ => {
                by = match by {
                    Level::After(level) => Level::After(level.saturating_sub(1)),
                    Level::Last => Level::Last,
                }
            }
        }
        for row in item.work.reads() {
            let latest = match needed.get(&row) {
                None => Needed::In(item.stage, by),
                Some(Needed::In(stage, latest)) if *stage == item.stage => {
                    Needed::In(*stage, (*latest).min(by))
                }
                Some(_) => Needed::Always,
            };
            needed.insert(row, latest);
        }
    }
}
