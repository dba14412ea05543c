//! The layers of a transformer: attention and a network for each place, with residual sums and normalization.

use crate::graph::{Expr, require_float};
use crate::nn::{LayerNorm, Mode, MultiHeadAttention, dense, dropout};

/// What both layers have in common.
#[derive(Clone, Copy, Debug)]
struct Settings {
    hidden: usize,
    dropout: f64,
    pre_norm: bool,
    eps: f64,
    activation: for<'e> fn(Expr<'e>) -> Expr<'e>,
}

impl Settings {
    fn new(hidden: usize) -> Settings {
        Settings { hidden, dropout: 0.1, pre_norm: false, eps: 1e-5, activation: |x| x.relu() }
    }

    /// `x + f(x)`, normalized afterwards, or with `f` of the normalized `x`.
    #[track_caller]
    fn residual<'g>(
        &self,
        x: Expr<'g>,
        norm: &str,
        mode: Mode,
        f: impl FnOnce(Expr<'g>) -> Expr<'g>,
    ) -> Expr<'g> {
        let normalize = LayerNorm::new().eps(self.eps);
        if self.pre_norm {
            return x + dropout(f(normalize.apply(x, norm)), self.dropout, mode);
        }
        normalize.apply(x + dropout(f(x), self.dropout, mode), norm)
    }

    /// The network for each place.
    #[track_caller]
    fn feedforward<'g>(&self, x: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        if let Err(poison) = require_float(path, x) {
            return poison;
        }
        let width = x.shape().last().and_then(|d| d.size()).unwrap_or_default();
        let hidden = (self.activation)(dense(x, &format!("{path}.linear1"), self.hidden));
        dense(dropout(hidden, self.dropout, mode), &format!("{path}.linear2"), width)
    }
}

macro_rules! settings {
    () => {
        /// With another probability of [dropout](crate::nn::dropout) in training: of attention's weights,
        /// of the hidden layer, and of what is added to the sequence.
        pub fn dropout(self, p: f64) -> Self {
            Self { settings: Settings { dropout: p, ..self.settings }, ..self }
        }

        /// Normalizes what goes into attention and network rather than the sums.
        ///
        /// Xiong et al.: "On layer normalization in the transformer architecture", ICML 2020.
        pub fn pre_norm(self) -> Self {
            Self { settings: Settings { pre_norm: true, ..self.settings }, ..self }
        }

        /// With another `ε` of the normalizations.
        pub fn eps(self, eps: f64) -> Self {
            Self { settings: Settings { eps, ..self.settings }, ..self }
        }

        /// With another activation of the network's hidden layer, such as [`nn::gelu`](crate::nn::gelu).
        pub fn activation(self, activation: for<'e> fn(Expr<'e>) -> Expr<'e>) -> Self {
            Self { settings: Settings { activation, ..self.settings }, ..self }
        }
    };
}

/// A transformer's encoder layer: self-attention, then a network of one hidden layer for each place, each
/// added to the sequence, which is normalized after (or before, with [`pre_norm`](Self::pre_norm)).
/// `[…, L, D]` in and out.
///
/// Its parts are [`MultiHeadAttention`] at `{path}.self_attn`, dense layers at `{path}.linear1` and
/// `{path}.linear2`, and [`LayerNorm`] at `{path}.norm1` and `{path}.norm2`. Semantics and defaults are those
/// of PyTorch's `TransformerEncoderLayer` with `batch_first`.
///
/// Vaswani et al.: "Attention is all you need", NeurIPS 2017.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{Mode, TransformerEncoderLayer}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 64, 128));
/// let y = TransformerEncoderLayer::new(4, 512).pre_norm().apply(x, "layer1", Mode::Train);
/// assert_eq!((y.shape(), g.parameters().len()), (x.shape(), 16));
/// ```
#[derive(Clone, Debug)]
pub struct TransformerEncoderLayer<'g> {
    settings: Settings,
    attention: MultiHeadAttention<'g>,
}

impl<'g> TransformerEncoderLayer<'g> {
    /// `heads` heads and a hidden layer of `hidden` units with ReLU; dropout of 0.1.
    pub fn new(heads: usize, hidden: usize) -> Self {
        let attention = MultiHeadAttention::new(heads);
        TransformerEncoderLayer { settings: Settings::new(hidden), attention }
    }

    settings!();

    /// Another attention than the plain one of as many heads: with masks, shared heads, rotary encodings.
    pub fn attention(self, attention: MultiHeadAttention<'g>) -> Self {
        Self { attention, ..self }
    }

    /// Places see themselves and those before them only, as in a language model.
    pub fn causal(self) -> Self {
        Self { attention: self.attention.causal(), ..self }
    }

    /// With a mask of places `[…, L]`; see [`MultiHeadAttention::key_mask`].
    pub fn key_mask(self, mask: Expr<'g>) -> Self {
        Self { attention: self.attention.key_mask(mask), ..self }
    }

    /// The layer at `path`, applied to `x`.
    ///
    /// # Errors
    /// As for [`MultiHeadAttention::apply`].
    #[track_caller]
    pub fn apply(&self, x: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let layer = x.graph().library_layer("transformer encoder", path);
        let s = &self.settings;
        let attention = self.attention.clone().dropout(s.dropout);
        let attend = |x| attention.apply(x, &format!("{path}.self_attn"), mode);
        let x = s.residual(x, &format!("{path}.norm1"), mode, attend);
        layer.output(s.residual(x, &format!("{path}.norm2"), mode, |x| s.feedforward(x, path, mode)))
    }
}

/// A transformer's decoder layer: causal self-attention, attention to the encoder's result, then a network of
/// one hidden layer for each place, each added to the sequence, which is normalized after (or before).
/// `[…, L, D]` in and out, beside a memory `[…, S, D]`.
///
/// Its parts are [`MultiHeadAttention`] at `{path}.self_attn` and `{path}.cross_attn` (PyTorch's
/// `multihead_attn`), dense layers at `{path}.linear1` and `{path}.linear2`, and [`LayerNorm`] at
/// `{path}.norm1` to `{path}.norm3`. Semantics and defaults are those of PyTorch's `TransformerDecoderLayer` with `batch_first`
/// and a causal mask.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{Mode, TransformerDecoderLayer}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 32, 128));
/// let memory = g.input("memory", F32, (Named("B"), 64, 128));
/// let y = TransformerDecoderLayer::new(4, 512).apply(x, memory, "layer1", Mode::Train);
/// assert_eq!((y.shape(), g.parameters().len()), (x.shape(), 26));
/// ```
#[derive(Clone, Debug)]
pub struct TransformerDecoderLayer<'g> {
    settings: Settings,
    attention: MultiHeadAttention<'g>,
    cross: MultiHeadAttention<'g>,
}

impl<'g> TransformerDecoderLayer<'g> {
    /// `heads` heads and a hidden layer of `hidden` units with ReLU; dropout of 0.1.
    pub fn new(heads: usize, hidden: usize) -> Self {
        let attention = MultiHeadAttention::new(heads).causal();
        let cross = MultiHeadAttention::new(heads);
        TransformerDecoderLayer { settings: Settings::new(hidden), attention, cross }
    }

    settings!();

    /// Another self-attention than the causal one of as many heads.
    pub fn attention(self, attention: MultiHeadAttention<'g>) -> Self {
        Self { attention, ..self }
    }

    /// Another attention to the memory than the plain one of as many heads.
    pub fn cross_attention(self, cross: MultiHeadAttention<'g>) -> Self {
        Self { cross, ..self }
    }

    /// With a mask of the memory's places `[…, S]`; see [`MultiHeadAttention::key_mask`].
    pub fn memory_mask(self, mask: Expr<'g>) -> Self {
        Self { cross: self.cross.key_mask(mask), ..self }
    }

    /// The layer at `path`, applied to `x` beside `memory`.
    ///
    /// # Errors
    /// As for [`MultiHeadAttention::cross`].
    #[track_caller]
    pub fn apply(&self, x: Expr<'g>, memory: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let layer = x.graph().library_layer("transformer decoder", path);
        let s = &self.settings;
        let own = self.attention.clone().dropout(s.dropout);
        let cross = self.cross.clone().dropout(s.dropout);
        let attend = |x| own.apply(x, &format!("{path}.self_attn"), mode);
        let x = s.residual(x, &format!("{path}.norm1"), mode, attend);
        let attend = |x| cross.cross(x, memory, memory, &format!("{path}.cross_attn"), mode);
        let x = s.residual(x, &format!("{path}.norm2"), mode, attend);
        layer.output(s.residual(x, &format!("{path}.norm3"), mode, |x| s.feedforward(x, path, mode)))
    }
}
