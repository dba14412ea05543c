//! The instructions of a body as WGSL: the element of a register is an expression of the row and of the element's
//! number, written where it is asked for, once in each block.

use std::collections::HashMap;
use std::fmt::Write;

use dl_core::ops::{Clock, Reduce};
use dl_core::schedule::{Access, Body, BufferId, Index, Operand, Operation, Register};
use dl_core::{DType, Scalar};

use super::elements::Form;
use super::functions::{self, register_type};
use super::maps;
use super::memory::SlotId;
use super::shader::Shader;

/// Why something has no kernel of ours: burn's operations compute it.
pub(super) type Lacks = String;
pub(super) type Result<T> = std::result::Result<T, Lacks>;

/// Terms that one invocation adds one after the other, before they go to the sum of such sums.
pub(super) const CHAIN: usize = 64;

/// Where the rows of a buffer stand: the element `e` of a row at `row·apart + begin + e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) slot: SlotId,
    pub(super) apart: usize,
    pub(super) begin: Begin,
}

/// Where in memory the first row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    At(usize),
    /// So many elements for each step of a loop that is before; a word of the slot says how many.
    Turn(SlotId, usize),
}

impl Rows {
    /// Rows one after the other.
    pub(super) fn dense(slot: SlotId, len: usize) -> Rows {
        Rows { slot, apart: len, begin: Begin::At(0) }
    }

    /// The place of an element, so many of which are a step.
    pub(super) fn place(&self, shader: &mut Shader, row: &str, (e, step): (&str, usize)) -> String {
        let place = place(row, self.apart, e, step);
        match self.begin {
            Begin::At(0) => place,
            Begin::At(begin) => format!("{place} + {begin}u"),
            Begin::Turn(turn, by) => format!("{place} + {}[0] * {by}u", shader.read(turn, "u32")),
        }
    }
}

/// Where buffers are, and the tables of places that kernels look up.
pub(super) trait Places {
    /// The slot of a buffer.
    fn slot(&mut self, buffer: BufferId) -> Result<SlotId>;
    /// Where its rows stand, of so many elements.
    fn rows(&mut self, buffer: BufferId, len: usize) -> Result<Rows>;
    /// Whether a slot's elements are bytes, four in a word.
    fn is_packed(&self, slot: SlotId) -> bool;
    /// How elements of this type lie in a slot.
    fn form(&self, slot: SlotId, dtype: DType) -> Form;
    /// The registers of a body that go on as memory has them.
    fn rounded(&self, body: &Body) -> HashMap<Register, Form>;
    /// The slot of what decides the random numbers of a stream.
    fn key(&mut self, stream: u64, clock: Clock) -> SlotId;
    /// The slot of a table.
    fn table(&mut self, places: Vec<u32>) -> SlotId;
}

/// Writes the instructions of one body.
pub(super) struct Writer<'a> {
    pub(super) body: &'a Body,
    pub(super) shader: &'a mut Shader,
    pub(super) places: &'a mut dyn Places,
    /// Registers that lie in memory: rows of `len` elements.
    pub(super) kept: &'a HashMap<Register, SlotId>,
    /// Registers that go on as memory has them.
    rounded: HashMap<Register, Form>,
    /// In an epilogue: the product's element.
    pub(super) result: Option<String>,
    /// In a prologue: what is loaded.
    pub(super) argument: Option<String>,
    pub(super) text: String,
    /// The expression of the row.
    pub(super) row: String,
    /// By block: what has been written, by register and element.
    blocks: Vec<HashMap<(Register, String), String>>,
    next: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        body: &'a Body,
        shader: &'a mut Shader,
        places: &'a mut dyn Places,
        kept: &'a HashMap<Register, SlotId>,
    ) -> Self {
        Writer {
            rounded: places.rounded(body),
            body,
            shader,
            places,
            kept,
            result: None,
            argument: None,
            text: String::new(),
            row: "row".into(),
            blocks: vec![HashMap::new()],
            next: 0,
        }
    }

    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.text, "  {}", line.as_ref());
    }

    /// Begins a block, of which nothing is known outside.
    pub(super) fn open(&mut self, head: &str) {
        self.line(format!("{head} {{"));
        self.blocks.push(HashMap::new());
    }

    pub(super) fn close(&mut self) {
        self.blocks.pop();
        self.line("}");
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    pub(super) fn define(&mut self, value: &str) -> String {
        let name = self.fresh("v");
        self.line(format!("let {name} = {value};"));
        name
    }

    /// The element `e` of a register.
    pub(super) fn element(&mut self, register: Register, e: &str) -> Result<String> {
        let instr = self.body.instr(register);
        let e = if instr.len == 1 { "0u" } else { e };
        let key = (register, e.to_owned());
        if let Some(known) = self.blocks.iter().rev().find_map(|block| block.get(&key)) {
            return Ok(known.clone());
        }
        let value = match self.kept.get(&register) {
            Some(slot) => {
                let place = place(&self.row, instr.len, e, usize::from(instr.len != 1));
                self.loaded(*slot, instr.dtype, &place)
            }
            None => self.computed(register, e)?,
        };
        let value = match self.rounded.get(&register) {
            Some(form) => form.rounded(&value, &mut self.shader.called),
            None => value,
        };
        let name = self.define(&value);
        if let Some(block) = self.blocks.last_mut() {
            block.insert(key, name.clone());
        }
        Ok(name)
    }

    /// The element at a place of a slot.
    pub(super) fn loaded(&mut self, slot: SlotId, dtype: DType, place: &str) -> String {
        let form = self.places.form(slot, dtype);
        let name = self.shader.read(slot, form.element(1));
        form.loaded(&format!("{name}[{place}]"))
    }

    /// Writes a value that memory can hold to a place of a slot.
    pub(super) fn store(&mut self, slot: SlotId, dtype: DType, (place, value): (&str, &str)) {
        let form = self.places.form(slot, dtype);
        let name = self.shader.write(slot, form.element(1));
        self.line(format!("{name}[{place}] = {};", form.stored(value)));
    }

    fn operand(&mut self, operand: &Operand, of: DType, e: &str) -> Result<String> {
        match operand {
            Operand::Register(register) => self.element(*register, e),
            Operand::Number(value) => functions::number(*value, of, &mut self.shader.called)
                .ok_or_else(|| format!("{value} is no {of} of the device")),
        }
    }

    fn computed(&mut self, register: Register, e: &str) -> Result<String> {
        let body = self.body;
        let instr = body.instr(register);
        let (dtype, len) = (instr.dtype, instr.len);
        if dtype == DType::F64 {
            return Err("f64".into());
        }
        Ok(match &instr.operation {
            Operation::Load { .. } if self.argument.is_some() => self.argument.clone().unwrap_or_default(),
            Operation::Load { buffer, access } => self.load(*buffer, *access, dtype, e)?,
            Operation::Result => self.result.clone().ok_or("a result outside of an epilogue")?,
            Operation::Unary { op, of, x } => {
                let x = self.operand(x, *of, e)?;
                functions::unary(*op, *of, &x, &mut self.shader.called)
                    .ok_or_else(|| format!("{} of {of}", op.row().name))?
            }
            Operation::Binary { op, of, x, y } => {
                let (x, y) = (self.operand(x, *of, e)?, self.operand(y, *of, e)?);
                functions::binary(*op, *of, &x, &y, &mut self.shader.called)
                    .ok_or_else(|| format!("{} of {of}", op.row().name))?
            }
            Operation::Select(c, a, b) => {
                let c = self.operand(c, DType::Bool, e)?;
                let (a, b) = (self.operand(a, dtype, e)?, self.operand(b, dtype, e)?);
                format!("select({b}, {a}, {c})")
            }
            Operation::Cast { from, x } => {
                let x = self.operand(x, *from, e)?;
                functions::cast(*from, dtype, &x, &mut self.shader.called)
            }
            Operation::Copy(x) => self.operand(x, dtype, e)?,
            Operation::Reduce { kind, of, run } => {
                let (kind, of, run) = (*kind, *of, *run);
                self.reduced(kind, dtype, run, &mut |writer, term| {
                    let place = if len == 1 {
                        term.to_owned()
                    } else {
                        writer.define(&format!("{e} * {run}u + {term}"))
                    };
                    writer.element(of, &place)
                })?
            }
            Operation::Gather { of, map, fill } => {
                let fill = functions::number(*fill, dtype, &mut self.shader.called);
                self.gathered(*of, map, fill, e)?
            }
            Operation::Count { per_row, times } => {
                let count = format!("{} * {per_row}u + {e} / {}u", self.row, (*times).max(1));
                format!("{}({count})", register_type(dtype))
            }
            Operation::Pick { from, index } => {
                let at = self.index(index, e)?;
                let at = self.define(&format!("{e} * {}u + u32({at})", index.along));
                self.element(*from, &at)?
            }
            Operation::Lookup { table, index, width } => {
                let which = self.define(&format!("{e} / {width}u"));
                let at = self.index(index, &which)?;
                let slot = self.bound(*table)?;
                self.loaded(slot, dtype, &format!("u32({at}) * {width}u + {e} % {width}u"))
            }
            Operation::Place { index, update } => {
                let run = self.define(&format!("{e} / {}u", index.along));
                let at = self.index(index, &run)?;
                let update = self.element(*update, &run)?;
                let zero = functions::identity(Reduce::Sum, dtype, &mut self.shader.called);
                format!("select({zero}, {update}, u32({at}) == {e} % {}u)", index.along)
            }
            Operation::Concat(parts) => self.joined(parts, (dtype, len), e)?,
            Operation::Random { stream, clock } => {
                let key = self.places.key(*stream, *clock);
                let key = self.shader.read(key, "u32");
                self.shader.called.insert("uniform_");
                let at = place(&self.row, len, e, usize::from(len != 1));
                format!("uniform_({at}, {key}[0], {key}[1], {key}[2], {key}[3], {key}[4])")
            }
            Operation::Scatter { .. } => return Err("scatter".into()),
            Operation::Store { of, .. } | Operation::Fold { of, .. } => self.element(*of, e)?,
        })
    }

    fn index(&mut self, index: &Index, e: &str) -> Result<String> {
        let e = if index.count() == 1 { "0u" } else { e };
        self.element(index.register, e)
    }

    /// The slot of a buffer whose elements do not lie in one word.
    pub(super) fn bound(&mut self, buffer: BufferId) -> Result<SlotId> {
        let slot = self.places.slot(buffer)?;
        match self.places.is_packed(slot) {
            true => Err("bytes in words are looked up".into()),
            false => Ok(slot),
        }
    }

    fn load(&mut self, buffer: BufferId, access: Access, dtype: DType, e: &str) -> Result<String> {
        let rows = self.places.rows(buffer, access.row)?;
        let at = rows.place(self.shader, &self.row, (e, access.element));
        if self.places.is_packed(rows.slot) {
            let (at, name) = (self.define(&at), self.shader.read(rows.slot, "u32"));
            return Ok(byte(&name, &at));
        }
        Ok(self.loaded(rows.slot, dtype, &at))
    }

    fn gathered(
        &mut self,
        of: Register,
        map: &[Option<u32>],
        fill: Option<String>,
        e: &str,
    ) -> Result<String> {
        if let Some(place) = maps::formula(map, e) {
            let place = if place == e { place } else { self.define(&place) };
            return self.element(of, &place);
        }
        let missing = map.iter().any(Option::is_none);
        let slot = self.places.table(map.iter().map(|place| place.unwrap_or(u32::MAX)).collect());
        let table = self.shader.read(slot, "u32");
        let at = self.define(&format!("{table}[{e}]"));
        if !missing {
            return self.element(of, &at);
        }
        let inside = self.define(&format!("{at} != {}u", u32::MAX));
        let safe = self.define(&format!("select(0u, {at}, {inside})"));
        let value = self.element(of, &safe)?;
        Ok(format!("select({}, {value}, {inside})", fill.ok_or("no number of the device")?))
    }

    /// Rows side by side: a table says whose element each is, and which.
    fn joined(
        &mut self,
        parts: &[(Register, Vec<u32>)],
        (dtype, len): (DType, usize),
        e: &str,
    ) -> Result<String> {
        const PART: u32 = 1 << 24;
        let mut table = vec![0; len];
        for (part, (_, map)) in parts.iter().enumerate() {
            for (own, to) in map.iter().enumerate() {
                if part >= 128 || own >= PART as usize {
                    return Err("too many parts".into());
                }
                table[*to as usize] = part as u32 * PART + own as u32;
            }
        }
        let slot = self.places.table(table);
        let table = self.shader.read(slot, "u32");
        let at = self.define(&format!("{table}[{e}]"));
        let part = self.define(&format!("{at} / {PART}u"));
        let own = self.define(&format!("{at} % {PART}u"));
        let joined = self.fresh("j");
        let (ty, zero) =
            (register_type(dtype), functions::number(Scalar::Float(0.0), dtype, &mut self.shader.called));
        self.line(format!("var {joined} = {ty}({});", zero.ok_or("no zero of the device")?));
        for (i, (of, _)) in parts.iter().enumerate() {
            self.open(&format!("if ({part} == {i}u)"));
            let value = self.element(*of, &own)?;
            self.line(format!("{joined} = {value};"));
            self.close();
        }
        Ok(joined)
    }

    /// A reduction of `terms` terms by this invocation, in a tree of chains.
    pub(super) fn reduced(
        &mut self,
        kind: Reduce,
        dtype: DType,
        terms: usize,
        term: &mut dyn FnMut(&mut Self, &str) -> Result<String>,
    ) -> Result<String> {
        let (ty, neutral) = (register_type(dtype), functions::identity(kind, dtype, &mut self.shader.called));
        // Chains of chains of chains: none is long, and no loop either.
        let mut levels = vec![];
        let mut left = terms;
        while left > CHAIN && levels.len() < 2 {
            levels.push(CHAIN);
            left = left.div_ceil(CHAIN);
        }
        levels.push(left);
        levels.reverse();
        let sums: Vec<String> = levels.iter().map(|_| self.fresh("s")).collect();
        let counters: Vec<String> = levels.iter().map(|_| self.fresh("i")).collect();
        let mut at = String::new();
        for (depth, turns) in levels.iter().enumerate() {
            let (sum, i) = (&sums[depth], &counters[depth]);
            self.line(format!("var {sum} = {ty}({neutral});"));
            let until = format!("{turns}u");
            self.open(&format!("for (var {i} = 0u; {i} < {until}; {i} = {i} + 1u)"));
            at = if at.is_empty() { i.clone() } else { format!("({at}) * {turns}u + {i}") };
        }
        let exact = levels.iter().product::<usize>() == terms;
        let place = if levels.len() == 1 { at } else { self.define(&at) };
        if !exact {
            self.line(format!("if ({place} >= {terms}u) {{ break; }}"));
        }
        let value = term(self, &place)?;
        for (depth, sum) in sums.iter().enumerate().rev() {
            let inner = sums.get(depth + 1).map_or(value.clone(), Clone::clone);
            let both = functions::combine(kind, dtype, sum, &inner, &mut self.shader.called)
                .ok_or_else(|| format!("{} of {dtype}", kind.name()))?;
            self.line(format!("{sum} = {both};"));
            self.close();
        }
        Ok(sums[0].clone())
    }
}

/// `row·by + e·step`.
fn place(row: &str, by: usize, e: &str, step: usize) -> String {
    let part = |of: &str, by: usize| match (of, by) {
        ("0u", _) | (_, 0) => None,
        (of, 1) => Some(of.to_owned()),
        (of, by) => Some(format!("{of} * {by}u")),
    };
    match (part(row, by), part(e, step)) {
        (Some(a), Some(b)) => format!("{a} + {b}"),
        (Some(a), None) | (None, Some(a)) => a,
        (None, None) => "0u".into(),
    }
}

/// A byte of those that lie four in a word.
pub(super) fn byte(name: &str, at: &str) -> String {
    format!("i32(({name}[({at}) >> 2u] >> ((({at}) & 3u) * 8u)) & 255u)")
}
