//! What a user of `dl-data` alone writes: a perceptron on the 8×8 digits, by hand.

use dl_data::{Dataset, Result, Split};

/// Ten linear scores over 64 pixels and a constant.
pub struct Perceptron {
    weights: Vec<[f32; 65]>,
    scale: f32,
}

impl Perceptron {
    /// Trains with Rosenblatt's rule, in an order that the epoch's number gives.
    pub fn train(digits: &Dataset, epochs: u64) -> Result<Self> {
        let mut perceptron = Perceptron {
            weights: vec![[0.0; 65]; digits.classes.len()],
            scale: f32::from(digits.full_scale),
        };
        for epoch in 0..epochs {
            for batch in digits.train.batches(32)?.shuffled(epoch) {
                for (image, &label) in batch.images.chunks_exact(64).zip(&batch.labels) {
                    perceptron.learn(image, label as usize);
                }
            }
        }
        Ok(perceptron)
    }

    /// The share of images that get their own class.
    pub fn accuracy(&self, split: &Split) -> f64 {
        let pairs = split.images().iter().zip(split.labels());
        let right = pairs.filter(|(image, label)| self.classify(image) == usize::from(**label));
        right.count() as f64 / split.len() as f64
    }

    fn learn(&mut self, image: &[u8], label: usize) {
        let guess = self.classify(image);
        if guess != label {
            let x = self.features(image);
            for (i, x) in x.iter().enumerate() {
                self.weights[label][i] += x;
                self.weights[guess][i] -= x;
            }
        }
    }

    fn classify(&self, image: &[u8]) -> usize {
        let x = self.features(image);
        let score = |w: &[f32; 65]| -> f32 { w.iter().zip(&x).map(|(w, x)| w * x).sum() };
        let scores: Vec<f32> = self.weights.iter().map(score).collect();
        let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
        (0..scores.len()).max_by(by_score).unwrap_or(0)
    }

    fn features(&self, image: &[u8]) -> [f32; 65] {
        let mut x = [1.0; 65];
        for (x, &pixel) in x.iter_mut().zip(image) {
            *x = f32::from(pixel) / self.scale;
        }
        x
    }
}
