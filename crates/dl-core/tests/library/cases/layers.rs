//! Layers.

use dl_core::Named;
use dl_core::nn::{self, Given, Mode, Recurrent};

use super::{Case, Values, case};

const B: Named = Named("B");
const AROUND_ZERO: (f64, f64) = (-1.5, 1.5);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("dense", |x| nn::dense(x[0], "fc", 2)).over("x", (B, 3), AROUND_ZERO),
        case("dropout", |x| nn::dropout(x[0], 0.25, Mode::Train)).over("x", (B, 7), AROUND_ZERO),
        case("spatial_dropout", |x| nn::spatial_dropout(x[0], 0.25, 1, Mode::Train)).over(
            "x",
            (B, 3, 5),
            AROUND_ZERO,
        ),
        case("Embedding", |x| nn::Embedding::new(5, 3).dtype(x[1].dtype()).apply(x[0], "words") * x[1])
            .with("indices", (B, 2), Values::Labels(5))
            .over("x", [3], AROUND_ZERO),
        case("Embedding with padding", |x| {
            nn::Embedding::new(3, 2).dtype(x[1].dtype()).padding(1).apply(x[0], "words") * x[1]
        })
        .with("indices", [4], Values::Indices(&[0, 1, 2, 1]))
        .over("x", [2], AROUND_ZERO),
    ];
    cases.extend(norms());
    cases.extend(attention());
    cases
}

fn norms() -> Vec<Case> {
    vec![
        case("BatchNorm", |x| nn::BatchNorm::new().apply(x[0], "bn", Mode::Train)).over(
            "x",
            (B, 3),
            AROUND_ZERO,
        ),
        case("BatchNorm of images", |x| nn::BatchNorm::new().cumulative().apply(x[0], "bn", Mode::Train))
            .over("x", (B, 2, 3, 2), AROUND_ZERO),
        case("BatchNorm in evaluation", |x| nn::BatchNorm::new().apply(x[0], "bn", Mode::Evaluate)).over(
            "x",
            (B, 2, 3),
            AROUND_ZERO,
        ),
        case("LayerNorm", |x| nn::LayerNorm::new().apply(x[0], "ln")).over("x", (B, 2, 5), AROUND_ZERO),
        case("LayerNorm of two axes", |x| nn::LayerNorm::new().axes(2).without_bias().apply(x[0], "ln"))
            .over("x", (B, 2, 3), AROUND_ZERO),
        case("RmsNorm", |x| nn::RmsNorm::new().apply(x[0], "rms")).over("x", (B, 5), AROUND_ZERO),
        case("GroupNorm", |x| nn::GroupNorm::new(2).apply(x[0], "gn")).over("x", (B, 3, 4), AROUND_ZERO),
        case("GroupNorm without places", |x| nn::GroupNorm::new(2).without_affine().apply(x[0], "gn")).over(
            "x",
            (B, 6),
            AROUND_ZERO,
        ),
        case("InstanceNorm", |x| nn::InstanceNorm::new().affine().apply(x[0], "in", Mode::Train)).over(
            "x",
            (B, 5, 2),
            AROUND_ZERO,
        ),
        case("InstanceNorm with statistics", |x| {
            let norm = nn::InstanceNorm::new().affine().tracking(0.1);
            norm.apply(x[0], "in", Mode::Evaluate) + norm.apply(x[0], "in", Mode::Train)
        })
        .over("x", (B, 3, 2), AROUND_ZERO),
        case("weight_norm", |x| nn::weight_norm(x[0], x[1])).over("v", [3, 2], (0.2, 1.5)).over(
            "g",
            [2],
            AROUND_ZERO,
        ),
        case("Dense with a normalized weight", |x| nn::Dense::new(2).weight_norm().apply(x[0], "fc")).over(
            "x",
            (B, 3),
            AROUND_ZERO,
        ),
        case("SpectralNorm", |x| nn::SpectralNorm::new().apply(x[0], "fc", Mode::Evaluate)).over(
            "w",
            [3, 2],
            (0.5, 1.5),
        ),
        case("rnn", |x| nn::rnn(x[0], "rnn", 2)).over("x", (B, 3, 2), (-1.5, 1.5)),
        case("lstm", |x| nn::lstm(x[0], "lstm", 2)).over("x", (B, 3, 2), (-1.5, 1.5)),
        case("gru", |x| nn::gru(x[0], "gru", 2)).over("x", (B, 3, 2), (-1.5, 1.5)),
        case("lstm, stacked, both directions, ragged", |x| {
            let layer = Recurrent::lstm(2).layers(2).bidirectional();
            let given = Given { lengths: Some(x[1]), ..Given::default() };
            layer.apply_to(x[0], "lstm", Mode::Evaluate, given).outputs
        })
        .over("x", (B, 3, 2), (-1.5, 1.5))
        .with("lengths", B, Values::Indices(&[2, 3, 1, 3])),
        case("gru, checkpointed", |x| {
            let run = Recurrent::gru(2).checkpointed().apply(x[0], "gru", Mode::Evaluate);
            run.outputs.sum(1) * run.hidden[0]
        })
        .over("x", (B, 5, 2), (-1.5, 1.5)),
    ]
}

fn attention() -> Vec<Case> {
    let sequences = |case: Case| {
        case.over("q", (B, 3, 2), AROUND_ZERO).over("k", (B, 4, 2), AROUND_ZERO).over(
            "v",
            (B, 4, 3),
            AROUND_ZERO,
        )
    };
    vec![
        case("sinusoidal", |x| x[0] * nn::sinusoidal(x[0])).over("x", (B, 3, 5), AROUND_ZERO),
        case("Rotary", |x| nn::Rotary::new().apply(x[0])).over("x", (B, 3, 4), AROUND_ZERO),
        case("Rotary by halves", |x| nn::Rotary::new().base(100.0).halves().apply(x[0])).over(
            "x",
            (B, 3, 4),
            AROUND_ZERO,
        ),
        sequences(case("Attention", |x| nn::Attention::new().apply(x[0], x[1], x[2]))),
        sequences(case("Attention, causal", |x| nn::Attention::new().causal().apply(x[0], x[1], x[2]))),
        sequences(case("Attention with masks", |x| {
            nn::Attention::new().mask(x[3]).mask(x[4]).scale(0.5).apply(x[0], x[1], x[2])
        }))
        .with("mask", [3, 4], Values::These(&[0.0, 1.0, -0.5, 0.0, 0.0, -1.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]))
        .with("seen", (B, 1, 4), Values::Mask),
        sequences(case("Attention to nothing", |x| nn::Attention::new().mask(x[3]).apply(x[0], x[1], x[2])))
            .with("mask", [3, 1], Values::These(&[0.0, f64::NEG_INFINITY, 1.0])),
        case("Attention of shared heads", |x| nn::Attention::new().causal().apply(x[0], x[1], x[2]))
            .over("q", (B, 4, 2, 2), AROUND_ZERO)
            .over("k", (B, 2, 2, 2), AROUND_ZERO)
            .over("v", (B, 2, 2, 2), AROUND_ZERO),
        case("MultiHeadAttention", |x| {
            let attention = nn::MultiHeadAttention::new(2).key_mask(x[1]).rotary(nn::Rotary::new());
            attention.apply(x[0], "attention", Mode::Evaluate)
        })
        .over("x", (2, 3, 4), AROUND_ZERO)
        .with("seen", (2, 3), Values::Mask),
        case("MultiHeadAttention to another sequence", |x| {
            let attention = nn::MultiHeadAttention::new(2).shared(1).dropout(0.25);
            attention.cross(x[0], x[1], x[1], "attention", Mode::Train)
        })
        .over("x", (2, 2, 4), AROUND_ZERO)
        .over("memory", (2, 3, 3), AROUND_ZERO),
        case("TransformerEncoderLayer", |x| {
            let layer = nn::TransformerEncoderLayer::new(2, 3).activation(nn::gelu);
            layer.apply(x[0], "layer", Mode::Train)
        })
        .over("x", (2, 2, 4), AROUND_ZERO),
        case("TransformerDecoderLayer", |x| {
            let layer = nn::TransformerDecoderLayer::new(1, 3).pre_norm().activation(nn::silu);
            layer.apply(x[0], x[1], "layer", Mode::Evaluate)
        })
        .over("x", (2, 2, 2), AROUND_ZERO)
        .over("memory", (2, 3, 2), AROUND_ZERO),
    ]
}
