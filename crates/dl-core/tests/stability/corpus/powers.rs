//! Powers near one, and what has a limit.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("Box-Cox", [x: [], l: []], [[2.0, 0.5], [2.0, 1e-6], [0.5, -1e-4], [1e10, 1e-8], [1.0001, 2.0]],
        (x.pow(l) - 1.0) / l),
    entry!("Box-Cox with a constant power", [x: []], [[2.0], [1.0001], [0.99999], [1e6], [1e-4]],
        (x.pow(0.01) - 1.0) / 0.01),
    entry!("compound interest", [x: []], [[1.0], [0.01], [5.0], [-3.0], [80.0]],
        (1.0 + x / 1e6).pow(1e6)),
    entry!("compound growth of a variable number", [x: [], n: []], [[1.0, 10.0], [0.01, 1e6], [5.0, 1e8], [-3.0, 1e4]],
        (1.0 + x / n).pow(n)),
    entry!("q-exponential", [x: [], q: []], [[1.0, 1.5], [0.3, 1.0001], [-2.0, 0.9999], [0.5, 0.5]],
        (1.0 + (1.0 - q) * x).pow(1.0 / (1.0 - q))),
    entry!("q-logarithm", [x: [], q: []], [[2.0, 1.5], [0.3, 1.0001], [20.0, 0.9999], [1.001, 0.5]],
        (x.pow(1.0 - q) - 1.0) / (1.0 - q)),
    entry!("Barron's general loss", [x: [], a: []], [[0.5, 1.0], [2.0, 1.9999], [3.0, 1e-4], [1e-3, 1.5], [1e4, -2.0], [1.0, -1e3]],
    {
        let b = (a - 2.0).abs();
        b / a * ((x.square() / b + 1.0).pow(a / 2.0) - 1.0)
    }),
    entry!("Cauchy loss", [x: []], [[0.5], [1e-5], [1e10], [1e25], [1e-20]],
        (1.0 + 0.5 * x.square()).log()),
    entry!("Charbonnier loss", [x: []], [[0.5], [1e-5], [1e10], [1e25], [1e-20]],
        (x.square() / 4.0 + 1.0).sqrt() - 1.0),
    entry!("Geman-McClure loss", [x: []], [[0.5], [1e-5], [1e10], [1e25], [-3.0]],
        2.0 * x.square() / (x.square() + 4.0)),
    entry!("Welsch loss", [x: []], [[0.5], [1e-3], [1e-8], [20.0], [-3.0]],
        1.0 - (-0.5 * x.square()).exp()),
    entry!("generalized cross entropy", [x: []], [[0.3], [20.0], [-20.0], [90.0], [3.0]],
        (1.0 - x.sigmoid().pow(0.7)) / 0.7),
    entry!("Renyi divergence of two Bernoullis", [a: [], b: []], [[0.3, 0.4], [0.5, 0.5001], [0.01, 0.9], [0.2, 0.20001]],
        (a.pow(0.5) * b.pow(0.5) + (1.0 - a).pow(0.5) * (1.0 - b).pow(0.5)).log() / -0.5),
    entry!("annuity", [r: []], [[0.05], [1e-4], [1e-9], [0.5]],
        (1.0 - (1.0 + r).pow(-30.0)) / r),
    entry!("power of a probability near one", [p: []], [[0.5], [0.9999], [1e-6], [0.999999]],
        1.0 - p.pow(0.1)),
    entry!("tempered logarithm", [x: []], [[0.5], [0.9999], [1e-6], [3.0]],
        (x.pow(1.0 - 0.8) - 1.0) / (1.0 - 0.8)),
    entry!("generalized extreme value", [x: [], k: []], [[0.5, 0.3], [1.0, 1e-5], [-1.0, -1e-4], [10.0, 0.2]],
        (-(1.0 + k * x).pow(-1.0 / k)).exp()),
];
