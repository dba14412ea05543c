//! From a graph to equations: which values get a line of their own, whatever the notation.

use rustc_hash::FxHashMap;

use crate::dim::Name;
use crate::graph::NodeId;
use crate::print::form::{Form, Reader};
use crate::print::piece::Piece;
use crate::print::roots::{Root, Roots, walk};

/// A shared value that is drawn wider than this gets a line of its own.
const LARGE: usize = 20;
/// A line that would be wider than this is cut.
const LONG: usize = 100;

/// A way to write formulas.
pub(super) trait Notation {
    /// A name, as it stands in formulas.
    fn name(&mut self, name: &str) -> Piece;
    /// A function of that name, applied.
    fn call(&mut self, function: &str, args: &[&Piece]) -> Piece;
    /// A formula from the formulas of its operands.
    fn compose(&mut self, form: &Form, operands: &[&Piece]) -> Piece;
}

/// `left = right`, or `left ← right`, or only the right side.
pub(super) struct Equation {
    pub(super) left: Option<Piece>,
    pub(super) update: bool,
    pub(super) right: Piece,
}

/// The equations for the roots, every name before its first use.
pub(super) fn equations(roots: &mut Roots<'_>, notation: &mut impl Notation) -> Vec<Equation> {
    let Some(graph) = roots.graph else { return vec![] };
    let list: Vec<Root> = std::mem::take(&mut roots.list);
    let mut forms: FxHashMap<NodeId, (Form, Vec<NodeId>)> = FxHashMap::default();
    let mut orders = vec![];
    for root in &list {
        let reader = Reader { graph, roots };
        let mut new = FxHashMap::default();
        let read = |id| {
            let (form, operands) = reader.read(id);
            new.insert(id, (form, operands.clone()));
            // What a carry begins as is written beside what becomes of it.
            let first = reader.roots.steps.first(id).iter().map(|(first, ..)| *first);
            let next = reader.roots.steps.next(id).iter().copied();
            operands.into_iter().chain(next).chain(first).collect()
        };
        orders.push(walk(root.id, read, |id| forms.contains_key(&id)));
        forms.extend(new);
    }
    let mut uses: FxHashMap<NodeId, usize> = FxHashMap::default();
    for operand in forms.values().flat_map(|(_, operands)| operands) {
        *uses.entry(*operand).or_default() += 1;
    }
    let mut draft = Draft { roots, notation, pieces: FxHashMap::default(), equations: vec![] };
    for (root, order) in list.into_iter().zip(orders) {
        for id in order {
            let (form, operands) = &forms[&id];
            draft.add(id, form, operands, uses.get(&id).copied().unwrap_or(0));
        }
        draft.finish(root);
    }
    draft.equations
}

struct Draft<'g, 'n, N> {
    roots: &'n mut Roots<'g>,
    notation: &'n mut N,
    pieces: FxHashMap<NodeId, Piece>,
    equations: Vec<Equation>,
}

impl<N: Notation> Draft<'_, '_, N> {
    fn add(&mut self, id: NodeId, form: &Form, operands: &[NodeId], uses: usize) {
        self.shorten(operands);
        let xs: Vec<&Piece> = operands.iter().map(|o| &self.pieces[o]).collect();
        let piece = self.notation.compose(form, &xs);
        let large = piece.width > LARGE;
        self.pieces.insert(id, piece);
        match self.roots.name(id).cloned() {
            Some(name) => {
                self.bind(id, &name);
                self.begin(id);
            }
            None if uses > 1 && large => self.bind_fresh(id),
            None => {}
        }
    }

    /// Gives the widest operands lines of their own until the rest fits on one.
    fn shorten(&mut self, operands: &[NodeId]) {
        loop {
            let width = |o: &NodeId| self.pieces[o].width;
            let widest = operands.iter().copied().max_by_key(width);
            match widest.filter(|o| self.pieces[o].width > LARGE) {
                Some(o) if operands.iter().map(width).sum::<usize>() > LONG => self.bind_fresh(o),
                _ => return,
            }
        }
    }

    fn bind_fresh(&mut self, id: NodeId) {
        let name = self.roots.fresh(|n| format!("t{}", subscript_digits(n)));
        self.bind(id, &name);
    }

    /// Writes the value on a line, and its name everywhere else.
    fn bind(&mut self, id: NodeId, name: &Name) {
        let name = match self.roots.steps.changes(id) {
            true => self.notation.compose(&Form::Step { name: name.clone(), at: Some("t".into()) }, &[]),
            false => self.notation.name(name),
        };
        let right = self.pieces.insert(id, name.clone()).expect("a value is written before it is named");
        self.equations.push(Equation { left: Some(name), update: false, right });
    }

    /// The lines of the carries that a value becomes, before the first step.
    fn begin(&mut self, id: NodeId) {
        for (first, name, at) in self.roots.steps.first(id).to_vec() {
            let left = self.notation.compose(&Form::Step { name, at: Some(at) }, &[]);
            let right = self.pieces[&first].clone();
            self.equations.push(Equation { left: Some(left), update: false, right });
        }
    }

    /// The root's own line, unless its name already has one.
    fn finish(&mut self, root: Root) {
        let has_line = root.name.is_some() && !root.update && root.name.as_ref() == self.roots.name(root.id);
        if !has_line {
            let left = root.name.map(|name| self.notation.name(&name));
            let right = self.pieces[&root.id].clone();
            self.equations.push(Equation { left, update: root.update, right });
        }
    }
}

/// `12` as `₁₂`.
pub(crate) fn subscript_digits(n: usize) -> String {
    n.to_string().bytes().filter_map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0'))).collect()
}
