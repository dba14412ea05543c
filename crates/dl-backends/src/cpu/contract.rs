//! Contractions: any two-operand einsum as a batch of matrix products.

use dl_core::ops::Contraction;

use super::array::{Array, Item, View};
use super::gemm::{Matrix, Sizes, product, shared};
use super::layout::{Layout, merged, position};
use super::loops::{Context, share};
use super::real::{Arithmetic, Real};
use super::team::Team;

/// Multiplications in a batch below which one thread does them.
const GRAIN: usize = 1 << 16;
/// Products in a batch that are too few for threads to have some each: they share each product.
const FEW: usize = 8;

/// The letters by what they do.
struct Letters {
    /// In both operands and in the result.
    batch: Vec<u8>,
    /// In the left operand and in the result.
    rows: Vec<u8>,
    /// In the right operand and in the result.
    columns: Vec<u8>,
    /// In both operands only.
    summed: Vec<u8>,
}

/// An operand as a batch of matrices.
struct Batch<'a, T> {
    view: View<'a, T>,
    /// Distances between matrices along the axes of the batch.
    strides: Vec<isize>,
    row: isize,
    column: isize,
}

/// Computes all products of two batches, with the threads that may work.
type Products<T> = fn(&mut [T], &Shape, [&Batch<'_, T>; 2], Option<&Team>);

/// How the result is laid out while it is computed.
struct Shape {
    batch: Vec<usize>,
    sizes: Sizes,
    /// The result's letters as they lie in memory.
    order: Vec<u8>,
    row: isize,
    column: isize,
}

impl Letters {
    fn new(spec: &Contraction) -> Self {
        let keep = |test: &dyn Fn(u8) -> bool| spec.out.iter().copied().filter(|l| test(*l)).collect();
        let (left, right) = (|l| spec.lhs.contains(&l), |l| spec.rhs.contains(&l));
        Letters {
            batch: keep(&|l| left(l) && right(l)),
            rows: keep(&|l| left(l) && !right(l)),
            columns: keep(&|l| !left(l) && right(l)),
            summed: spec.summed().collect(),
        }
    }

    fn shape(&self, spec: &Contraction, a: &[usize], b: &[usize]) -> Shape {
        let size = |l: &u8| {
            let find =
                |letters: &[u8], shape: &[usize]| letters.iter().position(|x| x == l).map(|i| shape[i]);
            find(&spec.lhs, a).or_else(|| find(&spec.rhs, b)).unwrap_or(1)
        };
        let product = |letters: &[u8]| letters.iter().map(size).product::<usize>();
        let sizes = Sizes { m: product(&self.rows), n: product(&self.columns), k: product(&self.summed) };
        let mut shape = Shape {
            batch: self.batch.iter().map(size).collect(),
            sizes,
            order: [self.batch.as_slice(), &self.rows, &self.columns].concat(),
            row: sizes.n as isize,
            column: 1,
        };
        let transposed = [self.batch.as_slice(), &self.columns, &self.rows].concat();
        if transposed == spec.out {
            (shape.order, shape.row, shape.column) = (transposed, 1, sizes.m as isize);
        }
        shape
    }
}

impl Context {
    /// The einsum `spec` of `a` and `b`.
    pub(super) fn contract<'a>(
        &mut self,
        spec: &Contraction,
        a: Array<'a>,
        b: Array<'a>,
        shape: &[usize],
    ) -> Array<'a> {
        match (a, b) {
            (Array::F32(a), Array::F32(b)) => {
                Array::F32(self.contract_with(spec, a, b, shape, products::<f32>))
            }
            (Array::F64(a), Array::F64(b)) => {
                Array::F64(self.contract_with(spec, a, b, shape, products::<f64>))
            }
            (a, b) => Array::I64(self.contract_with(spec, a.of(), b.of(), shape, integer_products)),
        }
    }

    fn contract_with<'a, T: Item>(
        &mut self,
        spec: &Contraction,
        a: View<'a, T>,
        b: View<'a, T>,
        out_shape: &[usize],
        products: Products<T>,
    ) -> View<'a, T> {
        let letters = Letters::new(spec);
        let shape = letters.shape(spec, &a.layout.shape, &b.layout.shape);
        let a = self.matrices(a, &spec.lhs, [&letters.batch, &letters.rows, &letters.summed]);
        let b = self.matrices(b, &spec.rhs, [&letters.batch, &letters.summed, &letters.columns]);
        let mut out = self.pool.take(out_shape.iter().product());
        if !out.is_empty() {
            products(&mut out, &shape, [&a, &b], self.team());
        }
        self.pool.free(a.view);
        self.pool.free(b.view);
        let place =
            |letters: &[u8], l: &u8| letters.iter().position(|x| x == l).expect("both have the same letters");
        let sizes: Vec<usize> = shape.order.iter().map(|l| out_shape[place(&spec.out, l)]).collect();
        let permutation: Vec<usize> = spec.out.iter().map(|l| place(&shape.order, l)).collect();
        self.pool.dense(out, &sizes).with(Layout::dense(&sizes).permute(&permutation))
    }

    /// An operand with its axes in the order of `groups`: batch, rows, columns; copied only where the
    /// axes of a group cannot be taken as one.
    fn matrices<'a, T: Item>(
        &mut self,
        x: View<'a, T>,
        letters: &[u8],
        groups: [&Vec<u8>; 3],
    ) -> Batch<'a, T> {
        let place = |l: &u8| letters.iter().position(|x| x == l).expect("a group has an operand's letters");
        let permutation: Vec<usize> = groups.iter().flat_map(|g| g.iter().map(place)).collect();
        let layout = x.layout.permute(&permutation);
        let mut view = x.with(layout);
        let (rows, columns) = (groups[0].len(), groups[0].len() + groups[1].len());
        if strides(&view.layout, rows, columns).is_none() {
            view = self.dense(view);
        }
        let (row, column) = strides(&view.layout, rows, columns).expect("dense axes can be taken as one");
        Batch { strides: view.layout.strides[..rows].to_vec(), view, row, column }
    }
}

/// One stride for the axes `rows..columns` and one for those from `columns`.
fn strides(layout: &Layout, rows: usize, columns: usize) -> Option<(isize, isize)> {
    let axes: Vec<(usize, isize)> =
        layout.shape.iter().copied().zip(layout.strides.iter().copied()).collect();
    Some((merged(&axes[rows..columns])?, merged(&axes[columns..])?))
}

impl<T: Item> Batch<'_, T> {
    /// The matrix at a place of the batch.
    fn at(&self, sizes: &[usize], place: usize) -> Matrix<'_, T> {
        let steps = position(sizes, place);
        let shift: isize = steps.iter().zip(&self.strides).map(|(i, s)| *i as isize * s).sum();
        Matrix {
            data: self.view.stored(),
            offset: self.view.layout.offset + shift,
            row: self.row,
            column: self.column,
        }
    }
}

/// All products of a batch; `out` is not empty. What threads share depends on the sizes alone.
fn products<T: Real>(out: &mut [T], shape: &Shape, [a, b]: [&Batch<'_, T>; 2], team: Option<&Team>) {
    let Sizes { m, n, k } = shape.sizes;
    let strides = (shape.row, shape.column);
    let count = out.len() / (m * n);
    if count < FEW {
        for (i, out) in out.chunks_exact_mut(m * n).enumerate() {
            let (a, b) = (a.at(&shape.batch, i), b.at(&shape.batch, i));
            shared(out, strides, shape.sizes, (a, b), team);
        }
        return;
    }
    let chunk = if count * m * n * k < GRAIN { out.len() } else { m * n };
    share(team, out, chunk, &|start, out| {
        for (i, out) in out.chunks_exact_mut(m * n).enumerate() {
            let place = start / (m * n) + i;
            let (a, b) = (a.at(&shape.batch, place), b.at(&shape.batch, place));
            product(out, strides, shape.sizes, a, b, false);
        }
    });
}

/// The same for integers, which wrap.
fn integer_products(out: &mut [i64], shape: &Shape, [a, b]: [&Batch<'_, i64>; 2], _: Option<&Team>) {
    let Sizes { m, n, k } = shape.sizes;
    for (place, out) in out.chunks_exact_mut(m * n).enumerate() {
        let (a, b) = (a.at(&shape.batch, place), b.at(&shape.batch, place));
        let at = |x: &Matrix<'_, i64>, i: usize, j: usize| {
            x.data[(x.offset + i as isize * x.row + j as isize * x.column) as usize]
        };
        for i in 0..m {
            for j in 0..n {
                let sum = (0..k).fold(0, |sum: i64, l| sum.plus(at(&a, i, l).times(at(&b, l, j))));
                out[i * shape.row as usize + j * shape.column as usize] = sum;
            }
        }
    }
}
