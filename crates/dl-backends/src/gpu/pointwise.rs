//! Pointwise kernels: an invocation for each element, or for each row where its elements are reduced; what is
//! reduced in parts, or over rows, has launches of its own.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::ops::Reduce;
use dl_core::schedule::{Body, BufferId, Index, Operation, Register};

use super::body::{CHAIN, Result, Writer, stored};
use super::functions::{self, memory_type, register_type};
use super::lower::Lowering;
use super::memory::SlotId;
use super::shader::{GROUP, Shader};

/// A reduction within a row is the row's invocation's own up to so many terms.
const RUN: usize = 256;
/// Stores of rows of so many elements have an invocation for each, even where others have one for a row.
const SHORT: usize = 32;
/// Terms that one work group reduces.
const SHARE: usize = 16_384;

/// Where the terms of a reduction are.
enum Terms {
    /// The rows: an output for each element of a row.
    Rows,
    /// Neighbours in a row: so many for each output.
    Run(usize),
}

/// What becomes of a reduction.
enum Target {
    Slot(SlotId),
    Buffer(BufferId),
}

/// What a body is computed for.
pub(super) struct Domain<'n> {
    /// Rows or elements.
    pub(super) count: usize,
    /// For listings.
    pub(super) name: &'n str,
}

/// The launches of a body.
///
/// # Errors
/// When an instruction has no text.
pub(super) fn launches(lowering: &mut Lowering<'_>, body: &Body, domain: &Domain<'_>) -> Result<Vec<Shader>> {
    lowering.check_body(body)?;
    let mut made = vec![];
    let mut kept: HashMap<Register, SlotId> = HashMap::new();
    let registers = || (0..body.instrs.len() as u32).map(Register);
    for register in registers() {
        let instr = body.instr(register);
        if let Operation::Reduce { kind, of, run } = instr.operation
            && (instr.len > 1 || run > RUN)
        {
            let slot = lowering.scratch(domain.count * instr.len);
            let reduction = Reduction {
                body,
                of,
                kind,
                dtype: instr.dtype,
                terms: Terms::Run(run),
                target: Target::Slot(slot),
                len: instr.len,
            };
            made.extend(reduction.launches(lowering, domain, &kept)?);
            kept.insert(register, slot);
        }
    }
    let by_row = depending(body, &kept);
    let stores: Vec<Register> =
        registers().filter(|r| matches!(body.instr(*r).operation, Operation::Store { .. })).collect();
    // What is folded and costs a row's reductions is stored first.
    let (mut extra, mut folded) = (vec![], kept.clone());
    for register in registers() {
        if let Operation::Fold { of, .. } = body.instr(register).operation
            && by_row[of.index()]
            && !folded.contains_key(&of)
        {
            let same = stores.iter().find_map(|s| match body.instr(*s).operation {
                Operation::Store { buffer, of: stored }
                    if stored == of && body.instr(*s).len == body.instr(of).len =>
                {
                    Some(buffer)
                }
                _ => None,
            });
            let slot = match same {
                Some(buffer) => lowering.slot_of(buffer)?,
                None => {
                    let slot = lowering.scratch(domain.count * body.instr(of).len);
                    extra.push((of, slot));
                    slot
                }
            };
            folded.insert(of, slot);
        }
    }
    let sinks = sinks(lowering, body, &stores, &extra)?;
    let rows = by_row.iter().any(|by| *by) && sinks.iter().any(|sink| by_row[sink.of.index()]);
    let (short, long): (Vec<_>, Vec<_>) =
        sinks.into_iter().partition(|sink| rows && (by_row[sink.of.index()] || sink.len <= SHORT));
    let mut shader = Shader::default();
    if !short.is_empty() {
        row_by_row(lowering, &mut shader, body, domain, &short, &kept)?;
    }
    let mut lens: Vec<usize> = long.iter().map(|sink| sink.len).collect();
    lens.sort_unstable();
    lens.dedup();
    for len in lens {
        let of: Vec<&Sink> = long.iter().filter(|sink| sink.len == len).collect();
        element_by_element(lowering, &mut shader, body, domain, &of, &kept)?;
    }
    if !shader.is_empty() {
        made.push(lowering.finished(shader)?);
    }
    made.extend(folds(lowering, body, domain, &folded)?);
    for instr in &body.instrs {
        if let Operation::Scatter { buffer, index, update, width } = &instr.operation {
            if by_row[update.index()] || by_row[index.register.index()] {
                return Err("scatter of what costs reductions".into());
            }
            let scatter =
                Scatter { buffer: *buffer, index, update: *update, width: *width, dtype: instr.dtype };
            made.extend(scatter.launches(lowering, body, domain, &kept)?);
        }
    }
    Ok(made)
}

/// Rows that go to rows of a table: each element of the table looks through all of them.
struct Scatter<'b> {
    buffer: BufferId,
    index: &'b Index,
    update: Register,
    width: usize,
    dtype: DType,
}

/// Looks of a scatter: tables of more rows, and more updates, are left to others.
const LOOKS: usize = 1 << 24;

impl Scatter<'_> {
    fn launches(
        &self,
        lowering: &mut Lowering<'_>,
        body: &Body,
        domain: &Domain<'_>,
        kept: &HashMap<Register, SlotId>,
    ) -> Result<Vec<Shader>> {
        let (count, width) = (self.index.count(), self.width);
        let (outputs, terms) = (self.index.along * width, domain.count * count);
        if outputs.saturating_mul(terms) > LOOKS {
            return Err("scatter into a large table".into());
        }
        let target = lowering.slot_of(self.buffer)?;
        let shares = terms.div_ceil(SHARE);
        let into = if shares == 1 { target } else { lowering.scratch(shares * outputs) };
        let mut shader = Shader::default();
        let mut writer = Writer::new(body, &mut shader, lowering, kept);
        let shape = Shape { outputs, terms, shares, neighbours: false };
        let groups =
            shape.write(&mut writer, (Reduce::Sum, self.dtype), into, &mut |writer, output, term| {
                let (row, within) = match count {
                    1 => (term.to_owned(), "0u".to_owned()),
                    count => (format!("{term} / {count}u"), format!("{term} % {count}u")),
                };
                writer.row = writer.define(&row);
                let within = writer.define(&within);
                let at = writer.element(self.index.register, &within)?;
                let place = writer.define(&format!("{within} * {width}u + {output} % {width}u"));
                let update = writer.element(self.update, &place)?;
                let zero = functions::identity(Reduce::Sum, self.dtype, &mut writer.shader.called);
                Ok(writer.define(&format!("select({zero}, {update}, u32({at}) == {output} / {width}u)")))
            })?;
        let text = writer.text;
        shader.part(format!("scatter in {}", domain.name), &text, groups);
        let mut launches = vec![lowering.finished(shader)?];
        if shares > 1 {
            let of = (Reduce::Sum, self.dtype);
            launches.push(sum_of_shares(lowering, of, (into, shares, outputs), target, domain.name)?);
        }
        Ok(launches)
    }
}

/// The reductions over rows of a body; registers that lie in memory are `kept`.
pub(super) fn folds(
    lowering: &mut Lowering<'_>,
    body: &Body,
    domain: &Domain<'_>,
    kept: &HashMap<Register, SlotId>,
) -> Result<Vec<Shader>> {
    let (mut first, mut others) = (Shader::default(), vec![]);
    for instr in &body.instrs {
        if let Operation::Fold { buffer, kind, of } = instr.operation {
            let len = body.instr(of).len;
            let target = Target::Buffer(buffer);
            let reduction = Reduction { body, of, kind, dtype: instr.dtype, terms: Terms::Rows, target, len };
            match reduction.shares(domain) {
                1 => reduction.part(lowering, &mut first, domain, kept)?,
                _ => others.extend(reduction.launches(lowering, domain, kept)?),
            }
        }
    }
    if !first.is_empty() {
        others.push(lowering.finished(first)?);
    }
    Ok(others)
}

/// Which registers a row's invocation has to reduce for; those that lie in memory are read.
fn depending(body: &Body, kept: &HashMap<Register, SlotId>) -> Vec<bool> {
    let mut by_row: Vec<bool> = vec![];
    for (i, instr) in body.instrs.iter().enumerate() {
        let own = matches!(instr.operation, Operation::Reduce { .. });
        let read = instr.operation.registers().iter().any(|r| by_row[r.index()]);
        by_row.push((own || read) && !kept.contains_key(&Register(i as u32)));
    }
    by_row
}

/// Elements that go to memory.
struct Sink {
    of: Register,
    slot: SlotId,
    len: usize,
    dtype: DType,
}

fn sinks(
    lowering: &mut Lowering<'_>,
    body: &Body,
    stores: &[Register],
    extra: &[(Register, SlotId)],
) -> Result<Vec<Sink>> {
    let mut sinks = vec![];
    for store in stores {
        let instr = body.instr(*store);
        if let Operation::Store { buffer, of } = instr.operation {
            sinks.push(Sink { of, slot: lowering.slot_of(buffer)?, len: instr.len, dtype: instr.dtype });
        }
    }
    for (of, slot) in extra {
        let instr = body.instr(*of);
        sinks.push(Sink { of: *of, slot: *slot, len: instr.len, dtype: instr.dtype });
    }
    Ok(sinks)
}

fn row_by_row(
    lowering: &mut Lowering<'_>,
    shader: &mut Shader,
    body: &Body,
    domain: &Domain<'_>,
    sinks: &[Sink],
    kept: &HashMap<Register, SlotId>,
) -> Result<()> {
    let mut writer = Writer::new(body, shader, lowering, kept);
    writer.line(format!("let row = group * {GROUP}u + local;"));
    writer.line(format!("if (row >= {}u) {{ return; }}", domain.count));
    // Numbers of the row first, so that no loop computes them again.
    for (i, instr) in body.instrs.iter().enumerate() {
        if instr.len == 1 && matches!(instr.operation, Operation::Reduce { .. }) {
            writer.element(Register(i as u32), "0u")?;
        }
    }
    let mut lens: Vec<usize> = sinks.iter().map(|sink| sink.len).collect();
    lens.sort_unstable();
    lens.dedup();
    for len in lens {
        if len > 1 {
            writer.open(&format!("for (var e = 0u; e < {len}u; e = e + 1u)"));
        }
        let e = if len > 1 { "e" } else { "0u" };
        for sink in sinks.iter().filter(|sink| sink.len == len) {
            store(&mut writer, sink, "row", e)?;
        }
        if len > 1 {
            writer.close();
        }
    }
    let text = writer.text;
    shader.part(domain.name.to_owned(), &text, groups(domain.count));
    Ok(())
}

fn element_by_element(
    lowering: &mut Lowering<'_>,
    shader: &mut Shader,
    body: &Body,
    domain: &Domain<'_>,
    sinks: &[&Sink],
    kept: &HashMap<Register, SlotId>,
) -> Result<()> {
    let Some(len) = sinks.first().map(|sink| sink.len) else { return Ok(()) };
    let total = domain.count * len;
    let mut writer = Writer::new(body, shader, lowering, kept);
    writer.line(format!("let at = group * {GROUP}u + local;"));
    writer.line(format!("if (at >= {total}u) {{ return; }}"));
    let (row, e) = if len == 1 { ("at", "0u") } else { ("row", "e") };
    if len > 1 {
        writer.line(format!("let row = at / {len}u;"));
        writer.line(format!("let e = at % {len}u;"));
    }
    writer.row = row.into();
    for sink in sinks {
        store(&mut writer, sink, row, e)?;
    }
    let text = writer.text;
    shader.part(domain.name.to_owned(), &text, groups(total));
    Ok(())
}

fn store(writer: &mut Writer<'_>, sink: &Sink, row: &str, e: &str) -> Result<()> {
    let value = writer.element(sink.of, e)?;
    let name = writer.shader.write(sink.slot, memory_type(sink.dtype));
    let place = match (sink.len, e) {
        (1, _) => row.to_owned(),
        (len, e) => format!("{row} * {len}u + {e}"),
    };
    writer.line(format!("{name}[{place}] = {};", stored(&value, sink.dtype)));
    Ok(())
}

/// How many work groups so many invocations are.
pub(super) fn groups(invocations: usize) -> u32 {
    invocations.div_ceil(GROUP as usize).max(1) as u32
}

/// A reduction with a launch of its own: each output by some invocations of a work group.
struct Reduction<'b> {
    body: &'b Body,
    of: Register,
    kind: Reduce,
    dtype: DType,
    terms: Terms,
    target: Target,
    /// Outputs of a row, or elements of the whole value.
    len: usize,
}

impl Reduction<'_> {
    /// Outputs and terms of each.
    fn sizes(&self, domain: &Domain<'_>) -> (usize, usize) {
        match self.terms {
            Terms::Rows => (self.len, domain.count),
            Terms::Run(run) => (domain.count * self.len, run),
        }
    }

    /// Into how many shares the terms go.
    fn shares(&self, domain: &Domain<'_>) -> usize {
        self.sizes(domain).1.div_ceil(SHARE)
    }

    fn launches(
        &self,
        lowering: &mut Lowering<'_>,
        domain: &Domain<'_>,
        kept: &HashMap<Register, SlotId>,
    ) -> Result<Vec<Shader>> {
        let mut shader = Shader::default();
        self.part(lowering, &mut shader, domain, kept)?;
        let mut launches = vec![lowering.finished(shader)?];
        if let Some(second) = lowering.pending.take() {
            launches.push(second);
        }
        Ok(launches)
    }

    /// Its part of a kernel; where there are several shares, the launch that adds them up is left pending.
    fn part(
        &self,
        lowering: &mut Lowering<'_>,
        shader: &mut Shader,
        domain: &Domain<'_>,
        kept: &HashMap<Register, SlotId>,
    ) -> Result<()> {
        let (outputs, terms) = self.sizes(domain);
        let shares = self.shares(domain);
        let target = match self.target {
            Target::Slot(slot) => slot,
            Target::Buffer(buffer) => lowering.slot_of(buffer)?,
        };
        let into = if shares == 1 { target } else { lowering.scratch(shares * outputs) };
        let mut writer = Writer::new(self.body, shader, lowering, kept);
        let (of, by_run) = (self.of, matches!(self.terms, Terms::Run(_)));
        let len = self.len;
        let shape = Shape { outputs, terms, shares, neighbours: by_run };
        let groups =
            shape.write(&mut writer, (self.kind, self.dtype), into, &mut |writer, output, term| {
                if by_run {
                    let row = if len == 1 {
                        output.to_owned()
                    } else {
                        writer.define(&format!("{output} / {len}u"))
                    };
                    writer.row = row;
                    let within = if len == 1 {
                        term.to_owned()
                    } else {
                        writer.define(&format!("({output} % {len}u) * {terms}u + {term}"))
                    };
                    writer.element(of, &within)
                } else {
                    writer.row = term.to_owned();
                    writer.element(of, output)
                }
            })?;
        let text = writer.text;
        shader.part(format!("{} in {}", self.kind.name(), domain.name), &text, groups);
        if shares > 1 {
            let launch = sum_of_shares(
                lowering,
                (self.kind, self.dtype),
                (into, shares, outputs),
                target,
                domain.name,
            )?;
            lowering.pending = Some(launch);
        }
        Ok(())
    }
}

/// What a reduction is like: outputs, terms of each, and into how many shares these go.
pub(super) struct Shape {
    pub(super) outputs: usize,
    pub(super) terms: usize,
    pub(super) shares: usize,
    /// Whether neighbouring invocations read neighbouring terms, rather than those of neighbouring outputs.
    pub(super) neighbours: bool,
}

impl Shape {
    /// Writes the reduction of what `term` gives for an output and a term; how many work groups it has.
    pub(super) fn write(
        &self,
        writer: &mut Writer<'_>,
        (kind, dtype): (Reduce, DType),
        into: SlotId,
        term: &mut dyn FnMut(&mut Writer<'_>, &str, &str) -> Result<String>,
    ) -> Result<u32> {
        let Shape { outputs, terms, shares, .. } = *self;
        let share = if shares == 1 { terms } else { SHARE };
        let lanes = share.div_ceil(CHAIN).next_power_of_two().min(GROUP as usize);
        let across = GROUP as usize / lanes;
        let blocks = outputs.div_ceil(across);
        let (lane, output) = match self.neighbours {
            true => (format!("local % {lanes}u"), format!("local / {lanes}u")),
            false => (format!("local / {across}u"), format!("local % {across}u")),
        };
        writer.line(format!("let lane_ = {lane};"));
        writer.line(format!("let output_ = (group % {blocks}u) * {across}u + {output};"));
        writer.line(format!("let share_ = group / {blocks}u;"));
        let ty = register_type(dtype);
        let neutral = functions::identity(kind, dtype, &mut writer.shader.called);
        writer.line(format!("var total_ = {ty}({neutral});"));
        writer.open(&format!("if (output_ < {outputs}u)"));
        let each = share.div_ceil(lanes);
        let exact = each * lanes * shares == terms;
        let sum = writer.reduced(kind, dtype, each, &mut |writer, i| {
            let at = writer.define(&format!("share_ * {share}u + {i} * {lanes}u + lane_"));
            if exact {
                return term(writer, "output_", &at);
            }
            // Beyond the last term the last one is read, and not counted.
            let inside = writer.define(&format!("{at} < {terms}u"));
            let safe = writer.define(&format!("min({at}, {}u)", terms - 1));
            let value = term(writer, "output_", &safe)?;
            let neutral = functions::identity(kind, dtype, &mut writer.shader.called);
            Ok(writer.define(&format!("select({ty}({neutral}), {value}, {inside})")))
        })?;
        writer.line(format!("total_ = {sum};"));
        writer.close();
        if lanes > 1 {
            let shared = writer.shader.shared(ty, GROUP);
            writer.line(format!("{shared}[local] = total_;"));
            writer.line("workgroupBarrier();");
            let distance = if self.neighbours { 1 } else { across };
            let mut half = lanes / 2;
            while half > 0 {
                let other = format!("{shared}[local + {}u]", half * distance);
                let both = functions::combine(
                    kind,
                    dtype,
                    &format!("{shared}[local]"),
                    &other,
                    &mut writer.shader.called,
                )
                .ok_or_else(|| format!("{} of {dtype}", kind.name()))?;
                writer.line(format!("if (lane_ < {half}u) {{ {shared}[local] = {both}; }}"));
                writer.line("workgroupBarrier();");
                half /= 2;
            }
            writer.line(format!("total_ = {shared}[local];"));
        }
        let name = writer.shader.write(into, memory_type(dtype));
        writer.line(format!(
            "if (lane_ == 0u && output_ < {outputs}u) {{ {name}[share_ * {outputs}u + output_] = total_; }}"
        ));
        Ok((blocks * shares) as u32)
    }
}

/// Adds up shares: `[shares, outputs]` becomes `[outputs]`.
pub(super) fn sum_of_shares(
    lowering: &mut Lowering<'_>,
    (kind, dtype): (Reduce, DType),
    (from, shares, outputs): (SlotId, usize, usize),
    into: SlotId,
    name: &str,
) -> Result<Shader> {
    if shares > SHARE {
        return Err(format!("{shares} shares"));
    }
    let mut shader = Shader::default();
    let (body, kept) = (Body::default(), HashMap::new());
    let mut writer = Writer::new(&body, &mut shader, lowering, &kept);
    let shape = Shape { outputs, terms: shares, shares: 1, neighbours: false };
    let groups = shape.write(&mut writer, (kind, dtype), into, &mut |writer, output, term| {
        let name = writer.shader.read(from, memory_type(dtype));
        Ok(writer.define(&format!("{name}[{term} * {outputs}u + {output}]")))
    })?;
    let text = writer.text;
    shader.part(format!("{} of shares of {name}", kind.name()), &text, groups);
    lowering.finished(shader)
}
