//! Layers that do not fit what they are applied to.

use dl_core::nn::{
    self, Attention, BatchNorm, Dense, Embedding, GroupNorm, InstanceNorm, LayerNorm, Mode,
    MultiHeadAttention, RmsNorm, Rotary, SpectralNorm, TransformerDecoderLayer, TransformerEncoderLayer,
};
use dl_core::{Bool, Expr, F32, F64, Graph, I64, Init, Named};

use crate::refused;

const B: Named = Named("B");
const T: Named = Named("T");

/// `make` of a sequence `[B, 5, 6]`, which stands on the line of the call, is refused with `says`.
#[track_caller]
fn check(says: &str, make: impl for<'g> FnOnce(&'g Graph, Expr<'g>) -> Expr<'g>) {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 5, 6));
    let at = std::panic::Location::caller();
    let poison = make(&g, x);
    refused(&g, at.file(), at.line(), &[says]);
    assert_eq!(poison.to_string(), "(poison)");
}

#[test]
#[rustfmt::skip] // each mistake on the line of its check
fn normalization() {
    check("group_norm n of [B, 5, 6]: 6 channels do not make 4 groups", |_, x| GroupNorm::new(4).apply(x, "n"));
    check("6 channels do not make 0 groups", |_, x| GroupNorm::new(0).apply(x, "n"));
    check("batch_norm n of [6]: at least 2 axes are needed", |_, x| BatchNorm::new().apply(x.sum([0, 1]), "n", Mode::Train));
    check("batch_norm n of [6, 5, B]: a last axis of known size is needed", |_, x| BatchNorm::new().apply(x.permute(&[2, 1, 0]), "n", Mode::Train));
    check("batch_norm n of [1, 6] in training: more than one value", |_, x| BatchNorm::new().apply(x.sum([0, 1]).unsqueeze(0), "n", Mode::Train));
    check("batch_norm n with momentum 1.5: a number in [0, 1] is needed", |_, x| BatchNorm::new().momentum(1.5).apply(x, "n", Mode::Train));
    check("batch_norm n with eps -1: at least 0 is needed", |_, x| BatchNorm::new().eps(-1.0).apply(x, "n", Mode::Evaluate));
    check("batch_norm n needs a float", |g, _| BatchNorm::new().apply(g.input("n", I64, (B, 3)), "n", Mode::Train));
    check("instance_norm n of [B, 6]: at least 3 axes are needed", |_, x| InstanceNorm::new().apply(x.sum(1), "n", Mode::Train));
    check("instance_norm n of [B, 1, 6] in training: more than one place is needed", |_, x| InstanceNorm::new().apply(x.slice(1, 0, 1), "n", Mode::Train));
    check("layer_norm n over no axis", |_, x| LayerNorm::new().axes(0).apply(x, "n"));
    check("layer_norm n of [B, 5, 6]: 3 last axes of known size are needed", |_, x| LayerNorm::new().axes(3).apply(x, "n"));
    check("rms_norm n of [B, 5, 6]: at least 4 axes are needed", |_, x| RmsNorm::new().axes(4).apply(x, "n"));
    check("weight_norm of f32 [5, 6] and f32 [5]", |_, x| nn::weight_norm(x.sum(0), x.sum([0, 2])));
    check("spectral_norm n of [6]: two axes or more", |_, x| SpectralNorm::new().apply(x.sum([0, 1]), "n", Mode::Train));
    check("spectral_norm n with 0 iterations", |_, x| SpectralNorm::new().iterations(0).apply(x.sum(0), "n", Mode::Train));
    check("parameter fc.u is declared as", |g, x| { g.state("fc.u", F32, [9], Init::Zeros); Dense::new(2).spectral_norm(SpectralNorm::new(), Mode::Evaluate).apply(x, "fc") });
}

#[test]
#[rustfmt::skip]
fn embedding_and_positions() {
    check("embedding e of f32 [B, 5, 6]: i64 is needed", |_, x| Embedding::new(3, 2).apply(x, "e"));
    check("embedding e with padding 3: there are 3 words", |g, _| Embedding::new(3, 2).padding(3).apply(g.input("i", I64, B), "e"));
    check("embedding e with elements of bool", |g, _| Embedding::new(3, 2).dtype(Bool).apply(g.input("i", I64, B), "e"));
    check("rotary of [B, 5, 5]: 5 elements are no pairs", |_, x| Rotary::new().apply(x.slice(2, 0, 5)));
    check("rotary with base 0: more than 0 is needed", |_, x| Rotary::new().base(0.0).apply(x));
    check("flatten of a scalar: a first axis is needed", |_, x| nn::flatten(x.sum(..)));
    check("sinusoidal of [6]", |_, x| nn::sinusoidal(x.sum([0, 1])));
}

#[test]
#[rustfmt::skip]
fn attention() {
    let plain = Attention::new;
    check("keys [B, 5, 5] and values [B, 5, 6]: the last axes of queries and keys differ", move |_, x| plain().apply(x, x.slice(2, 0, 5), x));
    check("every key needs a value", move |_, x| plain().apply(x, x, x.slice(1, 0, 4)));
    check("the axes before the places differ", move |g, x| { let k = g.input("k", F32, (2, 5, 6)); plain().apply(x, k, k) });
    check("the same element type and number of axes is needed", move |_, x| plain().apply(x, x.cast(F64), x));
    check("the same element type and number of axes is needed", move |_, x| plain().apply(x, x.sum(0), x));
    check("attention with a mask bool [4]: bool or f32, and a shape that broadcasts to the products [B, 5, 5]", move |g, x| plain().mask(g.input("m", Bool, 4)).apply(x, x, x));
    check("attention with a mask i64 [5, 5]", move |g, x| plain().mask(g.input("m", I64, [5, 5])).weights(x, x));
    check("a mask bool [2, B, 5, 5]", move |g, x| plain().mask(g.input("m", Bool, (2, B, 5, 5))).apply(x, x, x));
    check("dropout with p = 1.5", move |_, x| plain().dropout(1.5, Mode::Train).apply(x, x, x));
    check("attention of 0 queries at a time: one at least is needed", move |_, x| plain().queries_at_a_time(0).apply(x, x, x));
    check("map over blocks of 2 along axis 1 of [B, T, 6]: 2 does not divide T", move |g, _| { let x = g.input("y", F32, (B, T, 6)); plain().queries_at_a_time(2).apply(x, x, x) });
    check("attention a of [B, 5, 6]: 4 heads do not divide 6", |_, x| MultiHeadAttention::new(4).apply(x, "a", Mode::Train));
    check("attention a of [B, 5, 6]: 0 heads do not divide 6", |_, x| MultiHeadAttention::new(0).apply(x, "a", Mode::Train));
    check("attention a: 3 heads cannot share 2 of keys and values", |_, x| MultiHeadAttention::new(3).shared(2).apply(x, "a", Mode::Train));
    check("attention a with a mask of keys [B, 6]: [B, 5] is needed", |g, x| MultiHeadAttention::new(3).key_mask(g.input("m", Bool, (B, 6))).apply(x, "a", Mode::Train));
    check("attention a of [B, 6, T]: [..., L, D] with D of known size", |g, _| MultiHeadAttention::new(3).apply(g.input("y", F32, (B, 6, T)), "a", Mode::Train));
    check("attention l.self_attn of [B, 5, 6]: 4 heads do not divide 6", |_, x| TransformerEncoderLayer::new(4, 8).apply(x, "l", Mode::Train));
    check("the axes before the places differ", |g, x| TransformerDecoderLayer::new(2, 8).apply(x, g.input("m", F32, (3, 5, 6)), "l", Mode::Train));
}
