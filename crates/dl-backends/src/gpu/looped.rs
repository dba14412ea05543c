//! Loops: the launches of a scan's body, once for each step, and those that move what goes from step to step.

use dl_core::DType;
use dl_core::schedule::{BufferId, Kernel, Loop, Taken};

use super::body::{Result, loaded, stored};
use super::functions::memory_type;
use super::lower::{Lowering, Work};
use super::memory::{Home, SlotId};
use super::pointwise::groups;
use super::shader::{GROUP, Shader};
use super::update::copy;

/// Work that is done once for each step of a scan.
pub(super) struct Turns<L> {
    pub(super) works: Vec<Work<L>>,
    /// Where the work finds its own place along the sequences, and that of the next step: another one each turn.
    pub(super) turn: SlotId,
    pub(super) length: usize,
}

/// Words between the places of two steps: where a binding may begin.
pub(super) const APART: usize = 64;

/// The words of all steps.
pub(super) fn places(length: usize, reverse: bool) -> Vec<i64> {
    let place = |step: usize| (if reverse { length - 1 - step } else { step }) as i64;
    let mut words = vec![0; length * APART];
    for step in 0..length {
        words[step * APART] = place(step);
        words[step * APART + 1] = place((step + 1).min(length - 1));
    }
    words
}

/// The work of a loop: what it begins with, its turns, and what is left.
///
/// # Errors
/// When a kernel of its body has no text.
pub(super) fn works(lowering: &mut Lowering<'_>, looped: &Loop) -> Result<Vec<Work>> {
    let Some(last) = looped.length.checked_sub(1) else { return Err("a loop without steps".into()) };
    if !lowering.steps.is_safe(looped.step) {
        return Err("a loop that computes beside the host".into());
    }
    let turn =
        lowering.add(APART * looped.length, Home::Turn { length: looped.length, reverse: looped.reverse });
    let mut made = vec![];
    for carry in &looped.carries {
        if let Some(value) = carry.value {
            made.push(moved(lowering, carry.first, value)?);
        }
    }
    let first = format!("{}u", if looped.reverse { last } else { 0 });
    for taken in &looped.elements {
        made.push(take(lowering, taken, looped.length, &|_| first.clone())?);
    }

    let mut works = vec![];
    for kernel in &looped.body {
        works.extend(lowering.inner(kernel)?);
    }
    for taken in &looped.stacks {
        works.push(put(lowering, taken, looped.length, turn)?);
    }
    for carry in &looped.carries {
        if let Some(value) = carry.value {
            works.push(moved(lowering, carry.next, value)?);
        }
    }
    for taken in &looped.elements {
        let next = |shader: &mut Shader| format!("{}[1]", shader.read(turn, "u32"));
        works.push(take(lowering, taken, looped.length, &next)?);
    }
    made.push(Work::Loop(Turns { works, turn, length: looped.length }));

    for carry in &looped.carries {
        if let Some(last) = carry.last {
            made.push(moved(lowering, carry.next, last)?);
        }
    }
    Ok(made)
}

impl Lowering<'_> {
    /// The work of a kernel in the body of a loop.
    fn inner(&mut self, kernel: &Kernel) -> Result<Vec<Work>> {
        match kernel {
            Kernel::Loop(looped) => works(self, looped),
            kernel => Ok(self.launches(kernel)?.into_iter().map(Work::Launch).collect()),
        }
    }
}

/// Rows into another buffer.
fn moved(lowering: &mut Lowering<'_>, from: BufferId, into: BufferId) -> Result<Work> {
    let dtype = lowering.schedule.buffer(into).dtype;
    let (from, into) = (lowering.plain(from)?, lowering.slot_of(into)?);
    Ok(Work::Launch(copy(from, into, lowering.slots[into.0].len, dtype)))
}

/// The elements of a step, at a place that may be read from memory, out of those of all.
fn take(
    lowering: &mut Lowering<'_>,
    taken: &Taken,
    length: usize,
    place: &dyn Fn(&mut Shader) -> String,
) -> Result<Work> {
    let (all, one, dtype) = slots(lowering, taken)?;
    let mut shader = Shader::default();
    let among = among(taken, length, &place(&mut shader));
    let (all, one) = (shader.read(all, memory_type(dtype)), shader.write(one, memory_type(dtype)));
    let element = stored(&loaded(&format!("{all}[{among}]"), dtype), dtype);
    each(&mut shader, lowering, taken, &format!("{one}[at] = {element};"), "what a step takes");
    Ok(Work::Launch(lowering.finished(shader)?))
}

/// The elements of a step to those of all.
fn put(lowering: &mut Lowering<'_>, taken: &Taken, length: usize, turn: SlotId) -> Result<Work> {
    let (all, one, dtype) = slots(lowering, taken)?;
    let mut shader = Shader::default();
    let turn = shader.read(turn, "u32");
    let among = among(taken, length, &format!("{turn}[0]"));
    let (all, one) = (shader.write(all, memory_type(dtype)), shader.read(one, memory_type(dtype)));
    each(&mut shader, lowering, taken, &format!("{all}[{among}] = {one}[at];"), "what a step leaves");
    Ok(Work::Launch(lowering.finished(shader)?))
}

fn slots(lowering: &mut Lowering<'_>, taken: &Taken) -> Result<(SlotId, SlotId, DType)> {
    let dtype = lowering.schedule.buffer(taken.one).dtype;
    Ok((lowering.plain(taken.all)?, lowering.plain(taken.one)?, dtype))
}

/// Where the element `at` of a step is among those of all.
fn among(taken: &Taken, length: usize, place: &str) -> String {
    let run = taken.run;
    format!("at / {run}u * {}u + {place} * {run}u + at % {run}u", run * length)
}

/// A part with an invocation for each element of a step.
fn each(shader: &mut Shader, lowering: &Lowering<'_>, taken: &Taken, line: &str, name: &str) {
    let count = taken.runs * taken.run * lowering.schedule.row_count();
    let body = format!("  let at = group * {GROUP}u + local;\n  if (at < {count}u) {{ {line} }}\n");
    shader.part(name.into(), &body, groups(count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_finds_its_place_and_the_next_one() {
        let found = |reverse| -> Vec<[i64; 2]> {
            places(3, reverse).chunks(APART).map(|words| [words[0], words[1]]).collect()
        };
        assert_eq!(found(false), [[0, 1], [1, 2], [2, 2]]);
        assert_eq!(found(true), [[2, 1], [1, 0], [0, 0]]);
    }
}
