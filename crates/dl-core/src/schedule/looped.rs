//! Loops: a scan of rows as kernels that run once for each step, if all of its steps have instructions or are
//! products; what verifies them, and what they mean.

use std::collections::HashSet;

use crate::interp::{Array, Values, stack};
use crate::plan::{Repeat, Step, ValueId};
use crate::schedule::assemble::assemble;
use crate::schedule::draft::{Draft, RowValue};
use crate::schedule::evaluate::{Failure, Memory};
use crate::schedule::group::group;
use crate::schedule::item::{Level, Looped, RowId, Work};
use crate::schedule::{
    Access, BufferId, Carry, Content, Kernel, KernelId, Layout, Loop, Operand, Operation, Schedule, StageId,
    Taken,
};

impl<'p> Draft<'p> {
    /// A scan of rows as a loop.
    ///
    /// # Errors
    /// Why it is none; the draft is of no use afterwards.
    pub(super) fn looped(&mut self, step: &'p Step, repeat: &'p Repeat) -> Result<(), String> {
        let rows = step.results().chain(repeat.makes()).all(|v| self.is_rows(v));
        if !rows {
            return Err("it has whole values".into());
        }
        let (stage, length) = (self.stage(), repeat.length.eval(self.dims)?);
        let mut around = vec![];
        for carry in &repeat.carries {
            around.push(self.dense(carry.first)?);
        }
        let mut elements = vec![];
        for element in &repeat.elements {
            let all = self.dense(element.from)?;
            around.push(all);
            let one = self.begin(element.value, stage);
            elements.push(self.taken((element.from, all), one, element.axis));
        }
        let values: Vec<Option<BufferId>> =
            repeat.carries.iter().map(|c| c.value.map(|v| self.begin(v, stage))).collect();

        // What is there outside stays as it is: what the body makes of it is the body's own.
        let (operands, copies) = (self.operands.clone(), self.copies.clone());
        let outside = (std::mem::take(&mut self.items), std::mem::take(&mut self.outputs), self.inside);
        let known = self.values.len();
        for step in &repeat.steps {
            self.inside = Some(step);
            self.add(step)?;
        }
        let mut nexts = vec![];
        for carry in &repeat.carries {
            nexts.push(self.made(carry.next, known)?);
        }
        let mut kept = vec![];
        for stack in &repeat.stacks {
            kept.push(self.dense(stack.value)?);
        }
        self.outputs = nexts.iter().chain(&kept).copied().map(Some).collect();
        let reads: HashSet<RowId> = self.items.iter().flat_map(|item| item.work.reads()).collect();
        let reads = reads.into_iter().chain(kept.iter().copied()).chain(around.iter().copied());
        let mut reads: Vec<RowId> = reads.filter(|row| row.index() < known).collect();
        reads.sort_unstable();
        reads.dedup();
        let mut phases = group(self, stage.index() + 1);
        let phases = phases.pop().into_iter().collect();
        let body: Vec<Kernel> = assemble(self, phases).pop().unwrap_or_default();
        (self.items, self.outputs, self.inside) = outside;
        (self.operands, self.copies) = (operands, copies);
        if let Some(why) = body.iter().find_map(unfit) {
            return Err(why.into());
        }

        let level = self.level(stage, &reads) + 1;
        let (mut outs, mut carries, mut stacks) = (vec![], vec![], vec![]);
        for (place, carry) in repeat.carries.iter().enumerate() {
            let last = carry.last.map(|last| self.out(last, (stage, level), &mut outs));
            let (first, next) = (self.buffer_of_rows(around[place]), self.buffer_of_rows(nexts[place]));
            carries.push(Carry { first, value: values[place], next, last });
        }
        for (stack, one) in repeat.stacks.iter().zip(kept) {
            self.out(stack.result, (stage, level), &mut outs);
            let (all, one) = (outs[outs.len() - 1], self.buffer_of_rows(one));
            stacks.push(self.taken((stack.result, all), one, stack.axis));
        }
        let (step, reverse) = (self.step, repeat.reverse);
        let kernel = Loop { step, length, reverse, carries, elements, body, stacks };
        self.push(Level::After(level), Work::Loop(Looped { kernel, reads, outs }));
        Ok(())
    }

    /// Rows that each step of a loop begins with.
    fn begin(&mut self, value: ValueId, stage: StageId) -> BufferId {
        let (dtype, len) = (self.plan.value(value).dtype, self.row(value).iter().product());
        let buffer = self.buffer(dtype, Layout::Rows(len), Content::Value(value));
        let row = self.define(RowValue::loaded((buffer, Access::rows(len)), (dtype, len), stage));
        self.operands[value.index()] = Some(Operand::Register(row));
        buffer
    }

    /// The rows of a value of a loop's body that no step finds there already.
    fn made(&mut self, value: ValueId, known: usize) -> Result<RowId, String> {
        let row = self.dense(value)?;
        let own = row.index() >= known && self.value(row).load.is_none();
        let len = self.value(row).len;
        Ok(if own { row } else { self.emit(Operation::Copy(Operand::Register(row)), value, len) })
    }

    /// A result of a loop.
    fn out(&mut self, value: ValueId, (stage, level): (StageId, u32), outs: &mut Vec<RowId>) -> BufferId {
        let (dtype, len) = (self.plan.value(value).dtype, self.row(value).iter().product());
        let row = self.computed(stage, dtype, len, level);
        self.values[row.index()].of = Some(value);
        self.operands[value.index()] = Some(Operand::Register(row));
        outs.push(row);
        self.buffer_of_rows(row)
    }

    /// Where the elements of a step are among those of all.
    fn taken(&mut self, (value, all): (ValueId, RowId), one: BufferId, axis: usize) -> Taken {
        let shape = self.row(value);
        let (runs, run) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
        Taken { all: self.buffer_of_rows(all), one, runs, run }
    }
}

/// Why a kernel is no part of a loop, if it is none.
fn unfit(kernel: &Kernel) -> Option<&'static str> {
    let operations = |kernel: &Kernel| {
        let bodies = kernel.bodies();
        bodies.iter().flat_map(|b| &b.instrs).any(|i| i.operation.may_fail() || is_fold(&i.operation))
    };
    match kernel {
        Kernel::Opaque(_) => Some("a step is opaque"),
        kernel if operations(kernel) => Some("a step may fail, or sums over rows"),
        _ => None,
    }
}

fn is_fold(operation: &Operation) -> bool {
    matches!(operation, Operation::Fold { .. } | Operation::Scatter { .. })
}

impl Schedule {
    /// Checks that what goes on and what is taken have the right elements, that kernels read what is there,
    /// and that they fit into a loop; `verify` checks a kernel by itself.
    pub(super) fn verify_loop(
        &self,
        looped: &Loop,
        verify: &dyn Fn(&Kernel) -> Result<(), String>,
    ) -> Result<(), String> {
        let ensure = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_owned()) };
        let step = self.plan.steps().get(looped.step.index()).ok_or("no such step")?;
        // A scan in the body of another one has no place of its own in the plan.
        let mut scans: Vec<&Repeat> = step.repeat.as_deref().into_iter().collect();
        let mut at = 0;
        while let Some(repeat) = scans.get(at).copied() {
            scans.extend(repeat.steps.iter().filter_map(|step| step.repeat.as_deref()));
            at += 1;
        }
        ensure(!scans.is_empty(), "a loop of a step that is no scan")?;
        let lasts =
            scans.iter().any(|repeat| repeat.length.eval(&self.dims).is_ok_and(|n| n == looped.length));
        ensure(lasts, "another number of steps")?;
        let rows = |id: BufferId| {
            let buffer = self.buffers.get(id.index()).ok_or("no such buffer")?;
            match buffer.layout {
                Layout::Rows(len) => Ok((len, buffer.dtype)),
                Layout::Whole(_) => Err(format!("{} is no rows", self.name(id))),
            }
        };
        for carry in &looped.carries {
            let all = [carry.value, Some(carry.next), carry.last];
            for buffer in all.into_iter().flatten() {
                ensure(rows(buffer)? == rows(carry.first)?, "a carry changes")?;
            }
        }
        for Taken { all, one, runs, run } in looped.elements.iter().chain(&looped.stacks) {
            let ((all, of), one) = (rows(*all)?, rows(*one)?);
            ensure(one == (runs * run, of) && all == one.0 * looped.length, "elements of another number")?;
        }
        let inside: HashSet<BufferId> = looped.inside().into_iter().collect();
        let mut there: HashSet<BufferId> = looped.begins().collect();
        let is_there = |there: &HashSet<BufferId>, buffer: BufferId| {
            let holds = !inside.contains(&buffer) || there.contains(&buffer);
            ensure(holds, &format!("{} is read before it is made", self.name(buffer)))
        };
        for kernel in &looped.body {
            unfit(kernel).map_or(Ok(()), |why| Err(why.to_owned()))?;
            verify(kernel)?;
            kernel.reads().into_iter().try_for_each(|buffer| is_there(&there, buffer))?;
            for buffer in kernel.writes() {
                ensure(there.insert(buffer), &format!("{} is made twice", self.name(buffer)))?;
            }
        }
        let ends = looped.carries.iter().map(|c| c.next).chain(looped.stacks.iter().map(|s| s.one));
        ends.into_iter().try_for_each(|buffer| is_there(&there, buffer))
    }
}

impl Memory<'_> {
    /// Runs a loop.
    pub(super) fn looped(&mut self, id: KernelId, looped: &Loop) -> Result<(), Failure> {
        let fail = |why| (looped.step, why);
        let rows = self.schedule.row_count();
        for carry in &looped.carries {
            let first = self.read(carry.first).map_err(fail)?.clone();
            let to = if looped.length == 0 { carry.last } else { carry.value };
            if let Some(to) = to {
                self.cells[to.index()] = Some(first);
            }
        }
        let mut stacked: Vec<Vec<Array>> = vec![vec![]; looped.stacks.len()];
        for step in 0..looped.length {
            let place = if looped.reverse { looped.length - 1 - step } else { step };
            for Taken { all, one, runs, run } in &looped.elements {
                let data = self.read(*all).map_err(fail)?.clone();
                let all = Array { shape: vec![rows * runs, looped.length, *run], data };
                self.cells[one.index()] = Some(all.element(1, place).data);
            }
            for kernel in &looped.body {
                self.work(id, kernel)?;
            }
            for (Taken { one, runs, run, .. }, all) in looped.stacks.iter().zip(&mut stacked) {
                let data = self.read(*one).map_err(fail)?.clone();
                all.push(Array { shape: vec![rows * runs, *run], data });
            }
            let nexts = looped.carries.iter().map(|c| self.read(c.next).cloned());
            let nexts: Vec<Values> = nexts.collect::<Result<_, _>>().map_err(fail)?;
            for (carry, next) in looped.carries.iter().zip(nexts) {
                let to = if step + 1 == looped.length { carry.last } else { carry.value };
                if let Some(to) = to {
                    self.cells[to.index()] = Some(next);
                }
            }
        }
        for (Taken { all, runs, run, .. }, mut parts) in looped.stacks.iter().zip(stacked) {
            if looped.reverse {
                parts.reverse();
            }
            let (shape, dtype) = (vec![rows * runs, looped.length, *run], self.schedule.buffer(*all).dtype);
            self.cells[all.index()] = Some(stack(&parts, (dtype, shape), 1).map_err(fail)?.data);
        }
        Ok(())
    }
}
