//! The graph: an arena of hash-consed nodes that only grows, with the author's names and lines.

mod call;
mod expr;
mod layer;
mod level;
mod operand;
mod owner;
mod rebuild;
mod role;
mod update;

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Serialize};

pub use self::call::Call;
pub use self::expr::Expr;
pub use self::layer::{Layer, LayerNote};
pub(crate) use self::level::{Level, Levels, Loop, MAX_DEPTH, Scopes};
pub use self::operand::{Axes, Operand};
pub(crate) use self::operand::{pair, require_float};
pub use self::owner::Owner;
pub(crate) use self::owner::Scope;
pub(crate) use self::rebuild::{Rebuild, reachable};
pub use self::role::Role;

use crate::dim::Name;
use crate::dtype::DType;
use crate::error::{Error, Fault, Result, Site};
use crate::init::Init;
use crate::ops::{self, Op, custom};
use crate::shape::Shape;
use crate::spelling::suggestion;

/// A node's place in its arena; arguments have smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation with its arguments; equal nodes are one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// From what.
    pub args: Vec<NodeId>,
    /// The result's element type.
    pub dtype: DType,
    /// The result's shape.
    pub shape: Shape,
}

impl Node {
    /// The arguments that derivatives pass to: a rule of the author's leaves out those that the value has.
    pub(crate) fn differentiated(&self) -> &[NodeId] {
        match self.op {
            Op::WithGradient => {
                let variables = custom::variables(self.args.len());
                &self.args[custom::BEFORE_VARIABLES..custom::BEFORE_VARIABLES + variables]
            }
            _ => &self.args,
        }
    }
}

/// Where a node comes from: it survives every pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The line of the user's program.
    pub site: Option<Site>,
    /// The author's name for the value.
    pub name: Option<Name>,
    /// The path of the layer that made it; see [`Graph::layer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Name>,
}

impl Origin {
    /// A line of the user's program.
    pub(crate) fn at(line: &'static Location<'static>) -> Origin {
        Origin { site: Some(line.into()), ..Origin::default() }
    }
}

/// A declared input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputDecl {
    /// By which runs bind it.
    pub name: Name,
    /// Its element type.
    pub dtype: DType,
    /// Its shape; names in it are bound by each run.
    pub shape: Shape,
}

/// A declared parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterDecl {
    /// Its path, such as `fc1.weight`.
    pub name: Name,
    /// Its element type.
    pub dtype: DType,
    /// Its shape, without names.
    pub shape: Shape,
    /// Its first value.
    pub init: Init,
    /// False for what an objective does not train: frozen weights, an optimizer's moments.
    pub trainable: bool,
    /// Which training steps may update it.
    #[serde(default, skip_serializing_if = "Owner::is_model")]
    pub owner: Owner,
    /// What its axes mean.
    #[serde(default, skip_serializing_if = "Role::is_other")]
    pub role: Role,
}

/// A graph under construction. Expressions borrow it.
#[derive(Default)]
pub struct Graph {
    inner: RefCell<Inner>,
}

/// What has a name, in order of appearance.
pub(crate) type ByName<T> = IndexMap<Name, T, FxBuildHasher>;

#[derive(Default)]
struct Inner {
    nodes: IndexSet<Arc<Node>, FxBuildHasher>,
    origins: Vec<Origin>,
    named: ByName<NodeId>,
    inputs: ByName<InputDecl>,
    parameters: ByName<ParameterDecl>,
    faults: Vec<Fault>,
    streams: u64,
    variables: u64,
    scans: u64,
    attempting: bool,
    /// While a pass works on a node, what it makes comes from where that node came from.
    current: Option<Origin>,
    /// What layers declared, in order.
    updates: Vec<update::StateUpdate>,
    layers: Vec<LayerNote>,
    /// Which functions made values.
    calls: FxHashMap<NodeId, Call>,
    /// What `flatten` made rows of.
    images: FxHashMap<NodeId, Vec<usize>>,
    /// The path of the layer that is being built.
    layer: Option<Name>,
    /// The user's line, while the library builds what that line asked for.
    line: Option<&'static Location<'static>>,
    /// The optimizer with a name whose updates are being made.
    scope: Option<Scope>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an input, bound by name at each run. Declaring the same again gives the same node.
    #[track_caller]
    pub fn input(&self, name: &str, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        let decl = InputDecl { name: name.into(), dtype, shape: shape.into() };
        let old = self.inner.borrow().inputs.get(name).cloned();
        match old {
            Some(old) if old != decl => {
                return self.fail(format!(
                    "input {name} is declared as {dtype} {}, before as {} {}",
                    decl.shape, old.dtype, old.shape
                ));
            }
            Some(_) => {}
            None => {
                self.inner.borrow_mut().inputs.insert(decl.name.clone(), decl.clone());
            }
        }
        self.leaf(Op::Input(decl.name), dtype, decl.shape)
    }

    /// Declares a trainable parameter by its path, with its first value. Declaring the same again
    /// shares it.
    #[track_caller]
    pub fn parameter(&self, name: &str, dtype: DType, shape: impl Into<Shape>, init: Init) -> Expr<'_> {
        self.declare(ParameterDecl::new(name, dtype, shape.into(), init))
    }

    /// Declares state that updates may change but objectives do not train.
    #[track_caller]
    pub fn state(&self, name: &str, dtype: DType, shape: impl Into<Shape>, init: Init) -> Expr<'_> {
        let decl = ParameterDecl::new(name, dtype, shape.into(), init);
        self.declare(ParameterDecl { trainable: false, owner: Owner::State, ..decl })
    }

    #[track_caller]
    pub(crate) fn declare(&self, decl: ParameterDecl) -> Expr<'_> {
        if let Err(why) = decl.check() {
            return self.fail(why);
        }
        let old = self.inner.borrow().parameters.get(&decl.name).cloned();
        match old {
            Some(old) if old.owner.differs(&decl.owner) => {
                return self.fail(old.owner.conflict(&decl.owner, &decl.name));
            }
            Some(old) if old.clone().held_as(&decl) != decl => {
                return self.fail(format!(
                    "parameter {} is declared as {} {}, before as {} {} (or with another initialiser)",
                    decl.name, decl.dtype, decl.shape, old.dtype, old.shape
                ));
            }
            Some(old) if !old.role.is_other() || decl.role.is_other() => {}
            // What it is for may be said later than that it is there.
            Some(old) => {
                let decl = ParameterDecl { role: decl.role.clone(), ..old };
                self.inner.borrow_mut().parameters.insert(decl.name.clone(), decl);
            }
            None => {
                self.inner.borrow_mut().parameters.insert(decl.name.clone(), decl.clone());
            }
        }
        self.leaf(Op::Parameter(decl.name), decl.dtype, decl.shape)
    }

    pub(crate) fn freeze_parameter(&self, name: &str) {
        if let Some(decl) = self.inner.borrow_mut().parameters.get_mut(name) {
            decl.trainable = false;
        }
    }

    /// The declared parameter of that name.
    #[track_caller]
    pub fn get_parameter(&self, name: &str) -> Expr<'_> {
        let decl = self.inner.borrow().parameters.get(name).cloned();
        match decl {
            Some(decl) => self.leaf(Op::Parameter(decl.name), decl.dtype, decl.shape),
            None => {
                let decls = self.parameter_decls();
                let meant = suggestion(name, decls.iter().map(|d| d.name.as_ref()));
                self.fail(format!("unknown parameter {name}{meant}"))
            }
        }
    }

    /// All declared parameters, in order.
    pub fn parameter_decls(&self) -> Vec<ParameterDecl> {
        self.inner.borrow().parameters.values().cloned().collect()
    }

    /// All declared inputs, in order.
    pub fn input_decls(&self) -> Vec<InputDecl> {
        self.inner.borrow().inputs.values().cloned().collect()
    }

    /// The values that the author named, in order.
    pub fn named(&self) -> Vec<(Name, Expr<'_>)> {
        self.inner.borrow().named.iter().map(|(n, id)| (n.clone(), self.expr(*id))).collect()
    }

    /// Every mistake so far as one error, or nothing.
    ///
    /// # Errors
    /// When building recorded a fault.
    pub fn check(&self) -> Result<()> {
        let faults = self.inner.borrow().faults.clone();
        if faults.is_empty() { Ok(()) } else { Err(Error::build(faults)) }
    }

    /// A graph that holds exactly these nodes, with the same places.
    pub(crate) fn restore(
        nodes: &[Node],
        origins: &[Origin],
        inputs: &[InputDecl],
        parameters: &[ParameterDecl],
    ) -> Graph {
        let mut inner = Inner {
            inputs: inputs.iter().map(|d| (d.name.clone(), d.clone())).collect(),
            parameters: parameters.iter().map(|d| (d.name.clone(), d.clone())).collect(),
            nodes: nodes.iter().cloned().map(Arc::new).collect(),
            origins: origins.to_vec(),
            ..Inner::default()
        };
        for node in nodes {
            match &node.op {
                Op::Random { stream, .. } => inner.streams = inner.streams.max(stream + 1),
                Op::Variable(id) => inner.variables = inner.variables.max(id + 1),
                Op::Carry { scan: id, .. }
                | Op::Element { scan: id, .. }
                | Op::Scan(ops::Loop { id, .. }) => {
                    inner.scans = inner.scans.max(id + 1);
                }
                _ => {}
            }
        }
        Graph { inner: RefCell::new(inner) }
    }

    /// Records a mistake at the caller's line and stands in for the value.
    #[track_caller]
    pub(crate) fn fail(&self, message: String) -> Expr<'_> {
        let site = self.site();
        self.inner.borrow_mut().faults.push(Fault { site, message });
        self.poison()
    }

    /// What a pass builds, unless it makes a mistake, of which then nothing is kept but unused nodes;
    /// a constant below the smallest normal number, which lacks digits, is one here.
    pub(crate) fn attempt<R>(&self, build: impl FnOnce() -> Option<R>) -> Option<R> {
        let before = {
            let mut inner = self.inner.borrow_mut();
            inner.attempting = true;
            inner.faults.len()
        };
        let result = build();
        let mut inner = self.inner.borrow_mut();
        inner.attempting = false;
        let right = inner.faults.len() == before;
        inner.faults.truncate(before);
        result.filter(|_| right)
    }

    /// True while a pass builds what it may give up.
    pub(crate) fn is_attempting(&self) -> bool {
        self.inner.borrow().attempting
    }

    #[track_caller]
    pub(crate) fn poison(&self) -> Expr<'_> {
        self.push(Node { op: Op::Poison, args: vec![], dtype: DType::F32, shape: Shape::scalar() })
    }

    /// A node without arguments; its signature is declared.
    #[track_caller]
    pub(crate) fn leaf(&self, op: Op, dtype: DType, shape: Shape) -> Expr<'_> {
        self.node(op, vec![], Some((dtype, &shape)))
    }

    /// Checks and adds a node, or records what is wrong.
    #[track_caller]
    pub(crate) fn node(&self, op: Op, args: Vec<NodeId>, declared: Option<(DType, &Shape)>) -> Expr<'_> {
        let found = {
            let inner = self.inner.borrow();
            let nodes: Vec<&Node> = args.iter().map(|id| &*inner.nodes[id.index()]).collect();
            if nodes.iter().any(|n| n.op == Op::Poison) { None } else { Some(op.signature(&nodes, declared)) }
        };
        match found {
            None => self.poison(),
            Some(Err(message)) => self.fail(message),
            Some(Ok((dtype, shape))) => self.push(Node { op, args, dtype, shape }),
        }
    }

    /// Adds a node that is known to be right.
    #[track_caller]
    pub(crate) fn push(&self, node: Node) -> Expr<'_> {
        let site = self.site();
        let mut inner = self.inner.borrow_mut();
        let place = match inner.nodes.get_index_of(&node) {
            Some(place) => place,
            None => {
                let made = Origin { site, name: None, layer: inner.layer.clone() };
                let origin = inner.current.clone().unwrap_or(made);
                inner.origins.push(origin);
                inner.nodes.insert_full(Arc::new(node)).0
            }
        };
        Expr::new(self, NodeId(u32::try_from(place).expect("a graph of 2^32 nodes does not fit into memory")))
    }

    /// Runs `build` with everything that it makes at a place that is not a line of Rust: for formulas that are read
    /// from elsewhere, whose readers know that place. `None` is nowhere.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Site};
    /// let g = Graph::new();
    /// let site = Site { file: "model.toml".into(), line: 3 };
    /// let x = g.input("x", F64, [2]);
    /// g.placed(Some(site), || x.dot(g.input("y", F64, [3])));
    /// let error = g.check().unwrap_err();
    /// assert!(error.to_string().starts_with("model.toml:3: "), "{error}");
    /// ```
    pub fn placed<R>(&self, site: Option<Site>, build: impl FnOnce() -> R) -> R {
        let layer = self.inner.borrow().layer.clone();
        self.attributed(&Origin { site, name: None, layer }, build)
    }

    /// Runs `build` with everything that it makes attributed to `origin`.
    pub(crate) fn attributed<R>(&self, origin: &Origin, build: impl FnOnce() -> R) -> R {
        let before = self.inner.borrow_mut().current.replace(origin.clone());
        let result = build();
        self.inner.borrow_mut().current = before;
        result
    }

    /// The expression of a node.
    pub(crate) fn expr(&self, id: NodeId) -> Expr<'_> {
        Expr::new(self, id)
    }

    pub(crate) fn get(&self, id: NodeId) -> Arc<Node> {
        self.inner.borrow().nodes[id.index()].clone()
    }

    pub(crate) fn origin(&self, id: NodeId) -> Origin {
        self.inner.borrow().origins[id.index()].clone()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.inner.borrow().nodes.len()
    }

    /// True before the first node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn next_stream(&self) -> u64 {
        let mut inner = self.inner.borrow_mut();
        inner.streams += 1;
        inner.streams - 1
    }

    pub(crate) fn next_scan(&self) -> u64 {
        let mut inner = self.inner.borrow_mut();
        inner.scans += 1;
        inner.scans - 1
    }

    /// All nodes, in order.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.inner.borrow().nodes.iter().cloned().collect()
    }

    pub(crate) fn next_variable(&self) -> u64 {
        let mut inner = self.inner.borrow_mut();
        inner.variables += 1;
        inner.variables - 1
    }

    #[track_caller]
    pub(crate) fn name_node(&self, id: NodeId, name: &str) {
        let mut inner = self.inner.borrow_mut();
        if inner.nodes[id.index()].op == Op::Poison {
            return;
        }
        match inner.named.get(name) {
            Some(other) if *other != id => {
                let site = Some(Location::caller().into());
                inner.faults.push(Fault { site, message: format!("two different values are named {name}") });
            }
            Some(_) => {}
            None => {
                inner.named.insert(name.into(), id);
            }
        }
        inner.origins[id.index()].name.get_or_insert_with(|| name.into());
    }

    #[track_caller]
    fn site(&self) -> Option<Site> {
        let inner = self.inner.borrow();
        match (&inner.current, inner.line) {
            (Some(origin), _) => origin.site.clone(),
            (None, line) => Some(line.unwrap_or(Location::caller()).into()),
        }
    }
}
