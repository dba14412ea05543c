//! Which values lie in 16 bits between kernels, where the executor stores them so.
//!
//! Those are the activations of a batch, their gradients on the way back, and what scans keep of each step: buffers
//! of `f32` with a row for each example. 32 bits keep what 16 would change the meaning of:
//!
//! - what the caller sees: inputs, outputs, parameters and whatever becomes of them;
//! - whole values: gradients of parameters, moments of optimizers, losses, statistics of a batch, weights and tables;
//! - sums and products of a row, and what is made of nothing else: means, variances, logarithms of sums of exponentials;
//!   so also counts and what they are divided by;
//! - what goes from step to step of a scan, and its history where that is the same memory: small terms would be lost in
//!   running sums;
//! - what only moves inputs; floats made of `i64`, which may be indices; uniform numbers, which would round to 1;
//! - what a kernel leaves for its own next launch: shares of long sums, windows that add up.
//!
//! A value is rounded where it is made, once: the kernel that makes it goes on with the number that it stores, and one
//! that makes it anew rounds it, too. So an element is still equal to the maximum that was found among its like, and
//! a step is a function of rounded values, whatever kernels it goes by.

use std::collections::{HashMap, HashSet};

use dl_core::DType;
use dl_core::ops::{Op, Reduce};
use dl_core::schedule::{
    Body, BufferId, Content, Kernel, Layout, Loop, Operand, Operation, Register, Schedule, StepId, Taken,
};

use super::elements::Form;
use crate::burn::Storage;

/// What is known of a number's making. A movement gives the last of its operands'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A sum of a row, a constant, a count, or made of such.
    Statistic,
    /// What the caller brings along, or what goes from step to step.
    Given,
    /// Made of something given.
    Activation,
}

/// The buffers whose elements lie in 16 bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Halves {
    storage: Storage,
    buffers: HashSet<BufferId>,
    /// The elementwise steps whose results they are.
    steps: HashMap<StepId, BufferId>,
}

impl Halves {
    /// Those of a schedule.
    pub(super) fn new(schedule: &Schedule, storage: Storage) -> Halves {
        if storage == Storage::F32 {
            return Halves::default();
        }
        let buffers = Finding::of(schedule).halves();
        let steps = schedule.plan().steps().iter().zip(0..).filter_map(|(step, i)| {
            let elementwise = matches!(step.op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast);
            let buffer = schedule.buffer_of(step.result).filter(|b| elementwise && buffers.contains(b));
            Some((StepId(i), buffer?))
        });
        Halves { storage, steps: steps.collect(), buffers }
    }

    /// How the elements of a buffer lie.
    pub(super) fn storage(&self, buffer: BufferId) -> Storage {
        if self.buffers.contains(&buffer) { self.storage } else { Storage::F32 }
    }

    /// A buffer's elements lie elsewhere, in 32 bits.
    pub(super) fn leave(&mut self, buffer: BufferId) {
        self.buffers.remove(&buffer);
    }

    /// The registers of a body that are rounded, as memory has them.
    pub(super) fn rounded(&self, body: &Body) -> HashMap<Register, Form> {
        let mut rounded = HashMap::new();
        for (instr, i) in body.instrs.iter().zip(0..) {
            let (register, buffer) = match instr.operation {
                Operation::Store { buffer, of } => (of, buffer),
                Operation::Unary { .. }
                | Operation::Binary { .. }
                | Operation::Select(..)
                | Operation::Cast { .. } => match self.steps.get(&instr.step) {
                    Some(buffer) => (Register(i), *buffer),
                    None => continue,
                },
                _ => continue,
            };
            if self.buffers.contains(&buffer) {
                rounded.insert(register, Form { dtype: instr.dtype, storage: self.storage });
            }
        }
        rounded
    }
}

/// What is known of buffers while a schedule is looked through.
struct Finding<'s> {
    schedule: &'s Schedule,
    kinds: Vec<Option<Kind>>,
    /// Those that stay as they are whatever their kind.
    fixed: HashSet<BufferId>,
    loops: Vec<&'s Loop>,
}

impl<'s> Finding<'s> {
    fn of(schedule: &'s Schedule) -> Self {
        let plan = schedule.plan();
        let mut finding = Finding {
            schedule,
            kinds: vec![None; schedule.buffers().len()],
            fixed: HashSet::new(),
            loops: vec![],
        };
        finding.fixed.extend(schedule.outputs());
        for slot in plan.parameters() {
            finding.fixed.extend(slot.update.and_then(|value| schedule.buffer_of(value)));
        }
        schedule.kernels().for_each(|(_, kernel)| finding.kernel(kernel));
        finding
    }

    /// The buffers that may lie in 16 bits, and need not agree with others that may not.
    fn halves(self) -> HashSet<BufferId> {
        let all = (0..self.schedule.buffers().len() as u32).map(BufferId);
        let mut halves: HashSet<BufferId> = all.filter(|buffer| self.may(*buffer)).collect();
        // What a step takes is as all of its sequence is, and what it leaves as what becomes of it.
        loop {
            let before = halves.len();
            for looped in &self.loops {
                for Taken { all, one, .. } in &looped.elements {
                    if !halves.contains(all) {
                        halves.remove(one);
                    }
                }
                for Taken { all, one, .. } in &looped.stacks {
                    if !(halves.contains(all) && halves.contains(one)) {
                        halves.remove(all);
                        halves.remove(one);
                    }
                }
            }
            if halves.len() == before {
                return halves;
            }
        }
    }

    fn may(&self, buffer: BufferId) -> bool {
        let known = self.schedule.buffer(buffer);
        known.dtype == DType::F32
            && matches!(known.layout, Layout::Rows(_))
            && self.kinds[buffer.index()] == Some(Kind::Activation)
            && !self.fixed.contains(&buffer)
    }

    fn kernel(&mut self, kernel: &'s Kernel) {
        match kernel {
            Kernel::Pointwise(pointwise) => self.body(&pointwise.body),
            Kernel::Product(product) => {
                product.out.into_iter().for_each(|out| self.learn(out, Kind::Activation));
                product.epilogue.iter().for_each(|body| self.body(body));
            }
            Kernel::Opaque(opaque) => {
                let moves = matches!(
                    self.schedule.plan().steps()[opaque.step.index()].op,
                    Op::Reshape | Op::Permute(_) | Op::Broadcast(_)
                );
                let of = opaque.args.iter().filter_map(|arg| arg.buffer()).map(|buffer| self.kind(buffer));
                let kind = of.max().filter(|_| moves).unwrap_or(Kind::Statistic);
                opaque.outs.iter().for_each(|out| self.learn(*out, kind));
            }
            Kernel::Loop(looped) => self.looped(looped),
        }
    }

    fn looped(&mut self, looped: &'s Loop) {
        for taken in &looped.elements {
            self.learn(taken.one, self.kind(taken.all));
        }
        for carry in &looped.carries {
            for buffer in [carry.value, Some(carry.next), carry.last].into_iter().flatten() {
                self.fixed.insert(buffer);
            }
            carry.value.into_iter().chain(carry.last).for_each(|buffer| self.learn(buffer, Kind::Given));
        }
        looped.body.iter().for_each(|kernel| self.kernel(kernel));
        for taken in &looped.stacks {
            self.learn(taken.all, self.kind(taken.one));
        }
        self.loops.push(looped);
    }

    fn learn(&mut self, buffer: BufferId, kind: Kind) {
        self.kinds[buffer.index()] = Some(kind);
    }

    fn kind(&self, buffer: BufferId) -> Kind {
        let known = matches!(self.schedule.buffer(buffer).content, Content::Known(_));
        let otherwise = if known { Kind::Statistic } else { Kind::Given };
        self.kinds[buffer.index()].unwrap_or(otherwise)
    }

    fn body(&mut self, body: &Body) {
        let mut kinds: Vec<Kind> = vec![];
        for instr in &body.instrs {
            let kind = self.instr(&instr.operation, body, &kinds);
            if let Some(buffer) = instr.operation.written() {
                self.learn(buffer, kind);
            }
            kinds.push(kind);
        }
    }

    fn instr(&self, operation: &Operation, body: &Body, kinds: &[Kind]) -> Kind {
        let float = |of: Register| body.instr(of).dtype.is_float();
        let of = |of: Register| if float(of) { kinds[of.index()] } else { Kind::Statistic };
        let made = |operands: &[Operand]| {
            let all = operands.iter().filter_map(|x| x.register()).map(of);
            match all.max() {
                None | Some(Kind::Statistic) => Kind::Statistic,
                Some(_) => Kind::Activation,
            }
        };
        match operation {
            Operation::Load { buffer, .. } | Operation::Lookup { table: buffer, .. } => self.kind(*buffer),
            Operation::Result => Kind::Activation,
            Operation::Unary { x, .. } => made(&[*x]),
            Operation::Binary { x, y, .. } => made(&[*x, *y]),
            Operation::Select(_, a, b) => made(&[*a, *b]),
            // Bytes and truth values are small numbers in any storage.
            Operation::Cast { from: DType::U8 | DType::Bool, .. } => Kind::Activation,
            Operation::Cast { from: DType::I64, .. } => Kind::Statistic,
            Operation::Cast { x, .. } => made(&[*x]),
            Operation::Reduce { kind: Reduce::Sum | Reduce::Prod, .. } => Kind::Statistic,
            Operation::Count { .. } | Operation::Random { .. } => Kind::Statistic,
            Operation::Copy(x) => x.register().map_or(Kind::Statistic, of),
            Operation::Reduce { of: x, .. }
            | Operation::Gather { of: x, .. }
            | Operation::Pick { from: x, .. }
            | Operation::Place { update: x, .. }
            | Operation::Store { of: x, .. }
            | Operation::Fold { of: x, .. }
            | Operation::Scatter { update: x, .. } => of(*x),
            Operation::Concat(parts) => parts.iter().map(|(x, _)| of(*x)).max().unwrap_or(Kind::Statistic),
        }
    }
}
