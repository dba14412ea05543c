//! Images seen through a map of places: bilinear, with 0 outside.

use super::elastic::Field;

/// What pixels are made of: bytes or floats.
pub trait Pixel: Copy + sealed::Sealed {
    /// As a float.
    fn to_f32(self) -> f32;

    /// The nearest to a float.
    fn from_f32(value: f32) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

impl Pixel for u8 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self.into()
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        whole(value) as u8
    }
}

impl Pixel for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Where floats have no fraction: 2²³.
const WHOLE: f32 = 8_388_608.0;

/// The nearest whole number to one from 0 to 2²², ties to even; without the checks of a cast, so that loops become
/// vectors.
#[inline(always)]
fn whole(value: f32) -> u32 {
    (value + WHOLE).to_bits() & 0x7f_ffff
}

/// The whole number at or below one from 0 to 2²².
#[inline(always)]
fn floor(value: f32) -> f32 {
    let near = (value + WHOLE) - WHOLE;
    if near > value { near - 1.0 } else { near }
}

/// Which place of an image is seen at a place of the result, but for the bend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Map {
    pub(super) flip: bool,
    /// Down and to the right.
    pub(super) shift: [f64; 2],
    /// In radians.
    pub(super) angle: f64,
    /// The sides of the window in those of the image.
    pub(super) share: f64,
    /// The window's middle, from the image's.
    pub(super) middle: [f64; 2],
}

/// `place = linear · (result - middle) + offset`, in pixels from the first.
struct Affine {
    linear: [[f32; 2]; 2],
    offset: [f32; 2],
}

impl Map {
    /// Undoes in reverse order what an image goes through: moved, turned, cropped, mirrored.
    fn affine(&self, [rows, columns]: [usize; 2]) -> Affine {
        let (sin, cos) = (libm::sin(self.angle), libm::cos(self.angle));
        let s = self.share;
        let mirror = if self.flip { -1.0 } else { 1.0 };
        let linear = [[s * cos, s * sin], [mirror * -s * sin, mirror * s * cos]];
        let moved = |row: [f64; 2]| -(row[0] * self.shift[0] + row[1] * self.shift[1]);
        let half = |size: usize| (size - 1) as f64 / 2.0;
        let down = moved(linear[0]) + self.middle[0] + half(rows);
        let across = moved(linear[1]) + mirror * self.middle[1] + half(columns);
        let linear = linear.map(|row| row.map(|x| x as f32));
        Affine { linear, offset: [down as f32, across as f32] }
    }

    /// Whether pixels come to lie on pixels.
    fn is_whole(&self) -> bool {
        self.angle == 0.0 && self.share == 1.0 && self.shift.iter().all(|s| s.fract() == 0.0)
    }
}

/// Room for changing images of one size.
pub(super) struct Warp {
    shape: [usize; 3],
    /// The image with zeros around it: one row and column before, two behind.
    padded: Vec<f32>,
    /// Of the pixels of a row of the result: where the four around its place begin, and how far it is from there.
    starts: Vec<u32>,
    fractions: [Vec<f32>; 2],
    /// What is seen there.
    seen: Vec<f32>,
    /// The numbers of the columns, and as many zeros.
    columns: Vec<f32>,
    still: Vec<f32>,
}

impl Warp {
    pub(super) fn new(shape: [usize; 3]) -> Warp {
        let [rows, columns, channels] = shape;
        let padded = vec![0.0; (rows + 3) * (columns + 3) * channels];
        let room = || vec![0.0; columns];
        let seen = vec![0.0; columns * channels];
        let numbers = (0..columns).map(|column| column as f32).collect();
        let (starts, fractions) = (vec![0; columns], [room(), room()]);
        Warp { shape, padded, starts, fractions, seen, columns: numbers, still: room() }
    }

    /// Puts what is seen in place of the image.
    #[inline(always)]
    pub(super) fn apply<P: Pixel>(&mut self, image: &mut [P], map: &Map, field: Option<&Field>) {
        let still = map.is_whole() && !map.flip && map.shift == [0.0, 0.0];
        if still && field.is_none() {
            return;
        }
        let [rows, columns, channels] = self.shape;
        let line = columns * channels;
        let stride = (columns + 3) * channels;
        for (row, from) in image.chunks_exact(line).enumerate() {
            let to = &mut self.padded[(row + 1) * stride + channels..][..line];
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f32());
        }
        let affine = map.affine([rows, columns]);
        for (row, to) in image.chunks_exact_mut(line).enumerate() {
            self.place(row, &affine, field);
            match channels {
                1 => self.sample::<1>(),
                3 => self.sample::<3>(),
                _ => self.sample_any(),
            }
            to.iter_mut().zip(&self.seen).for_each(|(to, from)| *to = P::from_f32(*from));
        }
    }

    /// Mixes the four values around each place of a row.
    #[inline(always)]
    fn sample<const C: usize>(&mut self) {
        let stride = (self.shape[1] + 3) * C;
        let [downs, acrosses] = &self.fractions;
        let places = self.starts.iter().zip(downs.iter().zip(acrosses));
        for (to, (start, (down, across))) in self.seen.as_chunks_mut::<C>().0.iter_mut().zip(places) {
            let near = &self.padded[*start as usize * C..][..stride + 2 * C];
            let (above, below) = (&near[..2 * C], &near[stride..]);
            for channel in 0..C {
                let mixed = |line: &[f32]| line[channel] + across * (line[channel + C] - line[channel]);
                let (above, below) = (mixed(above), mixed(below));
                to[channel] = above + down * (below - above);
            }
        }
    }

    /// The same for any number of channels.
    #[inline(always)]
    fn sample_any(&mut self) {
        let channels = self.shape[2];
        let stride = (self.shape[1] + 3) * channels;
        let [downs, acrosses] = &self.fractions;
        let places = self.starts.iter().zip(downs.iter().zip(acrosses));
        for (to, (start, (down, across))) in self.seen.chunks_exact_mut(channels).zip(places) {
            let near = &self.padded[*start as usize * channels..][..stride + 2 * channels];
            for (channel, to) in to.iter_mut().enumerate() {
                let mixed = |at: usize| near[at] + across * (near[at + channels] - near[at]);
                let (above, below) = (mixed(channel), mixed(channel + stride));
                *to = above + down * (below - above);
            }
        }
    }

    /// Finds the places of a row.
    #[inline(always)]
    fn place(&mut self, row: usize, affine: &Affine, field: Option<&Field>) {
        let [rows, columns, _] = self.shape;
        let middle = [rows, columns].map(|size| (size - 1) as f32 / 2.0);
        let Affine { linear, offset } = affine;
        let ends = [rows as f32, columns as f32];
        let stride = columns as u32 + 3;
        let [downs, acrosses] = &mut self.fractions;
        let (bent_down, bent_across) = match field {
            Some(field) => (&field.parts[0][row * field.stride..], &field.parts[1][row * field.stride..]),
            None => (&self.still[..], &self.still[..]),
        };
        let bent = bent_down[..columns].iter().zip(&bent_across[..columns]);
        let results = self.starts.iter_mut().zip(downs.iter_mut().zip(acrosses));
        let from = row as f32 - middle[0];
        for ((start, (to_down, to_across)), ((bent_down, bent_across), column)) in
            results.zip(bent.zip(&self.columns))
        {
            let from = [from + bent_down, column - middle[1] + bent_across];
            let place = |i: usize| linear[i][0] * from[0] + linear[i][1] * from[1] + offset[i];
            // From the zeros before the image to those behind it.
            let [down, across] = [0, 1].map(|i| place(i).clamp(-1.0, ends[i]) + 1.0);
            let (above, before) = (floor(down), floor(across));
            *start = whole(above) * stride + whole(before);
            *to_down = down - above;
            *to_across = across - before;
        }
    }
}
