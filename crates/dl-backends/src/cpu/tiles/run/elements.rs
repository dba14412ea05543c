//! The elements of an operand, as they go along the lines of a block.

use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::instr::Operand;
use crate::cpu::tiles::data::slots::Held;
use crate::cpu::tiles::run::scene::Scene;
use crate::cpu::vector;

/// An operand's elements.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'s, T> {
    /// One for each of the result.
    Each(&'s [T]),
    /// One for each line of the result.
    PerLine(&'s [T]),
    /// A line, the same for all.
    SameLine(&'s [T]),
    /// One for all.
    Number(T),
}

impl<'s, T: Held> Elements<'s, T> {
    pub(crate) fn of(operand: &Operand, scene: &'s Scene<'_>, span: Span, len: usize) -> Self {
        match (*operand, span.transposed) {
            (Operand::Rows(v), _) => Elements::Each(scene.rows(v, span, len)),
            (Operand::PerRow(v), false) => Elements::PerLine(scene.rows(v, span, 1)),
            (Operand::PerRow(v), true) => Elements::SameLine(scene.rows(v, span, 1)),
            (Operand::SameRow(v), false) => Elements::SameLine(scene.whole(v)),
            (Operand::SameRow(v), true) => Elements::PerLine(scene.whole(v)),
            (Operand::Same(v), _) => Elements::Number(scene.whole(v)[0]),
            (Operand::Number(number), _) => Elements::Number(T::number(number)),
        }
    }

    /// All at once, where it is the same in every line or has its own element everywhere.
    pub(crate) fn flat(self) -> Option<vector::Operand<'s, T>> {
        match self {
            Elements::Each(x) => Some(vector::Operand::Slice(x)),
            Elements::Number(x) => Some(vector::Operand::Number(x)),
            Elements::PerLine(_) | Elements::SameLine(_) => None,
        }
    }

    /// The elements of a line of `len`.
    pub(crate) fn line(self, index: usize, len: usize) -> vector::Operand<'s, T> {
        match self {
            Elements::Each(x) => vector::Operand::Slice(&x[index * len..][..len]),
            Elements::PerLine(x) => vector::Operand::Number(x[index]),
            Elements::SameLine(x) => vector::Operand::Slice(x),
            Elements::Number(x) => vector::Operand::Number(x),
        }
    }
}

/// Writes an operand's elements, one for each of the result.
pub(crate) fn copy<T: Held>(line: usize, x: Elements<'_, T>, out: &mut [T]) {
    let lines = out.chunks_exact_mut(line.max(1));
    match x {
        Elements::Each(x) => out.copy_from_slice(x),
        Elements::Number(x) => out.fill(x),
        Elements::PerLine(x) => lines.zip(x).for_each(|(o, x)| o.fill(*x)),
        Elements::SameLine(x) => lines.for_each(|o| o.copy_from_slice(x)),
    }
}
