//! What candle works on: the files that the benchmark writes for every peer.

use std::fs;
use std::path::Path;

use dl_bench_row::fault::{Fault, Result};
use dl_bench_row::layout::Value;
use dl_bench_row::network::{Examples, Loss};
use dl_bench_row::protocol::RowSpec;

/// The pixel value that becomes 1.
const FULL_SCALE: f32 = 255.0;

/// First values, and batches in turn.
pub(crate) struct Work {
    pub(crate) first: Vec<Value>,
    pub(crate) ring: Vec<Batch>,
}

/// Examples: inputs `[batch, inputs]`, pixels in `[0, 1]`.
pub(crate) struct Batch {
    pub(crate) len: usize,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Targets,
}

/// What is to come of them.
pub(crate) enum Targets {
    /// A class for each.
    Classes(Vec<u32>),
    /// `[batch, outputs]`.
    Numbers(Vec<f32>),
}

impl Work {
    /// # Errors
    /// No folder is named, or a file in it is missing or of another length.
    pub(crate) fn read(spec: &RowSpec) -> Result<Self> {
        let folder =
            spec.peer.as_deref().ok_or_else(|| Fault::new("expected a folder with the row's work"))?;
        let (network, len) = (&spec.network, spec.batch);
        let shapes: Vec<(String, Vec<usize>)> = serde_json::from_slice(&bytes(folder, "parameters")?)?;
        let value = |(name, shape): (String, Vec<usize>)| {
            let elements = floats(&bytes(folder, &name)?);
            if elements.len() != shape.iter().product::<usize>() {
                return Err(Fault::new(format!(
                    "{name}: expected {shape:?}, got {} numbers",
                    elements.len()
                )));
            }
            Ok(Value { name, shape, elements })
        };
        let first = shapes.into_iter().map(value).collect::<Result<_>>()?;
        let x = bytes(folder, "x")?;
        let x: Vec<f32> = match network.examples {
            Examples::Images => x.iter().map(|&pixel| f32::from(pixel) / FULL_SCALE).collect(),
            Examples::Synthetic => floats(&x),
        };
        let y = bytes(folder, "y")?;
        let batches = x.len() / (len * network.inputs).max(1);
        let of = |i: usize| -> Result<Batch> {
            let y = match network.loss {
                Loss::CrossEntropy => {
                    let classes = part(&y, i, len * 8)?.chunks_exact(8);
                    let class = |c: &[u8]| c.try_into().map(i64::from_ne_bytes).map_err(Fault::from);
                    let class = |c: &[u8]| class(c).and_then(|c| u32::try_from(c).map_err(Fault::from));
                    Targets::Classes(classes.map(class).collect::<Result<_>>()?)
                }
                Loss::SquaredError => Targets::Numbers(floats(part(&y, i, len * network.outputs() * 4)?)),
            };
            Ok(Batch { len, x: part(&x, i, len * network.inputs)?.to_vec(), y })
        };
        let ring = (0..batches).map(of).collect::<Result<Vec<_>>>()?;
        match ring.is_empty() {
            true => Err(Fault::new(format!("expected a batch of {len} examples, found less"))),
            false => Ok(Work { first, ring }),
        }
    }
}

fn bytes(folder: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(name)).map_err(|error| Fault::from(error).during(format!("cannot read {name}")))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().copied().map(f32::from_ne_bytes).collect()
}

/// The `i`th of parts of so many elements.
fn part<T>(all: &[T], i: usize, size: usize) -> Result<&[T]> {
    let short = || Fault::new(format!("expected {} elements, got {}", (i + 1) * size, all.len()));
    all.get(i * size..(i + 1) * size).ok_or_else(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_short_is_refused() {
        assert_eq!(part(&[1, 2, 3, 4], 1, 2).unwrap(), [3, 4]);
        assert_eq!(part(&[1, 2, 3], 1, 2).unwrap_err().to_string(), "expected 4 elements, got 3");
        assert_eq!(floats(&1.5f32.to_ne_bytes()), [1.5]);
    }
}
