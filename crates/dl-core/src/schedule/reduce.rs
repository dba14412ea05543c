//! Selection of reductions: within a row, and over all rows.

use crate::dtype::Scalar;
use crate::ops::{Op, Reduce};
use crate::plan::{Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Level, OpaqueStep, RowId, Target, Work, rows, value_of};
use crate::schedule::maps::{self, is_identity, places};
use crate::schedule::{Instr, Operation};

impl Draft<'_> {
    /// `kind` along axes of a row, which are brought to its end first.
    pub(super) fn reduced(
        &mut self,
        kind: Reduce,
        axes: &[usize],
        x: RowId,
        shape: &[usize],
        result: ValueId,
    ) -> Result<RowId, String> {
        let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
        let order = [&kept, axes].concat();
        let total: usize = shape.iter().product();
        maps::check(total)?;
        let run: usize = axes.iter().map(|a| shape[*a]).product();
        let len = kept.iter().map(|a| shape[*a]).product();
        let moved: Vec<usize> = order.iter().map(|a| shape[*a]).collect();
        let map = places(&Op::Permute(order), shape, &moved, &[]).unwrap_or_default();
        let of = if is_identity(&map, total) {
            x
        } else {
            let map = map.into_iter().map(Some).collect();
            self.emit(Operation::Gather { of: x, map, fill: Scalar::Float(0.0) }, result, total)
        };
        Ok(self.emit(Operation::Reduce { kind, of, run }, result, len))
    }

    /// A step that reduces rows.
    pub(super) fn fold(&mut self, step: &Step, kind: Reduce) -> Result<(), String> {
        let result = step.result;
        let buffer = self.held(result);
        let operation = match &step.op {
            Op::Reduce { kind, axes } => {
                let x = value_of(step, 0);
                let (shape, of) = (self.row(x), self.dense(x)?);
                let within = axes.iter().any(|a| shape[*a] != 1);
                let of = if within { self.reduced(*kind, axes, of, shape, result)? } else { of };
                Operation::Fold { buffer, kind: *kind, of }
            }
            Op::Scatter { .. } => {
                let index = self.index(value_of(step, 0), result, 0)?;
                let update = self.dense(value_of(step, 1))?;
                let width = self.row(result)[1..].iter().product();
                Operation::Scatter { buffer, index, update, width }
            }
            Op::Contract(spec) => {
                match self.by_rows(spec, step, buffer)? {
                    // After all else of the stage, for a product may write over a parameter.
                    Some(product) => self.push(Level::Last, Work::Product(product)),
                    None => {
                        let args = self.arguments(step)?;
                        let level = self.level(self.stage(), &rows(&args)) + 1;
                        let outs = vec![Target::Fold(buffer)];
                        let step = OpaqueStep { step: self.step, args, outs, fold: Some(kind) };
                        self.push(Level::After(level), Work::Opaque(step));
                    }
                }
                return Ok(());
            }
            _ => return Err(format!("{} does not fold rows", step.op.name())),
        };
        let level = self.level(self.stage(), &operation.registers());
        let len = match &operation {
            Operation::Scatter { update, .. } => self.value(*update).len,
            _ => self.row(result).iter().product(),
        };
        let dtype = self.plan.value(result).dtype;
        let instr = Instr { operation, dtype, len, step: self.step };
        self.push(Level::After(level), Work::Row(instr, None));
        Ok(())
    }
}
