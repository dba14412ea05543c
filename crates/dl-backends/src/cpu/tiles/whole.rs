//! Whole values: what a plan computes before the tiles of each round.

use std::time::Instant;

use dl_core::Dims;
use dl_core::plan::{Division, Part, Plan, Step};
use rayon::ThreadPool;

use super::fused::{Around, Fused, LEAST, elementwise, fuse};
use super::place::Phases;
use super::run::Tiled;
use super::update::Update;
use super::watch::Watch;
use crate::cpu::compile::{Operand, Prepared, prepare};
use crate::cpu::frame::Values;
use crate::cpu::lanes::{CHUNK, Context};
use crate::cpu::run::{Moment, take};
use crate::error::{Error, Result};
use crate::executor::Call;

/// What is done with whole values.
pub(super) enum Work {
    Step(Whole),
    Fused(Fused),
}

impl Work {
    /// The plan's steps.
    pub(super) fn steps(&self) -> &[usize] {
        match self {
            Work::Step(whole) => std::slice::from_ref(&whole.step),
            Work::Fused(fused) => &fused.steps,
        }
    }
}

/// A step on whole values.
pub(super) struct Whole {
    pub step: usize,
    prepared: Prepared,
    /// Whole values that nothing needs afterwards.
    frees: Vec<usize>,
    /// Whether it is worth waking other threads.
    pub large: bool,
}

/// Steps on whole values by their `own` rounds, with what each is the last to need; `read` are the values
/// that rows read.
pub(super) fn wholes(
    plan: &Plan,
    division: &Division,
    shapes: &[Vec<usize>],
    (dims, code): (&Dims, bool),
    updates: &[Update],
    own: &[u32],
    read: &[usize],
) -> Result<Vec<Vec<Work>>> {
    // When each value is read for the last time: rows read after the whole values of their round.
    let mut last = vec![(0, 0); plan.values().len()];
    for (i, step) in plan.steps().iter().enumerate() {
        let when = match division.part(step.result) {
            Part::Whole(_) => (own[i], i),
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
    let steps = |round: u32| -> Vec<usize> {
        let now = |i: &usize| {
            let whole = matches!(division.part(plan.steps()[*i].result), Part::Whole(_));
            whole && own[*i] == round && !updates.iter().any(|u| u.of.steps.contains(i))
        };
        (0..plan.steps().len()).filter(now).collect()
    };
    (0..division.rounds())
        .map(|round| of_round(plan, shapes, (dims, code), &last, round, &steps(round)))
        .collect()
}

/// Lets steps that are taken together write over the parameters that they replace, where they come after
/// all rows; which those are.
pub(super) fn replace(plan: &Plan, rounds: &mut [Vec<Work>], phases: &[Phases]) -> Vec<usize> {
    let mut replaced = vec![];
    let mut later: Vec<usize> = vec![];
    for (works, phases) in rounds.iter_mut().zip(phases).rev() {
        if !phases.is_empty() {
            break;
        }
        for work in works.iter_mut().rev() {
            if let Work::Fused(fused) = work {
                fused.replace(plan, &later);
                replaced.extend(fused.replaced());
            }
            later.extend(work.steps());
        }
    }
    replaced
}

/// The round of each step on whole values: long ones that only later rounds read wait for those, to be
/// taken together with them.
pub(super) fn rounds(plan: &Plan, division: &Division, shapes: &[Vec<usize>]) -> Vec<u32> {
    let mut rounds: Vec<u32> = plan.steps().iter().map(|s| division.part(s.result).round()).collect();
    for (i, step) in plan.steps().iter().enumerate().rev() {
        let long = shapes[step.result.index()].iter().product::<usize>() >= LEAST;
        let whole = matches!(division.part(step.result), Part::Whole(_));
        let kept = plan.outputs().iter().any(|o| o.value == step.result);
        if !long || !whole || kept || !elementwise(plan, shapes, i) {
            continue;
        }
        let read = |s: &&Step| s.args.iter().any(|a| a.value() == Some(step.result));
        let readers: Vec<usize> =
            plan.steps().iter().enumerate().filter(|(_, s)| read(s)).map(|(j, _)| j).collect();
        let by_wholes = |j: &usize| matches!(division.part(plan.steps()[*j].result), Part::Whole(_));
        if readers.iter().all(by_wholes) {
            rounds[i] = readers.iter().map(|j| rounds[*j]).min().unwrap_or(rounds[i]);
        }
    }
    rounds
}

/// The work of a round: steps that can be taken together stand where the last of them stood.
fn of_round(
    plan: &Plan,
    shapes: &[Vec<usize>],
    (dims, code): (&Dims, bool),
    last: &[(u32, usize)],
    round: u32,
    steps: &[usize],
) -> Result<Vec<Work>> {
    let mut fused = fuse(plan, (dims, code), shapes, steps);
    // What members read is wanted until the last of them has come.
    let mut last = last.to_vec();
    for fused in &fused {
        let end = (round, fused.steps.last().copied().unwrap_or(0));
        for step in &fused.steps {
            for v in plan.steps()[*step].args.iter().filter_map(|a| a.value()) {
                last[v.index()] = last[v.index()].max(end);
            }
        }
    }
    let mut work = vec![];
    for &i in steps {
        let Some(place) = fused.iter().position(|f| f.steps.contains(&i)) else {
            work.push(Work::Step(whole(plan, shapes, dims, &last, (round, i))?));
            continue;
        };
        if fused[place].steps.last() == Some(&i) {
            let mut fused = fused.swap_remove(place);
            let read =
                fused.steps.iter().flat_map(|s| plan.steps()[*s].args.iter().filter_map(|a| a.value()));
            let needed = |v: &usize| last[*v].0 == round && fused.steps.contains(&last[*v].1);
            fused.frees = read.map(|v| v.index()).filter(needed).collect();
            work.push(Work::Fused(fused));
        }
    }
    Ok(work)
}

fn whole(
    plan: &Plan,
    shapes: &[Vec<usize>],
    dims: &Dims,
    last: &[(u32, usize)],
    now: (u32, usize),
) -> Result<Whole> {
    let step = &plan.steps()[now.1];
    let origin = &plan.value(step.result).origin;
    let mut prepared = prepare(plan, shapes, dims, step).map_err(|why| Error::at(origin, why))?;
    let mut frees = vec![];
    for (place, operand) in prepared.args.iter_mut().enumerate() {
        let (Operand::Shared(v) | Operand::Last(v)) = *operand else { continue };
        let again = step.args[place + 1..].iter().any(|a| a.value() == Some(v));
        let done = last[v.index()] == now && !again;
        *operand = if done { Operand::Last(v) } else { Operand::Shared(v) };
        frees.extend(done.then_some(v.index()));
    }
    let values = step.args.iter().filter_map(|a| a.value()).chain([step.result]);
    let large = values.map(|v| shapes[v.index()].iter().product::<usize>()).any(|n| n > CHUNK);
    Ok(Whole { step: now.1, prepared, frees, large })
}

impl Tiled {
    /// The whole values of a round.
    pub(super) fn whole<'a>(
        &mut self,
        round: usize,
        values: &mut Values<'a>,
        call: &mut Call<'a>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        for (i, work) in self.wholes[round].iter().enumerate() {
            let begun = watch.is_some().then(Instant::now);
            match work {
                Work::Step(whole) => {
                    let pool = self.pool.as_deref().filter(|_| whole.large).map(|pool| (pool, self.threads));
                    whole.run(&self.plan, &self.shapes, values, call, (&mut self.context, pool))?;
                }
                Work::Fused(fused) => {
                    let (isa, kernels, team) = (self.isa, self.kernels, self.team.as_deref());
                    let shape = &self.shapes[self.plan.steps()[fused.steps[0]].result.index()];
                    let to = (&mut *call, &mut self.context.pool);
                    fused.run(&self.plan, values, shape, to, Around { isa, kernels, team })?;
                }
            }
            if let (Some(watch), Some(begun)) = (&mut *watch, begun) {
                watch.rounds[round].wholes[i] += begun.elapsed();
            }
        }
        Ok(())
    }
}

impl Whole {
    fn run<'a>(
        &self,
        plan: &Plan,
        shapes: &[Vec<usize>],
        values: &mut Values<'a>,
        call: &Call<'a>,
        (context, pool): (&mut Context, Option<(&ThreadPool, usize)>),
    ) -> Result<()> {
        let step = &plan.steps()[self.step];
        let value = plan.value(step.result);
        let args = take(&self.prepared, values);
        let shape = &shapes[step.result.index()];
        let moment = Moment { seed: call.seed, step: call.step, dtype: value.dtype, shape };
        let result = match pool {
            Some((pool, threads)) => {
                context.threads = threads;
                let result = pool.install(|| context.step(step, &self.prepared, args, moment));
                context.threads = 1;
                result
            }
            None => context.step(step, &self.prepared, args, moment),
        };
        let result = result.map_err(|why| Error::at(&value.origin, why))?;
        for freed in &self.frees {
            if let Some(value) = values[*freed].take() {
                context.pool.recycle(value);
            }
        }
        // Rows read them as slices.
        values[step.result.index()] = Some(context.dense_array(result));
        Ok(())
    }
}
