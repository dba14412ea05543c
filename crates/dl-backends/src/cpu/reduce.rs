//! Reductions: in blocks whose size is fixed, combined in a tree that depends on the shape only.

use std::ops::Range;

use dl_core::ops::Reduce;

use super::array::{Array, Item, View};
use super::layout::Axes;
use super::loops::{Context, share};
use super::real::Arithmetic;
use super::team::Team;

/// Elements that one block takes one after the other.
const BLOCK: usize = 1024;
/// Rows that one block adds up one after the other.
const ROWS: usize = 64;
/// Elements below which a branch of a tree is computed by one thread.
const GRAIN: usize = 1 << 16;
/// Accumulators side by side, as wide as vectors get.
const LANES: usize = 16;

/// Elements `[outer, reduced, inner]`, row by row.
struct Block<'a, T> {
    data: View<'a, T>,
    outer: usize,
    reduced: usize,
    inner: usize,
}

impl Context {
    /// `kind` along `axes`, which disappear.
    pub(super) fn reduce<'a>(
        &mut self,
        kind: Reduce,
        axes: &[usize],
        x: Array<'a>,
        shape: &[usize],
    ) -> Array<'a> {
        match x {
            Array::F32(x) => Array::F32(self.reduce_typed(kind, axes, x, shape)),
            Array::F64(x) => Array::F64(self.reduce_typed(kind, axes, x, shape)),
            Array::I64(x) => Array::I64(self.reduce_typed(kind, axes, x, shape)),
            other => other,
        }
    }

    fn reduce_typed<'a, T: Arithmetic>(
        &mut self,
        kind: Reduce,
        axes: &[usize],
        x: View<'a, T>,
        shape: &[usize],
    ) -> View<'a, T> {
        match kind {
            Reduce::Sum => self.fold_axes(axes, x, shape, T::ZERO, T::plus),
            Reduce::Prod => self.fold_axes(axes, x, shape, T::ONE, T::times),
            Reduce::Max => self.fold_axes(axes, x, shape, T::LOWEST, T::maximum),
            Reduce::Min => self.fold_axes(axes, x, shape, T::HIGHEST, T::minimum),
        }
    }

    fn fold_axes<'a, T: Item>(
        &mut self,
        axes: &[usize],
        x: View<'a, T>,
        shape: &[usize],
        identity: T,
        combine: impl Fn(T, T) -> T + Copy + Sync,
    ) -> View<'a, T> {
        let Block { data, outer, reduced, inner } = self.block(axes, x);
        let mut out = self.pool.filled(identity, outer * inner);
        let fold = Fold { identity, combine, team: self.team() };
        if let (Some(x), true) = (data.as_dense(), reduced > 0 && inner > 0) {
            if inner == 1 {
                let part = (GRAIN / reduced).max(1);
                share(self.team(), &mut out, part, &|start, out| {
                    for (o, row) in out.iter_mut().zip(x[start * reduced..].chunks_exact(reduced)) {
                        *o = fold.elements(row);
                    }
                });
            } else {
                let part = (GRAIN / (reduced * inner)).max(1) * inner;
                share(self.team(), &mut out, part, &|start, out| {
                    let rows = x[start * reduced..].chunks_exact(reduced * inner);
                    for (o, rows) in out.chunks_exact_mut(inner).zip(rows) {
                        fold.rows(rows, o);
                    }
                });
            }
        }
        self.pool.free(data);
        self.pool.dense(out, shape)
    }

    /// The reduced axes as one, copied only where they do not lie so.
    fn block<'a, T: Item>(&mut self, axes: &[usize], x: View<'a, T>) -> Block<'a, T> {
        let shape = x.layout.shape.clone();
        let size = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product::<usize>();
        let real: Axes<usize> = axes.iter().copied().filter(|&a| shape[a] != 1).collect();
        let (first, last) = (real.first().copied().unwrap_or(0), real.last().map_or(0, |a| a + 1));
        let adjacent = (first..last).all(|a| shape[a] == 1 || real.contains(&a));
        if adjacent && x.layout.is_dense() {
            let (outer, inner) = (shape[..first].iter().product(), shape[last..].iter().product());
            return Block { data: x, outer, reduced: size(&real), inner };
        }
        let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
        let (outer, reduced) = (size(&kept), size(axes));
        let layout = x.layout.permute(&[&kept, axes].concat());
        let data = self.dense(x.with(layout));
        Block { data, outer, reduced, inner: 1 }
    }

    /// The index of the first extreme element along `axis`; the first NaN, if there is one.
    pub(super) fn arg_reduce<'a>(
        &mut self,
        kind: Reduce,
        axis: usize,
        x: Array<'a>,
        shape: &[usize],
    ) -> Array<'a> {
        Array::I64(match x {
            Array::F32(x) => self.arg_typed(kind, axis, x, shape),
            Array::F64(x) => self.arg_typed(kind, axis, x, shape),
            other => self.arg_typed(kind, axis, other.of::<i64>(), shape),
        })
    }

    fn arg_typed<'a, T: Arithmetic>(
        &mut self,
        kind: Reduce,
        axis: usize,
        x: View<'_, T>,
        shape: &[usize],
    ) -> View<'a, i64> {
        let Block { data, outer, reduced, inner } = self.block(&[axis], x);
        let mut out = self.pool.take(outer * inner);
        let x = data.as_dense().unwrap_or(&[]);
        let beats =
            |a: T, b: T| !b.is_nan() && (a.is_nan() || if kind == Reduce::Max { a > b } else { a < b });
        share(self.team(), &mut out, (GRAIN / reduced.max(1)).max(1), &|start, out| {
            for (i, o) in out.iter_mut().enumerate() {
                let (row, column) = ((start + i) / inner, (start + i) % inner);
                let at = |k: usize| x[(row * reduced + k) * inner + column];
                *o = (1..reduced).fold(0, |best, k| if beats(at(k), at(best)) { k } else { best }) as i64;
            }
        });
        self.pool.free(data);
        self.pool.dense(out, shape)
    }
}

/// `kind` of all elements of a run.
pub(super) fn fold_elements<T: Arithmetic>(kind: Reduce, x: &[T]) -> T {
    fn fold<T: Item>(x: &[T], identity: T, combine: impl Fn(T, T) -> T + Copy + Sync) -> T {
        Fold { identity, combine, team: None }.elements(x)
    }
    match kind {
        Reduce::Sum => fold(x, T::ZERO, T::plus),
        Reduce::Prod => fold(x, T::ONE, T::times),
        Reduce::Max => fold(x, T::LOWEST, T::maximum),
        Reduce::Min => fold(x, T::HIGHEST, T::minimum),
    }
}

/// How a reduction combines; the tree is the same for every number of threads.
struct Fold<'t, T, F> {
    identity: T,
    combine: F,
    /// Who computes the branches of a large tree.
    team: Option<&'t Team>,
}

impl<T: Item, F: Fn(T, T) -> T + Copy + Sync> Fold<'_, T, F> {
    /// All of a run.
    fn elements(&self, x: &[T]) -> T {
        let Some(team) = self.team.filter(|_| x.len() >= GRAIN) else { return self.tree(x) };
        let mut branches = vec![];
        divide(0..x.len(), 1, BLOCK, &mut branches);
        let mut results = vec![self.identity; branches.len()];
        team.chunks(&mut results, 1, &|i, result| result[0] = self.tree(&x[branches[i].clone()]));
        self.join(x.len(), BLOCK, &mut results.into_iter())
    }

    /// The same by one thread.
    fn tree(&self, x: &[T]) -> T {
        if x.len() <= BLOCK {
            return self.block(x);
        }
        let (left, right) = x.split_at(middle(x.len(), BLOCK));
        (self.combine)(self.tree(left), self.tree(right))
    }

    /// The tree above the branches of `len` elements.
    fn join(&self, len: usize, block: usize, results: &mut impl Iterator<Item = T>) -> T {
        if is_branch(len, 1, block) {
            return results.next().unwrap_or(self.identity);
        }
        let middle = middle(len, block);
        let left = self.join(middle, block, results);
        (self.combine)(left, self.join(len - middle, block, results))
    }

    fn block(&self, x: &[T]) -> T {
        let mut lanes = [self.identity; LANES];
        let (whole, rest) = x.as_chunks::<LANES>();
        for chunk in whole {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = (self.combine)(*lane, *x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane = (self.combine)(*lane, *x);
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] = (self.combine)(lanes[i], lanes[i + width]);
            }
        }
        lanes[0]
    }

    /// All rows of `x` into `out`, which holds the identity.
    fn rows(&self, x: &[T], out: &mut [T]) {
        let (width, count) = (out.len(), x.len() / out.len());
        let Some(team) = self.team.filter(|_| !is_branch(count, width, ROWS)) else {
            return self.row_tree(x, out);
        };
        let mut branches = vec![];
        divide(0..count, width, ROWS, &mut branches);
        let mut results = vec![self.identity; branches.len() * width];
        team.chunks(&mut results, width, &|start, out| {
            let rows = &branches[start / width];
            self.row_tree(&x[rows.start * width..rows.end * width], out);
        });
        self.join_rows(count, &mut results.chunks_exact_mut(width), out);
    }

    /// The same by one thread.
    fn row_tree(&self, x: &[T], out: &mut [T]) {
        let count = x.len() / out.len();
        if count <= ROWS {
            for row in x.chunks_exact(out.len()) {
                self.add_row(out, row);
            }
            return;
        }
        let (upper, lower) = x.split_at(middle(count, ROWS) * out.len());
        let mut rest = vec![self.identity; out.len()];
        self.row_tree(upper, out);
        self.row_tree(lower, &mut rest);
        self.add_row(out, &rest);
    }

    /// The tree above the branches of `count` rows.
    fn join_rows<'r>(&self, count: usize, results: &mut impl Iterator<Item = &'r mut [T]>, out: &mut [T])
    where
        T: 'r,
    {
        if is_branch(count, out.len(), ROWS) {
            return results.next().into_iter().for_each(|result| out.copy_from_slice(result));
        }
        let middle = middle(count, ROWS);
        let mut rest = vec![self.identity; out.len()];
        self.join_rows(middle, results, out);
        self.join_rows(count - middle, results, &mut rest);
        self.add_row(out, &rest);
    }

    fn add_row(&self, out: &mut [T], row: &[T]) {
        for (o, x) in out.iter_mut().zip(row) {
            *o = (self.combine)(*o, *x);
        }
    }
}

/// Whether one thread computes the tree over so many leaves of `width` elements.
fn is_branch(leaves: usize, width: usize, block: usize) -> bool {
    leaves <= block || leaves * width < GRAIN
}

/// The branches of a tree, each for one thread.
fn divide(leaves: Range<usize>, width: usize, block: usize, branches: &mut Vec<Range<usize>>) {
    if is_branch(leaves.len(), width, block) {
        return branches.push(leaves);
    }
    let middle = leaves.start + middle(leaves.len(), block);
    divide(leaves.start..middle, width, block, branches);
    divide(middle..leaves.end, width, block, branches);
}

/// Where a tree over `len` leaves divides: in the middle, at a multiple of `block`.
fn middle(len: usize, block: usize) -> usize {
    len.div_ceil(2).next_multiple_of(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sums_lose_little() {
        let x = vec![0.1f32; 10_000_019];
        let fold = Fold { identity: 0.0, combine: |a, b| a + b, team: None };
        let want = 10_000_019.0 * f64::from(0.1f32);
        assert!((f64::from(fold.elements(&x)) / want - 1.0).abs() < 1e-6);
        let mut columns = [0.0f32; 1];
        fold.rows(&x, &mut columns);
        assert!((f64::from(columns[0]) / want - 1.0).abs() < 1e-5);
    }
}
