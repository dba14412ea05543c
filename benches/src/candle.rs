//! candle: its tensors, its autograd, its optimizer, as its users write a training step.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Linear, Module, Optimizer, SGD, loss};
use dl_examples::perceptron::{Perceptron, Recipe};

use crate::fault::{Fault, Result};
use crate::peers::PARAMETERS;
use crate::subject::{SEED, Subject};
use crate::work::{PIXELS, Work};

/// The perceptron in candle, and the batches that its timed steps take in turn.
pub(crate) struct Candle {
    layers: [Linear; 2],
    optimizer: SGD,
    ring: Vec<(Tensor, Tensor)>,
    at: usize,
}

impl Candle {
    /// The same first values as our own rows have, in candle's layout `[out, in]`.
    pub(crate) fn new(work: &Work) -> Result<Self> {
        let first = Perceptron::MNIST.train(&Recipe::TUTORIAL)?.initial(SEED)?;
        let mut vars = vec![];
        for name in PARAMETERS {
            let found = first.iter().find(|(path, _)| **path == *name);
            let (_, value) = found.ok_or_else(|| Fault::new(format!("no parameter {name}")))?;
            let tensor = Tensor::from_slice(value.get::<f32>()?, value.shape(), &Device::Cpu)?;
            let tensor = if tensor.rank() == 2 { tensor.t()?.contiguous()? } else { tensor };
            vars.push(Var::from_tensor(&tensor)?);
        }
        let linear =
            |i: usize| Linear::new(vars[i].as_tensor().clone(), Some(vars[i + 1].as_tensor().clone()));
        let layers = [linear(0), linear(2)];
        let ring = work.ring();
        let examples = |batch: &crate::work::Batch<'_>| -> Result<(Tensor, Tensor)> {
            let n = batch.labels.len();
            let x = Tensor::from_vec(batch.scaled(), (n, PIXELS), &Device::Cpu)?;
            let y = Tensor::from_slice(&batch.labels, n, &Device::Cpu)?.to_dtype(DType::U32)?;
            Ok((x, y))
        };
        let ring = ring.iter().map(examples).collect::<Result<Vec<_>>>()?;
        Ok(Candle { layers, optimizer: SGD::new(vars, Recipe::TUTORIAL.rate)?, ring, at: 0 })
    }

    /// The loss before the step.
    fn update(&mut self) -> Result<Tensor> {
        self.at = (self.at + 1) % self.ring.len();
        let (x, y) = &self.ring[self.at];
        let [first, second] = &self.layers;
        let loss = loss::cross_entropy(&second.forward(&first.forward(x)?.relu()?)?, y)?;
        self.optimizer.backward_step(&loss)?;
        Ok(loss)
    }
}

impl Subject for Candle {
    fn note(&self) -> Option<String> {
        Some("candle 0.11.1 by the gemm crate with x86-v4; its autograd and SGD".into())
    }

    fn step(&mut self) -> Result<()> {
        self.update().map(drop)
    }

    fn loss(&mut self) -> Result<Option<f64>> {
        Ok(Some(self.update()?.to_scalar::<f32>()?.into()))
    }
}
