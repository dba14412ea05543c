//! Random formulas, compiled as they are written and rewritten: rewriting makes none of them worse.
//!
//! Where a formula as written is right, the rewritten one is right, in value and gradient; where it
//! is not, the rewritten one is no further from the truth in extended precision.
//! `cargo xtask fuzz` runs many more than a test does ([`crate::fuzz`]).

use dl_core::{DType, Expr, F32, F64, Graph, Named, Program, Shape, Tensor, TensorRef, interp};

use crate::class::rounded;
use crate::formulas::{Arrays, Draws, labelled, number};
use crate::fuzz::{self, Outcome};
use crate::judge::objective;
use crate::precision::{Single, errors, evaluate, truth};

/// By how much more than the formula as it was written a rewritten one may be off, in units of the
/// last place times the condition, and in proportion: another order of rounding is no fault.
const SLACK: (f64, f64) = (30.0, 10.0);

/// At how many points around one it is seen whether the formula as it was written is right by luck.
const NEARBY: usize = 24;

#[test]
fn formulas_of_numbers_are_not_made_worse() {
    fuzz::run("formulas of numbers", 600, |seed| numbers(seed, Draws::new, &[1.0, 0.01, 10.0, 100.0]));
}

#[test]
fn formulas_with_extreme_constants_are_not_made_worse() {
    fuzz::run("formulas with extreme constants", 600, |seed| {
        numbers(seed, Draws::extreme, &[1.0, 1e-3, 40.0, 1e10])
    });
}

/// A formula of numbers in both float types, at a point of each size.
fn numbers(seed: u64, start: fn(u64) -> Draws, sizes: &[f64]) -> Outcome {
    let mut outcome = Outcome::default();
    for dtype in [F64, F32] {
        let graph = Graph::new();
        let (x, y) = (graph.input("x", dtype, ()), graph.input("y", dtype, ()));
        let mut draws = start(seed);
        let depth = 2 + draws.below(4);
        let value = number(&mut draws, x, y, depth);
        let case = Case::new(seed, dtype, value, &[x, y]);
        for &size in sizes {
            let point =
                [("x", drawn(&mut draws, dtype, &[], size)), ("y", drawn(&mut draws, dtype, &[], size))];
            case.judge(&point, &mut outcome);
        }
    }
    outcome
}

#[test]
fn formulas_of_arrays_are_not_made_worse() {
    fuzz::run("formulas of arrays", 150, |seed| {
        let mut outcome = Outcome::default();
        let mut draws = Draws::new(seed);
        let dtype = [F64, F32][draws.below(2)];
        let graph = Graph::new();
        // The number of rows is known, or only a run knows it.
        let shape: Shape = if draws.below(2) == 0 { [2, 3].into() } else { (Named("B"), 3).into() };
        let (x, y) = (graph.input("x", dtype, &shape), graph.input("y", dtype, 3));
        let (arrays, depth) = (Arrays { x, y }, 1 + draws.below(4));
        let value = match draws.below(3) {
            0 => arrays.matrix(&mut draws, depth),
            1 => arrays.rows(&mut draws, depth),
            _ => arrays.matrix(&mut draws, depth).sum(0),
        };
        let case = Case::new(seed, dtype, value, &[x, y]);
        let sizes = [1.0, [0.01, 10.0, 100.0][draws.below(3)]];
        for size in sizes {
            let (x, y) = (drawn(&mut draws, dtype, &[2, 3], size), drawn(&mut draws, dtype, &[3], size));
            case.judge(&[("x", x), ("y", y), labelled()], &mut outcome);
        }
        outcome
    });
}

/// Numbers between `-size` and `size`.
fn drawn(draws: &mut Draws, dtype: DType, shape: &[usize], size: f64) -> Tensor {
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| rounded(dtype, size * (2.0 * draws.next() - 1.0))).collect();
    Tensor::from_f64(dtype, shape, &values).expect("as many as the shape says")
}

/// A formula with its gradients, as it was written and rewritten.
struct Case {
    seed: u64,
    dtype: DType,
    formula: String,
    raw: Program,
    rewritten: Program,
}

impl Case {
    fn new(seed: u64, dtype: DType, value: Expr<'_>, inputs: &[Expr<'_>]) -> Case {
        let names = ["d/dx", "d/dy"];
        let compile = |rewriting: bool| {
            let mut builder = Program::builder(value.graph()).output("value", value);
            for (name, gradient) in names.into_iter().zip(objective(value).grad(inputs)) {
                builder = builder.output(name, gradient);
            }
            let builder = if rewriting { builder } else { builder.without_rewriting() };
            builder.compile().unwrap_or_else(|e| panic!("formula {seed}: {value}: {e}"))
        };
        Case { seed, dtype, formula: value.to_string(), raw: compile(false), rewritten: compile(true) }
    }

    /// Adds how many values could be judged, and those that are worse.
    fn judge(&self, point: &[(&str, Tensor)], outcome: &mut Outcome) {
        let epsilon = if self.dtype == F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        for value in self.values(point) {
            // Nothing is left to be made worse where no digit was right, or one only happened to be.
            if (value.before > 0.01 / epsilon || value.truth.abs() < 1e-40) && value.after > value.before {
                continue;
            }
            outcome.judged += 1;
            if worse(value.before, value.after) && !self.lucky(point, &value) {
                outcome.failures.push(self.failure(point, &value));
            }
        }
    }

    /// The values at a point, with their errors as the formula was written and as it was rewritten.
    fn values(&self, point: &[(&str, Tensor)]) -> Vec<Value> {
        let truths = truth(&self.raw, point);
        // Outside the domain there is no derivative either.
        if !truths[0].iter().all(|t| t.value.has_digits(60)) {
            return vec![];
        }
        let mut values = vec![];
        let computed = outputs(&self.raw, self.dtype, point).into_iter();
        let computed = computed.zip(outputs(&self.rewritten, self.dtype, point));
        for (output, (truths, (before, after))) in truths.iter().zip(computed).enumerate() {
            let errors = |computed: &[f64]| errors(self.dtype, truths, computed);
            for (element, pair) in errors(&before).into_iter().zip(errors(&after)).enumerate() {
                let (Some(before), Some(after)) = pair else { continue };
                let truth = truths[element].value.to_f64();
                values.push(Value { output, element, before, after, truth });
            }
        }
        values
    }

    /// The formula as it was written is no better nearby: at this point its roundings happened to cancel.
    fn lucky(&self, point: &[(&str, Tensor)], value: &Value) -> bool {
        let mut draws = Draws::new(self.seed);
        let nearby = (0..NEARBY).flat_map(|_| {
            let near: Vec<(&str, Tensor)> = point.iter().map(|(n, t)| (*n, shaken(&mut draws, t))).collect();
            self.values(&near)
        });
        let same = nearby.filter(|v| v.output == value.output && v.element == value.element);
        let before = same.fold(value.before, |worst, v| worst.max(v.before));
        !worse(before, value.after)
    }

    fn failure(&self, point: &[(&str, Tensor)], value: &Value) -> String {
        let Value { output, element, before, after, truth } = value;
        let rules: Vec<String> =
            self.rewritten.trace().counts().iter().map(|(rule, n)| format!("{rule} ×{n}")).collect();
        format!(
            "{} {} {}[{element}] at {}: off by {before:.1} as written, by {after:.1} rewritten, true {truth:e}: {}; fired: {}",
            self.seed,
            self.dtype,
            self.raw.outputs()[*output].name,
            shown(point),
            self.formula,
            rules.join(", ")
        )
    }
}

/// One element of an output.
struct Value {
    output: usize,
    element: usize,
    /// Errors in units of the last place times the condition.
    before: f64,
    after: f64,
    truth: f64,
}

fn worse(before: f64, after: f64) -> bool {
    after.is_nan() || after > SLACK.0 + SLACK.1 * before
}

/// The same numbers, each a few hundred units of the last place of single precision away.
fn shaken(draws: &mut Draws, tensor: &Tensor) -> Tensor {
    if !tensor.dtype().is_float() {
        return tensor.clone();
    }
    let near = |x: f64| rounded(tensor.dtype(), x * (1.0 + 1e-4 * (draws.next() - 0.5)));
    let values: Vec<f64> = tensor.to_f64().into_iter().map(near).collect();
    Tensor::from_f64(tensor.dtype(), tensor.shape(), &values).expect("as many as before")
}

fn shown(point: &[(&str, Tensor)]) -> String {
    let shown = point.iter().filter(|(n, _)| *n != "labels").map(|(n, t)| format!("{n} = {:?}", t.to_f64()));
    shown.collect::<Vec<_>>().join(", ")
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
