//! Differences from one, logarithms near one, hyperbolic functions, and sums of a few exponentials.

use crate::class::{Class, PAIRS, SCALARS, class};

/// Above -1, and close to it.
const ABOVE_MINUS_ONE: &[&[f64]] = &[
    &[0.0],
    &[1e-30],
    &[-1e-30],
    &[1e-10],
    &[-1e-10],
    &[1e-5],
    &[-1e-5],
    &[0.1],
    &[-0.1],
    &[-0.5],
    &[-0.875],
    &[-0.999_999_94],
    &[1.0],
    &[50.0],
    &[1e10],
    &[1e30],
];

/// Between -1 and 1.
const INSIDE: &[&[f64]] = &[
    &[0.0],
    &[1e-30],
    &[-1e-30],
    &[1e-5],
    &[-1e-5],
    &[0.1],
    &[-0.1],
    &[0.5],
    &[-0.5],
    &[0.999_999_94],
    &[-0.999_999_94],
];

/// Above zero.
pub(crate) const POSITIVE: &[&[f64]] = &[
    &[1e-30],
    &[1e-10],
    &[1e-5],
    &[0.01],
    &[0.3],
    &[std::f64::consts::LN_2],
    &[0.7],
    &[1.0],
    &[5.0],
    &[20.0],
    &[80.0],
    &[100.0],
    &[720.0],
    &[1e4],
    &[1e30],
];

/// Small enough that the exponential is a number.
const MODERATE: &[&[f64]] = &[
    &[0.0],
    &[1e-30],
    &[-1e-30],
    &[1e-10],
    &[-1e-10],
    &[1e-5],
    &[-1e-5],
    &[0.03],
    &[-0.03],
    &[0.4],
    &[-0.4],
    &[1.0],
    &[-1.0],
    &[5.0],
    &[-5.0],
    &[17.0],
    &[-17.0],
    &[80.0],
    &[-80.0],
    &[-100.0],
    &[-1e4],
    &[-1e30],
];

pub(crate) static CLASSES: &[Class] = &[
    class!("log(1+x)", [], ABOVE_MINUS_ONE, (x) x.log1p();
        (1.0 + x).log();
        (x + 1.0).log();
        (1.0 - (-x)).log();
        (2.0 + x - 1.0).log();
        -(1.0 / (1.0 + x)).log();
        2.0 * (1.0 + x).sqrt().log();
        0.5 * (1.0 + x).square().log();
        (1.0 + x).pow(3.0).log() / 3.0;
    ),
    class!("log(1-x)", [], INSIDE, (x) (-x).log1p();
        (1.0 - x).log();
        (-x + 1.0).log();
        -(1.0 / (1.0 - x)).log();
        (1.0 - x).square().log() / 2.0;
    ),
    class!("log((1+x)/(1-x))", [], INSIDE, (x) x.log1p() - (-x).log1p();
        ((1.0 + x) / (1.0 - x)).log();
        (1.0 + x).log() - (1.0 - x).log();
        -((1.0 - x) / (1.0 + x)).log();
    ),
    class!("exp(x)-1", [], MODERATE, (x) x.expm1();
        x.exp() - 1.0;
        -1.0 + x.exp();
        -(1.0 - x.exp());
        x.exp() + -1.0;
        1.0 / (-x).exp() - 1.0;
        (x / 2.0).exp() * (x / 2.0).exp() - 1.0;
        0.5 * (2.0 * x.exp() - 2.0);
        2.0 * x.exp() - x.exp() - 1.0;
    ),
    class!("1-exp(-x)", [], SCALARS, (x) -(-x).expm1();
        1.0 - (-x).exp();
        -((-x).exp() - 1.0);
        1.0 - 1.0 / x.exp();
        (x.exp() - 1.0) / x.exp();
        1.0 - (-x / 2.0).exp() * (-x / 2.0).exp();
    ),
    class!("(exp(x)-1)/x", [], &[&[1e-30], &[-1e-30], &[1e-5], &[-1e-5], &[0.3], &[-0.3], &[1.0], &[-1.0], &[30.0], &[-30.0], &[-1e4]],
        (x) x.expm1() / x;
        (x.exp() - 1.0) / x;
        -(1.0 - x.exp()) / x;
        (1.0 / x) * (x.exp() - 1.0);
    ),
    class!("log(1-exp(-x))", [], POSITIVE, (x) (-(-x).expm1()).log();
        (1.0 - (-x).exp()).log();
        (-(-x).expm1()).log();
        (1.0 - 1.0 / x.exp()).log();
        ((x.exp() - 1.0) / x.exp()).log();
        (x.exp() - 1.0).log() - x;
        x.expm1().log() - x;
        (-(-x).exp()).log1p();
    ),
    class!("log(exp(x)-1)", [], POSITIVE, (x) x + (-(-x).expm1()).log();
        (x.exp() - 1.0).log();
        x.expm1().log();
        x + (1.0 - (-x).exp()).log();
        x + (-(-x).exp()).log1p();
    ),
    class!("sinh", [], MODERATE, (x) (x.expm1() - (-x).expm1()) / 2.0;
        (x.exp() - (-x).exp()) / 2.0;
        0.5 * (x.exp() - (-x).exp());
        0.5 * x.exp() - 0.5 * (-x).exp();
        (x.exp() - 1.0 / x.exp()) / 2.0;
        ((2.0 * x).exp() - 1.0) / (2.0 * x.exp());
    ),
    class!("sech", [], SCALARS, (x) 2.0 * (-x.abs()).exp() / (1.0 + (-2.0 * x.abs()).exp());
        2.0 / (x.exp() + (-x).exp());
        1.0 / ((x.exp() + (-x).exp()) / 2.0);
        2.0 * x.exp() / (1.0 + (2.0 * x).exp());
    ),
    class!("log(exp(x)+exp(y))", [], PAIRS, (x, y) x.maximum(y).stop_gradient() + ((x - x.maximum(y).stop_gradient()).exp() + (y - x.maximum(y).stop_gradient()).exp()).log();
        (x.exp() + y.exp()).log();
        x + (1.0 + (y - x).exp()).log();
        y + (x - y).exp().log1p();
        (x.exp() * (1.0 + (y - x).exp())).log();
        (x.exp() * (1.0 + y.exp() / x.exp())).log();
        (1.0 / (1.0 / (x.exp() + y.exp()))).log();
        x.maximum(y) + (1.0 + (-(x - y).abs()).exp()).log();
    ),
    class!("log((exp(x)+exp(y))/2)", [], PAIRS, (x, y) x.maximum(y).stop_gradient() + (((x - x.maximum(y).stop_gradient()).expm1() + (y - x.maximum(y).stop_gradient()).expm1()) / 2.0).log1p();
        ((x.exp() + y.exp()) / 2.0).log();
        (0.5 * x.exp() + 0.5 * y.exp()).log();
        (x.exp() + y.exp()).log() - 2f64.ln();
    ),
    class!("log(0.25 exp(x) + 3 exp(2y))", [], PAIRS, (x, y) {
            let (a, b) = (x - 4f64.ln(), 2.0 * y + 3f64.ln());
            let m = a.maximum(b).stop_gradient();
            m + ((a - m).exp() + (b - m).exp()).log()
        };
        (0.25 * x.exp() + 3.0 * (2.0 * y).exp()).log();
        (x.exp() / 4.0 + 3.0 * y.exp() * y.exp()).log();
        (0.25 * (x.exp() + 12.0 * y.exp().square())).log();
    ),
    class!("log(1+exp(x)+exp(y))", [], PAIRS, (x, y) {
            let m = x.maximum(y).relu().stop_gradient();
            m + ((-m).exp() + (x - m).exp() + (y - m).exp()).log()
        };
        (1.0 + x.exp() + y.exp()).log();
        (x.exp() + (1.0 + y.exp())).log();
        (x.exp() + y.exp()).log1p();
    ),
    class!("exp(x)/(exp(x)+exp(y))", [], PAIRS, (x, y) (x - y).sigmoid();
        x.exp() / (x.exp() + y.exp());
        1.0 / (1.0 + (y - x).exp());
        1.0 / (1.0 + y.exp() / x.exp());
        (x - (x.exp() + y.exp()).log()).exp();
        1.0 - y.exp() / (x.exp() + y.exp());
    ),
    class!("log(exp(x)/(exp(x)+exp(y)))", [], PAIRS, (x, y) -(y - x).softplus();
        (x.exp() / (x.exp() + y.exp())).log();
        x - (x.exp() + y.exp()).log();
        x.exp().log() - (x.exp() + y.exp()).log();
        -((x.exp() + y.exp()) / x.exp()).log();
    ),
    class!("log of a ratio of sums", [], PAIRS, (x, y) x.softplus() - y.softplus();
        ((1.0 + x.exp()) / (1.0 + y.exp())).log();
        (1.0 + x.exp()).log() - (1.0 + y.exp()).log();
        -((1.0 + y.exp()) / (1.0 + x.exp())).log();
    ),
    class!("log of a mixture of two normal densities", [], SCALARS.split_at(27).0, (x) {
            let a = 0.3f64.ln() - (x - 1.0).square() / 2.0;
            let b = 0.7f64.ln() - (x + 2.0).square() / 0.5 + 2f64.ln();
            let m = a.maximum(b).stop_gradient();
            m + ((a - m).exp() + (b - m).exp()).log()
        };
        (0.3 * (-(x - 1.0).square() / 2.0).exp() + 0.7 * 2.0 * (-(x + 2.0).square() / 0.5).exp()).log();
        (0.3 * (-0.5 * (x - 1.0).pow(2.0)).exp() + 1.4 * (-0.5 * ((x + 2.0) / 0.5).pow(2.0)).exp()).log();
    ),
    class!("log of a normal density", [], SCALARS, (x) -0.5 * x * x - 0.5 * (2.0 * std::f64::consts::PI).ln();
        ((-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()).log();
        ((-0.5 * x.square()).exp() * (2.0 * std::f64::consts::PI).powf(-0.5)).log();
        (-0.5 * x.square()).exp().log() - 0.5 * (2.0 * std::f64::consts::PI).ln();
    ),
    class!("elu", [], SCALARS, (x) x.gt(0.0).select(x, x.gt(0.0).select(0.0, x).expm1());
        x.gt(0.0).select(x, x.exp() - 1.0);
        x.relu() + (x.minimum(0.0).exp() - 1.0);
        x.relu() - (1.0 - (-(-x).relu()).exp());
    ),
];
