//! What every row works on: the dataset, and the batches that its timed steps take in turn.

use std::path::Path;

use dl_bench_row::curve::Curve;
use dl_bench_row::subject::Training;
use dl_core::tensor::Data;
use dl_core::{DType, Init, Tensor, TensorRef};
use dl_data::{Dataset, Split, Store, permutation};

use crate::fault::{Fault, Result};
use crate::network::{Examples, Network};
use crate::protocol::DataAt;

/// The pixel value that becomes 1.
pub(crate) const FULL_SCALE: u8 = 255;

/// Mini-batches that timed steps take in turn: few, so that they stay in the last
/// cache for rows that keep floats as for rows that keep bytes.
const RING: usize = 8;

/// The same batches for every row: they are drawn by one seed.
const RING_SEED: u64 = 1;

/// The name of what the program makes itself: as many examples as MNIST has.
const SYNTHETIC: &str = "synthetic";
const SYNTHETIC_SIZES: [usize; 2] = [60_000, 10_000];
const SYNTHETIC_SEED: u64 = 1;

/// A dataset in the form that our rows take as it is.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) train: Table,
    pub(crate) test: Table,
    /// Classes, or numbers in a target.
    outputs: usize,
}

/// Examples: inputs `x`, `u8` or `f32` `[n, inputs]`, and targets `y`, classes `i64` `[n]` or
/// numbers `f32` `[n, outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) x: Tensor,
    pub(crate) y: Tensor,
}

/// The dataset and the batches of a row.
pub(crate) struct Work {
    data: Set,
    batch: usize,
    ring: Vec<Table>,
}

/// What the network learns from: of images MNIST, or Fashion-MNIST where that alone is on
/// this machine.
///
/// # Errors
/// Neither is there: the sources of MNIST with the reason of each.
pub(crate) fn find(network: &Network, folder: Option<&Path>) -> Result<Set> {
    if network.examples == Examples::Synthetic {
        return synthetic(network.inputs, SYNTHETIC_SIZES);
    }
    let store = store(folder);
    let error = match store.mnist(&mut |line| eprintln!("{line}")) {
        Ok(data) => return Set::of_images(&data),
        Err(error) => error,
    };
    let other = store.offline().fashion_mnist(&mut |_| ());
    let data = other.map_err(|_| Fault::from(error))?;
    eprintln!("MNIST is not to be had; measuring on {} instead", data.name);
    Set::of_images(&data)
}

fn store(folder: Option<&Path>) -> Store {
    let store = Store::from_env();
    match folder {
        Some(folder) => store.data_dir(folder),
        None => store,
    }
}

/// Normal numbers in, and one number out: a smooth function of two directions, and a little noise.
fn synthetic(inputs: usize, [train, test]: [usize; 2]) -> Result<Set> {
    let normal = |std: f64, shape: &[usize], name: &str| {
        Init::Normal { mean: 0.0, std }.sample(DType::F32, shape, SYNTHETIC_SEED, name)
    };
    let directions = normal(1.0 / (inputs as f64).sqrt(), &[2, inputs], "directions")?;
    let (a, b) = directions.get::<f32>()?.split_at(inputs);
    let table = |n: usize, name: &str| -> Result<Table> {
        let x = normal(1.0, &[n, inputs], &format!("{name} inputs"))?;
        let noise = normal(0.1, &[n, 1], &format!("{name} noise"))?;
        let along = |row: &[f32], by: &[f32]| row.iter().zip(by).map(|(x, w)| x * w).sum::<f32>();
        let rows = x.get::<f32>()?.chunks(inputs).zip(noise.get::<f32>()?);
        let y = rows.map(|(row, noise)| (2.0 * along(row, a)).sin() + along(row, b).tanh() + noise).collect();
        Ok(Table { x, y: Tensor::new::<f32>([n, 1], y)? })
    };
    Ok(Set {
        name: SYNTHETIC.into(),
        origin: "made by this program".into(),
        train: table(train, "training")?,
        test: table(test, "test")?,
        outputs: 1,
    })
}

/// What the parent chose.
///
/// # Errors
/// The files were there a moment ago and are no more.
pub(crate) fn load(at: &DataAt, network: &Network) -> Result<Set> {
    match &*at.name {
        SYNTHETIC => find(network, None),
        _ => Set::of_images(&images(at)?),
    }
}

/// The images that the parent chose.
///
/// # Errors
/// As for [`load`].
pub(crate) fn images(at: &DataAt) -> Result<Dataset> {
    let store = store(at.folder.as_deref()).offline();
    match &*at.name {
        "mnist" => Ok(store.mnist(&mut |_| ())?),
        "fashion-mnist" => Ok(store.fashion_mnist(&mut |_| ())?),
        other => Err(Fault::new(format!("no dataset {other:?}"))),
    }
}

impl Set {
    fn of_images(data: &Dataset) -> Result<Self> {
        if data.full_scale != FULL_SCALE {
            let full = data.full_scale;
            return Err(Fault::new(format!("{}: expected pixels up to {FULL_SCALE}, got {full}", data.name)));
        }
        Ok(Set {
            name: data.name.clone(),
            origin: data.origin.clone(),
            train: Table::of_images(&data.train)?,
            test: Table::of_images(&data.test)?,
            outputs: data.classes.len(),
        })
    }
}

impl Table {
    fn of_images(split: &Split) -> Result<Self> {
        let images = split.images();
        Ok(Table {
            x: Tensor::new([split.len(), images.pixels_per_image()], images.as_slice().to_vec())?,
            y: Tensor::vector::<i64>(split.labels().iter().map(|&y| y.into()).collect()),
        })
    }

    /// `x` and `y`, as a training step takes them.
    pub(crate) fn inputs(&self) -> [TensorRef<'_>; 2] {
        [self.x.view(), self.y.view()]
    }

    /// Examples.
    pub(crate) fn len(&self) -> usize {
        self.x.shape()[0]
    }

    /// Those at `rows`, in their order.
    pub(crate) fn select(&self, rows: &[usize]) -> Result<Self> {
        Ok(Table { x: select(&self.x, rows)?, y: select(&self.y, rows)? })
    }

    /// The inputs as floats, pixels in `[0, 1]`.
    pub(crate) fn floats(&self) -> Vec<f32> {
        match self.x.data() {
            Data::U8(pixels) => pixels.iter().map(|&p| f32::from(p) / f32::from(FULL_SCALE)).collect(),
            _ => self.x.to_f64().into_iter().map(|x| x as f32).collect(),
        }
    }
}

fn select(from: &Tensor, rows: &[usize]) -> Result<Tensor> {
    fn copied<T: Copy>(from: &[T], size: usize, rows: &[usize]) -> Vec<T> {
        rows.iter().flat_map(|i| &from[i * size..(i + 1) * size]).copied().collect()
    }
    let mut shape = from.shape().to_vec();
    shape[0] = rows.len();
    let size = shape[1..].iter().product();
    Ok(match from.data() {
        Data::F32(v) => Tensor::new(shape, copied(v, size, rows))?,
        Data::I64(v) => Tensor::new(shape, copied(v, size, rows))?,
        Data::U8(v) => Tensor::new(shape, copied(v, size, rows))?,
        _ => return Err(Fault::new(format!("expected u8, i64 or f32 in a dataset, got {:?}", from.dtype()))),
    })
}

impl Work {
    /// # Errors
    /// An empty batch, or a dataset whose sizes are not the network's.
    pub(crate) fn new(data: Set, network: &Network, batch: usize) -> Result<Self> {
        let expected = [network.inputs, network.outputs()];
        let got = [data.train.x.shape()[1], data.outputs];
        if got != expected {
            return Err(Fault::new(format!(
                "{}: expected {} inputs and {} outputs, got {} and {}",
                data.name, expected[0], expected[1], got[0], got[1]
            )));
        }
        if batch == 0 {
            return Err(Fault::new("expected a batch of at least one example"));
        }
        let train = &data.train;
        let ring = match batch >= train.len() {
            // The whole split is borrowed when it is asked for.
            true => vec![],
            false => {
                let order = permutation(train.len(), RING_SEED);
                let batches = order.chunks_exact(batch).take(RING).map(|rows| train.select(rows));
                batches.collect::<Result<_>>()?
            }
        };
        Ok(Work { batch: batch.min(data.train.len()), data, ring })
    }

    pub(crate) fn train(&self) -> &Table {
        &self.data.train
    }

    pub(crate) fn test(&self) -> &Table {
        &self.data.test
    }

    /// Examples in a batch.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// For the losses of a training on batches of this size.
    pub(crate) fn curve(&self, training: Training) -> Curve {
        Curve::new(training.epochs(), self.train().len().div_ceil(self.batch))
    }

    /// The batches that timed steps take in turn.
    pub(crate) fn ring(&self) -> Vec<&Table> {
        match self.ring.is_empty() {
            true => vec![&self.data.train],
            false => self.ring.iter().collect(),
        }
    }
}

#[cfg(test)]
impl Work {
    /// `n` training images in one batch, each of its own grey, labelled in turn.
    pub(crate) fn grey(n: usize) -> Self {
        let network = <Network as crate::network::Known>::perceptron();
        let images = (0..n * network.inputs).map(|i| (i / network.inputs * 37 % 256) as u8).collect();
        let table = Table {
            x: Tensor::new([n, network.inputs], images).unwrap(),
            y: Tensor::vector::<i64>((0..n as i64).map(|i| i % 10).collect()),
        };
        let (name, origin) = ("grey".into(), "a test".into());
        let data = Set { name, origin, train: table.clone(), test: table, outputs: network.outputs() };
        Work::new(data, &network, n).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Known;

    #[test]
    fn the_whole_split_is_one_batch_and_stays_where_it_is() {
        let work = Work::grey(30);
        let ring = work.ring();
        assert_eq!(ring.len(), 1);
        assert!(std::ptr::eq(ring[0], work.train()));
        assert_eq!(ring[0].len(), 30);
        assert_eq!(ring[0].floats()[784], 37.0 / 255.0);
    }

    #[test]
    fn mini_batches_are_full_and_differ() {
        let work = Work::new(Work::grey(30).data, &Network::perceptron(), 7).unwrap();
        let ring = work.ring();
        assert_eq!(ring.len(), 4);
        assert!(ring.iter().all(|batch| batch.len() == 7));
        assert_ne!(ring[0].y, ring[1].y);
        // Images keep their labels: the i-th is all of grey 37·i, and of class i mod 10.
        let (x, y) = (ring[1].x.get::<u8>().unwrap(), ring[1].y.get::<i64>().unwrap());
        let grey = |label: i64| (0..3).map(|tens| ((tens * 10 + label) * 37 % 256) as u8).collect::<Vec<_>>();
        assert!(x.chunks(784).zip(y).all(|(image, &label)| grey(label).contains(&image[783])));
    }

    #[test]
    fn a_dataset_of_another_shape_is_refused() {
        let digits = dl_data::digits().unwrap();
        let error = Set::of_images(&digits).err().unwrap().to_string();
        assert_eq!(error, "digits: expected pixels up to 255, got 16");
        let error = Work::new(synthetic(13, [20, 10]).unwrap(), &Network::perceptron(), 7).err().unwrap();
        assert_eq!(error.to_string(), "synthetic: expected 784 inputs and 10 outputs, got 13 and 1");
    }

    #[test]
    fn synthetic_targets_are_a_function_of_their_inputs_and_little_noise() {
        let network = Network::named("regression").unwrap();
        let set = synthetic(13, [400, 100]).unwrap();
        assert_eq!(set.train, synthetic(13, [400, 100]).unwrap().train);
        assert_ne!(set.train.select(&[0]).unwrap(), set.test.select(&[0]).unwrap());
        let y = set.train.y.get::<f32>().unwrap();
        let mean = y.iter().sum::<f32>() / 400.0;
        let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f32>() / 400.0;
        // A sine and a tangent vary by a half and a third; the noise by 0.01.
        assert!(mean.abs() < 0.2 && (0.3..1.5).contains(&variance), "{mean} {variance}");
        assert_eq!(Work::new(set, &network, 64).unwrap().ring()[0].floats().len(), 64 * 13);
    }
}
