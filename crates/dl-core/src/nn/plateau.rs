//! Plateau: a learning rate that the host lowers when a metric stops getting better.

use crate::error::{Error, Result};
use crate::nn::optimizer::at_least_0;

/// A rate that becomes `factor` times as large when a metric has not got better for more than
/// `patience` observations, once each epoch as a rule.
///
/// It is plain numbers: feed [`rate`](Plateau::rate) to the input that an optimizer takes as its
/// learning rate, and nothing is recompiled. A loop of one's own over a session uses it as the
/// training loop does, so it stands here. Semantics and defaults are those of
/// `torch.optim.lr_scheduler.ReduceLROnPlateau`, but that the fraction of a negative best is a fraction of its size:
/// there, a negative loss that stays as it is counts as better for ever. A metric that is NaN is not better.
///
/// ```
/// use dl_core::nn::Plateau;
/// let mut plateau = Plateau::new(0.1).patience(1);
/// let mut rates = vec![];
/// for loss in [3.0, 2.0, 2.5, 2.1, 1.9] {
///     rates.push(plateau.observe(loss)?);
/// }
/// assert_eq!(rates, [0.1, 0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plateau {
    rate: f64,
    rising: bool,
    factor: f64,
    patience: u64,
    threshold: Threshold,
    cooldown: u64,
    least: f64,
    eps: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
}

/// By how much a metric must be better than the best so far to count.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Threshold {
    Relative(f64),
    Absolute(f64),
}

impl Plateau {
    /// From `rate` on, for a metric that should fall: a tenth after more than 10 observations that are
    /// not better by a relative 10⁻⁴.
    pub fn new(rate: f64) -> Plateau {
        Plateau {
            rate,
            rising: false,
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            least: 0.0,
            eps: 1e-8,
            best: None,
            bad: 0,
            cooling: 0,
        }
    }

    /// For a metric that should rise, such as an accuracy.
    pub fn rising(self) -> Plateau {
        Plateau { rising: true, ..self }
    }

    /// With another factor, below 1.
    pub fn factor(self, factor: f64) -> Plateau {
        Plateau { factor, ..self }
    }

    /// How many observations in a row may pass without getting better.
    pub fn patience(self, patience: u64) -> Plateau {
        Plateau { patience, ..self }
    }

    /// Better by this fraction of the best.
    pub fn relative_threshold(self, threshold: f64) -> Plateau {
        Plateau { threshold: Threshold::Relative(threshold), ..self }
    }

    /// Better by this much.
    pub fn absolute_threshold(self, threshold: f64) -> Plateau {
        Plateau { threshold: Threshold::Absolute(threshold), ..self }
    }

    /// How many observations after a reduction do not count as bad.
    pub fn cooldown(self, cooldown: u64) -> Plateau {
        Plateau { cooldown, ..self }
    }

    /// The rate never falls below this.
    pub fn least(self, least: f64) -> Plateau {
        Plateau { least, ..self }
    }

    /// Reductions by no more than this are left out.
    pub fn eps(self, eps: f64) -> Plateau {
        Plateau { eps, ..self }
    }

    /// The rate now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes a metric, and gives the rate from now on.
    ///
    /// # Errors
    /// When a setting is negative or not finite, or the factor is not below 1.
    pub fn observe(&mut self, metric: f64) -> Result<f64> {
        self.check()?;
        if self.is_better(metric) {
            self.best = Some(metric);
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.patience {
            let next = (self.rate * self.factor).max(self.least);
            if self.rate - next > self.eps {
                self.rate = next;
            }
            self.cooling = self.cooldown;
            self.bad = 0;
        }
        Ok(self.rate)
    }

    fn is_better(&self, metric: f64) -> bool {
        let sign = if self.rising { 1.0 } else { -1.0 };
        let Some(best) = self.best else {
            return sign * metric > f64::NEG_INFINITY;
        };
        match self.threshold {
            Threshold::Relative(fraction) => {
                sign * metric > sign * best * (1.0 + sign * fraction.copysign(best))
            }
            Threshold::Absolute(size) => sign * metric > sign * best + size,
        }
    }

    fn check(&self) -> Result<()> {
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        let numbers = [
            ("rate", self.rate),
            ("factor", self.factor),
            ("threshold", threshold),
            ("least rate", self.least),
            ("eps", self.eps),
        ];
        if let Some((name, value)) = numbers.into_iter().find(|(_, value)| !at_least_0(*value)) {
            return Err(Error::value(format!("plateau with {name} {value}: at least 0 is needed")));
        }
        if self.factor >= 1.0 {
            return Err(Error::value(format!("plateau with factor {}: less than 1 is needed", self.factor)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Plateau;

    #[test]
    fn a_negative_metric_gets_better_away_from_zero() {
        let reduced = |mut plateau: Plateau, metrics: [f64; 3]| {
            plateau = plateau.patience(0);
            metrics.map(|metric| plateau.observe(metric).unwrap() < 1.0)
        };
        let of = |rate| Plateau::new(rate).relative_threshold(0.1);
        assert_eq!(reduced(of(1.0), [-10.0, -12.0, -12.0]), [false, false, true]);
        assert_eq!(reduced(of(1.0), [-10.0, -10.5, -11.5]), [false, true, true]);
        assert_eq!(reduced(of(1.0).rising(), [-10.0, -8.0, -7.5]), [false, false, true]);
        assert_eq!(reduced(of(1.0), [10.0, 8.0, 8.0]), [false, false, true]);
        assert_eq!(reduced(of(1.0).rising().relative_threshold(1.0), [-1.0, 0.5, 0.5]), [false, false, true]);
    }

    #[test]
    fn settings_are_checked() {
        let check = |mut plateau: Plateau, want: &str| {
            assert_eq!(plateau.observe(1.0).unwrap_err().to_string(), want);
            assert_eq!(plateau.best, None);
        };
        check(Plateau::new(-1.0), "plateau with rate -1: at least 0 is needed");
        check(Plateau::new(f64::NAN), "plateau with rate NaN: at least 0 is needed");
        check(Plateau::new(1.0).factor(1.0), "plateau with factor 1: less than 1 is needed");
        check(Plateau::new(1.0).absolute_threshold(-1.0), "plateau with threshold -1: at least 0 is needed");
        check(Plateau::new(1.0).least(f64::INFINITY), "plateau with least rate inf: at least 0 is needed");
        check(Plateau::new(1.0).eps(-1.0), "plateau with eps -1: at least 0 is needed");
    }
}
