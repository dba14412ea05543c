//! A network as programs of ours.

use dl_bench_row::subject::Training;
use dl_core::nn::{self, Adam, Mode, Scoped, Sgd};
use dl_core::{Dim, Expr, F32, Graph, I64, Init, Program, Tensor, U8};
use dl_examples::perceptron::{B, Recipe};
use dl_train::Metric;

use super::{Activation, Examples, Layer, Loss, Network, Optimizer};
use crate::fault::Result;
use crate::subject::SEED;
use crate::work::FULL_SCALE;

/// Whose state an optimizer's is.
const STEP: &str = "step";

/// The name of what is reported of a test split.
pub(crate) const TEST: &str = "test";

/// What a network is to our compiler.
pub(crate) trait Programs {
    /// A training step: inputs `x` `[B, inputs]` and `y` (classes `[B]` or numbers `[B, outputs]`),
    /// output `J`, the objective before the step.
    fn train(&self) -> dl_core::Result<Program>;

    /// What is reported of a test split, and the program that computes it.
    fn evaluate(&self) -> dl_core::Result<(Metric, Program)>;

    /// Every parameter's first value, by its name, running statistics among them; an optimizer's state, whose
    /// names have parentheses, is not.
    fn first_values(&self) -> Result<Vec<(String, Tensor)>>;

    /// The same, with the recipe for batches of so many as its optimizer.
    fn by_recipe(&self, batch: usize) -> Self;

    /// The same with the optimizer that a training then uses, for every row alike.
    fn trained_by(&self, training: Training, batch: usize) -> Self;
}

impl Programs for Network {
    fn train(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        let mut j = errors(self, &g, forward(self, &g, Mode::Train)).mean(..);
        if self.l2 > 0.0 {
            j = j + self.l2 * nn::l2(g.parameters().matching("*.weight"));
        }
        // One name, so that the step without dropout goes on with the moments of the step with it.
        match self.optimizer {
            Optimizer::Sgd { rate, momentum } => {
                j.minimize(Scoped::new(STEP, Sgd::new(rate).momentum(momentum)))
            }
            Optimizer::Adam { rate } => j.minimize(Scoped::new(STEP, Adam::new(rate))),
        }
    }

    fn evaluate(&self) -> dl_core::Result<(Metric, Program)> {
        let g = Graph::new();
        let outputs = forward(self, &g, Mode::Evaluate);
        let builder = Program::builder(&g);
        match self.loss {
            Loss::CrossEntropy => {
                let hits = outputs.argmax(-1).eq(targets(self, &g)).cast(I64).sum(..);
                Ok((Metric::share("correct").named(TEST), builder.output("correct", hits).compile()?))
            }
            Loss::SquaredError => {
                let error = errors(self, &g, outputs).mean(..);
                Ok((Metric::mean("error").named(TEST), builder.output("error", error).compile()?))
            }
        }
    }

    fn first_values(&self) -> Result<Vec<(String, Tensor)>> {
        let first = self.train()?.initial(SEED)?;
        let own = first.into_iter().filter(|(path, _)| !path.contains('('));
        Ok(own.map(|(path, value)| (path.to_string(), value)).collect())
    }

    fn by_recipe(&self, batch: usize) -> Self {
        let optimizer = match self.recipe {
            Optimizer::Sgd { rate, momentum } => {
                let base = Recipe { rate, momentum, batch_size: 64, epochs: 1 };
                Optimizer::Sgd { rate: base.with_batch_size(batch).rate, momentum }
            }
            adam @ Optimizer::Adam { .. } => adam,
        };
        Network { optimizer, ..self.clone() }
    }

    fn trained_by(&self, training: Training, batch: usize) -> Self {
        match training {
            Training::FullBatch => self.clone(),
            Training::Recipe { .. } => self.by_recipe(batch),
        }
    }
}

fn forward<'g>(network: &Network, g: &'g Graph, mode: Mode) -> Expr<'g> {
    let x = match network.examples {
        Examples::Images => g.input("x", U8, (B, network.inputs)).cast(F32) / f64::from(FULL_SCALE),
        Examples::Synthetic => g.input("x", F32, (B, network.inputs)),
    };
    through(&network.layers, x, mode)
}

fn targets<'g>(network: &Network, g: &'g Graph) -> Expr<'g> {
    match network.loss {
        Loss::CrossEntropy => g.input("y", I64, B),
        Loss::SquaredError => g.input("y", F32, (B, network.outputs())),
    }
}

fn errors<'g>(network: &Network, g: &'g Graph, outputs: Expr<'g>) -> Expr<'g> {
    match network.loss {
        Loss::CrossEntropy => nn::cross_entropy(outputs, targets(network, g)),
        Loss::SquaredError => nn::mse(outputs, targets(network, g)),
    }
}

fn through<'g>(layers: &[Layer], x: Expr<'g>, mode: Mode) -> Expr<'g> {
    layers.iter().fold(x, |x, layer| apply(layer, x, mode))
}

fn apply<'g>(layer: &Layer, x: Expr<'g>, mode: Mode) -> Expr<'g> {
    match layer {
        Layer::Activation(Activation::Relu) => x.relu(),
        Layer::Activation(Activation::Tanh) => x.tanh(),
        Layer::Activation(Activation::Gelu) => x.gelu(),
        Layer::Dropout(share) => nn::dropout(x, *share, mode),
        Layer::Reshape(shape) => {
            let sizes = shape.iter().map(|size| Dim::from(*size));
            x.reshape([Dim::from(B)].into_iter().chain(sizes).collect::<Vec<_>>())
        }
        Layer::Dense { name, outputs } => nn::dense(x, name, *outputs),
        Layer::Convolution { name, outputs, kernel, stride, padding, bias } => {
            let convolution = nn::Conv::new([*kernel; 2], *outputs).stride(*stride).padding(*padding);
            if *bias { convolution.apply(x, name) } else { convolution.without_bias().apply(x, name) }
        }
        Layer::MaxPool(side) => nn::max_pool(x, [*side; 2]),
        Layer::Residual { body, shortcut } => through(body, x, mode) + through(shortcut, x, mode),
        Layer::Positions { name } => {
            let shape = x.shape();
            let init = Init::Normal { mean: 0.0, std: 0.02 };
            x + x.graph().parameter(name, F32, &shape[1..], init)
        }
        Layer::Mean => {
            let axes: Vec<usize> = (1..x.shape().rank() - 1).collect();
            x.mean(axes)
        }
        Layer::BatchNorm { name } => nn::BatchNorm::new().apply(x, name, mode),
        Layer::LayerNorm { name } => nn::LayerNorm::new().apply(x, name),
        Layer::Attention { name, heads } => nn::MultiHeadAttention::new(*heads).apply(x, name, mode),
        Layer::Lstm { name, units } => nn::Recurrent::lstm(*units).apply(x, name, mode).hidden[0],
    }
}
