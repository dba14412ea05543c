//! A divided plan at work: rounds of whole values and of lanes.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dl_core::plan::{Division, Part, Plan};
use dl_core::{DType, Dims, Tensor};
use rayon::ThreadPool;

use super::Cut;
use super::build::{FoldDecl, Work, build};
use super::convert::Convert;
use super::fold::{CHAIN, Fold, combine};
use super::lane::{Base, Home, Member};
use super::lanes::{Given, Lane, TILES};
use super::place::{Buffer, Phase, Phases, place};
use super::product::Pack;
use super::slots::{Held, Slot, typed};
use super::together::PARTS;
use super::update::{Direct, Update, close, open, updates};
use super::watch::Watch;
use super::whole::{self, replace, wholes};
use crate::cpu::array::{Array, Item};
use crate::cpu::code::is_supported;
use crate::cpu::compile::{Prepared, room_for};
use crate::cpu::frame::{Frame, Values};
use crate::cpu::lanes::Context;
use crate::cpu::matmul::{Kernels, Room};
use crate::cpu::parameter::Parameter;
use crate::cpu::pool::Pool;
use crate::cpu::team::{Lead, Team};
use crate::cpu::vector::Isa;
use crate::error::{Error, Result};
use crate::executor::{Call, Executable};
use crate::profile::Kernel;

/// A plan, divided and compiled for given sizes.
pub(in crate::cpu) struct Tiled {
    pub(super) plan: Arc<Plan>,
    /// Sizes of each value's axes.
    pub(super) shapes: Vec<Vec<usize>>,
    /// The same with one row.
    pub(super) rows: Vec<Vec<usize>>,
    pub(super) wholes: Vec<Vec<whole::Work>>,
    pub(super) phases: Vec<Phases>,
    pub(super) converts: Vec<Convert>,
    pub(super) prepared: Vec<Prepared>,
    pub(super) homes: Vec<Home>,
    pub(super) known: Vec<Array<'static>>,
    pub(super) folds: Vec<FoldDecl>,
    /// Rows that are outputs.
    pub(super) kept: Vec<Option<usize>>,
    pub(super) cut: Cut,
    pub(super) buffers: Vec<Buffer>,
    pub(super) lanes: Vec<Mutex<Lane>>,
    pub(super) context: Context,
    /// How many work on large whole values, and where.
    pub(super) threads: usize,
    pub(super) pool: Option<Arc<ThreadPool>>,
    /// Who works on tiles.
    pub(super) team: Option<Arc<Team>>,
    pub(super) frame: Frame,
    pub(super) updates: Vec<Update>,
    /// The parameters that steps on whole values write over.
    pub(super) replaced: Vec<usize>,
    /// Between the end of the rounds and the updates: what these add.
    pub(super) addends: Vec<Option<Array<'static>>>,
    pub(super) packed: Vec<(Pack, RwLock<Room>)>,
    pub(super) kernels: Kernels,
    pub(super) isa: Isa,
}

impl Tiled {
    /// The plan in tiles, or the reason why it cannot be divided.
    pub(in crate::cpu) fn new(
        plan: &Arc<Plan>,
        dims: &Dims,
        tile: Option<usize>,
        code: bool,
    ) -> Result<std::result::Result<Tiled, String>> {
        let division = match Division::of(plan) {
            Ok(division) => division,
            Err(why) => return Ok(Err(why)),
        };
        let Some(rows) = dims.get(&division.dim) else {
            return Ok(Err(format!("the size of {} is not known", division.dim)));
        };
        let mut shapes = vec![];
        for (value, part) in plan.values().iter().zip(&division.parts) {
            let shape = value.shape.eval(dims).map_err(|why| Error::at(&value.origin, why))?;
            if !matches!(part, Part::Rows(_)) {
                room_for(&shape, value.dtype).map_err(|why| Error::at(&value.origin, why))?;
            }
            shapes.push(shape);
        }
        let kernels = Kernels::best();
        let mut built = match build(plan, &division, dims, kernels) {
            Ok(built) => built,
            Err(why) => return Ok(Err(why)),
        };
        built.code = code && is_supported(Isa::widest());
        let (mut phases, mut converts, buffers) = place(&mut built, division.rounds(), rows);
        let of_rows = buffers.iter().filter(|b| b.base != Base::Block);
        let bytes = of_rows.map(|b| b.len * b.dtype.bytes()).sum::<usize>()
            + plan
                .inputs()
                .iter()
                .map(|i| built.shapes[i.value.index()].iter().product::<usize>() * i.decl.dtype.bytes())
                .sum::<usize>();
        let converted = converts.iter().map(Convert::row_bytes).sum();
        let cut = Cut::new(rows, (bytes, converted), tile, kernels.caches());
        for buffer in &buffers {
            room_for(&[buffer.elements(&cut), cut.lanes()], buffer.dtype).map_err(Error::value)?;
        }
        for convert in &mut converts {
            convert.settle(&cut, kernels.caches());
            room_for(&[convert.room, cut.lanes()], DType::F32).map_err(Error::value)?;
        }
        let own = whole::rounds(plan, &division, &shapes);
        let updates = updates(plan, &division, &built, &mut phases, (&cut, &own));
        let workspace = phases.iter().flatten().map(|p| match p {
            Phase::Tile(Work::Product(p)) => p.workspace(&kernels, cut.tile),
            _ => 0,
        });
        let workspace = workspace.max().unwrap_or(0);
        room_for(&[workspace, cut.lanes()], DType::F32).map_err(Error::value)?;
        // Where there are many lanes, each is somebody's.
        let parts = if cut.lanes() == 1 { PARTS } else { 0 };
        let of = |f: &FoldDecl| (plan.values()[f.value].dtype, built.shapes[f.value].iter().product());
        let empty = |f: &FoldDecl, many: bool| {
            let (dtype, len) = of(f);
            Fold::new(Slot::EMPTY, (f.kind, dtype), len, many)
        };
        let many = |f: &FoldDecl| match f.overwritten {
            true => cut.lane.div_ceil(cut.tile) > TILES,
            false => cut.lane.saturating_mul(f.terms) > CHAIN,
        };
        let part = || {
            let mut folds: Vec<Fold> = built.folds.iter().map(|f| empty(f, false)).collect();
            for folded in phases.iter().flatten().filter_map(Phase::folded).flatten() {
                let decl = &built.folds[folded.fold];
                let (dtype, len) = of(decl);
                let many = cut.tile.div_ceil(PARTS) > CHAIN;
                folds[folded.fold] = Fold::new(Slot::new(dtype, len), (decl.kind, dtype), len, many);
            }
            folds
        };
        let lane = || Lane {
            slots: buffers.iter().map(|b| b.of_rows(&cut)).collect(),
            table: Vec::with_capacity(buffers.len()),
            members: vec![Member::of_lane(&buffers, &cut)],
            converted: converts.iter().map(|_| vec![Mutex::default()]).collect(),
            tile: 0,
            folds: built.folds.iter().map(|f| empty(f, many(f))).collect(),
            parts: (0..parts).map(|_| Mutex::new(part())).collect(),
            workspace: Room::new(workspace),
            context: Context { pool: Pool::default(), threads: 1 },
            spent: vec![],
        };
        let lanes = (0..cut.lanes()).map(|_| Mutex::new(lane())).collect();
        let mut wholes =
            wholes(plan, &division, &shapes, (dims, built.code), &updates, &own, &built.wholes())?;
        let replaced = replace(plan, &mut wholes, &phases);
        for pack in &built.packs {
            room_for(&[pack.len(&kernels)], DType::F32).map_err(Error::value)?;
        }
        let packed = built.packs.iter().map(|p| (*p, RwLock::default())).collect();
        Ok(Ok(Tiled {
            plan: plan.clone(),
            shapes,
            rows: built.shapes,
            wholes,
            phases,
            converts,
            prepared: built.prepared,
            homes: built.homes,
            known: built.known,
            folds: built.folds,
            kept: built.outputs,
            cut,
            buffers,
            lanes,
            context: Context { pool: Pool::default(), threads: 1 },
            threads: 1,
            pool: None,
            team: None,
            frame: Frame::default(),
            addends: vec![None; updates.len()],
            updates,
            replaced,
            packed,
            kernels,
            isa: Isa::widest(),
        }))
    }
}

impl Tiled {
    /// With others to help.
    pub(in crate::cpu) fn with_threads(
        self,
        threads: usize,
        pool: Option<Arc<ThreadPool>>,
        team: Option<Arc<Team>>,
    ) -> Tiled {
        let mut tiled = Tiled { threads, pool, team, ..self };
        let members = tiled.members();
        // More lanes than one have each a thread.
        if let [lane] = &mut tiled.lanes[..] {
            let lane = own(lane);
            lane.converted.iter_mut().for_each(|c| c.resize_with(members, Mutex::default));
            lane.members.resize_with(members, || Member::of_lane(&tiled.buffers, &tiled.cut));
        }
        tiled
    }
}

impl Executable for Tiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        self.watched(call, &mut None)
    }

    fn profile(&mut self, call: Call<'_>) -> Result<Vec<Kernel>> {
        let mut watch = Some(Watch::new(self));
        let begun = Instant::now();
        self.watched(call, &mut watch)?;
        let all = begun.elapsed();
        let mut kernels = self.kernels(watch.as_ref());
        let around = Kernel::around(&kernels, self.plan.values().len(), all);
        // Every round, and every lane, comes to code and data that nothing has touched since the last run.
        let lanes = if self.together() > 1 { 0 } else { self.lanes.len() };
        let parts = 1 + self.phases.len() + lanes;
        kernels.push(Kernel { parts, distance: self.distance(), ..around });
        Ok(kernels)
    }

    fn listing(&self) -> String {
        Tiled::listing(self)
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let output = self.frame.output(index)?;
        match (output, self.kept[index]) {
            (Some(array), _) => Ok(array.to_tensor()),
            (None, Some(home)) => Ok(self.rows_of(index, home)),
            (None, None) => unreachable!("what rows do not keep, the frame does"),
        }
    }
}

impl Tiled {
    fn watched(&mut self, mut call: Call<'_>, watch: &mut Option<Watch>) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let (updates, packed) = (&self.updates, &self.packed);
        let stays = |i: usize, parameter: &Parameter| {
            updates.iter().any(|u| match u.direct {
                Some(Direct::Panels(index)) => u.of.parameter == i && packed[index].0.is_in(parameter),
                _ => false,
            })
        };
        let mut values = self.frame.begin(&mut self.context, &plan, &mut call, stays)?;
        for round in 0..self.phases.len() {
            self.whole(round, &mut values, &mut call, watch)?;
            self.tiles(round, &mut values, &mut call, watch)?;
        }
        for (update, addend) in self.updates.iter().zip(&mut self.addends) {
            let value = &mut values[update.of.addend.index()];
            // What others want at the end, outputs as well, stays.
            let addend_of = if update.of.alone { value.take() } else { value.clone() };
            *addend = addend_of.map(Array::into_owned);
        }
        let (kept, updates) = (&self.kept, &self.updates);
        let wanted = |i: usize| kept[i].is_none();
        let replaced = &self.replaced;
        let done = |i: usize| updates.iter().any(|u| u.of.parameter == i) || replaced.contains(&i);
        self.frame.end(&mut self.context, &plan, values, &mut call, wanted, done)?;
        for (i, update) in self.updates.iter().enumerate() {
            if let Some(addend) = self.addends[i].take() {
                let parameter = update.parameter(&mut call)?;
                let (context, team) = (&mut self.context, self.team.as_deref());
                let apply = || update.apply(parameter.array(), &addend, context, team);
                Watch::time(watch, |w| &mut w.updates[i], apply);
                self.context.pool.recycle(addend);
            }
        }
        Ok(())
    }

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
                let lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend(&lane.slots[slot].get::<T>()[..rows * len]);
            }
            Tensor::new(shape, all).expect("a lane has as many elements as its rows")
        })
    }

    /// The rows of a round, and what they fold to.
    fn tiles<'a>(
        &mut self,
        round: usize,
        values: &mut Values<'a>,
        call: &mut Call<'a>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        if self.phases[round].is_empty() {
            return Ok(());
        }
        self.pack(round, values, call, watch)?;
        let mut lanes = std::mem::take(&mut self.lanes);
        for update in self.updates.iter().filter(|u| u.direct == Some(Direct::Rows)) {
            if self.folds[update.fold].round == round as u32 {
                values[update.of.from.index()] = None;
                let slot = open(update.parameter(call)?, &mut self.context.pool);
                own(&mut lanes[0]).folds[update.fold].now = slot;
            }
        }
        for fold in self.folds.iter().enumerate().filter(|(_, f)| f.round == round as u32).map(|(k, _)| k) {
            let panels = |u: &Update| u.fold == fold && matches!(u.direct, Some(Direct::Panels(_)));
            if self.updates.iter().any(panels) {
                continue;
            }
            let decl = &self.folds[fold];
            let (len, dtype) = (self.rows[decl.value].iter().product(), self.dtype(decl.value));
            for lane in &mut lanes {
                let lane = own(lane);
                if matches!(lane.folds[fold].now, Slot::U8(ref v) if v.is_empty()) {
                    lane.folds[fold].now =
                        typed!(dtype, T => <T as Held>::from_vec(self.context.pool.take::<T>(len)));
                }
            }
        }
        let team = self.team.as_deref();
        let given =
            Given { values, inputs: call.inputs, seed: call.seed, step: call.step, timed: watch.is_some() };
        // The first lane's error counts, whichever comes first.
        let failed: Mutex<Option<(usize, usize, String)>> = Mutex::new(None);
        let work = |index: usize, lead: Option<Lead<'_>>| {
            let lane = &mut *lanes[index].lock().unwrap_or_else(PoisonError::into_inner);
            if let Err((step, why)) = self.lane(round, index, lane, given, lead) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, ..)| index < *first) {
                    *failed = Some((index, step, why));
                }
            }
        };
        let begun = Instant::now();
        match team {
            Some(team) if lanes.len() > 1 => team.each(lanes.len(), &|index| work(index, None)),
            Some(team) => work(0, team.lead()),
            None => (0..lanes.len()).for_each(|index| work(index, None)),
        }
        let wall = begun.elapsed();
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        for update in self.updates.iter().filter(|u| self.folds[u.fold].round == round as u32) {
            let parameter = update.parameter(call)?;
            match update.direct {
                Some(Direct::Rows) => {
                    let slot = std::mem::replace(&mut own(&mut lanes[0]).folds[update.fold].now, Slot::EMPTY);
                    close(parameter, slot);
                }
                // Even after a failure: then the update has not begun.
                Some(Direct::Panels(index)) => {
                    let (pack, room) = &mut self.packed[index];
                    let room = std::mem::take(room.get_mut().unwrap_or_else(PoisonError::into_inner));
                    parameter.set_panels(pack.panels(room, self.kernels));
                }
                None => {}
            }
        }
        self.lanes = lanes;
        if let Some((_, step, why)) = failed {
            return Err(Error::at(&self.plan.value(self.plan.steps()[step].result).origin, why));
        }
        if let Some(watch) = watch {
            let together = self.together() as u32;
            let times = &mut watch.rounds[round];
            for lane in &mut self.lanes {
                let spent = std::mem::take(&mut own(lane).spent);
                times.phases.iter_mut().zip(spent).for_each(|(sum, t)| *sum += t / together);
            }
            times.wait = wall.saturating_sub(times.phases.iter().sum::<Duration>());
        }
        let fold = || self.fold(round, values);
        Watch::time(watch, |w| &mut w.rounds[round].combine, fold);
        Ok(())
    }

    /// Packs the matrices that products of a round want in panels; a parameter that is kept in them lends
    /// its own.
    fn pack(
        &mut self,
        round: usize,
        values: &[Option<Array<'_>>],
        call: &mut Call<'_>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        for (index, (pack, room)) in self.packed.iter_mut().enumerate() {
            if pack.round != round as u32 {
                continue;
            }
            let room = room.get_mut().unwrap_or_else(PoisonError::into_inner);
            let update = self.updates.iter().find(|u| u.direct == Some(Direct::Panels(index)));
            if let Some(update) = update
                && let Some(kept) = pack.take_from(update.parameter(call)?)
            {
                *room = kept;
                continue;
            }
            if room.is_empty() {
                *room = Room::new(pack.len(&self.kernels));
            }
            let value = values[pack.value].as_ref().expect("whole values come before rows that use them");
            let value = f32::dense(value).expect("whole values lie row by row");
            let fill = || pack.fill(&self.kernels, value, room);
            Watch::time(watch, |w| &mut w.rounds[round].packs[index], fill);
        }
        Ok(())
    }

    /// How many threads have a lane each.
    pub(super) fn together(&self) -> usize {
        self.members().min(self.lanes.len())
    }

    /// How many threads work on tiles.
    pub(super) fn members(&self) -> usize {
        self.team.as_ref().map_or(1, |team| team.members())
    }

    pub(super) fn dtype(&self, value: usize) -> DType {
        self.plan.values()[value].dtype
    }

    /// Combines the lanes' folds of a round in a tree, and makes them whole values.
    fn fold(&mut self, round: usize, values: &mut [Option<Array<'_>>]) {
        for k in 0..self.folds.len() {
            let FoldDecl { value, kind, round: made, .. } = self.folds[k];
            if made != round as u32 || self.updates.iter().any(|u| u.direct.is_some() && u.fold == k) {
                continue;
            }
            let dtype = self.dtype(value);
            let mut width = 1;
            while width < self.lanes.len() {
                for i in (0..self.lanes.len() - width).step_by(2 * width) {
                    let (left, right) = self.lanes.split_at_mut(i + width);
                    let (into, from) =
                        (&mut own(&mut left[i]).folds[k].now, &own(&mut right[0]).folds[k].now);
                    combine(kind, dtype, into, from, self.team.as_deref());
                }
                width *= 2;
            }
            let total = std::mem::replace(&mut own(&mut self.lanes[0]).folds[k].now, Slot::EMPTY);
            let shape = &self.rows[value];
            let pool = &mut self.context.pool;
            values[value] = Some(typed!(dtype, T => T::wrap_view(pool.dense(T::into_vec(total), shape))));
        }
    }
}

/// A lane that no thread is at work on.
fn own(lane: &mut Mutex<Lane>) -> &mut Lane {
    lane.get_mut().unwrap_or_else(PoisonError::into_inner)
}
