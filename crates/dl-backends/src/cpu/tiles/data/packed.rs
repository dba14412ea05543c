//! Matrices in panels, and who has them: an executable for itself, or all that share a value which stays as it is.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dl_core::finite;

use super::product::Pack;
use crate::cpu::matmul::{Kernels, Room};
use crate::cpu::parameter::Parameter;

/// What is known of a parameter that nobody updates, for all who share it: its packed forms, each made once by
/// whoever needs it first, and its elements at lines of the cache.
#[derive(Debug, Default)]
pub(in crate::cpu) struct Forms {
    packed: Mutex<Vec<(Pack, Arc<Room>)>>,
    lines: OnceLock<Option<Arc<Room>>>,
}

impl Forms {
    /// The elements as they are, at the start of a line of the cache, if all are finite.
    pub(in crate::cpu) fn lines(&self, elements: &[f32]) -> Option<Arc<Room>> {
        let copy = || {
            let mut room = Room::new(elements.len());
            room.copy_from_slice(elements);
            finite::all_f32(elements).then(|| Arc::new(room))
        };
        self.lines.get_or_init(copy).clone()
    }

    /// The elements `from` as `pack` wants them.
    fn get(&self, pack: &Pack, kernels: &Kernels, from: &[f32]) -> Arc<Room> {
        let mut all = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, room)) = all.iter().find(|(known, _)| known.lies_as(pack)) {
            return room.clone();
        }
        let mut room = Room::new(pack.len(kernels));
        pack.fill(kernels, from, &mut room);
        let room = Arc::new(room);
        all.push((*pack, room.clone()));
        room
    }
}

/// A matrix in panels.
#[derive(Debug)]
pub(crate) enum Packed {
    /// Packed again in every run.
    Own(Room),
    /// Packed for good, and of which value.
    Fixed(Arc<Forms>, Arc<Room>),
}

impl Default for Packed {
    fn default() -> Self {
        Packed::Own(Room::default())
    }
}

impl Packed {
    /// Room of its own.
    pub(crate) fn own(&mut self) -> &mut Room {
        if let Packed::Fixed(..) = self {
            *self = Packed::default();
        }
        match self {
            Packed::Own(room) => room,
            Packed::Fixed(..) => unreachable!("it was made its own"),
        }
    }

    /// Whether it is a form of this value already.
    pub(crate) fn is_of(&self, forms: &Arc<Forms>) -> bool {
        matches!(self, Packed::Fixed(known, _) if Arc::ptr_eq(known, forms))
    }

    /// Becomes a form of a value that stays as it is.
    pub(crate) fn fix(&mut self, forms: &Arc<Forms>, pack: &Pack, kernels: &Kernels, from: &[f32]) {
        *self = Packed::Fixed(forms.clone(), forms.get(pack, kernels, from));
    }
}

impl Deref for Packed {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Packed::Own(room) => room,
            Packed::Fixed(_, room) => room,
        }
    }
}

/// A parameter that a single row is multiplied by.
#[derive(Debug)]
pub(crate) struct Line {
    /// The plan's value.
    pub value: usize,
    /// By the plan's list.
    pub parameter: usize,
    /// Of a run: what it is, if it stays so and is finite, and whose form that is.
    of: Option<(Arc<Forms>, Option<Arc<Room>>)>,
}

impl Line {
    pub(crate) fn new(value: usize, parameter: usize) -> Line {
        Line { value, parameter, of: None }
    }

    /// Looks what the parameter is now.
    pub(crate) fn look(&mut self, parameter: &Parameter) {
        let known = match (&self.of, parameter.fixed()) {
            (Some((known, _)), Some(forms)) => Arc::ptr_eq(known, forms),
            (known, forms) => known.is_none() && forms.is_none(),
        };
        if !known {
            self.of = parameter.fixed().map(|forms| (forms.clone(), parameter.lines()));
        }
    }

    /// All elements, at lines of the cache.
    pub(crate) fn elements(&self) -> Option<&[f32]> {
        self.of.as_ref()?.1.as_ref().map(|room| &room[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_made_once_for_all_who_share_the_value() {
        let kernels = Kernels::best();
        let forms: Arc<Forms> = Arc::default();
        let pack = |stage, n| Pack { value: 0, stage, k: 2, n, strides: (n as isize, 1), padded: false };
        let from: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let (mut first, mut second, mut other) = (Packed::default(), Packed::default(), Packed::default());
        first.fix(&forms, &pack(0, 10), &kernels, &from);
        second.fix(&forms, &pack(1, 10), &kernels, &from);
        other.fix(&forms, &pack(0, 5), &kernels, &from[..10]);
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_ne!(first.as_ptr(), other.as_ptr());
        assert!(first.is_of(&forms) && !first.is_of(&Arc::default()));
        let mut rows = vec![0.0; 20];
        kernels.unpack_panels(&first, 2, 10, &mut rows);
        assert_eq!(rows, from);
        // Room of its own is another one.
        assert!(first.own().is_empty() && !first.is_of(&forms));
    }
}
