//! Orders of axes: ours and PyTorch's.

use std::fmt;

use dl_core::graph::{ParameterDecl, Role};
use dl_core::{Dims, Tensor};

use super::permute::permuted;
use crate::error::{Error, Result};

/// In which order a file has the axes of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Ours: `[…receptive field, in, out]`, and images with their channels last.
    #[default]
    Own,
    /// That of PyTorch's layers: `[out, in, …receptive field]` (of transposed convolutions `[in, out, …]`), and
    /// images with their channels first, which changes the order of the inputs of a dense layer behind
    /// [`nn::flatten`](dl_core::nn::flatten).
    ///
    /// Which parameters are weights is what layers have declared ([`Role`]), not how they are called. Names are
    /// PyTorch's for dense, convolutional, recurrent and embedding layers and normalizations, if the paths are.
    PyTorch,
}

/// The note in a file that says how its axes are ordered, and what we write there.
pub(crate) const NOTE: &str = "layout";

impl Layout {
    /// The note of a file of this layout.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Layout::Own => "dl",
            Layout::PyTorch => "pytorch",
        }
    }

    pub(super) fn of_note(note: &str) -> Option<Layout> {
        [Layout::Own, Layout::PyTorch].into_iter().find(|layout| layout.note() == note)
    }
}

/// `Own` or `PyTorch`, as it is written in a program.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How a parameter stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrangement {
    /// Its shape in the session.
    pub(super) own: Vec<usize>,
    /// Its shape in the file.
    pub(super) file: Vec<usize>,
    /// The file's shape with the inputs of a dense layer as images.
    split: Vec<usize>,
    /// Which axes of `split` ours are.
    axes: Vec<usize>,
}

impl Arrangement {
    /// Of a parameter; `images` are those that its inputs are the rows of, if somebody says so.
    pub(crate) fn new(decl: &ParameterDecl, layout: Layout, images: Option<&[usize]>) -> Result<Arrangement> {
        let own = decl.shape.eval(&Dims::new()).map_err(Error::value)?;
        let same = || Arrangement {
            own: own.clone(),
            file: own.clone(),
            split: own.clone(),
            axes: (0..own.len()).collect(),
        };
        let (Layout::PyTorch, Role::Weight { images: declared }) = (layout, &decl.role) else {
            return Ok(same());
        };
        let [field @ .., inputs, out] = &own[..] else {
            return Ok(same());
        };
        let images = images.unwrap_or(declared);
        let Some((&channels, places)) = images.split_last() else {
            let file: Vec<usize> = [*out, *inputs].into_iter().chain(field.iter().copied()).collect();
            let axes = (2..own.len()).chain([1, 0]).collect();
            return Ok(Arrangement { own: own.clone(), split: file.clone(), file, axes });
        };
        if !field.is_empty() || images.iter().try_fold(1usize, |n, x| n.checked_mul(*x)) != Some(*inputs) {
            return Err(Error::value(format!(
                "images {images:?} have not as many elements as weight {} {own:?} has inputs",
                decl.name
            )));
        }
        let split = [*out, channels].into_iter().chain(places.iter().copied()).collect();
        let axes = (2..2 + places.len()).chain([1, 0]).collect();
        Ok(Arrangement { file: vec![*out, *inputs], own: own.clone(), split, axes })
    }

    fn is_same(&self) -> bool {
        self.axes.iter().copied().eq(0..self.axes.len())
    }

    /// A value of the file's shape in ours.
    pub(super) fn loaded(&self, value: Tensor) -> Result<Tensor> {
        if self.is_same() {
            return reshaped(value, &self.own);
        }
        reshaped(permuted(&reshaped(value, &self.split)?, &self.axes), &self.own)
    }

    /// A value of ours in the file's shape.
    pub(crate) fn stored(&self, value: Tensor) -> Result<Tensor> {
        if self.is_same() {
            return Ok(value);
        }
        let shape: Vec<usize> = self.axes.iter().map(|axis| self.split[*axis]).collect();
        let mut inverse = vec![0; self.axes.len()];
        self.axes.iter().enumerate().for_each(|(i, axis)| inverse[*axis] = i);
        reshaped(permuted(&reshaped(value, &shape)?, &inverse), &self.file)
    }

    /// The shape in the file.
    pub(crate) fn file_shape(&self) -> &[usize] {
        &self.file
    }
}

fn reshaped(value: Tensor, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_data(shape.to_vec(), value.into_data())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::{F64, Graph, Init};

    fn arrangement(role: Role, shape: &[usize], images: Option<&[usize]>) -> Result<Arrangement> {
        let g = Graph::new();
        g.parameter_as(role, "w", F64, shape, Init::Zeros);
        g.check().unwrap();
        Arrangement::new(&g.parameter_decls()[0], Layout::PyTorch, images)
    }

    fn numbers(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor::new(shape.to_vec(), (0..count).map(|i| i as f64).collect()).unwrap()
    }

    /// The element of ours at `own` is the file's at `file`.
    fn moves(of: &Arrangement, own: &[usize], file: &[usize]) {
        let at =
            |shape: &[usize], place: &[usize]| shape.iter().zip(place).fold(0, |at, (size, i)| at * size + i);
        let value = numbers(&of.file);
        let ours = of.loaded(value.clone()).unwrap();
        assert_eq!(ours.shape(), of.own);
        assert_eq!(ours.get::<f64>().unwrap()[at(&of.own, own)], at(&of.file, file) as f64);
        assert_eq!(of.stored(ours).unwrap(), value);
    }

    #[test]
    fn weights_are_transposed_by_what_they_are() {
        let weight = || Role::Weight { images: vec![] };
        let dense = arrangement(weight(), &[3, 2], None).unwrap();
        assert_eq!(dense.file, [2, 3]);
        moves(&dense, &[2, 1], &[1, 2]);
        let conv = arrangement(weight(), &[5, 4, 3, 2], None).unwrap();
        assert_eq!(conv.file, [2, 3, 5, 4]);
        moves(&conv, &[4, 1, 2, 0], &[0, 2, 4, 1]);
        let bias = arrangement(Role::Other, &[5, 4], None).unwrap();
        assert_eq!(bias.file, [5, 4]);
        moves(&bias, &[4, 1], &[4, 1]);
    }

    #[test]
    fn inputs_that_are_images_have_their_channels_first() {
        // [2, 3] places of 4 channels, 5 outputs.
        let flat = Role::Weight { images: vec![2, 3, 4] };
        let given = arrangement(Role::Weight { images: vec![] }, &[24, 5], Some(&[2, 3, 4])).unwrap();
        let declared = arrangement(flat, &[24, 5], None).unwrap();
        assert_eq!(declared, given);
        assert_eq!(declared.file, [5, 24]);
        // Place (1, 2), channel 3 is input (1·3 + 2)·4 + 3 of ours, (3·2 + 1)·3 + 2 of PyTorch's.
        moves(&declared, &[23, 4], &[4, 23]);
        moves(&declared, &[(3 + 2) * 4 + 1, 2], &[2, (2 + 1) * 3 + 2]);
        let wrong = arrangement(Role::Weight { images: vec![] }, &[24, 5], Some(&[7]));
        assert_eq!(
            wrong.unwrap_err().to_string(),
            "images [7] have not as many elements as weight w [24, 5] has inputs"
        );
    }
}
