//! What is said of a training before it begins and when it has ended.

use std::fmt::Write;

use super::curve::{Curve, curves};
use super::data::Divided;
use super::model::Model;
use super::train::{Trained, number};
use crate::command::Failure;
use dl_train::Source;

/// Elements of a parameter that are printed, at most.
const SHOWN: usize = 8;

/// The derivation, with what a step does.
pub(super) fn beginning(model: &Model, data: Option<&Divided>) -> String {
    let mut text = format!("{}\n\n{}\n", model.described.join("   "), model.derivation.math());
    if let Some(Divided { train, test }) = data {
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
    let of = |values: fn(&super::train::Round) -> Option<&f64>| {
        let point = |round: &super::train::Round| Some((round.number as f64, *values(round)?));
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
