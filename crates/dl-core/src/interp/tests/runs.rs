//! Runs of single expressions: names, dimensions, randomness, facts, lines in errors, depth.

use super::{NAN, check, floats, ints, range, show, text};
use crate::dim::{Dim, Named};
use crate::dtype::DType::{F32, F64, I64};
use crate::graph::Graph;
use crate::init::Init;
use crate::interp::eval_expr;
use crate::ops::Fact;
use crate::ops::random::uniform;
use crate::tensor::Tensor;

const B: Named = Named("B");

#[test]
fn inputs_and_parameters_come_by_name() {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, [2], Init::Zeros));
    let x_is = ("x", Tensor::new([1, 2], vec![1.0f32, 2.0]).unwrap());
    let w_is = ("w", Tensor::vector(vec![3.0f32, 4.0]));
    assert_eq!(show(x.dot(w), &[w_is.clone(), x_is.clone()]), "f64[1] 11");
    assert_eq!(show(x.dot(w), std::slice::from_ref(&x_is)), "parameter w has no value");
    assert_eq!(show(w + 1.0, std::slice::from_ref(&w_is)), "f64[2] 4 5");
    let more = [x_is.clone(), w_is.clone(), ("y", Tensor::scalar(0.0))];
    assert_eq!(show(x.dot(w), &more), "unknown input y: expected one of [x]");
    assert_eq!(show(w, &[w_is.clone(), w_is]), "parameter w is given twice");
    assert_eq!(
        show(w, &[("w", Tensor::vector(vec![1i64, 2]))]),
        "parameter w: expected elements of f32, got i64"
    );
    assert_eq!(show(w, &[("w", Tensor::vector(vec![1.0, 2.0]))]), "f64[2] 1 2");
    assert_eq!(show(w, &[("w", Tensor::scalar(1.0f32))]), "parameter w: expected shape [2], got []");
}

#[test]
fn extents_follow_the_inputs() {
    let g = Graph::new();
    let x = g.input("x", F64, (B, 2));
    let x_is = [("x", Tensor::zeros(F64, [7, 2]))];
    let area = &Dim::named("B") * &Dim::Size(2);
    assert_eq!(show(g.extent(I64, area.clone()), &x_is), "i64[] 14");
    assert_eq!(show(g.extent(F32, area.clone()), &x_is), "f64[] 14");
    assert_eq!(show((x + 1.0).mean(..), &x_is), "f64[] 1");
    assert_eq!(show(g.extent(I64, area), &[]), "dimension B has no size");
}

#[test]
fn random_numbers_are_those_of_the_counter() {
    let g = Graph::new();
    let (first, second) = (g.random(F64, [2, 3]), g.random(F32, [1]));
    let want: Vec<f64> = (0..6).map(|i| f64::from(uniform(0, 0, 0, i))).collect();
    assert_eq!(eval_expr(first, &[]).unwrap().get::<f64>().unwrap(), want);
    assert_eq!(eval_expr(second, &[]).unwrap().item().unwrap(), f64::from(uniform(0, 0, 1, 0)));
}

#[test]
fn facts_are_verified() {
    let g = Graph::new();
    let x = floats(&g, &[0.0, -1e-9]);
    check(x.assume(Fact::NonNegative), "f64[2] 0 -0.000000001");
    check(
        floats(&g, &[1.0, -1.0]).assume(Fact::NonNegative),
        "the value is assumed non_negative, but is -1 at [1]",
    );
    check(x.assume(Fact::Positive), "the value is assumed positive, but is 0 at [0]");
    check(floats(&g, &[NAN]).assume(Fact::Finite), "the value is assumed finite, but is NaN at [0]");
    check(
        floats(&g, &[NAN]).assume(Fact::NonNegative),
        "the value is assumed non_negative, but is NaN at [0]",
    );
    let p = floats(&g, &[0.25, 0.75, 0.5, 0.5]).reshape([2, 2]);
    check(p.assume(Fact::Distribution), "f64[2, 2] 0.25 0.75 0.5 0.5");
    check(
        range(&g, [2, 2]).assume(Fact::Distribution),
        "the value is assumed distribution, but sums to 5 along the last axis at [1]",
    );
    check(range(&g, [0, 2]).assume(Fact::Distribution), "f64[0, 2]");
}

#[test]
fn errors_name_the_line_and_the_value() {
    let g = Graph::new();
    let line = line!() + 1;
    let picked = range(&g, [2]).gather(0, ints(&g, &[5])).named("picked");
    let error = eval_expr(picked * 2.0, &[]).unwrap_err().to_string();
    let want = format!("{}:{line}: picked: gather by index 5 at position [0], outside", file!());
    assert!(error.starts_with(&want), "{error}");
}

#[test]
fn mistakes_in_the_graph_come_first() {
    let g = Graph::new();
    let bad = range(&g, [2]) + range(&g, [3]);
    let error = eval_expr(bad, &[]).unwrap_err();
    assert_eq!(error.faults().len(), 1);
}

#[test]
fn arrays_that_do_not_fit_into_memory_are_errors() {
    let g = Graph::new();
    let huge = g.full(F64, [1usize << 28, 1 << 30], 0.0);
    check(huge, "constant of shape [268435456, 1073741824] does not fit into memory");
}

#[test]
fn depth_does_not_matter() {
    let g = Graph::new();
    let mut x = g.input("x", I64, ());
    for _ in 0..100_000 {
        x = x + g.constant(I64, 1.0);
    }
    assert_eq!(text(&eval_expr(x, &[("x", Tensor::scalar(5i64))]).unwrap()), "i64[] 100005");
}
