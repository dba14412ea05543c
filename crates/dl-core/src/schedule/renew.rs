//! What a later stage computes anew instead of reading it: a value that costs little, of one value of the rows
//! that is kept anyway and of whole values, such as what a norm makes of images.

use crate::ops::{Binary, Op, Unary};
use crate::plan::{Arg, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::{Operand, StageId};

/// Instructions that a value may cost.
const FEW: usize = 6;

impl Draft<'_> {
    /// Computes anew in the present stage what a step reads of earlier ones, as far as that costs little.
    pub(super) fn renew(&mut self, step: &Step) -> Result<(), String> {
        // A product has operands with buffers, and in a loop it would be computed in each step.
        if matches!(step.op, Op::Contract(_)) || step.repeat.is_some() || self.inside.is_some() {
            return Ok(());
        }
        let stage = self.stage();
        for value in step.args.iter().filter_map(Arg::value) {
            if self.cost(value, stage).is_some_and(|cost| cost > 0) {
                self.renewed(value, stage)?;
            }
        }
        Ok(())
    }

    /// The instructions that give a value of an earlier stage in this one, if it costs little; 0 if there is
    /// nothing to compute: it is kept, whoever reads it.
    fn cost(&self, value: ValueId, stage: StageId) -> Option<usize> {
        if !self.is_rows(value) || self.batch.part(value).stage() >= stage {
            return None;
        }
        if self.renewed.contains_key(&(value, stage)) {
            return Some(1);
        }
        let own = self.batch.part(value).stage();
        let step = self.light(value)?;
        let mut sources = step.args.iter().filter_map(Arg::value).filter(|v| self.is_source(*v));
        let source = sources.next()?;
        if sources.any(|other| other != source) {
            return None;
        }
        let before = match self.cost(source, stage) {
            Some(cost) => cost,
            // A value that crosses a stage anyway.
            None if self.batch.part(source).stage() < own => 0,
            None => return None,
        };
        (before < FEW).then_some(before + 1)
    }

    /// The step that makes a value, if it goes element by element and takes about as long as a load.
    fn light(&self, value: ValueId) -> Option<&Step> {
        let step = self.readers.maker(value)?;
        let light = match step.op {
            Op::Unary(op) => matches!(op, Unary::Neg | Unary::Abs | Unary::Relu),
            Op::Binary(op) => {
                use Binary::{Add, Eq, Ge, Gt, Le, Lt, Max, Min, Mul, Ne, Sub};
                matches!(op, Add | Sub | Mul | Max | Min | Eq | Ne | Lt | Le | Gt | Ge)
            }
            _ => false,
        };
        let len = |v: ValueId| self.row(v).iter().product::<usize>();
        let same = |v: ValueId| !self.is_source(v) || len(v) == len(value);
        let alike = step.args.iter().filter_map(Arg::value).all(same);
        (light && alike && !self.readers.is_wanted(value)).then_some(step)
    }

    /// Whether a value has rows of its own: it is no whole value repeated, and no number.
    fn is_source(&self, value: ValueId) -> bool {
        let repeated = self.views[value.index()].as_ref().is_some_and(|view| !self.is_rows(view.of));
        let same = match self.operands[value.index()] {
            Some(Operand::Register(row)) => self.is_same(row),
            Some(Operand::Number(_)) => true,
            None => false,
        };
        self.is_rows(value) && !repeated && !same
    }

    /// Computes it, if it costs little.
    fn renewed(&mut self, value: ValueId, stage: StageId) -> Result<(), String> {
        let known = self.renewed.contains_key(&(value, stage));
        if known || self.cost(value, stage).is_none() {
            return Ok(());
        }
        let Some(step) = self.light(value).cloned() else { return Ok(()) };
        for arg in step.args.iter().filter_map(Arg::value) {
            self.renewed(arg, stage)?;
            if self.views[arg.index()].is_some() {
                self.dense(arg)?;
            }
        }
        let (operation, len) = (self.elementwise(&step)?, self.row(value).iter().product());
        let row = self.emit(operation, value, len);
        self.renewed.insert((value, stage), Operand::Register(row));
        Ok(())
    }
}
