//! Groups of short rows compute on columns: inside, values lie column by column (a structure of arrays), so
//! that vectors go along the rows of a block, however few elements each has.

use std::collections::{HashMap, HashSet};

use crate::cpu::tiles::data::home::{Home, Place};
use crate::cpu::tiles::data::instr::{Instr, Kind, Way, Work};
use crate::cpu::tiles::data::phase::{Group, Phase, Phases, groups};
use crate::cpu::tiles::lower::rows::Lowered;

/// Rows with this number of elements fill the vectors of a kernel as they lie.
const SHORT: usize = 32;

/// Transposes the groups for which that pays: values that come from outside or go there are transposed at
/// the group's ends.
pub(crate) fn transpose(lowered: &mut Lowered, stages: &mut [Phases], rows: usize) {
    let mut readers: HashMap<usize, usize> = HashMap::new();
    for home in
        stages.iter().flatten().flat_map(Phase::inputs).chain(lowered.outputs.iter().flatten().copied())
    {
        *readers.entry(home).or_default() += 1;
    }
    for group in groups(stages.iter_mut().flatten()) {
        if group.lines() == 1 && pays(lowered, group) {
            // A single row lies column by column as it is.
            if rows != 1 {
                transpose_group(lowered, group, &readers);
            }
            group.transposed = true;
        }
    }
}

/// Whether rows are short, and some are no single elements. However many rows there are: sums over columns are not
/// those over rows to the last bit, and what a row comes to is no matter of what else is in its batch.
fn pays(lowered: &Lowered, group: &Group) -> bool {
    let homes =
        group.instrs.iter().flat_map(|i| i.kind.inputs().into_iter().filter(|h| is_rows(lowered, *h)));
    let lens: Vec<usize> =
        homes.map(|home| lowered.homes[home].len).chain(group.instrs.iter().map(|i| i.len)).collect();
    let longest = lens.iter().copied().max().unwrap_or(0);
    // Values that are transposed on their way in or out are worth it only if something is done with them.
    longest > 1 && longest < SHORT && group.instrs.iter().filter(|i| i.len > 1).count() > 2
}

fn is_rows(lowered: &Lowered, home: usize) -> bool {
    matches!(lowered.homes[home].place, Place::Input(_) | Place::Open)
}

fn transpose_group(lowered: &mut Lowered, group: &mut Group, readers: &HashMap<usize, usize>) {
    let mut own: HashMap<usize, usize> = HashMap::new();
    for home in group.instrs.iter().flat_map(|i| i.kind.inputs()) {
        *own.entry(home).or_default() += 1;
    }
    let made: HashSet<usize> = group.instrs.iter().filter_map(|i| i.out).collect();
    let (mut transposed, mut before, mut after) = (HashMap::new(), vec![], vec![]);
    let mut homes: Vec<(usize, usize)> =
        group.instrs.iter().flat_map(|i| i.kind.inputs().into_iter().map(|h| (h, i.step))).collect();
    homes.extend(group.instrs.iter().filter_map(|i| Some((i.out?, i.step))));
    for (home, step) in homes {
        let Home { dtype, len, .. } = lowered.homes[home];
        let outside = readers.get(&home) > own.get(&home);
        if len == 1
            || !is_rows(lowered, home)
            || transposed.contains_key(&home)
            || made.contains(&home) && !outside
        {
            continue;
        }
        lowered.homes.push(Home { place: Place::Open, dtype, len });
        let inside = lowered.homes.len() - 1;
        transposed.insert(home, inside);
        // No schedule knows of it.
        let work = Work { terms: len, operations: 0 };
        if made.contains(&home) {
            let kind = Kind::Transpose(inside, Way::Rows);
            after.push(Instr { kind, dtype, out: Some(home), len, lines: 1, step, work });
        } else {
            let kind = Kind::Transpose(home, Way::Columns);
            before.push(Instr { kind, dtype, out: Some(inside), len, lines: 1, step, work });
        }
    }
    let of = |home: usize| transposed.get(&home).copied().unwrap_or(home);
    for instr in &mut group.instrs {
        instr.kind.rename(of);
        instr.out = instr.out.map(of);
    }
    group.instrs = before.into_iter().chain(group.instrs.drain(..)).chain(after).collect();
}
