//! Gradients as expressions: what each rule makes, and what requests become.

use expect_test::{Expect, expect};

use crate::dim::Named;
use crate::dtype::DType::{F32, F64, I64};
use crate::graph::{Expr, Graph};
use crate::ops::{Fact, Op, Order};

const B: Named = Named("B");

/// Shows the gradient of `f(x).sum()` for `x` of `[2, 3]`.
#[track_caller]
fn check(f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, want: Expect) {
    check_request(|g| f(g.input("x", F64, [2, 3])).sum(..).grad(&[g.input("x", F64, [2, 3])])[0], want);
}

#[track_caller]
fn check_request(f: impl for<'g> Fn(&'g Graph) -> Expr<'g>, want: Expect) {
    let graph = Graph::new();
    let root = f(&graph).id();
    graph.check().unwrap();
    let (to, roots) = super::resolve(&graph, &[root]);
    to.check().unwrap();
    let gradient = to.expr(roots[0]);
    want.assert_eq(&format!("{gradient} : {}", gradient.shape()));
}

#[test]
fn elementwise() {
    check(
        |x| (x - 3.0) * (x - 3.0),
        expect!["(add (mul (broadcast 1) (sub x 3)) (mul (broadcast 1) (sub x 3))) : [2, 3]"],
    );
    check(|x| x.exp(), expect!["(mul (broadcast 1) (exp x)) : [2, 3]"]);
    check(|x| x.pow(2.0), expect!["(mul (broadcast 1) (select (eq 2 0) 0 (mul 2 (pow x (sub 2 1))))) : [2, 3]"]);
    check(
        |x| x.maximum(0.0),
        expect!["(select (eq x 0) (mul (broadcast 1) 0.5) (select (gt x 0) (broadcast 1) 0)) : [2, 3]"],
    );
    check(|x| x.cast(F32).cast(F64), expect!["(cast (cast (broadcast 1))) : [2, 3]"]);
    check(|x| -x.assume(Fact::Finite), expect!["(neg (broadcast 1)) : [2, 3]"]);
}

#[test]
fn reductions() {
    check(|x| x.mean(..), expect!["(broadcast (div 1 6)) : [2, 3]"]);
    check(
        |x| x.max([1]),
        expect![
            "(select (lt x (broadcast (reduce_max x))) 0 (broadcast (div (broadcast 1) (sum (select (lt x (broadcast (reduce_max x))) (broadcast 0) (broadcast 1)))))) : [2, 3]"
        ],
    );
    check(
        |x| x.slice(1, 0, 2).prod([1]),
        expect![
            "(pad (mul (broadcast (broadcast 1)) (mul (pad (slice (slice x))) (flip (pad (slice (flip (slice x)))))))) : [2, 3]"
        ],
    );
}

#[test]
fn contractions() {
    check(
        |x| x.dot(x.transpose()),
        expect!["(add (contract (broadcast 1) (permute x)) (permute (contract x (broadcast 1)))) : [2, 3]"],
    );
    check(
        |x| x.contract("ab,ab->b", x.exp()),
        expect!["(add (contract (broadcast 1) (exp x)) (mul (contract x (broadcast 1)) (exp x))) : [2, 3]"],
    );
}

#[test]
fn movements() {
    check(|x| x.reshape([6]).exp(), expect!["(reshape (mul (broadcast 1) (exp (reshape x)))) : [2, 3]"]);
    check(|x| x.permute(&[1, 0]).exp(), expect!["(permute (mul (broadcast 1) (exp (permute x)))) : [2, 3]"]);
    check(
        |x| x.broadcast_to(&[4, 2, 3].into()).exp(),
        expect!["(sum (mul (broadcast 1) (exp (broadcast x)))) : [2, 3]"],
    );
    check(|x| x.slice_by(1, 0, 3, 2).exp(), expect!["(pad (mul (broadcast 1) (exp (slice x)))) : [2, 3]"]);
    check(|x| x.pad(0, 1, 2, 7.0).exp(), expect!["(slice (mul (broadcast 1) (exp (pad x)))) : [2, 3]"]);
    check(|x| x.flip([1]).exp(), expect!["(flip (mul (broadcast 1) (exp (flip x)))) : [2, 3]"]);
    check(
        |x| x.graph().concat(1, &[x, x.exp()]).exp(),
        expect![
            "(add (slice (mul (broadcast 1) (exp (concat x (exp x))))) (mul (slice (mul (broadcast 1) (exp (concat x (exp x))))) (exp x))) : [2, 3]"
        ],
    );
}

#[test]
fn indexing() {
    check(
        |x| x.gather(1, x.graph().iota(I64, 0, [5])).exp(),
        expect!["(scatter_add (iota) (mul (broadcast 1) (exp (gather x (iota))))) : [2, 3]"],
    );
    check(
        |x| x.scatter_add(1, 0, x.graph().iota(I64, 0, [3]), &[2, 4].into()).exp(),
        expect!["(gather (mul (broadcast 1) (exp (scatter_add (iota) x))) (iota)) : [2, 3]"],
    );
    check(
        |x| x.sort(0, Order::Descending).exp(),
        expect!["(permute (scatter_add (permute (argsort x)) (permute (mul (broadcast 1) (exp (sort x)))))) : [2, 3]"],
    );
    check(|x| x.unfold(1, 2, 1, 1).exp(), expect!["(fold (mul (broadcast 1) (exp (unfold x)))) : [2, 3]"]);
    let fold = Op::Fold { axis: 1, stride: 1, dilation: 1 };
    check(
        |x| x.reshape([1, 2, 3]).apply_as(fold.clone(), &[], F64, [1, 4].into()).exp(),
        expect!["(reshape (unfold (mul (broadcast 1) (exp (fold (reshape x)))))) : [2, 3]"],
    );
}

#[test]
fn nothing_passes_where_there_is_no_derivative() {
    check(|x| x.stop_gradient().exp(), expect!["0 : [2, 3]"]);
    check(|x| x.floor() + x.sign(), expect!["0 : [2, 3]"]);
    check(|x| x.argmax(1).cast(F64), expect!["0 : [2, 3]"]);
    check(|x| x.gt(0.0).cast(F64), expect!["0 : [2, 3]"]);
    check(|x| x.graph().input("y", F64, [2]).exp(), expect!["0 : [2, 3]"]);
}

#[test]
fn cotangents_travel_with_their_conditions() {
    check(
        |x| x.gt(0.0).select(x.sqrt(), 0.0),
        expect!["(select (gt x 0) (div (mul (select (gt x 0) (broadcast 1) 0) 0.5) (sqrt x)) 0) : [2, 3]"],
    );
    check(
        |x| x.gt(0.0).select(-x, x + x),
        expect![
            "(add (add (select (gt x 0) 0 (broadcast 1)) (select (gt x 0) 0 (broadcast 1))) (neg (select (gt x 0) (broadcast 1) 0))) : [2, 3]"
        ],
    );
    check(
        |x| x.gt(0.0).select(x.sum([1]).log().broadcast_along(&[0], &[2, 3].into()), 0.0),
        expect![
            "(broadcast (select (gt (sum (cast (gt x 0))) 0) (div (sum (select (gt x 0) (broadcast 1) 0)) (sum x)) 0)) : [2, 3]"
        ],
    );
    check(
        |x| x.gt(0.0).select(x.dot(x.graph().input("w", F64, [3, 3])), 0.0),
        expect![
            "(select (broadcast (gt (sum (cast (gt x 0))) 0)) (contract (select (gt x 0) (broadcast 1) 0) (select (broadcast (gt (sum (cast (gt x 0))) 0)) w 0)) 0) : [2, 3]"
        ],
    );
}

#[test]
fn one_request_inside_another() {
    let second = |g: &Graph| {
        let x = g.input("x", F64, ());
        let slope = (x * x * x).grad(&[x])[0];
        slope.grad(&[x])[0].id()
    };
    check_request(
        |g| g.expr(second(g)),
        expect![
            "(add (add (add (mul (add 1 1) (mul 1 x)) (mul (mul (add 1 1) x) 1)) (mul (mul 1 1) x)) (mul (mul 1 1) x)) : []"
        ],
    );
}

#[test]
fn the_variable_of_an_inner_gradient_is_transparent_outside() {
    check_request(
        |g| {
            let x = g.input("x", F64, ());
            let y = x.exp();
            let inner = y.sin().grad(&[y])[0];
            inner.grad(&[x])[0]
        },
        expect!["(mul (neg (mul (mul 1 1) (sin (exp x)))) (exp x)) : []"],
    );
}

#[test]
fn values_given_as_independent_do_not_reach_each_other() {
    check_request(
        |g| {
            let x = g.input("x", F64, ());
            let y = x.exp();
            let gradients = (x * y).grad(&[x, y]);
            gradients[0] + gradients[1]
        },
        expect!["(add (mul 1 (exp x)) (mul 1 x)) : []"],
    );
}

#[test]
fn a_product_along_a_named_axis_needs_no_size() {
    let graph = Graph::new();
    let x = graph.input("x", F64, (B, 2));
    let gradient = x.prod([0]).sum(..).grad(&[x])[0];
    let (to, roots) = super::resolve(&graph, &[gradient.id()]);
    to.check().unwrap();
    assert_eq!(to.expr(roots[0]).shape().to_string(), "[B, 2]");
}

#[test]
fn gradients_come_from_where_the_values_came_from() {
    let graph = Graph::new();
    let x = graph.input("x", F64, ());
    let y = x.exp();
    let line = line!() - 1;
    let gradient = y.grad(&[x])[0];
    let (to, roots) = super::resolve(&graph, &[gradient.id()]);
    assert_eq!(to.origin(roots[0]).site.unwrap().line, line);
}

#[test]
fn deep_graphs_do_not_overflow_the_stack() {
    let graph = Graph::new();
    let x = graph.input("x", F64, ());
    let y = (0..50_000).fold(x, |y, _| y.sin());
    let gradient = y.grad(&[x])[0];
    let (to, roots) = super::resolve(&graph, &[gradient.id()]);
    assert_eq!(roots[0].index() + 1, to.len());
    assert_eq!(to.len(), 150_001);
}
