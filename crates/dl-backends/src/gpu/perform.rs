//! Work, done: launches, burn's operations, and loops of both.

use std::collections::HashMap;

use cubecl::client::Client;
use cubecl::profile::ProfileDuration;
use cubecl::server::Handle;
use dl_core::schedule::Schedule;
use dl_core::{DType, Tensor};

use super::elements::Form;
use super::launch::Launch;
use super::looped::{APART, Turns};
use super::lower::Work;
use super::memory::{Slot, SlotId};
use super::recipe::Recipe;
use super::update;
use crate::burn::bridge::Steps;
use crate::error::{Error, Result};
use crate::executor::Call;

/// By slot; of what the caller brings along only during a run.
pub(super) type Memory = Vec<Option<Handle>>;

/// How long pieces of work take, by where they stand in the host's memory.
pub(super) type Watch = HashMap<*const Work<Launch>, Vec<ProfileDuration>>;

/// What all work is done with.
pub(super) struct Ground {
    pub(super) schedule: Schedule,
    pub(super) steps: Steps,
    pub(super) client: Client,
    pub(super) slots: Vec<Slot>,
}

impl Ground {
    /// Does a piece of work, and takes its time if somebody watches.
    ///
    /// # Errors
    /// When one of burn's operations fails.
    pub(super) fn perform(
        &self,
        work: &Work<Launch>,
        memory: &mut Memory,
        call: &Call<'_>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        match (work, watch) {
            (Work::Launch(launch), None) => self.submit(launch, memory),
            (Work::Steps(recipe), None) => self.recipe(recipe, memory, call),
            (Work::Launch(_) | Work::Steps(_), Some(watch)) => {
                let refused = |why| self.refused(format!("cannot take the time: {why:?}"));
                let window = self.client.profile_start().map_err(refused)?;
                let done = self.perform(work, memory, call, &mut None);
                let took = self.client.profile_end(window).map_err(refused)?;
                watch.entry(std::ptr::from_ref(work)).or_default().push(took);
                done
            }
            (Work::Loop(turns), watch) => {
                let all = memory[turns.turn.0].clone();
                let all = all.ok_or_else(|| self.refused("the steps of a loop are nowhere"))?;
                let done = self.turns(turns, &all, memory, call, watch);
                memory[turns.turn.0] = Some(all);
                done
            }
        }
    }

    fn turns(
        &self,
        turns: &Turns<Launch>,
        all: &Handle,
        memory: &mut Memory,
        call: &Call<'_>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        let bytes = APART as u64 * 4;
        for turn in 0..turns.length as u64 {
            let after = (turns.length as u64 - 1 - turn) * bytes;
            memory[turns.turn.0] = Some(all.clone().offset_start(turn * bytes).offset_end(after));
            for work in &turns.works {
                self.perform(work, memory, call, watch)?;
            }
        }
        Ok(())
    }

    fn recipe(&self, recipe: &Recipe, memory: &mut Memory, call: &Call<'_>) -> Result<()> {
        let mut table = self.steps.table();
        for (value, dtype, slot) in &recipe.reads {
            let handle = memory[slot.0].clone().ok_or_else(|| self.refused("a value is nowhere"))?;
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
            let own = if handle.can_mut() { handle } else { self.copied(handle, self.slots[slot.0].len)? };
            memory[slot.0] = Some(own);
        }
        Ok(())
    }

    /// A copy of so many words.
    ///
    /// # Errors
    /// When the device refuses.
    pub(super) fn copied(&self, from: Handle, len: usize) -> Result<Handle> {
        let into = self.client.empty(len * 4);
        let word = Form::word(DType::I64);
        let launch = update::copy(((SlotId(0), word), (SlotId(1), word)), len).launch();
        self.submit(&launch, &[Some(from), Some(into.clone())])?;
        Ok(into)
    }

    /// Words in the device's memory.
    ///
    /// # Errors
    /// When the device refuses.
    pub(super) fn words(&self, words: Vec<i64>) -> Result<Handle> {
        self.steps.upload(Tensor::vector(words).view()).map_err(|why| self.refused(why))
    }

    fn submit(&self, launch: &Launch, memory: &[Option<Handle>]) -> Result<()> {
        launch.submit(&self.client, memory).map_err(|why| self.refused(why))
    }

    fn refused(&self, why: impl Into<String>) -> Error {
        Error::executor(self.steps.name(), why)
    }

    /// What went wrong where a value is computed.
    pub(super) fn fault(&self, value: usize, why: String) -> Error {
        Error::at(&self.schedule.plan().values()[value].origin, why)
    }
}
