//! Kernels on whole values at work.

use dl_core::plan::Plan;
use dl_core::schedule::KernelId;

use crate::cpu::compile::Prepared;
use crate::cpu::frame::Values;
use crate::cpu::loops::Context;
use crate::cpu::repeat::Around;
use crate::cpu::run::{Moment, take};
use crate::cpu::tiles::run::fused::Fused;
use crate::error::{Error, Result};
use crate::executor::Call;

/// Work on whole values.
pub(crate) enum Work {
    Step(Whole),
    Fused(Fused),
}

impl Work {
    /// The kernel of the schedule.
    pub(crate) fn kernel(&self) -> KernelId {
        match self {
            Work::Step(whole) => whole.kernel,
            Work::Fused(fused) => fused.kernel,
        }
    }

    /// The plan's steps.
    pub(crate) fn steps(&self) -> &[usize] {
        match self {
            Work::Step(whole) => std::slice::from_ref(&whole.step),
            Work::Fused(fused) => &fused.steps,
        }
    }
}

/// A step on whole values.
pub(crate) struct Whole {
    pub kernel: KernelId,
    pub step: usize,
    pub prepared: Prepared,
    /// The values that nothing needs afterwards.
    pub frees: Vec<usize>,
    /// Whether it is worth waking other threads.
    pub large: bool,
}

impl Whole {
    pub(crate) fn run<'a>(
        &self,
        plan: &Plan,
        shapes: &[Vec<usize>],
        values: &mut Values<'a>,
        call: &Call<'a>,
        context: &mut Context,
    ) -> Result<()> {
        let step = &plan.steps()[self.step];
        let value = plan.value(step.result);
        if let (Some(repeat), Some(prepared)) = (&step.repeat, &self.prepared.repeat) {
            let mut around = Around { plan, shapes, values, counters: call.counters() };
            context
                .repeat(repeat, prepared, &mut around)
                .map_err(|(v, why)| Error::at(&plan.value(v).origin, why))?;
            for result in step.results() {
                let value = values[result.index()].take().map(|value| context.dense_array(value));
                values[result.index()] = value;
            }
            self.free(values, context);
            return Ok(());
        }
        let args = take(&self.prepared, values);
        let shape = &shapes[step.result.index()];
        let moment = Moment { counters: call.counters(), dtype: value.dtype, shape };
        let result = context.step(step, &self.prepared, args, moment);
        let result = result.map_err(|why| Error::at(&value.origin, why))?;
        self.free(values, context);
        // Rows read them as slices.
        values[step.result.index()] = Some(context.dense_array(result));
        Ok(())
    }

    fn free(&self, values: &mut Values<'_>, context: &mut Context) {
        for freed in &self.frees {
            if let Some(value) = values[*freed].take() {
                context.pool.recycle(value);
            }
        }
    }
}
