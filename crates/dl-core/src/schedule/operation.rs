//! The functions of instructions.

use crate::dtype::{DType, Scalar};
use crate::ops::{Binary, Clock, Op, Reduce, Unary};
use crate::plan::{Arg, Plan, Step};
use crate::schedule::{Access, BufferId, Index, Operand, Register};

/// The function of an instruction.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation<R = Register> {
    /// Elements of a buffer.
    Load {
        /// The buffer.
        buffer: BufferId,
        /// Where they stand.
        access: Access,
    },
    /// In an epilogue: the elements of the product.
    Result,
    /// A function of each element.
    Unary {
        /// The function.
        op: Unary,
        /// The operand's element type.
        of: DType,
        /// The operand.
        x: Operand<R>,
    },
    /// A function of each pair of elements.
    Binary {
        /// The function.
        op: Binary,
        /// The operands' element type.
        of: DType,
        /// The left operand.
        x: Operand<R>,
        /// The right operand.
        y: Operand<R>,
    },
    /// The second operand's element where the first is true, else the third's.
    Select(Operand<R>, Operand<R>, Operand<R>),
    /// The same numbers in another element type.
    Cast {
        /// The operand's element type.
        from: DType,
        /// The operand.
        x: Operand<R>,
    },
    /// The operand's elements, one for each of the result.
    Copy(Operand<R>),
    /// A reduction of each run of neighbours.
    Reduce {
        /// The buffer.
        kind: Reduce,
        /// The operand, of `run` times as many elements.
        of: R,
        /// Elements of a run.
        run: usize,
    },
    /// Element `map[i]` of the operand's row, or the number.
    Gather {
        /// The operand.
        of: R,
        /// For each element of the result, its place in the operand's row.
        map: Vec<Option<u32>>,
        /// The elements that have no place.
        fill: Scalar,
    },
    /// Rows side by side: element `i` of each operand goes to `map[i]`.
    Concat(Vec<(R, Vec<u32>)>),
    /// Counts on from row to row: element `e` of row `r` is `r·per_row + e / times`.
    Count {
        /// Numbers of a row.
        per_row: usize,
        /// How often each occurs.
        times: usize,
    },
    /// Uniform numbers in `[0, 1)`, by the element's index over all rows.
    Random {
        /// Which stream.
        stream: u64,
        /// What they change with.
        clock: Clock,
    },
    /// Element `index` of each run of `index.along` elements.
    Pick {
        /// The operand.
        from: R,
        /// The buffer.
        index: Index<R>,
    },
    /// Rows of a table, which is a whole value.
    Lookup {
        /// The table.
        table: BufferId,
        /// Which rows.
        index: Index<R>,
        /// Elements of a row of the table.
        width: usize,
    },
    /// Zeros with an update at `index` of each run.
    Place {
        /// The places.
        index: Index<R>,
        /// The update.
        update: R,
    },
    /// Writes a row of a buffer, or an element of a whole value.
    Store {
        /// The buffer.
        buffer: BufferId,
        /// The elements that are written.
        of: R,
    },
    /// Reduces all rows into a whole value.
    Fold {
        /// The whole value, which starts as the reduction's identity.
        buffer: BufferId,
        /// Which reduction.
        kind: Reduce,
        /// The terms.
        of: R,
    },
    /// Adds rows to the rows of a table, which starts as zeros.
    Scatter {
        /// The table, a whole value.
        buffer: BufferId,
        /// Which rows.
        index: Index<R>,
        /// The elements that are added.
        update: R,
        /// Elements of a row of the table.
        width: usize,
    },
}

impl<R: Copy> Operation<R> {
    /// The elementwise function of a step; none if it is another step.
    pub(super) fn elementwise(plan: &Plan, step: &Step, operands: &[Operand<R>]) -> Option<Operation<R>> {
        let types = step.args.iter().filter_map(Arg::value).map(|v| plan.value(v).dtype);
        let (of, dtype) = (types.clone().next(), plan.value(step.result).dtype);
        let of = of.unwrap_or(dtype);
        Some(match (&step.op, operands) {
            (Op::Unary(op), [x]) => Operation::Unary { op: *op, of, x: *x },
            (Op::Binary(op), [x, y]) => Operation::Binary { op: *op, of, x: *x, y: *y },
            (Op::Select, [c, a, b]) => Operation::Select(*c, *a, *b),
            (Op::Cast, [x]) if of == dtype => Operation::Copy(*x),
            (Op::Cast, [x]) => Operation::Cast { from: of, x: *x },
            _ => return None,
        })
    }

    /// The registers that are read; one that is read twice comes twice.
    pub fn registers(&self) -> Vec<R> {
        let mut registers = vec![];
        self.clone().map(|register| registers.push(register));
        registers
    }

    /// The same with other registers.
    pub fn map<S>(self, mut f: impl FnMut(R) -> S) -> Operation<S> {
        let f = &mut f;
        match self {
            Operation::Load { buffer, access } => Operation::Load { buffer, access },
            Operation::Result => Operation::Result,
            Operation::Unary { op, of, x } => Operation::Unary { op, of, x: x.map(f) },
            Operation::Binary { op, of, x, y } => Operation::Binary { op, of, x: x.map(f), y: y.map(f) },
            Operation::Select(c, a, b) => Operation::Select(c.map(f), a.map(f), b.map(f)),
            Operation::Cast { from, x } => Operation::Cast { from, x: x.map(f) },
            Operation::Copy(x) => Operation::Copy(x.map(f)),
            Operation::Reduce { kind, of, run } => Operation::Reduce { kind, of: f(of), run },
            Operation::Gather { of, map, fill } => Operation::Gather { of: f(of), map, fill },
            Operation::Concat(parts) => {
                Operation::Concat(parts.into_iter().map(|(register, map)| (f(register), map)).collect())
            }
            Operation::Count { per_row, times } => Operation::Count { per_row, times },
            Operation::Random { stream, clock } => Operation::Random { stream, clock },
            Operation::Pick { from, index } => Operation::Pick { from: f(from), index: index.map(f) },
            Operation::Lookup { table, index, width } => {
                Operation::Lookup { table, index: index.map(f), width }
            }
            Operation::Place { index, update } => Operation::Place { index: index.map(f), update: f(update) },
            Operation::Store { buffer, of } => Operation::Store { buffer, of: f(of) },
            Operation::Fold { buffer, kind, of } => Operation::Fold { buffer, kind, of: f(of) },
            Operation::Scatter { buffer, index, update, width } => {
                Operation::Scatter { buffer, index: index.map(f), update: f(update), width }
            }
        }
    }

    /// The buffer that is read.
    pub fn read(&self) -> Option<BufferId> {
        match self {
            Operation::Load { buffer, .. } | Operation::Lookup { table: buffer, .. } => Some(*buffer),
            _ => None,
        }
    }

    /// The buffer that is written or reduced into.
    pub fn written(&self) -> Option<BufferId> {
        match self {
            Operation::Store { buffer, .. }
            | Operation::Fold { buffer, .. }
            | Operation::Scatter { buffer, .. } => Some(*buffer),
            _ => None,
        }
    }

    /// Whether it may find a wrong index.
    pub fn may_fail(&self) -> bool {
        matches!(
            self,
            Operation::Pick { .. }
                | Operation::Lookup { .. }
                | Operation::Place { .. }
                | Operation::Scatter { .. }
        )
    }

    /// Whether each element of the result depends on nothing but the same element of its operands, or on
    /// one element of a row.
    pub fn is_elementwise(&self) -> bool {
        matches!(
            self,
            Operation::Load { .. }
                | Operation::Result
                | Operation::Unary { .. }
                | Operation::Binary { .. }
                | Operation::Select(..)
                | Operation::Cast { .. }
                | Operation::Copy(_)
        )
    }
}
