//! A derivative as people write it: common factors once, positive terms first, conditions as factors.

use crate::dtype::DType;
use crate::graph::{Expr, NodeId};
use crate::ops::{Binary, Contraction, Op, Reduce, Scatter, Unary};
use crate::print::is_invisible;
use crate::shape::Shape;

/// Characters of a number from which on a fraction is shorter.
const LONG: usize = 7;

/// `coefficient · scalars · body / divisors`.
#[derive(Clone)]
struct Term<'g> {
    dtype: DType,
    coefficient: f64,
    scalars: Vec<Expr<'g>>,
    divisors: Vec<Expr<'g>>,
    body: Vec<Expr<'g>>,
}

/// The sum of values of one shape, written shortly; for reading only, since other operations round otherwise.
pub(super) fn tidy<'g>(values: &[Expr<'g>]) -> Option<Expr<'g>> {
    let parts: Vec<Expr<'g>> = values.iter().filter_map(|value| tidied(*value)).collect();
    let value = parts.iter().copied().reduce(|sum, part| sum + part)?;
    if parts.len() == 1 {
        return Some(value);
    }
    // What the parts have in common stays in each, but for equal ones; they keep their order.
    let mut total: Option<Expr<'g>> = None;
    for term in merged(terms_of(value)) {
        total = Some(match total {
            None => term.build(value),
            Some(sum) if term.coefficient < 0.0 => {
                sum - Term { coefficient: -term.coefficient, ..term }.build(value)
            }
            Some(sum) => sum + term.build(value),
        });
    }
    total.map(|sum| if sum.is_poison() { value } else { widened(sum, &value.shape()) })
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
            dtype: t.dtype,
            coefficient: t.coefficient / factor,
            scalars: without(&t.scalars, &scalars),
            divisors: without(&t.divisors, &divisors),
            body: t.body.clone(),
        })
        .collect();
    let graph = value.graph();
    let outer = Term {
        dtype: value.dtype(),
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

/// The opposite of a condition, as people say it.
fn negated(condition: Expr<'_>) -> Expr<'_> {
    let node = condition.node();
    let arg = |i: usize| condition.graph().expr(node.args[i]);
    match &node.op {
        Op::Binary(Binary::Lt) => arg(0).ge(arg(1)),
        Op::Binary(Binary::Le) => arg(0).gt(arg(1)),
        Op::Binary(Binary::Gt) => arg(0).le(arg(1)),
        Op::Binary(Binary::Ge) => arg(0).lt(arg(1)),
        Op::Binary(Binary::Eq) => arg(0).ne(arg(1)),
        Op::Binary(Binary::Ne) => arg(0).eq(arg(1)),
        _ => !condition,
    }
}

impl<'g> Term<'g> {
    /// A number.
    fn new(dtype: DType, coefficient: f64) -> Self {
        Term { dtype, coefficient, scalars: vec![], divisors: vec![], body: vec![] }
    }

    /// Adds the factor that is one where the condition holds, else zero; once is enough.
    fn only_where(&mut self, condition: Expr<'g>) {
        let dtype = self.dtype;
        let holds = condition.cast(dtype);
        let factors = if holds.shape().rank() == 0 { &mut self.scalars } else { &mut self.body };
        if !factors.contains(&holds) {
            factors.push(holds);
        }
    }

    /// `σ(x)·σ(-x)` as `σ(x)·(1 - σ(x))`, and `4·σ(2x)·σ(-2x)` as `1 - tanh(x)²`: the compiler's forms lose no digits,
    /// these are those of books.
    fn with_known_slopes(&mut self) {
        for scalars in [false, true] {
            let list = if scalars { &self.scalars } else { &self.body };
            let found = list.iter().enumerate().find_map(|(i, e)| {
                let minus = list.iter().position(|other| is_mirrored(*e, *other))?;
                Some((i, minus, *e))
            });
            let Some((i, j, plus)) = found else { continue };
            let x = plus.graph().expr(plus.node().args[0]);
            let (factors, coefficient) = match doubled(x) {
                Some(half) if self.coefficient.abs() >= 4.0 => (vec![1.0 - half.tanh().square()], 0.25),
                _ => (vec![plus, 1.0 - plus], 1.0),
            };
            self.coefficient *= coefficient;
            let list = if scalars { &mut self.scalars } else { &mut self.body };
            let mut at = 0;
            list.retain(|_| {
                at += 1;
                at - 1 != i && at - 1 != j
            });
            list.extend(factors);
        }
    }

    fn build(self, like: Expr<'g>) -> Expr<'g> {
        let graph = like.graph();
        let Term { mut coefficient, scalars, mut divisors, body, .. } = self;
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
            let mut term = Term::new(value.dtype(), sign);
            add_factors(value, &mut term);
            term.with_known_slopes();
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
            term.only_where(arg(0));
        }
        Op::Select if is_zero(arg(1)) => {
            add_factors(arg(2), term);
            term.only_where(negated(arg(0)));
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
        Op::Contract(c) => add_contraction(value, c, term),
        Op::Reduce { kind: Reduce::Sum, axes } => {
            let mut own = Term::new(value.dtype(), 1.0);
            add_factors(arg(0), &mut own);
            let body = own.body.iter().copied().reduce(|a, b| a * b);
            match body.filter(|body| body.shape() == arg(0).shape()) {
                Some(body) => {
                    let sum = body.sum(&axes[..]);
                    let Term { coefficient, scalars, divisors, .. } = own;
                    term.coefficient *= coefficient;
                    term.scalars.extend(scalars);
                    term.divisors.extend(divisors);
                    term.body.push(sum);
                }
                None => term.body.push(value),
            }
        }
        Op::Broadcast(_) if below(value).shape().rank() == 0 => add_factors(below(value), term),
        _ if value.shape().rank() == 0 => term.scalars.push(value),
        _ => term.body.push(value),
    }
}

/// A product of matrices, with the numbers in its operands before it; a product with a number is none of matrices.
fn add_contraction<'g>(value: Expr<'g>, contraction: &Contraction, term: &mut Term<'g>) {
    let (node, graph) = (value.node(), value.graph());
    let operands: Vec<Expr<'g>> = node.args.iter().map(|id| graph.expr(*id)).collect();
    let scales =
        |number: usize, labels: &[u8]| operands[number].shape().rank() == 0 && contraction.out == labels;
    if scales(0, &contraction.rhs) || scales(1, &contraction.lhs) {
        operands.into_iter().for_each(|operand| add_factors(operand, term));
        return;
    }
    let mut bodies = vec![];
    for operand in operands {
        let mut own = Term::new(value.dtype(), 1.0);
        add_factors(operand, &mut own);
        let body = own.body.iter().copied().reduce(|a, b| a * b);
        match body.filter(|body| body.shape() == operand.shape()) {
            Some(body) => {
                term.coefficient *= own.coefficient;
                term.scalars.extend(own.scalars);
                term.divisors.extend(own.divisors);
                bodies.push(body);
            }
            None => bodies.push(operand),
        }
    }
    let ids = bodies.iter().map(|body| body.id()).collect();
    let product = graph.node(node.op.clone(), ids, Some((node.dtype, &node.shape)));
    term.body.push(product);
}

/// Whether both are sigmoids, the second of the first one's argument with the other sign.
fn is_mirrored(plus: Expr<'_>, minus: Expr<'_>) -> bool {
    let argument = |e: Expr<'_>| match e.node().op {
        Op::Unary(Unary::Sigmoid) => Some(e.node().args[0]),
        _ => None,
    };
    let (Some(x), Some(y)) = (argument(plus), argument(minus)) else { return false };
    let (x, y) = (plus.graph().expr(x), plus.graph().expr(y));
    let ((a, x), (b, y)) = (scaled(x), scaled(y));
    x == y && a == -b && a > 0.0
}

/// A number and what it is multiplied by.
fn scaled(x: Expr<'_>) -> (f64, Expr<'_>) {
    let node = x.node();
    let arg = |i: usize| x.graph().expr(node.args[i]);
    match &node.op {
        Op::Unary(Unary::Neg) => {
            let (a, x) = scaled(arg(0));
            (-a, x)
        }
        Op::Binary(Binary::Mul) => match (below(arg(0)).as_constant(), below(arg(1)).as_constant()) {
            (Some(a), _) => (a, arg(1)),
            (_, Some(a)) => (a, arg(0)),
            _ => (1.0, x),
        },
        _ => (1.0, x),
    }
}

/// The half of twice a value.
fn doubled(x: Expr<'_>) -> Option<Expr<'_>> {
    let (a, half) = scaled(x);
    (a == 2.0).then_some(half)
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
