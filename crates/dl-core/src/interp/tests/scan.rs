//! Scans: their values, and what is no scan.

use expect_test::{Expect, expect};

use super::{check, floats, range};
use crate::dim::Named;
use crate::dtype::DType;
use crate::graph::{Expr, Graph};
use crate::interp::eval_expr;
use crate::ops::scan::Scan;
use crate::program::Program;
use crate::testing::faults;
use crate::{F64, Tensor};

#[test]
fn carries_go_from_step_to_step() {
    let g = Graph::new();
    let x = range(&g, [2, 3]);
    let run = g.scan(1, &[x], &[floats(&g, &[10.0, 20.0])], |h, x| {
        let next = h[0] * 0.5 + x[0];
        ([next], [next, h[0]])
    });
    check(run.finals[0], "f64[2] 3.75 10.25");
    check(run.outputs[0], "f64[2, 3] 5 3.5 3.75 13 10.5 10.25");
    check(run.outputs[1], "f64[2, 3] 10 5 3.5 20 13 10.5");
}

#[test]
fn a_scan_can_go_backwards() {
    let g = Graph::new();
    let x = range(&g, [3]);
    let run = Scan::along(0).reverse().run(&g, &[x], &[g.constant(F64, 0.0)], |h, x| {
        let next = h[0] + x[0];
        ([next], [next])
    });
    check(run.outputs[0], "f64[3] 3 3 2");
    check(run.finals[0], "f64[] 3");
}

#[test]
fn a_scan_without_steps_ends_as_it_begins() {
    let g = Graph::new();
    let x = g.literal(Tensor::zeros(F64, [2, 0]));
    let run = g.scan(1, &[x], &[floats(&g, &[1.0, 2.0])], |h, x| ([h[0] + x[0]], [h[0]]));
    check(run.finals[0], "f64[2] 1 2");
    check(run.outputs[0], "f64[2, 0]");
}

#[test]
fn steps_can_be_counted_without_a_sequence() {
    let g = Graph::new();
    let run = Scan::along(0).length(5).run(&g, &[], &[g.constant(F64, 1.0)], |h, _| ([h[0] * 2.0], [h[0]]));
    check(run.outputs[0], "f64[5] 1 2 4 8 16");
}

#[test]
fn scans_stand_inside_each_other() {
    let g = Graph::new();
    // Row by row: the sum of all running sums, which begin anew in each row.
    let x = range(&g, [2, 3]);
    let total = g.scan(0, &[x], &[g.constant(F64, 0.0)], |total, row| {
        let sums = g.scan(0, row, &[g.constant(F64, 0.0)], |h, x| ([h[0] + x[0] + total[0]], [h[0]]));
        let next = sums.finals[0];
        ([next], [sums.outputs[0]])
    });
    check(total.finals[0], "f64[] 21");
    check(total.outputs[0], "f64[2, 3] 0 0 1 0 6 13");
}

#[test]
fn the_body_may_use_everything_outside() {
    let g = Graph::new();
    let (x, w) = (range(&g, [3]), floats(&g, &[2.0, 3.0]));
    let all = w.sum(..);
    let run = g.scan(0, &[x], &[g.constant(F64, 0.0)], |h, x| ([h[0] + x[0] * all], [w * h[0]]));
    check(run.outputs[0], "f64[3, 2] 0 0 0 0 10 15");
}

fn refused(build: for<'g> fn(&'g Graph), want: Expect) {
    let g = Graph::new();
    build(&g);
    want.assert_eq(&faults(&g));
}

#[test]
fn what_is_no_scan_is_recorded() {
    fn zeros(g: &Graph) -> Expr<'_> {
        g.full(F64, [2], 0.0)
    }
    refused(
        |g| drop(g.scan(0, &[range(g, [3, 2])], &[zeros(g)], |h, x| ([h[0].sum(..) + x[0].sum(..)], []))),
        expect!["carry 0 of a scan is f64 [2] at first and f64 [] after a step"],
    );
    refused(
        |g| drop(g.scan(0, &[range(g, [3, 2])], &[zeros(g)], |h, _| ([h[0].cast(DType::F32)], []))),
        expect!["carry 0 of a scan is f64 [2] at first and f32 [2] after a step"],
    );
    refused(
        |g| drop(g.scan(0, &[range(g, [3]), range(g, [4])], &[], |_, x| ([], [x[0], x[1]]))),
        expect!["scan over axis 0 of [4]: 4 steps, others say 3"],
    );
    refused(
        |g| drop(g.scan(0, &[], &[zeros(g)], |h, _| ([h[0]], []))),
        expect!["scan of no sequence: the number of steps is needed"],
    );
    refused(
        |g| drop(g.scan(2, &[range(g, [3, 2])], &[], |_, x| ([], [x[0]]))),
        expect!["scan along axis 2 of [3, 2], which has 2 axes"],
    );
    refused(
        |g| drop(g.scan(0, &[range(g, [3])], &[zeros(g)], |_, _| ([], []))),
        expect!["a scan's body gives 0 carries for 1"],
    );
    refused(
        |g| drop(g.scan(1, &[range(g, [3, 2])], &[], |_, x| ([], [x[0].sum(..)]))),
        expect!["cannot stack [] along axis 1: it has 0 axes"],
    );
}

#[test]
fn what_leaks_out_of_a_body_is_a_mistake_at_its_line() {
    let g = Graph::new();
    let x = g.input("x", F64, (Named("T"), 2));
    let (mut leaked, mut line) = (None, 0);
    g.scan(0, &[x], &[], |_, x| {
        line = line!() + 1;
        leaked = Some(x[0].exp());
        ([], [x[0]])
    });
    let leaked = leaked.expect("the body was built");
    let want = "a value of a scan's body is used outside of the scan";
    let error = Program::builder(&g).output("y", leaked * 2.0).compile().expect_err("it leaks");
    assert_eq!(error.faults()[0].message, want);
    assert!(
        eval_expr(leaked, &[("x", Tensor::zeros(F64, [1, 2]))]).is_err_and(|e| e.to_string().ends_with(want))
    );
    let error = eval_expr(leaked, &[("x", Tensor::zeros(F64, [1, 2]))]).expect_err("it leaks");
    assert_eq!(error.faults()[0].site.as_ref().map(|s| s.line), Some(line));
}
