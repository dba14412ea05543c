//! Instructions of a group as they are recorded for a segment.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::{Binary, Unary};

use crate::cpu::array::Item;
use crate::cpu::code::{Access, Element, NUMBERS, STREAMS, Stream, Tape, Traced, Truth, functions};
use crate::cpu::tiles::data::code::Input;
use crate::cpu::tiles::data::home::Home;
use crate::cpu::tiles::data::instr::{Instr, Kind, Operand};

/// A value on the tape.
#[derive(Clone, Copy)]
pub(crate) enum Value<'t> {
    Number(Traced<'t>),
    Truth(Truth<'t>),
}

/// The state of recording.
pub(crate) struct Recorder<'r> {
    pub tape: &'r Tape,
    pub homes: &'r [Home],
    pub transposed: bool,
    pub len: usize,
    pub dtype: DType,
    pub known: HashMap<usize, Value<'r>>,
    pub inputs: Vec<Input>,
    pub streams: Vec<Stream>,
    /// The reductions over rows, and the terms of each.
    pub folds: Vec<(usize, Traced<'r>)>,
    pub numbers: Vec<usize>,
}

impl<'r> Recorder<'r> {
    /// Records an instruction, if it can.
    pub(crate) fn add(&mut self, instr: &Instr) -> Option<()> {
        let (tape, wide) = (self.tape, self.dtype == DType::F64);
        // The result may want a stream.
        if self.streams.len() + 1 > STREAMS {
            return None;
        }
        if let Kind::Fold(_, x, fold) = &instr.kind {
            let x = self.number(&Operand::Rows(*x))?;
            // Nothing is left of an instruction that a segment does not take.
            if self.streams.len() + self.folds.len() + 1 > STREAMS {
                return None;
            }
            self.folds.push((*fold, x));
            return Some(());
        }
        let truth = instr.dtype == DType::Bool;
        let value = match &instr.kind {
            Kind::Unary(op, x) if !truth => Value::Number(functions::unary(wide, *op, self.number(x)?)?),
            Kind::Unary(Unary::Not, x) => Value::Truth(!self.truth(x)?),
            Kind::Unary(Unary::IsFinite, x) => Value::Truth(functions::finite(wide, self.number(x)?)),
            Kind::Binary(op, _, x, y) if !truth => {
                Value::Number(functions::binary(wide, *op, self.number(x)?, self.number(y)?)?)
            }
            Kind::Binary(Binary::And, _, x, y) => Value::Truth(self.truth(x)? & self.truth(y)?),
            Kind::Binary(Binary::Or, _, x, y) => Value::Truth(self.truth(x)? | self.truth(y)?),
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

    /// An operand of the segment's type.
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
