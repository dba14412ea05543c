//! The loops around the micro-kernels, and what has to hold before they run.

use std::ops::Range;

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
        c: &mut Out<'_>,
        rows: &Range<usize>,
    ) -> Self {
        let Sizes { m, n, k } = p.sizes;
        let within = |rows: usize, stride: usize, len: usize| {
            rows.checked_sub(1).is_none_or(|last| {
                stride >= n
                    && last.checked_mul(stride).and_then(|x| x.checked_add(n)).is_some_and(|x| x <= len)
            })
        };
        let (b, b_rows, fits) = match p.b {
            Right::Panels(b) => (b, None, b.len() >= kernels.panels_len(k, n)),
            Right::Rows(b, stride) => {
                (b, Some(stride), n.is_multiple_of(kernels.vector()) && within(k, stride, b.len()))
            }
        };
        assert!(fits, "the right operand has all its rows and columns");
        let fits = match c.layout {
            Layout::Rows(stride) => within(rows.end, stride, c.len),
            Layout::Panels(all) => all >= rows.end && c.len >= kernels.panels_len(all, n),
        };
        assert!(fits, "the result has room for all its rows and columns");
        let a = p.a.checked(m, k);
        Blocks { kernels, p, a, b: b.as_ptr(), c: c.data, b_rows, c_rows: c.layout }
    }

    /// The columns of the panel from `first`, in some rows, with what some of the inner axis adds.
    pub(super) fn panel(&self, rows: Range<usize>, depth: Range<usize>, first: usize) {
        let Sizes { n, k, .. } = self.p.sizes;
        let unit = self.kernels.unit;
        let width = panel_width(n, first, self.kernels.panel(), unit.width);
        let kernels = if width == unit.width { unit.narrow } else { unit.wide };
        let b_row = self.b_rows.unwrap_or(width);
        let b =
            self.b.wrapping_add(if self.b_rows.is_some() { first } else { first * k } + depth.start * b_row);
        let (c, c_row) = match self.c_rows {
            Layout::Rows(stride) => (self.c.wrapping_add(first), stride),
            Layout::Panels(all) => (self.c.wrapping_add(first * all), width),
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
                columns: (n - first).min(width),
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

/// Part `index` of a range that is cut into `count` parts which differ by one at most.
pub(super) fn part(range: Range<usize>, index: usize, count: usize) -> Range<usize> {
    let (share, more) = (range.len() / count, range.len() % count);
    let start = range.start + index * share + index.min(more);
    start..start + share + usize::from(index < more)
}
