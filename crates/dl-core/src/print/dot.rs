//! Graphs in Graphviz's language, in the author's order.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::print::params::{params, scalar};
use crate::print::roots::Roots;
use crate::print::sexpr::all;

/// A `digraph`: inputs and parameters are boxes, outputs and updates rounded boxes at the end.
pub(super) fn print(roots: &Roots<'_>) -> String {
    let mut out = String::from(HEAD);
    if let Some(graph) = roots.graph {
        let order = all(graph, roots);
        let places: FxHashMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
        for id in &order {
            node(&mut out, graph, roots, *id, &places).expect("strings take any text");
        }
        for (i, root) in roots.list.iter().enumerate() {
            let Some(name) = &root.name else { continue };
            let style = if root.update { UPDATE } else { OUTPUT };
            let label = if root.update { format!("{name} ←") } else { name.to_string() };
            writeln!(out, "  r{i} [label={}, {style}];", quoted(&label)).expect("strings take any text");
            writeln!(out, "  n{} -> r{i};", places[&root.id]).expect("strings take any text");
        }
    }
    out.push('}');
    out
}

/// Arguments enter from left to right in their order.
const HEAD: &str =
    "digraph {\n  graph [rankdir=TB, ordering=in];\n  node [shape=ellipse, fontname=\"sans-serif\"];\n";
const INPUT: &str = ", shape=box, style=filled, fillcolor=\"#d6e6f5\"";
const PARAMETER: &str = ", shape=box, style=filled, fillcolor=\"#f5e6c8\"";
const CONSTANT: &str = ", shape=plaintext";
const OUTPUT: &str = "shape=box, style=\"rounded,filled\", fillcolor=\"#d9ead3\"";
const UPDATE: &str = "shape=box, style=\"rounded,filled\", fillcolor=\"#f5e6c8\"";

fn node(
    out: &mut String,
    graph: &Graph,
    roots: &Roots<'_>,
    id: NodeId,
    places: &FxHashMap<NodeId, usize>,
) -> std::fmt::Result {
    let node = graph.get(id);
    let args: Vec<_> = node.args.iter().map(|a| graph.get(*a)).collect();
    let (what, style) = match &node.op {
        Op::Input(name) => (name.to_string(), INPUT),
        Op::Parameter(name) => (name.to_string(), PARAMETER),
        Op::Constant(value) => (scalar(*value, &node), CONSTANT),
        Op::Extent(dim) => (dim.to_string(), CONSTANT),
        op => match params(&node, &args) {
            params if params.is_empty() => (op.name().into(), ""),
            params => (format!("{}[{params}]", op.name()), ""),
        },
    };
    let name = roots.name(id).map(|n| format!("{n}\n")).unwrap_or_default();
    let label = format!("{name}{what}\n{} {}", node.dtype, node.shape);
    let place = places[&id];
    writeln!(out, "  n{place} [label={}{style}];", quoted(&label))?;
    for arg in &node.args {
        writeln!(out, "  n{} -> n{place};", places[arg])?;
    }
    Ok(())
}

/// A quoted string; line ends become Graphviz's.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            _ if c.is_control() => out.push(' '),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
