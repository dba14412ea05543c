//! What has no kernel of ours by burn's operations: the steps of the plan that lead from what is in memory to what
//! a kernel of the schedule writes.

use std::collections::{HashMap, HashSet};

use dl_core::DType;
use dl_core::plan::{Arg, ValueId};
use dl_core::schedule::{BufferId, Content, Kernel, Schedule, StepId};

use super::elements::Form;
use super::lower::{Lowering, dtype_of};
use super::memory::{Home, SlotId};
use super::shader::Shader;
use super::update;

/// Steps in order, from where they read and to where they write.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) steps: Vec<StepId>,
    pub(super) reads: Vec<(ValueId, DType, SlotId)>,
    pub(super) writes: Vec<(ValueId, SlotId)>,
    /// Whether a run may end there, for what it finds.
    pub(super) may_fail: bool,
}

impl Recipe {
    /// The slots that it reads or writes.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotId> {
        self.reads.iter().map(|(_, _, slot)| *slot).chain(self.writes.iter().map(|(_, slot)| *slot))
    }
}

impl Lowering<'_> {
    /// Launches that make 32 bits of what burn's operations read and is stored in 16.
    pub(super) fn widened(&mut self, recipe: &mut Recipe) -> Vec<Shader> {
        let mut launches = vec![];
        for (_, dtype, slot) in &mut recipe.reads {
            let (narrow, len) = (self.formed(*slot, *dtype), self.slots[slot.0].len);
            let wide = Form::word(*dtype);
            if narrow.1 != wide {
                *slot = self.scratch(len);
                launches.push(update::copy((narrow, (*slot, wide)), len));
            }
        }
        launches
    }
}

/// Who makes which value of a plan.
pub(super) struct Recipes<'a> {
    schedule: &'a Schedule,
    makers: HashMap<ValueId, usize>,
}

impl<'a> Recipes<'a> {
    pub(super) fn new(schedule: &'a Schedule) -> Self {
        let steps = schedule.plan().steps().iter().enumerate();
        let makers = steps.flat_map(|(i, step)| step.results().map(move |value| (value, i))).collect();
        Recipes { schedule, makers }
    }

    /// The recipe of what a kernel writes, from buffers that are `ready`; none if it needs others, or more
    /// room than the device's buffers have.
    pub(super) fn of(
        &self,
        lowering: &mut Lowering<'_>,
        kernel: &Kernel,
        ready: &HashSet<BufferId>,
    ) -> Option<Recipe> {
        let written = match kernel {
            Kernel::Loop(looped) => looped.outs(),
            other => other.writes(),
        };
        let mut recipe = Recipe { steps: vec![], reads: vec![], writes: vec![], may_fail: false };
        let mut wanted = vec![];
        for buffer in written {
            if let Content::Value(value) = self.schedule.buffer(buffer).content {
                let slot = lowering.slot_of(buffer).ok()?;
                lowering.rehome(buffer, slot, Home::Burn);
                recipe.writes.push((value, slot));
                wanted.push(value);
            }
        }
        let (mut known, mut steps): (HashSet<ValueId>, HashSet<usize>) = (HashSet::new(), HashSet::new());
        while let Some(value) = wanted.pop() {
            if !known.insert(value) {
                continue;
            }
            if let Some(buffer) = self.schedule.buffer_of(value).filter(|b| ready.contains(b)) {
                let slot = lowering.slot_of(buffer).ok()?;
                recipe.reads.push((value, dtype_of(self.schedule, value), slot));
                continue;
            }
            let maker = *self.makers.get(&value)?;
            if steps.insert(maker) {
                wanted.extend(self.schedule.plan().steps()[maker].args.iter().filter_map(Arg::value));
            }
        }
        let mut steps: Vec<usize> = steps.into_iter().collect();
        steps.sort_unstable();
        recipe.steps = steps.into_iter().map(|step| StepId(step as u32)).collect();
        if recipe.steps.iter().any(|step| !lowering.steps.fits(*step)) {
            return None;
        }
        recipe.may_fail = recipe.steps.iter().any(|step| !lowering.steps.is_safe(*step));
        Some(recipe)
    }
}
