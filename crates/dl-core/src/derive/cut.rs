//! Which values of an objective get a name of their own on paper, and where the chain rule stops on its way.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::dtype::DType;
use crate::graph::{Call, Graph, Node, NodeId, Scopes, reachable};
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::print::{is_invisible, subscript_digits};

/// A used value with this many operations behind it is written once.
const SHARED: usize = 3;

/// A value with a name.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub id: NodeId,
    pub name: Name,
    /// Whether derivatives stop there; where the objective is linear in it, nothing is won.
    pub stops: bool,
}

/// The values between `wrt` and `objective` that are named, in the order of the arena; and which functions made values.
pub(super) fn cuts(graph: &Graph, objective: NodeId, wrt: &[NodeId]) -> (Vec<Cut>, FxHashMap<NodeId, Call>) {
    let survey = Survey::new(graph, objective, wrt);
    let calls = survey.calls();
    let named: FxHashMap<NodeId, Name> = graph.named().into_iter().map(|(name, e)| (e.id(), name)).collect();
    let mut letters = Alphabet::new(graph, &named);
    let (mut chain, mut sizes) = (FxHashSet::default(), FxHashMap::<NodeId, usize>::default());
    let mut scaled: FxHashSet<NodeId> = FxHashSet::default();
    let mut found: Vec<(NodeId, Option<Name>, &str)> = vec![];
    for &id in &survey.order {
        let node = graph.get(id);
        if !survey.is_inner(id, &node) {
            continue;
        }
        let operands: Vec<NodeId> = node.args.iter().map(|a| survey.peeled(*a)).collect();
        let product = matches!(node.op, Op::Contract(_));
        if product || operands.iter().any(|a| chain.contains(a) && survey.is_linear(id, *a)) {
            chain.insert(id);
        }
        let size = 1 + operands.iter().map(|a| sizes.get(a).copied().unwrap_or(0)).sum::<usize>();
        sizes.insert(id, size);
        let users = survey.users.get(&id).map_or(&[][..], Vec::as_slice);
        // What only scales or moves a variable is read as that.
        let active: Vec<NodeId> = operands.iter().copied().filter(|a| survey.active.contains(a)).collect();
        let is_scaled = !product
            && matches!(active[..], [one] if (survey.wrt.contains(&one) || scaled.contains(&one)) && survey.is_linear(id, one));
        if is_scaled {
            scaled.insert(id);
        }
        let factor =
            !is_scaled && !survey.moves(&node) && users.iter().any(|user| survey.is_bilinear(*user, id));
        let kind = if let Some(name) = named.get(&id) {
            found.push((id, Some(name.clone()), ""));
            true
        } else if calls.contains_key(&id) {
            found.push((id, None, if survey.linear.contains(&id) { "ℓ" } else { "h" }));
            true
        } else if chain.contains(&id) && users.iter().any(|user| !survey.is_linear(*user, id)) {
            found.push((id, None, "z"));
            true
        } else if factor {
            found.push((id, None, "h"));
            true
        } else if users.len() > 1 && size >= SHARED {
            found.push((id, None, "u"));
            true
        } else {
            false
        };
        if kind {
            chain.remove(&id);
            sizes.insert(id, 0);
        }
    }
    for letter in ["z", "h", "u", "ℓ"] {
        letters.reserve(letter, found.iter().filter(|(.., of)| *of == letter).count());
    }
    let cut = |(id, name, letter): (NodeId, Option<Name>, &str)| Cut {
        id,
        name: name.unwrap_or_else(|| letters.next(letter)),
        stops: !survey.linear.contains(&id),
    };
    (found.into_iter().map(cut).collect(), calls)
}

/// What is known of the nodes below an objective.
struct Survey<'g> {
    graph: &'g Graph,
    objective: NodeId,
    wrt: FxHashSet<NodeId>,
    order: Vec<NodeId>,
    scopes: Scopes,
    /// What depends on what is differentiated by.
    active: FxHashSet<NodeId>,
    /// By value, what is computed from it, without what formulas leave out.
    users: FxHashMap<NodeId, Vec<NodeId>>,
    /// Values of which the objective is a linear function.
    linear: FxHashSet<NodeId>,
}

impl<'g> Survey<'g> {
    fn new(graph: &'g Graph, objective: NodeId, wrt: &[NodeId]) -> Self {
        let order = reachable(graph, &[objective]);
        let scopes = Scopes::of(&graph.nodes());
        let wrt: FxHashSet<NodeId> = wrt.iter().copied().collect();
        let mut survey = Survey {
            graph,
            objective,
            wrt,
            order,
            scopes,
            active: FxHashSet::default(),
            users: FxHashMap::default(),
            linear: FxHashSet::default(),
        };
        for &id in &survey.order {
            let node = graph.get(id);
            let passes = node.dtype.is_float() && node.op != Op::StopGradient;
            let depends = node.differentiated().iter().any(|a| survey.active.contains(a));
            if survey.wrt.contains(&id) || passes && depends {
                survey.active.insert(id);
            }
            if !is_invisible(graph, &node) {
                let mut operands: Vec<NodeId> = node.args.iter().map(|a| survey.peeled(*a)).collect();
                operands.sort_unstable();
                operands.dedup();
                operands.into_iter().for_each(|a| survey.users.entry(a).or_default().push(id));
            }
        }
        for i in (0..survey.order.len()).rev() {
            let id = survey.order[i];
            let users = survey.users.get(&id).map_or(&[][..], Vec::as_slice);
            let all = || users.iter().all(|user| survey.linear.contains(user) && survey.is_linear(*user, id));
            if id == survey.peeled(objective) || !users.is_empty() && all() {
                survey.linear.insert(id);
            }
        }
        survey
    }

    /// Without what formulas leave out.
    fn peeled(&self, mut id: NodeId) -> NodeId {
        loop {
            let node = self.graph.get(id);
            if self.wrt.contains(&id)
                || self.graph.origin(id).name.is_some()
                || !is_invisible(self.graph, &node)
            {
                return id;
            }
            id = node.args[0];
        }
    }

    /// Which functions made the values below the objective, without functions inside of others and without those that
    /// are as short as what they do: `mse` for a square of a difference.
    fn calls(&self) -> FxHashMap<NodeId, Call> {
        let of = |id: &NodeId| self.graph.call(*id).map(|call| (self.peeled(*id), call));
        let mut calls: FxHashMap<NodeId, Call> = self.order.iter().filter_map(of).collect();
        let mut inner = vec![];
        for (id, call) in &calls {
            let body = self.body(*id, &call.args);
            let is_short =
                body.iter().filter(|id| !is_invisible(self.graph, &self.graph.get(**id))).count() < SHARED;
            inner.extend(is_short.then_some(*id));
            inner.extend(body.into_iter().filter(|of| of != id));
        }
        inner.iter().for_each(|id| drop(calls.remove(id)));
        calls
    }

    /// A value and what is computed on the way to it from others.
    fn body(&self, id: NodeId, from: &[NodeId]) -> FxHashSet<NodeId> {
        let (mut todo, mut seen) = (vec![id], FxHashSet::default());
        while let Some(id) = todo.pop() {
            if self.active.contains(&id) && !from.contains(&id) && seen.insert(id) {
                todo.extend(&self.graph.get(id).args);
            }
        }
        seen
    }

    /// Between what is differentiated by and the objective, and outside of the steps of scans.
    fn is_inner(&self, id: NodeId, node: &Node) -> bool {
        let leaf = self.wrt.contains(&id) || id == self.peeled(self.objective);
        let whole = self.scopes.free(id).is_empty() && !matches!(node.op, Op::Scan(_));
        let named = self.graph.origin(id).name.is_some();
        self.active.contains(&id) && !leaf && whole && (named || !is_invisible(self.graph, node))
    }

    fn moves(&self, node: &Node) -> bool {
        matches!(
            node.op,
            Op::Reshape
                | Op::Permute(_)
                | Op::Broadcast(_)
                | Op::Slice { .. }
                | Op::Flip(_)
                | Op::Unfold { .. }
                | Op::Fold { .. }
                | Op::Pad { .. }
                | Op::Concat(_)
        )
    }

    /// Whether what `user` computes is a linear function of `of`, all else being as it is.
    fn is_linear(&self, user: NodeId, of: NodeId) -> bool {
        let node = self.graph.get(user);
        let uses: Vec<bool> = node.args.iter().map(|a| self.peeled(*a) == of).collect();
        let others_rest =
            || node.args.iter().zip(&uses).all(|(a, own)| *own || !self.active.contains(&self.peeled(*a)));
        match &node.op {
            Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub) => true,
            Op::Reduce { kind: Reduce::Sum, .. } => true,
            Op::Cast => node.dtype.is_float(),
            Op::Binary(Binary::Mul) | Op::Contract(_) => uses != [true, true] && others_rest(),
            Op::Binary(Binary::Div) => uses == [true, false] && others_rest(),
            Op::Gather { .. } => uses.first() == Some(&true),
            _ => self.moves(&node),
        }
    }

    /// Whether it is one of the two factors of a matrix product that both are differentiated.
    fn is_bilinear(&self, user: NodeId, of: NodeId) -> bool {
        let node: Arc<Node> = self.graph.get(user);
        matches!(node.op, Op::Contract(_)) && !self.is_linear(user, of)
    }
}

/// Names that mean nothing yet.
struct Alphabet {
    taken: FxHashSet<Name>,
    /// By kind of value: its letter, and its next number if there are several.
    chosen: FxHashMap<&'static str, (&'static str, Option<usize>)>,
}

impl Alphabet {
    fn new(graph: &Graph, named: &FxHashMap<NodeId, Name>) -> Alphabet {
        let inputs = graph.input_decls().into_iter().map(|d| d.name);
        let parameters = graph.parameter_decls().into_iter().map(|d| d.name);
        Alphabet {
            taken: named.values().cloned().chain(inputs).chain(parameters).collect(),
            chosen: FxHashMap::default(),
        }
    }

    /// Chooses the letter for `count` values of a kind.
    fn reserve(&mut self, kind: &'static str, count: usize) {
        let candidates: &[&'static str] = match kind {
            "z" => &["z", "s", "ζ", "preactivation"],
            "h" => &["h", "a", "η", "activation"],
            "ℓ" => &["ℓ", "L", "loss"],
            _ => &["u", "v", "q", "value"],
        };
        let free = |letter: &&&'static str| {
            let numbered = (1..=count).map(|n| format!("{letter}{}", subscript_digits(n)));
            std::iter::once((**letter).to_owned())
                .chain(numbered)
                .all(|name| !self.taken.contains(name.as_str()))
        };
        let letter = candidates.iter().find(free).unwrap_or(&"intermediate");
        self.chosen.insert(kind, (letter, (count > 1).then_some(1)));
    }

    fn next(&mut self, kind: &str) -> Name {
        match self.chosen.get_mut(kind) {
            Some((letter, Some(number))) => {
                let name = format!("{letter}{}", subscript_digits(*number));
                *number += 1;
                name.into()
            }
            Some((letter, None)) => (*letter).into(),
            None => kind.into(),
        }
    }
}

/// Whether derivatives with respect to it mean something.
pub(super) fn is_variable(node: &Node) -> bool {
    matches!(node.op, Op::Input(_) | Op::Parameter(_)) && matches!(node.dtype, DType::F32 | DType::F64)
}
