//! Running a compiled plan: inputs up, steps in order, updates together, outputs kept on the device.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use burn_backend::Backend;
use dl_core::{DType, Plan, Tensor};

use super::index::check_input;
use super::machine::Machine;
use super::step::{Env, Operand, Source, Step};
use super::value::Value;
use crate::error::{Error, Result};
use crate::executor::{self, Call};

/// A plan for fixed sizes on a device.
pub(super) struct Executable<B: Backend> {
    machine: Arc<Machine<B>>,
    plan: Arc<Plan>,
    shapes: Vec<Vec<usize>>,
    constants: Vec<(usize, Value<B>)>,
    steps: Vec<Step<B>>,
    /// For each of the plan's inputs, whether anything reads it.
    wanted: Vec<bool>,
    /// The plan's values during a run.
    values: Vec<Option<Value<B>>>,
    /// What the last run left.
    outputs: Option<Vec<Value<B>>>,
}

/// A parameter on the device.
pub(super) struct Resident<B: Backend> {
    pub(super) value: Value<B>,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
}

impl<B: Backend> Executable<B> {
    pub(super) fn new(
        machine: Arc<Machine<B>>,
        plan: Arc<Plan>,
        shapes: Vec<Vec<usize>>,
        constants: Vec<(usize, Value<B>)>,
        steps: Vec<Step<B>>,
    ) -> Self {
        let read = |place: usize| {
            let by_step = steps
                .iter()
                .flat_map(|s| &s.args)
                .any(|a| matches!(a.source, Source::Value { place: p, .. } if p == place));
            let kept = plan
                .outputs()
                .iter()
                .map(|o| o.value)
                .chain(plan.parameters().iter().filter_map(|p| p.update));
            by_step || kept.into_iter().any(|v| v.index() == place)
        };
        let wanted = plan.inputs().iter().map(|slot| read(slot.value.index())).collect();
        let values = vec![None; shapes.len()];
        Executable { machine, plan, shapes, constants, steps, wanted, values, outputs: None }
    }

    /// What is known of each step's indices, where it has some.
    #[cfg(all(test, feature = "flex"))]
    pub(super) fn checks(&self) -> Vec<super::step::Check> {
        self.steps.iter().flat_map(Step::all).filter(|s| s.indexed().is_some()).map(|s| s.check).collect()
    }

    fn execute(&mut self, call: &mut Call<'_>) -> Result<()> {
        let env = Env { inputs: call.inputs, counters: call.counters() };
        for step in self.steps.iter().flat_map(Step::all) {
            check_input(step, &env).map_err(|why| self.fault_at(step.result, why))?;
        }
        self.bind(call)?;
        let computed = compute(&self.machine, &self.steps, &mut self.values, &env);
        computed.map_err(|(result, why)| self.fault_at(result, why))?;
        self.update(call)?;
        let outputs =
            self.plan.outputs().iter().map(|o| self.whole(o.value.index())).collect::<Result<_>>()?;
        self.outputs = Some(outputs);
        Ok(())
    }

    fn bind(&mut self, call: &Call<'_>) -> Result<()> {
        for (place, value) in &self.constants {
            self.values[*place] = Some(value.clone());
        }
        for ((slot, input), _) in
            self.plan.inputs().iter().zip(call.inputs).zip(&self.wanted).filter(|(_, wanted)| **wanted)
        {
            let value = self.machine.upload(*input);
            let value = value.map_err(|why| Error::value(format!("input {}: {why}", slot.decl.name)))?;
            self.values[slot.value.index()] = Some(value);
        }
        for (slot, &place) in self.plan.parameters().iter().zip(call.slots) {
            if let Some(value) = slot.value {
                self.values[value.index()] = Some(call.parameters[place].get::<Resident<B>>()?.value.clone());
            }
        }
        Ok(())
    }

    /// All new values are there before the first parameter is replaced.
    fn update(&self, call: &mut Call<'_>) -> Result<()> {
        let mut fresh = vec![];
        for (slot, &place) in self.plan.parameters().iter().zip(call.slots) {
            if let Some(value) = slot.update {
                call.parameters[place].get::<Resident<B>>()?;
                fresh.push((place, self.whole(value.index())?));
            }
        }
        for (place, value) in fresh {
            call.parameters[place].get_mut::<Resident<B>>()?.value = value;
        }
        Ok(())
    }

    fn whole(&self, place: usize) -> Result<Value<B>> {
        let value = self.values[place].clone().ok_or_else(|| self.fault("a result"))?;
        Ok(value.whole(&self.shapes[place]))
    }

    fn fault_at(&self, result: usize, why: String) -> Error {
        Error::at(&self.plan.values()[result].origin, why)
    }

    fn fault(&self, what: &str) -> Error {
        Error::executor(self.machine.name, format!("{what} needs a value that is not there"))
    }
}

/// Computes steps in order; what fails comes with the value that it was to make.
pub(super) fn compute<B: Backend>(
    m: &Machine<B>,
    steps: &[Step<B>],
    values: &mut [Option<Value<B>>],
    env: &Env<'_>,
) -> std::result::Result<(), (usize, String)> {
    for step in steps {
        if let Some(repeat) = &step.repeat {
            repeat.run(m, values, env)?;
        } else {
            let args = step.args.iter().map(|arg| operand(values, &arg.source)).collect::<Option<Vec<_>>>();
            let missing = || (step.result, format!("{} needs a value that is not there", step.op.name()));
            let result = step.apply(m, args.ok_or_else(missing)?, env);
            values[step.result] = Some(result.map_err(|why| (step.result, why))?);
        }
        for &place in &step.frees {
            values[place] = None;
        }
    }
    Ok(())
}

/// An operand of a step; the last use takes it away, so that burn may compute in its memory.
fn operand<B: Backend>(values: &mut [Option<Value<B>>], source: &Source) -> Option<Operand<B>> {
    match *source {
        Source::Scalar(c) => Some(Operand::Scalar(c)),
        Source::Value { place, last: true } => values[place].take().map(Operand::Value),
        Source::Value { place, last: false } => values[place].clone().map(Operand::Value),
    }
}

impl<B: Backend> executor::Executable for Executable<B> {
    fn run(&mut self, mut call: Call<'_>) -> Result<()> {
        self.outputs = None;
        let name = self.machine.name;
        let done = guarded(name, || self.execute(&mut call));
        self.values.fill(None);
        done
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let (Some(outputs), Some(slot)) = (&self.outputs, self.plan.outputs().get(index)) else {
            return Err(Error::executor(
                self.machine.name,
                format!("output {index} is not there: nothing has run yet"),
            ));
        };
        let (dtype, shape) = (self.plan.value(slot.value).dtype, &self.shapes[slot.value.index()]);
        guarded(self.machine.name, || {
            self.machine.download(outputs[index].clone(), dtype, shape).map_err(Error::value)
        })
    }
}

/// burn reports a lost device, exhausted memory and the like by panicking: an error for our users.
pub(crate) fn guarded<T>(name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::executor(name, text.unwrap_or_else(|| "the backend panicked".into())))
    })
}
