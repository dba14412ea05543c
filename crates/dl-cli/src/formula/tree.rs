//! What a formula says, as a tree.

use super::mistake::Span;

/// A part of a formula with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub kind: Kind,
    pub span: Span,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    Name(String),
    Negative(Box<Node>),
    Transposed(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// A function of arguments; the name has a place of its own.
    Call(String, Span, Vec<Node>),
    /// An element.
    Index(Box<Node>, Vec<Node>),
    /// A sum, product, mean or extreme over all values of an index.
    Over(String, String, Span, Box<Node>),
}

/// An operator between two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Matrix,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// A line of a formula: `name = value`, `name: [shape]`, or a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub name: Option<(String, Span)>,
    pub says: Says,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Says {
    Value(Node),
    Shape(Shape),
}

/// A declared shape: sizes or names, and whether elements are whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub dims: Vec<Size>,
    pub integers: bool,
}

/// A size, or the name of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Size {
    Number(usize),
    Name(String),
}

impl Node {
    /// Calls `visit` with each name in it that stands for a value.
    pub(super) fn names(&self, visit: &mut impl FnMut(&str)) {
        match &self.kind {
            Kind::Number(_) => {}
            Kind::Name(name) => visit(name),
            Kind::Negative(x) | Kind::Transposed(x) | Kind::Over(_, _, _, x) => x.names(visit),
            Kind::Binary(_, x, y) => {
                x.names(visit);
                y.names(visit);
            }
            Kind::Call(_, _, all) => all.iter().for_each(|x| x.names(visit)),
            // Indices are no values.
            Kind::Index(x, _) => x.names(visit),
        }
    }
}
