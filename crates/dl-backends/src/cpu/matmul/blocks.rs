//! The loops around the micro-kernels, and what has to hold before they run.

use std::ops::Range;

use super::beside::Into;
use super::column::Column;
use super::pack::panel_width;
use super::tile::{Run, Tile};
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
            Layout::Rows(stride) => room(rows.end, stride, (n, n), c.len),
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

    /// Where the result goes.
    pub(super) fn own(&self) -> Into {
        Into { c: self.c, layout: self.c_rows }
    }

    /// Some vectors of columns in some rows: `beta` times what is there, and what some of the inner axis adds.
    pub(super) fn panels(
        &self,
        rows: Range<usize>,
        depth: Range<usize>,
        vectors: Range<usize>,
        (into, beta): (Into, f32),
    ) {
        let panel = self.kernels.unit.kernels.len();
        for first in vectors.start / panel..vectors.end.div_ceil(panel) {
            let of = |all: usize| all.saturating_sub(first * panel).min(panel);
            let inside = of(vectors.start)..of(vectors.end);
            self.panel(rows.clone(), depth.clone(), (first * self.kernels.panel(), inside), (into, beta));
        }
    }

    /// Those of the panel from column `first`.
    fn panel(
        &self,
        rows: Range<usize>,
        depth: Range<usize>,
        (first, vectors): (usize, Range<usize>),
        (into, beta): (Into, f32),
    ) {
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
        let (c, c_row) = match into.layout {
            Layout::Rows(stride) => (into.c.wrapping_add(first + before), stride),
            Layout::Panels(all) => (into.c.wrapping_add(first * all + before), width),
        };
        let count = rows.len().div_ceil(kernels.len());
        for index in 0..count {
            let rows = part(rows.clone(), index, count);
            let at = rows.start as isize * self.p.a.row + depth.start as isize * self.p.a.column;
            let tile = Tile {
                runs: &[Run { start: 0, terms: depth.len() }],
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
                bias: None,
            };
            // SAFETY: the CPU has the unit's instructions (`available`); rows, columns and places of the
            // inner axis are those of the product, which `new` found to lie inside the slices, with
            // whole vectors of `b`; `c` is borrowed mutably, or its rows are this caller's alone, or it has
            // room for these rows and columns (`Beside::new`).
            unsafe { kernels[rows.len() - 1](&tile) }
        }
    }

    /// Gives the result's elements in these rows, a vector at a time, to `f`, with their row and columns.
    pub(super) fn each(
        &self,
        rows: &Range<usize>,
        vectors: &Range<usize>,
        mut f: impl FnMut(usize, Range<usize>, &mut [f32]),
    ) {
        let (n, width, panel) = (self.p.sizes.n, self.kernels.unit.width, self.kernels.panel());
        for row in rows.clone() {
            for column in vectors.clone().map(|v| v * width).take_while(|column| *column < n) {
                let columns = column..(column + width).min(n);
                let at = match self.c_rows {
                    Layout::Rows(stride) => row * stride + column,
                    Layout::Panels(all) => {
                        let first = column / panel * panel;
                        first * all + row * panel_width(n, first, panel, width) + column - first
                    }
                };
                // SAFETY: these elements are the product's, which `new` found to lie inside the slice; `c`
                // is borrowed mutably, or they are this caller's alone.
                let elements = unsafe { std::slice::from_raw_parts_mut(self.c.add(at), columns.len()) };
                f(row, columns, elements);
            }
        }
    }
}

impl Kernels {
    /// Whether rows of a right operand lie with all their vectors in a slice.
    pub(super) fn reads_rows(&self, len: usize, stride: usize, rows: usize, columns: usize) -> bool {
        room(rows, stride, (columns, self.panels_len(1, columns)), len)
    }
}

/// Whether `rows` rows at a stride, of which each has `columns` and the last room for `n`, lie in a slice
/// without sharing elements. The stride of a single row is nobody's concern: it may be anything.
fn room(rows: usize, stride: usize, (columns, n): (usize, usize), len: usize) -> bool {
    let end = |last: usize| last.checked_mul(stride)?.checked_add(n);
    let apart = rows <= 1 || stride >= columns;
    apart && rows.checked_sub(1).is_none_or(|last| end(last).is_some_and(|end| end <= len))
}

/// Part `index` of a range that is cut into `count` parts which differ by one at most.
pub(in crate::cpu) fn part(range: Range<usize>, index: usize, count: usize) -> Range<usize> {
    let (share, more) = (range.len() / count, range.len() % count);
    let start = range.start + index * share + index.min(more);
    start..start + share + usize::from(index < more)
}
