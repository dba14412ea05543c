//! Snapshots of what people read.

mod formulas;
mod networks;
mod scale;
mod structure;

use expect_test::Expect;

use crate::{Expr, F64, Graph, Init};

/// The formula for terminals and the LaTeX of what `build` makes of two scalars and a parameter θ.
fn check(build: impl for<'g> Fn(Expr<'g>, Expr<'g>, Expr<'g>) -> Expr<'g>, want: Expect) {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, ()), g.input("y", F64, ()));
    let e = build(x, y, g.parameter("θ", F64, (), Init::Zeros));
    g.check().unwrap();
    want.assert_eq(&format!("{}\n{}", e.math(), e.latex()));
}
