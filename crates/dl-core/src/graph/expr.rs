//! Expressions: `Copy` handles with overloaded operators, so that code reads as the formula.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Not, Sub};
use std::sync::Arc;

use crate::dtype::DType;
use crate::graph::{Graph, Node, NodeId, Operand};
use crate::ops::{Binary, Op, Unary};
use crate::shape::Shape;

/// A value in a graph. Numbers take part in its operators as constants of its element type.
///
/// ```
/// use dl_core::{Graph, F64};
/// let g = Graph::new();
/// let x = g.input("x", F64, ());
/// let j = (x - 3.0) * (x - 3.0);
/// assert_eq!(j.to_string(), "(mul (sub x 3) (sub x 3))");
/// ```
#[derive(Clone, Copy)]
pub struct Expr<'g> {
    graph: &'g Graph,
    id: NodeId,
}

impl<'g> Expr<'g> {
    pub(crate) fn new(graph: &'g Graph, id: NodeId) -> Self {
        Expr { graph, id }
    }

    /// The graph that holds it.
    pub fn graph(self) -> &'g Graph {
        self.graph
    }

    /// Its node's place in the graph.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// Its operation, arguments, element type and shape.
    pub fn node(self) -> Arc<Node> {
        self.graph.get(self.id)
    }

    /// Its shape.
    pub fn shape(self) -> Shape {
        self.node().shape.clone()
    }

    /// Its element type.
    pub fn dtype(self) -> DType {
        self.node().dtype
    }

    /// Names the value: in outputs, in derivations, in errors.
    #[track_caller]
    pub fn named(self, name: &str) -> Expr<'g> {
        self.graph.name_node(self.id, name);
        self
    }

    pub(crate) fn is_poison(self) -> bool {
        self.node().op == Op::Poison
    }

    /// Records a mistake at the caller's line, unless this stands for an earlier one.
    #[track_caller]
    pub(crate) fn fail(self, message: String) -> Expr<'g> {
        if self.is_poison() { self } else { self.graph.fail(message) }
    }

    /// The number if this is a constant, whatever its shape.
    pub(crate) fn as_constant(self) -> Option<f64> {
        match self.node().op {
            Op::Constant(value) => Some(value.as_f64()),
            _ => None,
        }
    }

    /// `op(self, rest…)`, its shape inferred.
    #[track_caller]
    pub(crate) fn apply(self, op: Op, rest: &[Expr<'g>]) -> Expr<'g> {
        self.graph.node(op, self.ids(rest), None)
    }

    /// `op(self, rest…)` with a declared element type and shape.
    #[track_caller]
    pub(crate) fn apply_as(self, op: Op, rest: &[Expr<'g>], dtype: DType, shape: Shape) -> Expr<'g> {
        self.graph.node(op, self.ids(rest), Some((dtype, &shape)))
    }

    #[track_caller]
    pub(crate) fn broadcast_binary(self, op: Binary, other: impl Operand<'g>) -> Expr<'g> {
        let other = other.expr(self);
        if self.is_poison() || other.is_poison() {
            return self.graph.poison();
        }
        match self.shape().broadcast(&other.shape()) {
            Ok(shape) => self.broadcast_to(&shape).apply(Op::Binary(op), &[other.broadcast_to(&shape)]),
            Err(message) => self.fail(message),
        }
    }

    #[track_caller]
    fn ids(self, rest: &[Expr<'g>]) -> Vec<NodeId> {
        std::iter::once(self).chain(self.beside_all(rest)).map(Expr::id).collect()
    }

    /// `other`, which goes with `self` into one operation; if it belongs to another graph, that is a
    /// mistake. Everything that takes two expressions comes here or to [`Graph::own`].
    #[track_caller]
    pub(crate) fn beside(self, other: Expr<'g>) -> Expr<'g> {
        if std::ptr::eq(self.graph, other.graph) {
            return other;
        }
        self.graph.fail(format!("{} and {} belong to different graphs", self.described(), other.described()))
    }

    /// [`beside`](Expr::beside) of each.
    #[track_caller]
    pub(crate) fn beside_all(self, others: &[Expr<'g>]) -> Vec<Expr<'g>> {
        // A closure would not know the caller's line.
        let mut own = Vec::with_capacity(others.len());
        for other in others {
            own.push(self.beside(*other));
        }
        own
    }

    /// The best name that there is for it, and its line.
    fn described(self) -> String {
        let origin = self.graph.origin(self.id);
        let node = self.node();
        let name = match (&node.op, &origin.name) {
            (_, Some(name)) | (Op::Input(name) | Op::Parameter(name), None) => name.as_ref(),
            (op, None) => op.name(),
        };
        origin.site.map_or(name.to_owned(), |site| format!("{name} ({site})"))
    }
}

impl Graph {
    /// `value`, or where it belongs to another graph a mistake that names it.
    #[track_caller]
    pub(crate) fn own<'g>(&'g self, value: Expr<'g>) -> Expr<'g> {
        if std::ptr::eq(self, value.graph) {
            return value;
        }
        self.fail(format!("{} belongs to another graph than what it is used for", value.described()))
    }
}

impl PartialEq for Expr<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.graph, other.graph) && self.id == other.id
    }
}

impl Eq for Expr<'_> {}

impl fmt::Display for Expr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::print::sexpr::write(f, *self)
    }
}

impl fmt::Debug for Expr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} : {} {}", self, self.dtype(), self.shape())
    }
}

impl<'g> Neg for Expr<'g> {
    type Output = Expr<'g>;
    #[track_caller]
    fn neg(self) -> Expr<'g> {
        self.apply(Op::Unary(Unary::Neg), &[])
    }
}

impl<'g> Not for Expr<'g> {
    type Output = Expr<'g>;
    #[track_caller]
    fn not(self) -> Expr<'g> {
        self.apply(Op::Unary(Unary::Not), &[])
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident;)*) => {$(
        impl<'g, T: Operand<'g>> $trait<T> for Expr<'g> {
            type Output = Expr<'g>;
            #[track_caller]
            fn $method(self, other: T) -> Expr<'g> {
                self.broadcast_binary(Binary::$op, other)
            }
        }

        impl<'g> $trait<Expr<'g>> for f64 {
            type Output = Expr<'g>;
            #[track_caller]
            fn $method(self, other: Expr<'g>) -> Expr<'g> {
                self.expr(other).broadcast_binary(Binary::$op, other)
            }
        }
    )*};
}
operators! { Add add Add; Sub sub Sub; Mul mul Mul; Div div Div; }
