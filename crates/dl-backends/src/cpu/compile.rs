//! Preparing a plan for given sizes: shapes, numbers and starts are evaluated, and what only sizes
//! can tell is checked, so that a run meets nothing unexpected but an index.

use dl_core::dtype::Scalar;
use dl_core::ops::{Op, Reduce, movement};
use dl_core::plan::{Arg, Step, ValueId};
use dl_core::tensor::Literal;
use dl_core::{DType, Dims, Plan};

use super::array::Array;
use super::movement::{iota, splat};
use super::repeat::PreparedRepeat;

/// What is known of a step before a run.
#[derive(Default)]
pub(super) struct Prepared {
    pub args: Vec<Operand>,
    /// Of slices and pads: the first index along each axis.
    pub starts: Vec<usize>,
    /// Of sources: the value itself.
    pub value: Option<Array<'static>>,
    /// Of scans: their bodies.
    pub repeat: Option<PreparedRepeat>,
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

/// Asked before anything aborts: whether so many elements can be allocated at all.
pub(super) fn room_for(shape: &[usize], dtype: DType) -> std::result::Result<(), String> {
    let bytes = shape.iter().fold(dtype.bytes(), |bytes, n| bytes.saturating_mul(*n));
    if bytes > 1 << 20 {
        let refused = |_| format!("{dtype} {shape:?} does not fit into memory");
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(refused)?;
    }
    Ok(())
}

/// Checks that no step looks for an extreme among nothing, which sizes tell.
pub(super) fn check(plan: &Plan, shapes: &[Vec<usize>], step: &Step) -> std::result::Result<(), String> {
    let (dtype, shape) = (plan.value(step.result).dtype, &shapes[step.result.index()]);
    let first = step.args.first().and_then(Arg::value).map(|v| shapes[v.index()].as_slice());
    match &step.op {
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
    Ok(())
}

/// What is known of a step before a run.
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
        Op::Extent(dim) => prepared.value = Some(splat(dim.number(dims, dtype)?, dtype, shape)),
        Op::Literal(Literal(tensor)) => prepared.value = Some(Array::owned(tensor.clone())),
        Op::Iota(axis) => prepared.value = Some(iota(*axis, dtype, shape)),
        Op::Slice { starts, strides } => {
            prepared.starts =
                movement::starts("slice", (starts, strides), first.unwrap_or(&[]), shape, dims)?;
        }
        Op::Pad { starts, strides, .. } => {
            prepared.starts = movement::starts("pad", (starts, strides), shape, first.unwrap_or(&[]), dims)?;
        }
        Op::Scan(scan) => {
            let steps = step.repeat.iter().flat_map(|r| &r.steps);
            let steps = steps.map(|step| prepare(plan, shapes, dims, step)).collect::<Result<_, String>>()?;
            prepared.repeat = Some(PreparedRepeat { length: scan.length.eval(dims)?, steps });
        }
        _ => {}
    }
    Ok(prepared)
}

fn operands(plan: &Plan, dims: &Dims, step: &Step) -> std::result::Result<Vec<Operand>, String> {
    let dtype = plan.number_type(step);
    let operand = |(place, arg): (usize, &Arg)| {
        Ok(match arg {
            Arg::Value(v) => {
                let again = step.args[place + 1..].iter().any(|a| a.value() == Some(*v));
                if step.frees.contains(v) && !again { Operand::Last(*v) } else { Operand::Shared(*v) }
            }
            Arg::Constant(value) => Operand::Number(*value),
            Arg::Extent(dim) => Operand::Number(dim.number(dims, dtype)?),
        })
    };
    step.args.iter().enumerate().map(operand).collect()
}
