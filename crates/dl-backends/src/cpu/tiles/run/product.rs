//! Matrix products of a tile at work.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::PoisonError;

use dl_core::DType;

use crate::cpu::gemm::{self, Matrix};
use crate::cpu::matmul::{Job, Operand, Out, Right, Room, Sizes, Strided};
use crate::cpu::real::Real;
use crate::cpu::team::Lead;
use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::home::Target;
use crate::cpu::tiles::data::product::{Form, Left, Product, Weights};
use crate::cpu::tiles::data::slots::Held;
use crate::cpu::tiles::run::fold::Fold;
use crate::cpu::tiles::run::scene::Scene;

impl Product {
    /// Computes the tile; with `first`, a fold is written, otherwise added to.
    pub(crate) fn run(
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
