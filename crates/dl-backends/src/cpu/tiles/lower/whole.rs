//! Kernels on whole values: fused ones as groups over elements, all others as steps.

use dl_core::Schedule;
use dl_core::plan::Arg;
use dl_core::schedule::{
    Access, Content, Kernel, KernelId, Method, Opaque, Operation, Pointwise, Product, Register, Section,
};
use dl_core::schedule::{Instr as ScheduledInstr, Operand as ScheduledOperand};

use crate::cpu::compile::{Operand as StepOperand, prepare};
use crate::cpu::loops::CHUNK;
use crate::cpu::tiles::BLOCK;
use crate::cpu::tiles::data::home::{Home, Place};
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand, Work as Counted};
use crate::cpu::tiles::data::phase::{Group, Phase};
use crate::cpu::tiles::lower::buffers::Buffers;
use crate::cpu::tiles::lower::code::segments;
use crate::cpu::tiles::run::fused::{Fused, Outcome};
use crate::cpu::tiles::run::whole::{Whole, Work};
use crate::error::{Error, Result};

/// The kernels on whole values, by stage; with `code`, fused ones become machine code.
pub(crate) fn wholes(schedule: &Schedule, code: bool) -> Result<Vec<Vec<Work>>> {
    let mut stages: Vec<Vec<Work>> = schedule.stages().iter().map(|_| vec![]).collect();
    for (id, kernel) in schedule.kernels().filter(|(id, _)| id.section == Section::Whole) {
        let work = match kernel {
            Kernel::Pointwise(pointwise) => Work::Fused(fused(schedule, (id, pointwise), code)?),
            Kernel::Product(Product { step, .. }) | Kernel::Opaque(Opaque { step, .. }) => {
                Work::Step(whole(schedule, id, step.index())?)
            }
            Kernel::Loop(_) => unreachable!("loops are among the rows"),
        };
        stages[id.stage.index()].push(work);
    }
    Ok(stages)
}

/// The parameters that fused kernels write over.
pub(crate) fn replaced(stages: &[Vec<Work>]) -> Vec<usize> {
    let fused = stages.iter().flatten().filter_map(|work| match work {
        Work::Fused(fused) => Some(fused),
        Work::Step(_) => None,
    });
    fused.flat_map(Fused::replaced).collect()
}

fn whole(schedule: &Schedule, kernel: KernelId, step: usize) -> Result<Whole> {
    let plan = schedule.plan();
    let own = &plan.steps()[step];
    let origin = &plan.value(own.result).origin;
    let mut prepared =
        prepare(plan, schedule.shapes(), schedule.dims(), own).map_err(|why| Error::at(origin, why))?;
    let last: Vec<usize> = schedule.last_uses(kernel).map(|v| v.index()).collect();
    let mut frees = vec![];
    for (place, operand) in prepared.args.iter_mut().enumerate() {
        let (StepOperand::Shared(v) | StepOperand::Last(v)) = *operand else { continue };
        let again = own.args[place + 1..].iter().any(|a| a.value() == Some(v));
        let done = last.contains(&v.index()) && !again;
        *operand = if done { StepOperand::Last(v) } else { StepOperand::Shared(v) };
        frees.extend(done.then_some(v.index()));
    }
    let values = own.args.iter().filter_map(Arg::value).chain([own.result]);
    let large = values.map(|v| schedule.shape(v).iter().product::<usize>()).any(|n| n > CHUNK);
    Ok(Whole { kernel, step, prepared, frees, large })
}

/// A body over elements as a group, whose results are written over old values of parameters where the
/// schedule allows it.
fn fused(schedule: &Schedule, (kernel, pointwise): (KernelId, &Pointwise), code: bool) -> Result<Fused> {
    let mut homes: Vec<Home> = vec![];
    let (mut instrs, mut registers, mut results) = (vec![], vec![], vec![]);
    let (mut len, mut steps) = (0, vec![]);
    for (register, instr) in (0..).map(Register).zip(&pointwise.body.instrs) {
        let ScheduledInstr { operation, dtype, step, .. } = instr;
        let mut open = |place: Place| {
            homes.push(Home { place, dtype: *dtype, len: 1 });
            homes.len() - 1
        };
        let of = |x: &ScheduledOperand| match x {
            ScheduledOperand::Register(register) => registers[register.index()],
            ScheduledOperand::Number(number) => Operand::Number(*number),
        };
        let value = |buffer| match schedule.buffer(buffer).content {
            Content::Value(value) => Ok(value),
            _ => Err(Error::value("a buffer that holds no value")),
        };
        let kind = match operation {
            Operation::Load { buffer, access: Access { row, .. } } => {
                let place = value(*buffer)?.index();
                registers.push(match row {
                    0 => Operand::Same(open(Place::Whole(place))),
                    _ => Operand::Rows(open(Place::Elements(place))),
                });
                continue;
            }
            Operation::Store { buffer, of } => {
                let Operand::Rows(home) = registers[of.index()] else {
                    return Err(Error::value("a number is stored"));
                };
                results.push(Outcome { home, value: value(*buffer)?, over: None, buffer: Place::Open });
                len = schedule.buffer(*buffer).layout.len();
                registers.push(Operand::Rows(home));
                continue;
            }
            Operation::Unary { op, x, .. } => Kind::Unary(*op, of(x)),
            Operation::Binary { op, of: dtype, x, y } => Kind::Binary(*op, *dtype, of(x), of(y)),
            Operation::Select(c, a, b) => Kind::Select(of(c), of(a), of(b)),
            Operation::Cast { from, x } => Kind::Cast(*from, of(x)),
            Operation::Copy(x) => Kind::Copy(of(x)),
            _ => return Err(Error::value("a kernel on elements that is not elementwise")),
        };
        let out = open(Place::Open);
        registers.push(Operand::Rows(out));
        let work = Counted::of(&pointwise.body, register);
        instrs.push(Instr {
            kind,
            dtype: *dtype,
            out: Some(out),
            len: 1,
            lines: 1,
            step: step.index(),
            work,
        });
        steps.push(step.index());
    }
    let mut phases = [vec![Phase::Group(Group { instrs, rows: BLOCK, ..Group::default() })]];
    let outputs: Vec<Option<usize>> = results.iter().map(|r| Some(r.home)).collect();
    if code {
        segments(&homes, &outputs, &mut phases);
    }
    let buffers = Buffers::new(homes.len(), &outputs, &phases).give(&mut homes, &phases);
    let [mut phases] = phases;
    let Some(Phase::Group(group)) = phases.pop() else { unreachable!("one group was made") };
    for (k, result) in results.iter_mut().enumerate() {
        let home = &mut homes[result.home];
        result.buffer = home.place;
        if group.segments.iter().any(|segment| segment.outs.contains(&result.home)) {
            home.place = Place::Part(k);
        }
    }
    write_over(schedule, kernel, &group, &mut homes, &mut results);
    let frees = schedule.last_uses(kernel).map(|v| v.index()).collect();
    Ok(Fused::new((kernel, steps), group, (homes, buffers), results, (len, frees)))
}

/// Lets results be written over the old values of their parameters.
fn write_over(
    schedule: &Schedule,
    kernel: KernelId,
    group: &Group,
    homes: &mut [Home],
    results: &mut [Outcome],
) {
    let plan = schedule.plan();
    let here = schedule.updates().iter().filter(|u| u.method == Method::InPlace(kernel));
    for update in here {
        let slot = &plan.parameters()[update.parameter.index()];
        let Some((k, result)) = results.iter_mut().enumerate().find(|(_, r)| Some(r.value) == slot.update)
        else {
            continue;
        };
        let Some(old) = slot.value else { continue };
        result.over = Some(update.parameter.index());
        for home in homes.iter_mut().filter(|h| h.place == Place::Elements(old.index())) {
            home.place = Place::Part(k);
        }
        // Nothing may read an element after the segment that writes over it.
        let old = |home: &usize| homes[*home].place == Place::Part(k) && *home != result.home;
        let segment = group.segments.iter().find(|segment| segment.outs.contains(&result.home));
        let after = segment.map_or(group.instrs.len(), |segment| segment.instrs.end);
        if group.instrs[after..].iter().any(|i| i.kind.inputs().iter().any(old)) {
            homes[result.home].place = result.buffer;
        }
    }
}
