//! Whole values: what a plan computes before the tiles of each round.

use dl_core::Dims;
use dl_core::plan::{Division, Part, Plan};

use super::run::Tiled;
use super::update::Update;
use crate::cpu::array::Array;
use crate::cpu::compile::{Operand, Prepared, prepare};
use crate::cpu::lanes::CHUNK;
use crate::cpu::run::{Moment, take};
use crate::error::{Error, Result};
use crate::executor::Call;

/// A step on whole values.
pub(super) struct Whole {
    pub step: usize,
    prepared: Prepared,
    /// Whole values that nothing needs afterwards.
    frees: Vec<usize>,
    /// Whether it is worth waking other threads.
    large: bool,
}

/// Steps on whole values by round, with what each is the last to need.
pub(super) fn wholes(
    plan: &Plan,
    division: &Division,
    shapes: &[Vec<usize>],
    dims: &Dims,
    updates: &[Update],
    read: &[usize],
) -> Result<Vec<Vec<Whole>>> {
    // When each value is read for the last time: rows read after the whole values of their round.
    let mut last = vec![(0, 0); plan.values().len()];
    for (i, step) in plan.steps().iter().enumerate() {
        let when = match division.part(step.result) {
            Part::Whole(round) => (round, i),
            part => (part.round(), usize::MAX),
        };
        for v in step.args.iter().filter_map(|a| a.value()) {
            last[v.index()] = last[v.index()].max(when);
        }
    }
    let kept = plan.outputs().iter().map(|o| o.value);
    let kept = kept.chain(plan.parameters().iter().flat_map(|p| p.value.into_iter().chain(p.update)));
    let kept = kept.chain(updates.iter().map(|u| u.of.addend));
    // Rows read them in any round: what is broadcast in one is read where that is used.
    read.iter().for_each(|v| last[*v] = (u32::MAX, 0));
    for v in kept.chain(plan.inputs().iter().map(|i| i.value)) {
        last[v.index()] = (u32::MAX, 0);
    }
    let mut rounds: Vec<Vec<Whole>> = (0..division.rounds()).map(|_| vec![]).collect();
    for (i, step) in plan.steps().iter().enumerate() {
        let Part::Whole(round) = division.part(step.result) else { continue };
        if updates.iter().any(|u| u.of.steps.contains(&i)) {
            continue;
        }
        let origin = &plan.value(step.result).origin;
        let mut prepared = prepare(plan, shapes, dims, step).map_err(|why| Error::at(origin, why))?;
        let mut frees = vec![];
        for (place, operand) in prepared.args.iter_mut().enumerate() {
            let (Operand::Shared(v) | Operand::Last(v)) = *operand else { continue };
            let again = step.args[place + 1..].iter().any(|a| a.value() == Some(v));
            let done = last[v.index()] == (round, i) && !again;
            *operand = if done { Operand::Last(v) } else { Operand::Shared(v) };
            frees.extend(done.then_some(v.index()));
        }
        let values = step.args.iter().filter_map(|a| a.value()).chain([step.result]);
        let large = values.map(|v| shapes[v.index()].iter().product::<usize>()).any(|n| n > CHUNK);
        rounds[round as usize].push(Whole { step: i, prepared, frees, large });
    }
    Ok(rounds)
}

impl Tiled {
    /// The whole values of a round.
    pub(super) fn whole<'a>(
        &mut self,
        round: usize,
        values: &mut [Option<Array<'a>>],
        call: &Call<'a>,
    ) -> Result<()> {
        for Whole { step, prepared, frees, large } in &self.wholes[round] {
            let step = &self.plan.steps()[*step];
            let value = self.plan.value(step.result);
            let args = take(prepared, values);
            let shape = &self.shapes[step.result.index()];
            let moment = Moment { seed: call.seed, step: call.step, dtype: value.dtype, shape };
            let context = &mut self.context;
            let result = match &self.pool {
                Some(pool) if *large => {
                    context.threads = self.threads;
                    let result = pool.install(|| context.step(step, prepared, args, moment));
                    context.threads = 1;
                    result
                }
                _ => context.step(step, prepared, args, moment),
            };
            let result = result.map_err(|why| Error::at(&value.origin, why))?;
            for freed in frees {
                if let Some(value) = values[*freed].take() {
                    self.context.pool.recycle(value);
                }
            }
            // Rows read them as slices.
            values[step.result.index()] = Some(self.context.dense_array(result));
        }
        Ok(())
    }
}
