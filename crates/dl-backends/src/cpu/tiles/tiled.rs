//! A schedule compiled for this executor: its lowered kernels, and the memory of its runs.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dl_core::plan::{Plan, ValueId};
use dl_core::{DType, Dims, Schedule};

use super::data::convert::Convert;
use super::data::home::Place;
use super::data::packed::{Line, Packed};
use super::data::phase::{Buffer, FoldDecl, Phase, Phases};
use super::data::product::{Pack, Product};
use super::data::slots::Slot;
use super::data::tiling::Tiling;
use super::lower::{self, Lowered, Rows};
use super::run::fold::{CHAIN, Fold};
use super::run::group::PARTS;
use super::run::scene::Member;
use super::run::shard::{Shard, TILES};
use super::run::update::Update;
use super::run::whole::Work;
use crate::cpu::array::Array;
use crate::cpu::code::is_supported;
use crate::cpu::compile::{Prepared, check, prepare, room_for};
use crate::cpu::frame::Frame;
use crate::cpu::loops::Context;
use crate::cpu::matmul::{Kernels, Room};
use crate::cpu::pool::Pool;
use crate::cpu::team::Team;
use crate::cpu::vector::Isa;
use crate::error::{Error, Result};

/// A schedule, compiled.
pub(in crate::cpu) struct Tiled {
    pub(super) schedule: Schedule,
    /// By stage.
    pub(super) wholes: Vec<Vec<Work>>,
    /// By stage.
    pub(super) phases: Vec<Phases>,
    pub(super) converts: Vec<Convert>,
    /// By step of the plan, for those that run on whole tiles.
    pub(super) prepared: Vec<Option<Prepared>>,
    pub(super) lowered: Lowered,
    pub(super) tiling: Tiling,
    pub(super) buffers: Vec<Buffer>,
    pub(super) shards: Vec<Mutex<Shard>>,
    pub(super) context: Context,
    /// How many threads work.
    pub(super) threads: usize,
    pub(super) team: Option<Arc<Team>>,
    pub(super) frame: Frame,
    pub(super) updates: Vec<Update>,
    /// The parameters that fused kernels write over.
    pub(super) replaced: Vec<usize>,
    /// Between the end of the stages and the updates: the values that these add.
    pub(super) addends: Vec<Option<Array<'static>>>,
    pub(super) packed: Vec<(Pack, RwLock<Packed>)>,
    /// Which of the plan's parameters is packed, by that list, if it is one and the plan has no update of it.
    pub(super) sources: Vec<Option<usize>>,
    /// Parameters that single rows are multiplied by, and that the plan has no update of.
    pub(super) lines: Vec<Line>,
    pub(super) kernels: Kernels,
    pub(super) isa: Isa,
}

impl Tiled {
    /// Compiles a plan for given sizes, in tiles of `tile` rows or as the caches want them; with `code`, by
    /// machine code where the processor has it.
    ///
    /// # Errors
    /// When sizes do not fit together, or into memory: with the line.
    pub(in crate::cpu) fn new(
        plan: &Arc<Plan>,
        dims: &Dims,
        tile: Option<usize>,
        code: bool,
    ) -> Result<Tiled> {
        let schedule = Schedule::new(plan, dims)?;
        check_sizes(&schedule)?;
        let kernels = Kernels::best();
        let code = code && is_supported(Isa::widest());
        let Rows { lowered, mut phases, mut converts, buffers, row_bytes } =
            lower::rows(&schedule, kernels, code).map_err(Error::value)?;
        let prepared = prepare_opaque(&schedule, &phases)?;
        let tiling = tiling(&schedule, (row_bytes, &buffers, &mut converts), tile, kernels)?;
        let updates = lower::updates::updates(&schedule, &lowered, &mut phases, &tiling);
        let products = phases.iter().flatten().flat_map(Phase::products);
        let workspace = products.map(|p| p.workspace(&kernels, tiling.tile)).max().unwrap_or(0);
        room_for(&[workspace, tiling.shards()], DType::F32).map_err(Error::value)?;
        let memory = Memory { schedule: &schedule, lowered: &lowered, phases: &phases, tiling: &tiling };
        let shard = || memory.shard(&buffers, converts.len(), workspace);
        let shards = (0..tiling.shards()).map(|_| Mutex::new(shard())).collect();
        let wholes = lower::whole::wholes(&schedule, code)?;
        for pack in &lowered.packs {
            room_for(&[pack.len(&kernels)], DType::F32).map_err(Error::value)?;
        }
        let packed = lowered.packs.iter().map(|p| (*p, RwLock::default())).collect();
        let source = |p: &Pack| {
            let all = &mut plan.parameters().iter();
            all.position(|slot| slot.update.is_none() && slot.value == Some(ValueId(p.value as u32)))
        };
        let sources = lowered.packs.iter().map(source).collect();
        let lines = lines(plan, &lowered, &phases, (tiling.rows, kernels));
        Ok(Tiled {
            replaced: lower::whole::replaced(&wholes),
            wholes,
            phases,
            converts,
            prepared,
            lowered,
            tiling,
            buffers,
            shards,
            context: Context { pool: Pool::default(), team: None },
            threads: 1,
            team: None,
            frame: Frame::default(),
            addends: vec![None; updates.len()],
            updates,
            packed,
            sources,
            lines,
            kernels,
            isa: Isa::widest(),
            schedule,
        })
    }

    /// With others to help.
    pub(in crate::cpu) fn with_threads(self, threads: usize, team: Option<Arc<Team>>) -> Tiled {
        let mut tiled = Tiled { threads, team, ..self };
        let members = tiled.members();
        // Each of several shards has a thread of its own.
        if let [shard] = &mut tiled.shards[..] {
            let shard = own(shard);
            shard.converted.iter_mut().for_each(|c| c.resize_with(members, Mutex::default));
            shard.members.resize_with(members, || Member::of_shard(&tiled.buffers, &tiled.tiling));
        }
        tiled
    }

    /// How many threads have a shard each.
    pub(super) fn together(&self) -> usize {
        self.members().min(self.shards.len())
    }

    /// How many threads work on tiles.
    pub(super) fn members(&self) -> usize {
        self.team.as_ref().map_or(1, |team| team.members())
    }

    pub(super) fn dtype(&self, value: usize) -> DType {
        self.schedule.plan().values()[value].dtype
    }

    /// The reductions of a stage, with their places.
    pub(super) fn folds_of(&self, stage: usize) -> impl Iterator<Item = (usize, &FoldDecl)> {
        self.lowered.folds.iter().enumerate().filter(move |(_, f)| f.stage == stage)
    }
}

/// Checks each step for mistakes that only sizes show, and that whole values fit into memory.
fn check_sizes(schedule: &Schedule) -> Result<()> {
    let plan = schedule.plan();
    for (i, value) in plan.values().iter().enumerate() {
        let rows = schedule
            .rows()
            .is_ok_and(|rows| value.shape.first().is_some_and(|d| d.names().contains(&rows.dim)));
        if !rows {
            let shape = schedule.shape(ValueId(i as u32));
            room_for(shape, value.dtype).map_err(|why| Error::at(&value.origin, why))?;
        }
    }
    for step in plan.all_steps() {
        let origin = &plan.value(step.result).origin;
        check(plan, schedule.shapes(), step).map_err(|why| Error::at(origin, why))?;
    }
    Ok(())
}

/// The parameters without updates that a single row is multiplied by.
fn lines(plan: &Plan, lowered: &Lowered, phases: &[Phases], (rows, kernels): (usize, Kernels)) -> Vec<Line> {
    let of = |product: &Product| {
        let value = product.single(rows, &kernels).map(|home| lowered.homes[home].place);
        let Some(Place::Whole(value)) = value else { return None };
        let mut all = plan.parameters().iter();
        let parameter = all.position(|p| p.update.is_none() && p.value == Some(ValueId(value as u32)))?;
        Some(Line::new(value, parameter))
    };
    phases.iter().flatten().flat_map(Phase::products).filter_map(of).collect()
}

/// What is known of the steps that run on whole tiles, by step.
fn prepare_opaque(schedule: &Schedule, phases: &[Phases]) -> Result<Vec<Option<Prepared>>> {
    let plan = schedule.plan();
    let mut prepared: Vec<Option<Prepared>> = plan.steps().iter().map(|_| None).collect();
    for phase in phases.iter().flatten() {
        let Phase::Opaque(opaque) = phase else { continue };
        let step = &plan.steps()[opaque.step];
        let origin = &plan.value(step.result).origin;
        let known = prepare(plan, schedule.row_shapes(), schedule.dims(), step);
        prepared[opaque.step] = Some(known.map_err(|why| Error::at(origin, why))?);
    }
    Ok(prepared)
}

/// The tiling, from the bytes of a row; and how much products convert at a time.
fn tiling(
    schedule: &Schedule,
    (row_bytes, buffers, converts): (usize, &[Buffer], &mut [Convert]),
    tile: Option<usize>,
    kernels: Kernels,
) -> Result<Tiling> {
    let inputs = schedule.plan().inputs().iter();
    let inputs = inputs.map(|i| schedule.row_shape(i.value).iter().product::<usize>() * i.decl.dtype.bytes());
    let bytes = row_bytes + inputs.sum::<usize>();
    let converted = converts.iter().map(Convert::row_bytes).sum();
    let tiling = Tiling::new(schedule.row_count(), (bytes, converted), tile, kernels.caches());
    for buffer in buffers {
        room_for(&[buffer.elements(&tiling), tiling.shards()], buffer.dtype).map_err(Error::value)?;
    }
    for convert in converts {
        convert.settle(&tiling, kernels.caches());
        room_for(&[convert.room, tiling.shards()], DType::F32).map_err(Error::value)?;
    }
    Ok(tiling)
}

/// The lowered kernels that decide the memory of a shard.
struct Memory<'t> {
    schedule: &'t Schedule,
    lowered: &'t Lowered,
    phases: &'t [Phases],
    tiling: &'t Tiling,
}

impl Memory<'_> {
    fn shard(&self, buffers: &[Buffer], converts: usize, workspace: usize) -> Shard {
        let Tiling { shard, tile, .. } = *self.tiling;
        let many = |f: &FoldDecl| match f.overwritten {
            true => shard.div_ceil(tile) > TILES,
            false => shard.saturating_mul(f.terms) > CHAIN,
        };
        // Where there are several shards, each is one thread's.
        let parts = if self.tiling.shards() == 1 { PARTS } else { 0 };
        Shard {
            slots: buffers.iter().map(|b| b.of_rows(self.tiling)).collect(),
            table: Vec::with_capacity(buffers.len()),
            members: vec![Member::of_shard(buffers, self.tiling)],
            converted: (0..converts).map(|_| vec![Mutex::default()]).collect(),
            tile: 0,
            folds: self.lowered.folds.iter().map(|f| self.fold(f, Slot::EMPTY, many(f))).collect(),
            parts: (0..parts).map(|_| Mutex::new(self.part())).collect(),
            workspace: Room::new(workspace),
            context: Context { pool: Pool::default(), team: None },
            spent: vec![],
        }
    }

    /// The reductions of a part of a tile's rows.
    fn part(&self) -> Vec<Fold> {
        let mut folds: Vec<Fold> =
            self.lowered.folds.iter().map(|f| self.fold(f, Slot::EMPTY, false)).collect();
        for folded in self.phases.iter().flatten().filter_map(Phase::folded).flatten() {
            let decl = &self.lowered.folds[folded.fold];
            let slot = Slot::new(self.dtype(decl), self.len(decl));
            folds[folded.fold] =
                self.fold(decl, slot, self.tiling.tile.div_ceil(PARTS).saturating_mul(decl.terms) > CHAIN);
        }
        folds
    }

    fn fold(&self, decl: &FoldDecl, slot: Slot, many: bool) -> Fold {
        Fold::new(slot, (decl.kind, self.dtype(decl)), (self.len(decl), decl.width), many)
    }

    fn dtype(&self, decl: &FoldDecl) -> DType {
        self.schedule.plan().values()[decl.value].dtype
    }

    fn len(&self, decl: &FoldDecl) -> usize {
        self.schedule.row_shapes()[decl.value].iter().product()
    }
}

/// A shard that no thread is at work on.
pub(super) fn own(shard: &mut Mutex<Shard>) -> &mut Shard {
    shard.get_mut().unwrap_or_else(PoisonError::into_inner)
}
