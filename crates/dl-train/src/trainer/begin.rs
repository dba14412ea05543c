//! How a training begins: what is checked before, and where it goes on.

use crate::error::{Error, Result};
use crate::history::{Ended, History, Run};
use crate::ledger::{Identity, Ledger};
use crate::sampling::Sampling;
use crate::source::{OnDevice, Source};
use crate::trainer::fit::{Fit, Saving};
use crate::trainer::{Resumed, Trainer, check, no_evaluation};

impl Trainer<'_> {
    pub(super) fn check(&self, train: &dyn Source, test: Option<&dyn Source>) -> Result<()> {
        check(train, self.batch_size, "train on")?;
        if let Some(sampling) = self.sampling.as_ref().filter(|s| s.len() != train.len()) {
            let (of, len) = (sampling.len(), train.len());
            return Err(Error::value(format!("the sampling is for {of} examples, the source has {len}")));
        }
        let judged = match (test, &self.test) {
            (None, _) => &self.train,
            (Some(_), None) => return Err(no_evaluation()),
            (Some(source), Some(stage)) => {
                check(source, self.evaluation_batch_size, "evaluate on")?;
                stage
            }
        };
        if self.evaluate_every.is_some() && test.is_none() {
            return Err(Error::value("evaluation within epochs needs examples to evaluate on"));
        }
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
            sampling: self.sampling.as_ref().map(Sampling::name),
            test_examples: test.map_or(0, |t| t.len()),
        }
    }

    /// A training from the first epoch on, or from a checkpoint.
    pub(super) fn begin<'s>(
        &mut self,
        train: &'s dyn Source,
        test: Option<&'s dyn Source>,
    ) -> Result<Fit<'s>> {
        let run = self.describe(train, test);
        let kept = self.ledger_every.is_some() || self.checkpoints.is_some();
        let data = if kept { train.digest().map(|hash| format!("{hash:016x}")) } else { None };
        let elsewhere = self.resumed.as_ref().is_some_and(|resumed| resumed.elsewhere);
        let (mut history, within) = match self.resumed.take() {
            None => (History { run, ..History::default() }, None),
            Some(resumed) => {
                resumed.fits(&run, data.as_deref())?;
                let epochs = resumed.history.epochs.clone();
                let finished = self.finished - epochs.len();
                let done = epochs.len().saturating_mul(run.batches).saturating_add(resumed.standing.batches);
                let run = Run { finished, resumed: done, ..run };
                let ended = Ended::default();
                (History { run, epochs, ended, identity: None, ..resumed.history }, Some(resumed.standing))
            }
        };
        let saving = match &mut self.checkpoints {
            None => None,
            Some(checkpoints) => {
                let writer = checkpoints.writer(within.is_some())?;
                Some(Saving { writer, program: self.program()? })
            }
        };
        // What was reduced before is reduced again.
        if let (Some(reducing), Some(goal), true) = (&mut self.reducing, &self.goal, elsewhere) {
            reducing.replay(&history.judged(goal.metric()))?;
        }
        if kept {
            history.identity = Some(self.identity(data)?);
        }
        let mut data = [None, None];
        if self.preloading {
            data[0] = OnDevice::new(&self.session, &self.train.handle, train)?;
            if let (Some(stage), Some(test)) = (&self.test, test) {
                data[1] = OnDevice::new(&self.session, &stage.handle, test)?;
            }
        }
        let ledger = within.as_ref().and_then(|standing| Ledger::from_hex(&standing.ledger));
        Ok(Fit { train, test, data, history, saving, ledger: ledger.unwrap_or_default(), within })
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
}

impl Resumed {
    /// Whether the training that it was made in was this one.
    fn fits(&self, run: &Run, data: Option<&str>) -> Result<()> {
        let then = &self.history.run;
        let order = |run: &Run| match run.shuffle {
            Some(seed) => format!("shuffled by seed {seed}"),
            None => "not shuffled".into(),
        };
        let sampled = |run: &Run| match &run.sampling {
            Some(sampling) => format!("examples sampled as {sampling}"),
            None => "all examples".into(),
        };
        let differences = [
            (then.examples != run.examples)
                .then(|| (format!("{} examples", then.examples), run.examples.to_string())),
            (then.batch_size != run.batch_size)
                .then(|| (format!("batches of {}", then.batch_size), run.batch_size.to_string())),
            (then.shuffle != run.shuffle).then(|| (order(then), order(run))),
            (then.sampling != run.sampling).then(|| (sampled(then), sampled(run))),
        ];
        let differences: Vec<String> =
            differences.into_iter().flatten().map(|(then, now)| format!("{then}, here {now}")).collect();
        if !differences.is_empty() {
            return Err(Error::value(format!(
                "the checkpoint is of a training with {}",
                differences.join("; ")
            )));
        }
        let (batches, of) = (self.standing.batches, run.batches);
        if batches > 0 && batches >= of {
            return Err(Error::value(format!(
                "the checkpoint is refused: it is within an epoch after {batches} batches, of {of}"
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
