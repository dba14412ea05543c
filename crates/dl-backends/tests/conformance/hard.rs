//! Functions at hard points: beside their zeros, at the ends of their ranges, far from 0. Devices of their own are
//! rough there, and promised no less than elsewhere.

use dl_backends::Session;
use dl_core::ops::{Binary, Unary};
use dl_core::{Expr, F32, Graph, Program, Tensor};

use crate::executors::executors;
use crate::fidelity::promised;

type OfOne = for<'g> fn(Expr<'g>) -> Expr<'g>;

const SMALL: [f32; 8] = [1e-30, 1e-7, -1e-7, 1e-4, -1e-4, 0.01, 0.25, -0.25];
const LOGS: [f32; 12] =
    [0.9999999, 1.0000001, 0.99999, 1.00001, 0.99, 1.02, 0.71, 1.29, 1.31, 0.69, 1e30, 1e-30];
const SIDES: [f32; 12] = [1e-30, 1e-7, -0.3, 0.5, 0.9999999, -1.0, 3.5, -5.0, 9.0, -9.2, 1e10, -1e10];
const INSIDE: [f32; 10] = [1e-30, 1e-7, -1e-4, 0.3, -0.5, 0.5000001, 0.74, -0.76, 0.999, 0.9999999];
const GAMMA: [f32; 14] = [
    1e-30, 1e-7, 0.3, 0.9999999, 1.0000001, 1.4616321, 1.9999999, 2.5, 3.0, 8.9999, 30.0, 1e10, -0.5, -2.457,
];
const ANGLES: [f32; 12] = [
    1e-7,
    0.7,
    std::f32::consts::FRAC_PI_2,
    std::f32::consts::PI,
    -std::f32::consts::PI,
    4.712389,
    std::f32::consts::TAU,
    11.0,
    22.0,
    344.0,
    355.0,
    710.0,
];

#[test]
fn functions_of_one() {
    let functions: [(Unary, OfOne, &[f32]); 25] = [
        (Unary::Exp, |x| x.exp(), &[1e-7, -1e-7, 20.0, 88.5, -86.5]),
        (Unary::Expm1, |x| x.expm1(), &SMALL),
        (Unary::Log, |x| x.log(), &LOGS),
        (Unary::Log1p, |x| x.log1p(), &SMALL),
        (Unary::Sin, |x| x.sin(), &ANGLES),
        (Unary::Cos, |x| x.cos(), &ANGLES),
        (Unary::Tanh, |x| x.tanh(), &SMALL),
        (Unary::Erf, |x| x.erf(), &SMALL),
        (Unary::Sigmoid, |x| x.sigmoid(), &[1e-7, -80.0, 80.0, -20.0]),
        (Unary::Ceil, |x| x.ceil(), &[-0.5, 0.5, 1e-30, 8388607.5, -2.0]),
        (Unary::Round, |x| x.round(), &[-0.5, 0.5, 1.5, 2.5, -2.5, 8388607.5, 0.49999997]),
        (Unary::Log2, |x| x.log2(), &LOGS),
        (Unary::Exp2, |x| x.exp2(), &[1e-7, -1e-7, 20.5, 127.9, -125.5]),
        (Unary::Tan, |x| x.tan(), &ANGLES),
        (Unary::Sinh, |x| x.sinh(), &[1e-7, -0.3, 0.9999, 1.0001, -20.5, 88.9, 89.4]),
        (Unary::Cosh, |x| x.cosh(), &[1e-7, -0.3, 0.9999, 1.0001, -20.5, 88.9, 89.4]),
        (Unary::Asin, |x| x.asin(), &INSIDE),
        (Unary::Acos, |x| x.acos(), &INSIDE),
        (Unary::Atan, |x| x.atan(), &SIDES),
        (Unary::Erfc, |x| x.erfc(), &SIDES),
        (Unary::Erfcx, |x| x.erfcx(), &SIDES),
        (Unary::Erfinv, |x| x.erfinv(), &INSIDE),
        (Unary::LogNdtr, |x| x.log_ndtr(), &SIDES),
        (Unary::Lgamma, |x| x.lgamma(), &GAMMA),
        (Unary::Digamma, |x| x.digamma(), &GAMMA),
    ];
    for (op, function, points) in functions {
        let g = Graph::new();
        let y = function(g.input("x", F32, [points.len()]));
        let program = Program::builder(&g).output("y", y).without_rewriting().compile().unwrap();
        let wants = points.iter().map(|x| (op.row().value)(f64::from(*x)));
        check(&program, &[("x", points)], op.row().name, &wants.collect::<Vec<_>>());
    }
}

#[test]
fn powers() {
    let bases = [1.0000001, 0.9999999, 1.01, 2.0, 10.0, 7.0, -1.0000001];
    let exponents = [1e7, 1e7, 2000.0, 100.5, -30.0, 0.5, 1e6 + 1.0];
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, [bases.len()]), g.input("y", F32, [bases.len()]));
    let program = Program::builder(&g).output("y", x.pow(y)).without_rewriting().compile().unwrap();
    let right = |(x, y): (&f32, &f32)| (Binary::Pow.row().value)(f64::from(*x), f64::from(*y));
    let wants: Vec<f64> = bases.iter().zip(&exponents).map(right).collect();
    check(&program, &[("x", &bases), ("y", &exponents)], "pow", &wants);
}

fn check(program: &Program, inputs: &[(&str, &[f32])], name: &str, wants: &[f64]) {
    let values: Vec<Tensor> = inputs.iter().map(|(_, values)| Tensor::vector(values.to_vec())).collect();
    let views: Vec<_> = values.iter().map(Tensor::view).collect();
    for executor in executors() {
        let who = executor.name();
        let mut session = Session::boxed(executor, 7);
        let handle = session.compile(program).expect("it can be compiled");
        let got = session.run(&handle, &views).and_then(|outputs| outputs.read("y"));
        let got = got.expect("it runs").to_f64();
        for (place, (got, want)) in got.iter().zip(wants).enumerate() {
            let at: Vec<f32> = inputs.iter().map(|(_, values)| values[place]).collect();
            let right = promised(name).allows(who, F32, *got, *want);
            assert!(right, "{who}: {name} of {at:?} is {want:e}, got {got:e}");
        }
    }
}
