//! Normalization: values, or weights, brought to mean 0 and variance 1, to a mean square of 1, or to a norm of 1.
//!
//! Features and channels are the last axis. Layers that keep running statistics have them as state, which
//! training steps update ([`Expr::updating`]).

mod batch;
mod group;
mod layer;
mod spectral;
mod weight;

pub use batch::BatchNorm;
pub use group::{GroupNorm, InstanceNorm};
pub use layer::{LayerNorm, RmsNorm};
pub use spectral::SpectralNorm;
pub(super) use weight::WeightForm;
pub use weight::weight_norm;

use crate::dim::Dim;
use crate::graph::{Expr, require_float};
use crate::init::Init;
use crate::shape::Shape;

/// PyTorch's `ε` for all but RMS normalization.
const EPS: f64 = 1e-5;

/// A value less its mean and divided by its standard deviation along some axes.
struct Standardized<'g> {
    value: Expr<'g>,
    /// The mean and the variance (over `n`, not `n - 1`) along the axes, which are gone.
    mean: Expr<'g>,
    variance: Expr<'g>,
    /// What is divided by what to be the value: `x - mean`, and `√(variance + ε)` along the kept axes.
    centred: Expr<'g>,
    root: Expr<'g>,
}

/// `(x - mean)/√(variance + ε)` along `axes`: the variance is the mean square of what is centred, so that
/// no digits cancel.
fn standardized<'g>(x: Expr<'g>, axes: &[usize], eps: f64) -> Standardized<'g> {
    let shape = x.shape();
    let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(axis)).collect();
    let along = |each: Expr<'g>| each.broadcast_along(&kept, &shape);
    let mean = x.mean(axes);
    let centred = x - along(mean);
    let variance = centred.square().mean(axes);
    let root = (variance + eps).sqrt();
    let value = centred / along(root);
    Standardized { value, mean, variance, centred, root }
}

/// The unbiased variance of `n` values whose variance is given; 0 where there is one value.
fn unbiased<'g>(variance: Expr<'g>, n: &Dim) -> Expr<'g> {
    let n = variance.graph().extent(variance.dtype(), n);
    variance * (n / (n - 1.0).maximum(1.0))
}

/// The number of elements along `axes` for each place on the others.
fn count(shape: &Shape, axes: &[usize]) -> Dim {
    axes.iter().fold(Dim::Size(1), |n, axis| &n * &shape[*axis])
}

/// Running statistics of a layer at `path`: how much of a new value goes into them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Momentum {
    /// This share.
    Share(f64),
    /// As much as makes them means over all batches.
    Cumulative,
}

impl Momentum {
    fn check(self, what: &str, x: Expr<'_>) -> bool {
        match self {
            Momentum::Share(share) if !(0.0..=1.0).contains(&share) => {
                x.graph().fail(format!("{what} with momentum {share}: a number in [0, 1] is needed"));
                false
            }
            _ => true,
        }
    }
}

/// The running mean and variance of a layer, for each of its channels.
struct Running<'g> {
    mean: Expr<'g>,
    variance: Expr<'g>,
    batches: Option<Expr<'g>>,
    momentum: Momentum,
}

impl<'g> Running<'g> {
    #[track_caller]
    fn declare(x: Expr<'g>, path: &str, channels: usize, momentum: Momentum) -> Running<'g> {
        let (g, dtype) = (x.graph(), x.dtype());
        let mean = g.state(&format!("{path}.running_mean"), dtype, [channels], Init::Zeros);
        let variance = g.state(&format!("{path}.running_var"), dtype, [channels], Init::ones());
        let batches = (momentum == Momentum::Cumulative)
            .then(|| g.state(&format!("{path}.num_batches_tracked"), dtype, (), Init::Zeros));
        Running { mean, variance, batches, momentum }
    }

    /// `x` by the running statistics.
    #[track_caller]
    fn apply(&self, x: Expr<'g>, eps: f64) -> Expr<'g> {
        (x - self.mean) / (self.variance + eps).sqrt()
    }

    /// `y`, with a step of the statistics towards those of a batch.
    #[track_caller]
    fn updated_with(&self, y: Expr<'g>, mean: Expr<'g>, variance: Expr<'g>) -> Expr<'g> {
        let mixed = |old: Expr<'g>, new: Expr<'g>| match (self.momentum, self.batches) {
            (Momentum::Share(share), _) => (1.0 - share) * old + share * new,
            (Momentum::Cumulative, Some(batches)) => old + (new - old) / (batches + 1.0),
            (Momentum::Cumulative, None) => old,
        };
        let mut updates =
            vec![(self.mean, mixed(self.mean, mean)), (self.variance, mixed(self.variance, variance))];
        updates.extend(self.batches.map(|batches| (batches, batches + 1.0)));
        y.updating(&updates)
    }
}

/// `weight · y + bias` for a weight and a bias declared at `path`, of the shape `over`, the last axes of `y`.
#[track_caller]
fn affine<'g>(y: Expr<'g>, path: &str, over: &[usize], bias: bool) -> Expr<'g> {
    let (g, dtype) = (y.graph(), y.dtype());
    let y = y * g.parameter(&format!("{path}.weight"), dtype, over, Init::ones());
    if bias { y + g.parameter(&format!("{path}.bias"), dtype, over, Init::Zeros) } else { y }
}

/// The sizes of the last `axes` axes of `x`, which holds floats and has at least `rank` axes; otherwise what
/// is wrong is recorded.
#[track_caller]
fn last_sizes<'g>(what: &str, x: Expr<'g>, rank: usize, axes: usize) -> Result<Vec<usize>, Expr<'g>> {
    require_float(what, x)?;
    let shape = x.shape();
    if shape.rank() < rank.max(axes) {
        let needed = rank.max(axes);
        return Err(x.graph().fail(format!("{what} of {shape}: at least {needed} axes are needed")));
    }
    let sizes: Option<Vec<usize>> = shape[shape.rank() - axes..].iter().map(Dim::size).collect();
    sizes.ok_or_else(|| {
        let needed = match axes {
            1 => "a last axis of known size is needed".into(),
            n => format!("{n} last axes of known size are needed"),
        };
        x.graph().fail(format!("{what} of {shape}: {needed}"))
    })
}

/// Whether `eps` may be added to a variance; records why not.
#[track_caller]
fn check_eps(what: &str, x: Expr<'_>, eps: f64) -> bool {
    let fits = eps.is_finite() && eps >= 0.0;
    if !fits {
        x.graph().fail(format!("{what} with eps {eps}: at least 0 is needed"));
    }
    fits
}
