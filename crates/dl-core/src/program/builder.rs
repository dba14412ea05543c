//! Building a program: outputs and updates over a graph, then the passes.

use crate::diff;
use crate::dim::{Dim, Name};
use crate::error::{Error, Fault, Result};
use crate::graph::{Expr, Graph, InputDecl, NodeId, Rebuild, reachable};
use crate::ops::Op;
use crate::program::{Output, Program, Update};
use crate::rewrite::{self, Trace};

/// Outputs and updates on their way to a [`Program`].
pub struct Builder<'g> {
    graph: &'g Graph,
    outputs: Vec<(Name, NodeId)>,
    updates: Vec<(Name, NodeId)>,
    derivation: Vec<(Name, NodeId)>,
    rewriting: bool,
}

impl<'g> Builder<'g> {
    pub(crate) fn new(graph: &'g Graph) -> Self {
        Builder { graph, outputs: vec![], updates: vec![], derivation: vec![], rewriting: true }
    }

    /// Adds a named result. A name given twice for different values is an error.
    #[track_caller]
    pub fn output(mut self, name: &str, value: Expr<'g>) -> Self {
        match self.outputs.iter().find(|(n, _)| **n == *name) {
            Some((_, id)) if *id != value.id() => {
                self.graph.fail(format!("two different outputs are named {name}"));
            }
            Some(_) => {}
            None => self.outputs.push((name.into(), value.id())),
        }
        self
    }

    /// Adds `parameter ← value`. Updates happen together: each sees the old parameters.
    #[track_caller]
    pub fn update(mut self, parameter: Expr<'g>, value: Expr<'g>) -> Self {
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
        if self.updates.iter().any(|(n, _)| *n == name) {
            self.graph.fail(format!("parameter {name} is updated twice"));
        }
        self.updates.push((name, value.id()));
        self
    }

    /// Adds a line to the derivation that people read, without making it an output.
    pub fn derive(mut self, name: &str, value: Expr<'g>) -> Self {
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
        let shown = |name: &Name| self.outputs.iter().chain(&self.derivation).any(|(n, _)| n == name);
        let named = self.graph.named().into_iter().map(|(name, e)| (name, e.id()));
        let hidden = named.filter(|(name, id)| !shown(name) && below.binary_search(id).is_ok());
        hidden.chain(self.derivation.clone()).collect()
    }

    fn finish(self) -> Result<Program> {
        let lists = [&self.outputs, &self.updates, &self.derivation];
        let roots: Vec<NodeId> = lists.iter().flat_map(|l| l.iter().map(|(_, id)| *id)).collect();
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
        let place = |id: NodeId| NodeId(order.binary_search(&id).expect("arguments are reachable") as u32);
        let nodes: Vec<_> = order
            .iter()
            .map(|id| {
                let mut node = (*graph.get(*id)).clone();
                node.args.iter_mut().for_each(|a| *a = place(*a));
                node
            })
            .collect();
        let mut places = roots.iter().map(|id| place(*id));
        let mut take = |list: &[(Name, NodeId)]| -> Vec<(Name, NodeId)> {
            list.iter().map(|(n, _)| (n.clone(), places.next().expect("one root for each"))).collect()
        };
        let output = |(name, node)| Output { name, node };
        let outputs = take(&self.outputs).into_iter().map(output).collect();
        let updates: Vec<Update> =
            take(&self.updates).into_iter().map(|(parameter, value)| Update { parameter, value }).collect();
        let derivation = take(&self.derivation).into_iter().map(output).collect();
        let reads = |name: &Name| nodes.iter().any(|n| matches!(&n.op, Op::Parameter(p) if p == name));
        let updated = |name: &Name| updates.iter().any(|u| u.parameter == *name);
        let parameters =
            self.graph.parameter_decls().into_iter().filter(|d| updated(&d.name) || reads(&d.name)).collect();
        let inputs = self.graph.input_decls();
        let used = |name: &Name| nodes.iter().any(|n| matches!(&n.op, Op::Input(i) if i == name));
        let inputs = inputs.into_iter().filter(|d| used(&d.name)).collect();
        let origins = order.iter().map(|id| graph.origin(*id)).collect();
        let program = Program { nodes, origins, inputs, parameters, outputs, updates, derivation, trace };
        program.names_are_bound()?;
        Ok(program)
    }
}

/// Inputs that nothing reads but that alone say how large a dimension is.
fn binding_inputs(graph: &Graph, order: &[NodeId]) -> Vec<NodeId> {
    let nodes: Vec<_> = order.iter().map(|id| graph.get(*id)).collect();
    let read = |name: &Name| nodes.iter().any(|n| matches!(&n.op, Op::Input(i) if i == name));
    let decls = graph.input_decls();
    let binds = |d: &InputDecl| d.shape.iter().filter_map(|d| d.name().cloned()).collect::<Vec<_>>();
    let mut bound: Vec<Name> = decls.iter().filter(|d| read(&d.name)).flat_map(binds).collect();
    let extents = nodes.iter().filter_map(|n| if let Op::Extent(dim) = &n.op { Some(dim) } else { None });
    let needed: Vec<Name> =
        nodes.iter().flat_map(|n| n.shape.iter()).chain(extents).flat_map(Dim::names).collect();
    let mut extra = vec![];
    for decl in &decls {
        if !read(&decl.name) && binds(decl).iter().any(|n| needed.contains(n) && !bound.contains(n)) {
            bound.extend(binds(decl));
            extra.push(graph.leaf(Op::Input(decl.name.clone()), decl.dtype, decl.shape.clone()).id());
        }
    }
    extra
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
    fn names_are_bound(&self) -> Result<()> {
        let bound: Vec<&Name> =
            self.inputs.iter().flat_map(|d| d.shape.iter().filter_map(|d| d.name())).collect();
        let mut faults: Vec<Fault> = vec![];
        for (node, origin) in self.nodes.iter().zip(&self.origins) {
            let extent = if let Op::Extent(dim) = &node.op { dim.names() } else { vec![] };
            for name in node.shape.iter().flat_map(|d| d.names()).chain(extent) {
                let message = format!("dimension {name} is not the size of any axis of an input");
                if !bound.contains(&&name) && !faults.iter().any(|f| f.message == message) {
                    faults.push(Fault { site: origin.site.clone(), message });
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::build(faults)) }
    }
}
