//! Segments at work.
#![allow(unsafe_code)]

use dl_core::DType;

use crate::cpu::code::{Access, STREAMS, Table};
use crate::cpu::tiles::data::code::Segment;
use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::slots::typed;
use crate::cpu::tiles::run::fold::{CHAIN, Fold};
use crate::cpu::tiles::run::scene::Scene;

impl Segment {
    /// Computes the rows of `span`.
    pub(crate) fn run(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) {
        let span = span.in_lines(self.lines);
        let elements = span.rows * self.len;
        if elements == 0 {
            return;
        }
        let line = if self.flat { elements } else { span.line(self.len) };
        let mut table = self.table(scene, span, line);
        let code = self.code.as_ref().expect("a group's segments have code");
        // No more rows one after the other than a fold takes.
        let rows = if self.folds.is_empty() { span.rows } else { CHAIN };
        for first in (0..span.rows).step_by(rows) {
            let lines = rows.min(span.rows - first) * self.len / line;
            let places = &mut table[self.inputs.len() + self.outs.len()..];
            for (address, fold) in places.iter_mut().zip(&self.folds) {
                *address = typed!(self.dtype, T => folds[*fold].begin_part::<T>().as_mut_ptr() as u64);
            }
            // SAFETY: each address has as many elements behind it as its stream goes over: all of the rows, or
            // one for each line, or those of a line. Results are in buffers of their own, or are written over
            // the elements that they are computed of, once these are read; rows and folds are this member's.
            unsafe { code.call(self.entry, &mut table, line, lines) };
            typed!(self.dtype, T => self.folds.iter().for_each(|f| folds[*f].end_part::<T>(scene.isa)));
            for (address, step) in table.iter_mut().zip(self.steps(scene)) {
                *address = address.wrapping_add((step * rows) as u64);
            }
        }
    }

    /// By stream, the bytes from a row to the next, where values lie row by row.
    fn steps(&self, scene: &Scene<'_>) -> impl Iterator<Item = usize> {
        let bytes = |home: usize| scene.homes[home].dtype.bytes();
        let inputs = self.inputs.iter().map(move |i| i.row.unwrap_or(0) * bytes(i.home));
        inputs.chain(self.outs.iter().map(move |out| self.len * bytes(*out)))
    }

    /// Where everything is, but for folds.
    fn table(&self, scene: &Scene<'_>, span: Span, line: usize) -> Table {
        let lines = span.rows * self.len / line;
        let mut table: Table = [0; _];
        let (streams, numbers) = table.split_at_mut(STREAMS);
        for (address, input) in streams.iter_mut().zip(&self.inputs) {
            *address = typed!(scene.homes[input.home].dtype, T => match input.row {
                Some(row) => scene.rows::<T>(input.home, span, row).as_ptr() as u64,
                None => {
                    let whole = scene.whole::<T>(input.home);
                    let read = if input.access == Access::PerLine { lines } else { line };
                    assert!(whole.len() >= read, "a row has as many elements as the result's");
                    whole.as_ptr() as u64
                }
            });
        }
        for (address, out) in streams[self.inputs.len()..].iter_mut().zip(&self.outs) {
            *address = scene.address(*out, span, self.len) as u64;
        }
        for (number, home) in numbers.iter_mut().zip(&self.numbers) {
            *number = match self.dtype {
                DType::F64 => scene.whole::<f64>(*home)[0].to_bits(),
                _ => scene.whole::<f32>(*home)[0].to_bits().into(),
            };
        }
        table
    }
}
