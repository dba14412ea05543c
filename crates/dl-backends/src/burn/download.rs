//! Memory of the device on its way to the host, while later kernels run.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use burn_backend::read_sync;
use burn_wgpu::CubeBackend;
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::{Handle, ServerError};
use dl_core::tensor::Data;
use dl_core::{DType, Tensor};

use super::adapter::explained;
use super::executable::guarded;
use super::machine::Machine;
use crate::error::{Error, Result};
use crate::executor;

/// What the device is to deliver.
type Arriving = Pin<Box<dyn Future<Output = std::result::Result<Vec<Bytes>, ServerError>> + Send>>;

/// An array on its way.
pub(super) struct Pending {
    machine: Arc<Machine<CubeBackend>>,
    way: Way,
    dtype: DType,
    shape: Vec<usize>,
}

enum Way {
    Arriving(Arriving),
    Arrived(std::result::Result<Vec<Bytes>, ServerError>),
}

impl Pending {
    /// Has the device copy the memory as it is after what was submitted before.
    pub(super) fn new(
        machine: Arc<Machine<CubeBackend>>,
        memory: Handle,
        dtype: DType,
        shape: &[usize],
    ) -> Self {
        let client: Client = machine.device.client();
        let bytes = Box::pin(async move { client.read_async(vec![memory]).await });
        let shape = shape.to_vec();
        let mut pending = Pending { machine, way: Way::Arriving(bytes), dtype, shape };
        // The copy is submitted when the future is first asked.
        executor::Pending::is_ready(&mut pending);
        pending
    }
}

impl executor::Pending for Pending {
    fn is_ready(&mut self) -> bool {
        if let Way::Arriving(bytes) = &mut self.way
            && let Poll::Ready(bytes) = bytes.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            self.way = Way::Arrived(bytes);
        }
        matches!(self.way, Way::Arrived(_))
    }

    fn wait(mut self: Box<Self>) -> Result<Tensor> {
        let Machine { name, adapter, waits, .. } = &*self.machine.clone();
        let read = guarded(name, || {
            if !self.is_ready() {
                waits.fetch_add(1, Ordering::Relaxed);
            }
            let Pending { way, dtype, shape, .. } = *self;
            let bytes = match way {
                Way::Arrived(bytes) => bytes,
                Way::Arriving(bytes) => read_sync(bytes),
            };
            let bytes = bytes.map_err(|why| Error::executor(name, why.to_string()))?;
            let bytes = bytes.first().ok_or_else(|| Error::executor(name, "nothing was read"))?;
            Ok(Tensor::from_data(shape, of_words(bytes, dtype))?)
        });
        explained(adapter.as_ref(), read)
    }
}

/// The elements of 32-bit words.
fn of_words(bytes: &[u8], dtype: DType) -> Data {
    let words = bytes.as_chunks::<4>().0.iter();
    let ints = words.clone().map(|word| i32::from_ne_bytes(*word));
    match dtype {
        DType::F32 => Data::F32(words.map(|word| f32::from_ne_bytes(*word)).collect()),
        DType::F64 => Data::F64(words.map(|word| f32::from_ne_bytes(*word).into()).collect()),
        DType::I64 => Data::I64(ints.map(i64::from).collect()),
        DType::U8 => Data::U8(ints.map(|int| int as u8).collect()),
        DType::Bool => Data::Bool(ints.map(|int| int != 0).collect()),
    }
}
