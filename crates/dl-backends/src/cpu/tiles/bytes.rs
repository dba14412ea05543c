//! Chains of elementwise steps that begin with bytes, as images do: one function of a byte each.

use dl_core::DType;
use dl_core::ops::Op;
use dl_core::plan::{Arg, Step, ValueId};

use super::build::{Builder, Work};
use super::group::{Kind, Operand};
use crate::cpu::array::Item;
use crate::cpu::vector::{self, ByteMap, Isa};

/// Values that are functions of bytes: the item that computes each.
pub(super) type Mapped = std::collections::HashMap<ValueId, usize>;

impl Builder<'_> {
    /// The result, if the step begins such a chain or goes on with one that nothing else reads.
    pub(super) fn mapped(&mut self, step: &Step) -> Option<Operand> {
        if self.plan.value(step.result).dtype != DType::F32 {
            return None;
        }
        let (operand, item) = match &step.op {
            Op::Cast => self.first(step)?,
            Op::Unary(_) | Op::Binary(_) => self.next(step)?,
            _ => return None,
        };
        self.mapped.insert(step.result, item);
        Some(operand)
    }

    fn first(&mut self, step: &Step) -> Option<(Operand, usize)> {
        let x = step.args[0].value().filter(|x| self.plan.value(*x).dtype == DType::U8)?;
        let Some(Operand::Rows(home)) = self.operand(&Arg::Value(x)).ok() else { return None };
        let map = ByteMap::new(std::array::from_fn(|i| i as f32));
        let len = self.row(step.result).iter().product();
        let out = self.emit(Kind::Bytes(map, home), step.result, len);
        Some((Operand::Rows(out), self.built.items.len() - 1))
    }

    fn next(&mut self, step: &Step) -> Option<(Operand, usize)> {
        let mut values = step.args.iter().filter_map(Arg::value);
        let (x, None) = (values.next()?, values.next()) else { return None };
        let item = *self.mapped.get(&x).filter(|_| self.readers[x.index()] == 1)?;
        let number = |arg: &Arg| match self.operand(arg) {
            Ok(Operand::Number(number)) => Some(vector::Operand::Number(<f32 as Item>::number(number))),
            _ => None,
        };
        let numbers: Vec<_> =
            step.args.iter().map(|arg| (arg.value().is_none()).then(|| number(arg))).collect();
        let Work::Row(instr) = &mut self.built.items[item].work else { return None };
        let Kind::Bytes(map, _) = &mut instr.kind else { return None };
        let (isa, mut values) = (Isa::widest(), [0.0; 256]);
        let of = |i: usize| numbers[i].unwrap_or(Some(vector::Operand::Slice(map.values())));
        match &step.op {
            Op::Unary(op) => isa.unary(*op, map.values(), &mut values),
            Op::Binary(op) => isa.binary(*op, of(0)?, of(1)?, &mut values),
            _ => return None,
        }
        *map = ByteMap::new(values);
        Some((Operand::Rows(instr.out), item))
    }
}
