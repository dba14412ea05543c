//! Fusion of whole values: long elementwise steps of one shape, such as an optimizer's, share a kernel.

use std::collections::HashMap;

use crate::ops::Op;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::{
    Access, Accumulation, Body, Domain, Instr, Operand, Operation, Part, Pointwise, Register, StepId,
};

/// Elements from which on steps are fused: below, a kernel of its own costs more than it saves.
pub(super) const LONG: usize = 4096;

/// Work on whole values.
pub(super) enum Whole {
    Step(StepId),
    /// Steps that share a kernel, in order, at the place of the last.
    Fused(Vec<StepId>),
}

/// The steps on whole values, with the stage of each.
pub(super) struct Fusion<'p> {
    plan: &'p Plan,
    shapes: &'p [Vec<usize>],
}

/// The work on whole values of each stage; steps that `accumulations` replace are left out.
pub(super) fn fuse(draft: &Draft<'_>, accumulations: &[Accumulation]) -> Vec<Vec<Whole>> {
    let (plan, batch) = (draft.plan, draft.batch);
    let fusion = Fusion { plan, shapes: draft.row_shapes };
    let own = fusion.stages(draft);
    let replaced = |i: usize| accumulations.iter().any(|a| a.steps.contains(&StepId(i as u32)));
    let stage = |stage: usize| {
        let here = |i: &usize| {
            let whole = matches!(batch.part(plan.steps()[*i].result), Part::Whole(_));
            whole && own[*i] == stage && !replaced(*i)
        };
        let steps: Vec<usize> = (0..plan.steps().len()).filter(here).collect();
        let fused = fusion.fused(&steps);
        let mut work = vec![];
        for step in steps {
            match fused.iter().find(|f| f.contains(&step)) {
                None => work.push(Whole::Step(StepId(step as u32))),
                Some(members) if members.last() == Some(&step) => {
                    work.push(Whole::Fused(members.iter().map(|s| StepId(*s as u32)).collect()));
                }
                Some(_) => {}
            }
        }
        work
    };
    (0..batch.stages()).map(stage).collect()
}

impl Fusion<'_> {
    fn len(&self, value: ValueId) -> usize {
        self.shapes[value.index()].iter().product()
    }

    fn reads(&self, step: usize) -> impl Iterator<Item = ValueId> {
        self.plan.steps()[step].args.iter().filter_map(Arg::value)
    }

    /// The stage of each step: a long elementwise step that only whole values of later stages read waits
    /// for them, to share their kernel.
    fn stages(&self, draft: &Draft<'_>) -> Vec<usize> {
        let (plan, batch) = (self.plan, draft.batch);
        let is_whole = |i: usize| matches!(batch.part(plan.steps()[i].result), Part::Whole(_));
        let mut stages: Vec<usize> =
            plan.steps().iter().map(|s| batch.part(s.result).stage().index()).collect();
        for (i, step) in plan.steps().iter().enumerate().rev() {
            let kept = plan.outputs().iter().any(|o| o.value == step.result);
            if self.len(step.result) < LONG || !is_whole(i) || kept || !self.is_elementwise(i) {
                continue;
            }
            let reads = |j: &usize| self.reads(*j).any(|v| v == step.result);
            let readers: Vec<usize> = (i + 1..plan.steps().len()).filter(reads).collect();
            if readers.iter().all(|j| is_whole(*j)) {
                stages[i] = readers.iter().map(|j| stages[*j]).min().unwrap_or(stages[i]);
            }
        }
        stages
    }

    /// Which of some steps share a kernel: all long elementwise ones of a shape, but those that a step in
    /// between has to read.
    fn fused(&self, steps: &[usize]) -> Vec<Vec<usize>> {
        let shape = |step: usize| self.shapes[self.plan.steps()[step].result.index()].as_slice();
        let mut found: Vec<Vec<usize>> = vec![];
        for (i, step) in steps.iter().enumerate() {
            let (own, first) = (shape(*step), steps[..i].iter().all(|s| shape(*s) != shape(*step)));
            if !first || own.iter().product::<usize>() < LONG {
                continue;
            }
            let fits = |s: &usize| shape(*s) == own && self.is_elementwise(*s) && self.operands_fit(*s, own);
            let members: Vec<usize> = steps[i..].iter().copied().filter(fits).collect();
            let members: Vec<usize> =
                members.iter().copied().filter(|m| !self.is_spread(*m, &members)).collect();
            let members = self.patient(steps, &members);
            if members.len() > 1 {
                found.push(members);
            }
        }
        found
    }

    /// Whether a step computes each element from the same elements, or is the same number everywhere.
    fn is_elementwise(&self, step: usize) -> bool {
        match &self.plan.steps()[step].op {
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => true,
            Op::Broadcast(_) => self.reads(step).all(|v| self.len(v) == 1),
            _ => false,
        }
    }

    fn operands_fit(&self, step: usize, shape: &[usize]) -> bool {
        let broadcast = matches!(self.plan.steps()[step].op, Op::Broadcast(_));
        broadcast || self.reads(step).all(|v| self.shapes[v.index()] == shape)
    }

    /// Whether a step makes a broadcast that others than the members read, who want it whole.
    fn is_spread(&self, step: usize, members: &[usize]) -> bool {
        let Step { op, result, .. } = &self.plan.steps()[step];
        matches!(op, Op::Broadcast(_)) && wanted(self.plan, members).contains(result)
    }

    /// The members that can wait for the last one: neither a step of another kind nor one that cannot wait
    /// reads them before.
    fn patient(&self, steps: &[usize], members: &[usize]) -> Vec<usize> {
        let last = members.last().copied().unwrap_or(0);
        let between = steps.iter().filter(|s| **s < last && !members.contains(s));
        let mut needed: Vec<ValueId> = between.flat_map(|s| self.reads(*s)).collect();
        let mut patient = vec![];
        // Readers come after the values that they read.
        for member in members.iter().rev() {
            match needed.contains(&self.plan.steps()[*member].result) {
                true => needed.extend(self.reads(*member)),
                false => patient.push(*member),
            }
        }
        patient.reverse();
        patient
    }
}

/// The values that other steps than the members read, or that the plan ends with.
fn wanted(plan: &Plan, members: &[usize]) -> Vec<ValueId> {
    let others = plan.steps().iter().enumerate().filter(|(i, _)| !members.contains(i));
    let read = others.flat_map(|(_, s)| s.args.iter().filter_map(Arg::value));
    let ends = plan.outputs().iter().map(|o| o.value);
    read.chain(ends).chain(plan.parameters().iter().filter_map(|p| p.update)).collect()
}

/// The kernel of steps that share one.
pub(super) fn kernel(draft: &mut Draft<'_>, members: &[StepId]) -> Result<Pointwise, (StepId, String)> {
    let plan = draft.plan;
    let indices: Vec<usize> = members.iter().map(|s| s.index()).collect();
    let wanted = wanted(plan, &indices);
    let mut body = Body::default();
    let mut registers: HashMap<ValueId, Register> = HashMap::new();
    let mut elements = 0;
    for &id in members {
        let step = &plan.steps()[id.index()];
        let dtype = plan.value(step.result).dtype;
        elements = draft.row(step.result).iter().product();
        let mut operands = vec![];
        for arg in &step.args {
            operands.push(match arg {
                Arg::Constant(number) => Operand::Number(*number),
                Arg::Extent(dim) => {
                    let number = dim.number(draft.dims, plan.number_type(step)).map_err(|why| (id, why))?;
                    Operand::Number(number)
                }
                Arg::Value(v) => {
                    let register = registers.get(v).copied();
                    Operand::Register(register.unwrap_or_else(|| load(draft, &mut body, *v, id)))
                }
            });
            if let (Arg::Value(v), Some(Operand::Register(register))) = (arg, operands.last()) {
                registers.insert(*v, *register);
            }
        }
        if let (Op::Broadcast(_), [Operand::Register(one)]) = (&step.op, &operands[..]) {
            registers.insert(step.result, *one);
            continue;
        }
        let Some(operation) = Operation::elementwise(plan, step, &operands) else {
            return Err((id, format!("{} is not elementwise", step.op.name())));
        };
        let register = body.push(Instr { operation, dtype, len: 1, step: id });
        registers.insert(step.result, register);
        if wanted.contains(&step.result) {
            let buffer = draft.held(step.result);
            body.push(Instr {
                operation: Operation::Store { buffer, of: register },
                dtype,
                len: 1,
                step: id,
            });
        }
    }
    Ok(Pointwise { domain: Domain::Elements(elements), body })
}

/// A load of the element of a whole value, or of its only element.
fn load(draft: &mut Draft<'_>, body: &mut Body, value: ValueId, step: StepId) -> Register {
    let buffer = draft.held(value);
    let one = draft.row(value).iter().product::<usize>() == 1;
    let access = Access { row: usize::from(!one), element: 0 };
    let dtype = draft.plan.value(value).dtype;
    body.push(Instr { operation: Operation::Load { buffer, access }, dtype, len: 1, step })
}
