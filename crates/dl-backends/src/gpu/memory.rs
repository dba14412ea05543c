//! Memory of a compiled plan: one allocation for all values between kernels, or as few as the device's largest
//! buffer allows, whose places are used again where lifetimes allow; and slots, which say where elements are.

use dl_core::Tensor;
use dl_core::ops::Clock;

use crate::burn::Storage;

/// A place in a compiled plan's list of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SlotId(pub(super) usize);

/// Elements in the device's memory.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// How many.
    pub(super) len: usize,
    /// Where they are.
    pub(super) home: Home,
    /// Whether they are bytes, four in a word.
    pub(super) packed: bool,
    /// How they lie, if they are floats.
    pub(super) storage: Storage,
}

impl Slot {
    /// 32 bits each.
    pub(super) fn new(len: usize, home: Home) -> Slot {
        Slot { len, home, packed: false, storage: Storage::F32 }
    }

    /// Bytes of the device's memory.
    pub(super) fn bytes(&self) -> usize {
        let each = if self.packed { 1 } else { self.storage.bytes() };
        self.len.saturating_mul(each).next_multiple_of(4)
    }
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
    /// Part of the plan's own memory.
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

/// Distance between places in an arena: what every device takes as the begin of a binding.
const ALIGNMENT: usize = 256;

/// A place in one of the arenas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) arena: usize,
    pub(super) at: usize,
}

/// Bytes of the arenas, of which none has more than `largest`, and where each slot begins that lives there; none
/// where a slot is larger than that.
pub(super) fn places(
    slots: &[Slot],
    lives: &[Option<Life>],
    largest: usize,
) -> Option<(Vec<usize>, Vec<Option<Place>>)> {
    let mut places = vec![None; slots.len()];
    let mut order: Vec<usize> = (0..slots.len()).filter(|i| lives[*i].is_some()).collect();
    order.retain(|i| matches!(slots[*i].home, Home::Arena));
    let bytes = |i: usize| slots[i].bytes().next_multiple_of(ALIGNMENT);
    // The largest first: smaller ones find room between them.
    order.sort_by_key(|i| (std::cmp::Reverse(bytes(*i)), *i));
    let mut totals: Vec<usize> = vec![];
    let mut placed: Vec<usize> = vec![];
    for i in order {
        if bytes(i) > largest {
            return None;
        }
        let meets = |other: &&usize| {
            let (Some(a), Some(b)) = (lives[i], lives[**other]) else { return false };
            a.from <= b.until && b.from <= a.until
        };
        // The first gap of an arena that is wide enough.
        let gap = |arena: usize| {
            let mut taken: Vec<(usize, usize)> = placed
                .iter()
                .filter(meets)
                .filter_map(|other| places[*other].map(|place: Place| (place, bytes(*other))))
                .filter(|(place, _)| place.arena == arena)
                .map(|(place, bytes)| (place.at, place.at + bytes))
                .collect();
            taken.sort_unstable();
            let mut at = 0;
            for (from, until) in taken {
                if at + bytes(i) <= from {
                    break;
                }
                at = at.max(until);
            }
            (at + bytes(i) <= largest).then_some(Place { arena, at })
        };
        let found = (0..totals.len()).find_map(gap);
        let place = found.unwrap_or(Place { arena: totals.len(), at: 0 });
        totals.resize(totals.len().max(place.arena + 1), 0);
        totals[place.arena] = totals[place.arena].max(place.at + bytes(i));
        places[i] = Some(place);
        placed.push(i);
    }
    Some((totals, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arenas' bytes, and the places of all.
    fn arenas(slots: &[(usize, usize, usize)], largest: usize) -> Option<(Vec<usize>, Vec<Place>)> {
        let lives: Vec<_> =
            slots.iter().map(|(_, from, until)| Some(Life { from: *from, until: *until })).collect();
        let slots: Vec<_> = slots.iter().map(|(len, ..)| Slot::new(*len, Home::Arena)).collect();
        let (bytes, places) = places(&slots, &lives, largest)?;
        Some((bytes, places.into_iter().flatten().collect()))
    }

    #[test]
    fn memory_is_used_again_where_lives_do_not_meet() {
        let arena = |slots: &[(usize, usize, usize)]| {
            let (bytes, places) = arenas(slots, 1 << 20).expect("there is room");
            (bytes, places.into_iter().map(|place| place.at).collect::<Vec<_>>())
        };
        assert_eq!(arena(&[(64, 0, 1), (64, 2, 3)]), (vec![256], vec![0, 0]));
        assert_eq!(arena(&[(64, 0, 1), (64, 1, 3)]), (vec![512], vec![0, 256]));
        assert_eq!(arena(&[(128, 0, 5), (1, 0, 2), (1, 3, 4)]), (vec![768], vec![0, 512, 512]));
    }

    #[test]
    fn what_no_buffer_holds_goes_to_several() {
        let all = [(128, 0, 9), (64, 0, 9), (64, 0, 9), (64, 3, 4)];
        let several = |largest| {
            let (bytes, places) = arenas(&all, largest)?;
            Some((bytes, places.into_iter().map(|place| (place.arena, place.at)).collect::<Vec<_>>()))
        };
        assert_eq!(several(600), Some((vec![512, 512, 256], vec![(0, 0), (1, 0), (1, 256), (2, 0)])));
        assert_eq!(several(1024), Some((vec![1024, 256], vec![(0, 0), (0, 512), (0, 768), (1, 0)])));
        assert_eq!(several(511), None);
    }
}
