//! Matrix products of our own, for what the library cannot do: operands that stay packed, `u8` converted
//! on its way in, results in the layout of an operand, and no allocation and no system call in a call,
//! unless the inner axis has thousands of elements.
//!
//! The order of each element's sum depends on the sizes, the strides that are 1, and the machine's caches:
//! it is the same for every division of rows among calls, so for every number of threads. Buffers that
//! start at a line of the cache (64 bytes) are the fastest.
//!
//! Two products that read one tile of images, which are converted once, and weights that stay packed:
//!
//! ```
//! use dl_backends::cpu::matmul::{Kernels, Operand, Out, Product, Right, Sizes, Strided};
//! let (rows, pixels, hidden) = (2, 3, 4);
//! let kernels = Kernels::best();
//! let mut w = vec![0.0; kernels.panels_len(pixels, hidden)];
//! kernels.pack_panels(&mut w, pixels, hidden, Operand::F32(Strided::rows(&[1.0; 12], hidden)));
//!
//! // In a step, for each tile:
//! let mut x = vec![0.0; rows * kernels.row_stride(pixels)];
//! let images = Operand::U8(Strided::rows(&[0, 51, 255, 255, 0, 0], pixels), 1.0 / 255.0);
//! kernels.pack_rows(&mut x, rows, pixels, images);
//! let x = Strided::rows(&x, kernels.row_stride(pixels));
//! let sizes = Sizes { m: rows, n: hidden, k: pixels };
//! let product = Product { sizes, a: x, b: Right::Panels(&w), alpha: 1.0, beta: 0.0 };
//! let mut h = vec![0.0; kernels.panels_len(rows, hidden)];
//! for row in 0..rows {
//!     kernels.multiply(&product, row..row + 1, &mut Out::panels(&mut h, rows));
//!     // Here bias and activation are applied to the row.
//! }
//! // w ← w − 0.1·xᵀ·h, in the panels that the next step reads.
//! let sizes = Sizes { m: pixels, n: hidden, k: rows };
//! let update = Product { sizes, a: x.t(), b: Right::Panels(&h), alpha: -0.1, beta: 1.0 };
//! kernels.multiply(&update, 0..pixels, &mut Out::panels(&mut w, pixels));
//! let mut weights = vec![0.0; pixels * hidden];
//! kernels.unpack_panels(&w, pixels, hidden, &mut weights);
//! assert_eq!(weights[0], 0.9);
//! ```
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod beside;
mod blocks;
mod cache;
mod column;
mod each;
#[cfg(target_arch = "aarch64")]
mod neon;
mod operand;
mod pack;
mod portable;
mod room;
mod shared;
mod simd;
mod sparse;
mod table;
#[cfg(test)]
mod tests;
mod tile;
mod windows;

use std::ops::Range;

use self::beside::Beside;
use self::blocks::Blocks;
pub(super) use self::blocks::part;
pub use self::cache::Caches;
pub(super) use self::each::{Each, Places};
pub use self::operand::{Layout, Operand, Out, Right, Sizes, Strided};
use self::pack::{Pack, panel_width};
pub use self::room::Room;
pub(super) use self::shared::Job;
use self::table::Unit;
pub(super) use self::windows::{Lines, Overlap, Windows};

/// The kernels for a vector unit, and the blocks that fit the caches.
#[derive(Clone, Copy)]
pub struct Kernels {
    name: &'static str,
    unit: &'static Unit,
    /// Elements of the right operand at a time: a panel's stay in the first cache.
    near: usize,
    /// Elements of the left operand at a time: a block's stay in the second cache.
    far: usize,
    caches: Caches,
}

/// `c ← beta·c + alpha·a·b`.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// Of the whole product.
    pub sizes: Sizes,
    /// The left operand, `[m, k]`.
    pub a: Strided<'a, f32>,
    /// The right operand, `[k, n]`.
    pub b: Right<'a>,
    /// Scales the product.
    pub alpha: f32,
    /// Scales what was there. With 0, nothing is read, so that not even NaN stays.
    pub beta: f32,
}

impl Kernels {
    /// Those for the widest vectors that the CPU has. To be kept: this asks the system about its caches,
    /// which no other function here does.
    pub fn best() -> Self {
        Kernels::available().next().expect("the portable kernels run anywhere")
    }

    /// All that this CPU can run, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let caches = Caches::of_this_machine();
        units().into_iter().flatten().map(move |(name, unit)| Kernels::new(name, unit, caches))
    }

    fn new(name: &'static str, unit: &'static Unit, caches: Caches) -> Self {
        // What is left of the first cache is for the left operand and the result.
        Kernels { name, unit, near: caches.l1 * 2 / 3 / 4, far: caches.l2 / 2 / 4, caches }
    }

    /// The caches that the blocks fit.
    pub fn caches(&self) -> Caches {
        self.caches
    }

    /// What the vector unit is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Columns of a vector.
    pub fn vector(&self) -> usize {
        self.unit.width
    }

    /// Columns of a panel.
    pub fn panel(&self) -> usize {
        self.unit.kernels.len() * self.unit.width
    }

    /// Elements that the panels of a matrix of `rows × columns` take.
    pub fn panels_len(&self, rows: usize, columns: usize) -> usize {
        columns.div_ceil(self.unit.width).saturating_mul(self.unit.width).saturating_mul(rows)
    }

    /// Packs a matrix of `rows × columns` into panels: all rows of the first [`Kernels::panel`] columns,
    /// row by row, then those of the next; the last panel is as wide as whole vectors need, and padded
    /// with zeros.
    pub fn pack_panels(&self, into: &mut [f32], rows: usize, columns: usize, from: Operand<'_>) {
        self.pack(into, (rows, columns), from, (self.panel(), self.unit.width));
    }

    /// Copies a matrix from its panels into rows without gaps.
    pub fn unpack_panels(&self, panels: &[f32], rows: usize, columns: usize, into: &mut [f32]) {
        let mut rest = panels;
        for first in (0..columns).step_by(self.panel()) {
            let width = panel_width(columns, first, self.panel(), self.unit.width);
            let (panel, others) = rest.split_at(rows * width);
            rest = others;
            for (row, into) in panel.chunks_exact(width).zip(into.chunks_exact_mut(columns)) {
                let into = &mut into[first..];
                let n = width.min(into.len());
                into[..n].copy_from_slice(&row[..n]);
            }
        }
    }

    /// The distance between rows that suits [`Kernels::pack_rows`] for this many columns.
    pub fn row_stride(&self, columns: usize) -> usize {
        // An odd number of lines, so that the elements of a column fall into different sets of the cache.
        columns.div_ceil(LINE) / 2 * 2 * LINE + LINE
    }

    /// Packs a matrix row by row with [`Kernels::row_stride`]: the left operand of a product, and
    /// transposed of another.
    pub fn pack_rows(&self, into: &mut [f32], rows: usize, columns: usize, from: Operand<'_>) {
        let stride = self.row_stride(columns);
        self.pack(into, (rows, columns), from, (stride, stride));
    }

    /// Packs into panels of `width` columns, the last one made of whole `vector`s.
    fn pack(
        &self,
        into: &mut [f32],
        (rows, columns): (usize, usize),
        from: Operand<'_>,
        (width, vector): (usize, usize),
    ) {
        let len = rows.checked_mul(columns.next_multiple_of(vector));
        assert!(len.is_some_and(|len| len <= into.len()), "there is room for the packed operand");
        let into = into.as_mut_ptr();
        let job = |row, column| Pack { rows, columns, row, column, into, width, vector };
        // SAFETY: the CPU has the unit's instructions (`available`), the operand's elements were checked
        // to lie in its slice, and the room was checked.
        unsafe {
            match from {
                Operand::F32(x) => (self.unit.pack_f32)(&job(x.row, x.column), x.checked(rows, columns)),
                Operand::U8(x, scale) => {
                    (self.unit.pack_u8)(&job(x.row, x.column), x.checked(rows, columns), scale)
                }
            }
        }
    }

    /// Elements of workspace that [`Kernels::product`] asks for at most.
    pub fn workspace_len(&self, Sizes { m, n, k }: Sizes) -> usize {
        self.panels_len(k, n) + (m * self.row_stride(k)).max(k * self.row_stride(m))
    }

    /// Computes a product of operands that are not packed, with room for them in `workspace`, of at least
    /// [`Kernels::workspace_len`].
    ///
    /// # Panics
    /// Where an operand or the result does not lie inside its slice, or the workspace is too short.
    pub fn product(
        &self,
        sizes: Sizes,
        (alpha, a): (f32, Operand<'_>),
        b: Operand<'_>,
        (beta, c): (f32, &mut Out<'_>),
        workspace: &mut [f32],
    ) {
        let Sizes { m, n, k } = sizes;
        let (panels, rest) = workspace.split_at_mut(self.panels_len(k, n));
        let b = match b.contiguous_rows() {
            _ if n == 1 => {
                self.pack(panels, (1, k), b.t(), (k.max(1), 1));
                Right::Column(panels)
            }
            // Packing would cost more than few rows can gain by it.
            Some((b, stride)) if m < FEW && self.reads_rows(b.len(), stride, k, n) => Right::Rows(b, stride),
            _ => {
                self.pack_panels(panels, k, n, b);
                Right::Panels(panels)
            }
        };
        let a = match a {
            Operand::F32(x) if x.row == 1 || x.column == 1 => x,
            _ if a.by_columns() => {
                self.pack_rows(rest, k, m, a.t());
                Strided::rows(rest, self.row_stride(m)).t()
            }
            _ => {
                self.pack_rows(rest, m, k, a);
                Strided::rows(rest, self.row_stride(k))
            }
        };
        self.multiply(&Product { sizes, a, b, alpha, beta }, 0..m, c);
    }

    /// Computes the given rows of a product.
    ///
    /// # Panics
    /// Where an operand or the rows of the result do not lie inside their slices.
    pub fn multiply(&self, p: &Product<'_>, rows: Range<usize>, c: &mut Out<'_>) {
        self.multiply_part(p, 0, (rows, 0..p.sizes.n.div_ceil(self.unit.width)), c);
    }

    /// The same for columns of some vectors alone, with a left operand that begins with row `first`.
    fn multiply_part(
        &self,
        p: &Product<'_>,
        first: usize,
        (rows, vectors): (Range<usize>, Range<usize>),
        c: &mut Out<'_>,
    ) {
        let Sizes { m, n, k } = p.sizes;
        assert!(first <= rows.start && rows.start <= rows.end && rows.end <= m, "rows are the product's");
        if rows.is_empty() || vectors.is_empty() || n == 0 {
            return;
        }
        let blocks = Blocks::new(self, p, first, c, &rows);
        if matches!(p.b, Right::Column(_)) {
            return blocks.column(rows);
        }
        // By the sizes of the whole product: the order of its sums must not depend on the part.
        let depth = (self.near / panel_width(n, 0, self.panel(), self.unit.width)).min(CHAIN);
        let heights = rows.len().div_ceil((self.far / depth).max(1));
        let lengths = k.div_ceil(LONG).max(1);
        for height in 0..heights {
            let rows = part(rows.clone(), height, heights);
            let mut beside = (lengths > 1).then(|| Beside::new(&rows, &vectors, self.unit.width));
            for length in 0..lengths {
                let length = part(0..k, length, lengths);
                let depths = length.len().div_ceil(depth).max(1);
                let (first, into) = (length.start == 0, beside.as_mut().filter(|_| length.start > 0));
                let into = into.map_or(blocks.own(), Beside::part);
                for depth in 0..depths {
                    let depth = part(length.clone(), depth, depths);
                    let beta = match (depth.start == length.start, first) {
                        (true, true) => p.beta,
                        (true, false) => 0.0,
                        (false, _) => 1.0,
                    };
                    blocks.panels(rows.clone(), depth, vectors.clone(), (into, beta));
                }
                if let Some(beside) = beside.as_mut().filter(|_| !first) {
                    blocks.add(&rows, &vectors, beside);
                }
            }
            if let Some(beside) = &beside {
                blocks.settle(&rows, &vectors, beside);
            }
        }
    }
}

/// Rows of the left operand below which the right one is not packed.
const FEW: usize = 16;

/// Terms that are added one after the other: an error of half a unit each, all to the same side, comes to
/// 43 units of the sum.
const CHAIN: usize = 256;

/// Terms whose chains are added one after the other. Where there are more, what rounding took from the
/// total is kept beside it.
const LONG: usize = 4096;

/// Elements of a line of the cache.
const LINE: usize = 16;

/// The vector units of this CPU, the widest first.
fn units() -> [Option<(&'static str, &'static Unit)>; 3] {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f").then_some(("avx512", &avx512::UNIT));
        let avx2 = (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
            .then_some(("avx2", &avx2::UNIT));
        [avx512, avx2, Some(("portable", &portable::UNIT))]
    }
    #[cfg(target_arch = "aarch64")]
    {
        let neon = std::arch::is_aarch64_feature_detected!("neon").then_some(("neon", &neon::UNIT));
        [neon, Some(("portable", &portable::UNIT)), None]
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        [Some(("portable", &portable::UNIT)), None, None]
    }
}
