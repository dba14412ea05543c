//! Lifetimes: from which kernel to which each buffer is needed.

use crate::plan::ValueId;
use crate::schedule::{Content, KernelId, Lifetime, Method, Schedule};

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

impl Schedule {
    /// The values of the plan that are needed by no kernel after this one, and by nothing else.
    pub fn last_uses(&self, kernel: KernelId) -> impl Iterator<Item = ValueId> {
        let ends = self.buffers.iter().filter(move |b| b.lifetime.until == Some(kernel));
        ends.filter_map(|b| match (&b.content, b.lifetime.from) {
            (Content::Value(value), Some(_)) => Some(*value),
            _ => None,
        })
    }
}
