//! Values and gradients that are easy to state, and what is recorded of bad use.

use crate::graph::Expr;
use crate::nn::{self, binary_cross_entropy_with_logits, cross_entropy, mse};
use crate::testing::{faults, gradient, near, value};
use crate::{F32, F64, Graph, I64, Named, Tensor, U8};
use expect_test::expect;

const B: Named = Named("B");

#[test]
fn squared_errors_and_their_gradient() {
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, (B, 2)), g.input("t", F64, (B, 2)));
    let of = |v: &[f64]| Tensor::new([v.len() / 2, 2], v.to_vec()).unwrap();
    let data = [("x", of(&[1.0, 2.0, 3.0, 4.0])), ("t", of(&[1.0, 0.0, 0.0, 5.0]))];
    near(&value(mse(x, t), &data), &[0.0, 4.0, 9.0, 1.0]);
    near(&gradient(mse(x, t).mean(..), x, &data), &[0.0, 1.0, 1.5, -0.5]);
}

#[test]
fn cross_entropy_and_its_gradient() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let logits = [0.5f64, -1.0, 2.0, 1000.0, 0.0, -1000.0];
    let data = [("x", Tensor::new([2, 3], logits.to_vec()).unwrap()), ("y", Tensor::vector(vec![2i64, 1]))];
    let z: f64 = logits[..3].iter().map(|x| x.exp()).sum();
    near(&value(cross_entropy(x, y), &data), &[z.ln() - 2.0, 1000.0]);
    let p: Vec<f64> = logits[..3].iter().map(|x| x.exp() / z).collect();
    let want = [p[0] / 2.0, p[1] / 2.0, (p[2] - 1.0) / 2.0, 0.5, -0.5, 0.0];
    near(&gradient(cross_entropy(x, y).mean(..), x, &data), &want);
}

#[test]
fn cross_entropy_of_one_example_and_of_sequences() {
    let g = Graph::new();
    let one = cross_entropy(g.input("a", F64, [2]), g.input("b", I64, ()));
    near(&value(one, &[("a", Tensor::vector(vec![0.0; 2])), ("b", Tensor::scalar(0i64))]), &[2f64.ln()]);
    let many = cross_entropy(g.input("x", F32, (B, 7, 10)), g.input("y", I64, (B, 7)));
    assert_eq!(many.shape().to_string(), "[B, 7]");
}

#[test]
fn binary_cross_entropy_keeps_its_digits() {
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, B), g.input("t", F64, B));
    let j = binary_cross_entropy_with_logits(x, t);
    let data = [
        ("x", Tensor::vector(vec![0.3, -40.0, 40.0, 800.0, -800.0])),
        ("t", Tensor::vector(vec![0.25, 0.0, 1.0, 0.0, 1.0])),
    ];
    let p = 1.0 / (1.0 + (-0.3f64).exp());
    let tiny = (-40f64).exp();
    let got = value(j, &data);
    near(&got, &[-(0.25 * p.ln() + 0.75 * (1.0 - p).ln()), tiny, tiny, 800.0, 800.0]);
    assert!((got[1] / tiny - 1.0).abs() < 1e-12 && (got[2] / tiny - 1.0).abs() < 1e-12);
    near(&gradient(j.sum(..), x, &data), &[p - 0.25, tiny, -tiny, 1.0, -1.0]);
}

#[test]
fn nothing_broadcasts_silently() {
    let g = Graph::new();
    let (flat, column) = (g.input("x", F32, B), g.input("t", F32, (B, 1)));
    mse(flat, column).mean(..);
    mse(flat, g.input("d", F64, B));
    mse(g.input("n", I64, B), flat);
    cross_entropy(g.input("z", F32, (B, 10)), g.input("y", I64, (B, 1)));
    cross_entropy(g.input("z", F32, (B, 10)), g.input("u", U8, B));
    cross_entropy(g.input("s", F32, ()), g.input("k", I64, ()));
    binary_cross_entropy_with_logits(column, flat);
    expect![[r#"
        mse of [B] and [B, 1]: shapes differ
        mse of f32 and f64: element types differ, cast one of them
        mse needs a float (f32 or f64), got i64 [B]: cast it first
        cross_entropy of [B, 10] and labels [B, 1]: labels of shape [B] are needed
        cross_entropy needs i64 labels, got u8 [B]: cast them
        cross_entropy of []: the last axis must be the classes
        binary_cross_entropy_with_logits of [B, 1] and [B]: shapes differ"#]]
    .assert_eq(&faults(&g));
}

#[test]
fn a_label_outside_the_classes_is_an_error_of_the_run_with_its_line() {
    check_outside(|x, y| cross_entropy(x, y), -100, line!());
    check_outside(|x, y| nn::CrossEntropy::new().ignore_index(-100).mean(x, y), 3, line!());
    check_outside(|x, y| nn::nll(x, y), -100, line!());
    check_outside(|x, y| nn::MultiMargin::new().each(x, y), -100, line!());
    check_outside(|x, y| nn::Focal::new().each(x, y), -100, line!());
}

fn check_outside(loss: for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>, label: i64, line: u32) {
    let g = Graph::new();
    let loss = loss(g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let data = [("x", Tensor::zeros(F64, [2, 3])), ("y", Tensor::vector(vec![-100i64, 3]))];
    let why = crate::interp::eval_expr(loss, &data).expect_err("neither is a class").to_string();
    assert!(why.contains(&format!("tests.rs:{line}: ")) && why.contains(&format!("index {label} ")), "{why}");
}

#[test]
fn probabilities_that_do_not_sum_to_one_are_found() {
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, (B, 2)), g.input("t", F64, (B, 2)));
    let rows = |v: &[f64]| Tensor::new([1, 2], v.to_vec()).unwrap();
    let found = |loss: Expr<'_>, t: [f64; 2]| {
        crate::interp::eval_expr(loss, &[("x", rows(&[0.0, 1.0])), ("t", rows(&t))])
            .err()
            .map(|e| e.to_string())
    };
    let losses =
        [nn::CrossEntropy::new().label_smoothing(0.1).each(x, t), nn::KlDivergence::new().each(x, t)];
    for loss in losses {
        assert_eq!(found(loss, [0.25, 0.75]), None);
        let why = found(loss, [0.25, 0.5]).expect("they sum to 0.75");
        assert!(why.contains("assumed distribution, but sums to 0.75"), "{why}");
    }
    let logarithms = nn::KlDivergence::new().log_target().each(x, t);
    assert_eq!(found(logarithms, [0.25f64.ln(), 0.75f64.ln()]), None);
    assert!(found(logarithms, [0.0, 0.0]).is_some());
    let variance = nn::GaussianNll::new().each(x, x, t);
    let why = found(variance, [1.0, -1.0]).expect("a variance is negative");
    assert!(why.contains("assumed non_negative"), "{why}");
}

#[test]
fn what_pytorch_has_no_digits_for() {
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, [3]), g.input("t", F64, [3]));
    let of = |v: [f64; 3]| Tensor::vector(v.to_vec());
    // A perfect prediction has no error to fall.
    let perfect = [("x", of([1.0, 2.0, 3.0])), ("t", of([1.0, 2.0, 3.0]))];
    near(&gradient(nn::rmse(x, t), x, &perfect), &[0.0; 3]);
    near(&gradient(nn::smape(x, t).sum(..), x, &[("x", of([0.0; 3])), ("t", of([0.0; 3]))]), &[0.0; 3]);
    near(&gradient(nn::quantile(x, t, 0.75).sum(..), x, &perfect), &[-0.25; 3]);
    // Squares that overflow.
    let far = [("x", of([3e200, 0.0, 0.0])), ("t", of([0.0, 4e200, 0.0]))];
    let want = 5e200 / 3f64.sqrt();
    assert!((value(nn::rmse(x, t), &far)[0] / want - 1.0).abs() < 1e-14);
    near(
        &value(nn::log_cosh_error(x, t), &[("x", of([1000.0, 0.0, -1000.0])), ("t", of([0.0; 3]))]),
        &[1000.0 - 2f64.ln(), 0.0, 1000.0 - 2f64.ln()],
    );
    // Probabilities that round to 0 and 1.
    let sure = [("x", of([800.0, -800.0, 800.0])), ("t", of([1.0, 1.0, 0.0]))];
    let focal = nn::Focal::new().without_alpha().each(x, t);
    near(&value(focal, &sure), &[0.0, 800.0, 800.0]);
    near(&gradient(focal.sum(..), x, &sure), &[0.0, -1.0, 1.0]);
}

#[test]
fn operands_must_go_together() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let (narrow, wide) = (g.input("narrow", F64, B), g.input("wide", F64, (B, 4)));
    let (w, w32) = (g.input("w", F64, [4]), g.input("w32", F32, [3]));
    nn::CrossEntropy::new().each(x, wide);
    nn::CrossEntropy::new().each(x, g.input("f32", F32, (B, 3)));
    nn::CrossEntropy::new().ignore_index(1).each(x, x);
    nn::CrossEntropy::new().weight(w).each(x, y);
    nn::CrossEntropy::new().weight(w32).mean(x, y);
    nn::cross_entropy(g.input("none", F64, (B, 0)), y);
    nn::Nll::new().weight(w).mean(x, y);
    nn::nll(x, narrow);
    nn::BinaryCrossEntropyWithLogits::new().pos_weight(w).each(x, x);
    nn::MultiMargin::new().weight(w).each(x, y);
    nn::multi_label_margin(x, y);
    nn::multi_label_margin(x, x);
    nn::MultiLabelSoftMargin::new().weight(w).each(x, x);
    nn::margin_ranking(narrow, narrow, x, 0.0);
    nn::TripletMargin::new().each(x, x, wide);
    nn::TripletMargin::new().each(g.input("s", F64, ()), x, x);
    nn::cosine_embedding(x, x, y, 0.0);
    nn::cosine_embedding(x, x, x, 0.0);
    nn::info_nce(narrow, narrow, 1.0);
    nn::KlDivergence::new().each(x, wide);
    nn::KlDivergence::new().batch_mean(g.input("s", F64, ()), g.input("s", F64, ()));
    nn::PoissonNll::new().each(x, narrow);
    nn::GaussianNll::new().each(x, x, narrow);
    nn::Focal::new().each(x, narrow);
    nn::Focal::new().each(x, x.cast(U8));
    nn::class_balanced(x, y, w, 0.9);
    nn::class_balanced_weights(x, 0.9);
    nn::Dice::new().each(x, wide);
    nn::Tversky::new(0.5, 0.5).each(g.input("s", F64, ()), g.input("s", F64, ()));
    expect![[r#"
        cross_entropy of logits f64 [B, 3] and targets f64 [B, 4]: probabilities f64 [B, 3] are needed, or labels i64 [B]
        cross_entropy of logits f64 [B, 3] and targets f32 [B, 3]: probabilities f64 [B, 3] are needed, or labels i64 [B]
        cross_entropy of probabilities with ignore_index 1: only labels have an index
        cross_entropy with a weight f64 [4]: f64 [3] is needed, a number for each class
        cross_entropy with a weight f32 [3]: f64 [3] is needed, a number for each class
        cross_entropy of [B, 0]: there are no classes
        nll with a weight f64 [4]: f64 [3] is needed, a number for each class
        nll needs i64 labels, got f64 [B]: cast them
        binary_cross_entropy_with_logits with pos_weight f64 [4]: f64 of a shape that broadcasts to [B, 3] is needed
        multi_margin with a weight f64 [4]: f64 [3] is needed, a number for each class
        multi_label_margin of scores [B, 3] needs labels i64 [B, 3], got i64 [B]
        multi_label_margin of scores [B, 3] needs labels i64 [B, 3], got f64 [B, 3]
        multi_label_soft_margin with a weight f64 [4]: f64 [3] is needed, a number for each class
        margin_ranking of [B] and [B, 3]: shapes differ
        triplet_margin of [B, 3] and [B, 4]: shapes differ
        triplet_margin of []: vectors along a last axis are needed
        cosine_embedding of [B, 3] and targets i64 [B]: targets f64 [B] are needed
        cosine_embedding of [B, 3] and targets f64 [B, 3]: targets f64 [B] are needed
        info_nce of [B]: vectors [B, D] are needed
        kl_divergence of [B, 3] and [B, 4]: shapes differ
        kl_divergence of []: a distribution along a last axis is needed
        poisson_nll of [B, 3] and [B]: shapes differ
        gaussian_nll of f64 [B, 3] with variances f64 [B]: the same shape is needed, or 1 as last axis
        focal of [B, 3] and [B]: shapes differ
        focal needs i64 labels, got u8 [B, 3]: cast them
        class_balanced with a weight f64 [4]: f64 [3] is needed, a number for each class
        class_balanced with counts [B, 3]: a number for each class is needed
        dice of [B, 3] and [B, 4]: shapes differ
        tversky of []: sets along a last axis are needed"#]].assert_eq(&faults(&g));
}

#[test]
fn settings_must_be_in_their_range() {
    let g = Graph::new();
    let (x, y, v) = (g.input("x", F64, (B, 3)), g.input("y", I64, B), g.input("v", F64, B));
    nn::huber(x, x, 0.0);
    nn::huber(x, x, f64::INFINITY);
    nn::smooth_l1(x, x, -1.0);
    nn::quantile(x, x, 1.0);
    nn::CrossEntropy::new().label_smoothing(1.5).each(x, y);
    nn::CrossEntropy::new().label_smoothing(f64::NAN).mean(x, x);
    nn::MultiMargin::new().margin(-1.0).each(x, y);
    nn::margin_ranking(x, x, x, -0.5);
    nn::TripletMargin::new().margin(0.0).p(0.5).eps(-1.0).each(x, x, x);
    nn::cosine_embedding(x, x, v, 1.5);
    nn::info_nce(x, x, 0.0);
    nn::PoissonNll::new().eps(-1.0).each(x, x);
    nn::GaussianNll::new().eps(0.0).each(x, x, x);
    nn::Focal::new().gamma(-2.0).alpha(1.5).each(x, x);
    nn::class_balanced(x, y, g.input("n", F64, [3]), 1.0);
    nn::Dice::new().smooth(-1.0).each(x, x);
    nn::Tversky::new(-0.5, f64::NAN).smooth(-1.0).each(x, x);
    expect![[r#"
        huber with delta = 0: a finite number above 0 is needed
        huber with delta = inf: a finite number above 0 is needed
        smooth_l1 with beta = -1: a finite number that is not negative is needed
        quantile with q = 1: a number in (0, 1) is needed
        cross_entropy with label smoothing = 1.5: a number in [0, 1] is needed
        cross_entropy with label smoothing = NaN: a number in [0, 1] is needed
        multi_margin with margin = -1: a finite number that is not negative is needed
        margin_ranking with margin = -0.5: a finite number that is not negative is needed
        triplet_margin with margin = 0: a finite number above 0 is needed
        triplet_margin with p = 0.5: at least 1 is needed
        triplet_margin with eps = -1: a finite number that is not negative is needed
        cosine_embedding with margin = 1.5: a number in [-1, 1] is needed
        info_nce with temperature = 0: a finite number above 0 is needed
        poisson_nll with eps = -1: a finite number that is not negative is needed
        gaussian_nll with eps = 0: a finite number above 0 is needed
        focal with alpha = 1.5: a number in [0, 1] is needed
        focal with gamma = -2: a finite number that is not negative is needed
        class_balanced with beta = 1: a number in [0, 1) is needed
        dice with smooth = -1: a finite number that is not negative is needed
        tversky with alpha = -0.5: a finite number that is not negative is needed
        tversky with beta = NaN: a finite number that is not negative is needed
        tversky with smooth = -1: a finite number that is not negative is needed"#]]
    .assert_eq(&faults(&g));
}

#[test]
fn a_mistake_is_recorded_once_and_at_the_line_of_the_author() {
    let g = Graph::new();
    let x = g.input("x", F64, (B, 3));
    let line = line!() + 1;
    let poison = nn::huber(x, g.input("t", F64, B), -1.0);
    let _ = nn::mae(poison, x) + nn::TripletMargin::new().each(x, poison, x) + nn::nll(x, poison);
    let found = g.check().expect_err("two mistakes").faults().to_vec();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|f| f.site.as_ref().is_some_and(|s| s.line == line)), "{found:?}");
}
