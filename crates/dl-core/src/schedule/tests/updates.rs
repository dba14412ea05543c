//! Updates in place: where they may be, and why not elsewhere.

use expect_test::{Expect, expect};

use super::{B, program, schedule};
use crate::graph::Expr;
use crate::{F32, Graph, I64, Init, Program};

/// The updates of a program's schedule.
fn check(program: &Program, want: Expect) {
    let listing = schedule(program).to_string();
    let updates: Vec<&str> = listing.lines().filter(|l| l.starts_with("update")).collect();
    want.assert_eq(&updates.join("\n"));
}

struct Names<'g> {
    x: Expr<'g>,
    w: Expr<'g>,
    gradient: Expr<'g>,
}

fn names(g: &Graph) -> Names<'_> {
    let (x, y) = (g.input("x", F32, (B, 3)), g.input("y", F32, (B, 2)));
    let w = g.parameter("w", F32, [3, 2], Init::Zeros);
    Names { x, w, gradient: x.contract("bi,bo->io", x.dot(w) - y) }
}

#[test]
fn the_last_product_may_add_to_the_parameter() {
    let g = Graph::new();
    let n = names(&g);
    check(
        &program(&g, &[], &[(n.w, 0.75 * n.w - 0.5 * n.gradient)]),
        expect!["update     w ← 0.75·w - 0.5·%5, by 0r1 where it takes all rows at once"],
    );
}

#[test]
fn a_sum_is_added_in_one_pass() {
    let g = Graph::new();
    let b = g.parameter("b", F32, [3], Init::Zeros);
    check(
        &program(&g, &[], &[(b, b - 0.5 * names(&g).x.sum(0))]),
        expect!["update     b ← b - 0.5·%2, in one pass: its maker cannot write over the old value"],
    );
}

#[test]
fn a_gradient_that_others_want_stays() {
    let g = Graph::new();
    let n = names(&g);
    check(
        &program(&g, &[("norm", (n.gradient * n.gradient).sum(..))], &[(n.w, n.w - n.gradient)]),
        expect!["update     w ← w - 1·%5, in one pass: it is read elsewhere, too"],
    );
}

#[test]
fn a_parameter_that_is_read_later_is_not_touched_before() {
    let g = Graph::new();
    let n = names(&g);
    // By a whole value after the rows, and by rows of the next stage.
    let later = (n.w * n.x.sum(..).broadcast_to(&n.w.shape())).sum(..);
    check(
        &program(&g, &[("later", later)], &[(n.w, n.w - n.gradient)]),
        expect!["update     w ← w - 1·%5, in one pass: 1w0 reads the old value"],
    );
    let g = Graph::new();
    let n = names(&g);
    let centred = n.x - n.x.mean(0).broadcast_to(&n.x.shape());
    check(
        &program(&g, &[("again", centred.dot(n.w).sum(0))], &[(n.w, n.w - n.gradient)]),
        expect!["update     w ← w - 1·%5, in one pass: rows are computed later"],
    );
}

#[test]
fn an_old_value_that_is_an_output_is_kept() {
    let g = Graph::new();
    let n = names(&g);
    check(
        &program(&g, &[("old", n.w)], &[(n.w, n.w - n.gradient)]),
        expect!["update     w ← w - 1·%5, in one pass: the old value is needed at the end"],
    );
    let g = Graph::new();
    let (w, v) = (g.parameter("w", F32, [3], Init::Zeros), g.parameter("v", F32, [3], Init::Zeros));
    check(
        &program(&g, &[], &[(w, w.exp() + 1.0), (v, w)]),
        expect![[r#"
            update     w ← %2, not in place: the old value is needed at the end
            update     v ← %0, not in place: its maker cannot write over the old value"#]],
    );
}

#[test]
fn nothing_is_written_before_the_last_index_is_checked() {
    let g = Graph::new();
    let (n, i) = (names(&g), g.input("i", I64, [2]));
    let picked = n.x.sum(0).gather(0, i).sum(..);
    check(
        &program(&g, &[("picked", picked)], &[(n.w, n.w - n.gradient)]),
        expect!["update     w ← w - 1·%5, in one pass: 1w0 may find a wrong index"],
    );
}

#[test]
fn a_fused_kernel_writes_over_the_old_value() {
    let g = Graph::new();
    let (w, m) = (g.parameter("w", F32, [3], Init::Zeros), g.parameter("m", F32, [3], Init::Zeros));
    let moment = 0.5 * m + w.tanh();
    check(
        &program(&g, &[], &[(m, moment), (w, w - moment.exp())]),
        expect![[r#"
        update     w, in place by 0w0
        update     m, in place by 0w0"#]],
    );
}

#[test]
fn an_old_value_that_a_later_kernel_reads_is_not_written_over() {
    let g = Graph::new();
    let w = g.parameter("w", F32, [3], Init::Zeros);
    let (new, sum) = (w.exp() + 1.0, w.sum(..));
    check(
        &program(&g, &[("sum", sum)], &[(w, new)]),
        expect!["update     w ← %2, not in place: 0w1 reads the old value"],
    );
}

#[test]
fn a_new_value_that_others_read_replaces_the_old_one() {
    let g = Graph::new();
    let (w, v) = (g.parameter("w", F32, [3], Init::Zeros), g.parameter("v", F32, [3], Init::Zeros));
    let new = w.exp() + 1.0;
    check(
        &program(&g, &[("new", new)], &[(w, new)]),
        expect!["update     w ← %2, not in place: it is read elsewhere, too"],
    );
    let twice = v.exp() + 2.0;
    check(
        &program(&g, &[], &[(w, twice), (v, twice)]),
        expect![[r#"
            update     w ← %2, not in place: its maker cannot write over the old value
            update     v ← %2, not in place: it is read elsewhere, too"#]],
    );
}
