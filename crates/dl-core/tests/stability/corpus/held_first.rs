//! Held out: densities, counts, contrastive losses, ratios, ordinal likelihoods.

use std::f64::consts::PI;

use super::entry::{Entry, entry};
use crate::class::numbers;

pub(super) static ENTRIES: &[Entry] = &[
    entry!("Student mixture by sums", [x: []], [[0.3], [8.0], [20.0], [-35.0], [120.0]],
        (0.6 * (-(x + 2.0).pow(2.0) / 0.32).exp() / (0.4 * (2.0 * PI).sqrt()) + 0.4 * (-(x - 2.0).pow(2.0) / 2.0).exp() / (2.0 * PI).sqrt()).log()),
    entry!("density of a sum over offsets", [x: [], s: []], [[0.3, 1.0], [6.0, 0.2], [15.0, 0.5], [-2.0, 0.05]],
        (-((x - numbers(x, &[0.0, 1.0, 2.0, 3.0])) / s).square()).exp().mean(0).log() - s.log()),
    entry!("responsibility of the first component", [x: []], [[0.3], [8.0], [-20.0], [60.0]],
    {
        let (a, b) = (0.3 * (-0.5 * (x - 1.0).square()).exp(), 0.7 * (-0.5 * (x + 1.0).square()).exp());
        a / (a + b)
    }),
    entry!("exponentially modified weights", [x: [3], t: []], [[0.1, 0.2, 0.3, 1.0], [1.0, 2.0, 3.0, 0.01], [-5.0, -4.0, -6.0, 0.02], [1.0, 1.5, 0.5, 100.0]],
        t * ((x / t).exp().sum(0) / 3.0).log()),
    entry!("half-normal density", [x: [], s: []], [[0.3, 0.0], [9.0, -1.0], [30.0, 0.3], [1e-3, -9.0]],
        (2f64.sqrt() / (PI.sqrt() * s.exp()) * (-(x / s.exp()).pow(2.0) / 2.0).exp()).log()),
    entry!("exponential power density", [x: []], [[0.3], [9.0], [-7.0], [100.0]],
        -(0.25 * (-(x.abs() / 2.0).pow(1.5)).exp()).log()),
    entry!("inverse gamma density", [x: []], [[0.3], [1e-2], [1e-3], [1e8]],
        (4.0 * x.pow(-3.0) * (-2.0 / x).exp()).log()),
    entry!("normalized exponential family", [a: [], b: []], [[0.3, 0.1], [90.0, 95.0], [-120.0, -100.0], [60.0, -60.0]],
        ((2.0 * a).exp() / (a.exp() + b.exp()).square()).log()),
    entry!("log of a cosh kernel", [x: []], [[0.3], [40.0], [-120.0], [1e-4]],
        (2.0 / (x.exp() + 2.0 + (-x).exp())).log()),
    entry!("Maxwell density", [v: [], a: []], [[0.3, 1.0], [20.0, 1.0], [1e-3, 0.1], [40.0, 2.0]],
        ((2.0 / PI).sqrt() * v.square() * (-v.square() / (2.0 * a * a)).exp() / a.pow(3.0)).log()),
    entry!("Poisson likelihood of logs", [l: []], [[0.3], [4.7], [-50.0], [-100.0]],
        ((-(l.exp())).exp() * l.exp().pow(4.0)).log()),
    entry!("zero-inflated negative binomial at zero", [p: [], m: []], [[0.3, 2.0], [-30.0, 50.0], [-90.0, 1e4], [40.0, 3.0]],
    {
        let z = p.exp() / (1.0 + p.exp());
        (z + (1.0 - z) * (5.0 / (5.0 + m)).pow(5.0)).log()
    }),
    entry!("zero-inflated count above zero by hand", [p: [], l: []], [[0.3, 0.2], [40.0, 1.0], [100.0, 2.0], [-100.0, 4.8]],
    {
        let z = 1.0 / (1.0 + (-p).exp());
        let rate = l.exp();
        ((1.0 - z) * rate.pow(2.0) * (-rate).exp() / 2.0).log()
    }),
    entry!("beta-binomial of one trial", [a: [], b: []], [[0.3, 0.2], [90.0, 1.0], [-100.0, -90.0], [50.0, 60.0]],
        -(a.exp() / (a.exp() + b.exp())).log()),
    entry!("competing risks", [a: [], b: [], t: []], [[0.3, 0.2, 1.0], [-40.0, 2.0, 20.0], [3.0, 3.0, 9.0], [-5.0, 1.0, 60.0]],
        (a.exp() * (-(a.exp() + b.exp()) * t).exp()).log()),
    entry!("Bradley-Terry", [a: [], b: []], [[0.3, 0.2], [200.0, 100.0], [-100.0, -90.0], [0.0, 95.0]],
        -(a.exp() / (a.exp() + b.exp())).log()),
    entry!("Rao-Kupper with ties", [a: [], b: []], [[0.3, 0.2], [100.0, 98.0], [-100.0, -90.0], [0.0, 60.0]],
        (a.exp() / (a.exp() + 1.5 * b.exp())).log()),
    entry!("Davidson with ties", [a: [], b: []], [[0.3, 0.2], [100.0, 98.0], [-100.0, -90.0], [0.0, 60.0]],
    {
        let tie = 0.5 * (a.exp() * b.exp()).sqrt();
        -(tie / (a.exp() + b.exp() + tie)).log()
    }),
    entry!("N-pair with two terms", [a: [], p: [], n: []], [[0.1, 0.2, 0.3], [3.0, -20.0, 30.0], [1.0, 100.0, -50.0], [10.0, -10.0, 9.0]],
        (1.0 + (a * n - a * p).exp() + (a * n / 2.0).exp()).log()),
    entry!("SupCon", [x: [4]], [[0.1, 0.2, 0.3, 0.4], [0.9, 0.8, -0.9, 0.1], [1.0, -1.0, 1.0, 1.0], [-1.0, -1.0, 1.0, 0.9]],
    {
        let e = (x / 0.007).exp();
        let total = e.sum(0);
        -((e.slice(0, 0, 1).sum(0) / total).log() + (e.slice(0, 1, 2).sum(0) / total).log()) / 2.0
    }),
    entry!("circle loss with a product", [p: [2], n: [2]], [[0.1, 0.2, 0.3, 0.4], [50.0, 60.0, -20.0, 30.0], [-100.0, -99.0, 50.0, 40.0], [-60.0, -70.0, -80.0, -90.0]],
        (p.exp().sum(0) * n.exp().sum(0)).log1p()),
    entry!("logarithm to base two of a sum", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 99.0, 90.0], [-100.0, -99.0, -120.0]],
        (x * 2f64.ln()).exp().sum(0).log() / 2f64.ln()),
    entry!("proxy anchor", [p: [2], n: [2]], [[0.1, 0.2, 0.3, 0.4], [-0.9, 0.9, 0.5, -0.5], [4.0, 5.0, -3.0, -4.0], [-4.0, -5.0, 3.0, 4.0]],
        (1.0 + (-32.0 * (p - 0.1)).exp().sum(0)).log() + (1.0 + (32.0 * (n + 0.1)).exp().sum(0)).log()),
    entry!("temperature-scaled contrast", [p: [], n: [], t: []], [[0.1, 0.2, 0.5], [1.0, -1.0, 0.01], [-1.0, 1.0, 0.01], [0.5, 0.4, 1e-3]],
        -((p / t).exp() / ((p / t).exp() + (n / t).exp())).log()),
    entry!("decoupled contrast", [p: [], n: [3]], [[0.1, 0.2, 0.3, 0.4], [-50.0, 100.0, 99.0, 90.0], [100.0, -100.0, -99.0, -120.0]],
        -(p.exp() / n.exp().sum(0)).log()),
    entry!("expected rank", [x: [3]], [[0.1, 0.2, 0.3], [50.0, -50.0, 0.0], [-100.0, -90.0, -95.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        1.0 / (p * numbers(x, &[1.0, 2.0, 3.0])).sum(0)
    }),
    entry!("mean field of three states", [h: []], [[0.3], [40.0], [-120.0], [1e-3]],
        (h.exp() - (-h).exp()) / (h.exp() + 1.0 + (-h).exp())),
    entry!("partition-weighted energy", [e: [3], b: []], [[0.1, 0.2, 0.3, 1.0], [1.0, 2.0, 3.0, 200.0], [-50.0, 0.0, 50.0, 2.0]],
        (e * (-b * e).exp()).sum(0) / (-b * e).exp().sum(0)),
    entry!("perplexity of weights", [x: [3]], [[0.1, 0.2, 0.3], [30.0, 20.0, 10.0], [-100.0, -101.0, -99.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        (-(p * p.log()).sum(0)).exp()
    }),
    entry!("collision probability in logs", [x: [3]], [[0.1, 0.2, 0.3], [30.0, 20.0, 10.0], [-100.0, -101.0, -99.0], [100.0, 0.0, 1.0]],
        ((2.0 * x).exp().sum(0) / x.exp().sum(0).square()).log()),
    entry!("normalized product of experts", [x: [3], y: [3]], [[0.1, 0.2, 0.3, 0.3, 0.1, 0.2], [60.0, 50.0, 40.0, 60.0, 61.0, 62.0], [-60.0, -50.0, -55.0, -50.0, -60.0, -61.0]],
    {
        let w = x.exp() * y.exp();
        -(w.slice(0, 0, 1).sum(0) / w.sum(0)).log()
    }),
    entry!("mixture of softmaxes", [x: [3], y: [3]], [[0.1, 0.2, 0.3, 0.3, 0.1, 0.2], [-160.0, 50.0, 40.0, -150.0, 61.0, 62.0], [60.0, 50.0, 55.0, -150.0, 60.0, 61.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        let q = y.exp() / y.exp().sum(0);
        -((0.3 * p + 0.7 * q).slice(0, 0, 1)).log().sum(0)
    }),
    entry!("cumulative link of three", [x: []], [[0.3], [40.0], [-70.0], [100.0], [-1.0]],
        ((x + 1.0).exp() / (1.0 + (x + 1.0).exp()) - x.exp() / (1.0 + x.exp())).log()),
    entry!("interval of a logistic distribution", [a: [], w: []], [[0.3, 1.0], [30.0, 0.5], [-50.0, 2.0], [0.1, 1e-4]],
        -((1.0 / (1.0 + (-(a + w)).exp())) - (1.0 / (1.0 + (-a).exp()))).log()),
    entry!("cloglog likelihood of zero and one", [x: [], y: []], [[0.3, 1.0], [-30.0, 1.0], [4.0, 0.0], [4.0, 1.0]],
    {
        let p = 1.0 - (-(x.exp())).exp();
        -(y * p.log() + (1.0 - y) * (1.0 - p).log())
    }),
    entry!("probability of any of three", [a: [], b: []], [[0.3, 0.1], [1e-9, 1e-8], [0.999, 0.9], [1e-30, 1e-31]],
        -(1.0 - (1.0 - a) * (1.0 - b) * (1.0 - a * b)).log()),
    entry!("unlikelihood", [x: [3]], [[0.1, 0.2, 0.3], [30.0, 0.0, 1.0], [-50.0, 10.0, 20.0], [100.0, -10.0, 0.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        -(1.0 - p.slice(0, 0, 1)).log().sum(0)
    }),
    entry!("focal loss with a third power", [x: [], y: []], [[0.3, 1.0], [-30.0, -1.0], [30.0, 1.0], [-90.0, 1.0]],
    {
        let p = 1.0 / (1.0 + (-y * x).exp());
        -((1.0 - p).pow(3.0) * p.log())
    }),
    entry!("odds of one of two", [a: [], b: []], [[0.3, 0.1], [50.0, 40.0], [-40.0, -50.0], [80.0, -80.0]],
    {
        let (p, q) = (1.0 / (1.0 + (-a).exp()), 1.0 / (1.0 + (-b).exp()));
        let r = p + q - p * q;
        (r / (1.0 - r)).log()
    }),
];
