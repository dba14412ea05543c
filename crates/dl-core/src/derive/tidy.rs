//! A derivative as people write it: common factors once, positive terms first, conditions as factors.

use crate::graph::{Expr, NodeId};
use crate::ops::{Binary, Op, Scatter, Unary};
use crate::print::is_invisible;
use crate::shape::Shape;

/// Characters of a number from which on a fraction is shorter.
const LONG: usize = 7;

/// `coefficient · scalars · body / divisors`.
#[derive(Clone)]
struct Term<'g> {
    coefficient: f64,
    scalars: Vec<Expr<'g>>,
    divisors: Vec<Expr<'g>>,
    body: Vec<Expr<'g>>,
}

/// The sum of values of one shape, written shortly; for reading only, since other operations round otherwise.
pub(super) fn tidy<'g>(values: &[Expr<'g>]) -> Option<Expr<'g>> {
    let parts: Vec<Expr<'g>> = values.iter().filter_map(|value| tidied(*value)).collect();
    let value = parts.iter().copied().reduce(|sum, part| sum + part)?;
    // What the parts have in common stays in each, but for equal ones.
    Some(if parts.len() > 1 { of_terms(value, merged(terms_of(value))) } else { value })
}

/// One of them; none if it is zero.
fn tidied(value: Expr<'_>) -> Option<Expr<'_>> {
    let terms = merged(terms_of(value));
    match terms.len() {
        0 => None,
        // More would be read no better.
        1..=8 => Some(with_common_factors(value, terms)),
        _ => Some(value),
    }
}

fn terms_of(value: Expr<'_>) -> Vec<Term<'_>> {
    let mut terms = vec![];
    add_terms(value, 1.0, &mut terms);
    terms
}

/// Terms of the same factors as one; without those that are zero.
fn merged(terms: Vec<Term<'_>>) -> Vec<Term<'_>> {
    let ids = |all: &[Expr<'_>]| {
        let mut ids: Vec<NodeId> = all.iter().map(|e| e.id()).collect();
        ids.sort_unstable();
        ids
    };
    let mut all: Vec<Term<'_>> = vec![];
    for term in terms {
        let factors = |t: &Term<'_>| [ids(&t.scalars), ids(&t.divisors), ids(&t.body)];
        match all.iter_mut().find(|t| factors(t) == factors(&term)) {
            Some(same) => same.coefficient += term.coefficient,
            None => all.push(term),
        }
    }
    all.retain(|t| t.coefficient != 0.0);
    all
}

/// A sum of terms as they are.
fn of_terms<'g>(value: Expr<'g>, terms: Vec<Term<'g>>) -> Expr<'g> {
    let shape = value.shape();
    let sum = sum(value, terms);
    if sum.is_poison() { value } else { widened(sum, &shape) }
}

fn with_common_factors<'g>(value: Expr<'g>, terms: Vec<Term<'g>>) -> Expr<'g> {
    if terms.len() == 1 {
        return of_terms(value, terms);
    }
    let shape = value.shape();
    let common = |of: fn(&Term<'_>) -> Vec<NodeId>| -> Vec<NodeId> {
        let mut shared = of(&terms[0]);
        for term in &terms[1..] {
            let mut own = of(term);
            shared.retain(|id| own.iter().position(|o| o == id).map(|at| own.swap_remove(at)).is_some());
        }
        shared
    };
    let scalars = common(|t| t.scalars.iter().map(|e| e.id()).collect());
    let divisors = common(|t| t.divisors.iter().map(|e| e.id()).collect());
    let size = terms[0].coefficient.abs();
    let one_size = terms.iter().all(|t| t.coefficient.abs() == size);
    let all_negative = terms.iter().all(|t| t.coefficient < 0.0);
    let sign = if all_negative { -1.0 } else { 1.0 };
    let factor = sign * if one_size { size } else { 1.0 };
    let rest: Vec<Term<'_>> = terms
        .iter()
        .map(|t| Term {
            coefficient: t.coefficient / factor,
            scalars: without(&t.scalars, &scalars),
            divisors: without(&t.divisors, &divisors),
            body: t.body.clone(),
        })
        .collect();
    let graph = value.graph();
    let outer = Term {
        coefficient: factor,
        scalars: scalars.iter().map(|id| graph.expr(*id)).collect(),
        divisors: divisors.iter().map(|id| graph.expr(*id)).collect(),
        body: vec![sum(value, rest)],
    };
    let tidied = outer.build(value);
    // What is wider or narrower would be another value.
    if tidied.is_poison() || graph.check().is_err() { value } else { widened(tidied, &shape) }
}

fn widened<'g>(value: Expr<'g>, shape: &Shape) -> Expr<'g> {
    if value.shape() == *shape { value } else { value.broadcast_to(shape) }
}

fn without<'g>(all: &[Expr<'g>], common: &[NodeId]) -> Vec<Expr<'g>> {
    let mut left = common.to_vec();
    let is_left = |e: &&Expr<'g>| match left.iter().position(|id| *id == e.id()) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    all.iter().filter(is_left).copied().collect()
}

/// Positive terms, then what is taken from them.
fn sum<'g>(like: Expr<'g>, terms: Vec<Term<'g>>) -> Expr<'g> {
    let (plus, minus): (Vec<_>, Vec<_>) = terms.into_iter().partition(|t| t.coefficient > 0.0);
    let mut total: Option<Expr<'g>> = None;
    for term in plus {
        let next = term.build(like);
        total = Some(total.map_or(next, |sum| sum + next));
    }
    for term in minus {
        let next = Term { coefficient: -term.coefficient, ..term }.build(like);
        total = Some(total.map_or(-next, |sum| sum - next));
    }
    total.unwrap_or(like)
}

impl<'g> Term<'g> {
    fn build(self, like: Expr<'g>) -> Expr<'g> {
        let graph = like.graph();
        let Term { mut coefficient, scalars, mut divisors, body } = self;
        // What is long as a decimal number, or stands over a divisor anyway, is a fraction.
        let whole = (1.0 / coefficient.abs()).round();
        let is_fraction = whole > 1.0 && 1.0 / whole == coefficient.abs();
        if is_fraction && (!divisors.is_empty() || coefficient.to_string().len() > LONG) {
            divisors.insert(0, graph.constant(like.dtype(), whole));
            coefficient = coefficient.signum();
        }
        let product = |all: Vec<Expr<'g>>| all.into_iter().reduce(|a, b| a * b);
        let number = (coefficient.abs() != 1.0).then(|| graph.constant(like.dtype(), coefficient));
        let factors = number.into_iter().chain(scalars).chain(body).collect();
        let value = match product(factors) {
            None => graph.constant(like.dtype(), coefficient),
            Some(value) if coefficient == -1.0 => -value,
            Some(value) => value,
        };
        match product(divisors) {
            Some(divisor) => value / divisor,
            None => value,
        }
    }
}

/// Adds the terms of a sum.
fn add_terms<'g>(value: Expr<'g>, sign: f64, terms: &mut Vec<Term<'g>>) {
    let node = value.node();
    let arg = |i: usize| value.graph().expr(node.args[i]);
    match &node.op {
        Op::Unary(Unary::Neg) => add_terms(arg(0), -sign, terms),
        Op::Binary(Binary::Add) => {
            add_terms(arg(0), sign, terms);
            add_terms(arg(1), sign, terms);
        }
        Op::Binary(Binary::Sub) => {
            add_terms(arg(0), sign, terms);
            add_terms(arg(1), -sign, terms);
        }
        _ => {
            let mut term = Term { coefficient: sign, scalars: vec![], divisors: vec![], body: vec![] };
            add_factors(value, &mut term);
            terms.push(term);
        }
    }
}

/// Adds the factors of a product.
fn add_factors<'g>(value: Expr<'g>, term: &mut Term<'g>) {
    let (node, graph) = (value.node(), value.graph());
    let arg = |i: usize| graph.expr(node.args[i]);
    let is_zero = |e: Expr<'g>| below(e).as_constant() == Some(0.0);
    match &node.op {
        Op::Constant(constant) => term.coefficient *= constant.as_f64(),
        Op::Unary(Unary::Neg) => {
            term.coefficient = -term.coefficient;
            add_factors(arg(0), term);
        }
        Op::Binary(Binary::Mul) => {
            add_factors(arg(0), term);
            add_factors(arg(1), term);
        }
        Op::Binary(Binary::Div) if below(arg(1)).shape().rank() == 0 => {
            add_factors(arg(0), term);
            add_divisors(below(arg(1)), term);
        }
        Op::Select if is_zero(arg(2)) => {
            add_factors(arg(1), term);
            term.body.push(arg(0).cast(value.dtype()));
        }
        // One at each label, if it is the same number everywhere.
        Op::Scatter { kind: Scatter::Add, axis, batch }
            if *axis == arg(0).shape().rank() && axis == batch && below(arg(1)).shape().rank() == 0 =>
        {
            let ones = graph.full(value.dtype(), arg(1).shape(), 1.0);
            let one_hot =
                graph.node(node.op.clone(), vec![node.args[0], ones.id()], Some((node.dtype, &node.shape)));
            if one_hot.is_poison() {
                return term.body.push(value);
            }
            add_factors(below(arg(1)), term);
            term.body.push(one_hot);
        }
        Op::Broadcast(_) if below(value).shape().rank() == 0 => add_factors(below(value), term),
        _ if value.shape().rank() == 0 => term.scalars.push(value),
        _ => term.body.push(value),
    }
}

/// Adds the factors of a scalar divisor.
fn add_divisors<'g>(divisor: Expr<'g>, term: &mut Term<'g>) {
    let node = divisor.node();
    match (&node.op, divisor.as_constant()) {
        (_, Some(number)) if number != 0.0 => term.coefficient /= number,
        (Op::Binary(Binary::Mul), _) => {
            node.args.iter().for_each(|id| add_divisors(below(divisor.graph().expr(*id)), term));
        }
        _ => term.divisors.push(divisor),
    }
}

/// Without what formulas leave out.
fn below(value: Expr<'_>) -> Expr<'_> {
    let (mut id, graph) = (value.id(), value.graph());
    while is_invisible(graph, &graph.get(id)) {
        id = graph.get(id).args[0];
    }
    graph.expr(id)
}
