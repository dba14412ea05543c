//! A schedule as a listing: each kernel with its body, its operations and bytes, and each update with the
//! reason for its form.

use std::fmt::{self, Display};

use crate::dtype::Scalar;
use crate::ops::Clock;
use crate::print::constant;
use crate::schedule::{
    Access, Along, Argument, Body, BufferId, Carry, Content, Domain, Factor, Instr, Kernel, KernelId, Loop,
    Method, Opaque, Operand, Operation, Product, Register, Schedule, Section, Source, Update,
};

impl Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rows {
            Ok(rows) => writeln!(f, "rows       {} = {}", rows.dim, rows.count)?,
            Err(why) => writeln!(f, "no rows    {why}")?,
        }
        for (id, kernel) in self.kernels() {
            self.write_kernel(f, &id.to_string(), kernel)?;
        }
        for update in &self.updates {
            self.write_update(f, update)?;
        }
        for (slot, buffer) in self.plan.outputs().iter().zip(&self.outputs) {
            writeln!(f, "output     {} = {}", slot.name, self.name(*buffer))?;
        }
        Ok(())
    }
}

impl Display for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = if self.section == Section::Whole { "w" } else { "r" };
        write!(f, "{}{section}{}", self.stage.0, self.index)
    }
}

impl Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl Schedule {
    /// What people call a buffer: the author's name for its value, or the value's place in the plan.
    pub fn name(&self, buffer: BufferId) -> String {
        let value = match &self.buffer(buffer).content {
            Content::Value(value) => *value,
            Content::Known(tensor) => return format!("known{:?}", tensor.shape()),
            Content::Between => return format!("between{}", buffer.0),
        };
        let input = self.plan.inputs().iter().find(|i| i.value == value).map(|i| &i.decl.name);
        let parameter = self.plan.parameters().iter().find(|p| p.value == Some(value)).map(|p| &p.decl.name);
        match input.or(parameter) {
            Some(name) => name.to_string(),
            None => match &self.plan.value(value).origin.name {
                Some(name) => format!("%{}:{name}", value.0),
                None => format!("%{}", value.0),
            },
        }
    }

    fn write_kernel(&self, f: &mut fmt::Formatter<'_>, id: &str, kernel: &Kernel) -> fmt::Result {
        let cost = self.cost(kernel);
        let head = match kernel {
            Kernel::Pointwise(pointwise) => match pointwise.domain {
                Domain::Rows => "pointwise  each row".to_owned(),
                Domain::Elements(count) => format!("pointwise  each of {count} elements"),
            },
            Kernel::Product(product) => self.product(product),
            Kernel::Opaque(opaque) => self.opaque(opaque),
            Kernel::Loop(looped) => self.looped(looped),
        };
        let (operations, bytes) =
            (number(cost.operations, 1000, ["", " k", " M", " G"]), cost.read + cost.written);
        let bytes = number(bytes, 1024, [" B", " KiB", " MiB", " GiB"]);
        writeln!(f, "{id:<10} {head}  ({operations} operations, {bytes})")?;
        match kernel {
            Kernel::Pointwise(pointwise) => self.body(f, "", &pointwise.body),
            Kernel::Product(product) => {
                for (name, factor) in [("left", &product.left), ("right", &product.right)] {
                    if let Source::Prologue(body) = &factor.source {
                        self.body(f, &format!("{name} "), body)?;
                    }
                }
                product.epilogue.as_ref().map_or(Ok(()), |body| self.body(f, "then ", body))
            }
            Kernel::Opaque(_) => Ok(()),
            Kernel::Loop(looped) => {
                let inside = |(i, kernel)| self.write_kernel(f, &format!("{id}.{i}"), kernel);
                looped.body.iter().enumerate().try_for_each(inside)
            }
        }
    }

    /// What goes on, what each step takes and what is kept of it.
    fn looped(&self, looped: &Loop) -> String {
        let mut parts = vec![];
        for Carry { first, value, next, last } in &looped.carries {
            let value = value.map_or("nothing".into(), |value| self.name(value));
            let last = last.map_or(String::new(), |last| format!(" → {}", self.name(last)));
            parts.push(format!("{value} ← {}, {}{last}", self.name(*first), self.name(*next)));
        }
        parts.extend(looped.elements.iter().map(|e| format!("{} of {}", self.name(e.one), self.name(e.all))));
        parts.extend(
            looped.stacks.iter().map(|s| format!("{} of all {}", self.name(s.all), self.name(s.one))),
        );
        let from = if looped.reverse { " from the last" } else { "" };
        format!("loop       {} steps{from}: {}", looped.length, parts.join("; "))
    }

    fn product(&self, product: &Product) -> String {
        let rows = self.row_count();
        let sizes = product.sizes.of(product.along, rows);
        let factor = |factor: &Factor, size: (usize, usize), turned: bool| {
            let (rows, columns) = (factor.rows.distance(), factor.columns.distance());
            let turned = turned || columns.is_some_and(|d| d != 1) && size.1 > 1;
            let transposed = if turned && size.0 > 1 { "ᵀ" } else { "" };
            let name = match &factor.source {
                Source::Buffer(buffer) => self.name(*buffer),
                Source::Prologue(body) => {
                    format!("f({})", body.reads().map(|b| self.name(b)).collect::<String>())
                }
            };
            match (rows, columns) {
                (Some(_), Some(_)) => format!("{name}{transposed}[{}, {}]", size.0, size.1),
                _ => format!("windows({name})[{}, {}]", size.0, size.1),
            }
        };
        let (left, right) = (
            factor(&product.left, (sizes.m, sizes.k), product.along == Along::K),
            factor(&product.right, (sizes.k, sizes.n), false),
        );
        let out = product.out.map_or("result".into(), |out| self.name(out));
        let bias = product.bias.map_or(String::new(), |bias| format!(" + {}", self.name(bias)));
        match (&product.overlap, &product.loops) {
            (Some(_), _) => format!("product    {out} = overlap({left}·{right})"),
            (None, Some(_)) => format!("product    {out} = {} of {left}·{right}", product.count(rows)),
            (None, None) => format!("product    {out} = {left}·{right}{bias}"),
        }
    }

    fn opaque(&self, opaque: &Opaque) -> String {
        let args: Vec<String> = opaque
            .args
            .iter()
            .map(|arg| match arg {
                Argument::Buffer(buffer) => self.name(*buffer),
                Argument::Number(value) => scalar(*value),
            })
            .collect();
        let op = &self.plan.steps()[opaque.step.index()].op;
        let sum = if opaque.fold.is_some() { " over all rows" } else { "" };
        let outs: Vec<String> = opaque.outs.iter().map(|out| self.name(*out)).collect();
        format!("opaque     {} = {}({}){sum}", outs.join(", "), op.name(), args.join(", "))
    }

    fn body(&self, f: &mut fmt::Formatter<'_>, prefix: &str, body: &Body) -> fmt::Result {
        for (i, instr) in body.instrs.iter().enumerate() {
            let text = self.instr(instr);
            match instr.operation.written() {
                Some(_) => writeln!(f, "           {prefix}{text}")?,
                None => writeln!(f, "           {prefix}{} = {text}", Register(i as u32))?,
            }
        }
        Ok(())
    }

    fn instr(&self, instr: &Instr) -> String {
        let of = |x: &Operand| match x {
            Operand::Register(register) => register.to_string(),
            Operand::Number(value) => scalar(*value),
        };
        match &instr.operation {
            Operation::Load { buffer, access } => format!("{}{}", self.name(*buffer), place(*access)),
            Operation::Result => "result".into(),
            Operation::Unary { op, x, .. } => format!("{} {}", op.row().name, of(x)),
            Operation::Binary { op, x, y, .. } => format!("{} {} {}", op.row().name, of(x), of(y)),
            Operation::Select(c, a, b) => format!("select {} {} {}", of(c), of(a), of(b)),
            Operation::Cast { x, .. } => format!("cast {} to {}", of(x), instr.dtype),
            Operation::Copy(x) => format!("copy {}", of(x)),
            Operation::Reduce { kind, of, run } => format!("{} of runs of {run} of {of}", kind.name()),
            Operation::Gather { of, map, .. } => format!("move {of} to {} places", map.len()),
            Operation::Concat(parts) => {
                let parts: Vec<String> = parts.iter().map(|(register, _)| register.to_string()).collect();
                format!("concat {}", parts.join(" "))
            }
            Operation::Count { per_row, times } => format!("count by {per_row} a row, each {times} times"),
            Operation::Random { stream, clock: Clock::Step } => format!("random stream {stream}"),
            Operation::Random { stream, clock: Clock::Run } => format!("random stream {stream} by run"),
            Operation::Pick { from, index } => format!("pick from {from} at {}", index.register),
            Operation::Lookup { table, index, .. } => {
                format!("rows of {} at {}", self.name(*table), index.register)
            }
            Operation::Place { index, update } => format!("place {update} at {}", index.register),
            Operation::Store { buffer, of } => format!("{} ← {of}", self.name(*buffer)),
            Operation::Fold { buffer, kind, of } => {
                format!("{} ← {} over rows of {of}", self.name(*buffer), kind.name())
            }
            Operation::Scatter { buffer, index, update, .. } => {
                format!("{} ← sum over rows of {update} at {}", self.name(*buffer), index.register)
            }
        }
    }

    fn write_update(&self, f: &mut fmt::Formatter<'_>, update: &Update) -> fmt::Result {
        let slot = &self.plan.parameters()[update.parameter.index()];
        let name = &slot.decl.name;
        match &update.method {
            Method::Accumulate { of, product } => {
                let (text, addend) = (of.text(&slot.decl), of.addend.0);
                match product {
                    Ok(id) => {
                        writeln!(f, "update     {text}%{addend}, by {id} where it takes all rows at once")
                    }
                    Err(why) => writeln!(f, "update     {text}%{addend}, in one pass: {why}"),
                }
            }
            Method::InPlace(id) => writeln!(f, "update     {name}, in place by {id}"),
            Method::Replace(why) => {
                let value = slot.update.map_or(0, |v| v.0);
                writeln!(f, "update     {name} ← %{value}, not in place: {why}")
            }
        }
    }
}

/// Where a load finds the elements of a buffer.
fn place(access: Access) -> &'static str {
    match access {
        Access { row: 0, .. } => "",
        Access { element: 0, .. } => "[element]",
        Access { .. } => "[row]",
    }
}

fn scalar(value: Scalar) -> String {
    constant(value, crate::dtype::DType::F32)
}

/// A count with the unit that leaves it below `base`.
fn number(n: usize, base: usize, units: [&str; 4]) -> String {
    let (mut x, mut unit) = (n as f64, 0);
    while x >= base as f64 && unit + 1 < units.len() {
        (x, unit) = (x / base as f64, unit + 1);
    }
    let digits = usize::from(unit > 0 && x < 10.0);
    format!("{x:.digits$}{}", units[unit])
}
