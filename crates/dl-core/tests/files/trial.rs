//! One seed of the mutation tests: some mutants of one file, each of them tried.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fuzz::Outcome;
use crate::mutate::{Random, mutated};

/// How many mutants of a file a seed makes.
const MUTANTS: u64 = 32;

/// Tries mutants of one of `texts`; `attempt` reads one, and whatever panics in it is a failure.
pub(crate) fn mutants(texts: &[String], seed: u64, attempt: impl Fn(&str, &mut Random)) -> Outcome {
    let mut random = Random::new(seed);
    let text = random.pick(texts);
    let json = serde_json::from_str(&text).expect("the corpus is JSON");
    let mut outcome = Outcome::default();
    for _ in 0..MUTANTS {
        let mutant = mutated(&text, &json, &mut random);
        outcome.judged += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| attempt(&mutant, &mut random))) {
            outcome.failures.push(format!("{}, from {mutant}", said(&*panic)));
        }
    }
    outcome
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
