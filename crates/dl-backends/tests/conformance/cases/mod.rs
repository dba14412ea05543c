//! The cases, by family of operations.

mod composed;
mod contraction;
mod cumulative;
mod divided;
mod elementwise;
mod indexing;
mod library;
mod movement;
mod reduction;
mod scans;
mod softmax;
mod state;
mod windows;

use crate::case::{Case, check};

/// Sizes at which loops go wrong.
pub(crate) const ODD: [usize; 4] = [0, 1, 7, 33];

/// Every case there is.
pub(crate) fn all() -> Vec<Case> {
    let families: [fn() -> Vec<Case>; 13] = [
        elementwise::cases,
        reduction::cases,
        softmax::cases,
        contraction::cases,
        cumulative::cases,
        movement::cases,
        indexing::cases,
        scans::cases,
        windows::cases,
        state::cases,
        composed::cases,
        divided::cases,
        library::cases,
    ];
    families.into_iter().flat_map(|f| f()).collect()
}

#[test]
fn elementwise_functions() {
    check(&elementwise::cases());
}

#[test]
fn reductions() {
    check(&reduction::cases());
}

#[test]
fn logarithms_of_sums() {
    check(&softmax::cases());
}

#[test]
fn contractions() {
    check(&contraction::cases());
}

#[test]
fn running_sums_and_recurrences() {
    check(&cumulative::cases());
}

#[test]
fn movements() {
    check(&movement::cases());
}

#[test]
fn loops() {
    check(&scans::cases());
}

#[test]
fn indices() {
    check(&indexing::cases());
}

#[test]
fn windows_and_their_transposes() {
    check(&windows::cases());
}

#[test]
fn state_and_updates() {
    check(&state::cases());
}

#[test]
fn composed_programs() {
    check(&composed::cases());
}

#[test]
fn divided_programs() {
    check(&divided::cases());
}

#[test]
fn everything_in_the_library() {
    check(&library::cases());
}
