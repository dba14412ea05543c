//! Compiling: a plan and the sizes of its named dimensions become steps that look nothing up.

use std::sync::Arc;

use burn_backend::Backend;
use dl_core::graph::Origin;
use dl_core::ops::Op;
use dl_core::plan::{self, ValueId};
use dl_core::{DType, Dim, Dims, Plan, Scalar, Tensor};

use super::executable::Executable;
use super::machine::Machine;
use super::range::{Ask, Range, range};
use super::repeat::Repeat;
use super::step::{Arg, Check, Source, Step};
use super::value::{Value, extents};
use super::window;
use crate::error::{Error, Result};

type Wrong<T> = std::result::Result<T, String>;

/// The plan for these sizes.
///
/// # Errors
/// When a shape cannot be allocated, or the device lacks an element type.
pub(super) fn compile<B: Backend>(
    machine: &Arc<Machine<B>>,
    plan: &Arc<Plan>,
    dims: &Dims,
) -> Result<Executable<B>> {
    let Parts { shapes, constants, steps } = parts(machine, plan, dims, true)?;
    let made = constants.into_iter().map(|constant| {
        let value = constant.make(machine);
        Ok((constant.result, value.map_err(|why| Error::at(&plan.values()[constant.result].origin, why))?))
    });
    let constants = made.collect::<Result<_>>()?;
    Ok(Executable::new(machine.clone(), plan.clone(), shapes, constants, steps))
}

/// A plan for given sizes, of which nothing lies on the device but the indices of windows.
pub(super) struct Parts<B: Backend> {
    /// Of all values.
    pub(super) shapes: Vec<Vec<usize>>,
    pub(super) constants: Vec<Constant>,
    /// All steps but constants, in order.
    pub(super) steps: Vec<Step<B>>,
}

/// A value that is known before a run.
pub(super) struct Constant {
    /// Which.
    pub(super) result: usize,
    op: Op,
    dtype: DType,
    shape: Vec<usize>,
}

/// The parts of a plan for these sizes; whether all values need a buffer of the device.
///
/// # Errors
/// As for [`compile`].
pub(super) fn parts<B: Backend>(
    machine: &Arc<Machine<B>>,
    plan: &Arc<Plan>,
    dims: &Dims,
    all: bool,
) -> Result<Parts<B>> {
    let mut compiler = Compiler {
        m: machine,
        plan,
        dims,
        all,
        shapes: vec![],
        ranges: vec![],
        inputs: vec![],
        constants: vec![],
        steps: vec![],
    };
    compiler.declare()?;
    for step in plan.steps() {
        let origin = &plan.value(step.result).origin;
        compiler.step(step).map_err(|why| Error::at(origin, why))?;
    }
    let Compiler { shapes, constants, steps, .. } = compiler;
    Ok(Parts { shapes, constants, steps })
}

impl Constant {
    /// The value; repeated elements once.
    ///
    /// # Errors
    /// When the device has not its element type, or an integer does not fit.
    pub(super) fn make<B: Backend>(&self, m: &Machine<B>) -> Wrong<Value<B>> {
        let (dtype, shape) = (self.dtype, &self.shape);
        let ones = vec![1; shape.len()];
        match &self.op {
            Op::Literal(literal) => m.upload(literal.0.view()),
            _ if shape.contains(&0) => Ok(Value::Empty),
            Op::Constant(value) => m.full(dtype, &ones, *value),
            Op::Iota(axis) => {
                let mut along = ones;
                along[*axis] = shape[*axis];
                let counted: Vec<f64> = (0..shape[*axis]).map(|i| i as f64).collect();
                let tensor = Tensor::from_f64(dtype, along.clone(), &counted).map_err(|e| e.to_string())?;
                Ok(m.store(tensor)?.reshape(&extents(&along)))
            }
            op => Err(format!("{} is no constant", op.name())),
        }
    }
}

struct Compiler<'a, B: Backend> {
    m: &'a Machine<B>,
    plan: &'a Plan,
    dims: &'a Dims,
    /// Whether each value has a buffer of its own.
    all: bool,
    shapes: Vec<Vec<usize>>,
    ranges: Vec<Range>,
    /// For each value, the input that it is, perhaps under another shape.
    inputs: Vec<Option<usize>>,
    constants: Vec<Constant>,
    steps: Vec<Step<B>>,
}

impl<B: Backend> Compiler<'_, B> {
    /// Shapes of all values, and what is known of inputs and parameters.
    fn declare(&mut self) -> Result<()> {
        for value in self.plan.values() {
            let shape = self.shape(&value.origin, value)?;
            self.shapes.push(shape);
            let bytes = Range::new(0, 255);
            self.ranges.push(if value.dtype == DType::U8 { bytes } else { self.m.ints() });
            self.inputs.push(None);
        }
        for (i, slot) in self.plan.inputs().iter().enumerate() {
            self.inputs[slot.value.index()] = Some(i);
        }
        Ok(())
    }

    fn shape(&self, origin: &Origin, value: &plan::Value) -> Result<Vec<usize>> {
        let checked =
            self.m.check(value.dtype).and_then(|()| value.shape.eval(self.dims)).and_then(|shape| {
                let held = self.m.check_buffer(value.dtype, &shape);
                if self.all {
                    held.clone()?;
                }
                let bytes = shape.iter().fold(value.dtype.bytes(), |bytes, n| bytes.saturating_mul(*n));
                let room = Vec::<u8>::new().try_reserve_exact(bytes);
                let none = |_| format!("{shape:?} of {} does not fit into memory", value.dtype);
                room.map_err(|why| held.err().unwrap_or_else(|| none(why)))?;
                self.m.check_axes(&shape)?;
                Ok(shape)
            });
        checked.map_err(|why| Error::at(origin, why))
    }

    fn step(&mut self, step: &plan::Step) -> Wrong<()> {
        let result = step.result.index();
        let dtype = self.plan.value(step.result).dtype;
        if let Some(repeat) = &step.repeat {
            return self.scan(step, repeat);
        }
        let op = self.sized(&step.op, dtype)?;
        let args = self.args(step)?;
        self.check_integers(&op, &args, result).map_err(|why| format!("{}: {why}", op.name()))?;
        let exact = self.bound(&op, &args, result, dtype);
        if let Op::Reshape = op {
            self.inputs[result] = step.args[0].value().and_then(|v| self.inputs[v.index()]);
        }
        let shape = self.shapes[result].clone();
        if matches!(op, Op::Constant(_) | Op::Literal(_) | Op::Iota(_)) {
            self.constants.push(Constant { result, op, dtype, shape });
            return Ok(());
        }
        let sources = self.sources(&op, &args, &shape)?;
        let frees = step.frees.iter().map(|v| v.index()).collect();
        let check = Check::Inside;
        let mut made = Step { op, args, dtype, shape, exact, check, sources, result, frees, repeat: None };
        made.check = self.check(&made);
        self.steps.push(made);
        Ok(())
    }

    /// Whether the device has the integers that are written in a step.
    fn check_integers(&self, op: &Op, args: &[Arg], result: usize) -> Wrong<()> {
        let written = match op {
            _ if self.shapes[result].contains(&0) => return Ok(()),
            Op::Literal(literal) => return self.m.check_integers(literal.0.view()),
            Op::Constant(value) => Some(*value),
            Op::Pad { value, .. } => Some(*value),
            _ => None,
        };
        let scalars = args.iter().filter_map(|arg| match arg.source {
            Source::Scalar(value) => Some(value),
            Source::Value { .. } => None,
        });
        scalars.chain(written).try_for_each(|value| self.m.scalar(value).map(drop))
    }

    fn scan(&mut self, step: &plan::Step, repeat: &plan::Repeat) -> Wrong<()> {
        let args = self.args(step)?;
        for element in &repeat.elements {
            self.ranges[element.value.index()] = self.ranges[element.from.index()];
        }
        let before = std::mem::take(&mut self.steps);
        let body = repeat.steps.iter().try_for_each(|step| self.step(step));
        let steps = std::mem::replace(&mut self.steps, before);
        body?;
        for stack in &repeat.stacks {
            self.ranges[stack.result.index()] = self.ranges[stack.value.index()];
        }
        let length = repeat.length.eval(self.dims)?;
        let (result, frees) = (step.result.index(), step.frees.iter().map(|v| v.index()).collect());
        let shapes = repeat.stacks.iter().map(|s| self.shapes[s.result.index()].clone()).collect();
        let made = Repeat { plan: repeat.clone(), length, steps, shapes };
        self.steps.push(Step {
            op: step.op.clone(),
            args,
            dtype: self.plan.value(step.result).dtype,
            shape: self.shapes[result].clone(),
            exact: true,
            check: Check::Inside,
            sources: None,
            result,
            frees,
            repeat: Some(Box::new(made)),
        });
        Ok(())
    }

    /// The op with sizes for dimensions.
    fn sized(&self, op: &Op, dtype: DType) -> Wrong<Op> {
        let size = |d: &Dim| d.eval(self.dims).map(Dim::from);
        let sizes = |ds: &[Dim]| ds.iter().map(size).collect::<Wrong<Vec<_>>>();
        Ok(match op {
            Op::Slice { starts, strides } => Op::Slice { starts: sizes(starts)?, strides: strides.clone() },
            Op::Pad { starts, strides, value } => {
                Op::Pad { starts: sizes(starts)?, strides: strides.clone(), value: *value }
            }
            Op::Extent(dim) => Op::Constant(self.extent(dim, dtype)?),
            other => other.clone(),
        })
    }

    fn extent(&self, dim: &Dim, dtype: DType) -> Wrong<Scalar> {
        let size = dim.eval(self.dims)?;
        Ok(if dtype.is_float() { Scalar::Float(size as f64) } else { Scalar::Int(size as i64) })
    }

    fn args(&self, step: &plan::Step) -> Wrong<Vec<Arg>> {
        let values: Vec<Option<ValueId>> = step.args.iter().map(plan::Arg::value).collect();
        let arg = |(place, arg): (usize, &plan::Arg)| {
            let beside = if matches!(step.op, Op::Select) {
                None
            } else {
                values.get(1 - place.min(1)).copied().flatten()
            };
            let splat_dtype = self.plan.value(beside.unwrap_or(step.result)).dtype;
            let splat = |c| Arg {
                source: Source::Scalar(c),
                dtype: splat_dtype,
                shape: self.shapes[step.result.index()].clone(),
            };
            Ok(match arg {
                plan::Arg::Constant(c) => splat(*c),
                plan::Arg::Extent(dim) => splat(self.extent(dim, splat_dtype)?),
                plan::Arg::Value(v) => {
                    let again = values[place + 1..].contains(&Some(*v));
                    let last = step.frees.contains(v) && !again;
                    Arg {
                        source: Source::Value { place: v.index(), last },
                        dtype: self.plan.value(*v).dtype,
                        shape: self.shapes[v.index()].clone(),
                    }
                }
            })
        };
        step.args.iter().enumerate().map(arg).collect()
    }

    /// Notes the result's range; whether arithmetic on the device cannot leave its integers.
    fn bound(&mut self, op: &Op, args: &[Arg], result: usize, dtype: DType) -> bool {
        if !matches!(dtype, DType::I64 | DType::U8) {
            return true;
        }
        let of = |arg: &Arg| match arg.source {
            Source::Value { place, .. } => self.ranges[place],
            Source::Scalar(Scalar::Int(n)) => Range::new(n, n),
            Source::Scalar(_) => Range::new(0, 0),
        };
        let args: Vec<_> = args.iter().map(|a| (of(a), a.dtype, a.shape.clone())).collect();
        let device = self.m.ints();
        let found = range(&Ask { op, dtype, shape: &self.shapes[result], args: &args, device });
        let exact = found.within(device);
        self.ranges[result] = if exact { found } else { device };
        exact
    }

    fn sources(
        &self,
        op: &Op,
        args: &[Arg],
        shape: &[usize],
    ) -> Wrong<Option<(Vec<i64>, burn_backend::tensor::IntTensor<B>)>> {
        let found = match *op {
            Op::Unfold { axis, size, stride, dilation } if !shape.contains(&0) => {
                window::sources(shape[axis], size, stride, dilation)
            }
            Op::Fold { axis, stride, dilation } if !shape.contains(&0) => {
                let windows = &args[0].shape;
                window::sources(windows[axis], windows[shape.len()], stride, dilation)
            }
            _ => return Ok(None),
        };
        let device = self.m.indices(found.clone())?.int()?;
        Ok(Some((found, device)))
    }

    fn check(&self, step: &Step<B>) -> Check {
        let Some((axis, indexed, place)) = step.indexed() else { return Check::Inside };
        let Source::Value { place, .. } = step.args[place].source else { return Check::Computed };
        let size = indexed[axis] as i128;
        match self.inputs[place] {
            _ if size > 0 && self.ranges[place].within(Range { low: 0, high: size - 1 }) => Check::Inside,
            Some(slot) => Check::Input(slot),
            None => Check::Computed,
        }
    }
}
