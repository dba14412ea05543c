//! What a network is made of: layers as data, the shapes they give, and their matrix products.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A layer. Examples have their features last: images `[H, W, C]`, sequences `[T, F]`. Names are
/// those of the layer's parameters, `fc1.weight` and so on, in our library's shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "layer normalization is called so")]
pub enum Layer {
    /// Of each element.
    Activation(Activation),
    /// The share of all elements that is dropped.
    Dropout(f64),
    /// Each example in another shape.
    Reshape(Vec<usize>),
    /// `x·W + b` of the features.
    Dense {
        /// Of its parameters.
        name: String,
        /// Features behind it.
        outputs: usize,
    },
    /// Of images, with square kernels and zeros around the image.
    Convolution {
        /// Of its parameters.
        name: String,
        /// Features behind it.
        outputs: usize,
        /// Pixels of a side.
        kernel: usize,
        /// Pixels between two places of the kernel.
        stride: usize,
        /// Pixels of zeros at each edge.
        padding: usize,
        /// Whether a number is added to each feature.
        bias: bool,
    },
    /// The largest of each square of so many pixels a side; the squares lie side by side.
    MaxPool(usize),
    /// Over all axes but the features, with `ε = 10⁻⁵` and running statistics of momentum 0.1.
    BatchNorm {
        /// Of its parameters.
        name: String,
    },
    /// Over the features, with `ε = 10⁻⁵`.
    LayerNorm {
        /// Of its parameters.
        name: String,
    },
    /// `body(x) + shortcut(x)`; no layers are the identity.
    Residual {
        /// Not empty.
        body: Vec<Layer>,
        /// Empty for the identity.
        shortcut: Vec<Layer>,
    },
    /// The state of LSTM cells behind the last row of a sequence, from zeros on.
    Lstm {
        /// Of its parameters.
        name: String,
        /// Cells.
        units: usize,
    },
    /// A learned vector added to each row of a sequence.
    Positions {
        /// Of its parameters.
        name: String,
    },
    /// Every row attends to every row, by so many heads.
    Attention {
        /// Of its parameters.
        name: String,
        /// They share the features.
        heads: usize,
    },
    /// Of each feature, over all other axes of an example.
    Mean,
}

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// With the error function.
    Gelu,
}

/// A matrix product of the forward pass, of one example: `[rows, inputs]·[inputs, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Of the left side.
    pub rows: usize,
    /// Columns of the left side and rows of the right one.
    pub inputs: usize,
    /// Columns of the right side.
    pub outputs: usize,
    /// Whether its left side is the data, so that nobody asks for its gradient.
    pub of_data: bool,
}

impl Product {
    /// Floating-point operations of a training step: two (a multiplication and an addition) for each
    /// term of the product, of its right side's gradient, and of its left side's.
    pub fn flops(&self) -> u64 {
        let products = if self.of_data { 2 } else { 3 };
        2 * products * (self.rows * self.inputs * self.outputs) as u64
    }
}

/// An example on its way through layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// What it has become.
    pub shape: Vec<usize>,
    /// Whether it is still the data, and no parameter has touched it.
    data: bool,
    /// Those on the way.
    pub products: Vec<Product>,
}

impl Passage {
    /// At the first layer.
    pub fn of(shape: Vec<usize>) -> Self {
        Passage { shape, data: true, products: vec![] }
    }

    /// Through all of them, in order.
    pub fn through(&mut self, layers: &[Layer]) {
        layers.iter().for_each(|layer| self.step(layer));
    }

    /// Through one.
    pub fn step(&mut self, layer: &Layer) {
        let features = self.features();
        match layer {
            Layer::Activation(_) | Layer::Dropout(_) => {}
            Layer::Reshape(shape) => self.shape.clone_from(shape),
            Layer::Dense { outputs, .. } => {
                self.product(self.positions(), features, *outputs);
                self.put_features(*outputs);
            }
            Layer::Convolution { outputs, kernel, stride, padding, .. } => {
                for size in self.spatial() {
                    *size = (*size + 2 * padding).saturating_sub(*kernel) / stride + 1;
                }
                self.product(self.positions(), kernel * kernel * features, *outputs);
                self.put_features(*outputs);
            }
            Layer::MaxPool(side) => self.spatial().iter_mut().for_each(|size| *size /= side),
            Layer::BatchNorm { .. } | Layer::LayerNorm { .. } | Layer::Positions { .. } => self.data = false,
            Layer::Residual { body, shortcut } => {
                let mut beside = Passage { products: vec![], ..self.clone() };
                self.through(body);
                beside.through(shortcut);
                self.data &= beside.data;
                self.products.extend(beside.products);
            }
            Layer::Lstm { units, .. } => {
                let rows = self.positions();
                self.product(rows, features, 4 * units);
                self.data = false;
                self.product(rows, *units, 4 * units);
                self.shape = vec![*units];
            }
            Layer::Attention { heads, .. } => {
                let (rows, width) = (self.positions(), features / heads);
                (0..3).for_each(|_| self.product(rows, features, features));
                self.data = false;
                self.product(heads * rows, width, rows);
                self.product(heads * rows, rows, width);
                self.product(rows, features, features);
            }
            Layer::Mean => self.shape = vec![features],
        }
    }

    fn product(&mut self, rows: usize, inputs: usize, outputs: usize) {
        self.products.push(Product { rows, inputs, outputs, of_data: self.data });
    }

    fn features(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// A layer with a weight has given so many features.
    fn put_features(&mut self, features: usize) {
        self.data = false;
        if let Some(last) = self.shape.last_mut() {
            *last = features;
        }
    }

    /// The sizes of all axes but the features.
    fn spatial(&mut self) -> &mut [usize] {
        let last = self.shape.len().saturating_sub(1);
        &mut self.shape[..last]
    }

    fn positions(&self) -> usize {
        self.shape.iter().rev().skip(1).product()
    }
}

/// The same layers but for those that drop.
pub fn without_dropout(layers: &[Layer]) -> Vec<Layer> {
    let kept = layers.iter().filter(|layer| !matches!(layer, Layer::Dropout(_)));
    let inner = |layer: &Layer| match layer {
        Layer::Residual { body, shortcut } => {
            Layer::Residual { body: without_dropout(body), shortcut: without_dropout(shortcut) }
        }
        other => other.clone(),
    };
    kept.map(inner).collect()
}

/// What layers do, each thing once and in their order, where a title does not tell.
pub fn words(layers: &[Layer]) -> String {
    let mut words: Vec<String> = vec![];
    collect_words(layers, &mut words);
    words.join(", ")
}

fn collect_words(layers: &[Layer], words: &mut Vec<String>) {
    for layer in layers {
        let word = match layer {
            Layer::Residual { body, shortcut } => {
                collect_words(body, words);
                collect_words(shortcut, words);
                "residual sums".into()
            }
            Layer::Activation(Activation::Relu) => "ReLU".into(),
            Layer::Activation(Activation::Tanh) => "tanh".into(),
            Layer::Activation(Activation::Gelu) => "GELU".into(),
            Layer::Dropout(share) => format!("dropout {share}"),
            Layer::MaxPool(side) => format!("maxima of {side}×{side}"),
            Layer::BatchNorm { .. } => "batch normalization".into(),
            Layer::LayerNorm { .. } => "layer normalization".into(),
            Layer::Positions { .. } => "learned positions".into(),
            Layer::Mean => "means of features".into(),
            Layer::Reshape(_)
            | Layer::Dense { .. }
            | Layer::Convolution { .. }
            | Layer::Lstm { .. }
            | Layer::Attention { .. } => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
}

/// What a title says of a layer: the sizes of those that have weights.
pub fn told(layers: &[Layer]) -> Vec<String> {
    layers.iter().map(Layer::to_string).filter(|text| !text.is_empty()).collect()
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Dense { outputs, .. } => write!(f, "{outputs}"),
            Layer::Convolution { outputs, kernel, .. } => write!(f, "{outputs}@{kernel}×{kernel}"),
            Layer::Residual { body, .. } => write!(f, "({})", told(body).join("-")),
            Layer::Lstm { units, .. } => write!(f, "LSTM {units}"),
            Layer::Attention { heads, .. } => write!(f, "{heads} heads"),
            _ => Ok(()),
        }
    }
}
