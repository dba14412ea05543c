//! Cost: the operations and bytes of each kernel, counted from its body.

use crate::ops::Op;
use crate::plan::{Step, ValueId};
use crate::schedule::{
    Along, Body, BufferId, Domain, Kernel, Layout, Opaque, Operation, Product, Register, Schedule, Sizes,
    Source,
};

/// The work of a kernel for all of its rows or elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Operations on numbers: a multiplication and an addition for each term of a product, one for each
    /// element of an elementwise function and for each term of a reduction.
    pub operations: usize,
    /// Bytes of buffers that are read, each buffer once.
    pub read: usize,
    /// Bytes of buffers that are written.
    pub written: usize,
}

impl Schedule {
    /// The cost of a kernel of this schedule.
    pub fn cost(&self, kernel: &Kernel) -> Cost {
        let distinct = |mut buffers: Vec<BufferId>| {
            buffers.sort_unstable();
            buffers.dedup();
            buffers.iter().map(|b| self.bytes(*b)).fold(0, usize::saturating_add)
        };
        Cost {
            operations: self.operations(kernel),
            read: distinct(kernel.reads()),
            written: distinct(match kernel {
                Kernel::Loop(looped) => looped.outs(),
                kernel => kernel.writes(),
            }),
        }
    }

    /// Bytes of a buffer, for all rows.
    pub fn bytes(&self, buffer: BufferId) -> usize {
        let buffer = self.buffer(buffer);
        let rows = if matches!(buffer.layout, Layout::Rows(_)) { self.row_count() } else { 1 };
        buffer.layout.len().saturating_mul(rows).saturating_mul(buffer.dtype.bytes())
    }

    fn operations(&self, kernel: &Kernel) -> usize {
        let rows = self.row_count();
        match kernel {
            Kernel::Pointwise(pointwise) => {
                let times = match pointwise.domain {
                    Domain::Rows => rows,
                    Domain::Elements(count) => count,
                };
                operations(&pointwise.body).saturating_mul(times)
            }
            Kernel::Product(product) => {
                let Sizes { m, k, n } = product.sizes.of(product.along, rows);
                let bias = if product.bias.is_some() { m.saturating_mul(n) } else { 0 };
                let one = m.saturating_mul(k).saturating_mul(n).saturating_mul(2);
                let own = one.saturating_mul(product.count(rows)).saturating_add(bias);
                let around: usize = prologues(product).chain(&product.epilogue).map(operations).sum();
                own.saturating_add(around.saturating_mul(rows.max(1)))
            }
            Kernel::Loop(looped) => {
                let step = looped.body.iter().map(|kernel| self.operations(kernel));
                step.fold(0, usize::saturating_add).saturating_mul(looped.length)
            }
            Kernel::Opaque(opaque) => {
                let step = &self.plan.steps()[opaque.step.index()];
                match &step.repeat {
                    Some(_) => self.step_operations(step),
                    None if moves(&step.op) => 0,
                    None => self.terms(opaque),
                }
            }
        }
    }

    /// Elements that are computed; of a product in a scan two for each term.
    fn step_operations(&self, step: &Step) -> usize {
        let elements = |v: ValueId| self.shape(v).iter().fold(1usize, |n, d| n.saturating_mul(*d));
        let Some(repeat) = &step.repeat else { return elements(step.result) };
        let inside = repeat.steps.iter().map(|step| match &step.op {
            Op::Contract(spec) => {
                let summed = spec.summed().filter_map(|l| spec.lhs.iter().position(|k| *k == l));
                let left = step.args[0].value().map_or(&[][..], |v| self.shape(v));
                summed.fold(elements(step.result).saturating_mul(2), |n, axis| n.saturating_mul(left[axis]))
            }
            _ => self.step_operations(step),
        });
        let inside = inside.fold(0usize, usize::saturating_add);
        inside.saturating_mul(repeat.length.eval(&self.dims).unwrap_or(0))
    }

    /// Elements that an opaque step goes through, for all rows: those of its result, or the terms of a
    /// reduction.
    pub fn terms(&self, opaque: &Opaque) -> usize {
        let elements = |buffer: BufferId| self.bytes(buffer) / self.buffer(buffer).dtype.bytes();
        let reads = opaque.args.iter().filter_map(|arg| arg.buffer()).map(elements);
        match self.plan.steps()[opaque.step.index()].op {
            Op::Reduce { .. } | Op::ArgReduce { .. } => reads.max().unwrap_or(0),
            _ => opaque.outs.iter().map(|out| elements(*out)).fold(0, usize::saturating_add),
        }
    }
}

impl Body {
    /// Elements that an instruction goes through for each row or element: those of its result, or the terms
    /// of a reduction.
    pub fn terms(&self, register: Register) -> usize {
        let instr = self.instr(register);
        match &instr.operation {
            Operation::Reduce { run, .. } => instr.len * run,
            Operation::Fold { of, .. } | Operation::Scatter { update: of, .. } => self.instr(*of).len,
            Operation::Place { index, .. } => index.count(),
            _ => instr.len,
        }
    }

    /// Operations of an instruction for each row or element: one for each of its terms, none if it only
    /// moves them.
    pub fn operations(&self, register: Register) -> usize {
        match self.instr(register).operation {
            Operation::Load { .. }
            | Operation::Result
            | Operation::Copy(_)
            | Operation::Gather { .. }
            | Operation::Concat(_)
            | Operation::Pick { .. }
            | Operation::Lookup { .. }
            | Operation::Place { .. }
            | Operation::Store { .. } => 0,
            Operation::Unary { .. }
            | Operation::Binary { .. }
            | Operation::Select(..)
            | Operation::Cast { .. }
            | Operation::Count { .. }
            | Operation::Random { .. }
            | Operation::Reduce { .. }
            | Operation::Fold { .. }
            | Operation::Scatter { .. } => self.terms(register),
        }
    }
}

/// Whether a step computes nothing: its result has elements of its operands, or such as are known.
fn moves(op: &Op) -> bool {
    matches!(
        op,
        Op::Constant(_)
            | Op::Literal(_)
            | Op::Extent(_)
            | Op::Step
            | Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast(_)
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Concat(_)
            | Op::Flip(_)
            | Op::Gather { .. }
            | Op::Unfold { .. }
    )
}

fn prologues(product: &Product) -> impl Iterator<Item = &Body> {
    debug_assert!(product.epilogue.is_none() || matches!(product.along, Along::M | Along::Each));
    [&product.left, &product.right].into_iter().filter_map(|factor| match &factor.source {
        Source::Prologue(body) => Some(body),
        Source::Buffer(_) => None,
    })
}

/// Operations of a body for one row or element.
fn operations(body: &Body) -> usize {
    let each = (0..body.instrs.len()).map(|i| body.operations(Register(i as u32)));
    each.fold(0, usize::saturating_add)
}
