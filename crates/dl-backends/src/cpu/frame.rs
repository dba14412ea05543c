//! Begin and end of a run: values are bound, outputs kept, parameters replaced. What one run leaves, the
//! next one uses again.

use dl_core::plan::{Plan, ValueId};

use super::array::Array;
use super::loops::Context;
use super::parameter::Parameter;
use crate::error::{Error, Result};
use crate::executor::Call;

/// The values of a run, by the plan's list; those that are not there yet, or not any more, are `None`.
pub(super) type Values<'a> = Vec<Option<Array<'a>>>;

/// What a run leaves.
#[derive(Default)]
pub(super) struct Frame {
    /// By the plan's list, those that are kept here.
    outputs: Values<'static>,
    finished: bool,
    /// Room for values; nothing is in it between runs.
    values: Values<'static>,
    /// Room for new values of parameters and their places.
    updates: Vec<(usize, Array<'static>)>,
}

impl Frame {
    /// Lets go what the last run left, and binds the values that a run begins with. Nothing is copied, but
    /// for parameters that are kept in panels, of which those that `stay` so are left out.
    pub(super) fn begin<'a>(
        &mut self,
        context: &mut Context,
        plan: &Plan,
        call: &mut Call<'a>,
        stay: impl Fn(usize, &Parameter) -> bool,
    ) -> Result<Values<'a>> {
        self.finished = false;
        self.updates.clear();
        self.outputs.drain(..).flatten().for_each(|output| context.pool.recycle(output));
        let mut values = emptied(std::mem::take(&mut self.values));
        values.resize_with(plan.values().len(), || None);
        for (slot, input) in plan.inputs().iter().zip(call.inputs) {
            values[slot.value.index()] = Some(Array::borrowed(*input));
        }
        for (i, (slot, &place)) in plan.parameters().iter().zip(call.slots).enumerate() {
            let parameter = call.parameters[place].get_mut::<Parameter>()?;
            if slot.update.is_some() && parameter.fixed().is_some() {
                let why = format!("parameter {} is shared, and cannot be updated", slot.decl.name);
                return Err(Error::value(why));
            }
            if let Some(value) = slot.value
                && !stay(i, parameter)
            {
                values[value.index()] = Some(parameter.array().clone());
            }
        }
        Ok(values)
    }

    /// Keeps the outputs that are `wanted` and replaces the parameters, all together; those that are `done`
    /// are left as they are.
    pub(super) fn end(
        &mut self,
        context: &mut Context,
        plan: &Plan,
        mut values: Values<'_>,
        call: &mut Call<'_>,
        wanted: impl Fn(usize) -> bool,
        done: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let kept = |id: ValueId| values[id.index()].clone().expect("a plan keeps what it needs at the end");
        for (i, (slot, &place)) in plan.parameters().iter().zip(call.slots).enumerate() {
            if let Some(update) = slot.update.filter(|_| !done(i)) {
                call.parameters[place].get::<Parameter>()?;
                self.updates.push((place, context.whole_array(kept(update))));
            }
        }
        for (i, slot) in plan.outputs().iter().enumerate() {
            self.outputs.push(wanted(i).then(|| kept(slot.value).into_owned()));
        }
        values.drain(..).flatten().for_each(|value| context.pool.recycle(value));
        self.values = emptied(values);
        for (place, new) in self.updates.drain(..) {
            let old = call.parameters[place].get_mut::<Parameter>()?.replace(new);
            context.pool.recycle(old);
        }
        context.pool.end_run();
        self.finished = true;
        Ok(())
    }

    /// An output, as the last run left it; `None` if it is not kept here.
    pub(super) fn output(&self, index: usize) -> Result<Option<&Array<'static>>> {
        if !self.finished {
            return Err(Error::value("no run has finished yet"));
        }
        let missing = || Error::value(format!("output {index} of {}", self.outputs.len()));
        Ok(self.outputs.get(index).ok_or_else(missing)?.as_ref())
    }
}

/// The same list with nothing in it, for values of another lifetime.
fn emptied<'b>(mut values: Values<'_>) -> Values<'b> {
    values.clear();
    // Collected in place: it keeps its room.
    values.into_iter().map(|_| None).collect()
}
