//! Segments: instructions of a group that run as one piece of machine code.

use std::ops::Range;
use std::sync::Arc;

use dl_core::DType;

use crate::cpu::code::{Access, Code, Entry};

/// Instructions of a group as one piece of code.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The instructions.
    pub instrs: Range<usize>,
    /// The results that others read.
    pub outs: Vec<usize>,
    /// By stream, before those of the results.
    pub inputs: Vec<Input>,
    /// The reductions over rows; their streams come last.
    pub folds: Vec<usize>,
    /// Whole values of one element.
    pub numbers: Vec<usize>,
    /// Elements of a row, or of each of its lines.
    pub len: usize,
    /// Lines of a row.
    pub lines: usize,
    /// Whether all elements are one line.
    pub flat: bool,
    pub dtype: DType,
    pub entry: Entry,
    pub code: Option<Arc<Code>>,
}

/// A value that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Input {
    pub home: usize,
    pub access: Access,
    /// Elements of a row, or nothing if it is the same for all rows.
    pub row: Option<usize>,
}
