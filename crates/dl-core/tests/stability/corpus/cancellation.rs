//! Differences of what is nearly equal.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("LINEX loss", [d: []], [[0.5], [1e-3], [-1e-5], [5.0], [-30.0]],
        d.exp() - d - 1.0),
    entry!("LINEX loss in another order", [d: []], [[0.5], [1e-3], [-1e-5], [5.0], [-30.0]],
        (2.0 * d).exp() - (2.0 * d + 1.0)),
    entry!("unbiased estimate of a divergence", [p: [], q: []], [[0.5, 0.3], [-1.0, -1.001], [-5.0, -5.00001], [-2.0, -9.0]],
    {
        let r = (p - q).exp();
        (r - 1.0) - r.log()
    }),
    entry!("difference of roots", [x: []], [[0.5], [1e4], [1e8], [1e20], [1e-8]],
        (x + 1.0).sqrt() - x.sqrt()),
    entry!("difference of two roots", [x: [], y: []], [[0.5, 0.3], [1e4, 10001.0], [1e8, 1.0001e8], [1.0, 1.000001]],
        x.sqrt() - y.sqrt()),
    entry!("one minus cosine", [x: []], [[0.5], [1e-3], [1e-5], [3.0], [-1e-10]],
        1.0 - x.cos()),
    entry!("von Mises loss", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [2.0, 2.00001], [3.0, -3.0]],
        1.0 - (x - y).cos()),
    entry!("smooth absolute value", [x: []], [[0.5], [1e-3], [1e-5], [3.0], [1e10]],
        (x.square() + 0.01).sqrt() - 0.1),
    entry!("smooth absolute value with a width", [x: [], d: []], [[0.5, 1.0], [1e-3, 0.5], [1e-5, 2.0], [3.0, 1e-3], [1e15, 1e10]],
        (x.square() + d.square()).sqrt() - d),
    entry!("gaussian divergence by variances", [m: [], s: []], [[0.5, 0.7], [1e-3, 1.001], [1e-5, 0.99999], [3.0, 5.0], [0.0, 1.0001]],
        0.5 * (m.square() + s.square() - 1.0 - (s.square()).log())),
    entry!("gaussian divergence by logs", [m: [], l: []], [[0.5, 0.7], [1e-3, 1e-3], [1e-5, -1e-5], [3.0, 5.0], [0.0, 1e-4]],
        -0.5 * (1.0 + l - m.square() - l.exp())),
    entry!("gaussian divergence of two", [m: [], s: [], t: []], [[0.5, 0.7, 0.6], [1e-3, 1.001, 1.0], [1e-5, 0.5, 0.50001], [3.0, 5.0, 2.0]],
        (t / s).log() + (s.square() + m.square()) / (2.0 * t.square()) - 0.5),
    entry!("asinh by hand", [x: []], [[0.5], [1e-4], [-3.0], [-1e4], [1e25]],
        (x + (x.square() + 1.0).sqrt()).log()),
    entry!("acosh by hand", [x: []], [[1.5], [1.0001], [30.0], [1e25]],
        (x + (x.square() - 1.0).sqrt()).log()),
    entry!("atanh by hand", [x: []], [[0.5], [1e-4], [-0.999], [1e-10]],
        0.5 * ((1.0 + x) / (1.0 - x)).log()),
    entry!("Itakura-Saito divergence", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [5.0, 5.00001], [1e-8, 3.0]],
        x / y - (x / y).log() - 1.0),
    entry!("generalized Kullback-Leibler", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [5.0, 5.00001], [1e-8, 3.0]],
        x * (x / y).log() - x + y),
    entry!("squared difference expanded", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [500.0, 500.1], [3.0, -4.0]],
        x.square() - 2.0 * x * y + y.square()),
    entry!("squared distance expanded along an axis", [x: [3], y: [3]], [[0.5, 0.3, 1.0, 2.0, 0.1, 0.7], [1.0, 2.0, 3.0, 1.001, 2.001, 2.999], [100.0, 200.0, 300.0, 100.01, 200.0, 300.0]],
        x.square().sum(0) + y.square().sum(0) - 2.0 * (x * y).sum(0)),
    entry!("difference of squares", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [500.0, 500.01], [1e20, 3e19]],
        (x * x - y * y) / (x + y)),
    entry!("quadratic formula", [b: [], c: []], [[3.0, 1.0], [1e4, 1.0], [1e8, 2.0], [100.0, 1e-3]],
        (-b + (b.square() - 4.0 * c).sqrt()) / 2.0),
    entry!("difference of exponentials", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [5.0, 5.00001], [-50.0, -50.001]],
        x.exp() - y.exp()),
    entry!("difference of logarithms of one plus", [x: [], y: []], [[0.5, 0.3], [1e-5, 2e-5], [5e5, 5.001e5], [1e-10, 3.0]],
        (1.0 + x).log() - (1.0 + y).log()),
    entry!("Jensen-Shannon of two Bernoullis", [x: [], y: []], [[0.5, 0.3], [0.2, 0.2001], [0.9, 0.1], [0.5, 0.50001]],
    {
        let m = (x + y) / 2.0;
        0.5 * (x * (x / m).log() + (1.0 - x) * ((1.0 - x) / (1.0 - m)).log())
            + 0.5 * (y * (y / m).log() + (1.0 - y) * ((1.0 - y) / (1.0 - m)).log())
    }),
    entry!("Bregman divergence of softplus", [x: [], y: []], [[0.5, 0.3], [1.0, 1.001], [50.0, 49.0], [-40.0, -41.0]],
        x.softplus() - y.softplus() - y.sigmoid() * (x - y)),
    entry!("one-pass variance of scaled inputs", [x: [3]], [[1.0, 2.0, 3.0], [1000.0, 1000.5, 1001.0], [1e-3, 2e-3, 1.5e-3], [1e5, 100001.0, 100000.5]],
    {
        let one = x.stop_gradient().max(0) * 0.0 + 1.0;
        let z = x * one;
        z.square().mean(0) - z.mean(0).square()
    }),
    entry!("versine by squares", [x: []], [[0.5], [1e-3], [1e-5], [3.0]],
        1.0 - (1.0 - x.square()).abs().sqrt()),
];
