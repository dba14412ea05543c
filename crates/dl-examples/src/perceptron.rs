//! The tutorial's perceptron: images in, one hidden layer, classes out; and how it is trained.

use std::fmt;

use dl_backends::{Executor, Session};
use dl_core::derive::Derivation;
use dl_core::nn::{self, Sgd};
use dl_core::{Expr, F32, Graph, I64, Named, Program, U8};
use dl_data::Dataset;
use dl_train::{Metric, Trainer};

use crate::watch::Pictured;

/// The number of images of a batch.
pub const B: Named = Named("B");

/// The sizes of a perceptron with one hidden layer: for MNIST 784-128-10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perceptron {
    /// Pixels of an image.
    pub pixels: usize,
    /// The pixel value that becomes 1.
    pub full_scale: u8,
    /// Hidden units.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
}

impl Perceptron {
    /// The tutorial's: 784-128-10.
    pub const MNIST: Perceptron = Perceptron { pixels: 784, full_scale: 255, hidden: 128, classes: 10 };

    /// 128 hidden units for the images and classes of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        Perceptron {
            pixels: dataset.train.images().pixels_per_image(),
            full_scale: dataset.full_scale,
            hidden: 128,
            classes: dataset.classes.len(),
        }
    }

    /// The model: images `u8` `[B, pixels]` to logits `f32` `[B, classes]`.
    ///
    /// `logits = relu(x/255 · W₁ + b₁) · W₂ + b₂`, with the parameters `fc1.weight`, `fc1.bias`,
    /// `fc2.weight` and `fc2.bias`, which start as in PyTorch. Images stay bytes until they are in
    /// the program: a batch of them is a quarter of its size in floats.
    pub fn logits<'g>(&self, images: Expr<'g>) -> Expr<'g> {
        self.layers(self.scaled(images))
    }

    /// Images as floats from 0 to 1.
    fn scaled<'g>(&self, images: Expr<'g>) -> Expr<'g> {
        images.cast(F32) / f64::from(self.full_scale)
    }

    fn layers<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        let h = nn::dense(x, "fc1", self.hidden).relu().named("h");
        nn::dense(h, "fc2", self.classes).named("logits")
    }

    /// A training step: inputs `x`, `u8` `[B, pixels]`, and `y`, `i64` `[B]`; output `J`, the mean
    /// cross entropy before the step.
    ///
    /// # Errors
    /// When a size is 0 or a setting of the recipe is not a finite number from 0 on.
    pub fn train(&self, recipe: &Recipe) -> dl_core::Result<Program> {
        let g = Graph::new();
        self.objective(&g).2.minimize(recipe.optimizer())
    }

    /// The training step as a textbook has it: the objective, the values on the way, the chain rule, the step.
    ///
    /// # Errors
    /// As for [`train`](Perceptron::train).
    pub fn derivation(&self, recipe: &Recipe) -> dl_core::Result<Derivation> {
        let g = Graph::new();
        let j = self.objective(&g).2;
        let parameters: Vec<Expr<'_>> = g.parameters().iter().collect();
        Derivation::of(j, &parameters)?.with_updates(&recipe.optimizer())
    }

    /// A page about the training step.
    ///
    /// # Errors
    /// As for [`train`](Perceptron::train).
    #[cfg(feature = "explain")]
    pub fn explanation(&self, title: &str, recipe: &Recipe) -> dl_core::Result<dl_explain::Explanation> {
        let g = Graph::new();
        let j = self.objective(&g).2;
        crate::explained::explanation(title, j, recipe.optimizer())
    }

    /// The evaluation: the same inputs; outputs `J` and `correct`, the number of images of the batch
    /// whose largest logit is the label's.
    ///
    /// # Errors
    /// When a size is 0.
    pub fn evaluate(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        let (_, logits, j) = self.objective(&g);
        let hits = logits.argmax(-1).eq(labels(&g));
        Program::builder(&g).output("J", j).output("correct", hits.cast(I64).sum(..)).compile()
    }

    /// The images as floats from 0 to 1, the logits, and the mean cross entropy.
    fn objective<'g>(&self, g: &'g Graph) -> (Expr<'g>, Expr<'g>, Expr<'g>) {
        let x = self.scaled(g.input("x", U8, (B, self.pixels)));
        let logits = self.layers(x);
        (x, logits, nn::cross_entropy(logits, labels(g)).mean(..))
    }

    /// A trainer on `executor` that follows `recipe`; `seed` decides the first weights and the order
    /// of the images. It reports `J`, and evaluates `J` and `accuracy`.
    ///
    /// # Errors
    /// As for [`train`](Perceptron::train); also what the executor refuses.
    pub fn trainer<'a>(
        &self,
        executor: Box<dyn Executor>,
        recipe: &Recipe,
        seed: u64,
    ) -> dl_train::Result<Trainer<'a>> {
        let trainer = Trainer::new(Session::boxed(executor, seed), &self.train(recipe)?)?
            .evaluate_with(&self.evaluate()?)?
            .report_evaluation([Metric::mean("J"), Metric::share("correct").named("accuracy")])?
            .epochs(recipe.epochs)
            .batch_size(recipe.batch_size);
        // A full batch has no order worth the shuffling.
        Ok(if recipe.batch_size == usize::MAX { trainer } else { trainer.shuffle(seed) })
    }
}

impl Pictured for Perceptron {
    #[cfg(feature = "pictures")]
    fn study(&self, dataset: &Dataset) -> dl_train::Result<dl_train::pictures::Study> {
        let g = Graph::new();
        let (x, logits, j) = self.objective(&g);
        let [_, rows, columns] = dataset.test.images().shape();
        Ok(dl_train::pictures::Study::new(x, logits, j)?.shape([rows, columns]).classes(&dataset.classes))
    }
}

fn labels(g: &Graph) -> Expr<'_> {
    g.input("y", I64, B)
}

/// How to train: plain numbers, so that another framework can follow the same recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images of a batch; `usize::MAX` for all.
    pub batch_size: usize,
    /// The learning rate α.
    pub rate: f64,
    /// The momentum μ: `v ← μ·v + ∂J/∂θ`, `θ ← θ - α·v`, `v` from 0 on.
    pub momentum: f64,
}

impl Recipe {
    /// The tutorial's: ten steps of gradient descent, each over all images.
    pub const TUTORIAL: Recipe = Recipe { epochs: 10, batch_size: usize::MAX, rate: 0.01, momentum: 0.0 };

    /// A practitioner's: mini-batches and momentum.
    ///
    /// On MNIST it reaches 97.8 to 98.0 % of the test images for the seeds 1 to 5, as
    /// `cargo run --release -p dl-examples --example mnist_perceptron -- --seeds 5` prints.
    pub const PRACTICAL: Recipe = Recipe { epochs: 10, batch_size: 64, rate: 0.03, momentum: 0.9 };

    /// The same with batches of another size, and the learning rate in proportion: k times the
    /// images in a batch are 1/k of the steps, each k times as long. Goyal et al.: "Accurate, large
    /// minibatch SGD", 2017, section 2.1. It holds up to some size only; here, 512 is well inside.
    #[must_use]
    pub fn with_batch_size(self, batch_size: usize) -> Self {
        let rate = self.rate * (batch_size as f64 / self.batch_size as f64);
        Recipe { batch_size, rate, ..self }
    }

    /// The optimizer.
    pub fn optimizer(&self) -> Sgd {
        Sgd::new(self.rate).momentum(self.momentum)
    }
}

/// `10 epochs, batches of 64, learning rate 0.05, momentum 0.9`.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} epochs, ", self.epochs)?;
        match self.batch_size {
            usize::MAX => f.write_str("all images in one batch")?,
            size => write!(f, "batches of {size}")?,
        }
        write!(f, ", learning rate {}, momentum {}", self.rate, self.momentum)
    }
}
