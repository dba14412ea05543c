//! Runs of programs: outputs, updates, what is missing, rounding, seeds and steps.

use crate::dim::{Name, Named};
use crate::dtype::DType::{F32, F64, I64};
use crate::graph::Graph;
use crate::init::Init;
use crate::interp::{evaluate, evaluate_checking_facts};
use crate::ops::Fact;
use crate::program::Program;
use crate::tensor::Tensor;

fn text(values: &[(Name, Tensor)]) -> String {
    values.iter().map(|(name, t)| format!("{name} = {}", super::text(t))).collect::<Vec<_>>().join(", ")
}

/// `y = 0.1 · x · w` per row; the update adds the number of rows and the step.
fn program() -> Program {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (Named("B"),)), g.parameter("w", F32, (), Init::Zeros));
    let next = w + g.extent(F32, Named("B")) + g.step().cast(F32);
    Program::builder(&g).output("y", x * w * 0.1).update(w, next).compile().unwrap()
}

#[test]
fn outputs_and_updates() {
    let x = Tensor::vector(vec![1.0f32, 2.0]);
    let run =
        evaluate(&program(), &[("x", x.view())], &[("w".into(), Tensor::scalar(3.0f32))], 0, 7).unwrap();
    assert_eq!(text(&run.outputs), "y = f64[2] 0.30000000447034836 0.6000000089406967");
    assert_eq!(text(&run.updates), "w = f64[] 12");
    assert!(run.output("z").unwrap_err().to_string().contains("unknown output z: expected one of [y]"));
    let rounded = run.rounded();
    assert_eq!(text(&rounded.outputs), "y = f32[2] 0.3 0.6");
    assert_eq!(text(&rounded.updates), "w = f32[] 12");
}

#[test]
fn updates_feed_back_unrounded() {
    let x = Tensor::vector(vec![1.0f32]);
    let mut parameters = vec![("w".into(), Tensor::scalar(0.1))];
    for step in 0..3 {
        parameters = evaluate(&program(), &[("x", x.view())], &parameters, 0, step).unwrap().updates;
    }
    assert_eq!(text(&parameters), "w = f64[] 6.1");
}

#[test]
fn what_is_missing_or_wrong() {
    let w = [(Name::from("w"), Tensor::scalar(3.0f32))];
    let check = |inputs: &[(&str, &Tensor)], parameters: &[(Name, Tensor)], want: &str| {
        let inputs: Vec<_> = inputs.iter().map(|(n, t)| (*n, t.view())).collect();
        let error = evaluate(&program(), &inputs, parameters, 0, 0).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    };
    let (x, empty, wrong) =
        (Tensor::vector(vec![1.0f32]), Tensor::vector(Vec::<f32>::new()), Tensor::vector(vec![1i64]));
    check(&[], &w, "input x is missing: f32 [B] is expected");
    check(&[("x", &x), ("z", &x)], &w, "unknown input z: expected one of [x]");
    check(&[("x", &x), ("x", &x)], &w, "input x is given twice");
    check(&[("x", &empty)], &w, "dimension B (axis 0) is empty");
    check(&[("x", &wrong)], &w, "input x: expected elements of f32, got i64");
    check(&[("x", &x)], &[], "parameter w has no value");
    check(&[("x", &x)], &[("v".into(), Tensor::scalar(1.0))], "unknown parameter v: expected one of [w]");
}

#[test]
fn facts_are_verified_on_request() {
    let g = Graph::new();
    let x = g.input("x", F64, ()).assume(Fact::Positive);
    let program = Program::builder(&g).output("y", x + 1.0).compile().unwrap();
    let minus = Tensor::scalar(-1.0);
    assert!(evaluate(&program, &[("x", minus.view())], &[], 0, 0).is_ok());
    let error = evaluate_checking_facts(&program, &[("x", minus.view())], &[], 0, 0).unwrap_err().to_string();
    assert!(error.ends_with("the value is assumed positive, but is -1 at []"), "{error}");
}

#[test]
fn random_numbers_depend_on_seed_and_step() {
    let g = Graph::new();
    let program =
        Program::builder(&g).output("u", g.random(F64, [4])).output("t", g.step()).compile().unwrap();
    let draw = |seed, step| evaluate(&program, &[], &[], seed, step).unwrap();
    assert_eq!(draw(1, 2), draw(1, 2));
    assert_ne!(draw(1, 2).outputs[0], draw(1, 3).outputs[0]);
    assert_ne!(draw(1, 2).outputs[0], draw(2, 2).outputs[0]);
    assert_eq!(draw(1, 2).output("t").unwrap().get::<i64>().unwrap(), [2]);
    assert_eq!(draw(1, 2).output("t").unwrap().dtype(), I64);
}
