//! Branches that were not taken contribute exactly zero, whatever the derivative behind them is.

use dl_core::interp::eval_expr;
use dl_core::ops::Order;
use dl_core::{Expr, F64, Graph, Tensor};

use crate::kinks::{first, second};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

#[test]
fn an_infinite_derivative_behind_a_mask() {
    first([0.0, 4.0], |x| x.gt(0.0).select(x.sqrt(), 0.0), [0.0, 0.25]);
    second([0.0, 4.0], |x| x.gt(0.0).select(x.sqrt(), 0.0), [0.0, -0.25 / 8.0]);
    first([0.0, 4.0], |x| x.le(0.0).select(0.0, x.sqrt()), [0.0, 0.25]);
    first([0.0, 4.0], |x| x.gt(0.0).select(3.0 / x, x), [1.0, -3.0 / 16.0]);
    first([-1.0, 1.0], |x| x.gt(0.0).select(x.log(), x.exp() * 0.0), [0.0, 1.0]);
    first([0.0, 1.0], |x| x.gt(0.0).select(x.pow(0.5), 0.0), [0.0, 0.5]);
}

#[test]
fn a_derivative_that_is_not_a_number_behind_a_mask() {
    first([NAN, 2.0], |x| x.is_finite().select(x * x, 0.0), [0.0, 4.0]);
    first([INF, 2.0], |x| x.is_finite().select(x.abs() * x, 0.0), [0.0, 4.0]);
    first([INF, 0.0], |x| x.is_finite().select(x.sin(), 0.0), [0.0, 1.0]);
    second([NAN, 2.0], |x| x.is_finite().select(x * x * x, 0.0), [0.0, 12.0]);
}

#[test]
fn masks_in_masks() {
    fn pieces<'g>(x: Expr<'g>) -> Expr<'g> {
        let inner = x.gt(0.0).select(x.sqrt(), x.lt(0.0).select((-x).sqrt(), 0.0));
        x.lt(9.0).select(inner, x.log())
    }
    first([0.0, 4.0, -4.0, 10.0], pieces, [0.0, 0.25, -0.25, 0.1]);
    second([0.0, 4.0, -4.0, 10.0], pieces, [0.0, -0.25 / 8.0, -0.25 / 8.0, -0.01]);
    first([0.0, 4.0], |x| x.gt(0.0).select(x.gt(0.0).select(x.sqrt(), 1.0), x), [1.0, 0.25]);
    first([0.0, 4.0], |x| x.gt(0.0).select(x.lt(9.0).select(x.sqrt(), 0.0), 0.0), [0.0, 0.25]);
    first([0.0, 4.0], |x| x.gt(0.0).select(x.gt(9.0).select(0.0, x.sqrt()), 0.0), [0.0, 0.25]);
    first([0.0, 4.0], |x| x.gt(0.0).select(x.sqrt(), 0.0).sqrt().square(), [0.0, 0.25]);
}

#[test]
fn a_real_infinity_stays() {
    first([0.0, 4.0], |x| x.ge(0.0).select(x.sqrt(), 0.0), [INF, 0.25]);
    // One of two ways to the root is live.
    first([0.0], |x| x.gt(0.0).select(x.sqrt(), 0.0) + x.sqrt(), [INF]);
    first([0.0], |x| x.gt(0.0).select(x.sqrt(), 0.0) + 0.0 * x.sqrt(), [NAN]);
}

#[test]
fn what_one_branch_needs_is_live() {
    fn twice<'g>(x: Expr<'g>) -> Expr<'g> {
        let square = x.square();
        x.gt(0.0).select(square, 0.0) + x.lt(9.0).select(square, 0.0)
    }
    first([-1.0, 4.0, 10.0], twice, [-2.0, 16.0, 20.0]);
}

/// `√x` moved by `f`, taken only where `x`, moved likewise, is above 0: at zeros nothing comes back.
#[track_caller]
fn moved<const N: usize>(x: [f64; N], f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) {
    let graph = Graph::new();
    let variable = graph.input("x", F64, [N]);
    let y = f(variable).gt(0.0).select(f(variable.sqrt()), 0.0);
    let values = [("x", Tensor::vector(x.to_vec()))];
    let ones = graph.full(F64, [N], 1.0);
    let second = y.sum(..).hvp(&[variable], &[ones])[0];
    for derivative in [y.sum(..).grad(&[variable])[0], y.jvp(&[variable], &[ones]), second] {
        let got = eval_expr(derivative, &values).unwrap().to_f64();
        assert!(got.iter().all(|d| d.is_finite()), "{got:?}");
    }
    let got = eval_expr(y.sum(..).grad(&[variable])[0], &values).unwrap().to_f64();
    assert!(got.iter().zip(x).all(|(d, x)| (*d == 0.0) == (x == 0.0)), "{got:?}");
}

#[test]
fn masks_go_where_cotangents_go() {
    let x = [0.0, 1.0, 4.0, 0.0, 0.0, 9.0];
    moved(x, |x| x.reshape([2, 3]));
    moved(x, |x| x.reshape([2, 3]).permute(&[1, 0]));
    moved(x, |x| x.broadcast_to(&[2, 6].into()));
    moved(x, |x| x.pad(0, 1, 2, 0.0));
    moved(x, |x| x.flip([0]));
    moved(x, |x| x.sort(0, Order::Descending));
    moved(x, |x| x.unfold(0, 3, 1, 1));
    moved(x, |x| x.graph().concat(0, &[x, x]));
    moved(x, |x| x.gather(0, index(x, &[0, 1, 5, 5, 2, 3, 4])));
    moved(x, |x| x.scatter_add(0, 0, index(x, &[2, 0, 3, 2, 2, 0]), &[4].into()));
    moved(x, |x| x.cast(dl_core::F32).cast(F64));
    moved([0.0, 0.0, 4.0, 1.0], |x| x.reshape([2, 2]).sum([1]));
    moved([0.0, 0.0, 4.0, 1.0], |x| x.reshape([2, 2]).prod([1]));
    moved([0.0, 0.0, 4.0, 1.0], |x| x.reshape([2, 2]).max([1]) + x.reshape([2, 2]).min([1]));
    moved([0.0, 0.0, 4.0, 1.0], |x| {
        let m = x.reshape([2, 2]);
        m.contract("ij,ij->i", m)
    });
    moved([0.0, 0.0, 4.0, 1.0], |x| {
        let m = x.reshape([2, 2]);
        m.contract("ij,kj->ki", m.graph().full(F64, [3, 2], 1.0))
    });
    moved([0.0, 0.0, 4.0, 1.0], |x| {
        let m = x.reshape([2, 2]);
        m.contract("ij,jk->kji", m.graph().full(F64, [2, 3], 1.0))
    });
}

fn index<'g>(x: Expr<'g>, values: &[i64]) -> Expr<'g> {
    x.graph().literal(Tensor::vector(values.to_vec()))
}

/// The gradients of the product of two matrices by both of them, where only `live` elements count.
#[track_caller]
fn product(x: [f64; 4], w: [f64; 4], live: [bool; 4], want: [[f64; 4]; 2]) {
    let graph = Graph::new();
    let (a, b) = (graph.input("x", F64, [2, 2]), graph.input("w", F64, [2, 2]));
    let live = graph.literal(Tensor::new([2, 2], live.to_vec()).unwrap());
    let j = live.select(a.dot(b), 0.0).sum(..);
    let matrix = |m: [f64; 4]| Tensor::new([2, 2], m.to_vec()).unwrap();
    let gradient =
        |wrt| eval_expr(j.grad(&[wrt])[0], &[("x", matrix(x)), ("w", matrix(w))]).unwrap().to_f64();
    assert_eq!([gradient(a), gradient(b)], want.map(Vec::from));
}

#[test]
fn what_is_missing_does_not_spoil_a_product() {
    let (row, column) = ([true, true, false, false], [true, false, true, false]);
    product([1.0, 2.0, NAN, 5.0], [1.0, 2.0, 3.0, 4.0], row, [[3.0, 7.0, 0.0, 0.0], [1.0, 1.0, 2.0, 2.0]]);
    product([1.0, 2.0, 3.0, 4.0], [1.0, NAN, 3.0, 4.0], column, [[1.0, 3.0, 1.0, 3.0], [4.0, 0.0, 6.0, 0.0]]);
}

#[test]
fn an_infinite_factor_stays_with_what_is_live() {
    let (row, column) = ([true, true, false, false], [true, false, true, false]);
    product([1.0, 2.0, 3.0, 4.0], [INF, 2.0, 3.0, 4.0], row, [[INF, 7.0, 0.0, 0.0], [1.0, 1.0, 2.0, 2.0]]);
    product([INF, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], column, [[1.0, 3.0, 1.0, 3.0], [INF, 0.0, 6.0, 0.0]]);
}

#[test]
fn a_row_without_a_single_key_has_no_gradient() {
    let graph = Graph::new();
    let x = graph.input("x", F64, [2, 3]);
    let seen = graph.literal(Tensor::new([2, 3], vec![true, true, false, false, false, false]).unwrap());
    let scores = seen.select(x, f64::NEG_INFINITY);
    let shifted = scores - scores.max([1]).broadcast_along(&[0], &[2, 3].into());
    let weights = shifted.exp() / shifted.exp().sum([1]).broadcast_along(&[0], &[2, 3].into());
    let j = (seen.select(weights, 0.0) * x).sum(..);
    let values = [("x", Tensor::new([2, 3], vec![0.0, 0.0, 1.0, 1.0, 2.0, 3.0]).unwrap())];
    let got = eval_expr(j.grad(&[x])[0], &values).unwrap().to_f64();
    assert_eq!(got, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
}
