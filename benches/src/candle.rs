//! candle: its tensors, its autograd, its optimizers, as its users write a training step.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer as _, ParamsAdamW, SGD, loss, ops};

use crate::fault::Result;
use crate::network::{Activation, Loss, Network, Optimizer};
use crate::subject::Subject;
use crate::work::{Table, Work};

/// A network in candle, and the batches that its timed steps take in turn.
pub(crate) struct Candle {
    network: Network,
    layers: Vec<Linear>,
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
    pub(crate) fn new(network: &Network, work: &Work) -> Result<Self> {
        let mut vars = vec![];
        for (_, value) in network.first_values()? {
            let tensor = Tensor::from_slice(value.get::<f32>()?, value.shape(), &Device::Cpu)?;
            let tensor = if tensor.rank() == 2 { tensor.t()?.contiguous()? } else { tensor };
            vars.push(Var::from_tensor(&tensor)?);
        }
        let tensor = |var: &Var| var.as_tensor().clone();
        let layers = vars.chunks(2).map(|pair| Linear::new(tensor(&pair[0]), Some(tensor(&pair[1]))));
        let layers = layers.collect();
        let ring = work.ring().into_iter().map(|batch| examples(network, batch)).collect::<Result<_>>()?;
        let update = Update::new(network.optimizer, vars)?;
        Ok(Candle { network: network.clone(), layers, update, ring, at: 0 })
    }

    /// The loss before the step.
    fn update(&mut self, dropout: f64) -> Result<Tensor> {
        self.at = (self.at + 1) % self.ring.len();
        let (x, y) = &self.ring[self.at];
        let outputs = self.forward(x, dropout)?;
        let mut loss = match self.network.loss {
            Loss::CrossEntropy => loss::cross_entropy(&outputs, y)?,
            Loss::SquaredError => loss::mse(&outputs, y)?,
        };
        if self.network.l2 > 0.0 {
            for layer in &self.layers {
                loss = (loss + (layer.weight().sqr()?.sum_all()? * self.network.l2)?)?;
            }
        }
        self.update.by(&loss.backward()?)?;
        Ok(loss)
    }

    fn forward(&self, x: &Tensor, dropout: f64) -> Result<Tensor> {
        let mut h = x.clone();
        for (i, layer) in (1..).zip(&self.layers) {
            h = layer.forward(&h)?;
            if i == self.layers.len() {
                break;
            }
            h = match self.network.activation {
                Activation::Relu => h.relu()?,
                Activation::Tanh => h.tanh()?,
            };
            if dropout > 0.0 {
                h = ops::dropout(&h, dropout as f32)?;
            }
        }
        Ok(h)
    }
}

fn examples(network: &Network, batch: &Table) -> Result<(Tensor, Tensor)> {
    let x = Tensor::from_vec(batch.floats(), batch.x.shape(), &Device::Cpu)?;
    let y = match network.loss {
        Loss::CrossEntropy => {
            Tensor::from_slice(batch.y.get::<i64>()?, batch.len(), &Device::Cpu)?.to_dtype(DType::U32)?
        }
        Loss::SquaredError => Tensor::from_slice(batch.y.get::<f32>()?, batch.y.shape(), &Device::Cpu)?,
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
        Some(format!("candle 0.11.1 by the gemm crate with x86-v4; its autograd, {update}"))
    }

    fn step(&mut self) -> Result<()> {
        self.update(self.network.dropout).map(drop)
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        Ok(Some(self.update(0.0)?.to_scalar::<f32>()?.into()))
    }
}
