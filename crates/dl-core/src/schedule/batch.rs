//! Batch analysis: which values of a plan go row by row along one dimension, which are reductions over
//! rows, and which have to wait for such a reduction.

use crate::dim::{Dim, Name};
use crate::ops::{Contraction, Op, Reduce, Scatter};
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::schedule::{StageId, repeat};
use crate::shape::Shape;

/// How a plan is divided along a dimension, the batch as a rule.
///
/// Work goes in stages. A stage computes its whole values first, then all of its rows, in any parts and
/// order; the folds of its rows are complete at its end. Whole values and rows of later stages may use
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The dimension; none where everything is whole.
    pub dim: Option<Name>,
    /// The place of each value of the plan, in order.
    pub parts: Vec<Part>,
}

/// The place of a value in the batch analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Computed as a whole, before the rows of this stage.
    Whole(StageId),
    /// The first axis is the dimension (or a multiple of it), and every row depends only on the same
    /// rows of other values.
    Rows(StageId),
    /// A reduction over the rows of this stage, which whole values and rows of the next stage can read.
    Fold(StageId, Reduce),
}

impl Part {
    /// The stage in which it is computed.
    pub fn stage(self) -> StageId {
        match self {
            Part::Whole(stage) | Part::Rows(stage) | Part::Fold(stage, _) => stage,
        }
    }

    /// The first stage whose whole values and rows may read it.
    pub(super) fn ready(self) -> StageId {
        match self {
            Part::Fold(stage, _) => stage.next(),
            Part::Whole(stage) | Part::Rows(stage) => stage,
        }
    }
}

impl Batch {
    /// Divides a plan along the first dimension of its inputs for which that can be proven.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn of(plan: &Plan) -> Result<Batch, String> {
        let mut candidates: Vec<&Name> = vec![];
        for slot in plan.inputs() {
            if let Some(name) = slot.decl.shape.first().and_then(Dim::name)
                && !candidates.contains(&name)
            {
                candidates.push(name);
            }
        }
        let mut reasons = vec![];
        for dim in candidates {
            match Batch::along(plan, dim) {
                Ok(batch) => return Ok(batch),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(if reasons.is_empty() { "no input's first axis has a name".into() } else { reasons.join("; ") })
    }

    /// Divides a plan along `dim`.
    ///
    /// # Errors
    /// The first step that mixes rows, and how.
    pub fn along(plan: &Plan, dim: &Name) -> Result<Batch, String> {
        let mut parts = vec![Part::Whole(StageId::FIRST); plan.values().len()];
        let sources =
            plan.inputs().iter().map(|i| i.value).chain(plan.parameters().iter().filter_map(|p| p.value));
        for value in sources {
            let shape = &plan.value(value).shape;
            parts[value.index()] = match rows_of(shape, dim) {
                Some(true) => Part::Rows(StageId::FIRST),
                Some(false) => Part::Whole(StageId::FIRST),
                None => return Err(format!("%{}: {dim} is not the first axis of {shape}", value.0)),
            };
        }
        for step in plan.steps() {
            let divided = match &step.repeat {
                Some(repeat) => repeat::parts(plan, &mut parts, (step, repeat), dim),
                None => part_of(plan, &parts, step, dim).map(|part| parts[step.result.index()] = part),
            };
            divided.map_err(|why| {
                format!("%{} = {} of {} {why}", step.result.0, step.op.name(), plan.value(step.result).shape)
            })?;
        }
        Ok(Batch { dim: Some(dim.clone()), parts })
    }

    /// No rows: everything is whole.
    pub(super) fn none(plan: &Plan) -> Batch {
        Batch { dim: None, parts: vec![Part::Whole(StageId::FIRST); plan.values().len()] }
    }

    /// The place of a value.
    pub fn part(&self, value: ValueId) -> Part {
        self.parts[value.index()]
    }

    /// How many stages there are.
    pub fn stages(&self) -> usize {
        self.parts.iter().map(|p| p.ready().index() + 1).max().unwrap_or(1)
    }
}

/// Whether the first axis is a multiple of `dim` and nothing else is; nothing where another axis is.
pub(crate) fn rows_of(shape: &Shape, dim: &Name) -> Option<bool> {
    let mentions = |d: &Dim| d.names().contains(dim);
    if shape.iter().skip(1).any(mentions) {
        return None;
    }
    match shape.first() {
        Some(first) if mentions(first) => multiple(first, dim).then_some(true),
        _ => Some(false),
    }
}

/// `dim` times something that does not depend on it.
fn multiple(size: &Dim, dim: &Name) -> bool {
    match size {
        Dim::Size(_) | Dim::Overflow => false,
        Dim::Poly(terms) => terms
            .iter()
            .all(|t| t.factors.iter().filter(|(name, _)| name == dim).map(|(_, p)| *p).sum::<u32>() == 1),
    }
}

/// An operand: its part, its rank.
struct Operand {
    part: Part,
    rank: usize,
}

impl Operand {
    fn rows(&self) -> bool {
        matches!(self.part, Part::Rows(_))
    }
}

pub(super) fn part_of(plan: &Plan, parts: &[Part], step: &Step, dim: &Name) -> Result<Part, String> {
    let operand = |v: ValueId| Operand { part: parts[v.index()], rank: plan.value(v).shape.rank() };
    let args: Vec<Operand> = step.args.iter().filter_map(Arg::value).map(operand).collect();
    let stage = args.iter().map(|a| a.part.ready()).max().unwrap_or(StageId::FIRST);
    let shape = &plan.value(step.result).shape;
    let Some(has_rows) = rows_of(shape, dim) else {
        return Err(format!("has {dim} along another axis than the first"));
    };
    if !args.iter().any(Operand::rows) {
        return match (has_rows, &step.op) {
            (false, _) => Ok(Part::Whole(stage)),
            (true, Op::Broadcast(axes)) if axes.first() != Some(&0) => Ok(Part::Rows(stage)),
            (true, Op::Constant(_) | Op::Extent(_)) => Ok(Part::Rows(stage)),
            (true, Op::Iota(axis)) if *axis != 0 => Ok(Part::Rows(stage)),
            (true, Op::Iota(_) | Op::Random { .. }) => Ok(Part::Rows(stage)),
            (true, _) => Err(format!("makes rows of {dim} from what has none")),
        };
    }
    if let Some(kind) = fold(step, &args) {
        return if has_rows {
            Err(format!("has rows of {dim} and sums over them"))
        } else {
            Ok(Part::Fold(stage, kind))
        };
    }
    let by_rows = has_rows && row_by_row(&step.op, &args, plan, step);
    if by_rows { Ok(Part::Rows(stage)) } else { Err(format!("mixes rows of {dim}")) }
}

/// The reduction that an operation is over the rows of its operands.
fn fold(step: &Step, args: &[Operand]) -> Option<Reduce> {
    match &step.op {
        Op::Reduce { kind, axes } if axes.contains(&0) => Some(*kind),
        Op::Contract(spec) => {
            let letter = *spec.lhs.first()?;
            let both = args.iter().all(Operand::rows) && spec.rhs.first() == Some(&letter);
            (both && !spec.out.contains(&letter)).then_some(Reduce::Sum)
        }
        // Rows of a table: each index adds to one.
        Op::Scatter { kind: Scatter::Add, axis: 0, batch: 0 } => {
            args.iter().all(Operand::rows).then_some(Reduce::Sum)
        }
        _ => None,
    }
}

/// Whether each row of the result comes from the same row of the operands.
fn row_by_row(op: &Op, args: &[Operand], plan: &Plan, step: &Step) -> bool {
    let all = args.iter().all(Operand::rows);
    let starts_whole = |starts: &[Dim], strides: &[usize]| starts[0] == Dim::Size(0) && strides[0] == 1;
    let still = |starts: &[Dim]| starts.iter().all(|s| s.size().is_some());
    match op {
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => all,
        Op::Reduce { axes, .. } => !axes.contains(&0),
        Op::ArgReduce { axis, .. }
        | Op::Sort { axis, .. }
        | Op::ArgSort { axis, .. }
        | Op::Cumulative { axis, .. } => *axis != 0,
        Op::LinearRecurrence { axis, .. } => all && *axis != 0,
        Op::Concat(axis) | Op::Unfold { axis, .. } | Op::Fold { axis, .. } => all && *axis != 0,
        Op::Contract(spec) => contract_by_row(spec, args),
        Op::Broadcast(axes) => axes.first() == Some(&0),
        Op::Reshape => true,
        Op::Permute(permutation) => permutation.first() == Some(&0),
        Op::Flip(axes) => !axes.contains(&0),
        Op::Slice { starts, strides } | Op::Pad { starts, strides, .. } => {
            let place = |v: ValueId| plan.value(v).shape.first().cloned();
            let same = step.args[0].value().and_then(place) == place(step.result);
            starts_whole(starts, strides) && still(starts) && same
        }
        Op::Gather { axis, batch } => match (args[0].rows(), args[1].rows()) {
            (true, true) => *batch >= 1 && *axis >= 1,
            (true, false) => *batch == 0 && *axis >= 1,
            (false, _) => *batch == 0 && *axis == 0 && args[1].rank >= 1,
        },
        Op::Scatter { axis, batch, .. } => all && *batch >= 1 && *axis >= 1,
        _ => false,
    }
}

/// The rows' letter is the first of the result and of every operand that has rows.
fn contract_by_row(spec: &Contraction, args: &[Operand]) -> bool {
    let letter = |i: usize| [&spec.lhs, &spec.rhs][i].first().copied();
    let Some(rows) = spec.out.first().copied() else { return false };
    (0..2).all(|i| {
        let elsewhere = [&spec.lhs, &spec.rhs][i].contains(&rows);
        if args[i].rows() { letter(i) == Some(rows) } else { !elsewhere }
    })
}
