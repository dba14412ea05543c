//! The trainer: a session, a training program, and how to go through the data.

mod anchor;
mod begin;
mod best;
mod fit;
mod reducing;
mod resume;

use dl_backends::{Handle, Session};
use dl_core::spelling::suggestion;
use dl_core::{Name, Program};

use self::best::Best;
use self::reducing::Reducing;
use self::resume::{Checkpoints, Resumed};
use crate::checkpoint::Goal;
use crate::error::{Error, Result};
use crate::history::Epoch;
use crate::interrupt::Interrupt;
use crate::metrics::{Meters, Metric};
use crate::observer::{Observer, StopWhen};
use crate::sampling::Sampling;
use crate::source::Source;

/// Trains by running one program on batch after batch, and evaluates by running another.
///
/// What it does by default: 1 epoch, batches of 64 in the source's order, evaluation in batches of
/// 1,000, every scalar output reported (see [`report`](Trainer::report)), nobody watching.
pub struct Trainer<'a> {
    session: Session,
    /// What is trained, as it was written.
    written: Program,
    train: Stage,
    test: Option<Stage>,
    epochs: usize,
    batch_size: usize,
    evaluation_batch_size: usize,
    shuffle: Option<u64>,
    sampling: Option<Sampling>,
    read_every: usize,
    finished: usize,
    observers: Vec<Box<dyn Observer + 'a>>,
    checkpoints: Option<Checkpoints>,
    resumed: Option<Resumed>,
    goal: Option<Goal>,
    patience: Option<usize>,
    /// Where the best is kept in memory.
    best: Option<Best>,
    /// After how many steps the ledger has a line, besides the ends of epochs.
    ledger_every: Option<u64>,
    /// After how many steps it is evaluated, besides the ends of epochs.
    evaluate_every: Option<u64>,
    reducing: Option<Reducing>,
    interrupt: Option<Interrupt>,
    /// Whether numbers that are not finite are traced to where they began.
    tracing: bool,
    /// Whether a device of its own is given all examples at once.
    preloading: bool,
    /// What tells the training program from others, once somebody asks.
    program: Option<String>,
}

/// A program with what is reported of it.
struct Stage {
    handle: Handle,
    meters: Meters,
}

impl<'a> Trainer<'a> {
    /// A trainer that runs `program`, which updates parameters, in `session`.
    ///
    /// # Errors
    /// When the session cannot compile the program, or the program updates nothing.
    pub fn new(mut session: Session, program: &Program) -> Result<Self> {
        if program.updates().is_empty() {
            return Err(Error::value("the training program updates no parameter"));
        }
        let train = Stage::new(&mut session, program)?;
        Ok(Trainer {
            session,
            written: program.clone(),
            train,
            test: None,
            epochs: 1,
            batch_size: 64,
            evaluation_batch_size: 1000,
            shuffle: None,
            sampling: None,
            read_every: 1,
            finished: 0,
            observers: vec![],
            checkpoints: None,
            resumed: None,
            goal: None,
            patience: None,
            best: None,
            ledger_every: None,
            evaluate_every: None,
            reducing: None,
            interrupt: None,
            tracing: false,
            preloading: true,
            program: None,
        })
    }

    /// Evaluates by running `program`, which updates nothing, over the same parameters.
    ///
    /// # Errors
    /// When the session cannot compile the program, when the program updates something, or when it reads
    /// a trainable parameter that the session has not yet: nobody trains that one, so its path is wrong.
    /// ([Frozen](dl_core::nn::Parameters::freeze) ones may be its own.)
    pub fn evaluate_with(mut self, program: &Program) -> Result<Self> {
        if let Some(update) = program.updates().first() {
            return Err(Error::value(format!("the evaluation program updates {}", update.parameter)));
        }
        let known: Vec<Name> = self.session.parameters().iter().map(|d| d.name.clone()).collect();
        if let Some(own) = program.parameters().iter().find(|d| d.trainable && !known.contains(&d.name)) {
            let hint = suggestion(&own.name, known.iter().map(|name| &**name));
            let name = &own.name;
            return Err(Error::value(format!(
                "the evaluation program reads parameter {name}, which is not trained{hint}"
            )));
        }
        self.test = Some(Stage::new(&mut self.session, program)?);
        self.take_pending()?;
        Ok(self)
    }

    /// How many epochs [`fit`](Trainer::fit) trains; 0 is allowed.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Trainer { epochs, ..self }
    }

    /// Examples of a training batch; `usize::MAX` for all at once. The last batch of an epoch has
    /// what is left.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Self {
        Trainer { batch_size, ..self }
    }

    /// Examples of an evaluation batch. It changes what fits into memory, never what comes out,
    /// up to rounding.
    #[must_use]
    pub fn evaluation_batch_size(self, evaluation_batch_size: usize) -> Self {
        Trainer { evaluation_batch_size, ..self }
    }

    /// Shuffles the examples anew for each epoch. The order depends on the seed and the epoch's
    /// number only.
    #[must_use]
    pub fn shuffle(self, seed: u64) -> Self {
        Trainer { shuffle: Some(seed), ..self }
    }

    /// Chooses the examples of each epoch in place of a shuffle of all: by weights, or with classes mixed evenly. They
    /// depend on the sampling, the seed and the epoch's number only, so that a training that is resumed has the same.
    #[must_use]
    pub fn sample(self, sampling: Sampling, seed: u64) -> Self {
        Trainer { shuffle: Some(seed), sampling: Some(sampling), ..self }
    }

    /// Chooses what is reported of the training program. Without it: every scalar float by its
    /// [mean](Metric::mean), every scalar integer by its [share](Metric::share).
    ///
    /// # Errors
    /// When an output is unknown or no scalar number, or two metrics have one name.
    pub fn report(mut self, metrics: impl IntoIterator<Item = Metric>) -> Result<Self> {
        self.train.meters = Meters::choose(&self.train.handle, metrics)?;
        Ok(self)
    }

    /// The same for the evaluation program.
    ///
    /// # Errors
    /// As for [`report`](Trainer::report); also when there is no evaluation program.
    pub fn report_evaluation(mut self, metrics: impl IntoIterator<Item = Metric>) -> Result<Self> {
        let test = self.test.as_mut().ok_or_else(no_evaluation)?;
        test.meters = Meters::choose(&test.handle, metrics)?;
        Ok(self)
    }

    /// Whether an executor with a device of its own is given all examples before the first epoch, bytes as bytes, where
    /// the source has them [in memory](Source::whole) and the device has the room; batches are gathered there by the
    /// numbers of their examples. On at first. Results are the same to the bit; off, every batch is uploaded.
    #[must_use]
    pub fn preloading(self, on: bool) -> Self {
        Trainer { preloading: on, ..self }
    }

    /// Reads the training program's outputs only after every `batches`-th batch, and after the
    /// last: a device need not wait for the host in between. Means are over what was read, and a
    /// loss that becomes NaN is noticed at a later reading. What a device has not delivered yet is
    /// added when it has: the host waits when something is recorded, or 64 readings are on their way.
    /// (With a ledger, and while tracing, it waits at every reading.)
    #[must_use]
    pub fn read_every(self, batches: usize) -> Self {
        Trainer { read_every: batches.max(1), ..self }
    }

    /// Adds an observer, such as [`Progress::stderr`](crate::Progress::stderr).
    #[must_use]
    pub fn observe(mut self, observer: impl Observer + 'a) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Keeps a ledger: a running hash of all losses that are read and, after every `steps`-th step and each epoch, of
    /// the parameters. [Observers](Observer::ledger) hear its lines, [`Progress`](crate::Progress) prints them, and
    /// the [history](crate::History::ledger_line) has them. Two runs are the same if their last lines are.
    ///
    /// With [checkpoints](Trainer::checkpoint) there is one of epochs at least.
    #[must_use]
    pub fn ledger_every(self, steps: u64) -> Self {
        Trainer { ledger_every: Some(steps.max(1)), ..self }
    }

    /// Evaluates after every `steps`-th step, too, within epochs. [Patience](Trainer::patience), the best checkpoint
    /// and [plateaus](Trainer::reduce_on_plateau) go by these evaluations as by those after epochs. An evaluation is
    /// a run, so random numbers of [`Clock::Run`](dl_core::ops::Clock) depend on how often there is one.
    #[must_use]
    pub fn evaluate_every(self, steps: u64) -> Self {
        Trainer { evaluate_every: Some(steps.max(1)), ..self }
    }

    /// Stops after the step in which `interrupt` is set, and saves a checkpoint where there are any. The next
    /// [`fit`](Trainer::fit) goes on within the epoch, once it is [cleared](Interrupt::clear).
    #[must_use]
    pub fn interrupt(self, interrupt: &Interrupt) -> Self {
        Trainer { interrupt: Some(interrupt.clone()), ..self }
    }

    /// Stops after the first epoch for which `condition` holds.
    #[must_use]
    pub fn stop_when(self, condition: impl FnMut(&Epoch) -> bool + 'a) -> Self {
        self.observe(StopWhen(condition))
    }

    /// The session, with the parameters as they are now.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, to set parameters or run other programs.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The session, by value.
    pub fn into_session(self) -> Session {
        self.session
    }
}

impl Stage {
    fn new(session: &mut Session, program: &Program) -> Result<Self> {
        let handle = session.compile(program)?;
        let meters = Meters::of(&handle);
        Ok(Stage { handle, meters })
    }
}

/// The numbers of all examples, in the order that `seed` gives; or of those that a sampling chooses by it.
fn rows(examples: usize, seed: Option<u64>, sampling: Option<&Sampling>) -> Result<Vec<usize>> {
    // A source that somebody wrote may say any length; what cannot be had is found before it is taken.
    if Vec::<usize>::new().try_reserve_exact(examples).is_err() {
        return Err(Error::value(format!("the numbers of {examples} examples do not fit into memory")));
    }
    if let (Some(seed), Some(sampling)) = (seed, sampling) {
        return sampling.rows(seed);
    }
    Ok(match seed {
        Some(seed) => dl_data::permutation(examples, seed),
        None => (0..examples).collect(),
    })
}

fn check(source: &dyn Source, batch_size: usize, what: &str) -> Result<()> {
    if batch_size == 0 {
        return Err(Error::value("batch size must be at least 1, got 0"));
    }
    if source.is_empty() {
        return Err(Error::value(format!("there are no examples to {what}")));
    }
    Ok(())
}

fn no_evaluation() -> Error {
    Error::value("examples to evaluate on need an evaluation program: see Trainer::evaluate_with")
}
