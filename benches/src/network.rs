//! The networks that can be measured, as data: every row reads the same description.

use std::fmt;

use dl_core::nn::{self, Adam, Mode, Sgd};
use dl_core::spelling::suggestion;
use dl_core::{Expr, F32, Graph, I64, Program, Tensor, U8};
use dl_examples::perceptron::{B, Recipe};
use dl_train::Metric;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};
use crate::subject::SEED;
use crate::work::FULL_SCALE;

/// Dense layers, what they learn from, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// As a title calls it.
    pub(crate) title: String,
    pub(crate) examples: Examples,
    /// Of a row of inputs, of each hidden layer, of a row of outputs.
    pub(crate) sizes: Vec<usize>,
    /// Behind each hidden layer.
    pub(crate) activation: Activation,
    /// The share of each hidden layer that is dropped, behind the activation.
    pub(crate) dropout: f64,
    /// Its mean is the objective ...
    pub(crate) loss: Loss,
    /// ... with so much of the sum of all squared weights, biases left out.
    pub(crate) l2: f64,
    /// Of the timed step.
    pub(crate) optimizer: Optimizer,
    /// Of the training that is judged by the test split, for batches of 64.
    pub(crate) recipe: Optimizer,
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
pub(crate) enum Activation {
    Relu,
    Tanh,
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

/// The names of [`Network::named`]; the first is the default.
pub(crate) const NAMES: [&str; 3] = ["perceptron", "deep", "regression"];

impl Network {
    /// The tutorial's, with its recipes.
    pub(crate) fn perceptron() -> Self {
        let sgd = |recipe: Recipe| Optimizer::Sgd { rate: recipe.rate, momentum: recipe.momentum };
        Network {
            name: "perceptron".into(),
            title: "The tutorial's perceptron".into(),
            examples: Examples::Images,
            sizes: vec![784, 128, 10],
            activation: Activation::Relu,
            dropout: 0.0,
            loss: Loss::CrossEntropy,
            l2: 0.0,
            optimizer: sgd(Recipe::TUTORIAL),
            recipe: sgd(Recipe::PRACTICAL),
        }
    }

    /// One layer more, random masks, and an optimizer with two moments.
    fn deep() -> Self {
        Network {
            name: "deep".into(),
            title: "The deep network".into(),
            sizes: vec![784, 300, 100, 10],
            dropout: 0.2,
            optimizer: Optimizer::Adam { rate: 1e-3 },
            recipe: Optimizer::Adam { rate: 1e-3 },
            ..Network::perceptron()
        }
    }

    /// Short rows, and a loss, a penalty and an update (a velocity) that the others don't have.
    fn regression() -> Self {
        Network {
            name: "regression".into(),
            title: "The regression network".into(),
            examples: Examples::Synthetic,
            sizes: vec![13, 64, 64, 1],
            activation: Activation::Tanh,
            dropout: 0.0,
            loss: Loss::SquaredError,
            l2: 1e-4,
            optimizer: Optimizer::Sgd { rate: 0.01, momentum: 0.9 },
            recipe: Optimizer::Sgd { rate: 0.01, momentum: 0.9 },
        }
    }

    /// # Errors
    /// No network is called so.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let all = [Network::perceptron(), Network::deep(), Network::regression()];
        let unknown = || {
            let hint = suggestion(name, NAMES);
            Fault::new(format!("no network {name:?}; expected one of {}{hint}", NAMES.join(", ")))
        };
        all.into_iter().find(|network| network.name == name).ok_or_else(unknown)
    }

    /// Inputs and outputs of each layer.
    pub(crate) fn layers(&self) -> impl DoubleEndedIterator<Item = [usize; 2]> + ExactSizeIterator {
        self.sizes.windows(2).map(|pair| [pair[0], pair[1]])
    }

    /// Numbers in a row of inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// Numbers in a row of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// Floating-point operations of a step for one example: two (a multiplication and an addition)
    /// for each weight that a product touches. Each layer has three products, forward, for its
    /// weights and for its inputs, and the first, whose inputs are the data, two.
    pub(crate) fn flops_per_example(&self) -> u64 {
        let products =
            self.layers().enumerate().map(|(i, [a, b])| if i == 0 { 2 * a * b } else { 3 * a * b });
        2 * products.sum::<usize>() as u64
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
        Network { dropout: 0.0, ..self.clone() }
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

    /// A training step: inputs `x` `[B, inputs]` and `y` (classes `[B]` or numbers `[B, outputs]`),
    /// output `J`, the objective before the step.
    pub(crate) fn train(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        let mut j = self.errors(&g, self.forward(&g, Mode::Train)).mean(..);
        if self.l2 > 0.0 {
            j = j + self.l2 * nn::l2(g.parameters().matching("*.weight"));
        }
        match self.optimizer {
            Optimizer::Sgd { rate, momentum } => j.minimize(Sgd::new(rate).momentum(momentum)),
            Optimizer::Adam { rate } => j.minimize(Adam::new(rate)),
        }
    }

    /// What is reported of a test split, and the program that computes it.
    pub(crate) fn evaluate(&self) -> dl_core::Result<(Metric, Program)> {
        let g = Graph::new();
        let outputs = self.forward(&g, Mode::Evaluate);
        let builder = Program::builder(&g);
        match self.loss {
            Loss::CrossEntropy => {
                let hits = outputs.argmax(-1).eq(self.targets(&g)).cast(I64).sum(..);
                Ok((Metric::share("correct").named(TEST), builder.output("correct", hits).compile()?))
            }
            Loss::SquaredError => {
                let error = self.errors(&g, outputs).mean(..);
                Ok((Metric::mean("error").named(TEST), builder.output("error", error).compile()?))
            }
        }
    }

    /// Every parameter's first value, by its name, in the order in which they are used.
    pub(crate) fn first_values(&self) -> Result<Vec<(String, Tensor)>> {
        let mut first = self.train()?.initial(SEED)?;
        let names = (1..=self.layers().len()).flat_map(|i| [format!("fc{i}.weight"), format!("fc{i}.bias")]);
        let take = |name: String| match first.iter().position(|(path, _)| **path == *name) {
            Some(at) => Ok((name, first.swap_remove(at).1)),
            None => Err(Fault::new(format!("no parameter {name}"))),
        };
        names.map(take).collect()
    }

    fn forward<'g>(&self, g: &'g Graph, mode: Mode) -> Expr<'g> {
        let mut h = match self.examples {
            Examples::Images => g.input("x", U8, (B, self.inputs())).cast(F32) / f64::from(FULL_SCALE),
            Examples::Synthetic => g.input("x", F32, (B, self.inputs())),
        };
        let layers = self.layers().len();
        for (i, [_, out]) in (1..).zip(self.layers()) {
            h = nn::dense(h, &format!("fc{i}"), out);
            if i < layers {
                h = match self.activation {
                    Activation::Relu => h.relu(),
                    Activation::Tanh => h.tanh(),
                };
                h = nn::dropout(h, self.dropout, mode);
            }
        }
        h
    }

    fn targets<'g>(&self, g: &'g Graph) -> Expr<'g> {
        match self.loss {
            Loss::CrossEntropy => g.input("y", I64, B),
            Loss::SquaredError => g.input("y", F32, (B, self.outputs())),
        }
    }

    fn errors<'g>(&self, g: &'g Graph, outputs: Expr<'g>) -> Expr<'g> {
        match self.loss {
            Loss::CrossEntropy => nn::cross_entropy(outputs, self.targets(g)),
            Loss::SquaredError => nn::mse(outputs, self.targets(g)),
        }
    }
}

/// The name of what is reported of a test split.
pub(crate) const TEST: &str = "test";

/// `784-128-10`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        f.write_str(&sizes.join("-"))
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
            let first = network.first_values().unwrap();
            let shapes: Vec<Vec<usize>> = first.iter().map(|(_, value)| value.shape().to_vec()).collect();
            let expected: Vec<Vec<usize>> =
                network.layers().flat_map(|[a, b]| [vec![a, b], vec![b]]).collect();
            assert_eq!(shapes, expected, "{name}");
            let text = serde_json::to_string(&network).unwrap();
            assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), network);
        }
        let message = "no network \"wide\"; expected one of perceptron, deep, regression";
        assert_eq!(Network::named("wide").unwrap_err().to_string(), message);
    }

    #[test]
    fn operations_are_those_of_the_products() {
        assert_eq!(Network::perceptron().flops_per_example(), 409_088);
        let network = Network { sizes: vec![2, 3, 5], ..Network::perceptron() };
        assert_eq!(network.flops_per_example(), 2 * (2 * 6 + 3 * 15));
    }
}
