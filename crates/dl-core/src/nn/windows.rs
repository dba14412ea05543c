//! Images and the windows that go over them: what convolution, pooling and padding share.

use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::require_float;

/// A number for each spatial axis: `2` for all of them, or `[2, 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerAxis(Numbers);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    Same(usize),
    Each(Vec<usize>),
}

impl From<usize> for PerAxis {
    fn from(number: usize) -> Self {
        PerAxis(Numbers::Same(number))
    }
}

impl<const N: usize> From<[usize; N]> for PerAxis {
    fn from(numbers: [usize; N]) -> Self {
        PerAxis(Numbers::Each(numbers.to_vec()))
    }
}

impl From<Vec<usize>> for PerAxis {
    fn from(numbers: Vec<usize>) -> Self {
        PerAxis(Numbers::Each(numbers))
    }
}

impl PerAxis {
    /// The numbers for so many axes, none below `least`.
    pub(super) fn resolve(&self, name: &str, axes: usize, least: usize) -> Result<Vec<usize>, String> {
        let numbers = match &self.0 {
            Numbers::Same(number) => vec![*number; axes],
            Numbers::Each(numbers) if numbers.len() == axes => numbers.clone(),
            Numbers::Each(numbers) => {
                return Err(format!("{name} {numbers:?}: {axes} numbers are needed, one for each axis"));
            }
        };
        match numbers.iter().all(|n| *n >= least) {
            true => Ok(numbers),
            false => Err(format!("{name} {numbers:?}: each must be at least {least}")),
        }
    }
}

/// Elements before and after an image along each spatial axis: `1` on every side, `[2, 1]` by axes, or
/// `[(2, 1), (0, 1)]` by sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pads(Sides);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sides {
    Same(usize),
    Each(Vec<(usize, usize)>),
}

impl From<usize> for Pads {
    fn from(number: usize) -> Self {
        Pads(Sides::Same(number))
    }
}

impl<const N: usize> From<[usize; N]> for Pads {
    fn from(numbers: [usize; N]) -> Self {
        Pads(Sides::Each(numbers.iter().map(|n| (*n, *n)).collect()))
    }
}

impl<const N: usize> From<[(usize, usize); N]> for Pads {
    fn from(sides: [(usize, usize); N]) -> Self {
        Pads(Sides::Each(sides.to_vec()))
    }
}

impl From<Vec<(usize, usize)>> for Pads {
    fn from(sides: Vec<(usize, usize)>) -> Self {
        Pads(Sides::Each(sides))
    }
}

impl Pads {
    pub(super) fn resolve(&self, axes: usize) -> Result<Vec<(usize, usize)>, String> {
        match &self.0 {
            Sides::Same(number) => Ok(vec![(*number, *number); axes]),
            Sides::Each(sides) if sides.len() == axes => Ok(sides.clone()),
            Sides::Each(sides) => {
                Err(format!("padding {sides:?}: {axes} are needed, one for each spatial axis"))
            }
        }
    }

    /// How many axes it is for, where it says so.
    pub(super) fn axes(&self) -> Option<usize> {
        match &self.0 {
            Sides::Same(_) => None,
            Sides::Each(sides) => Some(sides.len()),
        }
    }
}

/// Images `[…, spatial axes, C]` whose spatial sizes and channels are known.
#[derive(Clone, Debug)]
pub(super) struct Images<'g> {
    pub what: String,
    pub x: Expr<'g>,
    /// The first spatial axis.
    pub first: usize,
    /// The spatial sizes.
    pub sizes: Vec<usize>,
    pub channels: usize,
}

impl<'g> Images<'g> {
    /// `x` as images of so many spatial axes.
    #[track_caller]
    pub(super) fn of(what: &str, x: Expr<'g>, axes: usize) -> Result<Images<'g>, Expr<'g>> {
        require_float(what, x)?;
        let shape = x.shape();
        if axes == 0 || shape.rank() < axes + 1 {
            let want = format!("{axes} spatial axes and the channels are needed");
            return Err(x.graph().fail(format!("{what} of {shape}: {want}")));
        }
        let first = shape.rank() - 1 - axes;
        let sizes: Option<Vec<usize>> = shape[first..].iter().map(Dim::size).collect();
        match sizes {
            Some(mut sizes) => {
                let channels = sizes.pop().expect("the channels are the last axis");
                Ok(Images { what: what.into(), x, first, sizes, channels })
            }
            None => {
                let known = format!("the sizes of its last {} axes must be known", axes + 1);
                Err(x.graph().fail(format!("{what} of {shape}: {known}")))
            }
        }
    }

    /// Records a mistake, with what this is and its shape.
    #[track_caller]
    pub(super) fn fail(&self, why: &str) -> Expr<'g> {
        self.x.graph().fail(format!("{} of {}: {why}", self.what, self.x.shape()))
    }

    /// The images with other elements.
    pub(super) fn with(&self, x: Expr<'g>) -> Images<'g> {
        let sizes = x.shape()[self.first..x.shape().rank() - 1].iter().filter_map(Dim::size).collect();
        Images { x, sizes, ..self.clone() }
    }
}

/// The size, stride and dilation of windows, for each spatial axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub size: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
}

impl Windows {
    pub(super) fn new(size: &[usize], stride: &PerAxis, dilation: &PerAxis) -> Result<Windows, String> {
        let axes = size.len();
        let size = PerAxis::from(size.to_vec()).resolve("a window of", axes, 1)?;
        let stride = stride.resolve("stride", axes, 1)?;
        Ok(Windows { size, stride, dilation: dilation.resolve("dilation", axes, 1)? })
    }

    /// From the first to the last element of a window, along an axis.
    pub(super) fn reach(&self, axis: usize) -> usize {
        (self.size[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1)
    }

    /// The padding with which as many windows begin as `⌈size/stride⌉`; what cannot be shared between both
    /// sides comes after.
    pub(super) fn same(&self, sizes: &[usize]) -> Vec<(usize, usize)> {
        let pads = |(axis, size): (usize, &usize)| {
            let last = size.div_ceil(self.stride[axis]).saturating_sub(1).saturating_mul(self.stride[axis]);
            let all = last.saturating_add(self.reach(axis)).saturating_sub(*size);
            (all / 2, all - all / 2)
        };
        sizes.iter().enumerate().map(pads).collect()
    }

    /// Says that windows fit into a padded image.
    pub(super) fn check(&self, sizes: &[usize], pads: &[(usize, usize)]) -> Result<(), String> {
        for (axis, size) in sizes.iter().enumerate() {
            let padded = size.saturating_add(pads[axis].0).saturating_add(pads[axis].1);
            let reach = self.reach(axis);
            if reach > padded {
                let dilated = match self.dilation[axis] {
                    1 => String::new(),
                    dilation => format!(" ({} elements, {dilation} apart)", self.size[axis]),
                };
                return Err(format!(
                    "a window of {reach}{dilated} is larger than the {padded} elements, padding included, \
                     along spatial axis {axis}"
                ));
            }
        }
        Ok(())
    }

    /// The windows of padded images: `[…, H, W, C]` gives `[…, H', W', C, kh, kw]`.
    #[track_caller]
    pub(super) fn unfold<'g>(&self, images: Expr<'g>, first: usize) -> Expr<'g> {
        let mut x = images;
        for axis in 0..self.size.len() {
            x = x.unfold(first + axis, self.size[axis], self.stride[axis], self.dilation[axis]);
        }
        x
    }
}
