//! Recurrent layers as PyTorch has them: outputs, last states, and gradients by everything.

use dl_core::Expr;
use dl_core::nn::{Given, Mode, Recurrent};

use super::table::{Formula, Table, agree, formula};

#[test]
fn recurrent_layers_agree_with_pytorch() {
    let text = include_str!("recurrent.json");
    let table = Table::read(text);
    let of = |name: &String| (name.clone(), by_name(name));
    agree(text, &table.cases.keys().map(of).collect::<Vec<(String, Formula)>>());
}

/// The layer that a case is named after.
fn by_name(name: &str) -> Formula {
    let words: Vec<String> = name.split(' ').map(String::from).collect();
    let number = |key: &str| -> usize {
        let word = words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
        word.and_then(|n| n.parse().ok()).unwrap()
    };
    let mut layer = match words[0].as_str() {
        "rnn" => Recurrent::rnn(number("hidden")),
        "relu" => Recurrent::rnn(number("hidden")).relu(),
        "lstm" => Recurrent::lstm(number("hidden")),
        _ => Recurrent::gru(number("hidden")),
    };
    layer = layer.layers(number("layers"));
    let says = move |word: &str| words.iter().any(|w| w == word);
    if says("bidirectional") {
        layer = layer.bidirectional();
    }
    if says("unbiased") {
        layer = layer.without_bias();
    }
    formula(move |x| {
        let one_by_one = |name: &str| -> Vec<Expr<'_>> {
            let all = x[name];
            let count = all.shape()[0].size().unwrap_or(0);
            let shape = all.shape().without(&[0]);
            (0..count).map(|k| all.slice(0, k, k + 1).reshape(&shape)).collect()
        };
        let hidden = if says("states") { one_by_one("h") } else { vec![] };
        let cells = if says("states") && says("lstm") { one_by_one("c") } else { vec![] };
        let lengths = says("lengths").then(|| x["lengths"]);
        let given = Given { hidden: &hidden, cells: &cells, lengths };
        let run = layer.apply_to(x["x"], "p", Mode::Evaluate, given);
        let results = std::iter::once(&run.outputs).chain(&run.hidden).chain(&run.cells);
        let flat: Vec<Expr<'_>> = results.map(|e| e.reshape([e.shape().elements()])).collect();
        x["x"].graph().concat(0, &flat)
    })
}
