//! Attention: sums of values, weighted by how well keys match a query.

mod blocks;
mod heads;
mod position;
mod transformer;

pub use heads::MultiHeadAttention;
pub use position::{Rotary, sinusoidal};
pub use transformer::{TransformerDecoderLayer, TransformerEncoderLayer};

use self::blocks::Queries;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Expr, require_float};
use crate::nn::{Mode, dropout, softmax};
use crate::shape::Shape;

/// Scaled dot-product attention, `softmax(q·kᵀ/√E)·v` along the keys: queries `[…, L, E]`, keys `[…, S, E]` and
/// values `[…, S, V]` give `[…, L, V]`. The axes before these are the same, batch and heads mostly.
///
/// Masks of truth values say which keys take part (`true`) for which query; masks of floats are added to the
/// products. All broadcast to `[…, L, S]`, and several go together. A query for which no key takes part
/// gives zeros, and no gradient.
///
/// Where `q` has more heads (the axis before `L`) than `k` and `v`, neighbouring heads share one of these,
/// as in grouped-query attention (Ainslie et al., EMNLP 2023).
///
/// The weights of long sequences of known length are computed for a block of queries at a time, and again in
/// the backward pass, so that memory grows with `L + S` and not with `L·S`: where all of them are more than
/// a million numbers for an element of the batch. Weights that are dropped in training are kept whole.
/// Rabe and Staats: "Self-attention does not need O(n²) memory", 2021.
///
/// Vaswani et al.: "Attention is all you need", NeurIPS 2017. Semantics are those of PyTorch's
/// `scaled_dot_product_attention`.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::Attention};
/// let g = Graph::new();
/// let q = g.input("q", F32, (Named("B"), 4, 64, 16));
/// let k = g.input("k", F32, (Named("B"), 4, 64, 16));
/// let v = g.input("v", F32, (Named("B"), 4, 64, 16));
/// assert_eq!(Attention::new().causal().apply(q, k, v).shape(), q.shape());
/// ```
#[derive(Clone, Debug)]
pub struct Attention<'g> {
    causal: bool,
    scale: Option<f64>,
    masks: Vec<Expr<'g>>,
    dropout: f64,
    mode: Mode,
    block: Option<usize>,
}

impl Default for Attention<'_> {
    fn default() -> Self {
        Attention::new()
    }
}

impl<'g> Attention<'g> {
    /// Without masks, without dropout.
    pub fn new() -> Self {
        Attention {
            causal: false,
            scale: None,
            masks: vec![],
            dropout: 0.0,
            mode: Mode::Evaluate,
            block: None,
        }
    }

    /// A query at place `i` sees the keys at places `j ≤ i` only.
    pub fn causal(self) -> Self {
        Attention { causal: true, ..self }
    }

    /// With another factor of the products than `1/√E`.
    pub fn scale(self, scale: f64) -> Self {
        Attention { scale: Some(scale), ..self }
    }

    /// With a mask that broadcasts to `[…, L, S]`: of truth values, `true` for what takes part, or of floats
    /// that are added to the scaled products.
    pub fn mask(mut self, mask: Expr<'g>) -> Self {
        self.masks.push(mask);
        self
    }

    /// In training with weights that are [dropped](crate::nn::dropout) with probability `p`.
    pub fn dropout(self, p: f64, mode: Mode) -> Self {
        Attention { dropout: p, mode, ..self }
    }

    /// With the weights of so many queries at a time, whatever the sizes: few for less memory, as many as
    /// there are queries for all at once. A length that has a name has to be a multiple.
    pub fn queries_at_a_time(self, queries: usize) -> Self {
        Attention { block: Some(queries), ..self }
    }

    /// The values, weighted.
    ///
    /// # Errors
    /// Recorded when shapes do not go together, operands hold no floats of one type, or a mask does not
    /// broadcast to the products; also where a length that has a name is no multiple of the queries at a time,
    /// or these are none.
    #[track_caller]
    pub fn apply(&self, q: Expr<'g>, k: Expr<'g>, v: Expr<'g>) -> Expr<'g> {
        let _line = q.graph().caller_line();
        let (k, v) = (q.beside(k), q.beside(v));
        let grouping = match Grouping::of(q, k, Some(v)) {
            Ok(grouping) => grouping,
            Err(poison) => return poison,
        };
        let queries = match self.queries(q, k, &grouping) {
            Ok(queries) => queries,
            Err(poison) => return poison,
        };
        let y = match self.block(&grouping, k) {
            Some(size) => self.by_blocks(q, (k, v), queries, size),
            None => self.whole(q, (k, v), &grouping, &queries),
        };
        y.called("attention", &[q, k, v])
    }

    /// All queries at once.
    #[track_caller]
    fn whole(
        &self,
        q: Expr<'g>,
        (k, v): (Expr<'g>, Expr<'g>),
        grouping: &Grouping,
        queries: &Queries<'g>,
    ) -> Expr<'g> {
        let weights = self.weighted(q, k, grouping, queries);
        let weights = dropout(weights, self.dropout, self.mode);
        if weights.is_poison() {
            return weights;
        }
        let value = &v.shape()[grouping.rank - 1];
        grouping.fold(weights).dot(v).reshape(grouping.unfolded(value))
    }

    /// The weights `[…, L, S]` by which values are added up, before dropout: of each row the sum is 1, or 0
    /// where no key takes part.
    ///
    /// # Errors
    /// As for [`apply`](Attention::apply).
    #[track_caller]
    pub fn weights(&self, q: Expr<'g>, k: Expr<'g>) -> Expr<'g> {
        let _line = q.graph().caller_line();
        let k = q.beside(k);
        let weights = Grouping::of(q, k, None).and_then(|grouping| {
            let queries = self.queries(q, k, &grouping)?;
            Ok(self.weighted(q, k, &grouping, &queries))
        });
        weights.unwrap_or_else(|poison| poison)
    }

    /// The masks and places of all queries.
    #[track_caller]
    fn queries(&self, q: Expr<'g>, k: Expr<'g>, grouping: &Grouping) -> Result<Queries<'g>, Expr<'g>> {
        let (g, shape) = (q.graph(), grouping.unfolded(&k.shape()[grouping.rank - 2]));
        if self.block == Some(0) {
            return Err(g.fail("attention of 0 queries at a time: one at least is needed".into()));
        }
        let mut masks = vec![];
        for mask in &self.masks {
            let mask = q.beside(*mask);
            if mask.is_poison() {
                return Err(mask);
            }
            let (own, dtype) = (mask.shape(), mask.dtype());
            let fits = own.broadcast(&shape).is_ok_and(|common| common == shape);
            if !fits || (dtype != DType::Bool && dtype != q.dtype()) {
                return Err(g.fail(format!(
                    "attention with a mask {dtype} {own}: bool or {}, and a shape that broadcasts to the \
                     products {shape} is needed",
                    q.dtype()
                )));
            }
            masks.push(mask);
        }
        let column = [shape[grouping.rank - 2].clone(), Dim::Size(1)];
        let places = self.causal.then(|| g.iota(DType::I64, 0, column));
        Ok(Queries { masks, places })
    }

    #[track_caller]
    fn weighted(&self, q: Expr<'g>, k: Expr<'g>, grouping: &Grouping, queries: &Queries<'g>) -> Expr<'g> {
        let (g, places) = (q.graph(), &k.shape()[grouping.rank - 2]);
        let scale = self.scale.unwrap_or(1.0 / (grouping.width.max(1) as f64).sqrt());
        let products = grouping.fold(q).dot(k.transpose());
        let shape = grouping.unfolded(places);
        // The products, not the queries, which may be read where they lie.
        let mut scores = scale * products.reshape(&shape);
        let mut seen = queries.places.map(|own| {
            let row = Shape::from([Dim::Size(1), places.clone()]);
            own.ge(g.iota(DType::I64, 1, row)).broadcast_to(&shape)
        });
        for mask in &queries.masks {
            let (mask, dtype) = (mask.broadcast_to(&shape), mask.dtype());
            match (dtype, seen) {
                (DType::Bool, Some(others)) => seen = Some(others.and(mask)),
                (DType::Bool, None) => seen = Some(mask),
                _ => scores = scores + mask,
            }
        }
        if let Some(seen) = seen {
            scores = seen.select(scores, f64::NEG_INFINITY);
        }
        softmax(scores, -1)
    }
}

/// How queries' heads share those of keys and values.
struct Grouping {
    /// `[…, H, L]` of the queries.
    queries: Vec<Dim>,
    /// `[…, H', G·L]`, where `G` heads share one; the same as the queries' where none do.
    folded: Vec<Dim>,
    rank: usize,
    width: usize,
}

impl Grouping {
    #[track_caller]
    fn of<'g>(q: Expr<'g>, k: Expr<'g>, v: Option<Expr<'g>>) -> Result<Grouping, Expr<'g>> {
        for operand in [Some(q), Some(k), v].into_iter().flatten() {
            require_float("attention", operand)?;
        }
        let (queries, keys) = (q.shape(), k.shape());
        let values = v.map_or(keys.clone(), |v| v.shape());
        let rank = queries.rank();
        let misfit = |why: &str| {
            let values = v.map_or(String::new(), |v| format!(" and values {}", v.shape()));
            q.graph().fail(format!("attention of queries {queries}, keys {keys}{values}: {why}"))
        };
        let one_type = k.dtype() == q.dtype() && v.is_none_or(|v| v.dtype() == q.dtype());
        if rank < 2 || keys.rank() != rank || values.rank() != rank || !one_type {
            return Err(misfit("the same element type and number of axes is needed, two at least"));
        }
        if keys[rank - 1] != queries[rank - 1] {
            return Err(misfit("the last axes of queries and keys differ"));
        }
        let Some(width) = queries[rank - 1].size() else {
            return Err(misfit("a last axis of known size is needed"));
        };
        if keys[..rank - 1] != values[..rank - 1] {
            return Err(misfit("every key needs a value"));
        }
        let rows = &queries[rank - 2];
        let mut folded = queries[..rank - 1].to_vec();
        if queries[..rank - 2] != keys[..rank - 2] {
            let apart = rank >= 3 && queries[..rank - 3] == keys[..rank - 3];
            let shared = apart.then(|| queries[rank - 3].exact_div(&keys[rank - 3])).flatten();
            let Some(shared) = shared else {
                return Err(misfit("the axes before the places differ, and heads are no multiple"));
            };
            folded[rank - 3] = keys[rank - 3].clone();
            folded[rank - 2] = &shared * rows;
        }
        Ok(Grouping { queries: queries[..rank - 1].to_vec(), folded, rank, width })
    }

    /// Heads that share keys as rows of one head.
    #[track_caller]
    fn fold<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        let last = x.shape()[self.rank - 1].clone();
        x.reshape(self.folded.iter().cloned().chain([last]).collect::<Shape>())
    }

    /// The shape of the queries with another last axis.
    fn unfolded(&self, last: &Dim) -> Shape {
        self.queries.iter().cloned().chain([last.clone()]).collect()
    }
}
