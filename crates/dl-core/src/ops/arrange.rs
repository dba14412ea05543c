//! Arrangements made of movements: stack, split, tile, repeat, roll, differences, triangles, diagonals.

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Axes, Expr, Graph};
use crate::ops::check_axis;
use crate::shape::Shape;

impl Graph {
    /// Arrays of one shape beside each other, along a new axis before `axis`.
    ///
    /// # Errors
    /// Recorded when there are none, their shapes differ, or there is no such place for an axis.
    #[track_caller]
    pub fn stack<'g>(&'g self, axis: usize, parts: &[Expr<'g>]) -> Expr<'g> {
        let Some(first) = parts.first() else { return self.fail("cannot stack nothing".into()) };
        // A closure would not know the caller's line.
        let mut layers = Vec::with_capacity(parts.len());
        for part in parts {
            if self.own(*part).is_poison() {
                return self.poison();
            }
            if part.shape() != first.shape() {
                return self.fail(format!("cannot stack {} on {}", part.shape(), first.shape()));
            }
            layers.push(part.unsqueeze(axis));
        }
        self.concat(axis, &layers)
    }
}

impl<'g> Expr<'g> {
    /// Consecutive parts of the given `sizes` along `axis`; together they are all of it.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or the sizes do not add up to its own.
    #[track_caller]
    pub fn split(self, axis: usize, sizes: &[usize]) -> Vec<Expr<'g>> {
        let shape = self.shape();
        let total = sizes.iter().fold(Dim::Size(0), |sum, n| &sum + &Dim::from(*n));
        let wrong = match check_axis("split", axis, &shape) {
            Err(message) => Some(message),
            Ok(()) if shape[axis] != total => {
                Some(format!("split of {shape} along axis {axis} into {sizes:?}: {total} are not all"))
            }
            Ok(()) => None,
        };
        if let Some(message) = wrong {
            return vec![self.fail(message); sizes.len()];
        }
        let (mut parts, mut start) = (Vec::with_capacity(sizes.len()), 0);
        for size in sizes {
            parts.push(self.slice(axis, start, start + size));
            start += size;
        }
        parts
    }

    /// `count` consecutive parts along `axis`, whose size is known; if it is no multiple of `count`,
    /// all but the last ones have `⌈size / count⌉` elements.
    ///
    /// # Errors
    /// Recorded when there is no such axis, its size is not known, or `count` is 0.
    #[track_caller]
    pub fn chunks(self, axis: usize, count: usize) -> Vec<Expr<'g>> {
        let shape = self.shape();
        let size = shape.get(axis).and_then(|d| d.size()).filter(|_| count > 0);
        let Some(size) = size else {
            return vec![
                self.fail(format!(
                    "cannot split axis {axis} of {shape} into {count} parts: a known size is needed"
                ));
                count
            ];
        };
        let part = size.div_ceil(count);
        let sizes: Vec<usize> = (0..count).map(|i| size.saturating_sub(i * part).min(part)).collect();
        self.split(axis, &sizes)
    }

    /// The whole array over and over: `counts[i]` times along axis `i`.
    ///
    /// # Errors
    /// Recorded when there are not as many counts as axes.
    #[track_caller]
    pub fn tile(self, counts: &[usize]) -> Expr<'g> {
        let shape = self.shape();
        if counts.len() != shape.rank() {
            return self.fail(format!("tile of {shape} by {counts:?}: a count for each axis is needed"));
        }
        let wide: Shape =
            counts.iter().zip(shape.iter()).flat_map(|(n, d)| [Dim::from(*n), d.clone()]).collect();
        let own: Vec<usize> = (0..shape.rank()).map(|a| 2 * a + 1).collect();
        let sizes: Shape = counts.iter().zip(shape.iter()).map(|(n, d)| &Dim::from(*n) * d).collect();
        self.broadcast_along(&own, &wide).reshape(sizes)
    }

    /// Each element `count` times in a row along `axis`: `[a, b]` gives `[a, a, b, b]` (PyTorch's
    /// `repeat_interleave`).
    ///
    /// # Errors
    /// Recorded when there is no such axis.
    #[track_caller]
    pub fn repeat(self, axis: usize, count: usize) -> Expr<'g> {
        let shape = self.shape();
        if let Err(message) = check_axis("repeat", axis, &shape) {
            return self.fail(message);
        }
        let mut wide = shape.to_vec();
        wide.insert(axis + 1, Dim::from(count));
        let own: Vec<usize> = (0..=shape.rank()).filter(|a| *a != axis + 1).collect();
        let size = &shape[axis] * &Dim::from(count);
        self.broadcast_along(&own, &wide.into()).reshape(shape.with_axis(axis, size))
    }

    /// The elements moved on by `distance` along `axis`, whose size is known; what falls off the end
    /// comes in at the start. A negative distance moves back.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or its size is not known.
    #[track_caller]
    pub fn roll(self, axis: usize, distance: i64) -> Expr<'g> {
        let shape = self.shape();
        let Some(size) = shape.get(axis).and_then(|d| d.size()) else {
            return self.fail(format!("roll along axis {axis} of {shape}: a known size is needed"));
        };
        let by = match i64::try_from(size) {
            Ok(n) if n > 0 => distance.rem_euclid(n) as usize,
            _ => 0,
        };
        if by == 0 {
            return self;
        }
        let (front, back) = (self.slice(axis, size - by, size), self.slice(axis, 0, size - by));
        self.graph().concat(axis, &[front, back])
    }

    /// Each element less the one before it along `axis`, which becomes one shorter.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or it is empty.
    #[track_caller]
    pub fn diff(self, axis: usize) -> Expr<'g> {
        let shape = self.shape();
        if let Err(message) = check_axis("diff", axis, &shape) {
            return self.fail(message);
        }
        if shape[axis] == Dim::Size(0) {
            return self.fail(format!("diff along axis {axis} of {shape}, which is empty"));
        }
        let size = shape[axis].clone();
        self.slice(axis, 1, &size) - self.slice(axis, 0, &size - &Dim::Size(1))
    }

    /// The lower triangle of the last two axes: elements above diagonal `k` become 0. `k = 0` is the
    /// main diagonal, a positive one lies above it.
    ///
    /// # Errors
    /// Recorded when there are fewer than two axes.
    #[track_caller]
    pub fn tril(self, k: i64) -> Expr<'g> {
        self.triangle("tril", |above| above.le(k as f64))
    }

    /// The upper triangle of the last two axes: elements below diagonal `k` become 0.
    ///
    /// # Errors
    /// Recorded when there are fewer than two axes.
    #[track_caller]
    pub fn triu(self, k: i64) -> Expr<'g> {
        self.triangle("triu", |above| above.ge(k as f64))
    }

    /// The elements of which `keeps` holds, by how far they are above the main diagonal.
    #[track_caller]
    fn triangle(self, what: &str, keeps: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
        let shape = self.shape();
        if self.is_poison() || shape.rank() < 2 {
            return self.fail(format!("{what} of {shape}: two axes are needed"));
        }
        let square = Shape::from(shape[shape.rank() - 2..].to_vec());
        let count = |axis| self.graph().iota(DType::I64, axis, square.clone());
        let kept = keeps(count(1) - count(0)).broadcast_to(&shape);
        match self.dtype() {
            DType::Bool => kept.and(self),
            _ => kept.select(self, 0.0),
        }
    }

    /// The elements whose indices along axes `a` and `b` (of equal size) are equal: axis `a` becomes
    /// the place on the diagonal, axis `b` disappears.
    ///
    /// # Errors
    /// Recorded when the axes do not exist, are one, or differ in size.
    #[track_caller]
    pub fn diagonal(self, a: isize, b: isize) -> Expr<'g> {
        let shape = self.shape();
        let (a, b) = match [a, b].resolve(shape.rank()) {
            Ok(axes) if a.resolve(shape.rank()) == Ok(vec![axes[0]]) => (axes[0], axes[1]),
            Ok(axes) => (axes[1], axes[0]),
            Err(message) => return self.fail(format!("diagonal {message} of {shape}")),
        };
        if shape[a] != shape[b] {
            return self.fail(format!("diagonal of {shape}: sizes {} and {} differ", shape[a], shape[b]));
        }
        let rest: Vec<usize> = (0..shape.rank()).filter(|axis| *axis != a && *axis != b).collect();
        let order: Vec<usize> = [a, b].into_iter().chain(rest).collect();
        let places = self.graph().iota(DType::I64, 0, [shape[a].clone()]);
        let front = self.permute(&order).gather_in_step(1, 1, places);
        // The diagonal goes to where axis `a` was among the axes that stay.
        let to = if b < a { a - 1 } else { a };
        let back: Vec<usize> = (1..=to).chain([0]).chain(to + 1..shape.rank() - 1).collect();
        front.permute(&back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Order;
    use crate::testing::{faults, value};
    use crate::{F64, Named};
    use expect_test::expect;

    fn range(g: &Graph, shape: impl Into<Shape>) -> Expr<'_> {
        let shape = shape.into();
        let n = shape.iter().map(|d| d.size().unwrap()).product::<usize>();
        g.iota(F64, 0, [n]).reshape(shape)
    }

    #[test]
    fn arrangements() {
        let g = Graph::new();
        let x = range(&g, [2, 3]);
        let of = |e: Expr<'_>| (e.shape().to_string(), value(e, &[]));
        let is = |e: Expr<'_>, shape: &str, want: &[f64]| assert_eq!(of(e), (shape.into(), want.to_vec()));
        is(g.stack(1, &[x, -x]), "[2, 2, 3]", &[0., 1., 2., -0., -1., -2., 3., 4., 5., -3., -4., -5.]);
        is(x.split(1, &[1, 2])[1], "[2, 2]", &[1., 2., 4., 5.]);
        is(x.chunks(1, 2)[1], "[2, 1]", &[2., 5.]);
        is(x.slice(0, 0, 1).tile(&[2, 2]), "[2, 6]", &[0., 1., 2., 0., 1., 2., 0., 1., 2., 0., 1., 2.]);
        is(x.slice(0, 0, 1).repeat(1, 2), "[1, 6]", &[0., 0., 1., 1., 2., 2.]);
        is(x.roll(1, 1), "[2, 3]", &[2., 0., 1., 5., 3., 4.]);
        is(x.roll(1, -1), "[2, 3]", &[1., 2., 0., 4., 5., 3.]);
        is(x.diff(0), "[1, 3]", &[3., 3., 3.]);
        is(x.tril(0), "[2, 3]", &[0., 0., 0., 3., 4., 0.]);
        is(x.triu(1), "[2, 3]", &[0., 1., 2., 0., 0., 5.]);
        is(x.gt(0.0).triu(-1).cast(F64), "[2, 3]", &[0., 1., 1., 1., 1., 1.]);
        is(range(&g, [2, 3, 2]).diagonal(0, 2), "[2, 3]", &[0., 2., 4., 7., 9., 11.]);
        is(range(&g, [3, 2, 2]).diagonal(-1, 1), "[3, 2]", &[0., 3., 4., 7., 8., 11.]);
        is(x.sort(1, Order::Descending).chunks(0, 3)[2], "[0, 3]", &[]);
    }

    #[test]
    fn mistakes() {
        let g = Graph::new();
        let x = g.input("x", F64, (Named("B"), 4));
        g.stack(0, &[]);
        g.stack(0, &[x, x.slice(1, 0, 2)]);
        x.split(1, &[1, 2]);
        x.chunks(0, 2);
        x.tile(&[2]);
        x.repeat(2, 2);
        x.roll(0, 1);
        g.full(F64, [0], 1.0).diff(0);
        x.sum(0).tril(0);
        x.diagonal(0, 0);
        x.diagonal(0, 1);
        expect![[r#"
            cannot stack nothing
            cannot stack [B, 2] on [B, 4]
            split of [B, 4] along axis 1 into [1, 2]: 3 are not all
            cannot split axis 0 of [B, 4] into 2 parts: a known size is needed
            tile of [B, 4] by [2]: a count for each axis is needed
            repeat along axis 2 of [B, 4], which has 2 axes
            roll along axis 0 of [B, 4]: a known size is needed
            diff along axis 0 of [0], which is empty
            tril of [4]: two axes are needed
            diagonal along axes [0, 0], one of them twice of [B, 4]
            diagonal of [B, 4]: sizes B and 4 differ"#]]
        .assert_eq(&faults(&g));
    }
}
