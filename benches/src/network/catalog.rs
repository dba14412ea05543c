//! The networks that can be measured.

use dl_core::spelling::suggestion;
use dl_examples::perceptron::Recipe;

use super::{Activation, Examples, Layer, Loss, Network, Optimizer};
use crate::fault::{Fault, Result};

/// The names of [`Known::named`]; the first is the default.
pub(crate) const NAMES: [&str; 7] =
    ["perceptron", "deep", "regression", "lenet", "resnet", "lstm", "transformer"];

/// What the networks are called.
pub(crate) trait Known: Sized {
    /// # Errors
    /// No network is called so.
    fn named(name: &str) -> Result<Self>;

    /// The tutorial's, with its recipes.
    fn perceptron() -> Self;
}

impl Known for Network {
    fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "perceptron" => Network::perceptron(),
            "deep" => deep(),
            "regression" => regression(),
            "lenet" => lenet(),
            "resnet" => resnet(),
            "lstm" => lstm(),
            "transformer" => transformer(),
            _ => {
                let hint = suggestion(name, NAMES);
                let names = NAMES.join(", ");
                return Err(Fault::new(format!("no network {name:?}; expected one of {names}{hint}")));
            }
        })
    }

    fn perceptron() -> Self {
        let sgd = |recipe: Recipe| Optimizer::Sgd { rate: recipe.rate, momentum: recipe.momentum };
        Network {
            optimizer: sgd(Recipe::TUTORIAL),
            recipe: sgd(Recipe::PRACTICAL),
            ..of_images(
                "perceptron",
                "The tutorial's perceptron",
                vec![dense("fc1", 128), RELU, dense("fc2", 10)],
            )
        }
    }
}

/// One layer more, random masks, and an optimizer with two moments.
fn deep() -> Network {
    let dropout = || Layer::Dropout(0.2);
    let hidden = |name, size| [dense(name, size), RELU, dropout()];
    let layers = [hidden("fc1", 300), hidden("fc2", 100)].into_iter().flatten();
    of_images("deep", "The deep network", layers.chain([dense("fc3", 10)]).collect())
        .by(Optimizer::Adam { rate: 1e-3 })
}

/// Short rows, and a loss, a penalty and an update (a velocity) that the others don't have.
fn regression() -> Network {
    let tanh = || Layer::Activation(Activation::Tanh);
    let layers = vec![dense("fc1", 64), tanh(), dense("fc2", 64), tanh(), dense("fc3", 1)];
    Network {
        examples: Examples::Synthetic,
        inputs: 13,
        loss: Loss::SquaredError,
        l2: 1e-4,
        ..of_images("regression", "The regression network", layers)
    }
    .by(Optimizer::Sgd { rate: 0.01, momentum: 0.9 })
}

/// LeCun et al.: "Gradient-based learning applied to document recognition", 1998, section II B, as it is
/// written today: rectifiers and maxima, and a convolution whose maps read all maps.
fn lenet() -> Network {
    let convolution = |name: &str, outputs, padding| Layer::Convolution {
        name: name.into(),
        outputs,
        kernel: 5,
        stride: 1,
        padding,
        bias: true,
    };
    let layers = vec![
        Layer::Reshape(vec![28, 28, 1]),
        convolution("conv1", 6, 2),
        RELU,
        Layer::MaxPool(2),
        convolution("conv2", 16, 0),
        RELU,
        Layer::MaxPool(2),
        Layer::Reshape(vec![400]),
        dense("fc1", 120),
        RELU,
        dense("fc2", 84),
        RELU,
        dense("fc3", 10),
    ];
    of_images("lenet", "LeNet-5", layers).by(Optimizer::Sgd { rate: 0.02, momentum: 0.9 }).in_mini_batches()
}

/// He et al.: "Deep residual learning for image recognition", 2015, section 4.2, with one block a stage:
/// a ResNet-8. Where a stage halves the image, the shortcut is a convolution 1×1.
fn resnet() -> Network {
    let mut layers = vec![Layer::Reshape(vec![28, 28, 1])];
    layers.extend(normalized("stem", 16, 3, 1));
    layers.push(RELU);
    for (stage, outputs, stride) in [("stage1", 16, 1), ("stage2", 32, 2), ("stage3", 64, 2)] {
        let named = |part: &str| format!("{stage}.{part}");
        let mut body = normalized(&named("a"), outputs, 3, stride);
        body.push(RELU);
        body.extend(normalized(&named("b"), outputs, 3, 1));
        let shortcut = match stride {
            1 => vec![],
            _ => normalized(&named("shortcut"), outputs, 1, stride),
        };
        layers.extend([Layer::Residual { body, shortcut }, RELU]);
    }
    layers.extend([Layer::Mean, dense("fc", 10)]);
    of_images("resnet", "The residual network", layers)
        .by(Optimizer::Sgd { rate: 0.02, momentum: 0.9 })
        .in_mini_batches()
}

/// Reads an image row by row.
fn lstm() -> Network {
    let layers =
        vec![Layer::Reshape(vec![28, 28]), Layer::Lstm { name: "lstm".into(), units: 128 }, dense("fc", 10)];
    of_images("lstm", "The row-by-row LSTM", layers).by(Optimizer::Adam { rate: 1e-3 }).in_mini_batches()
}

/// An encoder of 64 tokens, each a patch of 4×4 pixels of the image with a margin of 2. Dosovitskiy et al.:
/// "An image is worth 16×16 words", 2020, with the mean of all tokens in place of a class token.
fn transformer() -> Network {
    let width = 128;
    let patches = Layer::Convolution {
        name: "patches".into(),
        outputs: width,
        kernel: 4,
        stride: 4,
        padding: 2,
        bias: true,
    };
    let mut layers = vec![
        Layer::Reshape(vec![28, 28, 1]),
        patches,
        Layer::Reshape(vec![64, width]),
        Layer::Positions { name: "positions".into() },
    ];
    for block in ["block1", "block2"] {
        let named = |part: &str| format!("{block}.{part}");
        let norm = |part: &str| Layer::LayerNorm { name: named(part) };
        let attention = vec![norm("norm1"), Layer::Attention { name: named("attention"), heads: 4 }];
        let feed_forward = vec![
            norm("norm2"),
            dense(&named("fc1"), 4 * width),
            Layer::Activation(Activation::Gelu),
            dense(&named("fc2"), width),
        ];
        let residual = |body| Layer::Residual { body, shortcut: vec![] };
        layers.extend([attention, feed_forward].map(residual));
    }
    layers.extend([Layer::LayerNorm { name: "norm".into() }, Layer::Mean, dense("fc", 10)]);
    of_images("transformer", "The transformer encoder", layers)
        .by(Optimizer::Adam { rate: 3e-4 })
        .in_mini_batches()
}

/// Classifies images by gradient descent.
fn of_images(name: &str, title: &str, layers: Vec<Layer>) -> Network {
    let plain = Optimizer::Sgd { rate: 0.01, momentum: 0.0 };
    Network {
        name: name.into(),
        title: title.into(),
        examples: Examples::Images,
        inputs: 784,
        layers,
        loss: Loss::CrossEntropy,
        l2: 0.0,
        optimizer: plain,
        recipe: plain,
        batches: vec![64, 512, 60_000],
    }
}

/// What several of them have in common.
trait Refined {
    /// Measured at the sizes with which such a network is trained: all images at once do not fit in memory.
    fn in_mini_batches(self) -> Self;

    /// With one optimizer for the timed step and for the training that is judged.
    fn by(self, optimizer: Optimizer) -> Self;
}

impl Refined for Network {
    fn in_mini_batches(self) -> Self {
        Network { batches: vec![64, 256], ..self }
    }

    fn by(self, optimizer: Optimizer) -> Self {
        Network { optimizer, recipe: optimizer, ..self }
    }
}

const RELU: Layer = Layer::Activation(Activation::Relu);

fn dense(name: &str, outputs: usize) -> Layer {
    Layer::Dense { name: name.into(), outputs }
}

/// A convolution that keeps the image's size but for its stride, and batch normalization in place of a bias.
fn normalized(name: &str, outputs: usize, kernel: usize, stride: usize) -> Vec<Layer> {
    let (convolution, norm) = (format!("{name}.conv"), format!("{name}.norm"));
    let padding = kernel / 2;
    let convolution = Layer::Convolution { name: convolution, outputs, kernel, stride, padding, bias: false };
    vec![convolution, Layer::BatchNorm { name: norm }]
}
