//! Tests of the reference interpreter: values in two lines each, and that no op is without one.

mod contract;
mod coverage;
mod elementwise;
mod index;
mod movement;
mod programs;
mod reduce;
mod runs;
mod scan;
mod window;

use super::eval_expr;
use crate::graph::{Expr, Graph};
use crate::tensor::{Data, Tensor};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Compares the value of `expr`, written as type, shape and elements, or the error without its line.
#[track_caller]
fn check(expr: Expr<'_>, want: &str) {
    assert_eq!(show(expr, &[]), want);
}

/// The value of `expr` as text, or the error without its line.
fn show(expr: Expr<'_>, values: &[(&str, Tensor)]) -> String {
    match eval_expr(expr, values) {
        Ok(tensor) => text(&tensor),
        Err(error) => {
            let error = error.to_string();
            error
                .split_once(".rs:")
                .and_then(|(_, rest)| rest.split_once(": "))
                .map_or(error.clone(), |(_, m)| m.into())
        }
    }
}

fn text(tensor: &Tensor) -> String {
    let elements: Vec<String> = match tensor.data() {
        Data::F32(v) => v.iter().map(f32::to_string).collect(),
        Data::F64(v) => v.iter().map(f64::to_string).collect(),
        Data::I64(v) => v.iter().map(i64::to_string).collect(),
        Data::Bool(v) => v.iter().map(bool::to_string).collect(),
        Data::U8(v) => v.iter().map(u8::to_string).collect(),
    };
    format!("{}{:?} {}", tensor.dtype(), tensor.shape(), elements.join(" ")).trim_end().into()
}

/// Floats in one dimension.
fn floats<'g>(g: &'g Graph, elements: &[f64]) -> Expr<'g> {
    g.literal(Tensor::vector(elements.to_vec()))
}

/// Integers in one dimension.
fn ints<'g>(g: &'g Graph, elements: &[i64]) -> Expr<'g> {
    g.literal(Tensor::vector(elements.to_vec()))
}

/// Truth values in one dimension.
fn bools<'g>(g: &'g Graph, elements: &[bool]) -> Expr<'g> {
    g.literal(Tensor::vector(elements.to_vec()))
}

/// `0, 1, 2, …` as floats of `shape`.
fn range<'g, const N: usize>(g: &'g Graph, shape: [usize; N]) -> Expr<'g> {
    let elements = (0..shape.iter().product()).map(|i| i as f64).collect::<Vec<f64>>();
    g.literal(Tensor::new(shape, elements).expect("as many elements as the shape says"))
}
