//! The normal distribution between two bounds, by the inverse of its distribution function.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// A normal distribution that is cut at two bounds.
pub(super) struct Normal {
    mean: f64,
    std: f64,
    /// The bounds in standard deviations from the mean, mirrored where both are above it: the
    /// distribution function keeps its digits in its lower tail only.
    low: f64,
    high: f64,
    mirrored: bool,
}

/// Farther out, in standard deviations, a double holds no probability.
const FAR: f64 = 38.0;

impl Normal {
    pub(super) fn new(mean: f64, std: f64, low: f64, high: f64) -> Result<Normal, String> {
        let what = format!("truncated normal with mean {mean} and std {std} on [{low}, {high}]");
        if !(mean.is_finite() && std.is_finite() && std > 0.0 && low < high) {
            return Err(format!("{what}: finite numbers, std > 0 and low < high are needed"));
        }
        let (a, b) = ((low - mean) / std, (high - mean) / std);
        let mirrored = a > 0.0;
        let (a, b) = if mirrored { (-b, -a) } else { (a, b) };
        let (a, b) = (a.max(-FAR), b.min(FAR));
        if a >= b {
            return Err(format!("{what}: the bounds lie more than {FAR} standard deviations away"));
        }
        Ok(Normal { mean, std, low: a, high: b, mirrored })
    }

    /// No value is further from 0.
    pub(super) fn largest(&self) -> f64 {
        self.mean.abs() + self.std * self.low.abs().max(self.high.abs())
    }

    /// The value below which the fraction `u` of the distribution lies; above which, where it is mirrored.
    pub(super) fn at(&self, u: f64) -> f64 {
        let (start, end) = (below(self.low), below(self.high));
        let z = quantile(start + u * (end - start), self.low, self.high);
        self.mean + self.std * if self.mirrored { -z } else { z }
    }
}

/// The distribution function of the standard normal distribution.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// Where `below` is `p`, between two bounds: Newton's steps, and halves where these lead out of the
/// bracket or do not halve it. libm's functions give the same bits on every platform.
fn quantile(p: f64, mut low: f64, mut high: f64) -> f64 {
    let mut z = 0.5 * (low + high);
    for _ in 0..200 {
        let excess = below(z) - p;
        if excess > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let slope = libm::exp(-0.5 * z * z) / (2.0 * PI).sqrt();
        let newton = z - excess / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - z).abs() <= 1e-15 * z.abs().max(1e-3) {
            return next;
        }
        z = next;
    }
    z
}
