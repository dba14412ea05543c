//! Squares and powers that leave the range of the type while the result does not.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("logarithm of one plus a square", [x: []], [[0.5], [1e-10], [1e10], [1e25], [-1e30]],
        (1.0 + x.square()).log()),
    entry!("logarithm of one plus a square by a product", [x: [], s: []], [[0.5, 1.0], [1e-10, 1e-12], [1e25, 1e10], [1e-25, 1e-30]],
        (1.0 + x * x / (s * s)).log()),
    entry!("root mean square norm", [x: [4]], [[1.0, 2.0, 3.0, 4.0], [1e20, 2e20, -1e20, 3e20], [1e-25, 2e-25, 1e-25, -3e-25], [1e30, 1.0, 1.0, 1.0]],
        (x / (x.square().mean(0)).sqrt()).slice(0, 0, 1).sum(0)),
    entry!("root mean square norm with epsilon", [x: [4]], [[1.0, 2.0, 3.0, 4.0], [1e20, 2e20, -1e20, 3e20], [1e-25, 2e-25, 1e-25, -3e-25], [1e-3, 2e-3, 1e-3, 0.0]],
        (x / (x.square().mean(0) + 1e-6).sqrt()).slice(0, 0, 1).sum(0)),
    entry!("root mean square by a power", [x: [4]], [[1.0, 2.0, 3.0, 4.0], [1e20, 2e20, -1e20, 3e20], [1e-25, 2e-25, 1e-25, -3e-25]],
        (x * x.pow(2.0).mean(0).pow(-0.5)).sum(0)),
    entry!("layer norm", [x: [4]], [[1.0, 2.0, 3.0, 4.0], [1e20, 2e20, -1e20, 3e20], [1e-25, 2e-25, 1e-25, -3e-25], [1000.0, 1000.5, 1001.0, 999.0]],
    {
        let c = x - x.mean(0);
        (c / c.square().mean(0).sqrt()).slice(0, 0, 1).sum(0)
    }),
    entry!("layer norm with epsilon", [x: [4]], [[1.0, 2.0, 3.0, 4.0], [1e20, 2e20, -1e20, 3e20], [1e-12, 2e-12, 1e-12, -3e-12], [1e-3, 2e-3, 1e-3, 0.0]],
    {
        let c = x - x.mean(0);
        (c / ((c * c).mean(0) + 1e-5).sqrt()).slice(0, 0, 1).sum(0)
    }),
    entry!("skewness", [x: [4]], [[1.0, 2.0, 3.0, 5.0], [1e15, 2e15, -1e15, 3e15], [1e-15, 2e-15, 1e-15, -3e-15]],
    {
        let c = x - x.mean(0);
        c.pow(3.0).mean(0) / c.square().mean(0).pow(1.5)
    }),
    entry!("kurtosis", [x: [4]], [[1.0, 2.0, 3.0, 5.0], [1e12, 2e12, -1e12, 3e12], [1e-12, 2e-12, 1e-12, -3e-12]],
    {
        let c = x - x.mean(0);
        c.pow(4.0).mean(0) / c.square().mean(0).square()
    }),
    entry!("three-norm", [x: [3]], [[1.0, 2.0, 3.0], [1e15, 2e15, -1e15], [1e-15, 2e-15, 1e-15], [1e-30, 1.0, 1e30]],
        x.abs().pow(3.0).sum(0).pow(1.0 / 3.0)),
    entry!("four-norm", [x: [3]], [[1.0, 2.0, 3.0], [1e15, 2e15, -1e15], [1e-15, 2e-15, 1e-15], [3.0, 0.0, 0.0]],
        x.pow(4.0).sum(0).pow(0.25)),
    entry!("cosine similarity", [x: [3], y: [3]], [[1.0, 2.0, 3.0, 2.0, 1.0, 0.5], [1e20, 2e20, -1e20, 3e-20, 1e-20, 1e-20], [1e25, 2e25, 1e25, 1e25, 3e25, 1e25], [1e-25, 2e-25, 1e-25, 1e-25, 3e-25, 1e-25]],
        (x * y).sum(0) / (x.square().sum(0).sqrt() * y.square().sum(0).sqrt())),
    entry!("cosine similarity by one root", [x: [3], y: [3]], [[1.0, 2.0, 3.0, 2.0, 1.0, 0.5], [1e12, 2e12, -1e12, 3e-12, 1e-12, 1e-12], [1e15, 2e15, 1e15, 1e15, 3e15, 1e15], [1e-15, 2e-15, 1e-15, 1e-15, 3e-15, 1e-15]],
        x.dot(y) / (x.dot(x) * y.dot(y)).sqrt()),
    entry!("Student t density", [x: [], n: []], [[0.5, 3.0], [1e10, 3.0], [1e25, 5.0], [0.3, 1e6], [1e-5, 1e3]],
        -(n + 1.0) / 2.0 * (1.0 + x.square() / n).log()),
    entry!("Student t density by a power", [x: [], n: []], [[0.5, 3.0], [1e10, 1.0], [1e25, 1.5], [0.3, 1e6], [30.0, 40.0]],
        ((1.0 + x.square() / n).pow(-(n + 1.0) / 2.0)).log()),
    entry!("t-SNE affinity", [x: [3], y: [3]], [[1.0, 2.0, 3.0, 2.0, 1.0, 0.5], [1e20, 2e20, -1e20, 3.0, 1.0, 1.0], [1e-5, 0.0, 0.0, 2e-5, 0.0, 0.0]],
        -(1.0 / (1.0 + (x - y).square().sum(0))).log()),
    entry!("harmonic mean", [x: [3]], [[1.0, 2.0, 3.0], [1e-39, 2e-38, 1e-38], [1e38, 2e38, 3e38], [1e-30, 1.0, 1e30]],
        3.0 / (1.0 / x).sum(0)),
    entry!("geometric mean", [x: [3]], [[1.0, 2.0, 3.0], [1e-30, 2e-30, 1e-28], [1e30, 2e30, 3e30], [1e-30, 1.0, 1e30]],
        x.prod(0).pow(1.0 / 3.0)),
    entry!("coefficient of variation", [x: [3]], [[1.0, 2.0, 3.0], [1e-30, 2e-30, 1e-29], [1e30, 2e30, 3e30]],
        ((x - x.mean(0)).square().mean(0)).sqrt() / x.mean(0)),
    entry!("signal to noise", [x: [3], e: [3]], [[1.0, 2.0, 3.0, 0.1, 0.2, 0.1], [1e-25, 2e-25, 1e-25, 1e-26, 1e-26, 2e-26], [1e25, 2e25, 3e25, 1e20, 2e20, 1e20]],
        -10.0 * (x.square().sum(0) / e.square().sum(0)).log() / 10f64.ln()),
    entry!("relative error", [x: [], y: []], [[1.0, 2.0], [1e-25, 2e-25], [1e25, 3e25]],
        ((x - y).square() / y.square()).sqrt()),
    entry!("Rational quadratic kernel", [x: [], y: []], [[1.0, 2.0], [1e25, 2e25], [1e-25, 1.0], [30.0, -40.0]],
        (1.0 + (x - y).square() / 4.0).pow(-2.0).log()),
    entry!("distance on a sphere by ratios", [x: [], y: []], [[3.0, 4.0], [1e25, 2e25], [1e-25, 1e-25], [1.0, 1e30]],
        x * y / (x.square() + y.square())),
];
