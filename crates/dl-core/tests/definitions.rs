//! The tables' definitions, and the derivatives to second order in single precision, against hundreds of digits.
#![allow(clippy::unwrap_used)] // a test may

#[path = "library/cases/elementwise.rs"]
#[allow(dead_code)] // the functions of two arguments are called by name here
mod elementwise;
#[path = "precision/mod.rs"]
mod precision;

use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::{Takes, UNARY};
use dl_core::ops::{Binary, Unary};
use dl_core::{Expr, F32, Graph, Program, Tensor};

use precision::{Arithmetic, Ball, Extended, Single, errors, evaluate, truth};

/// Numbers of all sizes and signs, and what functions have special places at.
fn numbers() -> Vec<f64> {
    let special = [
        0.0,
        0.5,
        1.0,
        2.0,
        3.0,
        1.4616,
        1.999_999,
        1.000_001,
        0.549_9,
        0.55,
        0.999_999_999,
        9.99,
        10.01,
        1.5,
        2.5,
        6.0,
        7.3,
        14.2,
        25.5,
        26.9,
        37.4,
        60.7,
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut all: Vec<f64> = special.to_vec();
    for exponent in (-300..300).step_by(30).chain(-6..7) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.push((1.0 + (state >> 11) as f64 / (1_u64 << 53) as f64) * 2f64.powi(exponent));
    }
    all.iter().flat_map(|x| [*x, -x]).collect()
}

/// Units in the last place that a definition may be off; relative to 1 at least where poles and zeros alternate.
fn is_right(value: f64, exact: &Ball, ulps: f64, floor: f64) -> bool {
    let want = exact.to_f64();
    let known = exact.has_digits(70) || want == 0.0;
    let rounded = value == want || value.is_nan() && want.is_nan();
    // Below the normal numbers there are fewer digits, and underflow is abrupt where factors vanish.
    let unit = (want.abs().max(floor) * f64::EPSILON).max(f64::MIN_POSITIVE);
    !known || rounded || (value - want).abs() <= ulps * unit || value.is_infinite() && want.abs() > 1.79e308
}

#[test]
fn functions_of_one_argument() {
    let a = Extended::new(320);
    for row in UNARY.iter().filter(|row| matches!(row.takes, Takes::Floats | Takes::Numbers)) {
        let mut told = 0;
        for x in numbers() {
            let exact = a.unary(row.op, &a.real(x));
            told += usize::from(exact.has_digits(70));
            let alternates = matches!(row.op, Unary::Lgamma | Unary::Digamma) && x < 0.0;
            let floor = if alternates { 1.0 + x.abs() } else { 0.0 };
            let value = (row.value)(x);
            let right = is_right(value, &exact, 6.0, floor);
            assert!(right, "{}({x:e}) = {value:e}, not {:e}", row.name, exact.to_f64());
        }
        assert!(told > 20, "{}: {told}", row.name);
    }
}

#[test]
fn functions_of_two_arguments() {
    let a = Extended::new(320);
    let orders: Vec<f64> = [0, 1, 2, 3, 5, 8, 13, 30].map(f64::from).to_vec();
    for row in BINARY {
        let ordered = matches!(row.op, Binary::Ierfcx | Binary::Polygamma);
        if !(ordered || matches!(row.op, Binary::Atan2 | Binary::FloorDivide | Binary::Remainder)) {
            continue;
        }
        let first = if ordered { orders.clone() } else { numbers().into_iter().step_by(5).collect() };
        let mut told = 0;
        for (x, y) in first.iter().flat_map(|x| numbers().into_iter().map(move |y| (*x, y))) {
            // A sum of few terms and a recurrence both lose digits with the order.
            let ulps = if ordered { 16.0 + 16.0 * x } else { 2.0 };
            if row.op == Binary::Polygamma && x > 13.0 && y < 0.0 {
                continue;
            }
            let exact = a.binary(row.op, &a.real(x), &a.real(y));
            // Far beyond the digits of both, the quotient is none that anyone has.
            if !ordered && row.op != Binary::Atan2 && (x / y).abs() > 1e15 {
                continue;
            }
            told += usize::from(exact.has_digits(70));
            let floor = if ordered && y < 0.0 { 1.0 } else { 0.0 };
            let value = (row.value)(x, y);
            let right = is_right(value, &exact, ulps, floor);
            assert!(right, "{}({x:e}, {y:e}) = {value:e}, not {:e}", row.name, exact.to_f64());
        }
        assert!(told > 100, "{}: {told}", row.name);
    }
}

type OfOne = Box<dyn for<'g> Fn(Expr<'g>) -> Expr<'g>>;

fn boxed(f: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> OfOne {
    Box::new(f)
}

#[test]
fn derivatives_to_second_order() {
    const SIZES: [f64; 9] = [1e-20, 1e-4, 0.3, 1.0, 2.5, 5.0, 20.0, 100.0, 1e10];
    let mut functions: Vec<(String, OfOne)> = vec![];
    let rows = [
        Unary::Log2,
        Unary::Exp2,
        Unary::Tan,
        Unary::Sinh,
        Unary::Cosh,
        Unary::Asin,
        Unary::Acos,
        Unary::Atan,
        Unary::Erf,
        Unary::Erfc,
        Unary::Erfcx,
        Unary::Erfinv,
        Unary::LogNdtr,
        Unary::Lgamma,
        Unary::Digamma,
    ];
    for op in rows {
        functions.push((op.row().name.into(), boxed(move |x| elementwise::unary(op, x))));
    }
    for n in 0..4 {
        functions.push((format!("ierfcx {n}"), boxed(move |x| x.ierfcx(f64::from(n)))));
        functions.push((format!("polygamma {n}"), boxed(move |x| x.polygamma(f64::from(n)))));
    }
    functions.push(("atan2 by the ordinate".into(), boxed(|y| y.atan2(0.7))));
    functions.push(("atan2 by the abscissa".into(), boxed(|x| (0.0 * x - 0.7).atan2(x))));
    let mut failures = String::new();
    for (name, f) in &functions {
        let g = Graph::new();
        let x = g.input("x", F32, ());
        let slope = f(x).grad(&[x])[0];
        let all = [f(x), slope, slope.grad(&[x])[0]];
        let builder = |rewriting: bool| {
            let mut builder = Program::builder(&g);
            for (order, value) in all.into_iter().enumerate() {
                builder = builder.output(&order.to_string(), value);
            }
            if rewriting { builder.compile() } else { builder.without_rewriting().compile() }
        };
        let (program, plain) = (builder(true).unwrap(), builder(false).unwrap());
        // Not at poles.
        let left = |s: f64| if name.contains("gamma") { -s - 0.25 } else { -s };
        for size in SIZES.into_iter().flat_map(|s| [s, left(s)]) {
            let point = [("x", Tensor::scalar(size as f32))];
            let truths = truth(&plain, &point);
            let got = evaluate(&Single, &program, &point, &[]);
            for (order, (truths, got)) in truths.iter().zip(&got).enumerate() {
                let computed: Vec<f64> = got.reals().into_iter().copied().collect();
                let error = errors(F32, truths, &computed)[0].unwrap_or(0.0);
                // NaN is an error, too.
                if error.is_nan() || error > 12.0 {
                    let want = truths[0].value.to_f64();
                    failures += &format!(
                        "{name}, order {order}, at {size}: {:e}, not {want:e}: {error:.1}\n",
                        computed[0]
                    );
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
