//! The lowering for devices of their own, with 32-bit integers and rough functions, run on flex: so
//! that it is tested where there is no such device.

use std::sync::Arc;

use burn_backend::{BoolDType, IntDType};
use dl_core::ops::{Binary, Order, Unary};
use dl_core::{DType, Dims, Expr, F32, Graph, I64, Plan, Program, Tensor, TensorRef, interp};

use super::compile::compile;
use super::device::Rough;
use super::executable::{Executable, guarded};
use super::machine::Machine;
use super::step::Check;
use crate::Result;
use crate::executor::{Call, Executable as _};

fn device() -> Arc<Machine<burn_flex::Flex>> {
    let (int, bool) = (IntDType::I32, BoolDType::Native);
    Arc::new(Machine {
        name: "device",
        device: burn_flex::FlexDevice,
        int,
        byte: int,
        bool,
        doubles: false,
        on_host: false,
        axes: usize::MAX,
        rough: Rough::ALL,
        adapter: None,
        #[cfg(feature = "wgpu")]
        lanes: std::sync::OnceLock::new(),
        waits: std::sync::atomic::AtomicU64::new(0),
        #[cfg(feature = "wgpu")]
        storage: crate::burn::Storage::F32,
        #[cfg(feature = "wgpu")]
        tuning: std::sync::OnceLock::new(),
    })
}

fn compiled(program: &Program) -> Result<Executable<burn_flex::Flex>> {
    compile(&device(), &Arc::new(Plan::new(program)), &Dims::new())
}

fn run(program: &Program, inputs: &[TensorRef<'_>]) -> Result<Vec<Tensor>> {
    let mut made = compiled(program)?;
    made.run(Call { inputs, rows: None, parameters: &mut [], slots: &[], seed: 7, step: 3, run: 3 })?;
    (0..program.outputs().len()).map(|i| made.output(i)).collect()
}

/// Where a rough function has its seams, and what it must not make of the ends.
const POINTS: [f32; 33] = [
    0.0,
    -0.0,
    1e-30,
    -1e-7,
    1e-3,
    -0.02,
    0.29,
    0.31,
    -0.29,
    -0.31,
    0.49,
    0.51,
    -0.51,
    0.79,
    0.81,
    0.9999999,
    1.0000001,
    1.31,
    0.69,
    std::f32::consts::PI,
    -std::f32::consts::FRAC_PI_2,
    4.712389,
    355.0,
    -0.99,
    1.01,
    2.5,
    -3.0,
    20.0,
    -30.0,
    88.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

fn near(got: f32, want: f64, units: f32) -> bool {
    let want = want as f32;
    got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= units * f32::EPSILON * want.abs()
}

type OfOne = for<'g> fn(Expr<'g>) -> Expr<'g>;
type OfTwo = for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>;

#[test]
fn rough_devices_get_accurate_functions() {
    let functions: [(Unary, OfOne); 13] = [
        (Unary::Log, |x| x.log()),
        (Unary::Sin, |x| x.sin()),
        (Unary::Cos, |x| x.cos()),
        (Unary::Sign, |x| x.sign()),
        (Unary::Expm1, |x| x.expm1()),
        (Unary::Log1p, |x| x.log1p()),
        (Unary::Tanh, |x| x.tanh()),
        (Unary::Sigmoid, |x| x.sigmoid()),
        (Unary::Softplus, |x| x.softplus()),
        (Unary::Relu, |x| x.relu()),
        (Unary::Erf, |x| x.erf()),
        (Unary::Floor, |x| x.floor()),
        (Unary::Neg, |x| -x),
    ];
    for (op, function) in functions {
        let g = Graph::new();
        let x = g.input("x", F32, [POINTS.len()]);
        let program = Program::builder(&g).output("y", function(x)).without_rewriting().compile().unwrap();
        let got = run(&program, &[Tensor::vector(POINTS.to_vec()).view()]).unwrap().remove(0);
        for (x, got) in POINTS.iter().zip(got.get::<f32>().unwrap()) {
            let want = (op.row().value)(f64::from(*x));
            // Beside the zeros of sine and cosine, what is left of a multiple of a right angle has fewer digits.
            let units = if matches!(op, Unary::Sin | Unary::Cos) { 16.0 } else { 4.0 };
            assert!(near(*got, want, units), "{}({x}) is {want}, got {got}", op.row().name);
        }
    }
}

#[test]
fn rough_devices_get_accurate_functions_of_two() {
    let (mut xs, mut ys) = (vec![], vec![]);
    for x in POINTS {
        for y in [0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, f32::INFINITY, f32::NAN] {
            xs.push(x);
            ys.push(y);
        }
    }
    let functions: [(Binary, OfTwo); 4] = [
        (Binary::Pow, |x, y| x.pow(y)),
        (Binary::Max, |x, y| x.maximum(y)),
        (Binary::Min, |x, y| x.minimum(y)),
        (Binary::Div, |x, y| x / y),
    ];
    for (op, function) in functions {
        let g = Graph::new();
        let (x, y) = (g.input("x", F32, [xs.len()]), g.input("y", F32, [xs.len()]));
        let program = Program::builder(&g).output("z", function(x, y)).without_rewriting().compile().unwrap();
        let inputs = [Tensor::vector(xs.clone()), Tensor::vector(ys.clone())];
        let got = run(&program, &[inputs[0].view(), inputs[1].view()]).unwrap().remove(0);
        for ((x, y), got) in xs.iter().zip(&ys).zip(got.get::<f32>().unwrap()) {
            let want = (op.row().value)(f64::from(*x), f64::from(*y));
            let units = if op == Binary::Pow { 64.0 } else { 4.0 };
            assert!(near(*got, want, units), "{}({x}, {y}) is {want}, got {got}", op.row().name);
        }
    }
}

#[test]
fn reductions_find_nan_first() {
    let g = Graph::new();
    let x = g.input("x", F32, [3, 4]);
    let program = Program::builder(&g)
        .output("max", x.max(1))
        .output("min", x.min(1))
        .output("argmax", x.argmax(1))
        .output("argmin", x.argmin(1))
        .compile()
        .unwrap();
    let nan = f32::NAN;
    let x =
        Tensor::new([3, 4], vec![1.0, 3.0, 3.0, -1.0, 2.0, nan, 5.0, nan, 0.0, -0.0, -7.0, -7.0]).unwrap();
    let got = run(&program, &[x.view()]).unwrap();
    let want = interp::evaluate(&program, &[("x", x.view())], &[], 0, 0).unwrap();
    for (got, (name, want)) in got.iter().zip(&want.outputs) {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(got.to_f64().iter().zip(&want.to_f64()).all(same), "{name}: {want:?}, got {got:?}");
    }
}

/// Longer than some devices reduce at once.
#[test]
fn long_axes_are_reduced_in_parts() {
    let g = Graph::new();
    let x = g.input("x", F32, [2, 70_001]);
    let program = Program::builder(&g)
        .output("sum", x.sum(1))
        .output("max", x.max(1))
        .output("argmax", x.argmax(1))
        .compile()
        .unwrap();
    let mut values = vec![1.0f32; 140_002];
    values[69_999] = 7.0;
    values[140_000] = 7.0;
    values[140_001] = 7.0;
    let got = run(&program, &[Tensor::new([2, 70_001], values).unwrap().view()]).unwrap();
    assert_eq!(got[0].to_f64(), [70_007.0, 70_013.0]);
    assert_eq!(got[1].to_f64(), [7.0, 7.0]);
    assert_eq!(got[2].to_f64(), [69_999.0, 69_999.0]);
}

#[test]
fn integers_beyond_32_bits_are_errors() {
    let g = Graph::new();
    let x = g.input("x", I64, [2]);
    let program = Program::builder(&g).output("y", x * x + 1.0).compile().unwrap();
    let error = |values: Vec<i64>| run(&program, &[Tensor::vector(values).view()]).unwrap_err().to_string();
    let ok = run(&program, &[Tensor::vector(vec![-40_000i64, 3]).view()]);
    assert_eq!(ok.unwrap()[0].get::<i64>().unwrap(), [1_600_000_001, 10]);
    assert!(error(vec![0, 1 << 31]).contains("input x: 2147483648 at element 1 of [2] does not fit"));
    let overflow = error(vec![50_000, 0]);
    assert!(overflow.contains("tests.rs:") && overflow.contains("2500000000 at element 0"), "{overflow}");
}

#[test]
fn a_panic_of_the_backend_is_an_error() {
    let lost: Result<()> = guarded("device", || panic!("the device is lost"));
    assert_eq!(lost.unwrap_err().to_string(), "device: the device is lost");
}

#[test]
fn f64_is_refused_where_there_is_none() {
    let g = Graph::new();
    let x = g.input("x", F32, [2]);
    let program = Program::builder(&g).output("y", x.cast(DType::F64)).compile().unwrap();
    let error = compiled(&program).err().unwrap().to_string();
    assert!(error.contains("tests.rs:") && error.contains("device has no f64"), "{error}");
}

/// Only indices that nothing is known of are read back.
#[test]
fn indices_are_checked_where_they_are_known() {
    let g = Graph::new();
    let (x, i) = (g.input("x", F32, [3, 4]), g.input("i", I64, [6]));
    let check = |indices: Expr<'_>, want: Check| {
        let program =
            Program::builder(&g).output("y", x.gather(1, indices)).without_rewriting().compile().unwrap();
        assert_eq!(compiled(&program).unwrap().checks(), [want]);
    };
    check(i, Check::Input(1));
    check(i.reshape([2, 3]), Check::Input(1));
    check(i.slice(0, 1, 3), Check::Computed);
    check(x.argmax(1), Check::Inside);
    check(x.max(0).argsort(0, Order::Ascending), Check::Inside);
    check(x.max(0).argsort(0, Order::Ascending) + 1.0, Check::Computed);
    check(i.maximum(0.0).minimum(3.0), Check::Inside);
    check(g.iota(I64, 0, [5]), Check::Computed);
}
