//! First values in the layout of frameworks that have an image's channels before its rows and columns.

use crate::layer::{Layer, Passage};
use crate::network::Network;

/// The first value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// `fc1.weight` and so on.
    pub name: String,
    /// In our library's layout, or in the other one.
    pub shape: Vec<usize>,
    /// As many as the shape says, the last axis the fastest.
    pub elements: Vec<f32>,
}

/// Brings first values of `network` into that layout: weights of convolutions are `[out, in, rows, columns]`
/// then, and a dense layer behind an image takes its elements channel by channel.
pub fn channels_first(network: &Network, values: &mut [Value]) {
    walk(&network.layers, &mut Passage::of(vec![network.inputs]), &mut None, values);
}

fn walk(layers: &[Layer], passage: &mut Passage, flattened: &mut Option<Vec<usize>>, values: &mut [Value]) {
    for layer in layers {
        let mut permuted = |name: &str, sizes: Option<&[usize]>, axes: &[usize]| {
            let weight = format!("{name}.weight");
            let Some(value) = values.iter_mut().find(|value| value.name == weight) else { return };
            let before = sizes.unwrap_or(&value.shape).to_vec();
            value.elements = permute(&value.elements, &before, axes);
            if sizes.is_none() {
                value.shape = axes.iter().map(|axis| before[*axis]).collect();
            }
        };
        match layer {
            Layer::Reshape(shape) if shape.len() == 1 && passage.shape.len() == 3 => {
                *flattened = Some(passage.shape.clone());
            }
            Layer::Convolution { name, .. } => permuted(name, None, &[3, 2, 0, 1]),
            Layer::Dense { name, outputs } => {
                if let Some(mut sizes) = flattened.take() {
                    sizes.push(*outputs);
                    permuted(name, Some(&sizes), &[2, 0, 1, 3]);
                }
            }
            Layer::Residual { body, shortcut } => {
                for part in [body, shortcut] {
                    walk(part, &mut passage.clone(), &mut flattened.clone(), values);
                }
            }
            _ => {}
        }
        passage.step(layer);
    }
}

/// The elements of an array of `shape` in the order of its axes `axes`.
fn permute(elements: &[f32], shape: &[usize], axes: &[usize]) -> Vec<f32> {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let places = axes.iter().fold(vec![0], |places: Vec<usize>, &axis| {
        let steps = |place: usize| (0..shape[axis]).map(move |i| place + i * stride(axis));
        places.into_iter().flat_map(steps).collect()
    });
    places.into_iter().map(|place| elements[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_permuted() {
        let elements: Vec<f32> = (0..6).map(|i| i as f32).collect();
        assert_eq!(permute(&elements, &[2, 3], &[1, 0]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(permute(&elements, &[1, 3, 2], &[2, 0, 1]), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }
}
