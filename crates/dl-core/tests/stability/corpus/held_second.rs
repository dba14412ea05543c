//! Held out: tails, powers, scale, cancellation, kinks, gradients.

use std::f64::consts::{PI, SQRT_2};

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("probit regression", [x: []], [[0.3], [-4.0], [-9.0], [-14.0], [5.0]],
        -(0.5 + 0.5 * (x / SQRT_2).erf()).log()),
    entry!("derivative of GELU by hand", [x: []], [[0.3], [-4.0], [-8.0], [3.0]],
        0.5 * (1.0 + (x / SQRT_2).erf()) + x * (-x * x / 2.0).exp() / (2.0 * PI).sqrt()),
    entry!("truncated mean", [a: []], [[0.3], [4.0], [8.0], [-3.0]],
        (-0.5 * a.pow(2.0)).exp() / (2.0 * PI).sqrt() / (0.5 - 0.5 * (a / SQRT_2).erf())),
    entry!("tail of a scaled normal", [x: [], s: []], [[0.3, 1.0], [4.0, 0.5], [3.0, 0.3], [-1.0, 2.0]],
        (1.0 - (x / (s * SQRT_2)).erf()) / 2.0),
    entry!("probability of improvement", [m: [], s: []], [[0.3, 1.0], [-4.0, 0.5], [-3.0, 0.25], [1.0, 2.0]],
        (0.5 * (1.0 + (m / s / SQRT_2).erf())).log()),
    entry!("Yeo-Johnson above zero", [x: [], l: []], [[0.5, 0.5], [3.0, 1e-5], [1e-4, 0.3], [1e8, 1e-7]],
        ((x + 1.0).pow(l) - 1.0) / l),
    entry!("limit of the exponential", [x: []], [[0.5], [-2.0], [10.0]],
        (1.0 - x / 1e5).pow(1e5)),
    entry!("Tsallis entropy near one", [p: [], q: []], [[0.5, 2.0], [0.3, 1.0001], [0.9, 0.99999]],
        (1.0 - p.pow(q) - (1.0 - p).pow(q)) / (q - 1.0)),
    entry!("Barron's loss at two thirds", [x: []], [[0.5], [1e-3], [1e4], [1e20]],
        2.0 * ((x.square() / 2.0 + 1.0).pow(1.0 / 3.0) - 1.0)),
    entry!("alpha divergence", [r: [], a: []], [[0.5, 0.5], [1.01, 0.3], [1.0001, 0.7], [5.0, 1e-4]],
        (r.pow(a) - a * r + a - 1.0) / (a * (a - 1.0))),
    entry!("power transform of a probability", [x: []], [[0.5], [12.0], [-90.0], [30.0]],
        ((1.0 / (1.0 + (-x).exp())).pow(0.01) - 1.0) / 0.01),
    entry!("negative binomial of logs", [m: [], a: []], [[0.5, 0.5], [1.0, 8.0], [2.0, 16.0], [-30.0, 1.0]],
        (a.exp() / (a.exp() + m.exp())).pow(a.exp()).log()),
    entry!("capped growth", [r: [], n: []], [[0.1, 10.0], [1e-6, 1e6], [1e-4, 3.0], [0.5, 100.0]],
        ((1.0 + r).pow(n) - 1.0) / r),
    entry!("Lorentzian", [x: [], g: []], [[0.5, 1.0], [1e25, 1e20], [1e-25, 1e-24], [3.0, 1e-30]],
        g / (PI * (x.square() + g.square()))),
    entry!("log of a Cauchy density", [x: [], g: []], [[0.5, 1.0], [1e25, 1e20], [1e-25, 1e-24], [3.0, 1e10]],
        (1.0 / (PI * g * (1.0 + (x / g).square()))).log()),
    entry!("instance norm", [x: [4]], [[1.0, 2.0, 3.0, 5.0], [1e20, 1.1e20, 1.2e20, 9e19], [1e-22, 2e-22, -1e-22, 0.0]],
    {
        let m = x.sum(0) / 4.0;
        let v = (x - m).pow(2.0).sum(0) / 4.0;
        ((x - m) * v.pow(-0.5)).slice(0, 3, 4).sum(0)
    }),
    entry!("unit vector", [x: [3]], [[1.0, 2.0, 3.0], [1e25, 2e25, 1e25], [1e-25, 2e-25, -1e-25]],
        (x / x.pow(2.0).sum(0).pow(0.5)).slice(0, 1, 2).sum(0)),
    entry!("norm of order six", [x: [3]], [[1.0, 2.0, 3.0], [1e8, 2e8, 1e8], [1e-8, 2e-8, -1e-8], [1e20, 0.0, 3.0]],
        x.square().pow(3.0).sum(0).pow(1.0 / 6.0)),
    entry!("mean of fourth powers by a root", [x: [3]], [[1.0, 2.0, 3.0], [1e12, 2e12, 1e12], [1e-12, 2e-12, -1e-12]],
        x.square().square().mean(0).sqrt().sqrt()),
    entry!("Mahalanobis in two dimensions", [x: [], y: [], s: []], [[1.0, 2.0, 0.5], [1e22, 2e22, 1.0], [1e-22, 1e-22, 2.0]],
        (x.square() / s.square() + y.square() / s.square()).sqrt()),
    entry!("log of a squared distance plus one", [x: [2], y: [2]], [[1.0, 2.0, 0.5, 0.1], [1e22, 2e22, 1.0, 3.0], [1e-12, 1e-12, 2e-12, 0.0]],
        (1.0 + (x - y).pow(2.0).sum(0)).log()),
    entry!("ratio of variances", [x: [3], y: [3]], [[1.0, 2.0, 3.0, 2.0, 4.0, 7.0], [1e20, 2e20, 3e20, 1e21, 3e21, 2e21], [1e-22, 2e-22, 3e-22, 1e-21, 3e-21, 2e-21]],
        (x - x.mean(0)).square().mean(0) / (y - y.mean(0)).square().mean(0)),
    entry!("correlation", [x: [3], y: [3]], [[1.0, 2.0, 3.0, 2.0, 4.0, 7.0], [1e12, 2e12, 3e12, 1e12, 3e12, 2e12], [1e-13, 2e-13, 3e-13, 1e-13, 3e-13, 2e-13]],
    {
        let (a, b) = (x - x.mean(0), y - y.mean(0));
        (a * b).sum(0) / (a.square().sum(0) * b.square().sum(0)).sqrt()
    }),
    entry!("second-order remainder of exp", [x: []], [[0.5], [1e-2], [-1e-4], [-20.0]],
        x.exp() - (1.0 + x)),
    entry!("reverse divergence estimate", [d: []], [[0.5], [1e-2], [-1e-4], [-20.0]],
        d.exp() - 1.0 - d),
    entry!("difference of cube-like roots", [x: []], [[0.5], [1e4], [1e7]],
        (x * x + x).sqrt() - x),
    entry!("haversine", [x: [], y: []], [[0.5, 0.3], [1.0, 1.0001], [2.0, -1.0]],
        (1.0 - (x - y).cos()) / 2.0),
    entry!("smooth hinge by a root", [x: []], [[0.5], [-1e4], [1e4], [1e22]],
        0.5 * ((x.pow(2.0) + 1.0).sqrt() + x)),
    entry!("divergence of two normals by variances", [m: [], v: []], [[0.5, 0.7], [1e-3, 1.001], [1e-4, 0.9999]],
        0.5 * (v + m * m - 1.0 - v.log())),
    entry!("divergence of VAE along an axis", [m: [3], l: [3]], [[0.5, 0.3, -0.2, 0.1, -0.1, 0.3], [1e-3, 2e-3, 0.0, 1e-3, -1e-3, 1e-4], [2.0, 1.0, 3.0, -4.0, 2.0, 1.0]],
        -0.5 * (1.0 + l - m.pow(2.0) - l.exp()).sum(0)),
    entry!("inverse hyperbolic sine", [x: []], [[0.5], [-1e-3], [-1e6], [1e22]],
        ((x * x + 1.0).sqrt() + x).log()),
    entry!("inverse hyperbolic tangent by logs", [x: []], [[0.5], [-1e-3], [0.9999]],
        ((1.0 + x).log() - (1.0 - x).log()) / 2.0),
    entry!("log ratio of near numbers", [x: [], y: []], [[0.5, 0.3], [1.0, 1.0001], [1e30, 1e-30]],
        (x / y).log().square()),
    entry!("Poisson deviance", [y: [], m: []], [[0.5, 0.3], [3.0, 3.001], [100.0, 100.01]],
        2.0 * (y * (y / m).log() - (y - m))),
    entry!("gamma deviance", [y: [], m: []], [[0.5, 0.3], [3.0, 3.001], [100.0, 100.01]],
        2.0 * ((y - m) / m - (y / m).log())),
    entry!("clipped surrogate of a small policy", [n: [], a: []], [[-0.1, 1.0], [200.0, -1.0], [200.0, 1.0], [-200.0, 1.0]],
    {
        let r = n.exp();
        (r * a).minimum(r.maximum(0.8).minimum(1.2) * a)
    },
    means {
        let r = n.exp();
        let clipped = n.gt(1.2f64.ln()).select(1.2, n.lt(0.8f64.ln()).select(0.8, r));
        (r * a).le(clipped * a).select(r * a, clipped * a)
    }),
    entry!("capped exponential", [x: []], [[0.5], [200.0], [-200.0]],
        x.exp().minimum(20.0), means x.lt(3.0).select(x.lt(3.0).select(x, 0.0).exp(), 20.0)),
    entry!("celu by minimum", [x: []], [[0.5], [300.0], [-200.0], [-1e-5]],
        x.maximum(0.0) + (2.0 * ((x / 2.0).exp() - 1.0)).minimum(0.0)),
    entry!("Debye-like quotient", [x: []], [[0.5], [1e-3], [60.0], [150.0]],
        x.square() * x.exp() / (x.exp() - 1.0).square()),
    entry!("Fermi-Dirac", [e: [], t: []], [[0.5, 1.0], [30.0, 0.2], [-30.0, 0.2], [90.0, 1.0]],
        1.0 / ((e / t).exp() + 1.0)),
    entry!("coth", [x: []], [[0.5], [1e-3], [30.0], [100.0]],
        (x.exp() + (-x).exp()) / (x.exp() - (-x).exp())),
    entry!("square of softplus over it", [x: []], [[0.5], [-50.0], [60.0], [120.0]],
        x / (1.0 + x.exp()).log()),
];
