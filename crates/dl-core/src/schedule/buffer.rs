//! Buffers: elements in memory, with layout, content and lifetime.

use crate::dtype::DType;
use crate::plan::ValueId;
use crate::schedule::KernelId;
use crate::tensor::Tensor;

/// Elements in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// Their type.
    pub dtype: DType,
    /// How they lie.
    pub layout: Layout,
    /// What they are.
    pub content: Content,
    /// From which kernel to which they are needed.
    pub lifetime: Lifetime,
}

/// How the elements of a buffer lie: row-major, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// So many elements for each row of the batch, row after row.
    Rows(usize),
    /// So many elements, once.
    Whole(usize),
}

/// What a buffer holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A value of the plan.
    Value(ValueId),
    /// Numbers that sizes determine.
    Known(Tensor),
    /// What lies between two kernels and is no value of the plan.
    Between,
}

/// From which kernel to which a buffer is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// The kernel that makes it; none for inputs, parameters and known numbers.
    pub from: Option<KernelId>,
    /// The last kernel that reads or writes it; none if it is needed after the last kernel.
    pub until: Option<KernelId>,
}

impl Layout {
    /// Elements of a row, or of the whole.
    pub fn len(self) -> usize {
        match self {
            Layout::Rows(len) | Layout::Whole(len) => len,
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}
