//! Settings by letters, so that a derivation can show an optimizer as its paper writes it.

use crate::nn::LearningRate;

/// Numbers that no formula has: each stands for a setting until its letter does. All are below 1, as decay rates are.
const MARKERS: [f64; 6] = [
    0.618_033_988_749_894_9,
    0.414_213_562_373_095_1,
    0.732_050_807_568_877_2,
    0.236_067_977_499_789_7,
    0.645_751_311_064_590_7,
    0.162_277_660_168_379_5,
];

/// What [`Optimizer::lettered`](crate::nn::Optimizer::lettered) is given: it says which setting has which letter.
#[derive(Debug, Default)]
pub struct Letters {
    settings: Vec<(&'static str, f64, f64)>,
}

impl Letters {
    /// What stands for a setting of this letter and value. A setting of 0, which leaves a term out, stays 0.
    pub fn setting(&mut self, letter: &'static str, value: f64) -> f64 {
        match MARKERS.get(self.settings.len()) {
            Some(marker) if value != 0.0 => {
                self.settings.push((letter, value, *marker));
                *marker
            }
            _ => value,
        }
    }

    /// The same for two decay rates.
    pub fn betas(&mut self, (first, second): (f64, f64)) -> (f64, f64) {
        (self.setting("β₁", first), self.setting("β₂", second))
    }

    /// The learning rate, `α`; a schedule or an input stays as it is.
    pub fn rate(&mut self, rate: &LearningRate) -> LearningRate {
        match rate {
            LearningRate::Constant(rate) => LearningRate::Constant(self.setting("α", *rate)),
            other => other.clone(),
        }
    }

    /// The letters with the values of settings, and the numbers that stand for them.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, f64, f64)> {
        self.settings.iter().copied()
    }
}
