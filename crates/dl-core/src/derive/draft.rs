//! From a graph to the lines of a derivation.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::derive::cut::{Cut, cuts, is_variable};
use crate::derive::tidy::tidy;
use crate::derive::{Kind, Line};
use crate::dim::Name;
use crate::error::{Error, Result};
use crate::graph::{Call, Expr, Graph, NodeId, Rebuild};
use crate::ops::{Binary, Op, Unary};
use crate::print::{Called, Style};
use crate::program::Program;

/// The lines of the objective's derivation: see [`Derivation::of`](crate::derive::Derivation::of).
pub(super) fn lines<'g>(objective: Expr<'g>, wrt: &[Expr<'g>]) -> Result<Vec<Line>> {
    let graph = objective.graph();
    graph.check()?;
    if objective.shape().rank() > 0 || !objective.dtype().is_float() {
        let (dtype, shape) = (objective.dtype(), objective.shape());
        return Err(Error::value(format!("derivation of {dtype} {shape}: expected a float scalar")));
    }
    for variable in wrt {
        if !std::ptr::eq(variable.graph(), graph) || !is_variable(&variable.node()) {
            return Err(Error::value(format!(
                "derivation by {variable:?}: expected an input or parameter of floats of the same graph"
            )));
        }
    }
    let ids: Vec<NodeId> = wrt.iter().map(|e| e.id()).collect();
    let (cuts, calls) = cuts(graph, objective.id(), &ids);
    let draft = Draft {
        graph,
        objective: objective.id(),
        name: graph.origin(objective.id()).name.unwrap_or_else(|| free_name(graph, "J")),
        cuts,
        calls,
        through: vec![],
        wrt: ids,
        lines: vec![],
    };
    draft.finish()
}

/// The summands of an objective, as the author wrote them.
fn summands<'p>(value: Expr<'p>, minus: bool, all: &mut Vec<Expr<'p>>) {
    let (node, arg) = (value.node(), |i: usize| value.graph().expr(value.node().args[i]));
    match &node.op {
        Op::Binary(Binary::Add) => (0..2).for_each(|i| summands(arg(i), minus, all)),
        Op::Binary(Binary::Sub) => (0..2).for_each(|i| summands(arg(i), minus != (i == 1), all)),
        Op::Unary(Unary::Neg) => summands(arg(0), !minus, all),
        _ => all.push(if minus { -value } else { value }),
    }
}

struct Draft<'g> {
    graph: &'g Graph,
    objective: NodeId,
    name: Name,
    cuts: Vec<Cut>,
    /// By value, the function that made it.
    calls: FxHashMap<NodeId, Call>,
    /// Those at which derivatives do not stop, once they were told apart.
    through: Vec<Cut>,
    wrt: Vec<NodeId>,
    lines: Vec<Line>,
}

impl Draft<'_> {
    /// How the derivative of the objective by a value is called.
    fn label(&self, name: &str) -> Name {
        format!("∂{}/∂{name}", self.name).into()
    }

    fn finish(mut self) -> Result<Vec<Line>> {
        self.value(Kind::Objective, self.objective, &self.name.clone())?;
        for Cut { id, name, .. } in self.top_down() {
            self.value(Kind::Value, id, &name)?;
        }
        (self.cuts, self.through) =
            self.cuts.into_iter().filter(|cut| cut.id != self.objective).partition(|cut| cut.stops);
        let mut asked: Vec<NodeId> = self.wrt.clone();
        for place in (0..=self.cuts.len()).rev() {
            // What only values with a derivative so far use.
            let below: Vec<NodeId> = self.cuts[..place].iter().map(|cut| cut.id).collect();
            let (ready, later): (Vec<_>, Vec<_>) =
                asked.into_iter().partition(|id| !below.iter().any(|cut| self.uses(*cut, *id)));
            asked = later;
            for id in ready {
                self.derivative(Kind::Gradient, id, &leaf_name(self.graph, id))?;
            }
            if let Some(Cut { id, name, .. }) = place.checked_sub(1).map(|i| self.cuts[i].clone()) {
                self.derivative(Kind::Inner, id, &name)?;
            }
        }
        Ok(self.lines)
    }

    /// The cuts, each after all in which it stands, in the order in which they are met.
    fn top_down(&self) -> Vec<Cut> {
        let mut left: Vec<&Cut> = self.cuts.iter().filter(|cut| cut.id != self.objective).collect();
        let (mut met, mut order): (Vec<NodeId>, Vec<Cut>) = (vec![], vec![]);
        let mut next = self.objective;
        while !left.is_empty() {
            let new = left.iter().map(|cut| cut.id).filter(|id| !met.contains(id) && self.uses(next, *id));
            met.extend(new.collect::<Vec<_>>());
            let ready = |id: &&NodeId| {
                let is_left = left.iter().any(|cut| cut.id == **id);
                is_left && !left.iter().any(|cut| cut.id != **id && self.uses(cut.id, **id))
            };
            // The last of the arena stands in no other.
            let chosen = met.iter().find(ready).copied().unwrap_or(left[left.len() - 1].id);
            order.extend(left.iter().filter(|cut| cut.id == chosen).map(|cut| (*cut).clone()));
            left.retain(|cut| cut.id != chosen);
            next = chosen;
        }
        order
    }

    /// Whether a value is computed from another without a cut between.
    fn uses(&self, value: NodeId, of: NodeId) -> bool {
        // An objective may be the variable itself.
        if value == of {
            return true;
        }
        let cuts: FxHashSet<NodeId> = self.cuts.iter().map(|cut| cut.id).collect();
        let (mut todo, mut seen) = (self.graph.get(value).args.clone(), FxHashSet::default());
        while let Some(id) = todo.pop() {
            if id == of {
                return true;
            }
            if !cuts.contains(&id) && seen.insert(id) {
                todo.extend(&self.graph.get(id).args);
            }
        }
        false
    }

    /// The line of a value, in which others that have names stand by these.
    fn value(&mut self, kind: Kind, id: NodeId, name: &Name) -> Result<()> {
        let paper = Graph::new();
        let mut copy = Copy::new(self.graph, &paper, self.objective);
        let by = copy.leaves(self.cuts.iter().filter(|cut| cut.id != id));
        let value = copy.with(id, &by);
        let called = match self.calls.get(&id) {
            Some(call) => {
                let args = call.args.iter().enumerate();
                let args = args.map(|(place, arg)| (place.to_string(), copy.with(*arg, &by)));
                let program =
                    args.fold(Program::builder(&paper), |program, (place, arg)| program.output(&place, arg));
                Some(Called { function: call.function.clone(), args: program.without_rewriting().compile()? })
            }
            None => None,
        };
        self.add(kind, id, name, value, called)
    }

    fn add(
        &mut self,
        kind: Kind,
        node: NodeId,
        name: &str,
        value: Expr<'_>,
        called: Option<Called>,
    ) -> Result<()> {
        let program = Program::builder(value.graph()).output(name, value).without_rewriting().compile()?;
        self.lines.push(Line { kind, node, name: name.into(), program, called, style: Style::Arrays });
        Ok(())
    }

    /// The line of a derivative, by those of what is computed from the value.
    fn derivative(&mut self, kind: Kind, id: NodeId, name: &Name) -> Result<()> {
        let paper = Graph::new();
        let mut copy = Copy::new(self.graph, &paper, self.objective);
        let mut by = copy.leaves(self.cuts.iter());
        let variable = by.get(&copy.get(id).id()).copied().unwrap_or_else(|| copy.get(id));
        let (mut parts, mut users, mut names): (Vec<Expr<'_>>, Vec<Expr<'_>>, Vec<Name>) =
            (vec![], vec![], vec![]);
        for cut in self.cuts.iter().filter(|cut| cut.id != id && self.uses(cut.id, id)).rev() {
            let own = copy.get(cut.id).id();
            let leaf = by.remove(&own).expect("every cut has a leaf");
            let value = copy.with(cut.id, &by);
            by.insert(own, leaf);
            let outer = paper.input(&self.label(&cut.name), value.dtype(), value.shape());
            parts.push((outer * value).sum(..));
            users.push(value);
            names.push(cut.name.clone());
        }
        if self.uses(self.objective, id) {
            summands(copy.with(self.objective, &by), false, &mut parts);
        }
        if parts.is_empty() {
            parts.push(paper.constant(variable.dtype(), 0.0));
        }
        // Each part by itself: what the author wrote as a sum has a sum as its derivative.
        let mut builder = Program::builder(&paper);
        for (i, part) in parts.iter().enumerate() {
            builder = builder.output(&i.to_string(), part.grad(&[variable])[0]);
        }
        for cut in self.through.iter().filter(|cut| self.uses(cut.id, id)) {
            users.push(copy.with(cut.id, &by));
            names.push(cut.name.clone());
        }
        // What has a name, where it comes out again: `1 - h²` for the slope of `h = tanh(z)`.
        for (i, value) in users.iter().enumerate() {
            builder = builder.output(&format!("value {i}"), *value);
        }
        let program = builder.compile()?;
        let result = program.to_graph();
        let mut all: Vec<Expr<'_>> =
            program.outputs().iter().map(|o| program.expr(&result, o.node)).collect();
        let values = all.split_off(all.len() - users.len());
        let zero = || result.full(all[0].dtype(), all[0].shape(), 0.0);
        let value = tidy(&all).unwrap_or_else(zero);
        let known = values.iter().zip(&names).filter(|(value, _)| !matches!(value.node().op, Op::Input(_)));
        let by = known.map(|(value, name)| (value.id(), result.input(name, value.dtype(), value.shape())));
        let value = result.substituted(&[value.id()], &by.collect())[0];
        self.add(kind, id, &self.label(name), value, None)
    }
}

/// The graph below an objective on a sheet of its own.
struct Copy<'a, 'p> {
    paper: &'p Graph,
    nodes: Rebuild<'a, 'p>,
}

impl<'a, 'p> Copy<'a, 'p> {
    fn new(graph: &'a Graph, paper: &'p Graph, objective: NodeId) -> Self {
        let mut nodes = Rebuild::new(graph, paper);
        nodes.run(&[objective], |copy, _, node, args| copy.copy(node, args));
        Copy { paper, nodes }
    }

    fn get(&self, id: NodeId) -> Expr<'p> {
        // What the objective does not depend on has no place below it.
        self.nodes.get(id).unwrap_or_else(|| self.nodes.copy(&self.nodes.from.get(id), &[]))
    }

    /// A letter for each value that has a name, by the value's place on paper.
    fn leaves<'c>(&mut self, cuts: impl Iterator<Item = &'c Cut>) -> FxHashMap<NodeId, Expr<'p>> {
        let leaf = |cut: &Cut| {
            let value = self.get(cut.id);
            (value.id(), self.paper.input(&cut.name, value.dtype(), value.shape()))
        };
        cuts.map(leaf).collect()
    }

    /// A value with letters for others.
    fn with(&self, id: NodeId, by: &FxHashMap<NodeId, Expr<'p>>) -> Expr<'p> {
        self.paper.substituted(&[self.get(id).id()], by)[0]
    }
}

fn leaf_name(graph: &Graph, id: NodeId) -> Name {
    match &graph.get(id).op {
        Op::Input(name) | Op::Parameter(name) => name.clone(),
        _ => unreachable!("variables were checked"),
    }
}

/// A name that the graph does not have.
fn free_name(graph: &Graph, name: &str) -> Name {
    let inputs = graph.input_decls().into_iter().map(|d| d.name);
    let parameters = graph.parameter_decls().into_iter().map(|d| d.name);
    let taken: FxHashSet<Name> =
        inputs.chain(parameters).chain(graph.named().into_iter().map(|n| n.0)).collect();
    let candidates = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{name}{n}")));
    candidates.map(Name::from).find(|name| !taken.contains(name)).expect("numbers do not end")
}
