//! Loops: the launches of a scan's body, once for each step, and those that move what goes from step to step.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::schedule::{BufferId, Kernel, Layout, Loop, Taken};

use super::body::{Begin, Result, Rows};
use super::elements;
use super::lower::{Lowering, Work};
use super::memory::{Home, SlotId};
use super::pointwise::groups;
use super::shader::{GROUP, Shader};

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
    let (length, reverse) = (looped.length, looped.reverse);
    let turn = lowering.add(APART * length, Home::Turn { length, reverse });
    let mut looping = Looping { looped, turn, direct: HashMap::new() };
    looping.find_direct(lowering)?;
    let (around, mut wanted_around) = (lowering.along.clone(), std::mem::take(&mut lowering.wanted));
    let body = loop {
        // What something of the body wants dense is copied.
        lowering.along.extend(looping.direct.clone());
        let body = looping.body(lowering);
        let wanted = std::mem::take(&mut lowering.wanted);
        lowering.along.clone_from(&around);
        wanted_around.extend(wanted.iter().filter(|buffer| around.contains_key(buffer)));
        let before = looping.direct.len();
        looping.direct.retain(|buffer, _| !wanted.contains(buffer));
        if looping.direct.len() == before {
            break body?;
        }
    };
    lowering.wanted = wanted_around;

    let mut made = vec![];
    for carry in &looped.carries {
        if let Some(value) = carry.value {
            let from = looping.dense(lowering, carry.first)?;
            made.push(moved(lowering, from, value)?);
        }
    }
    let first = format!("{}u", if reverse { last } else { 0 });
    for taken in looping.taken() {
        made.push(take(lowering, taken, length, &|_| first.clone())?);
    }
    made.push(Work::Loop(Turns { works: body, turn, length }));
    for carry in &looped.carries {
        if let Some(into) = carry.last {
            let next = match looping.direct.get(&carry.next) {
                Some(Rows { begin: Begin::Turn(_, by), .. }) => {
                    let begin = Begin::At(by * if reverse { 0 } else { last });
                    Rows { begin, ..looping.direct[&carry.next] }
                }
                _ => looping.dense(lowering, carry.next)?,
            };
            made.push(moved(lowering, next, into)?);
        }
    }
    Ok(made)
}

/// A loop while it is lowered.
struct Looping<'a> {
    looped: &'a Loop,
    turn: SlotId,
    /// Rows of a step that kernels find among those of all steps, and need no copy.
    direct: HashMap<BufferId, Rows>,
}

impl Looping<'_> {
    /// What may be direct: rows whose elements of a step are neighbours; of what is kept, what the body makes.
    fn find_direct(&mut self, lowering: &mut Lowering<'_>) -> Result<()> {
        let begins: Vec<BufferId> = self.looped.begins().collect();
        let kept = self.looped.stacks.iter().filter(|taken| !begins.contains(&taken.one));
        for Taken { all, one, runs, run } in self.looped.elements.iter().chain(kept) {
            let slot = lowering.plain(*all)?;
            let rows = Rows { slot, apart: run * self.looped.length, begin: Begin::Turn(self.turn, *run) };
            if *runs == 1 {
                // Kept twice, it is copied once.
                self.direct.entry(*one).or_insert(rows);
            }
        }
        Ok(())
    }

    /// The work of a turn.
    fn body(&self, lowering: &mut Lowering<'_>) -> Result<Vec<Work>> {
        let (looped, length) = (self.looped, self.looped.length);
        let mut works = vec![];
        for kernel in &looped.body {
            match kernel {
                Kernel::Loop(inner) => works.extend(self::works(lowering, inner)?),
                kernel => works.extend(lowering.launches(kernel)?.into_iter().map(Work::Launch)),
            }
        }
        for taken in &looped.stacks {
            let all = lowering.plain(taken.all)?;
            if self.direct.get(&taken.one).is_none_or(|rows| rows.slot != all) {
                works.push(put(lowering, taken, length, self.turn)?);
            }
        }
        for carry in &looped.carries {
            if let Some(value) = carry.value {
                let next = self.rows(lowering, carry.next)?;
                works.push(moved(lowering, next, value)?);
            }
        }
        for taken in self.taken() {
            let next = |shader: &mut Shader| format!("{}[1]", shader.read(self.turn, "u32"));
            works.push(take(lowering, taken, length, &next)?);
        }
        Ok(works)
    }

    /// The elements that are copied for each step.
    fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.looped.elements.iter().filter(|taken| !self.direct.contains_key(&taken.one))
    }

    /// Where rows of a step stand.
    fn rows(&self, lowering: &mut Lowering<'_>, buffer: BufferId) -> Result<Rows> {
        match self.direct.get(&buffer) {
            Some(rows) => Ok(*rows),
            None => self.dense(lowering, buffer),
        }
    }

    fn dense(&self, lowering: &mut Lowering<'_>, buffer: BufferId) -> Result<Rows> {
        Ok(Rows::dense(lowering.plain(buffer)?, row_len(lowering, buffer)))
    }
}

/// Elements of a row.
fn row_len(lowering: &Lowering<'_>, buffer: BufferId) -> usize {
    match lowering.schedule.buffer(buffer).layout {
        Layout::Rows(len) | Layout::Whole(len) => len,
    }
}

/// Rows into another buffer.
fn moved(lowering: &mut Lowering<'_>, from: Rows, into: BufferId) -> Result<Work> {
    let (len, dtype) = (row_len(lowering, into), lowering.schedule.buffer(into).dtype);
    let into = lowering.slot_of(into)?;
    let mut shader = Shader::default();
    let place = from.place(&mut shader, &format!("(at / {len}u)"), (&format!("(at % {len}u)"), 1));
    let line = assigned(lowering, &mut shader, dtype, (into, "at"), (from.slot, &place));
    each(&mut shader, len * lowering.schedule.row_count(), &line, "what goes on");
    Ok(Work::Launch(lowering.finished(shader)?))
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
    let line = assigned(lowering, &mut shader, dtype, (one, "at"), (all, &among));
    each(&mut shader, count(lowering, taken), &line, "what a step takes");
    Ok(Work::Launch(lowering.finished(shader)?))
}

/// The elements of a step to those of all.
fn put(lowering: &mut Lowering<'_>, taken: &Taken, length: usize, turn: SlotId) -> Result<Work> {
    let (all, one, dtype) = slots(lowering, taken)?;
    let mut shader = Shader::default();
    let turn = shader.read(turn, "u32");
    let among = among(taken, length, &format!("{turn}[0]"));
    let line = assigned(lowering, &mut shader, dtype, (all, &among), (one, "at"));
    each(&mut shader, count(lowering, taken), &line, "what a step leaves");
    Ok(Work::Launch(lowering.finished(shader)?))
}

fn slots(lowering: &mut Lowering<'_>, taken: &Taken) -> Result<(SlotId, SlotId, DType)> {
    let dtype = lowering.schedule.buffer(taken.one).dtype;
    Ok((lowering.plain(taken.all)?, lowering.plain(taken.one)?, dtype))
}

/// Elements of a step in all rows.
fn count(lowering: &Lowering<'_>, taken: &Taken) -> usize {
    taken.runs * taken.run * lowering.schedule.row_count()
}

/// Where the element `at` of a step is among those of all.
fn among(taken: &Taken, length: usize, place: &str) -> String {
    let run = taken.run;
    format!("at / {run}u * {}u + {place} * {run}u + at % {run}u", run * length)
}

/// The line that copies an element.
fn assigned(
    lowering: &Lowering<'_>,
    shader: &mut Shader,
    dtype: DType,
    (into, to): (SlotId, &str),
    (from, at): (SlotId, &str),
) -> String {
    elements::assigned(shader, (lowering.formed(into, dtype), to), (lowering.formed(from, dtype), at))
}

/// A part with an invocation for each element.
fn each(shader: &mut Shader, count: usize, line: &str, name: &str) {
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
