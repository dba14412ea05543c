//! Attention for a block of queries at a time: memory that grows with the length of a sequence, not with its
//! square.

use super::{Attention, Grouping};
use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::Mode;
use crate::shape::Shape;

/// Weights of an element of the batch, all heads together, of which all are kept: 4 MiB in single precision,
/// no more than the projections of a sequence of this length to a thousand units. Up to here a product of all
/// queries is faster than one of each block, and nothing is computed twice.
const WHOLE: usize = 1 << 20;

/// Weights of a block: a megabyte, which stays in the second cache between the two products.
const BLOCK: usize = 1 << 18;

/// Queries of a block at least: with fewer, products would read keys and values more often than they
/// multiply.
const FEWEST: usize = 64;

/// What belongs to some queries.
pub(super) struct Queries<'g> {
    /// That broadcast to the weights.
    pub masks: Vec<Expr<'g>>,
    /// `[L, 1]`, where these decide what a query sees.
    pub places: Option<Expr<'g>>,
}

impl<'g> Attention<'g> {
    /// Queries of a block, if there are blocks.
    pub(super) fn block(&self, grouping: &Grouping, k: Expr<'g>) -> Option<usize> {
        if self.dropout > 0.0 && self.mode == Mode::Train {
            return None;
        }
        let (queries, keys) = (&grouping.queries[grouping.rank - 2], &k.shape()[grouping.rank - 2]);
        if let Some(size) = self.block {
            return (queries.size().is_none_or(|own| own > size)).then_some(size);
        }
        let (queries, keys) = (queries.size()?, keys.size()?);
        let heads = grouping.queries[..grouping.rank - 2].iter().filter_map(Dim::size);
        let row = heads.fold(keys, usize::saturating_mul);
        let size = (BLOCK / row.max(1)).next_power_of_two().max(FEWEST);
        (row.saturating_mul(queries) > WHOLE && queries > size).then_some(size)
    }

    /// The values, weighted for `size` queries at a time.
    #[track_caller]
    pub(super) fn by_blocks(
        &self,
        q: Expr<'g>,
        (k, v): (Expr<'g>, Expr<'g>),
        queries: Queries<'g>,
        size: usize,
    ) -> Expr<'g> {
        let (g, rank) = (q.graph(), q.shape().rank());
        let axis = rank - 2;
        // All that differs from query to query has the queries' axis at the same place.
        let aligned = |x: Expr<'g>| {
            let own = x.shape();
            let before = std::iter::repeat_n(Dim::Size(1), rank - own.rank());
            x.reshape(before.chain(own.iter().cloned()).collect::<Shape>())
        };
        let mut sequences = vec![q];
        sequences.extend(queries.places.map(aligned));
        let differs = |mask: &Expr<'g>| {
            let shape = mask.shape();
            shape.rank() >= 2 && shape[shape.rank() - 2] != Dim::Size(1)
        };
        sequences.extend(queries.masks.iter().filter(|mask| differs(mask)).map(|mask| aligned(*mask)));
        let blocks = g.map_blocks(axis, size, &sequences, |block| {
            let (q, mut rest) = (block[0], block[1..].iter().copied());
            let places = queries.places.and_then(|_| rest.next()).map(|places| {
                let rows = places.shape().get(axis).cloned().unwrap_or(Dim::Size(1));
                places.reshape([rows, Dim::Size(1)])
            });
            let own = |mask: &Expr<'g>| if differs(mask) { rest.next() } else { Some(*mask) };
            let queries = Queries { masks: queries.masks.iter().filter_map(own).collect(), places };
            match Grouping::of(q, k, Some(v)) {
                Ok(grouping) => [self.whole(q, (k, v), &grouping, &queries)],
                Err(poison) => [poison],
            }
        });
        blocks[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::evaluate;
    use crate::{F64, Graph, Init, Program};

    const SPREAD: Init = Init::Normal { mean: 0.0, std: 1.0 };

    /// A value and its gradients by queries, keys and values, of four heads that share two.
    fn found(seed: u64, attention: impl for<'g> Fn(&'g Graph) -> Attention<'g>) -> Vec<Vec<f64>> {
        let g = Graph::new();
        let of = |name: &str, shape: [usize; 4]| g.parameter(name, F64, shape, SPREAD);
        let (q, k, v) = (of("q", [2, 4, 7, 3]), of("k", [2, 2, 5, 3]), of("v", [2, 2, 5, 6]));
        let y = attention(&g).apply(q, k, v);
        let gradients = (y.sin() * y).sum(..).grad(&[q, k, v]);
        let mut program = Program::builder(&g).output("y", y);
        for (name, gradient) in ["dq", "dk", "dv"].into_iter().zip(gradients) {
            program = program.output(name, gradient);
        }
        let program = program.compile().expect("it is sound");
        let parameters = program.initial(seed).expect("it has first values");
        let results = evaluate(&program, &[], &parameters, 0, 0).expect("it runs");
        results.outputs.iter().map(|(_, value)| value.to_f64()).collect()
    }

    fn check(attention: impl for<'g> Fn(&'g Graph) -> Attention<'g>) {
        let whole = found(3, |g| attention(g).queries_at_a_time(7));
        // Blocks that divide the queries, that do not, and of one query each.
        for size in [1, 2, 3, 4] {
            let blocks = found(3, |g| attention(g).queries_at_a_time(size));
            for (a, b) in whole.iter().zip(&blocks) {
                assert_eq!(a.len(), b.len());
                let near = a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-13 * (1.0 + a.abs()));
                assert!(near, "{size} at a time: {a:?} {b:?}");
            }
        }
    }

    #[test]
    fn blocks_change_no_number() {
        check(|_| Attention::new());
        check(|_| Attention::new().causal().scale(0.7));
        // Masks of queries and keys, of keys alone, and numbers that are added for each head; some queries
        // see nothing.
        check(|g| {
            let mask = |shape: &[usize]| {
                let places = g.iota(F64, 0, shape) * 3.0 + g.iota(F64, shape.len() - 1, shape);
                (places * 1.7).sin()
            };
            let keys = mask(&[2, 1, 1, 5]).gt(-0.5);
            Attention::new().causal().mask(mask(&[7, 5]).gt(0.3)).mask(keys).mask(mask(&[4, 7, 5]))
        });
    }
}
