//! What goes from step to step of a loop, and what its steps take and leave.
#![allow(unsafe_code)]

use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::phase::{Loop, Taken};
use crate::cpu::tiles::data::slots::typed;
use crate::cpu::tiles::run::scene::Scene;

impl Loop {
    /// Before the first step.
    pub(crate) fn begin(&self, scene: &Scene<'_>, span: Span) {
        for carry in &self.carries {
            let to = if self.length == 0 { carry.last } else { carry.value };
            to.into_iter().for_each(|to| copy(scene, span, carry.first, to));
        }
    }

    /// What a step leaves for the next one, or the last step for what follows.
    pub(crate) fn carry(&self, scene: &Scene<'_>, span: Span, last: bool) {
        for carry in &self.carries {
            let to = if last { carry.last } else { carry.value };
            to.into_iter().for_each(|to| copy(scene, span, carry.next, to));
        }
    }
}

impl Taken {
    /// The elements of the present step, from those of all.
    pub(crate) fn take(&self, scene: &Scene<'_>, span: Span) {
        let Taken { all, one, runs, length, run } = *self;
        typed!(scene.homes[one].dtype, T => {
            let all = scene.rows::<T>(all, span, runs * length * run);
            // SAFETY: nothing reads the elements of a step before it has begun.
            let one = unsafe { scene.write::<T>(one, span, runs * run) };
            for (i, one) in one.chunks_exact_mut(run.max(1)).enumerate() {
                one.copy_from_slice(&all[(i * length + scene.place) * run..][..run]);
            }
        });
    }

    /// The elements of the present step, to those of all.
    pub(crate) fn keep(&self, scene: &Scene<'_>, span: Span) {
        let Taken { all, one, runs, length, run } = *self;
        typed!(scene.homes[one].dtype, T => {
            let one = scene.rows::<T>(one, span, runs * run);
            // SAFETY: nothing reads what all steps leave before the last is done.
            let all = unsafe { scene.write::<T>(all, span, runs * length * run) };
            for (i, one) in one.chunks_exact(run.max(1)).enumerate() {
                all[(i * length + scene.place) * run..][..run].copy_from_slice(one);
            }
        });
    }
}

/// Rows to other rows.
fn copy(scene: &Scene<'_>, span: Span, from: usize, to: usize) {
    typed!(scene.homes[to].dtype, T => {
        let len = scene.homes[to].len;
        let from = scene.rows::<T>(from, span, len);
        // SAFETY: they are other rows, which nothing reads before the next step has begun.
        let to = unsafe { scene.write::<T>(to, span, len) };
        to.copy_from_slice(from);
    });
}
