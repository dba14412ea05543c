//! Reductions: over nothing, over several axes, ties, NaN, exact integers.

use super::{INF, NAN, check, floats, ints, range};
use crate::dim::Named;
use crate::dtype::DType;
use crate::graph::Graph;
use crate::tensor::Tensor;

#[test]
fn axes_disappear() {
    let g = Graph::new();
    let x = range(&g, [2, 3]);
    check(x.sum(0), "f64[3] 3 5 7");
    check(x.sum(-1), "f64[2] 3 12");
    check(x.sum(..), "f64[] 15");
    check(x.prod(1), "f64[2] 0 60");
    check(x.max(0), "f64[3] 3 4 5");
    check(x.min(1), "f64[2] 0 3");
    check(x.mean(1), "f64[2] 1 4");
    check(range(&g, [2, 2, 2]).sum([0, 2]), "f64[2] 10 18");
    check(range(&g, [7]).sum(0), "f64[] 21");
    check(range(&g, [1]).max(0), "f64[] 0");
}

#[test]
fn over_nothing_is_the_identity() {
    let g = Graph::new();
    let x = range(&g, [2, 0]);
    check(x.sum(1), "f64[2] 0 0");
    check(x.prod(1), "f64[2] 1 1");
    check(x.max(1), "f64[2] -inf -inf");
    check(x.min(1), "f64[2] inf inf");
    check(x.sum(0), "f64[0]");
    check(x.mean(1), "f64[2] NaN NaN");
    check(ints(&g, &[]).sum(0), "i64[] 0");
    check(ints(&g, &[]).prod(0), "i64[] 1");
}

#[test]
fn nan_spreads() {
    let g = Graph::new();
    let x = floats(&g, &[1.0, NAN, INF]);
    check(x.max(0), "f64[] NaN");
    check(x.min(0), "f64[] NaN");
    check(x.sum(0), "f64[] NaN");
    check(floats(&g, &[INF, -INF]).sum(0), "f64[] NaN");
    check(floats(&g, &[-INF, -INF]).max(0), "f64[] -inf");
}

#[test]
fn sums_run_in_the_order_of_elements() {
    let g = Graph::new();
    check(floats(&g, &[1.0, 1e17, -1e17]).sum(0), "f64[] 0");
    check(floats(&g, &[1e17, -1e17, 1.0]).sum(0), "f64[] 1");
}

#[test]
fn integers_are_exact() {
    let g = Graph::new();
    let x = ints(&g, &[1 << 53, 1, i64::MIN]);
    check(x.sum(0), "i64[] -9214364837600034815");
    check(x.max(0), "i64[] 9007199254740992");
    check(x.min(0), "i64[] -9223372036854775808");
    check(ints(&g, &[3, (1 << 53) + 1]).prod(0), "i64[] 27021597764222979");
}

#[test]
fn extremes_are_the_first() {
    let g = Graph::new();
    check(floats(&g, &[1.0, 3.0, 3.0]).argmax(0), "i64[] 1");
    check(floats(&g, &[1.0, 3.0, 1.0]).argmin(0), "i64[] 0");
    check(floats(&g, &[1.0, NAN, INF, NAN]).argmax(0), "i64[] 1");
    check(floats(&g, &[1.0, NAN, -INF]).argmin(0), "i64[] 1");
    check(floats(&g, &[-INF, -INF]).argmax(0), "i64[] 0");
    check(ints(&g, &[1 << 53, (1 << 53) + 1]).argmax(0), "i64[] 1");
    check(range(&g, [2, 3]).argmax(1), "i64[2] 2 2");
    check(range(&g, [2, 3]).argmin(0), "i64[3] 0 0 0");
    check(range(&g, [0, 3]).argmax(1), "i64[0]");
}

#[test]
fn over_a_dimension_that_turns_out_empty() {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", DType::I64, (B,)).slice(0, 1, B);
    let one = [("x", Tensor::vector(vec![5i64]))];
    assert_eq!(super::show(x.max(0), &one), "reduce_max of [0] over nothing: i64 has no infinity");
    assert_eq!(super::show(x.argmax(0), &one), "argmax along axis 0 of [0], which is empty");
    assert_eq!(super::show(x.sum(0), &one), "i64[] 0");
}
