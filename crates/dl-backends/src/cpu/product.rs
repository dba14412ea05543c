//! One matrix product by the library that the executor uses, to compare a training step with.
#![allow(unsafe_code)]

use gemm::Parallelism;

use crate::error::{Error, Result};

/// A matrix of `f32` in a slice, row by row or column by column.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    shape: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A matrix of `[rows, columns]`, row by row.
    ///
    /// # Errors
    /// When `data` has another number of elements.
    pub fn new(data: &'a [f32], shape: [usize; 2]) -> Result<Self> {
        match shape[0].checked_mul(shape[1]) {
            Some(n) if n == data.len() => Ok(Matrix { data, shape, strides: [shape[1], 1] }),
            _ => Err(Error::value(format!("a matrix of {shape:?} from {} elements", data.len()))),
        }
    }

    /// The transposed matrix; nothing is moved.
    #[must_use]
    pub fn t(self) -> Self {
        let ([m, n], [row, column]) = (self.shape, self.strides);
        Matrix { data: self.data, shape: [n, m], strides: [column, row] }
    }
}

/// `into ← a·b`, or `into ← into + a·b` with `accumulate`. `into` is row by row; `threads` of rayon's
/// current pool share the product.
///
/// ```
/// use dl_backends::cpu::product::{Matrix, multiply};
/// let a = Matrix::new(&[1.0, 2.0, 3.0, 4.0], [2, 2])?;
/// let mut c = vec![0.0; 4];
/// multiply(&mut c, a, a.t(), false, 1)?;
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// multiply(&mut c, a, a.t(), true, 1)?;
/// assert_eq!(c, [10.0, 22.0, 22.0, 50.0]);
/// # Ok::<(), dl_backends::Error>(())
/// ```
///
/// # Errors
/// When the inner sizes differ, or `into` has another number of elements than the product.
pub fn multiply(
    into: &mut [f32],
    a: Matrix<'_>,
    b: Matrix<'_>,
    accumulate: bool,
    threads: usize,
) -> Result<()> {
    let ([m, k], [inner, n]) = (a.shape, b.shape);
    if k != inner {
        return Err(Error::value(format!(
            "cannot multiply {:?} by {:?}: inner sizes differ",
            a.shape, b.shape
        )));
    }
    if m.checked_mul(n) != Some(into.len()) {
        return Err(Error::value(format!("a product of [{m}, {n}] into {} elements", into.len())));
    }
    if m == 0 || n == 0 || k == 0 {
        if !accumulate {
            into.fill(0.0);
        }
        return Ok(());
    }
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    // SAFETY: `a` and `b` hold exactly the elements of their shapes (`Matrix::new`; `t` swaps both shape
    // and strides), `into` was just shown to hold m·n, and being borrowed mutably overlaps neither.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misfits_are_errors() {
        let six = [1.0; 6];
        let a = Matrix::new(&six, [2, 3]).unwrap();
        let fails = |result: Result<()>, message: &str| assert_eq!(result.unwrap_err().to_string(), message);
        fails(Matrix::new(&six, [2, 2]).map(drop), "a matrix of [2, 2] from 6 elements");
        fails(
            multiply(&mut [0.0; 4], a, a, false, 1),
            "cannot multiply [2, 3] by [2, 3]: inner sizes differ",
        );
        fails(multiply(&mut [0.0; 5], a, a.t(), false, 1), "a product of [2, 2] into 5 elements");
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let empty = Matrix::new(&[], [2, 0]).unwrap();
        let mut into = [7.0; 4];
        multiply(&mut into, empty, empty.t(), true, 1).unwrap();
        assert_eq!(into, [7.0; 4]);
        multiply(&mut into, empty, empty.t(), false, 1).unwrap();
        assert_eq!(into, [0.0; 4]);
    }
}
