//! The machine's floor: the matrix products of a step and nothing else.
//!
//! Of each layer `h·W`, `hᵀ·δ` and, but for the first, `δ·Wᵀ`, by the `gemm` crate, in tiles
//! along the batch. How long the tiles are, and whether threads share tiles or products, is
//! chosen by trying: a floor that could be lower by another choice would be none.

use std::time::{Duration, Instant};

use dl_backends::cpu::product::{self, Matrix};
use rayon::prelude::*;

use crate::fault::Result;
use crate::network::{Network, Product};
use crate::subject::Subject;
use crate::work::Work;

/// The products, over one batch after another.
pub(crate) struct Floor {
    inputs: Vec<Vec<f32>>,
    /// Numbers in a row of inputs.
    row: usize,
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

/// A product of the forward pass and what it is multiplied with.
struct Layer {
    product: Product,
    weight: Vec<f32>,
    /// Whether its left side is the data, or what the layer before has computed. Otherwise (where windows of an
    /// image are unfolded, say) it is some numbers.
    fed: bool,
}

/// What one thread writes to, layer by layer.
struct Worker {
    /// What a layer is multiplied with that is not [fed](Layer::fed).
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    /// Cotangents of the outputs.
    deltas: Vec<Vec<f32>>,
    /// Cotangents of `inputs`.
    inputs_deltas: Vec<Vec<f32>>,
    /// Gradients of the weights.
    gradients: Vec<Vec<f32>>,
}

impl Floor {
    pub(crate) fn new(network: &Network, work: &Work, threads: usize) -> Result<Self> {
        let inputs = work.ring().iter().map(|batch| batch.floats()).collect();
        let mut before = network.inputs;
        let layer = |product: Product| {
            let Product { rows, inputs, outputs, .. } = product;
            let fed = rows * inputs == std::mem::replace(&mut before, rows * outputs);
            Layer { product, weight: noise(inputs * outputs), fed }
        };
        let layers = network.products().into_iter().map(layer).collect();
        let batch = work.batch();
        let scheme = Scheme { tile: batch, workers: 1 };
        let row = network.inputs;
        let mut floor = Floor { inputs, row, at: 0, layers, batch, threads, scheme, workers: vec![] };
        floor.choose()?;
        Ok(floor)
    }

    /// Takes the fastest scheme.
    fn choose(&mut self) -> Result<()> {
        let mut fastest = (Duration::MAX, self.scheme);
        let rows = self.layers.iter().map(|layer| layer.product.rows).max();
        for scheme in schemes(self.batch, rows.unwrap_or(1), self.threads) {
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
            return self.workers[0].run(x, self.row, layers, tile, self.threads);
        }
        let parts = x.par_chunks(self.batch.div_ceil(workers) * self.row);
        let run = |(worker, x): (&mut Worker, &[f32])| worker.run(x, self.row, layers, tile, 1);
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
        let numbers = |size: fn(&Layer) -> usize, make: fn(usize) -> Vec<f32>| {
            layers.iter().map(|layer| make(size(layer))).collect::<Vec<_>>()
        };
        let sized = |size: fn(&Product) -> usize| {
            layers.iter().map(move |layer| tile * layer.product.rows * size(&layer.product))
        };
        let own = |make: fn(usize) -> Vec<f32>| {
            let sizes = layers.iter().zip(sized(|product| product.inputs));
            sizes.map(|(layer, size)| if layer.fed { vec![] } else { make(size) }).collect()
        };
        let outputs: Vec<Vec<f32>> = sized(|product| product.outputs).map(zeros).collect();
        // The last is what a loss would give, and others are where no product gives them.
        let mut deltas: Vec<Vec<f32>> = sized(|product| product.outputs).map(noise).collect();
        if let (Some(delta), Some(layer)) = (deltas.last_mut(), layers.last()) {
            *delta = noise(layer.product.outputs).repeat(tile * layer.product.rows);
        }
        let gradients = numbers(|layer| layer.weight.len(), zeros);
        Worker { inputs: own(noise), outputs, deltas, inputs_deltas: own(zeros), gradients }
    }

    fn run(&mut self, x: &[f32], row: usize, layers: &[Layer], tile: usize, threads: usize) -> Result<()> {
        let mut tiles = x.chunks(tile * row).enumerate();
        tiles.try_for_each(|(i, x)| self.tile(x, x.len() / row, layers, i > 0, threads))
    }

    /// The products of `examples` of the batch.
    fn tile(
        &mut self,
        x: &[f32],
        examples: usize,
        layers: &[Layer],
        accumulate: bool,
        threads: usize,
    ) -> Result<()> {
        for (i, layer) in layers.iter().enumerate() {
            let rows = examples * layer.product.rows;
            let (before, after) = self.outputs.split_at_mut(i);
            let from = if layer.fed { before.last().map_or(x, |h| h) } else { &self.inputs[i] };
            let h = layer.operand(from, rows)?;
            multiply(&mut after[0][..rows * layer.product.outputs], h, layer.weight()?, false, threads)?;
        }
        for (i, layer) in layers.iter().enumerate().rev() {
            let Product { inputs, outputs, of_data, .. } = layer.product;
            let rows = examples * layer.product.rows;
            let (before, after) = self.deltas.split_at_mut(i);
            let delta = Matrix::new(&after[0][..rows * outputs], [rows, outputs])?;
            let from = match layer.fed {
                true if i == 0 => x,
                true => &self.outputs[i - 1],
                false => &self.inputs[i],
            };
            multiply(&mut self.gradients[i], layer.operand(from, rows)?.t(), delta, accumulate, threads)?;
            if of_data {
                continue;
            }
            let into = if layer.fed { before.last_mut() } else { self.inputs_deltas.get_mut(i) };
            if let Some(into) = into {
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
        Ok(Matrix::new(&self.weight, [self.product.inputs, self.product.outputs])?)
    }

    /// The first rows of `from`, as the left side.
    fn operand<'a>(&self, from: &'a [f32], rows: usize) -> Result<Matrix<'a>> {
        let inputs = self.product.inputs;
        Ok(Matrix::new(&from[..rows * inputs], [rows, inputs])?)
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

/// Tiles from 32 rows of a product on, where it has as many as `rows` for an example, to the whole batch or
/// what memory lets.
fn schemes(batch: usize, rows: usize, threads: usize) -> Vec<Scheme> {
    let (least, most) = (5_u32.saturating_sub(rows.ilog2()), (LONGEST / rows).max(1));
    let of = |workers: usize| {
        let share = batch.div_ceil(workers);
        let lengths = (least..13).map(|log| 1 << log).chain([share]);
        let fits = move |tile: &usize| *tile <= share.min(most);
        let mut tiles: Vec<usize> = lengths.filter(fits).collect();
        tiles.dedup();
        tiles.into_iter().map(move |tile| Scheme { tile, workers })
    };
    // Fewer rows than workers would leave a worker without any.
    let workers = (threads > 1 && batch >= threads * threads).then_some(threads);
    of(1).chain(workers.into_iter().flat_map(of)).collect()
}

/// Rows of a product in a tile, at most.
const LONGEST: usize = 1 << 16;

fn zeros(n: usize) -> Vec<f32> {
    vec![0.0; n]
}

/// Numbers around zero, so that no sum overflows.
fn noise(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Known, Layer as Described};

    /// Nothing but dense layers.
    fn dense(sizes: &[usize]) -> Network {
        let layer =
            |(i, outputs): (usize, &usize)| Described::Dense { name: format!("fc{i}"), outputs: *outputs };
        let layers = sizes.iter().enumerate().map(layer).collect();
        Network { layers, ..Network::perceptron() }
    }

    #[test]
    fn every_scheme_computes_the_same_sums() {
        let network = dense(&[12, 9, 10]);
        let mut floor = Floor::new(&network, &Work::grey(80), 2).unwrap();
        let mut sums = |scheme| {
            floor.at = 0;
            floor.set(scheme);
            floor.products().unwrap();
            floor.workers[0].gradients.iter().map(|gradient| gradient[77]).collect::<Vec<f32>>()
        };
        let whole = sums(Scheme { tile: 80, workers: 1 });
        assert!(whole.len() == 3 && whole.iter().all(|sum| *sum != 0.0), "{whole:?}");
        for scheme in schemes(80, 1, 2) {
            let got = sums(scheme);
            let near = |(got, expected): (&f32, &f32)| (got - expected).abs() <= 1e-4 * expected.abs();
            assert!(got.iter().zip(&whole).all(near), "{scheme:?}: {got:?} {whole:?}");
        }
    }

    #[test]
    fn the_products_are_those_of_the_network() {
        let network = dense(&[12, 9, 10]);
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
        assert_eq!(schemes(20, 1, 1), [Scheme { tile: 20, workers: 1 }]);
        assert_eq!(schemes(20, 1, 2), [Scheme { tile: 20, workers: 1 }, Scheme { tile: 10, workers: 2 }]);
        assert_eq!(schemes(3, 1, 2).len(), 1);
        assert!(schemes(64, 1, 1).iter().all(|scheme| scheme.workers == 1));
    }
}
