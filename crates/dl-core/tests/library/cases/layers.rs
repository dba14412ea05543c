//! Layers.

use dl_core::Named;
use dl_core::nn::{self, Mode};

use super::{Case, case};

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
    ]
}
