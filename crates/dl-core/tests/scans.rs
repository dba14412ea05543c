//! What scans take: memory by the number of steps, and a program whose size does not depend on it.
#![allow(clippy::unwrap_used)] // a test may

use dl_core::interp::evaluate;
use dl_core::nn::{self, Mode, Recurrent, Sgd};
use dl_core::ops::scan::Scan;
use dl_core::{Dim, Dims, F32, F64, Graph, Init, Named, Plan, Program};

/// Numbers in all values that a gradient through a recurrence of so many steps makes.
fn numbers(scan: Scan, steps: usize) -> usize {
    all(&Plan::new(&recurrence(scan, steps)))
}

/// Numbers in all values of a plan, those of a scan's body once.
fn all(plan: &Plan) -> usize {
    let count = |shape: &dl_core::Shape| shape.eval(&Dims::new()).unwrap().iter().product::<usize>();
    plan.values().iter().map(|v| count(&v.shape)).sum()
}

fn recurrence(scan: Scan, steps: usize) -> Program {
    let g = Graph::new();
    let u = g.parameter("u", F64, [4, 4], Init::Uniform { low: -0.5, high: 0.5 });
    let start = g.full(F64, [1, 4], 0.5);
    let run = scan.length(steps).run(&g, &[], &[start], |h, _| ([(h[0].dot(u) + 0.1).tanh()], []));
    let j = run.finals[0].square().sum(..);
    Program::builder(&g).output("J", j).output("dJ", j.grad(&[u])[0]).compile().unwrap()
}

#[test]
fn memory_is_linear_or_the_square_root() {
    let linear = numbers(Scan::along(0), 10_000);
    assert!((80_000..200_000).contains(&linear), "{linear}");
    let root = numbers(Scan::along(0).checkpointed(), 10_000);
    assert!((800..10_000).contains(&root), "{root}");
    // Four times the steps, twice the memory.
    let more = numbers(Scan::along(0).checkpointed(), 40_000);
    assert!(more < 2 * root + root / 10, "{more} after {root}");
    println!("10,000 steps: {linear}, with checkpoints {root}, of 40,000 steps {more}");
}

/// What the reverse needs of `x_t·W + h·U` is the sum: neither its dear term nor the sequence beside it.
#[test]
fn the_reverse_of_a_recurrence_keeps_its_sums() {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), 5, 3));
    let objective = nn::lstm(x, "lstm", 4).square().mean(..);
    let plan = Plan::new(&objective.minimize(nn::Sgd::new(0.1)).unwrap());
    let scans: Vec<_> = plan.steps().iter().filter_map(|step| step.repeat.as_ref()).collect();
    let [forward, reverse] = scans[..] else { panic!("{plan}") };
    // The sum, three gates and a candidate, the tangent of the cell, the states before the step, the output.
    assert_eq!(forward.stacks.len(), 9, "{plan}");
    let sequences: Vec<_> = forward.elements.iter().map(|element| element.from).collect();
    assert!(reverse.elements.iter().all(|element| !sequences.contains(&element.from)), "{plan}");
    // The product over time reads the history of states itself: the reverse hands on what flows back alone.
    assert_eq!(reverse.stacks.len(), 1, "{plan}");
}

#[test]
fn memory_of_attention_grows_with_the_length_and_not_with_its_square() {
    for training in [false, true] {
        let of =
            |whole| [1024, 2048, 4096].map(|length| all(&Plan::new(&attention(length, training, whole))));
        let ([one, two, four], whole) = (of(false), of(true));
        println!("gradients {training}: {one} {two} {four}, whole {whole:?}");
        assert!(two <= 2 * one && four <= 2 * two, "{one}, {two}, {four}");
        assert!(whole[2] > 3 * whole[1] && four < whole[2] / 8, "{four}, {whole:?}");
    }
}

/// Causal attention of four heads, all queries at once or in blocks, with its gradients or without.
fn attention(length: usize, training: bool, whole: bool) -> Program {
    let g = Graph::new();
    let of = |name: &str| g.parameter(name, F32, [4, length, 32], Init::Zeros);
    let (q, k, v) = (of("q"), of("k"), of("v"));
    let attention = nn::Attention::new().causal();
    let attention = if whole { attention.queries_at_a_time(length) } else { attention };
    let y = attention.apply(q, k, v);
    let mut program = Program::builder(&g).output("y", y);
    if training {
        for (name, gradient) in ["dq", "dk", "dv"].into_iter().zip(y.square().sum(..).grad(&[q, k, v])) {
            program = program.output(name, gradient);
        }
    }
    program.compile().unwrap()
}

#[test]
fn checkpoints_change_no_number() {
    let run = |scan: Scan, steps: usize| {
        let program = recurrence(scan, steps);
        let parameters = program.initial(3).unwrap();
        let found = evaluate(&program, &[], &parameters, 0, 0).unwrap();
        (found.output("J").unwrap().to_f64(), found.output("dJ").unwrap().to_f64())
    };
    for steps in [1, 2, 3, 7, 16, 17, 30] {
        let (j, gradient) = run(Scan::along(0), steps);
        let (same, checkpointed) = run(Scan::along(0).checkpointed(), steps);
        assert_eq!(j, same, "{steps} steps");
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-14 * (1.0 + b.abs());
        assert!(
            gradient.iter().zip(&checkpointed).all(close),
            "{steps} steps: {gradient:?} {checkpointed:?}"
        );
    }
}

#[test]
fn a_program_is_as_large_for_a_thousand_steps_as_for_ten() {
    let nodes = |steps: usize| {
        let g = Graph::new();
        let x = g.input("x", F32, (Named("B"), steps, 8));
        let run = Recurrent::lstm(16).apply(x, "lstm", Mode::Train);
        let step = nn::dense(run.hidden[0], "fc", 3).square().mean(..).minimize(Sgd::new(0.1)).unwrap();
        (step.nodes().len(), Plan::new(&step).all_steps().len())
    };
    assert_eq!(nodes(1000), nodes(10));
}

#[test]
fn lengths_can_have_names() {
    let g = Graph::new();
    let x = g.input("x", F64, (Named("B"), Named("T"), 2));
    let j = nn::gru(x, "gru", 3).square().mean(..);
    let step = j.minimize(Sgd::new(0.1)).unwrap();
    let t = Dim::from(Named("T"));
    assert!(Plan::new(&step).all_steps().iter().flat_map(|s| &s.repeat).all(|r| r.length == t));
    let blocks = g.map_blocks(1, 4, &[x], |x| [x[0]]);
    assert_eq!(blocks.len(), 1);
    let line = line!() + 1;
    Scan::along(1).checkpointed().run(&g, &[x], &[], |_, x| ([], [x[0]]));
    let faults = g.check().unwrap_err().faults().to_vec();
    let messages: Vec<&str> = faults.iter().map(|f| f.message.as_str()).collect();
    let want = [
        "map over blocks of 4 along axis 1 of [B, T, 2]: 4 does not divide T",
        "checkpointed scan of T steps: a known number is needed",
    ];
    assert_eq!(messages, want);
    assert_eq!(faults[1].site.as_ref().unwrap().line, line);
}
