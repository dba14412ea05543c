//! Spectral normalization: weights divided by their largest singular value.

use crate::dim::Dim;
use crate::graph::{Expr, require_float};
use crate::init::Init;
use crate::nn::Mode;
use crate::nn::norm::check_eps;
use crate::stable::norm;

/// Spectral normalization of a weight `[…, in, out]`: `W/σ`, where `σ = uᵀWv` is the largest singular value
/// of the weight as a matrix with `out` rows, as far as power iteration knows it. Shape in, shape out.
///
/// In training, `u ← Wv/‖Wv‖` and `v ← Wᵀu/‖Wᵀu‖` come first, once by default, and are constants to
/// differentiation; the training step keeps them as the state `{path}.u` `[out]` and `{path}.v`. In
/// evaluation they are what the state holds. It begins with random vectors, so that `σ` means something
/// from the first steps of training on. Semantics are those of PyTorch's `parametrizations.spectral_norm`, which
/// iterates 15 times before the first step.
///
/// Miyato, Kataoka, Koyama, Yoshida: "Spectral normalization for generative adversarial networks",
/// ICLR 2018.
///
/// ```
/// use dl_core::{F32, Graph, Init, nn::{Mode, SpectralNorm}};
/// let g = Graph::new();
/// let w = g.parameter("fc.weight", F32, [784, 10], Init::Zeros);
/// let normalized = SpectralNorm::new().apply(w, "fc", Mode::Train);
/// assert_eq!(normalized.shape(), w.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralNorm {
    iterations: usize,
    eps: f64,
}

impl Default for SpectralNorm {
    fn default() -> Self {
        SpectralNorm::new()
    }
}

impl SpectralNorm {
    /// With one iteration a step, and norms of at least `ε = 10⁻¹²`.
    pub fn new() -> SpectralNorm {
        SpectralNorm { iterations: 1, eps: 1e-12 }
    }

    /// With so many iterations a step.
    pub fn iterations(self, iterations: usize) -> SpectralNorm {
        SpectralNorm { iterations, ..self }
    }

    /// With another `ε`, the least norm that vectors are divided by.
    pub fn eps(self, eps: f64) -> SpectralNorm {
        SpectralNorm { eps, ..self }
    }

    /// `weight`, normalized, with the vectors as state at `path`.
    ///
    /// # Errors
    /// Recorded when `weight` holds no floats, has fewer than two axes or an unknown size, or when there is
    /// no iteration.
    #[track_caller]
    pub fn apply<'g>(&self, weight: Expr<'g>, path: &str, mode: Mode) -> Expr<'g> {
        let what = format!("spectral_norm {path}");
        if let Err(poison) = require_float(&what, weight) {
            return poison;
        }
        let (g, dtype, shape) = (weight.graph(), weight.dtype(), weight.shape());
        let _line = g.caller_line();
        let sizes: Option<Vec<usize>> = shape.iter().map(Dim::size).collect();
        let sizes = match sizes.as_deref() {
            Some([field @ .., columns]) if !field.is_empty() => (field.iter().product(), *columns),
            _ => return g.fail(format!("{what} of {shape}: two axes or more of known size are needed")),
        };
        if self.iterations == 0 {
            return g.fail(format!("{what} with 0 iterations: at least one is needed"));
        }
        if !check_eps(&what, weight, self.eps) {
            return g.poison();
        }
        let (rows, columns): (usize, usize) = sizes;
        let vector = |name: &str, size: usize| {
            let std = 1.0 / (size.max(1) as f64).sqrt();
            g.state(&format!("{path}.{name}"), dtype, [size], Init::Normal { mean: 0.0, std })
        };
        let (state_u, state_v) = (vector("u", columns), vector("v", rows));
        let matrix = weight.reshape([rows, columns]);
        let fixed = matrix.stop_gradient();
        let (mut u, mut v) = (state_u, state_v);
        if mode == Mode::Train {
            for _ in 0..self.iterations {
                u = self.unit(v.dot(fixed));
                v = self.unit(fixed.dot(u));
            }
        }
        let normalized = weight / v.dot(matrix).dot(u);
        if mode == Mode::Train { normalized.updating(&[(state_u, u), (state_v, v)]) } else { normalized }
    }

    fn unit<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        x / norm(x, ..).maximum(self.eps)
    }
}
