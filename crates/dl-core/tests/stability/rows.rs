//! Log-sum-exp, softmax and log-softmax along axes, as they are written out.

use dl_core::nn;

use crate::class::{Class, ROWS, class, log_softmax, numbers, wide};

/// Rows in which no weight is nearly one.
const UNDECIDED: &[&[f64]] = &[
    &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
    &[100.0, 101.0, 99.5, -100.0, -101.0, -100.5],
    &[1000.0, 1000.0, 1000.0, -1000.0, -1000.0, -1001.0],
    &[1e4, 1e4, 1e4, -1e4, -1e4, -1e4],
    &[0.5, 0.25, -0.5, 88.0, 89.0, 88.5],
];

/// Two rows of three numbers, twice.
const TWICE: &[&[f64]] = &[
    &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 0.5, 0.0, -0.5],
    &[1000.0, 999.0, 0.0, -1000.0, -1001.0, -1e4, 998.0, 997.0, 3.0, -1000.0, -1002.0, -1003.0],
    &[1e4, 1.0, 2.0, -1e4, -2e4, -3e4, -1e4, 1.0, -1e4, 1e4, 2e4, 3e4],
    &[20.0, 0.0, -5.0, -20.0, 0.0, 5.0, 0.0, -20.0, -40.0, 0.0, -30.0, -30.0],
];

pub(crate) static CLASSES: &[Class] = &[
    class!("log-sum-exp of rows", [2, 3], ROWS, (x) {
            let m = x.max(1).stop_gradient();
            m + (x - wide(m, x)).exp().sum(1).log()
        };
        x.exp().sum(1).log();
        x.exp().sum(1).unsqueeze(1).log().reshape([2]);
        (x - wide(x.max(1), x)).exp().sum(1).log() + x.max(1);
        -(1.0 / x.exp().sum(1)).log();
        (2.0 * x.exp().sum(1)).log() - 2f64.ln();
        x.logsumexp(1);
    ),
    class!("log-sum-exp of columns", [2, 3], ROWS, (x) {
            let m = x.max(0).stop_gradient();
            m + (x - m.broadcast_to(&x.shape())).exp().sum(0).log()
        };
        x.exp().sum(0).log();
        x.transpose().exp().sum(1).log();
    ),
    class!("log-sum-exp of everything", [2, 3], ROWS, (x) {
            let m = x.max(..).stop_gradient();
            m + (x - m).exp().sum(..).log()
        };
        x.exp().sum(..).log();
        x.exp().sum(1).sum(0).log();
        x.reshape([6]).exp().sum(0).log();
    ),
    class!("log-mean-exp of rows", [2, 3], ROWS, (x) {
            let m = x.max(1).stop_gradient();
            m + ((x - wide(m, x)).exp().sum(1) / 3.0).log()
        };
        (x.exp().sum(1) * (1.0 / 3.0)).log();
        (x.exp() * (1.0 / 3.0)).sum(1).log();
        (x - 3f64.ln()).exp().sum(1).log();
        x.logsumexp(1) - 3f64.ln();
        -(3f64.ln() - x.exp().sum(1).log());
        -(3.0 / x.exp().sum(1)).log();
        x.exp().mean(1).log();
        (x.exp().sum(1) / 3.0).log();
        (x.exp() / 3.0).sum(1).log();
        x.exp().sum(1).log() - 3f64.ln();
    ),
    class!("weighted log-sum-exp", [2, 3], ROWS, (x) {
            let m = x.max(1).stop_gradient();
            m + ((x - wide(m, x)).exp() * numbers(x, &[0.5, 3.0, 1.0])).sum(1).log()
        };
        (x.exp() * numbers(x, &[0.5, 3.0, 1.0])).sum(1).log();
        (numbers(x, &[0.5, 3.0, 1.0]) * x.exp()).sum(1).log();
        x.exp().dot(numbers(x, &[0.5, 3.0, 1.0])).log();
        (x + numbers(x, &[0.5, 3.0, 1.0]).log()).exp().sum(1).log();
    ),
    class!("smooth maximum at a temperature", [2, 3], ROWS, (x) {
            let m = x.max(1).stop_gradient();
            m + 0.1 * ((x - wide(m, x)) / 0.1).exp().sum(1).log()
        };
        0.1 * (x / 0.1).exp().sum(1).log();
        (10.0 * x).exp().sum(1).log() / 10.0;
    ),
    class!("softmax", [2, 3], UNDECIDED, (x) {
            let e = (x - wide(x.max(1).stop_gradient(), x)).exp();
            e / wide(e.sum(1), x)
        };
        x.exp() / x.exp().sum(1).unsqueeze(1);
        x.exp() / wide(x.exp().sum(1), x);
        x.exp() * (1.0 / x.exp().sum(1)).unsqueeze(1);
        (x - wide(x.max(1), x)).exp() / wide((x - wide(x.max(1), x)).exp().sum(1), x);
        (x - wide(x.exp().sum(1).log(), x)).exp();
        (x.exp() / wide(x.exp().sum(1), x)).log().exp();
        (x.transpose().exp() / x.transpose().exp().sum(0)).transpose();
        x.softmax(1);
        x.log_softmax(1).exp();
    ),
    class!("softmax with temperature", [2, 3], UNDECIDED, (x) nn::softmax(x / 3.0, 1);
        (x / 3.0).exp() / (x / 3.0).exp().sum(1).unsqueeze(1);
        x.exp().pow(1.0 / 3.0) / x.exp().pow(1.0 / 3.0).sum(1).unsqueeze(1);
    ),
    class!("log-softmax", [2, 3], ROWS, (x) log_softmax(x);
        (x.exp() / x.exp().sum(1).unsqueeze(1)).log();
        x - x.exp().sum(1).log().unsqueeze(1);
        x.exp().log() - wide(x.exp().sum(1), x).log();
        -(wide(x.exp().sum(1), x) / x.exp()).log();
        x.softmax(1).log();
        x.log_softmax(1);
        x - wide(x.logsumexp(1), x);
    ),
    class!("log-softmax of columns", [2, 3], ROWS, (x) {
            let (a, b) = (x.slice(0, 0, 1), x.slice(0, 1, 2));
            x.graph().concat(0, &[-(b - a).softplus(), -(a - b).softplus()])
        };
        (x.exp() / x.exp().sum(0)).log();
        x - x.exp().sum(0).log();
    ),
    class!("log of a ratio of sums of rows", [2, 3], TWICE, (x, y) {
            let (m, n) = (x.max(1).stop_gradient(), y.max(1).stop_gradient());
            (m + (x - wide(m, x)).exp().sum(1).log()) - (n + (y - wide(n, y)).exp().sum(1).log())
        };
        (x.exp().sum(1) / y.exp().sum(1)).log();
        x.exp().sum(1).log() - y.exp().sum(1).log();
        -(y.exp().sum(1) / x.exp().sum(1)).log();
    ),
];
