//! The rows of a stage: shards, the tiles of each, and their reductions.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dl_core::TensorRef;
use dl_core::plan::{Arg, Repeat, Step, Value};
use smallvec::SmallVec;

use super::data::home::Span;
use super::data::home::Target;
use super::data::phase::{Argument, FoldDecl, OpaqueStep, Phase};
use super::data::slots::{Held, Shared, Slot, typed};
use super::run::fold::{Fold, combine};
use super::run::group::Workers;
use super::run::scene::{Member, Scene};
use super::run::shard::{Given, Shard, TILES};
use super::run::update::{Direct, Update, close, open};
use super::run::watch::Watch;
use super::tiled::{Tiled, own};
use crate::cpu::array::{Array, Item};
use crate::cpu::elementwise::Term;
use crate::cpu::frame::Values;
use crate::cpu::layout::Axes;
use crate::cpu::loops::Context;
use crate::cpu::matmul::Room;
use crate::cpu::parameter::Parameter;
use crate::cpu::repeat::Around;
use crate::cpu::run::Moment;
use crate::cpu::team::Lead;
use crate::error::{Error, Result};
use crate::executor::Call;

/// What a shard has for its own.
struct Own<'s> {
    members: &'s [Member],
    parts: &'s [Mutex<Vec<Fold>>],
    folds: &'s mut [Fold],
    workspace: &'s mut Room,
    context: &'s mut Context,
}

impl Tiled {
    /// Computes the rows of a stage and their reductions.
    pub(super) fn tiles<'a>(
        &mut self,
        stage: usize,
        values: &mut Values<'a>,
        call: &mut Call<'a>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        if self.phases[stage].is_empty() {
            return Ok(());
        }
        self.pack(stage, values, call, watch)?;
        let mut shards = std::mem::take(&mut self.shards);
        for update in self.updates.iter().filter(|u| u.direct == Some(Direct::Rows)) {
            if self.lowered.folds[update.fold].stage == stage {
                values[update.of.from.index()] = None;
                let slot = open(update.parameter(call)?, &mut self.context.pool);
                own(&mut shards[0]).folds[update.fold].now = slot;
            }
        }
        for fold in self.lowered.folds.iter().enumerate().filter(|(_, f)| f.stage == stage).map(|(k, _)| k) {
            let panels = |u: &Update| u.fold == fold && matches!(u.direct, Some(Direct::Panels(_)));
            if self.updates.iter().any(panels) {
                continue;
            }
            let decl = &self.lowered.folds[fold];
            let (len, dtype) =
                (self.schedule.row_shapes()[decl.value].iter().product(), self.dtype(decl.value));
            for shard in &mut shards {
                let shard = own(shard);
                if matches!(shard.folds[fold].now, Slot::U8(ref v) if v.is_empty()) {
                    shard.folds[fold].now =
                        typed!(dtype, T => <T as Held>::from_vec(self.context.pool.take::<T>(len)));
                }
            }
        }
        let team = self.team.as_deref();
        let given = Given { values, inputs: call.inputs, counters: call.counters(), timed: watch.is_some() };
        // The first shard's error counts, whichever comes first.
        let failed: Mutex<Option<(usize, usize, String)>> = Mutex::new(None);
        let work = |index: usize, lead: Option<Lead<'_>>| {
            let shard = &mut *shards[index].lock().unwrap_or_else(PoisonError::into_inner);
            if let Err((step, why)) = self.shard(stage, index, shard, given, lead) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, ..)| index < *first) {
                    *failed = Some((index, step, why));
                }
            }
        };
        let begun = watch.is_some().then(Instant::now);
        match team {
            Some(team) if shards.len() > 1 => team.each(shards.len(), &|index| work(index, None)),
            Some(team) => work(0, team.lead()),
            None => (0..shards.len()).for_each(|index| work(index, None)),
        }
        let wall = begun.map(|begun| begun.elapsed());
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        for update in self.updates.iter().filter(|u| self.lowered.folds[u.fold].stage == stage) {
            let parameter = update.parameter(call)?;
            match update.direct {
                Some(Direct::Rows) => {
                    let slot =
                        std::mem::replace(&mut own(&mut shards[0]).folds[update.fold].now, Slot::EMPTY);
                    close(parameter, slot);
                }
                // Even after a failure: then the update has not begun.
                Some(Direct::Panels(index)) => {
                    let (pack, room) = &mut self.packed[index];
                    let room = std::mem::take(room.get_mut().unwrap_or_else(PoisonError::into_inner).own());
                    parameter.set_panels(pack.panels(room, self.kernels));
                }
                None => {}
            }
        }
        self.shards = shards;
        if let Some((_, step, why)) = failed {
            return Err(Error::at(
                &self.schedule.plan().value(self.schedule.plan().steps()[step].result).origin,
                why,
            ));
        }
        if let (Some(watch), Some(wall)) = (watch.as_mut(), wall) {
            let together = self.together() as u32;
            let times = &mut watch.stages[stage];
            for shard in &mut self.shards {
                let spent = std::mem::take(&mut own(shard).spent);
                times.phases.iter_mut().zip(spent).for_each(|(sum, t)| *sum += t / together);
            }
            times.wait = wall.saturating_sub(times.phases.iter().sum::<Duration>());
        }
        let fold = || self.fold(stage, values);
        Watch::time(watch, |w| &mut w.stages[stage].combine, fold);
        Ok(())
    }

    /// Packs the matrices that products of a stage want in panels; a parameter that is kept in them lends
    /// its own, and one that stays as it is was packed before.
    fn pack(
        &mut self,
        stage: usize,
        values: &[Option<Array<'_>>],
        call: &mut Call<'_>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        for (index, (pack, room)) in self.packed.iter_mut().enumerate() {
            if pack.stage != stage {
                continue;
            }
            let packed = room.get_mut().unwrap_or_else(PoisonError::into_inner);
            let update = self.updates.iter().find(|u| u.direct == Some(Direct::Panels(index)));
            if let Some(update) = update
                && let Some(kept) = pack.take_from(update.parameter(call)?)
            {
                *packed.own() = kept;
                continue;
            }
            let fixed = match self.sources[index] {
                Some(parameter) => call.parameters[call.slots[parameter]].get::<Parameter>()?.fixed(),
                None => None,
            };
            if fixed.is_some_and(|forms| packed.is_of(forms)) {
                continue;
            }
            let value = values[pack.value].as_ref().expect("whole values come before rows that use them");
            let value = f32::dense(value).expect("whole values lie row by row");
            let fill = || match fixed {
                Some(forms) => packed.fix(forms, pack, &self.kernels, value),
                None => {
                    let room = packed.own();
                    if room.is_empty() {
                        *room = Room::new(pack.len(&self.kernels));
                    }
                    pack.fill(&self.kernels, value, room);
                }
            };
            Watch::time(watch, |w| &mut w.stages[stage].packs[index], fill);
        }
        Ok(())
    }

    /// Combines the shards' folds of a stage in a tree, and makes them whole values.
    fn fold(&mut self, stage: usize, values: &mut [Option<Array<'_>>]) {
        for k in 0..self.lowered.folds.len() {
            let FoldDecl { value, kind, stage: made, .. } = self.lowered.folds[k];
            if made != stage || self.updates.iter().any(|u| u.direct.is_some() && u.fold == k) {
                continue;
            }
            let dtype = self.dtype(value);
            let mut width = 1;
            while width < self.shards.len() {
                for i in (0..self.shards.len() - width).step_by(2 * width) {
                    let (left, right) = self.shards.split_at_mut(i + width);
                    let (into, from) =
                        (&mut own(&mut left[i]).folds[k].now, &own(&mut right[0]).folds[k].now);
                    combine(kind, dtype, into, from, self.team.as_deref());
                }
                width *= 2;
            }
            let total = std::mem::replace(&mut own(&mut self.shards[0]).folds[k].now, Slot::EMPTY);
            let shape = &self.schedule.row_shapes()[value];
            let pool = &mut self.context.pool;
            values[value] = Some(typed!(dtype, T => T::wrap_view(pool.dense(T::into_vec(total), shape))));
        }
    }

    /// All tiles of a shard; an error with its step. Somebody may help where this is the only shard.
    pub(super) fn shard(
        &self,
        stage: usize,
        index: usize,
        shard: &mut Shard,
        given: Given<'_>,
        mut lead: Option<Lead<'_>>,
    ) -> std::result::Result<(), (usize, String)> {
        for (k, fold) in self.folds_of(stage) {
            let empty = index * self.tiling.shard >= self.tiling.rows;
            let dtype = self.dtype(fold.value);
            match fold.overwritten && !empty {
                true => shard.folds[k].begin(dtype),
                false => shard.folds[k].reset((fold.kind, dtype)),
            }
        }
        let start = index * self.tiling.shard;
        let end = (start + self.tiling.shard).min(self.tiling.rows);
        let tile = shard.tile;
        // Whatever happens, none is counted twice.
        shard.tile += end.saturating_sub(start).div_ceil(self.tiling.tile) as u64;
        let Shard { slots, table, members, converted, folds, parts, workspace, context, spent, .. } = shard;
        table.clear();
        table.extend(slots.iter_mut().map(Shared::of));
        members.iter_mut().for_each(|member| member.look(table));
        let mut scene = Scene {
            homes: &self.lowered.homes,
            inputs: given.inputs,
            wholes: given.values,
            known: &self.lowered.known,
            packed: &self.packed,
            lines: &self.lines,
            slots: members[0].table(),
            converts: &self.converts,
            converted,
            tile,
            place: 0,
            parts: &[],
            kernels: self.kernels,
            isa: self.isa,
            counters: given.counters,
        };
        // One look at the clock from phase to phase: the time between two looks is one phase's.
        let mut begun = given.timed.then(Instant::now);
        for (index, tile) in (start..end).step_by(self.tiling.tile).enumerate() {
            let rows = self.tiling.tile.min(end - tile);
            let span = Span { start: tile, rows, shard: start, tile, transposed: false };
            scene.tile += 1;
            for (i, phase) in self.phases[stage].iter().enumerate() {
                let own = Own { members, parts, folds, workspace, context };
                self.phase(phase, (&scene, span), own, index % TILES == 0, lead.as_mut())?;
                if let Some(begun) = &mut begun {
                    spent.resize(self.phases[stage].len(), Duration::ZERO);
                    let now = Instant::now();
                    spent[i] += now - *begun;
                    *begun = now;
                }
            }
            if (index + 1) % TILES == 0 || tile + rows == end {
                let written = self.folds_of(stage).filter(|(_, f)| f.overwritten);
                written.for_each(|(k, f)| folds[k].flush(self.dtype(f.value)));
            }
        }
        self.folds_of(stage).for_each(|(k, f)| folds[k].settle(self.dtype(f.value)));
        Ok(())
    }

    /// A phase of a tile; the first tile writes what later ones add to.
    fn phase(
        &self,
        phase: &Phase,
        (scene, span): (&Scene<'_>, Span),
        own: Own<'_>,
        first: bool,
        mut lead: Option<&mut Lead<'_>>,
    ) -> std::result::Result<(), (usize, String)> {
        let Own { members, parts, folds, workspace, context } = own;
        match phase {
            Phase::Group(group) => group.run(scene, span, folds, Workers { members, parts, lead }),
            Phase::Product(product) => {
                product.run(scene, span, (folds, workspace), first, lead);
                Ok(())
            }
            Phase::Opaque(step) => {
                self.step(step, scene, span, (folds, context)).map_err(|why| (step.step, why))
            }
            Phase::Loop(looped) => {
                looped.begin(scene, span);
                for step in 0..looped.length {
                    let place = if looped.reverse { looped.length - 1 - step } else { step };
                    let scene = &Scene { place, ..*scene };
                    looped.elements.iter().for_each(|taken| taken.take(scene, span));
                    for phase in &looped.phases {
                        let own = Own { members, parts, folds, workspace, context };
                        self.phase(phase, (scene, span), own, first, lead.as_deref_mut())?;
                    }
                    looped.stacks.iter().for_each(|kept| kept.keep(scene, span));
                    looped.carry(scene, span, step + 1 == looped.length);
                }
                Ok(())
            }
        }
    }

    /// A step on a whole tile, as without division.
    fn step(
        &self,
        OpaqueStep { step, args, outs, .. }: &OpaqueStep,
        scene: &Scene<'_>,
        span: Span,
        (folds, context): (&mut [Fold], &mut Context),
    ) -> std::result::Result<(), String> {
        let plan_step = &self.schedule.plan().steps()[*step];
        if let Some(repeat) = &plan_step.repeat {
            return self.repeat((plan_step, repeat), (args, outs), scene, span, context);
        }
        let out = outs[0];
        let dtype = self.schedule.plan().value(plan_step.result).dtype;
        let many = |shape: &[usize]| {
            let mut shape = Axes::from_slice(shape);
            shape.iter_mut().take(1).for_each(|rows| *rows *= span.rows);
            shape
        };
        let prepared = self.prepared[*step].as_ref().expect("opaque steps are prepared");
        let is_fold = matches!(out, Target::Fold(_));
        let shape = &self.schedule.row_shapes()[plan_step.result.index()];
        let shape = if is_fold { Axes::from_slice(shape) } else { many(shape) };
        let rows = |arg: &Arg| arg.value().map_or(&[][..], |v| &self.schedule.row_shapes()[v.index()]);
        let shapes: SmallVec<[_; 3]> = plan_step.args.iter().map(|arg| many(rows(arg))).collect();
        let terms = args.iter().zip(&shapes).map(|(arg, shape)| match arg {
            Argument::Number(number) => Term::Number(*number),
            Argument::Whole(v) => Term::Array(scene.wholes[*v].clone().expect("whole values come first")),
            Argument::Rows(home) => Term::Array(typed!(scene.homes[*home].dtype, T => {
                let rows = scene.rows::<T>(*home, span, scene.homes[*home].len);
                Array::borrowed(TensorRef::new(shape, rows).expect("rows are as many as the shape says"))
            })),
        });
        let terms = terms.collect();
        let moment = Moment { counters: scene.counters, dtype, shape: &shape };
        let result = context.step(plan_step, prepared, terms, moment)?;
        // Of its own, also where it was a view of rows that it is written over.
        let result = context.whole_array(result);
        typed!(dtype, T => {
            let elements = <T as Held>::dense(&result).expect("it is whole");
            match out {
                Target::Home(home) => {
                    // SAFETY: nothing reads the step's result before the step is done.
                    let out = unsafe { scene.write::<T>(home, span, self.lowered.homes[home].len) };
                    out.copy_from_slice(elements);
                }
                Target::Fold(k) => {
                    let from = <T as Held>::from_vec(elements.to_vec());
                    folds[k].add((self.lowered.folds[k].kind, dtype), &from);
                }
            }
        });
        context.pool.recycle(result);
        Ok(())
    }

    /// A scan over a whole tile, whose results are rows.
    fn repeat(
        &self,
        (step, repeat): (&Step, &Repeat),
        (args, outs): (&[Argument], &[Target]),
        scene: &Scene<'_>,
        span: Span,
        context: &mut Context,
    ) -> std::result::Result<(), String> {
        let plan = self.schedule.plan();
        let shapes = self.shapes_of_tile(span.rows);
        let mut values: Values<'_> = vec![None; plan.values().len()];
        for (id, arg) in step.args.iter().filter_map(Arg::value).zip(args) {
            values[id.index()] = Some(match arg {
                Argument::Number(_) => unreachable!("a scan takes values"),
                Argument::Whole(v) => scene.wholes[*v].clone().expect("whole values come first"),
                Argument::Rows(home) => typed!(scene.homes[*home].dtype, T => {
                    let rows = scene.rows::<T>(*home, span, scene.homes[*home].len);
                    let shape = &shapes[id.index()];
                    Array::borrowed(TensorRef::new(shape, rows).expect("rows are as many as the shape says"))
                }),
            });
        }
        let place = plan.steps().iter().position(|s| std::ptr::eq(s, step));
        let prepared = place.and_then(|place| self.prepared[place].as_ref()?.repeat.as_ref());
        let prepared = prepared.expect("opaque steps are prepared");
        let counters = scene.counters;
        let mut around = Around { plan, shapes: &shapes, values: &mut values, counters };
        context.repeat(repeat, prepared, &mut around).map_err(|(_, why)| why)?;
        for (result, out) in step.results().zip(outs) {
            let value = values[result.index()].take().expect("a scan makes its results");
            let value = context.dense_array(value);
            let Target::Home(home) = *out else { unreachable!("a scan's results are rows") };
            typed!(plan.value(result).dtype, T => {
                let elements = <T as Held>::dense(&value).expect("it was made dense");
                // SAFETY: the results are vectors of their own, and nothing reads where they go before the
                // step is done.
                let out = unsafe { scene.write::<T>(home, span, self.lowered.homes[home].len) };
                out.copy_from_slice(elements);
            });
            context.pool.recycle(value);
        }
        Ok(())
    }

    /// The shapes of all values for a tile of so many rows.
    fn shapes_of_tile(&self, rows: usize) -> Vec<Vec<usize>> {
        let dim = self.schedule.rows().map(|rows| &rows.dim);
        let shape = |(value, row): (&Value, &Vec<usize>)| {
            let mut shape = row.clone();
            if let (Ok(dim), Some(first)) = (dim, value.shape.first())
                && first.names().contains(dim)
            {
                shape[0] *= rows;
            }
            shape
        };
        self.schedule.plan().values().iter().zip(self.schedule.row_shapes()).map(shape).collect()
    }
}
