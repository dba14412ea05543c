//! Many small products of one size, such as those of attention's heads for each row of a batch: operands are
//! read where they lie, and packed only where a micro-kernel cannot read them so.
#![allow(unsafe_code)]

use std::ops::Range;

use super::{Kernels, Layout, Operand, Out, Product, Right, Sizes, Strided};

/// Products of one size, as many for each row of a batch as there are starts.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Each {
    pub sizes: Sizes,
    pub left: Places,
    pub right: Places,
    /// Its columns are neighbours.
    pub out: Places,
}

/// Where the matrices of a row begin, and how their elements lie from there on.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Places {
    pub starts: Vec<usize>,
    pub row: usize,
    pub column: usize,
    /// Elements from a row of the batch to the next: none of a whole value.
    pub each: usize,
}

impl Places {
    /// Where a matrix begins, counted from the first row of the batch on.
    pub(in crate::cpu) fn at(&self, number: usize) -> usize {
        let count = self.starts.len();
        number / count * self.each + self.starts[number % count]
    }
}

/// How a right operand gets to the micro-kernels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Rows,
    Column,
    Panels,
    PackedColumn,
}

/// Rows of the left operand from which on the right one is packed, where its rows are not neighbours.
const MANY: usize = 128;

impl Each {
    /// Elements of workspace for one product at a time.
    pub(in crate::cpu) fn workspace(&self, kernels: &Kernels) -> usize {
        match self.way(kernels) {
            Way::Rows | Way::Column => 0,
            Way::Panels => kernels.panels_len(self.sizes.k, self.sizes.n),
            Way::PackedColumn => self.sizes.k,
        }
    }

    /// Products for each row of the batch.
    pub(in crate::cpu) fn count(&self) -> usize {
        self.left.starts.len()
    }

    fn way(&self, kernels: &Kernels) -> Way {
        let (Sizes { m, n, .. }, right) = (self.sizes, &self.right);
        match (right.row, right.column) {
            (1, _) if n == 1 => Way::Column,
            _ if n == 1 => Way::PackedColumn,
            (row, 1) if n.is_multiple_of(kernels.vector()) && row >= n && (row == n || m < MANY) => Way::Rows,
            _ => Way::Panels,
        }
    }
}

impl Kernels {
    /// Computes the products with these numbers, counted from the first row of the batch on, each for itself:
    /// the bits do not depend on how they are divided.
    ///
    /// # Panics
    /// Where a matrix does not lie inside its elements.
    ///
    /// # Safety
    /// `len` elements from `out` on can be written, and nothing else touches those of these products.
    pub(in crate::cpu) unsafe fn multiply_each(
        &self,
        each: &Each,
        (a, b): (&[f32], &[f32]),
        numbers: Range<usize>,
        (out, len): (*mut f32, usize),
        workspace: &mut [f32],
    ) {
        let Sizes { m, n, k } = each.sizes;
        if m * n == 0 {
            return;
        }
        let way = each.way(self);
        let mut packed = None;
        for number in numbers {
            let (left, right, to) = (each.left.at(number), each.right.at(number), each.out.at(number));
            let strided = |data, places: &Places, start: usize| Strided {
                data,
                offset: start as isize,
                row: places.row as isize,
                column: places.column as isize,
            };
            let from = Operand::F32(strided(b, &each.right, right));
            let fresh = packed.replace(right) != Some(right);
            match way {
                Way::Panels if fresh => self.pack_panels(workspace, k, n, from),
                Way::PackedColumn if fresh => self.pack(workspace, (1, k), from.t(), (k.max(1), 1)),
                _ => {}
            }
            let right = match way {
                Way::Rows => Right::Rows(b.get(right..).unwrap_or_default(), each.right.row),
                Way::Column => Right::Column(b.get(right..).unwrap_or_default()),
                Way::Panels => Right::Panels(workspace),
                Way::PackedColumn => Right::Column(workspace),
            };
            let a = strided(a, &each.left, left);
            assert!(to <= len, "a result lies inside its elements");
            // SAFETY: the start is inside, and the caller's promise.
            let mut c = unsafe { Out::shared(out.add(to), len - to, Layout::Rows(each.out.row)) };
            let product = Product { sizes: each.sizes, a, b: right, alpha: 1.0, beta: 0.0 };
            self.multiply(&product, 0..m, &mut c);
        }
    }
}
