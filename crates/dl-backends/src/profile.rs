//! Where the time of a run goes: an executor's kernels, what each has to do, and how long it took.

use dl_core::ops::{Binary, Unary};

/// A piece of an executor's work in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// As in the [listing](crate::Outputs::listing): what it is, and the plan's values that it computes.
    pub name: String,
    /// What it computes, over all rows.
    pub amounts: Vec<Amount>,
    /// Bytes of the caller's inputs that it reads.
    pub input_bytes: usize,
    /// Bytes of other values that it reads and writes, but for those that never leave its blocks.
    pub bytes: usize,
    /// How much of these lies in memory at a time: a value's part for one tile, or the whole of it.
    pub footprint: usize,
    /// How long it took. Where several threads worked on it, divided by their number.
    pub seconds: f64,
}

/// So much of one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    /// Of what.
    pub operation: Operation,
    /// How many elements come of it; of products, how many numbers are multiplied and added.
    pub elements: usize,
    /// In how many calls of a vector kernel.
    pub calls: usize,
}

/// What a kernel does with elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Multiplies two numbers and adds the product, in a matrix product.
    Multiply,
    /// Copies a number of a matrix to where a product wants it.
    Pack,
    /// A function of one argument.
    Unary(Unary),
    /// A function of two arguments.
    Binary(Binary),
    /// One of two values, by a condition.
    Select,
    /// Another element type.
    Cast,
    /// A function of a byte.
    Bytes,
    /// A place in a sum or another reduction.
    Reduce,
    /// A copy in the same or another order.
    Move,
    /// A copy, by index.
    Index,
    /// A random number.
    Random,
    /// Another step of the plan.
    Other,
}

impl Kernel {
    /// Floating-point operations: two for each pair that is multiplied and added, one for each element
    /// of another operation that computes.
    pub fn flops(&self) -> usize {
        let of = |a: &Amount| match a.operation {
            Operation::Multiply => 2 * a.elements,
            Operation::Unary(_) | Operation::Binary(_) | Operation::Bytes | Operation::Reduce => a.elements,
            _ => 0,
        };
        self.amounts.iter().map(of).sum()
    }
}
