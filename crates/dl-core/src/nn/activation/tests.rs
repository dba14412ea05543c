//! Activations where formulas go wrong: far from zero, at infinity, at kinks and jumps, and in bad hands.

use super::*;
use crate::testing::{faults, gradient, near, value};
use crate::{F64, Graph, I64, Named, Tensor};
use expect_test::expect;

const INF: f64 = f64::INFINITY;

/// Values and derivatives of an elementwise function.
#[track_caller]
fn check(f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, x: &[f64], values: &[f64], derivatives: &[f64]) {
    let g = Graph::new();
    let variable = g.input("x", F64, Named("B"));
    let (y, data) = (f(variable), [("x", Tensor::vector(x.to_vec()))]);
    near(&value(y, &data), values);
    near(&gradient(y.sum(..), variable, &data), derivatives);
}

/// Relative to the result, so that what is tiny has its digits too.
#[track_caller]
fn digits(f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, x: f64, want: f64, slope: f64) {
    let g = Graph::new();
    let variable = g.input("x", F64, ());
    let (y, data) = (f(variable), [("x", Tensor::scalar(x))]);
    for (got, want) in [(value(y, &data)[0], want), (gradient(y, variable, &data)[0], slope)] {
        assert!((got / want - 1.0).abs() < 1e-13, "at {x}: {got:e}, expected {want:e}");
    }
}

#[test]
fn far_from_zero() {
    let x = [-1e30, -1e3, 1e3, 1e30];
    let (ramp, step) = ([0.0, 0.0, 1e3, 1e30], [0.0, 0.0, 1.0, 1.0]);
    check(gelu, &x, &ramp, &step);
    check(gelu_tanh, &x, &ramp, &step);
    check(silu, &x, &ramp, &step);
    check(mish, &x, &ramp, &step);
    check(hardswish, &x, &ramp, &step);
    check(|x| softplus(x, 1.0, INF), &x, &ramp, &step);
    check(|x| elu(x, 2.0), &x, &[-2.0, -2.0, 1e3, 1e30], &step);
    check(|x| celu(x, 2.0), &x, &[-2.0, -2.0, 1e3, 1e30], &step);
    check(log_sigmoid, &x, &[-1e30, -1e3, 0.0, 0.0], &[1.0, 1.0, 0.0, 0.0]);
    check(softsign, &[-INF, -1e200, 0.0, INF], &[-1.0, -1.0, 0.0, 1.0], &[0.0, 0.0, 1.0, 0.0]);
    check(tanhshrink, &x, &[-1e30, -999.0, 999.0, 1e30], &[1.0; 4]);
    check(hardsigmoid, &x, &[0.0, 0.0, 1.0, 1.0], &[0.0; 4]);
}

#[test]
fn what_is_tiny_keeps_its_digits() {
    let tail = (-50f64).exp();
    digits(silu, -50.0, -50.0 * tail, -49.0 * tail);
    digits(mish, -50.0, -50.0 * tail, -49.0 * tail);
    digits(log_sigmoid, 50.0, -tail, tail);
    digits(softsign, 1e8, 1e8 / (1.0 + 1e8), (1f64 + 1e8).powi(-2));
    digits(softsign, -3e-9, -3e-9 / (1.0 + 3e-9), (1f64 + 3e-9).powi(-2));
    digits(|x| elu(x, 1.0), -1e-12, (-1e-12f64).exp_m1(), (-1e-12f64).exp());
    let u = |x: f64| 2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
    let slope = 2.0 * (2.0 / std::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044715 * 100.0);
    digits(gelu_tanh, -10.0, -10.0 * u(-10.0).exp(), (1.0 - 10.0 * slope) * u(-10.0).exp());
}

#[test]
fn kinks_and_jumps() {
    check(|x| leaky_relu(x, 0.25), &[0.0], &[0.0], &[0.25]);
    check(|x| elu(x, 0.5), &[0.0], &[0.0], &[0.5]);
    check(selu, &[0.0], &[0.0], &[1.050_700_987_355_480_5 * 1.673_263_242_354_377_2]);
    check(|x| celu(x, 0.5), &[0.0], &[0.0], &[1.0]);
    check(|x| hardtanh(x, -1.0, 2.0), &[-1.0, 2.0], &[-1.0, 2.0], &[0.0, 0.0]);
    check(relu6, &[0.0, 6.0], &[0.0, 6.0], &[0.0, 0.0]);
    check(hardsigmoid, &[-3.0, 3.0], &[0.0, 1.0], &[0.0, 0.0]);
    check(hardswish, &[-3.0, 3.0], &[0.0, 3.0], &[0.0, 1.0]);
    check(|x| hardshrink(x, 0.5), &[-0.5, 0.5], &[0.0, 0.0], &[0.0, 0.0]);
    check(|x| softshrink(x, 0.5), &[-0.5, 0.5], &[0.0, 0.0], &[0.0, 0.0]);
    check(|x| threshold(x, 0.5, 3.0), &[0.5], &[3.0], &[0.0]);
    check(softsign, &[0.0, 1.0, -1.0], &[0.0, 0.5, -0.5], &[1.0, 0.25, 0.25]);
}

#[test]
fn nan_is_not_hidden() {
    let nan = f64::NAN;
    let all: [fn(Expr<'_>) -> Expr<'_>; 11] = [
        |x| leaky_relu(x, 0.1),
        |x| elu(x, 1.0),
        |x| softplus(x, 1.0, 20.0),
        softsign,
        relu6,
        hardsigmoid,
        hardswish,
        |x| hardshrink(x, 0.5),
        |x| softshrink(x, 0.5),
        |x| threshold(x, 0.5, 3.0),
        |x| sparsemax(x, 0),
    ];
    for f in all {
        let g = Graph::new();
        near(&value(f(g.input("x", F64, [1])), &[("x", Tensor::vector(vec![nan]))]), &[nan]);
    }
}

/// Sparsemax of a row, and the gradient of its product with `1, 2, 3, …`.
#[track_caller]
fn sparse(x: &[f64], want: &[f64], slopes: &[f64]) {
    let g = Graph::new();
    let variable = g.input("x", F64, [x.len()]);
    let (y, data) = (sparsemax(variable, 0), [("x", Tensor::vector(x.to_vec()))]);
    near(&value(y, &data), want);
    let weighted = y * (g.iota(F64, 0, [x.len()]) + 1.0);
    near(&gradient(weighted.sum(..), variable, &data), slopes);
}

#[test]
fn sparsemax_is_the_projection() {
    sparse(&[0.1, 0.1, 0.1], &[1.0 / 3.0; 3], &[-1.0, 0.0, 1.0]);
    sparse(&[1e30, 0.0, 1e30], &[0.5, 0.0, 0.5], &[-1.0, 0.0, 1.0]);
    sparse(&[5.0, 0.0, -1.0], &[1.0, 0.0, 0.0], &[0.0; 3]);
    sparse(&[-INF, 0.25, 0.0], &[0.0, 0.625, 0.375], &[0.0, -0.5, 0.5]);
    // Ties inside the support share it, ties outside have none.
    sparse(&[0.5, -0.5, 0.5, -0.5], &[0.5, 0.0, 0.5, 0.0], &[-1.0, 0.0, 1.0, 0.0]);
    // Exactly at the threshold, where the projection has a kink: outside.
    sparse(&[1.0, 0.0], &[1.0, 0.0], &[0.0, 0.0]);
    sparse(&[0.75, 0.75, 0.25], &[0.5, 0.5, 0.0], &[-0.5, 0.5, 0.0]);
}

#[test]
fn halves_are_gated() {
    let g = Graph::new();
    let x = g.input("x", F64, (Named("B"), 2, 3));
    let data = [("x", Tensor::new([1, 2, 3], vec![1.0, 2.0, 3.0, -1.0, 0.0, 1.0]).unwrap())];
    near(&value(reglu(x, 1), &data), &[0.0, 0.0, 3.0]);
    assert_eq!(glu(x, -2).shape().to_string(), "[B, 1, 3]");
}

#[test]
fn misuse_is_recorded() {
    let g = Graph::new();
    let (x, n) = (g.input("x", F64, (Named("B"), 3)), g.input("n", I64, [2]));
    gelu(silu(n));
    softmin(n, 0);
    leaky_relu(x, f64::NAN);
    PRelu::new().start(INF).apply(x, "act");
    PRelu::new().per_feature().apply(x.transpose(), "act");
    prelu(n, "act");
    elu(x, INF);
    celu(x, -1.0);
    celu(x, 0.0);
    softplus(x, 0.0, 20.0);
    softplus(x, 1.0, f64::NAN);
    hardtanh(x, 1.0, 1.0);
    hardshrink(x, -0.5);
    softshrink(x, INF);
    threshold(x, f64::NAN, 0.0);
    sparsemax(x, 2);
    sparsemax(n, 0);
    glu(x, 1);
    geglu(x, 0);
    swiglu(x, -3);
    expect![[r#"
        silu needs a float (f32 or f64), got i64 [2]: cast it first
        softmin needs a float (f32 or f64), got i64 [2]: cast it first
        leaky_relu with slope NaN: a finite number is needed
        prelu act with first slope inf: a finite number is needed
        prelu act of [3, B]: a last axis of known size is needed
        prelu act needs a float (f32 or f64), got i64 [2]: cast it first
        elu with alpha inf: a finite number is needed
        celu with alpha -1: a number above 0 is needed
        celu with alpha 0: a number above 0 is needed
        softplus with beta 0 and threshold 20: numbers, and beta not 0, are needed
        softplus with beta 1 and threshold NaN: numbers, and beta not 0, are needed
        hardtanh with bounds 1 and 1: low < high is needed
        hardshrink with bound -0.5: at least 0 is needed
        softshrink with bound inf: a number of at least 0 is needed
        threshold with bound NaN and value 0: numbers are needed
        sparsemax along axis 2 of [B, 3]
        sparsemax needs a float (f32 or f64), got i64 [2]: cast it first
        glu along axis 1 of [B, 3]: an even size is needed
        geglu along axis 0 of [B, 3]: an even size is needed
        swiglu along axis -3 of [B, 3]"#]]
    .assert_eq(&faults(&g));
}
