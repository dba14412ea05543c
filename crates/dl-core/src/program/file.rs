//! Programs as text: written as JSON, and checked node by node when read.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::dim::Name;
use crate::error::{Error, Result};
use crate::graph::{InputDecl, Node, Origin, ParameterDecl};
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
    /// # Errors
    /// When the text is cut or edited into something that is not a program.
    pub fn from_json(text: &str) -> Result<Program> {
        serde_json::from_str(text).map_err(|e| Error::format(format!("not a program: {e}"), e))
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
                Op::Grad | Op::Poison => {
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
        if self.origins.len() != self.nodes.len() {
            return Err(format!("{} origins for {} nodes", self.origins.len(), self.nodes.len()));
        }
        Ok(())
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
            trace: Default::default(),
        };
        program.check_nodes()?;
        program.check_roots()?;
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
        }
    }
}
