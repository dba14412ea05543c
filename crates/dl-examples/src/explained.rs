//! Pages about the programs of examples.

use std::error::Error;

use dl_core::derive::Derivation;
use dl_core::nn::Optimizer;
use dl_core::spelling::suggestion;
use dl_core::{Expr, F64, Tensor};
use dl_data::{Dataset, Split};
use dl_explain::Explanation;

use crate::classifier::{Classifier, Course, Model};
use crate::descent;
use crate::perceptron::{Perceptron, Recipe};
use crate::{lenet, mlp, resnet, row_lstm};

/// The examples that have a page, by their names.
pub const NAMES: [&str; 7] = [
    "gradient_descent",
    "regularized_gradient_descent",
    "mnist_perceptron",
    "mnist_mlp",
    "mnist_lenet",
    "mnist_resnet",
    "mnist_rows",
];

/// Images of the batch that a page's numbers are of.
const IMAGES: usize = 64;

/// What a page says of an objective that an optimizer makes smaller.
pub(crate) fn explanation(
    title: &str,
    objective: Expr<'_>,
    optimizer: impl Optimizer,
) -> dl_core::Result<Explanation> {
    let graph = objective.graph();
    let parameters: Vec<Expr<'_>> = graph.parameters().iter().collect();
    let derivation = Derivation::of(objective, &parameters)?.with_updates(&optimizer)?;
    derivation.name_values(graph);
    Ok(Explanation::new(title, derivation, objective.minimize(optimizer)?))
}

/// The page of the example of that name, run on the first images of `data`.
///
/// # Errors
/// When there is no such example; what its network refuses of the images.
pub fn of(name: &str, data: &Dataset) -> Result<Explanation, Box<dyn Error>> {
    let networks: [(&str, Model, Course); 4] = [
        ("mnist_mlp", mlp::RECIPES[0].model, mlp::RECIPES[0].course),
        ("mnist_lenet", lenet::logits, lenet::COURSE),
        ("mnist_resnet", resnet::logits, resnet::COURSE),
        ("mnist_rows", row_lstm::logits, row_lstm::COURSE),
    ];
    let explanation = match name {
        "gradient_descent" => return Ok(descent::explanation(name, F64, None)?.run(&[], 0)?),
        "regularized_gradient_descent" => {
            return Ok(descent::explanation(name, F64, Some(0.01))?.run(&[], 0)?);
        }
        "mnist_perceptron" => Perceptron::of(data).explanation(name, &Recipe::TUTORIAL)?,
        _ => match networks.into_iter().find(|(own, ..)| *own == name) {
            Some((_, model, course)) => {
                Classifier::of(data, model).explanation(name, &course, data.train.len())?
            }
            None => {
                let (known, hint) = (NAMES.join(", "), suggestion(name, NAMES));
                return Err(format!("there is no page of {name}{hint}; there are {known}").into());
            }
        },
    };
    let [x, y] = batch(&data.train)?;
    let about = format!("Run on {} images of {}.", y.len(), data.name);
    Ok(explanation.about(&about).run(&[("x", x), ("y", y)], 0)?)
}

/// The first images, `u8` `[IMAGES, pixels]`, and their labels.
fn batch(split: &Split) -> dl_core::Result<[Tensor; 2]> {
    let first = split.take(IMAGES);
    let labels: Vec<i64> = first.labels().iter().map(|label| i64::from(*label)).collect();
    let pixels = first.images().pixels_per_image();
    let images = Tensor::new([labels.len(), pixels], first.images().as_slice().to_vec())?;
    Ok([images, Tensor::vector(labels)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_have_pages_that_link_gradients_to_kernels() {
        let digits = dl_data::digits().unwrap();
        for name in ["gradient_descent", "regularized_gradient_descent", "mnist_perceptron", "mnist_mlp"] {
            let html = of(name, &digits).unwrap().page().html();
            // Every derivative of the derivation stands for a value that runs; a step of the tutorial's formulas is
            // `θ ← 0.8·θ + 0.6`, in which none is left.
            let derivatives = html.split("<tr id=").skip(1).filter(|row| row.contains("data-name=\"∂"));
            for row in derivatives.filter(|_| name.starts_with("mnist")) {
                assert!(!row.contains("data-values=\"\""), "{name}: {}", &row[..120]);
            }
            assert!(html.contains("data-kernel="), "{name}");
        }
        let unknown = of("mnist_lennet", &digits).unwrap_err().to_string();
        assert!(unknown.contains("did you mean mnist_lenet?"), "{unknown}");
    }
}
