//! Matrix products of a tile at work.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::PoisonError;

use dl_core::DType;

use crate::cpu::gemm::{self, Matrix};
use crate::cpu::matmul::{Each, Job, Operand, Out, Places, Right, Room, Sizes, Strided, Windows, part};
use crate::cpu::real::{Arithmetic, Real};
use crate::cpu::team::Lead;
use crate::cpu::tiles::data::home::Target;
use crate::cpu::tiles::data::home::{Place, Span};
use crate::cpu::tiles::data::product::{Form, Left, MEMBERS, Product, View, Weights};
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
                let (m, len) = (*m, self.out_len());
                match (weights, self.dtype) {
                    (Weights::Packed(pack), DType::F32) if !matches!(self.view, View::Dense) => {
                        let room = scene.packed[*pack].1.read().unwrap_or_else(PoisonError::into_inner);
                        // SAFETY: operands have other buffers than results, and no group is at work.
                        let out = unsafe { scene.write(home, span, len) };
                        self.by_images(scene, span, (sizes.0, sizes.1, &room), (out, workspace), lead);
                    }
                    (Weights::Packed(pack), _) => {
                        let (pack, room) = &scene.packed[*pack];
                        let room = room.read().unwrap_or_else(PoisonError::into_inner);
                        // SAFETY: operands have other buffers than results, and no group is at work.
                        let out = unsafe { scene.write(home, span, len) };
                        self.by_packed(scene, span, (m, *sizes), pack.right(&room), out, lead);
                    }
                    (Weights::Whole(w, (row, _)), DType::F32) => {
                        // SAFETY: as above.
                        let out = unsafe { scene.write(home, span, len) };
                        if let Some(lines) =
                            self.single(span.rows, &scene.kernels).and_then(|w| scene.lines(w))
                        {
                            return self.by_row(scene, span, *sizes, (lines, *row as usize), out);
                        }
                        let right = Right::Rows(scene.whole(*w), *row as usize);
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
                    if let View::Windows(windows) = &self.view {
                        let images = scene.rows(self.left(), span, windows.len);
                        let rows = scene.rows(*b, span, sizes.1 * k);
                        let mut into = |out: &mut Out<'_>| {
                            let operands = (images, rows);
                            let (scene, workspace) = (scene, &mut *workspace);
                            scene.kernels.fold_windows(windows, operands, sizes.1, scale, (out, workspace));
                        };
                        match self.panels {
                            Some(pack) => {
                                let room = &scene.packed[pack].1;
                                let mut room = room.write().unwrap_or_else(PoisonError::into_inner);
                                into(&mut Out::panels(room.own(), sizes.0));
                            }
                            None => into(&mut Out::rows(folds[fold].now.get_mut(), sizes.1)),
                        }
                        return;
                    }
                    let parts = (*b, *sizes, *k);
                    if let Some(pack) = self.panels {
                        let mut room = scene.packed[pack].1.write().unwrap_or_else(PoisonError::into_inner);
                        let out = &mut Out::panels(room.own(), sizes.0);
                        return self.fold_packed(scene, span, parts, scale, (out, workspace), lead);
                    }
                    let out = &mut Out::rows(folds[fold].now.get_mut(), sizes.1);
                    self.fold_packed(scene, span, parts, scale, (out, workspace), lead);
                }
                _ => self.fold(scene, span, (*b, *sizes, *k), first, folds[fold].now.get_mut::<f64>()),
            },
            (Form::Each { b, each }, Target::Home(home)) => match self.dtype {
                DType::F32 => {
                    // SAFETY: operands have other buffers than results, and no group is at work.
                    let out = unsafe { scene.write(home, span, self.out_len()) };
                    self.by_each(scene, span, (*b, each), (out, workspace), lead);
                }
                _ => {
                    // SAFETY: as above.
                    let out = unsafe { scene.write::<f64>(home, span, self.out_len()) };
                    let (x, y) = (self.left(), *b);
                    let (x, y) =
                        (elements(scene, span, (x, &each.left)), elements(scene, span, (y, &each.right)));
                    let Sizes { m, n, k } = each.sizes;
                    let count = if m * n == 0 { 0 } else { span.rows * each.count() };
                    for number in 0..count {
                        let of = |data, places: &Places| Matrix {
                            data,
                            offset: places.at(number) as isize,
                            row: places.row as isize,
                            column: places.column as isize,
                        };
                        let (a, b) = (of(x, &each.left), of(y, &each.right));
                        let out = &mut out[each.out.at(number)..];
                        gemm::product(out, (each.out.row as isize, 1), gemm::Sizes { m, n, k }, a, b, false);
                    }
                }
            },
            _ => unreachable!("rows go to rows, folds to folds"),
        }
    }

    /// Products of each row; with a team, each member has some of them.
    fn by_each(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (b, each): (usize, &Each),
        (out, workspace): (&mut [f32], &mut [f32]),
        lead: Option<&mut Lead<'_>>,
    ) {
        let operands =
            (elements(scene, span, (self.left(), &each.left)), elements(scene, span, (b, &each.right)));
        let count = span.rows * each.count();
        let parts =
            lead.as_ref().map_or(1, |lead| scene.kernels.share(self.sizes(span.rows), lead.members()).parts);
        let parts = parts.min(count).clamp(1, MEMBERS);
        let (out, space) = (Parts::new(out), Parts::new(workspace));
        let room = space.len() / parts;
        let some = |index: usize| {
            let numbers = part(0..count, index, parts);
            // SAFETY: every part has a workspace of its own, and products that no other part has: no two of
            // them share an element (`Loops::covers`).
            unsafe {
                let workspace = space.part(index * room..(index + 1) * room);
                scene.kernels.multiply_each(each, operands, numbers, (out.start(), out.len()), workspace);
            }
        };
        match lead.filter(|_| parts > 1) {
            Some(lead) => lead.parts(parts, &|_, index| some(index)),
            None => some(0),
        }
    }

    /// A product with windows of images, or one whose windows add up to images; with a team, each member has
    /// some of the images.
    fn by_images(
        &self,
        scene: &Scene<'_>,
        span: Span,
        (k, n, b): (usize, usize, &[f32]),
        (out, workspace): (&mut [f32], &mut [f32]),
        lead: Option<&mut Lead<'_>>,
    ) {
        let (left, len) = (self.left_len(), self.out_len());
        let images = scene.rows::<f32>(self.left(), span, left);
        let whole = |images: &[f32], out: &mut [f32], workspace: &mut [f32]| match &self.view {
            View::Windows(windows) => {
                let bias = self.bias.map(|bias| scene.whole::<f32>(bias));
                scene.kernels.multiply_windows(windows, (images, b), (n, bias), out);
            }
            View::Overlap(overlap) => {
                scene.kernels.overlap_windows(overlap, (images, k, b), (out, workspace));
            }
            View::Dense => unreachable!("dense matrices are another's"),
        };
        let Some(lead) = lead.filter(|_| span.rows > 1) else { return whole(images, out, workspace) };
        let parts = lead.members().min(span.rows).min(MEMBERS);
        let (out, space) = (Parts::new(out), Parts::new(workspace));
        let room = space.len() / parts;
        lead.parts(parts, &|_, index| {
            let rows = part(0..span.rows, index, parts);
            // SAFETY: every part has images and workspace of its own.
            let (out, workspace) = unsafe {
                (out.part(rows.start * len..rows.end * len), space.part(index * room..(index + 1) * room))
            };
            whole(&images[rows.start * left..rows.end * left], out, workspace);
        });
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

    /// A single row, by rows of a matrix that is finite: those that are multiplied by zero are not read.
    fn by_row(
        &self,
        scene: &Scene<'_>,
        span: Span,
        sizes: (usize, usize),
        (b, stride): (&[f32], usize),
        out: &mut [f32],
    ) {
        let k = sizes.0;
        match self.a {
            Left::Home(home) => {
                scene.kernels.multiply_row(scene.rows(home, span, k), (b, stride), sizes, out);
            }
            Left::Converted(place, _) => {
                let mut own = scene.own(place, 0);
                let a = scene.converts[place].elements(&mut own, scene, span, 0..k);
                scene.kernels.multiply_row(a, (b, stride), sizes, out);
            }
        }
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
        let b = Matrix { data: scene.whole(w), offset: 0, row: strides.0, column: strides.1 };
        let left = scene.rows::<T>(self.left(), span, self.left_len());
        match &self.view {
            View::Dense => {
                let a = Matrix { data: left, offset: 0, row: k as isize, column: 1 };
                let sizes = gemm::Sizes { m: span.rows * m, n, k };
                gemm::product(out, (n as isize, 1), sizes, a, b, false);
            }
            View::Windows(windows) => {
                let sizes = gemm::Sizes { m, n, k };
                for (image, out) in left.chunks_exact(windows.len).zip(out.chunks_exact_mut((m * n).max(1))) {
                    let data = &copied(windows, image);
                    let a = Matrix { data, offset: 0, row: k as isize, column: 1 };
                    gemm::product(out, (n as isize, 1), sizes, a, b, false);
                }
                if let Some(bias) = self.bias {
                    let bias = scene.whole::<T>(bias);
                    let rows = out.chunks_exact_mut(n.max(1));
                    let add = |out: &mut T, bias: &T| *out = Arithmetic::plus(*out, *bias);
                    rows.for_each(|row| row.iter_mut().zip(bias).for_each(|(out, bias)| add(out, bias)));
                }
            }
            View::Overlap(overlap) => {
                let (sizes, mut parts) = (gemm::Sizes { m, n, k }, vec![T::default(); m * n]);
                out.fill(T::default());
                for (row, image) in left.chunks_exact((m * k).max(1)).zip(out.chunks_exact_mut(overlap.len)) {
                    let a = Matrix { data: row, offset: 0, row: k as isize, column: 1 };
                    gemm::product(&mut parts, (n as isize, 1), sizes, a, b, false);
                    let places =
                        overlap.rows.places().flat_map(|i| overlap.columns.places().map(move |j| i + j));
                    places
                        .zip(&parts)
                        .for_each(|(place, part)| image[place] = Arithmetic::plus(image[place], *part));
                }
            }
        }
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
        let left = scene.rows::<T>(self.left(), span, self.left_len());
        if let View::Windows(windows) = &self.view {
            let rows = scene.rows::<T>(b, span, n * k);
            let images = left.chunks_exact(windows.len).zip(rows.chunks_exact((n * k).max(1)));
            for (index, (image, rows)) in images.enumerate() {
                let data = &copied(windows, image);
                let a = Matrix { data, offset: 0, row: k as isize, column: 1 };
                let b = Matrix { data: rows, offset: 0, row: n as isize, column: 1 };
                let sizes = gemm::Sizes { m, n, k };
                gemm::product(out, (n as isize, 1), sizes, a, b, !first || index > 0);
            }
            return;
        }
        let a = Matrix { data: left, offset: 0, row: 1, column: m as isize };
        let b = Matrix { data: scene.rows::<T>(b, span, n * k), offset: 0, row: n as isize, column: 1 };
        let sizes = gemm::Sizes { m, n, k: span.rows * k };
        gemm::product(out, (n as isize, 1), sizes, a, b, !first);
    }
}

/// The elements of an operand, rows or whole.
fn elements<'s, T: Held>(scene: &Scene<'s>, span: Span, (home, places): (usize, &Places)) -> &'s [T] {
    match scene.homes[home].place {
        Place::Whole(_) | Place::Known(_) => scene.whole(home),
        _ => scene.rows(home, span, places.each),
    }
}

/// The windows of an image, one after the other.
fn copied<T: Copy>(windows: &Windows, image: &[T]) -> Vec<T> {
    windows.rows.places().flat_map(|i| windows.columns.places().map(move |j| image[i + j])).collect()
}

/// Elements of which threads have parts of their own.
#[derive(Clone, Copy)]
struct Parts(*mut f32, usize);

// SAFETY: it is only an address; whoever makes parts of it says why that is sound.
unsafe impl Sync for Parts {}

impl Parts {
    fn new(elements: &mut [f32]) -> Parts {
        Parts(elements.as_mut_ptr(), elements.len())
    }

    fn len(&self) -> usize {
        self.1
    }

    fn start(&self) -> *mut f32 {
        self.0
    }

    /// # Safety
    /// The elements outlive the part, and nothing else touches these.
    unsafe fn part<'p>(&self, range: Range<usize>) -> &'p mut [f32] {
        assert!(range.start <= range.end && range.end <= self.1, "a part of the elements");
        // SAFETY: the range is inside, and the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}
