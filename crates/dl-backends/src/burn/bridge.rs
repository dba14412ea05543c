//! What generated kernels take of burn: the device's memory, parameters, and a plan's steps as burn's operations
//! for what has no kernel of ours.

use std::sync::Arc;

use burn_backend::{BoolStore, DType as BurnDType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_wgpu::{CubeBackend, CubeTensor};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::Handle;
use dl_core::ops::Counters;
use dl_core::schedule::StepId;
use dl_core::tensor::DataRef;
use dl_core::{DType, Dims, Plan, Tensor, TensorRef};

use super::adapter::is_lost_or_full;
use super::compile::{self, Constant, Parts};
use super::download;
use super::executable::{Resident, compute};
use super::index::check_input;
use super::machine::Machine;
use super::step::{Check, Env, Step};
use super::storage::Storage;
use super::value::{Value, extents};
use crate::error::{Error, Result};
use crate::executor::{Buffer, Call, DeviceColumn, Executable, Reading};
use crate::gpu;

type B = CubeBackend;
type Wrong<T> = std::result::Result<T, String>;

/// A plan for given sizes: by kernels of its schedule where they can be generated, by burn's operations otherwise.
///
/// # Errors
/// When a shape cannot be allocated, or the device lacks an element type.
pub(super) fn compile(
    machine: &Arc<Machine<B>>,
    plan: &Arc<Plan>,
    dims: &Dims,
) -> Result<Box<dyn Executable>> {
    let steps = Steps::new(machine, plan, dims)?;
    match gpu::compile(steps, plan, dims)? {
        Some(generated) => Ok(Box::new(generated)),
        None => Ok(Box::new(compile::compile(machine, plan, dims)?)),
    }
}

/// The steps of a plan for given sizes, on the device.
pub(crate) struct Steps {
    machine: Arc<Machine<B>>,
    parts: Parts<B>,
    /// By step of the plan.
    making: Vec<Making>,
}

/// How a step's result is made.
#[derive(Clone, Copy)]
enum Making {
    Constant(usize),
    Step(usize),
}

/// What a run of steps knows: values of the plan by place.
pub(crate) struct Table(Vec<Option<Value<B>>>);

impl Steps {
    fn new(machine: &Arc<Machine<B>>, plan: &Arc<Plan>, dims: &Dims) -> Result<Steps> {
        let parts = compile::parts(machine, plan, dims, false)?;
        let mut making = vec![];
        for step in plan.steps() {
            let result = step.result.index();
            let of = |c: &Constant| c.result == result;
            let made = |s: &Step<B>| s.result == result;
            let constant = parts.constants.iter().position(of).map(Making::Constant);
            let found = constant.or_else(|| parts.steps.iter().position(made).map(Making::Step));
            making.push(found.ok_or_else(|| Error::executor(machine.name, "a step makes nothing"))?);
        }
        Ok(Steps { machine: machine.clone(), parts, making })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.machine.name
    }

    /// Whether truth values lie as 32-bit words, as generated kernels take them.
    pub(crate) fn has_words(&self) -> bool {
        self.machine.bool == BoolStore::U32
    }

    /// Whether integers cannot leave the device's, and indices their axis, unless inputs' checks find them; in all
    /// of a scan.
    pub(crate) fn is_safe(&self, step: StepId) -> bool {
        match self.making[step.index()] {
            Making::Constant(_) => true,
            Making::Step(place) => {
                self.parts.steps[place].all().iter().all(|step| step.exact && step.check != Check::Computed)
            }
        }
    }

    /// How floats lie between generated kernels.
    pub(crate) fn storage(&self) -> Storage {
        self.machine.storage
    }

    /// Bytes that one buffer holds at most.
    pub(crate) fn largest(&self) -> usize {
        let adapter = self.machine.adapter.as_ref();
        adapter.and_then(|adapter| adapter.largest.try_into().ok()).unwrap_or(usize::MAX)
    }

    /// Whether buffers hold what a step reads and makes.
    pub(crate) fn fits(&self, step: StepId) -> bool {
        let fits = |dtype: DType, shape: &[usize]| self.machine.check_buffer(dtype, shape).is_ok();
        match self.making[step.index()] {
            Making::Constant(_) => true,
            Making::Step(place) => self.parts.steps[place].all().iter().all(|step| {
                fits(step.dtype, &step.shape) && step.args.iter().all(|arg| fits(arg.dtype, &arg.shape))
            }),
        }
    }

    /// Checks the indices among the inputs.
    ///
    /// # Errors
    /// When one is outside its axis: the value whose step found it, and the message.
    pub(crate) fn check(&self, inputs: &[TensorRef<'_>]) -> std::result::Result<(), (usize, String)> {
        let env = Env { inputs, counters: Counters::default() };
        self.parts
            .steps
            .iter()
            .flat_map(Step::all)
            .try_for_each(|step| check_input(step, &env).map_err(|why| (step.result, why)))
    }

    /// The inputs whose indices are checked.
    pub(crate) fn checked(&self) -> impl Iterator<Item = usize> {
        self.parts.steps.iter().flat_map(Step::all).filter_map(|step| match step.check {
            Check::Input(slot) => Some(slot),
            _ => None,
        })
    }

    /// Runs some of the plan's steps in order.
    ///
    /// # Errors
    /// When one fails: the value that it was to make, and the message.
    pub(crate) fn run(
        &self,
        steps: &[StepId],
        table: &mut Table,
        call: &Call<'_>,
    ) -> std::result::Result<(), (usize, String)> {
        let env = Env { inputs: call.inputs, counters: call.counters() };
        for step in steps {
            match self.making[step.index()] {
                Making::Constant(place) => {
                    let constant = &self.parts.constants[place];
                    let value = constant.make(&*self.machine).map_err(|why| (constant.result, why))?;
                    table.0[constant.result] = Some(value);
                }
                Making::Step(place) => {
                    // Values stay until all steps are done: a later one may read what the plan frees here.
                    let kept = table.0.clone();
                    compute(&self.machine, &self.parts.steps[place..=place], &mut table.0, &env)?;
                    for (value, kept) in table.0.iter_mut().zip(kept) {
                        *value = value.take().or(kept);
                    }
                }
            }
        }
        Ok(())
    }

    /// No values yet.
    pub(crate) fn table(&self) -> Table {
        Table(vec![None; self.parts.shapes.len()])
    }

    /// Lets the table know a value that lies in memory, row-major.
    pub(crate) fn put(&self, table: &mut Table, value: usize, dtype: DType, handle: Handle) {
        table.0[value] = Some(self.value(handle, dtype, &self.parts.shapes[value]));
    }

    /// The memory of a value that steps have made, row-major.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn take(&self, table: &Table, value: usize) -> Wrong<Handle> {
        let made = table.0[value].clone().ok_or("a step made nothing")?;
        memory(made.whole(&self.parts.shapes[value]))
    }

    fn value(&self, handle: Handle, dtype: DType, shape: &[usize]) -> Value<B> {
        let burn = match dtype {
            DType::F32 | DType::F64 => BurnDType::F32,
            DType::I64 | DType::U8 => BurnDType::I32,
            DType::Bool => BurnDType::Bool(BoolStore::U32),
        };
        let (client, device) = (self.client(), self.machine.device.clone());
        let tensor = CubeTensor::new_contiguous(client, device, Shape::from(extents(shape)), handle, burn);
        match dtype {
            DType::F32 | DType::F64 => Value::Float(tensor),
            DType::I64 | DType::U8 => Value::Int(tensor),
            DType::Bool => Value::Bool(tensor),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.machine.device.client()
    }

    /// A host array in the device's memory.
    ///
    /// # Errors
    /// When the device lacks its element type, or an integer does not fit.
    pub(crate) fn upload(&self, tensor: TensorRef<'_>) -> Wrong<Handle> {
        memory(self.machine.upload(tensor)?)
    }

    /// Bytes of the host in the device's memory, four in a word.
    ///
    /// # Errors
    /// When they are no bytes.
    pub(crate) fn upload_bytes(&self, tensor: TensorRef<'_>) -> Wrong<Handle> {
        let bytes = tensor.get::<u8>().map_err(|e| e.to_string())?;
        Ok(self.client().create(Bytes::from_bytes_vec(padded(bytes))))
    }

    /// How many invocations a subgroup has, where lanes follow each other in a work group; found by a kernel
    /// when it is first asked for. Where a device cannot run it, none are used.
    ///
    /// # Errors
    /// When the device is lost or full, which says nothing of its subgroups.
    pub(crate) fn lanes(&self, probe: impl FnOnce() -> Wrong<Option<usize>>) -> Result<Option<usize>> {
        let Machine { name, lanes, .. } = &*self.machine;
        if let Some(known) = lanes.get() {
            return Ok(*known);
        }
        match probe() {
            Err(why) if is_lost_or_full(&why) => Err(Error::executor(name, why)),
            found => Ok(*lanes.get_or_init(|| found.unwrap_or(None))),
        }
    }

    /// What was measured on the device, where somebody asked for that.
    pub(crate) fn tuning(&self) -> Option<&gpu::Tuning> {
        self.machine.tuning.get()
    }

    /// Memory as a host array; waits for the device.
    ///
    /// # Errors
    /// When the device reports one.
    pub(crate) fn download(&self, handle: Handle, dtype: DType, shape: &[usize]) -> Wrong<Tensor> {
        self.machine.download(self.value(handle, dtype, shape), dtype, shape)
    }

    /// The same without waiting.
    pub(crate) fn begin_download(&self, handle: Handle, dtype: DType, shape: &[usize]) -> Reading {
        if shape.contains(&0) {
            return Reading::done(Tensor::zeros(dtype, shape));
        }
        Reading::pending(download::Pending::new(self.machine.clone(), handle, dtype, shape))
    }

    /// A parameter's memory, row-major, and whether nobody else has it.
    ///
    /// # Errors
    /// When the buffer is another executor's.
    pub(crate) fn parameter(&self, buffer: &mut Buffer) -> Result<(Handle, bool)> {
        let resident = buffer.get_mut::<Resident<B>>()?;
        let value = std::mem::replace(&mut resident.value, Value::Empty).whole(&resident.shape);
        let tensor = match value {
            Value::Float(t) | Value::Int(t) | Value::Bool(t) => into_contiguous(t),
            Value::Empty => return Err(Error::executor(self.machine.name, "a parameter has no elements")),
        };
        let alone = tensor.handle.can_mut();
        let found = (tensor.handle.clone(), alone);
        resident.value = self.value(tensor.handle, resident.dtype, &resident.shape);
        Ok(found)
    }

    /// Gives a parameter other memory.
    ///
    /// # Errors
    /// When the buffer is another executor's.
    pub(crate) fn replace(&self, buffer: &mut Buffer, handle: Handle) -> Result<()> {
        let resident = buffer.get_mut::<Resident<B>>()?;
        resident.value = self.value(handle, resident.dtype, &resident.shape);
        Ok(())
    }
}

/// Elements of a column at most: kernels count them in 32 bits.
const COLUMN: usize = i32::MAX as usize;

/// A column of examples on the device, bytes four in a word; none where no buffer holds it, or not all of its integers
/// fit.
///
/// # Errors
/// When the device refuses.
pub(super) fn preload(machine: &Arc<Machine<B>>, column: TensorRef<'_>) -> Result<Option<DeviceColumn>> {
    let (dtype, shape) = (column.dtype(), column.shape());
    let bytes = column.data().len().saturating_mul(if dtype == DType::U8 { 1 } else { 4 });
    let fits = machine.adapter.as_ref().is_none_or(|adapter| adapter.holds(bytes).is_ok());
    let words = machine.bool == BoolStore::U32;
    if column.data().is_empty() || column.data().len() > COLUMN || !fits || !words {
        return Ok(None);
    }
    let client: Client = machine.device.client();
    let handle = match column.data() {
        DataRef::U8(bytes) => client.create(Bytes::from_bytes_vec(padded(bytes))),
        _ => match machine.upload(column).and_then(memory) {
            Ok(handle) => handle,
            // The run that takes such a row says so.
            Err(_) => return Ok(None),
        },
    };
    let width = shape[1..].iter().product();
    Ok(Some(DeviceColumn::new(gpu::Column { handle, dtype, width })))
}

/// Bytes as whole words.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The memory of a value's elements, row-major.
fn memory(value: Value<B>) -> Wrong<Handle> {
    match value {
        Value::Float(t) | Value::Int(t) | Value::Bool(t) => Ok(into_contiguous(t).handle),
        Value::Empty => Err("nothing has no memory".into()),
    }
}
