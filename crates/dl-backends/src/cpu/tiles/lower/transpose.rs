//! Groups of short rows, turned: inside, values lie column by column, so that vectors go along the rows
//! of a block, however few elements each has.

use std::collections::{HashMap, HashSet};

use super::build::Built;
use super::group::{Instr, Kind, Way};
use super::lane::{Home, Place};
use super::place::{Group, Phase, Phases};

/// Rows that fill the vectors of a kernel from here on need not be turned.
const SHORT: usize = 32;

/// Turns the groups for which that pays: what comes from outside and what goes there is turned at the
/// group's ends.
pub(super) fn turn(built: &mut Built, rounds: &mut [Phases], rows: usize) {
    let mut readers: HashMap<usize, usize> = HashMap::new();
    for home in rounds.iter().flatten().flat_map(Phase::inputs).chain(built.outputs.iter().flatten().copied())
    {
        *readers.entry(home).or_default() += 1;
    }
    for phase in rounds.iter_mut().flatten() {
        if let Phase::Group(group) = phase
            && pays(built, group, rows)
        {
            turn_group(built, group, &readers);
        }
    }
}

/// Whether rows are shorter than columns, and some are no single elements.
fn pays(built: &Built, group: &Group, rows: usize) -> bool {
    let homes = group.instrs.iter().flat_map(|i| i.kind.inputs().into_iter().filter(|h| is_rows(built, *h)));
    let lens: Vec<usize> =
        homes.map(|home| built.homes[home].len).chain(group.instrs.iter().map(|i| i.len)).collect();
    let longest = lens.iter().copied().max().unwrap_or(0);
    // Values that are turned on their way in or out are worth it only if something is done with them.
    longest > 1 && longest < SHORT.min(rows) && group.instrs.iter().filter(|i| i.len > 1).count() > 2
}

fn is_rows(built: &Built, home: usize) -> bool {
    matches!(built.homes[home].place, Place::Input(_) | Place::Open)
}

fn turn_group(built: &mut Built, group: &mut Group, readers: &HashMap<usize, usize>) {
    let mut own: HashMap<usize, usize> = HashMap::new();
    for home in group.instrs.iter().flat_map(|i| i.kind.inputs()) {
        *own.entry(home).or_default() += 1;
    }
    let made: HashSet<usize> = group.instrs.iter().map(|i| i.out).collect();
    let (mut turned, mut before, mut after) = (HashMap::new(), vec![], vec![]);
    let mut homes: Vec<(usize, usize)> =
        group.instrs.iter().flat_map(|i| i.kind.inputs().into_iter().map(|h| (h, i.step))).collect();
    homes.extend(group.instrs.iter().filter(|i| i.out != usize::MAX).map(|i| (i.out, i.step)));
    for (home, step) in homes {
        let Home { dtype, len, .. } = built.homes[home];
        let outside = readers.get(&home) > own.get(&home);
        if len == 1 || !is_rows(built, home) || turned.contains_key(&home) || made.contains(&home) && !outside
        {
            continue;
        }
        built.homes.push(Home { place: Place::Open, dtype, len });
        let inside = built.homes.len() - 1;
        turned.insert(home, inside);
        if made.contains(&home) {
            after.push(Instr { kind: Kind::Turn(inside, Way::Rows), dtype, out: home, len, step });
        } else {
            before.push(Instr { kind: Kind::Turn(home, Way::Columns), dtype, out: inside, len, step });
        }
    }
    let of = |home: usize| turned.get(&home).copied().unwrap_or(home);
    for instr in &mut group.instrs {
        instr.kind.rename(of);
        instr.out = of(instr.out);
    }
    group.instrs = before.into_iter().chain(group.instrs.drain(..)).chain(after).collect();
    group.columns = true;
}
