//! Pieces of work on rows: instructions, products and opaque steps that are not in kernels yet.

use crate::dtype::{DType, Scalar};
use crate::ops::Reduce;
use crate::plan::{Step, ValueId};
use crate::schedule::{Along, Axes, BufferId, Instr, Loop, Loops, Overlap, Sizes, StageId, StepId};

/// A value of the rows, before it is a register of a body or a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowId(pub u32);

impl RowId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// When something can be computed within a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// After a chain of this number of products and opaque steps.
    After(u32),
    /// After everything else.
    Last,
}

/// A piece of work on rows, and when it can be done.
#[derive(Clone)]
pub(super) struct Item {
    pub stage: StageId,
    pub level: Level,
    pub work: Work,
}

#[derive(Clone)]
pub(super) enum Work {
    /// An instruction, and the value that it defines.
    Row(Instr<RowId>, Option<RowId>),
    Product(Matrices),
    /// A step on all rows together.
    Opaque(OpaqueStep),
    /// A scan, whose steps are kernels already.
    Loop(Looped),
}

/// A matrix product of rows.
#[derive(Clone)]
pub(super) struct Matrices {
    pub step: StepId,
    pub dtype: DType,
    pub sizes: Sizes,
    pub along: Along,
    pub left: (RowId, [Axes; 2]),
    pub right: (RowArgument, [Axes; 2]),
    pub bias: Option<BufferId>,
    pub overlap: Option<Box<Overlap>>,
    pub loops: Option<Box<Loops>>,
    pub out: Target,
}

/// An operand of a product or of an opaque step.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowArgument {
    Row(RowId),
    Buffer(BufferId),
    Number(Scalar),
}

/// A step that is not fused.
#[derive(Clone)]
pub(super) struct OpaqueStep {
    pub step: StepId,
    pub args: Vec<RowArgument>,
    pub outs: Vec<Target>,
    pub fold: Option<Reduce>,
}

/// A scan with kernels of its own.
#[derive(Clone)]
pub(super) struct Looped {
    pub kernel: Loop,
    pub reads: Vec<RowId>,
    pub outs: Vec<RowId>,
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Row(RowId),
    Fold(BufferId),
}

impl Work {
    /// The values that are read.
    pub(super) fn reads(&self) -> Vec<RowId> {
        match self {
            Work::Row(instr, _) => instr.operation.registers(),
            Work::Product(product) => product.reads(),
            Work::Opaque(step) => rows(&step.args),
            Work::Loop(looped) => looped.reads.clone(),
        }
    }
}

/// The rows among operands.
pub(super) fn rows(args: &[RowArgument]) -> Vec<RowId> {
    args.iter().filter_map(|a| if let RowArgument::Row(row) = a { Some(*row) } else { None }).collect()
}

/// The operand of a step at a place where only values can be.
pub(super) fn value_of(step: &Step, place: usize) -> ValueId {
    step.args[place].value().expect("only elementwise steps have numbers for operands")
}

impl Matrices {
    /// The rows that are read.
    pub(super) fn reads(&self) -> Vec<RowId> {
        let right = if let RowArgument::Row(row) = self.right.0 { Some(row) } else { None };
        std::iter::once(self.left.0).chain(right).collect()
    }
}
