//! Each decision of a schedule, by snapshot.

use std::sync::Arc;

use expect_test::{Expect, expect};

use crate::nn::{self, Adam, Sgd};
use crate::{Dims, Expr, F32, Graph, I64, Init, Named, Plan, Program, Schedule, U8};

const B: Named = Named("B");

/// The schedule of a program for 64 rows.
fn check(program: &Program, want: Expect) {
    let schedule = scheduled(program);
    want.assert_eq(&schedule.to_string());
}

fn scheduled(program: &Program) -> Schedule {
    let plan = Arc::new(Plan::new(program));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", 64)).expect("all sizes are known");
    schedule
}

#[test]
fn the_perceptron() {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 784)).cast(F32) / 255.0, g.input("y", I64, B));
    let h = nn::dense(x, "fc1", 128).relu();
    let loss = nn::cross_entropy(nn::dense(h, "fc2", 10), y).mean(..).named("J");
    check(&loss.minimize(Sgd::new(0.01)).expect("it is right"), expect![[""]]);
}
