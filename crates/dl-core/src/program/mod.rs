//! Programs: the closed thing that gets compiled — inputs, parameters, outputs and updates.

mod bind;
mod builder;
mod file;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::bind::bind;
pub use self::builder::Builder;
pub(crate) use self::file::distinct;

use crate::dim::Name;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{
    Expr, Graph, InputDecl, LayerNote, Node, NodeId, Origin, Owner, ParameterDecl, Role, reachable,
};
use crate::init::Init;
use crate::ops::Op;
use crate::plan::expand;
use crate::rewrite::Trace;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A function of inputs and parameters: named outputs, and updates that replace parameters
/// all at once after everything was computed. Plain data: it can be stored and sent.
///
/// ```
/// use dl_core::{F64, Graph, Init, Program};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let j = (theta - 3.0) * (theta - 3.0);
/// let grad = j.grad(&[theta])[0];
/// let step = Program::builder(&g).output("J", j).update(theta, theta - 0.1 * grad).compile()?;
/// assert_eq!(step.outputs()[0].name.as_ref(), "J");
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "file::Unchecked", into = "file::Unchecked")]
pub struct Program {
    nodes: Vec<Node>,
    origins: Vec<Origin>,
    inputs: Vec<InputDecl>,
    parameters: Vec<ParameterDecl>,
    outputs: Vec<Output>,
    updates: Vec<Update>,
    derivation: Vec<Output>,
    layers: Vec<LayerNote>,
    #[serde(skip)]
    trace: Trace,
}

/// A named result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// By which it is read.
    pub name: Name,
    /// Where it is computed.
    pub node: NodeId,
}

/// `parameter ← value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The parameter that is replaced.
    pub parameter: Name,
    /// Its new value.
    pub value: NodeId,
}

impl Program {
    /// Starts a program over a graph.
    pub fn builder(graph: &Graph) -> Builder<'_> {
        Builder::new(graph)
    }

    /// The nodes, arguments first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where the nodes come from, in the same order.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The inputs that a run binds, in order of declaration.
    pub fn inputs(&self) -> &[InputDecl] {
        &self.inputs
    }

    /// The parameters that the program reads or updates, in order of declaration.
    pub fn parameters(&self) -> &[ParameterDecl] {
        &self.parameters
    }

    /// The named results.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What replaces parameters after a run.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// Which rules fired while it was compiled (empty for a program read from a file).
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What people read as its derivation: the named values and the gradients, whether or not the
    /// program computes them in this form.
    pub fn derivation(&self) -> &[Output] {
        &self.derivation
    }

    /// First values for the parameters, in order, from an explicit seed: each depends on the seed,
    /// the parameter's name and its shape only.
    ///
    /// # Errors
    /// When an initialiser does not fit its parameter.
    pub fn initial(&self, seed: u64) -> Result<Vec<(Name, Tensor)>> {
        let sample = |decl: &ParameterDecl| Ok((decl.name.clone(), decl.sample(seed)?));
        self.parameters.iter().map(sample).collect()
    }

    /// The layers of which it holds operations, in order of declaration.
    pub fn layers(&self) -> &[LayerNote] {
        &self.layers
    }

    /// The values of which authors assumed something, in order.
    pub(crate) fn assumed(&self) -> impl Iterator<Item = NodeId> {
        let places = self.nodes.iter().enumerate();
        places.filter(|(_, n)| matches!(n.op, Op::Assume(_))).map(|(i, _)| NodeId(i as u32))
    }

    /// The same program with other parameters in place of some.
    pub(crate) fn reading(&self, other: impl Fn(&str) -> Option<ParameterDecl>) -> Program {
        let mut program = self.clone();
        for node in &mut program.nodes {
            if let Op::Parameter(name) = &mut node.op
                && let Some(decl) = other(name)
            {
                *name = decl.name;
            }
        }
        for decl in &mut program.parameters {
            if let Some(other) = other(&decl.name) {
                *decl = other;
            }
        }
        program
    }

    /// The program as plans compute it: [`Op::LogSumExp`] and [`Op::LogSoftmax`] spelled out in operations
    /// that neither overflow nor lose digits. It has no derivation. A program without them is itself.
    pub fn expanded(&self) -> Cow<'_, Program> {
        expand::expand(self, &self.outputs, &self.updates).map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// The same inputs and parameters, and of a graph what its roots need: outputs first, then updates.
    pub(crate) fn replaced(
        &self,
        graph: &Graph,
        roots: &[NodeId],
        outputs: &[Output],
        updates: &[Update],
    ) -> Program {
        let order = reachable(graph, roots);
        let (nodes, origins) = builder::renumbered(graph, &order);
        let mut places = roots.iter().map(|id| order.binary_search(id).expect("a root is reachable"));
        let mut next = || NodeId(places.next().expect("one root for each") as u32);
        let outputs = outputs.iter().map(|o| Output { node: next(), ..o.clone() }).collect();
        let updates = updates.iter().map(|u| Update { value: next(), ..u.clone() }).collect();
        let (inputs, parameters) = (self.inputs.clone(), self.parameters.clone());
        let (derivation, layers, trace) = (vec![], self.layers.clone(), Trace::default());
        Program { nodes, origins, inputs, parameters, outputs, updates, derivation, layers, trace }
    }

    /// The program's nodes in a fresh graph, for printing and for building on.
    pub fn to_graph(&self) -> Graph {
        Graph::restore(&self.nodes, &self.origins, &self.inputs, &self.parameters)
    }

    /// The expression of one of the program's nodes in a graph made by [`to_graph`](Program::to_graph);
    /// in any other graph that is recorded as a mistake.
    #[track_caller]
    pub fn expr<'g>(&self, graph: &'g Graph, node: NodeId) -> Expr<'g> {
        match self.nodes.get(node.index()) {
            Some(own) if node.index() < graph.len() && *own == *graph.get(node) => graph.expr(node),
            _ => graph.fail(format!("node {} of a program is not in this graph", node.index())),
        }
    }
}

impl ParameterDecl {
    /// A trainable parameter.
    pub(crate) fn new(name: &str, dtype: DType, shape: Shape, init: Init) -> Self {
        ParameterDecl {
            name: name.into(),
            dtype,
            shape,
            init,
            trainable: true,
            owner: Owner::Model,
            role: Role::Other,
        }
    }

    /// The same, as `other` is trained and owned, and with the role that it has.
    pub(crate) fn held_as(self, other: &ParameterDecl) -> Self {
        ParameterDecl {
            trainable: other.trainable,
            owner: other.owner.clone(),
            role: other.role.clone(),
            ..self
        }
    }

    /// Whether it can have a first value.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let named = |why| format!("parameter {}: {why}", self.name);
        self.shape.check().map_err(named)?;
        if let Some(dim) = self.shape.iter().find(|d| d.size().is_none()) {
            return Err(format!(
                "parameter {} has shape {}: {dim} is not a known size",
                self.name, self.shape
            ));
        }
        let sizes = self.shape.eval(&crate::dim::Dims::new()).map_err(named)?;
        self.role.check(&sizes).map_err(|why| format!("weight {}: {why}", self.name))?;
        self.init.check(self.dtype, &sizes).map_err(|why| format!("initialiser of {}: {why}", self.name))
    }

    /// The first value, from an explicit seed.
    ///
    /// # Errors
    /// When the initialiser does not fit the parameter's type or shape.
    pub fn sample(&self, seed: u64) -> Result<Tensor> {
        let shape = self
            .shape
            .eval(&crate::dim::Dims::new())
            .map_err(|why| Error::value(format!("parameter {}: {why}", self.name)))?;
        self.init.sample(self.dtype, &shape, seed, &self.name)
    }
}
