//! What a study found, and the pictures of it.

use dl_core::graph::Role;
use dl_core::{Name, Tensor};
use dl_report::{HeatMap, Histogram, Picture, Tile, Tiles, number};

use super::name_of;
use crate::metrics::Confusion;

/// Units and parameters beyond these are left out, and pictures say so.
const MOST_UNITS: usize = 96;
const MOST_PARAMETERS: usize = 24;

/// What a [`Study`](super::Study) found.
#[derive(Clone, Debug)]
pub struct Findings {
    pub(super) shape: [usize; 2],
    pub(super) classes: Vec<String>,
    pub(super) examples: usize,
    pub(super) confusion: Confusion,
    pub(super) worst: Vec<Example>,
    pub(super) first: Vec<Example>,
    pub(super) parameters: Vec<Parameter>,
}

/// An example, and what the network takes it for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Example {
    /// Its number in the source.
    pub row: usize,
    /// Its class.
    pub label: usize,
    /// The class that it is taken for: the first of the largest logits.
    pub prediction: usize,
    /// The probability that the network gives to that.
    pub probability: f64,
    /// Its cross entropy, in nats: −ln of the probability of its label.
    pub loss: f64,
    /// Its elements.
    pub image: Vec<f64>,
    /// |∂loss/∂x| of each element as the program has it, after whatever scales images: how much a small change there changes the loss.
    pub saliency: Vec<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: Name,
    pub(super) role: Role,
    pub(super) value: Tensor,
    /// Of the mean objective over all examples.
    pub(super) gradient: Vec<f64>,
}

impl Findings {
    /// The examples of the highest loss, the highest first.
    pub fn worst_examples(&self) -> &[Example] {
        &self.worst
    }

    /// How often each class was taken for each.
    pub fn counts(&self) -> &Confusion {
        &self.confusion
    }

    /// [The confusion matrix](super::confusion).
    pub fn confusion(&self) -> Picture {
        super::confusion(&self.confusion, &self.classes)
    }

    /// The examples of the highest loss: image, label, what it is taken for with which probability, and loss.
    pub fn worst(&self) -> Picture {
        let tiles = self.worst.iter().map(|example| {
            self.image(example)
                .caption(&format!("{} → {}", self.name(example.label), self.name(example.prediction)))
                .caption(&format!("{:.1} %, loss {}", 100.0 * example.probability, short(example.loss)))
        });
        let tiles = tiles.fold(Tiles::new("Examples of the highest loss"), Tiles::tile);
        let note = format!("label → prediction with its probability; of {} examples", self.examples);
        tiles.side(98).note(&note).picture()
    }

    /// What decides: for the first example of each class that is told right and for the worst ones, the image beside
    /// the absolute gradient of its loss with respect to it.
    pub fn saliency(&self) -> Picture {
        let shown = self.first.iter().chain(self.worst.iter().take(8));
        let tiles = shown.flat_map(|example| {
            let told = format!("{} → {}", self.name(example.label), self.name(example.prediction));
            let largest = example.saliency.iter().copied().fold(0.0, f64::max);
            let image = self.image(example).caption(&told);
            // In the colour of what is above 0; each on a scale of its own, which it names.
            let saliency = Tile::signed(self.shape, self.mean_of_channels(&example.saliency)).full(largest);
            [image, saliency.caption(&format!("≤ {}", short(largest)))]
        });
        let tiles = tiles.fold(Tiles::new("Saliency: image and |∂loss/∂x|"), Tiles::tile);
        tiles.note("the first right one of each class, then those of the highest loss").picture()
    }

    /// The weights of the first layer: of a dense layer on images an image for each unit, of a convolution one for
    /// each kernel, else a map of the matrix.
    pub fn first_layer(&self) -> Picture {
        let weights = self.parameters.iter().filter(|parameter| !parameter.role.is_other());
        let Some(weight) = weights.into_iter().next() else {
            return Tiles::new("Weights of the first layer").note("no layer declares a weight").picture();
        };
        let (values, title) = (weight.value.to_f64(), format!("Weights of the first layer: {}", weight.name));
        let [rows, columns] = self.shape;
        match *weight.value.shape() {
            // Units are columns: [in, out].
            [inputs, units] if inputs.is_multiple_of(rows * columns) && inputs > 0 => {
                let unit = |unit: usize| {
                    let image: Vec<f64> = values.iter().copied().skip(unit).step_by(units).collect();
                    Tile::signed(self.shape, self.mean_of_channels(&image)).caption(&format!("unit {unit}"))
                };
                kernels(&title, units, unit)
            }
            [ref field @ .., inputs, units] if !field.is_empty() && inputs * units > 0 => {
                let columns = field[field.len() - 1];
                let shape = [field[..field.len() - 1].iter().product(), columns];
                let kernel = |k: usize| {
                    let (unit, input) = (k / inputs, k % inputs);
                    let start = input * units + unit;
                    let image = values.iter().copied().skip(start).step_by(inputs * units);
                    let told =
                        if inputs == 1 { format!("unit {unit}") } else { format!("{input} → {unit}") };
                    Tile::signed(shape, image).caption(&told)
                };
                kernels(&title, inputs * units, kernel)
            }
            [_, units] if units > 0 => {
                HeatMap::new(&title, values.chunks(units).map(<[f64]>::to_vec)).picture()
            }
            _ => Tiles::new(&title).picture(),
        }
    }

    /// Histograms of the weights of each parameter.
    pub fn weights(&self) -> Picture {
        self.histograms("Weights", |parameter| parameter.value.to_f64())
    }

    /// Histograms of the gradients of the mean objective with respect to each parameter.
    pub fn gradients(&self) -> Picture {
        self.histograms("Gradients", |parameter| parameter.gradient.clone())
    }

    fn histograms(&self, what: &str, values: impl Fn(&Parameter) -> Vec<f64>) -> Picture {
        let shown = self.parameters.iter().take(MOST_PARAMETERS);
        let histograms = shown.map(|parameter| {
            let values = values(parameter);
            let title = format!("{what} of {}, {} values", parameter.name, number(values.len() as f64));
            let (n, squares) = values.iter().fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v * v));
            let root = (squares / n).sqrt();
            let x = format!("value; root mean square {}", number(root));
            Histogram::new(&title).x(&x).values("", values).picture()
        });
        Picture::stack(what, histograms)
    }

    fn name(&self, class: usize) -> String {
        name_of(class, &self.classes)
    }

    fn image(&self, example: &Example) -> Tile {
        Tile::grey(self.shape, self.mean_of_channels(&example.image))
    }

    /// One number for each pixel of images whose channels are last.
    fn mean_of_channels(&self, elements: &[f64]) -> Vec<f64> {
        let channels = (elements.len() / (self.shape[0] * self.shape[1]).max(1)).max(1);
        elements.chunks(channels).map(|pixel| pixel.iter().sum::<f64>() / channels as f64).collect()
    }
}

fn kernels(title: &str, all: usize, tile: impl Fn(usize) -> Tile) -> Picture {
    let tiles = (0..all.min(MOST_UNITS)).map(tile).fold(Tiles::new(title).side(58), Tiles::tile);
    let tiles =
        if all > MOST_UNITS { tiles.note(&format!("the first {MOST_UNITS} of {all}")) } else { tiles };
    tiles.note("blue above 0, orange below, all on one scale").picture()
}

/// Three digits, where there is no room for more.
fn short(value: f64) -> String {
    match value {
        0.01..1.0 => format!("{value:.3}"),
        1.0..1000.0 => format!("{value:.2}"),
        0.0 => "0".into(),
        value if value.is_finite() => format!("{value:.1e}").replace('-', "−"),
        value => number(value),
    }
}
