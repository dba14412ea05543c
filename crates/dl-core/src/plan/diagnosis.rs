//! Where numbers stopped being finite: a plan whose outputs are all that a program computes, and which of
//! them is to blame.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::finite::Statistics;
use crate::graph::{Graph, Node, NodeId, Origin, Scopes};
use crate::ops::{Op, Reduce};
use crate::plan::{Plan, lower};
use crate::print::walk;
use crate::program::{Output, Program};
use crate::tensor::Tensor;

/// All floats that a program computes, one operation at a time.
#[derive(Clone, Debug)]
pub struct Diagnosis<'p> {
    program: &'p Program,
    plan: Plan,
    /// Whether the author says that this input may be infinite.
    infinite: Vec<bool>,
    /// The floats, arguments first, in the order in which the author wrote operands.
    order: Vec<NodeId>,
    places: FxHashMap<NodeId, Place>,
    /// What has to be finite.
    ends: Vec<NodeId>,
}

/// Where a value can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An output of the diagnosis' plan.
    Output(usize),
    /// An input of the program.
    Input(usize),
    /// A parameter of the program, as it was before the run.
    Parameter(usize),
}

/// The first value that is not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Where the author wrote it.
    pub origin: Origin,
    /// What it is and holds, and what its operands are.
    pub message: String,
}

impl<'p> Diagnosis<'p> {
    /// A diagnosis of a program; the inputs called `infinite` may hold infinities.
    pub fn new(program: &'p Program, infinite: &[Name]) -> Self {
        let results = program.outputs().iter().map(|o| o.node);
        let gradients = program.derivation().iter().filter(|o| o.name.starts_with('∂')).map(|o| o.node);
        let ends: Vec<NodeId> = results.chain(program.updates().iter().map(|u| u.value)).collect();
        let mut reached: FxHashSet<NodeId> = FxHashSet::default();
        let mut order = vec![];
        for end in &ends {
            let new = walk(*end, |id| program.nodes()[id.index()].args.clone(), |id| reached.contains(&id));
            reached.extend(&new);
            order.extend(new);
        }
        let scopes = Scopes::of(program.nodes());
        let outside = |id: &NodeId| scopes.free(*id).is_empty();
        order.retain(|id| program.nodes()[id.index()].dtype.is_float() && outside(id));
        let ends = ends.into_iter().chain(gradients.filter(|g| reached.contains(g) && outside(g))).collect();
        let (mut outputs, mut places) = (vec![], FxHashMap::default());
        for id in &order {
            let place = match &program.nodes()[id.index()].op {
                Op::Input(name) => program.inputs().iter().position(|d| d.name == *name).map(Place::Input),
                Op::Parameter(name) => {
                    program.parameters().iter().position(|d| d.name == *name).map(Place::Parameter)
                }
                Op::Constant(_) | Op::Literal(_) => None,
                _ => {
                    outputs.push(Output { name: outputs.len().to_string().into(), node: *id });
                    Some(Place::Output(outputs.len() - 1))
                }
            };
            places.extend(place.map(|place| (*id, place)));
        }
        let plan = lower::lower(program, &outputs, &[]);
        let infinite = program.inputs().iter().map(|d| infinite.contains(&d.name)).collect();
        Diagnosis { program, plan, infinite, order, places, ends }
    }

    /// Computes the values, and changes no parameter.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The first value in the author's order that is not finite and reaches an output, a new parameter or
    /// a gradient. Constants and inputs that are meant to be infinite, and what only hands on their
    /// infinities, are passed over while there is another.
    ///
    /// # Errors
    /// When `read` has one.
    pub fn first<E>(
        &self,
        mut read: impl FnMut(Place) -> Result<Statistics, E>,
    ) -> Result<Option<Finding>, E> {
        let mut found: FxHashMap<NodeId, Statistics> = FxHashMap::default();
        for id in &self.order {
            let statistics = match (&self.node(*id).op, self.places.get(id)) {
                (_, Some(place)) => read(*place)?,
                (Op::Literal(literal), _) => Statistics::of(literal.0.view()),
                (Op::Constant(value), _) => Statistics::of(Tensor::scalar(value.as_f64()).view()),
                _ => continue,
            };
            found.insert(*id, statistics);
        }
        let bad = |id: &NodeId| found.get(id).is_some_and(|s| !s.is_finite());
        let mut reaching: FxHashSet<NodeId> = self.ends.iter().copied().filter(bad).collect();
        for id in self.order.iter().rev().filter(|id| bad(id)) {
            if reaching.contains(id) {
                reaching.extend(self.node(*id).args.iter().copied().filter(bad));
            }
        }
        let mut meant: FxHashSet<NodeId> = FxHashSet::default();
        for id in &self.order {
            if bad(id) && self.is_meant(*id, &found, &meant) {
                meant.insert(*id);
            }
        }
        let mut candidates = self.order.iter().filter(|id| reaching.contains(id));
        let unmeant = candidates.clone().find(|id| !meant.contains(id));
        let first = unmeant.or_else(|| candidates.find(|id| self.places.contains_key(id)));
        Ok(first.map(|id| self.finding(*id, &found)))
    }

    fn node(&self, id: NodeId) -> &'p Node {
        &self.program.nodes()[id.index()]
    }

    /// Whether the infinities of a value are the author's.
    fn is_meant(&self, id: NodeId, found: &FxHashMap<NodeId, Statistics>, meant: &FxHashSet<NodeId>) -> bool {
        let node = self.node(id);
        let of = |id: &NodeId| found.get(id).filter(|s| !s.is_finite());
        let handed_on = || {
            let mut bad = node.args.iter().filter(|a| of(a).is_some()).peekable();
            bad.peek().is_some() && bad.all(|a| meant.contains(a))
        };
        let nothing = |x: &NodeId| found.get(x).is_some_and(|s| s.shape.contains(&0));
        found[&id].nan == 0
            && match &node.op {
                Op::Constant(_) | Op::Literal(_) => true,
                Op::Input(_) => matches!(self.places[&id], Place::Input(i) if self.infinite[i]),
                Op::Pad { value, .. } if !value.as_f64().is_finite() => {
                    node.args.iter().all(|a| of(a).is_none()) || handed_on()
                }
                Op::Reduce { kind: Reduce::Max | Reduce::Min, .. } | Op::LogSumExp(_)
                    if nothing(&node.args[0]) =>
                {
                    true
                }
                _ => handed_on(),
            }
    }

    fn finding(&self, id: NodeId, found: &FxHashMap<NodeId, Statistics>) -> Finding {
        let graph = self.program.to_graph();
        let mut message = format!("{} is not finite: {}", self.formula(&graph, id), found[&id]);
        let mut operands: Vec<NodeId> = vec![];
        for arg in &self.node(id).args {
            if self.places.contains_key(arg) && !operands.contains(arg) {
                operands.push(*arg);
            }
        }
        for (i, arg) in operands.iter().enumerate() {
            let lead = if i == 0 { "; computed from " } else { " and " };
            message.push_str(&format!("{lead}{}: {}", self.label(&graph, *arg), found[arg]));
        }
        Finding { origin: self.program.origins()[id.index()].clone(), message }
    }

    /// As the author would write it.
    fn formula(&self, graph: &Graph, id: NodeId) -> String {
        match &self.node(id).op {
            Op::Input(name) => format!("input {name}"),
            Op::Parameter(name) => format!("parameter {name}"),
            _ => self.program.line(graph, id),
        }
    }

    /// A name, or the formula where there is none.
    fn label(&self, graph: &Graph, id: NodeId) -> String {
        match (self.program.shown_name(id), &self.node(id).op) {
            (_, Op::Input(name) | Op::Parameter(name)) | (Some(name), _) => name.to_string(),
            (None, _) => self.program.line(graph, id),
        }
    }
}
