//! Activations and gains as PyTorch has them.

use dl_core::Expr;
use dl_core::nn::{self, Nonlinearity};

use super::table::{Formula, Table, agree, formula};

type Elementwise = for<'g> fn(Expr<'g>) -> Expr<'g>;

/// By PyTorch's name and settings; each has several cases.
const ELEMENTWISE: &[(&str, Elementwise)] = &[
    ("relu", |x| x.relu()),
    ("sigmoid", |x| x.sigmoid()),
    ("tanh", |x| x.tanh()),
    ("leaky_relu", |x| nn::leaky_relu(x, 0.01)),
    ("leaky_relu 0.2", |x| nn::leaky_relu(x, 0.2)),
    ("elu", |x| nn::elu(x, 1.0)),
    ("elu 0.5", |x| nn::elu(x, 0.5)),
    ("selu", nn::selu),
    ("celu", |x| nn::celu(x, 1.0)),
    ("celu 0.5", |x| nn::celu(x, 0.5)),
    ("silu", nn::silu),
    ("mish", nn::mish),
    ("softplus", |x| nn::softplus(x, 1.0, 20.0)),
    ("softplus 2 3", |x| nn::softplus(x, 2.0, 3.0)),
    ("log_sigmoid", nn::log_sigmoid),
    ("hardtanh", |x| nn::hardtanh(x, -1.0, 1.0)),
    ("hardtanh -2 3", |x| nn::hardtanh(x, -2.0, 3.0)),
    ("relu6", nn::relu6),
    ("hardsigmoid", nn::hardsigmoid),
    ("hardswish", nn::hardswish),
    ("hardshrink", |x| nn::hardshrink(x, 0.5)),
    ("softshrink", |x| nn::softshrink(x, 0.5)),
    ("threshold 0.1 20", |x| nn::threshold(x, 0.1, 20.0)),
];

const GAINS: &[(&str, Nonlinearity)] = &[
    ("gain of linear", Nonlinearity::Linear),
    ("gain of sigmoid", Nonlinearity::Sigmoid),
    ("gain of tanh", Nonlinearity::Tanh),
    ("gain of relu", Nonlinearity::Relu),
    ("gain of leaky_relu", Nonlinearity::LeakyRelu(0.2)),
    ("gain of selu", Nonlinearity::Selu),
];

#[test]
fn activations_agree_with_pytorch() {
    let text = include_str!("activations.json");
    let table = Table::read(text);
    let mut formulas: Vec<(String, Formula)> = vec![];
    for (name, f) in ELEMENTWISE {
        let own = ["", " far", " of NaN", " at kinks"].map(|what| format!("{name}{what}"));
        let there = own.into_iter().filter(|case| table.cases.contains_key(case));
        formulas.extend(there.map(|case| (case, formula(|x| f(x["x"])))));
    }
    let mut other = |name: &str, f: Formula| formulas.push((name.into(), f));
    other("gelu", formula(|x| nn::gelu(x["x"])));
    other("gelu_tanh", formula(|x| nn::gelu_tanh(x["x"])));
    other("softsign", formula(|x| nn::softsign(x["x"])));
    other("tanhshrink", formula(|x| nn::tanhshrink(x["x"])));
    for name in ["prelu", "prelu of features", "prelu at kinks"] {
        other(name, formula(|x| nn::leaky_relu(x["x"], x["slope"])));
    }
    for what in ["", " far"] {
        other(&format!("softmax{what}"), formula(|x| x["x"].softmax(-1)));
        other(&format!("log_softmax{what}"), formula(|x| x["x"].log_softmax(-1)));
        other(&format!("softmin{what}"), formula(|x| x["x"].softmin(-1)));
    }
    other("softmax along the first", formula(|x| x["x"].softmax(0)));
    other("log_softmax along the first", formula(|x| x["x"].log_softmax(0)));
    other("softmin along the first", formula(|x| x["x"].softmin(0)));
    other("logsumexp", formula(|x| x["x"].logsumexp(-1)));
    other("glu", formula(|x| nn::glu(x["x"], -1)));
    other("glu along the middle", formula(|x| nn::glu(x["x"], 1)));
    for (name, what) in GAINS {
        other(name, formula(|x| x["x"] * what.gain()));
    }
    let (names, formulas): (Vec<String>, Vec<Formula>) = formulas.into_iter().unzip();
    let formulas: Vec<(&str, Formula)> = names.iter().map(String::as_str).zip(formulas).collect();
    agree(text, &formulas);
}
