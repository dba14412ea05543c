//! Likelihoods of counts and of events.

use super::entry::{Entry, entry};
use crate::class::numbers;

pub(super) static ENTRIES: &[Entry] = &[
    entry!("Poisson by hand", [l: []], [[0.3], [4.0], [-30.0], [-150.0], [5.5]],
    {
        let rate = l.exp();
        -(rate.pow(7.0) * (-rate).exp() / 5040.0).log()
    }),
    entry!("Poisson with a rate", [r: []], [[0.3], [40.0], [1e-20], [300.0], [1e6]],
        ((-r).exp() * r.pow(3.0) / 6.0).log()),
    entry!("zero-inflated Poisson at zero", [p: [], l: []], [[0.3, 0.2], [-20.0, 3.0], [-100.0, 6.0], [30.0, 2.0], [-40.0, -40.0]],
    {
        let (z, rate) = (1.0 / (1.0 + (-p).exp()), l.exp());
        (z + (1.0 - z) * (-rate).exp()).log()
    }),
    entry!("zero-inflated Poisson above zero", [p: [], r: []], [[0.3, 1.2], [-20.0, 200.0], [90.0, 6.0], [-120.0, 2.0], [30.0, 150.0]],
    {
        let z = p.sigmoid();
        ((1.0 - z) * (-r).exp() * r.square() / 2.0).log()
    }),
    entry!("hurdle: Poisson cut at zero", [r: []], [[0.5], [1e-5], [1e-12], [30.0], [200.0]],
        (r.square() * (-r).exp() / (2.0 * (1.0 - (-r).exp()))).log()),
    entry!("negative binomial", [m: [], a: []], [[2.0, 3.0], [2.0, 1e4], [0.5, 1e7], [100.0, 0.1], [1e-6, 5.0]],
        -(a * (a / (a + m)).log() + 4.0 * (m / (a + m)).log())),
    entry!("negative binomial at zero", [m: [], a: []], [[2.0, 3.0], [2.0, 1e4], [0.5, 1e8], [100.0, 0.1], [1e-6, 1e6]],
        ((a / (a + m)).pow(a)).log()),
    entry!("negative binomial probability of zero", [m: [], a: []], [[2.0, 3.0], [2.0, 1e4], [0.5, 1e8], [100.0, 0.1], [3.0, 1e6]],
        (1.0 + m / a).pow(-a)),
    entry!("geometric from logits", [l: []], [[0.4], [-30.0], [30.0], [120.0], [-200.0]],
    {
        let p = l.exp() / (1.0 + l.exp());
        ((1.0 - p).pow(5.0) * p).log()
    }),
    entry!("binomial from logits", [l: []], [[0.4], [-30.0], [30.0], [120.0], [-200.0]],
    {
        let p = 1.0 / (1.0 + (-l).exp());
        -(10.0 * p.pow(2.0) * (1.0 - p).pow(3.0)).log()
    }),
    entry!("multinomial of counts", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 0.0, -100.0], [-200.0, -201.0, -199.0], [30.0, 60.0, 90.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        -(numbers(x, &[3.0, 1.0, 2.0]) * p.log()).sum(0)
    }),
    entry!("survival: exponential with censoring", [l: [], t: []], [[0.3, 1.0], [4.0, 3.0], [-30.0, 5.0], [3.0, 40.0]],
    {
        let rate = l.exp();
        -(rate * (-rate * t).exp()).log()
    }),
    entry!("partial likelihood of Cox", [x: [4]], [[0.1, 0.2, -0.3, 0.4], [100.0, 0.0, -100.0, 50.0], [-200.0, -201.0, -199.0, -190.0], [30.0, 60.0, 90.0, 89.0]],
        -(x.slice(0, 0, 1).exp() / x.exp().sum(0)).log().sum(0) - (x.slice(0, 1, 2).exp() / x.slice(0, 1, 4).exp().sum(0)).log().sum(0)),
    entry!("Bernoulli of a product of probabilities", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 30.0, 40.0], [-200.0, -50.0, -90.0], [9.0, 12.0, 15.0]],
        (1.0 / (1.0 + (-x).exp())).prod(0).log()),
    entry!("zero-one inflated beta at zero", [p: [], q: []], [[0.3, 0.1], [-100.0, 50.0], [90.0, -120.0], [20.0, 20.0]],
        -((p.exp() / (1.0 + p.exp() + q.exp())).log())),
    entry!("skellam-like difference of rates", [a: [], b: []], [[0.3, 0.1], [8.0, 9.0], [100.0, 101.0], [-90.0, -91.0]],
        -(a.exp() + b.exp()) + 2.0 * (a.exp() * b.exp()).sqrt(),
        means -(0.5 * a).exp().square() * (1.0 - (0.5 * (b - a)).exp()).square()),
];
