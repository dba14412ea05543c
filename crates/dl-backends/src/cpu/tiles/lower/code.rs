//! Segments: instructions of a group that follow each other element by element become one piece of machine
//! code.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use dl_core::DType;
use dl_core::dtype::Scalar;

use crate::cpu::array::Item;
use crate::cpu::code::{Access, Element, NUMBERS, STREAMS, Stream, Tape, Traced, Truth};
use crate::cpu::code::{Writer, functions};
use crate::cpu::tiles::data::code::{Input, Segment};
use crate::cpu::tiles::data::home::Home;
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand};
use crate::cpu::tiles::data::phase::{Group, Phase, Phases};

/// What a place of a body holds.
#[derive(Clone, Copy)]
enum Value<'t> {
    Number(Traced<'t>),
    Truth(Truth<'t>),
}

/// Operations as they are recorded.
struct Recorder<'r> {
    tape: &'r Tape,
    homes: &'r [Home],
    transposed: bool,
    len: usize,
    dtype: DType,
    known: HashMap<usize, Value<'r>>,
    inputs: Vec<Input>,
    streams: Vec<Stream>,
    numbers: Vec<usize>,
}

/// Gives all groups their segments, if the system lets code run.
pub(crate) fn segments(homes: &[Home], outputs: &[Option<usize>], stages: &mut [Phases]) {
    let mut readers = vec![0; homes.len()];
    let read = stages.iter().flatten().flat_map(Phase::inputs);
    read.chain(outputs.iter().flatten().copied()).for_each(|home| readers[home] += 1);
    let (mut writer, mut groups) = (Writer::default(), vec![]);
    for phase in stages.iter_mut().flatten() {
        if let Phase::Group(group) = phase {
            group.find_segments(homes, &readers, &mut writer);
            groups.push(group);
        }
    }
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
        self.instrs = in_runs(std::mem::take(&mut self.instrs), homes, dtype);
        let mut from = 0;
        while from < self.instrs.len() {
            let len = self.instrs[from].len;
            let same = |i: &&Instr| i.len == len && may_be_in(i, homes, dtype);
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
        let mut recorder = Recorder {
            tape: &tape,
            homes,
            transposed: self.transposed,
            len: instrs[0].len,
            dtype,
            known: HashMap::new(),
            inputs: vec![],
            streams: vec![],
            numbers: vec![],
        };
        let count = instrs.iter().take_while(|i| recorder.add(i).is_some()).count();
        let instrs = &instrs[..count];
        // A single instruction is in one pass as it is, unless that goes line by line.
        let lines = recorder.streams.iter().any(|s| s.access != Access::Each);
        if count == 0 || count == 1 && !lines {
            return None;
        }
        let mut inside: HashMap<usize, usize> = HashMap::new();
        for home in instrs.iter().flat_map(|i| i.kind.inputs()) {
            *inside.entry(home).or_default() += 1;
        }
        let read = |home: &usize| readers[*home] > inside.get(home).copied().unwrap_or(0);
        let outs: Vec<usize> = instrs.iter().filter_map(|i| i.out).filter(read).collect();
        let Recorder { known, inputs, mut streams, numbers, len, .. } = recorder;
        if streams.len() + outs.len() > STREAMS {
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
        drop(known);
        let flat = !lines;
        let entry = writer.add(tape, &streams)?;
        let instrs = range.start..range.start + count;
        Some(Segment { instrs, outs, inputs, numbers, len, flat, dtype, entry, code: None })
    }
}

/// Whether a body may take an operation, from what it is and whose types it has.
fn may_be_in(instr: &Instr, homes: &[Home], dtype: DType) -> bool {
    let of = |x: &Operand| match x {
        Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => homes[*v].dtype,
        Operand::Number(_) => dtype,
    };
    let result = instr.dtype == dtype || instr.dtype == DType::Bool;
    result
        && match &instr.kind {
            Kind::Unary(_, x) => of(x) == dtype || of(x) == DType::Bool,
            Kind::Binary(_, d, ..) => *d == dtype || *d == DType::Bool && instr.dtype == DType::Bool,
            Kind::Select(..) | Kind::Copy(_) => instr.dtype == dtype,
            Kind::Cast(from, _) => *from == DType::U8 || *from == DType::Bool || *from == dtype,
            _ => false,
        }
}

/// The operations in an order in which those that may be in a body follow each other.
fn in_runs(instrs: Vec<Instr>, homes: &[Home], dtype: DType) -> Vec<Instr> {
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
            if may_be_in(instr, homes, dtype) || !ready || waits {
                fallible |= may_fail(&instr.kind);
                continue;
            }
            instr.out.map(|out| open.remove(&out));
            ordered.extend(slot.take());
        }
        let mut len = None;
        for slot in &mut left {
            let Some(instr) = slot else { continue };
            let ready = instr.kind.inputs().iter().all(|home| !open.contains_key(home));
            if !may_be_in(instr, homes, dtype) || !ready || len.is_some_and(|len| len != instr.len) {
                continue;
            }
            len = Some(instr.len);
            instr.out.map(|out| open.remove(&out));
            ordered.extend(slot.take());
        }
    }
    ordered
}

fn may_fail(kind: &Kind) -> bool {
    matches!(kind, Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. })
}

impl<'r> Recorder<'r> {
    /// Records an operation, if it can.
    fn add(&mut self, instr: &Instr) -> Option<()> {
        let (tape, wide) = (self.tape, self.dtype == DType::F64);
        // The result may want a stream.
        if self.streams.len() + 1 > STREAMS {
            return None;
        }
        let truth = instr.dtype == DType::Bool;
        let value = match &instr.kind {
            Kind::Unary(op, x) if !truth => Value::Number(functions::unary(wide, *op, self.number(x)?)?),
            Kind::Unary(dl_core::ops::Unary::Not, x) => Value::Truth(!self.truth(x)?),
            Kind::Unary(dl_core::ops::Unary::IsFinite, x) => {
                Value::Truth(functions::finite(wide, self.number(x)?))
            }
            Kind::Binary(op, _, x, y) if !truth => {
                Value::Number(functions::binary(wide, *op, self.number(x)?, self.number(y)?)?)
            }
            Kind::Binary(dl_core::ops::Binary::And, _, x, y) => Value::Truth(self.truth(x)? & self.truth(y)?),
            Kind::Binary(dl_core::ops::Binary::Or, _, x, y) => Value::Truth(self.truth(x)? | self.truth(y)?),
            Kind::Binary(op, dtype, x, y) if *dtype == self.dtype => {
                Value::Truth(functions::compare(wide, *op, self.number(x)?, self.number(y)?)?)
            }
            Kind::Select(c, a, b) => {
                Value::Number(functions::choose(self.truth(c)?, self.number(a)?, self.number(b)?))
            }
            Kind::Copy(x) if !truth => Value::Number(self.number(x)?),
            Kind::Cast(DType::Bool, x) if !truth => Value::Number(functions::truth(wide, self.truth(x)?)),
            Kind::Cast(DType::U8, Operand::Rows(v)) if !truth => {
                let input = Input { home: *v, access: Access::Each, row: Some(self.len) };
                let stream = self.stream(input, Element::Byte)?;
                Value::Number(functions::of_int(tape.load(stream)))
            }
            Kind::Cast(from, x) if *from == self.dtype && truth => {
                Value::Truth(functions::is_true(self.number(x)?))
            }
            _ => return None,
        };
        self.known.insert(instr.out?, value);
        Some(())
    }

    /// An operand of the shard's type.
    fn number(&mut self, x: &Operand) -> Option<Traced<'r>> {
        let home = match x {
            Operand::Number(number) => return Some(self.tape.constant(bits(*number, self.dtype))),
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => *v,
        };
        if self.homes[home].dtype != self.dtype {
            return None;
        }
        if let Some(known) = self.known.get(&home) {
            let Value::Number(known) = known else { return None };
            return Some(*known);
        }
        match self.input(x)? {
            Some(input) => {
                let stream = self.stream(input, Element::Lane)?;
                Some(self.tape.load(stream))
            }
            None => {
                let place = self.numbers.iter().position(|n| *n == home).unwrap_or_else(|| {
                    self.numbers.push(home);
                    self.numbers.len() - 1
                });
                (place < NUMBERS).then(|| self.tape.number(place))
            }
        }
    }

    /// A truth value.
    fn truth(&mut self, x: &Operand) -> Option<Truth<'r>> {
        let home = match x {
            Operand::Number(_) | Operand::Same(_) => return None,
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) => *v,
        };
        if self.homes[home].dtype != DType::Bool {
            return None;
        }
        if let Some(known) = self.known.get(&home) {
            let Value::Truth(known) = known else { return None };
            return Some(*known);
        }
        let input = self.input(x)?.filter(|i| i.access != Access::PerLine)?;
        let stream = self.stream(input, Element::Byte)?;
        Some(self.tape.test(stream))
    }

    /// How an operand that is no number goes along the lines; nothing inside if it is one element.
    fn input(&self, x: &Operand) -> Option<Option<Input>> {
        let of_rows = |home, access, row| Some(Some(Input { home, access, row: Some(row) }));
        let of_whole = |home, access| Some(Some(Input { home, access, row: None }));
        match (*x, self.transposed) {
            (Operand::Rows(v), _) => of_rows(v, Access::Each, self.len),
            (Operand::PerRow(v), _) if self.len == 1 => of_rows(v, Access::Each, 1),
            (Operand::PerRow(v), false) => of_rows(v, Access::PerLine, 1),
            (Operand::PerRow(v), true) => of_rows(v, Access::SameLine, 1),
            (Operand::SameRow(_), _) if self.len == 1 => Some(None),
            (Operand::SameRow(v), false) => of_whole(v, Access::SameLine),
            (Operand::SameRow(v), true) => of_whole(v, Access::PerLine),
            (Operand::Same(_), _) => Some(None),
            (Operand::Number(_), _) => None,
        }
    }

    fn stream(&mut self, input: Input, element: Element) -> Option<usize> {
        if let Some(known) = self.inputs.iter().position(|i| *i == input) {
            return Some(known);
        }
        // One is left for the result.
        if self.streams.len() + 2 > STREAMS {
            return None;
        }
        self.inputs.push(input);
        self.streams.push(Stream { access: input.access, element });
        Some(self.streams.len() - 1)
    }
}

/// A number's bits in an element type.
fn bits(number: Scalar, dtype: DType) -> u64 {
    match dtype {
        DType::F64 => f64::number(number).to_bits(),
        _ => f32::number(number).to_bits().into(),
    }
}
