//! Shapes that do not go together, one rule after the other.

use dl_core::graph::NodeId;
use dl_core::interp::eval_expr;
use dl_core::ops::{Order, Reduce};
use dl_core::{Expr, F32, F64, Graph, I64, Init, Program, Tensor};

use crate::refused;

#[track_caller]
fn check(says: &str, make: impl for<'g> FnOnce(&'g Graph) -> Expr<'g>) {
    let g = Graph::new();
    let at = std::panic::Location::caller();
    make(&g);
    refused(&g, at.file(), at.line(), &[says]);
}

#[test]
#[rustfmt::skip] // each mistake on the line of its check
fn of_two_operands() {
    check("cumsum along axis 2 of [2, 3]", |g| g.full(F32, [2, 3], 0.0).cumsum(2));
    check("logcumsumexp needs floats, got i64", |g| g.full(I64, [3], 0.0).logcumsumexp(0));
    check("the first 4 of 3 along axis 1 of [2, 3]", |g| g.full(F32, [2, 3], 0.0).top_k(4, 1, Order::Ascending).0);
    check("2 operands are named, 1 given", |g| g.einsum("ij,jk", &[g.full(F32, [2, 3], 0.0)]));
    check("operand 1 has 2 axes: [2, 3]", |g| g.einsum("ijk", &[g.full(F32, [2, 3], 0.0)]));
    check("k of the result occurs in no operand", |g| g.einsum("ij->k", &[g.full(F32, [2, 3], 0.0)]));
    check("inner sizes 3 and 4 differ", |g| g.full(F32, [2, 3], 0.0).contract("ij,jk->ik", g.full(F32, [4, 5], 0.0)));
    check("inner sizes 2 and 3 differ", |g| g.full(F32, [2, 5], 0.0).contract("bi,bi->b", g.full(F32, [3, 5], 0.0)));
    check("the first 1 axes must agree", |g| g.full(F32, [4, 3], 0.0).pick(g.full(I64, [5], 0.0)));
    check("needs updates [2, 3], got [4, 3]", |g| g.full(F32, [4, 3], 0.0).scatter_add(0, 0, g.full(I64, [2], 0.0), &[9, 3].into()));
    check("max of [2, 0] over nothing", |g| g.full(I64, [2, 0], 0.0).reduce(Reduce::Max, 1));
    check("which is empty", |g| g.full(F32, [2, 0], 0.0).argmin(1));
    check("floats of one type and shape", |g| g.full(F32, [2, 3], 0.0).linear_recurrence(1, false, g.full(F32, [3], 0.0)));
    check("the other axes must agree", |g| g.full(F32, [2, 3], 0.0).take_along_axis(1, g.full(I64, [3, 2], 0.0)));
    check("j has the sizes 3 and 4", |g| g.einsum("ij,jk->ik", &[g.full(F32, [2, 3], 0.0), g.full(F32, [4, 5], 0.0)]));
}

#[test]
fn a_fold_of_other_windows_is_refused_in_files() {
    let g = Graph::new();
    let w = g.parameter("w", F32, [8], Init::Zeros);
    let gradient = w.unfold(0, 3, 1, 1).square().sum(..).grad(&[w])[0];
    let program = Program::builder(&g).output("g", gradient).without_rewriting().compile().unwrap();
    let text = program.to_json().unwrap();
    let wrong = text.replace(r#""Fold":{"axis":0,"stride":1"#, r#""Fold":{"axis":0,"stride":2"#);
    assert_ne!(text, wrong);
    let error = Program::from_json(&wrong).unwrap_err().to_string();
    assert!(error.contains("fold into [8] needs [3, 3], got [6, 3]"), "{error}");
    assert_eq!(program.outputs()[0].node, NodeId(program.nodes().len() as u32 - 1));
}

#[test]
fn masks_of_nested_branches_hold_where_both_do() {
    let g = Graph::new();
    let x = g.input("x", F64, [3]);
    let (a, b, c) = (x.gt(-1.0), x.gt(0.0), x.gt(1.0));
    // Where a branch is not taken, a division by zero does not count, nor does a root's derivative.
    let nested = a.select(b.select(x.sqrt(), 0.0), 0.0) + a.select(c.select(x.sqrt(), 0.0), 0.0);
    let zero = b.select(x / 0.0, 0.0) * 0.0;
    let at = [("x", Tensor::vector(vec![-2.0, -0.5, 4.0]))];
    let slope = eval_expr(nested.sum(..).grad(&[x])[0], &at).unwrap();
    assert_eq!(slope.to_f64(), [0.0, 0.0, 0.5]);
    let masked = eval_expr(zero.sum(..).grad(&[x])[0], &at).unwrap().to_f64();
    assert_eq!(masked[..2], [0.0, 0.0]);
    assert!(masked[2].is_nan(), "0·∞ where the branch is taken: {masked:?}");
}
