//! The loop: epochs of batches, evaluated and saved on the way.

use std::ops::ControlFlow;
use std::time::Instant;

use dl_backends::{Handle, Session};
use dl_core::ops::Counters;
use dl_core::{Name, Tensor};
use tracing::info_span;

use crate::checkpoint::{Goal, Record, Saved, Standing, Writer};
use crate::error::{Error, Kind, Result};
use crate::history::{Ended, Epoch, Evaluation, History};
use crate::interrupt::Interrupt;
use crate::ledger::Ledger;
use crate::metrics::{Confusion, Meters, Metrics, Tally};
use crate::observer::{BatchEnd, Observer};
use crate::pass::{Order, Pass, epoch_seed};
use crate::source::{OnDevice, Source};
use crate::trainer::anchor::{Anchors, Stopped, advance};
use crate::trainer::reducing::Reducing;
use crate::trainer::{Resumed, Stage, Trainer, check, no_evaluation, rows};

/// A training in progress.
pub(super) struct Fit<'s> {
    pub(super) train: &'s dyn Source,
    pub(super) test: Option<&'s dyn Source>,
    /// The same examples on a device.
    pub(super) data: [Option<OnDevice<'s>>; 2],
    pub(super) history: History,
    pub(super) saving: Option<Saving>,
    /// Kept while the history has an identity.
    pub(super) ledger: Ledger,
    /// Where the epoch stands that a checkpoint was within.
    pub(super) within: Option<Standing>,
}

impl Fit<'_> {
    /// Where a training stands within an epoch that took `seconds` so far.
    fn standing(&self, finished: usize, pass: &Pass<'_>, seconds: f64) -> Standing {
        Standing {
            finished,
            batches: pass.done(),
            sums: pass.tally().sums(),
            examples: pass.tally().examples(),
            seconds,
            ledger: self.ledger.to_hex(),
            ..Standing::default()
        }
    }
}

/// The checkpoints of a training in progress.
pub(super) struct Saving {
    pub(super) writer: Writer,
    pub(super) program: String,
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
type Next = ControlFlow<Ended>;

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
        let _span = info_span!("fit", executor = self.session.executor(), epochs = self.epochs).entered();
        self.check(train, test)?;
        let mut fit = self.begin(train, test)?;
        self.observers.iter_mut().try_for_each(|o| o.begin(&fit.history))?;
        while fit.history.epochs.len() < self.epochs {
            // A training that had ended by itself before it was resumed has still ended.
            let ended = self.is_out_of_patience(&fit.history);
            let next = if ended { Next::Break(Ended::Patience) } else { self.epoch(&mut fit)? };
            if let Next::Break(why) = next {
                fit.history.ended = why;
                break;
            }
        }
        self.end(fit)
    }

    /// Trains an epoch, or what is left of it.
    fn epoch(&mut self, fit: &mut Fit<'_>) -> Result<Next> {
        let number = self.finished + 1;
        let _span = info_span!("epoch", number).entered();
        let start = Instant::now();
        let seed = self.shuffle.map(|seed| epoch_seed(seed, self.finished as u64));
        let order = Order {
            rows: rows(fit.train.len(), seed, self.sampling.as_ref())?,
            size: self.batch_size,
            read_every: self.read_every,
            late: self.read_every > 1 && !self.tracing && fit.history.identity.is_none(),
            epoch: number,
            name: format!("epoch {number}"),
        };
        let mut before = 0.0;
        let [data, test_data] = &fit.data;
        let train = (fit.train, data.as_ref());
        let mut pass = Pass::new(train, &self.train.handle, &self.train.meters, order);
        if let Some(standing) = fit.within.take().filter(|standing| standing.batches > 0) {
            pass.go_on(standing.batches, |tally| tally.go_on(&standing.sums, standing.examples))?;
            before = standing.seconds;
        }
        let (of, finished) = (pass.batches(), self.finished);
        let mut evaluating = 0.0;
        // Batches and looks at what they have left take turns, so that nothing is recorded unseen.
        let (mut anchors, mut looking) = (self.tracing.then(Anchors::new), false);
        loop {
            let (running, feed) =
                ((&mut self.session, &self.written), self.reducing.as_ref().map(Reducing::feed));
            let ledger = (&mut fit.ledger, fit.history.identity.is_some());
            match advance(running, &mut anchors, &mut pass, feed, ledger, looking) {
                Ok(Some(examples)) => {
                    let (number_in_epoch, session, tally) = (pass.done(), &self.session, pass.tally());
                    let end =
                        BatchEnd { epoch: number, number: number_in_epoch, of, examples, session, tally };
                    self.observers.iter_mut().for_each(|o| o.batch(&end));
                    let step = self.session.step();
                    if let (Some(_), Some(losses)) = (&fit.history.identity, pass.read()) {
                        fit.ledger.losses(step, losses);
                    }
                    if let (Some(anchors), true) = (&mut anchors, pass.done() == of || self.records(step)) {
                        anchors.renew();
                    }
                    looking = true;
                    continue;
                }
                Ok(None) => looking = false,
                Err(Stopped { error, before: true }) => {
                    pass.settle()?;
                    let seconds = before + start.elapsed().as_secs_f64() - evaluating;
                    let standing = fit.standing(finished, &pass, seconds);
                    return Err(self.saved_before(error, fit, standing));
                }
                Err(Stopped { error, .. }) => return Err(error),
            }
            if pass.done() == of {
                break;
            }
            let step = self.session.step();
            if self.records(step) {
                pass.settle()?;
            }
            if self.ledger_every.is_some_and(|every| step.is_multiple_of(every)) {
                let weights = trained(&self.session, &self.train.handle)?;
                fit.history.ledger.push(fit.ledger.mark(step, &weights));
                told(&mut self.observers, &fit.history);
            }
            let (mut due, mut score, mut next) = (false, None, Next::Continue(()));
            if self.evaluate_every.is_some_and(|every| step.is_multiple_of(every))
                && let (Some(stage), Some(source)) = (&self.test, fit.test)
            {
                let start = Instant::now();
                let name = format!("evaluation within epoch {number}");
                let source = (source, test_data.as_ref());
                let metrics = evaluated(&mut self.session, stage, source, self.evaluation_batch_size, name)?;
                let seconds = start.elapsed().as_secs_f64();
                evaluating += seconds;
                let evaluation = Evaluation { steps: step, metrics, seconds };
                self.observers.iter_mut().for_each(|o| o.evaluated(&evaluation, &self.session));
                score = judge(self.goal.as_ref(), &mut self.reducing, &evaluation.metrics)?;
                fit.history.evaluations.push(evaluation);
                let since = self.goal.as_ref().map_or(1, |goal| fit.history.since_best(goal));
                if let Some(best) = &mut self.best {
                    best.note(self.goal.as_ref(), &fit.history, &self.session)?;
                }
                due = since == 0;
                if self.patience.is_some_and(|patience| since >= patience) {
                    next = Next::Break(Ended::Patience);
                }
            }
            if self.interrupt.as_ref().is_some_and(Interrupt::is_set) {
                next = Next::Break(Ended::Interrupted);
            }
            due |= self.checkpoints.as_ref().is_some_and(|c| c.due(step));
            if due || next.is_break() {
                // An interrupt may have come since it was looked at.
                pass.settle()?;
                let seconds = before + start.elapsed().as_secs_f64() - evaluating;
                let standing = fit.standing(finished, &pass, seconds);
                if let Some(saving) = &fit.saving {
                    saving.save(&self.session, standing.clone(), &fit.history, score)?;
                }
                if next.is_break() {
                    fit.within = Some(standing);
                    return Ok(next);
                }
            }
            if let Some(saving) = &fit.saving {
                tell(&mut self.observers, saving.writer.saved()?);
            }
        }
        let train = pass.tally().metrics();
        // Trained, whatever becomes of its evaluation.
        self.finished += 1;
        let seconds = before + start.elapsed().as_secs_f64() - evaluating;
        let start = Instant::now();
        let test = match fit.test {
            Some(source) => self.evaluate_on((source, test_data.as_ref()))?,
            None => Metrics::default(),
        };
        let test_seconds = if test.is_empty() { 0.0 } else { start.elapsed().as_secs_f64() };
        let steps = self.session.step();
        fit.history.epochs.push(Epoch { number, steps, train, test, seconds, test_seconds });
        self.after_epoch(fit)
    }

    /// Whether something is recorded after this step.
    fn records(&self, step: u64) -> bool {
        let due = |every: Option<u64>| every.is_some_and(|every| step.is_multiple_of(every));
        due(self.ledger_every)
            || due(self.evaluate_every)
            || self.checkpoints.as_ref().is_some_and(|c| c.due(step))
            || self.interrupt.as_ref().is_some_and(Interrupt::is_set)
    }

    /// Tells observers of the last epoch, saves it, and says whether to go on.
    fn after_epoch(&mut self, fit: &mut Fit<'_>) -> Result<Next> {
        let mut next = Next::Continue(());
        if fit.history.identity.is_some() {
            let weights = trained(&self.session, &self.train.handle)?;
            fit.history.ledger.push(fit.ledger.mark(self.session.step(), &weights));
            if self.ledger_every.is_some() {
                told(&mut self.observers, &fit.history);
            }
        }
        let mut score = None;
        if let Some(epoch) = fit.history.epochs.last() {
            for observer in &mut self.observers {
                if observer.epoch(epoch, &self.session).is_break() {
                    next = Next::Break(Ended::Observer);
                }
            }
            let judged = if epoch.test.is_empty() { &epoch.train } else { &epoch.test };
            score = judge(self.goal.as_ref(), &mut self.reducing, judged)?;
        }
        if let Some(best) = &mut self.best {
            best.note(self.goal.as_ref(), &fit.history, &self.session)?;
        }
        let (finished, ledger) = (self.finished, fit.ledger.to_hex());
        let standing = Standing { finished, ledger, ..Standing::default() };
        if let Some(saving) = &fit.saving {
            saving.save(&self.session, standing.clone(), &fit.history, score)?;
            tell(&mut self.observers, saving.writer.saved()?);
        }
        let more = fit.history.epochs.len() < self.epochs;
        if more && self.interrupt.as_ref().is_some_and(Interrupt::is_set) {
            fit.within = Some(standing);
            next = Next::Break(Ended::Interrupted);
        }
        Ok(next)
    }

    fn is_out_of_patience(&self, history: &History) -> bool {
        let since = self.goal.as_ref().map_or(0, |goal| history.since_best(goal));
        self.patience.is_some_and(|patience| since >= patience)
    }

    /// Saves what is before a batch that failed; the error that says so. Without checkpoints, it is as it was.
    fn saved_before(&mut self, error: Error, fit: &mut Fit<'_>, standing: Standing) -> Error {
        let Some(saving) = fit.saving.take() else {
            return error;
        };
        let handed = saving.save(&self.session, standing, &fit.history, None);
        // If this fails, too, what the batch failed of is the more important.
        match handed.and_then(|()| self.close(saving)) {
            Ok(Some(at)) => Kind::Saved { cause: error, at }.into(),
            _ => error,
        }
    }

    /// Waits until all checkpoints are written, and tells observers; the last of those that were not told before.
    fn close(&mut self, saving: Saving) -> Result<Option<Saved>> {
        let (saved, store) = saving.writer.finish();
        if let (Some(checkpoints), Some(store)) = (&mut self.checkpoints, store) {
            checkpoints.store = Some(store);
        }
        let saved = saved?;
        let last = saved.last().cloned();
        tell(&mut self.observers, saved);
        Ok(last)
    }

    fn end(&mut self, mut fit: Fit<'_>) -> Result<History> {
        if let Some(saving) = fit.saving.take() {
            self.close(saving)?;
        }
        if let Some(standing) = fit.within {
            // The next training goes on there.
            let history = fit.history.clone();
            self.resumed = Some(Resumed { standing, history, pending: vec![], elsewhere: false });
        }
        self.observers.iter_mut().try_for_each(|o| o.end(&fit.history))?;
        Ok(fit.history)
    }

    /// Runs the evaluation program on all of `source`.
    ///
    /// # Errors
    /// As for [`fit`](Trainer::fit).
    pub fn evaluate(&mut self, source: &dyn Source) -> Result<Metrics> {
        self.evaluate_on((source, None))
    }

    fn evaluate_on(&mut self, source: (&dyn Source, Option<&OnDevice<'_>>)) -> Result<Metrics> {
        let stage = self.test.as_ref().ok_or_else(no_evaluation)?;
        evaluated(&mut self.session, stage, source, self.evaluation_batch_size, after(self.finished))
    }

    /// Runs the evaluation program on all of `source`, and counts how often each class was taken for each: of its
    /// output `logits` `[B, classes]`, beside the output or input `labels` `[B]`.
    ///
    /// # Errors
    /// As for [`fit`](Trainer::fit); also when there are no such outputs or inputs, or a label is no class.
    pub fn confusion(&mut self, source: &dyn Source, logits: &str, labels: &str) -> Result<Confusion> {
        let stage = self.test.as_ref().ok_or_else(no_evaluation)?;
        let meters = Meters::confusion(&stage.handle, logits, labels)?;
        let how = (self.evaluation_batch_size, after(self.finished));
        passed(&mut self.session, (&stage.handle, &meters), (source, None), how, |tally| tally.confusion())
    }
}

/// For errors: which evaluation.
fn after(epochs: usize) -> String {
    match epochs {
        0 => "evaluation".into(),
        epochs => format!("evaluation after epoch {epochs}"),
    }
}

/// What an evaluation comes to.
fn evaluated(
    session: &mut Session,
    stage: &Stage,
    source: (&dyn Source, Option<&OnDevice<'_>>),
    size: usize,
    name: String,
) -> Result<Metrics> {
    passed(session, (&stage.handle, &stage.meters), source, (size, name), |tally| tally.metrics())
}

fn passed<R>(
    session: &mut Session,
    (handle, meters): (&Handle, &Meters),
    (source, data): (&dyn Source, Option<&OnDevice<'_>>),
    (size, name): (usize, String),
    read: impl FnOnce(&Tally<'_>) -> R,
) -> Result<R> {
    let _span = info_span!("evaluation", of = name, examples = source.len()).entered();
    check(source, size, "evaluate on")?;
    let rows = rows(source.len(), None, None)?;
    let how = Order { rows, size, read_every: 1, late: false, epoch: 0, name };
    let mut pass = Pass::new((source, data), handle, meters, how);
    while pass.step(session, None)?.is_some() {}
    Ok(read(pass.tally()))
}

/// The metric that a training is judged by, which a rate may be reduced for.
fn judge(goal: Option<&Goal>, reducing: &mut Option<Reducing>, metrics: &Metrics) -> Result<Option<f64>> {
    let score = goal.and_then(|goal| metrics.get(goal.metric()));
    if let (Some(reducing), Some(score)) = (reducing, score) {
        reducing.observe(score)?;
    }
    Ok(score.filter(|score| !score.is_nan()))
}
