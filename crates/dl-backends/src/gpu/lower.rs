//! A schedule as work for the device: a launch or a few for each kernel that has a text, burn's operations for what
//! has none, then the updates.

use std::collections::{HashMap, HashSet};

use dl_core::DType;
use dl_core::ops::{Clock, Op};
use dl_core::plan::ValueId;
use dl_core::schedule::{
    Body, BufferId, Content, Domain as Elements, Kernel, KernelId, Method, Schedule, StepId,
};

use super::body::{Result, Rows};
use super::halves::Halves;
use super::looped::{self, Turns};
use super::memory::{Home, Slot, SlotId};
use super::pointwise::Domain;
use super::recipe::{Recipe, Recipes};
use super::shader::Shader;
use super::tune::Tuner;
use super::{opaque, pointwise, product, update};
use crate::burn::bridge::Steps;

/// What kernels are made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    /// Invocations of a subgroup, or as many as a tile takes.
    pub(super) lanes: usize,
    /// Whether lanes can send each other numbers, in subgroups of that one size.
    pub(super) subgroups: bool,
    /// How many tiles keep the device busy.
    pub(super) busy: usize,
    /// Buffers of a kernel.
    pub(super) bindings: usize,
}

/// A piece of work: a launch, as a text in the making or ready, burn's operations, or work that is done repeatedly.
pub(super) enum Work<L = Shader> {
    Launch(L),
    Steps(Recipe),
    Loop(Turns<L>),
}

impl Work {
    /// The slots that it reads or writes, perhaps repeated.
    pub(super) fn slots(&self) -> Vec<SlotId> {
        match self {
            Work::Launch(shader) => shader.slots().collect(),
            Work::Steps(recipe) => recipe.slots().collect(),
            Work::Loop(turns) => turns.works.iter().flat_map(Work::slots).collect(),
        }
    }

    /// The slots that it writes, perhaps repeated.
    pub(super) fn writes(&self) -> Vec<SlotId> {
        match self {
            Work::Launch(shader) => shader.writes().to_vec(),
            Work::Steps(recipe) => recipe.writes.iter().map(|(_, slot)| *slot).collect(),
            Work::Loop(turns) => turns.works.iter().flat_map(Work::writes).collect(),
        }
    }
}

/// What is known while a schedule is lowered.
#[derive(Clone)]
pub(super) struct Lowering<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) steps: &'a Steps,
    pub(super) device: Device,
    /// What measures products, where somebody asked for it.
    pub(super) tuner: Option<&'a Tuner<'a>>,
    pub(super) slots: Vec<Slot>,
    /// The launch that completes the one that was just made.
    pub(super) pending: Option<Shader>,
    /// What lies in 16 bits.
    pub(super) halves: Halves,
    /// Whether bytes of the caller lie four in a word, and whether something wants them otherwise.
    pub(super) packs: bool,
    pub(super) unpacks: bool,
    pub(super) of_buffer: Vec<Option<SlotId>>,
    /// Rows of a step of a loop that stand among those of all steps.
    pub(super) along: HashMap<BufferId, Rows>,
    /// Those of them that something wants one after the other.
    pub(super) wanted: HashSet<BufferId>,
    pub(super) parameters: Vec<Option<SlotId>>,
    pub(super) tables: HashMap<Vec<u32>, SlotId>,
    pub(super) keys: HashMap<(u64, Clock), SlotId>,
}

/// A schedule, lowered.
pub(super) struct Lowered {
    pub(super) slots: Vec<Slot>,
    pub(super) works: Vec<Work>,
    /// By the plan's list of outputs.
    pub(super) outputs: Vec<SlotId>,
    /// Why kernels have no text.
    pub(super) lacks: Vec<(KernelId, String)>,
    /// What was measured, for listings.
    pub(super) tuned: Option<String>,
}

/// Why a schedule has to be lowered again.
enum Again {
    /// Kernels that read what has no value in the plan, and whose maker has no text.
    Refuse(Vec<KernelId>),
    /// Burn's operations need a parameter that was written over.
    NothingInPlace,
    /// Something reads bytes as words.
    Unpack,
}

/// Lowers a schedule; none where burn's operations do as well.
pub(super) fn lower(schedule: &Schedule, steps: &Steps, device: Device) -> Option<Lowered> {
    if schedule.shapes().iter().any(|shape| shape.contains(&0)) {
        return None;
    }
    let (mut refused, mut in_place, mut packs) = (HashSet::new(), true, true);
    let halves = Halves::new(schedule, steps.storage());
    // Each turn refuses more.
    for _ in 0..schedule.kernels().count() + 3 {
        let lowering =
            |tuner| Lowering { tuner, ..Lowering::new(schedule, steps, device, (packs, halves.clone())) };
        match lowering(None).lower(&refused, in_place) {
            Ok(lowered) => {
                // Only what will run is measured.
                let Some(tuner) = steps.tuning().map(|tuning| Tuner::new(steps, tuning)) else {
                    return Some(lowered);
                };
                let mut tuned = lowering(Some(&tuner)).lower(&refused, in_place).unwrap_or(lowered);
                tuned.tuned = Some(tuner.finish());
                return Some(tuned);
            }
            Err(Again::Unpack) => packs = false,
            Err(Again::NothingInPlace) if !in_place => return None,
            Err(Again::NothingInPlace) => in_place = false,
            Err(Again::Refuse(kernels)) => refused.extend(kernels),
        }
    }
    None
}

impl<'a> Lowering<'a> {
    fn new(
        schedule: &'a Schedule,
        steps: &'a Steps,
        device: Device,
        (packs, halves): (bool, Halves),
    ) -> Self {
        let of_buffer = vec![None; schedule.buffers().len()];
        let parameters = vec![None; schedule.plan().parameters().len()];
        Lowering {
            schedule,
            steps,
            device,
            tuner: None,
            slots: vec![],
            pending: None,
            halves,
            packs,
            unpacks: false,
            of_buffer,
            along: HashMap::new(),
            wanted: HashSet::new(),
            parameters,
            tables: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    fn lower(mut self, refused: &HashSet<KernelId>, in_place: bool) -> std::result::Result<Lowered, Again> {
        let schedule = self.schedule;
        let recipes = Recipes::new(schedule);
        let (mut works, mut lacks, mut done) = (vec![], vec![], HashSet::new());
        let mut ready: HashSet<BufferId> = self.sources();
        let outputs = self.outputs(&mut works);
        for (id, kernel) in schedule.kernels() {
            let made = match refused.contains(&id) {
                true => Err("it reads what has no text".into()),
                false => self.kernel(id, kernel, in_place, &mut done),
            };
            match made {
                Ok(made) => works.extend(made),
                Err(why) => {
                    lacks.push((id, why));
                    let between: Vec<BufferId> =
                        kernel.writes().into_iter().filter(|b| self.is_between(*b)).collect();
                    let readers = schedule.kernels().filter(|(other, reader)| {
                        !refused.contains(other) && reader.reads().iter().any(|b| between.contains(b))
                    });
                    let readers: Vec<KernelId> = readers.map(|(other, _)| other).collect();
                    if !matches!(kernel, Kernel::Loop(_)) && !readers.is_empty() {
                        return Err(Again::Refuse(readers));
                    }
                    let mut recipe = recipes.of(&mut self, kernel, &ready).ok_or(Again::NothingInPlace)?;
                    let written = |slot: &SlotId| {
                        matches!(self.slots[slot.0].home, Home::Parameter(_))
                            && works.iter().any(|work: &Work| work.writes().contains(slot))
                    };
                    if recipe.reads.iter().any(|(_, _, slot)| self.slots[slot.0].packed) {
                        return Err(Again::Unpack);
                    }
                    if recipe.reads.iter().any(|(_, _, slot)| written(slot)) {
                        return Err(Again::NothingInPlace);
                    }
                    // A run that fails has changed no parameter. Schedules know of indices, not of integers that leave
                    // the device's.
                    if recipe.may_fail && self.parameters.iter().flatten().any(written) {
                        return Err(Again::NothingInPlace);
                    }
                    works.extend(self.widened(&mut recipe).into_iter().map(Work::Launch));
                    works.push(Work::Steps(recipe));
                }
            }
            ready.extend(kernel.writes());
        }
        update::updates(&mut self, &done, &mut works).map_err(|_| Again::NothingInPlace)?;
        if self.unpacks {
            return Err(Again::Unpack);
        }
        Ok(Lowered { slots: self.slots, works, outputs, lacks, tuned: None })
    }

    fn is_between(&self, buffer: BufferId) -> bool {
        self.schedule.buffer(buffer).content == Content::Between
    }

    /// What is there before the first kernel.
    fn sources(&self) -> HashSet<BufferId> {
        let all = (0..self.schedule.buffers().len() as u32).map(BufferId);
        all.filter(|b| !matches!(self.home(*b), Home::Arena)).collect()
    }

    /// The outputs' slots; what the caller brought along is copied at once.
    fn outputs(&mut self, works: &mut Vec<Work>) -> Vec<SlotId> {
        let schedule = self.schedule;
        let mut outputs = vec![];
        for (buffer, slot) in schedule.outputs().iter().zip(schedule.plan().outputs()) {
            let Ok(from) = self.plain(*buffer) else { continue };
            if matches!(self.slots[from.0].home, Home::Arena) {
                outputs.push(from);
                continue;
            }
            let (len, dtype) = (self.slots[from.0].len, schedule.plan().value(slot.value).dtype);
            let own = self.scratch(len);
            let both = (self.formed(from, dtype), self.formed(own, dtype));
            works.push(Work::Launch(update::copy(both, len)));
            outputs.push(own);
        }
        outputs
    }

    /// The work of a kernel.
    fn kernel(
        &mut self,
        id: KernelId,
        kernel: &Kernel,
        in_place: bool,
        done: &mut HashSet<usize>,
    ) -> Result<Vec<Work>> {
        let launches = match kernel {
            Kernel::Pointwise(_) if in_place => {
                let over = self.written_over(id);
                for (after, parameter) in &over {
                    self.of_buffer[after.index()] = Some(self.parameter(*parameter));
                }
                let made = self.launches(kernel);
                match &made {
                    Ok(_) => done.extend(over.iter().map(|(_, parameter)| *parameter)),
                    Err(_) => over.iter().for_each(|(after, _)| self.of_buffer[after.index()] = None),
                }
                made?
            }
            Kernel::Product(made) if in_place => {
                let accumulates = self.accumulates(id);
                let slot = accumulates.map(|(of, parameter)| (of, self.parameter(parameter)));
                let launches = product::launches(self, made, &self.name(kernel), slot)?;
                done.extend(accumulates.map(|(_, parameter)| parameter));
                self.counted(kernel, launches)
            }
            Kernel::Loop(looped) => return looped::works(self, looped),
            kernel => self.launches(kernel)?,
        };
        Ok(launches.into_iter().map(Work::Launch).collect())
    }

    /// The launches of a kernel that updates nothing.
    pub(super) fn launches(&mut self, kernel: &Kernel) -> Result<Vec<Shader>> {
        let name = self.name(kernel);
        let launches = match kernel {
            Kernel::Pointwise(pointwise) => {
                let count = match pointwise.domain {
                    Elements::Rows => self.schedule.row_count(),
                    Elements::Elements(count) => count,
                };
                pointwise::launches(self, &pointwise.body, &Domain { count, name: &name })
            }
            Kernel::Product(made) => product::launches(self, made, &name, None),
            Kernel::Opaque(opaque) => opaque::launches(self, opaque, &name),
            Kernel::Loop(_) => Err("a loop is more than launches".into()),
        };
        Ok(self.counted(kernel, launches?))
    }

    /// The first launch of a kernel counts for all.
    fn counted(&self, kernel: &Kernel, mut launches: Vec<Shader>) -> Vec<Shader> {
        if let Some(first) = launches.first_mut() {
            first.operations = self.schedule.cost(kernel).operations;
        }
        launches
    }

    /// The buffers that a pointwise kernel may write over parameters, and which.
    fn written_over(&self, id: KernelId) -> Vec<(BufferId, usize)> {
        let plan = self.schedule.plan();
        let updates = self.schedule.updates().iter().filter(|u| u.method == Method::InPlace(id));
        let over = updates.filter_map(|update| {
            let parameter = update.parameter.index();
            let value = plan.parameters()[parameter].update?;
            Some((self.schedule.buffer_of(value)?, parameter))
        });
        over.collect()
    }

    /// The update that a product makes.
    fn accumulates(&self, id: KernelId) -> Option<(&'a dl_core::schedule::Accumulation, usize)> {
        self.schedule.updates().iter().find_map(|update| match &update.method {
            Method::Accumulate { of, product: Ok(product) } if *product == id => {
                Some((of, update.parameter.index()))
            }
            _ => None,
        })
    }

    fn name(&self, kernel: &Kernel) -> String {
        let plan = self.schedule.plan();
        let steps = kernel.steps();
        let names: Vec<String> = steps
            .iter()
            .map(|step| {
                let step = &plan.steps()[step.index()];
                format!("%{}={}", step.result.0, step.op.name())
            })
            .collect();
        match names.as_slice() {
            [.., _] if names.len() > 8 => {
                format!("{} … {}", names[..4].join(" "), names[names.len() - 2..].join(" "))
            }
            names => names.join(" "),
        }
    }

    /// Whether every instruction of a body is one that the device computes as the plan says.
    pub(super) fn check_body(&self, body: &Body) -> Result<()> {
        match body.instrs.iter().find(|instr| !self.steps.is_safe(instr.step)) {
            Some(instr) => Err(format!("step {} is computed beside the host", instr.step.0)),
            None => Ok(()),
        }
    }

    /// A kernel, if the device takes as many buffers.
    pub(super) fn finished(&self, shader: Shader) -> Result<Shader> {
        match shader.binding_count() {
            count if count > self.device.bindings => Err(format!("{count} buffers")),
            _ => Ok(shader),
        }
    }
}

/// Whether a step gives the same in every run that gives it the same operands.
pub(super) fn is_constant(schedule: &Schedule, step: StepId) -> bool {
    let step = &schedule.plan().steps()[step.index()];
    step.repeat.is_none() && !matches!(step.op, Op::Random { .. } | Op::Step)
}

/// The element type of a slot that holds a value.
pub(super) fn dtype_of(schedule: &Schedule, value: ValueId) -> DType {
    schedule.plan().value(value).dtype
}
