//! The contract between sessions and executors.

use std::any::Any;
use std::sync::Arc;

use dl_core::ops::Counters;
use dl_core::{DType, Dims, Plan, Tensor, TensorRef};

use crate::error::{Error, Result};
use crate::profile::Kernel;

/// Runs plans on some device. Every executor runs every plan.
pub trait Executor: Send {
    /// Its name: `cpu`, `ndarray`, `flex`, `wgpu`.
    fn name(&self) -> &'static str;

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
}

/// A plan for fixed sizes.
pub trait Executable: Send {
    /// Runs all steps, then all updates. If it fails, no parameter has changed.
    ///
    /// # Errors
    /// When an index is outside its axis, or the device refuses.
    fn run(&mut self, call: Call<'_>) -> Result<()>;

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
}

/// What a run brings along. Sizes and element types were checked against the plan's declarations.
pub struct Call<'a> {
    /// One value for each of the plan's inputs, in order.
    pub inputs: &'a [TensorRef<'a>],
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

fn foreign() -> Error {
    Error::value("the buffer belongs to another executor")
}
