//! Differences of logistic functions, complementary log-log, noisy or.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("ordinal likelihood", [a: [], b: []], [[1.0, -1.0], [100.0, 99.0], [-99.0, -100.0], [0.001, 0.0], [50.0, -50.0], [-20.0, -20.01]],
        -(a.sigmoid() - b.sigmoid()).log()),
    entry!("ordinal likelihood by hand", [x: []], [[0.0], [30.0], [-60.0], [120.0], [-1.2]],
    {
        let upper = 1.0 / (1.0 + (-(1.5 - x)).exp());
        let lower = 1.0 / (1.0 + (-(-0.5 - x)).exp());
        -(upper - lower).log()
    }),
    entry!("discretized logistic", [x: [], m: [], s: []], [[0.1, 0.0, -1.0], [0.5, -0.5, -5.0], [0.9, -0.9, -4.0], [0.0, 0.001, 2.0]],
    {
        let inv = (-s).exp();
        let (plus, minus) = (inv * (x - m + 1.0 / 255.0), inv * (x - m - 1.0 / 255.0));
        (plus.sigmoid() - minus.sigmoid()).log()
    }),
    entry!("difference of logistic functions", [a: [], b: []], [[1.0, -1.0], [30.0, 29.0], [-40.0, -41.0], [0.001, 0.0]],
        a.sigmoid() - b.sigmoid()),
    entry!("complementary log-log", [x: []], [[0.3], [-20.0], [3.0], [-90.0], [4.5]],
        (1.0 - (-(x.exp())).exp()).log()),
    entry!("complementary log-log link", [p: []], [[0.3], [1e-10], [1e-30], [0.999]],
        (-(1.0 - p).log()).log()),
    entry!("log-log of one plus exp", [x: []], [[0.3], [-20.0], [-100.0], [40.0], [300.0]],
        (1.0 + x.exp()).log().log()),
    entry!("softplus of a softplus by hand", [x: []], [[0.3], [-20.0], [-100.0], [40.0], [300.0]],
        (1.0 + (1.0 + x.exp()).log().exp()).log()),
    entry!("noisy or of two", [p: [], q: []], [[0.3, 0.2], [1e-8, 1e-9], [1e-20, 1e-18], [0.9999, 0.5]],
        (1.0 - (1.0 - p) * (1.0 - q)).log()),
    entry!("noisy or along an axis", [x: [3]], [[0.1, 0.2, 0.3], [-30.0, -32.0, -31.0], [-100.0, -90.0, -99.0], [20.0, 3.0, -5.0]],
        (1.0 - (1.0 - x.sigmoid()).prod(0)).log()),
    entry!("at least one of n", [p: []], [[0.3], [1e-6], [1e-12], [1e-30]],
        (1.0 - (1.0 - p).pow(20.0)).log()),
    entry!("at least one of n from logits", [x: []], [[0.3], [-20.0], [-90.0], [5.0]],
        (1.0 - (1.0 - 1.0 / (1.0 + (-x).exp())).pow(8.0)).log()),
    entry!("noisy or of rates", [x: [3]], [[0.1, 0.2, 0.3], [1e-8, 2e-8, 1e-9], [1e-20, 1e-19, 1e-18], [30.0, 50.0, 20.0]],
        -(1.0 - (-x.sum(0)).exp()).log()),
    entry!("focal loss by hand", [x: []], [[0.3], [-20.0], [20.0], [100.0], [-100.0]],
    {
        let p = 1.0 / (1.0 + (-x).exp());
        -(1.0 - p).pow(2.0) * p.log()
    }),
    entry!("balanced focal loss of both classes", [x: [], y: []], [[0.3, 1.0], [-20.0, 0.0], [20.0, 1.0], [100.0, 0.0], [-100.0, 1.0]],
    {
        let p = x.sigmoid();
        -(0.25 * y * (1.0 - p).square() * p.log() + 0.75 * (1.0 - y) * p.square() * (1.0 - p).log())
    }),
    entry!("asymmetric loss", [x: []], [[0.3], [-20.0], [20.0], [90.0], [-90.0]],
    {
        let p = 1.0 / (1.0 + (-x).exp());
        -p.pow(4.0) * (1.0 - p).log()
    }),
    entry!("logit of a product of probabilities", [a: [], b: []], [[0.3, 0.2], [30.0, 40.0], [-60.0, -50.0], [20.0, -3.0]],
    {
        let p = a.sigmoid() * b.sigmoid();
        (p / (1.0 - p)).log()
    }),
    entry!("logit by hand", [p: []], [[0.3], [1e-30], [0.9999999], [0.5]],
        (p / (1.0 - p)).log()),
    entry!("clauses of a soft satisfaction", [x: [3]], [[0.1, 0.2, 0.3], [-30.0, -32.0, -31.0], [30.0, 20.0, 25.0], [100.0, -100.0, 0.0]],
        -(1.0 - (1.0 / (1.0 + (-x).exp())).prod(0)).log()),
    entry!("continuation ratio", [x: []], [[0.3], [-40.0], [40.0], [150.0]],
        ((1.0 - x.sigmoid()) * (1.0 - (x - 1.0).sigmoid()) * (x - 2.0).sigmoid()).log()),
];
