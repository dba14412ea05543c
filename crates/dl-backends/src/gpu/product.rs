//! Matrix products: tiles of the result in registers.
//!
//! A subgroup has a tile: some rows, and a few neighbouring columns for each of its lanes. What the tile reads of
//! the left operand is loaded by the lanes together, a vector each, and sent from lane to lane; of the right operand
//! each lane loads what its columns need. So a step of four terms is a handful of loads for hundreds of
//! multiplications, which is what software devices need, where a load costs as much as dozens of them. Where a
//! device has no subgroups of one known size, each lane loads all of the left operand by itself.
//!
//! Long sums are divided into shares, which a second launch adds up. Sizes decide all of this; nothing is tuned.

use std::collections::HashMap;
use std::fmt::Write;

use dl_core::schedule::{
    Accumulation, Along, Axes, Axis, Body, BufferId, Factor, Layout, Loops, Operation, Overlap, Product,
    Register, Source,
};
use dl_core::{DType, ops::Reduce};

use super::body::{Places, Result, Writer, byte, loaded, stored};
use super::functions::memory_type;
use super::lower::Lowering;
use super::memory::SlotId;
use super::pointwise::{self, Domain};
use super::shader::{GROUP, Shader};

/// Terms of a share.
const SHARE: usize = 1024;
/// Up to so many terms are one share where there are tiles enough.
const WHOLE: usize = 2048;
/// Bytes that shares may take.
const ROOM: usize = 64 << 20;
/// Terms of a step.
const STEP: usize = 4;

/// A product with all its sizes.
struct Sized {
    m: usize,
    n: usize,
    k: usize,
    /// How many there are, for each row and in all.
    loops: usize,
    count: usize,
    left: Operand,
    right: Operand,
    /// Elements of a row of the result.
    out_len: usize,
    tile: Tile,
    shares: usize,
    share: usize,
}

/// An operand: where its elements stand.
struct Operand {
    slot: SlotId,
    dtype: DType,
    /// Along the result.
    outer: Axes,
    /// Along the terms.
    inner: Axes,
    /// From a row of the batch to the next, where each has products of its own.
    row: usize,
    starts: Option<Axes>,
    prologue: Option<Body>,
    lies: Lies,
    /// Whether its elements are bytes, four in a word.
    packed: bool,
}

/// Along what an operand is read in vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    Outer,
    Inner,
    Apart,
}

/// The tile of a subgroup.
#[derive(Clone, Copy)]
struct Tile {
    rows: usize,
    /// Columns of a lane.
    columns: usize,
    lanes: usize,
    /// Whether lanes load the left operand for each other.
    together: bool,
}

/// The launches of a product.
///
/// # Errors
/// When it has no kernel of ours.
pub(super) fn launches(
    lowering: &mut Lowering<'_>,
    product: &Product,
    name: &str,
    accumulates: Option<(&Accumulation, SlotId)>,
) -> Result<Vec<Shader>> {
    if product.dtype != DType::F32 {
        return Err(format!("a product of {}", product.dtype));
    }
    let sized = Sized::new(lowering, product)?;
    let empty = Body::default();
    let epilogue = product.epilogue.as_ref().unwrap_or(&empty);
    lowering.check_body(epilogue)?;
    if epilogue.instrs.iter().any(|instr| matches!(instr.operation, Operation::Scatter { .. })) {
        return Err("a scatter after a product".into());
    }
    let rows = lowering.schedule.row_count();
    // What is folded is stored first.
    let mut kept = HashMap::new();
    for instr in &epilogue.instrs {
        if let Operation::Fold { of, .. } = instr.operation {
            let same = epilogue.instrs.iter().find_map(|other| match other.operation {
                Operation::Store { buffer, of: stored } if stored == of => Some(buffer),
                _ => None,
            });
            let slot = match same {
                Some(buffer) => lowering.slot_of(buffer)?,
                None => lowering.scratch(rows * epilogue.instr(of).len),
            };
            kept.insert(of, slot);
        }
    }
    let apart = product.overlap.as_ref().map(|_| lowering.scratch(sized.count * sized.m * sized.n));
    if apart.is_some() && (product.along == Along::K || product.loops.is_some()) {
        return Err("a result that adds up over rows".into());
    }
    let finish = Finish { product, sized: &sized, epilogue, kept: &kept, accumulates, apart };
    let mut launches = vec![];
    if sized.shares == 1 {
        launches.push(finish.tiles(lowering, None, name)?);
    } else {
        let shares = lowering.scratch(sized.shares * sized.count * sized.m * sized.n);
        launches.push(finish.tiles(lowering, Some(shares), name)?);
        launches.push(finish.sum(lowering, shares, name)?);
    }
    if let (Some(overlap), Some(apart)) = (&product.overlap, apart) {
        launches.push(finish.overlap(lowering, overlap, apart, name)?);
    }
    let domain = Domain { count: rows, name };
    launches.extend(pointwise::folds(lowering, epilogue, &domain, &kept)?);
    Ok(launches)
}

impl Sized {
    fn new(lowering: &mut Lowering<'_>, product: &Product) -> Result<Sized> {
        let rows = if product.along == Along::Nothing { 1 } else { lowering.schedule.row_count() };
        let sizes = product.sizes.of(product.along, rows);
        if product.along == Along::M && product.loops.is_some() {
            return Err("rows of several products".into());
        }
        let (outer, inner) = match product.along {
            Along::M => (rows, 1),
            Along::K => (1, rows),
            Along::Each | Along::Nothing => (1, 1),
        };
        let loops = product.loops.as_deref();
        let left =
            operand(lowering, &product.left, (&product.left.rows, outer), (&product.left.columns, inner))?;
        // The rows of the right operand are its terms.
        let right =
            operand(lowering, &product.right, (&product.right.columns, 1), (&product.right.rows, inner))?;
        let count = product.count(rows);
        let sided = |operand: Operand, starts: fn(&Loops) -> &Axes, len: usize, vector: usize| {
            let starts = loops.map(|l| starts(l).clone());
            let each = product.along == Along::Each;
            let operand = Operand { row: if each { operand.row } else { 0 }, starts, ..operand };
            Operand { lies: operand.lies(len, sizes.k, vector), ..operand }
        };
        let device = lowering.device;
        let lanes = device.lanes;
        let left = sided(left, |l| &l.left, sizes.m, 4);
        // Numbers of the left operand that cost a quarter of a load allow twice as many rows.
        let cheap = left.packed && left.lies != Lies::Apart && device.subgroups;
        let columns = [1, 2].into_iter().find(|c| lanes * c >= sizes.n).unwrap_or(4);
        let tile_rows = [4, 8, 16].into_iter().find(|r| *r >= sizes.m).unwrap_or(if cheap { 32 } else { 16 });
        let tile = Tile { rows: tile_rows, columns, lanes, together: device.subgroups };
        let right = sided(right, |l| &l.right, sizes.n, columns);
        let tiles = count * sizes.m.div_ceil(tile.rows) * sizes.n.div_ceil(tile.columns * lanes);
        let (share, shares) = divided(sizes.k, tiles, count * sizes.m * sizes.n, device.busy);
        let out_len = product.out_len();
        let per_row = loops.map_or(1, |l| l.count);
        Ok(Sized {
            m: sizes.m,
            n: sizes.n,
            k: sizes.k,
            loops: per_row,
            count,
            left,
            right,
            out_len,
            tile,
            shares,
            share,
        })
    }

    fn tiles(&self) -> (usize, usize) {
        (self.m.div_ceil(self.tile.rows), self.n.div_ceil(self.tile.columns * self.tile.lanes))
    }
}

/// Terms of a share and the number of shares, for so many tiles of so many elements in all.
fn divided(k: usize, tiles: usize, elements: usize, busy: usize) -> (usize, usize) {
    let few = tiles * 2 <= busy && k >= 256;
    let mut share = match (k > WHOLE, few) {
        (false, false) => return (k, 1),
        (_, true) => k.div_ceil(busy.div_ceil(tiles)).clamp(64, SHARE),
        (true, false) => SHARE,
    };
    while elements.saturating_mul(4 * k.div_ceil(share)) > ROOM && share < k {
        share *= 2;
    }
    let share = share.next_multiple_of(STEP);
    if share >= k { (k, 1) } else { (share, k.div_ceil(share)) }
}

fn operand(
    lowering: &mut Lowering<'_>,
    factor: &Factor,
    (outer, outer_rows): (&Axes, usize),
    (inner, inner_rows): (&Axes, usize),
) -> Result<Operand> {
    let buffer = factor.source.buffer().ok_or("an operand without elements")?;
    let layout = lowering.schedule.buffer(buffer).layout;
    let row = if let Layout::Rows(len) = layout { len } else { 0 };
    let along = |axes: &Axes, rows: usize| match rows {
        1 => axes.clone(),
        rows => {
            Axes::new([Axis { size: rows, distance: row }].into_iter().chain(axes.axes().iter().copied()))
        }
    };
    let prologue = match &factor.source {
        Source::Buffer(_) => None,
        Source::Prologue(body) => {
            lowering.check_body(body)?;
            let plain = body.instrs.iter().all(|instr| match instr.operation {
                Operation::Load { access, .. } => {
                    access.element == 1 && (access.row == instr.len || matches!(layout, Layout::Whole(_)))
                }
                _ => true,
            });
            if !plain {
                return Err("a prologue that moves elements".into());
            }
            Some(body.clone())
        }
    };
    let slot = lowering.slot_of(buffer)?;
    Ok(Operand {
        slot,
        packed: lowering.slots[slot.0].packed,
        dtype: lowering.schedule.buffer(buffer).dtype,
        outer: along(outer, outer_rows),
        inner: along(inner, inner_rows),
        row,
        starts: None,
        prologue,
        lies: Lies::Apart,
    })
}

impl Operand {
    /// Along what it can be read in vectors of so many elements.
    fn lies(&self, outer: usize, inner: usize, vector: usize) -> Lies {
        let whole = |axes: &Axes, by: usize| axes.axes().iter().all(|axis| axis.distance % by == 0);
        let starts = |by: usize| self.row % by == 0 && self.starts.iter().all(|axes| whole(axes, by));
        let next = |axes: &Axes| axes.axes().len() == 1 && axes.distance() == Some(1);
        // A word has four bytes, not two.
        let vector = if self.packed && vector != STEP { 1 } else { vector };
        if vector > 1
            && outer % vector == 0
            && next(&self.outer)
            && whole(&self.inner, vector)
            && starts(vector)
        {
            Lies::Outer
        } else if inner % STEP == 0 && next(&self.inner) && whole(&self.outer, STEP) && starts(STEP) {
            Lies::Inner
        } else {
            Lies::Apart
        }
    }

    /// The place where the operand of a product begins.
    fn start(&self, loops: usize) -> String {
        let mut terms = vec![];
        if self.row > 0 {
            terms.push(format!("(batch / {loops}u) * {}u", self.row));
        }
        if let Some(axes) = &self.starts {
            terms.push(place(axes, &format!("(batch % {loops}u)")));
        }
        if terms.is_empty() { "0u".into() } else { terms.join(" + ") }
    }
}

/// Where the element of this number stands along axes.
pub(super) fn place(axes: &Axes, number: &str) -> String {
    let (mut after, mut terms) = (1, vec![]);
    for (i, axis) in axes.axes().iter().enumerate().rev() {
        let digit = if after == 1 { number.to_owned() } else { format!("{number} / {after}u") };
        let digit = if i == 0 { digit } else { format!("({digit}) % {}u", axis.size) };
        if axis.distance > 0 {
            terms.push(if axis.distance == 1 {
                format!("({digit})")
            } else {
                format!("({digit}) * {}u", axis.distance)
            });
        }
        after *= axis.size;
    }
    if terms.is_empty() { "0u".into() } else { terms.join(" + ") }
}

/// What becomes of the elements of a product.
struct Finish<'a> {
    product: &'a Product,
    sized: &'a Sized,
    epilogue: &'a Body,
    kept: &'a HashMap<Register, SlotId>,
    accumulates: Option<(&'a Accumulation, SlotId)>,
    /// Where elements lie before those of one place add up.
    apart: Option<SlotId>,
}

impl Finish<'_> {
    /// The tiles, of which each share has some.
    fn tiles(&self, lowering: &mut Lowering<'_>, shares: Option<SlotId>, name: &str) -> Result<Shader> {
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
        let (whole, rest) = (sized.share / STEP * STEP, sized.share % STEP);
        if sized.shares > 1 {
            // The last share may be shorter.
            writer.line(format!("let first = share * {}u;", sized.share));
            writer.line(format!("let until = min(first + {}u, {}u);", sized.share, sized.k));
        } else {
            writer.line("let first = 0u;");
            writer.line(format!("let until = {}u;", sized.k));
        }
        if whole > 0 {
            writer.line(format!("let full = first + (until - first) / {STEP}u * {STEP}u;"));
            writer.open(&format!("for (var k = first; k < full; k = k + {STEP}u)"));
            steps.step(&mut writer, STEP);
            writer.close();
        } else {
            writer.line("let full = first;");
        }
        if rest > 0 || (sized.shares > 1 && sized.k % STEP > 0) {
            writer.open("for (var k = full; k < until; k = k + 1u)");
            steps.step(&mut writer, 1);
            writer.close();
        }
        writer.open(&format!("for (var r = 0u; r < {}u; r = r + 1u)", tile.rows));
        writer.line(format!("var s = s0;"));
        for row in 1..tile.rows {
            writer.line(format!("if (r == {row}u) {{ s = s{row}; }}"));
        }
        writer.line("let i = row0 + r;");
        writer.open(&format!("if (i < {}u)", sized.m));
        for column in 0..tile.columns {
            let value = if tile.columns == 1 { "s".to_owned() } else { format!("s.{}", LETTERS[column]) };
            let j = writer.define(&format!("column0 + {column}u"));
            writer.open(&format!("if ({j} < {}u)", sized.n));
            match shares {
                Some(slot) => {
                    let name = writer.shader.write(slot, "f32");
                    let (m, n) = (sized.m, sized.n);
                    let place = format!("((share * {}u + batch) * {m}u + i) * {n}u + {j}", sized.count);
                    writer.line(format!("{name}[{place}] = {value};"));
                }
                None => self.element(&mut writer, &j, &value)?,
            }
            writer.close();
        }
        writer.close();
        writer.close();
        let text = writer.text;
        let groups = units.div_ceil(size / tile.lanes) as u32;
        shader.part(name.to_owned(), &text, groups);
        lowering.finished(shader.sized(size as u32))
    }

    /// Adds up shares.
    fn sum(&self, lowering: &mut Lowering<'_>, shares: SlotId, name: &str) -> Result<Shader> {
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
        self.element(&mut writer, "j_", &sum)?;
        let text = writer.text;
        shader.part(format!("shares of {name}"), &text, pointwise::groups(total));
        lowering.finished(shader)
    }

    /// Adds up what falls on one place.
    fn overlap(
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
        self.finish(&mut writer, ("row", "e_"), &format!("e_ % {n}u"), "sum")?;
        let text = writer.text;
        shader.part(format!("windows of {name}"), &text, pointwise::groups(total));
        lowering.finished(shader)
    }

    /// What becomes of element `i`, `j` of a product.
    fn element(&self, writer: &mut Writer<'_>, j: &str, value: &str) -> Result<()> {
        let (product, sized) = (self.product, self.sized);
        if let Some(apart) = self.apart {
            let name = writer.shader.write(apart, "f32");
            let (m, n) = (sized.m, sized.n);
            writer.line(format!("{name}[(batch * {m}u + i) * {n}u + {j}] = {value};"));
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
        self.finish(writer, (&row, &e), j, value)
    }

    /// What becomes of an element of a row of the result, whose bias has a number.
    fn finish(&self, writer: &mut Writer<'_>, (row, e): (&str, &str), bias: &str, value: &str) -> Result<()> {
        let (product, sized) = (self.product, self.sized);
        let mut value = value.to_owned();
        if let Some(of) = product.bias {
            let name = writer.bound(of, DType::F32)?;
            value = format!("{value} + {name}[{bias}]");
        }
        let value = writer.define(&value);
        let at = writer.define(&format!("{row} * {}u + {e}", sized.out_len));
        if let Some((of, slot)) = self.accumulates {
            let name = writer.shader.write(slot, "f32");
            let (alpha, beta) = (of.alpha as f32, of.beta as f32);
            let old = if beta == 1.0 { format!("{name}[{at}]") } else { format!("{beta:?}f * {name}[{at}]") };
            writer.line(format!("{name}[{at}] = {old} + {alpha:?}f * {value};"));
        } else if let Some(out) = product.out {
            let slot = writer.places.slot(out)?;
            let name = writer.shader.write(slot, "f32");
            writer.line(format!("{name}[{at}] = {value};"));
        }
        writer.result = Some(value);
        writer.row = row.to_owned();
        let epilogue = self.epilogue;
        let mut written: Vec<BufferId> = vec![];
        for instr in &epilogue.instrs {
            if let Operation::Store { buffer, of } = instr.operation {
                let slot = writer.places.slot(buffer)?;
                self.store(writer, (slot, of), (instr.len, instr.dtype), e)?;
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
                self.store(writer, (*slot, *of), (instr.len, instr.dtype), e)?;
            }
        }
        Ok(())
    }

    fn store(
        &self,
        writer: &mut Writer<'_>,
        (slot, of): (SlotId, Register),
        (len, dtype): (usize, DType),
        e: &str,
    ) -> Result<()> {
        let value = writer.element(of, e)?;
        let name = writer.shader.write(slot, memory_type(dtype));
        let place = if len == 1 { writer.row.clone() } else { format!("{} * {len}u + {e}", writer.row) };
        writer.line(format!("{name}[{place}] = {};", stored(&value, dtype)));
        Ok(())
    }
}

const LETTERS: [&str; 4] = ["x", "y", "z", "w"];

fn vector(width: usize) -> &'static str {
    match width {
        1 => "f32",
        2 => "vec2<f32>",
        _ => "vec4<f32>",
    }
}

/// Reads elements of an operand.
struct Reader {
    name: String,
    /// The function of its prologue.
    prologue: Option<&'static str>,
    /// Elements of a load.
    width: usize,
    packed: bool,
}

impl Reader {
    fn new(
        lowering: &mut Lowering<'_>,
        shader: &mut Shader,
        operand: &Operand,
        prologue: &'static str,
        vector: usize,
    ) -> Result<Reader> {
        let width = match operand.lies {
            Lies::Outer => vector,
            Lies::Inner => STEP,
            Lies::Apart => 1,
        };
        let element = match (memory_type(operand.dtype), width) {
            _ if operand.packed => "u32",
            ("f32", 2) => "vec2<f32>",
            ("f32", 4) => "vec4<f32>",
            ("i32", 2) => "vec2<i32>",
            ("i32", 4) => "vec4<i32>",
            ("u32", 2) => "vec2<u32>",
            ("u32", 4) => "vec4<u32>",
            (element, _) => element,
        };
        let name = shader.read(operand.slot, element);
        if let Some(body) = &operand.prologue {
            let kept = HashMap::new();
            let mut writer = Writer::new(body, shader, lowering, &kept);
            writer.argument = Some(loaded("x", operand.dtype));
            let last = Register((body.instrs.len() - 1) as u32);
            let value = writer.element(last, "e")?;
            let body = writer.text;
            let argument = memory_type(operand.dtype);
            shader.function(format!("fn {prologue}(x: {argument}) -> f32 {{\n{body}  return {value};\n}}\n"));
        } else if operand.dtype != DType::F32 {
            return Err(format!("an operand of {}", operand.dtype));
        }
        let prologue = operand.prologue.as_ref().map(|_| prologue);
        if operand.packed && width > 1 {
            shader.called.insert("unpack_");
        }
        Ok(Reader { name, prologue, width, packed: operand.packed })
    }

    /// The vector (or the number) at a place.
    fn read(&self, writer: &mut Writer<'_>, place: &str) -> String {
        let value = match (self.packed, self.width) {
            (true, 1) => byte(&self.name, place),
            (true, width) => format!("unpack_({}[({place}) / {width}u])", self.name),
            (false, 1) => format!("{}[{place}]", self.name),
            (false, width) => format!("{}[({place}) / {width}u]", self.name),
        };
        let value = writer.define(&value);
        match (self.prologue, self.width) {
            (None, _) => value,
            (Some(f), 1) => writer.define(&format!("{f}({value})")),
            (Some(f), width) => {
                let mut text = String::new();
                for letter in &LETTERS[..width] {
                    let _ = write!(text, "{}{f}({value}.{letter})", if text.is_empty() { "" } else { ", " });
                }
                writer.define(&format!("{}({text})", vector(width)))
            }
        }
    }
}

/// Writes the terms of a tile.
struct Steps<'a> {
    sized: &'a Sized,
    left: Reader,
    right: Reader,
    lane: String,
}

impl Steps<'_> {
    /// Where the lane's columns stand.
    fn columns(&self, writer: &mut Writer<'_>) {
        let (sized, tile) = (self.sized, self.sized.tile);
        let whole = self.sized.right.lies == Lies::Outer;
        let columns = if whole { 1 } else { tile.columns };
        for c in 0..columns {
            let last = if whole { sized.n - tile.columns } else { sized.n - 1 };
            writer.line(format!("let j{c} = min(column0 + {c}u, {last}u);"));
            writer.line(format!("let c{c} = right0 + {};", place(&sized.right.outer, &format!("j{c}"))));
        }
    }

    /// Where the rows stand that the lane loads.
    fn rows(&self, writer: &mut Writer<'_>) {
        let sized = self.sized;
        let loads = self.loads(STEP);
        for (g, (row, _)) in loads.iter().enumerate() {
            let last = if sized.left.lies == Lies::Outer { sized.m - STEP } else { sized.m - 1 };
            writer.line(format!("let i{g} = min(row0 + {row}, {last}u);"));
            writer.line(format!("let r{g} = left0 + {};", place(&sized.left.outer, &format!("i{g}"))));
        }
    }

    /// For each load of a step of so many terms: its row within the tile, and its term.
    fn loads(&self, terms: usize) -> Vec<(String, String)> {
        let tile = self.sized.tile;
        // How many loads stand above each other in a term, and how many rows and terms each has.
        let (high, tall, wide) = match self.sized.left.lies {
            Lies::Inner => (tile.rows, 1, STEP),
            Lies::Outer => (tile.rows / 4, 4, 1),
            Lies::Apart => (tile.rows, 1, 1),
        };
        let all = high * terms.div_ceil(wide);
        if !tile.together {
            let of = |q: usize| (format!("{}u", q % high * tall), format!("{}u", q / high));
            return (0..all).map(of).collect();
        }
        let of = |g: usize| {
            let q = if g == 0 { self.lane.clone() } else { format!("({} + {}u)", self.lane, g * tile.lanes) };
            let row = format!("{q} % {high}u");
            let row = if tall == 1 { row } else { format!("({row}) * {tall}u") };
            (row, format!("min({q} / {high}u, {}u)", terms - 1))
        };
        (0..all.div_ceil(tile.lanes)).map(of).collect()
    }

    /// One step of so many terms, from `k` on.
    fn step(&self, writer: &mut Writer<'_>, terms: usize) {
        let (sized, tile) = (self.sized, self.sized.tile);
        let inner = sized.left.lies == Lies::Inner;
        let mut left = vec![];
        for (g, (_, term)) in self.loads(terms).iter().enumerate() {
            let k = if inner || terms == 1 { "k".to_owned() } else { format!("(k + {term})") };
            let at = format!("r{g} + {}", place(&sized.left.inner, &k));
            left.push(self.left.read(writer, &at));
        }
        let right = self.right_of(writer, terms);
        for (term, right) in right.iter().enumerate() {
            for row in 0..tile.rows {
                let left = self.left_of(&left, row, term);
                let left = if tile.columns == 1 { left } else { format!("{}({left})", vector(tile.columns)) };
                writer.line(format!("s{row} = fma({left}, {right}, s{row});"));
            }
        }
    }

    /// The left operand's element of a row and a term, which some lane has loaded.
    fn left_of(&self, loaded: &[String], row: usize, term: usize) -> String {
        let tile = self.sized.tile;
        let (q, letter) = match self.sized.left.lies {
            Lies::Inner => (row, Some(LETTERS[term])),
            Lies::Outer => (term * (tile.rows / 4) + row / 4, Some(LETTERS[row % 4])),
            Lies::Apart => (term * tile.rows + row, None),
        };
        let of = |name: &str| letter.map_or(name.to_owned(), |letter| format!("{name}.{letter}"));
        if tile.together {
            format!("subgroupBroadcast({}, {}u)", of(&loaded[q / tile.lanes]), q % tile.lanes)
        } else {
            of(&loaded[q])
        }
    }

    /// The right operand's elements of the lane's columns, for each term.
    fn right_of(&self, writer: &mut Writer<'_>, terms: usize) -> Vec<String> {
        let (right, tile) = (&self.sized.right, self.sized.tile);
        let at = |c: usize, k: &str| format!("c{c} + {}", place(&right.inner, k));
        let terms = (0..terms).map(|t| if t == 0 { "k".to_owned() } else { format!("(k + {t}u)") });
        match right.lies {
            Lies::Outer => terms.map(|k| self.right.read(writer, &at(0, &k))).collect(),
            Lies::Inner => {
                let columns: Vec<String> =
                    (0..tile.columns).map(|c| self.right.read(writer, &at(c, "k"))).collect();
                let of = |letter: &&str| {
                    let all: Vec<String> =
                        columns.iter().map(|column| format!("{column}.{letter}")).collect();
                    if all.len() == 1 {
                        all[0].clone()
                    } else {
                        format!("{}({})", vector(tile.columns), all.join(", "))
                    }
                };
                let all: Vec<String> = LETTERS.iter().map(of).collect();
                all.iter().map(|value| writer.define(value)).collect()
            }
            Lies::Apart => {
                let all = terms.map(|k| {
                    let of =
                        (0..tile.columns).map(|c| self.right.read(writer, &at(c, &k))).collect::<Vec<_>>();
                    if of.len() == 1 {
                        of[0].clone()
                    } else {
                        writer.define(&format!("{}({})", vector(tile.columns), of.join(", ")))
                    }
                });
                all.collect()
            }
        }
    }
}
