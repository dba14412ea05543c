//! Each decision of a schedule, by snapshot.

mod batch;
mod fusion;
mod invariants;
mod kernels;
mod looped;
mod products;
mod updates;
mod windows;

use std::sync::Arc;

use expect_test::Expect;

use crate::graph::Expr;
use crate::{Dims, Graph, Named, Plan, Program, Schedule};

const B: Named = Named("B");

/// The schedule of a program for 8 rows.
fn schedule(program: &Program) -> Schedule {
    let plan = Arc::new(Plan::new(program));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", 8)).expect("all sizes are known");
    schedule.verify().unwrap_or_else(|why| panic!("{why}\n{schedule}"));
    schedule
}

/// The listing of a program's schedule.
fn check(program: &Program, want: Expect) {
    want.assert_eq(&schedule(program).to_string());
}

/// A program as it is written, with these outputs and updates.
fn program<'g>(g: &'g Graph, outputs: &[(&str, Expr<'g>)], updates: &[(Expr<'g>, Expr<'g>)]) -> Program {
    let mut builder = Program::builder(g).without_rewriting();
    for (name, output) in outputs {
        builder = builder.output(name, *output);
    }
    for (parameter, new) in updates {
        builder = builder.update(*parameter, *new);
    }
    builder.compile().expect("it is right")
}
