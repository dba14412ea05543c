//! Variances from two moments, and logarithms of products and ratios.

use dl_core::Expr;

use crate::class::{Class, class, numbers, wide};

/// Two rows of three numbers, some of them far from zero.
const SAMPLES: &[&[f64]] = &[
    &[1.0, 2.0, 3.0, 4.0, 5.5, -6.5],
    &[100.0, 101.0, 102.5, -1000.0, -1001.0, -1002.0],
    &[1e6, 1e6 + 1.0, 1e6 + 2.0, 1e7, 1e7 + 2.0, 1e7 - 1.0],
    &[1e-5, 2e-5, -1e-5, 1e-5, 1.1e-5, 1.2e-5],
    &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    &[0.1, 0.1, 0.1, 7.0, 7.0, 7.0],
    &[1e-15, 2e-15, 3e-15, 1e15, 1.5e15, 2e15],
];

/// Rows for two samples.
const SAMPLE_PAIRS: &[&[f64]] = &[
    &[1.0, 2.0, 3.0, 4.0, 5.5, -6.5, 3.0, 1.0, 2.0, 1.0, 1.5, 2.0],
    &[1000.0, 1001.0, 1002.5, 10.0, 11.0, 12.0, 3000.0, 3001.0, 2999.0, -5.0, -6.0, -7.0],
];

/// Positive numbers whose products leave the range.
const FACTORS: &[&[f64]] = &[
    &[0.5, 0.25, 3.0],
    &[1e-5, 1e-10, 1e-3],
    &[1e-20, 1e-30, 1e-10],
    &[1e30, 1e20, 1e10],
    &[1e30, 1e-30, 2.0],
    &[1e-200, 1e-200, 1e-300],
];

const RATIOS: &[&[f64]] =
    &[&[0.5, 0.25], &[3.0, 0.3], &[1e-30, 1e30], &[1e30, 1e-30], &[1e20, 1e20], &[1e-200, 1e200]];

/// Forty probabilities, which makes a product that no single precision holds.
const MANY: &[&[f64]] = &[&[0.01; 40], &[1e-8; 40], &[0.9; 40], &[100.0; 40]];

/// Forty logits.
const MANY_LOGITS: &[&[f64]] = &[&[-3.0; 40], &[20.0; 40], &[-100.0; 40], &[0.1; 40]];

/// Weights that sum to one.
fn weights(like: Expr<'_>) -> Expr<'_> {
    numbers(like, &[0.25, 0.25, 0.5]).assume(dl_core::Fact::Distribution)
}

pub(crate) static CLASSES: &[Class] = &[
    class!("variance", [2, 3], SAMPLES, (x) (x - wide(x.mean(1), x)).square().mean(1);
        (x * x).mean(1) - x.mean(1) * x.mean(1);
        x.square().mean(1) - x.mean(1).square();
        x.pow(2.0).mean(1) - x.mean(1).pow(2.0);
        (x * x).sum(1) / 3.0 - (x.sum(1) / 3.0).square();
        (x * x).sum(1) / 3.0 - x.sum(1) * x.sum(1) / 9.0;
        -(x.mean(1).square() - x.square().mean(1));
        ((x * x).sum(1) - x.sum(1) * x.mean(1)) / 3.0;
    ),
    class!("variance of columns", [2, 3], SAMPLES, (x) (x - x.mean(0)).square().mean(0);
        (x * x).mean(0) - x.mean(0) * x.mean(0);
        x.square().mean(0) - x.mean(0).square();
    ),
    class!("variance of everything", [2, 3], SAMPLES, (x) (x - x.mean(..)).square().mean(..);
        (x * x).mean(..) - x.mean(..) * x.mean(..);
        x.square().mean(..) - x.mean(..).square();
        x.square().mean(1).mean(0) - x.mean(1).mean(0).square();
    ),
    class!("unbiased variance", [2, 3], SAMPLES, (x) (x - wide(x.mean(1), x)).square().sum(1) / 2.0;
        ((x * x).sum(1) - x.sum(1) * x.sum(1) / 3.0) / 2.0;
        (x.square().sum(1) - 3.0 * x.mean(1).square()) / 2.0;
        (x.square().mean(1) - x.mean(1).square()) * 1.5;
    ),
    class!("weighted variance", [2, 3], SAMPLES, (x) {
            let w = weights(x);
            (w * (x - wide((w * x).sum(1), x)).square()).sum(1)
        };
        (weights(x) * x * x).sum(1) - (weights(x) * x).sum(1).square();
        (weights(x) * (x * x)).sum(1) - (weights(x) * x).sum(1) * (weights(x) * x).sum(1);
        (x.square() * weights(x)).sum(1) - (x * weights(x)).sum(1).pow(2.0);
        x.square().dot(weights(x)) - x.dot(weights(x)).square();
    ),
    class!("standard deviation", [2, 3], &[SAMPLES[0], SAMPLES[1], SAMPLES[2]], (x) (x - wide(x.mean(1), x)).square().mean(1).sqrt();
        (x.square().mean(1) - x.mean(1).square()).sqrt();
        ((x * x).mean(1) - x.mean(1) * x.mean(1)).pow(0.5);
    ),
    class!("normalized rows", [2, 3], &[SAMPLES[0], SAMPLES[1], SAMPLES[2], SAMPLES[3]], (x) {
            let centred = x - wide(x.mean(1), x);
            centred / wide((centred.square().mean(1) + 1e-5).sqrt(), x)
        };
        (x - wide(x.mean(1), x)) / wide((x.square().mean(1) - x.mean(1).square() + 1e-5).sqrt(), x);
        (x - wide(x.mean(1), x)) * wide((x.square().mean(1) - x.mean(1).square() + 1e-5).pow(-0.5), x);
    ),
    class!("covariance", [2, 3], SAMPLE_PAIRS, (x, y) ((x - wide(x.mean(1), x)) * (y - wide(y.mean(1), y))).mean(1);
        (x * y).mean(1) - x.mean(1) * y.mean(1);
        (x * y).sum(1) / 3.0 - x.sum(1) / 3.0 * (y.sum(1) / 3.0);
    ),
    class!("log of a product of three", [], FACTORS, (x, y, z) x.log() + y.log() + z.log();
        (x * y * z).log();
        (x * (y * z)).log();
        -(1.0 / (x * y * z)).log();
        -(1.0 / x / y / z).log();
        0.5 * (x * y * z).square().log();
    ),
    class!("log of a monomial", [], FACTORS, (x, y, z) 2.0 * x.log() + y.log() - 3.0 * z.log();
        (x * x * y / (z * z * z)).log();
        (x.square() * y / z.pow(3.0)).log();
        (x.pow(2.0) * y * z.pow(-3.0)).log();
        (x / z * (x / z) * (y / z)).log();
    ),
    class!("log of a ratio", [], RATIOS, (x, y) x.log() - y.log();
        (x / y).log();
        -(y / x).log();
        (x * (1.0 / y)).log();
        (x.square() / y.square()).log() / 2.0;
        2.0 * (x / y).sqrt().log();
    ),
    class!("log of a product along an axis", [40], MANY, (p) p.log().sum(0);
        p.prod(0).log();
        p.prod(..).log();
        p.reshape([4, 10]).prod(1).prod(0).log();
        (p.slice(0, 0, 20).prod(0) * p.slice(0, 20, 40).prod(0)).log();
        40.0 * p.prod(0).pow(1.0 / 40.0).log();
        -(1.0 / p.prod(0)).log();
    ),
    class!("log-likelihood of independent events", [40], MANY_LOGITS, (x) -(-x).softplus().sum(0);
        x.sigmoid().prod(0).log();
        (1.0 / (1.0 + (-x).exp())).prod(0).log();
        (x.exp() / (1.0 + x.exp())).prod(0).log();
    ),
    class!("log of a product of normal densities", [40], MANY_LOGITS, (x) (-0.5 * x.square()).sum(0) - 20.0 * (2.0 * std::f64::consts::PI).ln();
        ((-0.5 * x.square()).exp() / (2.0 * std::f64::consts::PI).sqrt()).prod(0).log();
        (-0.5 * x.square()).exp().prod(0).log() - 20.0 * (2.0 * std::f64::consts::PI).ln();
    ),
    class!("binomial log-likelihood", [], &[&[0.5], &[0.01], &[1e-6], &[0.999], &[0.3]], (p) 30.0 * p.log() + 70.0 * (-p).log1p();
        (p.pow(30.0) * (1.0 - p).pow(70.0)).log();
        30.0 * p.log() + 70.0 * (1.0 - p).log();
    ),
];
