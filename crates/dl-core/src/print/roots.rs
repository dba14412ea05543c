//! What is printed: roots with their names, and which node goes by which name.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::graph::{Expr, Graph, NodeId};
use crate::ops::Op;
use crate::print::steps::Steps;

/// Roots of one graph, and the author's names below them.
pub(super) struct Roots<'g> {
    /// None for no roots at all.
    pub(super) graph: Option<&'g Graph>,
    pub(super) list: Vec<Root>,
    names: FxHashMap<NodeId, Name>,
    taken: FxHashSet<Name>,
    /// How many names were made for values that have none.
    pub(super) numbered: usize,
    /// What is known of scans.
    pub(super) steps: Steps,
}

/// One line that was asked for.
pub(super) struct Root {
    /// None for an expression that nobody named.
    pub(super) name: Option<Name>,
    pub(super) id: NodeId,
    /// True for `name ← value`.
    pub(super) update: bool,
}

impl<'g> Roots<'g> {
    /// What `print` makes of roots with names, graph by graph.
    pub(super) fn each_graph<N: AsRef<str>>(
        roots: &[(N, Expr<'g>)],
        print: impl Fn(Roots<'g>) -> String,
    ) -> String {
        let mut left: Vec<(&str, Expr<'g>)> = roots.iter().map(|(name, e)| (name.as_ref(), *e)).collect();
        let mut texts = vec![];
        while let Some((_, first)) = left.first().copied() {
            let (own, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, e)| std::ptr::eq(e.graph(), first.graph()));
            texts.push(print(Self::named(&own)));
            left = others;
        }
        if texts.is_empty() { print(Self::named(&[])) } else { texts.join("\n") }
    }

    /// Roots of one graph with names; the name of a parameter makes an update.
    fn named(roots: &[(&str, Expr<'g>)]) -> Self {
        let parameters: FxHashSet<Name> = match roots.first() {
            Some((_, e)) => e.graph().parameter_decls().into_iter().map(|d| d.name).collect(),
            None => FxHashSet::default(),
        };
        let list = roots.iter().map(|(name, e)| {
            let name: Name = (*name).into();
            let itself = matches!(&e.node().op, Op::Parameter(own) if *own == name);
            (Root { update: parameters.contains(&name) && !itself, name: Some(name), id: e.id() }, *e)
        });
        Self::new(list.collect())
    }

    /// Outputs, then updates.
    pub(super) fn program(outputs: &[(Name, Expr<'g>)], updates: &[(Name, Expr<'g>)]) -> Self {
        let root = |update| {
            move |(name, e): &(Name, Expr<'g>)| (Root { name: Some(name.clone()), id: e.id(), update }, *e)
        };
        Self::new(outputs.iter().map(root(false)).chain(updates.iter().map(root(true))).collect())
    }

    /// Values without names of their own.
    pub(super) fn unnamed(values: &[Expr<'g>]) -> Self {
        Self::new(values.iter().map(|e| (Root { name: None, id: e.id(), update: false }, *e)).collect())
    }

    /// One root under the author's name, if it has one.
    pub(super) fn single(expr: Expr<'g>) -> Self {
        let mut roots = Self::new(vec![(Root { name: None, id: expr.id(), update: false }, expr)]);
        roots.list[0].name = roots.names.get(&expr.id()).cloned();
        roots
    }

    fn new(list: Vec<(Root, Expr<'g>)>) -> Self {
        let graph = list.first().map(|(_, e)| e.graph());
        let mut seen = FxHashSet::default();
        let mut list: Vec<Root> = list.into_iter().map(|(root, _)| root).collect();
        list.retain(|r| seen.insert((r.name.clone(), r.id, r.update)));
        let mut roots = Roots {
            graph,
            list,
            names: FxHashMap::default(),
            taken: FxHashSet::default(),
            numbered: 0,
            steps: Steps::default(),
        };
        let Some(graph) = graph else { return roots };
        for root in &roots.list {
            // An update's value is not yet what its parameter's name says.
            if let (Some(name), false) = (&root.name, root.update) {
                roots.names.entry(root.id).or_insert_with(|| name.clone());
            }
            roots.taken.extend(root.name.clone());
        }
        for (name, e) in graph.named() {
            // The same name with another meaning would make a derivation wrong: roots go first.
            if !roots.list.iter().any(|r| r.name.as_ref() == Some(&name)) {
                roots.names.entry(e.id()).or_insert(name);
            }
        }
        roots.names.retain(|id, _| !matches!(graph.get(*id).op, Op::Input(_) | Op::Parameter(_)));
        roots.taken.extend(roots.names.values().cloned());
        roots.taken.extend(graph.input_decls().into_iter().map(|d| d.name));
        roots.taken.extend(graph.parameter_decls().into_iter().map(|d| d.name));
        let steps = Steps::of(graph, |next| roots.carried(next));
        Roots { steps, ..roots }
    }

    /// The name of a carry: that of the value which it becomes, or `h`, `h1`, ….
    fn carried(&mut self, next: Option<NodeId>) -> Name {
        if let Some(name) = next.and_then(|next| self.names.get(&next)) {
            return name.clone();
        }
        let free = |n: usize| if n == 0 { "h".to_owned() } else { format!("h{n}") };
        let name = (0..).map(free).find(|name| !self.taken.contains(name.as_str())).unwrap_or_default();
        let name: Name = name.into();
        self.taken.insert(name.clone());
        self.names.extend(next.map(|next| (next, name.clone())));
        name
    }

    /// One root more, which nobody named.
    pub(super) fn add(&mut self, expr: Expr<'g>) {
        self.graph = Some(expr.graph());
        self.list.push(Root { name: None, id: expr.id(), update: false });
    }

    /// The name that stands for the node wherever it is used.
    pub(super) fn name(&self, id: NodeId) -> Option<&Name> {
        self.names.get(&id)
    }

    /// A name that means nothing yet: `candidate` of the next free number.
    pub(super) fn fresh(&mut self, candidate: impl Fn(usize) -> String) -> Name {
        loop {
            self.numbered += 1;
            let name = candidate(self.numbered);
            if !self.taken.contains(name.as_str()) {
                return name.into();
            }
        }
    }
}

/// Visits everything below `root` that `done` does not hold yet, arguments first, in the author's
/// order, without recursion: chains of any length are fine.
pub(crate) fn walk(
    root: NodeId,
    mut args: impl FnMut(NodeId) -> Vec<NodeId>,
    mut done: impl FnMut(NodeId) -> bool,
) -> Vec<NodeId> {
    let mut order = vec![];
    let mut seen: FxHashSet<NodeId> = FxHashSet::default();
    let mut stack: Vec<(NodeId, std::vec::IntoIter<NodeId>)> = vec![];
    let mut next = Some(root);
    loop {
        if let Some(id) = next.take()
            && !done(id)
            && seen.insert(id)
        {
            stack.push((id, args(id).into_iter()));
        }
        let Some((id, rest)) = stack.last_mut() else { return order };
        match rest.next() {
            Some(arg) => next = Some(arg),
            None => {
                order.push(*id);
                stack.pop();
            }
        }
    }
}
