//! First values of parameters: a distribution by name, sampled from an explicit seed.

mod norms;
mod orthogonal;
mod truncated;

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use self::norms::Columns;
use crate::dim::Name;
use crate::dtype::DType;
use crate::error::{self, Error};
use crate::ops::random::block;
use crate::tensor::Tensor;

/// How a parameter starts.
///
/// The last axis of a weight is its outputs, the one before it its inputs, and any axes before
/// these its receptive field: a dense weight is `[in, out]`, so its fan-in is `shape[0]`.
/// (PyTorch stores the transpose, `[out, in]`; the fans are the same numbers.)
///
/// ```
/// use dl_core::{F32, Init};
/// let init = Init::Uniform { low: -0.5, high: 0.5 };
/// let w = init.sample(F32, &[784, 128], 7, "fc1.weight")?;
/// assert_eq!(w.shape(), [784, 128]);
/// assert_eq!(w, init.sample(F32, &[784, 128], 7, "fc1.weight")?);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Init {
    /// All zero.
    Zeros,
    /// All the same.
    Constant(#[serde(with = "crate::float")] f64),
    /// Uniform on `[low, high]` (`high` itself only by rounding).
    Uniform {
        /// The lower bound.
        #[serde(with = "crate::float")]
        low: f64,
        /// The upper bound.
        #[serde(with = "crate::float")]
        high: f64,
    },
    /// Normal with `mean` and standard deviation `std`.
    Normal {
        /// The mean.
        #[serde(with = "crate::float")]
        mean: f64,
        /// The standard deviation, not negative.
        #[serde(with = "crate::float")]
        std: f64,
    },
    /// Uniform on `±gain·√(6/(fan_in + fan_out))`.
    ///
    /// Glorot, Bengio: "Understanding the difficulty of training deep feedforward neural
    /// networks", AISTATS 2010.
    XavierUniform {
        /// The factor, 1 or a [`Nonlinearity::gain`].
        #[serde(with = "crate::float")]
        gain: f64,
    },
    /// Normal with standard deviation `gain·√(2/(fan_in + fan_out))`; see `XavierUniform`.
    XavierNormal {
        /// The factor, 1 or a [`Nonlinearity::gain`].
        #[serde(with = "crate::float")]
        gain: f64,
    },
    /// Uniform on `±gain·√(3/fan)`.
    ///
    /// He, Zhang, Ren, Sun: "Delving deep into rectifiers", ICCV 2015.
    KaimingUniform {
        /// Which fan keeps its variance.
        fan: Fan,
        /// What follows the layer; it gives the gain.
        nonlinearity: Nonlinearity,
    },
    /// Normal with standard deviation `gain/√fan`; see `KaimingUniform`.
    KaimingNormal {
        /// Which fan keeps its variance.
        fan: Fan,
        /// What follows the layer; it gives the gain.
        nonlinearity: Nonlinearity,
    },
    /// Normal with `mean` and `std`, but never outside `[low, high]`. The bounds are values, not numbers
    /// of standard deviations; PyTorch's defaults are 0, 1, -2 and 2.
    TruncatedNormal {
        /// The mean of the normal distribution that is cut.
        #[serde(with = "crate::float")]
        mean: f64,
        /// Its standard deviation, above 0.
        #[serde(with = "crate::float")]
        std: f64,
        /// The lower bound, or `-∞`.
        #[serde(with = "crate::float")]
        low: f64,
        /// The upper bound, or `∞`.
        #[serde(with = "crate::float")]
        high: f64,
    },
    /// A weight `[…receptive field, in, out]`, taken as a matrix of `out` columns, with orthogonal
    /// columns of length `gain`, or with such rows where it has fewer rows than columns; evenly
    /// distributed over all of these.
    ///
    /// Saxe, McClelland, Ganguli: "Exact solutions to the nonlinear dynamics of learning in deep linear
    /// neural networks", ICLR 2014.
    Orthogonal {
        /// The factor, 1 or a [`Nonlinearity::gain`].
        #[serde(with = "crate::float")]
        gain: f64,
    },
    /// The norms of another parameter's columns; see [`Init::norms`].
    Norms {
        /// That parameter's name.
        of: Name,
        /// Its shape, `[…, out]`.
        shape: Vec<usize>,
        /// Its initialiser.
        init: Box<Init>,
    },
    /// These values.
    Literal(Tensor),
}

/// Which way the variance is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fan {
    /// In the forward pass: the number of inputs of one output.
    #[default]
    In,
    /// In the backward pass: the number of outputs of one input.
    Out,
}

/// What follows a layer, for its gain: the values of PyTorch's `nn.init.calculate_gain`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Nonlinearity {
    /// Nothing: 1.
    Linear,
    /// 1.
    Sigmoid,
    /// 5/3.
    Tanh,
    /// √2.
    Relu,
    /// `√(2/(1 + slope²))`.
    LeakyRelu(#[serde(with = "crate::float")] f64),
    /// 3/4.
    Selu,
}

impl Nonlinearity {
    /// The factor that keeps the variance.
    ///
    /// ```
    /// use dl_core::nn::Nonlinearity;
    /// assert_eq!(Nonlinearity::Relu.gain(), 2f64.sqrt());
    /// ```
    pub fn gain(self) -> f64 {
        match self {
            Nonlinearity::Linear | Nonlinearity::Sigmoid => 1.0,
            Nonlinearity::Tanh => 5.0 / 3.0,
            Nonlinearity::Relu => std::f64::consts::SQRT_2,
            Nonlinearity::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Nonlinearity::Selu => 0.75,
        }
    }
}

/// What an initialiser comes down to for a given shape.
enum Distribution<'a> {
    Constant(f64),
    Uniform { low: f64, high: f64 },
    Normal { mean: f64, std: f64 },
    Truncated(truncated::Normal),
    Orthogonal { rows: usize, columns: usize, gain: f64 },
    Norms(Columns<'a>),
    Literal(&'a Tensor),
}

impl Init {
    /// All one.
    pub fn ones() -> Init {
        Init::Constant(1.0)
    }

    /// First values for the parameter `name`: they depend on the seed, the name and the shape and on
    /// nothing else, so adding a layer changes no other one.
    ///
    /// Elements `2k` and `2k + 1` (row-major) share block `k` of Philox 4x32-10, keyed by `seed`, on
    /// the stream FNV-1a-64(`name`): two uniforms of 53 bits, or their two Box–Muller normals. They
    /// are computed in `f64` by portable functions and rounded to `dtype`.
    ///
    /// # Errors
    /// When the distribution does not fit the element type or the shape, or has bad parameters.
    pub fn sample(&self, dtype: DType, shape: &[usize], seed: u64, name: &str) -> error::Result<Tensor> {
        let (count, distribution) = self
            .resolve(dtype, shape)
            .map_err(|why| Error::value(format!("initialiser of {name}: {why}")))?;
        let stream = fnv1a(name.as_bytes());
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|_| {
            Error::value(format!("initialiser of {name}: shape {shape:?} does not fit into memory"))
        })?;
        match distribution {
            Distribution::Literal(tensor) => return Ok(tensor.clone()),
            Distribution::Constant(value) => values.resize(count, value),
            Distribution::Norms(columns) => values = columns.sample(dtype, seed)?,
            Distribution::Uniform { low, high } => {
                fill(&mut values, count, |k| uniforms(seed, stream, k).map(|u| low + (high - low) * u));
            }
            Distribution::Normal { mean, std } => {
                fill(&mut values, count, |k| normals(seed, stream, k).map(|z| mean + std * z));
            }
            Distribution::Truncated(normal) => {
                fill(&mut values, count, |k| uniforms(seed, stream, k).map(|u| normal.at(u)));
            }
            Distribution::Orthogonal { rows, columns, gain } => {
                fill(&mut values, count, |k| normals(seed, stream, k));
                orthogonal::orthogonalize(&mut values, rows, columns);
                values.iter_mut().for_each(|x| *x *= gain);
            }
        }
        Tensor::from_f64(dtype, shape, &values)
    }

    /// Whether it fits the element type and the shape.
    pub(crate) fn check(&self, dtype: DType, shape: &[usize]) -> Result<(), String> {
        self.resolve(dtype, shape).map(|_| ())
    }

    /// The number of elements and what they are drawn from, or what is wrong.
    fn resolve(&self, dtype: DType, shape: &[usize]) -> Result<(usize, Distribution<'_>), String> {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let count = count.ok_or_else(|| format!("shape {shape:?} has too many elements"))?;
        let normal = |std: f64| Distribution::Normal { mean: 0.0, std };
        let symmetric = |bound: f64| Distribution::Uniform { low: -bound, high: bound };
        let distribution = match *self {
            Init::Zeros => Distribution::Constant(0.0),
            Init::Constant(value) => Distribution::Constant(value),
            Init::Uniform { low, high } => Distribution::Uniform { low, high },
            Init::Normal { mean, std } => Distribution::Normal { mean, std },
            Init::XavierUniform { gain } => symmetric(gain * (6.0 / sum_of_fans(shape)?).sqrt()),
            Init::XavierNormal { gain } => normal(gain * (2.0 / sum_of_fans(shape)?).sqrt()),
            Init::KaimingUniform { fan, nonlinearity } => {
                symmetric(nonlinearity.gain() * (3.0 / fan.of(shape)?).sqrt())
            }
            Init::KaimingNormal { fan, nonlinearity } => normal(nonlinearity.gain() / fan.of(shape)?.sqrt()),
            Init::TruncatedNormal { mean, std, low, high } => {
                Distribution::Truncated(truncated::Normal::new(mean, std, low, high)?)
            }
            Init::Orthogonal { gain } => {
                let columns = *shape.last().filter(|_| shape.len() > 1).ok_or_else(|| {
                    format!("orthogonal of shape {shape:?}: a weight has at least two axes, [in, out]")
                })?;
                let rows = shape[..shape.len() - 1].iter().product();
                Distribution::Orthogonal { rows, columns, gain }
            }
            Init::Norms { ref of, ref shape, ref init } => Distribution::Norms(Columns { of, shape, init }),
            Init::Literal(ref tensor) => Distribution::Literal(tensor),
        };
        distribution.check(dtype, shape, count)?;
        Ok((count, distribution))
    }
}

impl Distribution<'_> {
    fn check(&self, dtype: DType, shape: &[usize], count: usize) -> Result<(), String> {
        let fits = match *self {
            Distribution::Literal(t) if t.dtype() != dtype || t.shape() != shape => {
                return Err(format!("expected {dtype} {shape:?}, got {} {:?}", t.dtype(), t.shape()));
            }
            Distribution::Constant(value) => {
                return if holds(dtype, value) {
                    Ok(())
                } else {
                    Err(format!("constant {value} does not fit {dtype}"))
                };
            }
            Distribution::Norms(columns) => return columns.check(dtype, shape),
            Distribution::Literal(_) => return Ok(()),
            Distribution::Truncated(ref normal) => in_range(dtype, normal.largest()),
            Distribution::Orthogonal { gain, .. } => in_range(dtype, gain),
            Distribution::Uniform { low, high } => {
                low <= high && in_range(dtype, low) && in_range(dtype, high)
            }
            // No sample of 53 bits is further from the mean than ten standard deviations.
            Distribution::Normal { mean, std } => std >= 0.0 && in_range(dtype, mean.abs() + 10.0 * std),
        };
        if !dtype.is_float() {
            return Err(format!("random numbers of {dtype}: f32 or f64 is needed"));
        }
        // A fan is zero only where there is no element, and then its infinite bound reaches nobody.
        if fits || count == 0 { Ok(()) } else { Err(format!("{} as {dtype}", self.misuse())) }
    }

    fn misuse(&self) -> String {
        match self {
            Distribution::Uniform { low, high } => {
                format!("uniform on [{low}, {high}]: bounds in this order are needed that are finite")
            }
            Distribution::Normal { mean, std } => {
                format!(
                    "normal with mean {mean} and std {std}: std ≥ 0 is needed, and numbers that are finite"
                )
            }
            Distribution::Orthogonal { gain, .. } => {
                format!("orthogonal with gain {gain}: a number is needed that is finite")
            }
            Distribution::Truncated(normal) => {
                format!("truncated normal up to {}: numbers are needed that are finite", normal.largest())
            }
            Distribution::Constant(_) | Distribution::Norms(_) | Distribution::Literal(_) => {
                "a value that fits is needed".into()
            }
        }
    }
}

/// Whether elements of `dtype` can be `value`, up to rounding; nothing starts as NaN.
fn holds(dtype: DType, value: f64) -> bool {
    let whole = value.fract() == 0.0;
    match dtype {
        DType::F32 => !value.is_nan() && (value.is_infinite() || (value as f32).is_finite()),
        DType::F64 => !value.is_nan(),
        // The upper end itself rounds to a float above it.
        DType::I64 => whole && value >= i64::MIN as f64 && value < i64::MAX as f64,
        DType::U8 => whole && (0.0..=255.0).contains(&value),
        DType::Bool => value == 0.0 || value == 1.0,
    }
}

fn in_range(dtype: DType, value: f64) -> bool {
    value.is_finite() && holds(dtype, value)
}

impl Fan {
    fn of(self, shape: &[usize]) -> Result<f64, String> {
        let (fan_in, fan_out) = fans(shape)?;
        Ok(if self == Fan::In { fan_in } else { fan_out })
    }
}

/// `(fan_in, fan_out)` of a weight `[…receptive field, in, out]`.
fn fans(shape: &[usize]) -> Result<(f64, f64), String> {
    let [field @ .., inputs, outputs] = shape else {
        return Err(format!("shape {shape:?} has no fan: a weight has at least two axes, [in, out]"));
    };
    let field: f64 = field.iter().map(|&d| d as f64).product();
    Ok((*inputs as f64 * field, *outputs as f64 * field))
}

fn sum_of_fans(shape: &[usize]) -> Result<f64, String> {
    fans(shape).map(|(fan_in, fan_out)| fan_in + fan_out)
}

fn fill(values: &mut Vec<f64>, count: usize, pair: impl Fn(u64) -> [f64; 2]) {
    values.extend((0u64..).flat_map(pair).take(count));
}

/// Two uniform numbers in `[0, 1)` of 53 bits each.
fn uniforms(seed: u64, stream: u64, k: u64) -> [f64; 2] {
    let [a, b, c, d] = block(seed, 0, stream, k).map(u64::from);
    [a << 32 | b, c << 32 | d].map(|bits| (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64))
}

/// Two independent standard normal numbers.
///
/// Box, Muller: "A note on the generation of random normal deviates", Ann. Math. Stat. 29, 1958.
fn normals(seed: u64, stream: u64, k: u64) -> [f64; 2] {
    let [u, v] = uniforms(seed, stream, k);
    // 1 - u is in (0, 1], where the logarithm is finite. libm's functions give the same bits on
    // every platform, the system's do not.
    let radius = (-2.0 * libm::log(1.0 - u)).sqrt();
    let (sin, cos) = libm::sincos(TAU * v);
    [radius * cos, radius * sin]
}

/// The 64-bit hash of Fowler, Noll and Vo (FNV-1a, draft-eastlake-fnv): stable for ever.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
