//! The functions of formulas: their names, what they take, and what they are in a graph.

use std::ops::RangeInclusive;

use dl_core::{Expr, nn};

/// What a function does with shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Element by element.
    Elements,
    /// A condition and two values, element by element.
    Choice,
    /// All elements, to a number.
    All,
    /// The elements along the last axis, which stays or not.
    Last { keeps: bool },
    /// Two vectors or matrices.
    Product,
    /// Scores of classes along the last axis, and labels.
    Labels,
}

/// What a function is in a graph.
#[derive(Clone, Copy)]
pub(super) enum Means {
    One(for<'g> fn(Expr<'g>) -> Expr<'g>),
    Two(for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>),
    /// A reduction of all elements with one argument, else of pairs of elements.
    Either(for<'g> fn(Expr<'g>) -> Expr<'g>, for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>),
    Choice,
    Product,
}

/// A function of formulas.
pub(super) struct Function {
    /// The first is shown to people.
    pub names: &'static [&'static str],
    pub count: RangeInclusive<usize>,
    pub takes: Takes,
    pub means: Means,
}

const fn one(names: &'static [&'static str], means: for<'g> fn(Expr<'g>) -> Expr<'g>) -> Function {
    Function { names, count: 1..=1, takes: Takes::Elements, means: Means::One(means) }
}

const fn two(names: &'static [&'static str], means: for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Function {
    Function { names, count: 2..=2, takes: Takes::Elements, means: Means::Two(means) }
}

const fn all(names: &'static [&'static str], means: for<'g> fn(Expr<'g>) -> Expr<'g>) -> Function {
    Function { names, count: 1..=1, takes: Takes::All, means: Means::One(means) }
}

const fn last(
    names: &'static [&'static str],
    keeps: bool,
    means: for<'g> fn(Expr<'g>) -> Expr<'g>,
) -> Function {
    Function { names, count: 1..=1, takes: Takes::Last { keeps }, means: Means::One(means) }
}

/// All of them.
pub(super) static FUNCTIONS: &[Function] = &[
    one(&["exp"], |x| x.exp()),
    one(&["log", "ln"], |x| x.log()),
    one(&["log2"], |x| x.log2()),
    one(&["exp2"], |x| x.exp2()),
    one(&["log1p"], |x| x.log1p()),
    one(&["expm1"], |x| x.expm1()),
    one(&["sqrt"], |x| x.sqrt()),
    one(&["square"], |x| x.square()),
    one(&["abs"], |x| x.abs()),
    one(&["sign", "sgn"], |x| x.sign()),
    one(&["sin"], |x| x.sin()),
    one(&["cos"], |x| x.cos()),
    one(&["tan"], |x| x.tan()),
    one(&["asin", "arcsin"], |x| x.asin()),
    one(&["acos", "arccos"], |x| x.acos()),
    one(&["atan", "arctan"], |x| x.atan()),
    two(&["atan2", "arctan2"], |y, x| y.atan2(x)),
    one(&["sinh"], |x| x.sinh()),
    one(&["cosh"], |x| x.cosh()),
    one(&["tanh"], |x| x.tanh()),
    one(&["sigmoid", "σ", "logistic"], |x| x.sigmoid()),
    one(&["softplus"], |x| x.softplus()),
    one(&["relu"], |x| x.relu()),
    one(&["gelu"], |x| nn::gelu(x)),
    one(&["silu", "swish"], |x| nn::silu(x)),
    one(&["erf"], |x| x.erf()),
    one(&["erfc"], |x| x.erfc()),
    one(&["erfcx"], |x| x.erfcx()),
    one(&["erfinv"], |x| x.erfinv()),
    two(&["ierfcx"], |n, x| x.ierfcx(n)),
    one(&["log_ndtr"], |x| x.log_ndtr()),
    one(&["lgamma", "gammaln", "loggamma"], |x| x.lgamma()),
    one(&["digamma", "psi", "ψ"], |x| x.digamma()),
    one(&["trigamma"], |x| x.trigamma()),
    two(&["polygamma"], |n, x| x.polygamma(n)),
    one(&["floor"], |x| x.floor()),
    one(&["ceil"], |x| x.ceil()),
    one(&["round"], |x| x.round()),
    two(&["floor_divide"], |x, y| x.floor_divide(y)),
    two(&["remainder", "mod"], |x, y| x.remainder(y)),
    one(&["stop_gradient", "detach"], |x| x.stop_gradient()),
    all(&["sum", "Σ"], |x| x.sum(..)),
    all(&["prod", "Π"], |x| x.prod(..)),
    all(&["mean"], |x| x.mean(..)),
    all(&["norm"], |x| x.square().sum(..).sqrt()),
    all(&["norm1"], |x| x.abs().sum(..)),
    last(&["softmax"], true, |x| nn::softmax(x, -1)),
    last(&["log_softmax"], true, |x| nn::log_softmax(x, -1)),
    last(&["logsumexp"], false, |x| x.logsumexp(-1)),
    last(&["argmax"], false, |x| x.argmax(-1)),
    Function {
        names: &["max"],
        count: 1..=2,
        takes: Takes::All,
        means: Means::Either(|x| x.max(..), |x, y| x.maximum(y)),
    },
    Function {
        names: &["min"],
        count: 1..=2,
        takes: Takes::All,
        means: Means::Either(|x| x.min(..), |x, y| x.minimum(y)),
    },
    Function { names: &["dot", "matmul"], count: 2..=2, takes: Takes::Product, means: Means::Product },
    Function { names: &["where", "select", "if"], count: 3..=3, takes: Takes::Choice, means: Means::Choice },
    Function {
        names: &["cross_entropy"],
        count: 2..=2,
        takes: Takes::Labels,
        means: Means::Two(|z, y| nn::cross_entropy(z, y)),
    },
];

/// The function of that name.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.names.contains(&name))
}

/// All names.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|f| f.names.iter().copied())
}
