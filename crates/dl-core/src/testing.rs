//! What the library's tests share: values, gradients and recorded faults.

use crate::dim::Name;
use crate::graph::{Expr, Graph};
use crate::interp::evaluate;
use crate::program::Program;
use crate::tensor::Tensor;

/// The value under inputs and parameters by name.
pub(crate) fn value(expr: Expr<'_>, data: &[(&str, Tensor)]) -> Vec<f64> {
    crate::interp::eval_expr(expr, data).unwrap().to_f64()
}

/// The gradient of a scalar under inputs and parameters by name, through the whole compiler.
pub(crate) fn gradient<'g>(objective: Expr<'g>, wrt: Expr<'g>, data: &[(&str, Tensor)]) -> Vec<f64> {
    let gradient = objective.grad(&[wrt])[0];
    let builder = Program::builder(objective.graph());
    let program = builder.output("gradient", gradient).compile().unwrap();
    let given = |name: &Name| data.iter().find(|(n, _)| **n == **name).map(|(_, t)| t);
    let inputs: Vec<_> =
        program.inputs().iter().filter_map(|d| Some((&*d.name, given(&d.name)?.view()))).collect();
    let parameters: Vec<_> =
        program.parameters().iter().filter_map(|d| Some((d.name.clone(), given(&d.name)?.clone()))).collect();
    let found = evaluate(&program, &inputs, &parameters, 0, 0).unwrap();
    found.output("gradient").unwrap().to_f64()
}

/// Asserts equality up to rounding; infinities and NaN equal themselves.
#[track_caller]
pub(crate) fn near(got: &[f64], want: &[f64]) {
    let close =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-13 * (1.0 + b.abs());
    assert!(
        got.len() == want.len() && got.iter().zip(want).all(|(a, b)| close(*a, *b)),
        "{got:?} is not {want:?}"
    );
}

/// The recorded messages, one a line, without their places.
pub(crate) fn faults(g: &Graph) -> String {
    let error = g.check().expect_err("a fault");
    error.faults().iter().map(|f| f.message.clone()).collect::<Vec<_>>().join("\n")
}
