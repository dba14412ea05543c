//! Formulas that nobody thought of: rewriting makes none of them worse.

use dl_core::ops::random::uniform;
use dl_core::{DType, Expr, F32, F64, Graph, Program, Tensor, TensorRef, interp};

use crate::class::rounded;
use crate::precision::{Single, errors, evaluate, truth};

/// How many formulas are tried.
const FORMULAS: u64 = 800;
/// By how much more than the formula as it was written a rewritten one may be off, in units of the
/// last place times the condition, and in proportion: another order of rounding is no fault.
const SLACK: (f64, f64) = (30.0, 10.0);

/// Numbers between 0 and 1, one after the other.
struct Draws {
    seed: u64,
    at: u64,
}

impl Draws {
    fn next(&mut self) -> f64 {
        self.at += 1;
        f64::from(uniform(self.seed, 0, 1, self.at))
    }

    fn below(&mut self, n: usize) -> usize {
        ((self.next() * n as f64) as usize).min(n - 1)
    }
}

/// A formula of `x` and `y` with so many levels.
fn formula<'g>(draws: &mut Draws, x: Expr<'g>, y: Expr<'g>, depth: usize) -> Expr<'g> {
    if depth == 0 {
        let constants = [1.0, 2.0, 0.5, -1.0, 3.0, 0.25];
        return match draws.below(5) {
            0 => y,
            1 => x.graph().full(x.dtype(), x.shape(), constants[draws.below(constants.len())]),
            _ => x,
        };
    }
    let a = formula(draws, x, y, depth - 1);
    if draws.next() < 0.5 {
        return match draws.below(14) {
            0 | 1 => a.exp(),
            2 | 3 => a.log(),
            4 => a.sqrt(),
            5 => a.tanh(),
            6 => a.sigmoid(),
            7 => a.softplus(),
            8 => -a,
            9 => a.square(),
            10 => a.abs(),
            11 => a.log1p(),
            12 => a.expm1(),
            _ => a.pow(-1.0),
        };
    }
    let levels = draws.below(depth);
    let b = formula(draws, x, y, levels);
    if a == b {
        // x - x and x/x are exact as they are written, by luck.
        return a * b;
    }
    match draws.below(9) {
        0 | 1 => a + b,
        2 | 3 => a - b,
        4 => b - a,
        5 => a * b,
        6 => a / b,
        7 => b / a,
        _ => a.maximum(b),
    }
}

#[test]
fn what_is_not_recognised_is_not_made_worse() {
    let mut worse = vec![];
    let (mut told, mut better) = (0, 0);
    for seed in 0..FORMULAS {
        for dtype in [F64, F32] {
            let (t, b) = compare(seed, dtype, &mut worse);
            told += t;
            better += b;
        }
    }
    println!("{told} values told apart, {better} of them by more than 1000 units closer than as written");
    assert!(told > 5 * FORMULAS, "only {told} values could be told");
    assert!(worse.is_empty(), "{} are worse:\n{}", worse.len(), worse.join("\n"));
}

/// How many values could be judged, and how many came out much better.
fn compare(seed: u64, dtype: DType, worse: &mut Vec<String>) -> (u64, u64) {
    let graph = Graph::new();
    let (x, y) = (graph.input("x", dtype, ()), graph.input("y", dtype, ()));
    let mut draws = Draws { seed, at: 0 };
    let depth = 2 + draws.below(4);
    let value = formula(&mut draws, x, y, depth);
    let compile = |rewriting: bool| {
        let builder = Program::builder(&graph).output("value", value).output("d", value.grad(&[x])[0]);
        let builder = if rewriting { builder } else { builder.without_rewriting() };
        builder.compile().unwrap_or_else(|e| panic!("formula {seed}: {e}"))
    };
    let (raw, rewritten) = (compile(false), compile(true));
    let (mut told, mut better) = (0, 0);
    let epsilon = if dtype == F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    for k in 0..4 {
        let size = [1.0, 0.01, 10.0, 100.0][k];
        let mut draw = || rounded(dtype, size * (2.0 * draws.next() - 1.0));
        let of = |v: f64| Tensor::from_f64(dtype, [0; 0], &[v]).expect("a scalar");
        let (x, y) = (draw(), draw());
        let point = [("x", of(x)), ("y", of(y))];
        let truths = truth(&raw, &point);
        let (before, after) = (outputs(&raw, dtype, &point), outputs(&rewritten, dtype, &point));
        // Outside the domain there is no derivative either.
        let defined = truths[0][0].value.has_digits(60);
        for (i, name) in ["value", "d"].into_iter().enumerate().filter(|_| defined) {
            let before = errors(dtype, &truths[i], &before[i])[0];
            let after = errors(dtype, &truths[i], &after[i])[0];
            let (Some(before), Some(after)) = (before, after) else { continue };
            // Nothing is left to be made worse where no digit was right, or one only happened to be.
            if (before > 0.01 / epsilon || truths[i][0].value.to_f64().abs() < 1e-40) && after > before {
                continue;
            }
            told += 1;
            better += u64::from(before > after + 1000.0);
            let no_worse = after <= SLACK.0 + SLACK.1 * before;
            if !no_worse {
                let truth = truths[i][0].value.to_f64();
                worse.push(format!(
                    "{seed} {dtype} {name} at {x:e} {y:e}: {before:.1} before, {after:.1} after, true {truth:e}: {value}"
                ));
            }
        }
    }
    (told, better)
}

fn outputs(program: &Program, dtype: DType, point: &[(&str, Tensor)]) -> Vec<Vec<f64>> {
    if dtype == F32 {
        let outputs = evaluate(&Single, program, point, &[]);
        return outputs.iter().map(|o| o.reals().into_iter().copied().collect()).collect();
    }
    let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
    let views: Vec<(&str, TensorRef<'_>)> =
        point.iter().filter(|(n, _)| used(n)).map(|(n, t)| (*n, t.view())).collect();
    let run = interp::evaluate(program, &views, &[], 0, 0).expect("inputs fit");
    program.outputs().iter().map(|o| run.output(&o.name).expect("it is an output").to_f64()).collect()
}
