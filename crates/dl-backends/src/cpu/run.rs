//! Running a compiled plan: all steps, then all updates, then outputs wait to be read.

use std::sync::Arc;

use dl_core::ops::Op;
use dl_core::plan::{OutputSlot, Plan, Step};
use dl_core::{DType, Tensor};

use super::array::{Array, each};
use super::compile::{Compiled, Operand, Prepared};
use super::elementwise::Term;
use super::lanes::Context;
use super::movement::splat;
use super::parameter::Parameter;
use crate::error::{Error, Result};
use crate::executor::{Call, Executable};

impl Executable for Compiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        match self.threads.clone() {
            Some(threads) => threads.install(|| self.run_here(call)),
            None => self.run_here(call),
        }
    }

    fn listing(&self) -> String {
        format!("one step at a time, undivided: {}\n{}", self.undivided, self.plan)
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let outputs = self.outputs.as_ref().ok_or_else(|| Error::value("no run has finished yet"))?;
        let missing = || Error::value(format!("output {index} of {}", outputs.len()));
        Ok(outputs.get(index).and_then(Option::as_ref).ok_or_else(missing)?.to_tensor())
    }
}

impl Compiled {
    fn run_here(&mut self, mut call: Call<'_>) -> Result<()> {
        for output in self.outputs.take().into_iter().flatten().flatten() {
            self.context.pool.recycle(output);
        }
        let plan = Arc::clone(&self.plan);
        let mut values = bind(&plan, &mut call, |_, _| false)?;
        for (step, prepared) in plan.steps().iter().zip(&self.steps) {
            let value = plan.value(step.result);
            let args = take(prepared, &mut values);
            let shape = &self.shapes[step.result.index()];
            let moment = Moment { seed: call.seed, step: call.step, dtype: value.dtype, shape };
            let result = self
                .context
                .step(step, prepared, args, moment)
                .map_err(|why| Error::at(&value.origin, why))?;
            debug_assert_eq!(result.shape(), shape);
            values[step.result.index()] = Some(result);
            for freed in &step.frees {
                if let Some(value) = values[freed.index()].take() {
                    self.context.pool.recycle(value);
                }
            }
        }
        let outputs = vec![true; plan.outputs().len()];
        self.outputs = Some(finish(&mut self.context, &plan, values, call, &outputs, &[])?);
        Ok(())
    }
}

/// The outputs (those that are wanted), once the parameters are replaced, all together; those of `done`
/// are left as they are.
pub(super) fn finish(
    context: &mut Context,
    plan: &Plan,
    values: Vec<Option<Array<'_>>>,
    call: Call<'_>,
    wanted: &[bool],
    done: &[usize],
) -> Result<Vec<Option<Array<'static>>>> {
    let kept = |id: dl_core::plan::ValueId| {
        values[id.index()].clone().expect("a plan keeps what it needs at the end")
    };
    let mut updates = vec![];
    for (i, (slot, &place)) in plan.parameters().iter().zip(call.slots).enumerate() {
        if let Some(update) = slot.update.filter(|_| !done.contains(&i)) {
            call.parameters[place].get::<Parameter>()?;
            updates.push((place, context.whole_array(kept(update))));
        }
    }
    let output = |(slot, wanted): (&OutputSlot, &bool)| wanted.then(|| kept(slot.value).into_owned());
    let outputs = plan.outputs().iter().zip(wanted).map(output).collect();
    drop(values);
    for (place, new) in updates {
        let old = call.parameters[place].get_mut::<Parameter>()?.replace(new);
        context.pool.recycle(old);
    }
    context.pool.end_run();
    Ok(outputs)
}

/// The values that a run begins with: nothing is copied, but for parameters that are kept in panels, of
/// which those that `stay` so are left out.
pub(super) fn bind<'a>(
    plan: &Plan,
    call: &mut Call<'a>,
    stay: impl Fn(usize, &Parameter) -> bool,
) -> Result<Vec<Option<Array<'a>>>> {
    let mut values = vec![None; plan.values().len()];
    for (slot, input) in plan.inputs().iter().zip(call.inputs) {
        values[slot.value.index()] = Some(Array::borrowed(*input));
    }
    for (i, (slot, &place)) in plan.parameters().iter().zip(call.slots).enumerate() {
        let parameter = call.parameters[place].get_mut::<Parameter>()?;
        if let Some(value) = slot.value
            && !stay(i, parameter)
        {
            values[value.index()] = Some(parameter.array().clone());
        }
    }
    Ok(values)
}

/// A step's operands; what nobody needs afterwards is taken out, so that it can be overwritten.
pub(super) fn take<'a>(prepared: &Prepared, values: &mut [Option<Array<'a>>]) -> Vec<Term<'a>> {
    let present = "a plan makes values before it uses them";
    let operand = |operand: &Operand| match operand {
        Operand::Last(id) => Term::Array(values[id.index()].take().expect(present)),
        Operand::Shared(id) => Term::Array(values[id.index()].clone().expect(present)),
        Operand::Number(value) => Term::Number(*value),
    };
    prepared.args.iter().map(operand).collect()
}

/// When and into what a step is computed.
#[derive(Clone, Copy)]
pub(super) struct Moment<'s> {
    pub seed: u64,
    pub step: u64,
    pub dtype: DType,
    pub shape: &'s [usize],
}

impl Context {
    pub(super) fn step<'a>(
        &mut self,
        step: &Step,
        prepared: &Prepared,
        args: Vec<Term<'a>>,
        Moment { seed, step: finished, dtype, shape }: Moment<'_>,
    ) -> std::result::Result<Array<'a>, String> {
        if let Some(value) = &prepared.value {
            return Ok(value.clone());
        }
        let mut terms = args.into_iter();
        let mut term = || terms.next().expect("a plan's steps have as many operands as their ops");
        let array = |term: Term<'a>| match term {
            Term::Array(array) => array,
            Term::Number(value) => splat(value, dtype, shape),
        };
        Ok(match &step.op {
            Op::Step => splat(dl_core::Scalar::Int(finished as i64), dtype, shape),
            Op::Random { stream } => self.random([seed, finished, *stream], dtype, shape),
            Op::Unary(op) => self.unary(*op, array(term())),
            Op::Binary(op) => {
                let (x, y) = (term(), term());
                let operands = [&x, &y].into_iter().find_map(Term::dtype).unwrap_or(dtype);
                self.binary(*op, x, y, operands, shape)
            }
            Op::Select => {
                let (c, a, b) = (array(term()).of(), term(), term());
                self.select(c, a, b, dtype)
            }
            Op::Cast => self.cast(array(term()), dtype),
            Op::Reduce { kind, axes } => self.reduce(*kind, axes, array(term()), shape),
            Op::ArgReduce { kind, axis } => self.arg_reduce(*kind, *axis, array(term()), shape),
            Op::Contract(spec) => {
                let (a, b) = (array(term()), array(term()));
                self.contract(spec, a, b, shape)
            }
            Op::Reshape => {
                let x = array(term());
                match x.layout().reshape(shape) {
                    Some(layout) => x.with(layout),
                    None => {
                        let x = self.dense_array(x);
                        let layout = x.layout().reshape(shape).expect("dense elements take any shape");
                        x.with(layout)
                    }
                }
            }
            Op::Permute(permutation) => moved(array(term()), |l| l.permute(permutation)),
            Op::Broadcast(axes) => moved(array(term()), |l| l.broadcast(axes, shape)),
            Op::Slice { strides, .. } => moved(array(term()), |l| l.slice(&prepared.starts, strides, shape)),
            Op::Flip(axes) => moved(array(term()), |l| l.flip(axes)),
            Op::Unfold { axis, stride, dilation, .. } => {
                moved(array(term()), |l| l.unfold(*axis, *stride, *dilation, shape))
            }
            Op::Fold { axis, stride, dilation } => {
                self.fold((*axis, *stride, *dilation), array(term()), shape)
            }
            Op::Pad { strides, value, .. } => {
                self.pad(&prepared.starts, strides, *value, array(term()), shape)
            }
            Op::Concat(axis) => {
                let parts = terms.map(array).collect();
                self.concat(*axis, parts, dtype, shape)
            }
            Op::Gather { axis, batch } => {
                let (x, indices) = (array(term()), array(term()).of());
                self.gather((*axis, *batch), x, indices, shape)?
            }
            Op::ScatterAdd { axis, batch } => {
                let (indices, updates) = (array(term()).of(), array(term()));
                self.scatter_add((*axis, *batch), indices, updates, shape)?
            }
            Op::Sort { .. } | Op::ArgSort { .. } => self.sort(&step.op, array(term())),
            // These have a value before the run, or vanish when a program is lowered.
            Op::Constant(_) | Op::Literal(_) | Op::Extent(_) | Op::Iota(_) => {
                return Err(format!("{} was not prepared", step.op.name()));
            }
            Op::StopGradient | Op::Variable(_) | Op::Assume(_) => array(term()),
            Op::Input(_) | Op::Parameter(_) | Op::Grad | Op::Poison => {
                return Err(format!("{} cannot be computed", step.op.name()));
            }
        })
    }
}

fn moved<'a>(
    x: Array<'a>,
    change: impl FnOnce(&super::layout::Layout) -> super::layout::Layout,
) -> Array<'a> {
    let layout = change(x.layout());
    x.with(layout)
}

impl Array<'_> {
    /// The elements, copied row by row.
    pub(super) fn to_tensor(&self) -> Tensor {
        let shape = self.shape().to_vec();
        each!(self, v => Tensor::new(shape, v.to_vec())).expect("a layout has as many elements as its shape")
    }
}
