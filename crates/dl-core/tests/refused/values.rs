//! First values outside the element type, recorded where the parameter is declared.

use dl_core::nn::{Fan, Nonlinearity};
use dl_core::{Bool, DType, F32, F64, Graph, I64, Init, U8};

use crate::refused;

#[track_caller]
fn check(dtype: DType, init: Init) {
    let g = Graph::new();
    let at = std::panic::Location::caller();
    g.parameter("w", dtype, [2, 3], init);
    refused(&g, at.file(), at.line(), &["initialiser of w: "]);
}

#[test]
fn no_parameter_starts_outside_its_type() {
    for dtype in DType::ALL {
        check(dtype, Init::Constant(f64::NAN));
    }
    check(F32, Init::Constant(1e300));
    check(F32, Init::Constant(-3.5e38));
    check(I64, Init::Constant(1e30));
    check(I64, Init::Constant(9_223_372_036_854_775_808.0));
    check(I64, Init::Constant(0.5));
    check(I64, Init::Constant(f64::INFINITY));
    check(U8, Init::Constant(-1.0));
    check(Bool, Init::Constant(0.5));
    check(Bool, Init::Constant(-1.0));
    check(F32, Init::Uniform { low: -1e300, high: 1.0 });
    check(F32, Init::Uniform { low: 0.0, high: 1e39 });
    check(F64, Init::Normal { mean: 0.0, std: 1e308 });
    check(F32, Init::Normal { mean: 3e38, std: 1e38 });
    check(F32, Init::Orthogonal { gain: 1e300 });
    check(F32, Init::XavierUniform { gain: 1e300 });
    check(F32, Init::TruncatedNormal { mean: 0.0, std: 1e39, low: f64::NEG_INFINITY, high: 0.0 });
    check(F64, Init::KaimingNormal { fan: Fan::In, nonlinearity: Nonlinearity::LeakyRelu(f64::NAN) });
}

#[test]
fn the_ends_of_a_type_are_inside_it() {
    let g = Graph::new();
    let ends =
        [(F32, f64::from(f32::MAX)), (F32, f64::NEG_INFINITY), (F64, f64::MAX), (U8, 255.0), (Bool, 1.0)];
    for (i, (dtype, value)) in ends.into_iter().chain([(I64, i64::MIN as f64)]).enumerate() {
        g.parameter(&format!("w{i}"), dtype, [2], Init::Constant(value));
    }
    g.check().unwrap();
}
