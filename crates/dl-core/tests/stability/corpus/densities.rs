//! Logarithms of densities and of their mixtures, from the densities.

use std::f64::consts::PI;

use super::entry::{Entry, entry};
use crate::class::numbers;

pub(super) static ENTRIES: &[Entry] = &[
    entry!("kernel density of three centres", [x: []], [[0.3], [3.0], [12.0], [25.0], [-40.0], [150.0]],
        ((-0.5 * ((x - numbers(x, &[-1.0, 0.5, 2.0])) / 0.7).square()).exp().sum(0) / (3.0 * 0.7 * (2.0 * PI).sqrt())).log()),
    entry!("mixture of normals with weights", [x: []], [[0.0], [4.0], [16.0], [-30.0], [90.0]],
    {
        let (w, m, s) = (numbers(x, &[0.2, 0.5, 0.3]), numbers(x, &[-2.0, 0.0, 3.0]), numbers(x, &[0.5, 1.0, 2.0]));
        -(w * (-0.5 * ((x - m) / s).pow(2.0)).exp() / (s * (2.0 * PI).sqrt())).sum(0).log()
    }),
    entry!("mixture density network", [l: [3], m: [3], s: [3], y: []], [
        [0.1, -0.3, 0.5, 0.0, 1.0, -1.0, 0.0, -0.5, 0.5, 0.2],
        [5.0, 0.0, -5.0, 10.0, 0.0, -10.0, -1.0, 0.0, 1.0, 3.0],
        [0.0, 0.0, 0.0, 0.0, 5.0, 9.0, -2.0, -2.0, -2.0, 30.0],
        [100.0, 0.0, -100.0, 1.0, 2.0, 3.0, 1.0, 1.0, 1.0, -60.0],
    ],
    {
        let w = l.exp() / l.exp().sum(0);
        let sigma = s.exp();
        let density = (-((y - m) / sigma).square() / 2.0).exp() / (sigma * (2.0 * PI).sqrt());
        -(w * density).sum(0).log()
    }),
    entry!("laplace density", [x: [], b: []], [[0.5, 1.0], [3.0, 0.5], [200.0, 1.0], [-90.0, 0.3], [0.01, 1e-3]],
        -((-x.abs() / b).exp() / (2.0 * b)).log()),
    entry!("laplace density with a scale in logs", [x: [], s: []], [[0.5, 0.0], [3.0, -2.0], [30.0, -3.0], [-90.0, 0.3], [2.0, 9.0]],
        ((-x.abs() * (-s).exp()).exp() / (2.0 * s.exp())).log()),
    entry!("normal density with a scale in logs", [x: [], s: []], [[0.3, 0.0], [2.0, -1.0], [5.0, -4.0], [0.1, 12.0], [40.0, 0.5], [1e-3, -20.0]],
        -((-0.5 * (x / s.exp()).square()).exp() / (s.exp() * (2.0 * PI).sqrt())).log()),
    entry!("normal density by precision", [x: [], m: [], t: []], [[0.3, 0.1, 2.0], [5.0, -3.0, 10.0], [30.0, 0.0, 1.0], [1.0, 1.5, 1e4]],
        ((t / (2.0 * PI)).sqrt() * (-t * (x - m) * (x - m) / 2.0).exp()).log()),
    entry!("log-normal density", [x: [], m: [], s: []], [[1.5, 0.0, 0.5], [1e-8, 0.0, 1.0], [1e12, 1.0, 0.8], [3.0, 2.0, 0.02]],
        ((-(x.log() - m).square() / (2.0 * s * s)).exp() / (x * s * (2.0 * PI).sqrt())).log()),
    entry!("weighted sum of two exponentials", [a: [], b: [], u: [], v: []], [[0.3, -0.2, 0.5, 1.5], [100.0, 90.0, 0.5, 2.0], [-200.0, -198.0, 0.1, 3.0], [-120.0, 40.0, 1e-5, 7.0]],
        (u * a.exp() + v * b.exp()).log()),
    entry!("mixture of two normals with a learnt weight", [x: [], p: []], [[0.2, 0.0], [9.0, 1.0], [-20.0, -2.0], [40.0, 3.0], [-70.0, -4.0]],
    {
        let w = p.sigmoid();
        let (a, b) = ((-(x - 1.0).square() / 2.0).exp(), (-(x + 1.0).square() / 8.0).exp() / 2.0);
        -(w * a + (1.0 - w) * b).log()
    }),
    entry!("contaminated normal", [r: [], e: []], [[0.1, 0.1], [4.0, 0.05], [15.0, 0.01], [60.0, 0.2], [-150.0, 0.3]],
        -((1.0 - e) * (-0.5 * r * r).exp() + e / 10.0 * (-0.005 * r * r).exp()).log()),
    entry!("rayleigh density", [x: [], s: []], [[1.0, 1.0], [0.01, 2.0], [30.0, 1.0], [50.0, 0.5]],
        (x / s.square() * (-x.square() / (2.0 * s.square())).exp()).log()),
    entry!("weibull density", [x: [], k: [], l: []], [[0.5, 1.5, 1.0], [4.0, 3.0, 1.0], [9.0, 3.0, 0.5], [1e-6, 0.5, 2.0]],
        -((k / l) * (x / l).pow(k - 1.0) * (-(x / l).pow(k)).exp()).log()),
    entry!("gumbel density", [x: []], [[0.3], [-3.0], [-5.0], [20.0], [120.0]],
        ((-(x + (-x).exp())).exp()).log()),
    entry!("gumbel density by product", [x: [], b: []], [[0.3, 1.0], [-3.0, 0.8], [-9.0, 2.0], [200.0, 1.5]],
    {
        let z = (-x / b).exp();
        (z * (-z).exp() / b).log()
    }),
    entry!("logistic density", [x: [], s: []], [[0.3, 1.0], [-30.0, 0.5], [100.0, 0.9], [-300.0, 2.0]],
        ((-x / s).exp() / (s * (1.0 + (-x / s).exp()).square())).log()),
    entry!("von Mises density without its constant", [x: [], k: []], [[0.5, 1.0], [1.0, 200.0], [3.0, 300.0], [2.0, 0.1]],
        (k * x.cos()).exp().log() - k),
    entry!("inverse gaussian density", [x: [], m: [], l: []], [[1.0, 1.0, 1.0], [50.0, 1.0, 5.0], [0.01, 1.0, 4.0], [300.0, 0.5, 2.0]],
        ((l / (2.0 * PI * x.pow(3.0))).sqrt() * (-l * (x - m).square() / (2.0 * m * m * x)).exp()).log()),
    entry!("product of experts of three", [x: [3]], [[0.1, 0.2, 0.3], [30.0, 10.0, 20.0], [5.0, 8.0, 3.0], [100.0, 1.0, 40.0]],
        (-0.5 * x.square()).exp().prod(0).log()),
    entry!("energy of a mixture along rows", [x: [2, 3]], [
            [0.1, 0.2, 0.3, 1.0, 2.0, 3.0], [-100.0, -101.0, -99.0, 3.0, -3.0, 0.0],
            [12.0, 14.0, 15.0, 20.0, 25.0, 30.0], [200.0, 300.0, 250.0, -90.0, -95.0, -110.0],
        ],
        -((-0.5 * x * x).exp().mean(1)).log()),
    entry!("Parzen window with a bandwidth in logs", [x: [], h: []], [[0.3, 0.0], [2.0, -1.5], [30.0, -0.5], [0.1, 3.0], [9.0, -3.0]],
        ((-(x - numbers(x, &[-1.0, 0.0, 1.0])).square() / (2.0 * (2.0 * h).exp())).exp().mean(0) / h.exp()).log()),
];
