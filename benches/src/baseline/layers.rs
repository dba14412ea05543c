//! Layers in burn, as its modules compute them. Images are `[B, C, H, W]`.

use burn_backend::ops::*;
use burn_backend::tensor::{Device, FloatTensor};
use burn_backend::{Backend, Distribution, FloatDType, Scalar, Shape, Slice, TensorMetadata};

use crate::fault::{Fault, Result};
use crate::network::{Activation, Layer};

const EPS: f64 = 1e-5;

/// A batch on its way through layers.
pub(super) struct Pass<'a, B: Backend> {
    pub(super) names: &'a [String],
    /// Of each name its value.
    pub(super) values: &'a [FloatTensor<B>],
    pub(super) device: &'a Device<B>,
    pub(super) mode: Mode<'a, B>,
}

pub(super) enum Mode<'a, B: Backend> {
    /// Masks are drawn if `dropping`; mean and variance of each batch normalization are left in `batch`.
    Train {
        dropping: bool,
        batch: &'a mut Vec<Statistics<B>>,
    },
    Evaluate,
}

/// Of a batch and its channels.
pub(super) struct Statistics<B: Backend> {
    pub(super) name: String,
    pub(super) mean: FloatTensor<B>,
    pub(super) unbiased: FloatTensor<B>,
}

impl<B: Backend> Pass<'_, B> {
    pub(super) fn through(&mut self, layers: &[Layer], x: FloatTensor<B>) -> Result<FloatTensor<B>> {
        layers.iter().try_fold(x, |x, layer| self.apply(layer, x))
    }

    fn value(&self, name: &str) -> Result<FloatTensor<B>> {
        let at = self.names.iter().position(|own| own == name);
        Ok(self.values[at.ok_or_else(|| Fault::new(format!("no parameter {name}")))?].clone())
    }

    fn part(&self, name: &str, of: &str) -> Result<FloatTensor<B>> {
        self.value(&format!("{name}.{of}"))
    }

    fn apply(&mut self, layer: &Layer, x: FloatTensor<B>) -> Result<FloatTensor<B>> {
        Ok(match layer {
            Layer::Activation(Activation::Relu) => B::relu(x),
            Layer::Activation(Activation::Tanh) => B::float_tanh(x),
            Layer::Activation(Activation::Gelu) => B::gelu(x),
            Layer::Dropout(share) => match self.mode {
                Mode::Train { dropping: true, .. } => {
                    let kept = Distribution::Bernoulli(1.0 - share);
                    let mask = B::float_random(x.shape(), kept, self.device, FloatDType::F32);
                    B::float_mul_scalar(B::float_mul(x, mask), Scalar::Float(1.0 / (1.0 - share)))
                }
                _ => x,
            },
            Layer::Reshape(shape) => reshape::<B>(x, shape),
            Layer::Dense { name, .. } => self.linear(x, name)?,
            Layer::Convolution { name, stride, padding, bias, .. } => {
                let bias = if *bias { Some(self.part(name, "bias")?) } else { None };
                let options = ConvOptions::new([*stride; 2], [*padding; 2], [1; 2], 1);
                B::conv2d(x, self.part(name, "weight")?, bias, options)
            }
            Layer::MaxPool(side) => B::max_pool2d(x, [*side; 2], [*side; 2], [0; 2], [1; 2], false),
            Layer::BatchNorm { name } => self.batch_norm(x, name)?,
            Layer::LayerNorm { name } => {
                B::layer_norm(x, self.part(name, "weight")?, Some(self.part(name, "bias")?), EPS)
            }
            Layer::Residual { body, shortcut } => {
                let beside = self.through(shortcut, x.clone())?;
                B::float_add(self.through(body, x)?, beside)
            }
            Layer::Lstm { name, units } => self.lstm(x, name, *units)?,
            Layer::Positions { name } => {
                let [_, rows, features] = x.shape().dims();
                B::float_add(x, B::float_reshape(self.value(name)?, Shape::new([1, rows, features])))
            }
            Layer::Attention { name, heads } => self.attention(x, name, *heads)?,
            Layer::Mean => mean::<B>(x),
        })
    }

    fn linear(&self, x: FloatTensor<B>, name: &str) -> Result<FloatTensor<B>> {
        Ok(B::linear(x, self.part(name, "weight")?, Some(self.part(name, "bias")?)))
    }

    fn batch_norm(&mut self, x: FloatTensor<B>, name: &str) -> Result<FloatTensor<B>> {
        let (weight, bias) = (self.part(name, "weight")?, self.part(name, "bias")?);
        let Mode::Train { batch, .. } = &mut self.mode else {
            let (mean, var) = (self.part(name, "running_mean")?, self.part(name, "running_var")?);
            return Ok(B::batch_norm(x, weight, bias, mean, var, EPS));
        };
        let count = (x.shape().num_elements() / x.shape()[1]) as f64;
        let found = B::batch_norm_train(x, weight, bias, EPS);
        let unbiased = B::float_mul_scalar(found.variance, Scalar::Float(count / (count - 1.0)));
        batch.push(Statistics { name: name.to_owned(), mean: found.mean, unbiased });
        Ok(found.output)
    }

    /// The four gates of a step by two products, of the row and of the state. burn's module has eight products
    /// a step; and to take the rows out of one product of all of them would fill the gradient of all rows for each.
    fn lstm(&self, x: FloatTensor<B>, name: &str, units: usize) -> Result<FloatTensor<B>> {
        let bias = B::float_add(self.part(name, "bias_ih_l0")?, self.part(name, "bias_hh_l0")?);
        let (input, hidden) = (self.part(name, "weight_ih_l0")?, self.part(name, "weight_hh_l0")?);
        let [batch, rows, features] = x.shape().dims();
        let zeros = B::float_zeros(Shape::new([batch, units]), self.device, FloatDType::F32);
        let (mut h, mut c) = (zeros.clone(), zeros);
        for t in 0..rows {
            let row = B::float_reshape(part::<B>(x.clone(), 1, t, t + 1), Shape::new([batch, features]));
            let gates = B::linear(row, input.clone(), Some(bias.clone()));
            let gates = B::float_add(gates, B::float_matmul(h, hidden.clone()));
            let gate = |i: usize| part::<B>(gates.clone(), 1, i * units, (i + 1) * units);
            let kept = B::float_mul(B::sigmoid(gate(1)), c);
            c = B::float_add(kept, B::float_mul(B::sigmoid(gate(0)), B::float_tanh(gate(2))));
            h = B::float_mul(B::sigmoid(gate(3)), B::float_tanh(c.clone()));
        }
        Ok(h)
    }

    fn attention(&self, x: FloatTensor<B>, name: &str, heads: usize) -> Result<FloatTensor<B>> {
        let [batch, rows, width] = x.shape().dims();
        let project = |of: &str| -> Result<FloatTensor<B>> {
            let projected = self.linear(x.clone(), &format!("{name}.{of}"))?;
            let split = B::float_reshape(projected, Shape::new([batch, rows, heads, width / heads]));
            Ok(B::float_swap_dims(split, 1, 2))
        };
        let (query, key, value) = (project("query")?, project("key")?, project("value")?);
        let found = B::attention(query, key, value, None, None, AttentionModuleOptions::default());
        let found = B::float_reshape(B::float_swap_dims(found, 1, 2), Shape::new([batch, rows, width]));
        self.linear(found, &format!("{name}.output"))
    }
}

/// Each example in another shape, which is said with channels last.
fn reshape<B: Backend>(x: FloatTensor<B>, shape: &[usize]) -> FloatTensor<B> {
    let before = x.shape();
    let batch = before[0];
    let to = |x: FloatTensor<B>, sizes: &[usize]| {
        let sizes: Vec<usize> = [batch].into_iter().chain(sizes.iter().copied()).collect();
        B::float_reshape(x, Shape::from(sizes))
    };
    match (before.num_dims(), shape) {
        // Pixels of one channel lie as they did.
        (_, &[height, width, 1]) => to(x, &[1, height, width]),
        (_, &[_, _, _]) => B::float_permute(to(x, shape), &[0, 3, 1, 2]),
        (4, &[rows, features]) => B::float_swap_dims(to(x, &[features, rows]), 1, 2),
        _ => to(x, shape),
    }
}

/// Of each feature.
fn mean<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let sizes = x.shape();
    match sizes.num_dims() {
        4 => {
            let (batch, channels) = (sizes[0], sizes[1]);
            let flat = B::float_reshape(x, Shape::new([batch, channels, sizes[2] * sizes[3]]));
            B::float_reshape(B::float_mean_dim(flat, 2), Shape::new([batch, channels]))
        }
        _ => B::float_reshape(B::float_mean_dim(x, 1), Shape::new([sizes[0], sizes[2]])),
    }
}

/// From `start` to before `end` along an axis.
fn part<B: Backend>(x: FloatTensor<B>, axis: usize, start: usize, end: usize) -> FloatTensor<B> {
    let mut slices = vec![Slice::from(..); x.shape().num_dims()];
    slices[axis] = Slice::from(start..end);
    B::float_slice(x, &slices)
}
