//! Operands of products: where their elements stand, and how kernels read them.

use std::collections::HashMap;
use std::fmt::Write;

use dl_core::DType;
use dl_core::schedule::{Axes, Axis, Body, Factor, Layout, Operation, Register, Source};

use super::body::{Places, Result, Writer, byte};
use super::elements::Form;
use super::functions::memory_type;
use super::lower::Lowering;
use super::memory::SlotId;
use super::shader::Shader;

/// Terms of a step.
pub(super) const STEP: usize = 4;

/// An operand: where its elements stand.
pub(super) struct Operand {
    pub(super) slot: SlotId,
    pub(super) dtype: DType,
    /// Along the result.
    pub(super) outer: Axes,
    /// Along the terms.
    pub(super) inner: Axes,
    /// From a row of the batch to the next, where each has products of its own.
    pub(super) row: usize,
    pub(super) starts: Option<Axes>,
    pub(super) prologue: Option<Body>,
    pub(super) lies: Lies,
    /// Whether its elements are bytes, four in a word.
    pub(super) packed: bool,
}

/// Along what an operand is read in vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    Outer,
    Inner,
    Apart,
}

pub(super) fn operand(
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
    pub(super) fn lies(&self, outer: usize, inner: usize, vector: usize) -> Lies {
        let whole = |axes: &Axes, by: usize| axes.axes().iter().all(|axis| axis.distance.is_multiple_of(by));
        let starts =
            |by: usize| self.row.is_multiple_of(by) && self.starts.iter().all(|axes| whole(axes, by));
        let next = |axes: &Axes| axes.axes().len() == 1 && axes.distance() == Some(1);
        // A word has four bytes, not two.
        let vector = if self.packed && vector != STEP { 1 } else { vector };
        if vector > 1
            && outer.is_multiple_of(vector)
            && next(&self.outer)
            && whole(&self.inner, vector)
            && starts(vector)
        {
            Lies::Outer
        } else if inner.is_multiple_of(STEP) && next(&self.inner) && whole(&self.outer, STEP) && starts(STEP)
        {
            Lies::Inner
        } else {
            Lies::Apart
        }
    }

    /// The place where the operand of a product begins.
    pub(super) fn start(&self, loops: usize) -> String {
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

pub(super) const LETTERS: [&str; 4] = ["x", "y", "z", "w"];

pub(super) fn vector(width: usize) -> &'static str {
    match width {
        1 => "f32",
        2 => "vec2<f32>",
        _ => "vec4<f32>",
    }
}

/// Reads elements of an operand.
pub(super) struct Reader {
    pub(super) name: String,
    /// The function of its prologue.
    pub(super) prologue: Option<&'static str>,
    /// Elements of a load.
    pub(super) width: usize,
    pub(super) packed: bool,
    form: Form,
}

impl Reader {
    pub(super) fn new(
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
        let form = lowering.form(operand.slot, operand.dtype);
        let element = if operand.packed { "u32" } else { form.element(width) };
        let name = shader.read(operand.slot, element);
        if let Some(body) = &operand.prologue {
            let kept = HashMap::new();
            let mut writer = Writer::new(body, shader, lowering, &kept);
            writer.argument = Some(Form::word(operand.dtype).loaded("x"));
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
        Ok(Reader { name, prologue, width, packed: operand.packed, form })
    }

    /// The vector (or the number) at a place.
    pub(super) fn read(&self, writer: &mut Writer<'_>, place: &str) -> String {
        let value = match (self.packed, self.width) {
            (true, 1) => byte(&self.name, place),
            (true, width) => format!("unpack_({}[({place}) / {width}u])", self.name),
            (false, 1) => self.form.wide(&format!("{}[{place}]", self.name), 1),
            (false, width) => self.form.wide(&format!("{}[({place}) / {width}u]", self.name), width),
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
