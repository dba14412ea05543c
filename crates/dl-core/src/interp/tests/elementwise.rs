//! Elementwise functions, `select` and `cast`: special values, exact integers, broadcasting.

use super::{INF, NAN, bools, check, floats, ints, range};
use crate::dtype::DType;
use crate::graph::Graph;

const BIG: i64 = (1 << 53) + 1;

#[test]
fn integers_are_exact_beyond_floats() {
    let g = Graph::new();
    let x = ints(&g, &[BIG, -BIG, i64::MAX]);
    check(x + x, "i64[3] 18014398509481986 -18014398509481986 -2");
    check(-x, "i64[3] -9007199254740993 9007199254740993 -9223372036854775807");
    check(x.sign(), "i64[3] 1 -1 1");
    check(x.abs(), "i64[3] 9007199254740993 9007199254740993 9223372036854775807");
    check(x.gt(ints(&g, &[BIG - 1, -BIG - 1, i64::MAX])), "bool[3] true true false");
    check(x.maximum(ints(&g, &[BIG + 1; 3])), "i64[3] 9007199254740994 9007199254740994 9223372036854775807");
    check(ints(&g, &[i64::MIN]).abs(), "i64[1] -9223372036854775808");
}

#[test]
fn nan_and_infinities() {
    let g = Graph::new();
    let x = floats(&g, &[NAN, INF, -INF, 0.0]);
    check(x + 1.0, "f64[4] NaN inf -inf 1");
    check(x - x, "f64[4] NaN NaN NaN 0");
    check(x.maximum(0.0), "f64[4] NaN inf 0 0");
    check(x.minimum(0.0), "f64[4] NaN 0 -inf 0");
    check(x.eq(x), "bool[4] false true true true");
    check(x.ne(x), "bool[4] true false false false");
    check(x.lt(1.0), "bool[4] false false true true");
    check(x.is_finite(), "bool[4] false false false true");
    check(x.sigmoid(), "f64[4] NaN 1 0 0.5");
    check(x.relu(), "f64[4] NaN inf 0 0");
    check(1.0 / x, "f64[4] NaN 0 -0 inf");
    check(x.pow(0.0), "f64[4] 1 1 1 1");
}

#[test]
fn a_branch_that_is_not_taken_does_not_matter() {
    let g = Graph::new();
    let c = bools(&g, &[true, false]);
    check(c.select(floats(&g, &[1.0, NAN]), floats(&g, &[NAN, 2.0])), "f64[2] 1 2");
    check(c.select(ints(&g, &[BIG, 0]), ints(&g, &[0, BIG])), "i64[2] 9007199254740993 9007199254740993");
    check(c.select(c, c.eq(c)), "bool[2] true true");
}

#[test]
fn truth_values_are_ordered() {
    let g = Graph::new();
    let (x, y) = (bools(&g, &[false, false, true, true]), bools(&g, &[false, true, false, true]));
    check(x.lt(y), "bool[4] false true false false");
    check(x.eq(y), "bool[4] true false false true");
    check(x.and(y), "bool[4] false false false true");
    check(x.or(y), "bool[4] false true true true");
}

#[test]
fn casts_truncate_and_saturate() {
    let g = Graph::new();
    let x = floats(&g, &[-1.9, 1.9, 300.0, NAN, INF, -INF]);
    check(x.cast(DType::I64), "i64[6] -1 1 300 0 9223372036854775807 -9223372036854775808");
    check(x.cast(DType::U8), "u8[6] 0 1 255 0 255 0");
    check(x.cast(DType::Bool), "bool[6] true true true true true true");
    check(floats(&g, &[0.0, -0.0]).cast(DType::Bool), "bool[2] false false");
    let n = ints(&g, &[-1, 255, 256, BIG]);
    check(n.cast(DType::U8), "u8[4] 0 255 255 255");
    check(n.cast(DType::F64), "f64[4] -1 255 256 9007199254740992");
    check(n.cast(DType::Bool), "bool[4] true true true true");
    let b = bools(&g, &[false, true]);
    check(b.cast(DType::F64), "f64[2] 0 1");
    check(b.cast(DType::I64), "i64[2] 0 1");
    check(b.cast(DType::U8), "u8[2] 0 1");
}

#[test]
fn nothing_is_rounded_to_single_precision() {
    let g = Graph::new();
    let x = g.constant(DType::F32, 0.1) + g.constant(DType::F32, 0.2);
    // But for constants, which are numbers of their type.
    check(x, "f64[] 0.30000000447034836");
    check(floats(&g, &[0.1]).cast(DType::F32), "f64[1] 0.1");
}

#[test]
fn operands_broadcast() {
    let g = Graph::new();
    check(range(&g, [2, 3]) + floats(&g, &[10.0, 20.0, 30.0]), "f64[2, 3] 10 21 32 13 24 35");
    check(range(&g, [2, 1]) * range(&g, [1, 3]), "f64[2, 3] 0 0 0 0 1 2");
    check(g.constant(DType::F64, 2.0) * range(&g, [2]), "f64[2] 0 2");
    check(range(&g, [0]) + 1.0, "f64[0]");
    check(range(&g, [1]) + range(&g, [7]), "f64[7] 0 1 2 3 4 5 6");
    check(ints(&g, &[]).lt(ints(&g, &[])), "bool[0]");
    check(bools(&g, &[]).and(bools(&g, &[])), "bool[0]");
}
