//! The loops around the micro-kernels, and what has to hold before they run.

use std::ops::Range;

use super::column::Column;
use super::pack::panel_width;
use super::tile::Tile;
use super::{Kernels, Layout, Out, Product, Right, Sizes};

/// A product whose operands were found to lie inside their slices.
pub(super) struct Blocks<'a> {
    kernels: &'a Kernels,
    p: &'a Product<'a>,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    /// What is between rows of `b`, and of `c`, where they are not in panels.
    b_rows: Option<usize>,
    c_rows: Layout,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(
        kernels: &'a Kernels,
        p: &'a Product<'a>,
        first: usize,
        c: &mut Out<'_>,
        rows: &Range<usize>,
    ) -> Self {
        let Sizes { n, k, .. } = p.sizes;
        let (b, b_rows, fits) = match p.b {
            Right::Panels(b) => (b, None, b.len() >= kernels.panels_len(k, n)),
            Right::Rows(b, stride) => (b, Some(stride), kernels.reads_rows(b.len(), stride, k, n)),
            Right::Column(b) => (b, Some(1), n == 1 && b.len() >= k),
        };
        assert!(fits, "the right operand has all its rows and columns");
        let fits = match c.layout {
            Layout::Rows(stride) => stride >= n && room(rows.end, stride, n, c.len),
            Layout::Panels(all) => all >= rows.end && c.len >= kernels.panels_len(all, n),
        };
        assert!(fits, "the result has room for all its rows and columns");
        // Where row 0 would be.
        let a = p.a.checked(rows.end - first, k).wrapping_offset(-(first as isize * p.a.row));
        Blocks { kernels, p, a, b: b.as_ptr(), c: c.data, b_rows, c_rows: c.layout }
    }

    /// The rows of a product with one column, which is contiguous.
    pub(super) fn column(&self, rows: Range<usize>) {
        let unit = self.kernels.unit;
        let c_row = match self.c_rows {
            Layout::Rows(stride) => stride,
            Layout::Panels(_) => unit.width,
        };
        let Product { a, alpha, beta, .. } = *self.p;
        let column = Column {
            m: rows.len(),
            k: self.p.sizes.k,
            a: self.a.wrapping_offset(rows.start as isize * a.row),
            a_row: a.row,
            a_column: a.column,
            b: self.b,
            c: self.c.wrapping_add(rows.start * c_row),
            c_row,
            alpha,
            beta,
        };
        // SAFETY: as in `panel`.
        unsafe { (unit.column)(&column) }
    }

    /// Some vectors of the panel from column `first`, in some rows, with what some of the inner axis adds.
    pub(super) fn panel(&self, rows: Range<usize>, depth: Range<usize>, first: usize, vectors: Range<usize>) {
        let Sizes { n, k, .. } = self.p.sizes;
        let unit = self.kernels.unit;
        let width = panel_width(n, first, self.kernels.panel(), unit.width);
        let vectors = vectors.start..vectors.end.min(width / unit.width);
        if vectors.is_empty() {
            return;
        }
        let kernels = unit.kernels[vectors.len() - 1];
        let (before, columns) = (vectors.start * unit.width, vectors.len() * unit.width);
        let b_row = self.b_rows.unwrap_or(width);
        let panel = if self.b_rows.is_some() { first } else { first * k };
        let b = self.b.wrapping_add(panel + depth.start * b_row + before);
        let (c, c_row) = match self.c_rows {
            Layout::Rows(stride) => (self.c.wrapping_add(first + before), stride),
            Layout::Panels(all) => (self.c.wrapping_add(first * all + before), width),
        };
        let beta = if depth.start == 0 { self.p.beta } else { 1.0 };
        let count = rows.len().div_ceil(kernels.len());
        for index in 0..count {
            let rows = part(rows.clone(), index, count);
            let at = rows.start as isize * self.p.a.row + depth.start as isize * self.p.a.column;
            let tile = Tile {
                k: depth.len(),
                a: self.a.wrapping_offset(at),
                a_row: self.p.a.row,
                a_column: self.p.a.column,
                b,
                b_row,
                c: c.wrapping_add(rows.start * c_row),
                c_row,
                columns: (n - first - before).min(columns),
                alpha: self.p.alpha,
                beta,
            };
            // SAFETY: the CPU has the unit's instructions (`available`); rows, columns and places of the
            // inner axis are those of the product, which `new` found to lie inside the slices, with
            // whole vectors of `b`; `c` is borrowed mutably, or its rows are this caller's alone.
            unsafe { kernels[rows.len() - 1](&tile) }
        }
    }
}

impl Kernels {
    /// Whether rows of a right operand lie with all their vectors in a slice.
    pub(super) fn reads_rows(&self, len: usize, stride: usize, rows: usize, columns: usize) -> bool {
        stride >= columns && room(rows, stride, self.panels_len(1, columns), len)
    }
}

/// Whether `rows` rows at a stride, of which the last is `n` long, lie in a slice.
fn room(rows: usize, stride: usize, n: usize, len: usize) -> bool {
    let end = |last: usize| last.checked_mul(stride)?.checked_add(n);
    rows.checked_sub(1).is_none_or(|last| end(last).is_some_and(|end| end <= len))
}

/// Part `index` of a range that is cut into `count` parts which differ by one at most.
pub(in crate::cpu) fn part(range: Range<usize>, index: usize, count: usize) -> Range<usize> {
    let (share, more) = (range.len() / count, range.len() % count);
    let start = range.start + index * share + index.min(more);
    start..start + share + usize::from(index < more)
}
