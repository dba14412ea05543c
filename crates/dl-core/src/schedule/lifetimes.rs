//! Lifetimes: from which kernel to which each buffer is needed.

use crate::plan::ValueId;
use crate::schedule::{BufferId, Content, KernelId, Lifetime, Method, Schedule};

/// Sets the lifetimes of all buffers.
pub(super) fn set(schedule: &mut Schedule) {
    let mut lifetimes = vec![Lifetime::default(); schedule.buffers.len()];
    let kernels: Vec<(KernelId, _, _)> =
        schedule.kernels().map(|(id, kernel)| (id, kernel.reads(), kernel.writes())).collect();
    for (id, reads, writes) in kernels {
        for buffer in &writes {
            lifetimes[buffer.index()].from.get_or_insert(id);
        }
        for buffer in reads.iter().chain(&writes) {
            lifetimes[buffer.index()].until = Some(id);
        }
    }
    for (i, buffer) in schedule.buffers.iter_mut().enumerate() {
        buffer.lifetime = lifetimes[i];
    }
    for value in ends(schedule) {
        if let Some(buffer) = schedule.buffer_of(value) {
            schedule.buffers[buffer.index()].lifetime.until = None;
        }
    }
    for output in &schedule.outputs {
        schedule.buffers[output.index()].lifetime.until = None;
    }
    schedule.last_uses = last_uses(schedule);
}

/// The values that are needed after the last kernel, but for outputs.
fn ends(schedule: &Schedule) -> Vec<ValueId> {
    let plan = &schedule.plan;
    let mut ends: Vec<ValueId> = plan.parameters().iter().filter_map(|p| p.value).collect();
    for update in &schedule.updates {
        match &update.method {
            Method::Accumulate { of, .. } => ends.push(of.addend),
            Method::InPlace(_) | Method::Replace(_) => {
                ends.extend(plan.parameters()[update.parameter.index()].update);
            }
        }
    }
    ends
}

/// The values that nothing needs after a kernel, in the kernels' order.
fn last_uses(schedule: &Schedule) -> Vec<(KernelId, ValueId)> {
    let made = schedule.buffers.iter().filter(|b| b.lifetime.from.is_some());
    let mut uses: Vec<(KernelId, ValueId)> = made
        .filter_map(|b| match b.content {
            Content::Value(value) => Some((b.lifetime.until?, value)),
            _ => None,
        })
        .collect();
    uses.sort_unstable();
    uses
}

impl Schedule {
    /// Whether a buffer is filled before the first kernel.
    pub(super) fn is_source(&self, buffer: BufferId) -> bool {
        match &self.buffer(buffer).content {
            Content::Known(_) => true,
            Content::Between => false,
            Content::Value(value) => {
                let inputs = self.plan.inputs().iter().map(|i| i.value);
                let parameters = self.plan.parameters().iter().filter_map(|p| p.value);
                inputs.chain(parameters).any(|v| v == *value)
            }
        }
    }

    /// The values of the plan, made by kernels, that nothing needs after this one.
    pub fn last_uses(&self, kernel: KernelId) -> impl Iterator<Item = ValueId> {
        let first = self.last_uses.partition_point(|(id, _)| *id < kernel);
        self.last_uses[first..].iter().take_while(move |(id, _)| *id == kernel).map(|(_, value)| *value)
    }
}
