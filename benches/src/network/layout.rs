//! First values in the layout of frameworks that have an image's channels before its rows and columns.

use dl_core::Tensor;

use super::Network;
use super::layer::{Layer, Passage};
use crate::fault::Result;

impl Network {
    /// The [first values](Network::first_values) with weights of convolutions as `[out, in, rows, columns]`;
    /// a dense layer behind an image takes its elements channel by channel.
    pub(crate) fn first_values_channels_first(&self) -> Result<Vec<(String, Tensor)>> {
        let mut values = self.first_values()?;
        let mut passage = Passage::of(vec![self.inputs]);
        let mut flattened = None;
        channels_first(&self.layers, &mut passage, &mut flattened, &mut values)?;
        Ok(values)
    }
}

fn channels_first(
    layers: &[Layer],
    passage: &mut Passage,
    flattened: &mut Option<Vec<usize>>,
    values: &mut [(String, Tensor)],
) -> Result<()> {
    for layer in layers {
        let mut permuted = |name: &str, sizes: Option<&[usize]>, axes: &[usize]| -> Result<()> {
            let Some((_, value)) = values.iter_mut().find(|(path, _)| path == &format!("{name}.weight"))
            else {
                return Ok(());
            };
            let before = sizes.unwrap_or(value.shape()).to_vec();
            let moved = permute(value.get::<f32>()?, &before, axes);
            let shape: Vec<usize> = match sizes {
                Some(_) => value.shape().to_vec(),
                None => axes.iter().map(|axis| before[*axis]).collect(),
            };
            *value = Tensor::new::<f32>(shape, moved)?;
            Ok(())
        };
        match layer {
            Layer::Reshape(shape) if shape.len() == 1 && passage.shape.len() == 3 => {
                *flattened = Some(passage.shape.clone());
            }
            Layer::Convolution { name, .. } => permuted(name, None, &[3, 2, 0, 1])?,
            Layer::Dense { name, outputs } => {
                if let Some(mut sizes) = flattened.take() {
                    sizes.push(*outputs);
                    permuted(name, Some(&sizes), &[2, 0, 1, 3])?;
                }
            }
            Layer::Residual { body, shortcut } => {
                for part in [body, shortcut] {
                    channels_first(part, &mut passage.clone(), &mut flattened.clone(), values)?;
                }
            }
            _ => {}
        }
        passage.step(layer);
    }
    Ok(())
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
