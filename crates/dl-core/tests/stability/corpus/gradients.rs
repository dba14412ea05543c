//! Formulas whose value is right as they are written while the gradient is not, and context.

use super::entry::{Entry, entry};

pub(super) static ENTRIES: &[Entry] = &[
    entry!("Bose-Einstein", [x: []], [[0.5], [1e-3], [1e-8], [50.0], [200.0], [-3.0]],
        1.0 / (x.exp() - 1.0)),
    entry!("Bernoulli function", [x: []], [[0.5], [1e-3], [1e-5], [50.0], [200.0], [-30.0]],
        x / (x.exp() - 1.0)),
    entry!("Planck's law", [x: []], [[0.5], [1e-3], [2.8], [50.0], [90.0]],
        x.pow(3.0) / (x.exp() - 1.0)),
    entry!("reciprocal of softplus", [x: []], [[0.5], [-20.0], [-80.0], [200.0]],
        1.0 / (1.0 + x.exp()).log()),
    entry!("reciprocal of one minus exp", [x: []], [[0.5], [1e-3], [1e-6], [50.0], [200.0]],
        1.0 / (1.0 - (-x).exp())),
    entry!("Langevin function", [x: []], [[0.5], [2.0], [30.0], [200.0]],
        1.0 / x.tanh() - 1.0 / x),
    entry!("mish by hand", [x: []], [[0.5], [-20.0], [-80.0], [200.0]],
        x * (1.0 + x.exp()).log().tanh()),
    entry!("swish by a quotient", [x: []], [[0.5], [-20.0], [-120.0], [200.0]],
        x / (1.0 + (-x).exp())),
    entry!("quotient of sinh", [x: []], [[0.5], [1e-4], [30.0], [100.0]],
        x / ((x.exp() - (-x).exp()) / 2.0)),
    entry!("logistic in an inverse", [x: []], [[0.5], [-20.0], [40.0], [-80.0]],
        1.0 / (1.0 / (1.0 + (-x).exp())).sqrt()),
    entry!("square of a softmax element over another", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 99.0, 98.0], [-90.0, -95.0, -89.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        (p.slice(0, 0, 1) / p.slice(0, 1, 2)).log().square().sum(0)
    }),
    entry!("softmax cross entropy inside a tanh", [x: [3]], [[0.1, 0.2, 0.3], [100.0, 99.0, 98.0], [-190.0, -195.0, -189.0]],
    {
        let p = x.exp() / x.exp().sum(0);
        (-0.1 * p.slice(0, 0, 1).log().sum(0)).tanh()
    }),
    entry!("log-sum-exp of computed inputs", [x: [3]], [[0.1, 0.2, 0.3], [10.0, 11.0, 14.0], [-11.0, -12.0, -10.5]],
        x.pow(3.0).exp().sum(0).log()),
    entry!("softplus with a sharpness", [x: [], b: []], [[0.5, 2.0], [30.0, 10.0], [-30.0, 5.0], [0.0, 100.0]],
        (1.0 + (b * x).exp()).log() / b),
    entry!("squareplus", [x: []], [[0.5], [-30.0], [-1e4], [1e20], [3.0]],
        (x + (x.square() + 4.0).sqrt()) / 2.0),
    entry!("inverse softplus", [x: []], [[0.5], [1e-5], [30.0], [100.0], [1e-20]],
        (x.exp() - 1.0).log()),
    entry!("logistic loss raised to a power", [x: []], [[0.5], [20.0], [-100.0], [50.0]],
        (1.0 + (-x).exp()).log().pow(1.5)),
    entry!("root of softplus", [x: []], [[0.5], [-20.0], [-80.0], [200.0]],
        (1.0 + x.exp()).log().sqrt()),
];
