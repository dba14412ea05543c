//! A step happens as a whole or not at all: whatever fails, however late, no parameter has changed.

use dl_backends::{Executor, Session};
use dl_core::nn::{self, Adam, Optimizer, Sgd};
use dl_core::{Expr, F32, Fact, Graph, I64, Init, Named, Program, Tensor};

use crate::executors::executors;

const B: Named = Named("B");
const FEATURES: usize = 40;
const CLASSES: i64 = 7;

/// All that are compiled in, and `cpu` with one tile, several tiles of a lane and several lanes.
fn all() -> Vec<Box<dyn Executor>> {
    let mut all = executors();
    #[cfg(feature = "cpu")]
    for (threads, tile) in [(1, 64), (2, 64), (1, 31), (2, 31), (1, 8), (2, 8), (3, 8)] {
        all.push(Box::new(dl_backends::Cpu::with_threads(threads).with_tile(tile)));
    }
    all
}

/// Weights so large that their updates are made in place, in panels and by fused steps. The first layer
/// takes its rows straight from an input, the second a factor that is no number if the input says so.
fn training(optimizer: impl Optimizer) -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, FEATURES)), g.input("y", I64, B));
    let factor = g.input("factor", F32, B);
    let hidden = nn::dense(x, "fc1", 150).relu() * factor.unsqueeze(1);
    let logits = nn::dense(hidden, "fc2", CLASSES as usize);
    let weight = (factor * 2.0).assume(Fact::Positive).log();
    (nn::cross_entropy(logits, y) + weight * 0.001).mean(..).minimize(optimizer).expect("it is sound")
}

struct Batch {
    x: Tensor,
    y: Tensor,
    factor: Tensor,
}

fn batch(rows: usize, label: impl Fn(usize) -> i64, last: f32) -> Batch {
    // With a factor like that, the last row leaves the range of numbers.
    let scale = |i: usize| if i / FEATURES + 1 == rows && last > 1e30 { 1e37 } else { 1.0 };
    let x = (0..rows * FEATURES).map(|i| ((i * 37 % 101) as f32 / 101.0 - 0.4) * scale(i)).collect();
    let factor = (0..rows).map(|i| if i + 1 == rows { last } else { 1.0 }).collect();
    Batch {
        x: Tensor::new([rows, FEATURES], x).expect("as many as rows"),
        y: Tensor::vector((0..rows).map(label).collect()),
        factor: Tensor::vector::<f32>(factor),
    }
}

fn bits(session: &Session) -> Vec<Vec<u64>> {
    let weights = session.weights().expect("the device answers");
    weights.iter().map(|(_, w)| w.to_f64().into_iter().map(f64::to_bits).collect()).collect()
}

/// Runs a good step, then each that fails, then a good one, as if those between had never been.
fn check(program: &Program, checking: bool, wrong: &[(&str, Batch, &str)]) {
    let good = batch(60, |i| i as i64 % CLASSES, 1.0);
    for (i, executor) in all().into_iter().enumerate() {
        let who = format!("{} ({i})", executor.name());
        let mut sessions = [executor, all().remove(i)].map(|e| Session::boxed(e, 7).checking(checking));
        let steps = sessions.each_mut().map(|s| s.compile(program).expect("it can be compiled"));
        let [session, other] = &mut sessions;
        for round in 0..2 {
            for (session, step) in [(&mut *session, &steps[0]), (&mut *other, &steps[1])] {
                let inputs = [("x", good.x.view()), ("y", good.y.view()), ("factor", good.factor.view())];
                session.run_named(step, &inputs).unwrap_or_else(|e| panic!("{who}: {e}"));
            }
            for (what, batch, want) in wrong {
                // In the second round parameters are read between failures, and may take another form.
                let before = if round == 1 { bits(session) } else { vec![] };
                let inputs = [("x", batch.x.view()), ("y", batch.y.view()), ("factor", batch.factor.view())];
                let error =
                    session.run_named(&steps[0], &inputs).err().unwrap_or_else(|| panic!("{who}: {what}"));
                assert!(error.to_string().contains(want), "{who}, {what}: {error}");
                assert!(round == 0 || bits(session) == before, "{who}, {what}: something has changed");
                assert_eq!(session.step(), round + 1, "{who}, {what}");
            }
            assert!(bits(session) == bits(other), "{who}, round {round}");
        }
    }
}

/// The last row is in the last tile of the last lane; what came before has been added by then.
#[test]
fn a_label_that_is_no_class_changes_nothing() {
    let wrong = |at: usize| move |i: usize| if i == at { CLASSES } else { i as i64 % CLASSES };
    let cases = [
        ("last of 60", batch(60, wrong(59), 1.0), "index 7 at position [59"),
        ("first of 60", batch(60, wrong(0), 1.0), "index 7 at position [0"),
        (
            "two of 60",
            batch(60, |i| if i % 40 == 17 { CLASSES } else { i as i64 % CLASSES }, 1.0),
            "position [17",
        ),
        ("last of 33", batch(33, wrong(32), 1.0), "index 7 at position [32"),
    ];
    for program in [training(Sgd::new(0.1)), training(Sgd::new(0.1).momentum(0.9)), training(Adam::new(0.1))]
    {
        check(&program, false, &cases);
        check(&program, true, &cases);
    }
}

/// Found only when all has been computed, updates included.
#[test]
fn what_checking_finds_changes_nothing() {
    let right = |i: usize| i as i64 % CLASSES;
    let cases = [
        ("assumed", batch(60, right, -1.0), "the value is assumed positive, but is -2"),
        ("overflow", batch(60, right, 3e38), "is not finite"),
        ("overflow in the last lane", batch(33, right, 3e38), "is not finite"),
        ("input", batch(60, right, f32::NAN), "input factor is not finite"),
    ];
    for program in [training(Sgd::new(0.1)), training(Sgd::new(0.1).momentum(0.9)), training(Adam::new(0.1))]
    {
        check(&program, true, &cases);
    }
}

/// An update that needs no row, long enough to be made in place, beside rows that fail.
#[test]
fn what_waits_for_no_row_changes_nothing_either() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, FEATURES)), g.input("y", I64, B));
    let (a, b) = (weight(&g, "a"), weight(&g, "b"));
    let j = nn::cross_entropy(nn::dense(x, "fc", CLASSES as usize), y).mean(..);
    let j = j + 0.0 * g.input("factor", F32, B).mean(..);
    let program = Program::builder(&g)
        .output("J", j)
        .update(a, (a * 0.5 + b * 0.25).tanh())
        .update(b, (b * b + 0.5).sqrt());
    let program = program.compile().expect("it is well formed");
    let wrong = |i: usize| if i == 59 { CLASSES } else { i as i64 % CLASSES };
    check(&program, false, &[("label", batch(60, wrong, 1.0), "index 7 at position [59")]);
}

fn weight<'g>(g: &'g Graph, name: &str) -> Expr<'g> {
    g.parameter(name, F32, [100, 90], Init::Uniform { low: 0.25, high: 0.75 })
}

/// A place that only the sum of all rows tells, when the product that updates the weight has run.
#[test]
fn what_fails_after_all_rows_changes_nothing() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, FEATURES)), g.input("y", I64, B));
    let j = nn::cross_entropy(nn::dense(x, "fc", CLASSES as usize), y).mean(..);
    let parameters: Vec<Expr<'_>> = g.parameters().iter().collect();
    let gradients = j.grad(&parameters);
    let table = g.parameter("table", F32, [3], Init::Constant(1.0));
    let place = (g.input("factor", F32, B).sum(..) / 50.0).cast(I64);
    let mut builder =
        Program::builder(&g).output("J", j).output("picked", table.gather(0, place.unsqueeze(0)).sum(..));
    for (parameter, gradient) in parameters.iter().zip(&gradients) {
        builder = builder.update(*parameter, *parameter - 0.1 * *gradient);
    }
    let program = builder.compile().expect("it is well formed");
    let right = |i: usize| i as i64 % CLASSES;
    check(&program, false, &[("place", batch(60, right, 500.0), "index 11 at position [0]")]);
}
