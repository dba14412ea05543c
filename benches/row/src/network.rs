//! The networks that can be measured, as data: every row reads the same description.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::layer::{self, Layer, Passage, Product, told};

/// Layers, what they learn from, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// As the command line calls it.
    pub name: String,
    /// As a title calls it.
    pub title: String,
    /// What it learns from.
    pub examples: Examples,
    /// Numbers in a row of inputs.
    pub inputs: usize,
    /// From the inputs on.
    pub layers: Vec<Layer>,
    /// Its mean is the objective ...
    pub loss: Loss,
    /// ... with so much of the sum of all squared weights, biases left out.
    pub l2: f64,
    /// Of the timed step.
    pub optimizer: Optimizer,
    /// Of the training that is judged by the test split, for batches of 64.
    pub recipe: Optimizer,
    /// Batch sizes to measure where nobody says.
    pub batches: Vec<usize>,
}

/// What a network learns from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Examples {
    /// MNIST's, or those of a set of the same form.
    Images,
    /// Numbers and a smooth function of them with noise, made by the program.
    Synthetic,
}

/// Of an example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Of the softmax of the outputs and a class.
    CrossEntropy,
    /// Of the outputs and as many numbers.
    SquaredError,
}

/// How parameters follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Momentum in PyTorch's form.
    Sgd {
        /// The learning rate.
        rate: f64,
        /// The share of a velocity that stays; 0 for none.
        momentum: f64,
    },
    /// With `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`.
    Adam {
        /// The learning rate.
        rate: f64,
    },
}

impl Network {
    fn passage(&self) -> Passage {
        let mut passage = Passage::of(vec![self.inputs]);
        passage.through(&self.layers);
        passage
    }

    /// Numbers in a row of outputs.
    pub fn outputs(&self) -> usize {
        self.passage().shape.iter().product()
    }

    /// The matrix products of the forward pass.
    pub fn products(&self) -> Vec<Product> {
        self.passage().products
    }

    /// Floating-point operations of a step for one example, as far as they are those of matrix products.
    pub fn flops_per_example(&self) -> u64 {
        self.products().iter().map(Product::flops).sum()
    }

    /// What a row of inputs is.
    pub fn example(&self) -> &'static str {
        match self.examples {
            Examples::Images => "image",
            Examples::Synthetic => "row",
        }
    }

    /// The same without dropout, whose masks no two frameworks draw alike.
    #[must_use]
    pub fn without_dropout(&self) -> Self {
        Network { layers: layer::without_dropout(&self.layers), ..self.clone() }
    }
}

/// `784-128-10`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.inputs, told(&self.layers).join("-"))
    }
}

/// `SGD 0.01` or `Adam 0.001`.
impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Optimizer::Sgd { rate, momentum: 0.0 } => write!(f, "SGD {rate}"),
            Optimizer::Sgd { rate, momentum } => write!(f, "SGD {rate} with momentum {momentum}"),
            Optimizer::Adam { rate } => write!(f, "Adam {rate}"),
        }
    }
}
