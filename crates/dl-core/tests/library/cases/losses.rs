//! Losses.

use dl_core::{Named, nn};

use super::{Case, Values, case};

const B: Named = Named("B");
/// Of predictions.
const RANGE: (f64, f64) = (-1.5, 1.5);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("mse", |x| nn::mse(x[0], x[1])).over("x", (B, 3), RANGE).over("t", (B, 3), RANGE),
        case("cross_entropy", |x| nn::cross_entropy(x[0], x[1])).over("x", (B, 5), RANGE).with(
            "y",
            B,
            Values::Labels(5),
        ),
        case("binary_cross_entropy_with_logits", |x| nn::binary_cross_entropy_with_logits(x[0], x[1]))
            .over("x", (B, 3), RANGE)
            .over("t", (B, 3), (0.0, 1.0)),
    ]
}
