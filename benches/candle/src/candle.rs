//! candle: its tensors, its autograd, its optimizers, as its users write a training step.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer as _, ParamsAdamW, SGD, loss};

use dl_bench_row::fault::Result;
use dl_bench_row::layer::Layer;
use dl_bench_row::layout::channels_first;
use dl_bench_row::network::{Loss, Network, Optimizer};
use dl_bench_row::subject::Subject;

use crate::layers::{Built, Values, build, through};
use crate::work::{Batch, Targets, Work};

/// The one that the workspace's manifest pins.
pub(crate) const VERSION: &str = "candle 0.11.1";

/// A network in candle, and the batches that its timed steps take in turn.
pub(crate) struct Candle {
    network: Network,
    layers: Vec<Built>,
    /// Those that the penalty is about.
    weights: Vec<Tensor>,
    update: Update,
    ring: Vec<(Tensor, Tensor)>,
    at: usize,
}

/// candle's optimizers, and momentum, which its SGD does not have.
enum Update {
    Sgd(SGD),
    Momentum { rate: f64, momentum: f64, velocities: Vec<(Var, Var)> },
    Adam(AdamW),
}

impl Candle {
    /// The same first values as our own rows have, in candle's layout `[out, in]`.
    pub(crate) fn new(network: &Network, work: Work) -> Result<Self> {
        let mut values = Values { variables: vec![], running: vec![] };
        let Work { mut first, ring } = work;
        channels_first(network, &mut first);
        for value in first {
            let name = value.name;
            let tensor = Tensor::from_vec(value.elements, value.shape, &Device::Cpu)?;
            let dense = transposed(&network.layers, &name);
            let tensor = if dense { tensor.t()?.contiguous()? } else { tensor };
            match name.contains(".running_") {
                true => values.running.push((name, tensor)),
                false => values.variables.push((name, Var::from_tensor(&tensor)?)),
            }
        }
        let layers = build(&network.layers, &values)?;
        let weights = values.variables.iter().filter(|(name, _)| name.ends_with(".weight"));
        let weights = weights.map(|(_, var)| var.as_tensor().clone()).collect();
        let vars = values.variables.into_iter().map(|(_, var)| var).collect();
        let ring = ring.into_iter().map(|batch| examples(network, batch)).collect::<Result<_>>()?;
        let update = Update::new(network.optimizer, vars)?;
        Ok(Candle { network: network.clone(), layers, weights, update, ring, at: 0 })
    }

    /// The loss before the step.
    fn update(&mut self, dropping: bool) -> Result<Tensor> {
        self.at = (self.at + 1) % self.ring.len();
        let (x, y) = &self.ring[self.at];
        let outputs = through(&self.layers, x, dropping)?;
        let mut loss = match self.network.loss {
            Loss::CrossEntropy => loss::cross_entropy(&outputs, y)?,
            Loss::SquaredError => loss::mse(&outputs, y)?,
        };
        if self.network.l2 > 0.0 {
            for weight in &self.weights {
                loss = (loss + (weight.sqr()?.sum_all()? * self.network.l2)?)?;
            }
        }
        self.update.by(&loss.backward()?)?;
        Ok(loss)
    }
}

/// Whether `name` is the weight of a dense layer, which candle has as `[out, in]`.
fn transposed(layers: &[Layer], name: &str) -> bool {
    layers.iter().any(|layer| match layer {
        Layer::Dense { name: own, .. } => *name == format!("{own}.weight"),
        Layer::Attention { name: own, .. } => {
            name.starts_with(&format!("{own}.")) && name.ends_with(".weight")
        }
        Layer::Residual { body, shortcut } => transposed(body, name) || transposed(shortcut, name),
        _ => false,
    })
}

fn examples(network: &Network, Batch { len, x, y }: Batch) -> Result<(Tensor, Tensor)> {
    let x = Tensor::from_vec(x, (len, network.inputs), &Device::Cpu)?;
    let y = match y {
        Targets::Classes(classes) => Tensor::from_vec(classes, len, &Device::Cpu)?,
        Targets::Numbers(numbers) => Tensor::from_vec(numbers, (len, network.outputs()), &Device::Cpu)?,
    };
    Ok((x, y))
}

impl Update {
    fn new(optimizer: Optimizer, vars: Vec<Var>) -> Result<Self> {
        Ok(match optimizer {
            Optimizer::Sgd { rate, momentum: 0.0 } => Update::Sgd(SGD::new(vars, rate)?),
            Optimizer::Sgd { rate, momentum } => {
                let still = |var: Var| Ok((var.clone(), Var::from_tensor(&var.zeros_like()?)?));
                let velocities = vars.into_iter().map(still).collect::<Result<_>>()?;
                Update::Momentum { rate, momentum, velocities }
            }
            Optimizer::Adam { rate } => {
                let settings = ParamsAdamW { lr: rate, weight_decay: 0.0, ..ParamsAdamW::default() };
                Update::Adam(AdamW::new(vars, settings)?)
            }
        })
    }

    fn by(&mut self, grads: &GradStore) -> Result<()> {
        match self {
            Update::Sgd(sgd) => sgd.step(grads)?,
            Update::Adam(adam) => adam.step(grads)?,
            Update::Momentum { rate, momentum, velocities } => {
                for (var, velocity) in velocities {
                    let Some(grad) = grads.get(var) else { continue };
                    velocity.set(&((velocity.as_tensor() * *momentum)? + grad)?)?;
                    var.set(&(var.as_tensor() - (velocity.as_tensor() * *rate)?)?)?;
                }
            }
        }
        Ok(())
    }
}

impl Subject for Candle {
    fn note(&self) -> Option<String> {
        let update = match self.update {
            Update::Sgd(_) => "SGD",
            Update::Momentum { .. } => "momentum by hand",
            Update::Adam(_) => "AdamW without decay",
        };
        Some(format!("{VERSION} by the gemm crate with x86-v4; its autograd, {update}"))
    }

    fn step(&mut self) -> Result<()> {
        self.update(true).map(drop)
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        Ok(Some(self.update(false)?.to_scalar::<f32>()?.into()))
    }
}
