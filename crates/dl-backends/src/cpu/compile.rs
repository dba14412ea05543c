//! Preparing a plan for given sizes: shapes, numbers and starts are evaluated, and what only sizes
//! can tell is checked, so that a run meets nothing unexpected but an index.

use std::sync::Arc;

use dl_core::dtype::Scalar;
use dl_core::ops::{Op, Reduce, movement};
use dl_core::plan::{Arg, Step, ValueId};
use dl_core::tensor::Literal;
use dl_core::{DType, Dim, Dims, Plan};

use super::array::Array;
use super::frame::Frame;
use super::lanes::Context;
use super::movement::{iota, splat};
use super::pool::Pool;
use super::team::Team;
use crate::error::{Error, Result};

/// A plan for given sizes, the vectors that its runs reuse, and the last run's outputs.
pub(super) struct Compiled {
    pub plan: Arc<Plan>,
    /// Sizes of each value's axes.
    pub shapes: Vec<Vec<usize>>,
    /// What is known of each step before a run.
    pub steps: Vec<Prepared>,
    pub context: Context,
    pub frame: Frame,
    /// Why it is not divided.
    pub undivided: String,
}

/// What is known of a step before a run.
#[derive(Default)]
pub(super) struct Prepared {
    pub args: Vec<Operand>,
    /// Of slices and pads: the first index along each axis.
    pub starts: Vec<usize>,
    /// Of sources: the value itself.
    pub value: Option<Array<'static>>,
}

/// An operand of a step.
pub(super) enum Operand {
    /// A value that later steps or operands need, too.
    Shared(ValueId),
    /// A value that nobody needs afterwards.
    Last(ValueId),
    /// The same number everywhere.
    Number(Scalar),
}

impl Compiled {
    /// Evaluates and checks everything that depends on sizes only.
    pub(super) fn new(
        plan: &Arc<Plan>,
        dims: &Dims,
        team: Option<Arc<Team>>,
        undivided: String,
    ) -> Result<Self> {
        let mut shapes = vec![];
        for value in plan.values() {
            let shape = value.shape.eval(dims).map_err(|why| Error::at(&value.origin, why))?;
            room_for(&shape, value.dtype).map_err(|why| Error::at(&value.origin, why))?;
            shapes.push(shape);
        }
        let prepare = |step: &Step| {
            let origin = &plan.value(step.result).origin;
            prepare(plan, &shapes, dims, step).map_err(|why| Error::at(origin, why))
        };
        Ok(Compiled {
            steps: plan.steps().iter().map(prepare).collect::<Result<_>>()?,
            plan: plan.clone(),
            shapes,
            context: Context { pool: Pool::default(), team },
            frame: Frame::default(),
            undivided,
        })
    }
}

/// Asked before anything aborts: whether so many elements can be allocated at all.
pub(super) fn room_for(shape: &[usize], dtype: DType) -> std::result::Result<(), String> {
    let bytes = shape.iter().fold(dtype.bytes(), |bytes, n| bytes.saturating_mul(*n));
    if bytes > 1 << 20 {
        let refused = |_| format!("{dtype} {shape:?} does not fit into memory");
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(refused)?;
    }
    Ok(())
}

pub(super) fn prepare(
    plan: &Plan,
    shapes: &[Vec<usize>],
    dims: &Dims,
    step: &Step,
) -> std::result::Result<Prepared, String> {
    let (dtype, shape) = (plan.value(step.result).dtype, &shapes[step.result.index()]);
    let first = step.args.first().and_then(Arg::value).map(|v| shapes[v.index()].as_slice());
    let mut prepared = Prepared { args: operands(plan, dims, step)?, ..Prepared::default() };
    match &step.op {
        Op::Constant(value) => prepared.value = Some(splat(*value, dtype, shape)),
        Op::Extent(dim) => prepared.value = Some(splat(size_of(dim, dims, dtype)?, dtype, shape)),
        Op::Literal(Literal(tensor)) => prepared.value = Some(Array::owned(tensor.clone())),
        Op::Iota(axis) => prepared.value = Some(iota(*axis, dtype, shape)),
        Op::Slice { starts, strides } => {
            prepared.starts =
                movement::starts("slice", (starts, strides), first.unwrap_or(&[]), shape, dims)?;
        }
        Op::Pad { starts, strides, .. } => {
            prepared.starts = movement::starts("pad", (starts, strides), shape, first.unwrap_or(&[]), dims)?;
        }
        Op::Reduce { kind: kind @ (Reduce::Max | Reduce::Min), axes } if dtype == DType::I64 => {
            let x = first.unwrap_or(&[]);
            if axes.iter().any(|a| x[*a] == 0) && !shape.contains(&0) {
                return Err(format!("{} of {x:?} over nothing: i64 has no infinity", kind.name()));
            }
        }
        Op::ArgReduce { axis, .. } => {
            let x = first.unwrap_or(&[]);
            if x[*axis] == 0 && !shape.contains(&0) {
                return Err(format!("{} along axis {axis} of {x:?}, which is empty", step.op.name()));
            }
        }
        _ => {}
    }
    Ok(prepared)
}

fn operands(plan: &Plan, dims: &Dims, step: &Step) -> std::result::Result<Vec<Operand>, String> {
    let dtype = number(plan, step);
    let operand = |(place, arg): (usize, &Arg)| {
        Ok(match arg {
            Arg::Value(v) => {
                let again = step.args[place + 1..].iter().any(|a| a.value() == Some(*v));
                if step.frees.contains(v) && !again { Operand::Last(*v) } else { Operand::Shared(*v) }
            }
            Arg::Constant(value) => Operand::Number(*value),
            Arg::Extent(dim) => Operand::Number(size_of(dim, dims, dtype)?),
        })
    };
    step.args.iter().enumerate().map(operand).collect()
}

/// The element type of a step's operands that are numbers: that of the values beside them.
pub(super) fn number(plan: &Plan, step: &Step) -> DType {
    let beside = step.args.iter().find_map(Arg::value);
    match step.op {
        // Beside a select's branches stands its condition.
        Op::Select => plan.value(step.result).dtype,
        _ => beside.map_or(plan.value(step.result).dtype, |v| plan.value(v).dtype),
    }
}

/// A dimension's size as a number of `dtype`.
pub(super) fn size_of(dim: &Dim, dims: &Dims, dtype: DType) -> std::result::Result<Scalar, String> {
    let n = dim.eval(dims)?;
    Ok(if dtype.is_float() { Scalar::Float(n as f64) } else { Scalar::Int(n as i64) })
}
