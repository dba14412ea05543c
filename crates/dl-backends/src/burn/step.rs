//! One step of a plan with all sizes known, and the table of which function lowers which operation.

use burn_backend::Backend;
use burn_backend::tensor::IntTensor;
use dl_core::ops::{Counters, Op, Scatter};
use dl_core::{DType, Scalar, TensorRef};

use super::machine::Machine;
use super::repeat::Repeat;
use super::value::{Value, extents};
use super::{contract, cumulative, elementwise, host, index, movement, reduce, window};

type Result<T> = std::result::Result<T, String>;

/// A step of a plan for fixed sizes.
pub(super) struct Step<B: Backend> {
    /// Its dimensions are sizes.
    pub(super) op: Op,
    pub(super) args: Vec<Arg>,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    /// Integer arithmetic cannot leave the device's integers.
    pub(super) exact: bool,
    pub(super) check: Check,
    /// For windows: the elements of the axis, here and on the device.
    pub(super) sources: Option<(Vec<i64>, IntTensor<B>)>,
    /// The value that it makes.
    pub(super) result: usize,
    /// Values that no later step needs.
    pub(super) frees: Vec<usize>,
    /// Of a scan: its body.
    pub(super) repeat: Option<Box<Repeat<B>>>,
}

/// An operand before a run.
pub(super) struct Arg {
    pub(super) source: Source,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
}

/// Where an operand comes from.
pub(super) enum Source {
    /// A value; the last use of one gives its memory away.
    Value { place: usize, last: bool },
    /// The same number in every element.
    Scalar(Scalar),
}

/// An operand in a run.
pub(super) enum Operand<B: Backend> {
    Value(Value<B>),
    Scalar(Scalar),
}

/// What is known of a step's indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// They cannot be outside.
    Inside,
    /// They are an input, perhaps under another shape.
    Input(usize),
    /// They have to be read back.
    Computed,
}

/// What a run brings along.
pub(super) struct Env<'a> {
    pub(super) inputs: &'a [TensorRef<'a>],
    pub(super) counters: Counters,
}

impl<B: Backend> Step<B> {
    /// For a step with indices: the axis that they select from, the shape that has it, and which
    /// operand they are.
    pub(super) fn indexed(&self) -> Option<(usize, &[usize], usize)> {
        match self.op {
            Op::Gather { axis, .. } => Some((axis, &self.args[0].shape, 1)),
            Op::Scatter { axis, .. } => Some((axis, &self.shape, 0)),
            _ => None,
        }
    }

    /// Computes the result.
    pub(super) fn apply(&self, m: &Machine<B>, mut args: Vec<Operand<B>>, env: &Env<'_>) -> Result<Value<B>> {
        if let Some((_, _, place)) = self.indexed()
            && let Some(Operand::Value(indices)) = args.get(place)
        {
            index::check_computed(m, self, indices)?;
        }
        if self.shape.contains(&0) {
            return Ok(Value::Empty);
        }
        // The other operations want every element in place.
        if !matches!(self.op, Op::Unary(_) | Op::Binary(_) | Op::Cast | Op::Broadcast(_)) {
            args = args.into_iter().zip(&self.args).map(|(arg, known)| arg.whole(&known.shape)).collect();
        }
        self.lower(m, args, env)
    }

    fn lower(&self, m: &Machine<B>, args: Vec<Operand<B>>, env: &Env<'_>) -> Result<Value<B>> {
        let mut args = args.into_iter();
        let mut operand = || args.next().ok_or_else(|| format!("{} lacks an operand", self.op.name()));
        Ok(match &self.op {
            Op::Unary(op) => elementwise::unary(m, self, *op, operand()?.value()?)?,
            Op::Binary(op) => elementwise::binary(m, self, *op, operand()?, operand()?)?,
            Op::Select => elementwise::select(m, self, operand()?.value()?.bool()?, operand()?, operand()?)?,
            Op::Cast => elementwise::cast(m, self, operand()?.value()?)?,

            Op::Reduce { kind, axes } => reduce::reduce(m, self, *kind, axes, operand()?.value()?)?,
            Op::ArgReduce { kind, axis } => reduce::arg_reduce(m, self, *kind, *axis, operand()?.value()?)?,
            Op::Contract(spec) => {
                contract::contract(m, self, spec, operand()?.value()?, operand()?.value()?)?
            }

            Op::Reshape => operand()?.value()?.reshape(&extents(&self.shape)),
            Op::Permute(axes) if axes.is_empty() => operand()?.value()?,
            Op::Permute(axes) => operand()?.value()?.permute(axes),
            Op::Broadcast(axes) => movement::broadcast(self, axes, operand()?.value()?),
            Op::Slice { starts, strides } => movement::slice(self, starts, strides, operand()?.value()?)?,
            Op::Pad { starts, strides, value } => {
                movement::pad(m, self, starts, strides, *value, operand()?.value()?)?
            }
            Op::Concat(axis) => Value::concat(args.map(Operand::value).collect::<Result<_>>()?, *axis),
            Op::Flip(axes) if axes.is_empty() => operand()?.value()?,
            Op::Flip(axes) => operand()?.value()?.flip(axes),

            Op::Gather { axis, batch } => {
                index::gather(m, self, *axis, *batch, operand()?.value()?, operand()?.value()?)?
            }
            Op::Scatter { kind: Scatter::Add, axis, batch } => {
                index::scatter_add(m, self, *axis, *batch, operand()?.value()?, operand()?.value()?)?
            }
            Op::Scatter { axis, batch, .. } => {
                index::scatter_chosen(m, self, *axis, *batch, operand()?.value()?, operand()?.value()?)?
            }
            Op::Cumulative { kind, axis, reverse } => {
                cumulative::cumulative(m, self, (*kind, *axis, *reverse), operand()?.value()?)?
            }
            Op::LinearRecurrence { axis, reverse } => cumulative::linear_recurrence(
                m,
                self,
                (*axis, *reverse),
                operand()?.value()?,
                operand()?.value()?,
            )?,
            Op::Sort { axis, order } => {
                host::sort(m, operand()?.value()?, self.dtype, &self.shape, *axis, *order, false)?
            }
            Op::ArgSort { axis, order } => {
                host::sort(m, operand()?.value()?, self.args[0].dtype, &self.shape, *axis, *order, true)?
            }

            Op::Unfold { axis, .. } => window::unfold(self, *axis, operand()?.value()?, self.windows()?.1),
            Op::Fold { axis, .. } => window::fold(m, self, *axis, operand()?.value()?, self.windows()?)?,

            Op::Random { stream, clock } => {
                host::random(m, self.dtype, &self.shape, env.counters.key(*stream, *clock))?
            }
            Op::Step => self.step_number(m, env)?,

            Op::Constant(_) | Op::Literal(_) | Op::Extent(_) | Op::Iota(_) => {
                return Err(format!("{} is made before a run", self.op.name()));
            }
            Op::Input(_)
            | Op::Parameter(_)
            | Op::StopGradient
            | Op::WithGradient
            | Op::Variable(_)
            | Op::Assume(_)
            | Op::LogSumExp(_)
            | Op::LogSoftmax(_)
            | Op::Carry { .. }
            | Op::Element { .. }
            | Op::Scan(_)
            | Op::Final(_)
            | Op::Stack(_)
            | Op::Grad
            | Op::Poison => {
                return Err(format!("{} is no step", self.op.name()));
            }
        })
    }

    fn windows(&self) -> Result<(Vec<i64>, IntTensor<B>)> {
        self.sources.clone().ok_or_else(|| format!("{} has no windows", self.op.name()))
    }

    fn step_number(&self, m: &Machine<B>, env: &Env<'_>) -> Result<Value<B>> {
        let most = super::range::steps(m.ints());
        match i64::try_from(env.counters.step) {
            Ok(step) if i128::from(step) <= most => m.full(DType::I64, &[], Scalar::Int(step)),
            _ => Err(format!(
                "step {} is beyond {most}, the last that {} can count",
                env.counters.step, m.name
            )),
        }
    }
}

impl<B: Backend> Operand<B> {
    fn value(self) -> Result<Value<B>> {
        match self {
            Operand::Value(value) => Ok(value),
            Operand::Scalar(c) => Err(format!("expected a value, got the scalar {c}")),
        }
    }

    fn whole(self, shape: &[usize]) -> Self {
        match self {
            Operand::Value(value) => Operand::Value(value.whole(shape)),
            scalar => scalar,
        }
    }
}
