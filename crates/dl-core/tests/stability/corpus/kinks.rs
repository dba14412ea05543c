//! Branches that are not taken, and points where a product has a factor of zero.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("clipped policy objective", [n: [], o: [], a: []], [[-1.0, -1.1, 2.0], [0.0, -200.0, -1.0], [0.0, -200.0, 1.0], [-200.0, 0.0, -1.0], [-3.0, -2.5, -0.5]],
    {
        let ratio = (n - o).exp();
        -(ratio * a).minimum(ratio.clip(0.8, 1.2) * a)
    },
    means {
        let d = n - o;
        let r = d.exp();
        let inside = d.gt(0.8f64.ln()).and(d.lt(1.2f64.ln()));
        let clipped = inside.select(r, d * 0.0 + d.gt(0.0).select(0.0 * d + 1.2, 0.0 * d + 0.8));
        let first = (r * a).le(clipped * a);
        -first.select(r * a, clipped * a)
    }),
    entry!("minimum of zero and an exponential", [x: []], [[0.5], [-3.0], [1000.0], [-100.0], [60.0]],
        (0.5 * ((2.0 * x).exp() - 1.0)).minimum(0.0)),
    entry!("maximum of two exponentials", [x: []], [[0.5], [-3.0], [80.0], [-100.0]],
        x.exp().maximum((-x).exp()).log()),
    entry!("elu by maximum and minimum", [x: []], [[0.5], [-3.0], [1000.0], [-100.0], [-1e-6]],
        x.maximum(0.0) + (x.exp() - 1.0).minimum(0.0)),
    entry!("minimum of a square", [x: []], [[0.5], [-3.0], [1e25], [1e-25]],
        x.square().minimum(9.0)),
    entry!("clipped reciprocal", [x: []], [[0.5], [0.0], [1e-39], [3.0]],
        (1.0 / x).minimum(10.0), means x.lt(0.1).select(10.0, 1.0 / x.maximum(0.01))),
    entry!("binary cross entropy of probabilities", [p: [], y: []], [[0.3, 1.0], [0.0, 0.0], [1.0, 1.0], [0.999, 0.0], [1e-30, 1.0]],
        -(y * p.log() + (1.0 - y) * (1.0 - p).log()),
        means -(y * y.eq(0.0).select(0.0, y.eq(0.0).select(1.0, p).log()) + (1.0 - y) * y.eq(1.0).select(0.0, (1.0 - y.eq(1.0).select(0.0, p)).log()))),
    entry!("entropy of a Bernoulli", [p: []], [[0.3], [0.0], [1.0], [1e-20]],
        -(p * p.log() + (1.0 - p) * (1.0 - p).log()),
        means -(p * p.eq(0.0).select(0.0, p.eq(0.0).select(1.0, p).log()) + (1.0 - p) * p.eq(1.0).select(0.0, (1.0 - p.eq(1.0).select(0.0, p)).log()))),
    entry!("three-norm at zero", [x: [3]], [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [0.0, 0.0, -2.0]],
        x.abs().pow(3.0).sum(0).pow(1.0 / 3.0)),
    entry!("huber loss by minimum", [x: []], [[0.5], [1e30], [-3.0], [1e-20]],
    {
        let q = x.abs().minimum(1.0);
        0.5 * q.square() + (x.abs() - q)
    }),
    entry!("clipped log ratio", [x: [], y: []], [[0.5, 0.2], [300.0, 0.0], [0.0, 300.0], [-100.0, -101.0]],
        (x.exp() / y.exp()).clip(0.1, 10.0),
        means { let d = (x - y).clip(0.1f64.ln() - 1e-9, 10f64.ln() + 1e-9); d.exp().clip(0.1, 10.0) }),
    entry!("hinge of an exponential", [x: []], [[0.5], [200.0], [-200.0], [1.5]],
        (1.0 - x.exp()).relu()),
    entry!("log of a maximum with a floor", [x: []], [[0.5], [200.0], [-200.0], [-3.0]],
        x.exp().maximum(1e-6).log()),
];
