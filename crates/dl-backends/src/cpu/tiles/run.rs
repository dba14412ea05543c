//! A divided plan at work: rounds of whole values and of lanes.

use std::sync::Arc;

use dl_core::plan::{Division, Part, Plan};
use dl_core::{DType, Dims, Tensor, TensorRef};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::Cut;
use super::build::{FoldDecl, StepArg, Target, Work, build};
use super::fold::{combine, reset};
use super::lane::{Base, Home, Scene, Span};
use super::place::{Group, Phase, Phases, place};
use super::product::Pack;
use super::slots::{Held, Slot, typed};
use super::update::{Update, updates};
use crate::cpu::array::{Array, Item, View};
use crate::cpu::compile::{Operand, Prepared, prepare, room_for};
use crate::cpu::elementwise::Term;
use crate::cpu::lanes::Context;
use crate::cpu::matmul::{Kernels, Room};
use crate::cpu::pool::Pool;
use crate::cpu::run::{Moment, finish, take};
use crate::cpu::vector::Isa;
use crate::error::{Error, Result};
use crate::executor::{Call, Executable};

/// A plan, divided and compiled for given sizes.
pub(in crate::cpu) struct Tiled {
    plan: Arc<Plan>,
    /// Sizes of each value's axes.
    shapes: Vec<Vec<usize>>,
    /// The same with one row.
    rows: Vec<Vec<usize>>,
    wholes: Vec<Vec<Whole>>,
    phases: Vec<Phases>,
    prepared: Vec<Prepared>,
    homes: Vec<Home>,
    known: Vec<Array<'static>>,
    folds: Vec<FoldDecl>,
    /// Rows that are outputs.
    kept: Vec<Option<usize>>,
    cut: Cut,
    lanes: Vec<Lane>,
    context: Context,
    threads: Option<Arc<ThreadPool>>,
    outputs: Option<Vec<Option<Array<'static>>>>,
    updates: Vec<Update>,
    packed: Vec<(Pack, Room)>,
    kernels: Kernels,
    isa: Isa,
}

/// A step on whole values.
struct Whole {
    step: usize,
    prepared: Prepared,
    /// Whole values that nothing needs afterwards.
    frees: Vec<usize>,
}

/// What lanes share.
#[derive(Clone, Copy)]
struct Given<'a> {
    values: &'a [Option<Array<'a>>],
    inputs: &'a [TensorRef<'a>],
    seed: u64,
    step: u64,
}

/// What a lane works with.
struct Lane {
    slots: Vec<Slot>,
    folds: Vec<Slot>,
    workspace: Room,
    context: Context,
}

impl Tiled {
    /// The plan in tiles, if it can be divided.
    pub(in crate::cpu) fn new(
        plan: &Arc<Plan>,
        dims: &Dims,
        threads: usize,
        pool: Option<Arc<ThreadPool>>,
        tile: Option<usize>,
    ) -> Result<Option<Tiled>> {
        let Ok(division) = Division::of(plan) else { return Ok(None) };
        let Some(rows) = dims.get(&division.dim) else { return Ok(None) };
        let mut shapes = vec![];
        for (value, part) in plan.values().iter().zip(&division.parts) {
            let shape = value.shape.eval(dims).map_err(|why| Error::at(&value.origin, why))?;
            if !matches!(part, Part::Rows(_)) {
                room_for(&shape, value.dtype).map_err(|why| Error::at(&value.origin, why))?;
            }
            shapes.push(shape);
        }
        let kernels = Kernels::best();
        let Ok(mut built) = build(plan, &division, dims, kernels) else { return Ok(None) };
        let (mut phases, buffers) = place(&mut built, division.rounds(), rows);
        let of_rows = buffers.iter().filter(|b| b.base != Base::Block);
        let bytes = of_rows.map(|b| b.len * b.dtype.bytes()).sum::<usize>()
            + plan
                .inputs()
                .iter()
                .map(|i| built.shapes[i.value.index()].iter().product::<usize>() * i.decl.dtype.bytes())
                .sum::<usize>();
        let cut = Cut::new(rows, bytes, tile, kernels.caches());
        for buffer in &buffers {
            room_for(&[buffer.elements(&cut), cut.lanes()], buffer.dtype).map_err(Error::value)?;
        }
        let updates = updates(plan, &division, &built, &mut phases, &cut);
        let workspace = phases.iter().flatten().map(|p| match p {
            Phase::Tile(Work::Product(p)) => p.workspace(&kernels, cut.tile),
            _ => 0,
        });
        let workspace = workspace.max().unwrap_or(0);
        room_for(&[workspace, cut.lanes()], DType::F32).map_err(Error::value)?;
        let alone = if cut.lanes() == 1 { threads } else { 1 };
        let lane = || Lane {
            slots: buffers.iter().map(|b| Slot::new(b.dtype, b.elements(&cut))).collect(),
            folds: built.folds.iter().map(|_| Slot::EMPTY).collect(),
            workspace: Room::new(workspace),
            context: Context { pool: Pool::default(), threads: alone },
        };
        let lanes = (0..cut.lanes()).map(|_| lane()).collect();
        let wholes = wholes(plan, &division, &shapes, dims, &updates)?;
        let packed = built.packs.iter().map(|p| (*p, Room::new(p.len(&kernels)))).collect();
        Ok(Some(Tiled {
            plan: plan.clone(),
            shapes,
            rows: built.shapes,
            wholes,
            phases,
            prepared: built.prepared,
            homes: built.homes,
            known: built.known,
            folds: built.folds,
            kept: built.outputs,
            cut,
            lanes,
            context: Context { pool: Pool::default(), threads },
            threads: pool,
            outputs: None,
            updates,
            packed,
            kernels,
            isa: Isa::widest(),
        }))
    }
}

/// Steps on whole values by round, with what each is the last to need.
fn wholes(
    plan: &Plan,
    division: &Division,
    shapes: &[Vec<usize>],
    dims: &Dims,
    updates: &[Update],
) -> Result<Vec<Vec<Whole>>> {
    // When each value is read for the last time: rows read after the whole values of their round.
    let mut last = vec![(0, 0); plan.values().len()];
    for (i, step) in plan.steps().iter().enumerate() {
        let when = match division.part(step.result) {
            Part::Whole(round) => (round, i),
            part => (part.round(), usize::MAX),
        };
        for v in step.args.iter().filter_map(|a| a.value()) {
            last[v.index()] = last[v.index()].max(when);
        }
    }
    let kept = plan.outputs().iter().map(|o| o.value);
    let kept = kept.chain(plan.parameters().iter().flat_map(|p| p.value.into_iter().chain(p.update)));
    let kept = kept.chain(updates.iter().map(|u| u.of.addend));
    for v in kept.chain(plan.inputs().iter().map(|i| i.value)) {
        last[v.index()] = (u32::MAX, 0);
    }
    let mut rounds: Vec<Vec<Whole>> = (0..division.rounds()).map(|_| vec![]).collect();
    for (i, step) in plan.steps().iter().enumerate() {
        let Part::Whole(round) = division.part(step.result) else { continue };
        if updates.iter().any(|u| u.of.steps.contains(&i)) {
            continue;
        }
        let origin = &plan.value(step.result).origin;
        let mut prepared = prepare(plan, shapes, dims, step).map_err(|why| Error::at(origin, why))?;
        let mut frees = vec![];
        for (place, operand) in prepared.args.iter_mut().enumerate() {
            let (Operand::Shared(v) | Operand::Last(v)) = *operand else { continue };
            let again = step.args[place + 1..].iter().any(|a| a.value() == Some(v));
            let done = last[v.index()] == (round, i) && !again;
            *operand = if done { Operand::Last(v) } else { Operand::Shared(v) };
            frees.extend(done.then_some(v.index()));
        }
        rounds[round as usize].push(Whole { step: i, prepared, frees });
    }
    Ok(rounds)
}

impl Executable for Tiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        match self.threads.clone() {
            Some(threads) => threads.install(|| self.run_here(call)),
            None => self.run_here(call),
        }
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let outputs = self.outputs.as_ref().ok_or_else(|| Error::value("no run has finished yet"))?;
        let missing = || Error::value(format!("output {index} of {}", outputs.len()));
        match (outputs.get(index).ok_or_else(missing)?, self.kept[index]) {
            (Some(array), _) => Ok(array.to_tensor()),
            (None, Some(home)) => Ok(self.rows_of(index, home)),
            (None, None) => Err(missing()),
        }
    }
}

impl Tiled {
    /// An output's rows, lane after lane.
    fn rows_of(&self, index: usize, home: usize) -> Tensor {
        let Home { place: super::lane::Place::Slot(slot, _), dtype, len } = self.homes[home] else {
            unreachable!("outputs have buffers");
        };
        let shape = self.shapes[self.plan.outputs()[index].value.index()].clone();
        typed!(dtype, T => {
            let mut all: Vec<T> = Vec::with_capacity(self.cut.rows * len);
            for (i, lane) in self.lanes.iter().enumerate() {
                let rows = self.cut.lane.min(self.cut.rows - (i * self.cut.lane).min(self.cut.rows));
                all.extend(&lane.slots[slot].get::<T>()[..rows * len]);
            }
            Tensor::new(shape, all).expect("a lane has as many elements as its rows")
        })
    }

    fn run_here(&mut self, mut call: Call<'_>) -> Result<()> {
        for output in self.outputs.take().into_iter().flatten().flatten() {
            self.context.pool.recycle(output);
        }
        let plan = Arc::clone(&self.plan);
        let mut values = crate::cpu::run::bind(&plan, &call)?;
        for round in 0..self.phases.len() {
            self.whole(round, &mut values, &call)?;
            self.tiles(round, &mut values, &mut call)?;
        }
        let outputs: Vec<bool> = self.kept.iter().map(Option::is_none).collect();
        let done: Vec<usize> = self.updates.iter().map(|u| u.of.parameter).collect();
        let addends: Vec<_> = self.updates.iter().map(|u| values[u.of.addend.index()].clone()).collect();
        let Call { inputs, parameters, slots, seed, step } = call;
        let again = Call { inputs, parameters: &mut *parameters, slots, seed, step };
        self.outputs = Some(finish(&mut self.context, &plan, values, again, &outputs, &done)?);
        for (update, addend) in self.updates.iter().zip(addends) {
            if let Some(addend) = addend {
                update.apply(parameters[slots[update.of.parameter]].get_mut()?, &addend, &mut self.context);
                self.context.pool.recycle(addend);
            }
        }
        Ok(())
    }

    /// The whole values of a round.
    fn whole<'a>(&mut self, round: usize, values: &mut [Option<Array<'a>>], call: &Call<'a>) -> Result<()> {
        for Whole { step, prepared, frees } in &self.wholes[round] {
            let step = &self.plan.steps()[*step];
            let value = self.plan.value(step.result);
            let args = take(prepared, values);
            let shape = &self.shapes[step.result.index()];
            let moment = Moment { seed: call.seed, step: call.step, dtype: value.dtype, shape };
            let result = self.context.step(step, prepared, args, moment);
            let result = result.map_err(|why| Error::at(&value.origin, why))?;
            for freed in frees {
                if let Some(value) = values[*freed].take() {
                    self.context.pool.recycle(value);
                }
            }
            // Rows read them as slices.
            values[step.result.index()] = Some(self.context.dense_array(result));
        }
        Ok(())
    }

    /// The rows of a round, and what they fold to.
    fn tiles<'a>(
        &mut self,
        round: usize,
        values: &mut [Option<Array<'a>>],
        call: &mut Call<'a>,
    ) -> Result<()> {
        if self.phases[round].is_empty() {
            return Ok(());
        }
        for (pack, room) in self.packed.iter_mut().filter(|(p, _)| p.round == round as u32) {
            let value = values[pack.value].as_ref().expect("whole values come before rows that use them");
            pack.fill(&self.kernels, f32::dense(value).expect("whole values lie row by row"), room);
        }
        let mut lanes = std::mem::take(&mut self.lanes);
        for update in self.updates.iter().filter(|u| u.direct && self.folds[u.fold].round == round as u32) {
            values[update.of.from.index()] = None;
            lanes[0].folds[update.fold] = update.open(call, &mut self.context)?;
        }
        for fold in self.folds.iter().enumerate().filter(|(_, f)| f.round == round as u32).map(|(k, _)| k) {
            let decl = &self.folds[fold];
            let (len, dtype) = (self.rows[decl.value].iter().product(), self.dtype(decl.value));
            for lane in &mut lanes {
                if matches!(lane.folds[fold], Slot::U8(ref v) if v.is_empty()) {
                    lane.folds[fold] =
                        typed!(dtype, T => <T as Held>::from_vec(self.context.pool.take::<T>(len)));
                }
            }
        }
        let this = &*self;
        let given = Given { values, inputs: call.inputs, seed: call.seed, step: call.step };
        let work = |(i, lane): (usize, &mut Lane)| this.lane(round, i, lane, given);
        let done: std::result::Result<(), (usize, String)> = match lanes.len() {
            1 => work((0, &mut lanes[0])),
            _ if this.threads.is_none() => lanes.iter_mut().enumerate().try_for_each(work),
            _ => first_error(&mut lanes, &work),
        };
        for update in self.updates.iter().filter(|u| u.direct && self.folds[u.fold].round == round as u32) {
            update.close(call, std::mem::replace(&mut lanes[0].folds[update.fold], Slot::EMPTY))?;
        }
        self.lanes = lanes;
        done.map_err(|(step, why)| Error::at(&self.plan.value(self.plan.steps()[step].result).origin, why))?;
        self.fold(round, values);
        Ok(())
    }

    fn dtype(&self, value: usize) -> DType {
        self.plan.values()[value].dtype
    }

    /// Combines the lanes' folds of a round in a tree, and makes them whole values.
    fn fold(&mut self, round: usize, values: &mut [Option<Array<'_>>]) {
        for k in 0..self.folds.len() {
            let FoldDecl { value, kind, round: own, .. } = self.folds[k];
            if own != round as u32 || self.updates.iter().any(|u| u.direct && u.fold == k) {
                continue;
            }
            let dtype = self.dtype(value);
            let mut width = 1;
            while width < self.lanes.len() {
                for i in (0..self.lanes.len() - width).step_by(2 * width) {
                    let (left, right) = self.lanes.split_at_mut(i + width);
                    combine(kind, dtype, &mut left[i].folds[k], &right[0].folds[k]);
                }
                width *= 2;
            }
            let total = std::mem::replace(&mut self.lanes[0].folds[k], Slot::EMPTY);
            let shape = &self.rows[value];
            values[value] = Some(typed!(dtype, T => T::wrap_view(View::dense(T::into_vec(total), shape))));
        }
    }

    /// All tiles of a lane; an error with its step.
    fn lane(
        &self,
        round: usize,
        index: usize,
        lane: &mut Lane,
        given: Given<'_>,
    ) -> std::result::Result<(), (usize, String)> {
        for (k, fold) in self.folds.iter().enumerate().filter(|(_, f)| f.round == round as u32) {
            let empty = index * self.cut.lane >= self.cut.rows;
            if !fold.overwritten || empty {
                reset(fold.kind, self.dtype(fold.value), &mut lane.folds[k]);
            }
        }
        let mut scene = Scene {
            homes: &self.homes,
            inputs: given.inputs,
            wholes: given.values,
            known: &self.known,
            packed: &self.packed,
            slots: &mut lane.slots,
            workspace: &mut lane.workspace,
            kernels: self.kernels,
            isa: self.isa,
            seed: given.seed,
            step: given.step,
        };
        let start = index * self.cut.lane;
        let end = (start + self.cut.lane).min(self.cut.rows);
        for tile in (start..end).step_by(self.cut.tile) {
            let rows = self.cut.tile.min(end - tile);
            let span = Span { start: tile, rows, lane: start, tile, columns: false };
            for phase in &self.phases[round] {
                match phase {
                    Phase::Group(group) => group.run(&mut scene, span, &mut lane.folds)?,
                    Phase::Tile(Work::Product(product)) => {
                        product.run(&mut scene, span, &mut lane.folds, tile == start, lane.context.threads);
                    }
                    Phase::Tile(Work::Step { step, args, out }) => self
                        .step(*step, args, *out, &mut scene, span, (&mut lane.folds, &mut lane.context))
                        .map_err(|why| (*step, why))?,
                    Phase::Tile(Work::Row(_)) => unreachable!("operations of rows are in groups"),
                }
            }
        }
        Ok(())
    }

    /// A step on a whole tile, as without division.
    fn step(
        &self,
        step: usize,
        args: &[StepArg],
        out: Target,
        scene: &mut Scene<'_>,
        span: Span,
        (folds, context): (&mut [Slot], &mut Context),
    ) -> std::result::Result<(), String> {
        let plan_step = &self.plan.steps()[step];
        let dtype = self.plan.value(plan_step.result).dtype;
        let many = |shape: &[usize]| -> Vec<usize> {
            shape.iter().enumerate().map(|(i, n)| if i == 0 { n * span.rows } else { *n }).collect()
        };
        let is_fold = matches!(out, Target::Fold(_));
        let shape = &self.rows[plan_step.result.index()];
        let shape = if is_fold { shape.clone() } else { many(shape) };
        let shapes: Vec<Vec<usize>> = plan_step
            .args
            .iter()
            .map(|a| a.value().map_or(vec![], |v| many(&self.rows[v.index()])))
            .collect();
        let terms = args.iter().zip(&shapes).map(|(arg, shape)| match arg {
            StepArg::Number(number) => Term::Number(*number),
            StepArg::Whole(v) => Term::Array(scene.wholes[*v].clone().expect("whole values come first")),
            StepArg::Rows(home) => Term::Array(typed!(scene.homes[*home].dtype, T => {
                let rows = scene.rows::<T>(*home, span, scene.homes[*home].len);
                Array::borrowed(TensorRef::new(shape, rows).expect("rows are as many as the shape says"))
            })),
        });
        let terms = terms.collect();
        let moment = Moment { seed: scene.seed, step: scene.step, dtype, shape: &shape };
        let result = context.step(plan_step, &self.prepared[step], terms, moment)?;
        let result = context.dense_array(result);
        typed!(dtype, T => {
            let elements = <T as Held>::dense(&result).expect("it was made dense").to_vec();
            match out {
                Target::Home(home) => {
                    drop(result);
                    let len = self.homes[home].len;
                    let (mut slot, first) = scene.take(home, span, len);
                    slot.get_mut::<T>()[first..first + elements.len()].copy_from_slice(&elements);
                    scene.put(home, slot);
                }
                Target::Fold(k) => {
                    let from = <T as Held>::from_vec(elements);
                    combine(self.folds[k].kind, dtype, &mut folds[k], &from);
                }
            }
        });
        Ok(())
    }
}

impl Group {
    /// All rows of the span, block by block; an error with its step.
    fn run(
        &self,
        scene: &mut Scene<'_>,
        span: Span,
        folds: &mut [Slot],
    ) -> std::result::Result<(), (usize, String)> {
        let end = span.start + span.rows;
        for start in (span.start..end).step_by(self.rows) {
            self.inputs.iter().for_each(|home| scene.prefetch(*home, start, self.rows));
            let block = Span { start, rows: self.rows.min(end - start), columns: self.columns, ..span };
            for instr in &self.instrs {
                instr.run(scene, block, folds).map_err(|why| (instr.step, why))?;
            }
        }
        Ok(())
    }
}

/// Runs all lanes on the current pool's threads; the first lane's error counts.
fn first_error(
    lanes: &mut [Lane],
    work: &(impl Fn((usize, &mut Lane)) -> std::result::Result<(), (usize, String)> + Sync),
) -> std::result::Result<(), (usize, String)> {
    let failed = |(i, lane): (usize, &mut Lane)| work((i, lane)).err().map(|e| (i, e));
    let first = lanes.par_iter_mut().enumerate().filter_map(failed).min_by_key(|(i, _)| *i);
    first.map_or(Ok(()), |(_, e)| Err(e))
}
