//! Layers.

use dl_core::{Named, nn};

use super::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    vec![case("dense", |x| nn::dense(x[0], "fc", 2)).over("x", (Named("B"), 3), (-1.5, 1.5))]
}
