//! The executors that users name, each a device of one of burn's backends.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burn_backend::Backend;
use dl_core::{DType, Dims, Plan, Tensor, TensorRef};

use super::adapter::{OnDevice, explained};
use super::compile::compile;
use super::executable::{Resident, guarded};
use super::machine::Machine;
use crate::error::{Error, Result};
use crate::executor::{Buffer, DeviceColumn, Executable, Executor};

/// An executor on one device: what all of them share.
struct On<B: Backend> {
    name: &'static str,
    /// Opened when first needed, so that a missing device is an error and not a panic.
    machine: OnceCell<Arc<Machine<B>>>,
    open: Box<dyn Fn() -> Result<Machine<B>> + Send>,
    compiler: Compiler<B>,
    /// Takes columns to the device, where it is one of its own.
    preloader: Option<Preloader<B>>,
    pool: Option<Arc<rayon::ThreadPool>>,
}

/// Compiles plans for a device.
type Compiler<B> = fn(&Arc<Machine<B>>, &Arc<Plan>, &Dims) -> Result<Box<dyn Executable>>;

type Preloader<B> = fn(&Arc<Machine<B>>, TensorRef<'_>) -> Result<Option<DeviceColumn>>;

impl<B: Backend> On<B> {
    fn new(name: &'static str, open: impl Fn() -> Result<Machine<B>> + Send + 'static) -> Self {
        let compiler: Compiler<B> = |machine, plan, dims| Ok(Box::new(compile(machine, plan, dims)?));
        On { name, machine: OnceCell::new(), open: Box::new(open), compiler, preloader: None, pool: None }
    }

    #[cfg(any(feature = "ndarray", feature = "flex"))]
    fn with_threads(mut self, threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        self.pool = Some(Arc::new(pool.map_err(|e| Error::executor(self.name, e.to_string()))?));
        Ok(self)
    }

    fn machine(&self) -> Result<&Arc<Machine<B>>> {
        if let Some(machine) = self.machine.get() {
            return Ok(machine);
        }
        let opened = guarded(self.name, || (self.open)().map(Arc::new))?;
        Ok(self.machine.get_or_init(|| opened))
    }

    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
        let machine = self.machine()?;
        let made = guarded(self.name, || (self.compiler)(machine, plan, dims));
        let made = explained(machine.adapter.as_ref(), made)?;
        Ok(match (&self.pool, &machine.adapter) {
            (Some(pool), _) => Box::new(Pooled { executable: made, pool: pool.clone() }),
            (None, Some(adapter)) => Box::new(OnDevice { executable: made, adapter: adapter.clone() }),
            (None, None) => made,
        })
    }

    fn upload(&self, tensor: TensorRef<'_>) -> Result<Buffer> {
        let machine = self.machine()?;
        let value = guarded(self.name, || machine.upload(tensor).map_err(Error::value));
        let value = explained(machine.adapter.as_ref(), value)?;
        Ok(Buffer::new(Resident::<B> { value, dtype: tensor.dtype(), shape: tensor.shape().to_vec() }))
    }

    fn download(&self, buffer: &Buffer) -> Result<Tensor> {
        let (machine, resident) = (self.machine()?, buffer.get::<Resident<B>>()?);
        let Resident { value, dtype, shape } = resident;
        let read =
            guarded(self.name, || machine.download(value.clone(), *dtype, shape).map_err(Error::value));
        explained(machine.adapter.as_ref(), read)
    }

    fn preload(&self, column: TensorRef<'_>) -> Result<Option<DeviceColumn>> {
        let Some(preloader) = self.preloader else { return Ok(None) };
        let machine = self.machine()?;
        explained(machine.adapter.as_ref(), guarded(self.name, || preloader(machine, column)))
    }

    fn waits(&self) -> u64 {
        self.machine.get().map_or(0, |machine| machine.waits.load(Ordering::Relaxed))
    }

    /// Shares the elements, which burn writes over only where nobody else has them.
    fn copy(&self, from: &Buffer) -> Result<Buffer> {
        let Resident { value, dtype, shape } = from.get::<Resident<B>>()?;
        Ok(Buffer::new(Resident::<B> { value: value.clone(), dtype: *dtype, shape: shape.clone() }))
    }
}

/// Runs in a thread pool of its own.
struct Pooled {
    executable: Box<dyn Executable>,
    pool: Arc<rayon::ThreadPool>,
}

impl Executable for Pooled {
    fn run(&mut self, call: crate::executor::Call<'_>) -> Result<()> {
        let executable = &mut self.executable;
        self.pool.install(|| executable.run(call))
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        self.executable.output(index)
    }
}

macro_rules! executors {
    ($($feature:literal $name:ident $backend:ty, doubles $doubles:literal, $doc:literal;)*) => {$(
        #[cfg(feature = $feature)]
        #[doc = $doc]
        pub struct $name(On<$backend>);

        #[cfg(feature = $feature)]
        impl Executor for $name {
            fn name(&self) -> &'static str {
                self.0.name
            }

            fn device(&self) -> Option<String> {
                Some(self.0.machine().ok()?.adapter.as_ref()?.name.clone())
            }

            fn supports(&self, dtype: DType) -> bool {
                $doubles || dtype != DType::F64
            }

            fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
                self.0.compile(plan, dims)
            }

            fn upload(&self, value: TensorRef<'_>) -> Result<Buffer> {
                self.0.upload(value)
            }

            fn download(&self, buffer: &Buffer) -> Result<Tensor> {
                self.0.download(buffer)
            }

            fn copy(&self, from: &Buffer, into: &mut Option<Buffer>) -> Result<()> {
                *into = Some(self.0.copy(from)?);
                Ok(())
            }

            fn preloads(&self) -> bool {
                self.0.preloader.is_some()
            }

            fn preload(&self, column: TensorRef<'_>) -> Result<Option<DeviceColumn>> {
                self.0.preload(column)
            }

            fn waits(&self) -> u64 {
                self.0.waits()
            }
        }
    )*};
}

// Deprecated upstream since burn 0.22, and kept because users have it.
#[allow(deprecated)]
#[cfg(feature = "ndarray")]
type NdArray = burn_ndarray::NdArray;

executors! {
    "ndarray" Ndarray NdArray, doubles true, "burn's ndarray backend, on the processor. Deprecated upstream in favour of [`Flex`](crate::burn)'s.";
    "flex" Flex burn_flex::Flex, doubles true, "burn's flex backend, on the processor.";
    "wgpu" Wgpu burn_wgpu::CubeBackend, doubles false, "burn's wgpu backend: any Vulkan, Metal, DX12 or WebGPU device.";
}

#[cfg(feature = "ndarray")]
impl Default for Ndarray {
    #[allow(deprecated)]
    fn default() -> Self {
        // burn-ndarray 0.22.1 panics beyond six axes.
        let host = || Machine::host("ndarray", burn_ndarray::NdArrayDevice::Cpu);
        let machine = move || Ok(Machine { axes: 6, ..host() });
        Ndarray(On::new("ndarray", machine))
    }
}

#[cfg(feature = "ndarray")]
impl Ndarray {
    /// With `threads` threads of its own (0: as many as processors) for elementwise loops and
    /// batches. Matrix products have others, see [the module](crate::burn#threads).
    ///
    /// # Errors
    /// When the system refuses the threads.
    pub fn with_threads(threads: usize) -> Result<Self> {
        Ok(Ndarray(Ndarray::default().0.with_threads(threads)?))
    }
}

#[cfg(feature = "flex")]
impl Default for Flex {
    fn default() -> Self {
        Flex(On::new("flex", || Ok(Machine::host("flex", burn_flex::FlexDevice))))
    }
}

#[cfg(feature = "flex")]
impl Flex {
    /// With `threads` threads of its own (0: as many as processors).
    ///
    /// ```
    /// use dl_backends::{Flex, Session};
    /// use dl_core::{F32, Graph, Program, Tensor};
    /// let g = Graph::new();
    /// let x = g.input("x", F32, [3]);
    /// let program = Program::builder(&g).output("sum", x.sum(..)).compile()?;
    ///
    /// let mut session = Session::new(Flex::with_threads(1)?, 7);
    /// let sum = session.compile(&program)?;
    /// let x = Tensor::vector(vec![1.0f32, 2.0, 3.0]);
    /// assert_eq!(session.run(&sum, &[x.view()])?.read("sum")?.item()?, 6.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the system refuses the threads.
    pub fn with_threads(threads: usize) -> Result<Self> {
        Ok(Flex(Flex::default().0.with_threads(threads)?))
    }
}

#[cfg(feature = "wgpu")]
type OnWgpu = Machine<burn_wgpu::CubeBackend>;

#[cfg(feature = "wgpu")]
impl Default for Wgpu {
    /// The best device that there is; the environment variable `CUBECL_WGPU_DEFAULT_DEVICE` may
    /// name another (`Cpu`, `DiscreteGpu(1)`).
    fn default() -> Self {
        Wgpu::on(burn_wgpu::WgpuDevice::default())
    }
}

#[cfg(feature = "wgpu")]
impl Wgpu {
    /// On a device of one's choice. It is opened by the first program or parameter.
    pub fn on(device: burn_wgpu::WgpuDevice) -> Self {
        Wgpu::opened_by(move || super::open::open("wgpu", &device))
    }

    fn opened_by(open: impl Fn() -> Result<OnWgpu> + Send + 'static) -> Self {
        let (compiler, preloader) = (super::bridge::compile, Some(super::bridge::preload as Preloader<_>));
        Wgpu(On { compiler, preloader, ..On::new("wgpu", open) })
    }

    /// Without operations between the invocations of a subgroup: for a device or driver whose own are at fault. Products
    /// take longer.
    #[must_use]
    pub fn without_subgroups(self) -> Self {
        // It is new: nothing has asked for the size.
        self.opened(|machine| {
            let _ = machine.lanes.set(None);
            Ok(machine)
        })
    }

    /// With matrix products cut as measurements on the device say, and what they say kept in the file `path`.
    ///
    /// Without it a cost model decides from sizes, which takes no time. With it [`Session::compile`] measures each
    /// product of a program that the file does not know, on memory of its own: some twenty ways to cut it, each
    /// compiled by the driver, for 6 seconds a product at most and a turn of those that are left. A cut is taken
    /// instead of the model's if it was faster in eight of nine rounds, in which all take turns, and 3 % faster in
    /// their median. On a busy machine, or for a large product, there is time for fewer rounds, and where they are
    /// fewer than five the model's cut stays: measure on a quiet one.
    ///
    /// The file is added to when a program is compiled; a later program or process that finds its products there
    /// measures nothing. Choices count for one adapter, driver and text of the kernels: the file may hold those of
    /// several, and is a cache that may be removed. Its format stands at [`tuning`](crate::tuning).
    ///
    /// Values are within the same bounds however a product is cut, but sums are added in another order, so bits
    /// differ: two runs give the same bits on one device if they have the same file with all of their products.
    ///
    /// [`Session::compile`]: crate::Session::compile
    ///
    /// ```no_run
    /// use dl_backends::{Session, Wgpu};
    /// let mut session = Session::new(Wgpu::default().tuned("tuned.json")?, 7);
    /// # Ok::<(), dl_backends::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is a file which cannot be read or is no [file of choices](crate::tuning), or no folder for one.
    pub fn tuned(self, path: impl Into<std::path::PathBuf>) -> Result<Self> {
        let path = path.into();
        let choices = crate::tuning::Choices::open(&path)?;
        Ok(self.opened(move |machine| {
            let device = machine.adapter.as_ref().map_or(String::new(), |adapter| adapter.name.clone());
            let driver = super::devices::driver(&device);
            let tuning = crate::gpu::Tuning::new(path.clone(), choices.clone(), device, driver);
            let _ = machine.tuning.set(tuning);
            Ok(machine)
        }))
    }

    /// With something to do when the device has been opened.
    fn opened(self, then: impl Fn(OnWgpu) -> Result<OnWgpu> + Send + 'static) -> Self {
        let open = self.0.open;
        let opened = move || then(open()?);
        Wgpu::opened_by(opened)
    }

    /// With floats between kernels in so many bits: half of the memory and of its traffic for activations and their
    /// gradients, at the price of digits ([`fidelity::stored`](super::fidelity::stored)). What the caller sees stays
    /// `f32`, as does all arithmetic.
    ///
    /// A device that cannot store them so, or rounds wrongly, is an error of the first program or parameter, with its
    /// name.
    ///
    /// ```no_run
    /// use dl_backends::{Session, Storage, Wgpu};
    /// let session = Session::new(Wgpu::default().storing(Storage::F16), 7);
    /// ```
    #[must_use]
    pub fn storing(self, storage: super::Storage) -> Self {
        self.opened(move |machine| super::open::storing(machine, storage))
    }
}
