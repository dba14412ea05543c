//! Losses.

use dl_core::{Expr, Named, nn};

use super::{Case, Values, case};

const B: Named = Named("B");
/// Of predictions.
const RANGE: (f64, f64) = (-1.5, 1.5);
/// Of what is above zero.
const POSITIVE: (f64, f64) = (0.2, 1.7);
const SIGNS: Values = Values::These(&[1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0]);

pub(crate) fn cases() -> Vec<Case> {
    let mut all = regression();
    all.extend(classification());
    all.extend(likelihoods());
    all.extend(margins());
    all.extend(embeddings());
    all.extend(rare());
    all.extend(overlap());
    all
}

/// Of predictions and targets `[B, 3]` from a range.
fn pair(
    name: &str,
    range: (f64, f64),
    loss: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static,
) -> Case {
    case(name, move |x| loss(x[0], x[1])).over("x", (B, 3), range).over("t", (B, 3), range)
}

/// Of logits `[B, 5]` and labels, and the weights of the classes.
fn labelled(name: &str, loss: impl for<'g> Fn(Expr<'g>, Expr<'g>, Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| loss(x[0], x[1], x[2])).over("x", (B, 5), RANGE).with("y", B, Values::Labels(5)).over(
        "w",
        [5],
        POSITIVE,
    )
}

/// Of logits `[B, 5]` and probabilities.
fn probable(name: &str, loss: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| loss(x[0], x[1])).over("x", (B, 5), RANGE).with("t", (B, 5), Values::Distribution)
}

/// Of scores `[B, 3]` and targets in `[0, 1]`.
fn binary(name: &str, loss: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| loss(x[0], x[1])).over("x", (B, 3), RANGE).over("t", (B, 3), (0.0, 1.0))
}

/// Of scores `[B, 3]` and targets that are -1 or 1.
fn signed(name: &str, loss: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| loss(x[0], x[1])).over("x", (B, 3), RANGE).with("t", (B, 3), SIGNS)
}

fn regression() -> Vec<Case> {
    vec![
        pair("mse", RANGE, |x, t| nn::mse(x, t)),
        pair("mae", RANGE, |x, t| nn::mae(x, t)),
        pair("rmse", RANGE, |x, t| nn::rmse(x, t)),
        pair("mape", POSITIVE, |x, t| nn::mape(x, t)),
        pair("smape", POSITIVE, |x, t| nn::smape(x, t)),
        pair("msle", POSITIVE, |x, t| nn::msle(x, t)),
        pair("huber", RANGE, |x, t| nn::huber(x, t, 0.75)),
        pair("smooth_l1", RANGE, |x, t| nn::smooth_l1(x, t, 0.75)),
        pair("log_cosh_error", RANGE, |x, t| nn::log_cosh_error(x, t)),
        pair("quantile", RANGE, |x, t| nn::quantile(x, t, 0.75)),
    ]
}

fn classification() -> Vec<Case> {
    vec![
        labelled("cross_entropy", |x, y, _| nn::cross_entropy(x, y)),
        labelled("CrossEntropy of what counts", |x, y, w| {
            nn::CrossEntropy::new().weight(w).ignore_index(2).label_smoothing(0.1).each(x, y)
        }),
        labelled("CrossEntropy, its mean", |x, y, w| {
            nn::CrossEntropy::new().weight(w).ignore_index(2).label_smoothing(0.1).mean(x, y)
        }),
        probable("CrossEntropy of probabilities", |x, t| {
            nn::CrossEntropy::new().label_smoothing(0.1).mean(x, t)
        }),
        labelled("nll", |x, y, _| nn::nll(x.log_softmax(-1), y)),
        labelled("Nll of what counts", |x, y, w| {
            nn::Nll::new().weight(w).ignore_index(2).mean(x.log_softmax(-1), y)
        }),
        binary("binary_cross_entropy_with_logits", |x, t| nn::binary_cross_entropy_with_logits(x, t)),
        case("BinaryCrossEntropyWithLogits by positive weights", |x| {
            nn::BinaryCrossEntropyWithLogits::new().pos_weight(x[2]).each(x[0], x[1])
        })
        .over("x", (B, 3), RANGE)
        .over("t", (B, 3), (0.0, 1.0))
        .over("w", [3], POSITIVE),
        binary("binary_cross_entropy", |x, t| nn::binary_cross_entropy(x.sigmoid(), t)),
    ]
}

fn likelihoods() -> Vec<Case> {
    vec![
        probable("KlDivergence", |x, t| nn::KlDivergence::new().batch_mean(x.log_softmax(-1), t)),
        pair("KlDivergence of logarithms", RANGE, |x, t| {
            nn::KlDivergence::new().log_target().each(x.log_softmax(-1), t.log_softmax(-1))
        }),
        pair("PoissonNll", POSITIVE, |x, t| nn::PoissonNll::new().full().each(x, t)),
        pair("PoissonNll of means", POSITIVE, |x, t| nn::PoissonNll::new().of_means().each(x, t)),
        case("GaussianNll", |x| nn::GaussianNll::new().full().each(x[0], x[1], x[2]))
            .over("x", (B, 3), RANGE)
            .over("t", (B, 3), RANGE)
            .over("v", (B, 3), POSITIVE),
        case("GaussianNll of one variance a row", |x| nn::GaussianNll::new().each(x[0], x[1], x[2]))
            .over("x", (B, 3), RANGE)
            .over("t", (B, 3), RANGE)
            .over("v", (B, 1), POSITIVE),
    ]
}

fn margins() -> Vec<Case> {
    vec![
        signed("hinge", |x, t| nn::hinge(x, t)),
        signed("squared_hinge", |x, t| nn::squared_hinge(x, t)),
        signed("soft_margin", |x, t| nn::soft_margin(x, t)),
        case("margin_ranking", |x| nn::margin_ranking(x[0], x[1], x[2], 0.25))
            .over("a", (B, 3), RANGE)
            .over("b", (B, 3), RANGE)
            .with("t", (B, 3), SIGNS),
        labelled("MultiMargin", |x, y, w| nn::MultiMargin::new().weight(w).each(x, y)),
        labelled("MultiMargin of squares", |x, y, _| nn::MultiMargin::new().squared().each(x, y)),
        case("multi_label_margin", |x| nn::multi_label_margin(x[0], x[1])).over("x", (B, 3), RANGE).with(
            "y",
            (B, 3),
            Values::Indices(&[0, 2, -1, -1, 0, 1, 1, -1, 2, 2, 0, 1]),
        ),
        binary("MultiLabelSoftMargin", |x, t| nn::MultiLabelSoftMargin::new().each(x, t)),
    ]
}

fn embeddings() -> Vec<Case> {
    let triplet = |name: &str, loss: nn::TripletMargin| {
        case(name, move |x| loss.each(x[0], x[1], x[2]))
            .over("a", (B, 3), RANGE)
            .over("p", (B, 3), RANGE)
            .over("n", (B, 3), RANGE)
    };
    vec![
        triplet("TripletMargin", nn::TripletMargin::new()),
        triplet("TripletMargin by cubes, swapped", nn::TripletMargin::new().p(3.0).swap()),
        case("cosine_embedding", |x| nn::cosine_embedding(x[0], x[1], x[2], 0.1))
            .over("a", (B, 3), RANGE)
            .over("b", (B, 3), RANGE)
            .with("t", B, Values::These(&[1.0, -1.0, -1.0, 1.0])),
        pair("info_nce", RANGE, |q, k| nn::info_nce(q, k, 0.5)),
    ]
}

fn rare() -> Vec<Case> {
    vec![
        binary("Focal", |x, t| nn::Focal::new().each(x, t)),
        labelled("Focal of classes", |x, y, _| nn::Focal::new().each(x, y)),
        labelled("class_balanced", |x, y, n| nn::class_balanced(x, y, 1.0 + 9.0 * n, 0.9)),
        case("class_balanced_weights", |n| nn::class_balanced_weights(n[0], 0.9)).over("n", [5], (1.0, 9.0)),
    ]
}

fn overlap() -> Vec<Case> {
    vec![
        pair("Dice", (0.0, 1.0), |p, t| nn::Dice::new().each(p, t)),
        pair("Dice of squares", (0.0, 1.0), |p, t| nn::Dice::new().squared().each(p, t)),
        pair("Tversky", (0.0, 1.0), |p, t| nn::Tversky::new(0.3, 0.7).each(p, t)),
    ]
}
