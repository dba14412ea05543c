//! A parameter between runs: its elements, or the panels into which a step has left them.

use dl_core::Tensor;

use super::array::Array;
use super::matmul::{Kernels, Room};

/// What a session's buffers hold.
pub(super) struct Parameter {
    /// What it is, unless there are panels: then what it was.
    array: Array<'static>,
    panels: Option<Panels>,
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
        Parameter { array, panels: None }
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

    /// Another value; the old elements.
    pub(super) fn replace(&mut self, array: Array<'static>) -> Array<'static> {
        self.panels = None;
        std::mem::replace(&mut self.array, array)
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
