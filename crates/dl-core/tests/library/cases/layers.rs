//! Layers.

use dl_core::Named;
use dl_core::nn::{self, Given, Mode, Recurrent};

use super::{Case, Values, case};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("dense", |x| nn::dense(x[0], "fc", 2)).over("x", (B, 3), (-1.5, 1.5)),
        case("dropout", |x| nn::dropout(x[0], 0.25, Mode::Train)).over("x", (B, 7), (-1.5, 1.5)),
        case("spatial_dropout", |x| nn::spatial_dropout(x[0], 0.25, 1, Mode::Train)).over(
            "x",
            (B, 3, 5),
            (-1.5, 1.5),
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
