//! Random programs, with gradients and updates, in `f64` and `f32`: whatever is composed, as it is
//! written and rewritten, executors and interpreter agree.
//!
//! Every seed makes one program ([`recipe`]). The interpreter runs it as it was written; then every
//! value is moved a little, several times over, and what that makes of a result is its condition
//! ([`condition`]). A result may be off by so much, and is not judged where it is ill conditioned or
//! beside a jump. `cargo xtask fuzz` runs many more than a test does.

#[path = "../../../dl-core/tests/stability/fuzz.rs"]
#[allow(clippy::print_stdout)] // a test may
mod fuzz;

mod build;
mod condition;
mod recipe;

use std::cell::{Cell, RefCell};

use dl_backends::{Executor, Session};
use dl_core::{DType, F32, F64, Program, Tensor, TensorRef};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::build::{Build, Point};
use self::condition::{Condition, condition};
use self::fuzz::Outcome;
use self::recipe::{Recipe, recipes};
use crate::executors::executors;

/// The seed of random numbers in the programs, and the step that is judged: the second run, which
/// finds state of the first that should not be there.
const RUN: (u64, u64) = (7, 1);

/// Units in the last place that a result may be off, of what moving every value by one unit makes of
/// it, of itself, and of 1, about which numbers stand inside one pick. In `f32` the second is 1e-5.
const ENVELOPE: (f64, f64, f64) = (250.0, 84.0, 64.0);

/// Results with a larger envelope, relative to themselves or to a hundredth, are ill conditioned.
const WIDEST: f64 = 1e-3;

#[test]
fn executors_agree_with_the_interpreter() {
    agree("programs", 120, 8);
}

/// The same for so few programs of up to so many rows and columns.
pub(crate) fn agree(what: &str, few: u64, most: usize) {
    fuzz::run(what, few, |seed| {
        let (judged, source) = (Cell::new(0), RefCell::new(String::new()));
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: 300,
            ..ProptestConfig::default()
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key));
        let verdict = runner.run(&recipes(most), |recipe| {
            let found = judge(&recipe).map_err(|e| TestCaseError::fail(e.to_string()))?;
            judged.set(judged.get() + found.judged);
            if found.failures.is_empty() {
                return Ok(());
            }
            source.replace(found.formula);
            Err(TestCaseError::fail(found.failures.join("\n  ")))
        });
        let failures = match verdict {
            Ok(()) => vec![],
            Err(TestError::Fail(why, recipe)) => {
                vec![format!("{recipe:?}: {}", source.take()), why.to_string()]
            }
            Err(other) => vec![other.to_string()],
        };
        Outcome { judged: judged.get(), failures }
    });
}

/// What came of one program.
struct Found {
    judged: u64,
    failures: Vec<String>,
    formula: String,
}

fn judge(recipe: &Recipe) -> Result<Found, Box<dyn std::error::Error>> {
    let raw = Build::new(recipe, F64).compile(false)?;
    let rewritten = Build::new(recipe, F64).compile(true)?;
    let point = Point::new(recipe);
    let wanted = condition(recipe, &raw, &point)?;
    let mut found = Found { judged: 0, failures: vec![], formula: raw.formula };
    found.add("interpreter", F64, "rewritten", &wanted, &point.interpret(&rewritten.program, F64)?);
    for dtype in [F64, F32] {
        let mut wanted = wanted.clone();
        for (how, rewriting) in [("as written", false), ("rewritten", true)] {
            let program = Build::new(recipe, dtype).compile(rewriting)?.program;
            let mut runs = vec![];
            for executor in executors().into_iter().filter(|e| e.supports(dtype)) {
                let name = executor.name();
                runs.push((name, execute(executor, &program, &point, dtype)?));
            }
            if dtype == F32 && !rewriting {
                drop_singular(&mut wanted, &runs);
            }
            for (name, got) in &runs {
                found.add(name, dtype, how, &wanted, got);
            }
        }
    }
    Ok(found)
}

/// Where rounding alone leads to a singularity (`-1 + tanh(9)` is 0, and the root of that has no
/// derivative), the formula as it was written has no value on any executor: no element to judge.
fn drop_singular(wanted: &mut [Condition], runs: &[(&str, Vec<(String, Tensor)>)]) {
    for Condition { name, elements } in wanted {
        // The interpreter of schedules rounds nothing.
        let all: Vec<Vec<f64>> = runs
            .iter()
            .filter(|(executor, _)| *executor != "schedule")
            .flat_map(|(_, got)| got)
            .filter(|(n, _)| n == name)
            .map(|(_, t)| t.to_f64())
            .collect();
        for (i, (_, change)) in elements.iter_mut().enumerate() {
            if all.iter().all(|values| values.get(i).is_some_and(|x| x.is_nan())) {
                *change = f64::NAN;
            }
        }
    }
}

/// Outputs and updated parameters of the second run, by name.
fn execute(
    executor: Box<dyn Executor>,
    program: &Program,
    point: &Point,
    dtype: DType,
) -> Result<Vec<(String, Tensor)>, Box<dyn std::error::Error>> {
    let mut session = Session::boxed(executor, RUN.0);
    let handle = session.compile(program)?;
    let tensors = point.inputs(program, dtype);
    let inputs: Vec<(&str, TensorRef<'_>)> = tensors.iter().map(|(n, t)| (n.as_str(), t.view())).collect();
    let mut values = vec![];
    for _ in 0..=RUN.1 {
        for (name, value) in point.parameters(program, dtype) {
            session.set(&name, &value)?;
        }
        let outputs = session.run_named(&handle, &inputs)?;
        values.clear();
        for output in program.outputs() {
            values.push((output.name.to_string(), outputs.read(&output.name)?));
        }
    }
    for update in program.updates() {
        values.push((update.parameter.to_string(), session.get(&update.parameter)?));
    }
    Ok(values)
}

impl Found {
    /// Judges the results of one run.
    fn add(&mut self, who: &str, dtype: DType, how: &str, wanted: &[Condition], got: &[(String, Tensor)]) {
        for wanted in wanted {
            let Some((_, got)) = got.iter().find(|(name, _)| *name == wanted.name) else {
                self.failures.push(format!("{who} in {dtype}, {how}: no {}", wanted.name));
                continue;
            };
            let (got, epsilon) = (got.to_f64(), epsilon(dtype));
            for (i, (want, change)) in wanted.elements.iter().enumerate() {
                let envelope = epsilon * (ENVELOPE.0 * change + ENVELOPE.1 * want.abs() + ENVELOPE.2);
                let sound = want.abs() < 1e30 && envelope <= WIDEST * want.abs().max(0.01);
                self.judged += u64::from(sound);
                let off = (got[i] - want).abs();
                if sound && (off.is_nan() || off > envelope) {
                    let name = &wanted.name;
                    self.failures.push(format!(
                        "{who} in {dtype}, {how}: {name}[{i}] is {:e}, not {want:e} (off by {off:.1e}, allowed {envelope:.1e})",
                        got[i]
                    ));
                    break;
                }
            }
        }
    }
}

fn epsilon(dtype: DType) -> f64 {
    if dtype == F32 { f64::from(f32::EPSILON) } else { f64::EPSILON }
}
