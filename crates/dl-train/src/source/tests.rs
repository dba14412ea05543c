//! What sources feed, and what they refuse.

use super::*;

fn filled(source: &dyn Source, inputs: &[&str], rows: &[usize]) -> Result<Vec<Tensor>> {
    let mut batch = Batch::new(inputs.iter().copied(), 0);
    batch.refill(source, rows)?;
    batch.check()?;
    Ok(batch.views().iter().map(TensorRef::to_owned).collect())
}

fn fails(result: Result<impl std::fmt::Debug>, want: &str) {
    assert_eq!(result.unwrap_err().to_string(), want);
}

#[test]
fn columns_are_gathered_in_the_programs_order() {
    let source = Columns::new()
        .column("a", Tensor::new([3, 2], vec![0.0f32, 0.5, 1.0, 1.5, 2.0, 2.5]).unwrap())
        .unwrap()
        .column("b", Tensor::vector(vec![10i64, 11, 12]))
        .unwrap();
    let got = filled(&source, &["b", "a"], &[2, 0]).unwrap();
    assert_eq!(got[0], Tensor::vector(vec![12i64, 10]));
    assert_eq!(got[1], Tensor::new([2, 2], vec![2.0f32, 2.5, 0.0, 0.5]).unwrap());
    fails(filled(&source, &["a"], &[3]), "example 3 is outside a source of 3 examples");
    fails(
        filled(&source, &["a", "c"], &[0]),
        "input c is missing: of the program's inputs the source feeds a",
    );
}

#[test]
fn columns_fit_together() {
    let one = Columns::new().column("a", Tensor::vector(vec![1.0f32, 2.0])).unwrap();
    let with = |name, value| one.clone().column(name, value);
    fails(with("b", Tensor::vector(vec![1i64])), "column b has 1 examples, column a has 2");
    fails(with("a", Tensor::vector(vec![1i64, 2])), "column a is given twice");
    fails(with("b", Tensor::scalar(1i64)), "column b is a scalar, expected examples along its first axis");
}

#[test]
fn a_split_feeds_pixels_and_classes() {
    let images = dl_data::Images::new((0..12).collect(), [3, 2, 2]).unwrap();
    let split = dl_data::Split::new(images, vec![7, 8, 9]).unwrap();
    let got = filled(&split, &["x", "y"], &[1, 1, 0]).unwrap();
    assert_eq!(got[0], Tensor::new([3, 4], vec![4u8, 5, 6, 7, 4, 5, 6, 7, 0, 1, 2, 3]).unwrap());
    assert_eq!(got[1], Tensor::vector(vec![8i64, 8, 7]));
    fails(filled(&split, &["x"], &[3]), "example 3 is outside a source of 3 examples");
}

#[test]
fn examples_are_told_from_others() {
    let of = |name: &str, values: Vec<f32>| {
        Columns::new().column(name, Tensor::vector(values)).unwrap().digest().unwrap()
    };
    let all = [of("a", vec![1.0, 2.0]), of("b", vec![1.0, 2.0]), of("a", vec![2.0, 1.0]), of("a", vec![1.0])];
    assert_eq!(of("a", vec![1.0, 2.0]), all[0]);
    assert!((0..4).all(|i| !all[..i].contains(&all[i])));
    let split = |shape: [usize; 3], label: u8| {
        let images = dl_data::Images::new((0..12).collect(), shape).unwrap();
        Source::digest(&dl_data::Split::new(images, vec![label; shape[0]]).unwrap()).unwrap()
    };
    // A constant, so that the digest in an old record is compared with one of today.
    assert_eq!(split([3, 2, 2], 7), split([3, 2, 2], 7));
    assert_ne!(split([3, 2, 2], 7), split([3, 2, 2], 8));
    assert_ne!(split([3, 2, 2], 7), split([3, 1, 4], 7));
}

#[test]
fn an_earlier_batch_stands_in_for_nothing() {
    let once = from_fn(5, |rows, batch| match rows {
        [0] => batch.set("x", &[1], |v| v.push(1.0f32)),
        _ => Ok(()),
    });
    let mut batch = Batch::new(["x"].into_iter(), 0);
    batch.refill(&once, &[0]).unwrap();
    batch.check().unwrap();
    batch.refill(&once, &[1]).unwrap();
    fails(batch.check(), "input x is missing: of the program's inputs the source feeds none");
}

#[test]
fn a_closure_is_held_to_its_shapes() {
    let short = from_fn(5, |rows, batch| batch.set("x", &[rows.len(), 2], |v: &mut Vec<f32>| v.push(1.0)));
    fails(filled(&short, &["x"], &[0, 1]), "input x: shape [2, 2] needs 4 elements, got 1");
    assert!(filled(&short, &[], &[0, 1]).unwrap().is_empty());
}
