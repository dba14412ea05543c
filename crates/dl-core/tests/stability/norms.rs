//! Norms, roots of sums of squares, and the losses made of them.

use crate::class::{Class, PAIRS, SCALARS, class};
use dl_core::nn;

/// Vectors of every size.
const VECTORS: &[&[f64]] = &[
    &[3.0, 4.0, 12.0],
    &[0.0, 0.0, -2.0],
    &[1e-5, 1e-5, 2e-5],
    &[1e-30, 2e-30, -2e-30],
    &[1e30, 2e30, -2e30],
    &[1e-30, 1.0, 1e30],
    &[1e-38, 1e-42, 0.0],
    &[3e38, 0.0, 1.0],
    &[1e-200, 2e-200, 2e-200],
    &[1e200, -2e200, 1e100],
];

/// Two vectors of three.
const VECTOR_PAIRS: &[&[f64]] = &[
    &[1.0, 2.0, 3.0, 0.5, 0.25, -1.0],
    &[1e-30, 2e-30, 0.0, 3e-30, 1e-30, 1e-30],
    &[1e30, -2e30, 0.0, 1e30, 1e30, 1e30],
    &[1e5, 1e-5, 0.0, 0.0, 0.0, 0.0],
];

/// Numbers whose cubes stay in the range.
const MODERATE: &[&[f64]] =
    &[&[0.0], &[1e-10], &[-1e-5], &[0.03], &[0.4], &[-1.0], &[5.0], &[-17.0], &[100.0], &[1e4], &[-1e10]];

/// Pairs whose squares may leave the range.
const LEGS: &[&[f64]] = &[
    &[3.0, 4.0],
    &[0.0, -2.0],
    &[5.0, 0.0],
    &[1e-30, 1e-30],
    &[1e30, -1e30],
    &[1e-30, 1e30],
    &[1e-42, 1e-40],
    &[1e200, 1e200],
    &[1e-200, 1e-190],
];

pub(crate) static CLASSES: &[Class] = &[
    class!("norm", [3], VECTORS, (x) {
            let m = x.abs().max(0).stop_gradient();
            m * (x / m).square().sum(0).sqrt()
        };
        (x * x).sum(0).sqrt();
        x.square().sum(..).sqrt();
        x.pow(2.0).sum(0).sqrt();
        x.pow(2.0).sum(0).pow(0.5);
        (x.abs() * x.abs()).sum(0).sqrt();
        x.abs().pow(2.0).sum(0).sqrt();
        x.dot(x).sqrt();
        x.dot(x).pow(0.5);
        (3.0 * x.square().mean(0)).sqrt();
        2.0 * (0.25 * x.square().sum(0)).sqrt();
        (2.0 * x).square().sum(0).sqrt() / 2.0;
        nn::norm(x, 0);
    ),
    class!("root of the mean square", [3], VECTORS, (x) {
            let m = x.abs().max(0).stop_gradient();
            m * ((x / m).square().sum(0) / 3.0).sqrt()
        };
        x.square().mean(0).sqrt();
        (x * x).mean(..).sqrt();
        (x.square().sum(0) / 3.0).sqrt();
        x.pow(2.0).mean(0).pow(0.5);
    ),
    class!("log of a norm", [3], VECTORS, (x) {
            let m = x.abs().max(0).stop_gradient();
            m.log() + 0.5 * (x / m).square().sum(0).log()
        };
        (x * x).sum(0).sqrt().log();
        0.5 * (x * x).sum(0).log();
        x.square().sum(0).log() / 2.0;
    ),
    class!("unit vector", [3], VECTORS, (x) {
            let m = x.abs().max(0).stop_gradient();
            (x / m) / (x / m).square().sum(0).sqrt()
        };
        x / x.square().sum(0).sqrt();
        x / (x * x).sum(0).sqrt().broadcast_to(&x.shape());
        x * (1.0 / x.pow(2.0).sum(0).pow(0.5));
        x * x.square().sum(0).pow(-0.5);
        x / x.dot(x).sqrt();
    ),
    class!("distance", [3], VECTOR_PAIRS, (x, y) {
            let m = (x - y).abs().max(0).stop_gradient();
            m * ((x - y) / m).square().sum(0).sqrt()
        };
        (x - y).square().sum(0).sqrt();
        (x - y).pow(2.0).sum(..).sqrt();
        ((x - y) * (x - y)).sum(0).pow(0.5);
    ),
    class!("hypotenuse", [], LEGS, (x, y) {
            let m = x.abs().maximum(y.abs()).stop_gradient();
            m * ((x / m).square() + (y / m).square()).sqrt()
        };
        (x * x + y * y).sqrt();
        (x.square() + y.square()).sqrt();
        (x.pow(2.0) + y.pow(2.0)).pow(0.5);
        (y * y + x * x).sqrt();
        2.0 * (x * x / 4.0 + y * y / 4.0).sqrt();
        ((2.0 * x).square() + 4.0 * y.square()).sqrt() / 2.0;
    ),
    class!("diagonal of a box", [], &[&[3.0, 4.0, 12.0], &[0.0, 0.0, 2.0], &[1e-30, 2e-30, 2e-30], &[1e30, -2e30, 2e30], &[1e-30, 1.0, 1e30]],
        (x, y, z) {
            let m = x.abs().maximum(y.abs()).maximum(z.abs()).stop_gradient();
            m * ((x / m).square() + (y / m).square() + (z / m).square()).sqrt()
        };
        (x * x + y * y + z * z).sqrt();
        (x.square() + (y.square() + z.square())).sqrt();
        (x.pow(2.0) + y.pow(2.0) + z.pow(2.0)).sqrt();
        ((x * x + y * y).sqrt().square() + z * z).sqrt();
    ),
    class!("sqrt(x^2)", [], SCALARS, (x) x.abs();
        x.square().sqrt();
        (x * x).sqrt();
        x.pow(2.0).pow(0.5);
        x.pow(2.0).sqrt();
    ),
    class!("sqrt(1+x^2)", [], SCALARS, (x) {
            let m = x.abs().maximum(1.0).stop_gradient();
            m * ((x / m).square() + (1.0 / m).square()).sqrt()
        };
        (1.0 + x * x).sqrt();
        (x.square() + 1.0).sqrt();
        (1.0 + x.pow(2.0)).pow(0.5);
        0.5 * (4.0 + 4.0 * x * x).sqrt();
    ),
    class!("sqrt(x^2+1e-6)", [], SCALARS, (x) {
            let m = x.abs().maximum(1e-3).stop_gradient();
            m * ((x / m).square() + (1e-6 / m) / m).sqrt()
        };
        (x * x + 1e-6).sqrt();
        (1e-6 + x.square()).sqrt();
        (x.pow(2.0) + 1e-6).pow(0.5);
    ),
    class!("pseudo-Huber", [], SCALARS, (x) {
            let m = x.abs().maximum(1.0).stop_gradient();
            let root = m * ((x / m).square() + (1.0 / m).square()).sqrt();
            x * (x / (root + 1.0))
        };
        (1.0 + x * x).sqrt() - 1.0;
        (1.0 + x.square()).sqrt() - 1.0;
        (x.square() + 1.0).pow(0.5) - 1.0;
        -1.0 + (1.0 + x.pow(2.0)).sqrt();
        1.0 * ((1.0 + (x / 1.0).square()).sqrt() - 1.0);
    ),
    class!("wide pseudo-Huber", [], SCALARS, (x) {
            let u = x / 0.5;
            let m = u.abs().maximum(1.0).stop_gradient();
            let root = m * ((u / m).square() + (1.0 / m).square()).sqrt();
            0.25 * u * (u / (root + 1.0))
        };
        0.25 * ((1.0 + (x / 0.5).square()).sqrt() - 1.0);
        0.5f64.powi(2) * ((1.0 + (2.0 * x).pow(2.0)).sqrt() - 1.0);
        0.25 * (1.0 + 4.0 * x * x).sqrt() - 0.25;
        0.5 * (0.25 + x * x).sqrt() - 0.25;
    ),
    class!("Huber", [], SCALARS, (x) x.abs().le(1.0).select(0.5 * x * x, x.abs() - 0.5);
        x.abs().le(1.0).select(0.5 * x.square(), x.abs() - 0.5);
        x.abs().gt(1.0).select(x.abs() - 0.5, 0.5 * x.pow(2.0));
        0.5 * x.abs().minimum(1.0).square() + (x.abs() - x.abs().minimum(1.0));
        (x * x).sqrt().le(1.0).select(x * x / 2.0, (x * x).sqrt() - 0.5);
    ),
    class!("x/sqrt(1+x^2)", [], SCALARS, (x) {
            let m = x.abs().maximum(1.0).stop_gradient();
            (x / m) / ((x / m).square() + (1.0 / m).square()).sqrt()
        };
        x / (1.0 + x * x).sqrt();
        x * (1.0 + x.square()).pow(-0.5);
        x / (x.square() + 1.0).sqrt();
        x / (1.0 + x.pow(2.0)).pow(0.5);
        -x / -nn::hypot(x, x.graph().full(x.dtype(), x.shape(), 1.0));
        2.0 * x / (4.0 + 4.0 * x * x).sqrt();
    ),
    class!("x/sqrt(4+x^2)", [], SCALARS, (x) {
            let m = x.abs().maximum(1.0).stop_gradient();
            3.0 * (x / m) / ((x / m).square() + (2.0 / m).square()).sqrt()
        };
        3.0 * x / (4.0 + x * x).sqrt();
        x / ((4.0 + x * x) / 9.0).sqrt();
        1.5 * x / (1.0 + 0.25 * x.square()).sqrt();
        3.0 * (x / 2.0) / (1.0 + (x / 2.0).square()).sqrt();
    ),
    class!("complement of a saturating ratio", [], SCALARS, (x) (1.0 + x * x).pow(-1.0);
        1.0 - x * x / (1.0 + x * x);
        1.0 - x.square() / (x.square() + 1.0);
        1.0 / (1.0 + x * x);
    ),
    class!("rest of a saturating part", [], MODERATE, (x) x / (2.0 + x * x);
        0.5 * (x - x * (x * x) / (2.0 + x * x));
        0.5 * x - 0.5 * x.pow(3.0) / (2.0 + x.square());
    ),
    class!("maximum made of absolute values", [], PAIRS, (x, y) x.maximum(y);
        0.5 * x + 0.5 * y + 0.5 * (x - y).abs();
    ),
];
