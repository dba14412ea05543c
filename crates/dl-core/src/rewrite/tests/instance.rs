//! Instances of rows: letters become inputs about which as much is known as the row asks for.

use crate::dtype::DType::{self, Bool, F64, I64};
use crate::graph::{Expr, Graph};
use crate::ops::random::uniform;
use crate::ops::{Binary, Fact, Unary};
use crate::rewrite::pattern::{self, Bindings, Frame, Pattern};
use crate::rewrite::rules::{Rule, When};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// An expression that a rule rewrites, and what its inputs may be.
pub(super) struct Instance<'g> {
    pub(super) expr: Expr<'g>,
    /// By name: what is not drawn from anything.
    pub(super) domains: Vec<(&'static str, Domain)>,
}

/// From where the elements of an input are drawn; all of the others from both signs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Domain {
    Positive,
    NonNegative,
    Nonzero,
    Finite,
    /// Rows that sum to one.
    Distribution,
}

/// The shape before and after the reduction of every frame.
const FULL: [usize; 2] = [2, 3];
const SCALES: [f64; 5] = [1.0, 0.1, 1e-6, 20.0, 300.0];

/// Elements at which formulas go wrong, from a number between 0 and 1.
const HARD: &[fn(f64) -> f64] = &[
    |d| (4.0 * d).floor() - 1.0,
    |_| 0.0,
    |d| 0.7 + 1e-9 * d,
    |d| 1e6 + d,
    |d| -1e3 - d,
    |d| 800.0 * (2.0 * d - 1.0),
    |d| 1e155 * (2.0 * d - 1.0),
    |d| 1e-170 * (2.0 * d - 1.0),
    |d| [1e-200, -1e-9, 1.0, -40.0, 700.0][(5.0 * d) as usize],
    |d| if d < 0.5 { 0.0 } else { -40.0 - d },
    |d| [1e200, 1e-200, 1.0, -720.0, 1e150][(5.0 * d) as usize],
    |d| 1.7e308 * (2.0 * d - 1.0),
    |d| 3e38 * (2.0 * d - 1.0),
    |d| [1e30, 1e-30, 1.0, -95.0, -1e25][(5.0 * d) as usize],
    |_| INF,
    |_| -INF,
    |_| f64::NAN,
    |d| if d < 0.5 { -INF } else { d },
    |d| [-INF, 0.0, INF, 1.0][(4.0 * d) as usize],
];
const INF: f64 = f64::INFINITY;

impl Instance<'_> {
    /// Values for the inputs, of several sizes.
    pub(super) fn points(&self) -> Vec<Vec<(String, Tensor)>> {
        (0..15).map(|seed| self.point(seed)).collect()
    }

    /// Zeros, ties, infinities, what over- and underflows, and what is nearly the same.
    pub(super) fn hard_points(&self) -> Vec<Vec<(String, Tensor)>> {
        let draw = |hard: &fn(f64) -> f64, seed| self.drawn(seed, hard);
        HARD.iter().flat_map(|hard| [draw(hard, 100), draw(hard, 101)]).collect()
    }

    /// Large and small numbers beside each other.
    pub(super) fn mixed_points(&self) -> Vec<Vec<(String, Tensor)>> {
        (200..220)
            .map(|seed| self.drawn(seed, &|d| [1e200, 1e-200, 1.0, -720.0, 1e150][(5.0 * d) as usize]))
            .collect()
    }

    fn point(&self, seed: u64) -> Vec<(String, Tensor)> {
        let scale = SCALES[seed as usize % SCALES.len()];
        self.drawn(seed, &|d| scale * (2.0 * d - 1.0))
    }

    fn drawn(&self, seed: u64, of: &dyn Fn(f64) -> f64) -> Vec<(String, Tensor)> {
        let value = |decl: crate::graph::InputDecl| {
            let shape = decl.shape.eval(&crate::dim::Dims::new().with("B", 2)).expect("only B has no size");
            let count: usize = shape.iter().product();
            let stream = decl.name.bytes().map(u64::from).sum();
            let draw = |i: usize| f64::from(uniform(seed, 0, stream, i as u64)) * 0.98 + 0.01;
            let domain = self.domains.iter().find(|(n, _)| **n == *decl.name).map(|(_, d)| *d);
            let mut values: Vec<f64> = (0..count)
                .map(|i| match decl.dtype {
                    Bool => f64::from(u8::from(draw(i) < 0.5)),
                    I64 => (draw(i) * 3.0).floor(),
                    DType::F32 => {
                        f64::from(Domain::moved(domain, of(draw(i)), f32::MIN_POSITIVE.into()) as f32)
                    }
                    _ => Domain::moved(domain, of(draw(i)), f64::MIN_POSITIVE),
                })
                .collect();
            if domain == Some(Domain::Distribution) {
                for row in values.chunks_mut(3) {
                    let sum: f64 = row.iter().sum();
                    row.iter_mut().for_each(|x| *x /= sum);
                }
            }
            let tensor = Tensor::from_f64(decl.dtype, shape, &values).expect("as many as the shape says");
            (decl.name.to_string(), tensor)
        };
        self.expr.graph().input_decls().into_iter().map(value).collect()
    }
}

impl Domain {
    /// An element of the domain made from any number: a small one from one below zero.
    fn moved(domain: Option<Domain>, x: f64, smallest: f64) -> f64 {
        let above = if x < 0.0 { x.max(-300.0).exp() } else { x };
        match domain {
            None => x,
            Some(Domain::Nonzero) => Some(x).filter(|x| *x != 0.0).unwrap_or(1.0),
            Some(Domain::Finite) => Some(x).filter(|x| x.is_finite()).unwrap_or(1.0),
            Some(Domain::NonNegative) => Some(above).filter(|x| x.is_finite()).unwrap_or(0.0),
            Some(Domain::Positive | Domain::Distribution) => {
                Some(above).filter(|x| x.is_finite() && *x >= smallest).unwrap_or(1.0)
            }
        }
    }
}

/// The left side of a row, with numbers for some letters.
pub(super) fn of_pattern<'g>(rule: &Rule, graph: &'g Graph, numbers: &[(char, f64)]) -> Option<Instance<'g>> {
    of_pattern_in(F64, rule, graph, numbers)
}

/// The same in an element type.
pub(super) fn of_pattern_in<'g>(
    float: DType,
    rule: &Rule,
    graph: &'g Graph,
    numbers: &[(char, f64)],
) -> Option<Instance<'g>> {
    let left = pattern::parse(rule.left).expect("another test parses all of them");
    let (full, reduced) = (Shape::from(FULL), Shape::from([FULL[0]]));
    let mut letters = vec![];
    // The frame tells which shape the whole has; without one it is the larger.
    let shape = [&full, &reduced].into_iter().find(|shape| {
        letters.clear();
        place(&left, shape, dtype(&left), &full, &reduced, &mut letters)
    })?;
    let mut bindings = Bindings::default();
    let mut domains = vec![];
    bindings.set_frame('r', Frame { full: full.clone(), axes: vec![1] });
    for (letter, shape, dtype) in &letters {
        let number = numbers.iter().find(|(own, _)| own == letter);
        let dtype = if *dtype == F64 { float } else { *dtype };
        let (value, domain) = match number {
            Some((_, number)) => (graph.full(dtype, shape, *number), None),
            None => value(*letter, shape, dtype, rule.when, graph),
        };
        bindings.set(*letter, value);
        domains.extend(domain.map(|d| (name(*letter), d)));
    }
    let like = letters.iter().find(|(_, _, dtype)| *dtype == F64).and_then(|(l, ..)| bindings.get(*l));
    let like = like.or_else(|| bindings.get(letters.first()?.0))?;
    Some(Instance { expr: left.build(&bindings, like, shape)?, domains })
}

type Letters = Vec<(char, Shape, DType)>;

/// The element type of a whole pattern.
fn dtype(pattern: &Pattern) -> DType {
    match pattern {
        Pattern::Binary(Binary::And | Binary::Or, ..) | Pattern::Unary(Unary::Not, _) => Bool,
        _ => F64,
    }
}

/// Finds shape and type of every letter; false if the pattern cannot have that shape.
fn place(
    p: &Pattern,
    shape: &Shape,
    dtype: DType,
    full: &Shape,
    reduced: &Shape,
    letters: &mut Letters,
) -> bool {
    let mut part = |p: &Pattern, shape: &Shape, dtype: DType| place(p, shape, dtype, full, reduced, letters);
    match p {
        Pattern::Any(l) | Pattern::Constant(l) => match letters.iter().find(|(own, ..)| own == l) {
            // A constant has the shape that each place asks for.
            Some((_, own, _)) => own == shape || matches!(p, Pattern::Constant(_)),
            None => {
                letters.push((*l, shape.clone(), dtype));
                true
            }
        },
        Pattern::Number(_) => true,
        Pattern::Unary(_, x) | Pattern::Stop(x) => part(x, shape, dtype),
        Pattern::Binary(op, x, y) => {
            let compares =
                matches!(op, Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge);
            let inner = if compares { F64 } else { dtype };
            part(x, shape, inner) && part(y, shape, inner)
        }
        Pattern::Reduce(_, _, x) => shape == reduced && part(x, full, dtype),
        Pattern::Broadcast(_, x) => shape == full && part(x, reduced, dtype),
        Pattern::Select(c, x, y) => part(c, shape, Bool) && part(x, shape, dtype) && part(y, shape, dtype),
    }
}

/// A constant for `c` and `k`; else an input with the facts that the row asks for.
fn value<'g>(
    letter: char,
    shape: &Shape,
    dtype: DType,
    when: &[When],
    graph: &'g Graph,
) -> (Expr<'g>, Option<Domain>) {
    // Numbers for which every row applies.
    let scales = |l: &char| when.iter().any(|w| matches!(w, When::Enlarges(c) | When::Whole(c) if c == l));
    let decays = when.iter().any(|w| matches!(w, When::Decay(..)));
    match letter {
        'c' if scales(&letter) => return (graph.full(dtype, shape, 1.5), None),
        'c' => return (graph.full(dtype, shape, 0.75), None),
        'k' if decays => return (graph.full(dtype, shape, 0.25), None),
        'k' => return (graph.full(dtype, shape, 2.5), None),
        _ => {}
    }
    let mut x = graph.input(name(letter), dtype, shape);
    let mut domain = None;
    for condition in when {
        let (fact, of) = match *condition {
            When::Positive(l) if l == letter => (Fact::Positive, Domain::Positive),
            When::Nonzero(l) if l == letter => match domain {
                Some(Domain::Finite) => (Fact::Positive, Domain::Positive),
                _ => (Fact::Positive, Domain::Nonzero),
            },
            When::NonNegative(l) if l == letter => (Fact::NonNegative, Domain::NonNegative),
            When::Finite(l) if l == letter => {
                x = x.assume(Fact::Finite);
                domain = domain.or(Some(Domain::Finite));
                continue;
            }
            When::Distribution(l, _) if l == letter => (Fact::Distribution, Domain::Distribution),
            When::OneHot(l) if l == letter => {
                x = graph.input("labels", I64, [FULL[0]]).one_hot(dtype, FULL[1]);
                continue;
            }
            When::AtMost(l, bound) if l == letter => {
                x = -x.abs() + bound;
                continue;
            }
            When::Unsigned(l) if l == letter => {
                x = x.abs();
                continue;
            }
            When::AtLeast(l, bound) if l == letter => {
                x = x.maximum(bound);
                continue;
            }
            When::Count(l, _) if l == letter => {
                x = graph.full(dtype, shape, FULL[1] as f64);
                continue;
            }
            _ => continue,
        };
        x = x.assume(fact);
        domain = Some(of);
    }
    (x, domain)
}

/// Inputs are named by their letters.
pub(super) fn name(letter: char) -> &'static str {
    const NAMES: &[&str] = &["n", "p", "q", "t", "w", "x", "y", "z"];
    NAMES.iter().find(|n| n.starts_with(letter)).expect("rows use these letters")
}
