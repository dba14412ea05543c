//! L-BFGS against PyTorch's iterates, Newton-CG on problems with a known end, and what goes wrong.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use dl_backends::{Cpu, Session};
use dl_core::nn;
use dl_core::{DType, Expr, F32, F64, Graph, I64, Init, Tensor, TensorRef};
use dl_train::{Lbfgs, NewtonCg, Objective, Report, Stop};
use serde::Deserialize;

/// What `make/lbfgs.py` wrote.
#[derive(Deserialize)]
struct Table {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    inputs: BTreeMap<String, Tensor>,
    /// Parameters after each number of iterations.
    value: Tensor,
    evaluations: Tensor,
}

impl Case {
    fn given(&self, name: &str) -> (&Tensor, Vec<usize>) {
        (&self.inputs[name], self.inputs[name].shape().to_vec())
    }
}

fn session() -> Session {
    Session::new(Cpu::default(), 7)
}

/// Rosenbrock's function of two numbers.
fn rosenbrock(x: Expr<'_>) -> Expr<'_> {
    let (a, b) = (x.slice(0, 0, 1).sum(..), x.slice(0, 1, 2).sum(..));
    (1.0 - a).square() + 100.0 * (b - a.square()).square()
}

/// The network of the table of optimizers.
fn network<'g>(x: Expr<'g>, t: Expr<'g>, w: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    ((x.dot(w) + b).tanh() - t).square().sum(..) + 0.1 * w.square().square().sum(..)
}

/// Runs a case from its start: the report, and the parameters at the end.
fn run(name: &str, case: &Case, lbfgs: &Lbfgs) -> (Report, Vec<f64>) {
    let g = Graph::new();
    let parameter = |name: &str| {
        let (first, shape) = case.given(name);
        g.parameter(name, F64, &shape[..], Init::Literal(first.clone()))
    };
    let input = |name: &str| g.input(name, F64, &case.given(name).1[..]);
    let (j, parameters): (_, &[&str]) = if name.starts_with("rosenbrock") {
        (rosenbrock(parameter("x")), &["x"])
    } else {
        (network(input("x"), input("t"), parameter("w"), parameter("b")), &["w", "b"])
    };
    let mut session = session();
    let objective = Objective::new(&mut session, j).unwrap();
    let read = g.input_decls();
    let inputs: Vec<_> = read.iter().map(|d| (&*d.name, case.inputs[&*d.name].view())).collect();
    let report = lbfgs.minimize(&mut session, &objective, &inputs).unwrap();
    (report, parameters.iter().flat_map(|p| session.get(p).unwrap().to_f64()).collect())
}

#[test]
fn lbfgs_takes_pytorchs_steps() {
    let table: Table = serde_json::from_str(include_str!("../../dl-core/tests/torch/lbfgs.json")).unwrap();
    let all = || Lbfgs::new().evaluations(1000);
    let ours = [
        ("rosenbrock", all()),
        ("rosenbrock, history of two", all().history(2)),
        ("rosenbrock, rate 0.3", all().rate(0.3)),
        ("rosenbrock, defaults", Lbfgs::new()),
        ("network", all()),
        ("network, defaults", Lbfgs::new()),
    ];
    assert_eq!(table.cases.len(), ours.len());
    for (name, lbfgs) in ours {
        let case = &table.cases[name];
        let (path, rows) = (case.value.to_f64(), case.value.shape()[0]);
        for (i, want) in path.chunks(path.len() / rows).enumerate() {
            let iterations = if rows == 1 { 20 } else { i + 1 };
            let (report, got) = run(name, case, &lbfgs.clone().iterations(iterations));
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-8 * b.abs().max(1.0);
            assert!(got.iter().zip(want).all(close), "{name}, {iterations}: {got:?}, expected {want:?}");
            let evaluations = case.evaluations.to_f64()[i];
            assert_eq!(report.evaluations as f64, evaluations, "{name}, {iterations}");
        }
    }
}

/// Logistic regression of 40 examples with three numbers each.
fn logistic<'g>(g: &'g Graph, dtype: DType) -> Expr<'g> {
    let (x, y) = (g.input("x", dtype, [40, 3]), g.input("y", dtype, 40));
    let (w, b) = (g.parameter("w", dtype, 3, Init::Zeros), g.parameter("b", dtype, (), Init::Zeros));
    let logits = (x * w.broadcast_to(&[40, 3].into())).sum(1) + b;
    nn::binary_cross_entropy_with_logits(logits, y).mean(..) + 0.01 * nn::l2(w)
}

fn examples(dtype: DType) -> [Tensor; 2] {
    let x: Vec<f64> = (0..120).map(|i| f64::from((i * 37 + i * i * 11) % 101) / 50.0 - 1.0).collect();
    let label = |row: &[f64]| f64::from(u8::from(row[0] - 0.5 * row[1] + row[2] * row[2] > 0.3));
    let y: Vec<f64> = x.chunks(3).map(label).collect();
    [Tensor::from_f64(dtype, [40, 3], &x).unwrap(), Tensor::from_f64(dtype, [40], &y).unwrap()]
}

#[test]
fn newton_cg_finds_the_end_of_the_valley() {
    let g = Graph::new();
    let start = Tensor::vector(vec![-1.2, 1.0]);
    let j = rosenbrock(g.parameter("x", F64, 2, Init::Literal(start)));
    let mut session = session();
    let objective = Objective::with_products(&mut session, j).unwrap();
    let report = NewtonCg::new().minimize(&mut session, &objective, &[]).unwrap();
    assert!(report.stop == Stop::Gradient && report.gradient < 1e-8, "{report:?}");
    assert!(report.iterations < 100 && report.products <= 2 * report.iterations, "{report:?}");
    assert!(session.get("x").unwrap().to_f64().iter().all(|x| (x - 1.0).abs() < 1e-7));
}

#[test]
fn both_fit_a_logistic_regression() {
    let g = Graph::new();
    let j = logistic(&g, F64).named("loss");
    let [x, y] = examples(F64);
    let inputs: [(&str, TensorRef<'_>); 2] = [("y", y.view()), ("x", x.view())];
    let mut found = vec![];
    for newton in [true, false] {
        let mut session = session();
        let objective = Objective::with_products(&mut session, j).unwrap();
        let report = if newton {
            NewtonCg::new().minimize(&mut session, &objective, &inputs).unwrap()
        } else {
            let patient = Lbfgs::new().iterations(100).gradient(1e-9).change(0.0);
            patient.minimize(&mut session, &objective, &inputs).unwrap()
        };
        assert!(report.stop == Stop::Gradient && report.gradient < 1e-8, "{report:?}");
        assert_eq!(report.products > 0, newton);
        assert_eq!(session.step(), 0);
        found.push(session.get("w").unwrap().to_f64());
    }
    assert!(found[0].iter().zip(&found[1]).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
}

#[test]
fn single_precision_ends_where_its_digits_do() {
    let g = Graph::new();
    let j = logistic(&g, F32);
    let [x, y] = examples(F32);
    let inputs = [("x", x.view()), ("y", y.view())];
    let mut session = session();
    let objective = Objective::with_products(&mut session, j).unwrap();
    let report = NewtonCg::new().minimize(&mut session, &objective, &inputs).unwrap();
    assert!(report.gradient < 1e-6, "{report:?}");
    session.set("w", &Tensor::zeros(F32, [3])).unwrap();
    let report = Lbfgs::new().iterations(50).minimize(&mut session, &objective, &inputs).unwrap();
    assert!(report.gradient < 1e-3, "{report:?}");
}

#[test]
fn names_of_users_and_our_own_never_meet() {
    // What the outputs and inputs were called that the search adds.
    let paths = ["objective", "w", "direction.w", "direction", "J", "derivative.w"];
    let g = Graph::new();
    let sum = paths.map(|path| (g.parameter(path, F64, (), Init::Zeros) - 1.0).square());
    let scale = g.input("direction.objective", F64, ()).named("objective");
    let j = scale * sum.into_iter().reduce(|a, b| a + b).unwrap();
    let one = Tensor::scalar(1.0f64);
    let inputs = [("direction.objective", one.view())];
    for newton in [true, false] {
        let mut session = session();
        let objective = Objective::with_products(&mut session, j).unwrap();
        if newton {
            NewtonCg::new().minimize(&mut session, &objective, &inputs).unwrap();
        } else {
            Lbfgs::new().minimize(&mut session, &objective, &inputs).unwrap();
        }
        assert!(paths.iter().all(|path| (session.get(path).unwrap().item().unwrap() - 1.0).abs() < 1e-6));
    }
}

#[test]
fn negative_curvature_is_a_way_down() {
    // A saddle at the origin; the minima are at ±1.
    let g = Graph::new();
    let x = g.parameter("x", F64, (), Init::Constant(0.1));
    let mut session = session();
    let objective =
        Objective::with_products(&mut session, 0.25 * x.square().square() - 0.5 * x.square()).unwrap();
    let report = NewtonCg::new().minimize(&mut session, &objective, &[]).unwrap();
    assert!(report.converged() && (session.get("x").unwrap().item().unwrap() - 1.0).abs() < 1e-8);
}

#[test]
fn a_search_turns_back_at_the_edge_of_the_domain() {
    // -log(1 - x) - log(x): not a number outside (0, 1).
    let g = Graph::new();
    let x = g.parameter("x", F64, (), Init::Constant(1e-3));
    let mut session = session();
    let objective = Objective::new(&mut session, -(1.0 - x).log() - x.log()).unwrap();
    let report = Lbfgs::new().rate(100.0).minimize(&mut session, &objective, &[]).unwrap();
    assert!(report.converged(), "{report}");
    assert!((session.get("x").unwrap().item().unwrap() - 0.5).abs() < 1e-4);
}

#[test]
fn limits_stop_at_the_best_point() {
    let g = Graph::new();
    let start = || Tensor::vector(vec![-1.2, 1.0]);
    let j = rosenbrock(g.parameter("x", F64, 2, Init::Literal(start())));
    let mut session = session();
    let objective = Objective::with_products(&mut session, j).unwrap();
    let mut lowest = 24.2;
    for evaluations in [2, 3, 5, 8, 13] {
        session.set("x", &start()).unwrap();
        let few = Lbfgs::new().iterations(1000).evaluations(evaluations);
        let report = few.minimize(&mut session, &objective, &[]).unwrap();
        assert_eq!(report.stop, Stop::Evaluations, "{report:?}");
        assert!(report.evaluations <= evaluations + 1 && report.objective <= lowest, "{report:?}");
        lowest = report.objective;
        // The session is where the report says.
        let again = Lbfgs::new().iterations(0).minimize(&mut session, &objective, &[]).unwrap();
        assert_eq!((again.objective, again.stop), (lowest, Stop::Iterations));
    }
    let report = NewtonCg::new().iterations(2).minimize(&mut session, &objective, &[]).unwrap();
    assert_eq!((report.iterations, report.stop), (2, Stop::Iterations));
}

#[test]
fn the_ends_of_settings_are_settings() {
    let g = Graph::new();
    let start = || Tensor::vector(vec![-1.2, 1.0]);
    let j = rosenbrock(g.parameter("x", F64, 2, Init::Literal(start())));
    let mut session = session();
    let objective = Objective::with_products(&mut session, j).unwrap();
    let without_end = Lbfgs::new().iterations(usize::MAX);
    assert!(without_end.minimize(&mut session, &objective, &[]).unwrap().converged());
    // Without memory it is steepest descent: from the start along the gradient, each time anew.
    session.set("x", &start()).unwrap();
    let forgetful = Lbfgs::new().history(0);
    let report = forgetful.minimize(&mut session, &objective, &[]).unwrap();
    assert!(report.objective > 1e-3 && report.objective < 5.0, "{report}");
    session.set("x", &start()).unwrap();
    let report = NewtonCg::new().products(0).minimize(&mut session, &objective, &[]).unwrap();
    assert_eq!((report.iterations, report.stop), (0, Stop::LineSearch));
}

#[test]
fn a_gradient_that_is_not_the_objectives_stops_the_search() {
    let g = Graph::new();
    let x = g.parameter("x", F64, (), Init::Constant(1.0));
    // The value falls where the gradient says that it rises.
    let j = x.stop_gradient() * -2.0 + x;
    let mut session = session();
    let objective = Objective::new(&mut session, j).unwrap();
    let report = Lbfgs::new().evaluations(50).minimize(&mut session, &objective, &[]).unwrap();
    assert_eq!((report.iterations, report.stop, report.converged()), (0, Stop::LineSearch, false));
    assert_eq!(session.get("x").unwrap().item().unwrap(), 1.0);
    assert_eq!(
        report.to_string(),
        format!(
            "-1 with a gradient of 1e0 after 0 iterations and {} evaluations: no step lowers the objective",
            report.evaluations
        )
    );
}

fn fails<T>(result: dl_train::Result<T>, want: &str) {
    let message = result.err().unwrap().to_string();
    let message = message.split_once(".rs:").map_or(&*message, |(_, rest)| rest.split_once(": ").unwrap().1);
    assert_eq!(message, want);
}

#[test]
fn bad_objectives_are_refused() {
    let g = Graph::new();
    let w = g.parameter("w", F64, 2, Init::Zeros);
    fails(
        Objective::new(&mut session(), w * 2.0),
        "cannot minimize f64 [2]: a float scalar is needed, sum or average it first",
    );
    let g = Graph::new();
    let w = g.parameter("w", F64, (), Init::Zeros);
    g.parameter("v", F64, (), Init::Zeros);
    fails(
        Objective::with_products(&mut session(), w * w),
        "parameter v is not trained: the objective does not depend on it",
    );
    let g = Graph::new();
    let w = g.parameter("w", F64, (), Init::Constant(-1.0));
    let mut session = session();
    let objective = Objective::new(&mut session, w.log().named("J₁")).unwrap();
    fails(
        Lbfgs::new().minimize(&mut session, &objective, &[]),
        "J₁ is NaN where the search starts, expected a finite number",
    );
    fails(
        Lbfgs::new().rate(0.0).minimize(&mut session, &objective, &[]),
        "l-bfgs with rate 0: more than 0 is needed",
    );
    fails(
        Lbfgs::new().gradient(f64::NAN).minimize(&mut session, &objective, &[]),
        "l-bfgs with gradient tolerance NaN: at least 0 is needed",
    );
    fails(
        Lbfgs::new().change(-1.0).minimize(&mut session, &objective, &[]),
        "l-bfgs with tolerance of changes -1: at least 0 is needed",
    );
    fails(
        NewtonCg::new().gradient(-1.0).minimize(&mut session, &objective, &[]),
        "newton-cg with gradient tolerance -1: at least 0 is needed",
    );
    fails(
        NewtonCg::new().minimize(&mut session, &objective, &[]),
        "newton-cg needs hessian-vector products: see Objective::with_products",
    );
    assert_eq!(session.get("w").unwrap().item().unwrap(), -1.0);
    session.set("w", &Tensor::scalar(0.0f64)).unwrap();
    let objective = Objective::new(&mut session, w.sqrt()).unwrap();
    fails(
        Lbfgs::new().minimize(&mut session, &objective, &[]),
        "the gradient of J is not finite where the search starts",
    );
    let one = Tensor::scalar(1.0f64);
    fails(
        Lbfgs::new().minimize(&mut session, &objective, &[("x", one.view())]),
        "unknown input x; the program has none",
    );
}

#[test]
fn a_run_that_fails_on_the_way_leaves_the_best_parameters() {
    // An index that depends on the parameter, and leaves its axis once that has moved.
    let g = Graph::new();
    let x = g.parameter("x", F64, (), Init::Constant(0.9));
    let table = g.full(F64, [1], 1.0);
    let picked = table.gather(0, x.floor().cast(I64).reshape([1])).sum(..);
    let mut session = session();
    let objective = Objective::new(&mut session, picked * (x - 5.0).square()).unwrap();
    assert!(Lbfgs::new().minimize(&mut session, &objective, &[]).is_err());
    assert_eq!(session.get("x").unwrap().item().unwrap(), 0.9);
}
