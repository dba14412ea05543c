//! What becomes of a product: tiles of it, sums of shares, bias, epilogue, updates in place.

use std::collections::HashMap;

use dl_core::schedule::{Accumulation, Along, Body, BufferId, Operation, Overlap, Product, Register};
use dl_core::{DType, ops::Reduce};

use super::body::{Places, Result, Rows, Writer};
use super::lower::Lowering;
use super::memory::SlotId;
use super::operand::{LETTERS, Reader, place, vector};
use super::pointwise;
use super::product::Sized;
use super::shader::{GROUP, Shader};
use super::tiles::Steps;

/// What becomes of the elements of a product.
pub(super) struct Finish<'a> {
    pub(super) product: &'a Product,
    pub(super) sized: &'a Sized,
    pub(super) epilogue: &'a Body,
    pub(super) kept: &'a HashMap<Register, SlotId>,
    pub(super) accumulates: Option<(&'a Accumulation, SlotId)>,
    /// Where elements lie before those of one place add up.
    pub(super) apart: Option<SlotId>,
}

impl Finish<'_> {
    /// The tiles, of which each share has some.
    pub(super) fn tiles(
        &self,
        lowering: &mut Lowering<'_>,
        shares: Option<SlotId>,
        name: &str,
    ) -> Result<Shader> {
        let (sized, tile) = (self.sized, self.sized.tile);
        let (down, across) = sized.tiles();
        let units = down * across * sized.count * sized.shares;
        let size = (tile.lanes * (units / 8).clamp(1, 4)).min(GROUP as usize).max(tile.lanes);
        let mut shader = Shader::default();
        let left = Reader::new(lowering, &mut shader, &sized.left, "left", 4)?;
        let right = Reader::new(lowering, &mut shader, &sized.right, "right", tile.columns)?;
        let none = HashMap::new();
        let mut writer = Writer::new(self.epilogue, &mut shader, lowering, &none);
        let lane = if tile.together { "lane".to_owned() } else { format!("(local % {}u)", tile.lanes) };
        writer.line(format!("let unit = group * {}u + local / {}u;", size / tile.lanes, tile.lanes));
        writer.line(format!("if (unit >= {units}u) {{ return; }}"));
        writer.line(format!("let across = unit % {across}u;"));
        writer.line(format!("let down = (unit / {across}u) % {down}u;"));
        writer.line(format!("let batch = (unit / {}u) % {}u;", across * down, sized.count));
        writer.line(format!("let share = unit / {}u;", across * down * sized.count));
        writer.line(format!("let row0 = down * {}u;", tile.rows));
        writer.line(format!("let column0 = (across * {}u + {lane}) * {}u;", tile.lanes, tile.columns));
        writer.line(format!("let left0 = {};", sized.left.start(sized.loops)));
        writer.line(format!("let right0 = {};", sized.right.start(sized.loops)));
        let vector = vector(tile.columns);
        for row in 0..tile.rows {
            writer.line(format!("var s{row} = {vector}(0.0f);"));
        }
        let steps = Steps { sized, left, right, lane };
        steps.columns(&mut writer);
        steps.rows(&mut writer);
        let step = steps.terms();
        let (whole, rest) = (sized.share / step * step, sized.share % step);
        if sized.shares > 1 {
            // The last share may be shorter.
            writer.line(format!("let first = share * {}u;", sized.share));
            writer.line(format!("let until = min(first + {}u, {}u);", sized.share, sized.k));
        } else {
            writer.line("let first = 0u;");
            writer.line(format!("let until = {}u;", sized.k));
        }
        if whole > 0 {
            writer.line(format!("let full = first + (until - first) / {step}u * {step}u;"));
            writer.open(&format!("for (var k = first; k < full; k = k + {step}u)"));
            steps.step(&mut writer, step);
            writer.close();
        } else {
            writer.line("let full = first;");
        }
        if rest > 0 || (sized.shares > 1 && sized.k % step > 0) {
            writer.open("for (var k = full; k < until; k = k + 1u)");
            steps.step(&mut writer, 1);
            writer.close();
        }
        // What is added to a column is read before the loop over rows, which the driver compiles faster.
        let mut biases = vec![None; tile.columns];
        if shares.is_none() && self.apart.is_none() {
            for (column, bias) in biases.iter_mut().enumerate() {
                *bias = self.bias(&mut writer, &format!("min(column0 + {column}u, {}u)", sized.n - 1))?;
            }
        }
        writer.line(format!("let rows = min({}u, {}u - row0);", tile.rows, sized.m));
        writer.open("for (var r = 0u; r < rows; r = r + 1u)");
        writer.line("var s = s0;");
        for row in 1..tile.rows {
            writer.line(format!("if (r == {row}u) {{ s = s{row}; }}"));
        }
        writer.line("let i = row0 + r;");
        for (column, (letter, bias)) in LETTERS.iter().zip(&biases).enumerate() {
            let value = if tile.columns == 1 { "s".to_owned() } else { format!("s.{letter}") };
            let j = writer.define(&format!("column0 + {column}u"));
            writer.open(&format!("if ({j} < {}u)", sized.n));
            match shares {
                Some(slot) => {
                    let name = writer.shader.write(slot, "f32");
                    let (m, n) = (sized.m, sized.n);
                    let place = format!("((share * {}u + batch) * {m}u + i) * {n}u + {j}", sized.count);
                    writer.line(format!("{name}[{place}] = {value};"));
                }
                None => self.element(&mut writer, &j, (&value, bias.as_deref()))?,
            }
            writer.close();
        }
        writer.close();
        let text = writer.text;
        let groups = units.div_ceil(size / tile.lanes) as u32;
        shader.part(name.to_owned(), &text, groups);
        lowering.finished(shader.sized(size as u32))
    }

    /// Adds up shares.
    pub(super) fn sum(&self, lowering: &mut Lowering<'_>, shares: SlotId, name: &str) -> Result<Shader> {
        let sized = self.sized;
        let total = sized.count * sized.m * sized.n;
        let mut shader = Shader::default();
        let none = HashMap::new();
        let mut writer = Writer::new(self.epilogue, &mut shader, lowering, &none);
        writer.line(format!("let at = group * {GROUP}u + local;"));
        writer.line(format!("if (at >= {total}u) {{ return; }}"));
        writer.line(format!("let j_ = at % {}u;", sized.n));
        writer.line(format!("let i = (at / {}u) % {}u;", sized.n, sized.m));
        writer.line(format!("let batch = at / {}u;", sized.n * sized.m));
        let from = writer.shader.read(shares, "f32");
        let sum = writer.reduced(Reduce::Sum, DType::F32, sized.shares, &mut |writer, share| {
            Ok(writer.define(&format!("{from}[{share} * {total}u + at]")))
        })?;
        let bias = self.bias(&mut writer, "j_")?;
        self.element(&mut writer, "j_", (&sum, bias.as_deref()))?;
        let text = writer.text;
        shader.part(format!("shares of {name}"), &text, pointwise::groups(total));
        lowering.finished(shader)
    }

    /// Adds up what falls on one place.
    pub(super) fn overlap(
        &self,
        lowering: &mut Lowering<'_>,
        overlap: &Overlap,
        apart: SlotId,
        name: &str,
    ) -> Result<Shader> {
        let (m, n) = (self.product.sizes.m, self.product.sizes.n);
        if m * n > 1 << 22 {
            return Err("a result of too many windows".into());
        }
        let mut falling = vec![vec![]; overlap.len];
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            falling[overlap.rows.place(i) + overlap.columns.place(j)].push((i * n + j) as u32);
        }
        if falling.iter().any(|on| on.len() > 4096) {
            return Err("too many windows on one place".into());
        }
        let mut starts = vec![0];
        for on in &falling {
            starts.push(starts[starts.len() - 1] + on.len() as u32);
        }
        let (starts, entries) = (lowering.table(starts), lowering.table(falling.concat()));
        let rows = self.sized.count * self.sized.m / m;
        let total = rows * overlap.len;
        let mut shader = Shader::default();
        let none = HashMap::new();
        let mut writer = Writer::new(self.epilogue, &mut shader, lowering, &none);
        writer.line(format!("let at = group * {GROUP}u + local;"));
        writer.line(format!("if (at >= {total}u) {{ return; }}"));
        writer.line(format!("let row = at / {}u;", overlap.len));
        writer.line(format!("let e_ = at % {}u;", overlap.len));
        let starts = writer.shader.read(starts, "u32");
        let entries = writer.shader.read(entries, "u32");
        let from = writer.shader.read(apart, "f32");
        writer.line("var sum = 0.0f;");
        writer.line(format!("let until = {starts}[e_ + 1u];"));
        writer.open(&format!("for (var q = {starts}[e_]; q < until; q = q + 1u)"));
        writer.line(format!("sum = sum + {from}[row * {}u + {entries}[q]];", m * n));
        writer.close();
        let bias = self.bias(&mut writer, &format!("e_ % {n}u"))?;
        self.finish(&mut writer, ("row", "e_"), ("sum", bias.as_deref()))?;
        let text = writer.text;
        shader.part(format!("windows of {name}"), &text, pointwise::groups(total));
        lowering.finished(shader)
    }

    /// What is added to a column.
    fn bias(&self, writer: &mut Writer<'_>, column: &str) -> Result<Option<String>> {
        let Some(of) = self.product.bias else { return Ok(None) };
        let slot = writer.bound(of)?;
        let value = writer.loaded(slot, DType::F32, column);
        Ok(Some(writer.define(&value)))
    }

    /// What becomes of element `i`, `j` of a product, which is a value and a bias.
    fn element(&self, writer: &mut Writer<'_>, j: &str, sum: (&str, Option<&str>)) -> Result<()> {
        let (product, sized) = (self.product, self.sized);
        if let Some(apart) = self.apart {
            let name = writer.shader.write(apart, "f32");
            let (m, n) = (sized.m, sized.n);
            writer.line(format!("{name}[(batch * {m}u + i) * {n}u + {j}] = {};", sum.0));
            return Ok(());
        }
        // The place in the result, which is a row of the batch and an element of it.
        let (row, e) = match (&product.loops, product.along) {
            (Some(loops), _) => {
                let starts = place(&loops.out, &format!("(batch % {}u)", sized.loops));
                let (rows, columns) = (place(&loops.rows, "i"), place(&loops.columns, j));
                (
                    writer.define(&format!("batch / {}u", sized.loops)),
                    format!("{starts} + {rows} + {columns}"),
                )
            }
            (None, Along::M) if product.sizes.m == 1 => ("i".into(), j.to_owned()),
            (None, Along::M) => {
                let m = product.sizes.m;
                (writer.define(&format!("i / {m}u")), format!("(i % {m}u) * {}u + {j}", sized.n))
            }
            (None, _) => ("batch".into(), format!("i * {}u + {j}", sized.n)),
        };
        let e = writer.define(&e);
        self.finish(writer, (&row, &e), sum)
    }

    /// What becomes of an element of a row of the result, which is a value and a bias.
    fn finish(
        &self,
        writer: &mut Writer<'_>,
        (row, e): (&str, &str),
        (value, bias): (&str, Option<&str>),
    ) -> Result<()> {
        let (product, sized) = (self.product, self.sized);
        let mut value = writer.define(&bias.map_or(value.to_owned(), |bias| format!("{value} + {bias}")));
        let at = writer.define(&format!("{row} * {}u + {e}", sized.out_len));
        if let Some((of, slot)) = self.accumulates {
            let name = writer.shader.write(slot, "f32");
            let (alpha, beta) = (of.alpha as f32, of.beta as f32);
            let old = if beta == 1.0 { format!("{name}[{at}]") } else { format!("{beta:?}f * {name}[{at}]") };
            writer.line(format!("{name}[{at}] = {old} + {alpha:?}f * {value};"));
        } else if let Some(out) = product.out {
            let rows = writer.places.rows(out, sized.out_len)?;
            let form = writer.places.form(rows.slot, DType::F32);
            let rounded = form.rounded(&value, &mut writer.shader.called);
            value = if rounded == value { value } else { writer.define(&rounded) };
            let at = rows.place(writer.shader, row, (e, 1));
            writer.store(rows.slot, DType::F32, (&at, &value));
        }
        writer.result = Some(value);
        writer.row = row.to_owned();
        let epilogue = self.epilogue;
        let mut written: Vec<BufferId> = vec![];
        for instr in &epilogue.instrs {
            if let Operation::Store { buffer, of } = instr.operation {
                let rows = writer.places.rows(buffer, instr.len)?;
                self.store(writer, (rows, of), (instr.len, instr.dtype), e)?;
                written.push(buffer);
            }
        }
        let mut kept: Vec<_> = self.kept.iter().collect();
        kept.sort_unstable();
        for (of, slot) in kept {
            let instr = epilogue.instr(*of);
            let known = epilogue
                .instrs
                .iter()
                .any(|other| matches!(other.operation, Operation::Store { of: stored, .. } if stored == *of));
            if !known {
                self.store(writer, (Rows::dense(*slot, instr.len), *of), (instr.len, instr.dtype), e)?;
            }
        }
        Ok(())
    }

    fn store(
        &self,
        writer: &mut Writer<'_>,
        (rows, of): (Rows, Register),
        (len, dtype): (usize, DType),
        e: &str,
    ) -> Result<()> {
        let value = writer.element(of, e)?;
        let place = rows.place(writer.shader, &writer.row, (e, usize::from(len != 1)));
        writer.store(rows.slot, dtype, (&place, &value));
        Ok(())
    }
}
