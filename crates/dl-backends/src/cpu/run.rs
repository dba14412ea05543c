//! Steps of a plan on whole values.

use std::time::Duration;

use dl_core::ops::{Counters, Op};
use dl_core::plan::Step;
use dl_core::{DType, Tensor};
use smallvec::SmallVec;

use super::array::{Array, each};
use super::compile::{Operand, Prepared};
use super::elementwise::Term;
use super::loops::Context;
use super::movement::splat;
use crate::profile::{Amount, Kernel, Operation};

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
            operations: 0,
            product: None,
            input_bytes: 0,
            bytes: 0,
            footprint: 0,
            far: 0,
            code: 0,
            parts: 1,
            distance: 0,
            threads: 1,
            seconds: (all.as_secs_f64() - inside).max(0.0),
        }
    }
}

/// What a step does with elements.
pub(super) fn operation(op: &Op) -> Operation {
    match op {
        Op::Unary(op) => Operation::Unary(*op),
        Op::Binary(op) => Operation::Binary(*op),
        Op::Select => Operation::Select,
        Op::Cast => Operation::Cast,
        Op::Reduce { .. } | Op::ArgReduce { .. } => Operation::Reduce,
        Op::Gather { .. } | Op::Scatter { .. } => Operation::Index,
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
    pub counters: Counters,
    pub dtype: DType,
    pub shape: &'s [usize],
}

impl Context {
    pub(super) fn step<'a>(
        &mut self,
        step: &Step,
        prepared: &Prepared,
        args: Terms<'a>,
        Moment { counters, dtype, shape }: Moment<'_>,
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
            Op::Step => splat(dl_core::Scalar::Int(counters.step as i64), dtype, shape),
            Op::Random { stream, clock } => self.random(counters.key(*stream, *clock), dtype, shape),
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
            Op::Scatter { kind, axis, batch } => {
                let (indices, updates) = (array(term()).of(), array(term()));
                self.scatter(*kind, (*axis, *batch), indices, updates, shape)?
            }
            Op::Cumulative { kind, axis, reverse } => {
                self.cumulative(*kind, (*axis, *reverse), array(term()))
            }
            Op::LinearRecurrence { axis, reverse } => {
                let (a, b) = (array(term()), array(term()));
                self.linear_recurrence((*axis, *reverse), a, b)
            }
            Op::Sort { .. } | Op::ArgSort { .. } => self.sort(&step.op, array(term())),
            // These have a value before the run, or vanish when a program is lowered.
            Op::Constant(_) | Op::Literal(_) | Op::Extent(_) | Op::Iota(_) => {
                return Err(format!("{} was not prepared", step.op.name()));
            }
            Op::StopGradient | Op::Variable(_) | Op::Assume(_) => array(term()),
            Op::Input(_)
            | Op::Parameter(_)
            | Op::LogSumExp(_)
            | Op::LogSoftmax(_)
            | Op::WithGradient
            | Op::Carry { .. }
            | Op::Element { .. }
            | Op::Scan(_)
            | Op::Final(_)
            | Op::Stack(_)
            | Op::Grad
            | Op::Poison => {
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
