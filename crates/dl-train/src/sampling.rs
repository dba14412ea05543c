//! Which examples an epoch has, and in which order, where that is more than a shuffle.

use dl_data::{class_weights, stratified_order, weighted_rows};

use crate::error::{Error, Result};
use crate::source::digest_of;

/// How [`Trainer::sample`](crate::Trainer::sample) chooses the examples of an epoch.
///
/// ```
/// use dl_train::Sampling;
/// let digits = dl_data::digits()?;
/// let labels = || digits.train.labels().iter().copied();
/// // Every batch has each class nearly as often as the whole.
/// let even = Sampling::stratified(labels());
/// // Every class as often as the others, however rare it is.
/// let balanced = Sampling::balanced(labels())?;
/// assert_eq!((even.len(), balanced.len()), (1437, 1437));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling(How);

#[derive(Clone, Debug, PartialEq)]
enum How {
    Weighted(Vec<f64>),
    Stratified(Vec<usize>),
}

impl Sampling {
    /// As many examples as there are, drawn with replacement, each as often as its weight among all.
    ///
    /// # Errors
    /// When a weight is negative or no number, or they sum to 0.
    pub fn weighted(weights: Vec<f64>) -> Result<Sampling> {
        weighted_rows(&weights, 0, 0).map_err(value)?;
        Ok(Sampling(How::Weighted(weights)))
    }

    /// The same with each class as often as every other: weights by [`dl_data::class_weights`].
    ///
    /// # Errors
    /// When a class below the largest has no example.
    pub fn balanced<C: Into<usize>>(classes: impl IntoIterator<Item = C>) -> Result<Sampling> {
        let classes: Vec<usize> = classes.into_iter().map(Into::into).collect();
        let count = classes.iter().max().map_or(0, |most| most.saturating_add(1));
        // More classes than examples leave one without.
        let weights = class_weights(&classes, count.min(classes.len() + 1)).map_err(value)?;
        Sampling::weighted(classes.iter().map(|class| weights[*class]).collect())
    }

    /// Every example once, in an order in which any run has nearly each class's share: so has every batch.
    pub fn stratified<C: Into<usize>>(classes: impl IntoIterator<Item = C>) -> Sampling {
        Sampling(How::Stratified(classes.into_iter().map(Into::into).collect()))
    }

    /// The number of examples that it is for.
    pub fn len(&self) -> usize {
        match &self.0 {
            How::Weighted(weights) => weights.len(),
            How::Stratified(classes) => classes.len(),
        }
    }

    /// Whether it is for none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples of the epoch whose seed this is.
    pub(crate) fn rows(&self, seed: u64) -> Result<Vec<usize>> {
        match &self.0 {
            How::Weighted(weights) => weighted_rows(weights, weights.len(), seed).map_err(value),
            How::Stratified(classes) => Ok(stratified_order(classes, seed)),
        }
    }

    /// What tells it from others, in records: `weighted 0123456789abcdef`.
    pub(crate) fn name(&self) -> String {
        let (kind, bytes): (_, Vec<u8>) = match &self.0 {
            How::Weighted(weights) => ("weighted", weights.iter().flat_map(|w| w.to_le_bytes()).collect()),
            How::Stratified(classes) => {
                ("stratified", classes.iter().flat_map(|c| (*c as u64).to_le_bytes()).collect())
            }
        };
        format!("{kind} {:016x}", digest_of(&bytes, 0))
    }
}

fn value(error: dl_data::Error) -> Error {
    Error::value(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_are_drawn_as_often_as_others() {
        let classes = || (0..1000usize).map(|i| usize::from(i % 50 == 0));
        let rows = Sampling::balanced(classes()).unwrap().rows(7).unwrap();
        let rare = rows.iter().filter(|row| **row % 50 == 0).count();
        assert_eq!(rows.len(), 1000);
        assert!((440..560).contains(&rare), "{rare}");
        let even = Sampling::stratified(classes());
        for batch in even.rows(7).unwrap().chunks(100) {
            let rare = batch.iter().filter(|row| **row % 50 == 0).count();
            assert!((1..=3).contains(&rare), "{rare}");
        }
        assert_ne!(even.rows(7).unwrap(), even.rows(8).unwrap());
    }

    #[test]
    fn samplings_are_told_apart_and_checked() {
        let names = [
            Sampling::weighted(vec![1.0, 2.0]).unwrap().name(),
            Sampling::weighted(vec![2.0, 1.0]).unwrap().name(),
            Sampling::stratified([1usize, 2]).name(),
        ];
        assert!(
            names[0] != names[1] && names[0].starts_with("weighted ") && names[2].starts_with("stratified ")
        );
        let fails = |sampling: Result<Sampling>, want: &str| {
            assert_eq!(sampling.unwrap_err().to_string(), want);
        };
        fails(
            Sampling::weighted(vec![f64::NAN]),
            "the weight of example 0 is NaN, expected a number from 0 on",
        );
        fails(Sampling::weighted(vec![]), "the weights of 0 examples sum to 0");
        fails(Sampling::balanced([0u8, 2]), "class 1 has no example, so that it has no weight");
        fails(Sampling::balanced([usize::MAX, 0]), "class 18446744073709551615 is outside the 3 classes");
        assert!(Sampling::stratified([0u8; 0]).is_empty());
    }
}
