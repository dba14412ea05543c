//! Rows of exponentials in plans: which form, what is shared, and the interpreter's values at the edges.

use std::collections::BTreeMap;

use expect_test::expect;

use crate::graph::{Expr, Graph};
use crate::testing::near;
use crate::{DType, F64, I64, Init, Named, Plan, Program, Tensor, TensorRef, interp, nn};

const B: Named = Named("B");
const INF: f64 = f64::INFINITY;

/// Outputs of logits `[B, 3]` and labels.
type Formulas = for<'g> fn(Expr<'g>, Expr<'g>) -> Vec<Expr<'g>>;

fn compiled(formulas: Formulas, rewriting: bool) -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let mut builder = Program::builder(&g);
    for (i, output) in formulas(x, y).into_iter().enumerate() {
        builder = builder.output(&format!("o{i}"), output);
    }
    if rewriting { builder.compile().unwrap() } else { builder.without_rewriting().compile().unwrap() }
}

/// How often operations are steps of the plan.
fn counts(program: &Program) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    Plan::new(program).steps().iter().for_each(|step| *counts.entry(step.op.name()).or_default() += 1);
    counts
}

#[track_caller]
fn check_counts(formulas: Formulas, want: &[(&str, usize)]) {
    for rewriting in [true, false] {
        let found = counts(&compiled(formulas, rewriting));
        for (op, count) in want {
            assert_eq!(found.get(op).copied().unwrap_or(0), *count, "{op} of {found:?}");
        }
    }
}

/// A row asks for one maximum, its exponentials once, and no more than what is asked of it needs.
#[test]
fn what_is_asked_decides_the_form() {
    let once = [("reduce_max", 1), ("exp", 1)];
    let weights = [("log1p", 0), ("sum", 1), ("div", 1)];
    check_counts(|x, _| vec![x.softmax(1)], &[once.as_slice(), &weights].concat());
    let logs = [("log1p", 1), ("sum", 2), ("log", 0)];
    check_counts(|x, _| vec![x.log_softmax(1)], &[once.as_slice(), &logs].concat());
    check_counts(
        |x, _| vec![x.log_softmax(1), x.softmax(1), x.logsumexp(1), x.logsumexp(1).sum(..).grad(&[x])[0]],
        &[once.as_slice(), &logs].concat(),
    );
    // The label is picked from logarithms that are there.
    check_counts(|x, y| vec![nn::cross_entropy(x, y), x.log_softmax(1)], &[once.as_slice(), &logs].concat());
    check_counts(
        |x, y| vec![nn::cross_entropy(x, y), x.softmax(1)],
        &[("softplus", 0), ("log1p", 1), ("exp", 1)],
    );
    let label = [("softplus", 1), ("log1p", 0), ("sum", 1), ("log", 1), ("gather", 1)];
    check_counts(|x, y| vec![nn::cross_entropy(x, y)], &[once.as_slice(), &label].concat());
    check_counts(
        |x, y| vec![nn::cross_entropy(x, y), nn::cross_entropy(x, y).sum(..).grad(&[x])[0]],
        &[once.as_slice(), &label, &[("scatter_add", 1), ("sigmoid", 1)]].concat(),
    );
    // Two labels of a row are two questions.
    check_counts(
        |x, y| vec![nn::cross_entropy(x, y), nn::cross_entropy(x, (y + 1.0).minimum(2.0))],
        &[("softplus", 0), ("log1p", 1), ("exp", 1)],
    );
    // What was shifted by hand is not shifted again.
    check_counts(|x, _| vec![(x - x.max(1).broadcast_along(&[0], &x.shape())).logsumexp(1)], &once);
}

/// The gradient of cross entropy is what the label lacks, whatever weight an example has.
#[test]
fn weights_of_examples_meet_what_the_label_lacks() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (2, 3)), g.input("y", I64, 2));
    let w = g.input("w", F64, 2);
    let loss = (w * w.exp() * nn::cross_entropy(x, y)).mean(..);
    let program = Program::builder(&g).output("J", loss).output("dx", loss.grad(&[x])[0]).compile().unwrap();
    let found = counts(&program);
    assert_eq!(
        (found.get("scatter_add"), found.get("log1p"), found.get("sigmoid")),
        (Some(&1), None, Some(&1))
    );
}

#[test]
fn the_gradient_of_cross_entropy_is_readable_and_its_plan_short() {
    let g = Graph::new();
    let (w, y) = (g.parameter("w", F64, [4, 3], Init::Zeros), g.input("y", I64, B));
    let z = g.input("x", F64, (B, 4)).dot(w).named("z");
    let j = nn::cross_entropy(z, y).mean(..);
    let gradient = j.grad(&[z])[0];
    let program = Program::builder(&g).derive("∂J/∂z", gradient).output("J", j).output("g", gradient);
    let program = program.compile().unwrap();
    expect![[r#"
        z = x·w
        ∂J/∂z = -1/B·one_hot(y) - (-1/B·softmax_j(z))
        J = -mean_b(log_softmax_j(z)[b,y[b]])
        g = ∂J/∂z"#]]
    .assert_eq(&program.math());
    expect![[r#"
        input      %1 = y: i64 [B]
        input      %2 = x: f64 [B, 4]
        parameter  %0 = w: f64 [4, 3]
        %3 = contract[ak,kn->an](%2, %0): f64 [B, 3]
        %4 = iota[1](): i64 [B, 3]
        %5 = broadcast[0](%1): i64 [B, 3]
        %6 = eq(%4, %5): bool [B, 3]  frees %4 %5
        %7 = select(%6, -inf, 0): f64 [B, 3]  frees %6
        %8 = add(%3, %7): f64 [B, 3]  frees %7
        %9 = reduce_max[1](%8): f64 [B]
        %10 = is_finite(%9): bool [B]
        %11 = select(%10, %9, 0): f64 [B]  frees %10 %9
        %12 = broadcast[0](%11): f64 [B, 3]
        %13 = sub(%8, %12): f64 [B, 3]  frees %8 %12
        %14 = exp(%13): f64 [B, 3]  frees %13
        %15 = sum[1](%14): f64 [B]
        %16 = eq(%15, 0): bool [B]
        %17 = select(%16, 1, %15): f64 [B]  frees %15
        %18 = gather[1;1](%3, %1): f64 [B]  frees %3
        %19 = ne(%18, -inf): bool [B]
        %20 = and(%16, %19): bool [B]  frees %16 %19
        %21 = log(%17): f64 [B]
        %22 = sub(%18, %11): f64 [B]  frees %18 %11
        %23 = sub(%21, %22): f64 [B]  frees %21 %22
        %24 = select(%20, -inf, 0): f64 [B]  frees %20
        %25 = add(%23, %24): f64 [B]  frees %23 %24
        %26 = softplus(%25): f64 [B]
        %27 = sum[0](%26): f64 []  frees %26
        %28 = div(%27, B): f64 []  frees %27
        %29 = constant[-1](): f64 []
        %30 = div(%29, B): f64 []  frees %29
        %31 = broadcast(%30): f64 [B]  frees %30
        %32 = sigmoid(%25): f64 [B]  frees %25
        %33 = mul(%31, %32): f64 [B]  frees %31 %32
        %34 = scatter_add[1;1](%1, %33): f64 [B, 3]
        %35 = div(%33, %17): f64 [B]  frees %33 %17
        %36 = broadcast[0](%35): f64 [B, 3]  frees %35
        %37 = mul(%14, %36): f64 [B, 3]  frees %14 %36
        %38 = sub(%34, %37): f64 [B, 3]  frees %34 %37
        output     J = %28
        output     g = %38
    "#]]
    .assert_eq(&Plan::new(&program).to_string());
}

/// Plans compute what the interpreter says of the names: where rows hold -∞ or nothing else, ties, NaN.
#[test]
fn edges_are_those_of_the_names() {
    let formulas: &[Formulas] = &[
        |x, _| vec![x.logsumexp(1), x.logsumexp(0), x.logsumexp(..)],
        |x, _| vec![x.softmax(1), x.softmax(0), x.softmax(..)],
        |x, _| vec![x.log_softmax(1), x.log_softmax(0), x.log_softmax(..)],
        |x, _| vec![x.log_softmax(1), x.softmax(1), x.logsumexp(1)],
        |x, y| vec![nn::cross_entropy(x, y), nn::cross_entropy(x, y).sum(..).grad(&[x])[0]],
        |x, y| {
            vec![x.softmax(1).pick(y), 1.0 - x.softmax(1).pick(y), x.softmax(1).pick(y).sum(..).grad(&[x])[0]]
        },
        |x, y| {
            let loss = nn::CrossEntropy::new().label_smoothing(0.1).each(x, y);
            vec![loss, loss.sum(..).grad(&[x])[0]]
        },
        |x, _| vec![x.logsumexp(1).sum(..).grad(&[x])[0], (2.0 * x.logsumexp(0)).sum(..).grad(&[x])[0]],
        |x, _| vec![x.softmax(1).square().sum(..).grad(&[x])[0]],
        |x, _| vec![-x.softmax(1), x.softmax(1) / 3.0, 0.5 - x.softmax(1), x + x.softmax(1)],
        |x, y| vec![x.softmax(1) - y.one_hot(F64, 3), y.one_hot(F64, 3) + x.softmax(1) / 2.0],
        |x, _| vec![(x - x.max(1).unsqueeze(1)).logsumexp(1), (x - x.max(1).unsqueeze(1)).softmax(1)],
    ];
    let rows: &[[f64; 3]] = &[
        [0.0, 1.0, 2.0],
        [-INF, 0.5, -1.0],
        [3.0, -INF, -INF],
        [-INF, 3.0, -INF],
        [7.0, 7.0, 7.0],
        [1e4, -1e4, 0.0],
        [-1e300, 5.0, 1e300],
        [f64::NAN, 0.0, 1.0],
        [-INF, -INF, -INF],
    ];
    for (i, formulas) in formulas.iter().enumerate() {
        for rewriting in [true, false] {
            let program = compiled(*formulas, rewriting);
            for label in 0..3i64 {
                // One row at a time, so that a NaN stays where it belongs; and all but those.
                let some: Vec<[f64; 3]> = rows[..6].to_vec();
                for rows in rows.iter().map(|row| vec![*row]).chain([some]) {
                    let labels = vec![label; rows.len()];
                    let x = Tensor::new([rows.len(), 3], rows.concat()).unwrap();
                    let given = [("x", x), ("y", Tensor::vector(labels))];
                    let (names, plan) = (values(&program, &given), values(&program.expanded(), &given));
                    for (name, plan) in names.iter().zip(&plan) {
                        let what = format!("{i} {rewriting} of {rows:?} at {label}");
                        assert!(alike(plan, name), "{what}: {plan:?} is not {name:?}");
                    }
                }
            }
        }
    }
}

/// A row in the body of a scan is spelled out in the body.
#[test]
fn rows_in_scans_stay_there() {
    let formulas: Formulas = |x, y| {
        let g = x.graph();
        let start = g.full(F64, [3], 0.25);
        let run = g.scan(0, &[x, y], &[start], |h, e| {
            let logs = (h[0] * e[0]).log_softmax(0);
            ([logs.exp()], [logs.gather(0, e[1]), (h[0] + e[0]).logsumexp(0)])
        });
        let j = run.outputs[0].sum(..) + run.outputs[1].sum(..);
        vec![run.outputs[0], run.outputs[1], run.finals[0], j.grad(&[x])[0]]
    };
    for rewriting in [true, false] {
        let program = compiled(formulas, rewriting);
        let x = Tensor::new([4, 3], (0..12).map(|i| f64::from(i).sin()).collect::<Vec<f64>>()).unwrap();
        let given = [("x", x), ("y", Tensor::vector(vec![0i64, 2, 1, 2]))];
        let (names, plan) = (values(&program, &given), values(&program.expanded(), &given));
        assert!(names.iter().zip(&plan).all(|(a, b)| alike(a, b)), "{names:?} or {plan:?}");
        assert_eq!(counts(&program).get("log_softmax"), None);
    }
}

fn alike(a: &[f64], b: &[f64]) -> bool {
    let close =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-13 * (1.0 + b.abs());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b))
}

fn values(program: &Program, given: &[(&str, Tensor)]) -> Vec<Vec<f64>> {
    let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
    let views: Vec<(&str, TensorRef<'_>)> =
        given.iter().filter(|(n, _)| used(n)).map(|(n, t)| (*n, t.view())).collect();
    let run = interp::evaluate(program, &views, &[], 0, 0).unwrap();
    program.outputs().iter().map(|o| run.output(&o.name).unwrap().to_f64()).collect()
}

/// A weight of nearly 1 keeps what it is less than 1, in single precision as well.
#[test]
fn what_a_sure_prediction_lacks_is_kept() {
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, (1, 2)), g.input("t", F64, (1, 2)));
    let soft = -(t * x.log_softmax(1)).sum(..);
    let program = Program::builder(&g).output("dx", soft.grad(&[x])[0]).compile().unwrap();
    let given = |v: &[f64]| Tensor::new([1, 2], v.to_vec()).unwrap();
    let found = values(&program.expanded(), &[("x", given(&[50.0, 0.0])), ("t", given(&[1.0, 0.0]))]);
    let lacks = (-50f64).exp();
    near(&[found[0][0] / lacks, found[0][1] / lacks], &[-1.0, 1.0]);
}

#[test]
fn programs_without_them_are_themselves() {
    let g = Graph::new();
    let x = g.input("x", DType::F32, B);
    let program = Program::builder(&g).output("y", x.exp().sum(..)).compile().unwrap();
    assert!(matches!(program.expanded(), std::borrow::Cow::Borrowed(_)));
}
