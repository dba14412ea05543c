//! What a contraction means: products of all pairs that agree on their letters, summed.

use super::array::{Array, Values, Values::*, each_index};
use crate::ops::Contraction;

/// For each index of the result, the sum over all indices of the summed letters, the last one fastest.
pub(super) fn contract(spec: &Contraction, a: &Array, b: &Array, shape: &[usize]) -> Result<Values, String> {
    let summed: Vec<u8> = spec.summed().collect();
    let letters = [spec.out.as_slice(), &summed].concat();
    let sizes: Vec<usize> = summed.iter().map(|l| size(*l, &spec.lhs, &a.shape)).collect();
    let (left, right) = (strides(&letters, &spec.lhs, &a.shape), strides(&letters, &spec.rhs, &b.shape));

    // Pairs of places, per element of the result.
    let pairs = |out: &[usize]| {
        each_index(&sizes, |inner| {
            let index = || out.iter().chain(inner);
            (place(index(), &left), place(index(), &right))
        })
    };
    match (&a.data, &b.data) {
        (Float(x), Float(y)) => {
            Ok(Float(each_index(shape, |out| pairs(out).iter().fold(0.0, |sum, &(i, j)| sum + x[i] * y[j]))))
        }
        (Int(x), Int(y)) => Ok(Int(each_index(shape, |out| {
            pairs(out).iter().fold(0i64, |sum, &(i, j)| sum.wrapping_add(x[i].wrapping_mul(y[j])))
        }))),
        (x, y) => Err(format!("cannot contract {} with {}", x.kind(), y.kind())),
    }
}

/// The size of a letter's axis.
fn size(letter: u8, letters: &[u8], shape: &[usize]) -> usize {
    letters.iter().zip(shape).find(|(l, _)| **l == letter).map_or(1, |(_, n)| *n)
}

/// For each of `letters`, how far its axis steps in an operand; 0 where the operand has no such axis.
fn strides(letters: &[u8], own: &[u8], shape: &[usize]) -> Vec<usize> {
    let stride =
        |l: &u8| own.iter().position(|o| o == l).map_or(0, |axis| shape[axis + 1..].iter().product());
    letters.iter().map(stride).collect()
}

fn place<'a>(index: impl Iterator<Item = &'a usize>, strides: &[usize]) -> usize {
    index.zip(strides).map(|(i, s)| i * s).sum()
}
