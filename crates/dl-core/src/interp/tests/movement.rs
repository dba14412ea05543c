//! Movements: every element type, odd sizes, and reaching outside.

use super::{bools, check, ints, range, show};
use crate::dim::{Dim, Named};
use crate::dtype::{DType, Scalar};
use crate::graph::Graph;
use crate::ops::Op;
use crate::shape::Shape;
use crate::tensor::Tensor;

#[test]
fn reshape_and_permute() {
    let g = Graph::new();
    let x = range(&g, [2, 3]);
    check(x.reshape([3, 2]), "f64[3, 2] 0 1 2 3 4 5");
    check(x.transpose(), "f64[3, 2] 0 3 1 4 2 5");
    check(range(&g, [1, 2, 3]).permute(&[2, 0, 1]), "f64[3, 1, 2] 0 3 1 4 2 5");
    check(range(&g, [2, 2, 2]).permute(&[1, 2, 0]), "f64[2, 2, 2] 0 4 1 5 2 6 3 7");
    check(range(&g, [0, 3]).transpose(), "f64[3, 0]");
    check(range(&g, [1]).reshape(()), "f64[] 0");
}

#[test]
fn broadcast_repeats() {
    let g = Graph::new();
    let x = ints(&g, &[1, 2]);
    check(x.broadcast_to(&[2, 2].into()), "i64[2, 2] 1 2 1 2");
    check(x.broadcast_along(&[0], &[2, 3].into()), "i64[2, 3] 1 1 1 2 2 2");
    check(bools(&g, &[true]).broadcast_to(&[3].into()), "bool[3] true true true");
    check(range(&g, [2, 1]).broadcast_to(&[1, 2, 2].into()), "f64[1, 2, 2] 0 0 1 1");
    check(x.broadcast_along(&[1], &[0, 2].into()), "i64[0, 2]");
}

#[test]
fn slices_step() {
    let g = Graph::new();
    let x = range(&g, [7]);
    check(x.slice(0, 2, 5), "f64[3] 2 3 4");
    check(x.slice_by(0, 1, 7, 3), "f64[2] 1 4");
    check(x.slice(0, 7, 7), "f64[0]");
    check(range(&g, [3, 3]).slice(1, 1, 3), "f64[3, 2] 1 2 4 5 7 8");
}

#[test]
fn slices_that_turn_out_to_reach_outside() {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", DType::F64, (B,));
    let three = [("x", Tensor::vector(vec![1.0, 2.0, 3.0]))];
    let ahead = &Dim::named("B") + &Dim::Size(1);
    assert_eq!(show(x.slice(0, 1, B), &three), "f64[2] 2 3");
    assert_eq!(show(x.slice(0, 1, 3), &three), "f64[2] 2 3");
    assert_eq!(show(x.slice(0, 1, 5), &three), "slice reaches element 4 along axis 0 of [3]");
    assert_eq!(show(x.slice(0, 5, B), &three), "dimension B - 5 is -2, which is negative");
    assert_eq!(show(x.slice(0, ahead.clone(), ahead), &three), "f64[0]");
}

#[test]
fn pads_spread() {
    let g = Graph::new();
    check(range(&g, [2]).pad(0, 1, 2, -1.0), "f64[5] -1 0 1 -1 -1");
    check(ints(&g, &[7]).pad(0, 1, 0, 3.0), "i64[2] 3 7");
    check(bools(&g, &[true]).pad(0, 1, 1, 0.0), "bool[3] false true false");
    check(range(&g, [2, 1]).pad(1, 1, 0, 9.0), "f64[2, 2] 9 0 9 1");
    check(range(&g, [0]).pad(0, 1, 1, 5.0), "f64[2] 5 5");
    let spread = Op::Pad { starts: vec![Dim::Size(1)], strides: vec![2], value: Scalar::Float(0.0) };
    check(range(&g, [3]).apply_as(spread, &[], DType::F64, Shape::from([7])), "f64[7] 0 0 0 1 0 2 0");
}

#[test]
fn pads_that_turn_out_to_reach_outside() {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", DType::F64, (B,));
    let pad = Op::Pad { starts: vec![Dim::Size(1)], strides: vec![1], value: Scalar::Float(0.0) };
    let expr = x.apply_as(pad, &[], DType::F64, Shape::from([3]));
    assert_eq!(show(expr, &[("x", Tensor::vector(vec![1.0, 2.0]))]), "f64[3] 0 1 2");
    let three = [("x", Tensor::vector(vec![1.0, 2.0, 3.0]))];
    assert_eq!(show(expr, &three), "pad reaches element 3 along axis 0 of [3]");
}

#[test]
fn concat_and_flip() {
    let g = Graph::new();
    let (x, y) = (range(&g, [2, 1]), range(&g, [2, 2]));
    check(g.concat(1, &[x, y, x]), "f64[2, 4] 0 0 1 0 1 2 3 1");
    check(g.concat(0, &[range(&g, [0, 2]), y]), "f64[2, 2] 0 1 2 3");
    check(g.concat(0, &[ints(&g, &[1]), ints(&g, &[2, 3])]), "i64[3] 1 2 3");
    check(y.flip(0), "f64[2, 2] 2 3 0 1");
    check(y.flip(..), "f64[2, 2] 3 2 1 0");
    check(range(&g, [0]).flip(0), "f64[0]");
}
