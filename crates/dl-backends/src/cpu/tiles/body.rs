//! Bodies: operations of a group that follow each other element by element, as one piece of machine code.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use dl_core::DType;
use dl_core::ops::Reduce;

use super::build::Built;
use super::fold::{CHAIN, Fold};
use super::group::{Instr, Kind, Operand};
use super::lane::{Home, Scene, Span};
use super::place::{Group, Phase, Phases};
use super::recorder::{Input, Recorder, Value};
use super::slots::typed;
use crate::cpu::code::{Access, Code, Element, Entry, STREAMS, Stream, Table, Tape, Writer};

/// Operations of a group as one piece of code.
#[derive(Debug)]
pub(super) struct Body {
    /// Those that it takes.
    pub instrs: Range<usize>,
    /// The results that others read.
    pub outs: Vec<usize>,
    /// By stream, before those of the results.
    inputs: Vec<Input>,
    /// What rows fold to, by the list of folds; their streams come last.
    folds: Vec<usize>,
    /// Whole values of one element.
    numbers: Vec<usize>,
    /// Elements of a row.
    len: usize,
    /// Whether all elements are one line.
    flat: bool,
    dtype: DType,
    entry: Entry,
    code: Option<Arc<Code>>,
}

/// Lets the operations of each group that go element by element be done together, if the system lets code
/// run.
pub(super) fn embody(built: &Built, rounds: &mut [Phases]) {
    let mut readers = vec![0; built.homes.len()];
    let read = rounds.iter().flatten().flat_map(Phase::inputs);
    read.chain(built.outputs.iter().flatten().copied()).for_each(|home| readers[home] += 1);
    let (mut writer, mut groups) = (Writer::default(), vec![]);
    for phase in rounds.iter_mut().flatten() {
        if let Phase::Group(group) = phase {
            group.embody(&built.homes, &readers, &mut writer);
            groups.push(group);
        }
    }
    let code = writer.finish().map(Arc::new);
    for group in groups {
        match &code {
            Some(code) => group.bodies.iter_mut().for_each(|body| body.code = Some(code.clone())),
            None => group.bodies.clear(),
        }
    }
}

impl Group {
    /// Puts operations that go element by element together, as far as there can be code for them; `readers` are
    /// all of each home. The bodies wait for their code.
    fn embody(&mut self, homes: &[Home], readers: &[usize], writer: &mut Writer) {
        let floats = self.instrs.iter().map(|i| i.dtype).find(|d| matches!(d, DType::F32 | DType::F64));
        let Some(dtype) = floats else { return };
        let kind = (dtype, self.columns);
        self.instrs = in_runs(std::mem::take(&mut self.instrs), homes, kind);
        let mut from = 0;
        while from < self.instrs.len() {
            let Some(len) = may_be_in(&self.instrs[from], homes, kind) else {
                from += 1;
                continue;
            };
            let same = |i: &&Instr| may_be_in(i, homes, kind) == Some(len);
            let mut count = self.instrs[from..].iter().take_while(same).count();
            // Where registers or streams don't suffice, half of it is tried.
            while count > 0 {
                if let Some(body) = self.body(from..from + count, (homes, readers), dtype, writer) {
                    count = body.instrs.len();
                    self.bodies.push(body);
                    break;
                }
                count /= 2;
            }
            from += count.max(1);
        }
    }

    /// A body of some operations, of as many of the first as can be recorded.
    fn body(
        &self,
        range: Range<usize>,
        (homes, readers): (&[Home], &[usize]),
        dtype: DType,
        writer: &mut Writer,
    ) -> Option<Body> {
        let tape = Tape::new(dtype == DType::F64);
        let instrs = &self.instrs[range.clone()];
        let mut recorder = Recorder {
            tape: &tape,
            homes,
            columns: self.columns,
            len: may_be_in(&instrs[0], homes, (dtype, self.columns))?,
            dtype,
            known: HashMap::new(),
            inputs: vec![],
            streams: vec![],
            folds: vec![],
            numbers: vec![],
        };
        let count = instrs.iter().take_while(|i| recorder.add(i).is_some()).count();
        let instrs = &instrs[..count];
        // A single operation is in one pass as it is, unless that goes line by line.
        let lines = !recorder.folds.is_empty() || recorder.streams.iter().any(|s| s.access != Access::Each);
        if count == 0 || count == 1 && !lines {
            return None;
        }
        let mut inside: HashMap<usize, usize> = HashMap::new();
        for home in instrs.iter().flat_map(|i| i.kind.inputs()) {
            *inside.entry(home).or_default() += 1;
        }
        let read =
            |home: &usize| *home != usize::MAX && readers[*home] > inside.get(home).copied().unwrap_or(0);
        let outs: Vec<usize> = instrs.iter().map(|i| i.out).filter(read).collect();
        let Recorder { known, inputs, mut streams, folds, numbers, len, .. } = recorder;
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
            // The same line for all: what a row leaves there, the next one finds.
            let stream = streams.len();
            streams.push(Stream { access: Access::SameLine, element: Element::Lane });
            tape.store(stream, tape.load(stream) + *x);
        }
        drop(known);
        let folds = folds.into_iter().map(|(fold, _)| fold).collect();
        let flat = !lines;
        let entry = writer.add(tape, &streams)?;
        let instrs = range.start..range.start + count;
        Some(Body { instrs, outs, inputs, folds, numbers, len, flat, dtype, entry, code: None })
    }
}

/// The elements of a row of an operation that a body may take, from what it is and whose types it has.
fn may_be_in(instr: &Instr, homes: &[Home], (dtype, columns): (DType, bool)) -> Option<usize> {
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
            Kind::Fold(Reduce::Sum, x, _) if !columns && homes[*x].len > 1 => return Some(homes[*x].len),
            _ => false,
        };
    may.then_some(instr.len)
}

/// The operations in an order in which those that may be in a body follow each other.
fn in_runs(instrs: Vec<Instr>, homes: &[Home], kind: (DType, bool)) -> Vec<Instr> {
    let mut left: Vec<Option<Instr>> = instrs.into_iter().map(Some).collect();
    let mut open: HashMap<usize, usize> = HashMap::new();
    left.iter().flatten().for_each(|i| *open.entry(i.out).or_default() += 1);
    open.remove(&usize::MAX);
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
            open.remove(&instr.out);
            ordered.extend(slot.take());
        }
        let mut len = None;
        for slot in &mut left {
            let Some(instr) = slot else { continue };
            let ready = instr.kind.inputs().iter().all(|home| !open.contains_key(home));
            let own = may_be_in(instr, homes, kind);
            if own.is_none() || !ready || len.is_some() && len != own {
                continue;
            }
            len = own;
            open.remove(&instr.out);
            ordered.extend(slot.take());
        }
    }
    ordered
}

fn may_fail(kind: &Kind) -> bool {
    matches!(kind, Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. })
}

impl Body {
    /// Computes the rows of `span`.
    pub(super) fn run(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) {
        let elements = span.rows * self.len;
        if elements == 0 {
            return;
        }
        let line = if self.flat { elements } else { span.line(self.len) };
        let mut table = self.table(scene, span, line);
        let code = self.code.as_ref().expect("a group's bodies have code");
        // No more rows one after the other than a fold takes.
        let rows = if self.folds.is_empty() { span.rows } else { CHAIN };
        for first in (0..span.rows).step_by(rows) {
            let lines = rows.min(span.rows - first) * self.len / line;
            let places = &mut table[self.inputs.len() + self.outs.len()..];
            for (address, fold) in places.iter_mut().zip(&self.folds) {
                *address = typed!(self.dtype, T => folds[*fold].begin_part::<T>().as_mut_ptr() as u64);
            }
            // SAFETY: each address has as many elements behind it as its stream goes over: all of the rows, or
            // one for each line, or those of a line. Results are in buffers of their own, or are written over
            // the elements that they are computed of, once these are read; rows and folds are this member's.
            unsafe { code.call(self.entry, &mut table, line, lines) };
            typed!(self.dtype, T => self.folds.iter().for_each(|f| folds[*f].end_part::<T>(scene.isa)));
            for (address, step) in table.iter_mut().zip(self.steps(scene)) {
                *address = address.wrapping_add((step * rows) as u64);
            }
        }
    }

    /// By stream, the bytes from a row to the next, where values lie row by row.
    fn steps(&self, scene: &Scene<'_>) -> impl Iterator<Item = usize> {
        let bytes = |home: usize| scene.homes[home].dtype.bytes();
        let inputs = self.inputs.iter().map(move |i| i.row.unwrap_or(0) * bytes(i.home));
        inputs.chain(self.outs.iter().map(move |out| self.len * bytes(*out)))
    }

    /// Where everything is, but for folds.
    fn table(&self, scene: &Scene<'_>, span: Span, line: usize) -> Table {
        let lines = span.rows * self.len / line;
        let mut table: Table = [0; _];
        let (streams, numbers) = table.split_at_mut(STREAMS);
        for (address, input) in streams.iter_mut().zip(&self.inputs) {
            *address = typed!(scene.homes[input.home].dtype, T => match input.row {
                Some(row) => scene.rows::<T>(input.home, span, row).as_ptr() as u64,
                None => {
                    let whole = scene.whole::<T>(input.home);
                    let read = if input.access == Access::PerLine { lines } else { line };
                    assert!(whole.len() >= read, "a row has as many elements as the result's");
                    whole.as_ptr() as u64
                }
            });
        }
        for (address, out) in streams[self.inputs.len()..].iter_mut().zip(&self.outs) {
            *address = scene.address(*out, span, self.len) as u64;
        }
        for (number, home) in numbers.iter_mut().zip(&self.numbers) {
            *number = match self.dtype {
                DType::F64 => scene.whole::<f64>(*home)[0].to_bits(),
                _ => scene.whole::<f32>(*home)[0].to_bits().into(),
            };
        }
        table
    }
}
