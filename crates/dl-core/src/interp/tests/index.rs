//! Gather and its transpose, iota, sorting: batches, indices outside, ties, NaN.

use super::{INF, NAN, check, floats, ints, range};
use crate::dtype::DType;
use crate::graph::Graph;
use crate::ops::Order::{Ascending, Descending};
use crate::tensor::Tensor;

#[test]
fn gather_picks_along_an_axis() {
    let g = Graph::new();
    let x = range(&g, [3, 2]);
    check(x.gather(0, ints(&g, &[2, 0, 2])), "f64[3, 2] 4 5 0 1 4 5");
    check(x.gather(1, ints(&g, &[1])), "f64[3, 1] 1 3 5");
    check(x.gather(0, ints(&g, &[1, 0]).reshape([2, 1])), "f64[2, 1, 2] 2 3 0 1");
    check(x.gather(0, ints(&g, &[1]).reshape(())), "f64[2] 2 3");
    check(x.gather(0, ints(&g, &[])), "f64[0, 2]");
    check(x.pick(ints(&g, &[1, 0, 1])), "f64[3] 1 2 5");
    check(ints(&g, &[7]).pick(ints(&g, &[0]).reshape(())), "i64[] 7");
}

#[test]
fn gather_goes_in_step_along_batches() {
    let g = Graph::new();
    let picks = ints(&g, &[0, 1, 1, 0, 1, 1]).reshape([3, 2]);
    let op = crate::ops::Op::Gather { axis: 1, batch: 1 };
    check(range(&g, [3, 2]).apply(op, &[picks]), "f64[3, 2] 0 1 3 2 5 5");
}

#[test]
fn indices_outside_are_errors() {
    let g = Graph::new();
    let x = range(&g, [5, 3]);
    check(
        x.pick(ints(&g, &[0, 1, 2, 12, 0])),
        "gather by index 12 at position [3], outside the 3 elements of axis 1 of [5, 3]: expected 0 to 2",
    );
    check(
        x.gather(0, ints(&g, &[0, -1])),
        "gather by index -1 at position [1], outside the 5 elements of axis 0 of [5, 3]: expected 0 to 4",
    );
    check(
        ints(&g, &[0, 3]).one_hot(DType::F64, 3),
        "scatter_add by index 3 at position [1], outside the 3 elements of axis 1 of [2, 3]: expected 0 to 2",
    );
    check(
        range(&g, [0]).gather(0, ints(&g, &[0])),
        "gather by index 0 at position [0], outside the 0 elements of axis 0 of [0]: expected none",
    );
    // Nothing is picked, but the index is still wrong.
    check(
        range(&g, [2, 0]).gather(0, ints(&g, &[2])),
        "gather by index 2 at position [0], outside the 2 elements of axis 0 of [2, 0]: expected 0 to 1",
    );
}

#[test]
fn scattered_updates_add_up() {
    let g = Graph::new();
    let updates = range(&g, [3, 2]);
    check(updates.scatter_add(0, 0, ints(&g, &[1, 1, 0]), &[4, 2].into()), "f64[4, 2] 4 5 2 4 0 0 0 0");
    check(
        ints(&g, &[1 << 53, 1]).scatter_add(0, 0, ints(&g, &[0, 0]), &[1].into()),
        "i64[1] 9007199254740993",
    );
    check(ints(&g, &[2, 0]).one_hot(DType::F32, 3), "f64[2, 3] 0 0 1 1 0 0");
    check(ints(&g, &[1]).one_hot(DType::I64, 2), "i64[1, 2] 0 1");
    check(ints(&g, &[]).one_hot(DType::F64, 2), "f64[0, 2]");
    check(floats(&g, &[]).scatter_add(0, 0, ints(&g, &[]), &[2].into()), "f64[2] 0 0");
}

#[test]
fn iota_counts() {
    let g = Graph::new();
    check(g.iota(DType::I64, 1, [2, 3]), "i64[2, 3] 0 1 2 0 1 2");
    check(g.iota(DType::F32, 0, [2, 2]), "f64[2, 2] 0 0 1 1");
    check(g.iota(DType::F64, 0, [0]), "f64[0]");
}

#[test]
fn sorts_are_stable_with_nan_last() {
    let g = Graph::new();
    let x = floats(&g, &[1.0, NAN, 0.0, -0.0, INF, 1.0, -INF]);
    check(x.sort(0, Ascending), "f64[7] -inf 0 -0 1 1 inf NaN");
    check(x.argsort(0, Ascending), "i64[7] 6 2 3 0 5 4 1");
    check(x.sort(0, Descending), "f64[7] inf 1 1 0 -0 -inf NaN");
    check(x.argsort(0, Descending), "i64[7] 4 0 5 2 3 6 1");
    check(floats(&g, &[NAN, NAN]).argsort(0, Descending), "i64[2] 0 1");
}

#[test]
fn sorts_run_along_their_axis() {
    let g = Graph::new();
    let x = g.literal(Tensor::new([2, 3], vec![3i64, 1, 2, 0, (1 << 53) + 1, 1 << 53]).unwrap());
    check(x.sort(1, Ascending), "i64[2, 3] 1 2 3 0 9007199254740992 9007199254740993");
    check(x.argsort(1, Descending), "i64[2, 3] 0 2 1 1 2 0");
    check(x.sort(0, Ascending), "i64[2, 3] 0 1 2 3 9007199254740993 9007199254740992");
    check(floats(&g, &[]).sort(0, Ascending), "f64[0]");
    check(floats(&g, &[2.0]).sort(0, Descending), "f64[1] 2");
}
