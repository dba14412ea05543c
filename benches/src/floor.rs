//! The machine's floor: the matrix products of a step and nothing else.
//!
//! Of each layer `h·W`, `hᵀ·δ` and, but for the first, `δ·Wᵀ`, by the `gemm` crate, in tiles
//! along the batch. How long the tiles are, and whether threads share tiles or products, is
//! chosen by trying: a floor that could be lower by another choice would be none.

use std::time::{Duration, Instant};

use dl_backends::cpu::product::{self, Matrix};
use rayon::prelude::*;

use crate::fault::Result;
use crate::network::Network;
use crate::subject::Subject;
use crate::work::Work;

/// The products, over one batch after another.
pub(crate) struct Floor {
    inputs: Vec<Vec<f32>>,
    at: usize,
    layers: Vec<Layer>,
    batch: usize,
    threads: usize,
    scheme: Scheme,
    workers: Vec<Worker>,
}

/// How the products of one step are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scheme {
    /// Rows of the batch at a time.
    tile: usize,
    /// Workers that share the tiles; with one, threads share each product.
    workers: usize,
}

/// A weight `[inputs, outputs]`.
struct Layer {
    shape: [usize; 2],
    weight: Vec<f32>,
}

/// What one thread writes to, layer by layer.
struct Worker {
    outputs: Vec<Vec<f32>>,
    /// Cotangents of the outputs.
    deltas: Vec<Vec<f32>>,
    /// Gradients of the weights.
    gradients: Vec<Vec<f32>>,
}

impl Floor {
    pub(crate) fn new(network: &Network, work: &Work, threads: usize) -> Result<Self> {
        let inputs = work.ring().iter().map(|batch| batch.floats()).collect();
        let layers = network.layers().map(|shape| Layer { shape, weight: noise(shape[0] * shape[1]) });
        let (layers, batch) = (layers.collect(), work.batch());
        let scheme = Scheme { tile: batch, workers: 1 };
        let mut floor = Floor { inputs, at: 0, layers, batch, threads, scheme, workers: vec![] };
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
        self.workers = (0..scheme.workers).map(|_| Worker::new(&self.layers, scheme.tile)).collect();
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
        self.at = (self.at + 1) % self.inputs.len();
        let (x, layers) = (&self.inputs[self.at], &self.layers[..]);
        let Scheme { tile, workers } = self.scheme;
        if workers == 1 {
            return self.workers[0].run(x, layers, tile, self.threads);
        }
        let parts = x.par_chunks(self.batch.div_ceil(workers) * layers[0].shape[0]);
        let run = |(worker, x): (&mut Worker, &[f32])| worker.run(x, layers, tile, 1);
        self.workers.par_iter_mut().zip(parts).try_for_each(run)?;
        combine(&mut self.workers);
        Ok(())
    }
}

impl Subject for Floor {
    fn note(&self) -> Option<String> {
        let Scheme { tile, workers } = self.scheme;
        let shared = if workers > 1 { "tiles" } else { "products" };
        let threads = if self.threads > 1 { format!(", threads share {shared}") } else { String::new() };
        Some(format!("tiles of {tile} rows{threads}"))
    }

    fn step(&mut self) -> Result<()> {
        self.products()
    }
}

impl Worker {
    fn new(layers: &[Layer], tile: usize) -> Self {
        let zeros = |size: fn(&Layer, usize) -> usize| {
            layers.iter().map(|layer| vec![0.0; size(layer, tile)]).collect::<Vec<_>>()
        };
        let outputs = zeros(|layer, tile| tile * layer.shape[1]);
        let mut deltas = outputs.clone();
        // The last is what a loss would give; the products make the others.
        if let (Some(delta), Some(layer)) = (deltas.last_mut(), layers.last()) {
            *delta = noise(layer.shape[1]).repeat(tile);
        }
        Worker { outputs, deltas, gradients: zeros(|layer, _| layer.weight.len()) }
    }

    fn run(&mut self, x: &[f32], layers: &[Layer], tile: usize, threads: usize) -> Result<()> {
        let mut tiles = x.chunks(tile * layers[0].shape[0]).enumerate();
        tiles.try_for_each(|(i, x)| self.tile(x, layers, i > 0, threads))
    }

    fn tile(&mut self, x: &[f32], layers: &[Layer], accumulate: bool, threads: usize) -> Result<()> {
        let rows = x.len() / layers[0].shape[0];
        for (i, layer) in layers.iter().enumerate() {
            let [_, out] = layer.shape;
            let (before, after) = self.outputs.split_at_mut(i);
            let h = layer.inputs(i, x, before, rows)?;
            multiply(&mut after[0][..rows * out], h, layer.weight()?, false, threads)?;
        }
        for (i, layer) in layers.iter().enumerate().rev() {
            let [inputs, out] = layer.shape;
            let (before, after) = self.deltas.split_at_mut(i);
            let delta = Matrix::new(&after[0][..rows * out], [rows, out])?;
            let h = layer.inputs(i, x, &self.outputs, rows)?;
            multiply(&mut self.gradients[i], h.t(), delta, accumulate, threads)?;
            if let Some(into) = before.last_mut() {
                multiply(&mut into[..rows * inputs], delta, layer.weight()?.t(), false, threads)?;
            }
        }
        Ok(())
    }
}

/// `into ← a·b`, or `into ← into + a·b` to accumulate: rows of `into` are shared by threads of the pool.
fn multiply(into: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, threads: usize) -> Result<()> {
    let [m, n] = [a.shape()[0], b.shape()[1]];
    if threads == 1 || m * n * a.shape()[1] < ALONE {
        return Ok(product::multiply(into, a, b, accumulate)?);
    }
    let rows = m.div_ceil(threads);
    into.par_chunks_mut(rows * n).enumerate().try_for_each(|(i, into)| {
        Ok(product::multiply(into, a.rows(i * rows..(i + 1) * rows), b, accumulate)?)
    })
}

/// Multiplications that are done before another thread would be awake.
const ALONE: usize = 1 << 19;

impl Layer {
    fn weight(&self) -> Result<Matrix<'_>> {
        Ok(Matrix::new(&self.weight, self.shape)?)
    }

    /// The data before the first layer, and what the layer before has computed before another.
    fn inputs<'a>(&self, i: usize, x: &'a [f32], outputs: &'a [Vec<f32>], rows: usize) -> Result<Matrix<'a>> {
        let size = self.shape[0];
        let from = if i == 0 { x } else { &outputs[i - 1][..rows * size] };
        Ok(Matrix::new(from, [rows, size])?)
    }
}

/// Adds all workers' sums to the first's.
fn combine(workers: &mut [Worker]) {
    let Some((first, others)) = workers.split_first_mut() else { return };
    for other in others {
        let add = |(sum, more): (&mut [f32], &[f32])| {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        };
        for (sum, more) in first.gradients.iter_mut().zip(&other.gradients) {
            // A short sum is added before another thread would be awake.
            if sum.len() < 1 << 14 {
                add((sum, more));
                continue;
            }
            let part = sum.len().div_ceil(rayon::current_num_threads());
            sum.par_chunks_mut(part).zip(more.par_chunks(part)).for_each(add);
        }
    }
}

fn schemes(batch: usize, threads: usize) -> Vec<Scheme> {
    let of = |workers: usize| {
        let rows = batch.div_ceil(workers);
        let lengths = (5..13).map(|log| 1 << log).filter(move |tile| *tile < rows);
        lengths.chain([rows]).map(move |tile| Scheme { tile, workers })
    };
    // Fewer rows than workers would leave a worker without any.
    let workers = (threads > 1 && batch >= threads * threads).then_some(threads);
    of(1).chain(workers.into_iter().flat_map(of)).collect()
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
        let network = Network { sizes: vec![784, 12, 9, 10], ..Network::perceptron() };
        let mut floor = Floor::new(&network, &Work::grey(80), 2).unwrap();
        let mut sums = |scheme| {
            floor.at = 0;
            floor.set(scheme);
            floor.products().unwrap();
            floor.workers[0].gradients.iter().map(|gradient| gradient[77]).collect::<Vec<f32>>()
        };
        let whole = sums(Scheme { tile: 80, workers: 1 });
        assert!(whole.len() == 3 && whole.iter().all(|sum| *sum != 0.0), "{whole:?}");
        for scheme in schemes(80, 2) {
            let got = sums(scheme);
            let near = |(got, expected): (&f32, &f32)| (got - expected).abs() <= 1e-4 * expected.abs();
            assert!(got.iter().zip(&whole).all(near), "{scheme:?}: {got:?} {whole:?}");
        }
    }

    #[test]
    fn the_products_are_those_of_the_network() {
        let network = Network { sizes: vec![784, 12, 9, 10], ..Network::perceptron() };
        let work = Work::grey(3);
        let mut floor = Floor::new(&network, &work, 1).unwrap();
        floor.products().unwrap();
        // In double precision, sum by sum.
        let product = |a: &[f64], b: &[f64], [m, k, n]: [usize; 3]| -> Vec<f64> {
            let sum = |i, j| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
            (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| sum(i, j)).collect()
        };
        let transposed = |a: &[f64], [m, n]: [usize; 2]| -> Vec<f64> {
            (0..m * n).map(|at| a[at % m * n + at / m]).collect()
        };
        let wide = |v: &[f32]| v.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let (w2, w3) = (wide(&floor.layers[1].weight), wide(&floor.layers[2].weight));
        let delta3 = wide(&noise(10).repeat(3));
        let delta2 = product(&delta3, &transposed(&w3, [9, 10]), [3, 10, 9]);
        let delta1 = product(&delta2, &transposed(&w2, [12, 9]), [3, 9, 12]);
        let x = wide(&work.train().floats());
        let expected = product(&transposed(&x, [3, 784]), &delta1, [784, 3, 12]);
        let got = wide(&floor.workers[0].gradients[0]);
        let most = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        assert!(got.iter().zip(&expected).all(|(got, expected)| (got - expected).abs() <= 1e-5 * most));
    }

    #[test]
    fn workers_are_tried_where_threads_have_rows_to_share() {
        assert_eq!(schemes(20, 1), [Scheme { tile: 20, workers: 1 }]);
        assert_eq!(schemes(20, 2), [Scheme { tile: 20, workers: 1 }, Scheme { tile: 10, workers: 2 }]);
        assert_eq!(schemes(3, 2).len(), 1);
        assert!(schemes(64, 1).iter().all(|scheme| scheme.workers == 1));
    }
}
