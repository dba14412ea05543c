//! Elementwise steps on whole values of one shape, such as an optimizer's, taken together: block by block
//! through all of them, so that what lies between never leaves the first cache.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dl_core::ops::Op;
use dl_core::plan::{Arg, Plan, Step, ValueId};
use dl_core::{DType, Dims};

use super::body::embody;
use super::build::Built;
use super::group::{Instr, Kind, Operand};
use super::lane::{Home, Member, Place, Scene, Span};
use super::place::{Buffer, Buffers, Group, Phase};
use super::slots::{Few, Held, Part, Shared, Slot, share, typed};
use super::update::{close, open};
use super::{BLOCK, Cut};
use crate::cpu::array::Array;
use crate::cpu::compile::{number, size_of};
use crate::cpu::frame::Values;
use crate::cpu::lanes::CHUNK;
use crate::cpu::matmul::Kernels;
use crate::cpu::parameter::Parameter;
use crate::cpu::pool::Pool;
use crate::cpu::team::Team;
use crate::cpu::vector::Isa;
use crate::error::Result;
use crate::executor::Call;

/// Elements from which on steps are taken together.
pub(super) const LEAST: usize = 32;

/// Steps of one shape.
pub(super) struct Fused {
    /// The plan's steps, in order.
    pub steps: Vec<usize>,
    pub group: Group,
    homes: Vec<Home>,
    buffers: Vec<Buffer>,
    results: Vec<Outcome>,
    len: usize,
    /// Whole values that nothing needs afterwards.
    pub frees: Vec<usize>,
    /// What threads have that are not at work.
    resting: Mutex<Vec<Member>>,
}

/// What somebody else reads.
struct Outcome {
    /// Its place among the homes.
    home: usize,
    value: ValueId,
    /// The parameter, by the plan's list, that it is written over: nothing needs the old value any more.
    over: Option<usize>,
    /// The buffer that a block of it has, unless a body writes it where it belongs.
    buffer: Place,
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
pub(super) fn fuse(
    plan: &Plan,
    (dims, code): (&Dims, bool),
    shapes: &[Vec<usize>],
    steps: &[usize],
) -> Vec<Fused> {
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
            found.extend(Fusion::new(plan, dims, shapes, shape).fused(&members, code));
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

/// The values that others than the members read, or that the plan ends with.
pub(super) fn wanted(plan: &Plan, members: &[usize]) -> Vec<ValueId> {
    let others = plan.steps().iter().enumerate().filter(|(i, _)| !members.contains(i));
    let read = others.flat_map(|(_, s)| s.args.iter().filter_map(Arg::value));
    let ends = plan.outputs().iter().map(|o| o.value);
    read.chain(ends).chain(plan.parameters().iter().filter_map(|p| p.update)).collect()
}

/// Whether a step makes a broadcast that others than the members read, who want it whole.
fn spread(plan: &Plan, step: usize, members: &[usize]) -> bool {
    let Step { op, result, .. } = &plan.steps()[step];
    matches!(op, Op::Broadcast(_)) && wanted(plan, members).contains(result)
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
    fn fused(mut self, members: &[usize], code: bool) -> Option<Fused> {
        for member in members {
            self.add(*member)?;
        }
        let mut results = self.results(members);
        let mut phases = [vec![Phase::Group(Group { instrs: self.instrs, rows: BLOCK, ..Group::default() })]];
        let mut built = Built { homes: self.homes, ..Built::default() };
        built.outputs = results.iter().map(|r| Some(r.home)).collect();
        if code {
            embody(&built, &mut phases);
        }
        let buffers = Buffers::new(&built, &phases).give(&mut built, &phases);
        let [mut phases] = phases;
        let Some(Phase::Group(group)) = phases.pop() else { return None };
        for (k, result) in results.iter_mut().enumerate() {
            let home = &mut built.homes[result.home];
            result.buffer = home.place;
            if group.bodies.iter().any(|body| body.outs.contains(&result.home)) {
                home.place = Place::Part(k);
            }
        }
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
    fn results(&self, members: &[usize]) -> Vec<Outcome> {
        let wanted = wanted(self.plan, members);
        let made = self.instrs.iter().map(|i| (i.out, self.plan.steps()[i.step].result));
        let made = made.filter(|(_, value)| wanted.contains(value));
        made.map(|(home, value)| Outcome { home, value, over: None, buffer: Place::Open }).collect()
    }
}

/// What a run of them needs.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub isa: Isa,
    pub kernels: Kernels,
    pub team: Option<&'a Team>,
}

impl Fused {
    /// How many elements each step has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The parameters, by the plan's list, that have their new values when this has run.
    pub(super) fn replaced(&self) -> impl Iterator<Item = usize> {
        self.results.iter().filter_map(|r| r.over)
    }

    /// Writes new values of parameters over old ones that nobody reads any more, where neither a tile nor
    /// one of the `later` steps comes after that might.
    pub(super) fn replace(&mut self, plan: &Plan, later: &[usize]) {
        if later.iter().any(|s| may_fail(&plan.steps()[*s].op)) {
            return;
        }
        let reads = |step: usize, v: ValueId| plan.steps()[step].args.iter().any(|a| a.value() == Some(v));
        let others: Vec<usize> = (0..plan.steps().len()).filter(|s| !self.steps.contains(s)).collect();
        for (k, result) in self.results.iter_mut().enumerate() {
            let mut updated =
                plan.parameters().iter().enumerate().filter(|(_, p)| p.update == Some(result.value));
            let (Some((i, parameter)), None) = (updated.next(), updated.next()) else { continue };
            let Some(old) = parameter.value else { continue };
            let ends = plan.outputs().iter().map(|o| o.value);
            let mut ends = ends.chain(plan.parameters().iter().filter_map(|p| p.update));
            let kept = ends.any(|v| v == old) || plan.outputs().iter().any(|o| o.value == result.value);
            let read = later.iter().any(|s| reads(*s, old)) || others.iter().any(|s| reads(*s, result.value));
            let whole = self.homes.iter().any(|h| h.place == Place::Whole(old.index()));
            if kept || read || whole || plan.value(old).dtype != plan.value(result.value).dtype {
                continue;
            }
            result.over = Some(i);
            for home in self.homes.iter_mut().filter(|h| h.place == Place::Elements(old.index())) {
                home.place = Place::Part(k);
            }
            // What a body writes over nothing may read after it.
            let old = |home: &usize| self.homes[*home].place == Place::Part(k) && *home != result.home;
            let body = self.group.bodies.iter().find(|body| body.outs.contains(&result.home));
            let after = body.map_or(self.group.instrs.len(), |body| body.instrs.end);
            if self.group.instrs[after..].iter().any(|i| i.kind.inputs().iter().any(old)) {
                self.homes[result.home].place = result.buffer;
            }
        }
    }

    /// Takes all elements through all steps.
    pub(super) fn run<'a>(
        &self,
        plan: &Plan,
        values: &mut Values<'a>,
        shape: &[usize],
        (call, pool): (&mut Call<'a>, &mut Pool),
        around: Around<'_>,
    ) -> Result<()> {
        let mut results: Few<Slot> = Few::new();
        for result in &self.results {
            results.push(match result.over {
                Some(i) => {
                    let old = plan.parameters()[i].value.expect("it has one that is written over");
                    values[old.index()] = None;
                    open(parameter(call, i)?, pool)
                }
                None => typed!(self.homes[result.home].dtype, T => T::from_vec(pool.take::<T>(self.len))),
            });
        }
        self.elements(&mut results, values, (call.seed, call.step), around);
        for (result, slot) in self.results.iter().zip(results) {
            match result.over {
                Some(i) => close(parameter(call, i)?, slot),
                None => values[result.value.index()] = Some(slot.into_array(pool, shape)),
            }
        }
        for freed in &self.frees {
            if let Some(value) = values[*freed].take() {
                pool.recycle(value);
            }
        }
        Ok(())
    }

    /// Fills the results, parts of them by whichever thread is free.
    fn elements(
        &self,
        results: &mut [Slot],
        values: &[Option<Array<'_>>],
        moment: (u64, u64),
        around: Around<'_>,
    ) {
        let members = around.team.map_or(1, Team::members);
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        while resting.len() < members {
            resting.push(self.member());
        }
        drop(resting);
        let work = |first: usize, parts: &mut [Part<'_>]| {
            let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut member = resting.unwrap_or_else(|| self.member());
            self.part(first, parts, &mut member, (values, moment), around);
            self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(member);
        };
        share(around.team, results, CHUNK, &work);
    }

    /// Whether it is one body, whose values are in registers and where they belong, and nowhere else.
    fn is_body(&self) -> bool {
        let [body] = &self.group.bodies[..] else { return false };
        let placed = |r: &Outcome| matches!(self.homes[r.home].place, Place::Part(_));
        body.instrs.len() == self.group.instrs.len() && self.results.iter().all(placed)
    }

    fn member(&self) -> Member {
        Member::alone(&self.buffers, &Cut { rows: BLOCK, lane: BLOCK, tile: BLOCK })
    }

    /// The elements from `first` on, as many as the results' parts have.
    fn part(
        &self,
        first: usize,
        parts: &mut [Part<'_>],
        member: &mut Member,
        (values, (seed, step)): (&[Option<Array<'_>>], (u64, u64)),
        around: Around<'_>,
    ) {
        let len = parts.first().map_or(0, Part::len);
        let places: Few<Shared> = parts.iter_mut().map(Shared::of_part).collect();
        let block = if self.is_body() { len.max(1) } else { BLOCK };
        for start in (0..len).step_by(block) {
            member.look(&[]);
            let rows = block.min(len - start);
            let scene = Scene {
                homes: &self.homes,
                inputs: &[],
                wholes: values,
                known: &[],
                packed: &[],
                slots: member.table(),
                converts: &[],
                converted: &[],
                tile: 1,
                parts: &places,
                kernels: around.kernels,
                isa: around.isa,
                seed,
                step,
            };
            let start = first + start;
            let span = Span { start, rows, lane: start, tile: first, columns: false };
            self.group.block(&scene, span, &mut []).expect("elementwise operations do not fail");
            for (result, part) in self.results.iter().zip(&places) {
                if matches!(self.homes[result.home].place, Place::Part(_)) {
                    continue;
                }
                typed!(self.homes[result.home].dtype, T => {
                    let made = member.get::<T>(self.homes[result.home].place);
                    // SAFETY: the part is borrowed, and nothing else is at work on it.
                    unsafe { part.write::<T>(start - first, rows) }.copy_from_slice(&made[..rows]);
                });
            }
        }
    }
}

fn parameter<'c>(call: &'c mut Call<'_>, index: usize) -> Result<&'c mut Parameter> {
    call.parameters[call.slots[index]].get_mut()
}

/// Whether an operation may find something wrong when it runs.
pub(super) fn may_fail(op: &Op) -> bool {
    matches!(op, Op::Gather { .. } | Op::ScatterAdd { .. })
}
