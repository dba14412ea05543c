//! Building a program: outputs and updates over a graph, then the passes.

use std::borrow::Borrow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::diff;
use crate::dim::{Dim, Name};
use crate::error::{Error, Fault, Result};
use crate::graph::{ByName, Expr, Graph, InputDecl, Node, NodeId, Origin, Rebuild, reachable};
use crate::ops::Op;
use crate::program::{Output, Program, Update};
use crate::rewrite::{self, Trace};
use crate::spelling::suggestion;

/// Outputs and updates on their way to a [`Program`].
pub struct Builder<'g> {
    graph: &'g Graph,
    outputs: ByName<NodeId>,
    updates: ByName<NodeId>,
    derivation: Vec<(Name, NodeId)>,
    rewriting: bool,
}

impl<'g> Builder<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        let (outputs, updates) = (ByName::default(), ByName::default());
        Builder { graph, outputs, updates, derivation: vec![], rewriting: true }
    }

    /// Adds a named result. A name given twice for different values is an error.
    #[track_caller]
    pub fn output(mut self, name: &str, value: Expr<'g>) -> Self {
        let value = self.graph.own(value);
        if *self.outputs.entry(name.into()).or_insert(value.id()) != value.id() {
            self.graph.fail(format!("two different outputs are named {name}"));
        }
        self
    }

    /// Adds `parameter ← value`. Updates happen together: each sees the old parameters.
    #[track_caller]
    pub fn update(mut self, parameter: Expr<'g>, value: Expr<'g>) -> Self {
        let (parameter, value) = (self.graph.own(parameter), self.graph.own(value));
        let (target, new) = (parameter.node(), value.node());
        let name = match &target.op {
            Op::Parameter(name) => name.clone(),
            Op::Poison => return self,
            other => {
                self.graph.fail(format!("only parameters can be updated, got {}", other.name()));
                return self;
            }
        };
        if new.op != Op::Poison && (new.shape != target.shape || new.dtype != target.dtype) {
            self.graph.fail(format!(
                "update of {name}: {} {} cannot replace {} {}",
                new.dtype, new.shape, target.dtype, target.shape
            ));
        }
        if self.updates.insert(name.clone(), value.id()).is_some() {
            self.graph.fail(format!("parameter {name} is updated twice"));
        }
        self
    }

    /// Adds the updates of state that layers declared ([`Expr::updating`](crate::Expr::updating)) for
    /// what the outputs and updates so far are computed from. [`minimize`](crate::Expr::minimize) does
    /// this; a program that only evaluates does not.
    ///
    /// # Errors
    /// Recorded at the line of the declaration: when one state is updated to two different values, or one
    /// that has an update already.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, Program};
    /// let g = Graph::new();
    /// let (x, calls) = (g.input("x", F64, ()), g.state("calls", F64, (), Init::Zeros));
    /// let y = (2.0 * x).updating(&[(calls, calls + 1.0)]);
    /// let program = Program::builder(&g).output("y", y).state_updates().compile()?;
    /// assert_eq!(program.updates().len(), 1);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn state_updates(mut self) -> Self {
        let graph = self.graph;
        let roots: Vec<NodeId> = self.outputs.iter().chain(&self.updates).map(|(_, id)| *id).collect();
        for (state, value, origin) in graph.declared_updates(&roots) {
            self = graph.attributed(&origin, || self.update(state, value));
        }
        self
    }

    /// Adds a line to the derivation that people read, without making it an output.
    #[track_caller]
    pub fn derive(mut self, name: &str, value: Expr<'g>) -> Self {
        let value = self.graph.own(value);
        self.derivation.push((name.into(), value.id()));
        self
    }

    /// Leaves out the rewriting passes: the program is what was written, differentiated.
    pub fn without_rewriting(mut self) -> Self {
        self.rewriting = false;
        self
    }

    /// Runs the passes.
    ///
    /// # Errors
    /// Every mistake of the graph's construction at once, each with its line; or a program that
    /// computes nothing.
    pub fn compile(self) -> Result<Program> {
        self.graph.check()?;
        if self.outputs.is_empty() && self.updates.is_empty() {
            return Err(Error::value("the program has neither outputs nor updates"));
        }
        let program = Builder { derivation: self.with_named(), ..self };
        program.finish()
    }

    /// The derivation, after the values that the author named and the program is computed from.
    fn with_named(&self) -> Vec<(Name, NodeId)> {
        let roots: Vec<NodeId> = self.outputs.iter().chain(&self.updates).map(|(_, id)| *id).collect();
        let below = reachable(self.graph, &roots);
        let derived = self.derivation.iter().map(|(name, _)| name);
        let shown: FxHashSet<&Name> = self.outputs.keys().chain(derived).collect();
        let named = self.graph.named().into_iter().map(|(name, e)| (name, e.id()));
        let hidden = named.filter(|(name, id)| !shown.contains(name) && below.binary_search(id).is_ok());
        hidden.chain(self.derivation.clone()).collect()
    }

    fn finish(self) -> Result<Program> {
        let results = self.outputs.values().chain(self.updates.values());
        let roots = results.chain(self.derivation.iter().map(|(_, id)| id)).copied();
        let mut roots: Vec<NodeId> = roots.collect();
        // What rewriting relies on may vanish from the results, and is checked all the same.
        let assumed = |id: &NodeId| matches!(self.graph.get(*id).op, Op::Assume(_));
        roots.extend(reachable(self.graph, &roots).into_iter().filter(assumed));
        let mut trace = Trace::default();
        let (graph, roots) = self.passes(&roots, &mut trace);
        graph.check()?;
        self.close(&graph, &roots, trace)
    }

    fn passes(&self, roots: &[NodeId], trace: &mut Trace) -> (Graph, Vec<NodeId>) {
        if !self.rewriting {
            return diff::resolve(self.graph, roots);
        }
        let (graph, roots) = rewrite::rewrite(self.graph, roots, trace);
        let (graph, roots) = diff::resolve(&graph, &roots);
        let (graph, roots) = without_stops(&graph, &roots);
        rewrite::rewrite(&graph, &roots, trace)
    }

    fn close(&self, graph: &Graph, roots: &[NodeId], trace: Trace) -> Result<Program> {
        let mut order = reachable(graph, roots);
        order.extend(binding_inputs(graph, &order));
        order.sort_unstable();
        let (nodes, origins) = renumbered(graph, &order);
        let place = |id: &NodeId| NodeId(order.binary_search(id).expect("a root is reachable") as u32);
        let mut places = roots.iter().map(place);
        let mut next = || places.next().expect("one root for each");
        let mut output = |name: &Name| Output { name: name.clone(), node: next() };
        let outputs = self.outputs.keys().map(&mut output).collect();
        let update = |name: &Name| Update { parameter: name.clone(), value: output(name).node };
        let updates = self.updates.keys().map(update).collect();
        let derivation = self.derivation.iter().map(|(name, _)| output(name)).collect();
        let read = read(&nodes);
        let parameters = self.graph.parameter_decls().into_iter();
        let parameters = parameters
            .filter(|d| self.updates.contains_key(&d.name) || read.contains(&Op::Parameter(d.name.clone())))
            .collect();
        let inputs = self.graph.input_decls().into_iter();
        let inputs = inputs.filter(|d| read.contains(&Op::Input(d.name.clone()))).collect();
        let within: FxHashSet<&Name> = origins.iter().filter_map(|o| o.layer.as_ref()).collect();
        let layers = self.graph.layers().into_iter().filter(|layer| within.contains(&layer.path)).collect();
        let program =
            Program { nodes, origins, inputs, parameters, outputs, updates, derivation, layers, trace };
        program.names_are_bound()?;
        program.check_scans().map_err(|(node, message)| {
            let site = program.origins[node.index()].site.clone();
            Error::build(vec![Fault { site, message }])
        })?;
        Ok(program)
    }
}

/// Nodes of a graph, arguments among them, numbered by their places in `order`, and where they come from.
pub(crate) fn renumbered(graph: &Graph, order: &[NodeId]) -> (Vec<Node>, Vec<Origin>) {
    let place = |id: NodeId| NodeId(order.binary_search(&id).expect("arguments are reachable") as u32);
    let node = |id: &NodeId| {
        let mut node = (*graph.get(*id)).clone();
        node.args.iter_mut().for_each(|a| *a = place(*a));
        node
    };
    (order.iter().map(node).collect(), order.iter().map(|id| graph.origin(*id)).collect())
}

/// Inputs that nothing reads but that alone say how large a dimension is.
fn binding_inputs(graph: &Graph, order: &[NodeId]) -> Vec<NodeId> {
    let nodes: Vec<Arc<Node>> = order.iter().map(|id| graph.get(*id)).collect();
    let read = read(&nodes);
    let is_read = |d: &InputDecl| read.contains(&Op::Input(d.name.clone()));
    let decls = graph.input_decls();
    let binds = |d: &InputDecl| d.shape.iter().filter_map(|d| d.name().cloned()).collect::<Vec<_>>();
    let mut bound: FxHashSet<Name> = decls.iter().filter(|d| is_read(d)).flat_map(binds).collect();
    let needed: FxHashSet<Name> = nodes.iter().flat_map(|n| names(n)).collect();
    let mut extra = vec![];
    for decl in &decls {
        if !is_read(decl) && binds(decl).iter().any(|n| needed.contains(n) && !bound.contains(n)) {
            bound.extend(binds(decl));
            extra.push(graph.leaf(Op::Input(decl.name.clone()), decl.dtype, decl.shape.clone()).id());
        }
    }
    extra
}

/// The inputs and parameters among `nodes`.
fn read<N: Borrow<Node>>(nodes: &[N]) -> FxHashSet<&Op> {
    nodes.iter().map(|n| &n.borrow().op).filter(|op| matches!(op, Op::Input(_) | Op::Parameter(_))).collect()
}

/// The names of dimensions that a node needs.
fn names(node: &Node) -> impl Iterator<Item = Name> {
    node.shape.iter().chain(node.op.dims()).flat_map(Dim::names)
}

/// Once every gradient is there, a stop has nothing left to stop.
fn without_stops(from: &Graph, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let mut copy = Rebuild::new(from, &to);
        copy.run(roots, |copy, _, node, args| match node.op {
            Op::StopGradient => args[0],
            _ => copy.copy(node, args),
        });
        roots.iter().map(|r| copy.get(*r).expect("roots were visited").id()).collect()
    };
    (to, ids)
}

impl Program {
    /// Every named dimension must be the size of an axis of some input.
    pub(super) fn names_are_bound(&self) -> Result<()> {
        let bound: FxHashSet<&Name> =
            self.inputs.iter().flat_map(|d| d.shape.iter().filter_map(|d| d.name())).collect();
        let mut missing: ByName<Fault> = ByName::default();
        for (node, origin) in self.nodes.iter().zip(&self.origins) {
            for name in names(node).filter(|name| !bound.contains(name)) {
                let meant = suggestion(&name, bound.iter().map(|b| b.as_ref()));
                let message = format!("dimension {name} is not the size of any axis of an input{meant}");
                missing.entry(name).or_insert(Fault { site: origin.site.clone(), message });
            }
        }
        let faults: Vec<Fault> = missing.into_values().collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::build(faults)) }
    }
}
