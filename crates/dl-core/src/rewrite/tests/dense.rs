//! A second look at mutants that no point tells from their rule: thousands of numbers of every size, also
//! around each threshold of the right side, where an input is another one moved, mirrored, scaled or inverted.
//!
//! A mutant is caught where value or slope is worse. One is the same as its rule where no number differs by
//! more than roundings, if there are numbers on both sides of every condition. One that only chooses otherwise
//! between the branches is as good if there are numbers for which it does so, and none of them is worse.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::instance::Instance;
use super::mutants::{allowed, gradients, slope, worse};
use super::mutation::{Mutant, number, replaced};
use super::precision::{Truth, errors, truth};
use super::{SLACK, named, program, report, run, values};
use crate::dtype::DType::F64;
use crate::graph::{Expr, NodeId, reachable};
use crate::ops::random::uniform;
use crate::ops::{Binary, Op};
use crate::program::Program;
use crate::tensor::Tensor;

/// How many points there are.
const POINTS: u64 = 500;
/// Numbers this close, as parts of their size, are the same but for roundings; slopes are rougher.
const CLOSE: [f64; 2] = [4.0 * f64::EPSILON, 32.0 * f64::EPSILON];
/// Errors up to this are roundings.
const ACCURATE: f64 = 8.0;

/// What the second look says of a mutant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Somewhere it is worse.
    Caught,
    /// It computes the same, or is as good where it chooses another branch.
    AsGood,
    /// Neither is shown.
    Survives,
}

type Point = Vec<(String, Tensor)>;

/// Truth, and the errors of what is better, the left side or the right one.
struct Known {
    truths: Vec<Truth>,
    allowed: Vec<Option<f64>>,
}

/// A point and what both sides are there.
struct Seen {
    point: Point,
    raw: Vec<f64>,
    right: Vec<f64>,
    slopes: Option<Vec<f64>>,
    known: OnceCell<Known>,
    known_slopes: OnceCell<Option<Known>>,
}

/// All points of one rule.
pub(super) struct Dense<'g> {
    raw: Program,
    raw_slope: Option<Program>,
    right: Expr<'g>,
    seen: Vec<Seen>,
    /// Whether the points are on both sides of every condition.
    complete: bool,
}

impl<'g> Dense<'g> {
    pub(super) fn new(instance: &Instance<'g>, right: Expr<'g>) -> crate::Result<Dense<'g>> {
        let (raw, raw_slope) = (program(instance.expr)?, slope(instance.expr));
        let (new, new_slope) = (program(right)?, slope(right));
        let of = |form: &Program, point: &Point| values(form, point).expect("inputs fit");
        let seen: Vec<Seen> = points(instance, right)
            .into_iter()
            .map(|point| Seen {
                raw: of(&raw, &point),
                right: of(&new, &point),
                slopes: new_slope.as_ref().and_then(|s| flat(s, &point)),
                known: OnceCell::new(),
                known_slopes: OnceCell::new(),
                point,
            })
            .collect();
        let complete = conditions(right).into_iter().all(|c| both_sides(c, &seen));
        Ok(Dense { raw, raw_slope, right, seen, complete })
    }

    pub(super) fn verdict(&self, mutant: &Mutant<'g>) -> Verdict {
        let (Ok(form), form_slope) = (program(mutant.expr), slope(mutant.expr)) else {
            return Verdict::Caught;
        };
        let mut doubt = None;
        for seen in &self.seen {
            let Some(new) = values(&form, &seen.point) else { return Verdict::Caught };
            if differ(&seen.right, &new, CLOSE[0]) {
                let known = seen.known(&self.raw);
                if invents(seen, &new) || worse(&known.truths, &known.allowed, &new) {
                    return Verdict::Caught;
                }
                if !accurate(&known.truths, &new) {
                    doubt = doubt.or(Some((&seen.point, &seen.right, new)));
                }
            }
            let Some(slopes) = &seen.slopes else { continue };
            let Some(own) = form_slope.as_ref().and_then(|s| flat(s, &seen.point)) else {
                return Verdict::Caught;
            };
            if differ(slopes, &own, CLOSE[1]) {
                let Some(known) = self.raw_slope.as_ref().and_then(|raw| seen.known_slopes(raw, slopes))
                else {
                    doubt = doubt.or(Some((&seen.point, slopes, own)));
                    continue;
                };
                if worse(&known.truths, &known.allowed, &own) {
                    return Verdict::Caught;
                }
                if !accurate(&known.truths, &own) {
                    doubt = doubt.or(Some((&seen.point, slopes, own)));
                }
            }
        }
        if (doubt.is_none() && self.complete) || self.chooses(mutant) {
            return Verdict::AsGood;
        }
        report::print(&match doubt {
            Some((point, right, own)) => {
                format!("{}: {own:?} where {right:?} is right at {point:?}", mutant.name)
            }
            None => format!("{}: no point goes to some branch", mutant.name),
        });
        Verdict::Survives
    }

    /// True if only conditions differ from those of the right side, and do so at some point.
    fn chooses(&self, mutant: &Mutant<'g>) -> bool {
        let graph = self.right.graph();
        let mut stack = vec![self.right.id()];
        let mut taken: BTreeSet<NodeId> = BTreeSet::new();
        while let Some(id) = stack.pop() {
            if taken.insert(id) {
                let node = graph.get(id);
                let values = usize::from(node.op == Op::Select);
                stack.extend(&node.args[values..]);
            }
        }
        let (old, new) = (mutant.old, mutant.new);
        if taken.contains(&old.id()) {
            return false;
        }
        let order = reachable(graph, &[self.right.id()]);
        let changed = |c: &Expr<'g>| reachable(graph, &[c.id()]).contains(&old.id());
        conditions(self.right).into_iter().filter(changed).any(|c| {
            let Ok(both) = Program::builder(graph)
                .output("a", c.cast(F64))
                .output("b", replaced(c, &order, old, new).cast(F64))
                .without_rewriting()
                .compile()
            else {
                return false;
            };
            self.seen.iter().any(|seen| {
                let Some(run) = run(&both, &seen.point) else { return false };
                let of = |name: &str| run.output(name).map(Tensor::to_f64).unwrap_or_default();
                of("a") != of("b")
            })
        })
    }
}

impl Seen {
    fn known(&self, raw: &Program) -> &Known {
        self.known.get_or_init(|| {
            let truths = truth(raw, &named(&self.point)).remove(0);
            let allowed = allowed(&truths, &self.raw, &self.right);
            Known { truths, allowed }
        })
    }

    /// The same of slopes, which are held to those of the right side.
    fn known_slopes(&self, raw: &Program, right: &[f64]) -> Option<&Known> {
        let make = || {
            let truths: Vec<Truth> = truth(raw, &named(&self.point)).into_iter().flatten().collect();
            if truths.len() != right.len() {
                return None;
            }
            let own = errors(F64, &truths, right).into_iter();
            let allowed = own.map(|e| Some(ACCURATE.max(e? + 2.0 * SLACK))).collect();
            Some(Known { truths, allowed })
        };
        self.known_slopes.get_or_init(make).as_ref()
    }
}

fn flat(slope: &Program, point: &Point) -> Option<Vec<f64>> {
    Some(gradients(slope, point)?.concat())
}

fn differ(a: &[f64], b: &[f64], close: f64) -> bool {
    let same =
        |(x, y): (&f64, &f64)| x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= close * x.abs();
    !a.iter().zip(b).all(same)
}

fn invents(seen: &Seen, new: &[f64]) -> bool {
    let sides = seen.raw.iter().zip(&seen.right).zip(new);
    sides.into_iter().any(|((raw, right), new)| raw.is_nan() && right.is_nan() && !new.is_nan())
}

/// True where no error is more than roundings, as far as there is a truth.
fn accurate(truths: &[Truth], new: &[f64]) -> bool {
    errors(F64, truths, new).into_iter().flatten().all(|e| e <= ACCURATE)
}

fn conditions(root: Expr<'_>) -> Vec<Expr<'_>> {
    let graph = root.graph();
    let selects = reachable(graph, &[root.id()]).into_iter().filter(|id| graph.get(*id).op == Op::Select);
    let all: BTreeSet<NodeId> = selects.map(|id| graph.get(id).args[0]).collect();
    all.into_iter().map(|id| graph.expr(id)).collect()
}

fn both_sides(condition: Expr<'_>, seen: &[Seen]) -> bool {
    let Ok(form) = program(condition) else { return false };
    let found: Vec<f64> = seen.iter().filter_map(|s| values(&form, &s.point)).flatten().collect();
    found.contains(&0.0) && found.contains(&1.0)
}

/// What the conditions compare with.
fn thresholds(root: Expr<'_>) -> Vec<f64> {
    let graph = root.graph();
    let mut found = vec![1.0, 0.5];
    for id in reachable(graph, &[root.id()]) {
        let node = graph.get(id);
        if matches!(node.op, Op::Binary(Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge)) {
            let sizes = node.args.iter().filter_map(|a| number(graph.expr(*a))).map(f64::abs);
            found.extend(sizes.filter(|t| *t > 0.0 && t.is_finite()));
        }
    }
    found
}

fn points(instance: &Instance<'_>, right: Expr<'_>) -> Vec<Point> {
    let thresholds = thresholds(right);
    (0..POINTS).map(|seed| point(instance, &thresholds, seed)).collect()
}

fn point(instance: &Instance<'_>, thresholds: &[f64], seed: u64) -> Point {
    let names: Vec<String> = instance.expr.graph().input_decls().iter().map(|d| d.name.to_string()).collect();
    let draws = |stream: u64, i: usize| Draws { seed, stream, at: i as u64 * 64 };
    let real = |name: &str, i: usize| {
        let first = draws(1, i).number(thresholds);
        match names.iter().position(|n| n == name) {
            None | Some(0) => first,
            Some(k) => draws(2 + k as u64, i).beside(first, thresholds),
        }
    };
    instance.filled(&|name, i| f64::from(uniform(seed, 3, name.len() as u64, i as u64)), &real)
}

/// A sequence of numbers between 0 and 1 for one element.
struct Draws {
    seed: u64,
    stream: u64,
    at: u64,
}

const SPECIAL: &[f64] = &[
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    -f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    f64::MIN,
    1.0,
    -1.0,
];

impl Draws {
    fn next(&mut self) -> f64 {
        let mut draw = || {
            self.at += 1;
            f64::from(uniform(self.seed, 11, self.stream, self.at))
        };
        draw() + draw() / 16_777_216.0
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    fn signed(&mut self, size: f64) -> f64 {
        if self.next() < 0.5 { -size } else { size }
    }

    fn one_of(&mut self, all: &[f64]) -> f64 {
        all[(self.next() * all.len() as f64) as usize % all.len()]
    }

    /// Nothing, or something small of either sign.
    fn little(&mut self) -> f64 {
        match self.next() {
            d if d < 0.25 => 0.0,
            d if d < 0.5 => self.signed(f64::EPSILON),
            _ => {
                let size = self.between(-52.0, -1.0).exp2();
                self.signed(size)
            }
        }
    }

    /// Some number.
    fn number(mut self, thresholds: &[f64]) -> f64 {
        // Three of four points have no infinities, which would spoil the sums that they are in.
        let kinds = if self.seed.is_multiple_of(4) { 9.0 } else { 7.0 };
        match (self.next() * kinds) as u64 {
            0 => self.near(thresholds),
            1 => {
                let size = self.between(-60.0, 10.0).exp2();
                self.signed(size)
            }
            2 => self.between(-1.2, 1.2),
            3 => self.between(-50.0, 50.0),
            4 => 1.0 + self.little(),
            5 | 6 => self.around(thresholds),
            7 => {
                let size = self.between(-1074.0, 1024.0).exp2();
                self.signed(size)
            }
            _ => self.one_of(SPECIAL),
        }
    }

    /// Nearly a threshold, or its negative.
    fn near(&mut self, thresholds: &[f64]) -> f64 {
        let size = self.one_of(thresholds) * (1.0 + self.little());
        self.signed(size)
    }

    /// Up to twice a threshold, and beyond.
    fn around(&mut self, thresholds: &[f64]) -> f64 {
        self.one_of(thresholds) * self.between(-2.5, 2.5)
    }

    /// Some number that may have to do with another one.
    fn beside(mut self, x: f64, thresholds: &[f64]) -> f64 {
        let way = (self.next() * 8.0) as u64;
        let t = if self.next() < 0.5 { self.near(thresholds) } else { self.around(thresholds) };
        match way {
            0 => x * (1.0 + self.little()),
            1 => -x * (1.0 + self.little()),
            2 => t / x,
            3 => t * x,
            4 => x + t,
            5 => t - x,
            _ => self.number(thresholds),
        }
    }
}

/// What the second look says of the mutants of `right` by name, for an input `x` that it should be.
fn verdicts(right: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) -> impl Fn(&str) -> Verdict {
    let graph = crate::graph::Graph::new();
    let x = graph.input("x", F64, [2, 3]);
    let new = right(x);
    let dense = Dense::new(&Instance { expr: x, domains: vec![] }, new).unwrap();
    let all = super::mutation::mutants(new, |id| id != x.id());
    let found: Vec<(String, Verdict)> = all.iter().map(|m| (m.name.clone(), dense.verdict(m))).collect();
    move |name| found.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("{name}: {found:?}")).1
}

#[test]
fn a_threshold_is_free_only_where_both_branches_are_right() {
    let equal = verdicts(|x| x.abs().lt(0.75).select(2.0 * (0.5 * x), x));
    assert_eq!(equal("0.75 => 1.5"), Verdict::AsGood);
    assert_eq!(equal("lt(abs(x), 0.75) => le(abs(x), 0.75)"), Verdict::AsGood);
    // What is right to some roundings here is too far off at twice the size.
    let close = verdicts(|x| x.abs().lt(1e-8).select(x + 4.0 * x * (x * x), x));
    assert_eq!(close("0.00000001 => 0.00000002"), Verdict::Caught);
}

#[test]
fn a_branch_that_no_number_goes_to_proves_nothing() {
    let apart = verdicts(|x| x.abs().lt(0.0).select(x * x, x));
    assert_eq!(apart("mul(x, x) => div(x, x)"), Verdict::Survives);
}
