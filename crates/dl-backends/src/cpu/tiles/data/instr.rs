//! Instructions of a group: functions from homes to a home, computed row by row.

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::{Binary, Clock, Reduce, Unary};
use dl_core::schedule::{Body, Register};

use crate::cpu::vector::{ByteMap, Pattern, Run};

/// One operation; values are places in the table of homes.
#[derive(Debug)]
pub(crate) struct Instr {
    pub kind: Kind,
    /// The element type of the result.
    pub dtype: DType,
    /// The home that is written; none if it reduces rows.
    pub out: Option<usize>,
    /// Elements of a row of the result, or of a line of it.
    pub len: usize,
    /// Lines of a row, each of which is a row for it; 1 unless rows are taken line by line.
    pub lines: usize,
    /// The plan's step, for errors.
    pub step: usize,
    pub work: Work,
}

/// What the schedule counts for each row: elements that are gone through, and operations on numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub terms: usize,
    pub operations: usize,
}

impl Work {
    /// That of an instruction of a body.
    pub(crate) fn of(body: &Body, register: Register) -> Work {
        Work { terms: body.terms(register), operations: body.operations(register) }
    }
}

/// What an operation computes.
#[derive(Debug)]
pub(crate) enum Kind {
    Unary(Unary, Operand),
    /// The operands' element type stands beside.
    Binary(Binary, DType, Operand, Operand),
    Select(Operand, Operand, Operand),
    Cast(DType, Operand),
    /// A function of bytes.
    Bytes(ByteMap, usize),
    /// The operand as rows of elements.
    Copy(Operand),
    /// Rows into columns, or back.
    Transpose(usize, Way),
    /// `kind` of each run of neighbours; the last number is the length of a run.
    Reduce(Reduce, usize, usize),
    /// The same of elements at a pattern's places of a row, whose length is given.
    Pattern(Reduce, usize, Pattern, usize),
    /// Element `map[i]` of the operand's row, whose length is given; `u32::MAX` for the number. Beside it the
    /// runs of the table, where there are long ones.
    Gather(Vec<u32>, Operand, usize, Scalar, Option<Vec<Run>>),
    /// Operands side by side: element `i` of each goes to `map[i]`.
    Concat(Vec<(usize, Vec<u32>)>),
    /// Numbers that count on from row to row, each repeated `times`.
    Count {
        per_row: usize,
        times: usize,
    },
    /// Uniform numbers of a stream, counted by element.
    Random(u64, Clock),
    /// One element of each run, by index.
    Pick {
        from: usize,
        index: Index,
    },
    /// Rows of a whole table, of `width` elements, by index.
    Lookup {
        table: usize,
        index: Index,
        width: usize,
    },
    /// An update at its index of each run of zeros.
    Place {
        index: Index,
        update: usize,
    },
    /// Into a fold: all rows by `kind`.
    Fold(Reduce, usize, usize),
    /// Into a fold: rows added to those of a table, by index.
    Scatter {
        index: Index,
        update: usize,
        width: usize,
        fold: usize,
    },
}

/// How elements come to lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Columns,
    Rows,
}

/// Indices, and the axis that they are of.
#[derive(Debug)]
pub(crate) struct Index {
    pub home: usize,
    /// Elements of the axis.
    pub along: usize,
    /// The shape of a row of indices.
    pub row: Vec<usize>,
    /// The axis and the shape that it is of, for errors.
    pub axis: (usize, String),
}

/// What an operand is along the rows of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    /// As many elements for each row as the result has.
    Rows(usize),
    /// One element for each row.
    PerRow(usize),
    /// A whole value that is the same for each row.
    SameRow(usize),
    /// A whole value of one element.
    Same(usize),
    /// A number.
    Number(Scalar),
}

/// The operands of what goes element by element, shared or not as `$kind` is.
macro_rules! operands {
    ($kind:expr) => {{
        let (first, others) = match $kind {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) => (Some(x), [None, None]),
            Kind::Binary(_, _, x, y) => (Some(x), [Some(y), None]),
            Kind::Select(c, a, b) => (Some(c), [Some(a), Some(b)]),
            _ => (None, [None, None]),
        };
        first.into_iter().chain(others.into_iter().flatten())
    }};
}

impl Kind {
    /// The operands of what goes element by element.
    pub(crate) fn operands(&self) -> impl Iterator<Item = &Operand> {
        operands!(self)
    }

    /// The same, to be changed.
    pub(crate) fn operands_mut(&mut self) -> impl Iterator<Item = &mut Operand> {
        operands!(self)
    }

    /// The values that are read.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        let home = |x: &Operand| match x {
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => Some(*v),
            Operand::Number(_) => None,
        };
        match self {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) | Kind::Gather(_, x, ..) => {
                home(x).into_iter().collect()
            }
            Kind::Binary(_, _, x, y) => [x, y].into_iter().filter_map(home).collect(),
            Kind::Select(c, a, b) => [c, a, b].into_iter().filter_map(home).collect(),
            Kind::Transpose(x, _)
            | Kind::Bytes(_, x)
            | Kind::Reduce(_, x, _)
            | Kind::Pattern(_, x, ..)
            | Kind::Fold(_, x, _) => vec![*x],
            Kind::Concat(parts) => parts.iter().map(|(x, _)| *x).collect(),
            Kind::Count { .. } | Kind::Random(..) => vec![],
            Kind::Pick { from, index } => vec![*from, index.home],
            Kind::Lookup { table, index, .. } => vec![*table, index.home],
            Kind::Place { index, update } | Kind::Scatter { index, update, .. } => vec![index.home, *update],
        }
    }

    /// Reads other values instead.
    pub(crate) fn rename(&mut self, to: impl Fn(usize) -> usize) {
        let home = |v: &mut usize| *v = to(*v);
        let operand = |x: &mut Operand| match x {
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => home(v),
            Operand::Number(_) => {}
        };
        match self {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) | Kind::Gather(_, x, ..) => operand(x),
            Kind::Binary(_, _, x, y) => [x, y].into_iter().for_each(operand),
            Kind::Select(c, a, b) => [c, a, b].into_iter().for_each(operand),
            Kind::Transpose(x, _)
            | Kind::Bytes(_, x)
            | Kind::Reduce(_, x, _)
            | Kind::Pattern(_, x, ..)
            | Kind::Fold(_, x, _) => home(x),
            Kind::Concat(parts) => parts.iter_mut().for_each(|(x, _)| home(x)),
            Kind::Count { .. } | Kind::Random(..) => {}
            Kind::Pick { from, index } => [from, &mut index.home].into_iter().for_each(home),
            Kind::Lookup { table, index, .. } => [table, &mut index.home].into_iter().for_each(home),
            Kind::Place { index, update } | Kind::Scatter { index, update, .. } => {
                [&mut index.home, update].into_iter().for_each(home);
            }
        }
    }
}
