//! Running a compiled plan: all steps, then all updates, then outputs wait to be read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dl_core::ops::Op;
use dl_core::plan::{Arg, Step, ValueId};
use dl_core::{DType, Tensor};
use smallvec::SmallVec;

use super::array::{Array, each};
use super::compile::{Compiled, Operand, Prepared};
use super::elementwise::Term;
use super::lanes::{CHUNK, Context};
use super::movement::splat;
use crate::error::{Error, Result};
use crate::executor::{Call, Executable};
use crate::profile::{Amount, Kernel, Operation};

impl Executable for Compiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        self.run_anywhere(call, &mut [])
    }

    fn profile(&mut self, call: Call<'_>) -> Result<Vec<Kernel>> {
        let mut times = vec![Duration::ZERO; self.steps.len()];
        let begun = Instant::now();
        self.run_anywhere(call, &mut times)?;
        let all = begun.elapsed();
        let steps = self.plan.steps().iter().zip(&self.steps).zip(times);
        let mut kernels: Vec<Kernel> = steps.map(|((step, p), time)| self.kernel(step, p, time)).collect();
        let distance = kernels.iter().map(|k| k.footprint).sum();
        kernels.push(Kernel::around(&kernels, self.plan.values().len(), all));
        kernels.iter_mut().for_each(|k| k.distance = distance);
        Ok(kernels)
    }

    fn listing(&self) -> String {
        format!("one step at a time, undivided: {}\n{}", self.undivided, self.plan)
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let output = self.frame.output(index)?;
        Ok(output.expect("without tiles all outputs are kept").to_tensor())
    }
}

impl Compiled {
    /// Where there are other threads, among them. The times of steps go to `times`, unless it is empty.
    fn run_anywhere(&mut self, call: Call<'_>, times: &mut [Duration]) -> Result<()> {
        match self.threads.clone() {
            Some(threads) => threads.install(|| self.run_here(call, times)),
            None => self.run_here(call, times),
        }
    }

    fn run_here(&mut self, mut call: Call<'_>, times: &mut [Duration]) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let mut values = self.frame.begin(&mut self.context, &plan, &mut call, |_, _| false)?;
        for (i, (step, prepared)) in plan.steps().iter().zip(&self.steps).enumerate() {
            let start = (!times.is_empty()).then(Instant::now);
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
            if let Some(start) = start {
                times[i] = start.elapsed();
            }
        }
        self.frame.end(&mut self.context, &plan, values, &mut call, |_| true, |_| false)
    }

    /// A step of the plan as a kernel.
    fn kernel(&self, step: &Step, prepared: &Prepared, time: Duration) -> Kernel {
        let elements = |v: ValueId| self.shapes[v.index()].iter().product::<usize>();
        let bytes = |v: ValueId| elements(v) * self.plan.value(v).dtype.bytes();
        let read = || step.args.iter().filter_map(Arg::value);
        let is_input = |v: &ValueId| self.plan.inputs().iter().any(|i| i.value == *v);
        // Views copy nothing.
        let still = prepared.value.is_some() || is_view(&step.op);
        let input_bytes = if still { 0 } else { read().filter(is_input).map(bytes).sum() };
        let all = if still { 0 } else { read().chain([step.result]).map(bytes).sum::<usize>() };
        let members = self.threads.as_ref().map_or(1, |pool| pool.current_num_threads());
        let amount = |operation, elements, calls| {
            let threads = if elements > CHUNK { members } else { 1 };
            Amount { operation, elements, calls, threads, in_registers: false }
        };
        let own = match &step.op {
            _ if still => None,
            Op::Contract(spec) => {
                let shape = |i: usize| step.args[i].value().map_or(&[][..], |v| &self.shapes[v.index()]);
                let others = spec.rhs.iter().zip(shape(1)).filter(|(letter, _)| !spec.lhs.contains(letter));
                let elements = shape(0).iter().chain(others.map(|(_, n)| n)).product();
                Some(amount(Operation::Multiply, elements, 1))
            }
            Op::Reduce { .. } | Op::ArgReduce { .. } => {
                let from = read().map(elements).max().unwrap_or(0);
                Some(amount(Operation::Reduce, from, elements(step.result)))
            }
            op => Some(amount(operation(op), elements(step.result), 1)),
        };
        Kernel {
            name: format!("%{}={}", step.result.0, step.op.name()),
            amounts: own.into_iter().chain([amount(Operation::Step, 1, 1)]).collect(),
            product: None,
            input_bytes,
            bytes: all - input_bytes,
            footprint: all,
            far: 0,
            parts: 1,
            distance: 0,
            threads: own.map_or(1, |amount| amount.threads),
            seconds: time.as_secs_f64(),
        }
    }
}

impl Kernel {
    /// What all of a run takes beyond its kernels; the plan has so many values.
    pub(super) fn around(kernels: &[Kernel], values: usize, all: Duration) -> Kernel {
        let inside: f64 = kernels.iter().map(|k| k.seconds).sum();
        Kernel {
            name: "around     values bound, kept and let go".to_owned(),
            amounts: vec![Amount {
                operation: Operation::Value,
                elements: values,
                calls: 1,
                threads: 1,
                in_registers: false,
            }],
            product: None,
            input_bytes: 0,
            bytes: 0,
            footprint: 0,
            far: 0,
            parts: 1,
            distance: 0,
            threads: 1,
            seconds: (all.as_secs_f64() - inside).max(0.0),
        }
    }
}

/// Whether it only looks at its operand in another way. A reshape that cannot do that copies.
fn is_view(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape | Op::Permute(_) | Op::Broadcast(_) | Op::Slice { .. } | Op::Flip(_) | Op::Unfold { .. }
    )
}

/// What a step does with elements.
pub(super) fn operation(op: &Op) -> Operation {
    match op {
        Op::Unary(op) => Operation::Unary(*op),
        Op::Binary(op) => Operation::Binary(*op),
        Op::Select => Operation::Select,
        Op::Cast => Operation::Cast,
        Op::Reduce { .. } | Op::ArgReduce { .. } => Operation::Reduce,
        Op::Gather { .. } | Op::ScatterAdd { .. } => Operation::Index,
        Op::Random { .. } => Operation::Random,
        Op::Reshape | Op::Permute(_) | Op::Broadcast(_) | Op::Slice { .. } | Op::Flip(_) | Op::Pad { .. } => {
            Operation::Move
        }
        Op::Concat(_) | Op::Unfold { .. } | Op::Fold { .. } => Operation::Move,
        _ => Operation::Other,
    }
}

/// A step's operands; what nobody needs afterwards is taken out, so that it can be overwritten.
pub(super) fn take<'a>(prepared: &Prepared, values: &mut [Option<Array<'a>>]) -> Terms<'a> {
    let present = "a plan makes values before it uses them";
    let operand = |operand: &Operand| match operand {
        Operand::Last(id) => Term::Array(values[id.index()].take().expect(present)),
        Operand::Shared(id) => Term::Array(values[id.index()].clone().expect(present)),
        Operand::Number(value) => Term::Number(*value),
    };
    prepared.args.iter().map(operand).collect()
}

/// The operands of a step; few have more than three.
pub(super) type Terms<'a> = SmallVec<[Term<'a>; 3]>;

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
        args: Terms<'a>,
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
