//! Formulas as people write them, none of which a rule was written for, scored as they are compiled.
//!
//! Each is the loss, density or activation of some paper or public code, in the naive spelling, at points
//! of which some are hard. What it means is its own spelling computed with hundreds of digits. A point is
//! right where every element of the value (of every gradient) is within a few roundings times its
//! condition. `score.txt` says how many points of each formula are right; that number only goes up.
//! A third of the formulas is held out: nobody looks at those while rules are made, only at their score.

mod entry;
mod said;
mod score;

mod cancellation;
mod contrastive;
mod counts;
mod densities;
mod gradients;
mod held_first;
mod held_second;
mod kinks;
mod ordinal;
mod powers;
mod ratios;
mod scale;
mod tails;

use self::entry::Entry;

/// The formulas that rules may be made for.
fn open() -> impl Iterator<Item = &'static Entry> {
    [
        densities::ENTRIES,
        counts::ENTRIES,
        contrastive::ENTRIES,
        ratios::ENTRIES,
        ordinal::ENTRIES,
        tails::ENTRIES,
        powers::ENTRIES,
        scale::ENTRIES,
        cancellation::ENTRIES,
        kinks::ENTRIES,
        gradients::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

/// The formulas that are held out.
fn held() -> impl Iterator<Item = &'static Entry> {
    [held_first::ENTRIES, held_second::ENTRIES].into_iter().flatten()
}

#[test]
fn formulas_from_elsewhere_keep_their_score() {
    score::keeps("score.txt", open(), true);
}

#[test]
fn formulas_that_are_off_are_doubted() {
    said::holds(open());
}

#[test]
fn formulas_that_are_held_out_keep_their_score() {
    score::keeps("held.txt", held(), std::env::var_os("DL_CORPUS_SHOW").is_some());
}
