//! What a session looks at while it checks: inputs before a run; assumed values, outputs, gradients and new
//! parameters after it, and where these stopped being finite.

use std::sync::Arc;

use dl_core::finite::Statistics;
use dl_core::graph::Origin;
use dl_core::plan::{Checks, Diagnosis, Place};
use dl_core::{Dims, Name, Plan, Program, TensorRef};

use crate::error::{Error, Result};
use crate::executor::{Buffer, Call, Executable, Executor};

/// What has to hold in runs of a program.
pub(super) struct Watch {
    /// What runs: the program's outputs, and after them what else is looked at.
    plan: Arc<Plan>,
    of: Option<(Program, Checks)>,
}

/// What was found after a run.
pub(super) enum Wrong {
    /// Something that the error says all of.
    Told(Error),
    /// This is not finite, and where that began is not known yet.
    NotFinite(Error),
}

/// A run that is going to be repeated.
pub(super) struct Moment<'a> {
    pub(super) call: Call<'a>,
    pub(super) dims: Dims,
    pub(super) infinite: &'a [Name],
}

impl Watch {
    pub(super) fn of_program(program: &Program) -> Watch {
        let checks = Checks::new(program);
        Watch { plan: Arc::new(checks.plan().clone()), of: Some((program.clone(), checks)) }
    }

    pub(super) fn of_plan(plan: &Arc<Plan>) -> Watch {
        Watch { plan: plan.clone(), of: None }
    }

    /// What runs.
    pub(super) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Looks at the inputs; those called `infinite` may be so.
    pub(super) fn inputs(&self, inputs: &[TensorRef<'_>], infinite: &[Name]) -> Result<()> {
        if let Some((_, checks)) = &self.of {
            checks.verify_inputs(inputs)?;
        }
        for (slot, input) in self.plan.inputs().iter().zip(inputs).filter(|(_, input)| !input.is_finite()) {
            let (name, statistics) = (&slot.decl.name, Statistics::of(*input));
            if statistics.nan > 0 || !infinite.contains(name) {
                let message = format!("input {name} is not finite: {statistics}");
                return Err(Error::not_finite(&self.plan.value(slot.value).origin, message));
            }
        }
        Ok(())
    }

    /// The session's places of the parameters that a run replaces.
    fn updated<'a>(&'a self, slots: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        let slots = self.plan.parameters().iter().zip(slots);
        slots.filter(|(slot, _)| slot.update.is_some()).map(|(_, place)| *place)
    }

    /// Keeps copies of what a run is going to replace.
    pub(super) fn keep(
        &self,
        executor: &dyn Executor,
        slots: &[usize],
        (buffers, kept): (&[Buffer], &mut [Option<Buffer>]),
    ) -> Result<()> {
        self.updated(slots).try_for_each(|place| executor.copy(&buffers[place], &mut kept[place]))
    }

    /// Undoes a run.
    pub(super) fn restore(&self, slots: &[usize], (buffers, kept): (&mut [Buffer], &mut [Option<Buffer>])) {
        for place in self.updated(slots) {
            if let Some(kept) = &mut kept[place] {
                std::mem::swap(&mut buffers[place], kept);
            }
        }
    }

    /// Looks at what a run left.
    pub(super) fn results(
        &self,
        executor: &dyn Executor,
        executable: &dyn Executable,
        slots: &[usize],
        buffers: &[Buffer],
    ) -> std::result::Result<(), Wrong> {
        self.outputs(executable)?;
        for (slot, place) in self.plan.parameters().iter().zip(slots) {
            let Some(update) = slot.update else { continue };
            if !executor.is_finite(&buffers[*place]).map_err(Wrong::Told)? {
                let value = executor.download(&buffers[*place]).map_err(Wrong::Told)?;
                let statistics = Statistics::of(value.view());
                let message =
                    format!("the new value of parameter {} is not finite: {statistics}", slot.decl.name);
                return Err(Wrong::NotFinite(Error::not_finite(&self.plan.value(update).origin, message)));
            }
        }
        Ok(())
    }

    /// Assumed values first: they say more than that something is not finite.
    fn outputs(&self, executable: &dyn Executable) -> std::result::Result<(), Wrong> {
        let places = 0..self.plan.outputs().len();
        let assumed = |i: &usize| self.of.as_ref().is_some_and(|(_, checks)| checks.is_assumed(*i));
        for i in places.clone().filter(assumed).chain(places.filter(|i| !assumed(i))) {
            let slot = &self.plan.outputs()[i];
            let value = &self.plan.value(slot.value);
            if !value.dtype.is_float() {
                continue;
            }
            let output = executable.output(i).map_err(Wrong::Told)?;
            match &self.of {
                Some((_, checks)) if i >= checks.own() => {
                    checks.verify(i, output.view()).map_err(|error| match assumed(&i) {
                        true => Wrong::Told(error.into()),
                        false => Wrong::NotFinite(Error::not_finite(&Origin::default(), error)),
                    })?;
                }
                _ if output.view().is_finite() => {}
                _ => {
                    let statistics = Statistics::of(output.view());
                    let message = format!("output {} is not finite: {statistics}", slot.name);
                    return Err(Wrong::NotFinite(Error::not_finite(&value.origin, message)));
                }
            }
        }
        Ok(())
    }

    /// The error for what was found: of numbers that are not finite, the first. Parameters are as they were
    /// before the run.
    pub(super) fn explain(&self, wrong: Wrong, executor: &dyn Executor, moment: Moment<'_>) -> Error {
        let found = match (wrong, &self.of) {
            (Wrong::Told(error), _) | (Wrong::NotFinite(error), None) => return error,
            (Wrong::NotFinite(error), Some((program, _))) => {
                // Where the values do not all fit into memory, the end of the story has to do.
                first(program, executor, moment).ok().flatten().ok_or(error)
            }
        };
        found.unwrap_or_else(|error| error)
    }
}

/// Repeats a run with every value kept, and finds the first that is not finite.
fn first(program: &Program, executor: &dyn Executor, moment: Moment<'_>) -> Result<Option<Error>> {
    let diagnosis = Diagnosis::new(program, moment.infinite);
    let mut executable = executor.compile(&Arc::new(diagnosis.plan().clone()), &moment.dims)?;
    let Call { inputs, rows, parameters, slots, seed, step, run } = moment.call;
    executable.run(Call { inputs, rows, parameters: &mut *parameters, slots, seed, step, run })?;
    let found = diagnosis.first(|place| {
        Ok::<_, Error>(match place {
            Place::Output(i) => Statistics::of(executable.output(i)?.view()),
            Place::Input(i) => Statistics::of(inputs[i]),
            Place::Parameter(i) => Statistics::of(executor.download(&parameters[slots[i]])?.view()),
        })
    })?;
    Ok(found.map(|finding| Error::not_finite(&finding.origin, finding.message)))
}
