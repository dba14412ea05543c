//! What is reported of a program, and how it is added up over batches.

use dl_backends::{Handle, Outputs, Reading};
use dl_core::spelling::suggestion;
use dl_core::{DType, Name, TensorRef};

use super::Metrics;
use super::exact::{Confusion, Exact};
use crate::checkpoint::Sum;
use crate::error::{Error, Kind, Result, listed};

/// Something to report of a program: a scalar output, and how its values over batches become one; or predictions
/// beside their labels, of which it is a number that is the same whatever the batches.
///
/// ```
/// use dl_train::Metric;
/// // Of a program with the output `logits` [B, classes] and the input (or output) `y` [B].
/// let metrics = [Metric::mean("J"), Metric::accuracy("logits", "y"), Metric::f1("logits", "y").named("F₁")];
/// # let _ = metrics;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    output: Name,
    name: Name,
    merge: Merge,
}

#[derive(Clone, Debug, PartialEq)]
enum Merge {
    Mean,
    Share,
    Largest,
    Smallest,
    Exact(Exact, Name),
}

impl Metric {
    /// An output that is a mean over its batch, such as a loss: averaged over all examples, so
    /// that a smaller last batch weighs less.
    pub fn mean(output: &str) -> Self {
        Metric { output: output.into(), name: output.into(), merge: Merge::Mean }
    }

    /// An output that counts within its batch, such as the number of images classified right:
    /// added up and divided by the number of examples.
    pub fn share(output: &str) -> Self {
        Metric { merge: Merge::Share, ..Metric::mean(output) }
    }

    /// The largest of an output's values over batches, such as the largest gradient.
    pub fn largest(output: &str) -> Self {
        Metric { merge: Merge::Largest, ..Metric::mean(output) }
    }

    /// The smallest of an output's values over batches.
    pub fn smallest(output: &str) -> Self {
        Metric { merge: Merge::Smallest, ..Metric::mean(output) }
    }

    fn exact(what: Exact, name: &str, output: &str, labels: &str) -> Self {
        Metric { output: output.into(), name: name.into(), merge: Merge::Exact(what, labels.into()) }
    }

    /// `accuracy`: the share of examples whose label is the first of the largest logits. Logits are an output
    /// `[B, classes]`, labels an input or output `[B]` of whole numbers, here and below.
    pub fn accuracy(logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::Top(1), "accuracy", logits, labels)
    }

    /// `top-{k}`: the share of examples whose label is among the `k` largest logits; of equal ones the first count.
    pub fn top_k(k: usize, logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::Top(k), &format!("top-{k}"), logits, labels)
    }

    /// `precision`: the mean over classes, see [`Confusion::precision`].
    pub fn precision(logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::Precision, "precision", logits, labels)
    }

    /// `recall`: the mean over classes, see [`Confusion::recall`].
    pub fn recall(logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::Recall, "recall", logits, labels)
    }

    /// `f1`: the mean over classes, see [`Confusion::f1`].
    pub fn f1(logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::F1, "f1", logits, labels)
    }

    /// `auroc`: the area under the curve of true against false positives, where equal scores count half; NaN unless
    /// there are labels of both kinds. Scores are an output of one number for each example, labels 0 or 1.
    pub fn auroc(scores: &str, labels: &str) -> Self {
        Metric::exact(Exact::Auroc, "auroc", scores, labels)
    }

    /// `ece`: the expected calibration error of the softmax of logits, over `bins` bins of equal width.
    ///
    /// Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural networks", ICML 2017.
    pub fn calibration_error(bins: usize, logits: &str, labels: &str) -> Self {
        Metric::exact(Exact::Calibration(bins.max(1)), "ece", logits, labels)
    }

    /// `mae`: the mean absolute error of an output beside targets of as many elements.
    pub fn mean_absolute_error(output: &str, targets: &str) -> Self {
        Metric::exact(Exact::MeanAbsolute, "mae", output, targets)
    }

    /// `mse`: the mean squared error.
    pub fn mean_squared_error(output: &str, targets: &str) -> Self {
        Metric::exact(Exact::MeanSquared, "mse", output, targets)
    }

    /// `rmse`: the root of the mean squared error.
    pub fn root_mean_squared_error(output: &str, targets: &str) -> Self {
        Metric::exact(Exact::RootMeanSquared, "rmse", output, targets)
    }

    /// `r2`: the share of the targets' variance that the output explains, `1 - Σ(y-t)²/Σ(t-mean t)²`.
    pub fn r_squared(output: &str, targets: &str) -> Self {
        Metric::exact(Exact::RSquared, "r2", output, targets)
    }

    /// Adds the scalar of a batch of `rows` examples.
    fn add(&self, state: &mut Vec<f64>, value: f64, rows: usize, place: impl Fn() -> String) -> Result<()> {
        if !value.is_finite() {
            let output = self.output.to_string();
            return Err(Kind::Diverged { place: place(), output, value }.into());
        }
        let before = state.pop();
        state.push(match self.merge {
            Merge::Mean => before.unwrap_or(0.0) + value * rows as f64,
            Merge::Largest => before.map_or(value, |old| old.max(value)),
            Merge::Smallest => before.map_or(value, |old| old.min(value)),
            Merge::Share | Merge::Exact(..) => before.unwrap_or(0.0) + value,
        });
        Ok(())
    }

    /// Reports it under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Metric { name: name.into(), ..self }
    }
}

/// Metrics of a program, with the places of what they read.
#[derive(Clone, Debug)]
pub(crate) struct Meters(Vec<Meter>);

#[derive(Clone, Debug)]
struct Meter {
    metric: Metric,
    /// Among the outputs.
    output: usize,
    labels: Option<Labels>,
}

/// Where labels are.
#[derive(Clone, Copy, Debug)]
enum Labels {
    Output(usize),
    Input(usize),
}

impl Meters {
    /// Whether there is a metric of this name, or an error that says which there are.
    pub(crate) fn require(&self, name: &str) -> Result<()> {
        let names = self.names();
        if names.contains(&name) {
            return Ok(());
        }
        let hint = suggestion(name, names.iter().copied());
        Err(Error::value(format!("no metric {name} is reported; there are {}{hint}", listed(&names))))
    }

    /// Whether all are scalar outputs.
    pub(crate) fn are_scalars(&self) -> bool {
        self.0.iter().all(|meter| meter.labels.is_none())
    }

    /// The program's inputs that are labels.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter_map(|meter| match meter.labels {
            Some(Labels::Input(place)) => Some(place),
            _ => None,
        })
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|meter| &*meter.metric.name).collect()
    }

    /// Every scalar output: floats by their mean, integers by their share.
    pub(crate) fn of(handle: &Handle) -> Self {
        let plan = handle.plan();
        let meter = |(output, slot): (usize, &dl_core::plan::OutputSlot)| {
            let value = plan.value(slot.value);
            let metric = match value.dtype {
                _ if value.shape.rank() > 0 => return None,
                DType::F32 | DType::F64 => Metric::mean(&slot.name),
                DType::I64 => Metric::share(&slot.name),
                DType::Bool | DType::U8 => return None,
            };
            Some(Meter { metric, output, labels: None })
        };
        Meters(plan.outputs().iter().enumerate().filter_map(meter).collect())
    }

    pub(crate) fn choose(handle: &Handle, metrics: impl IntoIterator<Item = Metric>) -> Result<Self> {
        let meters: Vec<Meter> =
            metrics.into_iter().map(|m| Meter::find(handle, m)).collect::<Result<_>>()?;
        for (i, Meter { metric, .. }) in meters.iter().enumerate() {
            if meters[..i].iter().any(|before| before.metric.name == metric.name) {
                return Err(Error::value(format!("two metrics are named {}", metric.name)));
            }
        }
        Ok(Meters(meters))
    }

    /// What counts the classes of `logits` beside `labels`.
    pub(crate) fn confusion(handle: &Handle, logits: &str, labels: &str) -> Result<Self> {
        Meters::choose(handle, [Metric::f1(logits, labels)])
    }
}

impl Meter {
    fn find(handle: &Handle, metric: Metric) -> Result<Meter> {
        let plan = handle.plan();
        let known: Vec<&str> = plan.outputs().iter().map(|o| &*o.name).collect();
        let Some(output) = handle.output(&metric.output) else {
            let hint = suggestion(&metric.output, known.iter().copied());
            return Err(Error::value(format!(
                "unknown output {}; the program has {}{hint}",
                metric.output,
                listed(&known)
            )));
        };
        if let Merge::Exact(_, name) = &metric.merge {
            let inputs: Vec<&str> = handle.inputs().collect();
            let input = inputs.iter().position(|input| **input == **name).map(Labels::Input);
            let labels = handle.output(name).map(Labels::Output).or(input).ok_or_else(|| {
                let all: Vec<&str> = known.iter().chain(&inputs).copied().collect();
                let hint = suggestion(name, all.iter().copied());
                Error::value(format!("no output or input {name}; the program has {}{hint}", listed(&all)))
            })?;
            return Ok(Meter { metric, output, labels: Some(labels) });
        }
        let value = plan.value(plan.outputs()[output].value);
        if value.shape.rank() > 0 || !value.dtype.is_numeric() {
            return Err(Error::value(format!(
                "output {} is {} {}, expected a scalar number",
                metric.output, value.dtype, value.shape
            )));
        }
        Ok(Meter { metric, output, labels: None })
    }
}

/// What the batches of one pass add up to.
#[derive(Debug)]
pub(crate) struct Tally<'m> {
    meters: &'m Meters,
    /// Of each metric: a sum, or what it needs.
    states: Vec<Vec<f64>>,
    examples: f64,
    /// The scalars that were read of the last batch.
    last: Vec<f64>,
}

impl<'m> Tally<'m> {
    pub(crate) fn new(meters: &'m Meters) -> Self {
        Tally { meters, states: vec![vec![]; meters.0.len()], examples: 0.0, last: vec![] }
    }

    /// Reads the outputs of a batch of `rows` examples; `place` says which batch, for errors.
    pub(crate) fn add<'i>(
        &mut self,
        outputs: &Outputs<'_>,
        input: impl Fn(&str) -> Option<TensorRef<'i>>,
        rows: usize,
        place: impl Fn() -> String,
    ) -> Result<()> {
        self.last.clear();
        for (Meter { metric, output, labels }, state) in self.meters.0.iter().zip(&mut self.states) {
            let value = outputs.read_at(*output)?;
            if let (Merge::Exact(what, name), Some(labels)) = (&metric.merge, labels) {
                let added = match labels {
                    Labels::Input(_) => match input(name) {
                        Some(labels) => what.add(state, value.view(), labels),
                        None => Err(format!("input {name} is missing")),
                    },
                    Labels::Output(place) => what.add(state, value.view(), outputs.read_at(*place)?.view()),
                };
                added.map_err(|why| Error::value(format!("{}: {}: {why}", place(), metric.name)))?;
                continue;
            }
            let value = value.item()?;
            metric.add(state, value, rows, &place)?;
            self.last.push(value);
        }
        self.examples += rows as f64;
        Ok(())
    }

    /// Begins to read what [scalars](Meters::are_scalars) there are of a batch.
    pub(crate) fn begin(&self, outputs: &Outputs<'_>) -> Result<Vec<Reading>> {
        let readings = self.meters.0.iter().map(|meter| outputs.begin_reading_at(meter.output));
        Ok(readings.collect::<dl_backends::Result<_>>()?)
    }

    /// Adds the scalars of a batch of `rows` examples.
    pub(crate) fn add_scalars(
        &mut self,
        values: impl Iterator<Item = Result<f64>>,
        rows: usize,
        place: impl Fn() -> String,
    ) -> Result<()> {
        self.last.clear();
        for ((Meter { metric, .. }, state), value) in self.meters.0.iter().zip(&mut self.states).zip(values) {
            let value = value?;
            metric.add(state, value, rows, &place)?;
            self.last.push(value);
        }
        self.examples += rows as f64;
        Ok(())
    }

    /// What the batches so far add up to, for a training that goes on elsewhere.
    pub(crate) fn sums(&self) -> Vec<Sum> {
        let names = self.meters.names().into_iter().map(str::to_owned);
        names.zip(&self.states).map(|(metric, state)| Sum { metric, state: state.clone() }).collect()
    }

    /// What was read of the last batch that was.
    pub(crate) fn last(&self) -> &[f64] {
        &self.last
    }

    /// How many examples that were.
    pub(crate) fn examples(&self) -> f64 {
        self.examples
    }

    /// Goes on from what other batches add up to.
    pub(crate) fn go_on(&mut self, sums: &[Sum], examples: f64) -> Result<()> {
        let own = listed(&self.meters.names());
        let theirs: Vec<&str> = sums.iter().map(|sum| sum.metric.as_str()).collect();
        let theirs = listed(&theirs);
        if own != theirs {
            return Err(Error::value(format!(
                "the checkpoint is within an epoch that reports {theirs}; this training reports {own}"
            )));
        }
        self.states = sums.iter().map(|sum| sum.state.clone()).collect();
        self.examples = examples;
        Ok(())
    }

    /// What the batches so far come to; nothing before the first.
    pub(crate) fn metrics(&self) -> Metrics {
        if self.examples == 0.0 {
            return Metrics::default();
        }
        let pair = |(Meter { metric, .. }, state): (&Meter, &Vec<f64>)| {
            let value = match &metric.merge {
                Merge::Exact(what, _) => what.value(state),
                Merge::Mean | Merge::Share => state.first().map_or(0.0, |sum| sum / self.examples),
                Merge::Largest | Merge::Smallest => state.first().copied().unwrap_or(f64::NAN),
            };
            (metric.name.clone(), value)
        };
        Metrics(self.meters.0.iter().zip(&self.states).map(pair).collect())
    }

    /// How often each class was taken for each, of [`Meters::confusion`].
    pub(crate) fn confusion(&self) -> Confusion {
        Confusion::of(self.states.first().map_or(&[], Vec::as_slice))
    }
}
