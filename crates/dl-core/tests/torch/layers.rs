//! Normalization, embedding and attention as PyTorch has them: values, gradients by inputs and parameters, and
//! running statistics.

use std::collections::BTreeMap;
use std::str::FromStr;

use dl_core::nn::{
    self, Attention, BatchNorm, Dense, Embedding, GroupNorm, InstanceNorm, LayerNorm, Mode,
    MultiHeadAttention, RmsNorm, SpectralNorm, TransformerDecoderLayer, TransformerEncoderLayer,
};
use dl_core::{Expr, F64};

use super::table::{Formula, Inputs, Table, formula, layers_agree};

/// What stands in a case's name as `key=value`.
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn of(name: &str) -> Settings {
        let pairs = name.split(' ').filter_map(|part| part.split_once('='));
        Settings(pairs.map(|(key, value)| (key.into(), value.into())).collect())
    }

    fn get<T: FromStr>(&self, key: &str) -> Option<T> {
        let text = self.0.get(key)?;
        Some(text.parse().ok().unwrap_or_else(|| panic!("{key} is {text}")))
    }

    fn number<T: FromStr>(&self, key: &str) -> T {
        self.get(key).unwrap_or_else(|| panic!("no {key} in {:?}", self.0))
    }

    fn is(&self, key: &str) -> bool {
        self.number::<u8>(key) == 1
    }

    fn mode(&self) -> Mode {
        if self.is("train") { Mode::Train } else { Mode::Evaluate }
    }
}

#[test]
fn layers_agree_with_pytorch() {
    let text = include_str!("layers.json");
    let table = Table::read(text);
    let formulas: Vec<(&str, Formula)> =
        table.cases.keys().map(|name| (name.as_str(), layer(name, Settings::of(name)))).collect();
    layers_agree(text, &formulas);
}

fn layer(name: &str, s: Settings) -> Formula {
    let kind = name.split('=').next().unwrap().trim_end_matches(" n").to_owned();
    match kind.as_str() {
        "batch_norm twice" => formula(|x| {
            let norm = |x| BatchNorm::new().apply(x, "bn", Mode::Train);
            norm(x["x"]) * norm(x["z"])
        }),
        "batch_norm" => formula(move |x| batch_norm(&s).apply(x["x"], "bn", s.mode())),
        "layer_norm" => formula(move |x| {
            let norm = LayerNorm::new().axes(s.number("axes")).eps(s.number("eps"));
            let norm = if s.is("bias") { norm } else { norm.without_bias() };
            norm.apply(x["x"], "ln")
        }),
        "rms_norm" => formula(move |x| {
            let norm = RmsNorm::new().axes(s.number("axes"));
            s.get("eps").map_or(norm.clone(), |eps| norm.eps(eps)).apply(x["x"], "rms")
        }),
        "group_norm" => {
            formula(move |x| GroupNorm::new(s.number("groups")).eps(s.number("eps")).apply(x["x"], "gn"))
        }
        "instance_norm" => formula(move |x| {
            let norm = InstanceNorm::new();
            let norm = if s.is("affine") { norm.affine() } else { norm };
            let norm = if s.is("tracking") { norm.tracking(s.number("momentum")) } else { norm };
            norm.apply(x["x"], "in", s.mode())
        }),
        "weight_norm" => formula(|x| nn::weight_norm(x["v"], x["g"])),
        "spectral_norm" => formula(move |x| {
            let spectral = SpectralNorm::new().iterations(s.number("iterations"));
            Dense::new(s.number("outputs")).spectral_norm(spectral, s.mode()).apply(x["x"], "fc")
        }),
        "embedding" => formula(move |x| {
            let table = Embedding::new(s.number("words"), s.number("width")).dtype(F64);
            s.get("padding").map_or(table.clone(), |i| table.padding(i)).apply(x["indices"], "words")
        }),
        "attention" => formula(move |x| attention(&s, x)),
        "attention to nothing" => formula(|x| both(&Attention::new().mask(x["mask"]), x)),
        "multi_head" => formula(move |x| multi_head(&s, x)),
        "encoder" => formula(move |x| {
            let layer = TransformerEncoderLayer::new(s.number("heads"), s.number("hidden")).dropout(0.0);
            let layer = if s.is("pre") { layer.pre_norm() } else { layer };
            let layer = if s.is("gelu") { layer.activation(nn::gelu) } else { layer };
            layer.key_mask(x["seen"]).apply(x["x"], "layer", Mode::Train)
        }),
        "decoder" => formula(move |x| {
            let layer = TransformerDecoderLayer::new(s.number("heads"), s.number("hidden")).dropout(0.0);
            let layer = if s.is("pre") { layer.pre_norm() } else { layer };
            let layer = if s.is("gelu") { layer.activation(nn::gelu) } else { layer };
            layer.apply(x["x"], x["memory"], "layer", Mode::Train)
        }),
        other => panic!("no layer for {other:?}"),
    }
}

fn batch_norm(s: &Settings) -> BatchNorm {
    let norm = BatchNorm::new().momentum(s.number("momentum")).eps(s.number("eps"));
    let norm = if s.is("affine") { norm } else { norm.without_affine() };
    let norm = if s.is("cumulative") { norm.cumulative() } else { norm };
    if s.is("tracking") { norm } else { norm.without_tracking() }
}

fn attention<'g>(s: &Settings, x: &Inputs<'g>) -> Expr<'g> {
    let attention = Attention::new();
    let attention = if s.is("causal") { attention.causal() } else { attention };
    let attention = s.get("scale").map_or(attention.clone(), |scale| attention.scale(scale));
    let attention = x.find("mask").map_or(attention.clone(), |mask| attention.mask(mask));
    both(&attention, x)
}

/// The mean of all queries at once and of two at a time, so that both are held to the table.
fn both<'g>(attention: &Attention<'g>, x: &Inputs<'g>) -> Expr<'g> {
    let blocks = attention.clone().queries_at_a_time(2);
    0.5 * attention.apply(x["q"], x["k"], x["v"]) + 0.5 * blocks.apply(x["q"], x["k"], x["v"])
}

fn multi_head<'g>(s: &Settings, x: &Inputs<'g>) -> Expr<'g> {
    let heads = MultiHeadAttention::new(s.number("heads"));
    let heads = if s.is("bias") { heads } else { heads.without_bias() };
    let heads = if s.is("causal") { heads.causal() } else { heads };
    let heads = x.find("seen").map_or(heads.clone(), |seen| heads.key_mask(seen));
    match s.is("own") {
        true => heads.apply(x["x"], "attention", Mode::Train),
        false => heads.cross(x["x"], x["k"], x["v"], "attention", Mode::Train),
    }
}
