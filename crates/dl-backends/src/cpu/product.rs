//! One matrix product by the library that the executor uses for `f64`: what a training step is compared with.

use std::ops::Range;

use super::gemm::{self, Sizes};
use crate::error::{Error, Result};

/// A matrix of `f32` in a slice, row by row or column by column.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    offset: usize,
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
            Some(n) if n == data.len() => Ok(Matrix { data, offset: 0, shape, strides: [shape[1], 1] }),
            _ => Err(Error::value(format!("a matrix of {shape:?} from {} elements", data.len()))),
        }
    }

    /// `[rows, columns]`.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The transposed matrix; nothing is moved.
    #[must_use]
    pub fn t(self) -> Self {
        let ([m, n], [row, column]) = (self.shape, self.strides);
        Matrix { shape: [n, m], strides: [column, row], ..self }
    }

    /// Some of its rows; those beyond the last are left out.
    #[must_use]
    pub fn rows(self, rows: Range<usize>) -> Self {
        let end = rows.end.min(self.shape[0]);
        let start = rows.start.min(end);
        let [_, columns] = self.shape;
        Matrix { offset: self.offset + start * self.strides[0], shape: [end - start, columns], ..self }
    }

    fn strided(&self) -> gemm::Matrix<'a, f32> {
        let [row, column] = self.strides.map(|stride| stride as isize);
        gemm::Matrix { data: self.data, offset: self.offset as isize, row, column }
    }
}

/// `into ← a·b`, or `into ← into + a·b` with `accumulate`, by the calling thread. `into` is row by row.
///
/// ```
/// use dl_backends::cpu::product::{Matrix, multiply};
/// let a = Matrix::new(&[1.0, 2.0, 3.0, 4.0], [2, 2])?;
/// let mut c = vec![0.0; 4];
/// multiply(&mut c, a, a.t(), false)?;
/// assert_eq!(c, [5.0, 11.0, 11.0, 25.0]);
/// multiply(&mut c, a, a.t(), true)?;
/// assert_eq!(c, [10.0, 22.0, 22.0, 50.0]);
/// multiply(&mut c[2..], a.rows(1..2), a.t(), false)?;
/// assert_eq!(c, [10.0, 22.0, 11.0, 25.0]);
/// # Ok::<(), dl_backends::Error>(())
/// ```
///
/// # Errors
/// When the inner sizes differ, or `into` has another number of elements than the product.
pub fn multiply(into: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) -> Result<()> {
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
    gemm::product(into, (n as isize, 1), Sizes { m, n, k }, a.strided(), b.strided(), accumulate);
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
        fails(multiply(&mut [0.0; 4], a, a, false), "cannot multiply [2, 3] by [2, 3]: inner sizes differ");
        fails(multiply(&mut [0.0; 5], a, a.t(), false), "a product of [2, 2] into 5 elements");
        fails(multiply(&mut [0.0; 4], a.rows(1..9), a.t(), false), "a product of [1, 2] into 4 elements");
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let empty = Matrix::new(&[], [2, 0]).unwrap();
        let mut into = [7.0; 4];
        multiply(&mut into, empty, empty.t(), true).unwrap();
        assert_eq!(into, [7.0; 4]);
        multiply(&mut into, empty, empty.t(), false).unwrap();
        assert_eq!(into, [0.0; 4]);
    }
}
