//! The contract between sessions and executors.

use std::any::Any;
use std::sync::Arc;

use dl_core::ops::Counters;
use dl_core::plan::{Step, Value};
use dl_core::{DType, Dims, Plan, Tensor, TensorRef};

use crate::error::{Error, Result};
use crate::profile::Kernel;

/// Runs plans on some device. Every executor runs every plan.
pub trait Executor: Send {
    /// Its name: `cpu`, `ndarray`, `flex`, `wgpu`.
    fn name(&self) -> &'static str;

    /// The name of its device, where that is one of its own and answers.
    fn device(&self) -> Option<String> {
        None
    }

    /// Whether it has elements of `dtype`; plans with others are refused when they are loaded.
    fn supports(&self, dtype: DType) -> bool {
        let _ = dtype;
        true
    }

    /// Prepares a plan for given sizes of the named dimensions.
    ///
    /// # Errors
    /// When a shape cannot be allocated or an element type is not to be had on the device.
    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>>;

    /// Moves a parameter's value to where the executor keeps it.
    ///
    /// # Errors
    /// When the device refuses.
    fn upload(&self, value: TensorRef<'_>) -> Result<Buffer>;

    /// The value of a parameter.
    ///
    /// # Errors
    /// When the device refuses, or the buffer is another executor's.
    fn download(&self, buffer: &Buffer) -> Result<Tensor>;

    /// Copies a parameter's value into another buffer, whose memory is used again where there is one.
    ///
    /// # Errors
    /// When the device refuses, or a buffer is another executor's.
    fn copy(&self, from: &Buffer, into: &mut Option<Buffer>) -> Result<()> {
        *into = Some(self.upload(self.download(from)?.view())?);
        Ok(())
    }

    /// Another buffer of the same value for programs that do not update it, in the same memory where the
    /// executor can: what many threads read at once.
    ///
    /// # Errors
    /// When the device refuses, or the buffer is another executor's.
    fn share(&self, buffer: &Buffer) -> Result<Buffer> {
        let mut shared = None;
        self.copy(buffer, &mut shared)?;
        shared.ok_or_else(|| Error::value("the executor copied nothing"))
    }

    /// Whether no element of a parameter is infinite or NaN.
    ///
    /// # Errors
    /// When the device refuses, or the buffer is another executor's.
    fn is_finite(&self, buffer: &Buffer) -> Result<bool> {
        Ok(self.download(buffer)?.view().is_finite())
    }

    /// Whether it has a device with memory of its own, so that [`preload`](Executor::preload) spares runs uploads.
    fn preloads(&self) -> bool {
        false
    }

    /// A column of examples where runs can take rows of it without the host; none where the host's memory does as
    /// well, or the device cannot hold it.
    ///
    /// # Errors
    /// When the device refuses.
    fn preload(&self, column: TensorRef<'_>) -> Result<Option<DeviceColumn>> {
        let _ = column;
        Ok(None)
    }

    /// How often the host has waited for the device to finish.
    fn waits(&self) -> u64 {
        0
    }
}

/// A plan for fixed sizes.
pub trait Executable: Send {
    /// Runs all steps, then all updates. If it fails, no parameter has changed.
    ///
    /// # Errors
    /// When an index is outside its axis, or the device refuses.
    fn run(&mut self, call: Call<'_>) -> Result<()>;

    /// Whether runs take rows of columns that the executor has [preloaded](Executor::preload): [`Call::rows`].
    fn takes_rows(&self) -> bool {
        false
    }

    /// The same as [`run`](Executable::run), and how long each kernel took.
    ///
    /// # Errors
    /// As for [`run`](Executable::run); also where the executor cannot tell.
    fn profile(&mut self, call: Call<'_>) -> Result<Vec<Kernel>> {
        let _ = call;
        Err(Error::value("the executor does not tell how long its kernels take"))
    }

    /// How it runs, for people to read; empty where there is nothing to tell but the plan.
    fn listing(&self) -> String {
        String::new()
    }

    /// The output at `index` of the plan's list, as the last run left it.
    ///
    /// # Errors
    /// When nothing has run yet, or the device refuses.
    fn output(&self, index: usize) -> Result<Tensor>;

    /// Shows the output at `index`, where it lies if the executor can: nothing is then copied or allocated.
    ///
    /// # Errors
    /// As for [`output`](Executable::output).
    fn show(&self, index: usize, to: &mut dyn FnMut(TensorRef<'_>)) -> Result<()> {
        to(self.output(index)?.view());
        Ok(())
    }

    /// Begins to read the output at `index`, as the last run left it: later runs do not change what is read.
    ///
    /// # Errors
    /// As for [`output`](Executable::output).
    fn begin_reading(&self, index: usize) -> Result<Reading> {
        self.output(index).map(Reading::done)
    }
}

/// An output on its way from the device to the host.
pub struct Reading(Way);

enum Way {
    Done(Tensor),
    Pending(Box<dyn Pending>),
}

/// What a device is still to deliver.
pub trait Pending: Send {
    /// Whether it is there, so that nobody has to wait.
    fn is_ready(&mut self) -> bool;

    /// The value; waits for it.
    ///
    /// # Errors
    /// When the device reports one.
    fn wait(self: Box<Self>) -> Result<Tensor>;
}

impl Reading {
    /// Of a value that is there.
    pub fn done(value: Tensor) -> Self {
        Reading(Way::Done(value))
    }

    /// Of a value that a device is to deliver.
    pub fn pending(pending: impl Pending + 'static) -> Self {
        Reading(Way::Pending(Box::new(pending)))
    }

    /// Whether the value is there, so that [`wait`](Reading::wait) returns at once.
    pub fn is_ready(&mut self) -> bool {
        match &mut self.0 {
            Way::Done(_) => true,
            Way::Pending(pending) => pending.is_ready(),
        }
    }

    /// The value; waits for the device unless it [is ready](Reading::is_ready).
    ///
    /// # Errors
    /// When the device reports one.
    pub fn wait(self) -> Result<Tensor> {
        match self.0 {
            Way::Done(value) => Ok(value),
            Way::Pending(pending) => pending.wait(),
        }
    }
}

/// What a run brings along. Sizes and element types were checked against the plan's declarations.
pub struct Call<'a> {
    /// One value for each of the plan's inputs, in order; a whole column where `rows` says so.
    pub inputs: &'a [TensorRef<'a>],
    /// Which inputs are rows of columns; only for executables that [take some](Executable::takes_rows).
    pub rows: Option<Rows<'a>>,
    /// The session's parameters, of all its programs.
    pub parameters: &'a mut [Buffer],
    /// For each of the plan's parameters, in order, its place among `parameters`.
    pub slots: &'a [usize],
    /// The session's seed.
    pub seed: u64,
    /// How many training steps the session has finished.
    pub step: u64,
    /// How many runs the session has finished.
    pub run: u64,
}

/// Inputs that are rows of columns.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The rows, all within the columns, in the order in which inputs have them.
    pub rows: &'a [usize],
    /// For each of the plan's inputs the column that the executor has preloaded, unless the input itself is given.
    pub columns: &'a [Option<&'a DeviceColumn>],
}

impl Call<'_> {
    /// What decides its random numbers.
    pub fn counters(&self) -> Counters {
        Counters { seed: self.seed, step: self.step, run: self.run }
    }
}

/// A parameter's value in the form that its executor likes.
pub struct Buffer(Box<dyn Any + Send>);

impl Buffer {
    /// Wraps an executor's own representation.
    pub fn new<T: Any + Send>(value: T) -> Self {
        Buffer(Box::new(value))
    }

    /// The executor's own representation.
    ///
    /// # Errors
    /// When it is another executor's.
    pub fn get<T: Any>(&self) -> Result<&T> {
        self.0.downcast_ref().ok_or_else(foreign)
    }

    /// The executor's own representation, mutable.
    ///
    /// # Errors
    /// When it is another executor's.
    pub fn get_mut<T: Any>(&mut self) -> Result<&mut T> {
        self.0.downcast_mut().ok_or_else(foreign)
    }
}

/// A column of examples in the form that its executor likes.
pub struct DeviceColumn(Box<dyn Any + Send + Sync>);

impl DeviceColumn {
    /// Wraps an executor's own representation.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        DeviceColumn(Box::new(value))
    }

    /// The executor's own representation.
    ///
    /// # Errors
    /// When it is another executor's.
    pub fn get<T: Any>(&self) -> Result<&T> {
        self.0.downcast_ref().ok_or_else(foreign)
    }
}

/// Whether an executor has the element types of all values of a plan.
///
/// # Errors
/// When it has not: the line, the step, and what the executor runs on.
pub(crate) fn check_types(executor: &dyn Executor, plan: &Plan) -> Result<()> {
    let Some(value) = plan.values().iter().position(|value| !executor.supports(value.dtype)) else {
        return Ok(());
    };
    let (Value { dtype, origin, .. }, what) = (&plan.values()[value], maker(plan, value));
    let on = executor.device().map_or(String::new(), |device| format!(" on {device}"));
    let why = format!("{what}: {}{on} has no elements of {dtype}: cast to another type", executor.name());
    Err(Error::at(origin, why))
}

/// What makes a value of a plan: an input, a parameter, or a step by its operation.
fn maker(plan: &Plan, value: usize) -> String {
    let input = plan.inputs().iter().find(|slot| slot.value.index() == value);
    let parameter = plan.parameters().iter().find(|slot| slot.value.is_some_and(|v| v.index() == value));
    match (input, parameter) {
        (Some(slot), _) => format!("input {}", slot.decl.name),
        (None, Some(slot)) => format!("parameter {}", slot.decl.name),
        (None, None) => made_by(plan.steps(), value).map_or("a step", |step| step.op.name()).to_owned(),
    }
}

/// The step that makes a value; in the body of a scan where it is made there.
fn made_by(steps: &[Step], value: usize) -> Option<&Step> {
    let makes = |step: &Step| {
        let inside = step.repeat.iter().flat_map(|repeat| repeat.makes());
        step.results().chain(inside).any(|made| made.index() == value)
    };
    let found = steps.iter().find(|step| makes(step))?;
    let inside = found.repeat.as_ref().and_then(|repeat| made_by(&repeat.steps, value));
    Some(inside.unwrap_or(found))
}

fn foreign() -> Error {
    Error::value("the buffer belongs to another executor")
}
