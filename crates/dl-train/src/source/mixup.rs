//! Examples that are mixtures of two.

use dl_core::DType;
use dl_data::Random;

use super::{Batch, Source, digest_of};
use crate::error::{Error, Result};

/// A source each of whose examples is mixed with another one: `x ← λ·x + (1-λ)·x′`, with targets in the same
/// proportion, and `λ` from the beta distribution of `(α, α)`.
///
/// Zhang, Cisse, Dauphin and Lopez-Paz: "mixup: beyond empirical risk minimization", ICLR 2018; `α` from 0.1 to 0.4
/// served them for images. The other example and `λ` are decided by the seed, the epoch and the example's place, not
/// by the batch. In an evaluation nothing is mixed.
///
/// The source's input `x` is bytes or `f32`, its `y` classes `i64` `[n]`. Programs are fed with `x` and with `t`,
/// the probabilities of the classes, `f32` `[n, classes]`: what [`dl_core::nn::CrossEntropy`] takes.
///
/// ```
/// use dl_train::{Mixup, Source};
/// let digits = dl_data::digits()?;
/// let mixed = Mixup::new(&digits.train, 10, 0.2, 7)?;
/// assert_eq!(mixed.len(), 1437);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mixup<S> {
    source: S,
    classes: usize,
    alpha: f64,
    seed: u64,
}

impl<S: Source> Mixup<S> {
    /// Mixtures of the examples of `source`, which are of so many classes.
    ///
    /// # Errors
    /// When `alpha` is not from 0.01 to 100.
    pub fn new(source: S, classes: usize, alpha: f64, seed: u64) -> Result<Self> {
        if !(0.01..=100.0).contains(&alpha) {
            return Err(Error::value(format!("an α of mixup of {alpha}: expected one from 0.01 to 100")));
        }
        Ok(Mixup { source, classes, alpha, seed })
    }

    /// The other example of one, and its own share.
    fn partner(&self, epoch: usize, row: usize) -> (usize, f64) {
        if epoch == 0 {
            return (row, 1.0);
        }
        let mut random = Random::of(self.seed, &[epoch as u64, row as u64]);
        let others = self.source.len().saturating_sub(1) as u64;
        let other = random.below(others) as usize;
        // Among all but itself.
        let other = if others > 0 && other >= row { other + 1 } else { other };
        (other, beta(self.alpha, &mut random))
    }

    fn target(&self, batch: &Batch, at: usize) -> Result<usize> {
        let labels = batch.get("y").ok_or_else(|| Error::value("mixup needs the input y of its source"))?;
        let labels = labels.get::<i64>()?;
        let class = labels.get(at).copied().unwrap_or(-1);
        usize::try_from(class).ok().filter(|class| *class < self.classes).ok_or_else(|| {
            Error::value(format!("class {class} is outside the {} classes of mixup", self.classes))
        })
    }
}

/// A number of the beta distribution of `(α, α)`.
///
/// Up to 1, by Jöhnk: "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", Metrika 8, 1964, with
/// logarithms, since powers of `1/α` underflow. Above, the density is no larger than in the middle: rejection.
fn beta(alpha: f64, random: &mut Random) -> f64 {
    // In (0, 1], which has logarithms.
    let mut unit = || 1.0 - random.unit();
    loop {
        if alpha > 1.0 {
            let x = unit();
            if unit() < libm::pow(4.0 * x * (1.0 - x), alpha - 1.0) {
                return x;
            }
            continue;
        }
        let (a, b) = (libm::log(unit()) / alpha, libm::log(unit()) / alpha);
        let most = a.max(b);
        let sum = most + libm::log(libm::exp(a - most) + libm::exp(b - most));
        if sum <= 0.0 {
            return libm::exp(a - sum);
        }
    }
}

impl<S: Source> Source for Mixup<S> {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        let partners: Vec<(usize, f64)> = rows.iter().map(|row| self.partner(batch.epoch(), *row)).collect();
        let (mut own, mut other) = (batch.like(&["y"]), batch.like(&["y"]));
        self.source.fill(rows, &mut own)?;
        let others: Vec<usize> = partners.iter().map(|(row, _)| *row).collect();
        self.source.fill(&others, &mut other)?;
        if let Some(images) = other.get("x") {
            let shares = || partners.iter().map(|(_, share)| *share as f32);
            match images.dtype() {
                DType::F32 => {
                    let others = images.get::<f32>()?;
                    own.change("x", |_, x: &mut [f32]| {
                        mix(x, others, shares(), |a, b, share| share * a + (1.0 - share) * b)
                    })?;
                }
                _ => {
                    let others = images.get::<u8>()?;
                    own.change("x", |_, x: &mut [u8]| {
                        let byte = |a: u8, b: u8, share: f32| {
                            (share * f32::from(a) + (1.0 - share) * f32::from(b) + 0.5) as u8
                        };
                        mix(x, others, shares(), byte)
                    })?;
                }
            }
        }
        let mut targets = vec![0.0f32; rows.len() * self.classes];
        for (at, (_, share)) in partners.iter().enumerate() {
            let (own, other) = (self.target(&own, at)?, self.target(&other, at)?);
            targets[at * self.classes + own] += *share as f32;
            targets[at * self.classes + other] += 1.0 - *share as f32;
        }
        batch.take_from(&mut own);
        batch.set("t", &[rows.len(), self.classes], |t| t.extend_from_slice(&targets))
    }

    fn digest(&self) -> Option<u64> {
        let how = format!("mixup {} {} {}", self.classes, self.alpha, self.seed);
        Some(digest_of(how.as_bytes(), self.source.digest()?))
    }
}

/// Mixes the elements of each example by its share.
fn mix<T: Copy>(
    own: &mut [T],
    others: &[T],
    shares: impl ExactSizeIterator<Item = f32>,
    mixed: impl Fn(T, T, f32) -> T,
) -> Result<()> {
    let size = own.len() / shares.len().max(1);
    if own.len() != others.len() || own.len() != size * shares.len() {
        return Err(Error::value("mixup needs examples of one size"));
    }
    for (i, share) in shares.enumerate() {
        let part = i * size..(i + 1) * size;
        for (a, b) in own[part.clone()].iter_mut().zip(&others[part]) {
            *a = mixed(*a, *b, share);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;
    use dl_core::Tensor;

    fn numbers(n: usize) -> Columns {
        let x = Tensor::new([n, 2], (0..2 * n).map(|i| (i * i) as f32).collect()).unwrap();
        let y = Tensor::vector((0..n as i64).map(|i| i % 3).collect());
        Columns::new().column("x", x).unwrap().column("y", y).unwrap()
    }

    fn filled(source: &dyn Source, epoch: usize, rows: &[usize]) -> [Vec<f32>; 2] {
        let mut batch = Batch::new(["x", "t"].into_iter(), epoch);
        batch.refill(source, rows).unwrap();
        batch.check().unwrap();
        [0, 1].map(|i| batch.views()[i].get::<f32>().unwrap().to_vec())
    }

    #[test]
    fn examples_and_targets_are_mixed_in_one_proportion() {
        let mixed = Mixup::new(numbers(9), 3, 0.4, 7).unwrap();
        let rows: Vec<usize> = (0..9).collect();
        let [x, t] = filled(&mixed, 1, &rows);
        for row in rows {
            let (other, share) = mixed.partner(1, row);
            assert_ne!(other, row);
            let want = share * (4 * row * row) as f64 + (1.0 - share) * (4 * other * other) as f64;
            assert!((f64::from(x[2 * row]) - want).abs() < 1e-3, "{row}");
            let t = &t[3 * row..][..3];
            assert!((t.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let own = if row % 3 == other % 3 { 1.0 } else { share as f32 };
            assert!((t[row % 3] - own).abs() < 1e-6);
            // Neither its batch nor its place there matters.
            assert_eq!(filled(&mixed, 1, &[row]), [x[2 * row..][..2].to_vec(), t.to_vec()]);
        }
        assert_eq!(filled(&mixed, 0, &[4]), [vec![64.0, 81.0], vec![0.0, 1.0, 0.0]]);
    }

    #[test]
    fn bytes_are_rounded() {
        let (mut own, others) = ([10u8, 255], [20u8, 0]);
        let byte = |a: u8, b: u8, s: f32| (s * f32::from(a) + (1.0 - s) * f32::from(b) + 0.5) as u8;
        mix(&mut own, &others, [0.75f32].into_iter(), byte).unwrap();
        assert_eq!(own, [13, 191]);
        let digits = dl_data::digits().unwrap().test;
        let mixed = Mixup::new(&digits, 10, 1.0, 1).unwrap();
        let mut batch = Batch::new(["x", "t"].into_iter(), 1);
        batch.refill(&mixed, &[3, 5]).unwrap();
        assert_eq!(batch.views()[0].dtype(), DType::U8);
    }

    #[test]
    fn shares_are_distributed_as_documented() {
        for alpha in [0.05, 0.2, 1.0, 2.5, 10.0] {
            let mut random = Random::new(5);
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut random)).collect();
            assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)));
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            let want = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.015 && (variance / want - 1.0).abs() < 0.05,
                "{alpha}: {mean} {variance}"
            );
        }
    }

    #[test]
    fn what_cannot_be_mixed_is_refused() {
        let fails = |mixed: Result<Mixup<Columns>>, want: &str| {
            let filled = mixed.and_then(|mixed| {
                let mut batch = Batch::new(["x", "t"].into_iter(), 1);
                batch.refill(&mixed, &[0, 1])
            });
            assert_eq!(filled.unwrap_err().to_string(), want);
        };
        fails(Mixup::new(numbers(4), 3, 0.0, 1), "an α of mixup of 0: expected one from 0.01 to 100");
        fails(Mixup::new(numbers(4), 1, 0.2, 1), "class 1 is outside the 1 classes of mixup");
        let only = Columns::new().column("x", Tensor::zeros(DType::F32, [4, 2])).unwrap();
        fails(Mixup::new(only, 3, 0.2, 1), "mixup needs the input y of its source");
    }
}
