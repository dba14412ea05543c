//! burn itself: its tensors, its autodiff, its way of writing a training step.
//!
//! This is what a user of burn has today, and nothing is held against it: inputs are
//! float tensors made before any clock starts, the layer is burn's `linear`, the loss
//! is burn's cross entropy (`log_softmax` and `gather`), parameters go into the
//! graph without a copy, and the loss is never read while a clock runs.

use burn_autodiff::Autodiff;
use burn_backend::ops::*;
use burn_backend::tensor::{Device, FloatTensor, IntTensor};
use burn_backend::{AutodiffBackend, Backend, Scalar, Shape, TensorData};
use dl_core::Tensor;
use dl_examples::perceptron::{Perceptron, Recipe};

use crate::fault::{Fault, Result};
use crate::peers::PARAMETERS;
use crate::subject::{SEED, Subject, Training, recipe};
use crate::work::{CLASSES, PIXELS, Work, scaled};

/// Test images that are classified at once.
const TEST_BATCH: usize = 1000;

/// The perceptron in burn, and the batches that its timed steps take in turn.
pub(crate) struct Baseline<'w, B: Backend> {
    work: &'w Work,
    overlaps: bool,
    model: Model<B>,
    ring: Vec<Examples<B>>,
    at: usize,
}

/// A batch as burn wants it: images `[B, 784]` in `[0, 1]`, labels `[B, 1]`.
struct Examples<B: Backend> {
    images: FloatTensor<B>,
    labels: IntTensor<B>,
}

struct Model<B: Backend> {
    device: Device<B>,
    full_scale: u8,
    recipe: Recipe,
    /// In the order of [`PARAMETERS`].
    weights: Vec<FloatTensor<B>>,
    /// Momentum's `v`; empty before the first step, and without momentum.
    velocities: Vec<FloatTensor<B>>,
    loss: Option<FloatTensor<B>>,
}

impl<'w, B: Backend> Baseline<'w, B> {
    /// Moves the batches to the device; `overlaps` where its work goes on behind a call.
    pub(crate) fn new(work: &'w Work, overlaps: bool) -> Result<Self> {
        let model = Model::<B>::new(work, Recipe::TUTORIAL)?;
        let examples = |batch: &crate::work::Batch<'_>| model.examples(&batch.images, &batch.labels);
        let ring = work.ring().iter().map(examples).collect();
        Ok(Baseline { work, overlaps, model, ring, at: 0 })
    }
}

impl<B: Backend> Subject for Baseline<'_, B> {
    fn step(&mut self) -> Result<()> {
        self.at = (self.at + 1) % self.ring.len();
        self.model.step(&self.ring[self.at])
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        self.step()?;
        let Some(loss) = self.model.loss.clone() else { return Ok(None) };
        Ok(read::<B>(loss)?.iter::<f64>().next())
    }

    fn overlaps(&self) -> bool {
        self.overlaps
    }

    fn settle(&mut self) -> Result<()> {
        match self.model.loss.clone() {
            Some(loss) => read::<B>(loss).map(drop),
            None => Ok(()),
        }
    }

    fn train(&mut self, training: Training, progress: &mut dyn FnMut(f64)) -> Result<Option<f64>> {
        let recipe = recipe(training, self.work.batch());
        let mut model = Model::<B>::new(self.work, recipe)?;
        match training {
            // Nothing is shuffled or converted again between the tutorial's steps.
            Training::Tutorial => {
                for epoch in 0..recipe.epochs {
                    model.step(&self.ring[0])?;
                    progress((epoch + 1) as f64 / recipe.epochs as f64);
                }
            }
            Training::Recipe { .. } => {
                for epoch in 0..recipe.epochs {
                    let batches = self.work.data().train.batches(recipe.batch_size)?;
                    for batch in batches.shuffled(SEED + epoch as u64) {
                        let examples = model.examples(&batch.images, &batch.labels);
                        model.step(&examples)?;
                    }
                    progress((epoch + 1) as f64 / recipe.epochs as f64);
                }
            }
        }
        model.accuracy(self.work).map(Some)
    }
}

impl<B: Backend> Model<B> {
    /// The same first values as our own rows have.
    fn new(work: &Work, recipe: Recipe) -> Result<Self> {
        let device = Device::<B>::default();
        let first = Perceptron::MNIST.train(&recipe)?.initial(SEED)?;
        let mut weights = Vec::new();
        for name in PARAMETERS {
            let found = first.iter().find(|(path, _)| **path == *name);
            let (_, value) = found.ok_or_else(|| Fault::new(format!("no parameter {name}")))?;
            weights.push(upload::<B>(value, &device)?);
        }
        let full_scale = work.data().full_scale;
        Ok(Model { device, full_scale, recipe, weights, velocities: vec![], loss: None })
    }

    fn examples(&self, images: &[u8], labels: &[i64]) -> Examples<B> {
        let images = self.images(images);
        let labels = TensorData::new(labels.to_vec(), [labels.len(), 1]);
        Examples { images, labels: B::int_from_data(labels, &self.device) }
    }

    fn images(&self, bytes: &[u8]) -> FloatTensor<B> {
        let shape = Shape::from([bytes.len() / PIXELS, PIXELS]);
        B::float_from_data(TensorData::new(scaled(bytes, self.full_scale), shape), &self.device)
    }

    fn step(&mut self, batch: &Examples<B>) -> Result<()> {
        let leaf = |w| Autodiff::<B>::float_set_require_grad(Autodiff::<B>::from_inner(w), true);
        let leaves: Vec<_> = self.weights.drain(..).map(leaf).collect();
        let logits = logits::<Autodiff<B>>(Autodiff::<B>::from_inner(batch.images.clone()), &leaves);
        let loss = cross_entropy::<Autodiff<B>>(logits, batch.labels.clone());
        self.loss = Some(Autodiff::<B>::inner(loss.clone()));
        let mut grads = Autodiff::<B>::backward(loss);
        for (i, leaf) in leaves.into_iter().enumerate() {
            let grad = Autodiff::<B>::grad_remove(&leaf, &mut grads);
            let grad = grad.ok_or_else(|| Fault::new("burn gave no gradient"))?;
            let change = B::float_mul_scalar(self.direction(i, grad), Scalar::Float(self.recipe.rate));
            self.weights.push(B::float_sub(Autodiff::<B>::inner(leaf), change));
        }
        Ok(())
    }

    /// The gradient, or with momentum its running sum.
    fn direction(&mut self, i: usize, grad: FloatTensor<B>) -> FloatTensor<B> {
        if self.recipe.momentum == 0.0 {
            return grad;
        }
        let Some(old) = self.velocities.get(i).cloned() else {
            self.velocities.push(grad.clone());
            return grad;
        };
        let kept = B::float_mul_scalar(old, Scalar::Float(self.recipe.momentum));
        self.velocities[i] = B::float_add(kept, grad);
        self.velocities[i].clone()
    }

    /// The share of test images that are classified right.
    fn accuracy(&self, work: &Work) -> Result<f64> {
        let test = &work.data().test;
        let mut right = 0;
        for batch in test.batches(TEST_BATCH)? {
            let logits = read::<B>(logits::<B>(self.images(&batch.images), &self.weights))?;
            let logits: Vec<f32> = logits.iter::<f32>().collect();
            let hits = logits.chunks(CLASSES).zip(&batch.labels);
            right += hits.filter(|(row, label)| largest(row) == Some(**label as usize)).count();
        }
        Ok(right as f64 / test.len() as f64)
    }
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

fn logits<B: Backend>(x: FloatTensor<B>, weights: &[FloatTensor<B>]) -> FloatTensor<B> {
    let [w1, b1, w2, b2] = weights else {
        unreachable!("a model has the parameters of `PARAMETERS`");
    };
    let h = B::relu(B::linear(x, w1.clone(), Some(b1.clone())));
    B::linear(h, w2.clone(), Some(b2.clone()))
}

/// As burn's `CrossEntropyLoss` without weights and smoothing.
fn cross_entropy<B: Backend>(logits: FloatTensor<B>, labels: IntTensor<B>) -> FloatTensor<B> {
    let picked = B::float_gather(1, B::log_softmax(logits, 1), labels);
    B::float_neg(B::float_mean(picked))
}

fn upload<B: Backend>(value: &Tensor, device: &Device<B>) -> Result<FloatTensor<B>> {
    let data = TensorData::new(value.get::<f32>()?.to_vec(), Shape::from(value.shape().to_vec()));
    Ok(B::float_from_data(data, device))
}

fn read<B: Backend>(tensor: FloatTensor<B>) -> Result<TensorData> {
    burn_backend::read_sync(B::float_into_data(tensor))
        .map_err(|error| Fault::new(format!("cannot read from the device: {error:?}")))
}
