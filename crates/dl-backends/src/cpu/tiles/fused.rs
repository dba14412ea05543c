//! Elementwise steps on whole values of one shape, such as an optimizer's, taken together: block by block
//! through all of them, so that what lies between never leaves the first cache.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dl_core::ops::Op;
use dl_core::plan::{Arg, Plan, Step, ValueId};
use dl_core::{DType, Dims};

use super::build::Built;
use super::group::{Instr, Kind, Operand};
use super::lane::{Home, Place, Scene, Span};
use super::place::{Buffer, Buffers, Group, Phase};
use super::slots::{Held, Part, Slot, typed};
use super::{BLOCK, Cut};
use crate::cpu::array::{Array, Item, View};
use crate::cpu::compile::{number, size_of};
use crate::cpu::lanes::CHUNK;
use crate::cpu::matmul::{Kernels, Room};
use crate::cpu::pool::Pool;
use crate::cpu::team::Team;
use crate::cpu::vector::Isa;

/// Elements from which on steps are taken together.
pub(super) const LEAST: usize = 2 * BLOCK;

/// Steps of one shape.
pub(super) struct Fused {
    /// The plan's steps, in order.
    pub steps: Vec<usize>,
    pub group: Group,
    homes: Vec<Home>,
    buffers: Vec<Buffer>,
    /// What somebody else reads: its home here, and the plan's value.
    results: Vec<(usize, ValueId)>,
    len: usize,
    /// Whole values that nothing needs afterwards.
    pub frees: Vec<usize>,
    /// Buffers of threads that are not at work.
    resting: Mutex<Vec<Vec<Slot>>>,
}

/// What makes up a [`Fused`].
struct Fusion<'p> {
    plan: &'p Plan,
    dims: &'p Dims,
    shapes: &'p [Vec<usize>],
    /// Those that are taken.
    shape: &'p [usize],
    homes: Vec<Home>,
    operands: HashMap<ValueId, Operand>,
    instrs: Vec<Instr>,
}

/// Which of some steps can be taken together with the last of them, at its place: all elementwise ones of
/// its shape, but those that a step in between has to read.
pub(super) fn fuse(plan: &Plan, dims: &Dims, shapes: &[Vec<usize>], steps: &[usize]) -> Vec<Fused> {
    let of = |step: usize| shapes[plan.steps()[step].result.index()].as_slice();
    let mut found: Vec<Fused> = vec![];
    for (i, step) in steps.iter().enumerate() {
        let shape = of(*step);
        let first = steps[..i].iter().all(|s| of(*s) != shape);
        if !first || shape.iter().product::<usize>() < LEAST {
            continue;
        }
        let fits = |s: &usize| of(*s) == shape && elementwise(plan, shapes, *s);
        let members: Vec<usize> = steps[i..].iter().copied().filter(fits).collect();
        let members: Vec<usize> = members.iter().copied().filter(|m| !spread(plan, *m, &members)).collect();
        let members = patient(plan, steps, &members);
        if members.len() > 1 {
            found.extend(Fusion::new(plan, dims, shapes, shape).fused(&members));
        }
    }
    found
}

/// Whether a step computes each element from the same elements, or is a scalar everywhere.
pub(super) fn elementwise(plan: &Plan, shapes: &[Vec<usize>], step: usize) -> bool {
    let Step { op, args, .. } = &plan.steps()[step];
    let one = || args[0].value().is_some_and(|v| shapes[v.index()].iter().product::<usize>() == 1);
    match op {
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => true,
        Op::Broadcast(_) => one(),
        _ => false,
    }
}

/// Whether a step makes a broadcast that others than the members read, who want it whole.
fn spread(plan: &Plan, step: usize, members: &[usize]) -> bool {
    let Step { op, result, .. } = &plan.steps()[step];
    let others = plan.steps().iter().enumerate().filter(|(i, _)| !members.contains(i));
    let read = others.flat_map(|(_, s)| s.args.iter().filter_map(Arg::value));
    let ends = plan.outputs().iter().map(|o| o.value);
    let ends = ends.chain(plan.parameters().iter().filter_map(|p| p.update));
    matches!(op, Op::Broadcast(_)) && ends.chain(read).any(|v| v == *result)
}

/// The members that can wait for the last one: neither a step of another kind nor one that cannot wait
/// reads them before.
fn patient(plan: &Plan, steps: &[usize], members: &[usize]) -> Vec<usize> {
    let last = members.last().copied().unwrap_or(0);
    let read = |step: usize| plan.steps()[step].args.iter().filter_map(Arg::value);
    let between = steps.iter().filter(|s| **s < last && !members.contains(s));
    let mut wanted: Vec<ValueId> = between.flat_map(|s| read(*s)).collect();
    let mut patient = vec![];
    // Readers come after what they read.
    for member in members.iter().rev() {
        match wanted.contains(&plan.steps()[*member].result) {
            true => wanted.extend(read(*member)),
            false => patient.push(*member),
        }
    }
    patient.reverse();
    patient
}

impl<'p> Fusion<'p> {
    fn new(plan: &'p Plan, dims: &'p Dims, shapes: &'p [Vec<usize>], shape: &'p [usize]) -> Self {
        Fusion { plan, dims, shapes, shape, homes: vec![], operands: HashMap::new(), instrs: vec![] }
    }

    /// The members, if all their operands are such as a group takes.
    fn fused(mut self, members: &[usize]) -> Option<Fused> {
        for member in members {
            self.add(*member)?;
        }
        let results = self.results(members);
        let phases =
            [vec![Phase::Group(Group { instrs: self.instrs, rows: BLOCK, inputs: vec![], columns: false })]];
        let mut built = Built { homes: self.homes, ..Built::default() };
        built.outputs = results.iter().map(|(home, _)| Some(*home)).collect();
        let buffers = Buffers::new(&built, &phases).give(&mut built, &phases);
        let [mut phases] = phases;
        let Some(Phase::Group(group)) = phases.pop() else { return None };
        Some(Fused {
            steps: members.to_vec(),
            group,
            homes: built.homes,
            buffers,
            results,
            len: self.shape.iter().product(),
            frees: vec![],
            resting: Mutex::default(),
        })
    }

    fn add(&mut self, step: usize) -> Option<()> {
        let Step { op, args, result, .. } = &self.plan.steps()[step];
        let dtype = self.plan.value(*result).dtype;
        let of = |v: ValueId| self.plan.value(v).dtype;
        if let Op::Broadcast(_) = op {
            let home = self.home(Place::Whole(args[0].value()?.index()), dtype);
            self.operands.insert(*result, Operand::Same(home));
            return Some(());
        }
        let operands: Vec<Operand> = args.iter().map(|a| self.operand(step, a)).collect::<Option<_>>()?;
        let kind = match (op, &operands[..]) {
            (Op::Unary(op), [x]) => Kind::Unary(*op, *x),
            (Op::Binary(op), [x, y]) => {
                let beside = args.iter().find_map(Arg::value).unwrap_or(*result);
                Kind::Binary(*op, of(beside), *x, *y)
            }
            (Op::Select, [c, a, b]) => Kind::Select(*c, *a, *b),
            (Op::Cast, [x]) if args[0].value().map(of) == Some(dtype) => Kind::Copy(*x),
            (Op::Cast, [x]) => Kind::Cast(args[0].value().map(of)?, *x),
            _ => return None,
        };
        let out = self.home(Place::Open, dtype);
        self.instrs.push(Instr { kind, dtype, out, len: 1, step });
        self.operands.insert(*result, Operand::Rows(out));
        Some(())
    }

    fn home(&mut self, place: Place, dtype: DType) -> usize {
        self.homes.push(Home { place, dtype, len: 1 });
        self.homes.len() - 1
    }

    fn operand(&mut self, step: usize, arg: &Arg) -> Option<Operand> {
        match arg {
            Arg::Constant(number) => Some(Operand::Number(*number)),
            Arg::Extent(dim) => {
                let dtype = number(self.plan, &self.plan.steps()[step]);
                size_of(dim, self.dims, dtype).ok().map(Operand::Number)
            }
            Arg::Value(v) => {
                if let Some(known) = self.operands.get(v) {
                    return Some(*known);
                }
                if self.shapes[v.index()] != self.shape {
                    return None;
                }
                let home = self.home(Place::Elements(v.index()), self.plan.value(*v).dtype);
                self.operands.insert(*v, Operand::Rows(home));
                Some(Operand::Rows(home))
            }
        }
    }

    /// What somebody else reads.
    fn results(&self, members: &[usize]) -> Vec<(usize, ValueId)> {
        let others = self.plan.steps().iter().enumerate().filter(|(i, _)| !members.contains(i));
        let read = others.flat_map(|(_, s)| s.args.iter().filter_map(Arg::value));
        let ends = self.plan.outputs().iter().map(|o| o.value);
        let ends = ends.chain(self.plan.parameters().iter().filter_map(|p| p.update));
        let read: Vec<ValueId> = read.chain(ends).collect();
        let made = self.instrs.iter().map(|i| (i.out, self.plan.steps()[i.step].result));
        made.filter(|(_, value)| read.contains(value)).collect()
    }
}

/// What a run of them needs.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub isa: Isa,
    pub kernels: Kernels,
    pub team: Option<&'a Team>,
    pub seed: u64,
    pub step: u64,
}

impl Fused {
    /// Takes all elements through all steps.
    pub(super) fn run<'a>(
        &self,
        values: &mut [Option<Array<'a>>],
        shapes: &[Vec<usize>],
        pool: &mut Pool,
        around: Around<'_>,
    ) {
        let dtype = |home: usize| self.homes[home].dtype;
        let taken = |(home, _): &(usize, ValueId)| typed!(dtype(*home), T => <T as Held>::from_vec(pool.take::<T>(self.len)));
        let mut results: Vec<Slot> = self.results.iter().map(taken).collect();
        self.elements(&mut results, values, around);
        for ((home, value), slot) in self.results.iter().zip(results) {
            let shape = &shapes[value.index()];
            let array = typed!(dtype(*home), T => T::wrap_view(View::dense(T::into_vec(slot), shape)));
            values[value.index()] = Some(array);
        }
        for freed in &self.frees {
            if let Some(value) = values[*freed].take() {
                pool.recycle(value);
            }
        }
    }

    /// Fills the results, parts of them by whichever thread is free.
    fn elements(&self, results: &mut [Slot], values: &[Option<Array<'_>>], around: Around<'_>) {
        let size = if around.team.is_some() { CHUNK } else { self.len };
        let mut parts: Vec<Vec<Part<'_>>> = (0..self.len.div_ceil(size)).map(|_| vec![]).collect();
        for slot in results {
            parts.iter_mut().zip(slot.parts(size)).for_each(|(parts, part)| parts.push(part));
        }
        let parts: Vec<Mutex<Vec<Part<'_>>>> = parts.into_iter().map(Mutex::new).collect();
        let work = |index: usize| {
            let mut results = parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut slots = resting.unwrap_or_else(|| self.slots());
            self.part(index * size, &mut results, &mut slots, values, around);
            self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(slots);
        };
        match around.team {
            Some(team) => team.each(parts.len(), &work),
            None => (0..parts.len()).for_each(work),
        }
    }

    fn slots(&self) -> Vec<Slot> {
        let cut = Cut { rows: BLOCK, lane: BLOCK, tile: BLOCK };
        self.buffers.iter().map(|b| Slot::new(b.dtype, b.elements(&cut))).collect()
    }

    /// The elements from `first` on, as many as the results' parts have.
    fn part(
        &self,
        first: usize,
        results: &mut [Part<'_>],
        slots: &mut [Slot],
        values: &[Option<Array<'_>>],
        around: Around<'_>,
    ) {
        let mut scene = Scene {
            homes: &self.homes,
            inputs: &[],
            wholes: values,
            known: &[],
            packed: &[],
            slots,
            workspace: &mut Room::default(),
            kernels: around.kernels,
            isa: around.isa,
            seed: around.seed,
            step: around.step,
        };
        let end = first + results.first().map_or(0, Part::len);
        for start in (first..end).step_by(BLOCK) {
            let rows = BLOCK.min(end - start);
            let span = Span { start, rows, lane: start, tile: start, columns: false };
            for instr in &self.group.instrs {
                instr.run(&mut scene, span, &mut []).expect("elementwise operations do not fail");
            }
            for ((home, _), part) in self.results.iter().zip(results.iter_mut()) {
                typed!(self.homes[*home].dtype, T => {
                    part.get_mut::<T>()[start - first..][..rows].copy_from_slice(scene.rows(*home, span, 1));
                });
            }
        }
    }
}
