//! Running lowered schedules: inputs up, launches in order, nothing read back that nobody asks for.

use cubecl::client::Client;
use cubecl::server::Handle;
use dl_core::Tensor;
use dl_core::schedule::Schedule;

use super::launch::Launch;
use super::lower::{Device, Lowered, Work, is_constant};
use super::memory::{Home, Life, Slot, SlotId, places};
use super::merge::merged;
use super::update;
use crate::burn::bridge::Steps;
use crate::burn::guarded;
use crate::error::{Error, Result};
use crate::executor::{self, Call};

/// A plan for given sizes as launches of generated kernels.
pub(crate) struct Executable {
    schedule: Schedule,
    steps: Steps,
    client: Client,
    slots: Vec<Slot>,
    works: Vec<Timed>,
    outputs: Vec<SlotId>,
    /// By slot; of what the caller brings along only during a run.
    memory: Vec<Option<Handle>>,
    /// By slot, whether a run reads or writes it.
    used: Vec<bool>,
    /// The slots of parameters that launches write.
    updated: Vec<SlotId>,
    lacks: Vec<String>,
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
    pub(super) fn new(schedule: Schedule, steps: Steps, lowered: Lowered, device: Device) -> Result<Self> {
        let Lowered { slots, works, outputs, lacks } = lowered;
        let client = steps.client();
        let mut constant: Vec<bool> = slots.iter().map(|slot| matches!(slot.home, Home::Known(_))).collect();
        let mut timed = vec![];
        for work in merged(works, &slots, device) {
            let work = match work {
                Work::Launch(shader) => Work::Launch(shader.launch()),
                Work::Steps(recipe) => Work::Steps(recipe),
            };
            let once = match &work {
                Work::Launch(launch) => {
                    launch.bindings.iter().all(|s| launch.writes.contains(s) || constant[s.0])
                        && launch.writes.iter().all(|s| matches!(slots[s.0].home, Home::Arena))
                }
                Work::Steps(recipe) => {
                    recipe.reads.iter().all(|(_, _, s)| constant[s.0])
                        && recipe.steps.iter().all(|step| is_constant(&schedule, *step))
                }
            };
            if once {
                written(&work).iter().for_each(|s| constant[s.0] = true);
            }
            timed.push(Timed { work, once, frees: vec![] });
        }
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
        let (bytes, places) = places(&slots, &lives);
        let arena = (bytes > 0).then(|| client.empty(bytes));
        let mut memory = vec![None; slots.len()];
        for (i, slot) in slots.iter().enumerate() {
            memory[i] = match (&slot.home, places[i], &arena) {
                (Home::Known(tensor), _, _) if lives[i].is_some() => {
                    Some(steps.upload(tensor.view()).map_err(|why| Error::executor(steps.name(), why))?)
                }
                (Home::Arena, Some(at), Some(arena)) => {
                    let end = (bytes - at - slot.len * 4) as u64;
                    Some(arena.clone().offset_start(at as u64).offset_end(end))
                }
                _ => None,
            };
        }
        let mut updated: Vec<SlotId> = timed.iter().flat_map(|t| written(&t.work)).collect();
        updated.retain(|s| matches!(slots[s.0].home, Home::Parameter(_)));
        updated.sort_unstable();
        updated.dedup();
        let lacks = lacks.into_iter().map(|(id, why)| format!("{id}: {why}")).collect();
        Ok(Executable {
            schedule,
            steps,
            client,
            slots,
            works: timed,
            outputs,
            memory,
            used: lives.iter().map(Option::is_some).collect(),
            updated,
            lacks,
            has_begun: false,
            has_run: false,
        })
    }

    /// How many kernels a run launches, but for those of burn's operations.
    fn launches(&self) -> usize {
        self.works.iter().filter(|t| !t.once && matches!(t.work, Work::Launch(_))).count()
    }

    fn execute(&mut self, call: &mut Call<'_>) -> Result<()> {
        self.steps.check(call).map_err(|(value, why)| self.fault(value, why))?;
        self.bind(call)?;
        for at in 0..self.works.len() {
            if !(self.works[at].once && self.has_begun) {
                self.work(at, call)?;
            }
        }
        self.has_begun = true;
        Ok(())
    }

    /// What the caller brings along.
    fn bind(&mut self, call: &mut Call<'_>) -> Result<()> {
        for i in 0..self.slots.len() {
            match self.slots[i].home {
                Home::Input(index) if self.used[i] => {
                    let name = &self.schedule.plan().inputs()[index].decl.name;
                    let input = call.inputs[index];
                    let handle = match self.slots[i].packed {
                        true => self.steps.upload_bytes(input),
                        false => self.steps.upload(input),
                    };
                    self.memory[i] =
                        Some(handle.map_err(|why| Error::value(format!("input {name}: {why}")))?);
                }
                Home::Parameter(index) if self.used[i] => {
                    let buffer = &mut call.parameters[call.slots[index]];
                    let (mut handle, alone) = self.steps.parameter(buffer)?;
                    if !alone && self.updated.contains(&SlotId(i)) {
                        handle = self.copied(handle, self.slots[i].len)?;
                        self.steps.replace(buffer, handle.clone())?;
                    }
                    self.memory[i] = Some(handle);
                }
                Home::Step if self.used[i] => {
                    let (step, last) = (call.step, u64::from(u32::MAX >> 3));
                    if step > last {
                        let name = self.steps.name();
                        let why = format!("step {step} is beyond {last}, the last that {name} can count");
                        return Err(Error::executor(name, why));
                    }
                    self.memory[i] = Some(self.words(&[step as u32])?);
                }
                Home::Key(stream, clock) if self.used[i] => {
                    let [seed, counter, stream] = call.counters().key(stream, clock);
                    let halves = |x: u64| ((x >> 32) as u32, x as u32);
                    let ((high, low), (stream_high, stream_low)) = (halves(counter), halves(stream));
                    let (seed_high, seed_low) = halves(seed);
                    let key = [high, low, stream_low, seed_low ^ stream_high, seed_high];
                    self.memory[i] = Some(self.words(&key)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Words in the device's memory.
    fn words(&self, words: &[u32]) -> Result<Handle> {
        let words: Vec<i64> = words.iter().map(|word| i64::from(*word as i32)).collect();
        let handle = self.steps.upload(Tensor::vector(words).view());
        handle.map_err(|why| Error::executor(self.steps.name(), why))
    }

    fn copied(&self, from: Handle, len: usize) -> Result<Handle> {
        let into = self.client.empty(len * 4);
        let launch = update::copy(SlotId(0), SlotId(1), len, dl_core::DType::I64).launch();
        self.submit(&launch, &[Some(from), Some(into.clone())])?;
        Ok(into)
    }

    fn submit(&self, launch: &Launch, memory: &[Option<Handle>]) -> Result<()> {
        launch.submit(&self.client, memory).map_err(|why| Error::executor(self.steps.name(), why))
    }

    fn work(&mut self, at: usize, call: &Call<'_>) -> Result<()> {
        match &self.works[at].work {
            Work::Launch(launch) => self.submit(launch, &self.memory)?,
            Work::Steps(recipe) => {
                let mut table = self.steps.table();
                for (value, dtype, slot) in &recipe.reads {
                    let handle = self.memory[slot.0].clone();
                    let handle =
                        handle.ok_or_else(|| Error::executor(self.steps.name(), "a value is nowhere"))?;
                    self.steps.put(&mut table, value.index(), *dtype, handle);
                }
                let run = self.steps.run(&recipe.steps, &mut table, call);
                run.map_err(|(value, why)| self.fault(value, why))?;
                let mut made = vec![];
                for (value, slot) in &recipe.writes {
                    let handle = self.steps.take(&table, value.index());
                    made.push((*slot, handle.map_err(|why| self.fault(value.index(), why))?));
                }
                drop(table);
                for (slot, handle) in made {
                    // What somebody else has may be written over.
                    let own =
                        if handle.can_mut() { handle } else { self.copied(handle, self.slots[slot.0].len)? };
                    self.memory[slot.0] = Some(own);
                }
            }
        }
        for slot in &self.works[at].frees {
            self.memory[slot.0] = None;
        }
        Ok(())
    }

    /// Lets go what belongs to the caller.
    fn let_go(&mut self) {
        for (slot, memory) in self.slots.iter().zip(&mut self.memory) {
            if matches!(slot.home, Home::Input(_) | Home::Parameter(_)) {
                *memory = None;
            }
        }
    }

    fn fault(&self, value: usize, why: String) -> Error {
        Error::at(&self.schedule.plan().values()[value].origin, why)
    }
}

/// The slots that a piece of work writes.
fn written(work: &Work<Launch>) -> Vec<SlotId> {
    match work {
        Work::Launch(launch) => launch.writes.clone(),
        Work::Steps(recipe) => recipe.writes.iter().map(|(_, slot)| *slot).collect(),
    }
}

/// The slots that it reads or writes.
fn used(work: &Work<Launch>) -> Vec<SlotId> {
    match work {
        Work::Launch(launch) => launch.bindings.clone(),
        Work::Steps(recipe) => recipe.reads.iter().map(|(_, _, slot)| *slot).chain(written(work)).collect(),
    }
}

impl executor::Executable for Executable {
    fn run(&mut self, mut call: Call<'_>) -> Result<()> {
        self.has_run = false;
        let name = self.steps.name();
        let done = guarded(name, || self.execute(&mut call));
        self.let_go();
        self.has_run = done.is_ok();
        done
    }

    fn listing(&self) -> String {
        let mut lines = vec![format!("{} launches of generated kernels a run", self.launches())];
        for timed in &self.works {
            let when = if timed.once { "once " } else { "" };
            lines.push(match &timed.work {
                Work::Launch(launch) => {
                    format!("{when}kernel     {}  {} × {}", launch.name, launch.groups, launch.source.size)
                }
                Work::Steps(recipe) => {
                    let plan = self.schedule.plan();
                    let steps = recipe.steps.iter().map(|step| plan.steps()[step.index()].op.name());
                    format!("{when}operations {}", steps.collect::<Vec<_>>().join(" "))
                }
            });
        }
        lines.extend(self.lacks.iter().map(|why| format!("without a text: {why}")));
        lines.join("\n") + "\n"
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let name = self.steps.name();
        let plan = self.schedule.plan();
        let found = self.outputs.get(index).filter(|_| self.has_run).zip(plan.outputs().get(index));
        let Some((slot, output)) = found else {
            return Err(Error::executor(name, format!("output {index} is not there: nothing has run yet")));
        };
        let handle =
            self.memory[slot.0].clone().ok_or_else(|| Error::executor(name, "an output is nowhere"))?;
        let (dtype, shape) = (plan.value(output.value).dtype, self.schedule.shape(output.value));
        guarded(name, || self.steps.download(handle, dtype, shape).map_err(Error::value))
    }
}
