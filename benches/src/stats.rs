//! Medians, spreads and paired ratios.

use serde::{Deserialize, Serialize};

/// A median with the tenth and the ninetieth percentile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) p10: f64,
    pub(crate) p90: f64,
}

impl Spread {
    /// `None` where nothing was measured.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Spread {
            median: quantile(&sorted, 0.5)?,
            p10: quantile(&sorted, 0.1)?,
            p90: quantile(&sorted, 0.9)?,
        })
    }

    /// Whether it can be of times, or of ratios of times.
    pub(crate) fn is_time(&self) -> bool {
        self.p10 > 0.0 && self.p10 <= self.median && self.median <= self.p90 && self.p90.is_finite()
    }

    /// The factor by which this ratio of equal things strays from 1, either way.
    pub(crate) fn noise(&self) -> f64 {
        self.p90.max(1.0 / self.p10).max(1.0)
    }
}

/// The quotients `above / below` round by round.
///
/// Both were measured within each round, seconds apart, so what the machine
/// did to one it did to the other; a quotient of two medians would not cancel it.
pub(crate) fn ratio(above: &[f64], below: &[f64]) -> Option<Spread> {
    let quotients: Vec<f64> = above.iter().zip(below).map(|(a, b)| a / b).collect();
    Spread::of(&quotients)
}

/// The median of `samples`.
pub(crate) fn median(samples: &[f64]) -> Option<f64> {
    Spread::of(samples).map(|spread| spread.median)
}

/// Linear between the two nearest ranks (Hyndman and Fan's type 7, as in NumPy).
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q * last as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (rank - below as f64) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks() {
        let eleven: Vec<f64> = (0..11).rev().map(f64::from).collect();
        let spread = Spread::of(&eleven).unwrap();
        assert_eq!((spread.p10, spread.median, spread.p90), (1.0, 5.0, 9.0));
        let two = Spread::of(&[4.0, 2.0]).unwrap();
        assert_eq!(two.median, 3.0);
        assert!((two.p10 - 2.2).abs() < 1e-12 && (two.p90 - 3.8).abs() < 1e-12);
    }

    #[test]
    fn one_sample_has_no_spread_and_none_no_median() {
        let one = Spread::of(&[3.0]).unwrap();
        assert_eq!((one.p10, one.median, one.p90), (3.0, 3.0, 3.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn ratios_are_paired() {
        // The machine halves its speed in the second round: no ratio moves.
        let ratio = ratio(&[2.0, 4.0, 2.0], &[1.0, 2.0, 1.0]).unwrap();
        assert_eq!((ratio.p10, ratio.median, ratio.p90), (2.0, 2.0, 2.0));
    }

    #[test]
    fn noise_is_the_farther_end() {
        let noise = |p10, p90| Spread { median: 1.0, p10, p90 }.noise();
        assert_eq!(noise(0.5, 1.1), 2.0);
        assert_eq!(noise(0.9, 1.25), 1.25);
        assert_eq!(noise(1.0, 1.0), 1.0);
    }
}
