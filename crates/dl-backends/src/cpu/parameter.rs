//! A parameter between runs: its elements, or the panels into which a step has left them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use dl_core::{Tensor, finite};

use super::array::{Array, Item, View};
use super::matmul::{Kernels, Room};
use super::team::Team;
use super::tiles::Forms;

/// What a session's buffers hold.
pub(super) struct Parameter {
    /// What it is, unless there are panels: then what it was.
    array: Array<'static>,
    panels: Option<Panels>,
    /// Packed forms of a value that stays as it is, for all who share it.
    forms: OnceLock<Arc<Forms>>,
    /// Whether others share it.
    is_shared: bool,
}

/// A matrix of `f32`, packed.
pub(super) struct Panels {
    pub room: Room,
    pub rows: usize,
    pub columns: usize,
    pub kernels: Kernels,
}

impl Parameter {
    pub(super) fn new(array: Array<'static>) -> Self {
        Parameter { array, panels: None, forms: OnceLock::new(), is_shared: false }
    }

    /// The same elements in the same memory, which nobody updates.
    pub(super) fn shared(&self) -> Parameter {
        let array = match &self.panels {
            Some(_) => Array::owned(self.to_tensor()),
            None => self.array.clone(),
        };
        let forms = self.forms.get_or_init(Arc::default).clone();
        Parameter { array, panels: None, forms: forms.into(), is_shared: true }
    }

    /// The packed forms of a value that is shared, which nobody updates.
    pub(super) fn fixed(&self) -> Option<&Arc<Forms>> {
        self.forms.get().filter(|_| self.is_shared)
    }

    /// Its elements, row by row.
    pub(super) fn array(&mut self) -> &mut Array<'static> {
        if let Some(panels) = self.panels.take()
            && let Array::F32(view) = &mut self.array
        {
            let len = view.layout.len();
            let mut elements = view.take_vec().unwrap_or_else(|| vec![0.0; len]);
            panels.unpack(&mut elements);
            view.give_vec(elements);
        }
        &mut self.array
    }

    /// Its panels as a matrix of so many rows and columns, if that is what it is kept in.
    pub(super) fn take_panels(&mut self, rows: usize, columns: usize) -> Option<Room> {
        let fits = self.panels.as_ref().is_some_and(|p| (p.rows, p.columns) == (rows, columns));
        if fits { self.panels.take().map(|p| p.room) } else { None }
    }

    /// Whether [`Parameter::take_panels`] would give some.
    pub(super) fn has_panels(&self, rows: usize, columns: usize) -> bool {
        self.panels.as_ref().is_some_and(|p| (p.rows, p.columns) == (rows, columns))
    }

    /// From now on it is what the panels hold.
    pub(super) fn set_panels(&mut self, panels: Panels) {
        self.panels = Some(panels);
    }

    /// The elements of one that stays as it is, at the start of a line of the cache, if all are finite.
    pub(super) fn lines(&self) -> Option<Arc<Room>> {
        let Array::F32(view) = &self.array else { return None };
        self.fixed()?.lines(view.as_dense()?)
    }

    /// Another value; the old elements.
    pub(super) fn replace(&mut self, array: Array<'static>) -> Array<'static> {
        self.panels = None;
        std::mem::replace(&mut self.array, array)
    }

    /// A copy of another one, kept in the same form.
    pub(super) fn copied(from: &Parameter, team: Option<&Team>) -> Parameter {
        // With panels beside it, nobody asks for the elements: they are shared until somebody does.
        let mut copy = Parameter::new(from.array.clone());
        copy.copy(from, team);
        copy
    }

    /// Becomes a copy of another one of its type and shape, in the memory that it has.
    pub(super) fn copy(&mut self, from: &Parameter, team: Option<&Team>) {
        if let Some(panels) = &from.panels {
            let room = self.panels.take().map(|own| own.room).filter(|room| room.len() == panels.room.len());
            let mut room = room.unwrap_or_else(|| Room::new(panels.room.len()));
            Team::share(team, &mut room, &|start, part| {
                part.copy_from_slice(&panels.room[start..][..part.len()])
            });
            self.panels = Some(Panels { room, ..*panels });
            return;
        }
        self.panels = None;
        match (&mut self.array, &from.array) {
            (Array::F32(into), Array::F32(from)) => copy(into, from, team),
            (Array::F64(into), Array::F64(from)) => copy(into, from, team),
            (Array::I64(into), Array::I64(from)) => copy(into, from, team),
            (Array::Bool(into), Array::Bool(from)) => copy(into, from, team),
            (Array::U8(into), Array::U8(from)) => copy(into, from, team),
            (into, from) => *into = from.clone(),
        }
    }

    /// Whether no element is infinite or NaN.
    pub(super) fn is_finite(&self, team: Option<&Team>) -> bool {
        match (&self.panels, &self.array) {
            // What fills up panels is zero.
            (Some(panels), _) => all(team, &panels.room, finite::all_f32),
            (None, Array::F32(view)) => all(team, view.as_dense().expect(DENSE), finite::all_f32),
            (None, Array::F64(view)) => all(team, view.as_dense().expect(DENSE), finite::all_f64),
            (None, Array::I64(_) | Array::Bool(_) | Array::U8(_)) => true,
        }
    }

    /// A copy.
    pub(super) fn to_tensor(&self) -> Tensor {
        let Some(panels) = &self.panels else { return self.array.to_tensor() };
        let shape = self.array.shape().to_vec();
        let mut elements = vec![0.0; panels.rows * panels.columns];
        panels.unpack(&mut elements);
        Tensor::new(shape, elements).expect("panels have as many elements as the parameter")
    }
}

impl Panels {
    fn unpack(&self, into: &mut [f32]) {
        self.kernels.unpack_panels(&self.room, self.rows, self.columns, into);
    }
}

const DENSE: &str = "parameters lie row by row";

/// Elements that a thread looks at before it asks for more.
const PART: usize = 1 << 14;

fn copy<T: Item>(into: &mut View<'static, T>, from: &View<'static, T>, team: Option<&Team>) {
    let elements = from.as_dense().expect(DENSE);
    let mut copy =
        into.take_vec().filter(|own| own.len() == elements.len()).unwrap_or_else(|| elements.to_vec());
    Team::share(team, &mut copy, &|start, part| part.copy_from_slice(&elements[start..][..part.len()]));
    into.give_vec(copy);
}

/// Whether all parts are as they should be.
fn all<T: Sync>(team: Option<&Team>, elements: &[T], right: fn(&[T]) -> bool) -> bool {
    let Some(team) = team.filter(|_| elements.len() >= 2 * PART) else { return right(elements) };
    let wrong = AtomicBool::new(false);
    team.each(elements.len().div_ceil(PART), &|index| {
        let part = &elements[index * PART..elements.len().min((index + 1) * PART)];
        wrong.fetch_or(!right(part), Ordering::Relaxed);
    });
    !wrong.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_use_their_memory_again_and_one_bad_number_is_found() {
        let team = Team::new(2).expect("threads");
        for len in [0, 1, PART, 5 * PART + 3] {
            let parameter = |bad: Option<usize>| {
                let element = |i: usize| if Some(i) == bad { f32::INFINITY } else { i as f32 };
                Parameter::new(Array::owned(Tensor::vector((0..len).map(element).collect())))
            };
            for team in [None, Some(&team)] {
                let mut kept = Parameter::copied(&parameter(None), team);
                assert_eq!((kept.to_tensor(), kept.is_finite(team)), (parameter(None).to_tensor(), true));
                for bad in [0, len / 2, len - len.min(1)].into_iter().filter(|i| *i < len) {
                    let of = |p: &Parameter| match &p.array {
                        Array::F32(view) => view.as_dense().map(<[f32]>::as_ptr),
                        _ => None,
                    };
                    let before = of(&kept);
                    kept.copy(&parameter(Some(bad)), team);
                    assert_eq!((of(&kept), kept.is_finite(team)), (before, false), "{bad} of {len}");
                }
            }
        }
    }
}
