//! How far a device's `f32` results are from the tables' definitions: what `cargo xtask accuracy --device` runs.
//!
//! Prints Markdown; fails where an error is above its declared bound.

mod arguments;

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use dl_backends::burn::{adapters, fidelity};
use dl_backends::cpu::vector::fidelity::ulps;
use dl_backends::{Session, Wgpu};
use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::UNARY;
use dl_core::ops::{Binary, Unary};
use dl_core::{Expr, F32, Graph, Named, Program, Tensor};

use arguments::Asked;

/// Numbers of a run.
const BLOCK: u64 = 1 << 19;

const LEGEND: &str = "\
Largest errors in `f32`, in units in the last place (ulp) of the exact result, and where the first of them occurs, among
numbers of which neither they nor the result are subnormal. Then whether subnormal numbers and results are `kept`, or
taken `as zeros`, which a device may do. Last, how many results are something else entirely: NaN, infinite or zero where
they must not be, or beyond the bound where subnormal numbers are about. Reference: the tables' definitions in `f64`.";

/// What is found of a function.
#[derive(Clone, Copy)]
struct Worst {
    bound: f64,
    /// The largest error, and where it occurs first.
    error: (f64, [f32; 2]),
    /// Whether subnormal numbers were taken as zeros.
    flushes: bool,
    wrong: (u64, [f32; 2]),
}

fn main() -> ExitCode {
    arguments::run(measure)
}

fn measure(asked: &Asked) -> Result<bool, Box<dyn Error>> {
    let (step, flag) = if asked.quick { (65_537, " --quick") } else { (257, "") };
    let adapters = adapters();
    let adapter = adapters.iter().find(|adapter| adapter.runs()).ok_or("no adapter runs programs")?;
    let revision = std::env::var("DL_REVISION").unwrap_or_else(|_| "not told".to_owned());
    let mut report = String::from("# Accuracy of a device\n\n");
    writeln!(
        report,
        "Printed by `cargo xtask accuracy --device{flag}`, revision {revision}, on {}.\n",
        adapter.name()
    )?;
    writeln!(report, "{LEGEND} Functions of one number: every {step}th of the 2³² numbers.\n")?;
    writeln!(report, "| function | bound | error | subnormal | wrong |\n| --- | --- | --- | --- | --- |")?;
    let mut good = true;
    for row in UNARY {
        let Some(f) = unary(row.op) else { continue };
        let count = (1_u64 << 32) / step;
        let numbers = |i: u64| [f32::from_bits((i * step) as u32), 0.0];
        let exact = |x, _| (row.value)(x);
        let worst = measured(&|x, _| f(x), &exact, fidelity::unary(row.op), count, &numbers)?;
        good &= line(&mut report, row.name, &worst, 1)?;
    }
    for row in BINARY {
        let Some(f) = binary(row.op) else { continue };
        let worst = measured(&f, &row.value, fidelity::binary(row.op), (1_u64 << 32) / step, &pair)?;
        good &= line(&mut report, row.name, &worst, 2)?;
    }
    asked.tell(&report)?;
    Ok(good)
}

/// Functions of floats whose result is one.
fn unary(op: Unary) -> Option<for<'g> fn(Expr<'g>) -> Expr<'g>> {
    Some(match op {
        Unary::Neg => |x| -x,
        Unary::Abs => |x| x.abs(),
        Unary::Sign => |x| x.sign(),
        Unary::Exp => |x| x.exp(),
        Unary::Expm1 => |x| x.expm1(),
        Unary::Log => |x| x.log(),
        Unary::Log1p => |x| x.log1p(),
        Unary::Sqrt => |x| x.sqrt(),
        Unary::Sin => |x| x.sin(),
        Unary::Cos => |x| x.cos(),
        Unary::Tanh => |x| x.tanh(),
        Unary::Sigmoid => |x| x.sigmoid(),
        Unary::Softplus => |x| x.softplus(),
        Unary::Relu => |x| x.relu(),
        Unary::Erf => |x| x.erf(),
        Unary::Floor => |x| x.floor(),
        Unary::Ceil => |x| x.ceil(),
        Unary::Round => |x| x.round(),
        Unary::Log2 => |x| x.log2(),
        Unary::Exp2 => |x| x.exp2(),
        Unary::Tan => |x| x.tan(),
        Unary::Sinh => |x| x.sinh(),
        Unary::Cosh => |x| x.cosh(),
        Unary::Asin => |x| x.asin(),
        Unary::Acos => |x| x.acos(),
        Unary::Atan => |x| x.atan(),
        Unary::Erfc => |x| x.erfc(),
        Unary::Erfcx => |x| x.erfcx(),
        Unary::Erfinv => |x| x.erfinv(),
        Unary::LogNdtr => |x| x.log_ndtr(),
        // On the host.
        Unary::Lgamma | Unary::Digamma => return None,
        Unary::IsFinite | Unary::Not => return None,
    })
}

/// The same of two numbers.
fn binary(op: Binary) -> Option<for<'g> fn(Expr<'g>, Expr<'g>) -> Expr<'g>> {
    Some(match op {
        Binary::Add => |x, y| x + y,
        Binary::Sub => |x, y| x - y,
        Binary::Mul => |x, y| x * y,
        Binary::Div => |x, y| x / y,
        Binary::Pow => |x, y| x.pow(y),
        Binary::Max => |x, y| x.maximum(y),
        Binary::Min => |x, y| x.minimum(y),
        Binary::Atan2 => |x, y| x.atan2(y),
        _ => return None,
    })
}

/// Pairs without a pattern; every second one has a moderate power.
fn pair(i: u64) -> [f32; 2] {
    // Steele, Lea and Flood's SplitMix64.
    let z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let z = z ^ z >> 31;
    let (x, y) = (f32::from_bits(z as u32), z >> 32);
    if i.is_multiple_of(2) {
        return [x, f32::from_bits(y as u32)];
    }
    let exponent = y as f64 * (278.0 / f64::from(u32::MAX)) - 150.0;
    [x, (exponent / f64::from(x.abs()).log2()) as f32]
}

/// A function on so many numbers or pairs.
fn measured(
    f: &dyn for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g>,
    exact: &dyn Fn(f64, f64) -> f64,
    bound: f64,
    count: u64,
    numbers: &dyn Fn(u64) -> [f32; 2],
) -> Result<Worst, Box<dyn Error>> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.input(name, F32, Named("B")));
    // Both are inputs of every program.
    let program = Program::builder(&g).output("z", f(x, y)).output("x", x + y).compile()?;
    let mut session = Session::new(Wgpu::default(), 0);
    let handle = session.compile(&program)?;
    let mut worst = Worst { bound, error: (0.0, [0.0; 2]), flushes: false, wrong: (0, [0.0; 2]) };
    for start in (0..count).step_by(BLOCK as usize) {
        let pairs: Vec<[f32; 2]> = (start..(start + BLOCK).min(count)).map(numbers).collect();
        let [x, y] = [0, 1].map(|k| Tensor::vector(pairs.iter().map(|pair| pair[k]).collect::<Vec<f32>>()));
        let got = session.run(&handle, &[x.view(), y.view()])?.read("z")?;
        for (pair, got) in pairs.into_iter().zip(got.get::<f32>()?) {
            worst.judge(pair, *got, exact);
        }
    }
    Ok(worst)
}

impl Worst {
    fn judge(&mut self, pair: [f32; 2], got: f32, exact: &dyn Fn(f64, f64) -> f64) {
        let right = exact(f64::from(pair[0]), f64::from(pair[1]));
        let error = far(got, right);
        if !pair.iter().any(|x| x.is_subnormal()) && !(right as f32).is_subnormal() {
            if error.is_finite() {
                self.error = if error > self.error.0 { (error, pair) } else { self.error };
                return;
            }
        } else if error <= self.bound.max(0.5) {
            return;
        } else if flushed(pair, exact).into_iter().any(|zeroed| far(got, zeroed) <= self.bound) {
            self.flushes = true;
            return;
        }
        self.wrong = (self.wrong.0 + 1, if self.wrong.0 == 0 { pair } else { self.wrong.1 });
    }
}

/// How far a result is from the exact one; the sign of a zero is no matter of digits.
fn far(got: f32, exact: f64) -> f64 {
    if got == 0.0 && exact as f32 == 0.0 { 0.0 } else { ulps(got, exact) }
}

/// Results with subnormal numbers as zeros: those given, the result, or both.
fn flushed(pair: [f32; 2], exact: &dyn Fn(f64, f64) -> f64) -> [f64; 3] {
    let zeroed = |x: f32| if x.is_subnormal() { 0.0_f32.copysign(x) } else { x };
    let of = |[x, y]: [f32; 2]| exact(f64::from(x), f64::from(y));
    let (given, kept) = (of(pair.map(zeroed)), of(pair));
    let result = |x: f64| if (x as f32).is_subnormal() { 0.0_f64.copysign(x) } else { x };
    [given, result(kept), result(given)]
}

fn line(text: &mut String, name: &str, worst: &Worst, arity: usize) -> Result<bool, std::fmt::Error> {
    let at = |pair: [f32; 2]| pair[..arity].iter().map(|x| format!("{x:e}")).collect::<Vec<_>>().join(", ");
    let found = |(size, pair): (f64, [f32; 2]), digits: usize| match size {
        0.0 => "0".to_owned(),
        size => format!("{size:.digits$} at {}", at(pair)),
    };
    let (error, wrong) = (found(worst.error, 3), found((worst.wrong.0 as f64, worst.wrong.1), 0));
    let subnormal = if worst.flushes { "as zeros" } else { "kept" };
    writeln!(text, "| `{name}` | {} | {error} | {subnormal} | {wrong} |", worst.bound)?;
    Ok(worst.error.0 <= worst.bound && worst.wrong.0 == 0)
}
