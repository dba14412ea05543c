//! Pointwise kernels: an invocation for each element, or for each row where its elements are reduced; what is
//! reduced in parts, or over rows, has launches of its own.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::schedule::{Body, Operation, Register};

use super::body::{Places, Result, Rows, Writer};
use super::lower::Lowering;
use super::memory::SlotId;
use super::reduction::{Reduction, Scatter, Target, Terms};
use super::shader::{GROUP, Shader};

/// A reduction within a row is the row's invocation's own up to so many terms.
const RUN: usize = 256;
/// Stores of rows of so many elements have an invocation for each, even where others have one for a row.
const SHORT: usize = 32;

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
    rows: Rows,
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
            let rows = lowering.rows(buffer, instr.len)?;
            sinks.push(Sink { of, rows, len: instr.len, dtype: instr.dtype });
        }
    }
    for (of, slot) in extra {
        let instr = body.instr(*of);
        let rows = Rows::dense(*slot, instr.len);
        sinks.push(Sink { of: *of, rows, len: instr.len, dtype: instr.dtype });
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
    let place = sink.rows.place(writer.shader, row, (e, usize::from(sink.len != 1)));
    writer.store(sink.rows.slot, sink.dtype, (&place, &value));
    Ok(())
}

/// How many work groups so many invocations are.
pub(super) fn groups(invocations: usize) -> u32 {
    invocations.div_ceil(GROUP as usize).max(1) as u32
}
