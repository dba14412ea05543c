//! Reductions with a launch of their own: each output by some invocations of a work group, long ones in shares.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::ops::Reduce;
use dl_core::schedule::{Body, BufferId, Index, Register};

use super::body::{CHAIN, Result, Writer};
use super::functions::{self, memory_type, register_type};
use super::lower::Lowering;
use super::memory::SlotId;
use super::pointwise::Domain;
use super::shader::{GROUP, Shader};

/// Terms that one work group reduces.
pub(super) const SHARE: usize = 16_384;

/// Where the terms of a reduction are.
pub(super) enum Terms {
    /// The rows: an output for each element of a row.
    Rows,
    /// Neighbours in a row: so many for each output.
    Run(usize),
}

/// What becomes of a reduction.
pub(super) enum Target {
    Slot(SlotId),
    Buffer(BufferId),
}

/// Rows that go to rows of a table: each element of the table looks through all of them.
pub(super) struct Scatter<'b> {
    pub(super) buffer: BufferId,
    pub(super) index: &'b Index,
    pub(super) update: Register,
    pub(super) width: usize,
    pub(super) dtype: DType,
}

/// Looks of a scatter: tables of more rows, and more updates, are left to others.
const LOOKS: usize = 1 << 24;

impl Scatter<'_> {
    pub(super) fn launches(
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

/// A reduction with a launch of its own: each output by some invocations of a work group.
pub(super) struct Reduction<'b> {
    pub(super) body: &'b Body,
    pub(super) of: Register,
    pub(super) kind: Reduce,
    pub(super) dtype: DType,
    pub(super) terms: Terms,
    pub(super) target: Target,
    /// Outputs of a row, or elements of the whole value.
    pub(super) len: usize,
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
    pub(super) fn shares(&self, domain: &Domain<'_>) -> usize {
        self.sizes(domain).1.div_ceil(SHARE)
    }

    pub(super) fn launches(
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
    pub(super) fn part(
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
