//! Groups whose rows are many lines that go each for itself, such as the tokens of a sequence: they run line by
//! line, as if each were a row. What is repeated along a line is then one number, what is the same for all lines
//! is read where it lies, and blocks of lines stay in the first cache.

use std::collections::{HashMap, HashSet};

use dl_core::ops::Reduce;

use crate::cpu::tiles::BLOCK;
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand, Work};
use crate::cpu::tiles::data::phase::{Group, Phase, Phases};
use crate::cpu::tiles::lower::rows::Lowered;
use crate::cpu::vector::{Pattern, runs};

/// Elements of a row from which lines are worth it.
const LONG: usize = 512;
/// Groups that one may become.
const GROUPS: usize = 4;

/// Makes groups of lines of those groups for which that pays; what does not go by lines is a group before or
/// after them.
pub(crate) fn lines(lowered: &mut Lowered, stages: &mut [Phases]) {
    let mut readers: HashMap<usize, usize> = HashMap::new();
    let read = stages.iter().flatten().flat_map(Phase::inputs);
    for home in read.chain(lowered.outputs.iter().flatten().copied()) {
        *readers.entry(home).or_default() += 1;
    }
    for phases in stages {
        for phase in std::mem::take(phases) {
            match phase {
                Phase::Group(group) => phases.extend(by_lines(lowered, group, &readers).map(Phase::Group)),
                other => phases.push(other),
            }
        }
    }
}

/// An instruction by lines.
struct Line {
    kind: Kind,
    len: usize,
    /// Beside its own, an instruction that it does as well.
    with: Option<usize>,
}

/// The groups that a group becomes.
fn by_lines(
    lowered: &mut Lowered,
    group: Group,
    readers: &HashMap<usize, usize>,
) -> impl Iterator<Item = Group> {
    let (instrs, mut groups) = (group.instrs, vec![]);
    match plan(&instrs, readers) {
        None => groups.push(Group { instrs, ..Group::default() }),
        Some((count, mut lines)) => {
            let taken: HashSet<usize> = lines.values().filter_map(|line| line.with).collect();
            for (index, instr) in order(instrs, &lines) {
                let line = lines.remove(&index);
                let (count, instr) = match line {
                    _ if taken.contains(&index) => continue,
                    None => (1, instr),
                    Some(Line { kind, len, .. }) => {
                        if let Kind::Fold(_, _, fold) = kind {
                            let terms = &mut lowered.folds[fold].terms;
                            *terms = (*terms).max(count);
                        }
                        let Work { terms, operations } = instr.work;
                        let work = Work { terms: terms / count, operations: operations / count };
                        (count, Instr { kind, len, work, ..instr })
                    }
                };
                match groups.last_mut() {
                    Some(Group { lines, instrs, .. }) if *lines == count => instrs.push(instr),
                    _ => groups.push(Group { lines: count, instrs: vec![instr], ..Group::default() }),
                }
            }
        }
    }
    groups.into_iter()
}

/// How many lines the rows of a group have, and the instructions that go by them; nothing where it does not pay.
fn plan(instrs: &[Instr], readers: &HashMap<usize, usize>) -> Option<(usize, HashMap<usize, Line>)> {
    let fallible = |i: &Instr| {
        matches!(i.kind, Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. })
    };
    let longest = instrs.iter().map(|i| i.len).max()?;
    if longest < LONG || instrs.iter().any(fallible) {
        return None;
    }
    let mut counts: Vec<usize> = instrs.iter().filter_map(count).collect();
    let repeats =
        |i: &Instr| matches!(&i.kind, Kind::Gather(_, Operand::SameRow(_), width, ..) if *width < i.len);
    if counts.is_empty() && instrs.iter().any(repeats) {
        return None;
    }
    let even = |count: &usize| longest.is_multiple_of(*count) && longest / count <= BLOCK / 2;
    counts.extend((2..=longest / 64).find(even).filter(|_| longest > BLOCK));
    let mut tried = HashSet::new();
    counts.retain(|count| *count > 1 && tried.insert(*count));
    let all: usize = instrs.iter().map(|i| i.len).sum();
    let mut best: Option<(usize, usize, HashMap<usize, Line>)> = None;
    for count in counts {
        let lines = taken(instrs, count, readers);
        let covered = lines.keys().map(|i| instrs[*i].len).sum();
        if covered > all / 2 && best.as_ref().is_none_or(|(most, ..)| covered > *most) {
            best = Some((covered, count, lines));
        }
    }
    let (_, count, lines) = best?;
    // From one kind of group to the other everything goes through memory.
    let kinds: Vec<bool> = in_turn(instrs, &lines).iter().map(|i| lines.contains_key(i)).collect();
    (kinds.chunk_by(|a, b| a == b).count() <= GROUPS).then_some((count, lines))
}

/// The number of lines that an instruction speaks of: of reductions along each, or of what is repeated along
/// each. (What is the same in all lines alone, such as the numbers of channels, wants longer ones: `channels`.)
fn count(instr: &Instr) -> Option<usize> {
    match &instr.kind {
        Kind::Reduce(_, _, run) if *run > 1 => Some(instr.len),
        Kind::Gather(_, Operand::Rows(_), width, ..) if *width < instr.len => Some(*width),
        _ => None,
    }
}

/// The instructions that go by lines, if rows have this number of them.
fn taken(instrs: &[Instr], count: usize, readers: &HashMap<usize, usize>) -> HashMap<usize, Line> {
    let mut lines = HashMap::new();
    for (i, instr) in instrs.iter().enumerate() {
        if let Some((kind, len)) = of_lines(instr, count) {
            lines.insert(i, Line { kind, len, with: None });
        }
        // A sum over lines and then over rows is a sum over the lines of all rows.
        if let Kind::Fold(Reduce::Sum, x, fold) = instr.kind
            && readers.get(&x) == Some(&1)
            && let Some(made) = instrs[..i].iter().position(|i| i.out == Some(x))
            && let Kind::Pattern(Reduce::Sum, from, pattern, width) = &instrs[made].kind
            && is_over_lines(pattern, count, *width)
        {
            let (kind, len) = (Kind::Fold(Reduce::Sum, *from, fold), width / count);
            lines.insert(i, Line { kind, len, with: Some(made) });
            lines.insert(made, Line { kind: Kind::Fold(Reduce::Sum, *from, fold), len, with: None });
        }
    }
    lines
}

/// Whether a pattern brings together the elements at the same place of all lines.
fn is_over_lines(pattern: &Pattern, count: usize, width: usize) -> bool {
    let line = width / count.max(1);
    let whole = matches!(pattern.runs[..], [run] if (run.to, run.from, run.len) == (0, 0, line));
    let steps = pattern.offsets.iter().enumerate().all(|(i, offset)| *offset == i * line);
    whole && steps && pattern.offsets.len() == count && line * count == width
}

/// An instruction on one of so many lines of a row, and the elements of its result there.
fn of_lines(instr: &Instr, count: usize) -> Option<(Kind, usize)> {
    let len = instr.len / count;
    if len == 0 || len * count != instr.len {
        return None;
    }
    let own = |x: &Operand| match x {
        Operand::Rows(_) | Operand::Same(_) | Operand::Number(_) => Some(*x),
        Operand::PerRow(_) | Operand::SameRow(_) => None,
    };
    let kind = match &instr.kind {
        Kind::Unary(op, x) => Kind::Unary(*op, own(x)?),
        Kind::Binary(op, dtype, x, y) => Kind::Binary(*op, *dtype, own(x)?, own(y)?),
        Kind::Select(c, a, b) => Kind::Select(own(c)?, own(a)?, own(b)?),
        Kind::Cast(from, x) => Kind::Cast(*from, own(x)?),
        Kind::Copy(x) => Kind::Copy(own(x)?),
        Kind::Bytes(map, x) => Kind::Bytes(map.clone(), *x),
        Kind::Random(stream, clock) => Kind::Random(*stream, *clock),
        Kind::Reduce(kind, x, run) => Kind::Reduce(*kind, *x, *run),
        Kind::Gather(map, x, width, fill, _) => {
            let line = local(map, x, (len, *width), count)?;
            let of = match x {
                Operand::Rows(_) => width / count,
                _ => *width,
            };
            let identity = line.len() == of && line.iter().enumerate().all(|(i, place)| i == *place as usize);
            match x {
                _ if identity => Kind::Copy(*x),
                Operand::Rows(home) if of == 1 && !line.contains(&u32::MAX) => {
                    Kind::Copy(Operand::PerRow(*home))
                }
                _ => {
                    let runs = runs(&line);
                    Kind::Gather(line, *x, of, *fill, runs)
                }
            }
        }
        _ => return None,
    };
    Some((kind, len))
}

/// The table of places of one line, if it is the same for all.
fn local(map: &[u32], x: &Operand, (len, width): (usize, usize), count: usize) -> Option<Vec<u32>> {
    let step = match x {
        Operand::Rows(_) if width.is_multiple_of(count) => width / count,
        Operand::SameRow(_) => 0,
        _ => return None,
    };
    let first = &map[..len];
    let shifted = |from: u32, by: usize| if from == u32::MAX { from } else { from + by as u32 };
    let same = |(k, line): (usize, &[u32])| {
        line.iter().zip(first).all(|(place, own)| *place == shifted(*own, k * step))
    };
    let inside = first.iter().all(|place| *place == u32::MAX || step == 0 || (*place as usize) < step);
    (inside && map.chunks_exact(len).enumerate().all(same)).then(|| first.to_vec())
}

/// The instructions in an order in which those that go by lines follow each other as far as they can.
fn in_turn(instrs: &[Instr], lines: &HashMap<usize, Line>) -> Vec<usize> {
    let makers: HashMap<usize, usize> =
        instrs.iter().enumerate().filter_map(|(i, instr)| Some((instr.out?, i))).collect();
    let mut done = vec![false; instrs.len()];
    let (mut ordered, mut by_lines) = (vec![], false);
    while ordered.len() < instrs.len() {
        for (i, instr) in instrs.iter().enumerate() {
            let ready = || instr.kind.inputs().iter().all(|x| makers.get(x).is_none_or(|made| done[*made]));
            if !done[i] && lines.contains_key(&i) == by_lines && ready() {
                done[i] = true;
                ordered.push(i);
            }
        }
        by_lines = !by_lines;
    }
    ordered
}

fn order(instrs: Vec<Instr>, lines: &HashMap<usize, Line>) -> Vec<(usize, Instr)> {
    let order = in_turn(&instrs, lines);
    let mut instrs: Vec<Option<Instr>> = instrs.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| Some((i, instrs[i].take()?))).collect()
}
