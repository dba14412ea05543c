//! Selection: each step on rows becomes instructions, a product or an opaque step.

use crate::dtype::Scalar;
use crate::ops::{Op, Scatter, movement};
use crate::plan::{Arg, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Item, Level, OpaqueStep, RowArgument, RowId, Target, Work, rows, value_of};
use crate::schedule::maps::{self, is_identity, padded, part, places};
use crate::schedule::{Index, Instr, Operand, Operation, Part, StepId};
use crate::tensor::Tensor;

/// A fault: the step and the message.
pub(super) type Fault = (StepId, String);

/// Selects for all steps on rows.
///
/// # Errors
/// A step that sizes make impossible.
pub(super) fn select(draft: &mut Draft<'_>) -> Result<(), Fault> {
    for (i, step) in draft.plan.steps().iter().enumerate() {
        draft.step = StepId(i as u32);
        if !matches!(draft.batch.part(step.result), Part::Whole(_)) {
            draft.add(step).map_err(|why| (StepId(i as u32), why))?;
        }
    }
    draft.keep_outputs();
    Ok(())
}

impl<'p> Draft<'p> {
    pub(super) fn add(&mut self, step: &'p Step) -> Result<(), String> {
        if self.passed.contains(&step.result) {
            return Ok(());
        }
        if let Part::Fold(_, kind) = self.batch.part(step.result) {
            self.renew(step)?;
            return self.fold(step, kind);
        }
        if let Some(repeat) = &step.repeat {
            return self.scan(step, repeat);
        }
        let result = step.result;
        let dtype = self.plan.value(result).dtype;
        let len: usize = self.row(result).iter().product();
        let row = |row: RowId| Ok(Operand::Register(row));
        if let Op::Unfold { axis, stride, dilation, .. } = step.op
            && self.readers.only_contractions(result)
        {
            let view = self.view(value_of(step, 0)).unfolded(axis, stride, dilation);
            self.views[result.index()] = Some(view);
            return Ok(());
        }
        if let Some(view) = self.repeated(step).or_else(|| self.permuted(step)) {
            self.views[result.index()] = Some(view);
            return Ok(());
        }
        self.renew(step)?;
        if !matches!(step.op, Op::Contract(_)) {
            for value in step.args.iter().filter_map(Arg::value) {
                if self.views[value.index()].is_some() {
                    self.dense(value)?;
                }
            }
        }
        let operand: Operand<RowId> = match &step.op {
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => {
                let operation = self.elementwise(step)?;
                row(self.emit(operation, result, len))
            }
            Op::Constant(value) => Ok(Operand::Number(*value)),
            Op::Extent(dim) => dim.number(self.dims, dtype).map(Operand::Number),
            Op::Reshape => self.operand(&step.args[0]),
            Op::Random { stream, clock } => {
                let random = Operation::Random { stream: *stream, clock: *clock };
                row(self.emit(random, result, len))
            }
            Op::Iota(axis) => row(self.iota(*axis, result)),
            Op::Broadcast(_)
            | Op::Permute(_)
            | Op::Flip(_)
            | Op::Slice { .. }
            | Op::Unfold { .. }
            | Op::Pad { .. } => self.moved(step),
            Op::Concat(axis) => self.concat(step, *axis),
            Op::Reduce { kind, axes } => {
                let x = self.dense(value_of(step, 0))?;
                let shape = self.row(value_of(step, 0));
                row(self.reduced(*kind, axes, x, shape, result)?)
            }
            Op::Gather { .. } | Op::Scatter { kind: Scatter::Add, .. } => self.indexed(step),
            Op::Contract(spec) => match self.by_whole(spec, step)? {
                Some((product, images)) => return self.product(product, images),
                None => match self.by_each(spec, step)? {
                    Some((product, permuted)) => return self.product(product, permuted),
                    None => self.opaque(step),
                },
            },
            _ => self.opaque(step),
        }?;
        self.operands[result.index()] = Some(operand);
        if let Operand::Register(row) = operand {
            let value = &mut self.values[row.index()];
            let own = value.load.is_none() && value.len == len;
            value.of = value.of.or(own.then_some(result));
        }
        Ok(())
    }

    pub(super) fn elementwise(&self, step: &Step) -> Result<Operation<RowId>, String> {
        let operands = step.args.iter().map(|a| self.operand(a)).collect::<Result<Vec<_>, _>>()?;
        Operation::elementwise(self.plan, step, &operands)
            .ok_or_else(|| format!("{} of these operands", step.op.name()))
    }

    fn iota(&mut self, axis: usize, result: ValueId) -> RowId {
        let shape = self.row(result);
        if axis == 0 {
            let times = shape[1..].iter().product();
            let count = Operation::Count { per_row: shape[0], times };
            return self.emit(count, result, shape.iter().product());
        }
        let times: usize = shape[axis + 1..].iter().product();
        let numbers = (0..shape.iter().product()).map(|i: usize| ((i / times.max(1)) % shape[axis]) as f64);
        let dtype = self.plan.value(result).dtype;
        let numbers: Vec<f64> = numbers.collect();
        self.known(Tensor::from_f64(dtype, shape, &numbers).expect("as many numbers as the shape says"))
    }

    /// The first index along each axis of a slice or a pad.
    fn starts(&self, op: &Op, from: &[usize], to: &[usize]) -> Result<Vec<usize>, String> {
        match op {
            Op::Slice { starts, strides } => {
                movement::starts("slice", (starts, strides), from, to, self.dims)
            }
            Op::Pad { starts, strides, .. } => {
                movement::starts("pad", (starts, strides), to, from, self.dims)
            }
            _ => Ok(vec![]),
        }
    }

    fn moved(&mut self, step: &Step) -> Result<Operand<RowId>, String> {
        let (x, result) = (value_of(step, 0), step.result);
        let (from, to) = (self.row(x), self.row(result));
        let (width, len): (usize, usize) = (from.iter().product(), to.iter().product());
        maps::check(width.max(len))?;
        let starts = self.starts(&step.op, from, to)?;
        if let Op::Pad { strides, value, .. } = &step.op {
            let map = padded(from, to, &starts, strides);
            let of = self.dense(x)?;
            return Ok(Operand::Register(self.emit(
                Operation::Gather { of, map, fill: *value },
                result,
                len,
            )));
        }
        let map = places(&step.op, from, to, &starts).ok_or("it is no movement")?;
        let operand = match self.is_rows(x) {
            true => self.operand(&step.args[0])?,
            false => Operand::Register(self.whole(x)),
        };
        let of = match operand {
            same if is_identity(&map, width) => return Ok(same),
            // One element stands for as many as there are.
            Operand::Register(row) if self.value(row).len == 1 => return Ok(operand),
            Operand::Number(_) => return Ok(operand),
            Operand::Register(row) if self.is_same(row) => row,
            Operand::Register(_) => self.dense(x)?,
        };
        let map = map.into_iter().map(Some).collect();
        let gather = Operation::Gather { of, map, fill: Scalar::Float(0.0) };
        Ok(Operand::Register(self.emit(gather, result, len)))
    }

    fn concat(&mut self, step: &Step, axis: usize) -> Result<Operand<RowId>, String> {
        let to = self.row(step.result);
        maps::check(to.iter().product())?;
        let (mut parts, mut first) = (vec![], 0);
        for i in 0..step.args.len() {
            let x = value_of(step, i);
            let shape = self.row(x);
            parts.push((self.dense(x)?, part(shape, axis, first, to)));
            first += shape[axis];
        }
        let len = to.iter().product();
        Ok(Operand::Register(self.emit(Operation::Concat(parts), step.result, len)))
    }

    fn indexed(&mut self, step: &Step) -> Result<Operand<RowId>, String> {
        let (x, index, result) = (value_of(step, 0), value_of(step, 1), step.result);
        let len: usize = self.row(result).iter().product();
        // One element of each row's last axis, by an index each.
        let by_one = |axis: usize, batch: usize, of: &[usize], indices: &[usize]| {
            axis == batch && axis + 1 == of.len() && indices.len() == batch
        };
        let operation = match step.op {
            Op::Gather { axis: 0, batch: 0 } if !self.is_rows(x) => {
                let width = self.row(x)[1..].iter().product();
                let (table, index) = (self.held(x), self.index(index, x, 0)?);
                Operation::Lookup { table, index, width }
            }
            Op::Gather { axis, batch }
                if self.is_rows(x)
                    && self.is_rows(index)
                    && by_one(axis, batch, self.row(x), self.row(index)) =>
            {
                Operation::Pick { from: self.dense(x)?, index: self.index(index, x, axis)? }
            }
            Op::Scatter { axis, batch, .. } if by_one(axis, batch, self.row(result), self.row(x)) => {
                let (indices, updates) = (x, index);
                Operation::Place { index: self.index(indices, result, axis)?, update: self.dense(updates)? }
            }
            _ => return self.opaque(step),
        };
        Ok(Operand::Register(self.emit(operation, result, len)))
    }

    /// Indices of an axis.
    pub(super) fn index(
        &mut self,
        indices: ValueId,
        of: ValueId,
        axis: usize,
    ) -> Result<Index<RowId>, String> {
        let (along, row) = (self.row(of)[axis], self.row(indices).to_vec());
        let shape = self.plan.value(of).shape.to_string();
        Ok(Index { register: self.dense(indices)?, along, row, axis: (axis, shape) })
    }

    fn opaque(&mut self, step: &Step) -> Result<Operand<RowId>, String> {
        if self.inside.is_some() {
            return Err(format!("{} is no part of a loop", step.op.name()));
        }
        let args = self.arguments(step)?;
        let level = self.level(self.stage(), &rows(&args)) + 1;
        let value = self.plan.value(step.result);
        let out = self.computed(self.stage(), value.dtype, self.row(step.result).iter().product(), level);
        let step = OpaqueStep { step: self.step, args, outs: vec![Target::Row(out)], fold: None };
        self.push(Level::After(level), Work::Opaque(step));
        Ok(Operand::Register(out))
    }

    pub(super) fn arguments(&mut self, step: &Step) -> Result<Vec<RowArgument>, String> {
        let mut args = vec![];
        for arg in &step.args {
            args.push(match arg {
                Arg::Value(v) if self.is_rows(*v) => RowArgument::Row(self.dense(*v)?),
                Arg::Value(v) => RowArgument::Buffer(self.held(*v)),
                other => match self.operand(other)? {
                    Operand::Number(number) => RowArgument::Number(number),
                    Operand::Register(_) => return Err("a number is no value".into()),
                },
            });
        }
        Ok(args)
    }

    /// Decides which rows the outputs are.
    fn keep_outputs(&mut self) {
        for slot in self.plan.outputs() {
            let value = slot.value;
            let operand = self.operands[value.index()].filter(|_| self.is_rows(value));
            let Some(operand) = operand else {
                self.outputs.push(None);
                continue;
            };
            let len = self.row(value).iter().product();
            if let Operand::Register(row) = operand
                && self.value(row).load.is_none()
                && self.value(row).len == len
            {
                self.outputs.push(Some(row));
                continue;
            }
            // Copied in the stage that has the value.
            let made = self.plan.steps().iter().position(|s| s.results().any(|v| v == value)).unwrap_or(0);
            self.step = StepId(made as u32);
            let stage = self.batch.part(value).stage();
            let operation = Operation::Copy(operand);
            let level = self.level(stage, &operation.registers());
            let dtype = self.plan.value(value).dtype;
            let out = self.computed(stage, dtype, len, level);
            let instr = Instr { operation, dtype, len, step: self.step };
            let work = Work::Row(instr, Some(out));
            self.items.push(Item { stage, level: Level::After(level), work });
            self.outputs.push(Some(out));
        }
    }
}
