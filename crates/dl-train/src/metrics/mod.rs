//! Metrics: how the outputs of many batches become one number each.

use std::fmt;

use dl_backends::{Handle, Outputs};
use dl_core::spelling::suggestion;
use dl_core::{DType, Name};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::checkpoint::Sum;
use crate::error::{Error, Kind, Result, listed};

/// Numbers by name, in the order of the program's outputs. Serialized as a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(Vec<(Name, f64)>);

impl Metrics {
    /// The number called `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| **n == *name).map(|(_, value)| *value)
    }

    /// Names and numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<(&'a str, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (&'a str, f64)>>(iter: I) -> Self {
        Metrics(iter.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// `J 0.3021  accuracy 0.9127`; four digits behind the point, small numbers with a power of ten.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { "  " };
            if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
                write!(f, "{gap}{name} {value:.3e}")?;
            } else {
                write!(f, "{gap}{name} {value:.4}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Metrics;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Metrics, A::Error> {
                let mut pairs = vec![];
                while let Some((name, value)) = map.next_entry::<String, f64>()? {
                    pairs.push((name.into(), value));
                }
                Ok(Metrics(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// A scalar output to report, and how its values over batches become one.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    output: Name,
    name: Name,
    merge: Merge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Merge {
    Mean,
    Share,
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

    /// Reports it under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Metric { name: name.into(), ..self }
    }
}

/// Metrics of a program, with the places of their outputs.
#[derive(Clone, Debug)]
pub(crate) struct Meters(Vec<(Metric, usize)>);

impl Meters {
    /// Whether there is a metric of this name, or an error that says which there are.
    pub(crate) fn require(&self, name: &str) -> Result<()> {
        let names: Vec<&str> = self.0.iter().map(|(metric, _)| &*metric.name).collect();
        if names.contains(&name) {
            return Ok(());
        }
        let hint = suggestion(name, names.iter().copied());
        Err(Error::value(format!("no metric {name} is reported; there are {}{hint}", listed(&names))))
    }

    /// Every scalar output: floats by their mean, integers by their share.
    pub(crate) fn of(handle: &Handle) -> Self {
        let plan = handle.plan();
        let metric = |(place, output): (usize, &dl_core::plan::OutputSlot)| {
            let value = plan.value(output.value);
            match value.dtype {
                _ if value.shape.rank() > 0 => None,
                DType::F32 | DType::F64 => Some((Metric::mean(&output.name), place)),
                DType::I64 => Some((Metric::share(&output.name), place)),
                DType::Bool | DType::U8 => None,
            }
        };
        Meters(plan.outputs().iter().enumerate().filter_map(metric).collect())
    }

    pub(crate) fn choose(handle: &Handle, metrics: impl IntoIterator<Item = Metric>) -> Result<Self> {
        let meter = |metric: Metric| Ok((find(handle, &metric)?, metric));
        let meters: Vec<(usize, Metric)> = metrics.into_iter().map(meter).collect::<Result<_>>()?;
        for (i, (_, metric)) in meters.iter().enumerate() {
            if meters[..i].iter().any(|(_, before)| before.name == metric.name) {
                return Err(Error::value(format!("two metrics are named {}", metric.name)));
            }
        }
        Ok(Meters(meters.into_iter().map(|(place, metric)| (metric, place)).collect()))
    }
}

fn find(handle: &Handle, metric: &Metric) -> Result<usize> {
    let plan = handle.plan();
    let Some(place) = handle.output(&metric.output) else {
        let known: Vec<&str> = plan.outputs().iter().map(|o| &*o.name).collect();
        let hint = suggestion(&metric.output, known.iter().copied());
        return Err(Error::value(format!(
            "unknown output {}; the program has {}{hint}",
            metric.output,
            listed(&known)
        )));
    };
    let value = plan.value(plan.outputs()[place].value);
    if value.shape.rank() > 0 || !value.dtype.is_numeric() {
        return Err(Error::value(format!(
            "output {} is {} {}, expected a scalar number",
            metric.output, value.dtype, value.shape
        )));
    }
    Ok(place)
}

/// Sums over the batches of one pass.
#[derive(Debug)]
pub(crate) struct Tally<'m> {
    meters: &'m Meters,
    sums: Vec<f64>,
    examples: f64,
    /// What was read of the last batch.
    last: Vec<f64>,
}

impl<'m> Tally<'m> {
    pub(crate) fn new(meters: &'m Meters) -> Self {
        Tally { meters, sums: vec![0.0; meters.0.len()], examples: 0.0, last: vec![] }
    }

    /// Reads the outputs of a batch of `rows` examples; `place` says which batch, for errors.
    pub(crate) fn add(
        &mut self,
        outputs: &Outputs<'_>,
        rows: usize,
        place: impl Fn() -> String,
    ) -> Result<()> {
        self.last.clear();
        for ((metric, at), sum) in self.meters.0.iter().zip(&mut self.sums) {
            let value = outputs.read_at(*at)?.item()?;
            if !value.is_finite() {
                let output = metric.output.to_string();
                return Err(Kind::Diverged { place: place(), output, value }.into());
            }
            self.last.push(value);
            *sum += match metric.merge {
                Merge::Mean => value * rows as f64,
                Merge::Share => value,
            };
        }
        self.examples += rows as f64;
        Ok(())
    }

    /// What the batches so far add up to, for a training that goes on elsewhere.
    pub(crate) fn sums(&self) -> Vec<Sum> {
        let sum = |((metric, _), value): (&(Metric, usize), &f64)| Sum {
            metric: metric.name.to_string(),
            value: *value,
        };
        self.meters.0.iter().zip(&self.sums).map(sum).collect()
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
        let names = |names: Vec<&str>| listed(&names);
        let own = names(self.meters.0.iter().map(|(metric, _)| &*metric.name).collect());
        let theirs = names(sums.iter().map(|sum| sum.metric.as_str()).collect());
        if own != theirs {
            return Err(Error::value(format!(
                "the checkpoint is within an epoch that reports {theirs}; this training reports {own}"
            )));
        }
        self.sums = sums.iter().map(|sum| sum.value).collect();
        self.examples = examples;
        Ok(())
    }

    /// What the batches so far come to; nothing before the first.
    pub(crate) fn metrics(&self) -> Metrics {
        if self.examples == 0.0 {
            return Metrics::default();
        }
        let pair = |((metric, _), sum): (&(Metric, usize), &f64)| (metric.name.clone(), sum / self.examples);
        Metrics(self.meters.0.iter().zip(&self.sums).map(pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_a_map_in_order() {
        let metrics: Metrics = [("J", 0.25), ("accuracy", 0.5)].into_iter().collect();
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(json, r#"{"J":0.25,"accuracy":0.5}"#);
        assert_eq!(serde_json::from_str::<Metrics>(&json).unwrap(), metrics);
        assert_eq!(metrics.get("accuracy"), Some(0.5));
        assert_eq!(metrics.get("loss"), None);
    }

    #[test]
    fn metrics_show_four_digits() {
        let metrics: Metrics = [("J", 0.302_14), ("tiny", 0.000_012_34), ("none", 0.0)].into_iter().collect();
        assert_eq!(metrics.to_string(), "J 0.3021  tiny 1.234e-5  none 0.0000");
    }
}
