//! The meaning of a body: each instruction on all rows, in double precision.

use crate::dtype::{DType, Scalar};
use crate::interp::{Array, Env, Values, apply};
use crate::ops::{Op, Reduce, Scatter};
use crate::schedule::{Access, Body, BufferId, Index, Instr, Operand, Operation, Register, Schedule, StepId};

/// A failure: the step and the message.
pub(super) type Failure = (StepId, String);

/// The buffers of a run.
pub(super) struct Memory<'s> {
    pub schedule: &'s Schedule,
    pub env: Env,
    /// By buffer; none before it is made and after its lifetime.
    pub cells: Vec<Option<Values>>,
}

impl<'s> Memory<'s> {
    pub(super) fn new(schedule: &'s Schedule, env: Env) -> Self {
        Memory { schedule, env, cells: vec![None; schedule.buffers().len()] }
    }

    /// The elements of a buffer.
    pub(super) fn read(&self, buffer: BufferId) -> Result<&Values, String> {
        let elements = self.cells[buffer.index()].as_ref();
        elements.ok_or_else(|| format!("{} holds nothing", self.schedule.name(buffer)))
    }
}

/// The results of a body.
pub(super) struct Evaluated {
    /// New contents of buffers, in order.
    pub written: Vec<(BufferId, Values)>,
    /// The last register.
    pub last: Option<Array>,
}

/// Runs a body for `count` rows or elements; `result` are the elements of the product that it follows.
pub(super) fn body(
    memory: &Memory<'_>,
    body: &Body,
    count: usize,
    result: Option<Values>,
) -> Result<Evaluated, Failure> {
    let mut evaluation = Evaluation { memory, count, result, registers: vec![], written: vec![] };
    for instr in &body.instrs {
        let value = evaluation.instr(instr).map_err(|why| (instr.step, why))?;
        evaluation.registers.push(value);
    }
    let last = evaluation.registers.pop();
    Ok(Evaluated { written: evaluation.written, last })
}

struct Evaluation<'r, 's> {
    memory: &'r Memory<'s>,
    count: usize,
    result: Option<Values>,
    /// Arrays of `[rows, elements]`.
    registers: Vec<Array>,
    written: Vec<(BufferId, Values)>,
}

impl Evaluation<'_, '_> {
    fn instr(&mut self, instr: &Instr) -> Result<Array, String> {
        let (rows, len) = (self.count, instr.len);
        let data = match &instr.operation {
            Operation::Load { buffer, access } => self.load(*buffer, *access, len)?,
            Operation::Result => self.result.clone().ok_or("a result belongs to an epilogue")?,
            Operation::Unary { op, x, .. } => {
                let x = self.operand(x, len);
                self.apply(&Op::Unary(*op), &[&x], instr.dtype, &[rows, len])?
            }
            Operation::Binary { op, x, y, .. } => {
                let (x, y) = (self.operand(x, len), self.operand(y, len));
                self.apply(&Op::Binary(*op), &[&x, &y], instr.dtype, &[rows, len])?
            }
            Operation::Select(c, a, b) => {
                let (c, a, b) = (self.operand(c, len), self.operand(a, len), self.operand(b, len));
                self.apply(&Op::Select, &[&c, &a, &b], instr.dtype, &[rows, len])?
            }
            Operation::Cast { x, .. } => {
                let x = self.operand(x, len);
                self.apply(&Op::Cast, &[&x], instr.dtype, &[rows, len])?
            }
            Operation::Copy(x) => self.operand(x, len).data,
            Operation::Reduce { kind, of, run } => {
                let x = Array { shape: vec![rows, len, *run], data: self.register(*of).data.clone() };
                let op = Op::Reduce { kind: *kind, axes: vec![2] };
                self.apply(&op, &[&x], instr.dtype, &[rows, len])?
            }
            Operation::Gather { of, map, fill } => self.gather(*of, map, *fill)?,
            Operation::Concat(parts) => self.concat(parts, len)?,
            Operation::Count { per_row, times } => {
                let numbers = (0..rows * len).map(|i| (i / len) * per_row + (i % len) / (*times).max(1));
                match instr.dtype.is_float() {
                    true => Values::Float(numbers.map(|n| n as f64).collect()),
                    false => Values::Int(numbers.map(|n| n as i64).collect()),
                }
            }
            Operation::Random { stream, clock } => {
                self.apply(&Op::Random { stream: *stream, clock: *clock }, &[], instr.dtype, &[rows, len])?
            }
            Operation::Pick { from, index } => {
                let (x, index) = (self.runs(*from, index.along), self.indices(index));
                let shape = index.shape.clone();
                self.apply(&Op::Gather { axis: 1, batch: 1 }, &[&x, &index], instr.dtype, &shape)?
            }
            Operation::Lookup { table, index, width } => {
                let data = self.memory.read(*table)?.clone();
                let table = Array { shape: vec![index.along, *width], data };
                let index = self.indices(index);
                let shape = [index.shape[0], *width];
                self.apply(&Op::Gather { axis: 0, batch: 0 }, &[&table, &index], instr.dtype, &shape)?
            }
            Operation::Place { index, update } => {
                let (along, index) = (index.along, self.indices(index));
                let updates = Array { shape: index.shape.clone(), data: self.register(*update).data.clone() };
                let shape = [index.shape[0], along];
                self.apply(
                    &Op::Scatter { kind: Scatter::Add, axis: 1, batch: 1 },
                    &[&index, &updates],
                    instr.dtype,
                    &shape,
                )?
            }
            Operation::Store { buffer, of } => {
                let data = self.operand(&Operand::Register(*of), len).data;
                self.written.push((*buffer, data.clone()));
                data
            }
            Operation::Fold { buffer, kind, of } => self.fold(*buffer, *kind, *of, instr)?,
            Operation::Scatter { buffer, index, update, width } => {
                let (along, index) = (index.along, self.indices(index));
                let data = self.register(*update).data.clone();
                let updates = Array { shape: vec![index.shape[0], *width], data };
                let op = Op::Scatter { kind: Scatter::Add, axis: 0, batch: 0 };
                let data = self.apply(&op, &[&index, &updates], instr.dtype, &[along, *width])?;
                self.written.push((*buffer, data.clone()));
                return Ok(Array { shape: vec![along, *width], data });
            }
        };
        Ok(Array { shape: vec![rows, len], data })
    }

    fn apply(&self, op: &Op, args: &[&Array], dtype: DType, shape: &[usize]) -> Result<Values, String> {
        Ok(apply(op, args, (dtype, shape), &self.memory.env)?.data)
    }

    fn register(&self, register: Register) -> &Array {
        &self.registers[register.index()]
    }

    /// An operand with `len` elements a row.
    fn operand(&self, operand: &Operand, len: usize) -> Array {
        let shape = vec![self.count, len];
        match operand {
            Operand::Number(number) => Array { shape, data: Values::full(*number, self.count * len) },
            Operand::Register(register) => {
                let array = self.register(*register);
                let own = array.shape[1];
                let places: Vec<usize> = (0..self.count)
                    .flat_map(|row| (0..len).map(move |e| row * own + if own == 1 { 0 } else { e }))
                    .collect();
                Array { shape, data: array.data.pick(&places) }
            }
        }
    }

    fn load(&self, buffer: BufferId, access: Access, len: usize) -> Result<Values, String> {
        let data = self.memory.read(buffer)?;
        let rows = 0..self.count;
        let places = rows.flat_map(|row| (0..len).map(move |e| row * access.row + e * access.element));
        let places: Vec<usize> = places.collect();
        match places.iter().max() {
            Some(last) if *last >= data.len() => Err(format!("a load of element {last} of {}", data.len())),
            _ => Ok(data.pick(&places)),
        }
    }

    fn gather(&self, of: Register, map: &[Option<u32>], fill: Scalar) -> Result<Values, String> {
        let x = self.register(of);
        let (own, end) = (x.shape[1], x.data.len());
        let fill = match x.data {
            // Where nothing is filled, the number may be of any type.
            Values::Int(_) => Scalar::Int(fill.as_f64() as i64),
            Values::Bool(_) => Scalar::Bool(fill.as_f64() != 0.0),
            Values::Float(_) => Scalar::Float(fill.as_f64()),
        };
        let pool = x.data.clone().append(&Values::full(fill, 1))?;
        let place = |row: usize, place: &Option<u32>| place.map_or(end, |p| row * own + p as usize);
        let places: Vec<usize> =
            (0..self.count).flat_map(|row| map.iter().map(move |p| place(row, p))).collect();
        Ok(pool.pick(&places))
    }

    fn concat(&self, parts: &[(Register, Vec<u32>)], len: usize) -> Result<Values, String> {
        let (mut pool, mut places) = (None::<Values>, vec![0; self.count * len]);
        for (register, map) in parts {
            let x = self.register(*register);
            let before = pool.as_ref().map_or(0, Values::len);
            for row in 0..self.count {
                for (i, to) in map.iter().enumerate() {
                    places[row * len + *to as usize] = before + row * map.len() + i;
                }
            }
            pool = Some(match pool {
                Some(pool) => pool.append(&x.data)?,
                None => x.data.clone(),
            });
        }
        Ok(pool.ok_or("nothing to put together")?.pick(&places))
    }

    fn fold(
        &mut self,
        buffer: BufferId,
        kind: Reduce,
        of: Register,
        instr: &Instr,
    ) -> Result<Values, String> {
        let x = self.register(of).clone();
        let op = Op::Reduce { kind, axes: vec![0] };
        let data = self.apply(&op, &[&x], instr.dtype, &[x.shape[1]])?;
        self.written.push((buffer, data.clone()));
        Ok(data)
    }

    /// A register's elements in runs of `along`.
    fn runs(&self, register: Register, along: usize) -> Array {
        let data = self.register(register).data.clone();
        Array { shape: vec![data.len() / along.max(1), along], data }
    }

    fn indices(&self, index: &Index) -> Array {
        let data = self.register(index.register).data.clone();
        Array { shape: vec![data.len()], data }
    }
}
