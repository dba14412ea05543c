//! Penalties by hand-made numbers, their gradients where norms vanish, the projection, and misuse.

use super::*;
use crate::interp::evaluate;
use crate::nn::{Sgd, dense};
use crate::testing::{faults, gradient, near, value};
use crate::{F32, F64, Graph, I64, Init, Named, Program, Tensor};
use expect_test::expect;

#[test]
fn penalties_of_several_parameters() {
    let g = Graph::new();
    let w = g.parameter("w", F64, [2, 2], Init::Zeros);
    let b = g.parameter("b", F64, [1], Init::Zeros);
    let data =
        [("w", Tensor::new([2, 2], vec![1.0, -2.0, 0.0, 3.0]).unwrap()), ("b", Tensor::vector(vec![-4.0]))];
    near(&value(l1([w, b]), &data), &[10.0]);
    near(&value(l2(g.parameters()), &data), &[30.0]);
    near(&value(elastic_net([w, b], 0.25), &data), &[0.25 * 10.0 + 0.75 * 30.0]);
    near(&gradient(l2([w, b]), w, &data), &[2.0, -4.0, 0.0, 6.0]);
    near(&gradient(l1([w, b]), w, &data), &[1.0, -1.0, 0.0, 1.0]);
    near(&gradient(elastic_net([w, b], 0.25), b, &data), &[-0.25 - 0.75 * 8.0]);
}

#[test]
fn the_tutorials_minimum_has_no_half() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let lambda = 0.01;
    let j = (theta - 3.0).square() + lambda * l2(theta);
    near(&gradient(j, theta, &[("θ", Tensor::scalar(3.0 / (1.0 + lambda)))]), &[0.0]);
}

#[test]
fn misuse_is_recorded() {
    let g = Graph::new();
    l2(g.parameters());
    let w = g.parameter("w", F64, [2], Init::Zeros);
    elastic_net(w, 1.5);
    elastic_net(w, f64::NAN);
    l2(w).weighted(-1e-4);
    l2(w).weighted(f64::INFINITY);
    l1(g.input("n", I64, [2]));
    group_lasso(w, 1);
    orthogonality(w);
    orthogonality(Parameters::new(&g, []));
    total_variation(w, 3);
    isotropic_total_variation(g.input("n", I64, [2]), 0);
    sparsity_kl(w, 1.0);
    sparsity_kl(g.input("s", F64, ()), 0.1);
    confidence_penalty(g.input("s", F64, ()));
    max_norm(w, -1.0, 0);
    max_norm(w, 1.0, 1);
    input_gradient_penalty(l2(w), g.input("s", F64, ()));
    gradient_penalty(l2(w), g.input("n", I64, [2]));
    jacobian_penalty(w, w);
    jacobian_penalty_estimate(w, w, 0);
    l1([w, g.parameter("v", F32, [2], Init::Zeros)]);
    expect![[r#"
        l2 of no parameters
        elastic_net with ratio 1.5: a number in [0, 1] is needed
        elastic_net with ratio NaN: a number in [0, 1] is needed
        a term weighted by -0.0001: a number of at least 0 is needed
        a term weighted by inf: a number of at least 0 is needed
        l1 needs a float (f32 or f64), got i64 [2]: cast it first
        group_lasso along axis 1 of [2]
        orthogonality of [2]: a matrix is needed
        orthogonality of no parameters
        total_variation along axis 3 of [2]
        isotropic_total_variation needs a float (f32 or f64), got i64 [2]: cast it first
        sparsity_kl with activity 1: a number in (0, 1) is needed
        sparsity_kl of []: a first axis of examples is needed
        confidence_penalty of []: the last axis must be the classes
        max_norm with bound -1: a number above 0 is needed
        max_norm along axis 1 of [2]
        input_gradient_penalty by []: a first axis of examples is needed
        grad with respect to i64: only floats have gradients
        jacobian_penalty of [2]: [B, C] with a known C is needed
        jacobian_penalty_estimate of 0 projections: one or more are needed
        add of f64 and f32: element types differ, cast one of them"#]]
    .assert_eq(&faults(&g));
}

const B: Named = Named("B");

fn matrix(rows: usize, values: &[f64]) -> Tensor {
    Tensor::new([rows, values.len() / rows], values.to_vec()).unwrap()
}

#[test]
fn groups_are_what_the_axes_remove() {
    let g = Graph::new();
    let w = g.parameter("w", F64, [2, 3], Init::Zeros);
    let data = [("w", matrix(2, &[3.0, 0.0, 1.0, 4.0, 0.0, 0.0]))];
    near(&value(group_lasso(w, 0), &data), &[2f64.sqrt() * 6.0]);
    near(&value(group_lasso(w, 1), &data), &[3f64.sqrt() * (10f64.sqrt() + 4.0)]);
    near(&value(group_lasso(w, ..), &data), &[6f64.sqrt() * 26f64.sqrt()]);
    let root = 2f64.sqrt();
    // The group that is zero stays where it is.
    near(&gradient(group_lasso(w, 0), w, &data), &[0.6 * root, 0.0, root, 0.8 * root, 0.0, 0.0]);
}

#[test]
fn orthogonal_columns_cost_nothing() {
    let g = Graph::new();
    let w = g.parameter("w", F64, [3, 2], Init::Zeros);
    near(&value(orthogonality(w), &[("w", matrix(3, &[0.6, 0.0, 0.8, 0.0, 0.0, -1.0]))]), &[0.0]);
    let twice = [("w", matrix(3, &[2.0, 0.0, 0.0, 1.0, 0.0, 0.0]))];
    near(&value(orthogonality(w), &twice), &[9.0]);
    near(&gradient(orthogonality(w), w, &twice), &[24.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn variation_along_one_and_two_axes() {
    let g = Graph::new();
    let line = g.input("line", F64, B);
    let data = [("line", Tensor::vector(vec![1.0, 3.0, 3.0, -1.0]))];
    near(&value(total_variation(line, 0), &data), &[6.0]);
    near(&value(isotropic_total_variation(line, 0), &data), &[6.0]);
    near(&gradient(total_variation(line, 0), line, &data), &[-1.0, 1.0, 1.0, -1.0]);
    let images = g.input("images", F64, (B, 2, 2));
    let data = [("images", Tensor::new([2, 2, 2], vec![0.0, 4.0, 3.0, 3.0, 5.0, 5.0, 5.0, 5.0]).unwrap())];
    near(&value(total_variation(images, [1, 2]), &data), &[8.0, 0.0]);
    near(&value(isotropic_total_variation(images, [1, 2]), &data), &[6.0, 0.0]);
    let slope = gradient(isotropic_total_variation(images, [1, 2]).sum(..), images, &data);
    near(&slope, &[-1.4, 1.8, 0.6, -1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn units_that_are_as_active_as_wanted_cost_nothing() {
    let g = Graph::new();
    let h = g.input("h", F64, (B, 2));
    let data = [("h", matrix(2, &[0.125, 0.5, 0.375, 0.0]))];
    near(&value(sparsity_kl(h, 0.25), &data), &[0.0, 0.0]);
    let want = 0.1 * (0.1f64 / 0.25).ln() + 0.9 * (0.9f64 / 0.75).ln();
    near(&value(sparsity_kl(h, 0.1), &data), &[want, want]);
}

#[test]
fn uniform_predictions_have_the_largest_entropy() {
    let g = Graph::new();
    let x = g.input("x", F64, (B, 2));
    let data = [("x", matrix(2, &[7.0, 7.0, 1e3, -1e3]))];
    near(&value(confidence_penalty(x), &data), &[-(2f64.ln()), 0.0]);
    near(&gradient(confidence_penalty(x).sum(..), x, &data), &[0.0; 4]);
}

#[test]
fn penalties_of_gradients() {
    let g = Graph::new();
    let (x, w) = (g.input("x", F64, (B, 2)), g.parameter("w", F64, [2, 2], Init::Zeros));
    let data = [("x", matrix(2, &[1.0, 2.0, 0.0, -1.0])), ("w", matrix(2, &[3.0, 0.0, 4.0, 1.0]))];
    // y = x·w: the Jacobian is w, the gradient of its first column's sum that column.
    let y = x.dot(w);
    near(&value(jacobian_penalty(y, x), &data), &[26.0, 26.0]);
    let first = y.slice(1, 0, 1);
    near(&value(input_gradient_penalty(first, x), &data), &[25.0, 25.0]);
    near(&value(gradient_penalty(first, x), &data), &[16.0, 16.0]);
    near(&gradient(gradient_penalty(first, x).mean(..), w, &data), &[4.8, 0.0, 6.4, 0.0]);
    let estimate = value(jacobian_penalty_estimate(y, x, 400).mean(..), &data)[0];
    assert!((estimate - 26.0).abs() < 1.0, "{estimate}");
}

/// The parameters after one step.
fn step(program: &Program, parameters: &[(&str, Tensor)]) -> Vec<(String, Vec<f64>)> {
    let parameters: Vec<_> = parameters.iter().map(|(n, t)| ((*n).into(), t.clone())).collect();
    let found = evaluate(program, &[], &parameters, 0, 0).unwrap();
    found.updates.iter().map(|(name, value)| (name.to_string(), value.to_f64())).collect()
}

#[test]
fn weights_are_projected_after_the_update() {
    let g = Graph::new();
    let w = g.parameter("fc.weight", F64, [2, 3], Init::Zeros);
    let b = g.parameter("fc.bias", F64, [1], Init::Zeros);
    let j = 0.5 * (l2(w) + l2(b));
    let data =
        [("fc.weight", matrix(2, &[6.0, 0.0, 0.6, 8.0, 0.0, 0.8])), ("fc.bias", Tensor::vector(vec![9.0]))];
    let program = j.minimize(MaxNorm::new(Sgd::new(0.5), 2.0)).unwrap();
    let after = step(&program, &data);
    near(&after[0].1, &[1.2, 0.0, 0.3, 1.6, 0.0, 0.4]);
    near(&after[1].1, &[4.5]);
    let free = j.minimize(MaxNorm::new(Sgd::new(0.5), 2.0).matching("*.bias")).unwrap();
    near(&step(&free, &data)[0].1, &[3.0, 0.0, 0.3, 4.0, 0.0, 0.4]);
    near(&step(&free, &data)[1].1, &[2.0]);
}

#[test]
fn a_projection_of_nothing_is_refused() {
    let g = Graph::new();
    let j = l2(dense(g.input("x", F64, (B, 2)), "fc", 1)).mean(..);
    let refused = |optimizer: MaxNorm<Sgd>| {
        let error = j.minimize(optimizer).unwrap_err();
        let messages: Vec<String> = error.faults().iter().map(|f| f.message.clone()).collect();
        messages.join("\n")
    };
    expect!["max_norm with bound 0: a number above 0 is needed"]
        .assert_eq(&refused(MaxNorm::new(Sgd::new(0.1), 0.0)));
    expect![[r#"
        max_norm with bound 0: a number above 0 is needed
        max_norm of nothing: no trained parameter matches *.kernel"#]]
    .assert_eq(&refused(MaxNorm::new(Sgd::new(0.1), 1.0).matching("*.kernel")));
}
