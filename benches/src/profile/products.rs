//! Ceilings of matrix products: the executor's kernels by the number of vectors that they hold, and
//! packing.

use std::hint::black_box;

use dl_backends::Operation;
use dl_backends::cpu::matmul::{Kernels, Operand, Out, Product, Right, Room, Sizes, Strided};

use super::ceilings::{Ceiling, Ceilings, once, seconds};

/// Rows of the left operand: a whole number of micro-kernels for most of them.
const ROWS: usize = 48;
/// A short and a long inner axis: the long one's operands are in the two nearest caches.
const DEPTHS: [usize; 2] = [8, 256];

/// Elements between what is packed and where it goes, seen from the begin of a page: a load that lies in its
/// page where a store before it lies would wait for that.
const APART: usize = 512;

/// Operands and result.
pub(super) struct Matrices {
    kernels: Kernels,
    a: Room,
    b: Room,
    c: Room,
    packs: [Operation; 2],
}

impl Matrices {
    pub(super) fn new() -> Self {
        let kernels = Kernels::best();
        let room = |len| {
            let mut room = Room::new(len);
            room.iter_mut().enumerate().for_each(|(i, x)| *x = (i % 7) as f32 - 3.0);
            room
        };
        let panel = kernels.panel();
        let (a, b, c) = (room(ROWS * DEPTHS[1]), room(DEPTHS[1] * panel), room(DEPTHS[1] * panel));
        Matrices { kernels, a, b, c, packs: [Operation::Pack, Operation::PackTransposed] }
    }

    pub(super) fn measure(&mut self, into: &mut Ceilings) {
        let width = self.kernels.vector();
        (into.width, into.panel) = (width, self.kernels.panel() / width);
        // No vectors at all: a single column, for which there is another kernel.
        for vectors in 0..=into.panel {
            let parts = [Ceiling::Row(vectors), Ceiling::Depth(vectors)];
            into.add_line(parts, DEPTHS, |k| self.multiply(vectors * width, k) / ROWS as f64);
        }
        // A row of few columns, and one that fills a panel.
        let widths = [width / 2, self.kernels.panel()];
        for operation in self.packs {
            let parts = [Ceiling::Call(operation), Ceiling::Element(operation)];
            into.add_line(parts, widths, |n| seconds(|| self.pack(operation, ROWS, n)) / ROWS as f64);
        }
    }

    /// Adds what packing for the first time takes, once others have passed over so many bytes.
    pub(super) fn first(&mut self, point: usize, into: &mut Ceilings) {
        // Both run much the same code: each comes first every other time.
        self.packs.reverse();
        for operation in self.packs {
            let seconds = once(|| self.pack(operation, 1, self.kernels.panel()));
            into.add_first(operation, point, seconds, self.kernels.panel());
        }
    }

    fn multiply(&mut self, columns: usize, k: usize) -> f64 {
        let (n, b) = match columns {
            0 => (1, Right::Column(&self.b)),
            n => (n, Right::Panels(&self.b)),
        };
        let sizes = Sizes { m: ROWS, n, k };
        let product = Product { sizes, a: Strided::rows(&self.a, k), b, alpha: 1.0, beta: 1.0 };
        seconds(|| {
            self.kernels.multiply(black_box(&product), 0..ROWS, &mut Out::rows(&mut self.c, n));
        })
    }

    fn pack(&mut self, operation: Operation, rows: usize, columns: usize) {
        let from = match operation {
            Operation::PackTransposed => Strided::rows(&self.b[APART..], rows).t(),
            _ => Strided::rows(&self.b[APART..], columns),
        };
        self.kernels.pack_panels(&mut self.c, rows, columns, black_box(Operand::F32(from)));
    }
}
