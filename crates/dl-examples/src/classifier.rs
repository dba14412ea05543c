//! Networks that tell images apart: their programs, and how they are trained.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use dl_backends::{Executor, Session};
use dl_core::nn::{self, AdamW, Mode, OneCycle};
use dl_core::{Expr, F32, Graph, I64, Program, U8};
use dl_data::{Augmentation, Dataset, Split};
use dl_train::{Augmented, Metric, Prefetch, Progress, Trainer};

use crate::options::Options;
use crate::perceptron::B;
use crate::watch::{Pictured, Watch};

/// A model: images `f32` `[B, rows, columns]`, from 0 to 1, to logits `[B, classes]`.
pub type Model = for<'g> fn(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g>;

/// A model for images of one size.
#[derive(Clone, Copy, Debug)]
pub struct Classifier {
    model: Model,
    rows: usize,
    columns: usize,
    full_scale: u8,
    classes: usize,
}

impl Classifier {
    /// `model` for the images and classes of `dataset`.
    pub fn of(dataset: &Dataset, model: Model) -> Self {
        let [_, rows, columns] = dataset.train.images().shape();
        Classifier { model, rows, columns, full_scale: dataset.full_scale, classes: dataset.classes.len() }
    }

    /// A training step of `course` on so many images: inputs `x`, `u8` `[B, pixels]`, and `y`, `i64` `[B]`;
    /// output `J`, the mean cross entropy before the step.
    ///
    /// # Errors
    /// What the model refuses of the images' sizes, or a setting that is not a finite number from 0 on.
    pub fn train(&self, course: &Course, images: usize) -> dl_core::Result<Program> {
        let g = Graph::new();
        let rate = OneCycle::new(course.rate, course.steps(images));
        self.objective(&g, Mode::Train).2.minimize(AdamW::new(rate).weight_decay(course.weight_decay))
    }

    /// A page about the training step.
    ///
    /// # Errors
    /// As for [`train`](Classifier::train).
    #[cfg(feature = "explain")]
    pub fn explanation(
        &self,
        title: &str,
        course: &Course,
        images: usize,
    ) -> dl_core::Result<dl_explain::Explanation> {
        let g = Graph::new();
        let rate = OneCycle::new(course.rate, course.steps(images));
        let optimizer = AdamW::new(rate).weight_decay(course.weight_decay);
        crate::explained::explanation(title, self.objective(&g, Mode::Train).2, optimizer)
    }

    /// The evaluation: the same inputs; outputs `J` and `correct`, the number of images of the batch whose
    /// largest logit is the label's.
    ///
    /// # Errors
    /// What the model refuses of the images' sizes.
    pub fn evaluate(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        let (_, logits, j) = self.objective(&g, Mode::Evaluate);
        let hits = logits.argmax(-1).eq(labels(&g)).cast(I64);
        Program::builder(&g).output("J", j).output("correct", hits.sum(..)).compile()
    }

    /// The images as floats from 0 to 1, the logits, and the mean cross entropy.
    fn objective<'g>(&self, g: &'g Graph, mode: Mode) -> (Expr<'g>, Expr<'g>, Expr<'g>) {
        let x = g.input("x", U8, (B, self.rows * self.columns)).cast(F32) / f64::from(self.full_scale);
        let logits = (self.model)(x.reshape((B, self.rows, self.columns)), self.classes, mode);
        (x, logits, nn::cross_entropy(logits, labels(g)).mean(..))
    }

    /// A trainer on `executor` that follows `course` on so many images; `seed` decides the first weights and
    /// the order of the images. It reports `J`, and evaluates `J` and `accuracy`.
    ///
    /// # Errors
    /// As for [`train`](Classifier::train); also what the executor refuses.
    pub fn trainer<'a>(
        &self,
        executor: Box<dyn Executor>,
        course: &Course,
        images: usize,
        seed: u64,
    ) -> dl_train::Result<Trainer<'a>> {
        Ok(Trainer::new(Session::boxed(executor, seed), &self.train(course, images)?)?
            .evaluate_with(&self.evaluate()?)?
            .report_evaluation([Metric::mean("J"), Metric::share("correct").named("accuracy")])?
            .epochs(course.epochs)
            .batch_size(course.batch_size)
            .shuffle(seed))
    }
}

impl Pictured for Classifier {
    #[cfg(feature = "pictures")]
    fn study(&self, dataset: &Dataset) -> dl_train::Result<dl_train::pictures::Study> {
        let g = Graph::new();
        let (x, logits, j) = self.objective(&g, Mode::Evaluate);
        let study = dl_train::pictures::Study::new(x, logits, j)?;
        Ok(study.shape([self.rows, self.columns]).classes(&dataset.classes))
    }
}

fn labels(g: &Graph) -> Expr<'_> {
    g.input("y", I64, B)
}

/// How to train: AdamW with a rate of one cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images of a batch.
    pub batch_size: usize,
    /// The largest rate of the [cycle](OneCycle).
    pub rate: f64,
    /// The decay λ of [`AdamW`].
    pub weight_decay: f64,
    /// How images change from epoch to epoch.
    pub augmentation: Augmentation,
}

impl Course {
    /// Steps on so many images.
    pub fn steps(&self, images: usize) -> u64 {
        (self.epochs * images.div_ceil(self.batch_size.max(1))) as u64
    }

    /// The images as they are trained on: changed anew in every epoch, while the step before runs.
    ///
    /// # Errors
    /// What the augmentation refuses.
    pub fn source(
        &self,
        images: &Arc<Split>,
        seed: u64,
    ) -> Result<Prefetch<Augmented<Arc<Split>>>, Box<dyn Error>> {
        let [_, rows, columns] = images.images().shape();
        let augmenter = self.augmentation.on([rows, columns, 1])?;
        Ok(Prefetch::new(Augmented::new(Arc::clone(images), augmenter, seed))?)
    }

    /// The same with what the command line asks for in place of it.
    #[must_use]
    pub fn with(self, options: &Options) -> Self {
        let epochs = options.epochs.unwrap_or(self.epochs);
        Course { epochs, batch_size: options.batch_size.unwrap_or(self.batch_size), ..self }
    }
}

/// `10 epochs, batches of 64, AdamW with one cycle up to 0.003 and decay 0.01`.
impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Course { epochs, batch_size, rate, weight_decay, augmentation } = self;
        write!(
            f,
            "{epochs} epochs, batches of {batch_size}, AdamW with one cycle up to {rate} and decay {weight_decay}"
        )?;
        if *augmentation == Augmentation::new() { Ok(()) } else { write!(f, ", images {augmentation}") }
    }
}

/// What the examples do: print the objective and its data, train for every seed that the options ask for, and
/// tell each seed's accuracy on the test images, or on those held out, with their mean and spread.
///
/// # Errors
/// When there is no such backend, or it refuses; also when all images are held out.
#[allow(clippy::print_stdout)]
pub fn report(
    options: &Options,
    dataset: &Dataset,
    model: Model,
    course: Course,
) -> Result<(), Box<dyn Error>> {
    let course = course.with(options);
    let held_out = options.held_out.map(|n| dataset.held_out(n));
    let (dataset, judged) =
        (held_out.as_ref().unwrap_or(dataset), held_out.as_ref().map_or("test", |_| "held-out"));
    if dataset.train.is_empty() {
        let (n, all) = (dataset.test.len(), "all training images");
        return Err(format!("--held-out: {n} are {all}, and none is left to learn from").into());
    }
    let watch = Watch::new(options)?;
    let classifier = Classifier::of(dataset, model);
    println!("{dataset}, from {}\n{course}", dataset.origin);
    let images = Arc::new(dataset.train.clone());
    let mut reached = vec![];
    for seed in (0..options.seeds).map(|i| options.seed.wrapping_add(i)) {
        let train = course.source(&images, seed)?;
        let trainer = classifier.trainer(options.executor()?, &course, dataset.train.len(), seed)?;
        let mut trainer = watch.observed(trainer.observe(Progress::stderr()));
        let history = trainer.fit(&train, Some(&dataset.test))?;
        let accuracy = trainer.evaluate(&dataset.test)?.get("accuracy").unwrap_or(0.0);
        let (backend, seconds) = (&history.run.backend, history.seconds());
        println!("{backend}, seed {seed}: {judged} accuracy {:.2} % after {seconds:.1} s", 100.0 * accuracy);
        watch.keep(&format!("seed-{seed}"), &history, &mut trainer, &classifier, dataset)?;
        reached.push(accuracy);
    }
    if reached.len() > 1 {
        let mean = reached.iter().sum::<f64>() / reached.len() as f64;
        let least = reached.iter().copied().fold(f64::INFINITY, f64::min);
        let most = reached.iter().copied().fold(0.0, f64::max);
        let [mean, least, most] = [mean, least, most].map(|share| 100.0 * share);
        println!("mean of {} seeds: {mean:.2} % ({least:.2} to {most:.2})", reached.len());
    }
    Ok(())
}
