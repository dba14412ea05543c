//! What stands beside a result while a long inner axis is summed: a part of the sum, and what rounding took
//! from the total so far.

use std::ops::Range;

use super::blocks::Blocks;
use super::operand::Layout;
use crate::cpu::vector::{keep, settled};

/// Where elements of a product go: the place of its first element, and the layout.
#[derive(Clone, Copy)]
pub(super) struct Into {
    pub c: *mut f32,
    pub layout: Layout,
}

/// For some rows and columns of a result.
pub(super) struct Beside {
    part: Vec<f32>,
    lost: Vec<f32>,
    /// Distance between rows, and where row 0 and column 0 would be.
    stride: usize,
    origin: usize,
}

impl Beside {
    pub(super) fn new(rows: &Range<usize>, vectors: &Range<usize>, width: usize) -> Self {
        let stride = vectors.len() * width;
        let zeros = vec![0.0; rows.len() * stride];
        let origin = rows.start * stride + vectors.start * width;
        Beside { part: zeros.clone(), lost: zeros, stride, origin }
    }

    /// Where the next part of the sum goes.
    pub(super) fn part(&mut self) -> Into {
        Into { c: self.part.as_mut_ptr().wrapping_sub(self.origin), layout: Layout::Rows(self.stride) }
    }
}

impl Blocks<'_> {
    /// Adds the part to the result; what rounding takes is kept.
    pub(super) fn add(&self, rows: &Range<usize>, vectors: &Range<usize>, beside: &mut Beside) {
        let Beside { part, lost, stride, origin } = beside;
        self.each(rows, vectors, |row, columns, c| {
            let at = row * *stride + columns.start - *origin;
            c.iter_mut()
                .zip(&part[at..])
                .zip(&mut lost[at..])
                .for_each(|((c, part), lost)| keep(c, lost, *part));
        });
    }

    /// Brings what was lost into the result.
    pub(super) fn settle(&self, rows: &Range<usize>, vectors: &Range<usize>, beside: &Beside) {
        self.each(rows, vectors, |row, columns, c| {
            let lost = &beside.lost[row * beside.stride + columns.start - beside.origin..];
            c.iter_mut().zip(lost).for_each(|(c, lost)| *c = settled(*c, *lost));
        });
    }
}
