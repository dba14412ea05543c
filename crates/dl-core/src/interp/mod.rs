//! The reference interpreter: what every operation means, in double precision, slow and obvious.
//!
//! Executors are right when they agree with it. Floats of either type are computed in `f64` and
//! nothing is rounded to `f32` on the way, constants and casts included; integers are exact (they
//! wrap at the ends of `i64`). Where the documentation of an op leaves a choice, this is it:
//!
//! - a cast to `u8` saturates, from integers too; a cast of a float to an integer truncates,
//!   saturates and takes NaN to 0; NaN is true as a truth value;
//! - `false < true`; comparisons with NaN are false, except `ne`;
//! - sums and products run over elements in row-major order; a reduction over nothing is the
//!   identity, and an error for the maximum and minimum of integers, which have no infinity;
//! - `argmax` and `argmin` give the first extreme element, the first NaN if there is one, as NumPy;
//! - sorting is stable in both orders and puts NaN last in both; `-0` equals `0`;
//! - `gather` and `scatter` check every index, even one by which no element is picked; of updates of one
//!   place, `scatter` sets the last in row-major order;
//! - a cumulative operation is the reduction of each prefix; of a recurrence, the first factor counts not;
//! - a fact holds within 1e-6 (`positive`: strictly), and never for NaN.

mod array;
mod bind;
mod contract;
mod cumulative;
mod elementwise;
mod facts;
mod index;
mod movement;
mod random;
mod reduce;
mod scan;
mod softmax;
mod steps;
mod window;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::collections::BTreeMap;

pub(crate) use self::array::{Array, Values, each_index, offset};
pub use self::bind::{Evaluation, eval_expr, evaluate, evaluate_at, evaluate_checking_facts};
pub(crate) use self::facts::check_tensor;
pub(crate) use self::scan::stack;
pub use self::steps::values_of_plan;

use crate::dim::{Dims, Name};
use crate::dtype::{DType, Scalar};
use crate::error::{self, Error, Fault};
use crate::graph::{Level, Levels, Node, NodeId, Origin};
use crate::interp::scan::Run;
use crate::ops::{Counters, Op};
use crate::tensor::Literal;

/// What a run brings along.
#[derive(Default)]
pub(crate) struct Env {
    /// By name.
    pub inputs: BTreeMap<Name, Array>,
    /// By name.
    pub parameters: BTreeMap<Name, Array>,
    /// The sizes of the named dimensions.
    pub dims: Dims,
    /// Of the random numbers, and of what was finished before.
    pub counters: Counters,
    /// Whether what authors assumed of values is verified.
    pub check_facts: bool,
}

/// The values of `roots`, in their order. Arguments stand before the nodes that need them.
pub(crate) fn run<N: Borrow<Node>>(
    nodes: &[N],
    origins: &[Origin],
    roots: &[NodeId],
    env: &Env,
) -> error::Result<Vec<Array>> {
    let level = Levels::new(nodes, roots).everything();
    let mut uses = uses(nodes, &level, roots);
    let mut run = Run::new(nodes, origins, env);
    for id in &level.order {
        run.evaluate(*id, &level)?;
        for need in needs(nodes, &level, *id) {
            uses[need.index()] -= 1;
            if uses[need.index()] == 0 {
                run.values[need.index()] = None;
            }
        }
    }
    let value = |root: &NodeId| {
        run.values[root.index()].clone().expect("roots are used, so they were computed and kept")
    };
    Ok(roots.iter().map(value).collect())
}

/// How often each node of a level is needed; roots count as one use more.
fn uses<N: Borrow<Node>>(nodes: &[N], level: &Level, roots: &[NodeId]) -> Vec<usize> {
    let mut uses = vec![0; nodes.len()];
    let needs = level.order.iter().flat_map(|id| needs(nodes, level, *id));
    needs.chain(roots.iter().copied()).for_each(|id| uses[id.index()] += 1);
    uses
}

/// What is needed at a node: a scan needs everything that its body reads, and makes its results.
fn needs<N: Borrow<Node>>(nodes: &[N], level: &Level, id: NodeId) -> Vec<NodeId> {
    match (level.loops.get(&id), &nodes[id.index()].borrow().op) {
        (Some(scan), _) => scan.reads.clone(),
        (None, Op::Final(_) | Op::Stack(_)) => vec![],
        (None, _) => nodes[id.index()].borrow().args.clone(),
    }
}

fn located(origin: Option<&Origin>, why: String) -> Error {
    let (site, name) = origin.map_or((None, None), |o| (o.site.clone(), o.name.clone()));
    let message = name.map_or(why.clone(), |name| format!("{name}: {why}"));
    Error::value(Fault { site, message }.to_string())
}

fn eval_node(node: &Node, values: &[Option<Array>], env: &Env) -> Result<Array, String> {
    if let Op::Input(name) = &node.op
        && !env.inputs.contains_key(name)
    {
        // Asked first: its dimensions have no size either.
        return Err(format!("input {name} has no value"));
    }
    let shape = node.shape.eval(&env.dims)?;
    let len = shape.iter().product();
    room_for(len).ok_or_else(|| format!("{} of shape {shape:?} does not fit into memory", node.op.name()))?;
    let args: Vec<&Array> = node.args.iter().filter_map(|a| values[a.index()].as_ref()).collect();
    let data = eval(node, &args, &shape, env)?;
    if data.len() != len || !data.holds(node.dtype) {
        let (got, name) = (data.len(), node.op.name());
        return Err(format!("{name} gave {got} {}, but {} {shape:?} is declared", data.kind(), node.dtype));
    }
    Ok(Array { shape, data })
}

/// One operation on arrays: its result of this type and shape.
pub(crate) fn apply(
    op: &Op,
    args: &[&Array],
    (dtype, shape): (DType, &[usize]),
    env: &Env,
) -> Result<Array, String> {
    let node = Node { op: op.clone(), args: vec![], dtype, shape: shape.into() };
    Ok(Array { shape: shape.to_vec(), data: eval(&node, args, shape, env)? })
}

/// Whether so many elements can be allocated at all, asked before anything aborts.
fn room_for(len: usize) -> Option<()> {
    Vec::<f64>::new().try_reserve_exact(len).ok()
}

/// The elements of one node's value from those of its arguments.
fn eval(node: &Node, args: &[&Array], shape: &[usize], env: &Env) -> Result<Values, String> {
    if let Some(arity) = node.op.arity()
        && arity != args.len()
    {
        return Err(format!("{} takes {arity} arguments, got {}", node.op.name(), args.len()));
    }
    Ok(match &node.op {
        Op::Input(name) => bound("input", name, &env.inputs, shape)?,
        Op::Parameter(name) => bound("parameter", name, &env.parameters, shape)?,
        Op::Constant(value) => Values::full(*value, shape.iter().product()),
        Op::Literal(Literal(tensor)) => Array::from(tensor.view()).data,
        Op::Extent(dim) => index::number(dim.eval(&env.dims)?, node.dtype, shape),
        Op::Step => Values::full(Scalar::Int(env.counters.step as i64), 1),

        Op::Unary(op) => elementwise::unary(*op, args[0])?,
        Op::Binary(op) => elementwise::binary(*op, args[0], args[1])?,
        Op::Select => elementwise::select(args[0], args[1], args[2])?,
        Op::Cast => elementwise::cast(args[0], node.dtype),

        Op::Reduce { kind, axes } => reduce::reduce(*kind, axes, args[0], shape)?,
        Op::LogSumExp(axes) => softmax::log_sum_exp(axes, args[0], shape)?,
        Op::LogSoftmax(axes) => softmax::log_softmax(axes, args[0])?,
        Op::ArgReduce { kind, axis } => reduce::arg_reduce(*kind, *axis, args[0], shape)?,
        Op::Cumulative { kind, axis, reverse } => cumulative::cumulative(*kind, *axis, *reverse, args[0])?,
        Op::LinearRecurrence { axis, reverse } => {
            cumulative::linear_recurrence(*axis, *reverse, args[0], args[1])?
        }
        Op::Contract(spec) => contract::contract(spec, args[0], args[1], shape)?,

        Op::Reshape => args[0].data.clone(),
        Op::Permute(permutation) => movement::permute(permutation, args[0], shape),
        Op::Broadcast(axes) => movement::broadcast(axes, args[0], shape),
        Op::Slice { starts, strides } => movement::slice(starts, strides, args[0], shape, &env.dims)?,
        Op::Pad { starts, strides, value } => {
            movement::pad(starts, strides, *value, args[0], shape, &env.dims)?
        }
        Op::Concat(axis) => movement::concat(*axis, args, shape)?,
        Op::Flip(axes) => movement::flip(axes, args[0], shape),

        Op::Gather { axis, batch } => index::gather(*axis, *batch, args[0], args[1], shape)?,
        Op::Scatter { kind, axis, batch } => index::scatter(*kind, (*axis, *batch), args[0], args[1], shape)?,
        Op::Iota(axis) => index::iota(*axis, node.dtype, shape),
        Op::Sort { axis, order } => index::sort(*axis, *order, args[0], shape),
        Op::ArgSort { axis, order } => index::argsort(*axis, *order, args[0]),

        Op::Unfold { axis, size: _, stride, dilation } => {
            window::unfold(*axis, *stride, *dilation, args[0], shape)
        }
        Op::Fold { axis, stride, dilation } => window::fold(*axis, *stride, *dilation, args[0], shape)?,

        Op::Random { stream, clock } => random::random(env.counters.key(*stream, *clock), shape),

        Op::StopGradient | Op::Variable(_) | Op::WithGradient => args[0].data.clone(),
        Op::Carry { .. } | Op::Element { .. } | Op::Scan(_) | Op::Final(_) | Op::Stack(_) => {
            return Err(format!("{} outside of its scan", node.op.name()));
        }

        Op::Assume(fact) => {
            if env.check_facts {
                facts::check(*fact, args[0], facts::TOLERANCE)?;
            }
            args[0].data.clone()
        }
        Op::Grad => return Err("unresolved gradient: compile the program first".into()),
        Op::Poison => return Err("a mistake was recorded here: check the graph".into()),
    })
}

/// The value that a run gave to a name.
fn bound(what: &str, name: &Name, values: &BTreeMap<Name, Array>, shape: &[usize]) -> Result<Values, String> {
    let value = values.get(name).ok_or_else(|| format!("{what} {name} has no value"))?;
    if value.shape != shape {
        return Err(format!("{what} {name}: expected shape {shape:?}, got {:?}", value.shape));
    }
    Ok(value.data.clone())
}
