//! A variational autoencoder. Kingma, Welling: "Auto-encoding variational Bayes", ICLR 2014.

use dl_backends::{Executor, Session};
use dl_core::nn::{self, Adam};
use dl_core::{DType, Expr, F32, Graph, Init, Program, U8};
use dl_data::Dataset;
use dl_train::{Metric, Trainer};

use crate::perceptron::B;

/// An encoder and a decoder with one hidden layer each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoencoder {
    /// Rows and columns of an image.
    pub image: [usize; 2],
    /// The pixel value that becomes 1.
    pub full_scale: u8,
    /// Units of both hidden layers.
    pub hidden: usize,
    /// Numbers in a code.
    pub code: usize,
}

impl Autoencoder {
    /// 400 hidden units and codes of 20 numbers for the images of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        let [_, rows, columns] = dataset.train.images().shape();
        Autoencoder { image: [rows, columns], full_scale: dataset.full_scale, hidden: 400, code: 20 }
    }

    fn pixels(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Logits of the pixels of codes `[B, code]`.
    fn decode<'g>(&self, z: Expr<'g>) -> Expr<'g> {
        let h = nn::dense(z, "decoder1", self.hidden).relu();
        nn::dense(h, "decoder2", self.pixels())
    }

    /// The negative evidence lower bound of images `u8` `[B, pixels]`, a mean over the batch: `reconstruction`,
    /// the cross entropy of pixels as shares of black and white, plus `divergence`, that of codes from the
    /// standard normal distribution.
    fn objective<'g>(&self, g: &'g Graph) -> Expr<'g> {
        let x = g.input("x", U8, (B, self.pixels())).cast(F32) / f64::from(self.full_scale);
        let h = nn::dense(x, "encoder", self.hidden).relu();
        let (mean, log_variance) = (nn::dense(h, "mean", self.code), nn::dense(h, "log_variance", self.code));
        let z = mean + (0.5 * log_variance).exp() * g.normal(F32, (B, self.code));
        let missed = nn::binary_cross_entropy_with_logits(self.decode(z), x);
        let reconstruction = missed.sum(-1).mean(..).named("reconstruction");
        let divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance);
        reconstruction + divergence.sum(-1).mean(..).named("divergence")
    }

    /// A training step: input `x`, `u8` `[B, pixels]`; outputs `J`, `reconstruction` and `divergence`.
    ///
    /// # Errors
    /// When a size is 0.
    pub fn train(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        self.objective(&g).minimize(Adam::new(1e-3))
    }

    /// A trainer on `executor` for so many epochs in batches of 128; `seed` decides the first weights, the noise and the order of the images.
    ///
    /// # Errors
    /// As for [`train`](Autoencoder::train); also what the executor refuses.
    pub fn trainer<'a>(
        &self,
        executor: Box<dyn Executor>,
        epochs: usize,
        seed: u64,
    ) -> dl_train::Result<Trainer<'a>> {
        let g = Graph::new();
        let bound = Program::builder(&g).output("J", self.objective(&g)).compile()?;
        Ok(Trainer::new(Session::boxed(executor, seed), &self.train()?)?
            .evaluate_with(&bound)?
            .report(["J", "reconstruction", "divergence"].map(Metric::mean))?
            .report_evaluation([Metric::mean("J")])?
            .epochs(epochs)
            .batch_size(128)
            .shuffle(seed))
    }

    /// So many images of random codes, brightness from 0 to 1.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn dream(
        &self,
        session: &mut Session,
        images: usize,
        seed: u64,
    ) -> dl_backends::Result<Vec<Vec<f64>>> {
        let g = Graph::new();
        let pixels = self.decode(g.input("z", F32, (B, self.code))).sigmoid();
        let program = session.compile(&Program::builder(&g).output("pixels", pixels).compile()?)?;
        let normal = Init::Normal { mean: 0.0, std: 1.0 };
        let z = normal.sample(DType::F32, &[images, self.code], seed, "codes")?;
        let pixels = session.run(&program, &[z.view()])?.read("pixels")?.to_f64();
        Ok(pixels.chunks(self.pixels()).map(<[f64]>::to_vec).collect())
    }

    /// Images side by side in characters, two columns of an image to a character.
    pub fn drawn(&self, images: &[Vec<f64>]) -> String {
        let [rows, columns] = self.image;
        let shade = |image: &[f64], row: usize, column: usize| {
            let at = row * columns + column;
            let light = (image[at] + image.get(at + 1).copied().unwrap_or(0.0)) / 2.0;
            b" .:-=+*#%@"[(light * 9.99) as usize] as char
        };
        let line = |row: usize| {
            let parts =
                images.iter().map(|image| (0..columns).step_by(2).map(|c| shade(image, row, c)).collect());
            parts.collect::<Vec<String>>().join(" ")
        };
        (0..rows).step_by(2).map(line).collect::<Vec<_>>().join("\n")
    }
}
