//! Cross entropy, entropy, divergence and logistic loss, from probabilities that were computed naively.

use dl_core::{Expr, nn};

use crate::class::{
    Class, ROWS, SCALARS, class, cross_entropy, labels, log_odds_against, log_softmax, one_hot, wide,
};

/// Softmax as it is written out.
fn softmax(x: Expr<'_>) -> Expr<'_> {
    x.exp() / wide(x.exp().sum(1), x)
}

/// The logistic function as it is written out.
fn sigmoid(x: Expr<'_>) -> Expr<'_> {
    1.0 / (1.0 + (-x).exp())
}

/// Probabilities of three classes for two examples.
fn targets(like: Expr<'_>) -> Expr<'_> {
    let values = [0.125, 0.25, 0.625, 0.5, 0.5, 0.0];
    like.graph().literal(dl_core::Tensor::from_f64(like.dtype(), [2, 3], &values).expect("six"))
}

/// Logits and a target.
const TARGETED: &[&[f64]] = &[
    &[0.0, 0.0],
    &[0.0, 1.0],
    &[0.3, 0.25],
    &[-3.0, 1.0],
    &[5.0, 0.0],
    &[17.0, 1.0],
    &[-17.0, 0.0],
    &[40.0, 1.0],
    &[40.0, 0.0],
    &[-88.0, 1.0],
    &[100.0, 1.0],
    &[-120.0, 0.5],
    &[1e4, 1.0],
    &[-1e4, 0.0],
    &[1e4, 0.0],
    &[-1e4, 1.0],
];

/// Logits and a sign.
const SIGNED: &[&[f64]] = &[
    &[0.0, 1.0],
    &[0.3, -1.0],
    &[17.0, 1.0],
    &[-17.0, 1.0],
    &[100.0, -1.0],
    &[100.0, 1.0],
    &[-1e4, 1.0],
    &[1e4, 1.0],
];

/// Probabilities.
const PROBABILITIES: &[&[f64]] =
    &[&[1e-30], &[1e-10], &[1e-3], &[0.25], &[0.5], &[0.75], &[0.999], &[0.999_999_94]];

/// Three weights, zeros among them.
const WEIGHTS: &[&[f64]] = &[
    &[0.25, 0.25, 0.5],
    &[0.0, 0.25, 0.75],
    &[0.0, 0.0, 1.0],
    &[1e-30, 1e-5, 0.99999],
    &[1e-38, 1e-20, 1.0],
];

/// Three probabilities, twice.
const WEIGHTS_TWICE: &[&[f64]] = &[
    &[0.25, 0.25, 0.5, 0.5, 0.25, 0.25],
    &[0.0, 0.25, 0.75, 0.5, 0.25, 0.25],
    &[0.0, 0.0, 1.0, 0.125, 0.125, 0.75],
    &[0.5, 0.25, 0.25, 1e-30, 1e-38, 1.0],
    &[1e-38, 0.5, 0.5, 0.25, 0.25, 0.5],
    &[1e-30, 1e-20, 1.0, 1e-5, 1e-30, 0.99999],
];

/// A value below and above each kink, and far away.
const FROM_ZERO: &[&[f64]] =
    &[&[0.0], &[1e-30], &[1e-20], &[1e-5], &[0.25], &[1.0], &[3.0], &[1e10], &[1e30]];

pub(crate) static CLASSES: &[Class] = &[
    class!("cross entropy of classes", [2, 3], ROWS, (x) cross_entropy(x);
        -softmax(x).log().pick(labels(x));
        -softmax(x).pick(labels(x)).log();
        x.exp().sum(1).log() - x.pick(labels(x));
        -(one_hot(x) * softmax(x).log()).sum(1);
        -(one_hot(x) * softmax(x)).sum(1).log();
        (one_hot(x) * (wide(x.exp().sum(1).log(), x) - x)).sum(1);
        -(one_hot(x) * x.softmax(1).log()).sum(1);
        -(one_hot(x) * x.log_softmax(1)).sum(1);
        -x.softmax(1).pick(labels(x)).log();
        -x.log_softmax(1).pick(labels(x));
        -(x.pick(labels(x)).exp() / x.exp().sum(1)).log();
        nn::cross_entropy(x, labels(x));
    ),
    class!("mean cross entropy of classes", [2, 3], ROWS, (x) cross_entropy(x).sum(0) / 2.0;
        -softmax(x).log().pick(labels(x)).mean(0);
        -(one_hot(x) * softmax(x).log()).sum(1).mean(0);
        -(one_hot(x) * softmax(x).log()).sum(..) / 2.0;
        (x.exp().sum(1).log() - x.pick(labels(x))).mean(0);
        nn::cross_entropy(x, labels(x)).mean(..);
    ),
    class!("cross entropy of the first class", [2, 3], ROWS, (x) -log_softmax(x).slice(1, 0, 1);
        -softmax(x).log().slice(1, 0, 1);
        -softmax(x).slice(1, 0, 1).log();
        -x.log_softmax(1).slice(1, 0, 1);
    ),
    class!("probability at the label", [2, 3], ROWS, (x) (-log_odds_against(x)).sigmoid();
        softmax(x).pick(labels(x));
        x.softmax(1).pick(labels(x));
        (one_hot(x) * softmax(x)).sum(1);
        (x.softmax(1) * one_hot(x)).sum(1);
        x.log_softmax(1).exp().pick(labels(x));
        x.log_softmax(1).pick(labels(x)).exp();
        (-nn::cross_entropy(x, labels(x))).exp();
        x.pick(labels(x)).exp() / x.exp().sum(1);
        (x.pick(labels(x)) - x.exp().sum(1).log()).exp();
        softmax(x - wide(x.max(1), x)).pick(labels(x));
    ),
    class!("complement of the probability at the label", [2, 3], ROWS, (x) log_odds_against(x).sigmoid();
        1.0 - softmax(x).pick(labels(x));
        1.0 - x.softmax(1).pick(labels(x));
        1.0 - (one_hot(x) * softmax(x)).sum(1);
        1.0 - x.log_softmax(1).pick(labels(x)).exp();
        -(x.softmax(1).pick(labels(x)) - 1.0);
        1.0 - (-nn::cross_entropy(x, labels(x))).exp();
    ),
    class!("focal loss of classes", [2, 3], ROWS, (x) {
            log_odds_against(x).sigmoid().square() * cross_entropy(x)
        };
        -(1.0 - softmax(x).pick(labels(x))).pow(2.0) * softmax(x).pick(labels(x)).log();
        -(1.0 - x.softmax(1).pick(labels(x))).square() * x.log_softmax(1).pick(labels(x));
        (1.0 - x.softmax(1).pick(labels(x))).square() * nn::cross_entropy(x, labels(x));
        (1.0 - (-nn::cross_entropy(x, labels(x))).exp()).pow(2.0) * nn::cross_entropy(x, labels(x));
        -(one_hot(x) * (1.0 - softmax(x)).square() * softmax(x).log()).sum(1);
    ),
    class!("mean focal loss of classes", [2, 3], ROWS, (x) {
            (log_odds_against(x).sigmoid().pow(1.5) * cross_entropy(x)).sum(0) / 2.0
        };
        -((1.0 - softmax(x).pick(labels(x))).pow(1.5) * softmax(x).pick(labels(x)).log()).mean(0);
        ((1.0 - x.softmax(1).pick(labels(x))).pow(1.5) * nn::cross_entropy(x, labels(x))).mean(..);
    ),
    class!("cross entropy of probabilities", [2, 3], ROWS, (x) -(targets(x) * log_softmax(x)).sum(1);
        -(targets(x) * softmax(x).log()).sum(1);
        -(softmax(x).log() * targets(x)).sum(1);
        -(targets(x) * x.log_softmax(1)).sum(1);
        -(targets(x) * (x - wide(x.exp().sum(1).log(), x))).sum(1);
        -targets(x).contract("ij,ij->i", softmax(x).log());
    ),
    class!("entropy of softmax", [2, 3], ROWS, (x) -(log_softmax(x).exp() * log_softmax(x)).sum(1);
        -(softmax(x) * softmax(x).log()).sum(1);
        -(x.softmax(1) * x.log_softmax(1)).sum(1);
        -(x.softmax(1) * x.softmax(1).log()).sum(1);
        (x.log_softmax(1).exp() * -x.log_softmax(1)).sum(1);
        -(softmax(x) * (x - wide(x.exp().sum(1).log(), x))).sum(1);
    ),
    class!("mean entropy of softmax", [2, 3], ROWS, (x) -0.5 * (log_softmax(x).exp() * log_softmax(x)).sum(1).sum(0);
        -(softmax(x) * softmax(x).log()).sum(1).mean(0);
        -(x.softmax(1) * x.log_softmax(1)).sum(..) / 2.0;
        -0.5 * (x.log_softmax(1) * x.softmax(1)).sum(..);
    ),
    class!("logistic loss", [], TARGETED, (x, t) t * (-x).softplus() + (1.0 - t) * x.softplus();
        -(t * sigmoid(x).log() + (1.0 - t) * (1.0 - sigmoid(x)).log());
        -t * sigmoid(x).log() - (1.0 - t) * (1.0 - sigmoid(x)).log();
        -(t * x.sigmoid().log() + (1.0 - t) * (1.0 - x.sigmoid()).log());
        -(t * (x.exp() / (1.0 + x.exp())).log() + (1.0 - t) * (1.0 / (1.0 + x.exp())).log());
        -t * x.sigmoid().log() + (t - 1.0) * (-x).sigmoid().log();
        (1.0 + x.exp()).log() - t * x;
        x.relu() - t * x + (1.0 + (-x.abs()).exp()).log();
        nn::binary_cross_entropy_with_logits(x, t);
    ),
    class!("logistic loss of a margin", [], SIGNED, (x, t) (-(t * x)).softplus();
        (1.0 + (-t * x).exp()).log();
        -sigmoid(t * x).log();
        -(t * x).sigmoid().log();
    ),
    class!("focal loss", [], SCALARS, (x) (-x).sigmoid().square() * (-x).softplus();
        -(1.0 - sigmoid(x)).pow(2.0) * sigmoid(x).log();
        (1.0 - sigmoid(x)).square() * -sigmoid(x).log();
        -(1.0 - x.sigmoid()).pow(2.0) * x.sigmoid().log();
    ),
    class!("logit", [], PROBABILITIES, (p) p.log() - (-p).log1p();
        (p / (1.0 - p)).log();
        p.log() - (1.0 - p).log();
        -((1.0 - p) / p).log();
        -(1.0 / p - 1.0).log();
    ),
    class!("x log x", [], FROM_ZERO, (x) x * x.eq(0.0).select(0.0, x.log());
        x * x.log();
        x.log() * x;
        -x * (1.0 / x).log();
        x.gt(0.0).select(x * x.log(), 0.0);
        0.5 * x * x.square().log();
    ),
    class!("entropy", [3], WEIGHTS, (p) -(p * p.eq(0.0).select(0.0, p.log())).sum(0);
        -(p * p.log()).sum(0);
        (-p * p.log()).sum(..);
        (p * (1.0 / p).log()).sum(0);
        -p.dot(p.log());
    ),
    class!("divergence", [3], WEIGHTS_TWICE, (p, q) (p * p.eq(0.0).select(0.0, p.log() - q.log())).sum(0);
        (p * (p / q).log()).sum(0);
        (p * (p.log() - q.log())).sum(0);
        (p * p.log()).sum(0) - (p * q.log()).sum(0);
        -(p * (q / p).log()).sum(0);
    ),
];
