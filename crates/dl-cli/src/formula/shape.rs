//! Which shapes the values of a formula have: as declared, else as its functions and operators ask for.
//!
//! What `dot`, `@`, `sum`, `norm`, `softmax` and the like take is a vector, unless its name begins with a capital
//! letter before `@` or `'`: that is a matrix. What is added to or taken from a vector has its shape, and so has
//! what is added to a matrix if its name begins with a capital letter; else it is a row. Everything else is a
//! number.

use std::collections::BTreeMap;

use dl_core::{Dim, spelling::suggestion};

use super::function::{Takes, function, functions};
use super::mistake::{Mistake, Span};
use super::parse::OVER;
use super::tree::{Kind, Node, Operator, Says, Shape, Size, Statement};
use super::types::{Ty, Types};

/// Letters that mean a number, unless something else is declared.
const NUMBERS: [&str; 8] = ["λ", "α", "β", "γ", "η", "ε", "τ", "δ"];
/// Names for sizes that nobody named.
const SIZES: [&str; 10] = ["N", "M", "K", "P", "Q", "R", "S", "D", "L", "C"];

/// The shape of an input, and whether its elements are whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub dims: Vec<Dim>,
    pub integers: bool,
}

/// The shapes of the names that a formula does not define, in the order in which it uses them.
pub(super) fn infer(
    text: &str,
    statements: &[Statement],
    given: &[(String, Shape)],
) -> Result<Vec<(String, Known)>, Mistake> {
    let mut inference = Inference { text, ..Inference::default() };
    for (name, shape) in given {
        inference.declare(name, shape);
    }
    for statement in statements {
        if let (Some((name, _)), Says::Shape(shape)) = (&statement.name, &statement.says) {
            inference.declare(name, shape);
        }
    }
    // What is learnt of a name at one place says something at another; each round knows more.
    for round in 0.. {
        inference.types.learnt = false;
        inference.walk(statements)?;
        if !inference.types.learnt || round > statements.len() + 8 {
            break;
        }
    }
    for &(_, ty) in &inference.order.clone() {
        if inference.types.axes(ty).is_none() {
            inference.types.set(ty, vec![]);
        }
    }
    inference.walk(statements)?;
    Ok(inference.finish())
}

#[derive(Default)]
struct Inference<'t> {
    text: &'t str,
    types: Types,
    /// Inputs in order.
    order: Vec<(String, Ty)>,
    integers: Vec<String>,
    defined: BTreeMap<String, Ty>,
    definitions: BTreeMap<String, Node>,
    indices: Vec<(String, usize)>,
    /// Indices that ever were, by the sizes of their axes.
    letters: Vec<(usize, String)>,
}

impl Inference<'_> {
    fn walk(&mut self, statements: &[Statement]) -> Result<(), Mistake> {
        self.defined.clear();
        for statement in statements {
            if let Says::Value(node) = &statement.says {
                let ty = self.node(node)?;
                if let Some((name, _)) = &statement.name {
                    self.defined.insert(name.clone(), ty);
                    self.definitions.insert(name.clone(), node.clone());
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, name: &str, shape: &Shape) {
        let dims = shape.dims.iter().map(|size| self.types.size(Some(size.clone()))).collect();
        let ty = self.types.known(dims);
        self.order.retain(|(other, _)| other != name);
        self.order.push((name.to_owned(), ty));
        if shape.integers {
            self.integers.push(name.to_owned());
        }
    }

    fn mistake(&self, span: &Span, what: impl Into<String>) -> Mistake {
        Mistake::new(self.text, span.clone(), what)
    }

    fn name(&mut self, name: &str) -> Ty {
        if let Some(ty) = self.defined.get(name) {
            return *ty;
        }
        if let Some((_, ty)) = self.order.iter().find(|(other, _)| other == name) {
            return *ty;
        }
        let ty = self.types.unknown();
        self.order.push((name.to_owned(), ty));
        self.types.learnt = true;
        ty
    }

    fn node(&mut self, node: &Node) -> Result<Ty, Mistake> {
        match &node.kind {
            Kind::Number(_) => Ok(self.types.known(vec![])),
            Kind::Name(name) if name == "π" => Ok(self.types.known(vec![])),
            Kind::Name(name) => {
                if self.indices.iter().any(|(index, _)| index == name) {
                    return Err(
                        self.mistake(&node.span, format!("{name} is an index here: it stands in [ ] only"))
                    );
                }
                Ok(self.name(name))
            }
            Kind::Negative(x) => self.node(x),
            Kind::Transposed(x) => {
                let ty = self.node(x)?;
                self.guess(x, ty);
                match self.types.axes(ty).as_deref() {
                    Some([a, b]) => Ok(self.types.known(vec![*b, *a])),
                    Some([]) | Some([_]) | None => Ok(ty),
                    _ => Err(self.mistake(&node.span, format!("a transpose of {}", self.types.shown(ty)))),
                }
            }
            Kind::Binary(Operator::Matrix, x, y) => self.product(node, x, y),
            Kind::Binary(operator, x, y) => self.elementwise(node, *operator, x, y),
            Kind::Index(x, indices) => self.element(node, x, indices),
            Kind::Over(function, index, span, body) => {
                if self.indices.iter().any(|(other, _)| other == index) {
                    return Err(
                        self.mistake(span, format!("{index} is the index of an outer {function} already"))
                    );
                }
                let size = self.types.size(None);
                self.indices.push((index.clone(), size));
                self.letters.push((size, index.clone()));
                let ty = self.node(body);
                self.indices.pop();
                ty
            }
            Kind::Call(name, span, all) => self.call(node, (name, span), all),
        }
    }

    /// A name of which nothing is known is a matrix if it begins with a capital letter, else a vector.
    fn guess(&mut self, node: &Node, ty: Ty) {
        if self.types.axes(ty).is_some() {
            return;
        }
        let capital = matches!(&node.kind, Kind::Name(name) if name.starts_with(char::is_uppercase));
        if capital {
            let dims = vec![self.types.size(None), self.types.size(None)];
            return self.types.set(ty, dims);
        }
        self.vectors(node);
        // What is computed from these is known in the next round.
        if self.types.axes(ty).is_none()
            && matches!(&node.kind, Kind::Name(name) if !self.defined.contains_key(name))
        {
            let dims = vec![self.types.size(None)];
            self.types.set(ty, dims);
        }
    }

    /// Makes vectors of one length of the names in a value of which nothing is known.
    fn vectors(&mut self, node: &Node) {
        let mut names: Vec<String> = vec![];
        node.names(&mut |name| names.push(name.to_owned()));
        // A definition is what stands in it.
        let mut place = 0;
        while let Some(name) = names.get(place) {
            place += 1;
            if let Some(definition) = self.defined.get(name).and_then(|_| self.definitions.get(name)).cloned()
            {
                definition.names(&mut |name| {
                    if !names.iter().any(|other| other == name) {
                        names.push(name.to_owned());
                    }
                });
            }
        }
        names.retain(|name| !self.defined.contains_key(name));
        let mut size = None;
        for name in names {
            let ty = self.name(&name);
            if self.types.axes(ty).is_none() && !NUMBERS.contains(&&*name) {
                let one = size.unwrap_or_else(|| self.types.size(None));
                size = Some(one);
                self.types.set(ty, vec![one]);
            }
        }
    }

    fn product(&mut self, node: &Node, x: &Node, y: &Node) -> Result<Ty, Mistake> {
        let (a, b) = (self.node(x)?, self.node(y)?);
        self.guess(x, a);
        self.guess(y, b);
        if self.types.learnt && (self.types.axes(a).is_none() || self.types.axes(b).is_none()) {
            return Ok(self.types.unknown());
        }
        let (left, right) = (self.types.axes(a).unwrap_or_default(), self.types.axes(b).unwrap_or_default());
        let (Some(inner), Some(outer), true) =
            (left.last().copied(), right.first().copied(), left.len() <= 2 && right.len() <= 2)
        else {
            let shapes = format!("{} @ {}", self.types.shown(a), self.types.shown(b));
            return Err(self.mistake(&node.span, format!("{shapes}: a product takes vectors and matrices")));
        };
        if self.types.one_size(inner, outer).is_err() {
            let shapes = format!("{} @ {}", self.types.shown(a), self.types.shown(b));
            let what = format!("{shapes}: the last size on the left is not the first on the right");
            return Err(self.mistake(&node.span, what));
        }
        let dims = left[..left.len() - 1].iter().chain(&right[1..]).copied().collect();
        Ok(self.types.known(dims))
    }

    fn elementwise(&mut self, node: &Node, operator: Operator, x: &Node, y: &Node) -> Result<Ty, Mistake> {
        let (a, b) = (self.node(x)?, self.node(y)?);
        let together = !matches!(operator, Operator::Multiply | Operator::Divide | Operator::Power);
        let is_number = |node: &Node| match &node.kind {
            Kind::Name(name) => NUMBERS.contains(&&**name),
            _ => false,
        };
        match (self.types.axes(a), self.types.axes(b)) {
            (Some(left), Some(right)) => self.broadcast(node, (a, left), (b, right)),
            (None, None) if together && !is_number(x) && !is_number(y) => {
                self.types
                    .unify(a, b)
                    .map_err(|()| self.mistake(&node.span, "shapes that do not go together"))?;
                Ok(a)
            }
            (Some(axes), None) if together && !axes.is_empty() && !is_number(y) => {
                self.beside(y, b, (a, axes));
                Ok(a)
            }
            (None, Some(axes)) if together && !axes.is_empty() && !is_number(x) => {
                self.beside(x, a, (b, axes));
                Ok(b)
            }
            (Some(axes), None) if !axes.is_empty() => Ok(a),
            (None, Some(axes)) if !axes.is_empty() => Ok(b),
            _ => Ok(self.types.unknown()),
        }
    }

    /// What is added to an array has its shape; a name in small letters beside a matrix is added to each row.
    fn beside(&mut self, node: &Node, ty: Ty, (array, axes): (Ty, Vec<usize>)) {
        let small = matches!(&node.kind, Kind::Name(name) if !name.starts_with(char::is_uppercase));
        if small && axes.len() > 1 {
            self.types.set(ty, vec![axes[axes.len() - 1]]);
        } else {
            // Nothing is known of it, so that nothing is in the way.
            let _ = self.types.unify(array, ty);
        }
    }

    fn broadcast(
        &mut self,
        node: &Node,
        (a, left): (Ty, Vec<usize>),
        (b, right): (Ty, Vec<usize>),
    ) -> Result<Ty, Mistake> {
        let rank = left.len().max(right.len());
        let mut dims = vec![];
        for place in (1..=rank).rev() {
            let at = |axes: &[usize]| axes.len().checked_sub(place).map(|i| axes[i]);
            let is_one = |size: usize| self.types.sizes[self.types.size_root(size)] == Some(Size::Number(1));
            dims.push(match (at(&left), at(&right)) {
                (Some(x), Some(y)) if is_one(x) => y,
                (Some(x), Some(y)) if is_one(y) => x,
                (Some(x), Some(y)) => {
                    if self.types.one_size(x, y).is_err() {
                        let what = format!(
                            "shapes {} and {} do not go together",
                            self.types.shown(a),
                            self.types.shown(b)
                        );
                        return Err(self.mistake(&node.span, what));
                    }
                    x
                }
                (Some(x), None) | (None, Some(x)) => x,
                (None, None) => continue,
            });
        }
        Ok(self.types.known(dims))
    }

    fn element(&mut self, node: &Node, x: &Node, indices: &[Node]) -> Result<Ty, Mistake> {
        let ty = self.node(x)?;
        if self.types.axes(ty).is_none() && matches!(x.kind, Kind::Name(_)) {
            let dims = indices.iter().map(|_| self.types.size(None)).collect();
            self.types.set(ty, dims);
        }
        self.guess(x, ty);
        if self.types.learnt && self.types.axes(ty).is_none() {
            return Ok(self.types.known(vec![]));
        }
        let axes = self.types.axes(ty).unwrap_or_default();
        if axes.len() != indices.len() {
            let name = &self.text[x.span.clone()];
            let what = format!("{name} is {}, and has {} indices here", self.types.shown(ty), indices.len());
            return Err(self.mistake(&node.span, what));
        }
        for (axis, index) in axes.into_iter().zip(indices) {
            match &index.kind {
                Kind::Number(n) if n.fract() == 0.0 && *n >= 0.0 => {}
                Kind::Name(name) => {
                    let Some((_, size)) = self.indices.iter().find(|(other, _)| other == name) else {
                        let what = format!("{name} is no index here: sum({name}, …) makes it one");
                        return Err(self.mistake(&index.span, what));
                    };
                    let size = *size;
                    if self.types.one_size(axis, size).is_err() {
                        let what = format!("the index {name} goes over axes of two sizes");
                        return Err(self.mistake(&index.span, what));
                    }
                }
                _ => return Err(self.mistake(&index.span, "an index is a name or a whole number from 0 on")),
            }
        }
        Ok(self.types.known(vec![]))
    }

    fn call(&mut self, node: &Node, (name, span): (&str, &Span), all: &[Node]) -> Result<Ty, Mistake> {
        let Some(known) = function(name) else {
            let hint = suggestion(name, functions());
            return Err(self.mistake(span, format!("there is no function {name}{hint}")));
        };
        if !known.count.contains(&all.len()) {
            let hint = if OVER.contains(&name) && all.len() == 2 { ": sum(i, x[i])" } else { "" };
            let count = if known.count.start() == known.count.end() {
                format!("{}", known.count.start())
            } else {
                format!("{} or {}", known.count.start(), known.count.end())
            };
            let what = format!("{name} takes {count} arguments, got {}{hint}", all.len());
            return Err(self.mistake(&node.span, what));
        }
        let types = all.iter().map(|x| self.node(x)).collect::<Result<Vec<_>, _>>()?;
        let grown = |this: &mut Self| {
            all.iter().zip(&types).for_each(|(x, ty)| {
                if this.types.axes(*ty).is_none() {
                    this.vectors(x);
                }
            });
        };
        match known.takes {
            Takes::All | Takes::Elements if all.len() == 2 => {
                self.elementwise(node, Operator::Add, &all[0], &all[1])
            }
            Takes::Elements => Ok(types[0]),
            Takes::Choice => {
                let ab = self.elementwise(node, Operator::Add, &all[1], &all[2])?;
                match (self.types.axes(types[0]), self.types.axes(ab)) {
                    (Some(c), Some(values)) => self.broadcast(node, (types[0], c), (ab, values)),
                    _ => Ok(ab),
                }
            }
            Takes::All => {
                grown(self);
                Ok(self.types.known(vec![]))
            }
            Takes::Last { keeps } => {
                grown(self);
                let Some(axes) = self.types.axes(types[0]) else { return Ok(types[0]) };
                if axes.is_empty() {
                    return Err(self.mistake(&node.span, format!("{name} of a number: expected a vector")));
                }
                Ok(if keeps { types[0] } else { self.types.known(axes[..axes.len() - 1].to_vec()) })
            }
            Takes::Product => self.product(node, &all[0], &all[1]),
            Takes::Labels => {
                grown(self);
                let axes = self.types.axes(types[0]).unwrap_or_default();
                let Some((_, rest)) = axes.split_last() else {
                    return Err(
                        self.mistake(&node.span, format!("{name} of a number: expected scores of classes"))
                    );
                };
                if let Kind::Name(labels) = &all[1].kind
                    && !self.integers.contains(labels)
                    && !self.defined.contains_key(labels)
                {
                    self.integers.push(labels.clone());
                    let own = self.name(labels);
                    self.types.set(own, rest.to_vec());
                }
                Ok(self.types.known(rest.to_vec()))
            }
        }
    }

    fn finish(self) -> Vec<(String, Known)> {
        let mut taken: Vec<String> = self.order.iter().map(|(name, _)| name.clone()).collect();
        taken.extend(self.types.sizes.iter().filter_map(|s| match s {
            Some(Size::Name(name)) => Some(name.clone()),
            _ => None,
        }));
        let mut named: BTreeMap<usize, String> = BTreeMap::new();
        let mut all = vec![];
        for (name, ty) in &self.order {
            let axes = self.types.axes(*ty).unwrap_or_default();
            let dims = axes.iter().map(|size| match &self.types.sizes[*size] {
                Some(Size::Number(n)) => Dim::from(*n),
                Some(Size::Name(name)) => Dim::named(name),
                None => {
                    // An index over it is printed as the small letter of its name.
                    let own = self.letters.iter().filter(|(of, _)| self.types.size_root(*of) == *size);
                    let own: Vec<String> = own.map(|(_, index)| index.to_uppercase()).collect();
                    let fresh = || {
                        let numbered = (1..).map(|n| format!("N{n}"));
                        let usual = SIZES.iter().map(|s| (*s).to_owned());
                        let mut candidates = own.into_iter().chain(usual).chain(numbered);
                        candidates.find(|name| !taken.contains(name)).unwrap_or_default()
                    };
                    let name = named.entry(*size).or_insert_with(fresh).clone();
                    taken.push(name.clone());
                    Dim::named(&name)
                }
            });
            let dims = dims.collect();
            all.push((name.clone(), Known { dims, integers: self.integers.contains(name) }));
        }
        all
    }
}
