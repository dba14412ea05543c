//! What only the `cpu` executor promises: the same bits for every number of threads.
#![cfg(feature = "cpu")]

use std::sync::Arc;

use dl_backends::{Call, Cpu, Error, Executor, Session};
use dl_core::{Dims, F32, Graph, I64, Init, Named, Plan, Program, Tensor, U8};

/// A step with everything that threads share: products, sums along both axes, gathers, scatters,
/// random numbers, casts. Large enough that each of them is really divided.
fn program() -> Program {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", U8, (B, 300)).cast(F32) / 255.0;
    let y = g.input("y", I64, B);
    let start = |name: &str, shape: [usize; 2]| g.parameter(name, F32, shape, Init::Constant(0.01)) + 0.0;
    let (w1, w2) = (start("w1", [300, 70]), start("w2", [70, 10]));
    let noise = g.random(F32, (B, 70));
    let h = (x.dot(w1) + noise).relu();
    let logits = h.dot(w2) * g.iota(F32, 0, 10);
    let shifted = logits - logits.max(1).unsqueeze(1);
    let loss = -(shifted.pick(y) - shifted.exp().sum(1).log()).mean(..);
    let (p1, p2) = (
        g.parameter("w1", F32, [300, 70], Init::Constant(0.01)),
        g.parameter("w2", F32, [70, 10], Init::Constant(0.01)),
    );
    let grads = loss.grad(&[p1, p2]);
    Program::builder(&g)
        .output("loss", loss)
        .output("order", x.sum(0).argsort(0, dl_core::ops::Order::Descending))
        .update(p1, p1 - 0.5 * grads[0])
        .update(p2, p2 - 0.5 * grads[1])
        .compile()
        .expect("it is well formed")
}

fn train(n: usize, threads: usize) -> Vec<Tensor> {
    let mut session = Session::new(Cpu::with_threads(threads), 7);
    let step = session.compile(&program()).expect("it can be compiled");
    let pixels = (0..n * 300).map(|i: usize| (i.wrapping_mul(2_654_435_761) >> 9) as u8).collect();
    let x = Tensor::new([n, 300], pixels).expect("as many as the shape says");
    let y = Tensor::vector((0..n as i64).map(|i| i * i % 10).collect());
    let mut results = vec![];
    for _ in 0..3 {
        let outputs = session.run(&step, &[x.view(), y.view()]).expect("it runs");
        results.push(outputs.read("loss").expect("it has one"));
        results.push(outputs.read("order").expect("it has one"));
    }
    results.extend(session.weights().expect("they are here").into_iter().map(|(_, w)| w));
    results
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let bits = |results: Vec<Tensor>| -> Vec<Vec<u64>> {
        results.iter().map(|t| t.to_f64().into_iter().map(f64::to_bits).collect()).collect()
    };
    // One tile, several of one lane, several lanes.
    for n in [64, 250, 3001] {
        let one = bits(train(n, 1));
        for threads in [2, 3, 8] {
            assert!(bits(train(n, threads)) == one, "{n} rows, {threads} threads");
        }
    }
}

#[test]
fn a_failed_run_leaves_no_outputs_and_the_next_one_works() {
    let g = Graph::new();
    let (x, i) = (g.input("x", F32, [3]), g.input("i", I64, [2]));
    let program = Program::builder(&g).output("y", x.gather(0, i)).compile().expect("it is well formed");
    let plan = Arc::new(Plan::new(&program));
    let cpu = Cpu::with_threads(1);
    let mut executable = cpu.compile(&plan, &Dims::new()).expect("it can be compiled");
    let x = Tensor::vector(vec![1.0f32, 2.0, 3.0]);
    let mut run = |indices: Vec<i64>| -> Result<Vec<f64>, Error> {
        let indices = Tensor::vector(indices);
        let inputs = [x.view(), indices.view()];
        let call =
            Call { inputs: &inputs, rows: None, parameters: &mut [], slots: &[], seed: 7, step: 0, run: 0 };
        let done = executable.run(call);
        let output = executable.output(0);
        assert_eq!(done.is_ok(), output.is_ok(), "an output is there after a run that worked, and only then");
        done.and(output).map(|y| y.to_f64())
    };
    assert_eq!(run(vec![2, 0]).expect("the indices are right"), [3.0, 1.0]);
    let error = run(vec![2, 3]).expect_err("there is no element 3");
    assert!(error.to_string().contains("index 3 at position [1]"), "{error}");
    assert_eq!(run(vec![1, 1]).expect("the indices are right"), [2.0, 2.0]);
}

/// Rows are shared in parts: whoever comes to the wrong one first, the first is named.
#[test]
fn the_first_wrong_label_is_named_by_any_number_of_threads() {
    const B: Named = Named("B");
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 40)), g.input("y", I64, B));
    let program = Program::builder(&g).output("y", x.log_softmax(1).pick(y)).compile().expect("it is right");
    let x = Tensor::zeros(F32, [300, 40]);
    let labels = |i: i64| if i == 130 || i == 299 { 40 } else { i % 40 };
    let y = Tensor::vector::<i64>((0..300).map(labels).collect());
    for threads in [1, 2, 8] {
        let mut session = Session::new(Cpu::with_threads(threads), 7);
        let handle = session.compile(&program).expect("it can be compiled");
        for _ in 0..20 {
            let error = session.run(&handle, &[x.view(), y.view()]).map(drop).expect_err("a label is wrong");
            assert!(error.to_string().contains("position [130]"), "{threads} threads: {error}");
        }
    }
}

/// A layer's weight stays as its products like it between steps: whoever else reads it sees the same.
#[test]
fn a_weight_is_the_same_for_everyone() {
    const B: Named = Named("B");
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 20)), g.input("y", I64, B));
    let w = g.parameter("w", F32, [20, 5], Init::Constant(0.5));
    let loss = -(x.dot(w).log_softmax(1).pick(y)).mean(..);
    let train = Program::builder(&g).output("loss", loss).update(w, w - 0.5 * loss.grad(&[w])[0]);
    let train = train.compile().expect("it is well formed");
    let other =
        Program::builder(&g).output("sum", w.sum(..)).update(w, w * 0.5).compile().expect("so is this");

    let inputs = |n: usize, label: i64| {
        let x = (0..n * 20).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
        let y = (0..n as i64).map(|i| if i == 3 { label } else { i % 5 }).collect();
        (Tensor::new([n, 20], x).expect("n rows"), Tensor::vector::<i64>(y))
    };
    // The same steps; the second session reads the weight after each, and the last has several tiles,
    // so that its products update nothing.
    let executors = [Cpu::with_threads(1), Cpu::with_threads(2), Cpu::with_threads(1).with_tile(3)];
    let mut sessions = executors.map(|cpu| Session::new(cpu, 7));
    let handles = sessions.each_mut().map(|s| {
        [s.compile(&train).expect("it can be compiled"), s.compile(&other).expect("it can be compiled")]
    });
    for (i, n) in [40, 40, 17, 40, 40, 17, 17].into_iter().enumerate() {
        let (x, y) = inputs(n, 4);
        let (_, wrong) = inputs(n, 5);
        for (k, (session, [train, other])) in sessions.iter_mut().zip(&handles).enumerate() {
            session.run(train, &[x.view(), y.view()]).expect("it runs");
            if k == 1 {
                session.get("w").expect("it is there");
            }
            if i == 2 || i == 4 {
                let before = session.get("w").expect("it is there");
                let error = session.run(train, &[x.view(), wrong.view()]).err().expect("label 5 of 5");
                assert!(error.to_string().contains("index 5 at position [3]"), "{error}");
                assert_eq!(session.get("w").expect("it is there"), before);
            }
            if i == 3 {
                session.run(other, &[]).expect("it runs");
            }
        }
    }
    let [kept, read, tiled] = sessions.each_ref().map(|s| s.get("w").expect("it is there"));
    assert_eq!(kept, read);
    for (kept, tiled) in kept.to_f64().iter().zip(tiled.to_f64()) {
        assert!((kept - tiled).abs() < 1e-6, "{kept} is not {tiled}");
    }
}

/// Tiles larger than any batch are one, and there is no tile without rows.
#[test]
fn a_tile_may_have_any_number_of_rows() {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2));
    let program = Program::builder(&g).output("y", (x * 2.0).sum(0)).compile().expect("it is well formed");
    for tile in [0, 1, usize::MAX / 2 + 1, usize::MAX] {
        let mut session = Session::new(Cpu::with_threads(2).with_tile(tile), 7);
        let handle = session.compile(&program).expect("it can be compiled");
        let x = Tensor::new([3, 2], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("six elements");
        let outputs = session.run(&handle, &[x.view()]).expect("it runs");
        assert_eq!(outputs.read("y").expect("it has one").to_f64(), [18.0, 24.0], "tiles of {tile}");
    }
}
