//! Contractions of tiles as matrix products.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Range;
use std::sync::PoisonError;

use dl_core::DType;
use dl_core::ops::Contraction;
use dl_core::plan::Step;

use super::build::{Builder, Target, value_of};
use super::fold::Fold;
use super::lane::{Scene, Span};
use super::slots::Held;
use crate::cpu::gemm::{self, Matrix};
use crate::cpu::layout::{Layout, merged};
use crate::cpu::matmul::{Job, Kernels, Operand, Out, Right, Room, Sizes, Strided};
use crate::cpu::parameter::{Panels, Parameter};
use crate::cpu::real::Real;
use crate::cpu::team::Lead;

/// A product of the rows of a tile.
pub(super) struct Product {
    pub dtype: DType,
    a: Left,
    pub out: Target,
    form: Form,
    /// Scales what is added to a fold, and what was there before the first tile.
    pub scale: (f32, f32),
    /// The packed matrix that it adds to, instead of a fold.
    pub panels: Option<usize>,
    /// The plan's step.
    pub step: usize,
}

/// The left operand.
#[derive(Clone, Copy)]
enum Left {
    Home(usize),
    /// By the list of inputs that are converted, and the home of its bytes.
    Converted(usize, usize),
}

enum Form {
    /// For each row of the tile, `m` rows of `k` elements, by a whole matrix `[k, n]`.
    Rows { m: usize, sizes: (usize, usize), weights: Weights },
    /// `aᵀ·b` over rows, `k` for each of the tile, into a fold of `[m, n]`.
    Fold { b: usize, sizes: (usize, usize), k: usize },
}

enum Weights {
    /// In panels, by the list of those that a run packs.
    Packed(usize),
    /// As the value lies, with the distances between its rows and columns.
    Whole(usize, (isize, isize)),
}

/// A whole matrix that is packed before the first tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pack {
    /// The plan's value.
    pub value: usize,
    pub round: u32,
    k: usize,
    n: usize,
    strides: (isize, isize),
}

impl Pack {
    /// Rows and columns, and whether it lies column by column.
    pub(super) fn sizes(&self) -> (usize, usize, bool) {
        (self.k, self.n, self.n > 1 && self.strides.1 != 1)
    }

    /// Elements that it takes.
    pub(super) fn len(&self, kernels: &Kernels) -> usize {
        if self.n == 1 { kernels.panels_len(1, self.k) } else { kernels.panels_len(self.k, self.n) }
    }

    pub(super) fn fill(&self, kernels: &Kernels, from: &[f32], room: &mut [f32]) {
        let (row, column) = self.strides;
        let from = Operand::F32(Strided { data: from, offset: 0, row, column });
        match self.n {
            // Panels of one row, which is the column.
            1 => kernels.pack_panels(room, 1, self.k, from.t()),
            n => kernels.pack_panels(room, self.k, n, from),
        }
    }

    /// Rows and columns of the parameter that it is the whole of, as it lies.
    pub(super) fn plain(&self) -> Option<(usize, usize)> {
        (self.n > 1 && self.strides == (self.n as isize, 1)).then_some((self.k, self.n))
    }

    /// Such panels, for a parameter to be kept in.
    pub(super) fn panels(&self, room: Room, kernels: Kernels) -> Panels {
        Panels { room, rows: self.k, columns: self.n, kernels }
    }

    pub(super) fn is_in(&self, parameter: &Parameter) -> bool {
        parameter.has_panels(self.k, self.n)
    }

    pub(super) fn take_from(&self, parameter: &mut Parameter) -> Option<Room> {
        parameter.take_panels(self.k, self.n)
    }

    fn right<'r>(&self, room: &'r [f32]) -> Right<'r> {
        if self.n == 1 { Right::Column(&room[..self.k]) } else { Right::Panels(room) }
    }
}

/// The bytes that a product reads and writes.
pub(super) struct Cost {
    /// For each row of the plan.
    pub row: usize,
    /// Of the matrix that has no rows of the plan.
    pub whole: usize,
}

/// The sizes, with `r` for the rows of the plan.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |n: usize| if n == 1 { "r".into() } else { format!("{n}r") };
        match &self.form {
            Form::Rows { m, sizes: (k, n), .. } => write!(f, "[{}, {k}]·[{k}, {n}]", rows(*m)),
            Form::Fold { sizes: (m, n), k, .. } => write!(f, "[{m}, {r}]·[{r}, {n}]", r = rows(*k)),
        }
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.k, self.n)
    }
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
        let (a, strides) = (builder.dense(x)?, (down, across));
        let weights = match dtype {
            DType::F32 if !builder.few(m) || across != 1 || n % builder.kernels.vector() != 0 => {
                let round = builder.round();
                Weights::Packed(builder.pack(Pack { value: w.index(), round, k, n, strides }))
            }
            _ => Weights::Whole(builder.whole(w), strides),
        };
        let form = Form::Rows { m, sizes: (k, n), weights };
        Ok(Some(Product {
            dtype,
            a: Left::Home(a),
            out: Target::Home(usize::MAX),
            form,
            scale: (1.0, 0.0),
            panels: None,
            step: builder.step,
        }))
    }

    /// Rows by rows into a fold, if the contraction is one matrix product.
    pub(super) fn folded(
        builder: &mut Builder<'_>,
        spec: &Contraction,
        step: &Step,
        fold: usize,
    ) -> Result<Option<Product>, String> {
        let (mut left, mut right) = (value_of(step, 0), value_of(step, 1));
        let dtype = builder.plan.value(step.result).dtype;
        let common =
            spec.lhs.iter().zip(&spec.rhs).take_while(|(a, b)| a == b && !spec.out.contains(a)).count();
        let (rows, columns) = (&spec.lhs[common..], &spec.rhs[common..]);
        let straight = [rows, columns].concat() == spec.out;
        let crossed = [columns, rows].concat() == spec.out;
        if !dtype.is_float() || common == 0 || !(straight || crossed) {
            return Ok(None);
        }
        if !straight {
            (left, right) = (right, left);
        }
        let (x, y) = (&builder.built.shapes[left.index()], &builder.built.shapes[right.index()]);
        let k = x[..common].iter().product();
        let sizes = (x[common..].iter().product(), y[common..].iter().product());
        let (a, b) = (builder.dense(left)?, builder.dense(right)?);
        let form = Form::Fold { b, sizes, k };
        Ok(Some(Product {
            dtype,
            a: Left::Home(a),
            out: Target::Fold(fold),
            form,
            scale: (1.0, 0.0),
            panels: None,
            step: builder.step,
        }))
    }

    /// Rows and columns of the fold that it adds to.
    pub(super) fn folded_sizes(&self) -> Option<(usize, usize)> {
        if let Form::Fold { sizes, .. } = &self.form { Some(*sizes) } else { None }
    }

    /// The values that are read.
    pub(super) fn inputs(&self) -> Vec<usize> {
        match &self.form {
            Form::Rows { weights: Weights::Whole(w, _), .. } => vec![self.left(), *w],
            Form::Rows { .. } => vec![self.left()],
            Form::Fold { b, .. } => vec![self.left(), *b],
        }
    }

    /// The value on the left.
    pub(super) fn left(&self) -> usize {
        match self.a {
            Left::Home(home) | Left::Converted(_, home) => home,
        }
    }

    /// Has the bytes of the list's place for its left operand, if that is `home`.
    pub(super) fn convert(&mut self, home: usize, (place, bytes): (usize, usize)) {
        if self.left() == home {
            self.a = Left::Converted(place, bytes);
        }
    }

    /// What it converts, by the list.
    pub(super) fn converted(&self) -> Option<usize> {
        if let Left::Converted(place, _) = self.a { Some(place) } else { None }
    }

    /// Its sizes for so many rows of the plan.
    pub(super) fn sizes(&self, rows: usize) -> Sizes {
        match self.form {
            Form::Rows { m, sizes: (k, n), .. } => Sizes { m: rows * m, n, k },
            Form::Fold { sizes: (m, n), k, .. } => Sizes { m, n, k: rows * k },
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let Sizes { m, n, k } = self.sizes(1);
        let (row, whole) = match self.form {
            Form::Rows { .. } => (m * k + m * n, k * n),
            Form::Fold { .. } => (k * m + k * n, m * n),
        };
        Cost { row: row * self.dtype.bytes(), whole: whole * self.dtype.bytes() }
    }

    /// Rows and columns that it packs itself, for so many rows of the plan.
    pub(super) fn packs(&self, rows: usize) -> (usize, usize) {
        match &self.form {
            Form::Fold { sizes: (_, n), k, .. } if self.dtype == DType::F32 && *n > 1 => (rows * k, *n),
            _ => (0, 0),
        }
    }

    /// Elements of the workspace that it needs for so many rows.
    pub(super) fn workspace(&self, kernels: &Kernels, rows: usize) -> usize {
        match &self.form {
            Form::Fold { sizes: (_, n), k, .. } if self.dtype == DType::F32 => {
                kernels.panels_len(rows * k, *n)
            }
            _ => 0,
        }
    }

    /// Computes the tile; with `first`, a fold is written, otherwise added to.
    pub(super) fn run(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (folds, workspace): (&mut [Fold], &mut Room),
        first: bool,
        lead: Option<&mut Lead<'_>>,
    ) {
        match (&self.form, self.out) {
            (Form::Rows { m, sizes, weights }, Target::Home(home)) => {
                let (m, len) = (*m, m * sizes.1);
                match (weights, self.dtype) {
                    (Weights::Packed(pack), _) => {
                        let (pack, room) = &scene.packed[*pack];
                        let room = room.read().unwrap_or_else(PoisonError::into_inner);
                        // SAFETY: operands have other buffers than results, and no group is at work.
                        let out = unsafe { scene.write(home, span, len) };
                        self.by_packed(scene, span, (m, *sizes), pack.right(&room), out, lead);
                    }
                    (Weights::Whole(w, (row, _)), DType::F32) => {
                        let right = Right::Rows(scene.whole(*w), *row as usize);
                        // SAFETY: as above.
                        let out = unsafe { scene.write(home, span, len) };
                        self.by_packed(scene, span, (m, *sizes), right, out, lead);
                    }
                    (Weights::Whole(w, strides), _) => {
                        // SAFETY: as above.
                        let out = unsafe { scene.write::<f64>(home, span, len) };
                        self.by_whole(scene, span, (m, *sizes), (*w, *strides), out);
                    }
                }
            }
            (Form::Fold { b, sizes, k }, Target::Fold(fold)) => match self.dtype {
                DType::F32 => {
                    let scale = (self.scale.0, if first { self.scale.1 } else { 1.0 });
                    let parts = (*b, *sizes, *k);
                    if let Some(pack) = self.panels {
                        let mut room = scene.packed[pack].1.write().unwrap_or_else(PoisonError::into_inner);
                        let out = &mut Out::panels(&mut room, sizes.0);
                        return self.fold_packed(scene, span, parts, scale, (out, workspace), lead);
                    }
                    let out = &mut Out::rows(folds[fold].now.get_mut(), sizes.1);
                    self.fold_packed(scene, span, parts, scale, (out, workspace), lead);
                }
                _ => self.fold(scene, span, (*b, *sizes, *k), first, folds[fold].now.get_mut::<f64>()),
            },
            _ => unreachable!("rows go to rows, folds to folds"),
        }
    }

    fn by_packed(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (m, (k, n)): (usize, (usize, usize)),
        b: Right<'_>,
        out: &mut [f32],
        lead: Option<&mut Lead<'_>>,
    ) {
        let sizes = Sizes { m: span.rows * m, n, k };
        let job = Job { sizes, rows: self.at_a_time(scene, sizes), b, alpha: 1.0, beta: 0.0 };
        let left = |member: usize, rows: Range<usize>, then: &mut dyn FnMut(Strided<'_, f32>)| {
            let range = rows.start * k..rows.end * k;
            match self.a {
                Left::Home(home) => then(Strided::rows(&scene.rows(home, span, m * k)[range], k)),
                Left::Converted(place, _) => {
                    let mut own = scene.own(place, member);
                    let elements = scene.converts[place].elements(&mut own, scene, span, range);
                    then(Strided::rows(elements, k));
                }
            }
        };
        scene.kernels.multiply_shared(&job, &left, &mut Out::rows(out, n), lead);
    }

    /// Rows of the left operand that are there together.
    fn at_a_time(&self, scene: &Scene<'_>, Sizes { m, k, .. }: Sizes) -> usize {
        match self.a {
            Left::Home(_) => m,
            Left::Converted(place, _) => scene.converts[place].at_a_time((m, k)),
        }
    }

    fn by_whole<T: Real + Held>(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (m, (k, n)): (usize, (usize, usize)),
        (w, strides): (usize, (isize, isize)),
        out: &mut [T],
    ) {
        let a =
            Matrix { data: scene.rows::<T>(self.left(), span, m * k), offset: 0, row: k as isize, column: 1 };
        let b = Matrix { data: scene.whole(w), offset: 0, row: strides.0, column: strides.1 };
        let sizes = gemm::Sizes { m: span.rows * m, n, k };
        gemm::product(out, (n as isize, 1), sizes, a, b, false);
    }

    fn fold_packed(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (b, (m, n), k): (usize, (usize, usize), usize),
        (alpha, beta): (f32, f32),
        (out, workspace): (&mut Out<'_>, &mut Room),
        lead: Option<&mut Lead<'_>>,
    ) {
        let kernels = scene.kernels;
        let b = scene.rows(b, span, n * k);
        let left = |member: usize, rows: Range<usize>, then: &mut dyn FnMut(Strided<'_, f32>)| match self.a {
            Left::Home(home) => {
                then(Strided::rows(&scene.rows(home, span, m * k)[rows.start..], m).t());
            }
            Left::Converted(place, _) => {
                let mut own = scene.own(place, member);
                let (a, stride) = scene.converts[place].columns(&mut own, scene, (span, m), rows);
                then(Strided::rows(a, stride).t());
            }
        };
        let k = span.rows * k;
        let right = match n {
            1 => Right::Column(b),
            _ => {
                kernels.pack_panels(workspace, k, n, Operand::F32(Strided::rows(b, n)));
                Right::Panels(workspace)
            }
        };
        let sizes = Sizes { m, n, k };
        let job = Job { sizes, rows: self.at_a_time(scene, sizes), b: right, alpha, beta };
        kernels.multiply_shared(&job, &left, out, lead);
    }

    fn fold<T: Real + Held>(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (b, (m, n), k): (usize, (usize, usize), usize),
        first: bool,
        out: &mut [T],
    ) {
        let a =
            Matrix { data: scene.rows::<T>(self.left(), span, m * k), offset: 0, row: 1, column: m as isize };
        let b = Matrix { data: scene.rows::<T>(b, span, n * k), offset: 0, row: n as isize, column: 1 };
        let sizes = gemm::Sizes { m, n, k: span.rows * k };
        gemm::product(out, (n as isize, 1), sizes, a, b, !first);
    }
}
