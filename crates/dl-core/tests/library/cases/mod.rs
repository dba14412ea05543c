//! Everything in `nn`, ready to be checked: one list for derivatives, for LaTeX and for every executor.
//!
//! A case's name begins with the function's.
#![allow(dead_code, unused_imports)] // each binary of tests takes its part

mod activations;
mod case;
pub(crate) mod edges;
pub(crate) mod elementwise;
mod images;
mod layers;
mod losses;
mod penalties;
mod stable;

pub(crate) use case::{Argument, Case, Scene, Values, case, draw, sizes};

/// The cases of one area.
pub(crate) type Area = (&'static str, fn() -> Vec<Case>);

/// By area, each in the file of its name.
pub(crate) const AREAS: &[Area] = &[
    ("activations", activations::cases),
    ("images", images::cases),
    ("layers", layers::cases),
    ("losses", losses::cases),
    ("penalties", penalties::cases),
    ("stable", stable::cases),
];

/// Every case there is.
pub(crate) fn all() -> Vec<Case> {
    AREAS.iter().flat_map(|(_, cases)| cases()).collect()
}
