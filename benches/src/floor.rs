//! The machine's floor: the five matrix products of a step and nothing else.
//!
//! `x·W₁`, `h·W₂`, `hᵀ·δ₂`, `δ₂·W₂ᵀ` and `xᵀ·δ₁` by the `gemm` crate, in tiles along
//! the batch. How long the tiles are, and whether threads share tiles or products, is
//! chosen by trying: a floor that could be lower by another choice would be none.

use std::time::{Duration, Instant};

use dl_backends::cpu::product::{Matrix, multiply};
use rayon::prelude::*;

use crate::fault::Result;
use crate::subject::Subject;
use crate::work::{CLASSES, HIDDEN, PIXELS, Work};

/// The products, over one batch after another.
pub(crate) struct Floor {
    images: Vec<Vec<f32>>,
    at: usize,
    weights: Weights,
    batch: usize,
    threads: usize,
    scheme: Scheme,
    lanes: Vec<Lane>,
}

/// How the products of one step are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scheme {
    /// Rows of the batch at a time.
    tile: usize,
    /// Lanes that share the tiles; with one, threads share each product.
    lanes: usize,
}

struct Weights {
    w1: Vec<f32>,
    w2: Vec<f32>,
}

/// What one thread writes to.
struct Lane {
    h: Vec<f32>,
    logits: Vec<f32>,
    delta2: Vec<f32>,
    delta1: Vec<f32>,
    dw1: Vec<f32>,
    dw2: Vec<f32>,
}

impl Floor {
    pub(crate) fn new(work: &Work, threads: usize) -> Result<Self> {
        let images = work.ring().iter().map(|batch| batch.scaled()).collect();
        let weights = Weights { w1: noise(PIXELS * HIDDEN), w2: noise(HIDDEN * CLASSES) };
        let batch = work.batch();
        let scheme = Scheme { tile: batch, lanes: 1 };
        let mut floor = Floor { images, at: 0, weights, batch, threads, scheme, lanes: vec![] };
        floor.choose()?;
        Ok(floor)
    }

    /// Takes the fastest scheme.
    fn choose(&mut self) -> Result<()> {
        let mut fastest = (Duration::MAX, self.scheme);
        for scheme in schemes(self.batch, self.threads) {
            let time = self.trial(scheme)?;
            if time < fastest.0 {
                fastest = (time, scheme);
            }
        }
        self.set(fastest.1);
        Ok(())
    }

    fn set(&mut self, scheme: Scheme) {
        self.scheme = scheme;
        self.lanes = (0..scheme.lanes).map(|_| Lane::new(scheme.tile)).collect();
    }

    /// The fastest of a few steps: cold caches and other disturbances only ever add.
    fn trial(&mut self, scheme: Scheme) -> Result<Duration> {
        self.set(scheme);
        let started = Instant::now();
        let mut best = Duration::MAX;
        for tried in 0.. {
            if tried >= 2 && started.elapsed() > Duration::from_millis(30) {
                break;
            }
            let step = Instant::now();
            self.products()?;
            best = best.min(step.elapsed());
        }
        Ok(best)
    }

    fn products(&mut self) -> Result<()> {
        self.at = (self.at + 1) % self.images.len();
        let (x, weights) = (&self.images[self.at], &self.weights);
        let Scheme { tile, lanes } = self.scheme;
        if lanes == 1 {
            return self.lanes[0].run(x, weights, tile, self.threads);
        }
        let shares = x.par_chunks(self.batch.div_ceil(lanes) * PIXELS);
        let run = |(lane, x): (&mut Lane, &[f32])| lane.run(x, weights, tile, 1);
        self.lanes.par_iter_mut().zip(shares).try_for_each(run)?;
        combine(&mut self.lanes);
        Ok(())
    }
}

impl Subject for Floor {
    fn note(&self) -> Option<String> {
        let Scheme { tile, lanes } = self.scheme;
        let shared = if lanes > 1 { "tiles" } else { "products" };
        let threads = if self.threads > 1 { format!(", threads share {shared}") } else { String::new() };
        Some(format!("tiles of {tile} rows{threads}"))
    }

    fn step(&mut self) -> Result<()> {
        self.products()
    }
}

impl Lane {
    fn new(tile: usize) -> Self {
        Lane {
            h: vec![0.0; tile * HIDDEN],
            logits: vec![0.0; tile * CLASSES],
            delta2: noise(CLASSES).repeat(tile),
            delta1: vec![0.0; tile * HIDDEN],
            dw1: vec![0.0; PIXELS * HIDDEN],
            dw2: vec![0.0; HIDDEN * CLASSES],
        }
    }

    fn run(&mut self, x: &[f32], weights: &Weights, tile: usize, threads: usize) -> Result<()> {
        x.chunks(tile * PIXELS).enumerate().try_for_each(|(i, x)| self.tile(x, weights, i > 0, threads))
    }

    fn tile(&mut self, x: &[f32], weights: &Weights, accumulate: bool, threads: usize) -> Result<()> {
        let rows = x.len() / PIXELS;
        let x = Matrix::new(x, [rows, PIXELS])?;
        let w1 = Matrix::new(&weights.w1, [PIXELS, HIDDEN])?;
        let w2 = Matrix::new(&weights.w2, [HIDDEN, CLASSES])?;
        let (h, delta1) = (&mut self.h[..rows * HIDDEN], &mut self.delta1[..rows * HIDDEN]);
        multiply(h, x, w1, false, threads)?;
        let h = Matrix::new(h, [rows, HIDDEN])?;
        multiply(&mut self.logits[..rows * CLASSES], h, w2, false, threads)?;
        let delta2 = Matrix::new(&self.delta2[..rows * CLASSES], [rows, CLASSES])?;
        multiply(&mut self.dw2, h.t(), delta2, accumulate, threads)?;
        multiply(delta1, delta2, w2.t(), false, threads)?;
        multiply(&mut self.dw1, x.t(), Matrix::new(delta1, [rows, HIDDEN])?, accumulate, threads)?;
        Ok(())
    }
}

/// Adds all lanes' sums to the first's.
fn combine(lanes: &mut [Lane]) {
    let Some((first, others)) = lanes.split_first_mut() else { return };
    for other in others {
        let add = |(sum, more): (&mut [f32], &[f32])| {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        let share = first.dw1.len().div_ceil(rayon::current_num_threads());
        first.dw1.par_chunks_mut(share).zip(other.dw1.par_chunks(share)).for_each(add);
        add((&mut first.dw2, &other.dw2));
    }
}

fn schemes(batch: usize, threads: usize) -> Vec<Scheme> {
    let of = |lanes: usize| {
        let rows = batch.div_ceil(lanes);
        let lengths = (5..13).map(|log| 1 << log).filter(move |tile| *tile < rows);
        lengths.chain([rows]).map(move |tile| Scheme { tile, lanes })
    };
    // Fewer rows than lanes would leave a lane without any.
    let lanes = (threads > 1 && batch >= threads * threads).then_some(threads);
    of(1).chain(lanes.into_iter().flat_map(of)).collect()
}

/// Numbers around zero, so that no sum overflows.
fn noise(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_computes_the_same_sums() {
        let work = Work::synthetic(80);
        let mut floor = Floor::new(&work, 2).unwrap();
        let mut sums = |scheme| {
            floor.at = 0;
            floor.set(scheme);
            floor.products().unwrap();
            (floor.lanes[0].dw1[1000], floor.lanes[0].dw2[77])
        };
        let whole = sums(Scheme { tile: 80, lanes: 1 });
        assert!(whole.0 != 0.0 && whole.1 != 0.0);
        for scheme in schemes(80, 2) {
            let got = sums(scheme);
            let near = |got: f32, expected: f32| (got - expected).abs() <= 1e-4 * expected.abs();
            assert!(near(got.0, whole.0) && near(got.1, whole.1), "{scheme:?}: {got:?} {whole:?}");
        }
    }

    #[test]
    fn lanes_are_tried_where_threads_have_rows_to_share() {
        assert_eq!(schemes(20, 1), [Scheme { tile: 20, lanes: 1 }]);
        assert_eq!(schemes(20, 2), [Scheme { tile: 20, lanes: 1 }, Scheme { tile: 10, lanes: 2 }]);
        assert_eq!(schemes(3, 2).len(), 1);
        assert!(schemes(64, 1).iter().all(|scheme| scheme.lanes == 1));
    }
}
