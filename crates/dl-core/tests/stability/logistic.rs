//! The logistic function, tanh, softplus and their logarithms.

use crate::class::{Class, SCALARS, class};

pub(crate) static CLASSES: &[Class] = &[
    class!("log-sigmoid", [], SCALARS, (x) -(-x).softplus();
        (1.0 / (1.0 + (-x).exp())).log();
        (1.0 / ((-x).exp() + 1.0)).log();
        -(1.0 + (-x).exp()).log();
        -((-x).exp() + 1.0).log();
        -(-x).exp().log1p();
        (x.exp() / (1.0 + x.exp())).log();
        (x.exp() / (x.exp() + 1.0)).log();
        x - (1.0 + x.exp()).log();
        x - x.exp().log1p();
        -((1.0 + x.exp()).log() - x);
        x.exp().log() - (1.0 + x.exp()).log();
        x.sigmoid().log();
        (1.0 - (-x).sigmoid()).log();
        (1.0 - 1.0 / (1.0 + x.exp())).log();
        (1.0 - x.exp().pow(-1.0) / (1.0 + (-x).exp())).log();
        (0.5 * (1.0 + (x / 2.0).tanh())).log();
        ((1.0 + (x / 2.0).tanh()) / 2.0).log();
        (1.0 + (x / 2.0).tanh()).log() - 2f64.ln();
        (1.0 / (1.0 + 1.0 / x.exp())).log();
        (1.0 + (-x).exp()).pow(-1.0).log();
        -(1.0 / (1.0 / (1.0 + (-x).exp()))).log();
        x.minimum(0.0) - (1.0 + (-x.abs()).exp()).log();
        -0.5 * ((1.0 + (-x).exp()) * (1.0 + (-x).exp())).log();
        (x / 2.0) - ((x / 2.0).exp() + (-x / 2.0).exp()).log();
    ),
    class!("softplus", [], SCALARS, (x) x.softplus();
        (1.0 + x.exp()).log();
        (x.exp() + 1.0).log();
        x.exp().log1p();
        x + (1.0 + (-x).exp()).log();
        x + (-x).exp().log1p();
        -(-x).sigmoid().log();
        -(1.0 - x.sigmoid()).log();
        -(1.0 / (1.0 + x.exp())).log();
        -(1.0 - x.exp() / (1.0 + x.exp())).log();
        ((1.0 + (-x).exp()) / (-x).exp()).log();
        ((1.0 + (-x).exp()) * x.exp()).log();
        x.maximum(0.0) + (1.0 + (-x.abs()).exp()).log();
        x.relu() + (-x.abs()).exp().log1p();
        2.0 * (1.0 + x.exp()).sqrt().log();
        x - x.sigmoid().log();
        x / 2.0 + ((x / 2.0).exp() + (-x / 2.0).exp()).log();
    ),
    class!("sharp softplus", [], SCALARS, (x) (4.0 * x).softplus() / 4.0;
        (1.0 + (4.0 * x).exp()).log() / 4.0;
        0.25 * (x * 4.0).exp().log1p();
        0.25 * (1.0 + x.exp() * x.exp() * x.exp() * x.exp()).log();
        -0.25 * (1.0 / (1.0 + (4.0 * x).exp())).log();
    ),
    class!("sigmoid", [], SCALARS, (x) x.sigmoid();
        1.0 / (1.0 + (-x).exp());
        1.0 / ((-x).exp() + 1.0);
        (1.0 + (-x).exp()).pow(-1.0);
        x.exp() / (1.0 + x.exp());
        x.exp() / (x.exp() + 1.0);
        x.exp() * (1.0 / (x.exp() + 1.0));
        1.0 - 1.0 / (1.0 + x.exp());
        1.0 - (-x).sigmoid();
        0.5 * (1.0 + (x / 2.0).tanh());
        0.5 + 0.5 * (0.5 * x).tanh();
        ((x / 2.0).tanh() + 1.0) / 2.0;
        1.0 / (1.0 + 1.0 / x.exp());
        (-(1.0 + (-x).exp()).log()).exp();
        (x - (1.0 + x.exp()).log()).exp();
        (-(-x).softplus()).exp();
        (x / 2.0).exp() / ((x / 2.0).exp() + (-x / 2.0).exp());
        x.ge(0.0).select(1.0 / (1.0 + (-x).exp()), x.exp() / (1.0 + x.exp()));
    ),
    class!("complement of sigmoid", [], SCALARS, (x) (-x).sigmoid();
        1.0 - 1.0 / (1.0 + (-x).exp());
        1.0 - x.sigmoid();
        1.0 / (1.0 + x.exp());
        (-x).exp() / (1.0 + (-x).exp());
        1.0 - x.exp() / (1.0 + x.exp());
        0.5 * (1.0 - (x / 2.0).tanh());
    ),
    class!("derivative of sigmoid", [], SCALARS, (x) x.sigmoid() * (-x).sigmoid();
        x.sigmoid() * (1.0 - x.sigmoid());
        1.0 / (1.0 + (-x).exp()) * (1.0 - 1.0 / (1.0 + (-x).exp()));
        x.exp() / ((1.0 + x.exp()) * (1.0 + x.exp()));
        (-x).exp() / (1.0 + (-x).exp()).pow(2.0);
        x.sigmoid() - x.sigmoid() * x.sigmoid();
        x.sigmoid() - x.sigmoid().square();
        (-x).exp() / (1.0 + (-x).exp()).square();
        (-x).exp() / ((1.0 + (-x).exp()) * (1.0 + (-x).exp()));
        x.exp() / (x.exp() + 1.0).pow(2.0);
        (-x).exp() * (1.0 + (-x).exp()).pow(-2.0);
        (-x).exp() / (1.0 + (-x).exp()) / (1.0 + (-x).exp());
        1.0 / ((x / 2.0).exp() + (-x / 2.0).exp()).square();
        1.0 / (x.exp() + 2.0 + (-x).exp());
        x.exp() / (1.0 + 2.0 * x.exp() + (2.0 * x).exp());
        0.25 * (1.0 - (x / 2.0).tanh().square());
        1.0 / ((1.0 + x.exp()) * (1.0 + (-x).exp()));
    ),
    class!("second derivative of sigmoid", [], SCALARS, (x) -x.sigmoid() * (-x).sigmoid() * (x / 2.0).tanh();
        x.sigmoid() * (1.0 - x.sigmoid()) * (1.0 - 2.0 * x.sigmoid());
        x.sigmoid() * (1.0 - x.sigmoid()).square() - x.sigmoid().square() * (1.0 - x.sigmoid());
        (x.sigmoid() - x.sigmoid().square()) * ((-x).sigmoid() - x.sigmoid());
        (-x).sigmoid() * (-x).sigmoid() * x.sigmoid() - x.sigmoid() * x.sigmoid() * (-x).sigmoid();
        -x.exp() * (x.exp() - 1.0) / (x.exp() + 1.0).pow(3.0);
    ),
    class!("tanh", [], SCALARS, (x) x.tanh();
        (x.exp() - (-x).exp()) / (x.exp() + (-x).exp());
        ((2.0 * x).exp() - 1.0) / ((2.0 * x).exp() + 1.0);
        (1.0 - (-2.0 * x).exp()) / (1.0 + (-2.0 * x).exp());
        -(1.0 - (2.0 * x).exp()) / (1.0 + (2.0 * x).exp());
        ((x.exp() - (-x).exp()) / 2.0) / ((x.exp() + (-x).exp()) / 2.0);
        (0.5 * (x.exp() - (-x).exp())) / (0.5 * (x.exp() + (-x).exp()));
        1.0 - 2.0 / ((2.0 * x).exp() + 1.0);
        1.0 - 2.0 / (1.0 + (2.0 * x).exp());
        2.0 / (1.0 + (-2.0 * x).exp()) - 1.0;
        2.0 * (2.0 * x).sigmoid() - 1.0;
        1.0 - 2.0 * (-2.0 * x).sigmoid();
        (2.0 * x).expm1() / ((2.0 * x).exp() + 1.0);
        (2.0 * x).sigmoid() - (-2.0 * x).sigmoid();
        (x.exp() * x.exp() - 1.0) / (x.exp() * x.exp() + 1.0);
        (x.exp() - 1.0 / x.exp()) / (x.exp() + 1.0 / x.exp());
    ),
    class!("derivative of tanh", [], SCALARS, (x) 4.0 * (2.0 * x).sigmoid() * (-2.0 * x).sigmoid();
        1.0 - x.tanh() * x.tanh();
        1.0 - x.tanh().pow(2.0);
        1.0 - x.tanh().square();
        (1.0 - x.tanh()) * (1.0 + x.tanh());
        4.0 / ((x.exp() + (-x).exp()) * (x.exp() + (-x).exp()));
        (2.0 / (x.exp() + (-x).exp())).square();
        4.0 / (x.exp() + (-x).exp()).square();
        4.0 / (x.exp() + (-x).exp()).pow(2.0);
        4.0 * (x.exp() + (-x).exp()).pow(-2.0);
        4.0 * (2.0 * x).exp() / ((2.0 * x).exp() + 1.0).square();
        1.0 / (0.5 * (x.exp() + (-x).exp())).square();
    ),
    class!("silu", [], SCALARS, (x) x * x.sigmoid();
        x / (1.0 + (-x).exp());
        x * (1.0 / (1.0 + (-x).exp()));
        x * x.exp() / (1.0 + x.exp());
        x * (x.exp() / (1.0 + x.exp()));
        0.5 * x * (1.0 + (0.5 * x).tanh());
        x - x / (1.0 + x.exp());
    ),
    class!("mish", [], SCALARS, (x) x * x.softplus().tanh();
        x * (1.0 + x.exp()).log().tanh();
        x * x.exp().log1p().tanh();
    ),
    class!("log-cosh", [], SCALARS, (x) x.abs() + ((-2.0 * x.abs()).expm1() / 2.0).log1p();
        ((x.exp() + (-x).exp()) / 2.0).log();
        (0.5 * (x.exp() + (-x).exp())).log();
        (0.5 * x.exp() + 0.5 * (-x).exp()).log();
        (x.exp() + (-x).exp()).log() - 2f64.ln();
        x + (1.0 + (-2.0 * x).exp()).log() - 2f64.ln();
        x + (-2.0 * x).exp().log1p() - 2f64.ln();
        x + ((1.0 + (-2.0 * x).exp()) / 2.0).log();
        x + (-2.0 * x).softplus() - 2f64.ln();
        x.abs() + (1.0 + (-2.0 * x.abs()).exp()).log() - 2f64.ln();
        (1.0 + (2.0 * x).exp()).log() - x - 2f64.ln();
        -(2.0 / (x.exp() + (-x).exp())).log();
    ),
];
