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
    want.assert_eq(&format!("{gradient} : {}\n", gradient.shape()));
}

#[test]
fn elementwise() {
    check(
        |x| (x - 3.0) * (x - 3.0),
        expect![[r#"
            (add (mul (broadcast[;2,3] 1) (sub x 3)) (mul (broadcast[;2,3] 1) (sub x 3))) : [2, 3]
        "#]],
    );
    check(
        |x| x.exp(),
        expect![[r#"
        (mul (broadcast[;2,3] 1) (exp x)) : [2, 3]
    "#]],
    );
    check(
        |x| x.pow(2.0),
        expect![[r#"
        (mul (broadcast[;2,3] 1) (select (eq 2 0) 0 (mul 2 (pow x (sub 2 1))))) : [2, 3]
    "#]],
    );
    check(
        |x| x.maximum(0.0),
        expect![[r#"
            (select (eq x 0) (mul (broadcast[;2,3] 1) 0.5) (select (gt x 0) (broadcast[;2,3] 1) 0)) : [2, 3]
        "#]],
    );
    check(
        |x| x.cast(F32).cast(F64),
        expect![[r#"
        (cast[f64] (cast[f32] (broadcast[;2,3] 1))) : [2, 3]
    "#]],
    );
    check(
        |x| -x.assume(Fact::Finite),
        expect![[r#"
        (neg (broadcast[;2,3] 1)) : [2, 3]
    "#]],
    );
}

#[test]
fn reductions() {
    check(
        |x| x.mean(..),
        expect![[r#"
        (broadcast[;2,3] (div 1 6)) : [2, 3]
    "#]],
    );
    check(
        |x| x.max([1]),
        expect![[r#"
            (select (lt x (broadcast[0;2,3] (reduce_max[1] x))) 0 (broadcast[0;2,3] (div (broadcast[;2] 1) (sum[1] (select (lt x (broadcast[0;2,3] (reduce_max[1] x))) (broadcast[;2,3] 0) (broadcast[;2,3] 1)))))) : [2, 3]
        "#]],
    );
    check(
        |x| x.slice(1, 0, 2).prod([1]),
        expect![[r#"
            (pad[0,0;2,3] (mul (broadcast[0;2,2] (broadcast[;2] 1)) (mul (pad[0,1;2,2;1,1;1] (slice[:,0:1] (slice[:,0:2] x))) (flip[1] (pad[0,1;2,2;1,1;1] (slice[:,0:1] (flip[1] (slice[:,0:2] x)))))))) : [2, 3]
        "#]],
    );
}

#[test]
fn contractions() {
    check(
        |x| x.dot(x.transpose()),
        expect![[r#"
            (add (contract[an,kn->ak] (broadcast[;2,2] 1) (permute[1,0] x)) (permute[1,0] (contract[ak,an->kn] x (broadcast[;2,2] 1)))) : [2, 3]
        "#]],
    );
    check(
        |x| x.contract("ab,ab->b", x.exp()),
        expect![[r#"
            (add (contract[b,ab->ab] (broadcast[;3] 1) (exp x)) (mul (contract[ab,b->ab] x (broadcast[;3] 1)) (exp x))) : [2, 3]
        "#]],
    );
}

#[test]
fn movements() {
    check(
        |x| x.reshape([6]).exp(),
        expect![[r#"
        (reshape[2,3] (mul (broadcast[;6] 1) (exp (reshape[6] x)))) : [2, 3]
    "#]],
    );
    check(
        |x| x.permute(&[1, 0]).exp(),
        expect![[r#"
        (permute[1,0] (mul (broadcast[;3,2] 1) (exp (permute[1,0] x)))) : [2, 3]
    "#]],
    );
    check(
        |x| x.broadcast_to(&[4, 2, 3].into()).exp(),
        expect![[r#"
            (sum[0] (mul (broadcast[;4,2,3] 1) (exp (broadcast[1,2;4,2,3] x)))) : [2, 3]
        "#]],
    );
    check(
        |x| x.slice_by(1, 0, 3, 2).exp(),
        expect![[r#"
        (pad[0,0;2,3;1,2] (mul (broadcast[;2,2] 1) (exp (slice[:,0:3:2] x)))) : [2, 3]
    "#]],
    );
    check(
        |x| x.pad(0, 1, 2, 7.0).exp(),
        expect![[r#"
        (slice[1:3,:] (mul (broadcast[;5,3] 1) (exp (pad[1,0;5,3;1,1;7] x)))) : [2, 3]
    "#]],
    );
    check(
        |x| x.flip([1]).exp(),
        expect![[r#"
        (flip[1] (mul (broadcast[;2,3] 1) (exp (flip[1] x)))) : [2, 3]
    "#]],
    );
    check(
        |x| x.graph().concat(1, &[x, x.exp()]).exp(),
        expect![[r#"
            (add (slice[:,0:3] (mul (broadcast[;2,6] 1) (exp (concat[1] x (exp x))))) (mul (slice[:,3:6] (mul (broadcast[;2,6] 1) (exp (concat[1] x (exp x))))) (exp x))) : [2, 3]
        "#]],
    );
}

/// Whatever the order in which their cotangents come.
#[test]
fn slices_that_cover_an_array_pass_back_one_array() {
    check(
        |x| {
            let part = |k: usize| x.slice(1, k, k + 1);
            part(2).exp() * part(0).sin() + part(1).exp()
        },
        expect![[r#"
            (concat[1] (mul (mul (broadcast[;2,1] 1) (exp (slice[:,2:3] x))) (cos (slice[:,0:1] x))) (mul (broadcast[;2,1] 1) (exp (slice[:,1:2] x))) (mul (mul (broadcast[;2,1] 1) (sin (slice[:,0:1] x))) (exp (slice[:,2:3] x)))) : [2, 3]
        "#]],
    );
    // Two of three: the array between them is zeros.
    check(
        |x| x.slice(1, 2, 3).exp() + x.slice(1, 0, 1).sin(),
        expect![[r#"
        (add (pad[0,0;2,3] (mul (broadcast[;2,1] 1) (cos (slice[:,0:1] x)))) (pad[0,2;2,3] (mul (broadcast[;2,1] 1) (exp (slice[:,2:3] x))))) : [2, 3]
    "#]],
    );
}

#[test]
fn indexing() {
    check(
        |x| x.gather(1, x.graph().iota(I64, 0, [5])).exp(),
        expect![[r#"
            (scatter_add[1;0;2,3] (iota[0;5]) (mul (broadcast[;2,5] 1) (exp (gather[1;0] x (iota[0;5]))))) : [2, 3]
        "#]],
    );
    check(
        |x| x.scatter_add(1, 0, x.graph().iota(I64, 0, [3]), &[2, 4].into()).exp(),
        expect![[r#"
            (gather[1;0] (mul (broadcast[;2,4] 1) (exp (scatter_add[1;0;2,4] (iota[0;3]) x))) (iota[0;3])) : [2, 3]
        "#]],
    );
    check(
        |x| x.sort(0, Order::Descending).exp(),
        expect![[r#"
            (permute[1,0] (scatter_add[1;1;3,2] (permute[1,0] (argsort[0;descending] x)) (permute[1,0] (mul (broadcast[;2,3] 1) (exp (sort[0;descending] x)))))) : [2, 3]
        "#]],
    );
    check(
        |x| x.unfold(1, 2, 1, 1).exp(),
        expect![[r#"
        (fold[1;1;1;2,3] (mul (broadcast[;2,2,2] 1) (exp (unfold[1;2;1;1] x)))) : [2, 3]
    "#]],
    );
    let fold = Op::Fold { axis: 1, stride: 1, dilation: 1 };
    check(
        |x| x.reshape([1, 2, 3]).apply_as(fold.clone(), &[], F64, [1, 4].into()).exp(),
        expect![[r#"
            (reshape[2,3] (unfold[1;3;1;1] (mul (broadcast[;1,4] 1) (exp (fold[1;1;1;1,4] (reshape[1,2,3] x)))))) : [2, 3]
        "#]],
    );
}

#[test]
fn nothing_passes_where_there_is_no_derivative() {
    check(
        |x| x.stop_gradient().exp(),
        expect![[r#"
        0 : [2, 3]
    "#]],
    );
    check(
        |x| x.floor() + x.sign(),
        expect![[r#"
        0 : [2, 3]
    "#]],
    );
    check(
        |x| x.argmax(1).cast(F64),
        expect![[r#"
        0 : [2, 3]
    "#]],
    );
    check(
        |x| x.gt(0.0).cast(F64),
        expect![[r#"
        0 : [2, 3]
    "#]],
    );
    check(
        |x| x.graph().input("y", F64, [2]).exp(),
        expect![[r#"
        0 : [2, 3]
    "#]],
    );
}

#[test]
fn cotangents_travel_with_their_conditions() {
    check(
        |x| x.gt(0.0).select(x.sqrt(), 0.0),
        expect![[r#"
            (select (gt x 0) (div (mul (select (gt x 0) (broadcast[;2,3] 1) 0) 0.5) (sqrt x)) 0) : [2, 3]
        "#]],
    );
    check(
        |x| x.gt(0.0).select(-x, x + x),
        expect![[r#"
            (add (add (select (gt x 0) 0 (broadcast[;2,3] 1)) (select (gt x 0) 0 (broadcast[;2,3] 1))) (neg (select (gt x 0) (broadcast[;2,3] 1) 0))) : [2, 3]
        "#]],
    );
    check(
        |x| x.gt(0.0).select(x.sum([1]).log().broadcast_along(&[0], &[2, 3].into()), 0.0),
        expect![[r#"
            (broadcast[0;2,3] (select (gt (sum[1] (cast[f32] (gt x 0))) 0) (div (sum[1] (select (gt x 0) (broadcast[;2,3] 1) 0)) (sum[1] x)) 0)) : [2, 3]
        "#]],
    );
    check(
        |x| x.gt(0.0).select(x.dot(x.graph().input("w", F64, [3, 3])), 0.0),
        expect![[r#"
            (select (broadcast[0;2,3] (gt (sum[1] (cast[f32] (gt x 0))) 0)) (contract[an,kn->ak] (select (gt x 0) (broadcast[;2,3] 1) 0) (select (broadcast[1;3,3] (gt (sum[0] (cast[f32] (gt x 0))) 0)) w 0)) 0) : [2, 3]
        "#]],
    );
}

#[test]
fn what_both_branches_need_is_live_everywhere() {
    check(
        |x| {
            let e = x.exp();
            x.gt(0.0).select(-e, e + e)
        },
        expect![[r#"
            (mul (add (add (select (gt x 0) 0 (broadcast[;2,3] 1)) (select (gt x 0) 0 (broadcast[;2,3] 1))) (neg (select (gt x 0) (broadcast[;2,3] 1) 0))) (exp x)) : [2, 3]
        "#]],
    );
}

#[test]
fn chance_masks_no_product() {
    check(
        |x| {
            let (graph, w) = (x.graph(), x.graph().input("w", F64, [3, 3]));
            graph.random(F64, [2, 3]).ge(0.5).select(x.exp().dot(w), 0.0)
        },
        expect![[r#"
            (mul (contract[an,kn->ak] (select (ge (random[0;2,3]) 0.5) (broadcast[;2,3] 1) 0) w) (exp x)) : [2, 3]
        "#]],
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
        expect![[r#"
            (add (add (add (mul (add 1 1) (mul 1 x)) (mul (mul (add 1 1) x) 1)) (mul (mul 1 1) x)) (mul (mul 1 1) x)) : []
        "#]],
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
        expect![[r#"
            (mul (neg (mul (mul 1 1) (sin (exp x)))) (exp x)) : []
        "#]],
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
        expect![[r#"
            (add (mul 1 (exp x)) (mul 1 x)) : []
        "#]],
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
