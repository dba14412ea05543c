//! The mutation run over the tables: a mistake in any right side, or a missing condition, is caught.

use super::equivalent::EQUIVALENT;
use super::instance::{Instance, of_pattern};
use super::mutation::{Mutant, mutants};
use super::precision::{Truth, errors, truth};
use super::{SLACK, applied, instance, named, program, report, run, values};
use crate::dtype::DType::F64;
use crate::graph::{Expr, Graph};
use crate::ops::Op;
use crate::program::Program;
use crate::rewrite::pattern;
use crate::rewrite::rules::{Rule, When, rules};
use crate::tensor::Tensor;

/// What became of the mutants of one rule, or of one derivative.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) subject: String,
    pub(super) mutants: usize,
    /// Names of those that no judge rejects.
    pub(super) survivors: Vec<String>,
}

/// Whether every mutant is to be held against every point: `cargo xtask mutate` asks for it.
pub(super) fn whole() -> bool {
    report::all("DL_MUTATE")
}

/// Why a mutant is no worse than what it was made from.
pub(super) fn reason(subject: &str, name: &str) -> Option<&'static str> {
    let listed = |(subjects, own, _): &&(&[&str], &str, &str)| subjects.contains(&subject) && *own == name;
    EQUIVALENT.iter().find(listed).map(|(.., why)| *why)
}

/// What a mutant is held against: the truth about the left side, and what the right side makes of it.
struct Judge {
    raw: Program,
    right: Program,
    slope: Option<Program>,
    points: Vec<Vec<(String, Tensor)>>,
}

impl Judge {
    fn new(instance: &Instance<'_>, right: Expr<'_>) -> crate::Result<Judge> {
        let points = instance.points().into_iter().chain(instance.hard_points()).collect();
        Ok(Judge { raw: program(instance.expr)?, right: program(right)?, slope: slope(right), points })
    }

    /// The names of those that no point tells from the left side. The ones that are listed as equivalent
    /// see every point only where all is asked for.
    fn survivors(&self, subject: &str, mutants: &[Mutant<'_>]) -> Vec<String> {
        let forms = |m: &Mutant<'_>| Some((m.name.clone(), program(m.expr).ok()?, slope(m.expr)));
        let mut left: Vec<(String, Program, Option<Program>)> = mutants.iter().filter_map(forms).collect();
        let listed = |name: &str| !whole() && reason(subject, name).is_some();
        for point in &self.points {
            if left.iter().all(|(name, ..)| listed(name)) {
                break;
            }
            let truths = truth(&self.raw, &named(point)).remove(0);
            let of = |form| values(form, point).expect("inputs fit");
            let (raw, right) = (of(&self.raw), of(&self.right));
            let allowed = allowed(&truths, &raw, &right);
            let invents = |new: &[f64]| {
                (0..new.len()).any(|i| raw[i].is_nan() && right[i].is_nan() && !new[i].is_nan())
            };
            left.retain(|(_, mutant, _)| {
                values(mutant, point).is_some_and(|new| !worse(&truths, &allowed, &new) && !invents(&new))
            });
            left.retain(|(.., slope)| !self.bends(slope.as_ref(), point));
        }
        left.into_iter().map(|(name, ..)| name).collect()
    }

    /// True if the derivative is another than that of the right side.
    fn bends(&self, slope: Option<&Program>, point: &[(String, Tensor)]) -> bool {
        let of = |form: &Program| gradients(form, point);
        let (Some(right), Some(slope)) = (self.slope.as_ref().and_then(of), slope) else { return false };
        let Some(own) = of(slope) else { return true };
        right.iter().zip(&own).any(|(want, got)| {
            let scale = want.iter().filter(|x| x.is_finite()).fold(1e-300, |m: f64, x| m.max(x.abs()));
            let close = |(w, g): (&f64, &f64)| !w.is_finite() || (w - g).abs() <= 1e-6 * scale;
            !want.iter().zip(got).all(close)
        })
    }
}

/// The errors of what is better, the left side or the right one, and a little more.
fn allowed(truths: &[Truth], raw: &[f64], right: &[f64]) -> Vec<Option<f64>> {
    let both = errors(F64, truths, raw).into_iter().zip(errors(F64, truths, right));
    both.map(|(raw, right)| Some(raw?.min(right?) + SLACK)).collect()
}

/// The judgement of the tables' own test: NaN is further from the truth than anything.
fn worse(truths: &[Truth], allowed: &[Option<f64>], new: &[f64]) -> bool {
    let after = errors(F64, truths, new);
    let mut pairs = allowed.iter().zip(&after).filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)));
    !pairs.all(|(allowed, after)| after <= allowed)
}

/// The derivatives of the sum of a float by all float inputs.
fn slope(expr: Expr<'_>) -> Option<Program> {
    let graph = expr.graph();
    let floats = graph.input_decls().into_iter().filter(|d| d.dtype.is_float() && expr.dtype().is_float());
    let inputs: Vec<_> = floats.map(|d| graph.input(&d.name, d.dtype, d.shape.clone())).collect();
    let builder = Program::builder(graph).without_rewriting();
    let gradients = inputs.first().map(|_| expr.sum(..).grad(&inputs))?;
    let named = gradients.into_iter().enumerate();
    named.fold(builder, |b, (i, g)| b.output(&i.to_string(), g)).compile().ok()
}

fn gradients(program: &Program, point: &[(String, Tensor)]) -> Option<Vec<Vec<f64>>> {
    let run = run(program, point)?;
    let outputs = program.outputs().iter();
    outputs.map(|o| Some(run.output(&o.name).ok()?.to_f64())).collect()
}

fn of_rule(rule: &Rule) -> Outcome {
    let graph = Graph::new();
    let instance = instance(rule, &graph);
    let new = applied(rule, instance.expr).expect("it applies, says another test");
    let place = |id| !matches!(graph.get(id).op, Op::Input(_)) || id == new.id();
    let mut wrong = mutants(new, place);
    wrong.retain(|m| m.expr != instance.expr);
    let judge = Judge::new(&instance, new).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
    let survivors = judge.survivors(rule.name, &wrong);
    Outcome { subject: rule.name.to_owned(), mutants: wrong.len(), survivors }
}

#[test]
fn every_mutant_of_a_rule_is_caught() {
    judge("right sides", rules().map(of_rule));
}

#[test]
fn every_mutant_of_a_condition_is_caught() {
    judge("conditions", rules().filter(|r| !r.when.is_empty()).map(of_conditions));
}

/// A rule without one of its conditions goes wrong somewhere, or never comes to an end.
fn of_conditions(rule: &'static Rule) -> Outcome {
    let ends = |i: usize| match rule.when[i] {
        When::Varies(letter) => !goes_on(rule, letter),
        _ => !goes_wrong(rule, i),
    };
    let survivors = (0..rule.when.len()).filter(|i| ends(*i)).map(|i| format!("without {:?}", rule.when[i]));
    Outcome {
        subject: format!("{}, if", rule.name),
        mutants: rule.when.len(),
        survivors: survivors.collect(),
    }
}

/// What the right side makes of an expression, whatever the conditions say.
fn unconditional<'g>(rule: &Rule, expr: Expr<'g>) -> Option<Expr<'g>> {
    let side = |text| pattern::parse(text).expect("another test parses all of them");
    side(rule.right).build(&side(rule.left).matches(expr)?, expr, &expr.shape())
}

/// True if the rule applies to its own results again and again where the letter is a constant.
fn goes_on(rule: &Rule, letter: char) -> bool {
    let graph = Graph::new();
    let instance = of_pattern(rule, &graph, &[(letter, 1.5)]).expect("it has an instance");
    let steps = (0..8).try_fold(instance.expr, |expr, _| unconditional(rule, expr));
    steps.is_some()
}

/// True if there is a point at which the condition does not hold and the right side is not the left one.
fn goes_wrong(rule: &'static Rule, condition: usize) -> bool {
    let mut when = rule.when.to_vec();
    when.remove(condition);
    let wide = Rule { when: when.leak(), ..*rule };
    let pair = |c: f64, k: f64| vec![('c', c), ('k', k)];
    let numbers = match rule.when[condition] {
        When::Enlarges(_) | When::Shrinks(_) | When::Whole(_) => vec![pair(1e-200, 1.0), pair(1e200, 1.0)],
        When::Decay(..) => vec![pair(1e200, 1.0), pair(0.5, 1e200), pair(1e17, 1.0)],
        // A whole exponent has powers of negative numbers, too.
        _ => vec![vec![('c', 2.0)]],
    };
    numbers.iter().any(|numbers| goes_wrong_with(rule, &wide, numbers))
}

fn goes_wrong_with(rule: &Rule, wide: &Rule, numbers: &[(char, f64)]) -> bool {
    let graph = Graph::new();
    let instance = of_pattern(wide, &graph, numbers).expect("it has an instance");
    let Some(right) = unconditional(rule, instance.expr) else { return false };
    let (raw, right) = (program(instance.expr).expect("it is right"), program(right).expect("it is right"));
    let mixed = instance.mixed_points();
    instance.points().iter().chain(&instance.hard_points()).chain(&mixed).any(|point| {
        let of = |form| values(form, point).expect("inputs fit");
        let (before, after) = (of(&raw), of(&right));
        let truths = truth(&raw, &named(point)).remove(0);
        let allowed: Vec<_> = errors(F64, &truths, &before).into_iter().map(|e| Some(e? + SLACK)).collect();
        let invents = before.iter().zip(&after).any(|(b, a)| b.is_nan() && !a.is_nan());
        invents || worse(&truths, &allowed, &after)
    })
}

/// Prints a table and fails on survivors and on entries of the list that are caught.
#[track_caller]
pub(super) fn judge(what: &str, outcomes: impl Iterator<Item = Outcome>) {
    let (mut faults, mut equivalent, mut total) = (vec![], vec![], [0; 4]);
    let mut table = format!("{what:36} mutants  caught  equivalent  survived\n");
    for Outcome { subject, mutants, survivors } in outcomes {
        let (known, unknown): (Vec<_>, Vec<_>) =
            survivors.iter().partition(|m| reason(&subject, m).is_some());
        let row = [mutants, mutants - survivors.len(), known.len(), unknown.len()];
        table += &line(&subject, row);
        total.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        faults.extend(unknown.iter().map(|m| format!("{subject}: {m} survives")));
        equivalent.extend(
            known.iter().filter_map(|m| Some(format!("{subject}: {m}\n    {}", reason(&subject, m)?))),
        );
        let own = EQUIVALENT.iter().filter(|(subjects, ..)| subjects.contains(&subject.as_str()));
        let caught = own.filter(|(_, name, _)| !survivors.iter().any(|s| s == name));
        faults
            .extend(caught.map(|(_, m, _)| format!("{subject}: {m} is listed as equivalent, but is caught")));
    }
    table += &line("total", total);
    if whole() {
        table += &format!("\nequivalent:\n{}\n", equivalent.join("\n"));
    }
    report::print(&table);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn line(subject: &str, row: [usize; 4]) -> String {
    format!("{subject:36} {:7} {:7} {:11} {:9}\n", row[0], row[1], row[2], row[3])
}
