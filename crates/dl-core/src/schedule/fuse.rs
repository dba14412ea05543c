//! Fusion of whole values: elementwise steps of one shape, such as an optimizer's, share a kernel.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::ops::Op;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::{
    Access, Accumulation, Batch, Body, Domain, Instr, Operand, Operation, Part, Pointwise, Register, StepId,
};

/// Work on whole values.
pub(super) enum Whole {
    Step(StepId),
    /// Steps that share a kernel, in order, at the place of the last.
    Fused(Vec<StepId>),
}

/// The plan's steps and their readers, for fusion.
pub(super) struct Fusion<'p> {
    plan: &'p Plan,
    shapes: &'p [Vec<usize>],
    /// By value, the steps that read it, in order.
    readers: Vec<Vec<usize>>,
    /// By value, whether the plan ends with it.
    ends: Vec<bool>,
}

impl<'p> Fusion<'p> {
    pub(super) fn new(plan: &'p Plan, shapes: &'p [Vec<usize>]) -> Self {
        let mut readers = vec![vec![]; plan.values().len()];
        for (i, step) in plan.steps().iter().enumerate() {
            step.args.iter().filter_map(Arg::value).for_each(|v| readers[v.index()].push(i));
        }
        let mut ends = vec![false; plan.values().len()];
        let values = plan.outputs().iter().map(|o| o.value);
        values.chain(plan.parameters().iter().filter_map(|p| p.update)).for_each(|v| ends[v.index()] = true);
        Fusion { plan, shapes, readers, ends }
    }

    /// The work on whole values of each stage; steps that `accumulations` replace are left out.
    pub(super) fn stages(&self, batch: &Batch, accumulations: &[Accumulation]) -> Vec<Vec<Whole>> {
        let replaced: HashSet<usize> =
            accumulations.iter().flat_map(|a| a.steps.iter().map(|s| s.index())).collect();
        let mut stages: Vec<Vec<usize>> = vec![vec![]; batch.stages()];
        for (step, stage) in self.stages_of_steps(batch).into_iter().enumerate() {
            let whole = matches!(batch.part(self.step(step).result), Part::Whole(_));
            if whole && !replaced.contains(&step) {
                stages[stage].push(step);
            }
        }
        stages.iter().map(|steps| self.work(steps)).collect()
    }

    fn step(&self, step: usize) -> &'p Step {
        &self.plan.steps()[step]
    }

    fn reads(&self, step: usize) -> impl Iterator<Item = ValueId> {
        self.step(step).args.iter().filter_map(Arg::value)
    }

    fn shape(&self, step: usize) -> &'p [usize] {
        &self.shapes[self.step(step).result.index()]
    }

    /// The steps in order, of which those that share a kernel stand where the last of them stood.
    fn work(&self, steps: &[usize]) -> Vec<Whole> {
        let kernels = self.kernels(steps);
        let of: HashMap<usize, &Vec<usize>> =
            kernels.iter().flat_map(|members| members.iter().map(move |m| (*m, members))).collect();
        let id = |step: &usize| StepId(*step as u32);
        let work = steps.iter().filter_map(|step| match of.get(step) {
            None => Some(Whole::Step(id(step))),
            Some(members) => {
                (members.last() == Some(step)).then(|| Whole::Fused(members.iter().map(id).collect()))
            }
        });
        work.collect()
    }

    /// The stage of each step: an elementwise step that only whole values of later stages read waits for
    /// them, to share their kernel.
    fn stages_of_steps(&self, batch: &Batch) -> Vec<usize> {
        let is_whole = |v: ValueId| matches!(batch.part(v), Part::Whole(_));
        let stage = |step: &Step| batch.part(step.result).stage().index();
        let mut stages: Vec<usize> = self.plan.steps().iter().map(stage).collect();
        for (i, step) in self.plan.steps().iter().enumerate().rev() {
            let readers = &self.readers[step.result.index()];
            let patient = readers.iter().all(|j| is_whole(self.step(*j).result));
            let kept = self.plan.outputs().iter().any(|o| o.value == step.result);
            if is_whole(step.result) && !kept && patient && self.is_elementwise(i) {
                stages[i] = readers.iter().map(|j| stages[*j]).min().unwrap_or(stages[i]);
            }
        }
        stages
    }

    /// Which of some steps share a kernel: elementwise ones of a shape, but those that a step between them
    /// has to read, which may share another.
    fn kernels(&self, steps: &[usize]) -> Vec<Vec<usize>> {
        let mut by_shape: IndexMap<&[usize], Vec<usize>> = IndexMap::new();
        for step in steps.iter().copied().filter(|s| self.is_elementwise(*s)) {
            by_shape.entry(self.shape(step)).or_default().push(step);
        }
        let mut found: Vec<Vec<usize>> = vec![];
        for (_, mut members) in by_shape {
            let patient = self.patient(steps, &members);
            members.retain(|m| patient.binary_search(m).is_err());
            let others = self.runs(steps, &members);
            found.extend(std::iter::once(patient).chain(others));
        }
        found.iter_mut().for_each(|kernel| self.drop_spread(kernel));
        found.retain(|kernel| !kernel.is_empty());
        found
    }

    /// The members in kernels of their own, each from where a step first has to read the one before.
    fn runs(&self, steps: &[usize], members: &[usize]) -> Vec<Vec<usize>> {
        let (mut runs, mut run, mut needed) = (vec![], vec![], HashSet::new());
        for step in steps.iter().rev() {
            if members.binary_search(step).is_err() {
                needed.extend(self.reads(*step));
                continue;
            }
            if needed.contains(&self.step(*step).result) {
                runs.push(std::mem::take(&mut run));
                needed.clear();
            }
            run.push(*step);
        }
        runs.push(run);
        runs.iter_mut().for_each(|run: &mut Vec<usize>| run.reverse());
        runs
    }

    /// Whether a step computes each element from the same elements, or is the same number everywhere.
    fn is_elementwise(&self, step: usize) -> bool {
        let shape_of = |v: ValueId| self.shapes[v.index()].as_slice();
        match &self.step(step).op {
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => {
                self.reads(step).all(|v| shape_of(v) == self.shape(step))
            }
            // The number itself is of another shape: it is no member.
            Op::Broadcast(_) => {
                let one = |shape: &[usize]| shape.iter().product::<usize>() == 1;
                !one(self.shape(step)) && self.reads(step).all(|v| one(shape_of(v)))
            }
            _ => false,
        }
    }

    /// Leaves out broadcasts that other steps than the members read: those read whole values.
    fn drop_spread(&self, members: &mut Vec<usize>) {
        let all = members.clone();
        members.retain(|member| {
            let Step { op, result, .. } = self.step(*member);
            !matches!(op, Op::Broadcast(_)) || !self.is_wanted(*result, &all)
        });
    }

    /// The members that can wait for the last one: neither a step between them that is no member nor one
    /// that cannot wait reads them.
    fn patient(&self, steps: &[usize], members: &[usize]) -> Vec<usize> {
        let (first, last) = (members.first().copied().unwrap_or(0), members.last().copied().unwrap_or(0));
        let between =
            steps.iter().filter(|s| (first..last).contains(*s) && members.binary_search(s).is_err());
        let mut needed: HashSet<ValueId> = between.flat_map(|s| self.reads(*s)).collect();
        let mut patient = vec![];
        // Readers come after the values that they read.
        for member in members.iter().rev() {
            match needed.contains(&self.step(*member).result) {
                true => needed.extend(self.reads(*member)),
                false => patient.push(*member),
            }
        }
        patient.reverse();
        patient
    }

    /// The kernel of steps that share one.
    pub(super) fn kernel(
        &self,
        draft: &mut Draft<'_>,
        members: &[StepId],
    ) -> Result<Pointwise, (StepId, String)> {
        let plan = draft.plan;
        let indices: Vec<usize> = members.iter().map(|s| s.index()).collect();
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
                        let number =
                            dim.number(draft.dims, plan.number_type(step)).map_err(|why| (id, why))?;
                        Operand::Number(number)
                    }
                    Arg::Value(v) => {
                        let register = registers.get(v).copied();
                        Operand::Register(
                            register.unwrap_or_else(|| load(draft, (&mut body, elements), *v, id)),
                        )
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
            if self.is_wanted(step.result, &indices) {
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

    /// Whether other steps than the members (in order) read a value, or the plan ends with it.
    fn is_wanted(&self, value: ValueId, members: &[usize]) -> bool {
        let outside = |step: &usize| members.binary_search(step).is_err();
        self.ends[value.index()] || self.readers[value.index()].iter().any(outside)
    }
}

/// A load of the element of a whole value, or of the only one of a value with one for all.
fn load(
    draft: &mut Draft<'_>,
    (body, elements): (&mut Body, usize),
    value: ValueId,
    step: StepId,
) -> Register {
    let buffer = draft.held(value);
    let one = elements != 1 && draft.row(value).iter().product::<usize>() == 1;
    let access = Access { row: usize::from(!one), element: 0 };
    let dtype = draft.plan.value(value).dtype;
    body.push(Instr { operation: Operation::Load { buffer, access }, dtype, len: 1, step })
}
