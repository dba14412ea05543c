//! Batch normalization.

use crate::graph::Expr;
use crate::init::Init;
use crate::nn::Mode;
use crate::nn::norm::{
    EPS, Momentum, Running, Standardized, affine, check_eps, count, last_sizes, standardized, unbiased,
};

/// Batch normalization: each channel (the last axis) less its mean over all examples and places, divided by
/// its standard deviation, then `weight · x̂ + bias`. Shape in, shape out: `[B, C]`, `[B, T, C]`, `[B, H, W, C]`.
///
/// In training, mean and (biased) variance are those of the batch, and the training step also moves the
/// state `{path}.running_mean` and `{path}.running_var`, both `[C]`, by `momentum` towards the batch's mean
/// and unbiased variance. In evaluation these running statistics take the batch's place. Parameters are
/// `{path}.weight` and `{path}.bias`, both `[C]`. Semantics and defaults are those of PyTorch's
/// `BatchNorm1d`, `2d` and `3d`.
///
/// A second layer of the same path shares parameters and statistics; where one training step computes both,
/// the statistics move twice, in the order in which the layers were written ([`Expr::updating`]).
/// A batch of one value for each channel is refused where that is known before the run; where it is not, its
/// variance counts as 0.
///
/// Ioffe, Szegedy: "Batch normalization: accelerating deep network training by reducing internal covariate
/// shift", ICML 2015.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{self, BatchNorm, Mode, Sgd}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 16));
/// let y = BatchNorm::new().apply(x, "bn", Mode::Train);
/// let step = y.square().mean(..).minimize(Sgd::new(0.1))?;
/// let updated: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
/// assert_eq!(updated, ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    momentum: Momentum,
    eps: f64,
    affine: bool,
    tracking: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        BatchNorm::new()
    }
}

impl BatchNorm {
    /// With `ε = 10⁻⁵`, a momentum of 0.1, a weight and a bias.
    pub fn new() -> BatchNorm {
        BatchNorm { momentum: Momentum::Share(0.1), eps: EPS, affine: true, tracking: true }
    }

    /// With another share of the batch in the new running statistics.
    pub fn momentum(self, momentum: f64) -> BatchNorm {
        BatchNorm { momentum: Momentum::Share(momentum), ..self }
    }

    /// Running statistics are the means over all batches so far (PyTorch's `momentum=None`); their number
    /// is the state `{path}.num_batches_tracked`.
    pub fn cumulative(self) -> BatchNorm {
        BatchNorm { momentum: Momentum::Cumulative, ..self }
    }

    /// With another `ε`, added to the variance.
    pub fn eps(self, eps: f64) -> BatchNorm {
        BatchNorm { eps, ..self }
    }

    /// Without weight and bias.
    pub fn without_affine(self) -> BatchNorm {
        BatchNorm { affine: false, ..self }
    }

    /// Without running statistics: the batch's are used in evaluation, too.
    pub fn without_tracking(self) -> BatchNorm {
        BatchNorm { tracking: false, ..self }
    }

    /// The layer at `path`, applied to `x` `[…, C]`.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer than two axes, a last axis of unknown size or, in
    /// training, one value for each channel; when a setting is outside its range; or when the path is
    /// declared with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let what = format!("batch_norm {path}");
        let layer = x.graph().library_layer("batch_norm", path);
        let channels = match last_sizes(&what, x, 2, 1) {
            Ok(sizes) => sizes[0],
            Err(poison) => return poison,
        };
        if !check_eps(&what, x, self.eps) | !self.momentum.check(&what, x) {
            return x.graph().poison();
        }
        let shape = x.shape();
        let axes: Vec<usize> = (0..shape.rank() - 1).collect();
        let n = count(&shape, &axes);
        let running = self.tracking.then(|| Running::declare(x, path, channels, self.momentum));
        let (y, tracked) = match (&running, mode) {
            (Some(running), Mode::Evaluate) => {
                let y = running.apply(x, self.eps);
                (if self.affine { affine(y, path, &[channels], true) } else { y }, None)
            }
            _ if mode == Mode::Train && n.size().is_some_and(|n| n <= 1) => {
                return x.fail(format!(
                    "{what} of {shape} in training: more than one value for each channel is needed"
                ));
            }
            _ => {
                let batch = standardized(x, &axes, self.eps);
                let y = if self.affine { batch.scaled(x, &axes, path, channels) } else { batch.value };
                (y, Some((batch.mean, unbiased(batch.variance, &n))))
            }
        };
        let y = y.called("batch_norm", &[x]);
        layer.output(match (&running, tracked) {
            (Some(running), Some((mean, variance))) => running.updated_with(y, mean, variance),
            _ => y,
        })
    }
}

impl<'g> Standardized<'g> {
    /// `weight · x̂ + bias` with a weight and a bias for each channel.
    ///
    /// Their gradients, the sums of `c` and of `c·x̂` for a cotangent `c`, are all that the gradient by `x` needs
    /// of other places: `weight·(c - mean(c) - x̂·mean(c·x̂))/√(variance + ε)`.
    #[track_caller]
    fn scaled(&self, x: Expr<'g>, axes: &[usize], path: &str, channels: usize) -> Expr<'g> {
        let (g, dtype, shape) = (x.graph(), x.dtype(), x.shape());
        let weight = g.parameter(&format!("{path}.weight"), dtype, [channels], Init::ones());
        let bias = g.parameter(&format!("{path}.bias"), dtype, [channels], Init::Zeros);
        let n = g.extent(dtype, count(&shape, axes));
        (self.value * weight + bias).with_gradient(&[x, weight, bias], |c| {
            // One division for a channel.
            let scale = 1.0 / self.root;
            let value = self.centred * scale;
            let (level, slope) = (c.sum(axes), (c * value).sum(axes));
            [(c - level / n - value * (slope / n)) * (weight * scale), slope, level]
        })
    }
}
