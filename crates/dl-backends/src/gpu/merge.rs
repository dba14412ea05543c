//! Launches that need not wait for each other as one: each keeps its work groups.

use super::looped::Turns;
use super::lower::{Device, Work};
use super::memory::{Home, Slot, SlotId};
use super::recipe::Recipe;
use super::shader::Shader;

/// What a piece of work reads or writes, and what of it it writes.
struct Access {
    all: Vec<SlotId>,
    writes: Vec<SlotId>,
    /// Whether it writes parameters.
    updates: bool,
    /// Whether a run may end there: then no parameter has changed.
    may_fail: bool,
}

impl Access {
    fn of(work: &Work, slots: &[Slot]) -> Access {
        let (all, writes) = (work.slots(), work.writes());
        let updates = writes.iter().any(|s| matches!(slots[s.0].home, Home::Parameter(_)));
        let may_fail = matches!(work, Work::Steps(recipe) if recipe.may_fail);
        Access { all, writes, updates, may_fail }
    }

    /// Whether the two may change places.
    fn is_free_of(&self, other: &Access) -> bool {
        let disturbs = |a: &Access, b: &Access| {
            a.writes.iter().any(|slot| b.all.contains(slot)) || (a.updates && b.may_fail)
        };
        !disturbs(self, other) && !disturbs(other, self)
    }
}

/// The same work with fewer launches.
pub(super) fn merged(works: Vec<Work>, slots: &[Slot], device: Device) -> Vec<Work> {
    let (constant, _) = constants(&works, slots, &|_| false);
    let works = works.into_iter().map(|work| match work {
        Work::Loop(turns) => Work::Loop(Turns { works: merged(turns.works, slots, device), ..turns }),
        work => work,
    });
    let mut works: Vec<Option<(Work, Access, bool)>> = works
        .zip(constant)
        .map(|(work, constant)| {
            let access = Access::of(&work, slots);
            Some((work, access, constant))
        })
        .collect();
    for later in 1..works.len() {
        for earlier in (0..later).rev() {
            let Some(up) = fits(&works, earlier, later, device) else { continue };
            let (Some((Work::Launch(first), ..)), Some((Work::Launch(second), ..))) =
                (works[earlier].take(), works[later].take())
            else {
                continue;
            };
            let mut both: Shader = first;
            both.add(second);
            let both = Work::Launch(both);
            let access = Access::of(&both, slots);
            works[if up { earlier } else { later }] = Some((both, access, false));
            break;
        }
    }
    works.into_iter().flatten().map(|(work, ..)| work).collect()
}

/// Whether two launches can be one: at the place of the earlier one, or of the later one.
fn fits(
    works: &[Option<(Work, Access, bool)>],
    earlier: usize,
    later: usize,
    device: Device,
) -> Option<bool> {
    let ((Work::Launch(first), a, false), (Work::Launch(second), b, false)) =
        (works[earlier].as_ref()?, works[later].as_ref()?)
    else {
        return None;
    };
    if !first.takes(second, device.bindings) || !a.is_free_of(b) {
        return None;
    }
    let mut between = works[earlier + 1..later].iter().flatten();
    let alone = |access: &Access| {
        works[earlier + 1..later].iter().flatten().all(|(_, other, _)| access.is_free_of(other))
    };
    if between.next().is_none() || alone(b) {
        return Some(true);
    }
    alone(a).then_some(false)
}

/// Which works, and which slots, are the same in every run; `recipe` says it of steps whose operands are.
pub(super) fn constants(
    works: &[Work],
    slots: &[Slot],
    recipe: &dyn Fn(&Recipe) -> bool,
) -> (Vec<bool>, Vec<bool>) {
    let mut constant: Vec<bool> = slots.iter().map(|slot| matches!(slot.home, Home::Known(_))).collect();
    // What a loop begins with is written again in its turns.
    let mut writers = vec![0; slots.len()];
    works.iter().flat_map(Work::writes).for_each(|slot| writers[slot.0] += 1);
    let mut found = vec![];
    for work in works {
        let writes = work.writes();
        let same = match work {
            Work::Launch(shader) => {
                shader.slots().all(|s| constant[s.0] || writes.contains(&s))
                    && writes.iter().all(|s| matches!(slots[s.0].home, Home::Arena))
            }
            Work::Steps(steps) => steps.reads.iter().all(|(_, _, s)| constant[s.0]) && recipe(steps),
            Work::Loop(_) => false,
        };
        let same = same && writes.iter().all(|slot| writers[slot.0] == 1);
        if same {
            writes.iter().for_each(|s| constant[s.0] = true);
        }
        found.push(same);
    }
    (found, constant)
}
