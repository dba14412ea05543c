//! Matrix products by the `gemm` crate over slices.

use gemm::Parallelism;

/// A matrix in a slice: element `(i, j)` is at `i * rows + j * columns`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) shape: [usize; 2],
    pub(crate) strides: [usize; 2],
}

impl<'a> View<'a> {
    /// Row-major.
    pub(crate) fn new(data: &'a [f32], shape: [usize; 2]) -> Self {
        View { data, shape, strides: [shape[1], 1] }
    }

    /// Transposed in place: nothing moves.
    pub(crate) fn t(self) -> Self {
        let ([m, n], [r, c]) = (self.shape, self.strides);
        View { data: self.data, shape: [n, m], strides: [c, r] }
    }
}

/// `into ← a·b`, or `into ← into + a·b` where it `accumulates`; `into` is row-major.
#[allow(unsafe_code)]
pub(crate) fn product(
    into: &mut [f32],
    a: View<'_>,
    b: View<'_>,
    accumulates: bool,
    parallelism: Parallelism,
) {
    let ([m, k], [k2, n]) = (a.shape, b.shape);
    assert!(k == k2 && into.len() == m * n && a.data.len() == m * k && b.data.len() == k * n);
    // SAFETY: shapes were checked above.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.as_mut_ptr(),
            1,
            n as isize,
            accumulates,
            a.data.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.data.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
