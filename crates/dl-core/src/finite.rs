//! Whether numbers are finite, and the statistics of those that are not.

use std::fmt;

use crate::dtype::DType;
use crate::tensor::{DataRef, TensorRef};

/// Elements that are looked at together.
const WIDTH: usize = 32;

macro_rules! all_finite {
    ($name:ident, $t:ty) => {
        /// Whether none of them is infinite or NaN, at the speed of reading them.
        pub fn $name(elements: &[$t]) -> bool {
            // A finite number times zero adds nothing, any other makes its sum NaN for good.
            let mut sums = [0.0; WIDTH];
            let mut chunks = elements.chunks_exact(WIDTH);
            for chunk in &mut chunks {
                sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x * 0.0);
            }
            chunks.remainder().iter().chain(&sums).all(|x| x.is_finite())
        }
    };
}

all_finite!(all_f32, f32);
all_finite!(all_f64, f64);

impl TensorRef<'_> {
    /// Whether no element is infinite or NaN; integers and truth values never are.
    ///
    /// ```
    /// use dl_core::Tensor;
    /// assert!(Tensor::vector(vec![1.0f32, -0.0]).view().is_finite());
    /// assert!(!Tensor::vector(vec![1.0, f64::NEG_INFINITY]).view().is_finite());
    /// ```
    pub fn is_finite(&self) -> bool {
        match self.data() {
            DataRef::F32(v) => all_f32(v),
            DataRef::F64(v) => all_f64(v),
            DataRef::I64(_) | DataRef::Bool(_) | DataRef::U8(_) => true,
        }
    }
}

/// How many numbers of an array are not finite, and what the others are.
///
/// ```
/// use dl_core::{Tensor, finite::Statistics};
/// let x = Tensor::vector(vec![1.0, f64::NAN, 2.0, f64::INFINITY, f64::NAN]);
/// assert_eq!(
///     Statistics::of(x.view()).to_string(),
///     "f64 [5] with 2 NaN, 1 ∞; 2 finite from 1.0 to 2.0, mean 1.5"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The element type.
    pub dtype: DType,
    /// The sizes of the axes.
    pub shape: Vec<usize>,
    /// How many are NaN.
    pub nan: usize,
    /// How many are ∞.
    pub plus: usize,
    /// How many are -∞.
    pub minus: usize,
    /// How many are finite.
    pub finite: usize,
    /// The least finite one; ∞ if there is none.
    pub min: f64,
    /// The greatest finite one; -∞ if there is none.
    pub max: f64,
    /// The mean of the finite ones; 0 if there is none.
    pub mean: f64,
}

impl Statistics {
    /// Of an array; all elements of integers and truth values are finite.
    pub fn of(x: TensorRef<'_>) -> Statistics {
        let mut of = Statistics {
            dtype: x.dtype(),
            shape: x.shape().to_vec(),
            nan: 0,
            plus: 0,
            minus: 0,
            finite: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
        };
        match x.data() {
            DataRef::F32(v) => v.iter().for_each(|x| of.add((*x).into())),
            DataRef::F64(v) => v.iter().for_each(|x| of.add(*x)),
            DataRef::I64(v) => v.iter().for_each(|x| of.add(*x as f64)),
            DataRef::Bool(v) => v.iter().for_each(|x| of.add((*x).into())),
            DataRef::U8(v) => v.iter().for_each(|x| of.add((*x).into())),
        }
        of
    }

    /// Whether all are finite.
    pub fn is_finite(&self) -> bool {
        self.nan + self.plus + self.minus == 0
    }

    fn add(&mut self, x: f64) {
        match x {
            x if x.is_nan() => self.nan += 1,
            f64::INFINITY => self.plus += 1,
            f64::NEG_INFINITY => self.minus += 1,
            x => {
                self.finite += 1;
                (self.min, self.max) = (self.min.min(x), self.max.max(x));
                // A running mean leaves the range of numbers no earlier than the numbers do.
                let n = self.finite as f64;
                self.mean += x / n - self.mean / n;
            }
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.dtype, self.shape)?;
        let kinds = [(self.nan, "NaN"), (self.plus, "∞"), (self.minus, "-∞")];
        let found: Vec<String> =
            kinds.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
        if !found.is_empty() {
            write!(f, " with {}", found.join(", "))?;
        }
        let (lead, n) =
            if found.is_empty() { ("", String::new()) } else { (";", format!("{} finite ", self.finite)) };
        match self.finite {
            0 => Ok(()),
            1 if self.shape.is_empty() => write!(f, "{lead} {n}of {:?}", self.min),
            _ => write!(f, "{lead} {n}from {:?} to {:?}, mean {:?}", self.min, self.max, Short(self.mean)),
        }
    }
}

/// A number with as many digits as are worth reading.
struct Short(f64);

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        write!(f, "{rounded:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    #[test]
    fn one_of_any_place_and_length_is_found() {
        for len in (0..100).chain([1000]) {
            let mut x = vec![f32::MAX; len];
            assert!(all_f32(&x));
            for place in 0..len {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    x[place] = bad;
                    assert!(!all_f32(&x), "{bad} at {place} of {len}");
                    x[place] = f32::MIN;
                }
            }
        }
        assert!(!all_f64(&[0.0, f64::NAN]) && all_f64(&[f64::MAX, f64::MIN, 5e-324]));
    }

    #[test]
    fn statistics_count_each_kind() {
        let of = |v: Vec<f64>| Statistics::of(Tensor::vector(v).view()).to_string();
        let inf = f64::INFINITY;
        assert_eq!(of(vec![]), "f64 [0]");
        assert_eq!(of(vec![1.0, 2.0, 6.0]), "f64 [3] from 1.0 to 6.0, mean 3.0");
        assert_eq!(
            of(vec![inf, -inf, -inf, 1.0]),
            "f64 [4] with 1 ∞, 2 -∞; 1 finite from 1.0 to 1.0, mean 1.0"
        );
        assert_eq!(of(vec![f64::NAN]), "f64 [1] with 1 NaN");
        assert_eq!(of(vec![f64::MAX, f64::MAX]).split("mean ").nth(1), Some("1.79769e308"));
        let scalar = |x: f32| Statistics::of(Tensor::scalar(x).view()).to_string();
        assert_eq!((scalar(2.5), scalar(f32::NAN)), ("f32 [] of 2.5".into(), "f32 [] with 1 NaN".into()));
    }
}
