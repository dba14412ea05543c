//! Our compiler's rows: one program, run by an executor of ours.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use dl_backends::{Executor, Handle, Session, by_name};
use dl_bench_row::curve::Curve;
use dl_core::{Plan, TensorRef, program};
use dl_train::{BatchEnd, Columns, Epoch, Observer, Trainer};
use tempfile::TempDir;

use crate::fault::{Fault, Result};
use crate::network::{Network, Programs, TEST};
use crate::stats;
use crate::subject::{SEED, Subject, TUNED, Trained, Training};
use crate::work::{Table, Work};

/// How often the step is compiled to time it.
const COMPILATIONS: usize = 5;

/// A session with the training step, and the batches that timed steps take in turn.
pub(crate) struct Ours<'w> {
    network: Network,
    work: &'w Work,
    backend: String,
    threads: usize,
    session: Session,
    step: Handle,
    /// The step without dropout, over the same parameters.
    checked: Handle,
    ring: Vec<&'w Table>,
    at: usize,
    compile_ms: Option<f64>,
    /// What a tuned row has measured, which is its own.
    folder: TempDir,
}

impl<'w> Ours<'w> {
    pub(crate) fn new(backend: &str, network: &Network, work: &'w Work, threads: usize) -> Result<Self> {
        let ring = work.ring();
        let folder = tempfile::tempdir()?;
        let mut times = Vec::new();
        for _ in 0..COMPILATIONS {
            times.push(compile(&*executor(backend, threads, &folder)?, network, ring[0])?);
        }
        let mut session = Session::boxed(executor(backend, threads, &folder)?, SEED);
        let step = session.compile(&network.train()?)?;
        if !step.inputs().eq(["x", "y"]) {
            return Err(Fault::new("expected a training step of the inputs x and y"));
        }
        let plain = network.without_dropout();
        let checked = if plain == *network { step.clone() } else { session.compile(&plain.train()?)? };
        let (network, backend, compile_ms) = (network.clone(), backend.to_owned(), stats::median(&times));
        let at = 0;
        Ok(Ours { network, work, backend, threads, session, step, checked, ring, at, compile_ms, folder })
    }

    fn next(&mut self) -> [TensorRef<'w>; 2] {
        self.at = (self.at + 1) % self.ring.len();
        self.ring[self.at].inputs()
    }
}

/// burn's executors take their threads from the environment, which the parent has set.
fn executor(backend: &str, threads: usize, folder: &TempDir) -> Result<Box<dyn Executor>> {
    match backend {
        "cpu" => Ok(Box::new(dl_backends::Cpu::with_threads(threads))),
        TUNED => tuned(folder),
        other => Ok(by_name(other)?),
    }
}

/// With what it measures in a file of the folder.
#[cfg(feature = "wgpu")]
fn tuned(folder: &TempDir) -> Result<Box<dyn Executor>> {
    Ok(Box::new(dl_backends::Wgpu::default().tuned(folder.path().join("tuned.json"))?))
}

#[cfg(not(feature = "wgpu"))]
fn tuned(_: &TempDir) -> Result<Box<dyn Executor>> {
    Err(crate::subject::unknown(TUNED))
}

/// Milliseconds from the formula to something that runs on batches of this size.
fn compile(executor: &dyn Executor, network: &Network, batch: &Table) -> Result<f64> {
    let started = Instant::now();
    let step = network.train()?;
    let plan = Arc::new(Plan::new(&step));
    let dims = program::bind(step.inputs(), &batch.inputs())?;
    let executable = executor.compile(&plan, &dims)?;
    let ms = started.elapsed().as_secs_f64() * 1e3;
    drop(executable);
    Ok(ms)
}

impl Subject for Ours<'_> {
    fn compile_ms(&self) -> Option<f64> {
        self.compile_ms
    }

    fn step(&mut self) -> Result<()> {
        let inputs = self.next();
        self.session.run(&self.step, &inputs)?;
        Ok(())
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        let inputs = self.next();
        let loss = self.session.run(&self.checked, &inputs)?.read("J")?;
        Ok(loss.get::<f32>()?.first().map(|&loss| loss.into()))
    }

    fn overlaps(&self) -> bool {
        self.backend.starts_with("wgpu")
    }

    fn settle(&mut self) -> Result<()> {
        // A parameter's value is known only when every update before is done.
        let first = self.session.parameters().first().map(|parameter| parameter.name.clone());
        first.map_or(Ok(()), |name| self.session.get(&name).map(drop).map_err(Fault::from))
    }

    fn train(&mut self, training: Training, progress: &mut dyn FnMut(f64)) -> Result<Trained> {
        let network = self.network.trained_by(training, self.work.batch());
        let (metric, evaluation) = network.evaluate()?;
        let session = Session::boxed(executor(&self.backend, self.threads, &self.folder)?, SEED);
        let (epochs, mut curve) = (training.epochs(), self.work.curve(training));
        let watch = Watch { epochs, progress, curve: &mut curve, seen: 0.0, sum: 0.0 };
        let mut trainer = Trainer::new(session, &network.train()?)?
            .evaluate_with(&evaluation)?
            .report_evaluation([metric])?
            .epochs(epochs)
            .batch_size(self.work.batch())
            .observe(watch);
        // A full batch has no order worth the shuffling.
        if training != Training::FullBatch {
            trainer = trainer.shuffle(SEED);
        }
        trainer.fit(&columns(self.work.train())?, None)?;
        let test = trainer.evaluate(&columns(self.work.test())?)?.get(TEST);
        drop(trainer);
        Ok(Trained { test, curve: curve.points() })
    }
}

fn columns(table: &Table) -> Result<Columns> {
    Ok(Columns::new().column("x", table.x.clone())?.column("y", table.y.clone())?)
}

/// Hears how far the trainer is, and the losses.
struct Watch<'p> {
    epochs: usize,
    progress: &'p mut dyn FnMut(f64),
    curve: &'p mut Curve,
    /// Examples of the epoch so far, and the sum of their losses.
    seen: f64,
    sum: f64,
}

impl Observer for Watch<'_> {
    fn batch(&mut self, end: &BatchEnd<'_>) {
        if end.number == 1 {
            (self.seen, self.sum) = (0.0, 0.0);
        }
        // What is reported are means over the epoch so far.
        if let Some(mean) = end.metrics().get("J") {
            let (seen, examples) = (self.seen + end.examples as f64, end.examples as f64);
            self.curve.add((mean * seen - self.sum) / examples);
            (self.seen, self.sum) = (seen, mean * seen);
        }
        // A line for each batch would be more talk than work.
        if end.number.is_multiple_of(100) {
            let done = (end.epoch - 1) as f64 + end.number as f64 / end.of as f64;
            (self.progress)(done / self.epochs as f64);
        }
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        (self.progress)(epoch.number as f64 / self.epochs as f64);
        ControlFlow::Continue(())
    }
}
