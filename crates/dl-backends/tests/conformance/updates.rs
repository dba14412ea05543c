//! Updates happen together: each sees the parameters as they were before the step.

use dl_backends::Session;
use dl_core::{F32, Graph, Init, Plan, Program, Tensor};

use crate::executors::executors;

/// A swap, a product that reads the old factors, and a total that reads every old value.
fn program(rewriting: bool) -> Program {
    let g = Graph::new();
    let parameter = |name, value: f64| g.parameter(name, F32, [2], Init::Constant(value));
    let (a, b) = (parameter("a", 2.0), parameter("b", 3.0));
    let (product, total) = (parameter("product", 5.0), parameter("total", 7.0));
    let builder = Program::builder(&g)
        .output("a", a)
        .output("product", a * b)
        .update(a, b)
        .update(b, a)
        .update(product, a * b)
        .update(total, total + a + 10.0 * b + 100.0 * product);
    let builder = if rewriting { builder } else { builder.without_rewriting() };
    builder.compile().expect("it is well formed")
}

fn plans() -> Vec<Plan> {
    let mut plans = vec![];
    for rewriting in [true, false] {
        let program = program(rewriting);
        let stored = Program::from_json(&program.to_json().expect("text")).expect("it was just written");
        assert_eq!(Plan::new(&stored), Plan::new(&program));
        let plan = Plan::new(&program);
        plans.push(Plan::from_json(&plan.to_json().expect("text")).expect("it was just written"));
        plans.push(plan);
    }
    plans
}

#[test]
fn every_update_sees_the_old_parameters() {
    for (executor, plan) in
        plans().into_iter().flat_map(|p| executors().into_iter().map(move |e| (e, p.clone())))
    {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7);
        let step = session.load_plan(plan).expect("the plan is right");
        let (mut a, mut b, mut product, mut total) = (2.0, 3.0, 5.0, 7.0);
        for _ in 0..3 {
            let out = session.run(&step, &[]).expect("it runs");
            let twice = |x: f32| Tensor::vector(vec![x; 2]);
            assert_eq!(out.read("a").expect("an output"), twice(a), "{name}");
            assert_eq!(out.read("product").expect("an output"), twice(a * b), "{name}");
            (a, b, product, total) = (b, a, a * b, total + a + 10.0 * b + 100.0 * product);
            for (parameter, want) in [("a", a), ("b", b), ("product", product), ("total", total)] {
                assert_eq!(session.get(parameter).expect("there is one"), twice(want), "{name}: {parameter}");
            }
        }
    }
}
