//! Segments: instructions of a group that follow each other element by element become one piece of machine
//! code.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use dl_core::DType;
use dl_core::ops::Reduce;

use crate::cpu::code::{Access, Element, STREAMS, Stream, Tape, Writer};
use crate::cpu::tiles::data::code::Segment;
use crate::cpu::tiles::data::home::Home;
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand};
use crate::cpu::tiles::data::phase::{Group, Phase, Phases, groups};
use crate::cpu::tiles::lower::recorder::{Recorder, Value};

/// Gives all groups their segments, if the system lets code run.
pub(crate) fn segments(homes: &[Home], outputs: &[Option<usize>], stages: &mut [Phases]) {
    let mut readers = vec![0; homes.len()];
    let read = stages.iter().flatten().flat_map(Phase::inputs);
    read.chain(outputs.iter().flatten().copied()).for_each(|home| readers[home] += 1);
    let (mut writer, mut groups) = (Writer::default(), groups(stages.iter_mut().flatten()));
    groups.iter_mut().for_each(|group| group.find_segments(homes, &readers, &mut writer));
    let code = writer.finish().map(Arc::new);
    for group in groups {
        match &code {
            Some(code) => group.segments.iter_mut().for_each(|segment| segment.code = Some(code.clone())),
            None => group.segments.clear(),
        }
    }
}

impl Group {
    /// Puts instructions that go element by element together, as far as there can be code for them;
    /// `readers` are all of each home. The segments wait for their code.
    fn find_segments(&mut self, homes: &[Home], readers: &[usize], writer: &mut Writer) {
        let floats = self.instrs.iter().map(|i| i.dtype).find(|d| matches!(d, DType::F32 | DType::F64));
        let Some(dtype) = floats else { return };
        let kind = (dtype, self.transposed);
        self.instrs = in_runs(std::mem::take(&mut self.instrs), homes, kind);
        let mut from = 0;
        while from < self.instrs.len() {
            let Some(size) = may_be_in(&self.instrs[from], homes, kind) else {
                from += 1;
                continue;
            };
            let same = |i: &&Instr| may_be_in(i, homes, kind) == Some(size);
            let mut count = self.instrs[from..].iter().take_while(same).count();
            // Where registers or streams don't suffice, half of it is tried.
            while count > 0 {
                if let Some(segment) = self.segment(from..from + count, (homes, readers), dtype, writer) {
                    count = segment.instrs.len();
                    self.segments.push(segment);
                    break;
                }
                count /= 2;
            }
            from += count.max(1);
        }
    }

    /// A segment of some instructions, of as many of the first as can be recorded.
    fn segment(
        &self,
        range: Range<usize>,
        (homes, readers): (&[Home], &[usize]),
        dtype: DType,
        writer: &mut Writer,
    ) -> Option<Segment> {
        let tape = Tape::new(dtype == DType::F64);
        let instrs = &self.instrs[range.clone()];
        let (len, lines) = may_be_in(&instrs[0], homes, (dtype, self.transposed))?;
        let mut recorder = Recorder {
            tape: &tape,
            homes,
            transposed: self.transposed,
            len,
            dtype,
            known: HashMap::new(),
            inputs: vec![],
            streams: vec![],
            folds: vec![],
            numbers: vec![],
        };
        let count = instrs.iter().take_while(|i| recorder.add(i).is_some()).count();
        let instrs = &instrs[..count];
        // A single instruction is in one pass as it is, unless that goes line by line.
        let by_lines =
            !recorder.folds.is_empty() || recorder.streams.iter().any(|s| s.access != Access::Each);
        if count == 0 || count == 1 && !by_lines {
            return None;
        }
        let mut inside: HashMap<usize, usize> = HashMap::new();
        for home in instrs.iter().flat_map(|i| i.kind.inputs()) {
            *inside.entry(home).or_default() += 1;
        }
        let read = |home: &usize| readers[*home] > inside.get(home).copied().unwrap_or(0);
        let outs: Vec<usize> = instrs.iter().filter_map(|i| i.out).filter(read).collect();
        let Recorder { known, inputs, mut streams, folds, numbers, .. } = recorder;
        if streams.len() + outs.len() + folds.len() > STREAMS {
            return None;
        }
        // All of them after all that is read: a result may be written over an operand.
        for home in &outs {
            let (stream, access) = (streams.len(), Access::Each);
            match known[home] {
                Value::Number(x) => {
                    streams.push(Stream { access, element: Element::Lane });
                    tape.store(stream, x);
                }
                Value::Truth(x) => {
                    streams.push(Stream { access, element: Element::Byte });
                    tape.store_truth(stream, x);
                }
            }
        }
        for (_, x) in &folds {
            // The same line for all rows: each row adds to the sum of the rows before it.
            let stream = streams.len();
            streams.push(Stream { access: Access::SameLine, element: Element::Lane });
            tape.store(stream, tape.load(stream) + *x);
        }
        drop(known);
        let folds = folds.into_iter().map(|(fold, _)| fold).collect();
        let flat = !by_lines;
        let entry = writer.add(tape, &streams)?;
        let instrs = range.start..range.start + count;
        Some(Segment { instrs, outs, inputs, folds, numbers, len, lines, flat, dtype, entry, code: None })
    }
}

/// The elements of a line of an instruction, and the lines of a row, if a segment may take it: its kind and
/// its types decide.
fn may_be_in(instr: &Instr, homes: &[Home], (dtype, transposed): (DType, bool)) -> Option<(usize, usize)> {
    let of = |x: &Operand| match x {
        Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => homes[*v].dtype,
        Operand::Number(_) => dtype,
    };
    let result = instr.dtype == dtype || instr.dtype == DType::Bool;
    let may = result
        && match &instr.kind {
            Kind::Unary(_, x) => of(x) == dtype || of(x) == DType::Bool,
            Kind::Binary(_, d, ..) => *d == dtype || *d == DType::Bool && instr.dtype == DType::Bool,
            Kind::Select(..) | Kind::Copy(_) => instr.dtype == dtype,
            Kind::Cast(from, _) => *from == DType::U8 || *from == DType::Bool || *from == dtype,
            // Row after row; columns and single elements are summed in another order.
            Kind::Fold(Reduce::Sum, ..) if !transposed && instr.len > 1 => true,
            _ => false,
        };
    may.then_some((instr.len, instr.lines))
}

/// The instructions in an order in which those that may be in a segment follow each other.
fn in_runs(instrs: Vec<Instr>, homes: &[Home], kind: (DType, bool)) -> Vec<Instr> {
    let mut left: Vec<Option<Instr>> = instrs.into_iter().map(Some).collect();
    let mut open: HashMap<usize, usize> = HashMap::new();
    left.iter().flatten().filter_map(|i| i.out).for_each(|out| *open.entry(out).or_default() += 1);
    let mut ordered = vec![];
    // In turn: all others that can be done, then all of one length.
    while left.iter().any(Option::is_some) {
        let mut fallible = false;
        for slot in &mut left {
            let Some(instr) = slot else { continue };
            let ready = instr.kind.inputs().iter().all(|home| !open.contains_key(home));
            // The first mistake in the plan's order is the one that counts.
            let waits = may_fail(&instr.kind) && fallible;
            if may_be_in(instr, homes, kind).is_some() || !ready || waits {
                fallible |= may_fail(&instr.kind);
                continue;
            }
            instr.out.map(|out| open.remove(&out));
            ordered.extend(slot.take());
        }
        let mut size = None;
        for slot in &mut left {
            let Some(instr) = slot else { continue };
            let ready = instr.kind.inputs().iter().all(|home| !open.contains_key(home));
            let own = may_be_in(instr, homes, kind);
            if own.is_none() || !ready || size.is_some() && size != own {
                continue;
            }
            size = own;
            instr.out.map(|out| open.remove(&out));
            ordered.extend(slot.take());
        }
    }
    ordered
}

fn may_fail(kind: &Kind) -> bool {
    matches!(kind, Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. })
}
