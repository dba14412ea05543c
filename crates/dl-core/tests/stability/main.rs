//! Formulas as textbooks write them, in value and in gradient, against hundreds of digits.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

#[path = "../precision/mod.rs"]
mod precision;

mod class;
mod corpus;
mod fuzz;
mod judge;
mod kinks;
mod limits;

mod exponentials;
mod formulas;
mod likelihood;
mod logistic;
mod norms;
mod random;
mod rows;
mod statistics;

#[test]
fn logistic_functions_and_their_logarithms() {
    judge::all(logistic::CLASSES, judge::REFERENCES);
}

#[test]
fn differences_from_one_and_sums_of_exponentials() {
    judge::all(exponentials::CLASSES, judge::REFERENCES);
}

#[test]
fn sums_of_exponentials_along_axes() {
    judge::all(rows::CLASSES, judge::REFERENCES);
}

#[test]
fn losses_from_probabilities() {
    judge::all(likelihood::CLASSES, judge::REFERENCES);
}

#[test]
fn norms_and_roots() {
    judge::all(norms::CLASSES, judge::REFERENCES);
}

#[test]
fn variances_and_products() {
    judge::all(statistics::CLASSES, judge::REFERENCES);
}
