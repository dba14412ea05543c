//! A device of a burn backend: which element types it has, and how values travel there and back.

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "wgpu")]
use burn_backend::DeviceOps as _;
use burn_backend::tensor::Device;
use burn_backend::{
    Backend, BoolDType, FloatDType, IntDType, Scalar as BurnScalar, Shape, TensorData, read_sync,
};
use dl_core::tensor::{Data, DataRef};
use dl_core::{DType, Scalar, Tensor, TensorRef};

use super::adapter::Adapter;
use super::device::Rough;
use super::range::Range;
#[cfg(feature = "wgpu")]
use super::storage::Storage;
use super::value::{Value, extents};

/// A device and its ways.
pub(super) struct Machine<B: Backend> {
    pub(super) name: &'static str,
    pub(super) device: Device<B>,
    /// What `i64` is on the device.
    pub(super) int: IntDType,
    /// What `u8` is on the device.
    pub(super) byte: IntDType,
    /// What `bool` is on the device.
    pub(super) bool: BoolDType,
    /// Whether there is an `f64`.
    pub(super) doubles: bool,
    /// Whether the device's memory is the host's, and its elementary functions those of the
    /// platform: accurate, and a detour over the host costs no more than a copy.
    pub(super) on_host: bool,
    /// How many axes an array may have.
    pub(super) axes: usize,
    /// Of a device with subgroups of one size: how many invocations they have.
    #[cfg(feature = "wgpu")]
    pub(super) lanes: std::sync::OnceLock<Option<usize>>,
    /// How floats lie between kernels.
    #[cfg(feature = "wgpu")]
    pub(super) storage: Storage,
    /// What was measured on it, where somebody asked for that.
    #[cfg(feature = "wgpu")]
    pub(super) tuning: std::sync::OnceLock<crate::gpu::Tuning>,
    /// Which of the device's own functions miss what is promised of them.
    pub(super) rough: Rough,
    /// What runs it, if it is not the processor.
    pub(super) adapter: Option<Adapter>,
    /// How often the host has waited for it.
    pub(super) waits: AtomicU64,
}

impl<B: Backend> Machine<B> {
    /// A processor with 64-bit integers and floats.
    #[cfg(any(feature = "ndarray", feature = "flex"))]
    pub(super) fn host(name: &'static str, device: Device<B>) -> Self {
        Machine {
            name,
            device,
            int: IntDType::I64,
            byte: IntDType::U8,
            bool: BoolDType::Native,
            doubles: true,
            on_host: true,
            axes: usize::MAX,
            #[cfg(feature = "wgpu")]
            lanes: std::sync::OnceLock::new(),
            #[cfg(feature = "wgpu")]
            storage: Storage::F32,
            #[cfg(feature = "wgpu")]
            tuning: std::sync::OnceLock::new(),
            rough: Rough::default(),
            adapter: None,
            waits: AtomicU64::new(0),
        }
    }

    /// A device of its own, with 32-bit integers and floats.
    #[cfg(feature = "wgpu")]
    pub(super) fn device(name: &'static str, device: Device<B>, adapter: Adapter, rough: Rough) -> Self {
        let bool = device.defaults().bool_dtype;
        Machine {
            name,
            device,
            int: IntDType::I32,
            byte: IntDType::I32,
            bool,
            doubles: false,
            on_host: false,
            // burn's kernels without fusion refuse more, when they run.
            axes: 8,
            #[cfg(feature = "wgpu")]
            lanes: std::sync::OnceLock::new(),
            storage: Storage::F32,
            #[cfg(feature = "wgpu")]
            tuning: std::sync::OnceLock::new(),
            rough,
            adapter: Some(adapter),
            waits: AtomicU64::new(0),
        }
    }

    /// All that integers on the device can be.
    pub(super) fn ints(&self) -> Range {
        if self.int == IntDType::I32 {
            Range::new(i32::MIN, i32::MAX)
        } else {
            Range::new(i64::MIN, i64::MAX)
        }
    }

    /// The executor, and the device that it runs on.
    fn who(&self) -> String {
        match &self.adapter {
            Some(adapter) => format!("{} on {}", self.name, adapter.name),
            None => self.name.to_owned(),
        }
    }

    /// Whether the device has elements of `dtype`.
    ///
    /// # Errors
    /// When it has not.
    pub(super) fn check(&self, dtype: DType) -> Result<(), String> {
        if dtype == DType::F64 && !self.doubles {
            return Err(format!("{} has no f64 here, use f32", self.who()));
        }
        Ok(())
    }

    /// Whether an array of this shape can be had.
    ///
    /// # Errors
    /// When it has too many axes for the backend.
    pub(super) fn check_axes(&self, shape: &[usize]) -> Result<(), String> {
        if shape.len() > self.axes {
            let (name, most) = (self.name, self.axes);
            return Err(format!("{name} has arrays of at most {most} axes, got {shape:?}: use cpu or flex"));
        }
        Ok(())
    }

    /// Whether one buffer of the device holds an array of this shape.
    ///
    /// # Errors
    /// When it is larger: how large, and what the device has.
    pub(super) fn check_buffer(&self, dtype: DType, shape: &[usize]) -> Result<(), String> {
        let Some(adapter) = &self.adapter else { return Ok(()) };
        // Truth values and bytes lie in 32 bits.
        let bytes = shape.iter().fold(4usize.max(dtype.bytes()), |bytes, n| bytes.saturating_mul(*n));
        adapter.holds(bytes).map_err(|why| format!("{shape:?} of {dtype} {why}"))
    }

    pub(super) fn float_dtype(&self, dtype: DType) -> FloatDType {
        if dtype == DType::F64 { FloatDType::F64 } else { FloatDType::F32 }
    }

    pub(super) fn int_dtype(&self, dtype: DType) -> IntDType {
        if dtype == DType::U8 { self.byte } else { self.int }
    }

    /// A host array as a value on the device.
    ///
    /// # Errors
    /// When the device has not its element type, or an integer does not fit.
    pub(super) fn upload(&self, tensor: TensorRef<'_>) -> Result<Value<B>, String> {
        self.store(tensor.to_owned())
    }

    /// The same without a copy, where the device's memory is the host's.
    ///
    /// # Errors
    /// As for [`upload`](Machine::upload).
    pub(super) fn store(&self, tensor: Tensor) -> Result<Value<B>, String> {
        self.check(tensor.dtype())?;
        if tensor.is_empty() {
            return Ok(Value::Empty);
        }
        self.check_buffer(tensor.dtype(), tensor.shape())?;
        let shape = extents(tensor.shape());
        let narrow = self.int == IntDType::I32;
        Ok(match tensor.into_data() {
            Data::F32(v) => Value::Float(B::float_from_data(TensorData::new(v, shape), &self.device)),
            Data::F64(v) => Value::Float(B::float_from_data(TensorData::new(v, shape), &self.device)),
            Data::I64(v) if narrow => self.ints_from(TensorData::new(self.narrowed(&v, &shape)?, shape)),
            Data::I64(v) => self.ints_from(TensorData::new(v, shape)),
            Data::U8(v) if self.byte == IntDType::U8 => self.ints_from(TensorData::new(v, shape)),
            Data::U8(v) => self.ints_from(TensorData::new(v.into_iter().map(i32::from).collect(), shape)),
            Data::Bool(v) => {
                let data = TensorData::new(v, shape).convert_dtype(self.bool.into());
                Value::Bool(B::bool_from_data(data, &self.device))
            }
        })
    }

    fn narrowed(&self, values: &[i64], shape: &[usize]) -> Result<Vec<i32>, String> {
        let fit = |(place, n): (usize, &i64)| {
            let wrong = |_| {
                let who = self.who();
                format!("{n} at element {place} of {shape:?} does not fit into the 32-bit integers of {who}")
            };
            i32::try_from(*n).map_err(wrong)
        };
        values.iter().enumerate().map(fit).collect()
    }

    /// Whether the device has all integers of an array.
    ///
    /// # Errors
    /// When it has not: which, and where.
    pub(super) fn check_integers(&self, tensor: TensorRef<'_>) -> Result<(), String> {
        match tensor.data() {
            DataRef::I64(values) if self.int == IntDType::I32 => {
                self.narrowed(values, tensor.shape()).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn ints_from(&self, data: TensorData) -> Value<B> {
        Value::Int(B::int_from_data(data, &self.device))
    }

    /// A value as a host array; waits for the device.
    ///
    /// # Errors
    /// When the device reports one.
    pub(super) fn download(&self, value: Value<B>, dtype: DType, shape: &[usize]) -> Result<Tensor, String> {
        let whole = value.whole(shape);
        if !self.on_host && !whole.is_empty() {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
        let data = match whole {
            Value::Empty => return Ok(Tensor::zeros(dtype, shape)),
            Value::Float(t) => read_sync(B::float_into_data(t)),
            Value::Int(t) => read_sync(B::int_into_data(t)),
            Value::Bool(t) => read_sync(B::bool_into_data(t)),
        };
        let data = data.map_err(|e| format!("{}: {}", self.name, plain(&e.to_string())))?;
        let unreadable = |e| format!("{}: {}", self.name, plain(&format!("{e:?}")));
        let data = match dtype {
            DType::F32 => Data::F32(data.try_into_vec().map_err(unreadable)?),
            DType::F64 => Data::F64(data.try_into_vec().map_err(unreadable)?),
            DType::I64 if self.int == IntDType::I64 => Data::I64(data.try_into_vec().map_err(unreadable)?),
            DType::I64 => Data::I64(data.iter::<i64>().collect()),
            DType::U8 if self.byte == IntDType::U8 => Data::U8(data.try_into_vec().map_err(unreadable)?),
            DType::U8 => Data::U8(data.iter::<u8>().collect()),
            DType::Bool => Data::Bool(data.iter::<bool>().collect()),
        };
        Tensor::from_data(shape.to_vec(), data).map_err(|e| format!("{}: {e}", self.name))
    }

    /// The integers of a value, row-major.
    ///
    /// # Errors
    /// When the device reports one.
    pub(super) fn read_ints(&self, value: Value<B>, shape: &[usize]) -> Result<Vec<i64>, String> {
        match self.download(value, DType::I64, shape)?.into_data() {
            Data::I64(v) => Ok(v),
            other => Err(format!("expected i64, got {}", other.dtype())),
        }
    }

    /// `value` in every element of `shape`, which is the plan's.
    ///
    /// # Errors
    /// When an integer does not fit.
    pub(super) fn full(&self, dtype: DType, shape: &[usize], value: Scalar) -> Result<Value<B>, String> {
        self.check(dtype)?;
        if shape.contains(&0) {
            return Ok(Value::Empty);
        }
        let to = Shape::from(extents(shape));
        Ok(match dtype {
            DType::F32 | DType::F64 => {
                let value = BurnScalar::Float(value.as_f64());
                Value::Float(B::float_full(to, value, &self.device, self.float_dtype(dtype)))
            }
            DType::I64 | DType::U8 => {
                Value::Int(B::int_full(to, self.scalar(value)?, &self.device, self.int_dtype(dtype)))
            }
            DType::Bool if value == Scalar::Bool(true) => {
                Value::Bool(B::bool_ones(to, &self.device, self.bool))
            }
            DType::Bool => Value::Bool(B::bool_zeros(to, &self.device, self.bool)),
        })
    }

    /// A scalar operand.
    ///
    /// # Errors
    /// When it is an integer that does not fit.
    pub(super) fn scalar(&self, value: Scalar) -> Result<BurnScalar, String> {
        Ok(match value {
            Scalar::Float(x) => BurnScalar::Float(x),
            Scalar::Bool(b) => BurnScalar::Bool(b),
            Scalar::Int(n) if self.ints().contains(n) => BurnScalar::Int(n),
            Scalar::Int(n) => {
                return Err(format!("{n} does not fit into the 32-bit integers of {}", self.who()));
            }
        })
    }

    /// Indices made on the host, of one axis.
    ///
    /// # Errors
    /// When one does not fit.
    pub(super) fn indices(&self, indices: Vec<i64>) -> Result<Value<B>, String> {
        self.store(Tensor::vector(indices))
    }
}

/// What a device's libraries say, without what is for their authors.
fn plain(text: &str) -> String {
    // Some are quoted, with the ends of lines spelled.
    let text = text.replace("\\n", "\n");
    let text = text.split("\nBacktrace").next().unwrap_or_default();
    text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The elements of a host array as numbers.
pub(super) fn floats(data: DataRef<'_>) -> Vec<f64> {
    match data {
        DataRef::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        DataRef::F64(v) => v.to_vec(),
        DataRef::I64(v) => v.iter().map(|&x| x as f64).collect(),
        DataRef::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        DataRef::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn messages_are_for_people() {
        let told = "Read(\"An error\\nCaused by:\\n  no map\\nBacktrace:\\nNone\")";
        assert_eq!(plain(told), "Read(\"An error Caused by: no map");
        assert_eq!(plain("one line"), "one line");
    }
}
