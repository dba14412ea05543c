//! Movement that has to write: padding, concatenation, overlapping windows; and values from nothing.

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::random::block;

use super::array::{Array, Item, View, each};
use super::layout::Layout;
use super::loops::{CHUNK, Context, into_places, share};
use super::real::{Arithmetic, Real};

/// Windows that hold an element whose parts are added up without keeping what rounding takes.
const FEW: usize = 64;

impl Context {
    /// `x` spread out into a larger array of `value`.
    pub(super) fn pad<'a>(
        &mut self,
        starts: &[usize],
        steps: &[usize],
        value: Scalar,
        x: Array<'a>,
        shape: &[usize],
    ) -> Array<'a> {
        each!(x, x => {
            let mut out = self.pool.filled(Item::number(value), shape.iter().product());
            let places = Layout::dense(shape).slice(starts, steps, &x.layout.shape);
            into_places(&mut out, (&places.strides, places.offset), &x, |o, x| *o = x);
            self.pool.free(x);
            Item::wrap_view(self.pool.dense(out, shape))
        })
    }

    /// Arrays one after the other along `axis`.
    pub(super) fn concat<'a>(
        &mut self,
        axis: usize,
        parts: Vec<Array<'a>>,
        dtype: DType,
        shape: &[usize],
    ) -> Array<'a> {
        match dtype {
            DType::F32 => Array::F32(self.concat_typed(axis, parts, shape)),
            DType::F64 => Array::F64(self.concat_typed(axis, parts, shape)),
            DType::I64 => Array::I64(self.concat_typed(axis, parts, shape)),
            DType::Bool => Array::Bool(self.concat_typed(axis, parts, shape)),
            DType::U8 => Array::U8(self.concat_typed(axis, parts, shape)),
        }
    }

    fn concat_typed<'a, T: Item>(
        &mut self,
        axis: usize,
        parts: Vec<Array<'a>>,
        shape: &[usize],
    ) -> View<'a, T> {
        let mut out = self.pool.take(shape.iter().product());
        let mut places = Layout::dense(shape);
        for part in parts {
            let part = part.of::<T>();
            into_places(&mut out, (&places.strides, places.offset), &part, |o, x| *o = x);
            places.offset += part.layout.shape[axis] as isize * places.strides[axis];
            self.pool.free(part);
        }
        self.pool.dense(out, shape)
    }

    /// The transpose of unfold: what several windows hold adds up, in the order of the windows.
    pub(super) fn fold<'a>(
        &mut self,
        (axis, stride, dilation): (usize, usize, usize),
        x: Array<'a>,
        shape: &[usize],
    ) -> Array<'a> {
        let windows = (axis, stride, dilation);
        match x {
            Array::F32(x) => Array::F32(self.fold_typed(windows, x, shape)),
            Array::F64(x) => Array::F64(self.fold_typed(windows, x, shape)),
            other => Array::I64(self.fold_typed(windows, other.of::<i64>(), shape)),
        }
    }

    fn fold_typed<'a, T: Arithmetic>(
        &mut self,
        (axis, stride, dilation): (usize, usize, usize),
        x: View<'_, T>,
        shape: &[usize],
    ) -> View<'a, T> {
        let mut out = self.pool.filled(T::ZERO, shape.iter().product());
        let places = Layout::dense(shape).unfold(axis, stride, dilation, &x.layout.shape);
        let places = (places.strides.as_slice(), places.offset);
        // No element is in more windows than a window has places.
        if x.layout.shape.last().is_some_and(|size| *size > FEW) {
            let mut sums = vec![(T::ZERO, T::ZERO); out.len()];
            into_places(&mut sums, places, &x, |(total, lost), x| T::keep(total, lost, x));
            out.iter_mut().zip(sums).for_each(|(o, (total, lost))| *o = total.settled(lost));
        } else {
            into_places(&mut out, places, &x, |o, x| *o = o.plus(x));
        }
        self.pool.free(x);
        self.pool.dense(out, shape)
    }

    /// Uniform numbers in `[0, 1)`.
    pub(super) fn random<'a>(
        &mut self,
        [seed, step, stream]: [u64; 3],
        dtype: DType,
        shape: &[usize],
    ) -> Array<'a> {
        match dtype {
            DType::F32 => Array::F32(self.random_typed([seed, step, stream], shape)),
            _ => Array::F64(self.random_typed([seed, step, stream], shape)),
        }
    }

    fn random_typed<'a, T: Real>(&mut self, [seed, step, stream]: [u64; 3], shape: &[usize]) -> View<'a, T> {
        let mut out = self.pool.take(shape.iter().product());
        // A part is a multiple of the four numbers of a block.
        share(self.team(), &mut out, CHUNK, &|start, out| {
            for (i, four) in out.chunks_mut(4).enumerate() {
                let words = block(seed, step, stream, (start / 4 + i) as u64);
                let number = |word: u32| T::uniform((word >> 8) as f32 * (1.0 / 16_777_216.0));
                four.iter_mut().zip(words).for_each(|(o, word)| *o = number(word));
            }
        });
        self.pool.dense(out, shape)
    }
}

/// `0, 1, 2, …` along `axis`.
pub(super) fn iota(axis: usize, dtype: DType, shape: &[usize]) -> Array<'static> {
    fn along<T: Arithmetic>(axis: usize, shape: &[usize]) -> View<'static, T> {
        let n = shape[axis];
        let layout = Layout::dense(&[n]).broadcast(&[axis], shape);
        View::dense((0..n).map(T::size).collect(), &[n]).with(layout)
    }
    match dtype {
        DType::F32 => Array::F32(along(axis, shape)),
        DType::F64 => Array::F64(along(axis, shape)),
        _ => Array::I64(along(axis, shape)),
    }
}

/// The same number everywhere.
pub(super) fn splat(value: Scalar, dtype: DType, shape: &[usize]) -> Array<'static> {
    match dtype {
        DType::F32 => Array::F32(View::splat(Item::number(value), shape)),
        DType::F64 => Array::F64(View::splat(Item::number(value), shape)),
        DType::I64 => Array::I64(View::splat(Item::number(value), shape)),
        DType::Bool => Array::Bool(View::splat(Item::number(value), shape)),
        DType::U8 => Array::U8(View::splat(Item::number(value), shape)),
    }
}
