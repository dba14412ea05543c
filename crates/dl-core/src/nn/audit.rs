//! The gradient-flow audit: parameters that an objective cannot reach, and the edge that cuts the path.

use std::collections::HashSet;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::graph::{Expr, Graph, Node, NodeId};
use crate::nn::{Parameters, parameters};
use crate::ops::{Binary, Op, Reduce, Unary};

/// Whether there is something to train; records why not, and which parameters are out of reach.
pub(super) fn is_trainable<'g>(objective: Expr<'g>, wrt: &Parameters<'g>) -> bool {
    let graph = objective.graph();
    if objective.is_poison() || wrt.iter().any(Expr::is_poison) {
        return false;
    }
    if objective.shape().rank() != 0 || !objective.dtype().is_float() {
        let (dtype, shape) = (objective.dtype(), objective.shape());
        graph.fail(format!(
            "cannot minimize {dtype} {shape}: a float scalar is needed, sum or average it first"
        ));
        return false;
    }
    if wrt.is_empty() {
        graph.fail("nothing to train: no trainable parameter is declared".into());
        return false;
    }
    let reached = differentiable_ancestors(objective);
    let mut audit = None;
    let mut fine = true;
    for parameter in wrt.iter() {
        let message = match parameters::path(parameter) {
            Some(_) if reached.contains(&parameter.id()) => continue,
            Some(path) => {
                let audit = audit.get_or_insert_with(|| Audit::of(objective, &reached));
                format!("parameter {path} is not trained: {}", audit.why(parameter))
            }
            None => format!("only parameters can be trained, got {}", parameter.node().op.name()),
        };
        graph.fail(message);
        fine = false;
    }
    fine && has_numbers_for_factors(objective)
}

/// Whether no term has a factor that is infinite or NaN; records which has. What a `select` may mask,
/// and what stands inside another function, is the author's business.
fn has_numbers_for_factors(objective: Expr<'_>) -> bool {
    let graph = objective.graph();
    let mut terms: Vec<NodeId> = ancestors(objective, keeps_factors).into_iter().collect();
    terms.sort_unstable();
    let mut fine = true;
    for id in terms {
        let node = graph.get(id);
        let factor = |place: usize| constant(graph.expr(node.args[place])).filter(|c| !c.is_finite());
        let found = match node.op {
            Op::Binary(Binary::Mul) => factor(0).or(factor(1)),
            // What is divided by infinity is 0.
            Op::Binary(Binary::Div) => factor(0).or(factor(1).filter(|c| c.is_nan())),
            Op::Binary(Binary::Add | Binary::Sub) => factor(0).or(factor(1)).filter(|c| c.is_nan()),
            _ => None,
        };
        if let Some(factor) = found {
            let message = format!("{factor} in a term of the objective: its gradient is no number");
            graph.attributed(&graph.origin(id), || graph.fail(message));
            fine = false;
        }
    }
    fine
}

/// True for what a factor of an argument is a factor of, too, or of a term.
fn keeps_factors(expr: Expr<'_>) -> bool {
    let node = expr.node();
    match &node.op {
        Op::Binary(op) => matches!(op, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div),
        Op::Unary(op) => *op == Unary::Neg,
        Op::Reduce { kind, .. } => *kind == Reduce::Sum,
        Op::Broadcast(_) | Op::Reshape | Op::Cast | Op::Assume(_) | Op::Variable(_) => true,
        _ => false,
    }
}

/// Where the paths from an objective end.
struct Audit<'g> {
    /// For what the objective depends on without a gradient: the first edge that cuts the path.
    cuts: FxHashMap<NodeId, Expr<'g>>,
    /// For what else is used: a value that uses it and that the objective leaves out.
    left_out: FxHashMap<NodeId, Expr<'g>>,
}

impl<'g> Audit<'g> {
    fn of(objective: Expr<'g>, reached: &HashSet<NodeId>) -> Self {
        let graph = objective.graph();
        let mut cuts: Vec<Expr<'g>> = reached.iter().map(|id| graph.expr(*id)).collect();
        cuts.retain(|e| !differentiable(*e) || e.node().op == Op::WithGradient);
        cuts.sort_unstable_by_key(|e| e.id());
        // What the author named says most; otherwise the value that nothing else uses.
        let named = graph.named().into_iter().map(|(_, e)| e);
        let latest = (0..graph.len()).rev().map(|i| graph.expr(NodeId(i as u32)));
        Audit { cuts: first_above(cuts), left_out: first_above(named.chain(latest)) }
    }

    /// Why there is no gradient with respect to `parameter`.
    fn why(&self, parameter: Expr<'g>) -> String {
        let graph = parameter.graph();
        let place =
            |e: &Expr<'g>| graph.origin(e.id()).site.map_or(String::new(), |site| format!(" at {site}"));
        if let Some(cut) = self.cuts.get(&parameter.id()) {
            return format!("the objective depends on it only through {}{}", edge(*cut), place(cut));
        }
        match self.left_out.get(&parameter.id()) {
            Some(value) if *value != parameter => {
                let name = graph.origin(value.id()).name;
                let name = name.as_deref().map_or_else(|| value.node().op.name().to_owned(), str::to_owned);
                format!("the objective does not depend on it: it leaves out {name}{}", place(value))
            }
            _ => "the objective does not depend on it".into(),
        }
    }
}

/// Everything below `tops`, with the first of them that it is below.
fn first_above<'g>(tops: impl IntoIterator<Item = Expr<'g>>) -> FxHashMap<NodeId, Expr<'g>> {
    let mut first = FxHashMap::default();
    for top in tops {
        let mut todo = vec![top.id()];
        while let Some(id) = todo.pop() {
            if let Entry::Vacant(free) = first.entry(id) {
                free.insert(top);
                todo.extend(&top.graph().get(id).args);
            }
        }
    }
    first
}

/// False for what no gradient passes: ops without a derivative, integers, and what a zero that stands
/// in the formula makes constant.
fn differentiable(expr: Expr<'_>) -> bool {
    let node = expr.node();
    let is_zero = |place: usize| zero(expr.graph().expr(node.args[place])).is_some();
    match &node.op {
        Op::StopGradient => false,
        // Its own value is the number of steps; what depends on it are its results.
        Op::Scan(_) => true,
        Op::Binary(Binary::Mul) => !is_zero(0) && !is_zero(1),
        Op::Binary(Binary::Div) => !is_zero(0),
        Op::Binary(Binary::Pow) => !is_zero(1),
        Op::Unary(op) => op.row().derivative.is_some(),
        _ => node.dtype.is_float(),
    }
}

/// What [`differentiable`] refuses, in words.
fn edge(cut: Expr<'_>) -> String {
    let node = cut.node();
    match &node.op {
        Op::Binary(Binary::Mul) => "a product with 0".into(),
        Op::Binary(Binary::Div) => "a quotient of 0".into(),
        Op::Binary(Binary::Pow) => "a power with exponent 0".into(),
        Op::Binary(op) => format!("the comparison {}", op.row().name),
        Op::Unary(op) if node.dtype.is_float() => format!("{}, whose derivative is 0", op.row().name),
        Op::Cast => format!("a cast to {}", node.dtype),
        Op::WithGradient => "with_gradient, whose rule leaves it out".into(),
        op => op.name().into(),
    }
}

/// Something if this is the constant 0, repeated or not.
fn zero(expr: Expr<'_>) -> Option<()> {
    constant(expr).filter(|c| *c == 0.0).map(|_| ())
}

/// The number, repeated or not.
fn constant(expr: Expr<'_>) -> Option<f64> {
    match expr.node().op {
        Op::Broadcast(_) | Op::Reshape => constant(expr.graph().expr(expr.node().args[0])),
        _ => expr.as_constant(),
    }
}

/// A factor such as λ that somebody declared and forgot would leave out its term in silence.
///
/// After another mistake nothing is said: what it poisoned uses nothing.
pub(super) fn refuse_unused_inputs(graph: &Graph) {
    if graph.check().is_err() {
        return;
    }
    let used: HashSet<NodeId> =
        (0..graph.len()).flat_map(|i| graph.get(NodeId(i as u32)).args.clone()).collect();
    for i in (0..graph.len()).map(|i| NodeId(i as u32)) {
        let node = graph.get(i);
        if let Op::Input(name) = &node.op
            && node.shape.rank() == 0
            && node.dtype.is_float()
            && !used.contains(&i)
        {
            let message = format!("input {name} is declared and nothing uses it: a term may be missing");
            graph.attributed(&graph.origin(i), || graph.fail(message));
        }
    }
}

/// Everything that `root` is computed from, itself included, not going on below nodes that `passes`
/// refuses.
pub(super) fn ancestors<'g>(root: Expr<'g>, passes: impl Fn(Expr<'g>) -> bool) -> HashSet<NodeId> {
    below(root, |expr, node| if passes(expr) { node.args.clone() } else { vec![] })
}

/// Everything that a gradient of `root` passes.
fn differentiable_ancestors(root: Expr<'_>) -> HashSet<NodeId> {
    below(root, |expr, node| if differentiable(expr) { node.differentiated().to_vec() } else { vec![] })
}

/// `root` and everything that it leads to.
fn below<'g>(root: Expr<'g>, next: impl Fn(Expr<'g>, &Node) -> Vec<NodeId>) -> HashSet<NodeId> {
    let mut seen = HashSet::from([root.id()]);
    let mut todo = vec![root.id()];
    while let Some(id) = todo.pop() {
        let expr = root.graph().expr(id);
        todo.extend(next(expr, &expr.node()).into_iter().filter(|a| seen.insert(*a)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use crate::nn::{self, Sgd};
    use crate::{F64, Graph, I64, Init, Program};
    use expect_test::{Expect, expect};

    fn messages(result: crate::Result<Program>, want: Expect) {
        let error = result.unwrap_err();
        let text = |f: &crate::Fault| f.message.split(" at crates").next().unwrap().to_owned();
        want.assert_eq(&error.faults().iter().map(text).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn factors_that_are_no_numbers_are_refused() {
        let check = |factor: f64, want: Expect| {
            let g = Graph::new();
            let w = g.parameter("w", F64, [2], Init::Zeros);
            let j = nn::l2(w);
            let line = line!() + 1;
            let error = (1.0 - factor * j).minimize(Sgd::new(0.1)).unwrap_err();
            assert_eq!(error.faults()[0].site.as_ref().unwrap().line, line);
            messages(Err(error), want);
        };
        check(f64::INFINITY, expect!["inf in a term of the objective: its gradient is no number"]);
        check(f64::NEG_INFINITY, expect!["-inf in a term of the objective: its gradient is no number"]);
        check(f64::NAN, expect!["NaN in a term of the objective: its gradient is no number"]);
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        let masked = w.gt(0.0).select(w, f64::NEG_INFINITY * w).sum(..) + w.square().sum(..) / f64::INFINITY;
        masked.minimize(Sgd::new(0.1)).unwrap();
    }

    #[test]
    fn parameters_out_of_reach_are_named() {
        let g = Graph::new();
        let a = g.parameter("a", F64, (), Init::Zeros);
        let b = g.parameter("b", F64, (), Init::Zeros);
        g.parameter("c", F64, (), Init::Zeros);
        let d = g.parameter("d", F64, (), Init::Zeros);
        let j = (a * b.stop_gradient()).square() + d.floor() + d.gt(0.0).select(a, 0.0);
        messages(
            j.minimize(Sgd::new(0.1)),
            expect![[r#"
                parameter b is not trained: the objective depends on it only through stop_gradient
                parameter c is not trained: the objective does not depend on it
                parameter d is not trained: the objective depends on it only through floor, whose derivative is 0"#]],
        );
    }

    #[test]
    fn a_literal_zero_cuts_the_path_unless_the_parameter_is_frozen() {
        let g = Graph::new();
        let a = g.parameter("a", F64, [2], Init::Zeros);
        let b = g.parameter("b", F64, [2], Init::Zeros);
        let c = g.parameter("c", F64, [2], Init::Zeros);
        g.parameter("d", F64, [2], Init::Zeros);
        let j = nn::l2(a) + (b * 0.0).sum(..) + a.gather(0, c.argmax(0)) + a.pick(c.sum(..).cast(crate::I64));
        g.parameters().matching("d").freeze();
        messages(
            j.minimize(Sgd::new(0.1)),
            expect![[r#"
                parameter b is not trained: the objective depends on it only through a product with 0
                parameter c is not trained: the objective depends on it only through argmax"#]],
        );
    }

    /// One parameter `w` of `[3]` and what the objective makes of it.
    fn cut_by(build: impl for<'g> Fn(&'g Graph, crate::Expr<'g>) -> crate::Expr<'g>, want: Expect) {
        let g = Graph::new();
        let (a, w) = (g.parameter("a", F64, [3], Init::Zeros), g.parameter("w", F64, [3], Init::Zeros));
        let term = build(&g, w);
        messages((nn::l2(a) + term).minimize(Sgd::new(0.1)), want);
    }

    #[test]
    fn every_edge_that_cuts_a_path_is_named() {
        fn x(g: &Graph) -> crate::Expr<'_> {
            g.input("x", F64, [3])
        }
        cut_by(
            |g, w| x(g).pick(w.argmax(0)),
            expect!["parameter w is not trained: the objective depends on it only through argmax"],
        );
        cut_by(
            |g, w| w.argsort(0, crate::ops::Order::Ascending).cast(F64).dot(x(g)),
            expect!["parameter w is not trained: the objective depends on it only through argsort"],
        );
        cut_by(
            |g, w| w.gt(0.5).select(x(g), 0.0).sum(..),
            expect!["parameter w is not trained: the objective depends on it only through the comparison gt"],
        );
        cut_by(
            |g, w| x(g).gather(0, w.cast(I64)).sum(..),
            expect!["parameter w is not trained: the objective depends on it only through a cast to i64"],
        );
        cut_by(
            |_, w| w.stop_gradient().square().sum(..),
            expect!["parameter w is not trained: the objective depends on it only through stop_gradient"],
        );
        cut_by(
            |_, w| 0.0 * nn::l2(w),
            expect!["parameter w is not trained: the objective depends on it only through a product with 0"],
        );
        cut_by(
            |_, w| w.pow(0.0).sum(..),
            expect![
                "parameter w is not trained: the objective depends on it only through a power with exponent 0"
            ],
        );
        cut_by(
            |_, w| (0.0 / (w + 1.0)).sum(..),
            expect!["parameter w is not trained: the objective depends on it only through a quotient of 0"],
        );
        cut_by(
            |_, w| (w + 0.5).floor().sum(..),
            expect![
                "parameter w is not trained: the objective depends on it only through floor, whose derivative is 0"
            ],
        );
        cut_by(
            |_, w| w.sign().sum(..),
            expect![
                "parameter w is not trained: the objective depends on it only through sign, whose derivative is 0"
            ],
        );
        cut_by(
            |_, w| w.is_finite().cast(F64).sum(..),
            expect!["parameter w is not trained: the objective depends on it only through is_finite"],
        );
    }

    #[test]
    fn a_term_that_is_left_out_is_named() {
        let g = Graph::new();
        let (a, b) = (g.parameter("a", F64, [2], Init::Zeros), g.parameter("b", F64, [2], Init::Zeros));
        nn::l2(b).named("J₂");
        messages(
            nn::l2(a).minimize(Sgd::new("rate")),
            expect!["parameter b is not trained: the objective does not depend on it: it leaves out J₂"],
        );
    }

    #[test]
    fn a_factor_that_is_left_out_is_named() {
        let g = Graph::new();
        let a = g.parameter("a", F64, [2], Init::Zeros);
        g.input("λ", F64, ());
        messages(
            nn::l2(a).minimize(Sgd::new("rate")),
            expect!["input λ is declared and nothing uses it: a term may be missing"],
        );
    }

    #[test]
    fn a_factor_that_is_used_is_fine() {
        let g = Graph::new();
        let a = g.parameter("a", F64, [2], Init::Zeros);
        let j = nn::l2(a) * g.input("λ", F64, ());
        assert_eq!(j.minimize(Sgd::new("rate")).unwrap().inputs().len(), 2);
    }
}
