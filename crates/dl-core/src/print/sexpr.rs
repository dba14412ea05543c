//! Expressions as s-expressions, in the author's order: one line, or a listing with names.

use std::borrow::Cow;
use std::fmt::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{Expr, Graph, NodeId};
use crate::ops::Op;
use crate::print::params::{params, scalar};
use crate::print::roots::{Roots, walk};

/// Up to this many nodes, one line writes shared values out again.
const ONE_LINE: usize = 200;
/// From this many nodes on, a shared value gets a name in a listing.
const LARGE: usize = 4;
/// Above this many nodes, a line of a listing is cut.
const LONG: usize = 48;

/// What stands for values that are written out elsewhere: names, ready to be printed.
type Bound = FxHashMap<NodeId, String>;

/// Writes `expr` on one line. A small expression is written out; in a large one, what is used more
/// than once is bound first: `(let (%1 (exp x)) (add %1 %1))`.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, expr: Expr<'_>) -> fmt::Result {
    let graph = expr.graph();
    let order = walk(expr.id(), |id| graph.get(id).args.clone(), |_| false);
    let mut bound = Bound::default();
    if tree_size(graph, &order) > ONE_LINE {
        let uses = uses(graph, &order);
        let shared = order.iter().filter(|id| uses[*id] > 1 && !graph.get(**id).args.is_empty());
        bound.extend(shared.zip(1..).map(|(id, n)| (*id, format!("%{n}"))));
    }
    if bound.is_empty() {
        return write_value(f, graph, expr.id(), &bound);
    }
    f.write_str("(let")?;
    for id in order.iter().filter(|id| bound.contains_key(*id)) {
        write!(f, " ({} ", bound[id])?;
        write_value(f, graph, *id, &bound)?;
        f.write_str(")")?;
    }
    f.write_str(" ")?;
    write_value(f, graph, expr.id(), &bound)?;
    f.write_str(")")
}

/// A line for every input, parameter, named or repeated value, and root.
pub(super) fn print(roots: &Roots<'_>) -> String {
    let Some(graph) = roots.graph else { return String::new() };
    let order = all(graph, roots);
    let bound = bindings(graph, roots, &order);
    let mut out = Listing { graph, bound: &bound, text: String::new() };
    for id in &order {
        match &graph.get(*id).op {
            Op::Input(name) => out.declaration("input", name, *id),
            Op::Parameter(name) => out.declaration("parameter", name, *id),
            _ => {}
        }
    }
    for id in &order {
        if let Some(name) = bound.get(id) {
            out.line(name, " = ", *id, false);
        }
    }
    for root in &roots.list {
        match &root.name {
            Some(name) if root.update => out.line(&symbol(name), " <- ", root.id, true),
            Some(name) if roots.name(root.id) == Some(name) => {}
            Some(name) => out.line(&symbol(name), " = ", root.id, true),
            None => out.line("", "", root.id, true),
        }
    }
    out.text.pop();
    out.text
}

/// Everything below the roots, arguments first.
pub(super) fn all(graph: &Graph, roots: &Roots<'_>) -> Vec<NodeId> {
    let mut order: Vec<NodeId> = vec![];
    let mut done: FxHashSet<NodeId> = FxHashSet::default();
    for root in &roots.list {
        let more = walk(root.id, |id| graph.get(id).args.clone(), |id| done.contains(&id));
        done.extend(more.iter().copied());
        order.extend(more);
    }
    order
}

/// Names for what the author named, for what is large and shared, and for what would make a line
/// too long.
fn bindings(graph: &Graph, roots: &Roots<'_>, order: &[NodeId]) -> Bound {
    let uses = uses(graph, order);
    let is_root: FxHashSet<NodeId> = roots.list.iter().map(|r| r.id).collect();
    let mut bound = Bound::default();
    let mut sizes: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut temporaries = 0;
    for id in order {
        let args = &graph.get(*id).args;
        let size = 1 + args.iter().map(|a| sizes[a]).sum::<usize>();
        let shared = uses[id] > 1 && size >= LARGE && !args.is_empty();
        let long = size > LONG && !is_root.contains(id);
        let name = match roots.name(*id) {
            Some(name) => Some(symbol(name).into_owned()),
            None if shared || long => {
                temporaries += 1;
                Some(format!("%{temporaries}"))
            }
            None => None,
        };
        sizes.insert(*id, if name.is_some() { 1 } else { size });
        bound.extend(name.map(|name| (*id, name)));
    }
    bound
}

struct Listing<'a> {
    graph: &'a Graph,
    bound: &'a Bound,
    text: String,
}

impl Listing<'_> {
    fn declaration(&mut self, kind: &str, name: &str, id: NodeId) {
        self.line(&format!("{kind} {}", symbol(name)), "", id, false);
    }

    /// `left = value : type shape`; the value is its name only where that is wanted.
    fn line(&mut self, left: &str, equals: &str, id: NodeId, by_name: bool) {
        self.text.push_str(left);
        self.text.push_str(equals);
        match self.bound.get(&id) {
            Some(name) if by_name => self.text.push_str(name),
            // A declaration has no right side.
            _ if equals.is_empty() && !left.is_empty() => {}
            _ => write_value(&mut self.text, self.graph, id, self.bound).expect("strings take any text"),
        }
        let node = self.graph.get(id);
        writeln!(self.text, " : {} {}", node.dtype, node.shape).expect("strings take any text");
    }
}

/// Writes one value; those below it that are bound by their names.
fn write_value(f: &mut impl Write, graph: &Graph, id: NodeId, bound: &Bound) -> fmt::Result {
    enum Task {
        Node(NodeId),
        Close,
    }
    let mut tasks = vec![Task::Node(id)];
    let mut first = true;
    while let Some(task) = tasks.pop() {
        let Task::Node(next) = task else {
            f.write_str(")")?;
            continue;
        };
        let top = std::mem::take(&mut first);
        if !top {
            f.write_str(" ")?;
        }
        if let (Some(name), false) = (bound.get(&next), top) {
            f.write_str(name)?;
            continue;
        }
        let node = graph.get(next);
        match &node.op {
            Op::Input(name) | Op::Parameter(name) => f.write_str(&symbol(name))?,
            Op::Constant(value) => f.write_str(&scalar(*value, &node))?,
            Op::Extent(dim) => write!(f, "{dim}")?,
            op => {
                let args: Vec<_> = node.args.iter().map(|a| graph.get(*a)).collect();
                let params = params(&node, &args);
                write!(f, "({}", op.name())?;
                if !params.is_empty() {
                    write!(f, "[{params}]")?;
                }
                tasks.push(Task::Close);
                tasks.extend(node.args.iter().rev().map(|a| Task::Node(*a)));
            }
        }
    }
    Ok(())
}

/// A name as one word: quoted where it would read as something else.
fn symbol(name: &str) -> Cow<'_, str> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"()[]{}\";:|".contains(c);
    let reserved = name.is_empty() || name.starts_with('%') || name.parse::<f64>().is_ok();
    if reserved || !name.chars().all(plain) { Cow::Owned(format!("{name:?}")) } else { Cow::Borrowed(name) }
}

/// How many nodes the last value has when written out, up to `usize::MAX`.
fn tree_size(graph: &Graph, order: &[NodeId]) -> usize {
    let mut sizes: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut size = 0;
    for id in order {
        size = graph.get(*id).args.iter().fold(1usize, |n, a| n.saturating_add(sizes[a]));
        sizes.insert(*id, size);
    }
    size
}

/// How often each value is an argument.
fn uses(graph: &Graph, order: &[NodeId]) -> FxHashMap<NodeId, usize> {
    let mut uses: FxHashMap<NodeId, usize> = order.iter().map(|id| (*id, 0)).collect();
    for id in order {
        for arg in &graph.get(*id).args {
            *uses.get_mut(arg).expect("arguments are below the roots") += 1;
        }
    }
    uses
}
