//! Launches that need not wait for each other as one: each keeps its work groups.

use super::lower::{Device, Work};
use super::memory::{Home, Slot, SlotId};
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
        let updates =
            |writes: &[SlotId]| writes.iter().any(|s| matches!(slots[s.0].home, Home::Parameter(_)));
        match work {
            Work::Launch(shader) => {
                let writes = shader.writes().to_vec();
                Access { all: shader.slots().collect(), updates: updates(&writes), writes, may_fail: false }
            }
            Work::Steps(recipe) => {
                let writes: Vec<SlotId> = recipe.writes.iter().map(|(_, slot)| *slot).collect();
                let all =
                    recipe.reads.iter().map(|(_, _, slot)| *slot).chain(writes.iter().copied()).collect();
                Access { all, updates: updates(&writes), writes, may_fail: recipe.may_fail }
            }
        }
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
    let constant = constants(&works, slots);
    let mut works: Vec<Option<(Work, Access, bool)>> = works
        .into_iter()
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

/// Which launches compute the same in every run.
fn constants(works: &[Work], slots: &[Slot]) -> Vec<bool> {
    let mut constant: Vec<bool> = slots.iter().map(|slot| matches!(slot.home, Home::Known(_))).collect();
    let mut found = vec![];
    for work in works {
        let Access { all, writes, .. } = Access::of(work, slots);
        let same = matches!(work, Work::Launch(_)) && all.iter().all(|s| constant[s.0] || writes.contains(s));
        let same = same && writes.iter().all(|s| matches!(slots[s.0].home, Home::Arena));
        if same {
            writes.iter().for_each(|s| constant[s.0] = true);
        }
        found.push(same);
    }
    found
}
