//! What has a name in a formula, and how that is written.

use rustc_hash::FxHashMap;

use crate::dim::Dim;
use crate::graph::{Expr, Graph};
use crate::ops::Op;
use crate::print::names::{exact, pretty};

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Known<'g> {
    Value(Expr<'g>),
    Size(Dim),
    /// For two things that are written alike.
    Ambiguous,
}

/// Names by how they are written.
#[derive(Default)]
pub(super) struct Names<'g> {
    all: FxHashMap<String, Known<'g>>,
    /// How long they are, from the longest.
    lengths: Vec<usize>,
}

impl<'g> Names<'g> {
    pub(super) fn get(&self, text: &str) -> Option<&Known<'g>> {
        self.all.get(text)
    }

    pub(super) fn insert(&mut self, text: String, known: Known<'g>) -> Option<Known<'g>> {
        if let Err(place) = self.lengths.binary_search_by(|length| text.len().cmp(length)) {
            self.lengths.insert(place, text.len());
        }
        self.all.insert(text, known)
    }

    /// The longest name with which the text begins, and what it stands for.
    pub(super) fn first<'t>(&self, text: &'t str) -> Option<(&'t str, &Known<'g>)> {
        self.lengths.iter().find_map(|length| {
            let (name, rest) = text.split_at_checked(*length)?;
            let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\'');
            self.all.get(name).filter(|_| ends).map(|known| (name, known))
        })
    }
}

/// Whether a name would be taken for something else.
fn is_reserved(text: &str) -> bool {
    ["\\mathrm{NaN}", "\\mathrm{true}", "\\mathrm{false}"].contains(&text)
}

/// How everything that has a name is written.
pub(super) fn names<'g>(graph: &'g Graph) -> Names<'g> {
    let mut all = Names::default();
    let (mut values, mut shapes) = (vec![], vec![]);
    for decl in graph.input_decls() {
        let op = Op::Input(decl.name.clone());
        values.push((decl.name, graph.leaf(op, decl.dtype, decl.shape.clone())));
        shapes.push(decl.shape);
    }
    for decl in graph.parameter_decls() {
        values.push((decl.name.clone(), graph.get_parameter(&decl.name)));
        shapes.push(decl.shape);
    }
    let mut add = |name: &str, known: Known<'g>| {
        let (short, long) = (pretty(name).text, exact(name).text);
        for text in [Some(short.clone()), (long != short).then_some(long)].into_iter().flatten() {
            let known =
                if all.get(&text).is_some() || is_reserved(&text) { Known::Ambiguous } else { known.clone() };
            all.insert(text, known);
        }
    };
    for (name, value) in values {
        add(&name, Known::Value(value));
    }
    let mut seen = vec![];
    for name in shapes.iter().flat_map(|shape| shape.iter()).flat_map(|dim| dim.names()) {
        if !seen.contains(&name) {
            add(&name, Known::Size(Dim::named(&name)));
            seen.push(name);
        }
    }
    all
}
