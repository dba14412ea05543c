//! Which training steps may share a session: optimizers keep their moments and counts to themselves, unless
//! they have one name.

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam, Ema, Optimizer, Schedule, Scoped, Sgd, Swa};
use dl_core::{Expr, F32, F64, Graph, Init, Plan, Program, Tensor};

use crate::executors::executors;

/// A step towards `goal`, by every parameter that `pattern` matches.
fn step(goal: f64, pattern: &str, optimizer: impl Optimizer) -> Program {
    let g = Graph::new();
    let sum: Expr<'_> = g.parameter("a.w", F64, (), Init::Zeros) + g.parameter("b.w", F64, (), Init::Zeros);
    (sum - goal).square().minimize_over(g.parameters().matching(pattern), optimizer).expect("it is sound")
}

/// Why the second cannot be where the first is; both orders are tried, and plans from files.
fn refusal(first: &Program, second: &Program) -> Option<String> {
    let taken = |first: &Program, second: &Program| {
        let mut session = Session::new(Cpu::default(), 7);
        session.compile(first).expect("it is alone");
        let read =
            Plan::from_json(&Plan::new(second).to_json().expect("it is data")).expect("it was written");
        let loaded = session.load_plan(read).err().map(|e| e.to_string());
        let before = session.parameters().len();
        let compiled = session.compile(second).err().map(|e| e.to_string());
        assert!(
            compiled.is_none() || session.parameters().len() == before,
            "a refused program left parameters"
        );
        assert_eq!(loaded, compiled);
        compiled
    };
    let found = taken(first, second);
    assert_eq!(taken(second, first).is_some(), found.is_some());
    found
}

fn refused(first: &Program, second: &Program, part: &str) {
    let why = refusal(first, second).unwrap_or_default();
    assert!(why.contains(part), "{why:?} has no {part:?}");
}

#[test]
fn moments_belong_to_one_step() {
    let adam = || Adam::new(0.1);
    refused(
        &step(1.0, "a.w", adam()),
        &step(2.0, "a.w", adam()),
        "would share the state adam.m(a.w): this one at ",
    );
    refused(&step(1.0, "*", adam()), &step(1.0, "*", adam().betas(0.5, 0.9)), "adam.m(a.w)");
    refused(
        &step(1.0, "*", Sgd::new(0.1).momentum(0.9)),
        &step(1.0, "a.w", Sgd::new(0.1).momentum(0.5)),
        "nn::Scoped",
    );
    assert_eq!(refusal(&step(1.0, "a.w", adam()), &step(1.0, "b.w", adam())), None);
    assert_eq!(refusal(&step(1.0, "*", adam()), &step(2.0, "*", Sgd::new(0.1))), None);
    assert_eq!(refusal(&step(1.0, "*", adam()), &step(1.0, "*", adam())), None);
}

#[test]
fn names_keep_optimizers_apart_or_make_them_one() {
    let named = |name: &str, rate: f64| Scoped::new(name, Adam::new(rate));
    assert_eq!(refusal(&step(1.0, "*", named("p", 0.1)), &step(2.0, "*", named("q", 0.1))), None);
    assert_eq!(refusal(&step(1.0, "*", named("p", 0.1)), &step(2.0, "*", Adam::new(0.1))), None);
    assert_eq!(refusal(&step(1.0, "*", named("p", 0.1)), &step(2.0, "a.w", named("p", 0.1))), None);
    refused(&step(1.0, "*", named("p", 0.1)), &step(2.0, "*", named("p", 0.2)), "optimizer p is Adam");
}

#[test]
fn steps_are_counted_by_one_training_step_or_by_name() {
    let falling = || Sgd::new(Schedule::exponential(0.1, 0.5));
    let why = "would count steps together";
    refused(&step(1.0, "a.w", falling()), &step(1.0, "b.w", falling()), why);
    refused(&step(1.0, "a.w", falling()), &step(1.0, "b.w", Sgd::new(0.1)), why);
    let named = |name: &str| Scoped::new(name, falling());
    assert_eq!(refusal(&step(1.0, "a.w", named("a")), &step(1.0, "b.w", named("b"))), None);
    assert_eq!(refusal(&step(1.0, "a.w", falling()), &step(1.0, "a.w", falling())), None);
    let g = Graph::new();
    let evaluation = Program::builder(&g).output("w", g.parameter("a.w", F64, (), Init::Zeros)).compile();
    assert_eq!(refusal(&step(1.0, "a.w", falling()), &evaluation.expect("it is sound")), None);
}

/// Two networks that train in turns: each schedule goes by its own steps, on every executor.
#[test]
fn schedules_with_names_count_their_own_updates() {
    for executor in executors() {
        let name = executor.name();
        let g = Graph::new();
        let (a, b) = (g.parameter("a", F32, (), Init::Zeros), g.parameter("b", F32, (), Init::Zeros));
        let rate = || Schedule::step(1.0, 2, 0.5);
        let first = a.minimize_over(a, Scoped::new("first", Sgd::new(rate()))).expect("it is sound");
        let second = b.minimize_over(b, Scoped::new("second", Sgd::new(rate()))).expect("it is sound");
        let mut session = Session::boxed(executor, 7);
        let first = session.compile(&first).expect("it can be compiled");
        let second = session.compile(&second).expect("it can be compiled");
        for _ in 0..3 {
            session.run(&first, &[]).expect("it runs");
            session.run(&second, &[]).expect("it runs");
        }
        session.run(&second, &[]).expect("it runs");
        let value = |path: &str| session.get(path).map(|t| t.to_f64()[0]).expect("it is there");
        assert_eq!((value("a"), value("b")), (-2.5, -3.0), "{name}");
        assert_eq!((value("step(first)"), value("step(second)")), (3.0, 4.0), "{name}");
    }
}

#[test]
fn averages_follow_the_weights_and_can_be_evaluated() {
    let g = Graph::new();
    let w = g.parameter("w", F64, [2], Init::Constant(4.0));
    let training = nn::l2(w).minimize(Ema::new(0.75, Sgd::new(0.25))).expect("it is sound");
    let evaluation = Program::builder(&g).output("y", 2.0 * w).compile().expect("it is sound");
    let averaged = nn::averaged(&evaluation, &training).expect("all have averages");
    let mut session = Session::new(Cpu::default(), 7);
    let (step, plain, averaged) = (
        session.compile(&training).expect("it can be compiled"),
        session.compile(&evaluation).expect("it can be compiled"),
        session.compile(&averaged).expect("it can be compiled"),
    );
    for _ in 0..2 {
        session.run(&step, &[]).expect("it runs");
    }
    // The weights are 4, 2 and 1; the averages 2 and 0.75·2 + 0.25·1.
    assert_eq!(
        session.run(&plain, &[]).and_then(|o| o.read("y")).expect("it is there"),
        Tensor::vector(vec![2.0, 2.0])
    );
    assert_eq!(
        session.run(&averaged, &[]).and_then(|o| o.read("y")).expect("it is there"),
        Tensor::vector(vec![3.5, 3.5])
    );
    let without = nn::l2(w).minimize(Sgd::new(0.25)).expect("it is sound");
    let why = nn::averaged(&evaluation, &without).expect_err("there is none").to_string();
    assert!(why.contains("keeps no average of w"), "{why}");
}

#[test]
fn means_of_weights_begin_at_their_step_and_can_become_the_weights() {
    for executor in executors() {
        let name = executor.name();
        let g = Graph::new();
        let w = g.parameter("w", F32, [2], Init::Constant(4.0));
        let training = nn::l2(w).minimize(Swa::new(2, Sgd::new(0.25)).every(2)).expect("it is sound");
        let mut session = Session::boxed(executor, 7);
        let step = session.compile(&training).expect("it can be compiled");
        let mut means = vec![];
        for _ in 0..6 {
            session.run(&step, &[]).expect("it runs");
            means.push(session.get("swa(w)").expect("it is there").to_f64()[1]);
        }
        // The weights are 2, 1, 1/2, 1/4, 1/8, 1/16: until the second step the last, then the mean of every second.
        let want = [2.0, 1.0, 1.0, 0.625, 0.625, (1.0 + 0.25 + 0.0625) / 3.0];
        assert!(means.iter().zip(want).all(|(mean, want)| (mean - want).abs() < 1e-6), "{name}: {means:?}");
        assert_eq!(session.take_averages(&step).expect("there is one"), 1);
        let value = |path: &str| session.get(path).expect("it is there");
        assert_eq!(value("w"), value("swa(w)"), "{name}");
        assert_eq!(value("w").to_f64()[0], means[5], "{name}");
    }
}
