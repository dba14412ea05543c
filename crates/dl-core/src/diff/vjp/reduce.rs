//! What reductions pass back.

use crate::diff::cotangent::Cotangent;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::Reduce;

pub(super) fn pull_back<'g>(
    kind: Reduce,
    axes: &[usize],
    x: Expr<'g>,
    y: Expr<'g>,
    g: Cotangent<'g>,
) -> Cotangent<'g> {
    let shape = x.shape();
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
    let spread = |e: Expr<'g>| e.broadcast_along(&kept, &shape);
    match kind {
        Reduce::Sum => g.moved(spread),
        Reduce::Prod => {
            let g = g.moved(spread);
            g.times(g.value * others(x, axes))
        }
        Reduce::Max => share(g, x.lt(spread(y)), axes, spread),
        Reduce::Min => share(g, x.gt(spread(y)), axes, spread),
    }
}

/// The cotangent in equal parts to all that does not lose. NaN does not lose, so that it keeps a gradient.
fn share<'g>(
    g: Cotangent<'g>,
    loses: Expr<'g>,
    axes: &[usize],
    spread: impl Fn(Expr<'g>) -> Expr<'g>,
) -> Cotangent<'g> {
    let dtype = g.value.dtype();
    let count = loses.select(loses.graph().constant(dtype, 0.0), 1.0).sum(axes.to_vec());
    let part = Cotangent { value: g.value / count, ..g }.moved(spread);
    Cotangent { value: loses.select(0.0, part.value), ..part }
}

/// For each element the product of the others along `axes`: by products before and after it, never
/// by a quotient, so that zeros (and derivatives of it at zeros) are right.
fn others<'g>(x: Expr<'g>, axes: &[usize]) -> Expr<'g> {
    let shape = x.shape();
    let kept = (0..shape.rank()).filter(|a| !axes.contains(a));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let back: Vec<usize> =
        (0..order.len()).map(|a| order.iter().position(|o| *o == a).expect("every axis")).collect();
    let moved = x.permute(&order);
    let last = shape.rank() - axes.len();
    let length = axes.iter().fold(Dim::Size(1), |n, &a| &n * &shape[a]);
    let flat: Vec<Dim> = moved.shape()[..last].iter().cloned().chain([length]).collect();
    let rows = moved.reshape(flat);
    let axis = [last as isize];
    let product = before(rows, last) * before(rows.flip(axis), last).flip(axis);
    product.reshape(moved.shape()).permute(&back)
}

/// For each element the product of those before it along the last axis, by doubling.
fn before(x: Expr<'_>, axis: usize) -> Expr<'_> {
    let size = x.shape()[axis].size().unwrap_or(usize::MAX >> (usize::BITS - LARGEST_LENGTH));
    let mut product = shifted(x, axis, 1);
    let mut done = 1;
    while done + 1 < size {
        product = product * shifted(product, axis, done);
        done *= 2;
    }
    product
}

/// Binary digits of the longest product along an axis whose size is only known by name.
const LARGEST_LENGTH: u32 = 31;

/// `distance` ones, then the elements of `x`, without the last `distance`.
fn shifted(x: Expr<'_>, axis: usize, distance: usize) -> Expr<'_> {
    let (graph, shape) = (x.graph(), x.shape());
    if let Some(size) = shape[axis].size() {
        let distance = distance.min(size);
        return x.slice(axis, 0, size - distance).pad(axis, distance, 0, 1.0);
    }
    // A size known by name may be less than the distance.
    let place = graph.iota(DType::I64, 0, [shape[axis].clone()]) - distance as f64;
    let picked = x.gather(axis, place.maximum(0.0));
    place.ge(0.0).broadcast_to(&shape).select(picked, 1.0)
}
