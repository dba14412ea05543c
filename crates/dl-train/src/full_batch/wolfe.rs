//! The line search: a step that satisfies the strong Wolfe conditions.

use std::mem;

use crate::error::Result;
use crate::full_batch::dot;
use crate::full_batch::objective::Point;

/// How much of the decrease that the slope promises a step must bring.
const DECREASE: f64 = 1e-4;
/// How much of the slope may be left after it.
const CURVATURE: f64 = 0.9;

/// A step `t` along a direction, and what the objective is after it.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) t: f64,
    pub(super) point: Point,
    /// The derivative along the direction.
    slope: f64,
}

impl Trial {
    pub(super) fn new(t: f64, point: Point, direction: &[f64]) -> Trial {
        let slope = dot(&point.gradient, direction);
        let mut trial = Trial { t, point, slope };
        // Outside the domain it is higher than anywhere.
        if !trial.point.is_finite() || !slope.is_finite() {
            trial.point.value = f64::INFINITY;
        }
        trial
    }
}

/// What a line search may take, and when it gives up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The first step.
    pub(super) first: f64,
    /// At most so many trials after the first.
    pub(super) trials: usize,
    /// An interval shorter than this is not searched further.
    pub(super) shortest: f64,
    /// What rounding may add to the objective.
    pub(super) noise: f64,
}

impl Search {
    /// The best step found from `start`, the trial at 0; that itself where no other is lower.
    ///
    /// As in `torch.optim.LBFGS` with `line_search_fn="strong_wolfe"`, which ports Schmidt's minFunc:
    /// first steps grow until the conditions hold or an interval is known that has a point where
    /// they do; then the interval is narrowed by cubics.
    pub(super) fn run(self, start: &Trial, mut at: impl FnMut(f64) -> Result<Trial>) -> Result<Trial> {
        let too_high =
            |now: &Trial| now.point.value > start.point.value + DECREASE * now.t * start.slope + self.noise;
        let is_flat = |now: &Trial| now.slope.abs() <= -CURVATURE * start.slope;
        let (mut before, mut now, mut trials) = (start.clone(), at(self.first)?, 0);
        let (mut low, mut high) = loop {
            if trials == self.trials {
                break sorted(start.clone(), now);
            }
            if too_high(&now) || (trials > 1 && now.point.value >= before.point.value) {
                break sorted(before, now);
            }
            if is_flat(&now) {
                return Ok(now);
            }
            if now.slope >= 0.0 {
                break sorted(before, now);
            }
            let t = cubic(&before, &now, now.t + 0.01 * (now.t - before.t), 10.0 * now.t);
            before = mem::replace(&mut now, at(t)?);
            trials += 1;
        };
        let mut near_an_end = false;
        while trials < self.trials && (high.t - low.t).abs() >= self.shortest {
            let (least, most) = (low.t.min(high.t), low.t.max(high.t));
            let mut t = cubic(&low, &high, least, most);
            let margin = 0.1 * (most - least);
            if (most - t).min(t - least) >= margin {
                near_an_end = false;
            } else if near_an_end || t >= most || t <= least {
                t = if (t - most).abs() < (t - least).abs() { most - margin } else { least + margin };
                near_an_end = false;
            } else {
                near_an_end = true;
            }
            let now = at(t)?;
            trials += 1;
            if too_high(&now) || now.point.value >= low.point.value {
                (low, high) = sorted(low, now);
                continue;
            }
            if is_flat(&now) {
                return Ok(now);
            }
            let last = mem::replace(&mut low, now);
            if low.slope * (high.t - last.t) >= 0.0 {
                high = last;
            }
        }
        Ok(low)
    }
}

/// The lower one first.
fn sorted(a: Trial, b: Trial) -> (Trial, Trial) {
    if a.point.value <= b.point.value { (a, b) } else { (b, a) }
}

/// Where the cubic through both values and slopes is least, within bounds; the middle of them where it
/// has no minimum.
///
/// Nocedal, Wright: "Numerical optimization", 2006, equation 3.59.
fn cubic(a: &Trial, b: &Trial, least: f64, most: f64) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.point.value - b.point.value) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = square.sqrt();
    let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if square >= 0.0 && t.is_finite() { t.max(least).min(most) } else { (least + most) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along one number, a cubic from 0 with slope -1 that is at `value` and has `slope` at 1.
    fn search(value: f64, slope: f64) -> Trial {
        let b = slope + 1.0 - 2.0 * (value + 1.0);
        let a = value + 1.0 - b;
        let at = |t: f64| {
            let (value, gradient) = (-t + a * t * t + b * t * t * t, -1.0 + 2.0 * a * t + 3.0 * b * t * t);
            Trial::new(t, Point { x: vec![t], value, gradient: vec![gradient] }, &[1.0])
        };
        let limits = Search { first: 1.0, trials: 20, shortest: 1e-9, noise: 0.0 };
        limits.run(&at(0.0), |t| Ok(at(t))).expect("it never fails")
    }

    #[test]
    fn a_step_must_bring_its_share_of_what_the_slope_promises() {
        assert_eq!(search(-2e-4, 0.5).t, 1.0);
        // Lower than at the start and flat enough, but by half of the least decrease.
        let found = search(-5e-5, 0.5);
        assert!(found.t < 1.0 && found.point.value < -DECREASE * found.t, "{found:?}");
    }

    #[test]
    fn a_step_must_leave_little_of_the_slope() {
        assert_eq!(search(-0.5, -0.85).t, 1.0);
        let found = search(-0.97, -0.92);
        assert!(found.t > 1.0 && found.slope.abs() <= CURVATURE, "{found:?}");
    }
}
