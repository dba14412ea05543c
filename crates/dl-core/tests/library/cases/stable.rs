//! The stable building blocks.

use dl_core::{Expr, nn};

use super::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    let two = |name: &str, f: for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>| {
        case(name, move |x| f(x[0], x[1])).over("a", [2, 3], (-1.5, 1.5)).over("b", [2, 3], (-1.5, 1.5))
    };
    vec![
        two("logaddexp", nn::logaddexp),
        two("hypot", nn::hypot),
        case("log1mexp", |u| nn::log1mexp(u[0])).over("u", [2, 3], (-1.5, -0.1)),
        case("log_cosh", |x| nn::log_cosh(x[0])).over("x", [2, 3], (-1.5, 1.5)),
        case("norm", |x| nn::norm(x[0], 1)).over("x", [2, 3], (-1.5, 1.5)),
    ]
}
