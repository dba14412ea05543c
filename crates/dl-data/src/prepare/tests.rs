//! What is fitted to the training part, and what becomes of others by it.

use super::learnt::median;
use super::*;
use crate::table::Values;

#[track_caller]
fn fails(result: Result<impl std::fmt::Debug>, want: &str) {
    assert_eq!(result.unwrap_err().to_string(), want);
}

fn train() -> Table {
    Table::new()
        .column_with_missing("x", Values::Floats(vec![1.0, f64::NAN, 3.0, 8.0]), vec![1])
        .unwrap()
        .column("n", Values::Integers(vec![10, 2, 2, 10]))
        .unwrap()
        .column("t", Values::text(["b", "a", "b", "c"]))
        .unwrap()
}

#[test]
fn numbers_are_fitted_as_they_say() {
    let one = |plan: Preparation| plan.fit(&train()).unwrap().apply(&train()).unwrap().x;
    let x = |fill: Fill| Preparation::new().keep(["x"]).fill(fill);
    assert_eq!(one(x(Fill::Mean)), [1.0, 4.0, 3.0, 8.0]);
    assert_eq!(one(x(Fill::Median)), [1.0, 3.0, 3.0, 8.0]);
    assert_eq!(one(x(Fill::Constant(-1.0))), [1.0, -1.0, 3.0, 8.0]);
    assert_eq!(one(Preparation::new().standardize(["n"])), [1.0, -1.0, -1.0, 1.0]);
    assert_eq!(one(Preparation::new().scale(["n"])), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(median(vec![4.0, 1.0]), 2.5);
    // A filled value is standardized as all are.
    let mean = one(Preparation::new().standardize(["x"]).fill(Fill::Mean));
    assert_eq!(mean[1], 0.0);
    let equal = Table::new().column("x", Values::Floats(vec![5.0; 3])).unwrap();
    let plan = Preparation::new().standardize(["x"]).fit(&equal).unwrap();
    assert_eq!(plan.apply(&equal).unwrap().x, [0.0; 3]);
}

#[test]
fn only_the_training_part_is_learnt_from() {
    let table = train();
    let plan = Preparation::new().standardize(["n"]).one_hot(["t"]).unknown(Unknown::Reserve);
    let prepared = plan.fit(&table.rows(&[0, 1, 2]).unwrap()).unwrap();
    assert_eq!(prepared.names(), ["n", "t=a", "t=b", "t=?"]);
    let deviation = 128f64.sqrt() / 3.0;
    let features = prepared.apply(&table).unwrap();
    let standard = |n: f64| ((n - 14.0 / 3.0) / deviation) as f32;
    assert!((features.x[0] - standard(10.0)).abs() < 1e-6);
    assert_eq!(features.x[1..4], [0.0, 1.0, 0.0]);
    assert_eq!(features.x[13..], [0.0, 0.0, 1.0], "c is not known");
}

#[test]
fn categories_are_numbered_in_order() {
    let plan = Preparation::new().code(["n", "t"]).target_classes("t");
    fails(plan.fit(&train()), "column t is prepared twice");
    let plan = Preparation::new().code(["n"]).target_classes("t");
    let prepared = plan.fit(&train()).unwrap();
    let features = prepared.apply(&train()).unwrap();
    // 2 before 10, which texts would not be.
    assert_eq!(features.codes, [("n".to_string(), vec![1, 0, 0, 1])]);
    assert_eq!(features.classes, Some(vec![1, 0, 1, 2]));
    assert_eq!(
        (prepared.classes().unwrap(), prepared.codes("n")),
        (&["a", "b", "c"].map(String::from)[..], Some(2))
    );
    let unknown = Table::new().column("n", Values::Integers(vec![2, 3])).unwrap();
    let want = "column n: row 1 has \"3\", which the training part has not: expected 2, 10";
    fails(prepared.apply(&unknown), want);
    let reserving = Preparation::new().code(["n"]).unknown(Unknown::Reserve).fit(&train()).unwrap();
    let features = reserving.apply(&unknown).unwrap();
    assert_eq!((&features.codes[0].1, reserving.codes("n")), (&vec![0, 2], Some(3)));
    assert_eq!(features.classes, None, "a table to be served has no target");
}

#[test]
fn parts_in_which_a_table_comes_do_not_matter() {
    let table = train();
    let plan = Preparation::new().standardize(["x"]).one_hot(["t"]).code(["n"]).fill(Fill::Median);
    let parts = [vec![0], vec![1, 2], vec![3]].map(|rows| table.rows(&rows));
    assert_eq!(plan.fit_chunks(parts).unwrap(), plan.fit(&table).unwrap());
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let fit = |plan: Preparation| plan.fit(&train());
    let x = Preparation::new().standardize(["x"]);
    fails(x.fit(&train()).and_then(|p| p.apply(&train())), "column x: row 1 has no value, expected a number");
    fails(fit(Preparation::new().keep(["t"])), "column t is text, expected numbers");
    let want = "column x is real numbers, expected text or whole numbers as categories";
    fails(fit(Preparation::new().one_hot(["x"])), want);
    fails(fit(Preparation::new().keep(["y"])), "there is no column y; there are x, n, t");
    fails(x.fit(&train().rows(&[]).unwrap()), "a preparation cannot be fitted to no rows");
    fails(x.fit(&train().rows(&[1]).unwrap()), "column x has no value to be fitted to");
    let infinite = Table::new().column("x", Values::Floats(vec![0.0, f64::INFINITY])).unwrap();
    fails(x.fit(&infinite), "column x: row 1 has inf, expected a finite number");
    let large = Table::new().column("x", Values::Floats(vec![1e200, -1e200])).unwrap();
    fails(x.fit(&large), "column x has numbers too large to be fitted to");
}

#[cfg(feature = "serde")]
#[test]
fn what_was_fitted_is_stored_and_read_again() {
    let plan = Preparation::new().standardize(["x"]).one_hot(["t"]).target_classes("n").fill(Fill::Mean);
    let prepared = plan.fit(&train()).unwrap();
    let text = serde_json::to_string(&prepared).unwrap();
    assert_eq!(serde_json::from_str::<Prepared>(&text).unwrap(), prepared);
    let edited = text.replace("scale", "stretch");
    assert!(serde_json::from_str::<Prepared>(&edited).is_err());
}
