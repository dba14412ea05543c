//! A network as programs of ours.

use dl_core::nn::{self, Adam, Mode, Scoped, Sgd};
use dl_core::{Dim, Expr, F32, Graph, I64, Init, Program, Tensor, U8};
use dl_examples::perceptron::B;
use dl_train::Metric;

use super::{Activation, Examples, Layer, Loss, Network, Optimizer};
use crate::fault::Result;
use crate::subject::SEED;
use crate::work::FULL_SCALE;

/// Whose state an optimizer's is.
const STEP: &str = "step";

/// The name of what is reported of a test split.
pub(crate) const TEST: &str = "test";

impl Network {
    /// A training step: inputs `x` `[B, inputs]` and `y` (classes `[B]` or numbers `[B, outputs]`),
    /// output `J`, the objective before the step.
    pub(crate) fn train(&self) -> dl_core::Result<Program> {
        let g = Graph::new();
        let mut j = self.errors(&g, self.forward(&g, Mode::Train)).mean(..);
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

    /// Every parameter's first value, by its name, running statistics among them; an optimizer's state, whose
    /// names have parentheses, is not.
    pub(crate) fn first_values(&self) -> Result<Vec<(String, Tensor)>> {
        let first = self.train()?.initial(SEED)?;
        let own = first.into_iter().filter(|(path, _)| !path.contains('('));
        Ok(own.map(|(path, value)| (path.to_string(), value)).collect())
    }

    fn forward<'g>(&self, g: &'g Graph, mode: Mode) -> Expr<'g> {
        let x = match self.examples {
            Examples::Images => g.input("x", U8, (B, self.inputs)).cast(F32) / f64::from(FULL_SCALE),
            Examples::Synthetic => g.input("x", F32, (B, self.inputs)),
        };
        through(&self.layers, x, mode)
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

fn through<'g>(layers: &[Layer], x: Expr<'g>, mode: Mode) -> Expr<'g> {
    layers.iter().fold(x, |x, layer| layer.apply(x, mode))
}

impl Layer {
    fn apply<'g>(&self, x: Expr<'g>, mode: Mode) -> Expr<'g> {
        match self {
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
                let layer = nn::Conv::new([*kernel; 2], *outputs).stride(*stride).padding(*padding);
                if *bias { layer.apply(x, name) } else { layer.without_bias().apply(x, name) }
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
}
