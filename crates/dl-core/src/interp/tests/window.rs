//! Windows and their transpose: strides, dilations, sizes that leave a rest.

use super::{check, ints, range, show};
use crate::dim::Named;
use crate::dtype::DType;
use crate::graph::{Expr, Graph};
use crate::ops::Op;
use crate::shape::Shape;
use crate::tensor::Tensor;

fn fold<'g>(x: Expr<'g>, axis: usize, stride: usize, dilation: usize, shape: impl Into<Shape>) -> Expr<'g> {
    x.apply_as(Op::Fold { axis, stride, dilation }, &[], x.dtype(), shape.into())
}

#[test]
fn windows_move_by_strides_and_dilate() {
    let g = Graph::new();
    let x = range(&g, [7]);
    check(x.unfold(0, 3, 2, 1), "f64[3, 3] 0 1 2 2 3 4 4 5 6");
    check(x.unfold(0, 2, 3, 2), "f64[2, 2] 0 2 3 5");
    check(x.unfold(0, 7, 1, 1), "f64[1, 7] 0 1 2 3 4 5 6");
    check(x.unfold(0, 1, 1, 1), "f64[7, 1] 0 1 2 3 4 5 6");
    check(range(&g, [3, 2]).unfold(0, 2, 1, 1), "f64[2, 2, 2] 0 2 1 3 2 4 3 5");
    check(ints(&g, &[1, 2]).unfold(0, 1, 5, 1), "i64[1, 1] 1");
}

#[test]
fn overlapping_windows_add_up() {
    let g = Graph::new();
    let ones = g.full(DType::F64, [3, 3], 1.0);
    check(fold(ones, 0, 2, 1, [7]), "f64[7] 1 1 2 1 2 1 1");
    check(fold(range(&g, [2, 2]), 0, 3, 2, [7]), "f64[7] 0 0 1 2 0 3 0");
    check(fold(g.full(DType::I64, [2, 2, 2], 1.0), 0, 1, 1, [3, 2]), "i64[3, 2] 1 1 2 2 1 1");
}

#[test]
fn a_window_that_turns_out_not_to_fit() {
    let g = Graph::new();
    let x = g.input("x", DType::F64, (Named("B"),)).unfold(0, 4, 1, 1);
    assert_eq!(show(x, &[("x", Tensor::vector(vec![0.0; 3]))]), "f64[0, 4]");
    assert_eq!(show(x, &[("x", Tensor::vector(vec![0.0; 2]))]), "dimension B - 3 is -1, which is negative");
}
