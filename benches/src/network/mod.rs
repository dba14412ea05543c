//! The networks that can be measured, as data: every row reads the same description.

pub(crate) mod catalog;
mod layer;
#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu", feature = "candle"))]
mod layout;
mod programs;

use std::fmt;

use dl_examples::perceptron::Recipe;
use serde::{Deserialize, Serialize};

pub(crate) use self::layer::{Activation, Layer, Product, words};
use self::layer::{Passage, told};
pub(crate) use self::programs::TEST;

/// Layers, what they learn from, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// As a title calls it.
    pub(crate) title: String,
    pub(crate) examples: Examples,
    /// Numbers in a row of inputs.
    pub(crate) inputs: usize,
    pub(crate) layers: Vec<Layer>,
    /// Its mean is the objective ...
    pub(crate) loss: Loss,
    /// ... with so much of the sum of all squared weights, biases left out.
    pub(crate) l2: f64,
    /// Of the timed step.
    pub(crate) optimizer: Optimizer,
    /// Of the training that is judged by the test split, for batches of 64.
    pub(crate) recipe: Optimizer,
    /// Batch sizes to measure where nobody says.
    pub(crate) batches: Vec<usize>,
}

/// What a network learns from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Examples {
    /// MNIST's, or those of a set of the same form.
    Images,
    /// Numbers and a smooth function of them with noise, made by the program.
    Synthetic,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Loss {
    CrossEntropy,
    SquaredError,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Optimizer {
    /// Momentum in PyTorch's form.
    Sgd { rate: f64, momentum: f64 },
    /// With `β₁ = 0.9`, `β₂ = 0.999` and `ε = 10⁻⁸`.
    Adam { rate: f64 },
}

impl Network {
    fn passage(&self) -> Passage {
        let mut passage = Passage::of(vec![self.inputs]);
        passage.through(&self.layers);
        passage
    }

    /// Numbers in a row of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.passage().shape.iter().product()
    }

    /// The matrix products of the forward pass.
    pub(crate) fn products(&self) -> Vec<Product> {
        self.passage().products
    }

    /// Floating-point operations of a step for one example, as far as they are those of matrix products.
    pub(crate) fn flops_per_example(&self) -> u64 {
        self.products().iter().map(Product::flops).sum()
    }

    /// What a row of inputs is.
    pub(crate) fn example(&self) -> &'static str {
        match self.examples {
            Examples::Images => "image",
            Examples::Synthetic => "row",
        }
    }

    /// The same without dropout, whose masks no two frameworks draw alike.
    pub(crate) fn without_dropout(&self) -> Self {
        Network { layers: layer::without_dropout(&self.layers), ..self.clone() }
    }

    /// The same, with the recipe for batches of so many as its optimizer.
    pub(crate) fn by_recipe(&self, batch: usize) -> Self {
        let optimizer = match self.recipe {
            Optimizer::Sgd { rate, momentum } => {
                let base = Recipe { rate, momentum, batch_size: 64, epochs: 1 };
                Optimizer::Sgd { rate: base.with_batch_size(batch).rate, momentum }
            }
            adam @ Optimizer::Adam { .. } => adam,
        };
        Network { optimizer, ..self.clone() }
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

#[cfg(test)]
mod tests {
    use super::catalog::NAMES;
    use super::*;
    use dl_examples::perceptron::Perceptron;

    #[test]
    fn the_perceptron_is_the_tutorials() {
        let (ours, theirs) =
            (Network::perceptron().train().unwrap(), Perceptron::MNIST.train(&Recipe::TUTORIAL).unwrap());
        assert_eq!(ours.nodes(), theirs.nodes());
        assert_eq!(ours.updates(), theirs.updates());
        let Optimizer::Sgd { rate, .. } = Network::perceptron().by_recipe(512).optimizer else { panic!() };
        assert_eq!(rate, Recipe::PRACTICAL.with_batch_size(512).rate);
    }

    #[test]
    fn every_network_is_found_and_compiles() {
        for name in NAMES {
            let network = Network::named(name).unwrap();
            let step = network.train().unwrap();
            assert!(step.inputs().iter().map(|input| &*input.name).eq(["x", "y"]), "{name}");
            network.evaluate().unwrap();
            assert!(!network.first_values().unwrap().is_empty(), "{name}");
            let text = serde_json::to_string(&network).unwrap();
            assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), network);
        }
        let message = format!("no network \"wide\"; expected one of {}", NAMES.join(", "));
        assert_eq!(Network::named("wide").unwrap_err().to_string(), message);
    }

    #[test]
    fn operations_are_those_of_the_products() {
        assert_eq!(Network::perceptron().flops_per_example(), 409_088);
        let products = |name| -> Vec<[usize; 3]> {
            let products = Network::named(name).unwrap().products();
            products.iter().map(|p| [p.rows, p.inputs, p.outputs]).collect()
        };
        assert_eq!(products("deep"), [[1, 784, 300], [1, 300, 100], [1, 100, 10]]);
        assert_eq!(products("lenet")[..2], [[784, 25, 6], [100, 150, 16]]);
    }
}
