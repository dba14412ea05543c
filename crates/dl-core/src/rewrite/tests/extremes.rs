//! Every row, and formulas of the kinds that rows are about, with extreme constants at extreme arguments:
//! value and gradients are no further from the truth than as they were written.

use super::instance::{Domain, Instance, of_pattern_in};
use super::precision::{Single, errors, evaluate, exact_truth, truth};
use super::{coded, named, run};
use crate::dtype::DType::{self, F32, F64};
use crate::graph::{Expr, Graph};
use crate::nn;
use crate::ops::random::uniform;
use crate::program::Program;
use crate::rewrite::rules::{Rule, RuleKind, rules};
use crate::tensor::Tensor;

/// By how much more than the formula as it was written a rewritten one may be off: in units of the last
/// place times the condition, and in proportion. What is computed as an exponential may be off by its
/// logarithm besides.
const SLACK: (f64, f64) = (64.0, 8.0);
/// The largest part of the largest number that arguments and results may be.
const ROOM: f64 = 1e-4;
/// At how many points around one it is seen whether the formula as it was written is right by luck.
const NEARBY: u64 = 8;

/// What is worse at some point, by how its report begins, with the reason.
const KNOWN: &[(&str, &str)] = &[
    ("pseudo-huber", "an infinite argument: ∞/∞"),
    ("sqrt-one-plus-minus-one", "an infinite argument: ∞/∞"),
    (
        "log-of-quotient",
        "the logarithm of -0, which a negative infinity makes, is no logarithm of its divisor",
    ),
    (
        "log-reciprocal",
        "the logarithm of -0, which a negative infinity makes, is no logarithm of its divisor",
    ),
    ("relu-and-expm1", "at 0 the function has the derivative 1, where its two parts have kinks"),
    ("sum-of-distribution", "what is assumed to sum to one has derivatives along such values only"),
    ("sum-of-scaled-distribution", "what is assumed to sum to one has derivatives along such values only"),
    (
        "difference-of-weighted-moments",
        "what is assumed to sum to one has derivatives along such values only",
    ),
    (
        "(c + x.exp()).log() - k with c = 2.220446049250313e-16",
        "a rounding unit less the logarithm of 1 and it",
    ),
    ("(1.0 + c * x).sqrt() - 1.0", "an infinite argument: ∞/∞"),
    (
        "c * x.exp() / (x.exp() + k * y.exp()) with c = 1e30, k = 1.2e-38",
        "a gradient that is one below the smallest number times 1e30",
    ),
    (
        "(c * x.exp() * y).sum(1).log().broadcast_along(&[0], &x.shape()) - k with c = 1e300",
        "weights at the end of the type",
    ),
    (
        "(c * x.exp() * y).sum(1).log().broadcast_along(&[0], &x.shape()) - k with c = 1e30,",
        "weights at the end of the type",
    ),
    (
        "(c * x.exp() * y).sum(1).log().broadcast_along(&[0], &x.shape()) - k with c = 3e38",
        "weights at the end of the type",
    ),
    (
        "(c * x.exp() * y).sum(1).log().broadcast_along(&[0], &x.shape()) - k with c = 2.2250738585072014e-308",
        "weights at the end of the type",
    ),
    ("gradient-of-log-softmax", "its instance is no gradient: what cancels there does not in one"),
];

/// Constants at which folding and moving go wrong, of double precision; what another type does not have is
/// passed over.
const CONSTANTS: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    0.5,
    0.7,
    0.3,
    -3.0,
    40.0,
    -40.0,
    100.0,
    -300.0,
    710.0,
    -710.0,
    1000.0,
    2000.0,
    1e-17,
    1e17,
    -1e-8,
    1e-15,
    1e30,
    1e-30,
    3e38,
    1.2e-38,
    1e300,
    1e-300,
    f32::EPSILON as f64,
    f64::EPSILON,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// With how many constants another one is tried, and at how many of the points a row and a formula is
/// judged; `cargo xtask mutate` asks for more.
fn share() -> (u64, usize, usize) {
    if super::mutants::whole() { (5, 1, 3) } else { (2, 3, 7) }
}

#[test]
fn no_row_is_worse_with_extreme_constants_or_arguments() {
    let mut worse = vec![];
    for rule in rules() {
        for dtype in [F64, F32] {
            for numbers in numbers(rule) {
                if numbers.iter().all(|(_, c)| held(dtype, *c)) {
                    worse.extend(row(rule, dtype, &numbers));
                }
            }
        }
    }
    judged(worse);
}

/// A formula of two inputs with two constants.
type Family = for<'g> fn(Expr<'g>, Expr<'g>, f64, f64) -> Expr<'g>;

macro_rules! families {
    ($(|$x:ident, $y:ident, $c:ident, $k:ident| $body:expr;)*) => {
        &[$((stringify!($body), {
            #[allow(unused_variables)]
            fn family<'g>($x: Expr<'g>, $y: Expr<'g>, $c: f64, $k: f64) -> Expr<'g> { $body }
            family as Family
        })),*]
    };
}

/// What people write with constants that may be large, small, or nothing beside another one.
const FAMILIES: &[(&str, Family)] = families! {
    |x, y, c, k| -(1.0 - x.sigmoid() + c).log();
    |x, y, c, k| 1.0 / (1.0 + (-(x - c) / k).exp());
    |x, y, c, k| (c * x.exp() + k * y.exp()).log();
    |x, y, c, k| (c * x.exp() - k).log();
    |x, y, c, k| c - (c - x).softplus();
    |x, y, c, k| k - (c - x).softplus();
    |x, y, c, k| c + k * (x / k - c).softplus();
    |x, y, c, k| (c * x.exp()).log1p();
    |x, y, c, k| (c + x.exp()).log() - k;
    |x, y, c, k| c * x.exp() / (k + x.exp());
    |x, y, c, k| c * x.exp() / (x.exp() + k * y.exp());
    |x, y, c, k| c * (x.exp() - k);
    |x, y, c, k| (x + c).exp() - k;
    |x, y, c, k| (x - c).exp() / (k - y).exp();
    |x, y, c, k| (c * x) * (k * y);
    |x, y, c, k| (c * x) / (k * y);
    |x, y, c, k| x * (c * y) / k;
    |x, y, c, k| c / (k / x) + y;
    |x, y, c, k| x - c * (y + k * x);
    |x, y, c, k| c * x + k * y;
    |x, y, c, k| c * x - c * y;
    |x, y, c, k| (x + c) - (y + k);
    |x, y, c, k| ((x - c) + k) * y;
    |x, y, c, k| (c * x * x + k).sqrt();
    |x, y, c, k| (x * x + c).sqrt() - k;
    |x, y, c, k| (c * x * x + k * y * y).sqrt();
    |x, y, c, k| (x * x / c).sqrt();
    |x, y, c, k| x.pow(c) * y;
    |x, y, c, k| (c * x.pow(0.5)).log();
    |x, y, c, k| (x * c).abs().log();
    |x, y, c, k| (x * y).abs().log() + c;
    |x, y, c, k| (x / y * c).log();
    |x, y, c, k| (c * (x * y)).abs().log() * k;
    |x, y, c, k| c * x.tanh() - c;
    |x, y, c, k| c * x.sigmoid() - k;
    |x, y, c, k| k - c * x.tanh();
    |x, y, c, k| x.minimum(c) - x.maximum(k);
    |x, y, c, k| x - x.minimum(c);
    |x, y, c, k| (x.exp().log() - c) * k;
    |x, y, c, k| x.gt(c).select(x * k, y);
    |x, y, c, k| (1.0 / x - c).log();
    |x, y, c, k| (1.0 - x / (c + x)) * k;
    |x, y, c, k| (1.0 + c * x).sqrt() - 1.0;
    |x, y, c, k| (c + x).log() - (k + y).log();
    |x, y, c, k| c * (x - y).square() / k;
    |x, y, c, k| nn::logaddexp(x, y * c) + k;
    |x, y, c, k| (x * c - y).tanh() * k;
    |x, y, c, k| (c * x).sum(1).broadcast_along(&[0], &x.shape()) / k;
    |x, y, c, k| ((x - c).exp().sum(1) * k).log().broadcast_along(&[0], &x.shape());
    |x, y, c, k| (c * x.exp() * y).sum(1).log().broadcast_along(&[0], &x.shape()) - k;
    |x, y, c, k| ((x * x).sum(1) / c - (x.sum(1) / k).square()).broadcast_along(&[0], &x.shape());
    |x, y, c, k| ((x * x).sum(1) * c).sqrt().broadcast_along(&[0], &x.shape()) + k;
    |x, y, c, k| (k * (x * c).softmax(1)).log();
    |x, y, c, k| x * (c * x).log() * k;
};

#[test]
fn no_formula_is_worse_with_extreme_constants_or_arguments() {
    let mut worse = vec![];
    for (at, (name, family)) in FAMILIES.iter().enumerate() {
        for dtype in [F64, F32] {
            let enough = worse.len() + 4;
            for (i, c) in CONSTANTS.iter().enumerate() {
                for k in partners(at as u64, i as u64) {
                    if worse.len() >= enough || !(held(dtype, *c) && held(dtype, k)) {
                        continue;
                    }
                    let graph = Graph::new();
                    let (x, y) = (graph.input("x", dtype, [2, 3]), graph.input("y", dtype, [2, 3]));
                    let instance = Instance { expr: family(x, y, *c, k), domains: vec![] };
                    let what = format!("{name} with c = {c:e}, k = {k:e}");
                    // The logarithm of a weight costs as many roundings.
                    let weights = [*c, k].map(|c| c.abs().ln().abs()).into_iter().filter(|l| l.is_finite());
                    worse.extend(judge(&what, dtype, &instance, share().2, weights.fold(0.0, f64::max)));
                }
            }
        }
    }
    judged(worse);
}

fn judged(mut worse: Vec<String>) {
    worse.retain(|w| !KNOWN.iter().any(|(known, _)| w.starts_with(known)));
    let shown = worse.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(worse.is_empty(), "{} are worse:\n{shown}", worse.len());
}

/// Constants for the letters of a row; one empty choice where it has none.
fn numbers(rule: &Rule) -> Vec<Vec<(char, f64)>> {
    let has = |letter| matches!(rule.kind, RuleKind::Pattern) && has_letter(rule.left, letter);
    let seed = rule.name.len() as u64;
    match (has('c'), has('k')) {
        (true, true) => (0..CONSTANTS.len())
            .flat_map(|i| partners(seed, i as u64).map(move |k| vec![('c', CONSTANTS[i]), ('k', k)]))
            .collect(),
        (true, false) => CONSTANTS.iter().map(|c| vec![('c', *c)]).collect(),
        _ => vec![vec![]],
    }
}

/// True for a letter that stands for itself.
fn has_letter(side: &str, letter: char) -> bool {
    side.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().eq([letter]))
}

fn partners(seed: u64, i: u64) -> impl Iterator<Item = f64> {
    let pick = move |j| (f64::from(uniform(seed, 1, i, j)) * CONSTANTS.len() as f64) as usize;
    (0..share().0).map(move |j| CONSTANTS[pick(j).min(CONSTANTS.len() - 1)])
}

fn held(dtype: DType, c: f64) -> bool {
    crate::dtype::Scalar::written(dtype, c).is_ok()
}

fn row(rule: &Rule, dtype: DType, numbers: &[(char, f64)]) -> Vec<String> {
    let graph = Graph::new();
    let instance = match rule.kind {
        RuleKind::Pattern => of_pattern_in(dtype, rule, &graph, numbers),
        RuleKind::Code(..) => coded::of_in(dtype, rule.name, &graph),
    };
    let instance = instance.unwrap_or_else(|| panic!("{} has no instance", rule.name));
    judge(&format!("{} with {numbers:?}", rule.name), dtype, &instance, share().1, 0.0)
}

/// What is worse at the instance's points, of which every one in so many is tried.
fn judge(what: &str, dtype: DType, instance: &Instance<'_>, one_in: usize, weight: f64) -> Vec<String> {
    let (raw, rewritten) = match (compiled(instance, false), compiled(instance, true)) {
        (Ok(raw), Ok(rewritten)) => (raw, rewritten),
        (Err(_), Err(_)) => return vec![],
        (raw, rewritten) => panic!("{what}: {:?} as written, {:?} rewritten", raw.err(), rewritten.err()),
    };
    let mut worse = vec![];
    let of_row = one_in == share().1;
    let points = instance.points().into_iter().chain(instance.hard_points());
    for point in points.skip(what.len() % one_in).step_by(one_in) {
        let point: Vec<(String, Tensor)> = point.into_iter().filter(|(n, _)| *n != "u").collect();
        let mut given = named(&point);
        given.push(("u", weights(instance.expr)));
        let (before, after) = (outputs(&raw, dtype, &given), outputs(&rewritten, dtype, &given));
        if before.iter().flatten().zip(after.iter().flatten()).all(|(b, a)| alike(dtype, *b, *a)) {
            continue;
        }
        let truths = exact_truth(&raw, &given);
        // Outside the domain there is no derivative either.
        if !truths[0].iter().all(|t| t.value.has_digits(60)) {
            continue;
        }
        let right = |(t, computed): (&Vec<_>, &Vec<f64>)| {
            errors(dtype, t, computed).into_iter().flatten().all(|off| off <= SLACK.0)
        };
        if truths.iter().zip(&after).all(right) {
            continue;
        }
        let truths = truth(&raw, &given);
        let largest = given.iter().flat_map(|(_, t)| t.to_f64()).fold(0.0, |l: f64, x| l.max(x.abs()));
        // What a row makes of infinities is told, but for gradients; near its largest number a type has
        // no room for sums of a few.
        let room = ROOM * if dtype == F32 { f64::from(f32::MAX) } else { f64::MAX };
        if largest.is_finite() && largest > room {
            continue;
        }
        for (output, truths) in truths.iter().enumerate() {
            let off = |computed: &[Vec<f64>]| errors(dtype, truths, &computed[output]);
            for (i, pair) in off(&before).into_iter().zip(off(&after)).enumerate() {
                let (Some(b), Some(a)) = pair else { continue };
                let truth = truths[i].value.to_f64();
                if truth.is_finite() && truth.abs() > room {
                    continue;
                }
                if largest.is_infinite() && (output > 0 || (!of_row && truth.is_infinite())) {
                    continue;
                }
                if is_worse(dtype, b, a - weight, truth)
                    && !lucky(&raw, dtype, &given, (output, i), a - weight)
                {
                    worse.push(format!(
                        "{what}, {dtype} {}[{i}]: {:e} as written, {:e} rewritten, true {:e}; off by {b:.1}, {a:.1}; {:?} at {}",
                        raw.outputs()[output].name,
                        before[output][i],
                        after[output][i],
                        truth,
                        rewritten.trace().counts().keys().collect::<Vec<_>>(),
                        given.iter().map(|(n, t)| format!("{n} {:?}", t.to_f64())).collect::<Vec<_>>().join(" "),
                    ));
                }
            }
        }
    }
    worse.truncate(1);
    worse
}

/// The value and its gradient by every float input, weighted by the input `u`.
fn compiled(instance: &Instance<'_>, rewriting: bool) -> crate::Result<Program> {
    let (graph, expr) = (instance.expr.graph(), instance.expr);
    let mut builder = Program::builder(graph);
    if expr.dtype().is_float() {
        let u = graph.input("u", expr.dtype(), expr.shape());
        builder = builder.output("value", expr);
        for decl in graph.input_decls().into_iter().filter(|d| d.dtype.is_float() && *d.name != *"u") {
            let x = graph.input(&decl.name, decl.dtype, &decl.shape);
            builder = builder.output(&format!("d/d{}", decl.name), (expr * u).sum(..).grad(&[x])[0]);
        }
    } else {
        builder = builder.output("value", expr.cast(F64));
    }
    if rewriting { builder.compile() } else { builder.without_rewriting().compile() }
}

fn weights(expr: Expr<'_>) -> Tensor {
    let shape = expr.shape().eval(&crate::dim::Dims::new().with("B", 2)).expect("only B has no size");
    let count: usize = shape.iter().product();
    let values: Vec<f64> = [1.0, -0.5, 2.0, 0.25, -1.0, 4.0].into_iter().cycle().take(count).collect();
    let dtype = if expr.dtype().is_float() { expr.dtype() } else { F64 };
    Tensor::from_f64(dtype, shape, &values).expect("as many as the shape says")
}

fn outputs(program: &Program, dtype: DType, given: &[(&str, Tensor)]) -> Vec<Vec<f64>> {
    if dtype == F32 {
        let outputs = evaluate(&Single, program, given, &[]);
        return outputs.iter().map(|o| o.reals().into_iter().copied().collect()).collect();
    }
    let owned: Vec<(String, Tensor)> = given.iter().map(|(n, t)| ((*n).to_owned(), t.clone())).collect();
    let run = run(program, &owned).expect("inputs fit");
    program.outputs().iter().map(|o| run.output(&o.name).expect("it is an output").to_f64()).collect()
}

fn alike(dtype: DType, before: f64, after: f64) -> bool {
    let epsilon = if dtype == F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    before.is_nan()
        || before == after
        || (before - after).abs() <= 8.0 * epsilon * before.abs().max(after.abs())
}

/// Where no digit was right as it was written, a finite number that is as wrong is no worse.
fn is_worse(dtype: DType, before: f64, after: f64, truth: f64) -> bool {
    let epsilon = if dtype == F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let power = if truth == 0.0 { 0.0 } else { 2.0 * truth.abs().ln().abs() };
    (!after.is_finite() && before < 0.1 / epsilon)
        || (before <= 0.01 / epsilon && after > SLACK.0 + SLACK.1 * before + power)
}

/// The formula as it was written is no better nearby: at this point its roundings happened to cancel.
fn lucky(raw: &Program, dtype: DType, given: &[(&str, Tensor)], at: (usize, usize), after: f64) -> bool {
    let worst = (0..NEARBY).map(|seed| {
        let near = |(stream, t): (usize, &Tensor)| {
            let shake = |(i, x): (usize, f64)| {
                x * (1.0 + 1e-4 * (f64::from(uniform(seed, 3, stream as u64, i as u64)) - 0.5))
            };
            let values: Vec<f64> = t.to_f64().into_iter().enumerate().map(shake).collect();
            match t.dtype().is_float() {
                true => Tensor::from_f64(t.dtype(), t.shape(), &values).expect("as many as before"),
                false => t.clone(),
            }
        };
        let near: Vec<(&str, Tensor)> =
            given.iter().enumerate().map(|(stream, (name, t))| (*name, near((stream, t)))).collect();
        let truths = truth(raw, &near);
        errors(dtype, &truths[at.0], &outputs(raw, dtype, &near)[at.0])[at.1].unwrap_or(0.0)
    });
    let before = worst.fold(0.0, f64::max);
    after.is_finite() && after <= SLACK.0 + SLACK.1 * before
}

/// Instances are drawn from their domains only.
#[test]
fn domains_are_kept() {
    let graph = Graph::new();
    let x = graph.input("x", F64, [2, 3]);
    let instance = Instance { expr: nn::hypot(x, x), domains: vec![("x", Domain::Positive)] };
    let points = instance.hard_points();
    assert!(points.iter().flatten().flat_map(|(_, t)| t.to_f64()).all(|v| v > 0.0 && v.is_finite()));
}
