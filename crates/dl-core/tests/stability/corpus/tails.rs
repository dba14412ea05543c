//! The tails of the normal distribution.

use std::f64::consts::{PI, SQRT_2};

use dl_core::Expr;

use super::entry::{Entry, entry};

/// The distribution function as it is written with `erf`.
fn phi(x: Expr<'_>) -> Expr<'_> {
    0.5 * (1.0 + (x / SQRT_2).erf())
}

/// The density.
fn density(x: Expr<'_>) -> Expr<'_> {
    (-0.5 * x.square()).exp() / (2.0 * PI).sqrt()
}

pub(super) static ENTRIES: &[Entry] = &[
    entry!("logarithm of the distribution function", [x: []], [[0.3], [-3.0], [-8.0], [-20.0], [6.0], [-0.1]],
        phi(x).log()),
    entry!("upper tail", [x: []], [[0.3], [3.0], [5.0], [9.0], [-2.0]],
        1.0 - phi(x)),
    entry!("exact GELU", [x: []], [[0.3], [-3.0], [-6.0], [-10.0], [5.0]],
        x * phi(x)),
    entry!("exact GELU with the half outside", [x: []], [[0.3], [-3.0], [-6.0], [-10.0], [5.0]],
        0.5 * x * (1.0 + (x * 0.5f64.sqrt()).erf())),
    entry!("Mills ratio", [x: []], [[0.3], [3.0], [6.0], [9.0], [-2.0]],
        (1.0 - phi(x)) / density(x)),
    entry!("hazard of the normal", [x: []], [[0.3], [3.0], [6.0], [10.0], [-2.0]],
        density(x) / (1.0 - phi(x))),
    entry!("inverse Mills ratio", [x: []], [[0.3], [-3.0], [-6.0], [-12.0], [2.0]],
        density(x) / phi(x)),
    entry!("expected improvement", [m: [], s: []], [[0.3, 1.0], [-3.0, 1.0], [-6.0, 0.9], [-2.0, 0.2], [4.0, 0.5]],
    {
        let z = m / s;
        m * phi(z) + s * density(z)
    }),
    entry!("logarithm of expected improvement", [z: []], [[0.3], [-3.0], [-6.0], [-9.0], [4.0]],
        (z * phi(z) + density(z)).log()),
    entry!("probit likelihood", [x: [], y: []], [[0.3, 1.0], [-5.0, 1.0], [6.0, -1.0], [-12.0, 1.0]],
        -(0.5 * (1.0 + (y * x / SQRT_2).erf())).log()),
    entry!("interval probability of a normal", [a: [], b: []], [[1.0, -1.0], [5.0, 4.5], [-7.0, -8.0], [0.001, 0.0]],
        (phi(a) - phi(b)).log()),
    entry!("truncated normal density", [x: [], a: []], [[0.5, 0.0], [3.0, 2.0], [7.0, 6.0], [10.5, 10.0]],
        (density(x) / (1.0 - phi(a))).log()),
];
