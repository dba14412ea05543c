//! Multi-head attention: attention between projections of sequences.

use crate::dim::Dim;
use crate::graph::{Expr, require_float};
use crate::init::Init;
use crate::nn::{Attention, Dense, Mode, Rotary};
use crate::shape::Shape;

/// Multi-head attention: queries, keys and values are projected to several heads, each of which
/// [attends](Attention) by itself; a last projection brings their results together. Sequences `[…, L, D]`
/// in and out; keys and values `[…, S, …]` may be of another sequence, of other widths.
///
/// Parameters are those of dense layers: `{path}.query`, `{path}.key`, `{path}.value` and `{path}.output`,
/// each with `.weight` `[in, out]` and `.bias`. (PyTorch keeps the first three in one `in_proj_weight`, one
/// below the other and transposed.) They start as in PyTorch: Xavier uniform, of the three together where
/// their widths are the same, and biases of 0.
///
/// Vaswani et al.: "Attention is all you need", NeurIPS 2017. Values are those of PyTorch's
/// `MultiheadAttention`, but a mask's `true` always means "takes part"; its `key_padding_mask` and
/// `attn_mask` mean the opposite.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{Mode, MultiHeadAttention}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 64, 128));
/// let y = MultiHeadAttention::new(4).causal().apply(x, "attention", Mode::Train);
/// assert_eq!((y.shape(), g.parameters().len()), (x.shape(), 8));
/// ```
#[derive(Clone, Debug)]
pub struct MultiHeadAttention<'g> {
    heads: usize,
    shared: Option<usize>,
    dropout: f64,
    bias: bool,
    rotary: Option<Rotary>,
    attention: Attention<'g>,
    key_mask: Option<Expr<'g>>,
}

impl<'g> MultiHeadAttention<'g> {
    /// `heads` heads with biases, without masks or dropout.
    pub fn new(heads: usize) -> Self {
        let attention = Attention::new();
        MultiHeadAttention {
            heads,
            shared: None,
            dropout: 0.0,
            bias: true,
            rotary: None,
            attention,
            key_mask: None,
        }
    }

    /// With so many heads of keys and values, which the heads of queries share in equal groups.
    pub fn shared(self, heads: usize) -> Self {
        MultiHeadAttention { shared: Some(heads), ..self }
    }

    /// In training with weights that are dropped with probability `p`.
    pub fn dropout(self, p: f64) -> Self {
        MultiHeadAttention { dropout: p, ..self }
    }

    /// Without biases.
    pub fn without_bias(self) -> Self {
        MultiHeadAttention { bias: false, ..self }
    }

    /// Places see themselves and those before them only.
    pub fn causal(self) -> Self {
        MultiHeadAttention { attention: self.attention.causal(), ..self }
    }

    /// With queries and keys of each head turned by their places.
    pub fn rotary(self, rotary: Rotary) -> Self {
        MultiHeadAttention { rotary: Some(rotary), ..self }
    }

    /// With a mask that broadcasts to `[…, H, L, S]`; see [`Attention::mask`].
    pub fn mask(self, mask: Expr<'g>) -> Self {
        MultiHeadAttention { attention: self.attention.mask(mask), ..self }
    }

    /// With a mask of keys `[…, S]`, `true` (or 0 as a float) for those that take part: ragged sequences.
    pub fn key_mask(self, mask: Expr<'g>) -> Self {
        MultiHeadAttention { key_mask: Some(mask), ..self }
    }

    /// Self-attention of `x` `[…, L, D]` with the parameters at `path`.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats or has fewer than two axes or an unknown width, when heads do not
    /// divide the width, a mask does not fit, or the path is declared with other sizes.
    #[track_caller]
    pub fn apply(&self, x: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        self.cross(x, x, x, path, mode)
    }

    /// Attention of the places of `query` `[…, L, D]` to those of `key` and `value` `[…, S, …]`.
    ///
    /// # Errors
    /// As for [`apply`](MultiHeadAttention::apply); also when keys and values do not go with the queries.
    #[track_caller]
    pub fn cross(&self, query: Expr<'g>, key: Expr<'g>, value: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let (g, what) = (query.graph(), format!("attention {path}"));
        let layer = g.library_layer("attention", path);
        let mut widths = vec![];
        for operand in [query, query.beside(key), query.beside(value)] {
            if let Err(poison) = require_float(&what, operand) {
                return poison;
            }
            let shape = operand.shape();
            match shape.last().and_then(Dim::size) {
                Some(width) if shape.rank() >= 2 => widths.push(width),
                _ => return g.fail(format!("{what} of {shape}: [..., L, D] with D of known size is needed")),
            }
        }
        let (width, heads, shared) = (widths[0], self.heads, self.shared.unwrap_or(self.heads));
        if heads == 0 || !width.is_multiple_of(heads) {
            return g.fail(format!("{what} of {}: {heads} heads do not divide {width}", query.shape()));
        }
        if shared == 0 || !heads.is_multiple_of(shared) {
            return g.fail(format!("{what}: {heads} heads cannot share {shared} of keys and values"));
        }
        // One matrix of three times the width, as far as its bound is concerned.
        let together = widths.iter().all(|w| *w == width);
        let gain = if together { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let project = |out: usize| {
            let dense = Dense::new(out).weight(Init::XavierUniform { gain });
            if self.bias { dense.bias(Init::Zeros) } else { dense.without_bias() }
        };
        let each = width / heads;
        let q = split(project(width).apply(query, &format!("{path}.query")), heads, each);
        let k = split(project(shared * each).apply(key, &format!("{path}.key")), shared, each);
        let v = split(project(shared * each).apply(value, &format!("{path}.value")), shared, each);
        if q.is_poison() || k.is_poison() || v.is_poison() {
            return g.poison();
        }
        let turn = |x: Expr<'g>| self.rotary.map_or(x, |rotary| rotary.apply(x));
        let mut attention = self.attention.clone().dropout(self.dropout, mode);
        if let Some(mask) = self.key_mask {
            let keys = key.shape();
            if mask.is_poison() || mask.shape()[..] != keys[..keys.rank() - 1] {
                let wanted: Shape = keys[..keys.rank() - 1].iter().cloned().collect();
                return mask.fail(format!("{what} with a mask of keys {}: {wanted} is needed", mask.shape()));
            }
            let rank = keys.rank() - 1;
            let mut dims = mask.shape().to_vec();
            dims.splice(rank - 1..rank - 1, [Dim::Size(1), Dim::Size(1)]);
            attention = attention.mask(mask.reshape(dims));
        }
        let y = attention.apply(turn(q), turn(k), v);
        if y.is_poison() {
            return y;
        }
        let merged = swapped(y).reshape(query.shape());
        let output = Dense::new(width);
        let output = if self.bias { output.bias(Init::Zeros) } else { output.without_bias() };
        layer.output(output.apply(merged, &format!("{path}.output")))
    }
}

/// `[…, L, H·E]` as `[…, H, L, E]`.
#[track_caller]
fn split(x: Expr<'_>, heads: usize, each: usize) -> Expr<'_> {
    if x.is_poison() {
        return x;
    }
    let shape = x.shape();
    let apart = shape[..shape.rank() - 1].iter().cloned().chain([Dim::from(heads), Dim::from(each)]);
    swapped(x.reshape(apart.collect::<Shape>()))
}

/// The second and third last axes in turned order.
#[track_caller]
fn swapped(x: Expr<'_>) -> Expr<'_> {
    let rank = x.shape().rank();
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation.swap(rank - 3, rank - 2);
    x.permute(&permutation)
}
