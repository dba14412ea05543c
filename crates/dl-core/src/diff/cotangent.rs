//! Cotangents that know where they are live: outside the branches that a `select` did not take.
//!
//! Invariant: where a cotangent is not live, its value is zero. That zero is not enough to make a
//! product with an infinite derivative vanish, so such products are masked again.

use crate::dtype::{DType, Scalar};
use crate::graph::{Expr, Node};
use crate::ops::{Binary, Op, Unary};

/// The cotangent of a node.
#[derive(Clone, Copy)]
pub(super) struct Cotangent<'g> {
    /// The derivative of the objective, of the node's shape.
    pub value: Expr<'g>,
    /// Where (`bool`, same shape) anything depends on the node; everywhere if `None`.
    pub live: Option<Expr<'g>>,
}

impl<'g> Cotangent<'g> {
    /// A cotangent that no `select` masks.
    pub(super) fn everywhere(value: Expr<'g>) -> Self {
        Cotangent { value, live: None }
    }

    /// What flows into the branch of a `select` that is taken where `condition` is `taken`.
    pub(super) fn branch(self, condition: Expr<'g>, taken: bool) -> Self {
        let (value, here) = match taken {
            true => (condition.select(self.value, 0.0), condition),
            false => (condition.select(0.0, self.value), not(condition)),
        };
        Cotangent { value, live: Some(self.live.map_or(here, |live| and(live, here))) }
    }

    /// The same place in the graph with `product`, which is `value` times a derivative.
    pub(super) fn times(self, product: Expr<'g>) -> Self {
        let value = match self.live {
            Some(live) if !vanishes_with(product, self.value, RULE_DEPTH) => live.select(product, 0.0),
            _ => product,
        };
        Cotangent { value, live: self.live }
    }

    /// An index map: each element of the result is one of the cotangent's, or zero.
    pub(super) fn moved(self, map: impl Fn(Expr<'g>) -> Expr<'g>) -> Self {
        Cotangent { value: map(self.value), live: self.live.map(map) }
    }

    /// The transpose of an index map: each element of the result is a sum of the cotangent's.
    pub(super) fn added_up(self, map: impl Fn(Expr<'g>) -> Expr<'g>) -> Self {
        Cotangent { value: map(self.value), live: self.live.map(|live| map(live.cast(DType::F32)).gt(0.0)) }
    }

    /// The sum along `axes`, which disappear.
    pub(super) fn summed(self, axes: &[usize]) -> Self {
        Cotangent { value: self.value.sum(axes.to_vec()), live: self.live.map(|live| any(live, axes)) }
    }

    /// The sum of two contributions to one node.
    pub(super) fn plus(self, other: Self) -> Self {
        let live = self.live.zip(other.live).and_then(|(a, b)| or(a, b));
        let sum = || self.value + other.value;
        Cotangent { value: joined(self.value, other.value).unwrap_or_else(sum), live }
    }
}

/// Addends of a sum that arrays in zeros are looked for among.
const ADDENDS: usize = 8;

/// A sum of which addends are arrays in zeros that follow each other, in whatever order they came; none if
/// there are no two of them.
fn joined<'g>(sum: Expr<'g>, other: Expr<'g>) -> Option<Expr<'g>> {
    let (mut addends, mut at) = (vec![], sum);
    while addends.len() < ADDENDS && at.node().op == Op::Binary(Binary::Add) {
        let args = at.node().args.clone();
        addends.push(sum.graph().expr(args[1]));
        at = sum.graph().expr(args[0]);
    }
    addends.push(at);
    let (all, mut both) = (addends.len(), other);
    let next = |addends: &[Expr<'g>], both: Expr<'g>| {
        addends.iter().enumerate().find_map(|(i, e)| Some((i, side_by_side(*e, both)?)))
    };
    while let Some((i, longer)) = next(&addends, both) {
        addends.remove(i);
        both = longer;
    }
    let joined = addends.len() < all;
    joined.then(|| addends.into_iter().rev().reduce(|sum, e| sum + e).map_or(both, |sum| sum + both))
}

/// Two arrays in zeros that follow each other along an axis, as one: what slices pass back.
fn side_by_side<'g>(a: Expr<'g>, b: Expr<'g>) -> Option<Expr<'g>> {
    let (left, right) = (a.node(), b.node());
    let part = |node: &Node| match &node.op {
        Op::Pad { starts, strides, value } if value.as_f64() == 0.0 && strides.iter().all(|s| *s == 1) => {
            Some((a.graph().expr(node.args[0]), starts.clone()))
        }
        _ => None,
    };
    let ((x, from), (y, to)) = (part(&left)?, part(&right)?);
    let (own, other) = (x.shape(), y.shape());
    let mut cut = (0..own.rank()).filter(|i| own[*i] != left.shape[*i] || other[*i] != left.shape[*i]);
    let (axis, None) = (cut.next()?, cut.next()) else { return None };
    let (first, second, start) = match () {
        () if &from[axis] + &own[axis] == to[axis] => (x, y, from),
        () if &to[axis] + &other[axis] == from[axis] => (y, x, to),
        () => return None,
    };
    let parts = |e: Expr<'g>| match e.node().op {
        Op::Concat(along) if along == axis => e.node().args.iter().map(|p| e.graph().expr(*p)).collect(),
        _ => vec![e],
    };
    let both = a.graph().concat(axis, &[parts(first), parts(second)].concat());
    if both.shape() == left.shape {
        return Some(both);
    }
    let (strides, value) = (vec![1; own.rank()], zero(left.dtype));
    let pad = Op::Pad { starts: start, strides, value };
    Some(both.apply_as(pad, &[], left.dtype, left.shape.clone()))
}

/// How many operations deep the products of derivative rules are looked at.
const RULE_DEPTH: usize = 5;

/// True if `e` is certainly zero where `g` is, infinite and NaN operands included.
fn vanishes_with<'g>(e: Expr<'g>, g: Expr<'g>, depth: usize) -> bool {
    if e == g || e.as_constant() == Some(0.0) {
        return true;
    }
    if depth == 0 {
        return false;
    }
    let node = e.node();
    let arg = |i: usize| e.graph().expr(node.args[i]);
    let vanishes = |i: usize| vanishes_with(arg(i), g, depth - 1);
    let number = |i: usize| arg(i).as_constant().filter(|c| c.is_finite());
    match node.op {
        Op::Unary(Unary::Neg) => vanishes(0),
        Op::Binary(Binary::Add | Binary::Sub) => vanishes(0) && vanishes(1),
        Op::Binary(Binary::Mul) => {
            (number(1).is_some() && vanishes(0)) || (number(0).is_some() && vanishes(1))
        }
        Op::Binary(Binary::Div) => number(1).is_some_and(|c| c != 0.0) && vanishes(0),
        Op::Select => vanishes(1) && vanishes(2),
        _ => false,
    }
}

/// `condition`, as zeros of `value`: where it fails, whatever `value` holds does not count.
pub(super) fn masked<'g>(value: Expr<'g>, live: Option<Expr<'g>>) -> Expr<'g> {
    live.map_or(value, |live| live.select(value, 0.0))
}

/// Zero as an element of `dtype`.
pub(super) fn zero(dtype: DType) -> Scalar {
    Scalar::of(dtype, 0.0)
}

/// True where one element along `axes`, which disappear, is.
pub(super) fn any<'g>(live: Expr<'g>, axes: &[usize]) -> Expr<'g> {
    let node = live.node();
    if let Op::Broadcast(kept) = &node.op {
        // Along an added axis all elements are the same one.
        let (added, rest): (Vec<usize>, Vec<usize>) = axes.iter().partition(|a| !kept.contains(a));
        if !added.is_empty() {
            let after = |a: &usize| a - added.iter().filter(|x| *x < a).count();
            let kept: Vec<usize> = kept.iter().map(after).collect();
            let narrow = live.graph().expr(node.args[0]).broadcast_along(&kept, &node.shape.without(&added));
            return any(narrow, &rest.iter().map(after).collect::<Vec<_>>());
        }
    }
    if axes.is_empty() { live } else { live.cast(DType::F32).sum(axes.to_vec()).gt(0.0) }
}

fn not(e: Expr<'_>) -> Expr<'_> {
    let node = e.node();
    let arg = |i: usize| e.graph().expr(node.args[i]);
    match &node.op {
        Op::Unary(Unary::Not) => arg(0),
        Op::Broadcast(axes) => not(arg(0)).broadcast_along(axes, &node.shape),
        _ => e.apply(Op::Unary(Unary::Not), &[]),
    }
}

fn and<'g>(a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    if a == b || conjuncts(a).is_some_and(|(x, y)| x == b || y == b) { a } else { a.and(b) }
}

/// `None` where one of both always holds.
fn or<'g>(a: Expr<'g>, b: Expr<'g>) -> Option<Expr<'g>> {
    if a == b {
        return Some(a);
    }
    if not(a) == b {
        return None;
    }
    // The two branches of a select inside a masked branch: m∧c or m∧¬c is m.
    if let (Some((m, c)), Some((n, d))) = (conjuncts(a), conjuncts(b))
        && m == n
        && not(c) == d
    {
        return Some(m);
    }
    Some(a.or(b))
}

fn conjuncts(e: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let node = e.node();
    match node.op {
        Op::Binary(Binary::And) => Some((e.graph().expr(node.args[0]), e.graph().expr(node.args[1]))),
        _ => None,
    }
}
