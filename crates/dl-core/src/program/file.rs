//! Programs as text: written as JSON, and checked node by node when read.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::dim::Name;
use crate::error::{Error, Result};
use crate::graph::{InputDecl, LayerNote, Levels, Node, NodeId, Origin, ParameterDecl};
use crate::ops::Op;
use crate::program::{Output, Program, Update};

/// The version of the format; a reader refuses others.
const FORMAT: u32 = 1;

/// What a file says, before anyone believes it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unchecked {
    format: u32,
    inputs: Vec<InputDecl>,
    parameters: Vec<ParameterDecl>,
    nodes: Vec<Node>,
    origins: Vec<Origin>,
    outputs: Vec<Output>,
    updates: Vec<Update>,
    derivation: Vec<Output>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerNote>,
}

impl Program {
    /// The program as JSON.
    ///
    /// # Errors
    /// Never for a program made here; the signature is that of a writer.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::format("cannot write the program", e))
    }

    /// Reads what [`to_json`](Program::to_json) wrote. Every node is checked again.
    ///
    /// # Limits
    /// No number in the text is taken for a size to reserve: memory and time grow with its length, by at most 200
    /// bytes for each of its bytes. Its values stand at most 128 deep in each other, scans at most 8; shapes have at
    /// most [`Shape::MAX_RANK`](crate::Shape::MAX_RANK) axes and dimensions
    /// [`Dim::MAX_TERMS`](crate::Dim::MAX_TERMS) terms. What *running* takes is for the program to say: who runs a
    /// stranger's looks at the sizes of its parameters and values before.
    ///
    /// # Errors
    /// When the text is cut or edited into something that is not a program.
    pub fn from_json(text: &str) -> Result<Program> {
        serde_json::from_str(text).map_err(|e| Error::format(format!("not a program: {e}"), e))
    }

    /// What every program is, whether a builder made it or a file; lowering, the interpreter and every
    /// pass rely on it.
    ///
    /// - Arguments come before the nodes that take them, and no two nodes are equal.
    /// - Every node has the element type and shape that its operation gives
    ///   ([`Op::signature`](crate::ops::Op)): all shapes can be counted, and polynomials are in normal form.
    /// - No node is a request for a gradient or a mistake.
    /// - Inputs, parameters and outputs have names of their own. What a node reads is declared as it is
    ///   used; some node reads every input, and some node or update uses every parameter.
    /// - Parameters have known sizes, and first values that fit them.
    /// - Outputs, updates and the derivation name nodes that are there; a parameter is updated once, by
    ///   a value of its own type and shape.
    /// - Carries and elements are of the types that their scans give them, and nothing outside of a scan
    ///   reads a value of its body, but for the derivation.
    /// - Every named dimension is the size of an axis of some input.
    /// - Each node has an origin.
    fn check(&self) -> std::result::Result<(), String> {
        if self.origins.len() != self.nodes.len() {
            return Err(format!("{} origins for {} nodes", self.origins.len(), self.nodes.len()));
        }
        self.check_nodes()?;
        self.check_roots()?;
        self.check_scans().map_err(|(node, why)| format!("node {}: {why}", node.index()))?;
        self.layers.iter().try_for_each(|layer| layer.output.check())?;
        self.check_declarations()?;
        self.names_are_bound().map_err(|e| e.to_string())
    }

    /// Whether every scan is one, and every result a value outside of all scans.
    pub(super) fn check_scans(&self) -> std::result::Result<(), (NodeId, String)> {
        let updates = self.updates.iter().map(|u| u.value);
        let roots: Vec<NodeId> = self.outputs.iter().map(|o| o.node).chain(updates).collect();
        Levels::new(&self.nodes, &roots).check(&roots)
    }

    fn check_declarations(&self) -> std::result::Result<(), String> {
        distinct("input", self.inputs.iter().map(|d| &d.name))?;
        distinct("parameter", self.parameters.iter().map(|d| &d.name))?;
        distinct("output", self.outputs.iter().map(|o| &o.name))?;
        let read: FxHashSet<&Op> = self.nodes.iter().map(|n| &n.op).collect();
        if let Some(d) = self.inputs.iter().find(|d| !read.contains(&Op::Input(d.name.clone()))) {
            return Err(format!("input {} is read by no node", d.name));
        }
        let updated: FxHashSet<&Name> = self.updates.iter().map(|u| &u.parameter).collect();
        for decl in &self.parameters {
            decl.check()?;
            if !updated.contains(&decl.name) && !read.contains(&Op::Parameter(decl.name.clone())) {
                return Err(format!("parameter {} is neither read nor updated", decl.name));
            }
        }
        Ok(())
    }

    fn check_nodes(&self) -> std::result::Result<(), String> {
        let mut seen = FxHashSet::default();
        let inputs = by_name(&self.inputs, |d| &d.name);
        let parameters = by_name(&self.parameters, |d| &d.name);
        for (i, node) in self.nodes.iter().enumerate() {
            if let Some(arg) = node.args.iter().find(|a| a.index() >= i) {
                return Err(format!(
                    "node {i} has the argument {}, which does not come before it",
                    arg.index()
                ));
            }
            let args: Vec<&Node> = node.args.iter().map(|a| &self.nodes[a.index()]).collect();
            let declared = Some((node.dtype, &node.shape));
            node.op.signature(&args, declared).map_err(|why| format!("node {i}: {why}"))?;
            let declared = match &node.op {
                Op::Input(name) => {
                    inputs.get(name).is_some_and(|d| d.dtype == node.dtype && d.shape == node.shape)
                }
                Op::Parameter(name) => {
                    parameters.get(name).is_some_and(|d| d.dtype == node.dtype && d.shape == node.shape)
                }
                Op::Grad | Op::WithGradient | Op::Poison => {
                    return Err(format!("node {i}: {} cannot stand in a program", node.op.name()));
                }
                _ => true,
            };
            if !declared {
                return Err(format!("node {i} is not declared as it is used"));
            }
            if !seen.insert(node) {
                return Err(format!("node {i} is there before: equal nodes are one"));
            }
        }
        Ok(())
    }

    fn check_roots(&self) -> std::result::Result<(), String> {
        let exists = |o: &Output| o.node.index() < self.nodes.len();
        if let Some(o) = self.outputs.iter().chain(&self.derivation).find(|o| !exists(o)) {
            return Err(format!("output {} names node {}, of {}", o.name, o.node.index(), self.nodes.len()));
        }
        let parameters = by_name(&self.parameters, |d| &d.name);
        let mut updated = FxHashSet::default();
        for update in &self.updates {
            let name = &update.parameter;
            let decl = parameters.get(name).ok_or_else(|| format!("update of unknown parameter {name}"))?;
            let fits = self
                .nodes
                .get(update.value.index())
                .is_some_and(|n| n.dtype == decl.dtype && n.shape == decl.shape);
            if !fits || !updated.insert(name) {
                return Err(format!("update of {name} does not fit it, or is the second one"));
            }
        }
        Ok(())
    }
}

/// Whether no name occurs twice.
pub(crate) fn distinct<'a>(
    what: &str,
    names: impl IntoIterator<Item = &'a Name>,
) -> std::result::Result<(), String> {
    let mut seen = FxHashSet::default();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(format!("{what} {name} is there twice")),
        None => Ok(()),
    }
}

fn by_name<D>(decls: &[D], name: impl Fn(&D) -> &Name) -> FxHashMap<&Name, &D> {
    decls.iter().map(|d| (name(d), d)).collect()
}

impl TryFrom<Unchecked> for Program {
    type Error = String;
    fn try_from(raw: Unchecked) -> std::result::Result<Program, String> {
        if raw.format != FORMAT {
            return Err(format!("format {} is unknown, {FORMAT} is expected", raw.format));
        }
        let program = Program {
            nodes: raw.nodes,
            origins: raw.origins,
            inputs: raw.inputs,
            parameters: raw.parameters,
            outputs: raw.outputs,
            updates: raw.updates,
            derivation: raw.derivation,
            layers: raw.layers,
            trace: Default::default(),
        };
        program.check()?;
        Ok(program)
    }
}

impl From<Program> for Unchecked {
    fn from(p: Program) -> Unchecked {
        Unchecked {
            format: FORMAT,
            inputs: p.inputs,
            parameters: p.parameters,
            nodes: p.nodes,
            origins: p.origins,
            outputs: p.outputs,
            updates: p.updates,
            derivation: p.derivation,
            layers: p.layers,
        }
    }
}
