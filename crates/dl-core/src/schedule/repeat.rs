//! Scans in a schedule: which parts their values have, what rows they make, and what they mean.

use std::collections::HashMap;

use crate::dim::Name;
use crate::interp::{Array, Env, Values, apply, stack};
use crate::plan::{Arg, Plan, Repeat, Step, ValueId};
use crate::schedule::batch::{Part, part_of, rows_of};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Level, OpaqueStep, Target, Work, rows};
use crate::schedule::{Operand, Schedule, StageId};

/// The parts of a scan's results, and of all values of its body: rows where each step goes row by row.
///
/// # Errors
/// Why it does not.
pub(super) fn parts(
    plan: &Plan,
    parts: &mut [Part],
    (step, repeat): (&Step, &Repeat),
    dim: &Name,
) -> Result<(), String> {
    let args: Vec<Part> = step.args.iter().filter_map(Arg::value).map(|v| parts[v.index()]).collect();
    let stage = args.iter().map(|part| part.ready()).max().unwrap_or(StageId::FIRST);
    let part = |v: ValueId| match rows_of(&plan.value(v).shape, dim) {
        Some(true) => Ok(Part::Rows(stage)),
        Some(false) => Ok(Part::Whole(stage)),
        None => Err(format!("has {dim} along another axis than the first")),
    };
    let along = |axis: usize, v: ValueId| match part(v)? {
        Part::Rows(_) if axis == 0 => Err(format!("goes along {dim} in steps")),
        part => Ok(part),
    };
    for carry in &repeat.carries {
        for v in carry.value.into_iter().chain(carry.last) {
            parts[v.index()] = part(v)?;
        }
    }
    for element in &repeat.elements {
        along(element.axis, element.from)?;
        parts[element.value.index()] = part(element.value)?;
    }
    body(plan, parts, &repeat.steps, dim)?;
    for stack in &repeat.stacks {
        parts[stack.result.index()] = along(stack.axis, stack.result)?;
    }
    let by_rows = |part: &Part| matches!(part, Part::Rows(_));
    let mut results = step.results().map(|v| parts[v.index()]);
    let fits = match args.iter().any(by_rows) {
        true => results.all(|part| by_rows(&part)),
        false => !results.any(|part| by_rows(&part)),
    };
    if fits { Ok(()) } else { Err(format!("mixes rows of {dim}")) }
}

fn body(plan: &Plan, parts: &mut [Part], steps: &[Step], dim: &Name) -> Result<(), String> {
    for step in steps {
        if let Some(repeat) = &step.repeat {
            self::parts(plan, parts, (step, repeat), dim)?;
            continue;
        }
        let inside = |why| format!("{why} in {} of {}", step.op.name(), plan.value(step.result).shape);
        match part_of(plan, parts, step, dim).map_err(inside)? {
            Part::Fold(..) => return Err(inside(format!("sums over rows of {dim}"))),
            part => parts[step.result.index()] = part,
        }
    }
    Ok(())
}

impl<'p> Draft<'p> {
    /// A scan of rows: a loop, or else one piece of work.
    pub(super) fn scan(&mut self, step: &'p Step, repeat: &'p Repeat) -> Result<(), String> {
        let args = self.arguments(step)?;
        let before = self.clone();
        match self.looped(step, repeat) {
            Ok(()) => return Ok(()),
            Err(why) if before.inside.is_some() => return Err(why),
            Err(_) => *self = before,
        }
        let level = self.level(self.stage(), &rows(&args)) + 1;
        let mut outs = vec![];
        for result in step.results() {
            let (dtype, len) = (self.plan.value(result).dtype, self.row(result).iter().product());
            let out = self.computed(self.stage(), dtype, len, level);
            self.values[out.index()].of = Some(result);
            self.operands[result.index()] = Some(Operand::Register(out));
            outs.push(Target::Row(out));
        }
        let work = OpaqueStep { step: self.step, args, outs, fold: None };
        self.push(Level::After(level), Work::Opaque(work));
        Ok(())
    }
}

/// Values of the plan during a scan.
pub(super) type Present = HashMap<ValueId, Array>;

impl Schedule {
    /// A scan in double precision; what it reads is there, and its results are afterwards.
    pub(super) fn repeat(&self, repeat: &Repeat, values: &mut Present, env: &Env) -> Result<(), String> {
        let length = repeat.length.eval(&self.dims)?;
        let mut carries: Vec<Array> = vec![];
        for carry in &repeat.carries {
            carries.push(present(values, carry.first)?);
        }
        let mut stacked: Vec<Vec<Array>> = vec![vec![]; repeat.stacks.len()];
        for step in 0..length {
            let place = if repeat.reverse { length - 1 - step } else { step };
            for (carry, value) in repeat.carries.iter().zip(carries) {
                carry.value.map(|id| values.insert(id, value));
            }
            for element in &repeat.elements {
                let value = present(values, element.from)?.element(element.axis, place);
                values.insert(element.value, value);
            }
            for step in &repeat.steps {
                match &step.repeat {
                    Some(inner) => self.repeat(inner, values, env)?,
                    None => {
                        let value = self.inner(step, values, env)?;
                        values.insert(step.result, value);
                    }
                }
            }
            for (stack, all) in repeat.stacks.iter().zip(&mut stacked) {
                all.push(present(values, stack.value)?);
            }
            carries = repeat.carries.iter().map(|c| present(values, c.next)).collect::<Result<_, _>>()?;
            for made in repeat.makes() {
                values.remove(&made);
            }
        }
        for (carry, value) in repeat.carries.iter().zip(carries) {
            carry.last.map(|id| values.insert(id, value));
        }
        for (of, mut all) in repeat.stacks.iter().zip(stacked) {
            if repeat.reverse {
                all.reverse();
            }
            let shape = self.shape(of.result).to_vec();
            let all = stack(&all, (self.plan.value(of.result).dtype, shape), of.axis)?;
            values.insert(of.result, all);
        }
        Ok(())
    }

    fn inner(&self, step: &Step, values: &Present, env: &Env) -> Result<Array, String> {
        let shape = self.shape(step.result);
        let mut args = vec![];
        for arg in &step.args {
            let number = match arg {
                Arg::Value(v) => {
                    args.push(present(values, *v)?);
                    continue;
                }
                Arg::Constant(number) => *number,
                Arg::Extent(dim) => dim.number(&self.dims, self.plan.number_type(step))?,
            };
            args.push(Array { shape: shape.to_vec(), data: Values::full(number, shape.iter().product()) });
        }
        let args: Vec<&Array> = args.iter().collect();
        apply(&step.op, &args, (self.plan.value(step.result).dtype, shape), env)
    }
}

fn present(values: &Present, id: ValueId) -> Result<Array, String> {
    values.get(&id).cloned().ok_or_else(|| format!("%{} is not there", id.0))
}
