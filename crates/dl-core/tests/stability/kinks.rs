//! Kinks and masks through the whole compiler: the declared choices survive every rule.

use dl_core::interp::evaluate;
use dl_core::{Bool, Expr, F32, F64, Graph, Program, Tensor, TensorRef, nn};

const INF: f64 = f64::INFINITY;

/// Value, first derivative and the Hessian's product with ones, compiled with every rule.
#[track_caller]
fn check<const N: usize>(
    x: [f64; N],
    f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>,
    value: &[f64],
    first: &[f64],
    second: Option<&[f64]>,
) {
    for dtype in [F64, F32] {
        let graph = Graph::new();
        let variable = graph.input("x", dtype, [N]);
        let y = f(variable);
        let objective = y.sum(..);
        let mut builder = Program::builder(&graph).output("y", y).output("d", objective.grad(&[variable])[0]);
        if second.is_some() {
            let curvature = objective.hvp(&[variable], &[graph.full(dtype, [N], 1.0)])[0];
            builder = builder.output("h", curvature);
        }
        let program = builder.compile().unwrap_or_else(|e| panic!("{e}"));
        let at = Tensor::from_f64(dtype, [N], &x).expect("N elements");
        same(&program, &[("x", at.view())], &[("y", Some(value)), ("d", Some(first)), ("h", second)]);
    }
}

#[track_caller]
fn same(program: &Program, inputs: &[(&str, TensorRef<'_>)], wants: &[(&str, Option<&[f64]>)]) {
    let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
    let inputs: Vec<_> = inputs.iter().copied().filter(|(n, _)| used(n)).collect();
    let run = evaluate(program, &inputs, &[], 0, 0).unwrap_or_else(|e| panic!("{e}"));
    for (name, want) in wants.iter().filter_map(|(n, w)| Some((n, (*w)?))) {
        let got = run.output(name).expect("it is an output").to_f64();
        let close = |(g, w): (&f64, &f64)| g == w || (g - w).abs() <= 1e-7 * w.abs();
        let all = got.len() == want.len() && got.iter().zip(want).all(close);
        assert!(all, "{name} is {got:?}, expected {want:?}");
    }
}

#[test]
fn a_branch_that_is_not_taken_gives_exactly_nothing() {
    check(
        [0.0, 4.0],
        |x| x.gt(0.0).select(x.sqrt(), 0.0),
        &[0.0, 2.0],
        &[0.0, 0.25],
        Some(&[0.0, -1.0 / 32.0]),
    );
    check([0.0, -1.0], |x| x.gt(0.0).select(x.log(), 0.0), &[0.0; 2], &[0.0; 2], Some(&[0.0; 2]));
    check([0.0, 4.0], |x| x.gt(0.0).select(x.square().sqrt().sqrt(), 0.0), &[0.0, 2.0], &[0.0, 0.25], None);
    check(
        [0.0, 4.0, 10.0],
        |x| x.gt(0.0).select(x.lt(9.0).select(x.sqrt(), 1.0 / x), 0.0),
        &[0.0, 2.0, 0.1],
        &[0.0, 0.25, -0.01],
        Some(&[0.0, -1.0 / 32.0, 0.002]),
    );
    check([0.0, 1.0], |x| x.gt(0.0).select(x * x.log(), 0.0), &[0.0, 0.0], &[0.0, 1.0], Some(&[0.0, 1.0]));
}

#[test]
fn a_root_that_is_taken_at_zero_is_as_steep_as_it_is() {
    check([0.0, 4.0], |x| x.sqrt(), &[0.0, 2.0], &[INF, 0.25], None);
    check([0.0, 4.0], |x| x.pow(0.5), &[0.0, 2.0], &[INF, 0.25], None);
}

#[test]
fn norms_at_the_origin() {
    check([0.0; 3], |x| (x * x).sum(0).sqrt(), &[0.0], &[0.0; 3], None);
    check([0.0; 3], |x| x.pow(2.0).sum(0).pow(0.5), &[0.0], &[0.0; 3], None);
    check([0.0; 3], |x| x.dot(x).sqrt(), &[0.0], &[0.0; 3], None);
    check([0.0; 3], |x| nn::norm(x, ..), &[0.0], &[0.0; 3], None);
    check([0.0; 2], |x| (x * x + (2.0 * x).square()).sqrt(), &[0.0; 2], &[0.0; 2], None);
    check([0.0, -2.0], |x| x.square().sqrt(), &[0.0, 2.0], &[0.0, -1.0], None);
}

#[test]
fn powers_at_zero() {
    check([0.0, 3.0], |x| x.pow(2.0), &[0.0, 9.0], &[0.0, 6.0], Some(&[2.0, 2.0]));
    check([0.0, 3.0], |x| x.pow(1.0), &[0.0, 3.0], &[1.0, 1.0], None);
    check([0.0, 3.0], |x| x.pow(0.0), &[1.0, 1.0], &[0.0, 0.0], None);
    check([0.5, 2.0], |y| (0.0 * y.stop_gradient()).pow(y), &[0.0; 2], &[0.0; 2], None);
}

#[test]
fn kinks_of_one_argument() {
    check([-1.0, 0.0, 2.0], |x| x.relu(), &[0.0, 0.0, 2.0], &[0.0, 0.0, 1.0], None);
    check([-1.0, 0.0, 2.0], |x| x.abs(), &[1.0, 0.0, 2.0], &[-1.0, 0.0, 1.0], None);
    check([-1.0, 0.0, 2.0], |x| x.maximum(0.0), &[0.0, 0.0, 2.0], &[0.0, 0.5, 1.0], None);
    // The choice is made op by op: here the true slope at 0 is 1.
    check([0.0, 2.0], |x| x.relu() - (-x).relu(), &[0.0, 2.0], &[0.0, 1.0], None);
    check(
        [-1.0, -0.5, 0.0, 0.5, 1.0],
        |x| x.clip(-0.5, 0.5),
        &[-0.5, -0.5, 0.0, 0.5, 0.5],
        &[0.0, 1.0, 1.0, 1.0, 0.0],
        None,
    );
}

#[test]
fn ties_share_equally() {
    check([2.0, 1.0, 2.0], |x| x.max(0), &[2.0], &[0.5, 0.0, 0.5], None);
    check([-INF, -INF], |x| x.max(0), &[-INF], &[0.5, 0.5], None);
}

#[test]
fn a_sum_of_no_exponentials_has_no_gradient() {
    check([-INF; 3], |x| x.exp().sum(0).log(), &[-INF], &[0.0; 3], None);
    check([-INF; 3], |x| x.logsumexp(0), &[-INF], &[0.0; 3], None);
    check([-INF; 3], |x| x.exp() / x.exp().sum(0).broadcast_to(&x.shape()), &[0.0; 3], &[0.0; 3], None);
    check([-INF; 3], |x| x.softmax(0), &[0.0; 3], &[0.0; 3], None);
    check([-INF, 1.0, 1.0], |x| x.exp().sum(0).log(), &[1.0 + 2f64.ln()], &[0.0, 0.5, 0.5], None);
    check(
        [-INF, 1.0],
        |x| (x.slice(0, 0, 1).exp() + x.slice(0, 1, 2).exp()).log(),
        &[1.0],
        &[0.0, 1.0],
        None,
    );
}

/// Attention as it is written out: weights from scores with `-∞` where a key is hidden.
#[test]
fn a_row_of_attention_without_a_key_has_no_weight_and_no_gradient() {
    for dtype in [F64, F32] {
        let graph = Graph::new();
        let (q, k, v) = (
            graph.input("q", dtype, [2, 2]),
            graph.input("k", dtype, [3, 2]),
            graph.input("v", dtype, [3, 2]),
        );
        let seen = graph.input("seen", Bool, [2, 3]);
        let scores = seen.select(q.contract("ik,jk->ij", k) / 2f64.sqrt(), f64::NEG_INFINITY);
        let weights = scores.exp() / scores.exp().sum(1).unsqueeze(1);
        let out = weights.dot(v);
        let gradients = (out * out).sum(..).grad(&[q, k, v]);
        let program = Program::builder(&graph).output("w", weights).output("out", out);
        let program =
            program.output("dq", gradients[0]).output("dk", gradients[1]).output("dv", gradients[2]);
        let program = program.compile().unwrap_or_else(|e| panic!("{e}"));
        let of = |shape: [usize; 2], v: &[f64]| Tensor::from_f64(dtype, shape, v).expect("as many");
        let (q, k, v) = (
            of([2, 2], &[1.0, 2.0, 3.0, 4.0]),
            of([3, 2], &[0.0; 6]),
            of([3, 2], &[1.0, 0.0, 3.0, 0.0, 5.0, 0.0]),
        );
        let seen = Tensor::new([2, 3], vec![true, true, false, false, false, false]).expect("six");
        let inputs = [("q", q.view()), ("k", k.view()), ("v", v.view()), ("seen", seen.view())];
        let c = 2f64.sqrt();
        same(
            &program,
            &inputs,
            &[
                ("w", Some(&[0.5, 0.5, 0.0, 0.0, 0.0, 0.0])),
                ("out", Some(&[2.0, 0.0, 0.0, 0.0])),
                ("dq", Some(&[0.0; 4])),
                ("dk", Some(&[-2.0 / c, -4.0 / c, 2.0 / c, 4.0 / c, 0.0, 0.0])),
                ("dv", Some(&[2.0, 0.0, 2.0, 0.0, 0.0, 0.0])),
            ],
        );
    }
}

#[test]
fn what_is_missing_does_not_spoil_what_is_there() {
    check(
        [f64::NAN, 3.0],
        |x| x.gt(0.0).select(x.square(), 0.0),
        &[0.0, 9.0],
        &[0.0, 6.0],
        Some(&[0.0, 2.0]),
    );
    check([INF, 3.0], |x| x.is_finite().select(x.exp().log(), 0.0), &[0.0, 3.0], &[0.0, 1.0], None);
}
