//! Bodies: the instructions of a kernel for one row or element, in single-assignment form.

use crate::dtype::{DType, Scalar};
use crate::schedule::{BufferId, Operation, StepId};

/// Instructions in order; each defines the register of its own place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// The instructions.
    pub instrs: Vec<Instr>,
}

/// A value inside a body: the result of the instruction at that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(pub u32);

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Instr<R = Register> {
    /// What is computed.
    pub operation: Operation<R>,
    /// The element type of the result.
    pub dtype: DType,
    /// Elements of the result for each row of the domain.
    pub len: usize,
    /// The step of the plan that it is part of.
    pub step: StepId,
}

/// An operand of an elementwise instruction. A register of one element stands for as many as the result
/// has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand<R = Register> {
    /// The result of an earlier instruction.
    Register(R),
    /// The same number for every element.
    Number(Scalar),
}

/// Where a load finds its elements: element `e` of row `r` stands at `r·row + e·element`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Distance between rows; 0 where all rows read the same elements.
    pub row: usize,
    /// Distance between the elements of a row; 0 where there is but one.
    pub element: usize,
}

/// Indices along an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Index<R = Register> {
    /// The indices, `i64`.
    pub register: R,
    /// Elements of the axis.
    pub along: usize,
    /// The shape of a row of indices.
    pub row: Vec<usize>,
    /// The axis, and the shape that it is an axis of, for messages.
    pub axis: (usize, String),
}

impl Access {
    /// As many elements for each row as a row of the buffer has.
    pub fn rows(len: usize) -> Access {
        Access { row: len, element: 1 }
    }

    /// The same elements for each row, or the only one.
    pub fn same(len: usize) -> Access {
        Access { row: 0, element: usize::from(len != 1) }
    }
}

impl Register {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl<R: Copy> Operand<R> {
    /// The register, if it is one.
    pub fn register(self) -> Option<R> {
        match self {
            Operand::Register(register) => Some(register),
            Operand::Number(_) => None,
        }
    }

    pub(super) fn map<S>(self, f: &mut impl FnMut(R) -> S) -> Operand<S> {
        match self {
            Operand::Register(register) => Operand::Register(f(register)),
            Operand::Number(number) => Operand::Number(number),
        }
    }
}

impl<R: Copy> Index<R> {
    pub(super) fn map<S>(self, f: &mut impl FnMut(R) -> S) -> Index<S> {
        Index { register: f(self.register), along: self.along, row: self.row, axis: self.axis }
    }

    /// Indices of a row.
    pub fn count(&self) -> usize {
        self.row.iter().product()
    }
}

impl Body {
    /// Appends an instruction; its register.
    pub(super) fn push(&mut self, instr: Instr) -> Register {
        self.instrs.push(instr);
        Register((self.instrs.len() - 1) as u32)
    }

    /// An instruction, by its register.
    pub fn instr(&self, register: Register) -> &Instr {
        &self.instrs[register.index()]
    }

    /// The buffers that are read; one that is read twice comes twice.
    pub fn reads(&self) -> impl Iterator<Item = BufferId> {
        self.instrs.iter().filter_map(|i| i.operation.read())
    }

    /// The buffers that are written or reduced into.
    pub fn writes(&self) -> impl Iterator<Item = BufferId> {
        self.instrs.iter().filter_map(|i| i.operation.written())
    }
}
