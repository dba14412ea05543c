//! The loop: epochs of batches, evaluated and saved on the way.

use std::time::Instant;

use dl_backends::{Handle, Session};
use dl_core::ops::Counters;
use dl_core::{Name, Tensor};

use crate::checkpoint::{Record, Saved, Standing, Writer};
use crate::error::{Error, Result};
use crate::history::{Epoch, History, Run};
use crate::ledger::{Identity, Ledger};
use crate::metrics::Metrics;
use crate::observer::{BatchEnd, Observer};
use crate::pass::{Order, Pass, epoch_seed};
use crate::source::Source;
use crate::trainer::{Trainer, check, no_evaluation, rows};

/// A training in progress.
struct Fit<'s> {
    train: &'s dyn Source,
    test: Option<&'s dyn Source>,
    history: History,
    saving: Option<Saving>,
    /// Kept while the history has an identity.
    ledger: Ledger,
    /// Where the epoch stands that a checkpoint was within.
    within: Option<Standing>,
}

/// The checkpoints of a training in progress.
struct Saving {
    writer: Writer,
    program: String,
}

impl Saving {
    /// Hands over a snapshot.
    fn save(
        &self,
        session: &Session,
        standing: Standing,
        history: &History,
        score: Option<f64>,
    ) -> Result<()> {
        let Counters { seed, step, run: runs } = session.counters();
        let standing = Standing { seed, step, runs, ..standing };
        let record = Record::new(self.program.clone(), standing, history.clone(), score);
        self.writer.write((record, session.weights()?))
    }
}

/// Tells observers what has become safe.
fn tell(observers: &mut [Box<dyn Observer + '_>], saved: Vec<Saved>) {
    for saved in saved {
        observers.iter_mut().for_each(|o| o.saved(&saved));
    }
}

/// Tells observers the last line of the ledger.
fn told(observers: &mut [Box<dyn Observer + '_>], history: &History) {
    if let Some(line) = history.ledger_line() {
        observers.iter_mut().for_each(|o| o.ledger(&line));
    }
}

/// The parameters that the training program reads or updates.
fn trained(session: &Session, handle: &Handle) -> Result<Vec<(Name, Tensor)>> {
    let names = handle.plan().parameters().iter().map(|slot| slot.decl.name.clone());
    names.map(|name| Ok((name.clone(), session.get(&name)?))).collect()
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Epoch,
    Stop,
}

impl Trainer<'_> {
    /// Trains, and evaluates on `test` after each epoch. Called again, it goes on where it stopped; after
    /// [`resume`](Trainer::resume), where the checkpoint was made, and the history has the epochs before, too.
    ///
    /// # Errors
    /// Before anything is trained: an empty source or one too large to be numbered, a batch size of 0, examples to
    /// evaluate on without an evaluation program, or a checkpoint of another training. While training: an input
    /// that is missing or does not fit its declaration, a reported output that is NaN or infinite, with its epoch
    /// and batch, and a checkpoint that could not be written.
    pub fn fit(&mut self, train: &dyn Source, test: Option<&dyn Source>) -> Result<History> {
        self.check(train, test)?;
        let mut fit = self.begin(train, test)?;
        self.observers.iter_mut().for_each(|o| o.begin(&fit.history.run));
        // A training that had ended by itself before it was resumed has still ended.
        while fit.history.epochs.len() < self.epochs && !self.is_out_of_patience(&fit.history) {
            if self.epoch(&mut fit)? == Next::Stop {
                break;
            }
        }
        self.end(fit)
    }

    fn check(&self, train: &dyn Source, test: Option<&dyn Source>) -> Result<()> {
        check(train, self.batch_size, "train on")?;
        let judged = match (test, &self.test) {
            (None, _) => &self.train,
            (Some(_), None) => return Err(no_evaluation()),
            (Some(source), Some(stage)) => {
                check(source, self.evaluation_batch_size, "evaluate on")?;
                stage
            }
        };
        self.goal.iter().try_for_each(|goal| judged.meters.require(goal.metric()))
    }

    fn describe(&self, train: &dyn Source, test: Option<&dyn Source>) -> Run {
        let batch_size = self.batch_size.min(train.len());
        Run {
            backend: self.session.executor().into(),
            epochs: self.epochs,
            finished: self.finished,
            resumed: 0,
            examples: train.len(),
            batch_size,
            batches: train.len().div_ceil(batch_size),
            shuffle: self.shuffle,
            test_examples: test.map_or(0, |t| t.len()),
        }
    }

    /// A training from the first epoch on, or from a checkpoint.
    fn begin<'s>(&mut self, train: &'s dyn Source, test: Option<&'s dyn Source>) -> Result<Fit<'s>> {
        let run = self.describe(train, test);
        let kept = self.ledger_every.is_some() || self.checkpoints.is_some();
        let data = if kept { train.digest().map(|hash| format!("{hash:016x}")) } else { None };
        let (mut history, within) = match self.resumed.take() {
            None => (History { run, ..History::default() }, None),
            Some(resumed) => {
                resumed.fits(&run, data.as_deref())?;
                let epochs = resumed.history.epochs;
                let finished = self.finished - epochs.len();
                let done = epochs.len() * run.batches + resumed.standing.batches;
                let run = Run { finished, resumed: done, ..run };
                (
                    History { run, epochs, ledger: resumed.history.ledger, identity: None },
                    Some(resumed.standing),
                )
            }
        };
        let saving = match &mut self.checkpoints {
            None => None,
            Some(checkpoints) => {
                let writer = checkpoints.writer(within.is_some())?;
                Some(Saving { writer, program: self.program()? })
            }
        };
        if kept {
            history.identity = Some(self.identity(data)?);
        }
        let ledger = within.as_ref().and_then(|standing| Ledger::from_hex(&standing.ledger));
        Ok(Fit { train, test, history, saving, ledger: ledger.unwrap_or_default(), within })
    }

    fn identity(&mut self, data: Option<String>) -> Result<Identity> {
        let executor = self.session.executor();
        Ok(Identity {
            seed: self.session.seed(),
            program: self.program()?.chars().take(16).collect(),
            data,
            executor: executor.into(),
            fidelity: Identity::fidelity(executor).into(),
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    fn epoch(&mut self, fit: &mut Fit<'_>) -> Result<Next> {
        let number = self.finished + 1;
        let mut start = Instant::now();
        let seed = self.shuffle.map(|seed| epoch_seed(seed, self.finished as u64));
        let order = Order {
            rows: rows(fit.train.len(), seed)?,
            size: self.batch_size,
            read_every: self.read_every,
            epoch: number,
            name: format!("epoch {number}"),
        };
        let mut before = 0.0;
        let mut pass = Pass::new(fit.train, &self.train.handle, &self.train.meters, order);
        if let Some(standing) = fit.within.take().filter(|standing| standing.batches > 0) {
            pass.go_on(standing.batches, |tally| tally.go_on(&standing.sums, standing.examples))?;
            before = standing.seconds;
        }
        let of = pass.batches();
        while let Some(examples) = pass.step(&mut self.session)? {
            let (number_in_epoch, session, tally) = (pass.done(), &self.session, pass.tally());
            let end = BatchEnd { epoch: number, number: number_in_epoch, of, examples, session, tally };
            self.observers.iter_mut().for_each(|o| o.batch(&end));
            let step = self.session.step();
            if let (Some(_), Some(losses)) = (&fit.history.identity, pass.read()) {
                fit.ledger.losses(step, losses);
            }
            if self.ledger_every.is_some_and(|every| step.is_multiple_of(every)) && pass.done() < of {
                let weights = trained(&self.session, &self.train.handle)?;
                fit.history.ledger.push(fit.ledger.mark(step, &weights));
                told(&mut self.observers, &fit.history);
            }
            if let Some(saving) = &fit.saving {
                let due = self.checkpoints.as_ref().is_some_and(|c| c.due(step));
                if due && pass.done() < of {
                    let standing = Standing {
                        finished: self.finished,
                        batches: pass.done(),
                        sums: tally.sums(),
                        examples: tally.examples(),
                        seconds: before + start.elapsed().as_secs_f64(),
                        ledger: fit.ledger.to_hex(),
                        ..Standing::default()
                    };
                    saving.save(&self.session, standing, &fit.history, None)?;
                }
                tell(&mut self.observers, saving.writer.saved()?);
            }
        }
        let train = pass.tally().metrics();
        // Trained, whatever becomes of its evaluation.
        self.finished += 1;
        let seconds = before + start.elapsed().as_secs_f64();
        start = Instant::now();
        let test = match fit.test {
            Some(source) => self.evaluate(source)?,
            None => Metrics::default(),
        };
        let test_seconds = if test.is_empty() { 0.0 } else { start.elapsed().as_secs_f64() };
        let steps = self.session.step();
        fit.history.epochs.push(Epoch { number, steps, train, test, seconds, test_seconds });
        self.after_epoch(fit)
    }

    /// Tells observers of the last epoch, saves it, and says whether to go on.
    fn after_epoch(&mut self, fit: &mut Fit<'_>) -> Result<Next> {
        let mut next = Next::Epoch;
        if fit.history.identity.is_some() {
            let weights = trained(&self.session, &self.train.handle)?;
            fit.history.ledger.push(fit.ledger.mark(self.session.step(), &weights));
            if self.ledger_every.is_some() {
                told(&mut self.observers, &fit.history);
            }
        }
        if let Some(epoch) = fit.history.epochs.last() {
            for observer in &mut self.observers {
                if observer.epoch(epoch, &self.session).is_break() {
                    next = Next::Stop;
                }
            }
        }
        if let Some(saving) = &fit.saving {
            let ledger = fit.ledger.to_hex();
            let standing = Standing { finished: self.finished, ledger, ..Standing::default() };
            let score = self.goal.as_ref().and_then(|goal| fit.history.epochs.last()?.judged(goal.metric()));
            saving.save(&self.session, standing, &fit.history, score)?;
            tell(&mut self.observers, saving.writer.saved()?);
        }
        Ok(next)
    }

    fn is_out_of_patience(&self, history: &History) -> bool {
        self.patience.is_some_and(|patience| history.since_best(self.goal.as_ref()) >= patience)
    }

    fn end(&mut self, fit: Fit<'_>) -> Result<History> {
        if let Some(saving) = fit.saving {
            let (saved, store) = saving.writer.finish();
            if let (Some(checkpoints), Some(store)) = (&mut self.checkpoints, store) {
                checkpoints.store = Some(store);
            }
            tell(&mut self.observers, saved?);
        }
        self.observers.iter_mut().for_each(|o| o.end(&fit.history));
        Ok(fit.history)
    }

    /// Runs the evaluation program on all of `source`.
    ///
    /// # Errors
    /// As for [`fit`](Trainer::fit).
    pub fn evaluate(&mut self, source: &dyn Source) -> Result<Metrics> {
        let stage = self.test.as_ref().ok_or_else(no_evaluation)?;
        let name = match self.finished {
            0 => "evaluation".into(),
            epochs => format!("evaluation after epoch {epochs}"),
        };
        check(source, self.evaluation_batch_size, "evaluate on")?;
        let rows = rows(source.len(), None)?;
        let how = Order { rows, size: self.evaluation_batch_size, read_every: 1, epoch: 0, name };
        let mut pass = Pass::new(source, &stage.handle, &stage.meters, how);
        while pass.step(&mut self.session)?.is_some() {}
        Ok(pass.tally().metrics())
    }
}

impl super::Resumed {
    /// Whether the training that it was made in was this one.
    fn fits(&self, run: &Run, data: Option<&str>) -> Result<()> {
        let then = &self.history.run;
        let order = |run: &Run| match run.shuffle {
            Some(seed) => format!("shuffled by seed {seed}"),
            None => "not shuffled".into(),
        };
        let differences = [
            (then.examples != run.examples)
                .then(|| (format!("{} examples", then.examples), run.examples.to_string())),
            (then.batch_size != run.batch_size)
                .then(|| (format!("batches of {}", then.batch_size), run.batch_size.to_string())),
            (then.shuffle != run.shuffle).then(|| (order(then), order(run))),
        ];
        let differences: Vec<String> =
            differences.into_iter().flatten().map(|(then, now)| format!("{then}, here {now}")).collect();
        if !differences.is_empty() {
            return Err(Error::value(format!(
                "the checkpoint is of a training with {}",
                differences.join("; ")
            )));
        }
        let before = self.history.identity.as_ref().and_then(|identity| identity.data.as_deref());
        if let (Some(before), Some(now)) = (before, data)
            && before != now
        {
            return Err(Error::value(format!(
                "the checkpoint is of a training on other examples: their digest is {before}, here {now}"
            )));
        }
        match self.pending.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::value(format!(
                "the checkpoint has {name}, which is no parameter of the programs of this training"
            ))),
        }
    }
}
