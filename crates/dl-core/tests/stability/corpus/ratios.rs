//! Ratios of sums of exponentials with other numerators, products and powers of softmaxes.

use super::entry::{Entry, entry};
use crate::class::numbers;

pub(super) static ENTRIES: &[Entry] = &[
    entry!("average under Boltzmann weights", [a: [3]], [[0.1, 0.2, 0.3], [100.0, 99.0, 90.0], [-200.0, -201.0, -199.0], [300.0, 0.0, -300.0]],
        (a.exp() * numbers(a, &[1.0, 2.0, 4.0])).sum(0) / a.exp().sum(0)),
    entry!("Boltzmann operator", [x: [3]], [[0.1, 0.2, 0.3], [20.0, 19.0, 10.0], [-30.0, -31.0, -20.0], [100.0, 0.0, 99.0]],
        (x * (8.0 * x).exp()).sum(0) / (8.0 * x).exp().sum(0)),
    entry!("attention of one query", [s: [3], v: [3]], [[0.1, 0.2, 0.3, 1.0, 2.0, 3.0], [100.0, 99.0, 90.0, 1.0, -2.0, 3.0], [-200.0, -201.0, -199.0, 5.0, 6.0, -7.0]],
    {
        let w = s.exp();
        (w / w.sum(0) * v).sum(0)
    }),
    entry!("effective sample size", [l: [4]], [[0.1, 0.2, 0.3, 0.4], [100.0, 99.0, 98.0, 97.0], [-100.0, -101.0, -120.0, -99.0], [60.0, 0.0, 0.0, 0.0]],
    {
        let w = l.exp();
        w.sum(0).square() / w.square().sum(0)
    }),
    entry!("effective sample size of normalized weights", [l: [4]], [[0.1, 0.2, 0.3, 0.4], [100.0, 99.0, 98.0, 97.0], [-100.0, -101.0, -120.0, -99.0], [60.0, 0.0, 0.0, 0.0]],
    {
        let w = l.exp() / l.exp().sum(0);
        1.0 / (w * w).sum(0)
    }),
    entry!("product of two softmaxes", [x: [3], y: [3]], [[0.1, 0.2, 0.3, 0.5, 0.4, 0.3], [100.0, 99.0, 90.0, -1.0, 0.0, 1.0], [-200.0, -201.0, -199.0, 150.0, 100.0, 149.0]],
        ((x.exp() / x.exp().sum(0)) * (y.exp() / y.exp().sum(0))).sum(0).log()),
    entry!("sharpened softmax", [x: [3]], [[0.1, 0.2, 0.3], [20.0, 19.0, 18.0], [100.0, 90.0, 99.0], [-50.0, -52.0, -51.0]],
    {
        let p = (x.exp() / x.exp().sum(0)).pow(4.0);
        (p / p.sum(0)).slice(0, 0, 1).sum(0)
    }),
    entry!("interpolated models", [x: [3], y: [3], g: []], [[0.1, 0.2, 0.3, 0.5, 0.4, 0.3, 0.25], [-100.0, 50.0, 90.0, -150.0, 20.0, 1.0, 0.5], [-20.0, 2.0, 1.0, -15.0, 10.0, 3.0, 0.9]],
    {
        let p = x.exp() / x.exp().sum(0);
        let q = y.exp() / y.exp().sum(0);
        -(g * p + (1.0 - g) * q).slice(0, 0, 1).log().sum(0)
    }),
    entry!("pointer-generator", [x: [3], c: []], [[0.1, 0.2, 0.3, 0.5], [-100.0, 50.0, 90.0, -60.0], [-100.0, 0.0, 1.0, 20.0], [5.0, -2.0, 1.0, 120.0]],
    {
        let g = 1.0 / (1.0 + (-c).exp());
        let p = x.exp() / x.exp().sum(0);
        -(g * p.slice(0, 0, 1).sum(0) + (1.0 - g) * 0.125).log()
    }),
    entry!("inverse participation of a softmax", [x: [3]], [[0.1, 0.2, 0.3], [50.0, 40.0, 30.0], [100.0, -100.0, 99.0], [-90.0, -91.0, -92.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        -(p.square()).sum(0).log()
    }),
    entry!("gini impurity of a softmax", [x: [3]], [[0.1, 0.2, 0.3], [20.0, 2.0, 1.0], [100.0, -100.0, 99.0], [90.0, 0.0, 0.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        (p * (1.0 - p)).sum(0)
    }),
    entry!("ratio of two sums", [x: [3], y: [3]], [[0.1, 0.2, 0.3, 0.5, 0.4, 0.3], [100.0, 99.0, 90.0, 101.0, 80.0, 99.0], [-200.0, -201.0, -199.0, -200.0, -210.0, -190.0]],
        x.exp().sum(0) / y.exp().sum(0)),
    entry!("importance weighted bound", [l: [3]], [[0.1, 0.2, 0.3], [-400.0, -390.0, -395.0], [100.0, 90.0, 99.0], [-90.0, 0.0, 40.0]],
        (l.exp().sum(0) / 3.0).log()),
    entry!("self-normalized importance sampling", [p: [3], q: [3]], [[0.1, 0.2, 0.3, 0.5, 0.4, 0.3], [-100.0, -99.0, -90.0, -50.0, -40.0, -55.0], [200.0, 201.0, 199.0, 190.0, 195.0, 100.0]],
    {
        let w = p.exp() / q.exp();
        (w * numbers(p, &[1.0, -2.0, 3.0])).sum(0) / w.sum(0)
    }),
    entry!("softmin assignment of distances", [d: [3]], [[0.1, 0.2, 0.3], [30.0, 31.0, 40.0], [1.0, 20.0, 15.0], [200.0, 300.0, 250.0]],
    {
        let w = (-d.square()).exp();
        (w * d).sum(0) / w.sum(0)
    }),
    entry!("generalized mean of exponentials", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 90.0, 99.0], [-100.0, -90.0, -99.0], [40.0, -40.0, 0.0]],
        (x.exp().square().mean(0)).sqrt().log()),
];
