//! Where elements lie: shapes, strides and offsets; movement is arithmetic on these.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

/// Something for each axis; few have more than four.
pub(super) type Axes<T> = SmallVec<[T; 4]>;

/// Element `[i, j, …]` stands at `offset + i·strides[0] + j·strides[1] + …`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Sizes of the axes, outermost first.
    pub shape: Axes<usize>,
    /// Distance between neighbours along each axis; 0 repeats, below 0 runs backwards.
    pub strides: Axes<isize>,
    /// Of the first element.
    pub offset: isize,
}

impl Clone for Layout {
    fn clone(&self) -> Self {
        // Copied at once: `SmallVec::clone` pushes one number after the other.
        let Layout { shape, strides, offset } = self;
        Layout { shape: Axes::from_slice(shape), strides: Axes::from_slice(strides), offset: *offset }
    }
}

impl Layout {
    /// Row by row from the start.
    pub(super) fn dense(shape: &[usize]) -> Self {
        Layout { strides: dense_strides(shape), shape: Axes::from_slice(shape), offset: 0 }
    }

    /// One element for all.
    pub(super) fn splat(shape: &[usize]) -> Self {
        Layout { strides: smallvec![0; shape.len()], shape: Axes::from_slice(shape), offset: 0 }
    }

    /// The number of elements.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True when the elements lie row by row without gaps, wherever the first one is.
    pub(super) fn is_dense(&self) -> bool {
        let mut expected = 1;
        for (&n, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if n != 1 && stride != expected {
                return self.len() == 0;
            }
            expected *= n as isize;
        }
        true
    }

    /// Axis `i` of the result is axis `permutation[i]`.
    pub(super) fn permute(&self, permutation: &[usize]) -> Self {
        Layout {
            shape: permutation.iter().map(|&a| self.shape[a]).collect(),
            strides: permutation.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        }
    }

    /// Axis `i` becomes axis `axes[i]` of `shape`; along the others elements repeat.
    pub(super) fn broadcast(&self, axes: &[usize], shape: &[usize]) -> Self {
        let mut strides: Axes<isize> = smallvec![0; shape.len()];
        for (&axis, &stride) in axes.iter().zip(&self.strides) {
            strides[axis] = stride;
        }
        Layout { shape: Axes::from_slice(shape), strides, offset: self.offset }
    }

    /// Elements `starts[a] + i·steps[a]` along each axis.
    pub(super) fn slice(&self, starts: &[usize], steps: &[usize], shape: &[usize]) -> Self {
        let shift = |(start, stride): (&usize, &isize)| *start as isize * stride;
        Layout {
            offset: self.offset + starts.iter().zip(&self.strides).map(shift).sum::<isize>(),
            strides: self.strides.iter().zip(steps).map(|(s, k)| s * *k as isize).collect(),
            shape: Axes::from_slice(shape),
        }
    }

    /// Backwards along `axes`.
    pub(super) fn flip(&self, axes: &[usize]) -> Self {
        let mut flipped = self.clone();
        for &a in axes {
            flipped.offset += self.strides[a] * self.shape[a].saturating_sub(1) as isize;
            flipped.strides[a] = -self.strides[a];
        }
        flipped
    }

    /// Windows along `axis`: it becomes the window's number, a new last axis the place in it.
    pub(super) fn unfold(&self, axis: usize, stride: usize, dilation: usize, shape: &[usize]) -> Self {
        let mut strides = self.strides.clone();
        strides.push(self.strides[axis] * dilation as isize);
        strides[axis] *= stride as isize;
        Layout { shape: Axes::from_slice(shape), strides, offset: self.offset }
    }

    /// The same elements in row-major order under another shape, where no copy is needed.
    pub(super) fn reshape(&self, shape: &[usize]) -> Option<Self> {
        if self.len() == 0 {
            return Some(Layout::dense(shape));
        }
        // Groups of axes with equal products; the old ones of a group must be one run.
        let old: Axes<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|(n, _)| *n != 1).collect();
        let mut strides: Axes<isize> = smallvec![0; shape.len()];
        let (mut i, mut j) = (0, 0);
        while i < old.len() {
            let (first, mut have) = (i, old[i].0);
            let (start, mut want) = (j, 1);
            while want != have {
                if want < have {
                    want *= shape[j];
                    j += 1;
                } else {
                    i += 1;
                    have *= old[i].0;
                }
            }
            let run = old[first..=i].windows(2).all(|w| w[0].1 == w[1].1 * w[1].0 as isize);
            if !run {
                return None;
            }
            let mut stride = old[i].1;
            for axis in (start..j).rev() {
                strides[axis] = stride;
                stride *= shape[axis] as isize;
            }
            i += 1;
        }
        Some(Layout { shape: Axes::from_slice(shape), strides, offset: self.offset })
    }
}

/// Strides of rows without gaps.
pub(super) fn dense_strides(shape: &[usize]) -> Axes<isize> {
    let mut strides: Axes<isize> = smallvec![1; shape.len()];
    for a in (1..shape.len()).rev() {
        strides[a - 1] = strides[a] * shape[a].max(1) as isize;
    }
    strides
}

/// The multi-index at a place in row-major order.
pub(super) fn position(shape: &[usize], mut place: usize) -> Axes<usize> {
    let mut index: Axes<usize> = smallvec![0; shape.len()];
    for (i, n) in index.iter_mut().zip(shape).rev() {
        *i = place % n;
        place /= n;
    }
    index
}

/// One stride for several axes taken as one, where there is one; their sizes may be anything.
pub(super) fn merged(axes: &[(usize, isize)]) -> Option<isize> {
    let mut real = axes.iter().filter(|(n, _)| *n != 1).rev();
    let Some((mut size, stride)) = real.next().copied() else {
        return Some(1);
    };
    for (n, s) in real {
        if *s != stride * size as isize {
            return None;
        }
        size *= n;
    }
    Some(stride)
}

/// Nested loops over `K` operands of one shape, as few and as long as their strides allow.
pub(super) struct Loops<const K: usize> {
    outer: Axes<(usize, [isize; K])>,
    inner: usize,
    /// Distances between neighbours of the innermost loop.
    pub steps: [isize; K],
    starts: [isize; K],
}

impl<const K: usize> Loops<K> {
    /// Over `shape`, row by row; each operand has as many strides.
    pub(super) fn new(shape: &[usize], operands: [(&[isize], isize); K]) -> Self {
        let mut loops: Axes<(usize, [isize; K])> = smallvec![];
        for (axis, &n) in shape.iter().enumerate().filter(|(_, n)| **n != 1) {
            let strides: [isize; K] = std::array::from_fn(|k| operands[k].0[axis]);
            match loops.last_mut() {
                Some((size, outer)) if (0..K).all(|k| outer[k] == strides[k] * n as isize) => {
                    (*size, *outer) = (*size * n, strides);
                }
                _ => loops.push((n, strides)),
            }
        }
        let (inner, steps) = loops.pop().unwrap_or((1, [0; K]));
        Loops { outer: loops, inner, steps, starts: operands.map(|o| o.1) }
    }

    /// Calls `row` for each run of the innermost loop inside `range` of the elements in row-major
    /// order: how far from the range's start, how many, and where each operand begins.
    pub(super) fn rows(&self, range: Range<usize>, row: &mut dyn FnMut(usize, usize, [isize; K])) {
        if range.is_empty() || self.inner == 0 {
            return;
        }
        let mut column = range.start % self.inner;
        let sizes: Axes<usize> = self.outer.iter().map(|l| l.0).collect();
        let mut index = position(&sizes, range.start / self.inner);
        let mut at = self.starts;
        for (i, (_, strides)) in index.iter().zip(&self.outer) {
            for k in 0..K {
                at[k] += *i as isize * strides[k];
            }
        }
        let mut place = range.start;
        while place < range.end {
            let len = (self.inner - column).min(range.end - place);
            let begin = std::array::from_fn(|k| at[k] + column as isize * self.steps[k]);
            row(place - range.start, len, begin);
            (place, column) = (place + len, 0);
            for (i, (n, strides)) in index.iter_mut().zip(&self.outer).rev() {
                *i += 1;
                for k in 0..K {
                    at[k] += strides[k];
                }
                if *i < *n {
                    break;
                }
                *i = 0;
                for k in 0..K {
                    at[k] -= strides[k] * *n as isize;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(layout: &Layout) -> Vec<isize> {
        let mut places = vec![];
        let loops = Loops::new(&layout.shape, [(&layout.strides, layout.offset)]);
        loops.rows(0..layout.len(), &mut |_, n, [at]| {
            places.extend((0..n as isize).map(|i| at + i * loops.steps[0]));
        });
        places
    }

    #[test]
    fn movement_is_arithmetic() {
        let x = Layout::dense(&[2, 3]);
        assert_eq!(places(&x), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(&x.permute(&[1, 0])), [0, 3, 1, 4, 2, 5]);
        assert_eq!(places(&x.flip(&[1])), [2, 1, 0, 5, 4, 3]);
        assert_eq!(places(&x.slice(&[0, 1], &[1, 1], &[2, 2])), [1, 2, 4, 5]);
        assert_eq!(places(&Layout::dense(&[2]).broadcast(&[0], &[2, 2])), [0, 0, 1, 1]);
        assert_eq!(places(&Layout::dense(&[5]).unfold(0, 2, 1, &[2, 3])), [0, 1, 2, 2, 3, 4]);
        assert_eq!(places(&Layout::dense(&[3, 0])), [0isize; 0]);
        assert_eq!(places(&Layout::dense(&[])), [0]);
    }

    #[test]
    fn reshapes_copy_only_where_they_must() {
        let x = Layout::dense(&[4, 6]);
        let same = |l: &Layout, shape: &[usize]| {
            let r = l.reshape(shape)?;
            assert_eq!(places(&r), places(l));
            Some(r.strides)
        };
        assert_eq!(same(&x, &[2, 12]), Some(smallvec![12, 1]));
        assert_eq!(same(&x.permute(&[1, 0]), &[24]), None);
        assert_eq!(same(&x.permute(&[1, 0]), &[3, 2, 1, 4]), Some(smallvec![2, 1, 24, 6]));
        assert_eq!(same(&x.slice(&[0, 0], &[1, 1], &[4, 4]), &[2, 8]), None);
        assert!(same(&x.slice(&[0, 0], &[1, 1], &[4, 4]), &[2, 2, 2, 2]).is_some());
        assert!(same(&Layout::dense(&[1, 1]), &[]).is_some());
        assert!(same(&Layout::dense(&[0, 3]), &[3, 0, 5]).is_some());
    }

    #[test]
    fn rows_can_begin_anywhere() {
        let x = Layout::dense(&[3, 4, 5]).permute(&[1, 0, 2]);
        let all = places(&x);
        let loops = Loops::new(&x.shape, [(&x.strides, x.offset)]);
        for start in 0..all.len() {
            let mut got = vec![];
            loops.rows(start..all.len(), &mut |_, n, [at]| {
                got.extend((0..n as isize).map(|i| at + i * loops.steps[0]));
            });
            assert_eq!(got, all[start..]);
        }
    }

    #[test]
    fn merged_axes_have_one_stride() {
        assert_eq!(merged(&[(2, 6), (3, 2)]), Some(2));
        assert_eq!(merged(&[(2, 6), (1, 99), (3, 2)]), Some(2));
        assert_eq!(merged(&[(2, 5), (3, 2)]), None);
        assert_eq!(merged(&[(2, 0), (3, 0)]), Some(0));
        assert_eq!(merged(&[]), Some(1));
    }
}
