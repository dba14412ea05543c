//! Products and quotients taken apart, to see that two are the same.

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Node, NodeId};
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::constants;

/// How deep a product is taken apart.
const DEPTH: usize = 8;

/// `scale · Π over / Π under`, of what repeats along later axes by what it is.
#[derive(Default)]
pub(super) struct Product {
    scale: f64,
    over: Vec<Factor>,
    under: Vec<Factor>,
}

#[derive(Clone, PartialEq)]
enum Factor {
    Node(NodeId),
    Size(Dim),
}

impl Product {
    /// A number.
    pub(super) fn of(scale: f64) -> Self {
        Product { scale, ..Product::default() }
    }

    /// Multiplied by a node, or divided by it.
    pub(super) fn times(mut self, nodes: &[Node], id: NodeId, above: bool) -> Self {
        self.collect(nodes, id, above, DEPTH);
        self
    }

    /// With the other sign.
    pub(super) fn opposite(self) -> Self {
        Product { scale: -self.scale, ..self }
    }

    fn collect(&mut self, nodes: &[Node], id: NodeId, above: bool, depth: usize) {
        let node = &nodes[id.index()];
        let leads = |kept: &[usize]| kept.iter().enumerate().all(|(i, axis)| i == *axis);
        match (&node.op, depth.checked_sub(1)) {
            (Op::Constant(c), _) => self.scale *= if above { c.as_f64() } else { 1.0 / c.as_f64() },
            (Op::Extent(dim), _) => self.push(Factor::Size(dim.clone()), above),
            (Op::Unary(Unary::Neg), Some(deeper)) => {
                self.scale = -self.scale;
                self.collect(nodes, node.args[0], above, deeper);
            }
            (Op::Binary(op @ (Binary::Mul | Binary::Div)), Some(deeper)) => {
                self.collect(nodes, node.args[0], above, deeper);
                self.collect(nodes, node.args[1], above == (*op == Binary::Mul), deeper);
            }
            (Op::Broadcast(kept), Some(deeper)) if leads(kept) => {
                self.collect(nodes, node.args[0], above, deeper);
            }
            _ => self.push(Factor::Node(id), above),
        }
    }

    fn push(&mut self, factor: Factor, above: bool) {
        if above { self.over.push(factor) } else { self.under.push(factor) }
    }

    /// Whether both are the same number, in an element type.
    pub(super) fn is(&self, other: &Product, dtype: DType) -> bool {
        let same = |a: &[Factor], b: &[Factor]| {
            let mut left = b.to_vec();
            let mut found =
                |own: &Factor| left.iter().position(|f| f == own).map(|at| left.swap_remove(at)).is_some();
            a.len() == b.len() && a.iter().all(&mut found)
        };
        constants::close(dtype, self.scale / other.scale, 1.0)
            && same(&self.over, &other.over)
            && same(&self.under, &other.under)
    }
}
