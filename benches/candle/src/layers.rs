//! Layers in candle. Images are `[B, C, H, W]`.

use candle_core::{Tensor, Var};
use candle_nn::{BatchNorm, Linear, Module, ops};

use dl_bench_row::fault::{Fault, Result};
use dl_bench_row::layer::{Activation, Layer};

const EPS: f64 = 1e-5;

/// A layer with what it needs: made once, then applied to every batch.
pub(crate) enum Built {
    Activation(Activation),
    Dropout(f64),
    Reshape(Vec<usize>),
    Dense(Linear),
    Convolution { weight: Tensor, bias: Option<Tensor>, stride: usize, padding: usize },
    MaxPool(usize),
    BatchNorm(Box<BatchNorm>),
    LayerNorm { weight: Tensor, bias: Tensor },
    Residual { body: Vec<Built>, shortcut: Vec<Built> },
    Lstm { input: Tensor, hidden: Tensor, bias: [Tensor; 2], units: usize },
    Positions(Tensor),
    Attention { projections: Box<[Linear; 4]>, heads: usize },
    Mean,
}

/// First values by their names; running statistics are among them, and no variables.
pub(crate) struct Values {
    pub(crate) variables: Vec<(String, Var)>,
    pub(crate) running: Vec<(String, Tensor)>,
}

impl Values {
    fn get(&self, name: &str) -> Result<Tensor> {
        let found = self.variables.iter().find(|(path, _)| path == name);
        let found = found.map(|(_, var)| var.as_tensor().clone());
        let running = || self.running.iter().find(|(path, _)| path == name).map(|(_, value)| value.clone());
        found.or_else(running).ok_or_else(|| Fault::new(format!("no parameter {name}")))
    }

    fn part(&self, name: &str, of: &str) -> Result<Tensor> {
        self.get(&format!("{name}.{of}"))
    }

    /// In candle's layout `[out, in]`.
    fn linear(&self, name: &str) -> Result<Linear> {
        Ok(Linear::new(self.part(name, "weight")?, Some(self.part(name, "bias")?)))
    }
}

pub(crate) fn build(layers: &[Layer], values: &Values) -> Result<Vec<Built>> {
    layers.iter().map(|layer| Built::of(layer, values)).collect()
}

pub(crate) fn through(layers: &[Built], x: &Tensor, dropping: bool) -> Result<Tensor> {
    layers.iter().try_fold(x.clone(), |x, layer| layer.apply(&x, dropping))
}

impl Built {
    fn of(layer: &Layer, values: &Values) -> Result<Self> {
        Ok(match layer {
            Layer::Activation(activation) => Built::Activation(*activation),
            Layer::Dropout(share) => Built::Dropout(*share),
            Layer::Reshape(shape) => Built::Reshape(shape.clone()),
            Layer::Dense { name, .. } => Built::Dense(values.linear(name)?),
            Layer::Convolution { name, stride, padding, bias, .. } => Built::Convolution {
                weight: values.part(name, "weight")?,
                bias: if *bias { Some(values.part(name, "bias")?) } else { None },
                stride: *stride,
                padding: *padding,
            },
            Layer::MaxPool(side) => Built::MaxPool(*side),
            Layer::BatchNorm { name } => {
                let [mean, var, weight, bias] =
                    ["running_mean", "running_var", "weight", "bias"].map(|of| values.part(name, of));
                let (mean, var) = (mean?, var?);
                let channels = mean.elem_count();
                Built::BatchNorm(Box::new(BatchNorm::new(channels, mean, var, weight?, bias?, EPS)?))
            }
            Layer::LayerNorm { name } => {
                Built::LayerNorm { weight: values.part(name, "weight")?, bias: values.part(name, "bias")? }
            }
            Layer::Residual { body, shortcut } => {
                Built::Residual { body: build(body, values)?, shortcut: build(shortcut, values)? }
            }
            Layer::Lstm { name, units } => Built::Lstm {
                input: values.part(name, "weight_ih_l0")?,
                hidden: values.part(name, "weight_hh_l0")?,
                bias: [values.part(name, "bias_ih_l0")?, values.part(name, "bias_hh_l0")?],
                units: *units,
            },
            Layer::Positions { name } => Built::Positions(values.get(name)?),
            Layer::Attention { name, heads } => {
                let [query, key, value, output] =
                    ["query", "key", "value", "output"].map(|of| values.linear(&format!("{name}.{of}")));
                Built::Attention { projections: Box::new([query?, key?, value?, output?]), heads: *heads }
            }
            Layer::Mean => Built::Mean,
        })
    }

    fn apply(&self, x: &Tensor, dropping: bool) -> Result<Tensor> {
        Ok(match self {
            Built::Activation(Activation::Relu) => x.relu()?,
            Built::Activation(Activation::Tanh) => x.tanh()?,
            Built::Activation(Activation::Gelu) => x.gelu_erf()?,
            Built::Dropout(share) if dropping => ops::dropout(x, *share as f32)?,
            Built::Dropout(_) => x.clone(),
            Built::Reshape(shape) => reshape(x, shape)?,
            Built::Dense(linear) => linear.forward(x)?,
            Built::Convolution { weight, bias, stride, padding } => {
                let y = x.conv2d(weight, *padding, *stride, 1, 1)?;
                match bias {
                    Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?,
                    None => y,
                }
            }
            Built::MaxPool(side) => max_pool(x, *side)?,
            Built::BatchNorm(norm) => norm.forward_train(x)?,
            // The fused one of candle has no gradient.
            Built::LayerNorm { weight, bias } => ops::layer_norm_slow(x, weight, bias, EPS as f32)?,
            Built::Residual { body, shortcut } => {
                (through(body, x, dropping)? + through(shortcut, x, dropping)?)?
            }
            Built::Lstm { input, hidden, bias, units } => lstm(x, [input, hidden], bias, *units)?,
            Built::Positions(at) => x.broadcast_add(at)?,
            Built::Attention { projections, heads } => attention(x, projections, *heads)?,
            Built::Mean => match x.rank() {
                4 => x.mean((2, 3))?,
                _ => x.mean(1)?,
            },
        })
    }
}

/// Each example in another shape, which is said with channels last.
fn reshape(x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let batch = x.dim(0)?;
    Ok(match (x.rank(), shape) {
        (_, &[height, width, channels]) => {
            x.reshape((batch, height, width, channels))?.permute((0, 3, 1, 2))?.contiguous()?
        }
        (4, &[_, _]) => x.flatten_from(2)?.transpose(1, 2)?.contiguous()?,
        _ => x.reshape([&[batch], shape].concat())?,
    })
}

/// By `maximum`: the gradient of candle's `max_pool2d` is too small by the number of pixels of a square, for one
/// that has a single largest pixel.
fn max_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let (rows, columns) = (height / side, width / side);
    let x = x.narrow(2, 0, rows * side)?.narrow(3, 0, columns * side)?.contiguous()?;
    let mut x = x.reshape(vec![batch, channels, rows, side, columns, side])?;
    for axis in [5, 3] {
        let parts = (0..side).map(|i| x.narrow(axis, i, 1));
        let parts = parts.collect::<candle_core::Result<Vec<_>>>()?;
        let (first, rest) = parts.split_first().ok_or_else(|| Fault::new("squares of no pixels"))?;
        x = rest.iter().try_fold(first.clone(), |most, part| most.maximum(part))?;
    }
    Ok(x.reshape((batch, channels, rows, columns))?)
}

fn lstm(x: &Tensor, [input, hidden]: [&Tensor; 2], bias: &[Tensor; 2], units: usize) -> Result<Tensor> {
    let (batch, rows, _) = x.dims3()?;
    let bias = (&bias[0] + &bias[1])?;
    let zeros = Tensor::zeros((batch, units), x.dtype(), x.device())?;
    let (mut h, mut c) = (zeros.clone(), zeros);
    for t in 0..rows {
        let row = x.narrow(1, t, 1)?.squeeze(1)?.contiguous()?;
        let gates = (row.matmul(input)? + h.matmul(hidden)?)?.broadcast_add(&bias)?;
        let gate = |i: usize| gates.narrow(1, i * units, units);
        let kept = (ops::sigmoid(&gate(1)?)? * c)?;
        c = (kept + (ops::sigmoid(&gate(0)?)? * gate(2)?.tanh()?)?)?;
        h = (ops::sigmoid(&gate(3)?)? * c.tanh()?)?;
    }
    Ok(h)
}

fn attention(x: &Tensor, [query, key, value, output]: &[Linear; 4], heads: usize) -> Result<Tensor> {
    let (batch, rows, width) = x.dims3()?;
    let split = |linear: &Linear| -> Result<Tensor> {
        let projected = linear.forward(x)?.reshape((batch, rows, heads, width / heads))?;
        Ok(projected.transpose(1, 2)?.contiguous()?)
    };
    let (query, key, value) = (split(query)?, split(key)?, split(value)?);
    let scale = 1.0 / ((width / heads) as f64).sqrt();
    let scores = (query.matmul(&key.t()?)? * scale)?;
    let found = ops::softmax(&scores, 3)?.matmul(&value)?;
    Ok(output.forward(&found.transpose(1, 2)?.reshape((batch, rows, width))?)?)
}
