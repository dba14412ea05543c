//! Derivatives where there is none: the declared choices, exactly.

use dl_core::interp::eval_expr;
use dl_core::{Expr, F64, Graph, Tensor};

/// The gradient of `f(x).sum()` at `x`.
#[track_caller]
pub(crate) fn first<const N: usize>(x: [f64; N], f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, want: [f64; N]) {
    let graph = Graph::new();
    let variable = graph.input("x", F64, [N]);
    let gradient = f(variable).sum(..).grad(&[variable])[0];
    same(eval_expr(gradient, &[("x", Tensor::vector(x.to_vec()))]), &want);
}

/// The product of the Hessian of `f(x).sum()` with ones.
#[track_caller]
pub(crate) fn second<const N: usize>(x: [f64; N], f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, want: [f64; N]) {
    let graph = Graph::new();
    let variable = graph.input("x", F64, [N]);
    let product = f(variable).sum(..).hvp(&[variable], &[graph.full(F64, [N], 1.0)])[0];
    same(eval_expr(product, &[("x", Tensor::vector(x.to_vec()))]), &want);
}

#[track_caller]
fn same(got: dl_core::Result<Tensor>, want: &[f64]) {
    let got = got.map(|t| t.to_f64()).unwrap_or_else(|e| panic!("{e}"));
    let equal = got.iter().zip(want).all(|(g, w)| g == w || (g.is_nan() && w.is_nan()));
    assert!(equal && got.len() == want.len(), "got {got:?}, expected {want:?}");
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

#[test]
fn of_one_argument() {
    first([-1.0, 0.0, 2.0], |x| x.relu(), [0.0, 0.0, 1.0]);
    first([-1.0, 0.0, 2.0], |x| x.abs(), [-1.0, 0.0, 1.0]);
    first([-1.0, 0.0, 2.0], |x| x.sign() + x.floor(), [0.0; 3]);
    first([0.0, 1.0], |x| x.sqrt(), [INF, 0.5]);
}

#[test]
fn powers_at_zero() {
    first([0.0], |x| x.pow(2.0), [0.0]);
    first([0.0], |x| x.pow(1.0), [1.0]);
    first([0.0], |x| x.pow(0.0), [0.0]);
    first([0.5, 2.0], |y| y.graph().full(F64, [2], 0.0).pow(y), [0.0, 0.0]);
    second([0.0, 1.0], |x| x.pow(2.0), [2.0, 2.0]);
}

#[test]
fn ties_share_equally() {
    first([0.0, 1.0, -1.0], |x| x.maximum(0.0), [0.5, 1.0, 0.0]);
    first([0.0, 1.0, -1.0], |x| x.minimum(0.0), [0.5, 0.0, 1.0]);
    first([2.0, 1.0, 2.0, 0.0], |x| x.max([0]), [0.5, 0.0, 0.5, 0.0]);
    first([2.0, 0.0, 0.0, 0.0, 0.0], |x| x.min([0]) * 4.0, [0.0, 1.0, 1.0, 1.0, 1.0]);
    first([-INF, -INF], |x| x.max([0]), [0.5, 0.5]);
    first([NAN, 1.0], |x| x.max([0]), [0.5, 0.5]);
}

#[test]
fn clipping_passes_the_gradient_at_its_bounds() {
    first([-1.0, -0.5, 0.0, 0.5, 1.0], |x| x.clip(-0.5, 0.5), [0.0, 1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn products_with_zeros() {
    first([2.0, 0.0, 3.0], |x| x.prod([0]), [0.0, 6.0, 0.0]);
    first([2.0, 0.0, 0.0], |x| x.prod([0]), [0.0; 3]);
    second([2.0, 0.0, 3.0], |x| x.prod([0]), [3.0, 5.0, 2.0]);
    second([2.0, 0.0, 0.0], |x| x.prod([0]), [0.0, 2.0, 2.0]);
    // No quotient: the whole product underflows, the product of the others does not.
    first([1e-200, 1e-200, 1e200], |x| x.prod([0]), [1.0, 1.0, 0.0]);
}
