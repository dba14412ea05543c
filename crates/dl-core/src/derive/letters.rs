//! What an optimizer does, as its paper writes it: settings by letters, one line after the other.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Expr, Graph, NodeId, reachable};
use crate::init::Init;
use crate::nn::{Gradient, Letters, Optimizer};
use crate::ops::{Binary, Op, Unary};
use crate::program::Program;
use crate::shape::Shape;

/// What an optimizer makes of one variable.
pub(super) struct Written {
    /// What each line changes, and the program that does.
    pub lines: Vec<(Name, Program)>,
    /// Letters of settings, and what they are.
    pub settings: Vec<(Name, f64)>,
}

/// What is updated, and by what.
pub(super) struct Variable<'a> {
    pub name: &'a str,
    /// How its gradient is called.
    pub gradient: &'a str,
    pub shape: &'a Shape,
}

impl Variable<'_> {
    fn updates<'g>(&self, optimizer: &dyn Optimizer, paper: &'g Graph) -> Vec<(Expr<'g>, Expr<'g>)> {
        let parameter = paper.parameter(self.name, DType::F64, self.shape, Init::Zeros);
        let gradient = paper.input(self.gradient, DType::F64, self.shape);
        optimizer.updates(paper, &[Gradient { parameter, gradient }])
    }
}

/// The updates with the numbers of the optimizer, all at once.
pub(super) fn by_numbers(optimizer: &dyn Optimizer, variable: &Variable<'_>) -> Result<Written> {
    let paper = Graph::new();
    let mut lines = vec![];
    for (target, value) in variable.updates(optimizer, &paper) {
        let program = Program::builder(&paper).update(target, value).without_rewriting().compile()?;
        let name = program.updates().first().map_or_else(|| variable.name.into(), |u| u.parameter.clone());
        lines.push((name, program));
    }
    paper.check()?;
    Ok(Written { lines, settings: vec![] })
}

/// The updates with letters, none of which is `taken`, each by what stands before it; none where they cannot be
/// written so.
pub(super) fn by_letters(
    optimizer: &dyn Optimizer,
    variable: &Variable<'_>,
    taken: &FxHashSet<Name>,
) -> Option<Written> {
    let mut letters = Letters::default();
    let lettered = optimizer.lettered(&mut letters)?;
    let plain = Graph::new();
    let known: Vec<f64> = constants(&plain, &variable.updates(optimizer, &plain));

    let paper = Graph::new();
    let updates = variable.updates(&*lettered, &paper);
    paper.check().ok()?;
    let mut settings = vec![];
    let mut names = vec![];
    for (letter, value, marker) in letters.settings() {
        let free = |name: &String| !taken.contains(name.as_str()) && **name != *variable.name;
        let marks = (0..).map(|marks| format!("{letter}{}", "′".repeat(marks)));
        let name: Name = marks.into_iter().find(free)?.into();
        names.push((paper.input(&name, DType::F64, ()), marker));
        settings.push((name, value));
    }
    let values = with_letters(&paper, updates.iter().map(|(_, value)| *value).collect(), &names);
    let targets: Vec<Expr<'_>> = updates.into_iter().map(|(target, _)| target).collect();
    let pairs: Vec<_> = targets.iter().copied().zip(values.iter().copied()).collect();
    // A number that is nobody's setting and not there without letters was made of settings in a way unknown here; 1
    // stands in `1 - β`.
    if constants(&paper, &pairs).iter().any(|value| *value != 1.0 && !known.contains(value)) {
        return None;
    }
    let lines = one_by_one(&paper, &targets, &values, variable, taken)?;
    Some(Written { lines, settings })
}

/// The numbers below updates.
fn constants(graph: &Graph, updates: &[(Expr<'_>, Expr<'_>)]) -> Vec<f64> {
    let values: Vec<NodeId> = updates.iter().map(|(_, value)| value.id()).collect();
    reachable(graph, &values).into_iter().filter_map(|id| number(graph, id)).collect()
}

fn number(graph: &Graph, id: NodeId) -> Option<f64> {
    match &graph.get(id).op {
        Op::Constant(value) => Some(value.as_f64()),
        _ => None,
    }
}

/// Letters where settings stand, `1 - β` where that does, and `1 - βᵗ` for the digits that it is computed with.
fn with_letters<'g>(graph: &'g Graph, values: Vec<Expr<'g>>, letters: &[(Expr<'g>, f64)]) -> Vec<Expr<'g>> {
    let all = |values: &[Expr<'g>]| reachable(graph, &values.iter().map(|v| v.id()).collect::<Vec<_>>());
    let replaced = |values: &[Expr<'g>], by: &FxHashMap<NodeId, Expr<'g>>| match by.is_empty() {
        true => values.to_vec(),
        false => graph.substituted(&values.iter().map(|v| v.id()).collect::<Vec<_>>(), by),
    };
    let powers = all(&values).into_iter().filter_map(|id| {
        let node = graph.get(id);
        let inner = |id: NodeId, op: Unary| {
            let node = graph.get(id);
            (node.op == Op::Unary(op)).then(|| node.args[0])
        };
        let product = graph.get(inner(id, Unary::Neg).and_then(|id| inner(id, Unary::Expm1))?);
        if product.op != Op::Binary(Binary::Mul) {
            return None;
        }
        let (exponent, log) = match product.args[..] {
            [a, b] if number(graph, b).is_some() => (a, number(graph, b)?),
            [a, b] => (b, number(graph, a)?),
            _ => return None,
        };
        let (letter, _) = letters.iter().find(|(_, marker)| libm::log(*marker) == log)?;
        Some((id, 1.0 - letter.pow(graph.expr(exponent)).broadcast_to(&node.shape)))
    });
    let by = powers.collect();
    let values = replaced(&values, &by);
    let numbers = all(&values).into_iter().filter_map(|id| {
        let value = number(graph, id)?;
        let letter = |(letter, marker): &(Expr<'g>, f64)| {
            (value == *marker).then_some(*letter).or_else(|| (value == 1.0 - marker).then(|| 1.0 - *letter))
        };
        letters.iter().find_map(letter).map(|letter| (id, letter.broadcast_to(&graph.get(id).shape)))
    });
    let by = numbers.collect();
    replaced(&values, &by)
}

/// Updates that happen together as lines of which each sees what those before it made: a line that needs what was
/// stands before the one that changes it. State is called as in papers: `m` for `adam.m(θ)`.
fn one_by_one<'g>(
    graph: &'g Graph,
    targets: &[Expr<'g>],
    values: &[Expr<'g>],
    variable: &Variable<'_>,
    taken: &FxHashSet<Name>,
) -> Option<Vec<(Name, Program)>> {
    let short = |target: &Expr<'g>| match &target.node().op {
        Op::Parameter(name) => {
            let short =
                name.strip_suffix(&format!("({})", variable.name)).and_then(|name| name.rsplit_once('.'));
            let short = short.map(|(_, short)| short).filter(|short| !taken.contains(*short));
            Some(short.unwrap_or(name).to_owned())
        }
        _ => None,
    };
    let names: Vec<String> = targets.iter().map(short).collect::<Option<_>>()?;
    let distinct: FxHashSet<&String> = names.iter().collect();
    if distinct.len() < names.len() {
        return None;
    }
    let count = targets.len();
    let made: Vec<Expr<'g>> = (0..count)
        .map(|i| graph.input(&format!("new {}", names[i]), DType::F64, targets[i].shape()))
        .collect();
    // Each value by the new values of the others.
    let mut own = vec![];
    for i in 0..count {
        let others = (0..count).filter(|j| *j != i && values[*j] != values[i]);
        let by: FxHashMap<NodeId, Expr<'g>> = others.map(|j| (values[j].id(), made[j])).collect();
        own.push(graph.substituted(&[values[i].id()], &by)[0]);
    }
    let below: Vec<FxHashSet<NodeId>> =
        own.iter().map(|value| reachable(graph, &[value.id()]).into_iter().collect()).collect();
    let is_before = |i: usize, j: usize| {
        below[j].contains(&made[i].id()) || i != j && below[i].contains(&targets[j].id())
    };
    let (mut order, mut left): (Vec<usize>, Vec<usize>) = (vec![], (0..count).collect());
    while !left.is_empty() {
        let at = left.iter().position(|j| !left.iter().any(|i| i != j && is_before(*i, *j)))?;
        order.push(left.remove(at));
    }
    let mut lines = vec![];
    for i in order {
        let mut by: FxHashMap<NodeId, Expr<'g>> = FxHashMap::default();
        let mut target = None;
        for (j, name) in names.iter().enumerate() {
            let renamed = graph.parameter(name, DType::F64, targets[j].shape(), Init::Zeros);
            by.insert(targets[j].id(), renamed);
            by.insert(made[j].id(), renamed);
            target = if i == j { Some(renamed) } else { target };
        }
        let value = graph.substituted(&[own[i].id()], &by)[0];
        let program = Program::builder(graph).update(target?, value).without_rewriting().compile().ok()?;
        lines.push((names[i].as_str().into(), program));
    }
    Some(lines)
}
