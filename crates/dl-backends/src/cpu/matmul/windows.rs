//! Products whose left operand is the windows of images, read where they lie, and products whose result is
//! windows that add up to images: convolutions and their gradients, without a copy of the windows.
//!
//! A row of windows is runs of neighbours of the image, so that a micro-kernel goes from run to run. The order
//! of each sum depends on the sizes alone.

use super::blocks::part;
use super::pack::panel_width;
use super::tile::{Run, Tile};
use super::{CHAIN, Kernels, LONG, Layout, Operand, Out, Strided};
use crate::cpu::vector::{keep, settled};

/// Places in a row of a buffer: lines of so many at a distance, each from a start of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cpu) struct Lines {
    pub starts: Vec<usize>,
    pub length: usize,
    pub distance: usize,
}

impl Lines {
    /// Along several axes, by size and distance, the last one fastest.
    pub(in crate::cpu) fn new(axes: &[(usize, usize)]) -> Lines {
        let Some(((length, distance), outer)) = axes.split_last() else {
            return Lines { starts: vec![0], length: 1, distance: 1 };
        };
        let mut starts = vec![0];
        for (size, distance) in outer {
            starts = starts.iter().flat_map(|s| (0..*size).map(move |i| s + i * distance)).collect();
        }
        Lines { starts, length: *length, distance: *distance }
    }

    /// How many places there are.
    pub(in crate::cpu) fn size(&self) -> usize {
        self.starts.len() * self.length
    }

    /// The last of the places.
    fn reach(&self) -> usize {
        self.starts.iter().max().map_or(0, |start| start + self.length.saturating_sub(1) * self.distance)
    }

    /// All places in order.
    pub(in crate::cpu) fn places(&self) -> impl Iterator<Item = usize> {
        let line = |start: &usize| {
            let (start, distance) = (*start, self.distance);
            (0..self.length).map(move |i| start + i * distance)
        };
        self.starts.iter().flat_map(line)
    }

    /// The places in runs of the inner axis of products, no more of them together than `depth`.
    fn depths(&self, depth: usize) -> Vec<Depth> {
        let (mut depths, mut first) = (vec![], 0);
        let cuts = self.length.div_ceil(depth.max(1)).max(1);
        let runs = self.starts.iter().flat_map(|start| {
            (0..cuts).map(move |cut| {
                let cut = part(0..self.length, cut, cuts);
                Run { start: (start + cut.start * self.distance) as isize, terms: cut.len() }
            })
        });
        for run in runs {
            match depths.last_mut() {
                Some(Depth { runs, terms, .. }) if *terms + run.terms <= depth => {
                    *terms += run.terms;
                    runs.push(run);
                }
                _ => depths.push(Depth { runs: vec![run], first, terms: run.terms }),
            }
            first += run.terms;
        }
        depths
    }
}

/// Some of the inner axis.
#[derive(Clone, Debug)]
struct Depth {
    runs: Vec<Run>,
    first: usize,
    terms: usize,
}

/// A matrix of windows for each row of a batch: element `[i, j]` stands at `rows[i] + columns[j]` of the row's
/// `len` elements.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Windows {
    pub rows: Lines,
    pub columns: Lines,
    pub len: usize,
    depths: Vec<Depth>,
}

impl Windows {
    /// For products by a matrix of `n` columns.
    pub(in crate::cpu) fn new(
        rows: Lines,
        columns: Lines,
        (len, n): (usize, usize),
        kernels: &Kernels,
    ) -> Windows {
        let inside = rows.size() * columns.size() == 0 || rows.reach() + columns.reach() < len;
        assert!(inside, "windows lie inside their image");
        let depth = (kernels.near / panel_width(n.max(1), 0, kernels.panel(), kernels.unit.width)).min(CHAIN);
        let depths = columns.depths(depth);
        Windows { rows, columns, len, depths }
    }

    /// Elements of workspace for [`Kernels::fold_windows`].
    pub(in crate::cpu) fn workspace(&self, n: usize, kernels: &Kernels) -> usize {
        let terms = self.depths.iter().map(|depth| depth.terms).max().unwrap_or(0);
        kernels.panels_len(terms, n)
    }

    fn images<'d>(&self, data: &'d [f32]) -> std::slice::ChunksExact<'d, f32> {
        data.chunks_exact(self.len.max(1))
    }
}

/// Where the elements of a product's rows add up, in a row of `len` elements.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Overlap {
    pub rows: Lines,
    pub columns: Lines,
    pub len: usize,
}

impl Overlap {
    pub(in crate::cpu) fn new(rows: Lines, columns: Lines, len: usize) -> Overlap {
        let inside = rows.size() * columns.size() == 0 || rows.reach() + columns.reach() < len;
        assert!(inside, "windows lie inside their image");
        Overlap { rows, columns, len }
    }

    /// Elements of workspace for [`Kernels::overlap_windows`].
    pub(in crate::cpu) fn workspace(&self) -> usize {
        self.rows.length * self.columns.size()
    }
}

/// Windows that add up to a line of images.
pub(super) struct Added<'a> {
    pub windows: &'a [f32],
    pub rows: usize,
    /// Elements from a window's place to the next one's.
    pub distance: usize,
    pub columns: &'a Lines,
}

/// Adds windows to the elements from an address on.
///
/// # Safety
/// The CPU has the unit's instructions; all places are elements that nothing else touches.
pub(super) type AddWindows = unsafe fn(&Added<'_>, *mut f32);

/// # Safety
/// As for [`AddWindows`].
#[inline(always)]
pub(super) unsafe fn add(job: &Added<'_>, image: *mut f32) {
    let Lines { starts, length, distance } = job.columns;
    let (length, distance) = (*length, *distance);
    let mut windows = job.windows.chunks_exact(length.max(1));
    for row in 0..job.rows {
        for start in starts {
            let Some(run) = windows.next() else { return };
            // SAFETY: the caller's promise.
            unsafe {
                let into = image.add(row * job.distance + start);
                match distance {
                    1 => run.iter().enumerate().for_each(|(i, x)| *into.add(i) += x),
                    _ => run.iter().enumerate().for_each(|(i, x)| *into.add(i * distance) += x),
                }
            }
        }
    }
}

/// Everything of a tile but its rows and its place.
struct Strip<'a> {
    kernels: &'a Kernels,
    runs: &'a [Run],
    a: *const f32,
    /// Distances between rows and between the elements of a run.
    a_row: usize,
    a_column: usize,
    /// Columns of the product, and rows of the panels of the right operand (0 if it lies row by row).
    n: usize,
    panels: usize,
    b: *const f32,
    /// The first row of the right operand that is multiplied.
    first: usize,
    c: *mut f32,
    layout: Layout,
    scale: (f32, f32),
    bias: Option<*const f32>,
}

impl Strip<'_> {
    /// Computes `count` rows, of which the first is row `row` of the result.
    ///
    /// # Safety
    /// All elements that the strip names are there, those of the result for nobody else.
    unsafe fn run(&self, row: usize, count: usize) {
        let (unit, panel) = (self.kernels.unit, self.kernels.panel());
        for first in (0..self.n).step_by(panel) {
            let width = panel_width(self.n, first, panel, unit.width);
            let kernels = unit.kernels[width / unit.width - 1];
            let (b, b_row) = match self.panels {
                0 => (self.b.wrapping_add(self.first * self.n + first), self.n),
                rows => (self.b.wrapping_add(first * rows + self.first * width), width),
            };
            let (c, c_row) = match self.layout {
                Layout::Rows(stride) => (self.c.wrapping_add(first), stride),
                Layout::Panels(all) => (self.c.wrapping_add(first * all), width),
            };
            let parts = count.div_ceil(kernels.len());
            for index in 0..parts {
                let rows = part(0..count, index, parts);
                let tile = Tile {
                    runs: self.runs,
                    a: self.a.wrapping_add(rows.start * self.a_row),
                    a_row: self.a_row as isize,
                    a_column: self.a_column as isize,
                    b,
                    b_row,
                    c: c.wrapping_add((row + rows.start) * c_row),
                    c_row,
                    columns: (self.n - first).min(width),
                    alpha: self.scale.0,
                    beta: self.scale.1,
                    bias: self.bias.map(|bias| bias.wrapping_add(first)),
                };
                // SAFETY: the caller's promise; the CPU has the unit's instructions (`available`).
                unsafe { kernels[rows.len() - 1](&tile) }
            }
        }
    }
}

impl Kernels {
    /// The product of the windows of some images with a matrix of `n` columns in panels; into rows of `n`, to
    /// each of which the bias is added.
    pub(in crate::cpu) fn multiply_windows(
        &self,
        windows: &Windows,
        (images, b): (&[f32], &[f32]),
        (n, bias): (usize, Option<&[f32]>),
        out: &mut [f32],
    ) {
        let (m, k) = (windows.rows.size(), windows.columns.size());
        assert!(b.len() >= self.panels_len(k, n), "the right operand has all its rows and columns");
        assert!(bias.is_none_or(|bias| bias.len() == n), "a bias has an element for each column");
        if m * n == 0 {
            return;
        }
        if k == 0 {
            let zeros = [0.0].repeat(n);
            return out.chunks_exact_mut(n).for_each(|out| out.copy_from_slice(bias.unwrap_or(&zeros)));
        }
        let bias = bias.map(<[f32]>::as_ptr);
        for (image, out) in windows.images(images).zip(out.chunks_exact_mut(m * n)) {
            for depth in &windows.depths {
                for (line, start) in windows.rows.starts.iter().enumerate() {
                    let strip = Strip {
                        kernels: self,
                        runs: &depth.runs,
                        a: image.as_ptr().wrapping_add(*start),
                        a_row: windows.rows.distance,
                        a_column: windows.columns.distance,
                        n,
                        panels: k,
                        b: b.as_ptr(),
                        first: depth.first,
                        c: out.as_mut_ptr(),
                        layout: Layout::Rows(n),
                        scale: (1.0, if depth.first == 0 { 0.0 } else { 1.0 }),
                        bias: bias.filter(|_| depth.first == 0),
                    };
                    // SAFETY: `Windows::new` found the places of rows and columns inside an image; the panels
                    // have all rows, the result this image's.
                    unsafe { strip.run(line * windows.rows.length, windows.rows.length) }
                }
            }
        }
    }

    /// Adds the product of windows of images, whose rows are places in a window, with rows of `n` elements,
    /// one for each column: `c ← beta·c + alpha·Σ aᵀ·b` over the images.
    pub(in crate::cpu) fn fold_windows(
        &self,
        windows: &Windows,
        (images, b): (&[f32], &[f32]),
        n: usize,
        (alpha, beta): (f32, f32),
        (c, workspace): (&mut Out<'_>, &mut [f32]),
    ) {
        let (m, k) = (windows.rows.size(), windows.columns.size());
        if m * n == 0 {
            return;
        }
        let room = match c.layout {
            Layout::Rows(stride) => (m - 1) * stride + n,
            Layout::Panels(all) => self.panels_len(all, n),
        };
        assert!(room <= c.len, "the result has room for all its rows and columns");
        let all = images.len() / windows.len.max(1) * k;
        let mut long = (all > LONG).then(|| (vec![0.0; m * n], vec![0.0; m * n]));
        let (mut sum, mut begun, mut terms) = (beta, false, 0);
        let whole = n.is_multiple_of(self.unit.width);
        for (image, b) in windows.images(images).zip(b.chunks_exact((k * n).max(1))) {
            for depth in &windows.depths {
                if let Some((part, lost)) = &mut long
                    && terms + depth.terms > LONG
                {
                    if begun {
                        each(c, (m, n), self, |i, c| keep(c, &mut lost[i], part[i]));
                    }
                    (begun, sum, terms) = (true, 0.0, 0);
                }
                terms += depth.terms;
                let b = &b[depth.first * n..][..depth.terms * n];
                if !whole {
                    self.pack_panels(workspace, depth.terms, n, Operand::F32(Strided::rows(b, n)));
                }
                let (into, layout) = match &mut long {
                    Some((part, _)) if begun => (part.as_mut_ptr(), Layout::Rows(n)),
                    _ => (c.data, c.layout),
                };
                for (line, start) in windows.rows.starts.iter().enumerate() {
                    let strip = Strip {
                        kernels: self,
                        runs: &depth.runs,
                        a: image.as_ptr().wrapping_add(*start),
                        a_row: windows.rows.distance,
                        a_column: windows.columns.distance,
                        n,
                        panels: if whole { 0 } else { depth.terms },
                        b: if whole { b.as_ptr() } else { workspace.as_ptr() },
                        first: 0,
                        c: into,
                        layout,
                        scale: (alpha, sum),
                        bias: None,
                    };
                    // SAFETY: as above; the room for the result was checked, and it is borrowed mutably.
                    unsafe { strip.run(line * windows.rows.length, windows.rows.length) }
                }
                sum = 1.0;
            }
        }
        if let Some((part, lost)) = &mut long
            && begun
        {
            each(c, (m, n), self, |i, c| {
                keep(c, &mut lost[i], part[i]);
                *c = settled(*c, lost[i]);
            });
        }
    }

    /// The product of dense rows with a matrix in panels, whose result is windows: they add up to images.
    pub(in crate::cpu) fn overlap_windows(
        &self,
        overlap: &Overlap,
        (a, k, b): (&[f32], usize, &[f32]),
        (out, workspace): (&mut [f32], &mut [f32]),
    ) {
        let (m, n) = (overlap.rows.size(), overlap.columns.size());
        assert!(b.len() >= self.panels_len(k, n), "the right operand has all its rows and columns");
        out.fill(0.0);
        if m * n * k == 0 {
            return;
        }
        let depth = (self.near / panel_width(n, 0, self.panel(), self.unit.width)).min(CHAIN);
        let depths = Lines { starts: vec![0], length: k, distance: 1 }.depths(depth);
        let Lines { starts, length, distance } = &overlap.rows;
        let windows = &mut workspace[..length * n];
        for (a, image) in a.chunks_exact(m * k).zip(out.chunks_exact_mut(overlap.len)) {
            for (a, start) in a.chunks_exact(length * k).zip(starts) {
                for depth in &depths {
                    let strip = Strip {
                        kernels: self,
                        runs: &depth.runs,
                        a: a.as_ptr(),
                        a_row: k,
                        a_column: 1,
                        n,
                        panels: k,
                        b: b.as_ptr(),
                        first: depth.first,
                        c: windows.as_mut_ptr(),
                        layout: Layout::Rows(n),
                        scale: (1.0, if depth.first == 0 { 0.0 } else { 1.0 }),
                        bias: None,
                    };
                    // SAFETY: the rows are whole, the panels have all rows, and the workspace a line's windows.
                    unsafe { strip.run(0, *length) }
                }
                let added = Added { windows, rows: *length, distance: *distance, columns: &overlap.columns };
                // SAFETY: `Overlap::new` found all places inside an image, which is borrowed mutably.
                unsafe { (self.unit.add_windows)(&added, image.as_mut_ptr().add(*start)) }
            }
        }
    }
}

/// Gives each element of a result, and its number, to `f`.
fn each(c: &mut Out<'_>, (m, n): (usize, usize), kernels: &Kernels, mut f: impl FnMut(usize, &mut f32)) {
    for i in 0..m {
        for j in 0..n {
            let at = match c.layout {
                Layout::Rows(stride) => i * stride + j,
                Layout::Panels(all) => {
                    let first = j / kernels.panel() * kernels.panel();
                    first * all + i * panel_width(n, first, kernels.panel(), kernels.unit.width) + j - first
                }
            };
            // SAFETY: the room for the result was checked, and it is borrowed mutably.
            f(i * n + j, unsafe { &mut *c.data.add(at) });
        }
    }
}

#[cfg(test)]
mod tests;
