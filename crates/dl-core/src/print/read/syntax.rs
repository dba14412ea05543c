//! A formula as it is written, before anyone knows the shapes.

use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::{Binary, Reduce, Unary};
use crate::print::form::Along;

/// A part of a formula, and where it begins.
#[derive(Debug)]
pub(super) struct Syntax<'t, 'g> {
    pub(super) at: usize,
    pub(super) kind: Kind<'t, 'g>,
}

type Boxed<'t, 'g> = Box<Syntax<'t, 'g>>;

#[derive(Debug)]
pub(super) enum Kind<'t, 'g> {
    Value(Expr<'g>),
    Size(Dim),
    Number(f64),
    Truth(bool),
    Unary(Unary, Boxed<'t, 'g>),
    Binary(Binary, Boxed<'t, 'g>, Boxed<'t, 'g>),
    /// Operators of one level, from left to right.
    Chain(Boxed<'t, 'g>, Vec<(Binary, Syntax<'t, 'g>)>),
    /// Factors of a matrix product.
    Product(Vec<Syntax<'t, 'g>>),
    Square(Boxed<'t, 'g>),
    Transpose(Boxed<'t, 'g>),
    /// One over a count times a sum.
    Mean {
        count: Boxed<'t, 'g>,
        sum: Boxed<'t, 'g>,
    },
    Reduce {
        kind: Reduce,
        indices: &'t str,
        x: Boxed<'t, 'g>,
    },
    Along {
        function: Along,
        indices: &'t str,
        x: Boxed<'t, 'g>,
    },
    ArgReduce {
        kind: Reduce,
        indices: &'t str,
        x: Boxed<'t, 'g>,
    },
    Inner(Boxed<'t, 'g>, Boxed<'t, 'g>),
    Cases {
        condition: Boxed<'t, 'g>,
        then: Boxed<'t, 'g>,
        otherwise: Boxed<'t, 'g>,
    },
    /// Square brackets: a truth value as a number, or a contraction with its indices outside.
    Bracket(Boxed<'t, 'g>),
    OneHot(Boxed<'t, 'g>),
    /// The text of all subscripts, and the last of them as a formula if it is one.
    At {
        x: Boxed<'t, 'g>,
        subscripts: &'t str,
        last: Option<Boxed<'t, 'g>>,
    },
    Call {
        name: &'t str,
        parameters: &'t str,
        x: Option<Boxed<'t, 'g>>,
    },
}

impl<'t, 'g> Syntax<'t, 'g> {
    /// What has a subscript, and that.
    pub(super) fn subscripted(&self) -> Option<(&Syntax<'t, 'g>, &'t str)> {
        match &self.kind {
            Kind::At { x, subscripts, .. } => Some((x, subscripts)),
            _ => None,
        }
    }

    /// The subscript as the labels of a contraction: letters between spaces.
    pub(super) fn labelled(&self) -> Option<(&Syntax<'t, 'g>, Vec<u8>)> {
        self.subscripted().and_then(|(x, text)| Some((x, labels(text)?)))
    }

    /// Whether its shape follows from what stands beside it only.
    pub(super) fn is_open(&self) -> bool {
        match &self.kind {
            Kind::OneHot(_) => true,
            Kind::Unary(_, x) | Kind::Square(x) | Kind::Bracket(x) => x.is_open(),
            Kind::Binary(_, x, y) => x.is_open() || y.is_open(),
            Kind::Chain(first, rest) => first.is_open() || rest.iter().any(|(_, x)| x.is_open()),
            Kind::Cases { then, otherwise, .. } => then.is_open() || otherwise.is_open(),
            _ => false,
        }
    }
}

/// Letters between spaces.
pub(super) fn labels(text: &str) -> Option<Vec<u8>> {
    let each = text.split(' ').map(|letter| match letter.as_bytes() {
        [one] if one.is_ascii_alphabetic() => Some(*one),
        _ => None,
    });
    each.collect()
}
