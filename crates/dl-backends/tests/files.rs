//! Files of programs and plans that somebody changed, run by the `cpu` executor when they are accepted.
//!
//! Tests try some thousand mutants, always the same; `cargo xtask fuzz` tries a million.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

#[path = "../../dl-core/tests/files/corpus.rs"]
mod corpus;
#[path = "../../dl-core/tests/stability/fuzz.rs"]
mod fuzz;
#[path = "../../dl-core/tests/files/inputs.rs"]
mod inputs;
#[path = "../../dl-core/tests/files/mutate.rs"]
mod mutate;
#[path = "../../dl-core/tests/files/trial.rs"]
mod trial;

use std::sync::Arc;

use dl_backends::{Cpu, Executor, Handle, Session};
use dl_core::graph::InputDecl;
use dl_core::plan::Arg;
use dl_core::{Dims, Plan, Program, Tensor, TensorRef};

use crate::inputs::{dims, inputs, is_small};
use crate::mutate::Random;
use crate::trial::mutants;

#[test]
fn mutated_programs_are_refused_or_run() {
    let texts = corpus::program_files();
    fuzz::run("mutated programs on cpu", 60, |seed| mutants(&texts, seed, program));
}

#[test]
fn mutated_plans_are_refused_or_run() {
    let texts = corpus::plan_files();
    fuzz::run("mutated plans on cpu", 60, |seed| mutants(&texts, seed, plan));
}

#[test]
fn sizes_that_nothing_can_hold_are_errors() {
    for text in corpus::plan_files() {
        let plan = Arc::new(Plan::from_json(&text).unwrap());
        for size in [usize::MAX, usize::MAX / 2 + 1, usize::MAX / 2, 1 << 62, 1 << 61] {
            let dims = Dims::new().with("B", size).with("C", 1);
            assert!(Cpu::with_threads(1).compile(&plan, &dims).is_err(), "B = {size} in {plan}");
        }
    }
}

/// With tiles of a few rows for every other one.
fn session(random: &mut Random) -> Session {
    let cpu = Cpu::with_threads(1);
    Session::new(if random.below(2) == 0 { cpu } else { cpu.with_tile(3) }, 7)
}

fn program(text: &str, random: &mut Random) {
    let Ok(program) = Program::from_json(text) else { return };
    let Some((_, inputs)) = small(&Plan::new(&program), random) else { return };
    let mut session = session(random).checking(random.below(2) == 0);
    if let Ok(handle) = session.compile(&program) {
        run(&mut session, &handle, &inputs);
    }
}

fn plan(text: &str, random: &mut Random) {
    let Ok(plan) = Plan::from_json(text) else { return };
    let Some((_, inputs)) = small(&plan, random) else { return };
    let mut session = session(random);
    if let Ok(handle) = session.load_plan(plan) {
        run(&mut session, &handle, &inputs);
    }
}

/// Sizes and inputs for a plan that takes little time.
fn small(plan: &Plan, random: &mut Random) -> Option<(Dims, Vec<Tensor>)> {
    let decls: Vec<InputDecl> = plan.inputs().iter().map(|i| i.decl.clone()).collect();
    let dims = dims(&decls, random);
    let shape = |arg: &Arg| arg.value().map(|v| &plan.value(v).shape);
    let ops = plan.steps().iter().map(|s| (&s.op, s.args.iter().filter_map(shape).collect()));
    if !is_small(plan.values().iter().map(|v| &v.shape), ops, &dims) {
        return None;
    }
    let inputs = inputs(&decls, &dims, random)?;
    Some((dims, inputs))
}

/// Twice: the second run finds what the first one left.
fn run(session: &mut Session, handle: &Handle, inputs: &[Tensor]) {
    let views: Vec<TensorRef<'_>> = inputs.iter().map(Tensor::view).collect();
    for _ in 0..2 {
        let Ok(outputs) = session.run(handle, &views) else { continue };
        for place in 0..handle.plan().outputs().len() {
            outputs.read_at(place).expect("a run leaves every output");
        }
    }
}
