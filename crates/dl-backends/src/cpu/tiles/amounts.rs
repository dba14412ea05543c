//! The work of each instruction of a group, for profiles.

use dl_core::ops::{Binary, Reduce};

use super::data::instr::{Instr, Kind, Operand};
use super::data::phase::Group;
use super::tiled::Tiled;
use crate::profile::{Amount, Operation};

impl Tiled {
    /// The work of an instruction for all rows.
    pub(super) fn instr_amount(&self, instr: &Instr, group: &Group) -> Amount {
        let rows = self.tiling.rows * group.lines();
        let blocks = self.tiles_of_shards() * (self.tiling.tile * group.lines()).div_ceil(group.rows.max(1));
        let lines = |len: usize| if group.transposed { blocks * len } else { rows * instr.lines };
        let terms = instr.work.terms;
        let (operation, calls) = match instr.kind {
            Kind::Reduce(kind, ..) if group.transposed => (combining(kind), blocks * terms),
            Kind::Reduce(..) => (Operation::Reduce, rows * instr.len),
            Kind::Pattern(_, _, ref pattern, _) => (Operation::Reduce, rows * pattern.runs.len()),
            Kind::Gather(_, _, _, _, Some(ref runs)) if !group.transposed => {
                (Operation::Move, rows * runs.len())
            }
            Kind::Fold(kind, ..) if terms > 1 && !group.transposed => (combining(kind), rows * instr.lines),
            Kind::Fold(..) => (Operation::Reduce, blocks * terms),
            Kind::Lookup { width, .. } => (Operation::Move, rows * instr.len / width.max(1)),
            Kind::Place { .. } => (Operation::Index, blocks),
            Kind::Scatter { width, .. } => (combining(Reduce::Sum), rows * terms / width.max(1)),
            _ if instr.by_lines(group.transposed) => (instr.operation(), lines(instr.len)),
            _ => (instr.operation(), blocks),
        };
        self.amount(operation, rows * terms, calls)
    }
}

/// The operation that brings two parts of a reduction together.
pub(super) fn combining(kind: Reduce) -> Operation {
    Operation::Binary(match kind {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Max,
        Reduce::Min => Binary::Min,
    })
}

impl Group {
    /// The work of each instruction; a segment is one call.
    pub(super) fn amounts(&self, of: impl Fn(&Instr) -> Amount) -> Vec<Amount> {
        let mut amounts = vec![];
        for unit in self.units() {
            for (i, instr) in self.instrs[unit.range.clone()].iter().enumerate() {
                let amount = of(instr);
                let calls = if i == 0 { amount.calls } else { 0 };
                amounts.push(Amount { calls, in_registers: unit.segment.is_some(), ..amount });
            }
        }
        amounts
    }

    /// Bytes of the segments' code.
    pub(super) fn code_bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.entry.bytes).sum()
    }
}

impl Instr {
    pub(super) fn operation(&self) -> Operation {
        match &self.kind {
            Kind::Unary(op, _) => Operation::Unary(*op),
            Kind::Binary(op, ..) => Operation::Binary(*op),
            Kind::Select(..) => Operation::Select,
            Kind::Cast(..) => Operation::Cast,
            Kind::Bytes(..) => Operation::Bytes,
            Kind::Copy(_) | Kind::Count { .. } => Operation::Move,
            Kind::Transpose(..) | Kind::Gather(..) | Kind::Concat(_) => Operation::Transpose,
            Kind::Reduce(..) | Kind::Pattern(..) | Kind::Fold(..) => Operation::Reduce,
            Kind::Random(..) => Operation::Random,
            Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. } => {
                Operation::Index
            }
        }
    }

    /// Whether it takes its lines one by one.
    fn by_lines(&self, transposed: bool) -> bool {
        let line = |x: &Operand| matches!(x, Operand::PerRow(_) | Operand::SameRow(_));
        match &self.kind {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) => line(x),
            Kind::Binary(_, _, x, y) => line(x) || line(y),
            Kind::Select(c, a, b) => line(c) || line(a) || line(b),
            // Whole transposed are copied.
            Kind::Gather(..) => transposed,
            _ => false,
        }
    }
}
