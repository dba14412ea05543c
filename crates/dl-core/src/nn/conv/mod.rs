//! Convolution: the products of a weight with the windows of images.

mod layer;
mod transposed;

pub use layer::{Conv, conv1d, conv2d, conv3d};
pub use transposed::ConvTranspose;

use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::windows::Images;
use crate::ops::{Contraction, Op};
use crate::shape::Shape;

/// The letters of a convolution's axes, with or without groups of channels.
struct Letters {
    leading: Vec<u8>,
    places: Vec<u8>,
    offsets: Vec<u8>,
    groups: Vec<u8>,
}

/// Channels of the images, and of the windows' products.
const IN: u8 = b'c';
const OUT: u8 = b'o';

impl Letters {
    fn new(images: &Images<'_>, groups: usize) -> Letters {
        let axes = images.sizes.len();
        let leading = (b'A'..=b'Z').take(images.first).collect();
        let places = (b'x'..=b'z').chain(b'p'..=b'w').take(axes).collect();
        let offsets = (b'i'..=b'n').chain(b'd'..=b'f').take(axes).collect();
        Letters { leading, places, offsets, groups: if groups == 1 { vec![] } else { vec![b'g'] } }
    }

    /// Leading axes, places, groups, then the rest.
    fn with_places(&self, rest: &[u8]) -> Vec<u8> {
        [&*self.leading, &*self.places, &*self.groups, rest].concat()
    }

    /// Offsets, input channels, groups, output channels.
    fn weight(&self) -> Vec<u8> {
        [&*self.offsets, &[IN], &*self.groups, &[OUT]].concat()
    }

    /// Windows and a weight give images.
    fn forward(&self) -> Contraction {
        let lhs = self.with_places(&[&[IN], &*self.offsets].concat());
        Contraction { lhs, rhs: self.weight(), out: self.with_places(&[OUT]) }
    }

    /// Images and a weight give windows.
    fn backward(&self) -> Contraction {
        let out = self.with_places(&[&[IN], &*self.offsets].concat());
        Contraction { lhs: self.with_places(&[OUT]), rhs: self.weight(), out }
    }
}

/// The most spatial axes and leading axes that there are letters for.
const MOST_AXES: usize = 8;

/// Says that there are letters, and that groups divide the channels.
fn check(images: &Images<'_>, groups: usize, out: usize) -> Result<(), String> {
    let (axes, inputs) = (images.sizes.len(), images.channels);
    if axes > MOST_AXES || images.first > MOST_AXES {
        return Err(format!("at most {MOST_AXES} spatial axes, and as many before them"));
    }
    match groups {
        0 => Err("0 groups: at least 1 is needed".into()),
        1 => Ok(()),
        _ if inputs % groups == 0 && out.is_multiple_of(groups) => Ok(()),
        _ => Err(format!("{groups} groups do not divide {inputs} channels in and {out} out")),
    }
}

/// The axis as two: groups, then the channels of each.
#[track_caller]
fn split(x: Expr<'_>, axis: usize, groups: usize) -> Expr<'_> {
    if groups == 1 {
        return x;
    }
    let mut dims = x.shape().to_vec();
    let channels = dims[axis].size().unwrap_or(0);
    dims.splice(axis..=axis, [groups.into(), (channels / groups).into()]);
    x.reshape(dims)
}

/// The axis and the one after it as one.
#[track_caller]
fn join(x: Expr<'_>, axis: usize, groups: usize) -> Expr<'_> {
    if groups == 1 {
        return x;
    }
    let mut dims: Vec<Dim> = x.shape().to_vec();
    let all = &dims[axis] * &dims[axis + 1];
    dims.splice(axis..axis + 2, [all]);
    x.reshape(dims)
}

/// A weight that was given, which must have this shape.
#[track_caller]
fn require_weight<'g>(images: &Images<'g>, weight: Expr<'g>, want: &Shape) -> Result<(), Expr<'g>> {
    let weight = images.x.beside(weight);
    if weight.is_poison() {
        return Err(weight);
    }
    match weight.shape() == *want && weight.dtype() == images.x.dtype() {
        true => Ok(()),
        false => {
            let (dtype, got) = (weight.dtype(), weight.shape());
            let want = format!("{} {want}", images.x.dtype());
            Err(images.fail(&format!("a weight {dtype} {got}, {want} is needed")))
        }
    }
}

#[track_caller]
fn contract<'g>(c: Contraction, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    a.apply(Op::Contract(c), &[b])
}
