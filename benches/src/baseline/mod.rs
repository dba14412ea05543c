//! burn itself: its tensors, its autodiff, its way of writing a training step.
//!
//! This is what a user of burn has today, and nothing is held against it: inputs are
//! float tensors made before any clock starts, the layer is burn's `linear`, the loss
//! is burn's cross entropy (`log_softmax` and `gather`), dropout and Adam are the formulas
//! of its modules, batch normalization is the operation that it differentiates as one,
//! parameters go into the graph without a copy, and the loss is never read while a clock runs.

mod layers;

use burn_autodiff::Autodiff;
use burn_backend::ops::*;
use burn_backend::tensor::{Device, FloatTensor, IntTensor};
use burn_backend::{AutodiffBackend, Backend, Scalar, Shape, TensorData};
use dl_bench_row::layout::{Value, channels_first};
use dl_core::Tensor;

use self::layers::{Mode, Pass, Statistics};
use crate::fault::{Fault, Result};
use crate::network::{Loss, Network, Optimizer, Programs};
use crate::subject::{SEED, Subject, Trained, Training};
use crate::work::{Table, Work};

/// What stands between a layer's name and those of its running statistics.
const RUNNING: &str = ".running_";

/// The share of a batch in new running statistics.
const MOMENTUM: f64 = 0.1;

/// Test examples that are looked at together.
const TEST_BATCH: usize = 1000;

/// A network in burn, and the batches that its timed steps take in turn.
pub(crate) struct Baseline<'w, B: Backend> {
    work: &'w Work,
    overlaps: bool,
    model: Model<B>,
    ring: Vec<Examples<B>>,
    at: usize,
}

/// A batch as burn wants it: floats, pixels in `[0, 1]`, and what is to come of them.
struct Examples<B: Backend> {
    inputs: FloatTensor<B>,
    targets: Targets<B>,
}

enum Targets<B: Backend> {
    /// Class indices `[B, 1]`.
    Classes(IntTensor<B>),
    /// `[B, outputs]`.
    Numbers(FloatTensor<B>),
}

struct Model<B: Backend> {
    device: Device<B>,
    network: Network,
    names: Vec<String>,
    /// Of each name its parameter.
    weights: Vec<FloatTensor<B>>,
    /// Running statistics with their names.
    running: Vec<(String, FloatTensor<B>)>,
    /// Of each of these its moments: one with momentum, two with Adam, none before the first step.
    moments: Vec<Vec<FloatTensor<B>>>,
    /// Steps done.
    steps: i32,
    loss: Option<FloatTensor<B>>,
}

impl<'w, B: Backend> Baseline<'w, B> {
    /// Moves the batches to the device; `overlaps` where its work goes on behind a call.
    pub(crate) fn new(network: &Network, work: &'w Work, overlaps: bool) -> Result<Self> {
        let model = Model::<B>::new(network.clone())?;
        let ring = work.ring().into_iter().map(|batch| model.examples(batch)).collect::<Result<_>>()?;
        Ok(Baseline { work, overlaps, model, ring, at: 0 })
    }

    fn next(&mut self, dropping: bool) -> Result<()> {
        self.at = (self.at + 1) % self.ring.len();
        self.model.step(&self.ring[self.at], dropping)
    }
}

impl<B: Backend> Subject for Baseline<'_, B> {
    fn step(&mut self) -> Result<()> {
        self.next(true)
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        self.next(false)?;
        self.model.last_loss().map(Some)
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

    fn train(&mut self, training: Training, progress: &mut dyn FnMut(f64)) -> Result<Trained> {
        let (train, batch) = (self.work.train(), self.work.batch());
        let mut model = Model::<B>::new(self.model.network.trained_by(training, batch))?;
        let (epochs, mut curve) = (training.epochs(), self.work.curve(training));
        for epoch in 0..epochs {
            match training {
                // Nothing is shuffled or converted again between full-batch steps.
                Training::FullBatch => {
                    model.step(&self.ring[0], true)?;
                    curve.add(model.last_loss()?);
                }
                Training::Recipe { .. } => {
                    for rows in dl_data::permutation(train.len(), SEED + epoch as u64).chunks(batch) {
                        let examples = model.examples(&train.select(rows)?)?;
                        model.step(&examples, true)?;
                        curve.add(model.last_loss()?);
                    }
                }
            }
            progress((epoch + 1) as f64 / epochs as f64);
        }
        Ok(Trained { test: Some(model.test(self.work.test())?), curve: curve.points() })
    }
}

impl<B: Backend> Model<B> {
    /// The same first values as our own rows have.
    fn new(network: Network) -> Result<Self> {
        let device = Device::<B>::default();
        let (mut names, mut weights, mut running) = (vec![], vec![], vec![]);
        let values = network.first_values()?.into_iter().map(|(name, value)| {
            let (shape, elements) = (value.shape().to_vec(), value.get::<f32>()?.to_vec());
            Ok(Value { name, shape, elements })
        });
        let mut values = values.collect::<Result<Vec<_>>>()?;
        channels_first(&network, &mut values);
        for Value { name, shape, elements } in values {
            let value = B::float_from_data(TensorData::new(elements, Shape::from(shape)), &device);
            match name.contains(RUNNING) {
                true => running.push((name, value)),
                false => {
                    names.push(name);
                    weights.push(value);
                }
            }
        }
        let moments = vec![vec![]; weights.len()];
        Ok(Model { device, network, names, weights, running, moments, steps: 0, loss: None })
    }

    fn examples(&self, batch: &Table) -> Result<Examples<B>> {
        let shape = Shape::from(batch.x.shape().to_vec());
        let inputs = B::float_from_data(TensorData::new(batch.floats(), shape), &self.device);
        let targets = match self.network.loss {
            Loss::CrossEntropy => {
                let labels = TensorData::new(batch.y.get::<i64>()?.to_vec(), [batch.len(), 1]);
                Targets::Classes(B::int_from_data(labels, &self.device))
            }
            Loss::SquaredError => Targets::Numbers(upload::<B>(&batch.y, &self.device)?),
        };
        Ok(Examples { inputs, targets })
    }

    fn step(&mut self, batch: &Examples<B>, dropping: bool) -> Result<()> {
        let leaf = |w| Autodiff::<B>::float_set_require_grad(Autodiff::<B>::from_inner(w), true);
        let leaves: Vec<_> = self.weights.drain(..).map(leaf).collect();
        let inputs = Autodiff::<B>::from_inner(batch.inputs.clone());
        let mut statistics = vec![];
        let mode = Mode::Train { dropping, batch: &mut statistics };
        let mut pass =
            Pass::<Autodiff<B>> { names: &self.names, values: &leaves, device: &self.device, mode };
        let outputs = pass.through(&self.network.layers, inputs)?;
        let errors = match &batch.targets {
            Targets::Classes(labels) => cross_entropy::<Autodiff<B>>(outputs, labels.clone()),
            Targets::Numbers(y) => {
                let error = Autodiff::<B>::float_sub(outputs, Autodiff::<B>::from_inner(y.clone()));
                Autodiff::<B>::float_mul(error.clone(), error)
            }
        };
        let mut loss = Autodiff::<B>::float_mean(errors);
        if self.network.l2 > 0.0 {
            loss = Autodiff::<B>::float_add(loss, self.penalty(&leaves));
        }
        self.loss = Some(Autodiff::<B>::inner(loss.clone()));
        let mut grads = Autodiff::<B>::backward(loss);
        statistics.into_iter().for_each(|of_batch| self.keep(of_batch));
        self.steps += 1;
        for (i, leaf) in leaves.into_iter().enumerate() {
            let grad = Autodiff::<B>::grad_remove(&leaf, &mut grads);
            let grad = grad.ok_or_else(|| Fault::new("burn gave no gradient"))?;
            let change = change::<B>(self.network.optimizer, grad, &mut self.moments[i], self.steps);
            self.weights.push(B::float_sub(Autodiff::<B>::inner(leaf), change));
        }
        Ok(())
    }

    /// Of the last step, before it.
    fn last_loss(&self) -> Result<f64> {
        let none = || Fault::new("burn gave no loss");
        read::<B>(self.loss.clone().ok_or_else(none)?)?.iter::<f64>().next().ok_or_else(none)
    }

    /// `factor` of the sum of all squared weights.
    fn penalty(&self, leaves: &[FloatTensor<Autodiff<B>>]) -> FloatTensor<Autodiff<B>> {
        let weights = self.names.iter().zip(leaves).filter(|(name, _)| name.ends_with(".weight"));
        let squares =
            weights.map(|(_, w)| Autodiff::<B>::float_sum(Autodiff::<B>::float_mul(w.clone(), w.clone())));
        let sum = squares.reduce(Autodiff::<B>::float_add).expect("a network has a weight");
        Autodiff::<B>::float_mul_scalar(sum, Scalar::Float(self.network.l2))
    }

    /// Moves the running statistics of a batch normalization towards its batch's.
    fn keep(&mut self, of_batch: Statistics<Autodiff<B>>) {
        let Statistics { name, mean, unbiased } = of_batch;
        for (of, new) in [("mean", mean), ("var", unbiased)] {
            let name = format!("{name}{RUNNING}{of}");
            let own = self.running.iter_mut().find(|(path, _)| *path == name);
            if let Some((_, old)) = own {
                let kept = B::float_mul_scalar(old.clone(), Scalar::Float(1.0 - MOMENTUM));
                let new = B::float_mul_scalar(Autodiff::<B>::inner(new), Scalar::Float(MOMENTUM));
                *old = B::float_add(kept, new);
            }
        }
    }

    /// The share of `table` that is classified right, or the mean squared error.
    fn test(&self, table: &Table) -> Result<f64> {
        let (mut sum, outputs) = (0.0, self.network.outputs());
        let (running, values): (Vec<String>, Vec<_>) = self.running.iter().cloned().unzip();
        let (names, values) = ([&self.names[..], &running].concat(), [&self.weights[..], &values].concat());
        let rows: Vec<usize> = (0..table.len()).collect();
        for rows in rows.chunks(TEST_BATCH) {
            let part = table.select(rows)?;
            let inputs = self.examples(&part)?.inputs;
            let mode = Mode::Evaluate;
            let mut pass = Pass::<B> { names: &names, values: &values, device: &self.device, mode };
            let found = read::<B>(pass.through(&self.network.layers, inputs)?)?;
            let found: Vec<f32> = found.iter::<f32>().collect();
            sum += match self.network.loss {
                Loss::CrossEntropy => {
                    let hits = found.chunks(outputs).zip(part.y.get::<i64>()?);
                    hits.filter(|(row, label)| largest(row) == Some(**label as usize)).count() as f64
                }
                Loss::SquaredError => {
                    let pairs = found.iter().zip(part.y.get::<f32>()?);
                    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / outputs as f64
                }
            };
        }
        Ok(sum / table.len() as f64)
    }
}

/// What an update takes away, as burn's optimizers compute it.
fn change<B: Backend>(
    optimizer: Optimizer,
    grad: FloatTensor<B>,
    moments: &mut Vec<FloatTensor<B>>,
    step: i32,
) -> FloatTensor<B> {
    let times = |x: FloatTensor<B>, by: f64| B::float_mul_scalar(x, Scalar::Float(by));
    // `kept·old + new`, and without an old value `new` alone.
    let mut moment = |i: usize, kept: f64, new: FloatTensor<B>| {
        match moments.get_mut(i) {
            Some(old) => *old = B::float_add(times(old.clone(), kept), new),
            None => moments.push(new),
        }
        moments[i].clone()
    };
    match optimizer {
        Optimizer::Sgd { rate, momentum: 0.0 } => times(grad, rate),
        Optimizer::Sgd { rate, momentum } => times(moment(0, momentum, grad), rate),
        Optimizer::Adam { rate } => {
            let (beta1, beta2, eps) = (0.9_f64, 0.999_f64, 1e-8);
            let square = B::float_mul(grad.clone(), grad.clone());
            let first = moment(0, beta1, times(grad, 1.0 - beta1));
            let second = moment(1, beta2, times(square, 1.0 - beta2));
            let root = B::float_sqrt(times(second, 1.0 / (1.0 - beta2.powi(step))));
            let scale = B::float_add_scalar(root, Scalar::Float(eps));
            B::float_div(times(first, rate / (1.0 - beta1.powi(step))), scale)
        }
    }
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

/// As burn's `CrossEntropyLoss` without weights and smoothing, before the mean.
fn cross_entropy<B: Backend>(logits: FloatTensor<B>, labels: IntTensor<B>) -> FloatTensor<B> {
    B::float_neg(B::float_gather(1, B::log_softmax(logits, 1), labels))
}

fn upload<B: Backend>(value: &Tensor, device: &Device<B>) -> Result<FloatTensor<B>> {
    let data = TensorData::new(value.get::<f32>()?.to_vec(), Shape::from(value.shape().to_vec()));
    Ok(B::float_from_data(data, device))
}

fn read<B: Backend>(tensor: FloatTensor<B>) -> Result<TensorData> {
    burn_backend::read_sync(B::float_into_data(tensor))
        .map_err(|error| Fault::new(format!("cannot read from the device: {error:?}")))
}
