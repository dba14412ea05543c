//! Where the time of a run goes: an executor's kernels, what each has to do, and how long it took.

use dl_core::ops::{Binary, Unary};

/// A piece of an executor's work in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// As in the [listing](crate::Outputs::listing): what it is, and the plan's values that it computes.
    pub name: String,
    /// What it computes, over all rows.
    pub amounts: Vec<Amount>,
    /// Operations on numbers, as the schedule counts them: a multiplication and an addition for each term of
    /// a product, one for each element of another function and for each term of a reduction.
    pub operations: usize,
    /// Rows, columns and inner axis of the matrix product that a call computes, if it computes one.
    pub product: Option<[usize; 3]>,
    /// Bytes of the caller's inputs that it reads.
    pub input_bytes: usize,
    /// Bytes of other values that it reads and writes, but for those that never leave its blocks.
    pub bytes: usize,
    /// Among how many bytes these lie: those of a part, or where it comes once a run, of all whole values
    /// and sums.
    pub footprint: usize,
    /// How many of these nothing has touched since the part before, or since the run began: what is written
    /// over, and whole matrices.
    pub far: usize,
    /// Bytes of machine code that was made for it, which no other kernel runs.
    pub code: usize,
    /// In how many parts it is done: as a rule one, or one for each tile.
    pub parts: usize,
    /// How many bytes are touched from the begin of a part to the begin of the next, which may be in the
    /// next run: what one part leaves in the caches, the next one finds if they hold as much.
    pub distance: usize,
    /// How many threads share the parts and the bytes.
    pub threads: usize,
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
    /// In how many calls of a vector kernel; of reductions, to how many elements.
    pub calls: usize,
    /// How many threads share the elements.
    pub threads: usize,
    /// Whether it is done in registers between other operations, which neither reads nor writes elements.
    pub in_registers: bool,
}

/// What a kernel does with elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// Multiplies two numbers and adds the product, in a matrix product.
    Multiply,
    /// Copies a number of a matrix to where a product wants it; a call is a row of a panel.
    Pack,
    /// The same from a matrix that lies column by column.
    PackTransposed,
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
    /// A place in a sum or another reduction of neighbours.
    Reduce,
    /// A place in a sum that is weighted: `β·x + α·y`.
    Accumulate,
    /// A copy in the same order.
    Move,
    /// A copy in another order.
    Transpose,
    /// A copy, by index.
    Index,
    /// A random number.
    Random,
    /// A step that runs by itself, apart from its elements: operands are found, the result gets room.
    Step,
    /// A body on whole values, apart from its elements: operands are found, results get room, its code begins.
    Body,
    /// A value of the plan when a run begins and ends: it is bound, kept or let go.
    Value,
    /// A wait of threads for each other.
    Wait,
    /// What no other of these is.
    Other,
}

impl Operation {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Multiply => "multiply",
            Operation::Pack => "pack",
            Operation::PackTransposed => "pack transposed",
            Operation::Unary(op) => op.row().name,
            Operation::Binary(op) => op.row().name,
            Operation::Select => "select",
            Operation::Cast => "cast",
            Operation::Bytes => "bytes",
            Operation::Reduce => "reduce",
            Operation::Accumulate => "accumulate",
            Operation::Move => "move",
            Operation::Transpose => "transpose",
            Operation::Index => "index",
            Operation::Random => "random",
            Operation::Step => "step",
            Operation::Body => "body",
            Operation::Value => "values",
            Operation::Wait => "wait",
            Operation::Other => "other",
        }
    }
}
