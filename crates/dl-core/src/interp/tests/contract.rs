//! Contractions: every role a letter can have, nothing to sum, exact integers.

use super::{INF, check, floats, ints, range};
use crate::graph::Graph;

#[test]
fn products_by_rank() {
    let g = Graph::new();
    check(range(&g, [2, 3]).dot(range(&g, [3, 2])), "f64[2, 2] 10 13 28 40");
    check(range(&g, [3]).dot(range(&g, [3])), "f64[] 5");
    check(range(&g, [2, 3]).dot(range(&g, [3])), "f64[2] 5 14");
    check(range(&g, [3]).dot(range(&g, [3, 2])), "f64[2] 10 13");
    check(range(&g, [1, 7]).dot(range(&g, [7, 1])), "f64[1, 1] 91");
}

#[test]
fn letters_in_every_role() {
    let g = Graph::new();
    let (x, y) = (range(&g, [2, 3]), range(&g, [2, 3]));
    check(x.contract("ij,ij->", y), "f64[] 55");
    check(x.contract("ij,ij->i", y), "f64[2] 5 50");
    check(x.contract("ij,ij->ji", y), "f64[3, 2] 0 9 1 16 4 25");
    check(x.contract("ij,kj->ik", y), "f64[2, 2] 5 14 14 50");
    check(floats(&g, &[1.0, 2.0]).contract("i,j->ji", floats(&g, &[3.0, 4.0])), "f64[2, 2] 3 6 4 8");
    check(range(&g, [2, 1, 2]).contract("bik,bkj->bij", range(&g, [2, 2, 1])), "f64[2, 1, 1] 1 13");
    check(floats(&g, &[2.0]).sum(0).contract(",i->i", floats(&g, &[3.0, 4.0])), "f64[2] 6 8");
}

#[test]
fn over_nothing_is_zero() {
    let g = Graph::new();
    check(range(&g, [2, 0]).dot(range(&g, [0, 1])), "f64[2, 1] 0 0");
    check(range(&g, [0, 2]).dot(range(&g, [2, 1])), "f64[0, 1]");
}

#[test]
fn special_values_and_exact_integers() {
    let g = Graph::new();
    check(floats(&g, &[0.0, 1.0]).dot(floats(&g, &[INF, 1.0])), "f64[] NaN");
    check(ints(&g, &[1 << 53, 1]).dot(ints(&g, &[1, 1])), "i64[] 9007199254740993");
    check(ints(&g, &[i64::MAX]).dot(ints(&g, &[2])), "i64[] -2");
}
