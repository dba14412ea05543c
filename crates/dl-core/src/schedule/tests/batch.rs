//! Which values go row by row, which are reductions over rows, and which cannot be divided.

use crate::nn::{self, Sgd};
use crate::ops::Reduce;
use crate::plan::Plan;
use crate::schedule::{Batch, Part, StageId};
use crate::{Dim, Expr, F32, Graph, I64, Named, Program};

const B: Named = Named("B");

fn batch(program: &Program) -> Result<Batch, String> {
    Batch::of(&Plan::new(program))
}

fn of(make: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) -> Result<Part, String> {
    let g = Graph::new();
    let y = make(g.input("x", F32, (B, 3)));
    let program = Program::builder(&g).output("y", y).without_rewriting().compile().expect("it is right");
    let plan = Plan::new(&program);
    Batch::of(&plan).map(|d| d.part(plan.outputs()[0].value))
}

#[test]
fn what_goes_row_by_row() {
    let rows = Ok(Part::Rows(StageId(0)));
    assert_eq!(of(|x| x.exp() + 1.0), rows);
    assert_eq!(of(|x| x.softmax(1)), rows);
    assert_eq!(of(|x| x.contract("bi,bj->bij", x)), rows);
    assert_eq!(of(|x| x.reshape((B, 3, 1)).permute(&[0, 2, 1])), rows);
    assert_eq!(of(|x| x.dot(x.graph().input("w", F32, [3, 2]))), rows);
    assert_eq!(of(|x| x.sort(1, crate::ops::Order::Ascending)), rows);
    assert_eq!(of(|x| x.graph().input("w", F32, [5, 2]).gather(0, x.graph().input("i", I64, B))), rows);
}

#[test]
fn what_folds_rows() {
    assert_eq!(of(|x| x.sum(..)), Ok(Part::Fold(StageId(0), Reduce::Sum)));
    assert_eq!(of(|x| x.max(0)), Ok(Part::Fold(StageId(0), Reduce::Max)));
    assert_eq!(of(|x| x.contract("bi,bj->ij", x)), Ok(Part::Fold(StageId(0), Reduce::Sum)));
    assert_eq!(of(|x| x.mean(..)), Ok(Part::Whole(StageId(1))));
}

#[test]
fn rows_that_need_a_fold_come_in_a_later_stage() {
    assert_eq!(of(|x| x - x.mean(0).broadcast_to(&x.shape())), Ok(Part::Rows(StageId(1))));
}

#[test]
fn rows_of_a_multiple_are_no_rows_of_the_dimension() {
    let twice = &Dim::from(B) * &Dim::from(2);
    let first = of(|x| x.graph().input("z", F32, [twice.clone()]).slice(0, 0, B).unsqueeze(1) * x);
    assert!(first.expect_err("the first half is in other rows").contains("slice of [B] mixes rows of B"));
    let squared = &Dim::from(B) * &Dim::from(B);
    let square = of(|x| x.sum(..) + x.graph().input("z", F32, [squared.clone()]).sum(..));
    assert!(square.expect_err("its rows grow faster").contains("B is not the first axis of [B^2]"));
}

#[test]
fn what_mixes_rows_is_refused_with_the_reason() {
    let refused = |result: Result<Part, String>, reason: &str| {
        let why = result.expect_err("it mixes rows");
        assert!(why.contains(reason), "{why}");
    };
    refused(of(|x| x.sort(0, crate::ops::Order::Ascending)), "sort of [B, 3] mixes rows of B");
    refused(of(|x| x.flip(0)), "flip of [B, 3] mixes rows of B");
    refused(of(|x| x.dot(x.transpose())), "has B along another axis than the first");
}

#[test]
fn half_of_twice_the_rows_is_not_the_rows() {
    let part = |make: &dyn for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g>| {
        let g = Graph::new();
        let twice = &Dim::from(B) * &Dim::from(2);
        let y = make(g.input("x", F32, (B, 3)), g.input("twice", F32, (twice, 3)));
        let program = Program::builder(&g).output("y", y).without_rewriting().compile();
        batch(&program.expect("it is right"))
    };
    let refused = |result: Result<Batch, String>| {
        assert!(result.expect_err("it mixes rows").contains("mixes rows of B"));
    };
    refused(part(&|x, twice| twice.slice(0, 0, B) + x));
    refused(part(&|x, twice| twice + x.pad(0, 0, B, 0.0)));
    assert!(part(&|x, twice| twice.reshape((B, 6)).slice(1, 0, 3) + x).is_ok());
}

#[test]
fn a_training_step_needs_one_pass_over_its_rows() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 8)), g.input("y", I64, B));
    let h = nn::dense(x, "a", 4).relu();
    let j = nn::cross_entropy(nn::dense(h, "b", 3), y).mean(..).named("J");
    let step = batch(&j.minimize(Sgd::new(0.1)).expect("it is right")).expect("it can be divided");
    assert!(
        step.parts.iter().all(|p| !matches!(p, Part::Rows(r) | Part::Fold(r, _) if r.index() > 0)),
        "{:?}",
        step.parts
    );
}
