//! The meaning of a schedule: kernel by kernel in double precision, all rows at once, with every update in
//! place that may be. A buffer is forgotten where its lifetime ends, so that a wrong decision shows.

use crate::dim::{Dims, Name};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::interp::{Array, Env, Values, apply};
use crate::ops::Counters;
use crate::plan::Arg;
use crate::schedule::evaluate::{self, Failure, Memory};
use crate::schedule::repeat::Present;
use crate::schedule::{
    Accumulation, Along, Argument, Axes, Body, BufferId, Content, Domain, Factor, Kernel, KernelId, Layout,
    Loops, Method, Opaque, Product, Schedule, Source, StepId, Update, located,
};
use crate::shape::Shape;
use crate::tensor::{Tensor, TensorRef};

/// The results of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// By the plan's list; floats in double precision.
    pub outputs: Vec<Tensor>,
    /// The new values of parameters, by the plan's list; none where there is no update.
    pub updates: Vec<Option<Tensor>>,
}

impl Schedule {
    /// Runs the schedule in double precision; inputs and parameters in the plan's order.
    ///
    /// # Errors
    /// When a value is missing or has another shape than declared; and for mistakes that only a run can
    /// find, such as an index outside its axis: with the line that it is from.
    pub fn interpret(
        &self,
        inputs: &[TensorRef<'_>],
        parameters: &[TensorRef<'_>],
        counters: impl Into<Counters>,
    ) -> Result<Results> {
        let inputs_of = self.plan.inputs().iter().map(|i| (&i.decl.name, &i.decl.shape));
        given("input", inputs_of, inputs, &self.dims)?;
        let parameters_of = self.plan.parameters().iter().map(|p| (&p.decl.name, &p.decl.shape));
        given("parameter", parameters_of, parameters, &self.dims)?;
        let env = Env { dims: self.dims.clone(), counters: counters.into(), ..Env::default() };
        let mut run = Memory::new(self, env);
        let bound = self.plan.inputs().iter().map(|i| Some(i.value)).zip(inputs);
        for (value, tensor) in bound.chain(self.plan.parameters().iter().map(|p| p.value).zip(parameters)) {
            if let Some(buffer) = value.and_then(|v| self.buffer_of(v)) {
                run.cells[buffer.index()] = Some(Array::from(*tensor).data);
            }
        }
        for (i, buffer) in self.buffers.iter().enumerate() {
            if let Content::Known(tensor) = &buffer.content {
                run.cells[i] = Some(Array::from(tensor.view()).data);
            }
        }
        for (id, kernel) in self.kernels() {
            run.kernel(id, kernel).map_err(|(step, why)| {
                let value = self.plan.value(self.plan.steps()[step.index()].result);
                located(&value.origin, format!("{id}: {why}"))
            })?;
        }
        run.results().map_err(Error::value)
    }
}

impl Memory<'_> {
    fn kernel(&mut self, id: KernelId, kernel: &Kernel) -> std::result::Result<(), Failure> {
        self.work(id, kernel)?;
        for update in &self.schedule.updates {
            if update.method == Method::InPlace(id) {
                self.write_over(update);
            }
        }
        for (memory, buffer) in self.cells.iter_mut().zip(&self.schedule.buffers) {
            if buffer.lifetime.until == Some(id) {
                *memory = None;
            }
        }
        Ok(())
    }

    /// What a kernel computes.
    pub(super) fn work(&mut self, id: KernelId, kernel: &Kernel) -> std::result::Result<(), Failure> {
        match kernel {
            Kernel::Pointwise(pointwise) => {
                let count = match pointwise.domain {
                    Domain::Rows => self.schedule.row_count(),
                    Domain::Elements(count) => count,
                };
                self.body(&pointwise.body, count, None).map(drop)
            }
            Kernel::Product(product) => self.product(id, product),
            Kernel::Opaque(opaque) => self.opaque(opaque).map_err(|why| (opaque.step, why)),
            Kernel::Loop(looped) => self.looped(id, looped),
        }
    }

    /// Runs a body; its last register.
    fn body(
        &mut self,
        body: &Body,
        count: usize,
        result: Option<Values>,
    ) -> std::result::Result<Option<Array>, Failure> {
        let evaluated = evaluate::body(self, body, count, result)?;
        for (buffer, elements) in evaluated.written {
            self.cells[buffer.index()] = Some(elements);
        }
        Ok(evaluated.last)
    }

    fn write_over(&mut self, update: &Update) {
        let slot = &self.schedule.plan.parameters()[update.parameter.index()];
        let buffer = |value| self.schedule.buffer_of(value);
        if let (Some(old), Some(new)) = (slot.value.and_then(buffer), slot.update.and_then(buffer)) {
            self.cells[old.index()] = self.cells[new.index()].clone();
        }
    }

    fn product(&mut self, id: KernelId, product: &Product) -> std::result::Result<(), Failure> {
        let fail = |why| (product.step, why);
        let (count, sizes) = (self.schedule.row_count(), product.sizes);
        let rows = if product.along == Along::Nothing { 1 } else { count };
        let left = self.factor(&product.left)?;
        let right = self.factor(&product.right)?;
        let (a, b) = (floats(&left).map_err(fail)?, floats(&right).map_err(fail)?);
        // Elements from a row of the batch to the next.
        let each = |factor: &Factor, len: usize| if self.has_rows(factor) { len / rows.max(1) } else { 0 };
        let (a_row, b_row) = (each(&product.left, a.len()), each(&product.right, b.len()));
        let all = if matches!(product.along, Along::M | Along::Each) { rows } else { 1 };
        let out_row = if all == rows { product.out_len() } else { 0 };
        let at = |factor: &Factor, i: usize, j: usize| factor.rows.place(i) + factor.columns.place(j);
        let mut out = vec![0.0; all * product.out_len()];
        for (row, index) in (0..rows).flat_map(|row| (0..product.count(1)).map(move |index| (row, index))) {
            let start =
                |axes: fn(&Loops) -> &Axes| product.loops.as_ref().map_or(0, |l| axes(l).place(index));
            let (a_at, b_at) = (row * a_row + start(|l| &l.left), row * b_row + start(|l| &l.right));
            for (i, j) in (0..sizes.m).flat_map(|i| (0..sizes.n).map(move |j| (i, j))) {
                let term = |p: usize| a[a_at + at(&product.left, i, p)] * b[b_at + at(&product.right, p, j)];
                let place = match (&product.overlap, &product.loops) {
                    (Some(overlap), _) => overlap.rows.place(i) + overlap.columns.place(j),
                    (None, Some(l)) => l.out.place(index) + l.rows.place(i) + l.columns.place(j),
                    (None, None) => i * sizes.n + j,
                };
                out[row * out_row + place] += (0..sizes.k).map(term).sum::<f64>();
            }
        }
        if let Some(buffer) = product.bias {
            let bias = self.read(buffer).map_err(fail)?.clone();
            let bias = floats(&bias).map_err(fail)?;
            out.iter_mut().enumerate().for_each(|(i, x)| *x += bias[i % sizes.n]);
        }
        if let Some(of) = self.accumulated_by(id) {
            self.accumulate(&of, &out).map_err(fail)?;
        }
        let out = Values::Float(out);
        if let Some(buffer) = product.out {
            self.cells[buffer.index()] = Some(out.clone());
        }
        match &product.epilogue {
            Some(body) => self.body(body, count, Some(out)).map(drop),
            None => Ok(()),
        }
    }

    /// Whether an operand has elements for each row of the batch.
    fn has_rows(&self, factor: &Factor) -> bool {
        let rows = |buffer: BufferId| matches!(self.schedule.buffer(buffer).layout, Layout::Rows(_));
        factor.source.buffer().is_some_and(rows)
    }

    fn factor(&mut self, factor: &Factor) -> std::result::Result<Values, Failure> {
        match &factor.source {
            Source::Buffer(buffer) => self.read(*buffer).cloned().map_err(|why| (StepId(0), why)),
            Source::Prologue(body) => {
                let last = self.body(body, self.schedule.row_count(), None)?;
                Ok(last.expect("a prologue computes something").data)
            }
        }
    }

    fn accumulated_by(&self, id: KernelId) -> Option<Accumulation> {
        self.schedule.updates.iter().find_map(|update| match &update.method {
            Method::Accumulate { of, product: Ok(product) } if *product == id => Some(of.clone()),
            _ => None,
        })
    }

    /// `w ← β·w + α·addend`.
    fn accumulate(&mut self, of: &Accumulation, addend: &[f64]) -> std::result::Result<(), String> {
        let buffer = self.schedule.buffer_of(of.from).ok_or("a parameter has a buffer")?;
        let old = self.cells[buffer.index()].take().ok_or("a parameter holds something")?;
        let new = floats(&old)?.iter().zip(addend).map(|(w, g)| of.beta * w + of.alpha * g).collect();
        self.cells[buffer.index()] = Some(Values::Float(new));
        Ok(())
    }

    fn opaque(&mut self, opaque: &Opaque) -> std::result::Result<(), String> {
        let plan = &self.schedule.plan;
        let step = &plan.steps()[opaque.step.index()];
        let shape = self.schedule.shape(step.result);
        let mut args = vec![];
        for (arg, given) in step.args.iter().zip(&opaque.args) {
            let shape = arg.value().map_or(shape, |v| self.schedule.shape(v)).to_vec();
            let data = match given {
                Argument::Buffer(buffer) => self.read(*buffer)?.clone(),
                Argument::Number(number) => Values::full(*number, shape.iter().product()),
            };
            args.push(Array { shape, data });
        }
        let results = match &step.repeat {
            Some(repeat) => {
                let ids = step.args.iter().filter_map(Arg::value);
                let mut values: Present = ids.zip(args).collect();
                self.schedule.repeat(repeat, &mut values, &self.env)?;
                step.results().filter_map(|v| values.remove(&v)).collect()
            }
            None => {
                let args: Vec<&Array> = args.iter().collect();
                vec![apply(&step.op, &args, (plan.value(step.result).dtype, shape), &self.env)?]
            }
        };
        for (out, result) in opaque.outs.iter().zip(results) {
            self.cells[out.index()] = Some(result.data);
        }
        Ok(())
    }

    fn results(mut self) -> std::result::Result<Results, String> {
        let plan = self.schedule.plan.clone();
        let tensor = |run: &Memory<'_>, buffer: BufferId, dtype: DType, shape: &[usize]| {
            let array = Array { shape: shape.to_vec(), data: run.read(buffer)?.clone() };
            Ok::<_, String>(array.into_tensor(dtype))
        };
        let outputs = plan.outputs().iter().zip(&self.schedule.outputs);
        let outputs = outputs.map(|(slot, buffer)| {
            tensor(&self, *buffer, plan.value(slot.value).dtype, self.schedule.shape(slot.value))
        });
        let outputs = outputs.collect::<std::result::Result<_, _>>()?;
        // The old values are read before any pass writes over one.
        let mut updates = vec![None; plan.parameters().len()];
        let (passes, others): (Vec<_>, Vec<_>) =
            self.schedule.updates.iter().partition(|u| matches!(u.method, Method::Accumulate { .. }));
        for update in others.into_iter().chain(passes) {
            let slot = &plan.parameters()[update.parameter.index()];
            if let Method::Accumulate { of, product: Err(_) } = &update.method {
                let addend = self.schedule.buffer_of(of.addend).ok_or("an addend has a buffer")?;
                let addend = floats(self.read(addend)?)?.to_vec();
                self.accumulate(of, &addend)?;
            }
            let value = if matches!(update.method, Method::Replace(_)) { slot.update } else { slot.value };
            let buffer = value.and_then(|v| self.schedule.buffer_of(v)).ok_or("an update has a buffer")?;
            let shape = self.schedule.shape(slot.update.ok_or("an update has a value")?);
            updates[update.parameter.index()] = Some(tensor(&self, buffer, slot.decl.dtype, shape)?);
        }
        Ok(Results { outputs, updates })
    }
}

fn floats(values: &Values) -> std::result::Result<&[f64], String> {
    match values {
        Values::Float(floats) => Ok(floats),
        other => Err(format!("expected floats, got {}", other.kind())),
    }
}

/// Checks that there are as many values as are declared, of their shapes.
fn given<'d>(
    what: &str,
    declared: impl Iterator<Item = (&'d Name, &'d Shape)>,
    values: &[TensorRef<'_>],
    dims: &Dims,
) -> Result<()> {
    let mut values = values.iter();
    for (name, shape) in declared {
        let sizes = shape.eval(dims).map_err(Error::value)?;
        match values.next().map(TensorRef::shape) {
            Some(own) if own == sizes => {}
            Some(own) => {
                return Err(Error::value(format!("{what} {name}: expected shape {sizes:?}, got {own:?}")));
            }
            None => return Err(Error::value(format!("{what} {name} is missing: {sizes:?} is expected"))),
        }
    }
    match values.len() {
        0 => Ok(()),
        more => Err(Error::value(format!("{more} more values than {what}s"))),
    }
}
