//! Values of a run: strided views of vectors that are shared or borrowed, in any element type.

use std::sync::Arc;

use dl_core::dtype::Scalar;
use dl_core::tensor::{Data, DataRef, Element};
use dl_core::{DType, Tensor, TensorRef};

use super::layout::{Layout, Loops};
use super::pool::{Pool, Shelf};

/// A value of one run. Cloning copies no elements.
#[derive(Clone)]
pub(super) enum Array<'a> {
    F32(View<'a, f32>),
    F64(View<'a, f64>),
    I64(View<'a, i64>),
    Bool(View<'a, bool>),
    U8(View<'a, u8>),
}

/// Elements of one type and where each of them lies.
#[derive(Clone)]
pub(super) struct View<'a, T> {
    store: Store<'a, T>,
    /// Which of the stored elements, in which order.
    pub layout: Layout,
}

enum Store<'a, T> {
    Shared(Arc<Vec<T>>),
    Borrowed(&'a [T]),
}

impl<T> Clone for Store<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Store::Shared(vec) => Store::Shared(vec.clone()),
            Store::Borrowed(slice) => Store::Borrowed(slice),
        }
    }
}

/// The Rust types of elements, as this executor needs them.
pub(super) trait Item: Element + PartialOrd + Default {
    /// What freed elements are overwritten with in debug builds.
    const POISON: Self;
    /// A constant that the plan declares to fit.
    fn number(scalar: Scalar) -> Self;
    fn wrap_view(view: View<'_, Self>) -> Array<'_>;
    /// The view if it is of this type.
    fn unwrap_view(array: Array<'_>) -> Option<View<'_, Self>>;
    /// The freed vectors of this type.
    fn shelf(pool: &mut Pool) -> &mut Shelf<Self>;
}

macro_rules! items {
    ($($t:ty, $v:ident, $shelf:ident, $poison:expr, $number:expr;)*) => {$(
        impl Item for $t {
            const POISON: Self = $poison;
            fn number(scalar: Scalar) -> Self {
                let number: fn(Scalar) -> $t = $number;
                number(scalar)
            }
            fn wrap_view(view: View<'_, Self>) -> Array<'_> { Array::$v(view) }
            fn unwrap_view(array: Array<'_>) -> Option<View<'_, Self>> {
                match array { Array::$v(view) => Some(view), _ => None }
            }
            fn shelf(pool: &mut Pool) -> &mut Shelf<Self> { &mut pool.$shelf }
        }
    )*};
}
items! {
    f32, F32, f32, f32::NAN, |s| s.as_f64() as f32;
    f64, F64, f64, f64::NAN, Scalar::as_f64;
    i64, I64, i64, i64::MIN + 7, integer;
    bool, Bool, bool, true, |s| s.as_f64() != 0.0;
    u8, U8, u8, 0xA5, |s| integer(s) as u8;
}

fn integer(scalar: Scalar) -> i64 {
    match scalar {
        Scalar::Int(n) => n,
        other => other.as_f64() as i64,
    }
}

/// Runs `$body` with `$v` bound to the view inside an [`Array`].
macro_rules! each {
    ($array:expr, $v:ident => $body:expr) => {
        match $array {
            Array::F32($v) => $body,
            Array::F64($v) => $body,
            Array::I64($v) => $body,
            Array::Bool($v) => $body,
            Array::U8($v) => $body,
        }
    };
}
pub(super) use each;

impl<'a, T: Item> View<'a, T> {
    /// A vector as an array of `shape`.
    pub(super) fn dense(data: Vec<T>, shape: &[usize]) -> Self {
        View::shared(Arc::new(data), shape)
    }

    /// The same of one that is in its shell.
    pub(super) fn shared(data: Arc<Vec<T>>, shape: &[usize]) -> Self {
        debug_assert_eq!(data.len(), shape.iter().product::<usize>());
        View { store: Store::Shared(data), layout: Layout::dense(shape) }
    }

    /// The same number everywhere.
    pub(super) fn splat(value: T, shape: &[usize]) -> Self {
        View { store: Store::Shared(Arc::new(vec![value])), layout: Layout::splat(shape) }
    }

    /// Other elements of the same vector.
    pub(super) fn with(self, layout: Layout) -> Self {
        View { layout, ..self }
    }

    /// All stored elements, which the layout points into.
    pub(super) fn stored(&self) -> &[T] {
        match &self.store {
            Store::Shared(vec) => vec,
            Store::Borrowed(slice) => slice,
        }
    }

    /// The elements in row-major order, where they lie so.
    pub(super) fn as_dense(&self) -> Option<&[T]> {
        let len = self.layout.len();
        if len == 0 {
            return Some(&[]);
        }
        let start = self.layout.offset as usize;
        self.layout.is_dense().then(|| &self.stored()[start..start + len])
    }

    /// The elements in row-major order, copied.
    pub(super) fn to_vec(&self) -> Vec<T> {
        if let Some(dense) = self.as_dense() {
            return dense.to_vec();
        }
        let loops = Loops::new(&self.layout.shape, [(&self.layout.strides, self.layout.offset)]);
        let stored = self.stored();
        let mut out = Vec::with_capacity(self.layout.len());
        loops.rows(0..self.layout.len(), &mut |_, len, [at]| {
            out.extend((0..len as isize).map(|i| stored[(at + i * loops.steps[0]) as usize]));
        });
        out
    }

    /// The elements to overwrite: only where nobody else sees them and they are a whole vector.
    pub(super) fn unique(&mut self) -> Option<&mut [T]> {
        let whole = self.layout.offset == 0 && self.layout.is_dense();
        match &mut self.store {
            Store::Shared(vec) if whole => {
                let len = self.layout.shape.iter().product::<usize>();
                Arc::get_mut(vec).filter(|v| v.len() == len).map(Vec::as_mut_slice)
            }
            _ => None,
        }
    }

    /// The vector of a whole one that nobody else sees; nothing is left here until it is given back.
    pub(super) fn take_vec(&mut self) -> Option<Vec<T>> {
        if !self.is_whole() {
            return None;
        }
        match &mut self.store {
            Store::Shared(vec) => Arc::get_mut(vec).map(std::mem::take),
            Store::Borrowed(_) => None,
        }
    }

    /// Other elements in the same layout.
    pub(super) fn give_vec(&mut self, elements: Vec<T>) {
        debug_assert_eq!(elements.len(), self.layout.len());
        if let Store::Shared(vec) = &mut self.store
            && let Some(vec) = Arc::get_mut(vec)
        {
            *vec = elements;
        } else {
            self.store = Store::Shared(Arc::new(elements));
        }
    }

    /// The vector in its shell, unless it is borrowed.
    pub(super) fn into_shared(self) -> Option<Arc<Vec<T>>> {
        match self.store {
            Store::Shared(vec) => Some(vec),
            Store::Borrowed(_) => None,
        }
    }

    /// The same without borrowing: borrowed elements are copied.
    pub(super) fn into_owned(self) -> View<'static, T> {
        let store = match self.store {
            Store::Shared(vec) => vec,
            Store::Borrowed(slice) => Arc::new(slice.to_vec()),
        };
        View { store: Store::Shared(store), layout: self.layout }
    }

    /// True for a whole vector, row by row, that is not borrowed: the form in which parameters are kept.
    pub(super) fn is_whole(&self) -> bool {
        let whole = self.layout.offset == 0 && self.layout.is_dense();
        matches!(&self.store, Store::Shared(vec) if whole && vec.len() == self.layout.len())
    }
}

impl<'a> Array<'a> {
    /// A borrowed tensor, nothing copied.
    pub(super) fn borrowed(tensor: TensorRef<'a>) -> Self {
        fn view<'a, T>(slice: &'a [T], shape: &[usize]) -> View<'a, T> {
            View { store: Store::Borrowed(slice), layout: Layout::dense(shape) }
        }
        let shape = tensor.shape();
        match tensor.data() {
            DataRef::F32(v) => Array::F32(view(v, shape)),
            DataRef::F64(v) => Array::F64(view(v, shape)),
            DataRef::I64(v) => Array::I64(view(v, shape)),
            DataRef::Bool(v) => Array::Bool(view(v, shape)),
            DataRef::U8(v) => Array::U8(view(v, shape)),
        }
    }

    /// A tensor taken over, nothing copied.
    pub(super) fn owned(tensor: Tensor) -> Array<'static> {
        let shape = tensor.shape().to_vec();
        match tensor.into_data() {
            Data::F32(v) => Array::F32(View::dense(v, &shape)),
            Data::F64(v) => Array::F64(View::dense(v, &shape)),
            Data::I64(v) => Array::I64(View::dense(v, &shape)),
            Data::Bool(v) => Array::Bool(View::dense(v, &shape)),
            Data::U8(v) => Array::U8(View::dense(v, &shape)),
        }
    }

    /// The same without borrowing.
    pub(super) fn into_owned(self) -> Array<'static> {
        each!(self, v => Item::wrap_view(v.into_owned()))
    }

    /// The view of elements of `T`, which the plan declares.
    pub(super) fn of<T: Item>(self) -> View<'a, T> {
        T::unwrap_view(self).expect("a plan's element types were checked")
    }

    /// The element type.
    pub(super) fn dtype(&self) -> DType {
        match self {
            Array::F32(_) => DType::F32,
            Array::F64(_) => DType::F64,
            Array::I64(_) => DType::I64,
            Array::Bool(_) => DType::Bool,
            Array::U8(_) => DType::U8,
        }
    }

    /// Where the elements lie.
    pub(super) fn layout(&self) -> &Layout {
        each!(self, v => &v.layout)
    }

    /// Sizes of the axes.
    pub(super) fn shape(&self) -> &[usize] {
        &self.layout().shape
    }

    /// Other elements of the same vector.
    pub(super) fn with(self, layout: Layout) -> Self {
        each!(self, v => Item::wrap_view(v.with(layout)))
    }
}
