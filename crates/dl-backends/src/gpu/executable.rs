//! Running lowered schedules: inputs up, launches in order, nothing read back that nobody asks for.

use cubecl::server::Handle;
use dl_core::schedule::Schedule;
use dl_core::{DType, Tensor};

use super::launch::Launch;
use super::looped::{self, Turns};
use super::lower::{Device, Lowered, Work, is_constant};
use super::memory::{Home, Life, Place, Slot, SlotId, places};
use super::merge::{constants, merged};
use super::perform::{Ground, Memory, Watch};
use super::recipe::Recipe;
use super::rows::{Column, Gathering, Target};
use super::shader::Shader;
use crate::burn::bridge::Steps;
use crate::burn::{Storage, guarded, size};
use crate::error::{Error, Result};
use crate::executor::{self, Call, Reading, Rows};
use crate::profile::Kernel;
use crate::session::rows_of;

/// A plan for given sizes as launches of generated kernels.
pub(crate) struct Executable {
    ground: Ground,
    works: Vec<Timed>,
    outputs: Vec<SlotId>,
    memory: Memory,
    /// Bytes of the arenas.
    between: usize,
    /// By slot, whether a run reads or writes it.
    used: Vec<bool>,
    /// The slots of parameters that launches write.
    updated: Vec<SlotId>,
    lacks: Vec<String>,
    device: Device,
    /// What gathers inputs that are rows of columns.
    gathering: Option<Gathering>,
    /// What was measured for it, for listings.
    tuned: Option<String>,
    has_begun: bool,
    has_run: bool,
}

/// A piece of work, and when it is done.
struct Timed {
    work: Work<Launch>,
    /// In the first run only: nothing changes what it computes.
    once: bool,
    /// What is needed no more afterwards.
    frees: Vec<SlotId>,
}

impl Executable {
    /// None where something is larger than the device's buffers.
    ///
    /// # Errors
    /// When the device refuses what is known before a run.
    pub(super) fn new(
        schedule: Schedule,
        steps: Steps,
        lowered: Lowered,
        device: Device,
    ) -> Result<Option<Self>> {
        let Lowered { slots, works, outputs, lacks, tuned } = lowered;
        let works = merged(works, &slots, device);
        let same = |recipe: &Recipe| recipe.steps.iter().all(|step| is_constant(&schedule, *step));
        let (once, constant) = constants(&works, &slots, &same);
        let works = works.into_iter().map(ready).zip(once);
        let mut timed: Vec<Timed> = works.map(|(work, once)| Timed { work, once, frees: vec![] }).collect();
        let mut lives: Vec<Option<Life>> = vec![None; slots.len()];
        for (at, timed) in timed.iter().enumerate() {
            for slot in used(&timed.work) {
                let life = lives[slot.0].get_or_insert(Life { from: at, until: at });
                life.until = at;
            }
        }
        for slot in &outputs {
            lives[slot.0].get_or_insert(Life { from: 0, until: 0 }).until = timed.len();
        }
        for (life, _) in lives.iter_mut().zip(&constant).filter(|(_, constant)| **constant) {
            *life = life.map(|_| Life { from: 0, until: timed.len() });
        }
        for (i, slot) in slots.iter().enumerate() {
            if let (Home::Burn, Some(life)) = (&slot.home, lives[i])
                && life.until < timed.len()
            {
                timed[life.until].frees.push(SlotId(i));
            }
        }
        let largest = steps.largest();
        let Some((arenas, places)) = places(&slots, &lives, largest) else { return Ok(None) };
        let used: Vec<bool> = lives.iter().map(Option::is_some).collect();
        let too_large = |slot: &Slot| slot.bytes() > largest;
        if slots.iter().zip(&used).any(|(slot, used)| *used && too_large(slot)) {
            return Ok(None);
        }
        let ground = Ground { schedule, client: steps.client(), steps, slots };
        let made: Vec<Handle> = arenas.iter().map(|bytes| ground.client.empty(*bytes)).collect();
        let (steps, slots) = (&ground.steps, &ground.slots);
        let mut memory = vec![None; slots.len()];
        for (i, slot) in slots.iter().enumerate() {
            memory[i] = match (&slot.home, places[i]) {
                (Home::Known(tensor), _) if lives[i].is_some() => {
                    Some(steps.upload(tensor.view()).map_err(|why| Error::executor(steps.name(), why))?)
                }
                (Home::Turn { length, reverse }, _) if lives[i].is_some() => {
                    Some(ground.words(looped::places(*length, *reverse))?)
                }
                (Home::Arena, Some(Place { arena, at })) => {
                    let end = (arenas[arena] - at - slot.bytes()) as u64;
                    Some(made[arena].clone().offset_start(at as u64).offset_end(end))
                }
                _ => None,
            };
        }
        let mut updated: Vec<SlotId> = timed.iter().flat_map(|t| written(&t.work)).collect();
        updated.retain(|s| matches!(slots[s.0].home, Home::Parameter(_)));
        updated.sort_unstable();
        updated.dedup();
        let lacks = lacks.into_iter().map(|(id, why)| format!("{id}: {why}")).collect();
        Ok(Some(Executable {
            ground,
            works: timed,
            outputs,
            memory,
            between: arenas.iter().sum(),
            used,
            updated,
            lacks,
            device,
            gathering: None,
            tuned,
            has_begun: false,
            has_run: false,
        }))
    }

    /// The work of a run, in order.
    pub(super) fn works(&self) -> impl Iterator<Item = &Work<Launch>> {
        self.works.iter().map(|timed| &timed.work)
    }

    pub(super) fn slot(&self, slot: SlotId) -> &Slot {
        &self.ground.slots[slot.0]
    }

    /// The operations of a recipe.
    pub(super) fn names(&self, recipe: &Recipe) -> String {
        let plan = self.ground.schedule.plan();
        let steps = recipe.steps.iter().map(|step| plan.steps()[step.index()].op.name());
        format!("operations {}", steps.collect::<Vec<_>>().join(" "))
    }

    /// How many kernels a run launches, but for those of burn's operations.
    fn launches(&self) -> usize {
        self.works.iter().filter(|timed| !timed.once).map(|timed| launches(&timed.work)).sum()
    }

    fn execute(&mut self, call: &mut Call<'_>, watch: &mut Option<Watch>) -> Result<()> {
        self.check(call)?;
        self.bind(call)?;
        for timed in self.works.iter().filter(|timed| !(timed.once && self.has_begun)) {
            self.ground.perform(&timed.work, &mut self.memory, call, watch)?;
            for slot in &timed.frees {
                self.memory[slot.0] = None;
            }
        }
        self.has_begun = true;
        Ok(())
    }

    /// Checks the indices among the inputs.
    fn check(&self, call: &mut Call<'_>) -> Result<()> {
        let steps = &self.ground.steps;
        let fault = |(value, why)| self.ground.fault(value, why);
        let Some(Rows { rows, columns }) = call.rows else { return steps.check(call.inputs).map_err(fault) };
        let is_checked = |place: usize| columns[place].is_some() && steps.checked().any(|slot| slot == place);
        let picked: Vec<Option<Tensor>> = (0..columns.len())
            .map(|place| is_checked(place).then(|| rows_of(call.inputs[place], rows)))
            .collect();
        let inputs = picked.iter().zip(call.inputs);
        let inputs: Vec<_> =
            inputs.map(|(picked, whole)| picked.as_ref().map_or(*whole, Tensor::view)).collect();
        steps.check(&inputs).map_err(fault)
    }

    /// Gathers the inputs that are rows of columns.
    fn take_rows(&mut self, call: &Call<'_>) -> Result<()> {
        let Some(Rows { rows, columns }) = call.rows else { return Ok(()) };
        let mut wanted = vec![];
        for (i, slot) in self.ground.slots.iter().enumerate().filter(|(i, _)| self.used[*i]) {
            if let Home::Input(index) = slot.home
                && let Some(buffer) = columns[index]
            {
                let target = Target { slot: SlotId(i), len: slot.len, packed: slot.packed };
                wanted.push((target, buffer.get::<Column>()?));
            }
        }
        let client = &self.ground.client;
        let gathering = match self.gathering.take().filter(|gathering| gathering.fits(&wanted)) {
            Some(gathering) => gathering,
            None => Gathering::new(client, &wanted, self.device),
        };
        let gathering = self.gathering.insert(gathering);
        let numbers = self.ground.words(rows.iter().map(|row| *row as i64).collect())?;
        for (slot, handle) in gathering.gather(client, self.ground.steps.name(), numbers, &wanted)? {
            self.memory[slot.0] = Some(handle);
        }
        Ok(())
    }

    /// What the caller brings along.
    fn bind(&mut self, call: &mut Call<'_>) -> Result<()> {
        self.take_rows(call)?;
        let column = |index: usize| call.rows.and_then(|Rows { columns, .. }| columns[index]);
        let Ground { schedule, steps, slots, .. } = &self.ground;
        for (i, slot) in slots.iter().enumerate() {
            match slot.home {
                Home::Input(index) if self.used[i] && column(index).is_none() => {
                    let name = &schedule.plan().inputs()[index].decl.name;
                    let input = call.inputs[index];
                    let handle = match slot.packed {
                        true => steps.upload_bytes(input),
                        false => steps.upload(input),
                    };
                    self.memory[i] =
                        Some(handle.map_err(|why| Error::value(format!("input {name}: {why}")))?);
                }
                Home::Parameter(index) if self.used[i] => {
                    let buffer = &mut call.parameters[call.slots[index]];
                    let (mut handle, alone) = steps.parameter(buffer)?;
                    if !alone && self.updated.contains(&SlotId(i)) {
                        handle = self.ground.copied(handle, slot.len)?;
                        steps.replace(buffer, handle.clone())?;
                    }
                    self.memory[i] = Some(handle);
                }
                Home::Step if self.used[i] => {
                    let (step, last) = (call.step, u64::from(u32::MAX >> 3));
                    if step > last {
                        let name = steps.name();
                        let why = format!("step {step} is beyond {last}, the last that {name} can count");
                        return Err(Error::executor(name, why));
                    }
                    self.memory[i] = Some(self.ground.words(vec![step as i64])?);
                }
                Home::Key(stream, clock) if self.used[i] => {
                    let [seed, counter, stream] = call.counters().key(stream, clock);
                    let halves = |x: u64| ((x >> 32) as u32, x as u32);
                    let ((high, low), (stream_high, stream_low)) = (halves(counter), halves(stream));
                    let (seed_high, seed_low) = halves(seed);
                    let key = [high, low, stream_low, seed_low ^ stream_high, seed_high];
                    let key = key.map(|word| i64::from(word as i32));
                    self.memory[i] = Some(self.ground.words(key.to_vec())?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How much memory it takes, and for what.
    fn sizes(&self) -> String {
        let all = self.ground.slots.iter().zip(&self.used).filter(|(_, used)| **used);
        let (mut inputs, mut parameters, mut known, mut halves) = (0, 0, 0, 0);
        for (slot, _) in all {
            halves += usize::from(slot.storage != Storage::F32);
            match slot.home {
                Home::Input(_) => inputs += slot.bytes(),
                Home::Parameter(_) => parameters += slot.bytes(),
                Home::Known(_) | Home::Turn { .. } => known += slot.bytes(),
                _ => {}
            }
        }
        let [between, inputs, parameters, known] =
            [self.between, inputs, parameters, known].map(|bytes| size(bytes as u64));
        let storage = self.ground.steps.storage().name();
        let halves = if halves > 0 { format!(" ({halves} values in {storage})") } else { String::new() };
        format!(
            "{between} between kernels{halves}, {parameters} of parameters, {inputs} of inputs, {known} of constants"
        )
    }

    /// The lines of a piece of work in a listing.
    fn list(&self, work: &Work<Launch>, before: &str, lines: &mut Vec<String>) {
        match work {
            Work::Launch(launch) => {
                let (name, groups, size) = (&launch.name, launch.groups, launch.source.size);
                let storages = launch.bindings.iter().map(|slot| self.slot(*slot).storage);
                let half = storages.into_iter().find(|storage| *storage != Storage::F32);
                let half = half.map_or(String::new(), |storage| format!(", {}", storage.name()));
                let cut = launch.cut.as_ref().map(|cut| format!("  {cut}")).unwrap_or_default();
                lines.push(format!("{before}kernel     {name}  {groups} × {size}{half}{cut}"));
            }
            Work::Steps(recipe) => lines.push(format!("{before}{}", self.names(recipe))),
            Work::Loop(turns) => {
                lines.push(format!("{before}loop       {} times", turns.length));
                turns.works.iter().for_each(|work| self.list(work, &format!("{before}  "), lines));
            }
        }
    }

    /// Where the last run left an output.
    fn left(&self, index: usize) -> Result<(Handle, DType, &[usize])> {
        let Ground { schedule, steps, .. } = &self.ground;
        let (name, plan) = (steps.name(), schedule.plan());
        let found = self.outputs.get(index).filter(|_| self.has_run).zip(plan.outputs().get(index));
        let Some((slot, output)) = found else {
            return Err(Error::executor(name, format!("output {index} is not there: nothing has run yet")));
        };
        let handle =
            self.memory[slot.0].clone().ok_or_else(|| Error::executor(name, "an output is nowhere"))?;
        Ok((handle, plan.value(output.value).dtype, schedule.shape(output.value)))
    }

    /// Lets go what belongs to the caller.
    fn let_go(&mut self) {
        for (slot, memory) in self.ground.slots.iter().zip(&mut self.memory) {
            if matches!(slot.home, Home::Input(_) | Home::Parameter(_)) {
                *memory = None;
            }
        }
    }
}

/// A piece of work with its kernels ready.
fn ready(work: Work<Shader>) -> Work<Launch> {
    match work {
        Work::Launch(shader) => Work::Launch(shader.launch()),
        Work::Steps(recipe) => Work::Steps(recipe),
        Work::Loop(Turns { works, turn, length }) => {
            Work::Loop(Turns { works: works.into_iter().map(ready).collect(), turn, length })
        }
    }
}

/// How many kernels a piece of work launches, but for those of burn's operations.
fn launches(work: &Work<Launch>) -> usize {
    match work {
        Work::Launch(_) => 1,
        Work::Steps(_) => 0,
        Work::Loop(turns) => turns.length * turns.works.iter().map(launches).sum::<usize>(),
    }
}

/// The slots that it writes.
fn written(work: &Work<Launch>) -> Vec<SlotId> {
    match work {
        Work::Launch(launch) => launch.writes.clone(),
        Work::Steps(recipe) => recipe.writes.iter().map(|(_, slot)| *slot).collect(),
        Work::Loop(turns) => turns.works.iter().flat_map(written).collect(),
    }
}

/// The slots that it reads or writes.
fn used(work: &Work<Launch>) -> Vec<SlotId> {
    match work {
        Work::Launch(launch) => launch.bindings.clone(),
        Work::Steps(recipe) => recipe.slots().collect(),
        Work::Loop(turns) => turns.works.iter().flat_map(used).collect(),
    }
}

impl executor::Executable for Executable {
    fn run(&mut self, mut call: Call<'_>) -> Result<()> {
        self.has_run = false;
        let name = self.ground.steps.name();
        let done = guarded(name, || self.execute(&mut call, &mut None));
        self.let_go();
        self.has_run = done.is_ok();
        done
    }

    fn takes_rows(&self) -> bool {
        true
    }

    fn profile(&mut self, mut call: Call<'_>) -> Result<Vec<Kernel>> {
        self.has_run = false;
        let (name, mut watch) = (self.ground.steps.name(), Some(Watch::new()));
        let done = guarded(name, || self.execute(&mut call, &mut watch));
        self.let_go();
        done?;
        self.has_run = true;
        guarded(name, || Ok(self.kernels(watch.unwrap_or_default())))
    }

    fn listing(&self) -> String {
        let mut lines = vec![format!("{} launches of generated kernels a run", self.launches())];
        lines.push(format!("memory     {}", self.sizes()));
        for timed in &self.works {
            self.list(&timed.work, if timed.once { "once " } else { "" }, &mut lines);
        }
        lines.extend(self.tuned.clone());
        lines.extend(self.lacks.iter().map(|why| format!("without a text: {why}")));
        lines.join("\n") + "\n"
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let (handle, dtype, shape) = self.left(index)?;
        let steps = &self.ground.steps;
        guarded(steps.name(), || steps.download(handle, dtype, shape).map_err(Error::value))
    }

    fn begin_reading(&self, index: usize) -> Result<Reading> {
        let (handle, dtype, shape) = self.left(index)?;
        let steps = &self.ground.steps;
        guarded(steps.name(), || Ok(steps.begin_download(handle, dtype, shape)))
    }
}
