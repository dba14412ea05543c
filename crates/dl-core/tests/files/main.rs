//! Files of programs and plans that somebody changed: what is accepted is sound, and nothing panics.
//!
//! Tests try some thousand mutants, always the same; `cargo xtask fuzz` tries a million.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

mod corpus;
#[path = "../stability/fuzz.rs"]
mod fuzz;
mod inputs;
mod invariants;
mod mutate;
mod trial;

use std::sync::Arc;

use dl_core::plan::{Checks, Step, ValueId};
use dl_core::schedule::{Batch, Schedule};
use dl_core::{Plan, Program, TensorRef, interp};

use crate::inputs::{dims, inputs, is_small};
use crate::mutate::Random;
use crate::trial::mutants;

#[test]
fn mutated_programs_are_refused_or_run() {
    let texts = corpus::program_files();
    fuzz::run("mutated programs", 60, |seed| mutants(&texts, seed, program));
}

#[test]
fn mutated_plans_are_refused_or_understood() {
    let texts = corpus::plan_files();
    fuzz::run("mutated plans", 60, |seed| mutants(&texts, seed, |text, _| plan(text)));
}

fn program(text: &str, random: &mut Random) {
    let Ok(program) = Program::from_json(text) else { return };
    let lowered = Plan::new(&program);
    // What lowering makes of what the check accepts, the other check accepts.
    plan(&lowered.to_json().unwrap());
    let checks = Checks::new(&program);
    Plan::from_json(&checks.plan().to_json().unwrap()).unwrap();
    let graph = program.to_graph();
    assert_eq!(graph.len(), program.nodes().len());
    for output in program.outputs() {
        let _ = program.expr(&graph, output.node).math();
    }
    run(&program, random);
}

fn run(program: &Program, random: &mut Random) {
    let dims = dims(program.inputs(), random);
    let nodes = program.nodes();
    let args = |n: &dl_core::graph::Node| n.args.iter().map(|a| &nodes[a.index()].shape).collect();
    if !is_small(nodes.iter().map(|n| &n.shape), nodes.iter().map(|n| (&n.op, args(n))), &dims) {
        return;
    }
    let (Some(values), Ok(parameters)) = (inputs(program.inputs(), &dims, random), program.initial(7)) else {
        return;
    };
    let names = program.inputs().iter().map(|d| d.name.as_ref());
    let views: Vec<(&str, TensorRef<'_>)> = names.zip(values.iter().map(|t| t.view())).collect();
    let _ = interp::evaluate_checking_facts(program, &views, &parameters, 7, u64::MAX);
    let _ = interp::evaluate(program, &views, &parameters, 7, 1);
}

fn plan(text: &str) {
    let Ok(plan) = Plan::from_json(text) else { return };
    let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    assert_eq!(again.to_string(), plan.to_string());
    let _ = Batch::of(&plan);
    plan.readers();
    let declared: Vec<_> = plan.inputs().iter().map(|i| i.decl.clone()).collect();
    let dims = dims(&declared, &mut Random::new(7));
    let shape = |v: ValueId| &plan.value(v).shape;
    let args = |s: &Step| s.args.iter().filter_map(|a| a.value()).map(shape).collect();
    let ops = plan.all_steps().into_iter().map(|s| (&s.op, args(s)));
    if !is_small(plan.values().iter().map(|v| &v.shape), ops, &dims) {
        return;
    }
    if let Ok(schedule) = Schedule::new(&Arc::new(plan.clone()), &dims) {
        schedule.verify().unwrap_or_else(|why| panic!("{why}\n{schedule}"));
    }
}
