//! Bodies as instructions over homes. A chain of elementwise instructions on a byte becomes one function of
//! 256 values, exact to the bit.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::ops::Reduce;
use dl_core::schedule::{self, Body, BufferId, Layout, Operation, Register};

use crate::cpu::array::Item;
use crate::cpu::tiles::data::instr::{Index, Instr, Kind, Operand, Work};
use crate::cpu::tiles::lower::rows::Lowering;
use crate::cpu::vector::{self, ByteMap, Isa, Pattern, runs};

/// Elements of a row that is no matter of columns (`transpose`).
const LONG: usize = 64;

/// What a register is.
#[derive(Clone, Copy)]
struct Value {
    home: usize,
    len: usize,
    /// Whether all rows have the same elements, of a whole value.
    same: bool,
    /// The instruction that makes it, if that is a function of bytes.
    bytes: Option<usize>,
}

/// The instructions of a body so far.
struct Instructions<'b> {
    body: &'b Body,
    instrs: Vec<Instr>,
    /// By register; none for those that write buffers.
    values: Vec<Option<Value>>,
    /// By register, how many instructions read it.
    readers: Vec<usize>,
    /// The registers that are stored, and where.
    stored: HashMap<Register, BufferId>,
}

impl Lowering<'_> {
    /// The instructions of a body on rows, of which `result` is the home of the product before it; and the
    /// home of the last register.
    ///
    /// # Errors
    /// What this executor has no instruction for.
    pub(crate) fn instructions(
        &mut self,
        body: &Body,
        result: Option<usize>,
    ) -> Result<(Vec<Instr>, Option<usize>), String> {
        let mut to = Instructions::new(body);
        for (i, instr) in body.instrs.iter().enumerate() {
            let value = match &instr.operation {
                Operation::Store { .. } => None,
                Operation::Fold { .. } | Operation::Scatter { .. } => {
                    self.reduction(&mut to, Register(i as u32))?;
                    None
                }
                _ => Some(self.define(&mut to, Register(i as u32), instr, result)?),
            };
            to.values.push(value);
        }
        let last = to.values.iter().rev().flatten().next().map(|v| v.home);
        Ok((to.instrs, last))
    }

    /// An instruction that defines a register.
    fn define(
        &mut self,
        to: &mut Instructions<'_>,
        register: Register,
        instr: &schedule::Instr,
        result: Option<usize>,
    ) -> Result<Value, String> {
        let (len, dtype, step) = (instr.len, instr.dtype, instr.step.index());
        let value = |home: usize| Value { home, len, same: false, bytes: None };
        match &instr.operation {
            Operation::Load { buffer, .. } => {
                let same = matches!(self.schedule.buffer(*buffer).layout, Layout::Whole(_));
                let home = if same { self.whole(*buffer)? } else { self.home(*buffer)? };
                return Ok(Value { same, ..value(home) });
            }
            Operation::Result => return Ok(value(result.ok_or("a result belongs to an epilogue")?)),
            _ => {}
        }
        let out = match to.stored.get(&register) {
            Some(buffer) => self.home(*buffer)?,
            None => self.open(dtype, len),
        };
        if let Some((place, map)) = to.longer_map(instr) {
            to.instrs[place].out = Some(out);
            to.instrs[place].kind = map;
            to.instrs[place].work.operations += to.body.operations(register);
            return Ok(Value { bytes: Some(place), ..value(out) });
        }
        if let Some(pattern) = to.pattern(instr) {
            let work = Work::of(to.body, register);
            to.instrs.push(Instr { kind: pattern, dtype, out: Some(out), len, lines: 1, step, work });
            return Ok(value(out));
        }
        let first_map = to.first_map(instr);
        let bytes = first_map.is_some().then_some(to.instrs.len());
        let kind = match first_map {
            Some(map) => map,
            None => self.kind(to, instr)?,
        };
        let work = Work::of(to.body, register);
        to.instrs.push(Instr { kind, dtype, out: Some(out), len, lines: 1, step, work });
        Ok(Value { bytes, ..value(out) })
    }

    /// An instruction that reduces rows.
    fn reduction(&mut self, to: &mut Instructions<'_>, register: Register) -> Result<(), String> {
        let instr = to.body.instr(register);
        let (kind, len) = match &instr.operation {
            Operation::Fold { buffer, kind, of } => {
                let fold = self.fold(*buffer, *kind, false, 1)?;
                (Kind::Fold(*kind, to.rows(*of)?, fold), instr.len)
            }
            Operation::Scatter { buffer, index, update, width } => {
                let fold = self.fold(*buffer, Reduce::Sum, false, index.count())?;
                let kind =
                    Kind::Scatter { index: to.index(index)?, update: to.rows(*update)?, width: *width, fold };
                (kind, to.value(*update)?.len)
            }
            _ => return Err("it reduces no rows".into()),
        };
        let (step, work) = (instr.step.index(), Work::of(to.body, register));
        to.instrs.push(Instr { kind, dtype: instr.dtype, out: None, len, lines: 1, step, work });
        Ok(())
    }

    fn kind(&mut self, to: &Instructions<'_>, instr: &schedule::Instr) -> Result<Kind, String> {
        let len = instr.len;
        Ok(match &instr.operation {
            Operation::Unary { op, x, .. } => Kind::Unary(*op, to.operand(x, len)?),
            Operation::Binary { op, of, x, y } => {
                Kind::Binary(*op, *of, to.operand(x, len)?, to.operand(y, len)?)
            }
            Operation::Select(c, a, b) => {
                Kind::Select(to.operand(c, len)?, to.operand(a, len)?, to.operand(b, len)?)
            }
            Operation::Cast { from, x } => Kind::Cast(*from, to.operand(x, len)?),
            Operation::Copy(x) => Kind::Copy(to.operand(x, len)?),
            Operation::Reduce { kind, of, run } => Kind::Reduce(*kind, to.rows(*of)?, *run),
            Operation::Gather { of, map, fill } => {
                let width = to.value(*of)?.len;
                let operand = to.operand(&schedule::Operand::Register(*of), width)?;
                let map: Vec<u32> = map.iter().map(|place| place.unwrap_or(u32::MAX)).collect();
                let runs = runs(&map);
                Kind::Gather(map, operand, width, *fill, runs)
            }
            Operation::Concat(parts) => {
                let part = |(x, map): &(Register, Vec<u32>)| Ok((to.rows(*x)?, map.clone()));
                Kind::Concat(parts.iter().map(part).collect::<Result<_, String>>()?)
            }
            Operation::Count { per_row, times } => Kind::Count { per_row: *per_row, times: *times },
            Operation::Random { stream, clock } => Kind::Random(*stream, *clock),
            Operation::Pick { from, index } => Kind::Pick { from: to.rows(*from)?, index: to.index(index)? },
            Operation::Lookup { table, index, width } => {
                Kind::Lookup { table: self.whole(*table)?, index: to.index(index)?, width: *width }
            }
            Operation::Place { index, update } => {
                Kind::Place { index: to.index(index)?, update: to.rows(*update)? }
            }
            Operation::Load { .. }
            | Operation::Result
            | Operation::Store { .. }
            | Operation::Fold { .. }
            | Operation::Scatter { .. } => return Err("it computes no rows".into()),
        })
    }
}

impl<'b> Instructions<'b> {
    fn new(body: &'b Body) -> Instructions<'b> {
        let (mut readers, mut stored) = (vec![0; body.instrs.len()], HashMap::new());
        for instr in &body.instrs {
            instr.operation.registers().iter().for_each(|register| readers[register.index()] += 1);
            if let Operation::Store { buffer, of } = instr.operation {
                stored.insert(of, buffer);
            }
        }
        Instructions { body, instrs: vec![], values: vec![], readers, stored }
    }

    fn value(&self, register: Register) -> Result<Value, String> {
        self.values[register.index()].ok_or_else(|| format!("{register} is no value"))
    }

    /// A register that is rows.
    fn rows(&self, register: Register) -> Result<usize, String> {
        let value = self.value(register)?;
        if value.same { Err("a whole value taken for rows".into()) } else { Ok(value.home) }
    }

    fn operand(&self, operand: &schedule::Operand, len: usize) -> Result<Operand, String> {
        let register = match operand {
            schedule::Operand::Number(number) => return Ok(Operand::Number(*number)),
            schedule::Operand::Register(register) => *register,
        };
        let value = self.value(register)?;
        Ok(match (value.same, value.len == 1) {
            (true, true) => Operand::Same(value.home),
            (true, false) => Operand::SameRow(value.home),
            (false, true) if len != 1 => Operand::PerRow(value.home),
            (false, _) => Operand::Rows(value.home),
        })
    }

    fn index(&self, index: &schedule::Index) -> Result<Index, String> {
        let schedule::Index { register, along, row, axis } = index.clone();
        Ok(Index { home: self.rows(register)?, along, row, axis })
    }

    /// A cast of a byte of the rows, as a function.
    fn first_map(&self, instr: &schedule::Instr) -> Option<Kind> {
        let Operation::Cast { from: DType::U8, x } = &instr.operation else { return None };
        let value = self.value(x.register()?).ok()?;
        let rows = !value.same && value.len == instr.len && instr.dtype == DType::F32;
        rows.then(|| Kind::Bytes(ByteMap::new(std::array::from_fn(|i| i as f32)), value.home))
    }

    /// A reduction of elements that a movement before it, which nothing else reads, brings together: by where
    /// they lie. The movement is taken back.
    fn pattern(&mut self, instr: &schedule::Instr) -> Option<Kind> {
        let Operation::Reduce { kind, of, run } = &instr.operation else { return None };
        let home = self.value(*of).ok()?.home;
        let alone = self.readers[of.index()] == 1 && !self.stored.contains_key(of);
        let last =
            self.instrs.last().filter(|last| last.out == Some(home) && last.dtype.is_float() && alone)?;
        let Kind::Gather(map, Operand::Rows(from), width, ..) = &last.kind else { return None };
        let pattern = Pattern::of(map, *run).filter(|_| *width >= LONG && *kind != Reduce::Prod)?;
        let kind = Kind::Pattern(*kind, *from, pattern, *width);
        self.instrs.pop();
        Some(kind)
    }

    /// A function of a byte, and this instruction after it; and the place of the former.
    fn longer_map(&self, instr: &schedule::Instr) -> Option<(usize, Kind)> {
        let mut registers = instr.operation.registers().into_iter();
        let (register, None) = (registers.next()?, registers.next()) else { return None };
        let value = self.value(register).ok()?;
        let place = value.bytes?;
        let fits = self.readers[register.index()] == 1 && instr.dtype == DType::F32 && value.len == instr.len;
        let Kind::Bytes(map, from) = &self.instrs[place].kind else { return None };
        let of = |x: &schedule::Operand| match x {
            schedule::Operand::Register(_) => vector::Operand::Slice(map.values()),
            schedule::Operand::Number(number) => vector::Operand::Number(<f32 as Item>::number(*number)),
        };
        let (isa, mut values) = (Isa::widest(), [0.0; 256]);
        match &instr.operation {
            Operation::Unary { op, .. } if fits => isa.unary(*op, map.values(), &mut values),
            Operation::Binary { op, x, y, .. } if fits => isa.binary(*op, of(x), of(y), &mut values),
            _ => return None,
        }
        Some((place, Kind::Bytes(ByteMap::new(values), *from)))
    }
}
