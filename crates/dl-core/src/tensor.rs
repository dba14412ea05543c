//! Values on the host: dense, row-major arrays that go into programs and come out of them.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::error::{Error, Result};

/// A dense array in row-major order.
///
/// ```
/// use dl_core::Tensor;
/// let t = Tensor::new([2, 3], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(t.shape(), [2, 3]);
/// assert_eq!(t.get::<f32>()?[4], 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

/// The elements of a [`Tensor`], one vector per element type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// Single precision.
    F32(#[serde(with = "crate::float::list")] Vec<f32>),
    /// Double precision.
    F64(#[serde(with = "crate::float::list")] Vec<f64>),
    /// Integers.
    I64(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Bytes.
    U8(Vec<u8>),
}

/// A borrowed [`Tensor`]: what programs take as input, so that a batch need not be copied.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a> {
    shape: &'a [usize],
    data: DataRef<'a>,
}

/// The borrowed elements of a [`TensorRef`].
#[derive(Clone, Copy, Debug)]
pub enum DataRef<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// Integers.
    I64(&'a [i64]),
    /// Truth values.
    Bool(&'a [bool]),
    /// Bytes.
    U8(&'a [u8]),
}

/// The Rust types of elements.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// The element type.
    const DTYPE: DType;
    /// Wraps a vector.
    fn wrap(data: Vec<Self>) -> Data;
    /// Wraps a slice.
    fn wrap_ref(data: &[Self]) -> DataRef<'_>;
    /// The elements if they have this type.
    fn unwrap_ref<'a>(data: DataRef<'a>) -> Option<&'a [Self]>;
    /// The elements, mutable, if they have this type.
    fn unwrap_mut(data: &mut Data) -> Option<&mut Vec<Self>>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($t:ty => $v:ident),*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$v;
            fn wrap(data: Vec<Self>) -> Data { Data::$v(data) }
            fn wrap_ref(data: &[Self]) -> DataRef<'_> { DataRef::$v(data) }
            fn unwrap_ref<'a>(data: DataRef<'a>) -> Option<&'a [Self]> {
                match data { DataRef::$v(d) => Some(d), _ => None }
            }
            fn unwrap_mut(data: &mut Data) -> Option<&mut Vec<Self>> {
                match data { Data::$v(d) => Some(d), _ => None }
            }
        }
    )*};
}
elements!(f32 => F32, f64 => F64, i64 => I64, bool => Bool, u8 => U8);

/// Runs `$body` with `$v` bound to the vector or slice inside any [`Data`] or [`DataRef`].
macro_rules! each_dtype {
    ($kind:ident, $data:expr, $v:ident => $body:expr) => {
        match $data {
            $kind::F32($v) => $body,
            $kind::F64($v) => $body,
            $kind::I64($v) => $body,
            $kind::Bool($v) => $body,
            $kind::U8($v) => $body,
        }
    };
}

impl Tensor {
    /// An array of `shape` with `data` in row-major order.
    ///
    /// # Errors
    /// When the number of elements is not the product of `shape`.
    pub fn new<T: Element>(shape: impl Into<Vec<usize>>, data: Vec<T>) -> Result<Tensor> {
        Tensor::from_data(shape.into(), T::wrap(data))
    }

    /// The same from elements whose type is known only at run time.
    ///
    /// # Errors
    /// When the number of elements is not the product of `shape`.
    pub fn from_data(shape: Vec<usize>, data: Data) -> Result<Tensor> {
        check_len(&shape, data.len())?;
        Ok(Tensor { shape, data })
    }

    /// A scalar.
    pub fn scalar<T: Element>(value: T) -> Tensor {
        Tensor { shape: vec![], data: T::wrap(vec![value]) }
    }

    /// A one-dimensional array.
    pub fn vector<T: Element>(data: Vec<T>) -> Tensor {
        Tensor { shape: vec![data.len()], data: T::wrap(data) }
    }

    /// An array of zeros (`false` for truth values).
    ///
    /// # Panics
    /// At the caller's line when so many elements do not fit into memory, as `vec![0; n]` does;
    /// [`try_zeros`](Tensor::try_zeros) is for shapes that somebody else chose.
    #[track_caller]
    pub fn zeros(dtype: DType, shape: impl Into<Vec<usize>>) -> Tensor {
        match Tensor::try_zeros(dtype, shape) {
            Ok(zeros) => zeros,
            Err(error) => panic!("{error}"),
        }
    }

    /// An array of zeros (`false` for truth values) of a shape that may be too large.
    ///
    /// # Errors
    /// When so many elements do not fit into memory.
    pub fn try_zeros(dtype: DType, shape: impl Into<Vec<usize>>) -> Result<Tensor> {
        fn filled<T: Element>(zero: T, n: Option<usize>) -> Option<Data> {
            let mut data = vec![];
            data.try_reserve_exact(n?).ok()?;
            data.resize(n?, zero);
            Some(T::wrap(data))
        }
        let shape = shape.into();
        let n = elements(&shape);
        let data = match dtype {
            DType::F32 => filled(0f32, n),
            DType::F64 => filled(0f64, n),
            DType::I64 => filled(0i64, n),
            DType::Bool => filled(false, n),
            DType::U8 => filled(0u8, n),
        };
        match data {
            Some(data) => Ok(Tensor { shape, data }),
            None => Err(Error::value(format!("zeros of {dtype} {shape:?} do not fit into memory"))),
        }
    }

    /// `values` rounded to `dtype` (truncated for integers, `≠ 0` for truth values).
    ///
    /// # Errors
    /// When the number of elements is not the product of `shape`.
    pub fn from_f64(dtype: DType, shape: impl Into<Vec<usize>>, values: &[f64]) -> Result<Tensor> {
        let data = match dtype {
            DType::F32 => Data::F32(values.iter().map(|&x| x as f32).collect()),
            DType::F64 => Data::F64(values.to_vec()),
            DType::I64 => Data::I64(values.iter().map(|&x| x as i64).collect()),
            DType::Bool => Data::Bool(values.iter().map(|&x| x != 0.0).collect()),
            DType::U8 => Data::U8(values.iter().map(|&x| x as u8).collect()),
        };
        Tensor::from_data(shape.into(), data)
    }

    /// Sizes of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The elements, mutable; the length stays.
    pub fn data_mut(&mut self) -> &mut Data {
        &mut self.data
    }

    /// The elements, by value.
    pub fn into_data(self) -> Data {
        self.data
    }

    /// The elements as a slice of `T`.
    ///
    /// # Errors
    /// When the element type is another.
    pub fn get<T: Element>(&self) -> Result<&[T]> {
        self.view().get::<T>()
    }

    /// The only element, as `f64`.
    ///
    /// # Errors
    /// When there is not exactly one element.
    pub fn item(&self) -> Result<f64> {
        match self.len() {
            1 => Ok(self.to_f64()[0]),
            n => Err(Error::value(format!("expected one element, got {n} (shape {:?})", self.shape))),
        }
    }

    /// All elements as `f64` (rounded for large integers).
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            Data::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Data::F64(v) => v.clone(),
            Data::I64(v) => v.iter().map(|&x| x as f64).collect(),
            Data::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
            Data::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        }
    }

    /// A borrowed view.
    pub fn view(&self) -> TensorRef<'_> {
        TensorRef { shape: &self.shape, data: self.data.view() }
    }
}

impl<'a> TensorRef<'a> {
    /// A view of `data` as an array of `shape`.
    ///
    /// # Errors
    /// When the number of elements is not the product of `shape`.
    pub fn new<T: Element>(shape: &'a [usize], data: &'a [T]) -> Result<TensorRef<'a>> {
        TensorRef::from_data(shape, T::wrap_ref(data))
    }

    /// The same of elements whose type is known only at run time.
    ///
    /// # Errors
    /// When the number of elements is not the product of `shape`.
    pub fn from_data(shape: &'a [usize], data: DataRef<'a>) -> Result<TensorRef<'a>> {
        check_len(shape, data.len())?;
        Ok(TensorRef { shape, data })
    }

    /// Sizes of the axes, outermost first.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The elements.
    pub fn data(&self) -> DataRef<'a> {
        self.data
    }

    /// The elements as a slice of `T`.
    ///
    /// # Errors
    /// When the element type is another.
    pub fn get<T: Element>(&self) -> Result<&'a [T]> {
        T::unwrap_ref(self.data)
            .ok_or_else(|| Error::value(format!("expected elements of {}, got {}", T::DTYPE, self.dtype())))
    }

    /// A copy of the elements.
    pub fn to_owned(&self) -> Tensor {
        let data = match self.data {
            DataRef::F32(v) => Data::F32(v.to_vec()),
            DataRef::F64(v) => Data::F64(v.to_vec()),
            DataRef::I64(v) => Data::I64(v.to_vec()),
            DataRef::Bool(v) => Data::Bool(v.to_vec()),
            DataRef::U8(v) => Data::U8(v.to_vec()),
        };
        Tensor { shape: self.shape.to_vec(), data }
    }
}

impl<'a> From<&'a Tensor> for TensorRef<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        tensor.view()
    }
}

impl Data {
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.view().dtype()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        each_dtype!(Data, self, v => v.len())
    }

    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A borrowed view.
    pub fn view(&self) -> DataRef<'_> {
        each_dtype!(Data, self, v => Element::wrap_ref(v))
    }

    fn bits(&self) -> Vec<u64> {
        match self {
            Data::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
            Data::F64(v) => v.iter().map(|x| x.to_bits()).collect(),
            Data::I64(v) => v.iter().map(|&x| x as u64).collect(),
            Data::Bool(v) => v.iter().map(|&x| u64::from(x)).collect(),
            Data::U8(v) => v.iter().map(|&x| u64::from(x)).collect(),
        }
    }
}

impl DataRef<'_> {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            DataRef::F32(_) => DType::F32,
            DataRef::F64(_) => DType::F64,
            DataRef::I64(_) => DType::I64,
            DataRef::Bool(_) => DType::Bool,
            DataRef::U8(_) => DType::U8,
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        each_dtype!(DataRef, self, v => v.len())
    }

    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A literal inside a graph: identity by bits, as for [`crate::Scalar`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Literal(pub Tensor);

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.0.shape == other.0.shape
            && self.0.dtype() == other.0.dtype()
            && self.0.data.bits() == other.0.data.bits()
    }
}

impl Eq for Literal {}

impl Hash for Literal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.shape, self.0.dtype(), self.0.data.bits()).hash(state);
    }
}

#[derive(Deserialize)]
struct Unchecked {
    shape: Vec<usize>,
    data: Data,
}

impl TryFrom<Unchecked> for Tensor {
    type Error = Error;
    fn try_from(raw: Unchecked) -> Result<Tensor> {
        Tensor::from_data(raw.shape, raw.data)
    }
}

/// The product of the sizes, where it is a number of elements.
fn elements(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

fn check_len(shape: &[usize], len: usize) -> Result<()> {
    let want = elements(shape);
    if want == Some(len) {
        return Ok(());
    }
    let want = want.map_or("too many".into(), |n| n.to_string());
    Err(Error::value(format!("shape {shape:?} needs {want} elements, got {len}")))
}
