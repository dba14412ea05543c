//! From a plan and sizes to a schedule: the passes in order.

use std::sync::Arc;

use crate::dim::Dims;
use crate::error::Result;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::schedule::accumulate::accumulations;
use crate::schedule::assemble::assemble;
use crate::schedule::draft::Draft;
use crate::schedule::fuse::{Fusion, Whole};
use crate::schedule::group::group;
use crate::schedule::select::select;
use crate::schedule::{
    Argument, Batch, BufferId, Content, Kernel, Opaque, Part, Rows, Schedule, Stage, StepId, lifetimes,
    located, products, updates,
};

impl Schedule {
    /// The schedule of a plan for given sizes. A plan that cannot be divided along its batch has kernels on
    /// whole values only, and [`rows`](Schedule::rows) says why.
    ///
    /// # Errors
    /// A dimension without a size, or of a size that makes a shape impossible: with its line.
    pub fn new(plan: &Arc<Plan>, dims: &Dims) -> Result<Schedule> {
        let mut shapes = vec![];
        for value in plan.values() {
            shapes.push(value.shape.eval(dims).map_err(|why| located(&value.origin, why))?);
        }
        let divided = divide(plan, dims).and_then(|(batch, rows)| {
            // `with` keeps an earlier size: bound again from nothing.
            let one = |dims: Dims, (name, size): (_, usize)| {
                let size = if Some(name) == batch.dim.as_ref() { 1 } else { size };
                dims.with(name, size)
            };
            let one = dims.iter().fold(Dims::new(), one);
            let shapes =
                plan.values().iter().map(|v| v.shape.eval(&one)).collect::<std::result::Result<_, _>>()?;
            let schedule = Schedule::of(plan, dims, &batch, shapes).map_err(|(_, why)| why)?;
            Ok((schedule, rows))
        });
        let schedule = match divided {
            Ok((schedule, rows)) => Schedule { rows: Ok(rows), ..schedule },
            Err(why) => {
                let origin = |step: StepId| &plan.value(plan.steps()[step.index()].result).origin;
                let schedule = Schedule::of(plan, dims, &Batch::none(plan), shapes.clone());
                let schedule = schedule.map_err(|(step, why)| located(origin(step), why))?;
                Schedule { rows: Err(why), ..schedule }
            }
        };
        Ok(Schedule { shapes, ..schedule })
    }

    fn of(
        plan: &Arc<Plan>,
        dims: &Dims,
        batch: &Batch,
        row_shapes: Vec<Vec<usize>>,
    ) -> std::result::Result<Schedule, (StepId, String)> {
        let mut draft = Draft::new(plan, batch, dims, &row_shapes);
        select(&mut draft)?;
        let phases = group(&mut draft, batch.stages());
        let rows = assemble(&mut draft, phases);
        let accumulations = accumulations(plan);
        let folded = |v| matches!(batch.part(v), Part::Fold(..));
        let whole = |v| matches!(batch.part(v), Part::Whole(_));
        let accumulations: Vec<_> =
            accumulations.into_iter().filter(|a| folded(a.addend) && whole(a.from)).collect();
        let mut stages = vec![];
        let fusion = Fusion::new(plan, &row_shapes);
        for (work, rows) in fusion.stages(batch, &accumulations).into_iter().zip(rows) {
            let whole = work
                .iter()
                .map(|work| whole_kernel(&mut draft, &fusion, work))
                .collect::<std::result::Result<_, _>>()?;
            stages.push(Stage { whole, rows });
        }
        let outputs = plan.outputs().iter().enumerate().map(|(i, slot)| match draft.outputs[i] {
            Some(row) => draft.buffer_of_rows(row),
            None => draft.held(slot.value),
        });
        let outputs = outputs.collect();
        for (i, slot) in plan.parameters().iter().enumerate().filter(|(_, slot)| slot.update.is_some()) {
            slot.value.map(|v| draft.held(v));
            let accumulated = accumulations.iter().any(|a| a.parameter.index() == i);
            slot.update.filter(|_| !accumulated).map(|v| draft.held(v));
        }
        let buffers = draft.buffers;
        let mut held = vec![None; plan.values().len()];
        for (place, buffer) in buffers.iter().enumerate() {
            if let Content::Value(value) = buffer.content {
                held[value.index()] = Some(BufferId(place as u32));
            }
        }
        let mut schedule = Schedule {
            plan: plan.clone(),
            dims: dims.clone(),
            rows: Err(String::new()),
            shapes: vec![],
            row_shapes,
            buffers,
            stages,
            updates: vec![],
            outputs,
            held,
            last_uses: vec![],
        };
        schedule.updates = updates::updates(&schedule, accumulations);
        lifetimes::set(&mut schedule);
        Ok(schedule)
    }
}

/// The batch of a plan and its size, or the reason why there is none.
fn divide(plan: &Plan, dims: &Dims) -> std::result::Result<(Batch, Rows), String> {
    let batch = Batch::of(plan)?;
    let dim = batch.dim.clone().ok_or("there is no batch")?;
    let count = dims.get(&dim).ok_or_else(|| format!("the size of {dim} is not known"))?;
    Ok((batch, Rows { dim, count }))
}

/// A kernel on whole values.
fn whole_kernel(
    draft: &mut Draft<'_>,
    fusion: &Fusion<'_>,
    work: &Whole,
) -> std::result::Result<Kernel, (StepId, String)> {
    let id = match work {
        Whole::Fused(members) => return fusion.kernel(draft, members).map(Kernel::Pointwise),
        Whole::Step(id) => *id,
    };
    let plan = draft.plan;
    let step = &plan.steps()[id.index()];
    let row_shapes = draft.row_shapes;
    let shape = |v: ValueId| row_shapes[v.index()].clone();
    if let Some(product) = products::whole(plan, (id, step), shape, |v| draft.held(v)) {
        return Ok(Kernel::Product(product));
    }
    let mut args = vec![];
    for arg in &step.args {
        args.push(argument(draft, step, arg).map_err(|why| (id, why))?);
    }
    let outs = step.results().map(|v| draft.held(v)).collect();
    Ok(Kernel::Opaque(Opaque { step: id, args, outs, fold: None }))
}

/// An operand of a step on whole values.
fn argument(draft: &mut Draft<'_>, step: &Step, arg: &Arg) -> std::result::Result<Argument, String> {
    Ok(match arg {
        Arg::Value(v) => Argument::Buffer(draft.held(*v)),
        Arg::Constant(number) => Argument::Number(*number),
        Arg::Extent(dim) => Argument::Number(dim.number(draft.dims, draft.plan.number_type(step))?),
    })
}
