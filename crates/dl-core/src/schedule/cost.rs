//! Cost: the operations and bytes of each kernel, counted from its body.

use crate::schedule::{
    Along, Body, BufferId, Domain, Kernel, Layout, Operation, Product, Schedule, Sizes, Source,
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
            written: distinct(kernel.writes()),
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
                let own = m.saturating_mul(k).saturating_mul(n).saturating_mul(2).saturating_add(bias);
                let around: usize = prologues(product).chain(&product.epilogue).map(operations).sum();
                own.saturating_add(around.saturating_mul(rows.max(1)))
            }
            Kernel::Opaque(opaque) => {
                let layout = self.buffer(opaque.out).layout;
                let rows = if matches!(layout, Layout::Rows(_)) { rows } else { 1 };
                layout.len().saturating_mul(rows)
            }
        }
    }
}

fn prologues(product: &Product) -> impl Iterator<Item = &Body> {
    debug_assert!(product.epilogue.is_none() || product.along == Along::M);
    [&product.left, &product.right].into_iter().filter_map(|factor| match &factor.source {
        Source::Prologue(body) => Some(body),
        Source::Buffer(_) => None,
    })
}

/// Operations of a body for one row or element.
fn operations(body: &Body) -> usize {
    let each = body.instrs.iter().map(|instr| match &instr.operation {
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
        | Operation::Random { .. } => instr.len,
        Operation::Reduce { run, .. } => instr.len * run,
        Operation::Fold { of, .. } => body.instr(*of).len,
        Operation::Scatter { update, .. } => body.instr(*update).len,
    });
    each.fold(0, usize::saturating_add)
}
