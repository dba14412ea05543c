//! Memory of a compiled plan: one allocation for all values between kernels, whose places are used again where
//! lifetimes allow, and slots, which say where elements are.

use dl_core::Tensor;
use dl_core::ops::Clock;

/// A place in a compiled plan's list of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SlotId(pub(super) usize);

/// Elements in the device's memory, 32 bits each.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// How many.
    pub(super) len: usize,
    /// Where they are.
    pub(super) home: Home,
    /// Whether they are bytes, four in a word.
    pub(super) packed: bool,
}

/// Where a slot's elements are.
#[derive(Clone, Debug)]
pub(super) enum Home {
    /// What the caller brings along, by the plan's list.
    Input(usize),
    /// A parameter, by the plan's list.
    Parameter(usize),
    /// Numbers that sizes determine.
    Known(Tensor),
    /// The number of training steps that the session has finished.
    Step,
    /// What decides the random numbers of a stream: five words.
    Key(u64, Clock),
    /// Where the steps of a loop are along its sequences.
    Turn { length: usize, reverse: bool },
    /// Part of the plan's own allocation.
    Arena,
    /// What burn's operations made, in memory of its own.
    Burn,
}

/// From which piece of work to which a slot is needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) from: usize,
    pub(super) until: usize,
}

/// Distance between places in the arena: what every device takes as the begin of a binding.
const ALIGNMENT: usize = 256;

/// Bytes of the arena, and where in it each slot begins that lives there.
pub(super) fn places(slots: &[Slot], lives: &[Option<Life>]) -> (usize, Vec<Option<usize>>) {
    let mut places = vec![None; slots.len()];
    let mut order: Vec<usize> = (0..slots.len()).filter(|i| lives[*i].is_some()).collect();
    order.retain(|i| matches!(slots[*i].home, Home::Arena));
    let bytes = |i: usize| (slots[i].len * 4).next_multiple_of(ALIGNMENT);
    // The largest first: smaller ones find room between them.
    order.sort_by_key(|i| (std::cmp::Reverse(bytes(*i)), *i));
    let mut total = 0;
    let mut placed: Vec<usize> = vec![];
    for i in order {
        let meets = |other: &&usize| {
            let (Some(a), Some(b)) = (lives[i], lives[**other]) else { return false };
            a.from <= b.until && b.from <= a.until
        };
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(meets)
            .filter_map(|other| places[*other].map(|at| (at, at + bytes(*other))))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (from, until) in taken {
            if at + bytes(i) <= from {
                break;
            }
            at = at.max(until);
        }
        places[i] = Some(at);
        total = total.max(at + bytes(i));
        placed.push(i);
    }
    (total, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena(slots: &[(usize, usize, usize)]) -> (usize, Vec<Option<usize>>) {
        let lives: Vec<_> =
            slots.iter().map(|(_, from, until)| Some(Life { from: *from, until: *until })).collect();
        let slots: Vec<_> =
            slots.iter().map(|(len, ..)| Slot { len: *len, home: Home::Arena, packed: false }).collect();
        places(&slots, &lives)
    }

    #[test]
    fn memory_is_used_again_where_lives_do_not_meet() {
        assert_eq!(arena(&[(64, 0, 1), (64, 2, 3)]), (256, vec![Some(0), Some(0)]));
        assert_eq!(arena(&[(64, 0, 1), (64, 1, 3)]), (512, vec![Some(0), Some(256)]));
        assert_eq!(arena(&[(128, 0, 5), (1, 0, 2), (1, 3, 4)]), (768, vec![Some(0), Some(512), Some(512)]));
    }
}
