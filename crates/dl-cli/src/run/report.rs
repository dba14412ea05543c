//! What is said of a training before it begins and when it has ended.

use std::fmt::Write;

use super::curve::{Curve, curves};
use super::data::Divided;
use super::model::Model;
use super::train::{Round, Trained, number};
use crate::command::Failure;
use dl_report::{Language, Page, Plot};
use dl_train::Source;

/// Elements of a parameter that are printed, at most.
const SHOWN: usize = 8;

/// The derivation, with what a step does.
pub(super) fn beginning(model: &Model, data: Option<&Divided>, language: Language) -> String {
    let mut text = format!("{}\n\n{}\n", model.described.join("   "), model.derivation.math());
    if let Some(Divided { train, test, .. }) = data {
        let (count, held_out) = (train.len(), test.as_ref().map(|test| test.len()));
        let _ = match (language, held_out) {
            (Language::English, None) => writeln!(text, "\n{count} examples"),
            (Language::English, Some(held_out)) => writeln!(text, "\n{count} examples, {held_out} held out"),
            (Language::Chinese, None) => writeln!(text, "\n{count} 个样本"),
            (Language::Chinese, Some(held_out)) => writeln!(text, "\n{count} 个样本，留出 {held_out} 个"),
        };
    }
    text.push(' ');
    text
}

/// The curve of the objective, and the parameters.
pub(super) fn end(model: &Model, trained: &Trained, language: Language) -> Result<String, Failure> {
    let mut text = String::new();
    let Some(name) = model.reported.first() else { return Ok(text) };
    let held_out = language.pick("held out ", "留出 ").to_owned() + name;
    let of = |values: fn(&Round) -> Option<&f64>| {
        let point = |round: &Round| Some((round.number as f64, *values(round)?));
        trained.rounds.iter().filter_map(point).collect::<Vec<_>>()
    };
    let mut all = vec![Curve { name, sign: '·', points: of(|round| round.train.first()) }];
    let test = of(|round| round.test.first());
    if !test.is_empty() {
        all.push(Curve { name: &held_out, sign: '×', points: test });
    }
    let picture = curves(&all, trained.unit, language);
    if !picture.is_empty() {
        let _ = writeln!(text, "\n{picture}");
    }
    for name in &model.parameters {
        let value = trained.session.get(name).map_err(|e| Failure::other(e.to_string()))?;
        let values = value.to_f64();
        let shown: Vec<String> = values.iter().map(|x| number(*x)).collect();
        let _ = match (value.shape(), values.len()) {
            ([], _) => writeln!(text, "{name} = {}", shown.join("")),
            ([_], 0..=SHOWN) => writeln!(text, "{name} = [{}]", shown.join(", ")),
            (shape, _) => {
                let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
                let (low, high) = values
                    .iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
                let (sizes, low, high) = (sizes.join(", "), number(low), number(high));
                match language {
                    Language::English => writeln!(text, "{name}: [{sizes}], from {low} to {high}"),
                    Language::Chinese => writeln!(text, "{name}: [{sizes}]，从 {low} 到 {high}"),
                }
            }
        };
    }
    Ok(text)
}

/// The same as a page: the derivation, and a curve for all that was reported.
pub(super) fn page(title: &str, model: &Model, trained: &Trained, language: Language) -> Page {
    let mut page = Page::new(title).language(language).paragraph(&model.described.join(" · "));
    page = page.section(language.pick("Derivation", "推导"));
    page = page.raw(&format!("<div class=\"wide\">{}</div>", model.derivation.mathml()));
    page = page.section(language.pick("Curves", "曲线"));
    for (place, name) in model.reported.iter().enumerate() {
        let of = |values: fn(&Round) -> &Vec<f64>| {
            let point = |round: &Round| Some((round.number as f64, *values(round).get(place)?));
            trained.rounds.iter().filter_map(point).collect::<Vec<_>>()
        };
        let (train, test) = (of(|round| &round.train), of(|round| &round.test));
        let values = || train.iter().chain(&test).map(|point| point.1);
        let (low, high) =
            values().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
        let mut plot = Plot::new(name).x(trained.unit.many(language)).y(name);
        if low > 0.0 && high / low > 30.0 {
            plot = plot.log_y();
        }
        plot = plot.line(language.pick("train", "训练"), train.iter().copied());
        if !test.is_empty() {
            plot = plot.line(language.pick("held out", "留出"), test.iter().copied());
        }
        page = page.picture(&plot.picture());
    }
    page
}
