//! Cumulative operations and linear recurrences along an axis: floats in double precision, rounded once.

use dl_core::ops::{Cumulative, Running};

use super::array::{Array, Item, View};
use super::loops::{CHUNK, Context, share};

/// An axis, and whether its lines are walked from the end.
type Line = (usize, bool);

impl Context {
    /// What the elements up to each one are together.
    pub(super) fn cumulative<'a>(&mut self, kind: Cumulative, line: Line, x: Array<'a>) -> Array<'a> {
        let start = Running::new(kind);
        match x {
            Array::F32(x) => Array::F32(self.walked(line, [x], start, |s, [x]| s.next(x.into()) as f32)),
            Array::F64(x) => Array::F64(self.walked(line, [x], start, |s, [x]| s.next(x))),
            other => Array::I64(self.walked(line, [other.of::<i64>()], None, |s: &mut Option<i64>, [x]| {
                *s.insert(s.map_or(x, |so_far| kind.combine_i64(so_far, x)))
            })),
        }
    }

    /// `hᵢ = aᵢ·hᵢ₋₁ + bᵢ`.
    pub(super) fn linear_recurrence<'a>(&mut self, line: Line, a: Array<'a>, b: Array<'a>) -> Array<'a> {
        let next = |s: &mut Option<f64>, a: f64, b: f64| *s.insert(s.map_or(b, |h| a * h + b));
        match a {
            Array::F32(a) => {
                Array::F32(self.walked(line, [a, b.of()], None, |s, [a, b]: [f32; 2]| {
                    next(s, a.into(), b.into()) as f32
                }))
            }
            a => Array::F64(self.walked(line, [a.of(), b.of()], None, |s, [a, b]| next(s, a, b))),
        }
    }

    /// The results of `next` along all lines, which begin with `start`.
    fn walked<'a, T: Item, S: Copy + Sync, const N: usize>(
        &mut self,
        (axis, reverse): Line,
        operands: [View<'_, T>; N],
        start: S,
        next: impl Fn(&mut S, [T; N]) -> T + Sync,
    ) -> View<'a, T> {
        let operands = operands.map(|x| self.dense(x));
        let shape = operands[0].layout.shape.clone();
        let (n, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let block = n * inner;
        let mut out = self.pool.take(shape.iter().product());
        let elements = operands.each_ref().map(|x| x.as_dense().unwrap_or(&[]));
        // Lines lie side by side in blocks, and these are shared whole.
        share(self.team(), &mut out, CHUNK.div_ceil(block.max(1)) * block, &|first, out| {
            for (b, out) in out.chunks_exact_mut(block.max(1)).enumerate() {
                let operands = elements.map(|x| &x[first + b * block..][..block]);
                let mut states = vec![start; inner];
                for k in 0..n {
                    let at = if reverse { n - 1 - k } else { k } * inner;
                    for (place, state) in (at..).zip(&mut states) {
                        out[place] = next(state, operands.map(|x| x[place]));
                    }
                }
            }
        });
        let result = self.pool.dense(out, &shape);
        operands.into_iter().for_each(|x| self.pool.free(x));
        result
    }
}
