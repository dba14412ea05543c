//! Rows of many lines, such as images, whose channels each have a number of their own: elementwise operations
//! take a row line by line, so that what is the same in every place of an image is read where it lies instead
//! of being repeated for all places, and sums over rows and places are sums over lines.
//!
//! A line has a number of places, so that it is longer than a vector; what is the same in all of them is
//! repeated as often as a line has them, once for all rows that are at work together.

use std::collections::{BTreeMap, HashMap};

use dl_core::ops::Reduce;

use crate::cpu::tiles::data::home::{Home, Place};
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand, Work};
use crate::cpu::tiles::data::phase::{Group, Phase, Phases, Repeated};
use crate::cpu::tiles::lower::rows::Lowered;
use crate::cpu::tiles::run::fold::CHAIN;
use crate::cpu::vector::{Pattern, Run};

/// Elements of a line, at least.
const LINE: usize = 256;
/// A multiple of the elements of all vectors.
const VECTORS: usize = 16;

/// Takes the rows of groups line by line where that pays and each row is not many lines already.
pub(crate) fn channels(lowered: &mut Lowered, stages: &mut [Phases]) {
    let mut readers = vec![0; lowered.homes.len()];
    let read = stages.iter().flatten().flat_map(Phase::inputs);
    read.chain(lowered.outputs.iter().flatten().copied()).for_each(|home| readers[home] += 1);
    for phase in stages.iter_mut().flatten() {
        if let Phase::Group(group) = phase
            && group.lines() == 1
        {
            group.take_lines(lowered, &readers);
        }
    }
}

/// What a group does with rows of one length.
#[derive(Default)]
struct Found {
    /// Whole values that are repeated along a row: where each lies, where the row lies, and its elements.
    repeated: Vec<(usize, usize, usize)>,
    /// Sums over places and rows: the place of the sum over places among the instructions, and of that over
    /// rows; the elements of the result.
    sums: Vec<(usize, usize, usize)>,
}

impl Group {
    fn take_lines(&mut self, lowered: &mut Lowered, readers: &[usize]) {
        let mut by_length: BTreeMap<usize, Found> = BTreeMap::new();
        for (i, instr) in self.instrs.iter().enumerate() {
            if let Some((from, to, period)) = self.repeated(instr, readers, &lowered.homes) {
                by_length.entry(instr.len).or_default().repeated.push((from, to, period));
            }
            if let Some((first, len, period)) = self.sum(i, readers) {
                by_length.entry(len).or_default().sums.push((first, i, period));
            }
        }
        let mut gone = vec![];
        for (len, Found { repeated, sums }) in by_length {
            let periods = repeated.iter().chain(&sums).map(|(_, _, period)| *period);
            let Some(line) = line(len, &periods.collect::<Vec<_>>()) else { continue };
            let count = len / line;
            let mut lines: HashMap<usize, usize> = HashMap::new();
            for (from, to, _) in repeated {
                let home = Home { place: Place::Open, dtype: lowered.homes[from].dtype, len: line };
                lowered.homes.push(home);
                lines.insert(to, lowered.homes.len() - 1);
                self.repeated.push(Repeated { from, to: lowered.homes.len() - 1 });
            }
            for instr in &mut self.instrs {
                if instr.len != len || !by_element(&instr.kind) || !fits(instr) {
                    continue;
                }
                (instr.len, instr.lines) = (line, count);
                for operand in instr.kind.operands_mut() {
                    if let Operand::Rows(home) = operand
                        && let Some(same) = lines.get(home)
                    {
                        *operand = Operand::SameRow(*same);
                    }
                }
            }
            let made = |i: &Instr| i.out.is_some_and(|out| lines.contains_key(&out));
            gone.extend(self.instrs.iter().enumerate().filter(|(_, i)| made(i)).map(|(i, _)| i));
            for (first, last, _) in sums {
                let (Kind::Pattern(_, from, ..), work) = (&self.instrs[first].kind, self.instrs[first].work)
                else {
                    continue;
                };
                let from = *from;
                let instr = &mut self.instrs[last];
                let Kind::Fold(_, x, fold) = &mut instr.kind else { continue };
                *x = from;
                (lowered.folds[*fold].width, lowered.folds[*fold].terms) = (line, count);
                let operations = instr.work.operations + work.operations;
                (instr.len, instr.lines, instr.work) = (line, count, Work { terms: work.terms, operations });
                gone.push(first);
            }
        }
        let mut at = 0;
        self.instrs.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }

    /// A whole value that an instruction repeats along a row, for nothing but operations that can take it line
    /// by line: where it lies, where the row lies, and its elements.
    fn repeated(&self, instr: &Instr, readers: &[usize], homes: &[Home]) -> Option<(usize, usize, usize)> {
        let Kind::Gather(map, Operand::SameRow(from), period, ..) = &instr.kind else { return None };
        let out = instr.out?;
        let repeats = homes[*from].dtype == instr.dtype
            && *period > 1
            && map.len().is_multiple_of(*period)
            && map.iter().enumerate().all(|(i, place)| *place as usize == i % period);
        let own = self.instrs.iter().filter(|i| i.kind.inputs().contains(&out));
        let (mut reads, mut all) = (0, true);
        for reader in own {
            reads += reader.kind.inputs().iter().filter(|home| **home == out).count();
            all &= reader.len == instr.len && by_element(&reader.kind) && fits(reader);
        }
        (repeats && all && reads == readers[out]).then_some((*from, out, *period))
    }

    /// The sum over places that an instruction sums over rows: its place, the elements of a row, and of the
    /// result.
    fn sum(&self, last: usize, readers: &[usize]) -> Option<(usize, usize, usize)> {
        let Kind::Fold(Reduce::Sum, x, _) = &self.instrs[last].kind else { return None };
        let first = self.instrs.iter().position(|i| i.out == Some(*x))?;
        let instr = &self.instrs[first];
        let Kind::Pattern(Reduce::Sum, _, Pattern { runs, offsets }, width) = &instr.kind else {
            return None;
        };
        let period = instr.len;
        let all = runs[..] == [Run { to: 0, from: 0, len: period }]
            && offsets.len() * period == *width
            && offsets.iter().enumerate().all(|(i, offset)| *offset == i * period);
        (all && readers[*x] == 1).then_some((first, *width, period))
    }
}

/// Elements of the lines of a row that has several, each with so many places of these periods.
fn line(len: usize, periods: &[usize]) -> Option<usize> {
    let (least, most) = (*periods.iter().min()?, *periods.iter().max()?);
    let fits = |line: &usize| {
        len.is_multiple_of(*line)
            && periods.iter().all(|period| line.is_multiple_of(*period))
            && line / least <= CHAIN
    };
    let lines = || (most..=len).step_by(most).filter(fits);
    let long = || lines().filter(|line| *line >= LINE);
    long().find(|line| line.is_multiple_of(VECTORS)).or_else(|| long().next()).or_else(|| lines().last())
}

/// Whether an operation goes element by element.
fn by_element(kind: &Kind) -> bool {
    matches!(kind, Kind::Unary(..) | Kind::Binary(..) | Kind::Select(..) | Kind::Cast(..) | Kind::Copy(_))
}

/// Whether an operation finds its operands in every line.
fn fits(instr: &Instr) -> bool {
    instr.kind.operands().all(|x| matches!(x, Operand::Rows(_) | Operand::Same(_) | Operand::Number(_)))
}
