//! Steps that nobody fuses and that have a kernel of their own: reductions and movements of whole values, random
//! numbers. Constants are no work at all: they lie in memory from the start.

use std::collections::HashMap;

use dl_core::ops::Op;
use dl_core::plan::Step;
use dl_core::schedule::{Argument, Axes, Axis, Body, BufferId, Opaque};
use dl_core::{DType, Scalar, Tensor};

use super::body::{Result, Writer};
use super::lower::Lowering;
use super::memory::Home;
use super::operand::place;
use super::pointwise::groups;
use super::reduction::{SHARE, Shape, sum_of_shares};
use super::shader::{GROUP, Shader};

/// Constants of more elements are made on the device.
const SMALL: usize = 1 << 16;

/// The launches of a step.
///
/// # Errors
/// When it has no kernel of ours.
pub(super) fn launches(lowering: &mut Lowering<'_>, opaque: &Opaque, name: &str) -> Result<Vec<Shader>> {
    let schedule = lowering.schedule;
    let step = &schedule.plan().steps()[opaque.step.index()];
    let lacks = || Err(format!("{} has no kernel of ours", step.op.name()));
    let [out] = opaque.outs[..] else { return lacks() };
    if opaque.fold.is_some() || !lowering.steps.is_safe(opaque.step) {
        return lacks();
    }
    if let Some(home) = known(lowering, step) {
        return if lowering.settle(out, home) { Ok(vec![]) } else { lacks() };
    }
    let from = match opaque.args[..] {
        [Argument::Buffer(from)] => from,
        [] if matches!(step.op, Op::Random { .. }) => out,
        _ => return lacks(),
    };
    let dtype = schedule.plan().value(step.result).dtype;
    let to = schedule.shape(step.result);
    let shape = step.args.first().and_then(|arg| arg.value()).map_or(to, |value| schedule.shape(value));
    let distance = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let axis = |axis: usize| Axis { size: shape[axis], distance: distance(axis) };
    let all = Axes::new((0..shape.len()).map(axis));
    match &step.op {
        Op::Reduce { kind, axes } => {
            let kept = Axes::new((0..shape.len()).filter(|a| !axes.contains(a)).map(axis));
            let reduced = Axes::new(axes.iter().map(|a| axis(*a)));
            reduce(lowering, (*kind, dtype), (from, out), (&kept, &reduced), name)
        }
        Op::Reshape => moved(lowering, dtype, (from, out), &all, name),
        Op::Permute(axes) if axes.is_empty() => moved(lowering, dtype, (from, out), &all, name),
        Op::Permute(axes) => {
            moved(lowering, dtype, (from, out), &Axes::new(axes.iter().map(|a| axis(*a))), name)
        }
        Op::Broadcast(axes) => {
            let axis = |to_axis: usize| {
                let of = axes.iter().position(|a| *a == to_axis).filter(|own| shape[*own] != 1);
                Axis { size: to[to_axis], distance: of.map_or(0, distance) }
            };
            moved(lowering, dtype, (from, out), &Axes::new((0..to.len()).map(axis)), name)
        }
        Op::Random { stream, clock } => {
            let total = to.iter().product();
            let key = lowering.key(*stream, *clock);
            each(lowering, (dtype, out), total, name, &mut |writer| {
                writer.shader.called.insert("uniform_");
                let key = writer.shader.read(key, "u32");
                Ok(format!("uniform_(at, {key}[0], {key}[1], {key}[2], {key}[3], {key}[4])"))
            })
        }
        _ => lacks(),
    }
}

/// Where the elements of a step are that sizes or the session's counters determine.
fn known(lowering: &Lowering<'_>, step: &Step) -> Option<Home> {
    let schedule = lowering.schedule;
    let (shape, dtype) = (schedule.shape(step.result), schedule.plan().value(step.result).dtype);
    let len: usize = shape.iter().product();
    let fits = |x: f64| dtype.is_float() || dtype == DType::Bool || x.abs() < 2e9;
    let full = |x: f64| fits(x).then(|| Tensor::from_f64(dtype, shape, &vec![x; len]).ok()).flatten();
    let tensor = match &step.op {
        _ if len > SMALL => None,
        Op::Step => return Some(Home::Step),
        Op::Constant(Scalar::Float(x)) => full(*x),
        Op::Constant(Scalar::Int(n)) => full(*n as f64),
        Op::Constant(Scalar::Bool(b)) => full(f64::from(u8::from(*b))),
        Op::Literal(literal) if dtype == DType::F32 => Some(literal.0.clone()),
        Op::Extent(dim) => full(dim.eval(schedule.dims()).ok()? as f64),
        Op::Iota(axis) => {
            let after: usize = shape[axis + 1..].iter().product();
            let numbers: Vec<f64> = (0..len).map(|i| (i / after % shape[*axis]) as f64).collect();
            Tensor::from_f64(dtype, shape, &numbers).ok()
        }
        _ => None,
    };
    tensor.map(Home::Known)
}

/// A launch that computes each element, whose number is `at`.
fn each(
    lowering: &mut Lowering<'_>,
    (dtype, out): (DType, BufferId),
    total: usize,
    name: &str,
    element: &mut dyn FnMut(&mut Writer<'_>) -> Result<String>,
) -> Result<Vec<Shader>> {
    let into = lowering.slot_of(out)?;
    let (mut shader, body, kept) = (Shader::default(), Body::default(), HashMap::new());
    let mut writer = Writer::new(&body, &mut shader, lowering, &kept);
    writer.line(format!("let at = group * {GROUP}u + local;"));
    writer.line(format!("if (at >= {total}u) {{ return; }}"));
    let value = element(&mut writer)?;
    let value = writer.places.form(into, dtype).rounded(&value, &mut writer.shader.called);
    writer.store(into, dtype, ("at", &value));
    let text = writer.text;
    shader.part(name.to_owned(), &text, groups(total));
    Ok(vec![lowering.finished(shader)?])
}

/// Elements in another order, or over and over.
fn moved(
    lowering: &mut Lowering<'_>,
    dtype: DType,
    (from, out): (BufferId, BufferId),
    axes: &Axes,
    name: &str,
) -> Result<Vec<Shader>> {
    let from = lowering.plain(from)?;
    each(lowering, (dtype, out), axes.size(), name, &mut |writer| {
        Ok(writer.loaded(from, dtype, &place(axes, "at")))
    })
}

fn reduce(
    lowering: &mut Lowering<'_>,
    of: (dl_core::ops::Reduce, DType),
    (from, out): (BufferId, BufferId),
    (kept, reduced): (&Axes, &Axes),
    name: &str,
) -> Result<Vec<Shader>> {
    let (from, out) = (lowering.plain(from)?, lowering.slot_of(out)?);
    let (outputs, terms) = (kept.size(), reduced.size());
    let shares = terms.div_ceil(SHARE);
    let into = if shares == 1 { out } else { lowering.scratch(shares * outputs) };
    let (mut shader, body, empty) = (Shader::default(), Body::default(), HashMap::new());
    let mut writer = Writer::new(&body, &mut shader, lowering, &empty);
    let neighbours = reduced.axes().last().is_some_and(|axis| axis.distance == 1);
    let shape = Shape { outputs, terms, shares, neighbours };
    let groups = shape.write(&mut writer, of, into, &mut |writer, output, term| {
        let element =
            writer.loaded(from, of.1, &format!("{} + {}", place(kept, output), place(reduced, term)));
        Ok(writer.define(&element))
    })?;
    let text = writer.text;
    shader.part(name.to_owned(), &text, groups);
    let mut launches = vec![lowering.finished(shader)?];
    if shares > 1 {
        launches.push(sum_of_shares(lowering, of, (into, shares, outputs), out, name)?);
    }
    Ok(launches)
}
