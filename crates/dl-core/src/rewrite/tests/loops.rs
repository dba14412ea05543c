//! What leaves the loop, and that it stays what it was.

use expect_test::{Expect, expect};

use crate::interp::evaluate;
use crate::ops::scan::Scan;
use crate::{Expr, F64, Graph, Init, Named, Plan, Program, Tensor};

const B: Named = Named("B");

/// The steps inside of scans after rewriting; values are those without it.
fn check(build: for<'g> fn(&'g Graph) -> Expr<'g>, want: Expect) {
    let g = Graph::new();
    let y = build(&g);
    let written = Program::builder(&g).output("y", y).without_rewriting().compile().expect("it is right");
    let program = Program::builder(&g).output("y", y).compile().expect("it is right");
    let x =
        Tensor::from_f64(F64, [2, 3, 2], &[0.5, -1.0, 0.25, 2.0, -0.5, 1.5, 1.0, 0.0, -2.0, 0.75, 0.1, 0.2]);
    let x = x.expect("twelve numbers");
    let found = [&written, &program].map(|p| {
        let parameters = p.initial(7).expect("they have first values");
        evaluate(p, &[("x", x.view())], &parameters, 0, 0).expect("it runs").outputs[0].1.to_f64()
    });
    crate::testing::near(&found[1], &found[0]);
    let plan = Plan::new(&program);
    let inside = plan.steps().iter().flat_map(|s| &s.repeat).flat_map(|r| &r.steps);
    let names: Vec<&str> = inside.map(|s| s.op.name()).collect();
    want.assert_eq(&names.join(" "));
}

fn layer(g: &Graph) -> (Expr<'_>, Expr<'_>, Expr<'_>, Expr<'_>) {
    let init = || Init::Uniform { low: -1.0, high: 1.0 };
    let (w, u) = (g.parameter("w", F64, [2, 4], init()), g.parameter("u", F64, [4, 4], init()));
    (g.input("x", F64, (B, 3, 2)), w, u, g.parameter("b", F64, [4], init()))
}

#[test]
fn the_product_of_inputs_is_one() {
    check(
        |g| {
            let (x, w, u, b) = layer(g);
            let run = g.scan(1, &[x], &[g.full(F64, (B, 4), 0.0)], |h, x| {
                let next = (x[0].dot(w) + b + h[0].dot(u)).tanh();
                ([next], [next])
            });
            run.outputs[0]
        },
        expect!["contract add tanh"],
    );
}

#[test]
fn what_follows_the_recurrence_is_computed_for_all_steps() {
    check(
        |g| {
            let (x, w, u, b) = layer(g);
            let z = x.dot(w);
            let run = g.scan(1, &[z], &[g.full(F64, (B, 4), 0.0)], |h, z| {
                let next = (z[0] + h[0].dot(u)).tanh();
                ([next], [next.dot(u).exp().dot(u) + b])
            });
            run.outputs[0]
        },
        expect!["contract add tanh"],
    );
}

#[test]
fn the_gradients_of_weights_are_products_over_time() {
    check(
        |g| {
            let (x, w, u, b) = layer(g);
            let run = g.scan(1, &[x], &[g.full(F64, (B, 4), 0.0)], |h, x| {
                let next = (x[0].dot(w) + b + h[0].dot(u)).tanh();
                ([next], [next])
            });
            let gradients = run.outputs[0].square().sum(..).grad(&[w, u, b]);
            gradients[0].sum(..) + gradients[1].sum(..) * gradients[2].sum(..)
        },
        expect!["contract add tanh add mul sigmoid mul sigmoid mul mul mul contract"],
    );
}

#[test]
fn what_is_recomputed_stays() {
    check(
        |g| {
            let (x, w, ..) = layer(g);
            let scan = Scan::along(1).recomputed();
            scan.run(g, &[x], &[], |_, x| ([], [x[0].dot(w).exp()])).outputs[0]
        },
        expect!["contract exp"],
    );
}
