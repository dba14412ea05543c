//! Positional encodings: what tells a sequence's places apart.

use crate::dim::Dim;
use crate::graph::{Expr, require_float};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The sinusoidal encoding of the places of `x` `[…, T, D]`, to be added to it: `[T, D]` of its element type,
/// `sin(t·ω)` and `cos(t·ω)` in turns with `ω = 10000^(-2i/D)` for the pair `i`.
///
/// Vaswani et al.: "Attention is all you need", NeurIPS 2017, section 3.5.
///
/// # Errors
/// Recorded when `x` holds no floats, has fewer than two axes or a last axis of unknown size.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, (Named("T"), 2));
/// let y = interp::eval_expr(x + nn::sinusoidal(x), &[("x", Tensor::zeros(F64, [2, 2]))])?.to_f64();
/// assert_eq!(y, [0.0, 1.0, 1f64.sin(), 1f64.cos()]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn sinusoidal<'g>(x: Expr<'g>) -> Expr<'g> {
    let (length, width) = match sequence("sinusoidal", x) {
        Ok(sizes) => sizes,
        Err(poison) => return poison,
    };
    let _line = x.graph().caller_line();
    let angles = angles(x, &length, width, 10_000.0);
    let last = |e: Expr<'g>| e.unsqueeze(2);
    let pairs = x.graph().concat(2, &[last(angles.sin()), last(angles.cos())]);
    let even = width.next_multiple_of(2);
    pairs.reshape(Shape::from([length, Dim::from(even)])).slice(1, 0, width)
}

/// Rotary positional encoding: pairs of elements of each place `t` of `x` `[…, T, D]` turned by the angle
/// `t·base^(-2i/D)` for the pair `i`, so that products of two places depend on their distance. Shape in,
/// shape out; for queries and keys, before their product.
///
/// Su, Lu, Pan, Murtadha, Wen, Liu: "RoFormer: enhanced transformer with rotary position embedding", 2021,
/// arXiv:2104.09864. A pair is `(2i, 2i + 1)`, as in the paper; with [`halves`](Rotary::halves) it is
/// `(i, i + D/2)`.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn::Rotary};
/// let g = Graph::new();
/// let x = g.input("x", F64, (Named("T"), 2));
/// let ones = Tensor::new([2, 2], vec![1.0, 0.0, 1.0, 0.0])?;
/// let y = interp::eval_expr(Rotary::new().apply(x), &[("x", ones)])?.to_f64();
/// assert_eq!(y, [1.0, 0.0, 1f64.cos(), 1f64.sin()]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotary {
    base: f64,
    halves: bool,
}

impl Default for Rotary {
    fn default() -> Self {
        Rotary::new()
    }
}

impl Rotary {
    /// With the base 10000, and pairs of neighbours.
    pub fn new() -> Rotary {
        Rotary { base: 10_000.0, halves: false }
    }

    /// With another base.
    pub fn base(self, base: f64) -> Rotary {
        Rotary { base, ..self }
    }

    /// With pairs `(i, i + D/2)`.
    pub fn halves(self) -> Rotary {
        Rotary { halves: true, ..self }
    }

    /// `x` with its pairs turned.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer than two axes or a last axis that is no even number, or
    /// when the base is not above 0.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        let (length, width) = match sequence("rotary", x) {
            Ok(sizes) => sizes,
            Err(poison) => return poison,
        };
        let (g, shape) = (x.graph(), x.shape());
        let _line = g.caller_line();
        if !width.is_multiple_of(2) {
            return g.fail(format!("rotary of {shape}: {width} elements are no pairs"));
        }
        if !(self.base.is_finite() && self.base > 0.0) {
            return g.fail(format!("rotary with base {}: more than 0 is needed", self.base));
        }
        let angles = angles(x, &length, width, self.base);
        let rank = shape.rank();
        // Both elements of a pair lie along an axis of size 2, before or after that of the pairs.
        let (half, two) = (Dim::from(width / 2), Dim::from(2));
        let (split, axis) = if self.halves { ([two, half], rank - 1) } else { ([half, two], rank) };
        let apart: Shape = shape[..rank - 1].iter().cloned().chain(split).collect();
        let pairs = x.reshape(&apart);
        let (a, b) = (pairs.slice(axis, 0, 1), pairs.slice(axis, 1, 2));
        let places: [usize; 2] = [rank - 2, if self.halves { rank } else { rank - 1 }];
        let wide = |e: Expr<'g>| e.broadcast_along(&places, &a.shape());
        let (cos, sin) = (wide(angles.cos()), wide(angles.sin()));
        g.concat(axis, &[a * cos - b * sin, a * sin + b * cos]).reshape(shape)
    }
}

/// The length and the width of a sequence of floats.
#[track_caller]
fn sequence<'g>(what: &str, x: Expr<'g>) -> Result<(Dim, usize), Expr<'g>> {
    require_float(what, x)?;
    let shape = x.shape();
    match &shape[..] {
        [.., length, width] if width.size().is_some() => {
            Ok((length.clone(), width.size().unwrap_or_default()))
        }
        _ => Err(x.graph().fail(format!("{what} of {shape}: [..., T, D] with D of known size is needed"))),
    }
}

/// `t·base^(-2i/D)` for each place `t` and pair `i` of `D` elements, the last pair perhaps half.
#[track_caller]
fn angles<'g>(x: Expr<'g>, length: &Dim, width: usize, base: f64) -> Expr<'g> {
    let (g, dtype) = (x.graph(), x.dtype());
    let pairs = width.div_ceil(2);
    let rate = |i: usize| libm::pow(base, -2.0 * i as f64 / width as f64);
    let rates: Vec<f64> = (0..pairs).map(rate).collect();
    let shape = Shape::from([length.clone(), Dim::from(pairs)]);
    match Tensor::from_f64(dtype, [pairs], &rates) {
        Ok(rates) => g.iota(dtype, 0, shape) * g.literal(rates),
        Err(why) => g.fail(format!("rates of {width} elements: {why}")),
    }
}
