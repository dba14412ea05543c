//! Ceilings of operations: the executor's vector kernels where they are public, else the same loops, in
//! the first cache.

use std::hint::black_box;
use std::ops::Range;

use dl_backends::Operation;
use dl_backends::cpu::vector::{ByteMap, Isa, Operand};
use dl_core::ops::Binary;

use super::ceilings::{Ceiling, Ceilings, once, seconds};

/// Lengths of a short and of a long call: three slices of the long one fit the first cache.
const LENGTHS: [usize; 2] = [16, 2048];

/// Elements of a page of memory, and pages: first calls come to one that no other has touched.
const PAGE: usize = 1024;
const PAGES: usize = 64;

/// Columns of the matrix that is transposed.
const COLUMNS: usize = 16;

/// What operations work on.
pub(super) struct Operands {
    isa: Isa,
    /// Around 1, so that every function has a value.
    x: Vec<f32>,
    y: Vec<f32>,
    out: Vec<f32>,
    conditions: Vec<bool>,
    truths: Vec<bool>,
    bytes: Vec<u8>,
    indices: Vec<i64>,
    map: ByteMap,
}

impl Operands {
    pub(super) fn new() -> Self {
        let long = PAGE * PAGES;
        let x: Vec<f32> = (0..long).map(|i| (i * 7919 % 1009) as f32 / 1009.0 + 0.5).collect();
        Operands {
            isa: Isa::widest(),
            y: x.iter().rev().copied().collect(),
            out: vec![0.0; long],
            conditions: x.iter().map(|x| *x > 1.0).collect(),
            truths: vec![false; long],
            bytes: (0..long).map(|i| (i * 7919 % 256) as u8).collect(),
            indices: (0..long).map(|i| (i * 7919 % COLUMNS) as i64).collect(),
            map: ByteMap::new(std::array::from_fn(|i| i as f32 / 255.0)),
            x,
        }
    }

    /// Adds an operation's line; nothing for those that no loop over elements is.
    pub(super) fn measure(&mut self, operation: Operation, into: &mut Ceilings) {
        let parts = [Ceiling::Call(operation), Ceiling::Element(operation)];
        if self.run(operation, 0..LENGTHS[0]) {
            into.add_line(parts, LENGTHS, |n| seconds(|| _ = black_box(self.run(operation, 0..n))));
        }
    }

    /// Adds what the first call of each operation takes, one after the other, as in a group: whoever called
    /// this has passed over so many bytes.
    pub(super) fn first(&mut self, operations: &[Operation], point: usize, into: &mut Ceilings) {
        let n = LENGTHS[0];
        // What all have in common is no longer new to the first of them.
        self.run(Operation::Random, 0..n);
        for (i, operation) in operations.iter().enumerate() {
            let start = PAGE * ((i + 1) % PAGES);
            let mut some = false;
            let seconds = once(|| some = self.run(*operation, start..start + n));
            if some {
                into.add_first(*operation, point, seconds, n);
            }
        }
    }

    /// Does some of the elements; whether there is anything to do.
    fn run(&mut self, operation: Operation, at: Range<usize>) -> bool {
        let (x, y, out) = (black_box(&self.x[at.clone()]), &self.y[at.clone()], &mut self.out[at.clone()]);
        let (a, b) = (Operand::Slice(x), Operand::Slice(y));
        match operation {
            Operation::Unary(op) => self.isa.unary(op, x, out),
            Operation::Binary(op) if compares(op) => self.isa.compare(op, a, b, &mut self.truths[at]),
            Operation::Binary(op) => self.isa.binary(op, a, b, out),
            Operation::Select => self.isa.select(&self.conditions[at], a, b, out),
            Operation::Cast => self.isa.cast(&self.bytes[at], out),
            Operation::Bytes => self.isa.bytes(&self.map, &self.bytes[at], out),
            Operation::Accumulate => self.isa.accumulate(0.9, out, 0.1, x),
            Operation::Move => out.copy_from_slice(x),
            Operation::Reduce => out[0] = sum(x),
            // Sizes that the compiler does not know, as it does not in the executor.
            Operation::Transpose => transpose(x, out, black_box(COLUMNS)),
            Operation::Index => pick(x, &self.indices[at], out, black_box(COLUMNS)),
            Operation::Random => self.isa.uniform([1, 3, 2], 0, out),
            _ => return false,
        }
        black_box(&mut self.out);
        black_box(&mut self.truths);
        true
    }
}

fn compares(op: Binary) -> bool {
    matches!(op, Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge)
}

/// In as many partial sums as the executor takes.
fn sum(x: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    let (whole, rest) = x.as_chunks::<16>();
    for chunk in whole {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
    }
    sums.iter().chain(rest).sum()
}

/// Rows into columns.
fn transpose(x: &[f32], out: &mut [f32], columns: usize) {
    let rows = x.len() / columns;
    for row in 0..rows {
        for column in 0..columns {
            out[column * rows + row] = x[row * columns + column];
        }
    }
}

/// One element of each row, or of the whole where that ends, after a look at all indices.
fn pick(x: &[f32], indices: &[i64], out: &mut [f32], columns: usize) {
    let inside = |i: &i64| usize::try_from(*i).is_ok_and(|i| i < columns);
    if !indices.iter().fold(true, |all, i| all & inside(i)) {
        return;
    }
    let rows = (x.len() / columns).max(1);
    for (part, indices) in out.chunks_mut(rows).zip(indices.chunks(rows)) {
        for (row, (out, i)) in part.iter_mut().zip(indices).enumerate() {
            *out = x[row * columns + *i as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_does_what_its_operation_says() {
        let mut operands = Operands::new();
        assert!(operands.run(Operation::Reduce, 0..100));
        let right: f32 = operands.x[..100].iter().sum();
        assert!((operands.out[0] - right).abs() < 1e-3);
        assert!(operands.run(Operation::Transpose, 0..64));
        assert_eq!(operands.out[..2], [operands.x[0], operands.x[16]]);
        assert!(operands.run(Operation::Random, 0..8));
        assert_eq!(operands.out[5], dl_core::ops::random::uniform(1, 3, 2, 5));
        assert!(!operands.run(Operation::Multiply, 0..16));
    }
}
