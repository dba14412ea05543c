//! Normalization of each example by itself: in groups of channels, or channel by channel.

use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::Mode;
use crate::nn::norm::{EPS, Momentum, Running, affine, check_eps, count, last_sizes, standardized, unbiased};
use crate::shape::Shape;

/// Group normalization: the channels (the last axis) of each example in groups of neighbours, each group less
/// its mean over channels and places and divided by its standard deviation; then `weight · x̂ + bias` with
/// `{path}.weight` and `{path}.bias`, both `[C]`. Shape in, shape out: `[B, …, C]`, examples first.
///
/// The same in training and in evaluation. Semantics and defaults are those of PyTorch's `GroupNorm`.
///
/// Wu, He: "Group normalization", ECCV 2018.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::GroupNorm};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 16));
/// assert_eq!(GroupNorm::new(4).apply(x, "gn").shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNorm {
    groups: usize,
    eps: f64,
    affine: bool,
}

impl GroupNorm {
    /// With `ε = 10⁻⁵`, a weight and a bias.
    pub fn new(groups: usize) -> GroupNorm {
        GroupNorm { groups, eps: EPS, affine: true }
    }

    /// With another `ε`, added to the variance.
    pub fn eps(self, eps: f64) -> GroupNorm {
        GroupNorm { eps, ..self }
    }

    /// Without weight and bias.
    pub fn without_affine(self) -> GroupNorm {
        GroupNorm { affine: false, ..self }
    }

    /// The layer at `path`, applied to `x` `[B, …, C]`.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer than two axes or a last axis of unknown size, when the
    /// channels cannot be divided into as many groups, or when the path is declared with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let what = format!("group_norm {path}");
        let layer = x.graph().library_layer("group_norm", path);
        let channels = match last_sizes(&what, x, 2, 1) {
            Ok(sizes) => sizes[0],
            Err(poison) => return poison,
        };
        if !check_eps(&what, x, self.eps) {
            return x.graph().poison();
        }
        let (shape, groups) = (x.shape(), self.groups);
        if groups == 0 || !channels.is_multiple_of(groups) {
            return x.fail(format!("{what} of {shape}: {channels} channels do not make {groups} groups"));
        }
        let last = shape.rank() - 1;
        let split = [Dim::from(groups), Dim::from(channels / groups)];
        let grouped: Shape = shape[..last].iter().cloned().chain(split).collect();
        let axes: Vec<usize> = (1..last).chain([last + 1]).collect();
        let y = standardized(x.reshape(grouped), &axes, self.eps).value.reshape(shape);
        let y = if self.affine { affine(y, path, &[channels], true) } else { y };
        layer.output(y.called("group_norm", &[x]))
    }
}

/// Instance normalization: each channel of each example less its mean over places and divided by its
/// standard deviation. Shape in, shape out: `[B, T, C]`, `[B, H, W, C]`.
///
/// As in PyTorch's `InstanceNorm1d`, `2d` and `3d`, by default without weight and bias and without running
/// statistics. With statistics (`{path}.running_mean` and `{path}.running_var`, both `[C]`, the means of
/// all examples'), evaluation uses them in the place of the example's own.
///
/// Ulyanov, Vedaldi, Lempitsky: "Instance normalization: the missing ingredient for fast stylization",
/// 2016, arXiv:1607.08022.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{InstanceNorm, Mode}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 16));
/// assert_eq!(InstanceNorm::new().affine().apply(x, "in", Mode::Train).shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceNorm {
    momentum: f64,
    eps: f64,
    affine: bool,
    tracking: bool,
}

impl Default for InstanceNorm {
    fn default() -> Self {
        InstanceNorm::new()
    }
}

impl InstanceNorm {
    /// With `ε = 10⁻⁵`.
    pub fn new() -> InstanceNorm {
        InstanceNorm { momentum: 0.1, eps: EPS, affine: false, tracking: false }
    }

    /// With another `ε`, added to the variance.
    pub fn eps(self, eps: f64) -> InstanceNorm {
        InstanceNorm { eps, ..self }
    }

    /// With `{path}.weight` and `{path}.bias`, both `[C]`.
    pub fn affine(self) -> InstanceNorm {
        InstanceNorm { affine: true, ..self }
    }

    /// With running statistics, which move by the share `momentum` (PyTorch's default is 0.1).
    pub fn tracking(self, momentum: f64) -> InstanceNorm {
        InstanceNorm { tracking: true, momentum, ..self }
    }

    /// The layer at `path`, applied to `x` `[B, …, C]`.
    ///
    /// # Errors
    /// As for [`BatchNorm`](crate::nn::BatchNorm), with three axes at least and, in training, more than one
    /// place.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let what = format!("instance_norm {path}");
        let layer = x.graph().library_layer("instance_norm", path);
        let channels = match last_sizes(&what, x, 3, 1) {
            Ok(sizes) => sizes[0],
            Err(poison) => return poison,
        };
        let momentum = Momentum::Share(self.momentum);
        if !check_eps(&what, x, self.eps) | !momentum.check(&what, x) {
            return x.graph().poison();
        }
        let shape = x.shape();
        let places: Vec<usize> = (1..shape.rank() - 1).collect();
        let n = count(&shape, &places);
        let running = self.tracking.then(|| Running::declare(x, path, channels, momentum));
        let (y, tracked) = match (&running, mode) {
            (Some(running), Mode::Evaluate) => (running.apply(x, self.eps), None),
            _ if mode == Mode::Train && n.size().is_some_and(|n| n <= 1) => {
                return x.fail(format!("{what} of {shape} in training: more than one place is needed"));
            }
            _ => {
                let each = standardized(x, &places, self.eps);
                (each.value, Some((each.mean.mean(0), unbiased(each.variance, &n).mean(0))))
            }
        };
        let y = if self.affine { affine(y, path, &[channels], true) } else { y };
        let y = y.called("instance_norm", &[x]);
        layer.output(match (&running, tracked) {
            (Some(running), Some((mean, variance))) => running.updated_with(y, mean, variance),
            _ => y,
        })
    }
}
