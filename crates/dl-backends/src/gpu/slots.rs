//! The slots of buffers, parameters and tables while a schedule is lowered.

use std::collections::HashMap;

use dl_core::ops::Clock;
use dl_core::plan::ValueId;
use dl_core::schedule::{Body, BufferId, Content, Layout, Register};
use dl_core::{DType, Tensor};

use super::body::{Places, Result, Rows};
use super::elements::{Form, Formed};
use super::lower::Lowering;
use super::memory::{Home, Slot, SlotId};

impl Lowering<'_> {
    /// Room between launches.
    pub(super) fn scratch(&mut self, len: usize) -> SlotId {
        self.add(len, Home::Arena)
    }

    pub(super) fn add(&mut self, len: usize, home: Home) -> SlotId {
        self.slots.push(Slot::new(len, home));
        SlotId(self.slots.len() - 1)
    }

    /// The slot of a parameter.
    pub(super) fn parameter(&mut self, index: usize) -> SlotId {
        if let Some(slot) = self.parameters[index] {
            return slot;
        }
        let slot = &self.schedule.plan().parameters()[index];
        let of = slot.value.or(slot.update);
        let len = of.map_or(0, |value| self.schedule.shape(value).iter().product());
        let made = self.add(len, Home::Parameter(index));
        self.parameters[index] = Some(made);
        made
    }

    pub(super) fn home(&self, buffer: BufferId) -> Home {
        let plan = self.schedule.plan();
        match &self.schedule.buffer(buffer).content {
            Content::Known(tensor) => Home::Known(tensor.clone()),
            Content::Between => Home::Arena,
            Content::Value(value) => {
                let input = plan.inputs().iter().position(|i| i.value == *value);
                let parameter = || plan.parameters().iter().position(|p| p.value == Some(*value));
                input.map(Home::Input).or_else(|| parameter().map(Home::Parameter)).unwrap_or(Home::Arena)
            }
        }
    }

    /// The slot of a buffer.
    pub(super) fn slot_of(&mut self, buffer: BufferId) -> Result<SlotId> {
        if self.along.contains_key(&buffer) {
            self.wanted.insert(buffer);
        }
        if let Some(slot) = self.of_buffer[buffer.index()] {
            return Ok(slot);
        }
        let len = match self.schedule.buffer(buffer).layout {
            Layout::Rows(len) => len * self.schedule.row_count(),
            Layout::Whole(len) => len,
        };
        let bytes = self.schedule.buffer(buffer).dtype == DType::U8;
        let slot = match self.home(buffer) {
            Home::Parameter(index) => self.parameter(index),
            home @ Home::Input(_) if bytes && self.packs => {
                let slot = self.add(len, home);
                self.slots[slot.0].packed = true;
                slot
            }
            home => self.add(len, home),
        };
        if matches!(self.slots[slot.0].home, Home::Arena) {
            self.slots[slot.0].storage = self.halves.storage(buffer);
        }
        self.of_buffer[buffer.index()] = Some(slot);
        Ok(slot)
    }

    /// Says where a buffer's elements are, unless they have a place already.
    pub(super) fn settle(&mut self, buffer: BufferId, home: Home) -> bool {
        let free = self.of_buffer[buffer.index()].is_none();
        if free && let Ok(slot) = self.slot_of(buffer) {
            self.rehome(buffer, slot, home);
        }
        free
    }

    /// Elements of a buffer that lie elsewhere than thought: in 32 bits.
    pub(super) fn rehome(&mut self, buffer: BufferId, slot: SlotId, home: Home) {
        self.halves.leave(buffer);
        self.slots[slot.0] = Slot::new(self.slots[slot.0].len, home);
    }

    /// A slot with what its elements are.
    pub(super) fn formed(&self, slot: SlotId, dtype: DType) -> Formed {
        (slot, self.form(slot, dtype))
    }

    /// The slot of what decides the random numbers of a stream.
    pub(super) fn key(&mut self, stream: u64, clock: Clock) -> SlotId {
        if let Some(slot) = self.keys.get(&(stream, clock)) {
            return *slot;
        }
        let slot = self.add(5, Home::Key(stream, clock));
        self.keys.insert((stream, clock), slot);
        slot
    }

    /// The slot of a buffer for whoever wants an element in each word.
    pub(super) fn plain(&mut self, buffer: BufferId) -> Result<SlotId> {
        let slot = self.slot_of(buffer)?;
        if self.slots[slot.0].packed {
            self.unpacks = true;
            return Err("bytes lie four in a word".into());
        }
        Ok(slot)
    }

    /// The slot of a value of the plan that has a buffer.
    pub(super) fn slot_of_value(&mut self, value: ValueId) -> Option<SlotId> {
        let buffer = self.schedule.buffer_of(value)?;
        self.slot_of(buffer).ok()
    }
}

impl Places for Lowering<'_> {
    fn slot(&mut self, buffer: BufferId) -> Result<SlotId> {
        self.slot_of(buffer)
    }

    fn rows(&mut self, buffer: BufferId, len: usize) -> Result<Rows> {
        match self.along.get(&buffer) {
            Some(rows) if self.schedule.buffer(buffer).layout == Layout::Rows(len) => Ok(*rows),
            _ => Ok(Rows::dense(self.slot_of(buffer)?, len)),
        }
    }

    fn is_packed(&self, slot: SlotId) -> bool {
        self.slots[slot.0].packed
    }

    fn form(&self, slot: SlotId, dtype: DType) -> Form {
        Form { dtype, storage: self.slots[slot.0].storage }
    }

    fn rounded(&self, body: &Body) -> HashMap<Register, Form> {
        self.halves.rounded(body)
    }

    fn key(&mut self, stream: u64, clock: Clock) -> SlotId {
        Lowering::key(self, stream, clock)
    }

    fn table(&mut self, places: Vec<u32>) -> SlotId {
        if let Some(slot) = self.tables.get(&places) {
            return *slot;
        }
        // Words as integers; those beyond i32 wrap, and kernels read them as they were.
        let words: Vec<i64> = places.iter().map(|place| i64::from(*place as i32)).collect();
        let slot = self.add(places.len(), Home::Known(Tensor::vector(words)));
        self.tables.insert(places, slot);
        slot
    }
}
