//! Losses of embeddings: one plus sums of exponentials, sums of such logarithms, other bases.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("N-pair", [x: [3]], [[0.1, -0.2, 0.3], [50.0, 60.0, 70.0], [100.0, -100.0, 20.0], [-50.0, -60.0, -55.0], [-100.0, -120.0, -110.0]],
        (1.0 + x.exp().sum(0)).log()),
    entry!("N-pair with an anchor", [p: [], n: [3]], [[0.5, 0.1, -0.2, 0.3], [-50.0, 50.0, 60.0, 30.0], [90.0, 0.0, 1.0, 2.0], [3.0, -20.0, -30.0, -25.0]],
        (1.0 + (n - p).exp().sum(0)).log()),
    entry!("circle loss", [p: [2], n: [3]], [
        [0.8, 0.7, 0.1, 0.2, 0.3], [0.2, 0.3, 0.8, 0.9, 0.7], [0.99, 0.98, -0.5, -0.4, 0.0], [0.0, -0.9, 0.95, 1.0, 0.9],
    ],
    {
        let (ap, an) = ((1.25 - p).relu().stop_gradient(), (n + 0.25).relu().stop_gradient());
        let positive = (-256.0 * ap * (p - 0.75)).exp().sum(0);
        let negative = (256.0 * an * (n - 0.25)).exp().sum(0);
        (1.0 + positive * negative).log()
    }),
    entry!("multi-similarity", [p: [2], n: [3]], [
            [0.8, 0.7, 0.1, 0.2, 0.3], [0.2, 0.3, 0.8, 0.9, 0.7], [0.99, 0.98, -0.5, -0.4, 0.0], [-3.0, -4.0, 5.0, 3.0, 2.0],
        ],
        (1.0 + (-2.0 * (p - 0.5)).exp().sum(0)).log() / 2.0 + (1.0 + (50.0 * (n - 0.5)).exp().sum(0)).log() / 50.0),
    entry!("lifted structure", [p: [], n: [3]], [[0.5, 0.1, 0.2, 0.3], [50.0, -100.0, -120.0, -99.0], [3.0, 1.0, 200.0, 2.0], [-4.0, -3.0, -90.0, -2.0]],
    {
        let j = (1.0 - n).exp().sum(0).log() + p;
        j.relu().square() / 2.0
    }),
    entry!("logarithm of a product of two sums", [x: [3], y: [3]], [[0.1, 0.2, 0.3, 1.0, 2.0, 3.0], [100.0, 101.0, 50.0, -30.0, -20.0, -90.0], [-100.0, -101.0, -120.0, -99.0, -98.0, -130.0]],
        (x.exp().sum(0) * y.exp().sum(0)).log()),
    entry!("sum of powers of two", [x: [3]], [[0.1, 0.2, 0.3], [200.0, 199.0, 100.0], [-200.0, -300.0, -199.0], [20.0, -20.0, 0.0]],
        numbers2(x).pow(x).sum(0).log() / 2f64.ln()),
    entry!("InfoNCE", [p: [], n: [3]], [[0.9, 0.1, 0.2, 0.3], [-1.0, 1.0, 0.9, 0.8], [0.0, 0.0, 0.0, 0.0], [1.0, -1.0, -1.0, -1.0]],
    {
        let t = 0.005;
        -((p / t).exp() / ((p / t).exp() + (n / t).exp().sum(0))).log()
    }),
    entry!("InfoNCE in two sums", [p: [], n: [3]], [[0.9, 0.1, 0.2, 0.3], [-1.0, 1.0, 0.9, 0.8], [0.5, 0.5, 0.5, 0.5], [1.0, -1.0, -1.0, -1.0]],
    {
        let positive = (p * 100.0).exp();
        let negative = (n * 100.0).exp().sum(0);
        (positive + negative).log() - positive.log()
    }),
    entry!("several positives", [p: [2], n: [3]], [[0.9, 0.8, 0.1, 0.2, 0.3], [-100.0, -90.0, 90.0, 80.0, 70.0], [50.0, 55.0, -60.0, -50.0, -70.0]],
        -(p.exp().sum(0) / (p.exp().sum(0) + n.exp().sum(0))).log()),
    entry!("soft margin triplet", [a: [], b: []], [[0.3, 0.2], [50.0, 20.0], [300.0, 100.0], [0.0, 200.0]],
        (1.0 + (a - b).exp()).log()),
    entry!("smooth maximum by a base", [x: [3]], [[0.1, 0.2, 0.3], [20.0, 19.0, 10.0], [-20.0, -30.0, -19.0], [500.0, -2.0, 0.0]],
        (10.0 * x).exp().sum(0).log() / 10.0),
    entry!("smooth minimum", [x: [3]], [[0.1, 0.2, 0.3], [20.0, 19.0, 10.0], [-20.0, -30.0, -19.0], [500.0, 400.0, 300.0]],
        -(-5.0 * x).exp().sum(0).log() / 5.0),
    entry!("label smoothing by hand", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 0.0, -50.0], [-200.0, -201.0, -205.0], [30.0, 60.0, 90.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        -(0.9 * p.slice(0, 0, 1).log().sum(0) + 0.1 * p.log().mean(0))
    }),
    entry!("log of one plus two sums", [x: [2], y: [2]], [[0.1, 0.2, 0.3, 0.4], [100.0, 90.0, 80.0, 70.0], [-100.0, -90.0, -80.0, -99.0], [-20.0, 5.0, 90.0, -90.0]],
        (1.0 + x.exp().sum(0) + y.exp().sum(0)).log()),
    entry!("ranking of lists", [x: [4]], [[0.1, 0.2, 0.3, 0.4], [100.0, 90.0, 80.0, 70.0], [-70.0, -80.0, -90.0, -100.0], [0.0, 40.0, -40.0, 90.0]],
    {
        let top = |k: i64| (x.slice(0, k, k + 1).exp().sum(0) / x.slice(0, k, 4).exp().sum(0)).log();
        -(top(0) + top(1) + top(2))
    }),
];

/// The base two, in the shape of the exponents.
fn numbers2(like: dl_core::Expr<'_>) -> dl_core::Expr<'_> {
    like.graph().full(like.dtype(), like.shape(), 2.0)
}
