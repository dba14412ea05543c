//! The mutation run over the derivatives: a mistake in what any operation passes back is caught.

// The gradient checks' own cases, of which this uses a part.
#[allow(dead_code)]
#[path = "../../../tests/gradients/cases.rs"]
mod cases;
#[path = "../../../tests/library/cases/mod.rs"]
mod library;

use std::collections::BTreeSet;

use self::library::{Case, Values};
use super::equivalent::EQUIVALENT;
use super::mutants::{Outcome, judge, reason, whole};
use super::mutation::{Mutant, mutants};
use super::{program, values};
use crate::dim::Dims;
use crate::dtype::DType::F64;
use crate::dtype::Scalar;
use crate::graph::{Expr, Graph, NodeId, reachable};
use crate::ops::Op;
use crate::ops::random::uniform;
use crate::program::Program;
use crate::rewrite::rules::rules;
use crate::tensor::Tensor;

/// How far a difference quotient may be off, relative to the size of the numbers.
const DIFFERENCE: f64 = 2e-7;
const STEP: f64 = 1e-5;
const SEEDS: std::ops::Range<u64> = 0..4;

#[test]
fn every_mutant_of_a_derivative_is_caught() {
    judge("derivatives", all().iter().map(of_case));
}

#[test]
fn what_is_listed_as_equivalent_exists() {
    let derivatives = all().into_iter().map(|case| subject(&case));
    let of_rules = rules().flat_map(|rule| [rule.name.to_owned(), format!("{}, if", rule.name)]);
    let known: BTreeSet<String> = derivatives.chain(of_rules).collect();
    for listed in EQUIVALENT.iter().flat_map(|(subjects, ..)| *subjects) {
        assert!(known.contains(*listed), "nothing is named {listed}");
    }
}

fn subject(case: &Case) -> String {
    format!("derivative of {}", case.name)
}

fn all() -> Vec<Case> {
    let of_table = cases::all().into_iter().filter(|c| !ELSEWHERE.contains(&c.name.as_str()));
    of_table.chain(own_cases()).collect()
}

/// Masks matter where a derivative is infinite, for which there are cases here; a product of one
/// factor has nothing to be wrong; one named axis of two is as one; zeros in running
/// products are looked at without a mask; ties of updates are looked at where
/// rows are scattered, and infinite logarithms of sums from the front; a checkpointed scan
/// computes carries again that no cotangent needs, and the recomputed one has all else of it.
const ELSEWHERE: &[&str] = &[
    "select",
    "select in select",
    "prod of 1",
    "prod along one named axis of two",
    "cumprod with zeros",
    "cumprod with zeros from behind",
    "logcumsumexp, reverse true, exclusive false",
    "logcumsumexp, reverse false, exclusive true",
    "logcumsumexp, reverse true, exclusive true",
    "logcumsumexp of a named axis",
    "logcumsumexp of far apart",
    "scatter Max of columns",
    "scatter Min of columns",
    "scatter Max along an axis",
    "scatter Min along an axis",
    "index_put Max",
    "index_put Min",
    "gradient in a body",
    "scan checkpointed: final",
    "scan checkpointed: final scalar",
    "scan checkpointed: history",
    "scan checkpointed: all",
    "scan checkpointed from the end: final",
    "scan checkpointed from the end: final scalar",
    "scan checkpointed from the end: history",
    "scan checkpointed from the end: all",
];

fn own_cases() -> Vec<Case> {
    type Function = for<'g> fn(&[Expr<'g>]) -> Expr<'g>;
    let case = |name: &str, inputs: usize, function: Function| {
        let input = |case: Case, i: usize| case.over(&format!("x{i}"), [2, 3], (0.2, 1.7));
        (0..inputs).fold(library::case(name, function), input)
    };
    let masks: Function = |x| x[0].gt(1.0).select((x[0] - 1.0).sqrt() * x[1], (2.0 - x[1]).sqrt());
    let nested: Function = |x| {
        let below = x[0].lt(0.0).select((-x[0]).sqrt(), 0.0);
        x[0].lt(9.0).select(x[0].gt(0.0).select(x[0].sqrt(), below), x[0].log())
    };
    vec![case("masks", 2, masks), case("masks in masks", 1, nested)]
}

/// Points where a generic one says little: elements that take turns, and the gradients by the inputs
/// for a cotangent of ones; without them, a difference tells.
struct Special {
    case: &'static str,
    inputs: &'static [&'static [f64]],
    gradients: &'static [&'static [f64]],
}

const fn special(
    case: &'static str,
    inputs: &'static [&'static [f64]],
    gradients: &'static [&'static [f64]],
) -> Special {
    Special { case, inputs, gradients }
}

const LN_2: f64 = std::f64::consts::LN_2;
const INF: f64 = f64::INFINITY;
const SPECIAL: &[Special] = &[
    special("abs", &[&[-1.0, 0.0, 2.0]], &[&[-1.0, 0.0, 1.0]]),
    special("relu", &[&[-1.0, 0.0, 2.0]], &[&[0.0, 0.0, 1.0]]),
    special(
        "max",
        &[&[0.0, 1.0, -1.0, 2.0, 3.0, -2.0], &[0.0, 0.0, 0.0, 2.0, -3.0, 2.0]],
        &[&[0.5, 1.0, 0.0, 0.5, 1.0, 0.0], &[0.5, 0.0, 1.0, 0.5, 0.0, 1.0]],
    ),
    special(
        "min",
        &[&[0.0, 1.0, -1.0, 2.0, 3.0, -2.0], &[0.0, 0.0, 0.0, 2.0, -3.0, 2.0]],
        &[&[0.5, 0.0, 1.0, 0.5, 0.0, 1.0], &[0.5, 1.0, 0.0, 0.5, 1.0, 0.0]],
    ),
    special("pow", &[&[0.0], &[-1.0]], &[&[-INF], &[-INF]]),
    special("masks", &[&[1.0], &[1.0, -2.0]], &[&[0.0], &[-0.5, -0.25]]),
    special("masks", &[&[2.0, 5.0], &[2.0]], &[&[1.0, 0.5], &[1.0, 2.0]]),
    special("masks in masks", &[&[0.0, 4.0, -4.0, 10.0, INF]], &[&[0.0, 0.25, -0.25, 0.1, 0.0]]),
    special(
        "pow",
        &[&[0.0, 0.0, 0.0, 2.0, 2.0, 0.0], &[2.0, 1.0, 0.0, 0.0, 1.0, 3.0]],
        &[&[0.0, 1.0, 0.0, 0.0, 1.0, 0.0], &[0.0, 0.0, 0.0, LN_2, 2.0 * LN_2, 0.0]],
    ),
    special("log_ndtr", &[&[-1e8]], &[&[1e8]]),
    special("atan2", &[&[0.0], &[0.0]], &[&[0.0], &[0.0]]),
    special("pow with a constant", &[&[0.0, 1.0]], &[&[0.0, 3.0]]),
    special(
        "clip",
        &[&[-1.0, 0.5, 2.0, -2.0]],
        &[&[0.367_879_441_171_442_33, 1.648_721_270_700_128_2, 0.0, 0.0]],
    ),
    special("cumprod, reverse false, exclusive false", &[&[0.0, 2.0, 3.0, 0.0, 5.0, -1.0]], &[]),
    special(
        "logcumsumexp, reverse false, exclusive false",
        &[&[-INF, 0.0, -INF, -INF, 0.0, -INF, 0.0, 0.0, 0.0, 0.0, INF, 0.0, 0.0, 0.0, INF, 0.0]],
        &[&[
            0.0,
            3.5,
            0.0,
            0.0,
            1.5,
            0.0,
            0.5,
            0.5,
            1.0,
            25.0 / 12.0,
            3.0,
            13.0 / 12.0,
            0.0,
            7.0 / 12.0,
            1.0,
            0.25,
        ]],
    ),
    special(
        "scatter Max",
        &[&[1.0], &[2.0, 1.0, 0.5, 0.5, 1.0, 2.0, 2.0, 1.0, 0.5]],
        &[&[1.0, 0.5, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0], &[0.5, 0.25, 0.0, 0.0, 0.5, 1.0, 0.5, 0.25, 0.0]],
    ),
    special(
        "scatter Min",
        &[&[1.0], &[2.0, 1.0, 0.5, 0.5, 1.0, 2.0, 2.0, 1.0, 0.5]],
        &[&[0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 1.0, 1.0, 1.0], &[0.0, 0.25, 0.5, 1.0, 0.5, 0.0, 0.0, 0.25, 0.5]],
    ),
    special("max along the last", &[&[1.0]], &[&[0.5]]),
    special("max along the last", &[&[INF]], &[&[0.5]]),
    special("max along the outer two", &[&[1.0]], &[&[0.25]]),
    special("min of all", &[&[1.0]], &[&[1.0 / 12.0]]),
    special("prod along the first", &[&[0.0, 1.0, 2.0, 0.0, 3.0]], &[]),
    special("prod along the middle", &[&[0.0, 1.0, 2.0, 0.0, 3.0]], &[]),
    special("prod of 4", &[&[0.0, 1.0, 2.0, 3.0]], &[]),
    special("prod of 7", &[&[1.0, 1.0, 2.0, 3.0, 0.0, -1.0, 5.0]], &[]),
];

/// The inputs' values, the cotangent, a direction, and for each input the slope in it that is right.
struct Point {
    values: Vec<(String, Tensor)>,
    slopes: Vec<f64>,
    scale: f64,
}

fn of_case(case: &Case) -> Outcome {
    let resolved = gradient(case);
    let graph = resolved.to_graph();
    let outputs: Vec<Expr<'_>> = resolved.outputs().iter().map(|o| resolved.expr(&graph, o.node)).collect();
    let (y, gradients) = outputs.split_last().expect("the value is the last one");
    let (slopes, products) = along(gradients);
    let forward: BTreeSet<NodeId> = reachable(&graph, &[y.id()]).into_iter().collect();
    let last = gradients.iter().map(|g| g.id()).max().expect("a case has an input");
    let place = |id: NodeId| {
        let own = id <= last && !forward.contains(&id) && !matches!(graph.get(id).op, Op::Input(_));
        let own = own && !is_late(&graph, id);
        own || products.contains(&id)
    };
    let wrong = mutants(slopes, place);
    let subject = subject(case);
    let points = points(case, *y);
    for point in &points {
        assert!(!is_wrong(&program(slopes).expect("it is right"), point), "{subject} at {:?}", point.values);
    }
    let survivors = survivors(&subject, &wrong, &points);
    Outcome { subject, mutants: wrong.len(), survivors }
}

/// True in rounds of a scan that do nothing for an axis of length 4, and after them.
fn is_late(graph: &Graph, id: NodeId) -> bool {
    let step = |op: &Op| matches!(op, Op::Constant(Scalar::Int(n)) if *n >= 4);
    reachable(graph, &[id]).into_iter().any(|id| step(&graph.get(id).op))
}

/// A program of the gradients for the cotangent `u`, and of the value.
fn gradient(case: &Case) -> Program {
    let graph = Graph::new();
    let library::Scene { variables: xs, value: y } = case.build(&graph, F64);
    let gradients = y.vjp(&xs, graph.input("u", F64, y.shape()));
    let named = gradients.into_iter().enumerate();
    let builder = named.fold(Program::builder(&graph), |b, (i, g)| b.output(&format!("g{i}"), g));
    let compiled = builder.output("y", y).without_rewriting().compile();
    compiled.unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// The slopes in the direction of the inputs `v`, and where a cotangent is passed on as it is.
fn along<'g>(gradients: &[Expr<'g>]) -> (Expr<'g>, Vec<NodeId>) {
    let direction = |i: usize, g: Expr<'g>| g.graph().input(&format!("v{i}"), F64, g.shape());
    let products: Vec<_> = gradients.iter().enumerate().map(|(i, g)| *g * direction(i, *g)).collect();
    let passed = |(g, p): (&Expr<'g>, &Expr<'g>)| matches!(g.node().op, Op::Input(_)).then_some(p.id());
    let bare = gradients.iter().zip(&products).filter_map(passed).collect();
    let sums: Vec<_> = products.into_iter().map(|p| p.sum(..).reshape([1])).collect();
    (sums[0].graph().concat(0, &sums), bare)
}

fn survivors(subject: &str, mutants: &[Mutant<'_>], points: &[Point]) -> Vec<String> {
    let form = |m: &Mutant<'_>| Some((m.name.clone(), program(m.expr).ok()?));
    let mut left: Vec<(String, Program)> = mutants.iter().filter_map(form).collect();
    let listed = |name: &str| !whole() && reason(subject, name).is_some();
    for point in points {
        if left.iter().all(|(name, _)| listed(name)) {
            break;
        }
        left.retain(|(_, mutant)| !is_wrong(mutant, point));
    }
    left.into_iter().map(|(name, _)| name).collect()
}

fn is_wrong(slopes: &Program, point: &Point) -> bool {
    let close = |(got, want): (&f64, &f64)| got == want || (got - want).abs() <= DIFFERENCE * point.scale;
    !values(slopes, &point.values).is_some_and(|got| got.iter().zip(&point.slopes).all(close))
}

fn points(case: &Case, y: Expr<'_>) -> Vec<Point> {
    let value = program(y).expect("it is right");
    let generic = SEEDS.map(|seed| {
        let x = |i: usize, k: u64| match case.arguments[i].values {
            Values::Variable(low, high) => low + (high - low) * drawn(seed, i as u64, k),
            other => unreachable!("{}: {other:?} are no variables", case.name),
        };
        differing(case, &value, y, seed, &x)
    });
    let special = SPECIAL.iter().filter(|s| *s.case == *case.name).map(|s| {
        let element = |list: &'static [&'static [f64]], i: usize, k: u64| list[i][k as usize % list[i].len()];
        match s.gradients {
            [] => differing(case, &value, y, 0, &|i, k| element(s.inputs, i, k)),
            _ => known(case, y, &|i, k| element(s.inputs, i, k), &|i, k| element(s.gradients, i, k)),
        }
    });
    generic.chain(special).collect()
}

fn drawn(seed: u64, stream: u64, i: u64) -> f64 {
    f64::from(uniform(seed, 7, stream, i))
}

type Element<'a> = &'a dyn Fn(usize, u64) -> f64;

/// Arrays of the shapes of the inputs, by their names.
fn arrays(case: &Case, name: &str, of: Element<'_>) -> Vec<(String, Tensor)> {
    let sizes = Dims::new().with("B", 4);
    let array = |(i, argument): (usize, &library::Argument)| {
        let shape = argument.shape.eval(&sizes).expect("only B has no size");
        let values: Vec<f64> = (0..shape.iter().product::<usize>() as u64).map(|k| of(i, k)).collect();
        (format!("{name}{i}"), Tensor::new(shape, values).expect("as many as the shape says"))
    };
    case.arguments.iter().enumerate().map(array).collect()
}

fn cotangent(y: Expr<'_>, of: impl Fn(u64) -> f64) -> Tensor {
    let shape = y.shape().eval(&Dims::new().with("B", 4)).expect("only B has no size");
    let values: Vec<f64> = (0..shape.iter().product::<usize>() as u64).map(of).collect();
    Tensor::new(shape, values).expect("as many as the shape says")
}

fn direction(seed: u64) -> impl Fn(usize, u64) -> f64 {
    move |i, k| 2.0 * drawn(seed, 100 + i as u64, k) - 1.0
}

/// A point where the slopes are difference quotients.
fn differing(case: &Case, value: &Program, y: Expr<'_>, seed: u64, x: Element<'_>) -> Point {
    let v = direction(seed);
    let u = cotangent(y, |k| 2.0 * drawn(seed, 200, k) - 1.0);
    let mut scale = 1.0;
    let slopes = (0..case.arguments.len()).map(|input| {
        let step = |i: usize, k: u64| if i == input { STEP * v(i, k) } else { 0.0 };
        let at = |sign: f64| {
            values(value, &arrays(case, "x", &|i, k| x(i, k) + sign * step(i, k))).expect("it fits")
        };
        let quotients = at(1.0).into_iter().zip(at(-1.0)).map(|(a, b)| (a - b) / (2.0 * STEP));
        let terms: Vec<f64> = quotients.zip(u.to_f64()).map(|(d, u)| d * u).collect();
        scale = terms.iter().fold(scale, |s, t| s + t.abs());
        terms.iter().sum()
    });
    let slopes = slopes.collect();
    point(case, x, &v, u, slopes, scale)
}

/// A point where the gradients for a cotangent of ones are declared; this one is of twos.
fn known(case: &Case, y: Expr<'_>, x: Element<'_>, gradient: Element<'_>) -> Point {
    let v = |i: usize, k: u64| drawn(0, 100 + i as u64, k) + 0.1;
    let products = arrays(case, "g", &|i, k| 2.0 * gradient(i, k) * v(i, k));
    let slopes = products.iter().map(|(_, t)| t.to_f64().iter().sum()).collect();
    point(case, x, &v, cotangent(y, |_| 2.0), slopes, 1.0)
}

fn point(case: &Case, x: Element<'_>, v: Element<'_>, u: Tensor, slopes: Vec<f64>, scale: f64) -> Point {
    let mut values = arrays(case, "x", x);
    values.extend(arrays(case, "v", v));
    values.push(("u".into(), u));
    Point { values, slopes, scale }
}
