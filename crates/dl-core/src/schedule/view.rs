//! Views: where the elements of a matrix stand in a row of its buffer. The windows of an image are one.

use crate::plan::ValueId;
use crate::schedule::Sizes;

/// A size, and the distance between neighbours along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// How many there are.
    pub size: usize,
    /// Elements from one to the next.
    pub distance: usize,
}

/// The rows or the columns of a matrix, counted along several axes, the last one fastest. Axes that go on
/// where the next one ends are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Vec<Axis>);

impl Axes {
    /// Neighbours at one distance.
    pub fn plain(size: usize, distance: usize) -> Axes {
        Axes::new([Axis { size, distance }])
    }

    /// Along these axes, the last one fastest.
    pub fn new(axes: impl IntoIterator<Item = Axis>) -> Axes {
        let mut own: Vec<Axis> = vec![];
        for axis in axes.into_iter().filter(|axis| axis.size != 1) {
            match own.last_mut() {
                Some(last) if last.distance == axis.distance * axis.size => {
                    *last = Axis { size: last.size * axis.size, distance: axis.distance };
                }
                _ => own.push(axis),
            }
        }
        Axes(own)
    }

    /// The axes.
    pub fn axes(&self) -> &[Axis] {
        &self.0
    }

    /// How many rows or columns there are.
    pub fn size(&self) -> usize {
        self.0.iter().map(|axis| axis.size).product()
    }

    /// The distance between neighbours, if it is the same for all.
    pub fn distance(&self) -> Option<usize> {
        match *self.0.as_slice() {
            [] => Some(1),
            [Axis { distance, .. }] => Some(distance),
            _ => None,
        }
    }

    /// Where the row or column stands that has this number.
    pub fn place(&self, mut number: usize) -> usize {
        let mut place = 0;
        for axis in self.0.iter().rev().filter(|axis| axis.size > 0) {
            place += number % axis.size * axis.distance;
            number /= axis.size;
        }
        place
    }

    /// Where the last one stands.
    pub fn reach(&self) -> usize {
        self.0.iter().map(|axis| axis.size.saturating_sub(1).saturating_mul(axis.distance)).sum()
    }
}

/// A result whose elements fall on places of a row: what falls on one place adds up, and where nothing
/// falls, there is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Where the rows of the product go.
    pub rows: Axes,
    /// Where its columns go.
    pub columns: Axes,
    /// Elements of the row.
    pub len: usize,
}

impl Overlap {
    /// Checks that a product of these sizes has a place for each element.
    pub(super) fn check(&self, sizes: Sizes) -> Result<(), String> {
        let inside = self.rows.reach() + self.columns.reach() < self.len;
        let fits = (self.rows.size(), self.columns.size()) == (sizes.m, sizes.n);
        let holds = fits && (inside || sizes.m * sizes.n == 0);
        if holds { Ok(()) } else { Err("a place outside".into()) }
    }
}

/// A value as elements of another one: how far apart neighbours stand along each axis.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub of: ValueId,
    pub distances: Vec<usize>,
}

impl View {
    /// A value as it is.
    pub(super) fn dense(of: ValueId, shape: &[usize]) -> View {
        let distance = |axis: usize| shape[axis + 1..].iter().map(|n| (*n).max(1)).product();
        View { of, distances: (0..shape.len()).map(distance).collect() }
    }

    /// Windows over it.
    pub(super) fn unfolded(&self, axis: usize, stride: usize, dilation: usize) -> View {
        let mut distances = self.distances.clone();
        distances.push(distances[axis] * dilation);
        distances[axis] *= stride;
        View { of: self.of, distances }
    }

    /// The axes of some letters, in their order.
    pub(super) fn axes(&self, shape: &[usize], letters: &[u8], taken: &[u8]) -> Option<Axes> {
        let axis = |l: &u8| {
            let axis = letters.iter().position(|own| own == l)?;
            Some(Axis { size: shape[axis], distance: self.distances[axis] })
        };
        Some(Axes::new(taken.iter().map(axis).collect::<Option<Vec<_>>>()?))
    }
}
