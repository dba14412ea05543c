//! Axes too long for one loop of a kernel: the one place that says how long a loop may run, and how long
//! axes are cut.

use burn_backend::{Backend, Slice};
use dl_core::ops::Reduce;

use super::machine::Machine;
use super::reduce::along;
use super::value::Value;

type Result<T> = std::result::Result<T, String>;

/// Iterations that a loop of a kernel may have on a device of its own. Mesa's software Vulkan ends a shader's loop
/// after 65,535 iterations, without an error.
pub(super) const ITERATIONS: usize = 1 << 15;

/// Terms that a sum of floats may add one after the other, as burn's kernels do: an error of half a unit
/// each, all to the same side, comes to 171 units of the sum, and the promise is 256.
pub(super) const CHAIN: usize = 1 << 10;

/// Terms of a product that a processor's library may take at once: it adds up some hundreds at a time.
const BLOCKED: usize = 1 << 17;

impl<B: Backend> Machine<B> {
    /// Elements of an axis that is reduced at once, and of the parts that it is cut into if there are more.
    pub(super) fn longest(&self, kind: Reduce, float: bool) -> Option<(usize, usize)> {
        match (self.on_host, kind == Reduce::Sum && float) {
            (_, true) => Some((CHAIN, CHAIN / 2)),
            (true, false) => None,
            (false, false) => Some((ITERATIONS, ITERATIONS / 8)),
        }
    }

    /// The inner size of a product that is computed at once.
    pub(super) fn inner(&self, rows: usize, columns: usize) -> usize {
        if self.on_host && rows > 1 && columns > 1 { BLOCKED } else { CHAIN }
    }
}

/// How an axis is cut: into so many parts of a size, and what is left.
pub(super) struct Parts {
    pub(super) count: usize,
    pub(super) size: usize,
    pub(super) rest: usize,
}

impl Parts {
    /// Parts of about `size`, perhaps twice as long if nothing is left then.
    pub(super) fn of(n: usize, size: usize) -> Parts {
        let even = (size..=2 * size).rev().find(|size| n.is_multiple_of(*size));
        let size = even.unwrap_or(size);
        Parts { count: n / size, size, rest: n % size }
    }

    /// Elements of all whole parts.
    pub(super) fn whole(&self) -> usize {
        self.count * self.size
    }
}

/// Elements `from..to` along `axis`.
pub(super) fn taken<B: Backend>(
    x: Value<B>,
    shape: &[usize],
    axis: usize,
    (from, to): (usize, usize),
) -> Value<B> {
    if (from, to) == (0, shape[axis]) {
        return x;
    }
    let mut slices: Vec<Slice> = shape.iter().map(|&n| Slice::new(0, Some(n as isize), 1)).collect();
    slices[axis] = Slice::new(from as isize, Some(to as isize), 1);
    x.slice(&slices)
}

/// The shape with another size along `axis`.
pub(super) fn sized(shape: &[usize], axis: usize, size: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[axis] = size;
    shape
}

/// The product of `[batch, rows, inner]` by `[batch, inner, columns]`, whose inner axis is too long.
pub(super) fn product<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    y: Value<B>,
    [batch, rows, inner, columns]: [usize; 4],
) -> Result<Value<B>> {
    let multiply = |x: Value<B>, y: Value<B>, f: fn(_, _) -> _| match (x, y) {
        (Value::Float(x), Value::Float(y)) => Ok(Value::Float(f(x, y))),
        (x, y) => Err(format!("cannot multiply {} by {}", x.kind(), y.kind())),
    };
    // A row or a column: sums of elementwise products.
    if columns == 1 {
        let terms = multiply(x, y.reshape(&[batch, 1, inner]), B::float_mul)?;
        return along(m, true, Reduce::Sum, terms, &[batch, rows, inner], 2);
    }
    if rows == 1 {
        let terms = multiply(x.reshape(&[batch, inner, 1]), y, B::float_mul)?;
        return along(m, true, Reduce::Sum, terms, &[batch, inner, columns], 1);
    }
    let parts = Parts::of(inner, m.inner(rows, columns) / 2);
    let (left, right) = ([batch, rows, inner], [batch, inner, columns]);
    let cut = |range| (taken(x.clone(), &left, 2, range), taken(y.clone(), &right, 1, range));
    let (head_x, head_y) = cut((0, parts.whole()));
    let head_x = head_x.reshape(&[batch, rows, parts.count, parts.size]).permute(&[0, 2, 1, 3]);
    let head_x = head_x.reshape(&[batch * parts.count, rows, parts.size]);
    let head_y = head_y.reshape(&[batch * parts.count, parts.size, columns]);
    let of = |count: usize| [batch, count, rows, columns];
    let mut found = vec![multiply(head_x, head_y, B::float_matmul)?.reshape(&of(parts.count))];
    if parts.rest > 0 {
        let (x, y) = cut((parts.whole(), inner));
        found.push(multiply(x, y, B::float_matmul)?.reshape(&of(1)));
    }
    let all = of(parts.count + found.len() - 1);
    along(m, true, Reduce::Sum, Value::concat(found, 1), &all, 1)
}

/// `updates` `[outer, count, after]` added at `indices` `[outer, count, after]` onto zeros of `size` along the
/// middle axis.
pub(super) fn add_at<B: Backend>(
    m: &Machine<B>,
    indices: Value<B>,
    updates: Value<B>,
    [outer, count, size, after]: [usize; 4],
    zeros: impl Fn(&[usize]) -> Result<Value<B>>,
) -> Result<Value<B>> {
    // Where places are many, so that the parts' results are no larger than the updates.
    let parts = Parts::of(count, size.clamp(CHAIN / 2, ITERATIONS / 2));
    let shape = [outer, count, after];
    let cut = |range| (taken(indices.clone(), &shape, 1, range), taken(updates.clone(), &shape, 1, range));
    let add = |(indices, updates): (Value<B>, Value<B>), count: usize, each: usize| {
        let of = [outer, count, each, after];
        let sums = zeros(&[outer, count, size, after])?;
        Ok::<_, String>(sums.scatter_add(2, indices.reshape(&of).int()?, updates.reshape(&of)))
    };
    let mut found = vec![];
    if parts.count > 0 {
        found.push(add(cut((0, parts.whole())), parts.count, parts.size)?);
    }
    if parts.rest > 0 {
        found.push(add(cut((parts.whole(), count)), 1, parts.rest)?);
    }
    let all = [outer, parts.count + usize::from(parts.rest > 0), size, after];
    along(m, true, Reduce::Sum, Value::concat(found, 1), &all, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_cut_evenly_where_it_can_be() {
        for (n, want) in [(60_000, (60, 1000, 0)), (1 << 20, (1024, 1024, 0)), (1_048_583, (2048, 512, 7))] {
            let parts = Parts::of(n, 512);
            assert_eq!((parts.count, parts.size, parts.rest), want, "{n}");
        }
    }
}
