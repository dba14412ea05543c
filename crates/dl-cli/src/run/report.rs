//! What is said of a training before it begins and when it has ended.

use std::fmt::Write;

use super::curve::{Curve, curves};
use super::data::Divided;
use super::model::Model;
use super::train::{Round, Trained, number};
use crate::command::Failure;
use dl_report::{Page, Plot};
use dl_train::Source;

/// Elements of a parameter that are printed, at most.
const SHOWN: usize = 8;

/// The derivation, with what a step does.
pub(super) fn beginning(model: &Model, data: Option<&Divided>) -> String {
    let mut text = format!("{}\n\n{}\n", model.described.join("   "), model.derivation.math());
    if let Some(Divided { train, test, .. }) = data {
        let _ = match test {
            None => writeln!(text, "\n{} examples", train.len()),
            Some(test) => writeln!(text, "\n{} examples, {} held out", train.len(), test.len()),
        };
    }
    text.push(' ');
    text
}

/// The curve of the objective, and the parameters.
pub(super) fn end(model: &Model, trained: &Trained) -> Result<String, Failure> {
    let mut text = String::new();
    let Some(name) = model.reported.first() else { return Ok(text) };
    let held_out = format!("held out {name}");
    let of = |values: fn(&Round) -> Option<&f64>| {
        let point = |round: &Round| Some((round.number as f64, *values(round)?));
        trained.rounds.iter().filter_map(point).collect::<Vec<_>>()
    };
    let mut all = vec![Curve { name, sign: '·', points: of(|round| round.train.first()) }];
    let test = of(|round| round.test.first());
    if !test.is_empty() {
        all.push(Curve { name: &held_out, sign: '×', points: test });
    }
    let picture = curves(&all, trained.what);
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
                writeln!(text, "{name}: [{}], from {} to {}", sizes.join(", "), number(low), number(high))
            }
        };
    }
    Ok(text)
}

/// The same as a page: the derivation, and a curve for all that was reported.
pub(super) fn page(title: &str, model: &Model, trained: &Trained) -> Page {
    let mut page = Page::new(title).paragraph(&model.described.join(" · ")).section("Derivation");
    page = page.raw(&format!("<div class=\"wide\">{}</div>", model.derivation.mathml())).section("Curves");
    for (place, name) in model.reported.iter().enumerate() {
        let of = |values: fn(&Round) -> &Vec<f64>| {
            let point = |round: &Round| Some((round.number as f64, *values(round).get(place)?));
            trained.rounds.iter().filter_map(point).collect::<Vec<_>>()
        };
        let (train, test) = (of(|round| &round.train), of(|round| &round.test));
        let values = || train.iter().chain(&test).map(|point| point.1);
        let (low, high) =
            values().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)));
        let mut plot = Plot::new(name).x(trained.what).y(name);
        if low > 0.0 && high / low > 30.0 {
            plot = plot.log_y();
        }
        plot = plot.line("train", train.iter().copied());
        if !test.is_empty() {
            plot = plot.line("held out", test.iter().copied());
        }
        page = page.picture(&plot.picture());
    }
    page
}
