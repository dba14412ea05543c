//! The matrix product: bounds checked here, computed by the `gemm` crate.
#![allow(unsafe_code)]

use gemm::Parallelism;

use super::real::Real;
use super::vector::Isa;

/// A matrix somewhere in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    /// The slice.
    pub data: &'a [T],
    /// Of the first element.
    pub offset: isize,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub column: isize,
}

/// Rows of the left operand, columns of the right one, and the size that is summed over.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// `out = a·b`, or `out = out + a·b` to accumulate, where element `(i, j)` of the product stands at `i·row + j·column` of `out`.
/// The order of each element's sum does not depend on the number of threads.
pub(super) fn product<T: Real>(
    out: &mut [T],
    (row, column): (isize, isize),
    Sizes { m, n, k }: Sizes,
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    accumulate: bool,
    threads: usize,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(inside(out.len(), 0, (m, row), (n, column)), "the product lies inside its vector");
    if k == 0 {
        // `out` is all of the product: there is nothing between its elements.
        if !accumulate {
            out.fill(T::ZERO);
        }
        return;
    }
    assert!(
        inside(a.data.len(), a.offset, (m, a.row), (k, a.column)),
        "the left operand lies inside its vector"
    );
    assert!(
        inside(b.data.len(), b.offset, (k, b.row), (n, b.column)),
        "the right operand lies inside its vector"
    );
    let most = if m.min(n) == 1 { CHAIN } else { LONG };
    if k > most {
        let part = if most == CHAIN { CHAIN } else { DEPTH };
        return in_parts(out, (row, column), Sizes { m, n, k }, (a, b), (accumulate, threads), part);
    }
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    // SAFETY: every element (i, j) of the three matrices was just shown to lie inside its slice, which
    // the borrows keep alive; `out` is borrowed mutably, so it overlaps neither operand, and it is
    // read only to accumulate.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            column,
            row,
            accumulate,
            a.data.as_ptr().offset(a.offset),
            a.column,
            a.row,
            b.data.as_ptr().offset(b.offset),
            b.column,
            b.row,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Places of the inner axis that the library may add one after the other: all that a row or a column has.
const CHAIN: usize = 256;
/// The same of other products, of which it adds up some hundreds at a time, and then these sums.
const LONG: usize = 4096;
/// Places that are taken together where there are more.
const DEPTH: usize = 512;

/// A product whose inner axis is long: part by part, with what rounding takes from the total kept beside it.
fn in_parts<T: Real>(
    out: &mut [T],
    strides: (isize, isize),
    Sizes { m, n, k }: Sizes,
    (a, b): (Matrix<'_, T>, Matrix<'_, T>),
    (accumulate, threads): (bool, usize),
    part: usize,
) {
    let (mut sum, mut lost) = (vec![T::ZERO; out.len()], vec![T::ZERO; out.len()]);
    let isa = Isa::widest();
    for first in (0..k).step_by(part) {
        let sizes = Sizes { m, n, k: part.min(k - first) };
        let a = Matrix { offset: a.offset + first as isize * a.column, ..a };
        let b = Matrix { offset: b.offset + first as isize * b.row, ..b };
        if first == 0 {
            product(out, strides, sizes, a, b, accumulate, threads);
        } else {
            product(&mut sum, strides, sizes, a, b, false, threads);
            isa.add_keeping(out, &mut lost, &sum);
        }
    }
    isa.settle(out, &lost);
}

/// Whether all elements of a matrix that is not empty lie in `0..len`.
fn inside(len: usize, offset: isize, rows: (usize, isize), columns: (usize, isize)) -> bool {
    let reach = |(n, stride): (usize, isize)| (n as isize - 1).checked_mul(stride);
    let (Some(down), Some(across)) = (reach(rows), reach(columns)) else {
        return false;
    };
    let ends = (
        offset.checked_add(down.min(0)).and_then(|x| x.checked_add(across.min(0))),
        offset.checked_add(down.max(0)).and_then(|x| x.checked_add(across.max(0))),
    );
    matches!(ends, (Some(low), Some(high)) if low >= 0 && (high as usize) < len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::ops::random::uniform;

    fn random(n: usize, stream: u64) -> Vec<f32> {
        (0..n as u64).map(|i| uniform(1, 0, stream, i) - 0.5).collect()
    }

    #[test]
    fn the_same_bits_for_every_number_of_threads() {
        let sizes = [
            (64, 784, 128),
            (512, 128, 10),
            (784, 512, 128),
            (1, 700, 300),
            (33, 7, 1),
            (3000, 40, 65),
            (129, 5000, 257),
        ];
        for (m, k, n) in sizes {
            let (x, y) = (random(m * k, 1), random(k * n, 2));
            for (transposed_a, transposed_b) in [(false, false), (true, false), (false, true), (true, true)] {
                let strides = |t: bool, rows: usize, columns: usize| {
                    if t { (1, rows as isize) } else { (columns as isize, 1) }
                };
                let (ra, ca) = strides(transposed_a, m, k);
                let (rb, cb) = strides(transposed_b, k, n);
                let a = Matrix { data: &x, offset: 0, row: ra, column: ca };
                let b = Matrix { data: &y, offset: 0, row: rb, column: cb };
                let run = |threads: usize| {
                    let mut out = vec![f32::NAN; m * n];
                    let pool = rayon::ThreadPoolBuilder::new()
                        .num_threads(threads)
                        .build()
                        .expect("threads are to be had");
                    pool.install(|| {
                        product(&mut out, (n as isize, 1), Sizes { m, n, k }, a, b, false, threads)
                    });
                    out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                };
                let one = run(1);
                for threads in [2, 3, 8] {
                    assert!(run(threads) == one, "{m}x{k}x{n}, {threads} threads");
                }
            }
        }
    }

    #[test]
    fn matrices_outside_their_slices_are_found() {
        assert!(inside(6, 0, (2, 3), (3, 1)) && !inside(5, 0, (2, 3), (3, 1)));
        assert!(inside(6, 5, (2, -3), (3, -1)) && !inside(6, 4, (2, -3), (3, -1)));
        assert!(!inside(6, 0, (2, isize::MAX), (3, 1)) && inside(1, 0, (9, 0), (9, 0)));
    }
}
