//! Checkpoints of a trainer: where they go, and going on from one.

use std::path::{Path, PathBuf};

use dl_core::Tensor;
use dl_core::spelling::suggestion;

use crate::checkpoint::{Goal, Keep, Standing, Store, Writer, program_hash};
use crate::error::{Error, Result};
use crate::history::History;
use crate::trainer::Trainer;

/// Where checkpoints go, and when.
pub(super) struct Checkpoints {
    pub(super) folder: PathBuf,
    keep: Keep,
    /// After so many steps, besides the ends of epochs.
    every: Option<u64>,
    /// Open from the first training on.
    pub(super) store: Option<Store>,
    /// Whether this trainer has written there.
    begun: bool,
}

/// What a checkpoint was resumed from, until the training begins.
pub(super) struct Resumed {
    pub(super) standing: Standing,
    pub(super) history: History,
    /// Values of parameters that no program of the session has yet.
    pub(super) pending: Vec<(String, Tensor)>,
    /// Whether the training was another trainer's.
    pub(super) elsewhere: bool,
}

impl Checkpoints {
    /// A checkpoint is due after this step.
    pub(super) fn due(&self, step: u64) -> bool {
        self.every.is_some_and(|every| step.is_multiple_of(every))
    }

    /// The thread that writes there.
    pub(super) fn writer(&mut self, resumed: bool) -> Result<Writer> {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                let mut store = Store::new(&self.folder);
                store.open()?;
                store
            }
        };
        if !resumed && !self.begun && !store.steps()?.is_empty() {
            return Err(Error::value(format!(
                "{} has checkpoints of another training: resume it, or choose another folder",
                self.folder.display()
            )));
        }
        self.begun = true;
        Writer::new(store, self.keep.clone())
    }
}

impl Trainer<'_> {
    /// Saves a checkpoint in `folder` after each epoch, and keeps the ones that `keep` says. They are written on a
    /// thread of their own; [`Observer::saved`](crate::Observer::saved) is told when one is safe, and
    /// [`fit`](Trainer::fit) returns when all are.
    ///
    /// A training that is killed at any moment and [resumed](Trainer::resume) comes to the same parameters, bit
    /// for bit, as one that was not, if its source gives the same examples for the same epoch and rows.
    #[must_use]
    pub fn checkpoint(mut self, folder: impl AsRef<Path>, keep: Keep) -> Self {
        self.goal = keep.goal().cloned().or(self.goal);
        let every = self.checkpoints.and_then(|c| c.every);
        let folder = folder.as_ref().to_owned();
        self.checkpoints = Some(Checkpoints { folder, keep, every, store: None, begun: false });
        self
    }

    /// Saves a checkpoint after every `steps`-th step, too.
    ///
    /// # Errors
    /// When no folder was said before ([`checkpoint`](Trainer::checkpoint)).
    pub fn checkpoint_every(mut self, steps: u64) -> Result<Self> {
        let checkpoints = self.checkpoints.as_mut();
        let checkpoints =
            checkpoints.ok_or_else(|| Error::value("checkpoints need a folder: see Trainer::checkpoint"))?;
        checkpoints.every = Some(steps.max(1));
        Ok(self)
    }

    /// The metric by which the best is judged: of the evaluation, or of the training where there is none. For
    /// [`patience`](Trainer::patience); [`Keep::best`] sets it, too.
    #[must_use]
    pub fn goal(self, goal: impl Into<Goal>) -> Self {
        Trainer { goal: Some(goal.into()), ..self }
    }

    /// Stops after so many evaluations in a row (epochs, unless it is [evaluated](Trainer::evaluate_every) within
    /// them) that were no better than the best before, by the [goal](Trainer::goal); without one, by the lowest `J`.
    #[must_use]
    pub fn patience(self, evaluations: usize) -> Self {
        let goal = self.goal.or_else(|| Some("J".into()));
        Trainer { patience: Some(evaluations.max(1)), goal, ..self }
    }

    /// Goes on from the last checkpoint in `folder`; where there is none yet, from the beginning.
    ///
    /// Both files are checked to the last byte before anything is believed. Of a record at most 1 GiB is read; the
    /// limits of arrays are those of [`ArrayFile`](dl_backends::weights::ArrayFile).
    ///
    /// # Errors
    /// When the checkpoint was cut, edited, made by another program, with another seed or by a newer version; the
    /// message offers the one before it.
    pub fn resume(self, folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        match Store::new(folder).steps()?.last() {
            Some(step) => self.resume_at(folder, *step),
            None => Ok(self),
        }
    }

    /// Goes on from the checkpoint of this step in `folder`.
    ///
    /// # Errors
    /// As for [`resume`](Trainer::resume); also when there is none.
    pub fn resume_at(mut self, folder: impl AsRef<Path>, step: u64) -> Result<Self> {
        let store = Store::new(folder.as_ref());
        let (record, arrays) = store.read(step)?;
        let refuse = |why: &str| {
            let at = format!("{} at step {step}", folder.as_ref().display());
            Error::value(format!("checkpoint {at} is refused: {why}"))
        };
        if record.program != self.program()? {
            return Err(refuse("it is of another program"));
        }
        let (then, now) = (record.standing.seed, self.session.seed());
        if then != now {
            return Err(refuse(&format!("its session has the seed {then}, this one {now}")));
        }
        let (finished, epochs) = (record.standing.finished, record.history.epochs.len());
        if finished < epochs {
            return Err(refuse(&format!("it has {epochs} epochs, of which {finished} are finished")));
        }
        // Epochs are counted on from there.
        if finished > usize::MAX / 2 {
            return Err(refuse(&format!("it has {finished} finished epochs, which nobody can have trained")));
        }
        self.session.set_step(record.standing.step);
        self.session.set_runs(record.standing.runs);
        self.finished = record.standing.finished;
        let resumed =
            Resumed { standing: record.standing, history: record.history, pending: arrays, elsewhere: true };
        for name in self.session.parameters().iter().map(|decl| decl.name.to_string()) {
            if !resumed.pending.iter().any(|(other, _)| *other == name) {
                let hint = suggestion(&name, resumed.pending.iter().map(|(other, _)| other.as_str()));
                return Err(refuse(&format!("it has no parameter {name}{hint}")));
            }
        }
        self.resumed = Some(resumed);
        self.take_pending()?;
        Ok(self)
    }

    /// Sets what the session has by now of what a checkpoint has.
    pub(super) fn take_pending(&mut self) -> Result<()> {
        let Some(resumed) = &mut self.resumed else {
            return Ok(());
        };
        let mut left = vec![];
        for (name, value) in std::mem::take(&mut resumed.pending) {
            if self.session.parameters().iter().any(|decl| *decl.name == *name) {
                self.session.set(&name, &value)?;
            } else {
                left.push((name, value));
            }
        }
        resumed.pending = left;
        Ok(())
    }

    /// What tells the training program from others.
    pub(super) fn program(&mut self) -> Result<String> {
        if self.program.is_none() {
            let hash = program_hash(self.train.handle.plan());
            self.program =
                Some(hash.map_err(|e| Error::value(format!("the program cannot be written: {e}")))?);
        }
        Ok(self.program.clone().unwrap_or_default())
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::checkpoint::Record;
    use crate::history::{Epoch, Run};
    use crate::metrics::Metrics;
    use dl_backends::{Cpu, Session};
    use dl_core::{F64, Graph, Init, Program};

    #[test]
    fn a_record_that_contradicts_itself_is_refused() {
        let epochs = |n| {
            let (train, test) = (Metrics::default(), Metrics::default());
            let epoch = Epoch { number: 1, steps: 1, train, test, seconds: 0.0, test_seconds: 0.0 };
            History { epochs: vec![epoch; n], ..History::default() }
        };
        let standing = Standing { seed: 1, step: 1, finished: 1, ..Standing::default() };
        refused(epochs(2), standing.clone(), "it has 2 epochs, of which 1 are finished");
        let finished = usize::MAX;
        let endless = format!("it has {finished} finished epochs, which nobody can have trained");
        refused(epochs(1), Standing { finished, ..standing.clone() }, &endless);
        let within = Standing { batches: usize::MAX, ..standing };
        let mut history = epochs(1);
        history.run = Run { examples: 6, batch_size: 2, ..history.run };
        let end = format!("it is within an epoch after {} batches, of 3", usize::MAX);
        refused(history, within, &end);
    }

    /// Whoever changes a record can seal it again.
    #[track_caller]
    #[allow(clippy::unwrap_used)] // the lint's exemption for tests does not see the functions that they share
    fn refused(history: History, standing: Standing, why: &str) {
        let g = Graph::new();
        let n = g.state("n", F64, (), Init::Zeros);
        let program = Program::builder(&g).update(n, n + 1.0).compile().unwrap();
        let trainer = || Trainer::new(Session::new(Cpu::default(), 1), &program).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let record = Record::new(trainer().program().unwrap(), standing, history, None);
        let writer = Writer::new(Store::new(folder.path()), Keep::last_ones(1)).unwrap();
        writer.write((record, vec![("n".into(), Tensor::scalar(1.0))])).unwrap();
        writer.finish().0.unwrap();
        let source = crate::from_fn(6, |_, _| Ok(()));
        let fit = trainer().batch_size(2).resume(folder.path()).and_then(|mut t| t.fit(&source, None));
        let error = fit.err().unwrap().to_string();
        assert!(error.ends_with(&format!("is refused: {why}")), "{error}");
    }
}
