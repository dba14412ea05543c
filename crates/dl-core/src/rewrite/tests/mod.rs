//! The tables row by row: each rule fires, keeps shape and value, and comes to an end.

#[path = "../../../tests/precision/mod.rs"]
mod precision;
#[path = "../../../tests/report/mod.rs"]
mod report;

mod coded;
mod derivatives;
mod equivalent;
mod extremes;
mod instance;
mod loops;
mod measure;
mod mutants;
mod mutation;

use self::instance::Instance;
use self::precision::{errors, truth};
use crate::dtype::DType::F64;
use crate::graph::{Expr, Graph};
use crate::interp;
use crate::program::Program;
use crate::rewrite::facts::Known;
use crate::rewrite::rules::{Rule, RuleKind, Table, rules};
use crate::rewrite::{Trace, rewrite};
use crate::tensor::{Tensor, TensorRef};

/// By how much more than the raw form a rewritten one may be off, in units of the last place times
/// the condition.
const SLACK: f64 = 2.0;

/// One instance of a rule.
fn instance<'g>(rule: &Rule, graph: &'g Graph) -> Instance<'g> {
    let found = match rule.kind {
        RuleKind::Pattern => instance::of_pattern(rule, graph, &[]),
        RuleKind::Code(..) => coded::of(rule.name, graph),
    };
    let instance = found.unwrap_or_else(|| panic!("{} has no instance: add one", rule.name));
    graph.check().unwrap_or_else(|e| panic!("{}: {e}", rule.name));
    instance
}

/// What one use of the rule makes of an expression.
fn applied<'g>(rule: &Rule, expr: Expr<'g>) -> Option<Expr<'g>> {
    let known = Known::new(expr.graph());
    let ready = Table::of(rule.phase).rules_at(&expr.node().op).find(|r| r.name == rule.name)?;
    ready.apply(expr, &known).filter(|new| *new != expr)
}

#[test]
fn every_rule_applies_to_its_instance_and_keeps_shape_and_type() {
    for rule in rules() {
        let graph = Graph::new();
        let instance = instance(rule, &graph);
        let new = applied(rule, instance.expr)
            .unwrap_or_else(|| panic!("{} does not apply to {:?}", rule.name, instance.expr));
        assert_eq!(
            (new.dtype(), new.shape()),
            (instance.expr.dtype(), instance.expr.shape()),
            "{}",
            rule.name
        );
        graph.check().unwrap_or_else(|e| panic!("{}: {e}", rule.name));
    }
}

#[test]
fn no_rule_is_dead() {
    let mut dead = vec![];
    for rule in rules() {
        let graph = Graph::new();
        let mut trace = Trace::default();
        rewrite(&graph, &[instance(rule, &graph).expr.id()], &mut trace);
        if !trace.counts().contains_key(rule.name) {
            dead.push(format!("{} ({:?} fired)", rule.name, trace.counts()));
        }
    }
    assert!(dead.is_empty(), "others fire before:\n{}", dead.join("\n"));
}

#[test]
fn rewriting_ends_and_has_nothing_left_to_do() {
    for rule in rules() {
        let graph = Graph::new();
        let root = instance(rule, &graph).expr.id();
        let (once, ids) = rewrite(&graph, &[root], &mut Trace::default());
        let mut again = Trace::default();
        rewrite(&once, &ids, &mut again);
        assert!(
            again.firings().is_empty(),
            "{}: {:?} fire again on {}",
            rule.name,
            again.counts(),
            once.expr(ids[0])
        );
    }
}

#[test]
fn no_rule_is_further_from_the_truth_than_what_it_replaces() {
    let mut worse = vec![];
    for rule in rules() {
        let graph = Graph::new();
        let instance = instance(rule, &graph);
        let new = applied(rule, instance.expr).expect("it applies, says another test");
        let program = |expr: Expr<'_>| program(expr).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
        let values = |form: &Program, point: &[_]| values(form, point).expect("inputs fit");
        let (whole, ids) = rewrite(&graph, &[instance.expr.id()], &mut Trace::default());
        let (raw, forms) = (program(instance.expr), [program(new), program(whole.expr(ids[0]))]);
        let mut told = 0;
        for point in instance.points() {
            let truths = truth(&raw, &named(&point)).remove(0);
            let before = errors(F64, &truths, &values(&raw, &point));
            for form in &forms {
                let after = errors(F64, &truths, &values(form, &point));
                for (before, after) in
                    before.iter().zip(&after).filter_map(|(b, a)| Some((b.as_ref()?, a.as_ref()?)))
                {
                    told += 1;
                    // NaN is further from the truth than anything.
                    let no_further = *after <= before + SLACK;
                    if !no_further {
                        worse.push(format!(
                            "{} at {point:?}: {before:.1} before, {after:.1} after",
                            rule.name
                        ));
                    }
                }
            }
        }
        assert!(told > 0, "{} has no point that tells anything", rule.name);
    }
    assert!(worse.is_empty(), "{} are worse:\n{}", worse.len(), worse.join("\n"));
}

/// What is written, with truth values as numbers.
fn program(expr: Expr<'_>) -> crate::Result<Program> {
    Program::builder(expr.graph()).output("y", expr.cast(F64)).without_rewriting().compile()
}

/// The output at a point; nothing where running it is an error.
fn values(program: &Program, point: &[(String, Tensor)]) -> Option<Vec<f64>> {
    Some(run(program, point)?.output("y").ok()?.to_f64())
}

fn run(program: &Program, point: &[(String, Tensor)]) -> Option<interp::Evaluation> {
    let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
    let views: Vec<(&str, TensorRef<'_>)> =
        point.iter().filter(|(n, _)| used(n)).map(|(n, t)| (n.as_str(), t.view())).collect();
    interp::evaluate(program, &views, &[], 0, 0).ok()
}

fn named(point: &[(String, Tensor)]) -> Vec<(&str, Tensor)> {
    point.iter().map(|(n, t)| (n.as_str(), t.clone())).collect()
}
