//! Many random graphs, one for each seed: a few and always the same, unless `cargo xtask fuzz` asks for more.
//!
//! It asks by the environment: `DL_FUZZ_CASES` is how many seeds, `DL_FUZZ_SEED` the first of them,
//! and to the file `DL_FUZZ_REPORT` each test adds a line of what it did:
//! graphs, values judged, seconds, what they are.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// What came of one graph.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many values could be judged.
    pub(crate) judged: u64,
    /// Every value that is off, with the formula.
    pub(crate) failures: Vec<String>,
}

/// What is known to fail, with the reason; each is printed whenever it comes up.
const KNOWN: &[(&str, u64, &str)] = &[
    (
        "formulas of numbers",
        2225,
        "min(exp(2y), softplus(y)): the branch not taken overflows in f32, and its derivative is inf times 0",
    ),
    (
        "formulas of numbers",
        51243,
        "exp(log1p(x - 1)): its derivative as written divides one rounding of x by the same one",
    ),
    ("formulas of arrays", 6332, "x^-0.5 at -0 is inf, 1/sqrt(x) is -inf: the sign of a zero is rounding"),
    (
        "programs",
        20845,
        "a variance that is 0 but for rounding is 0 rewritten, where its root has no derivative",
    ),
    ("programs", 24187, "rows that are all equal, compared with their mean: rounding decides"),
    ("programs", 25615, "a is compared for equality with (ab + 2a - ab)/2: rounding decides"),
    ("programs", 25663, "the root of a difference that f32 rounds to 0, where it has no derivative"),
    ("programs", 101300, "tanh(a) is compared with (e^a - e^-a)/(e^a + e^-a): rounding decides"),
    ("programs", 108063, "the root of the log-softmax of one element, which is 0 but for rounding"),
    ("programs", 27538, "a is compared for equality with (ab + 2a - ab)/2: rounding decides"),
];

/// How many failures are shown.
const SHOWN: usize = 20;

/// Tries `one` with every seed that is asked for, or with the first `few`; fails with a list of what failed,
/// or where hardly a value could be judged.
pub(crate) fn run(what: &str, few: u64, one: impl Fn(u64) -> Outcome + Sync) {
    let started = Instant::now();
    let (first, cases) = (number("DL_FUZZ_SEED").unwrap_or(0), number("DL_FUZZ_CASES").unwrap_or(few));
    let (next, judged, failed) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(vec![]));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= cases {
                return;
            }
            let seed = first.wrapping_add(at);
            let outcome = catch_unwind(AssertUnwindSafe(|| one(seed)));
            let failures = match outcome {
                Ok(outcome) => {
                    judged.fetch_add(outcome.judged, Ordering::Relaxed);
                    outcome.failures
                }
                Err(_) => vec!["it panicked; the message stands above".to_string()],
            };
            let known = KNOWN.iter().find(|(of, at, _)| *of == what && *at == seed);
            if let (Some((.., why)), false) = (known, failures.is_empty()) {
                println!("{what}, seed {seed}: known, {why}");
            } else if !failures.is_empty() {
                let report = format!("cargo xtask fuzz --seed {seed} --cases 1\n  {}", failures.join("\n  "));
                failed.lock().expect("nobody panics who holds it").push((seed, report));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let judged = judged.into_inner();
    report(what, cases, judged, started.elapsed().as_secs_f64());
    let mut failed = failed.into_inner().expect("nobody panics who holds it");
    failed.sort();
    let shown: Vec<&str> = failed.iter().take(SHOWN).map(|(_, report)| report.as_str()).collect();
    assert!(failed.is_empty(), "{} of {cases} {what} fail:\n{}", failed.len(), shown.join("\n"));
    // One graph alone may have nothing to judge.
    assert!(cases < few || judged > 3 * cases, "only {judged} values of {cases} {what} could be judged");
}

fn report(what: &str, graphs: u64, judged: u64, seconds: f64) {
    println!("{graphs} {what}: {judged} values judged in {seconds:.1} s");
    add(&format!("{graphs} {judged} {seconds:.1} {what}"));
}

/// Adds a line to the report, if there is one.
pub(crate) fn add(line: &str) {
    let Some(path) = env::var_os("DL_FUZZ_REPORT") else { return };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut f| writeln!(f, "{line}"));
    written.unwrap_or_else(|e| panic!("cannot write the report to {}: {e}", path.display()));
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}: expected a whole number")))
}
