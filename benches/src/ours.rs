//! Our compiler's rows: one program, run by an executor of ours.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use dl_backends::{Executor, Handle, Session, by_name};
use dl_core::{Plan, TensorRef, program};
use dl_examples::perceptron::{Perceptron, Recipe};
use dl_train::{BatchEnd, Epoch, Observer};

use crate::fault::{Fault, Result};
use crate::stats;
use crate::subject::{SEED, Subject, Training, recipe};
use crate::work::{Batch, PIXELS, Work};

/// How often the step is compiled to time it.
const COMPILATIONS: usize = 5;

/// A session with the training step, and the batches that timed steps take in turn.
pub(crate) struct Ours<'w> {
    work: &'w Work,
    backend: String,
    threads: usize,
    session: Session,
    step: Handle,
    ring: Vec<Batch<'w>>,
    at: usize,
    compile_ms: Option<f64>,
}

impl<'w> Ours<'w> {
    pub(crate) fn new(backend: &str, work: &'w Work, threads: usize) -> Result<Self> {
        let ring = work.ring();
        let mut times = Vec::new();
        for _ in 0..COMPILATIONS {
            times.push(compile(&*executor(backend, threads)?, &ring[0])?);
        }
        let mut session = Session::boxed(executor(backend, threads)?, SEED);
        let step = session.compile(&Perceptron::MNIST.train(&Recipe::TUTORIAL)?)?;
        if !step.inputs().eq(["x", "y"]) {
            return Err(Fault::new("expected a training step of the inputs x and y"));
        }
        let (backend, compile_ms) = (backend.to_owned(), stats::median(&times));
        Ok(Ours { work, backend, threads, session, step, ring, at: 0, compile_ms })
    }
}

/// burn's executors take their threads from the environment, which the parent has set.
fn executor(backend: &str, threads: usize) -> Result<Box<dyn Executor>> {
    match backend {
        "cpu" => Ok(Box::new(dl_backends::Cpu::with_threads(threads))),
        other => Ok(by_name(other)?),
    }
}

/// Milliseconds from the formula to something that runs on batches of this size.
fn compile(executor: &dyn Executor, batch: &Batch<'_>) -> Result<f64> {
    let started = Instant::now();
    let step = Perceptron::MNIST.train(&Recipe::TUTORIAL)?;
    let plan = Arc::new(Plan::new(&step, &executor.target()));
    let dims = with_inputs(batch, |inputs| program::bind(step.inputs(), inputs))??;
    let executable = executor.compile(&plan, &dims)?;
    let ms = started.elapsed().as_secs_f64() * 1e3;
    drop(executable);
    Ok(ms)
}

fn with_inputs<T>(batch: &Batch<'_>, run: impl FnOnce(&[TensorRef<'_>]) -> T) -> Result<T> {
    let n = batch.labels.len();
    let (images, labels) = ([n, PIXELS], [n]);
    let x = TensorRef::new(&images, &batch.images)?;
    let y = TensorRef::new(&labels, &batch.labels)?;
    Ok(run(&[x, y]))
}

impl Subject for Ours<'_> {
    fn compile_ms(&self) -> Option<f64> {
        self.compile_ms
    }

    fn step(&mut self) -> Result<()> {
        self.at = (self.at + 1) % self.ring.len();
        let (session, step) = (&mut self.session, &self.step);
        with_inputs(&self.ring[self.at], |inputs| session.run(step, inputs).map(drop))??;
        Ok(())
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        self.at = (self.at + 1) % self.ring.len();
        let (session, step) = (&mut self.session, &self.step);
        let loss = with_inputs(&self.ring[self.at], |inputs| session.run(step, inputs)?.read("J"))??;
        Ok(loss.get::<f32>()?.first().map(|&loss| loss.into()))
    }

    fn overlaps(&self) -> bool {
        self.backend == "wgpu"
    }

    fn settle(&mut self) -> Result<()> {
        // A parameter's value is known only when every update before is done.
        self.session.get("fc2.bias")?;
        Ok(())
    }

    fn train(&mut self, training: Training, progress: &mut dyn FnMut(f64)) -> Result<Option<f64>> {
        let recipe = recipe(training, self.work.batch());
        let data = self.work.data();
        let watch = Watch { epochs: recipe.epochs, progress };
        let mut trainer =
            Perceptron::MNIST.trainer(executor(&self.backend, self.threads)?, &recipe, SEED)?.observe(watch);
        trainer.fit(&data.train, None)?;
        Ok(trainer.evaluate(&data.test)?.get("accuracy"))
    }
}

/// Hears how far the trainer is.
struct Watch<'p> {
    epochs: usize,
    progress: &'p mut dyn FnMut(f64),
}

impl Observer for Watch<'_> {
    fn batch(&mut self, end: &BatchEnd<'_>) {
        // A line for each batch would be more talk than work.
        if end.number.is_multiple_of(100) {
            let done = (end.epoch - 1) as f64 + end.number as f64 / end.of as f64;
            (self.progress)(done / self.epochs as f64);
        }
    }

    fn epoch(&mut self, epoch: &Epoch) -> ControlFlow<()> {
        (self.progress)(epoch.number as f64 / self.epochs as f64);
        ControlFlow::Continue(())
    }
}
