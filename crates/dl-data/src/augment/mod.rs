//! Images that are never quite the same twice: moved, turned, cropped, mirrored, bent.

mod elastic;
mod warp;

use std::fmt;

use self::elastic::Bend;
pub use self::warp::Pixel;
use self::warp::{Map, Warp};
use crate::error::{Kind, Result};
use crate::random::Random;

/// How images may change before they are looked at: plain settings, from which [`on`](Augmentation::on) makes what
/// changes images of one size.
///
/// All changes are one map of places, so that a pixel is interpolated once, bilinearly. What comes from outside the
/// image is 0. In order: mirrored, cropped, turned, moved, bent.
///
/// ```
/// use dl_data::Augmentation;
/// let how = Augmentation::new().shift(2).rotate(10.0).elastic(34.0, 4.0);
/// assert_eq!(
///     how.to_string(),
///     "moved by up to 2, turned by up to 10°, bent with α 34 and σ 4"
/// );
/// let changed = how.on([28, 28, 1])?;
/// let mut image = vec![255u8; 28 * 28];
/// changed.apply(&mut image, 7);
/// # Ok::<(), dl_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    shift: usize,
    rotate: f64,
    crop: f64,
    flip: bool,
    elastic: Option<Elastic>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Elastic {
    alpha: f64,
    sigma: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Augmentation::new()
    }
}

impl Augmentation {
    /// Images stay as they are.
    pub const fn new() -> Self {
        Augmentation { shift: 0, rotate: 0.0, crop: 1.0, flip: false, elastic: None }
    }

    /// They are moved by a whole number of pixels, up to `pixels` up or down and to either side, each as likely.
    #[must_use]
    pub const fn shift(mut self, pixels: usize) -> Self {
        self.shift = pixels;
        self
    }

    /// They are turned about their middle by up to so many degrees either way, uniformly.
    #[must_use]
    pub const fn rotate(mut self, degrees: f64) -> Self {
        self.rotate = degrees;
        self
    }

    /// A window is cut out and enlarged to the image's size: its sides are a share of the image's, uniform from
    /// `least` to 1, and its place is uniform among those inside.
    #[must_use]
    pub const fn crop(mut self, least: f64) -> Self {
        self.crop = least;
        self
    }

    /// Half of them are mirrored, left to right.
    #[must_use]
    pub const fn flip(mut self) -> Self {
        self.flip = true;
        self
    }

    /// They are bent: each place is displaced, down and to the right, by `alpha` times a field that is uniform in
    /// `[-1, 1)` at each pixel and smoothed by a Gaussian of `sigma` pixels, whose weights sum to 1 and which is
    /// reflected at the edges.
    ///
    /// Simard, Steinkraus and Platt: "Best practices for convolutional neural networks applied to visual document
    /// analysis", ICDAR 2003, section 2, with the field as its readers take it; for MNIST they found `alpha` 34 and
    /// `sigma` 4. A displacement then has a deviation of about `alpha / (2·√(3π)·sigma)` pixels: 1.4.
    #[must_use]
    pub const fn elastic(mut self, alpha: f64, sigma: f64) -> Self {
        self.elastic = Some(Elastic { alpha, sigma });
        self
    }

    /// What changes images of `[rows, columns, channels]`.
    ///
    /// # Errors
    /// When a size is 0 or the image has more than 2²² values, or a setting is not a number, a crop not in `(0, 1]`,
    /// a σ not in `(0, 1000]`.
    pub fn on(self, shape: [usize; 3]) -> Result<Augmenter> {
        let values = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        if !values.is_some_and(|n| (1..=MOST_VALUES).contains(&n)) {
            return Err(Kind::Setting(format!(
                "images of {shape:?} cannot be augmented: expected sizes from 1 on, and at most {MOST_VALUES} values"
            ))
            .into());
        }
        let refuse = |what: &str, value: f64, want: &str| -> Result<()> {
            Err(Kind::Setting(format!("{what} of {value}: expected {want}")).into())
        };
        if !(self.rotate.is_finite() && self.rotate >= 0.0) {
            refuse("a rotation", self.rotate, "degrees from 0 on")?;
        }
        if !(self.crop > 0.0 && self.crop <= 1.0) {
            refuse("a crop", self.crop, "a share above 0, up to 1")?;
        }
        if let Some(Elastic { alpha, sigma }) = self.elastic {
            if !(alpha.is_finite() && alpha.abs() <= 1e6) {
                refuse("an elastic α", alpha, "a number up to 1000000")?;
            }
            if !(sigma > 0.0 && sigma <= 1e3) {
                refuse("an elastic σ", sigma, "pixels above 0, up to 1000")?;
            }
        }
        let bend = self.elastic.map(|how| Bend::new(how.alpha, how.sigma, shape[0], shape[1]));
        Ok(Augmenter { how: self, shape, bend })
    }
}

/// Values of an image, so that places are exact in single precision.
const MOST_VALUES: usize = 1 << 22;

/// `moved by up to 2, half of them mirrored`; nothing where nothing changes.
impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![];
        if self.shift > 0 {
            parts.push(format!("moved by up to {}", self.shift));
        }
        if self.rotate > 0.0 {
            parts.push(format!("turned by up to {}°", self.rotate));
        }
        if self.crop < 1.0 {
            parts.push(format!("cropped to {} of their sides or more", self.crop));
        }
        if let Some(Elastic { alpha, sigma }) = self.elastic {
            parts.push(format!("bent with α {alpha} and σ {sigma}"));
        }
        if self.flip {
            parts.push("half of them mirrored".into());
        }
        f.write_str(&parts.join(", "))
    }
}

/// Changes images of one size; [`Augmentation::on`] makes it.
#[derive(Clone, Debug)]
pub struct Augmenter {
    how: Augmentation,
    shape: [usize; 3],
    bend: Option<Bend>,
}

impl Augmenter {
    /// `[rows, columns, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of values of an image.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What was asked for.
    pub fn how(&self) -> Augmentation {
        self.how
    }

    /// Changes one image, `[rows, columns, channels]`, as `seed` says.
    ///
    /// # Panics
    /// When it has another number of values than [`len`](Augmenter::len).
    pub fn apply<P: Pixel>(&self, image: &mut [P], seed: u64) {
        assert_eq!(image.len(), self.len(), "an image of {:?}", self.shape);
        self.apply_all(image, std::iter::once(Random::new(seed)));
    }

    /// Changes images that lie one after the other, each as its own random numbers say; what has none stays.
    pub fn apply_all<P: Pixel>(&self, images: &mut [P], randoms: impl Iterator<Item = Random>) {
        pulp::Arch::new().dispatch(Changes { augmenter: self, images, randoms });
    }

    /// The map of places but for the bend. Every kind draws whether it is asked for or not, so that one more changes
    /// nothing in the others.
    fn drawn(&self, random: &mut Random) -> Map {
        let [rows, columns, _] = self.shape;
        let how = &self.how;
        let flip = random.next_u64() >> 63 == 1 && how.flip;
        let mut shift = || random.below(2 * how.shift as u64 + 1) as f64 - how.shift as f64;
        let shift = [shift(), shift()];
        let angle = (random.signed() * how.rotate).to_radians();
        let share = how.crop + (1.0 - how.crop) * random.unit();
        // Places of the window's middle at which it is inside.
        let mut middle = |size: usize| random.signed() * (1.0 - share) * (size - 1) as f64 / 2.0;
        let middle = [middle(rows), middle(columns)];
        Map { flip, shift, angle, share, middle }
    }
}

/// What is compiled for each kind of vectors; none of them changes a bit of the result.
struct Changes<'a, P, R> {
    augmenter: &'a Augmenter,
    images: &'a mut [P],
    randoms: R,
}

impl<P: Pixel, R: Iterator<Item = Random>> pulp::NullaryFnOnce for Changes<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Changes { augmenter, images, randoms } = self;
        let mut warp = Warp::new(augmenter.shape);
        let mut field = augmenter.bend.as_ref().map(Bend::field);
        for (image, mut random) in images.chunks_exact_mut(augmenter.len()).zip(randoms) {
            let map = augmenter.drawn(&mut random);
            if let (Some(bend), Some(field)) = (&augmenter.bend, &mut field) {
                bend.draw(&mut random, field);
            }
            warp.apply(image, &map, field.as_ref());
        }
    }
}

#[cfg(test)]
mod tests;
