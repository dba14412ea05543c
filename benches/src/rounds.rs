//! How rows are measured: all rows of a batch size alternate, round by round.
//!
//! Each row has a process of its own, and all of them are there at once, but only one
//! works at a time. A round asks every row for a burst of steps, in an order that is
//! drawn anew each time, so that whatever drifts on the machine meets all rows alike.

use crate::child::Child;
use crate::fault::{Fault, Result};
use crate::progress::Progress;
use crate::protocol::{Point, RowSpec};
use crate::record::Failed;
use crate::stats;

/// How much time a run takes; milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Steps before anything counts.
    warm_up: f64,
    /// A row's share of a round.
    burst: f64,
    /// All rounds of a batch size.
    rounds: f64,
    /// Fewest and most rounds, whatever the time.
    limits: (usize, usize),
    /// The training of a row, as far as it can be cut at an epoch.
    training: f64,
    /// Epochs of the recipe, at least and at most.
    epochs: (usize, usize),
}

impl Budget {
    pub(crate) const FULL: Budget = Budget {
        warm_up: 300.0,
        burst: 100.0,
        rounds: 90_000.0,
        limits: (7, 50),
        training: 40_000.0,
        epochs: (1, 10),
    };
    pub(crate) const QUICK: Budget = Budget {
        warm_up: 100.0,
        burst: 40.0,
        rounds: 15_000.0,
        limits: (3, 15),
        training: 3_000.0,
        epochs: (1, 1),
    };
    /// So short that it is over before anybody waits; what takes longer to train is not trained.
    pub(crate) const FIRST: Budget = Budget {
        warm_up: 100.0,
        burst: 40.0,
        rounds: 2_000.0,
        limits: (3, 12),
        training: 4_000.0,
        epochs: (0, 1),
    };

    /// The same, but that no row is trained.
    pub(crate) fn of_steps(self) -> Budget {
        Budget { epochs: (0, 0), ..self }
    }

    /// How many rounds, where one takes `round` milliseconds.
    fn rounds(&self, round: f64) -> usize {
        let (least, most) = self.limits;
        ((self.rounds / round) as usize).clamp(least, most)
    }

    /// How many steps of `step` milliseconds a burst has.
    fn steps(&self, step: f64) -> usize {
        ((self.burst / step) as usize).max(1)
    }

    /// How many epochs of the recipe, where one takes `epoch` milliseconds.
    fn epochs(&self, epoch: f64) -> usize {
        let (least, most) = self.epochs;
        ((self.training / epoch) as usize).clamp(least, most)
    }
}

/// The first steps, whose losses must agree: rows that differ do other work.
const CHECKED: usize = 4;

/// How far a loss may be from the first row's. Sums of products differ in the seventh digit by their
/// order; a wrong gradient, rate or batch shows in the third.
const AGREEMENT: f64 = 1e-4;

fn agree(losses: &[f64], expected: &[f64]) -> Result<()> {
    // The products alone have no loss.
    if losses.is_empty() || expected.is_empty() {
        return Ok(());
    }
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= AGREEMENT;
    if losses.len() == expected.len() && losses.iter().zip(expected).all(near) {
        return Ok(());
    }
    Err(Fault::new(format!("its first losses are {losses:.5?}, the first row's are {expected:.5?}")))
}

/// What a row is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The matrix products alone.
    Floor,
    /// A backend.
    Row,
    /// The first backend once more.
    Control,
    /// Another framework.
    Peer,
}

/// What was found about a row. Times are in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) compile_ms: Option<f64>,
    pub(crate) note: Option<String>,
    /// Of the first steps.
    pub(crate) losses: Vec<f64>,
    /// Every timed step.
    pub(crate) steps: Vec<f64>,
    /// The median of each round.
    pub(crate) rounds: Vec<f64>,
    pub(crate) peak_mib: Option<f64>,
    pub(crate) data_mib: Option<f64>,
    /// The share of test images classified right, or the mean squared error.
    pub(crate) test: Option<f64>,
    /// The loss of the training.
    pub(crate) curve: Vec<Point>,
    /// How the row was trained before; empty if it was not.
    pub(crate) trained: String,
}

/// A row that is being measured.
pub(crate) struct Runner {
    pub(crate) role: Role,
    pub(crate) spec: RowSpec,
    pub(crate) found: Findings,
    /// Steps of a burst.
    burst: usize,
    /// How long a step takes, by the warm-up.
    step: f64,
    child: Option<Child>,
}

/// Measures all `rows`, which have one batch size, from start to the test split.
/// `examples` is the size of the training split.
pub(crate) fn measure(
    rows: Vec<(Role, RowSpec)>,
    examples: usize,
    budget: Budget,
    progress: &mut Progress,
) -> (Vec<Runner>, Vec<Failed>) {
    let mut failed = vec![];
    let mut runners: Vec<Runner> = rows.into_iter().map(Runner::new).collect();
    let count = runners.len();
    each(&mut runners, &mut failed, |i, runner| {
        progress.at(0.15 * i as f64 / count as f64, &format!("{}: starting", runner.name()));
        runner.start(budget)
    });
    let expected = runners.iter().find(|runner| runner.role == Role::Row);
    let expected = expected.map(|runner| runner.found.losses.clone()).unwrap_or_default();
    each(&mut runners, &mut failed, |_, runner| agree(&runner.found.losses, &expected));

    let round: f64 = runners.iter().map(|runner| runner.burst as f64 * runner.step).sum();
    let rounds = budget.rounds(round);
    for number in 0..rounds {
        let done = number as f64 / rounds as f64;
        progress.at(0.15 + 0.45 * done, &format!("round {} of {rounds}", number + 1));
        let order = dl_data::permutation(runners.len(), number as u64);
        let mut faults: Vec<Option<Fault>> = runners.iter().map(|_| None).collect();
        for i in order {
            faults[i] = runners[i].round().err();
        }
        each(&mut runners, &mut failed, |i, _| faults[i].take().map_or(Ok(()), Err));
    }

    let count = runners.len();
    each(&mut runners, &mut failed, |i, runner| {
        let message = format!("{}: training", runner.name());
        let mut at = |share: f64| {
            progress.at(0.6 + 0.4 * (i as f64 + share) / count as f64, &message);
        };
        at(0.0);
        runner.finish(examples, budget, &mut at)
    });
    (runners, failed)
}

/// Does `work` on each runner, and takes out those where it fails.
fn each(
    runners: &mut Vec<Runner>,
    failed: &mut Vec<Failed>,
    mut work: impl FnMut(usize, &mut Runner) -> Result<()>,
) {
    let mut i = 0;
    runners.retain_mut(|runner| {
        let result = work(i, runner);
        i += 1;
        match result {
            Ok(()) => true,
            Err(fault) => {
                failed.push(runner.failed(&fault));
                false
            }
        }
    });
}

impl Runner {
    fn new((role, spec): (Role, RowSpec)) -> Self {
        Runner { role, spec, found: Findings::default(), burst: 1, step: 0.0, child: None }
    }

    fn name(&self) -> String {
        let RowSpec { backend, batch, threads, .. } = &self.spec;
        format!("{backend}, batch {batch}, threads {threads}")
    }

    fn start(&mut self, budget: Budget) -> Result<()> {
        let mut child = Child::start(&self.spec)?;
        self.found.losses = child.losses(CHECKED)?;
        let times = child.warm_up(budget.warm_up)?;
        // Early steps still fill caches and grow pools.
        let late = stats::median(&times[times.len() / 2..]);
        self.step = late.ok_or_else(|| Fault::new("no step was timed"))?;
        self.burst = budget.steps(self.step);
        self.found.compile_ms = child.compile_ms;
        self.found.note = child.note.take();
        self.child = Some(child);
        Ok(())
    }

    fn round(&mut self) -> Result<()> {
        let steps = self.burst;
        let times = self.child()?.time(steps)?;
        self.found.rounds.extend(stats::median(&times));
        self.found.steps.extend(times);
        Ok(())
    }

    /// Memory and training; the child ends.
    fn finish(&mut self, examples: usize, budget: Budget, at: &mut dyn FnMut(f64)) -> Result<()> {
        (self.found.peak_mib, self.found.data_mib) = self.child()?.peak()?;
        let whole = self.spec.batch >= examples;
        let batches = examples.div_ceil(self.spec.batch.max(1)) as f64;
        // The tutorial's training is ten steps, each over all examples.
        let fits = budget.epochs(if whole { 10.0 } else { batches } * self.step);
        if self.role == Role::Row && fits > 0 {
            let epochs = (!whole).then_some(fits);
            self.found.trained = match epochs {
                None => "ten full-batch steps".into(),
                Some(1) => "1 epoch of the recipe".into(),
                Some(epochs) => format!("{epochs} epochs of the recipe"),
            };
            let trained = self.child()?.train(epochs, at)?;
            (self.found.test, self.found.curve) = (trained.test, trained.curve);
        }
        self.child = None;
        Ok(())
    }

    fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().ok_or_else(|| Fault::new("the row's process is gone"))
    }

    fn failed(&mut self, fault: &Fault) -> Failed {
        self.child = None;
        let RowSpec { backend, batch, threads, .. } = self.spec.clone();
        Failed { backend, batch, threads, error: fault.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_round_still_comes_often_enough_and_a_fast_one_not_forever() {
        assert_eq!(Budget::FULL.rounds(1e6), 7);
        assert_eq!(Budget::FULL.rounds(1.0), 50);
        assert_eq!(Budget::FULL.rounds(9_000.0), 10);
    }

    #[test]
    fn a_burst_has_at_least_a_step() {
        assert_eq!(Budget::FULL.steps(1_000.0), 1);
        assert_eq!(Budget::FULL.steps(0.5), 200);
    }

    #[test]
    fn a_row_that_does_other_work_is_found_by_its_losses() {
        assert!(agree(&[2.3, 2.1], &[2.30004, 2.09996]).is_ok());
        assert!(agree(&[], &[2.3]).is_ok());
        let fault = agree(&[2.3, 2.1], &[2.3, 2.1002]).unwrap_err().to_string();
        let expected = "its first losses are [2.30000, 2.10000], the first row's are [2.30000, 2.10020]";
        assert_eq!(fault, expected);
        assert!(agree(&[2.3], &[2.3, 2.1]).is_err());
        assert!(agree(&[f64::NAN], &[2.3]).is_err());
    }

    #[test]
    fn a_slow_training_is_cut_at_an_epoch() {
        assert_eq!(Budget::FULL.epochs(500.0), 10);
        assert_eq!(Budget::FULL.epochs(10_000.0), 4);
        assert_eq!(Budget::QUICK.epochs(60_000.0), 1);
        assert_eq!((Budget::FIRST.epochs(60_000.0), Budget::FIRST.epochs(100.0)), (0, 1));
    }
}
