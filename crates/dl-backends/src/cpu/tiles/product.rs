//! Contractions of tiles as matrix products.

use dl_core::DType;
use dl_core::ops::Contraction;
use dl_core::plan::Step;

use super::build::{Builder, Target, value_of};
use super::lane::{Scene, Span};
use super::slots::{Held, Slot};
use crate::cpu::gemm::{Matrix, Sizes, product};
use crate::cpu::layout::{Layout, merged};
use crate::cpu::real::Real;

/// A product of the rows of a tile.
pub(super) struct Product {
    pub dtype: DType,
    a: usize,
    b: usize,
    pub out: Target,
    form: Form,
}

enum Form {
    /// `rows·whole`: for each row of the tile, `m` rows of `k` elements by a matrix `[k, n]` with strides.
    Rows { m: usize, n: usize, k: usize, strides: (isize, isize) },
    /// `aᵀ·b` over rows, `k` for each of the tile, into a fold of `[m, n]` with strides.
    Fold { m: usize, n: usize, k: usize, strides: (isize, isize) },
}

impl Product {
    /// Rows by a whole matrix, if the contraction is one.
    pub(super) fn rows(
        builder: &mut Builder<'_>,
        spec: &Contraction,
        step: &Step,
    ) -> Result<Option<Product>, String> {
        let (left, right) = (value_of(step, 0), value_of(step, 1));
        let (x, w, x_letters, w_letters) = match (builder.is_rows(left), builder.is_rows(right)) {
            (true, false) => (left, right, &spec.lhs, &spec.rhs),
            (false, true) => (right, left, &spec.rhs, &spec.lhs),
            _ => return Ok(None),
        };
        let dtype = builder.plan.value(step.result).dtype;
        let kept = x_letters.iter().take_while(|l| spec.out.contains(l)).count();
        let (rows, summed) = x_letters.split_at(kept);
        let columns = spec.out.get(kept..).unwrap_or(&[]);
        let fits = dtype.is_float()
            && spec.out.starts_with(rows)
            && summed.iter().all(|l| w_letters.contains(l) && !spec.out.contains(l))
            && columns.iter().all(|l| w_letters.contains(l) && !x_letters.contains(l))
            && w_letters.len() == summed.len() + columns.len();
        if !fits {
            return Ok(None);
        }
        let (x_shape, w_shape) = (&builder.built.shapes[x.index()], &builder.built.shapes[w.index()]);
        let layout = Layout::dense(w_shape);
        let group = |letters: &[u8]| -> Vec<(usize, isize)> {
            let place = |l: &u8| w_letters.iter().position(|w| w == l).unwrap_or(0);
            letters.iter().map(|l| (w_shape[place(l)], layout.strides[place(l)])).collect()
        };
        let (Some(down), Some(across)) = (merged(&group(summed)), merged(&group(columns))) else {
            return Ok(None);
        };
        let m = x_shape[..kept].iter().product();
        let k = x_shape[kept..].iter().product();
        let n = group(columns).iter().map(|(n, _)| n).product();
        let (a, b) = (builder.dense(x)?, builder.whole(w));
        let form = Form::Rows { m, n, k, strides: (down, across) };
        Ok(Some(Product { dtype, a, b, out: Target::Home(usize::MAX), form }))
    }

    /// Rows by rows into a fold, if the contraction is one matrix product.
    pub(super) fn folded(
        builder: &mut Builder<'_>,
        spec: &Contraction,
        step: &Step,
        fold: usize,
    ) -> Result<Option<Product>, String> {
        let (left, right) = (value_of(step, 0), value_of(step, 1));
        let dtype = builder.plan.value(step.result).dtype;
        let common =
            spec.lhs.iter().zip(&spec.rhs).take_while(|(a, b)| a == b && !spec.out.contains(a)).count();
        let (rows, columns) = (&spec.lhs[common..], &spec.rhs[common..]);
        let straight = [rows, columns].concat() == spec.out;
        let crossed = [columns, rows].concat() == spec.out;
        if !dtype.is_float() || common == 0 || !(straight || crossed) {
            return Ok(None);
        }
        let (x, y) = (&builder.built.shapes[left.index()], &builder.built.shapes[right.index()]);
        let k = x[..common].iter().product();
        let (m, n): (usize, usize) = (x[common..].iter().product(), y[common..].iter().product());
        let strides = if straight { (n as isize, 1) } else { (1, m as isize) };
        let (a, b) = (builder.dense(left)?, builder.dense(right)?);
        Ok(Some(Product { dtype, a, b, out: Target::Fold(fold), form: Form::Fold { m, n, k, strides } }))
    }

    /// The values that are read.
    pub(super) fn inputs(&self) -> Vec<usize> {
        vec![self.a, self.b]
    }

    /// Computes the tile; with `first`, a fold is written, otherwise added to.
    pub(super) fn run(
        &self,
        scene: &mut Scene<'_>,
        span: Span,
        folds: &mut [Slot],
        first: bool,
        threads: usize,
    ) {
        match self.dtype {
            DType::F64 => self.typed::<f64>(scene, span, folds, first, threads),
            _ => self.typed::<f32>(scene, span, folds, first, threads),
        }
    }

    fn typed<T: Real + Held>(
        &self,
        scene: &mut Scene<'_>,
        span: Span,
        folds: &mut [Slot],
        first: bool,
        threads: usize,
    ) {
        match (&self.form, self.out) {
            (Form::Rows { m, n, k, strides }, Target::Home(home)) => {
                let (mut slot, start) = scene.take(home, span, m * n);
                let rows = span.rows * m;
                let out = &mut slot.get_mut::<T>()[start..start + rows * n];
                let a = scene.rows::<T>(self.a, span, m * k);
                let a = Matrix { data: a, offset: 0, row: *k as isize, column: 1 };
                let b = Matrix { data: scene.whole(self.b), offset: 0, row: strides.0, column: strides.1 };
                product(out, (*n as isize, 1), Sizes { m: rows, n: *n, k: *k }, a, b, false, threads);
                scene.put(home, slot);
            }
            (Form::Fold { m, n, k, strides }, Target::Fold(fold)) => {
                let a = scene.rows::<T>(self.a, span, m * k);
                let b = scene.rows::<T>(self.b, span, n * k);
                let a = Matrix { data: a, offset: 0, row: 1, column: *m as isize };
                let b = Matrix { data: b, offset: 0, row: *n as isize, column: 1 };
                let sizes = Sizes { m: *m, n: *n, k: span.rows * k };
                product(folds[fold].get_mut::<T>(), *strides, sizes, a, b, !first, threads);
            }
            _ => unreachable!("rows go to rows, folds to folds"),
        }
    }
}
