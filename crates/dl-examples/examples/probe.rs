//! Probe.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use std::time::Instant;
use std::sync::Arc;
use dl_backends::{Cpu, Session, Executor};
use dl_core::{Graph, Plan, Program, Tensor, U8, Schedule, Dims, nn};
use dl_examples::perceptron::{B, Perceptron};

fn main() {
    let g = Graph::new();
    let logits = Perceptron::MNIST.logits(g.input("x", U8, (B, 784)));
    let program = Program::builder(&g).output("probabilities", nn::softmax(logits, -1)).compile().unwrap();
    let text = program.to_json().unwrap();
    println!("program {} bytes", text.len());
    let plan_text = Plan::new(&program).to_json().unwrap();
    println!("plan {} bytes", plan_text.len());
    for _ in 0..3 {
        let t = Instant::now();
        let program = Program::from_json(&text).unwrap();
        let a = t.elapsed();
        let t = Instant::now();
        let plan = Arc::new(Plan::new(&program));
        let b = t.elapsed();
        let t = Instant::now();
        let _ = Plan::from_json(&plan_text).unwrap();
        let b2 = t.elapsed();
        let mut dims = Dims::new();
        dims.bind(&dl_core::Named("B").0.into(), 1).unwrap();
        let t = Instant::now();
        let _s = Schedule::new(&plan, &dims).unwrap();
        let c = t.elapsed();
        let cpu = Cpu::with_threads(1);
        let t = Instant::now();
        let _x = cpu.compile(&plan, &dims).unwrap();
        let d = t.elapsed();
        println!("program from json {a:?}, plan {b:?}, plan from json {b2:?}, schedule {c:?}, compile {d:?}");
    }
    for batch in [1usize, 8, 16, 64] {
    let mut session = Session::new(Cpu::with_threads(1), 1);
    let h = session.compile(&program).unwrap();
    let x = Tensor::new([batch, 784], (0..batch*784).map(|i| (i * 7919 % 251) as u8).collect()).unwrap();
    for read in [false, true] {
    let mut times = vec![];
    for _ in 0..20000 {
        let t = Instant::now();
        let out = session.run(&h, &[x.view()]).unwrap();
        if read { std::hint::black_box(out.read_at(0).unwrap()); }
        times.push(t.elapsed().as_nanos());
    }
    times.sort();
    println!("batch {batch} read {read}: min {} median {} p99 {}", times[0], times[times.len()/2], times[times.len()*99/100]);
    }
    if batch == 1 { println!("{}", session.run(&h, &[x.view()]).unwrap().listing()); }
    for k in session.profile(&h, &[x.view()]).unwrap() { println!("{} {:.3} µs", k.name, k.seconds*1e6); }
    }
}
