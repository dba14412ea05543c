//! Layers: functions that declare their parameters by path and return an expression.

use crate::graph::{Axes, Expr};
use crate::nn::norm::WeightForm;
use crate::nn::{Fan, Init, Nonlinearity, SpectralNorm, require_float};
use crate::ops::Clock;

/// A fully connected layer, `x·W + b`, with PyTorch's default initialisation; [`Dense`] has options.
///
/// Declares `{path}.weight` `[in, out]` and `{path}.bias` `[out]` of `x`'s element type. A second
/// layer of the same path and sizes shares them.
///
/// Shapes: `x` is `[…, in]`, the result `[…, out]`.
///
/// # Errors
/// Recorded when `x` holds no floats or the size of its last axis is not known, or when the path is
/// declared with other sizes.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 784));
/// let h = nn::dense(x, "fc1", 128).relu();
/// assert_eq!(h.shape().to_string(), "[B, 128]");
/// assert_eq!(g.parameters().len(), 2);
/// ```
#[track_caller]
pub fn dense<'g>(x: Expr<'g>, path: &str, out: usize) -> Expr<'g> {
    Dense::new(out).apply(x, path)
}

/// A fully connected layer with options.
///
/// ```
/// use dl_core::{F32, Graph, Init, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 784));
/// let plain = nn::Dense::new(128).weight(Init::XavierUniform { gain: 1.0 }).without_bias();
/// plain.apply(x, "fc1");
/// assert_eq!(g.parameters().len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    out: usize,
    weight: Init,
    form: WeightForm,
    bias: Option<Bias>,
}

/// How a bias starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bias {
    /// Uniform on `±1/√in`, as for the weight.
    Uniform,
    /// By an initialiser.
    Given(Init),
}

impl Dense {
    /// A layer of `out` outputs with a bias, both uniform on `±1/√in`: what PyTorch's `Linear` does
    /// (Kaiming uniform with slope √5).
    pub fn new(out: usize) -> Dense {
        let nonlinearity = Nonlinearity::LeakyRelu(5f64.sqrt());
        let weight = Init::KaimingUniform { fan: Fan::In, nonlinearity };
        Dense { out, weight, form: WeightForm::Plain, bias: Some(Bias::Uniform) }
    }

    /// With another initialiser of the weight.
    pub fn weight(self, init: Init) -> Dense {
        Dense { weight: init, ..self }
    }

    /// With another initialiser of the bias.
    pub fn bias(self, init: Init) -> Dense {
        Dense { bias: Some(Bias::Given(init)), ..self }
    }

    /// Without a bias.
    pub fn without_bias(self) -> Dense {
        Dense { bias: None, ..self }
    }

    /// With a normalized weight ([`weight_norm`](crate::nn::weight_norm)): `{path}.weight_v` `[in, out]`, and
    /// `{path}.weight_g` `[out]`, which starts so that the weight is `{path}.weight_v`.
    pub fn weight_norm(self) -> Dense {
        Dense { form: WeightForm::Normalized, ..self }
    }

    /// With a weight that is divided by its largest singular value ([`SpectralNorm`]), whose state is at
    /// the layer's path.
    pub fn spectral_norm(self, spectral: SpectralNorm, mode: Mode) -> Dense {
        Dense { form: WeightForm::Spectral(spectral, mode), ..self }
    }

    /// The layer at `path`, applied to `x`; see [`dense`].
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        if let Err(poison) = require_float(&format!("dense {path}"), x) {
            return poison;
        }
        let (g, dtype, shape) = (x.graph(), x.dtype(), x.shape());
        let layer = g.library_layer("dense", path);
        let Some(inputs) = shape.last().and_then(|d| d.size()) else {
            return g.fail(format!("dense {path} of {shape}: a last axis of known size is needed"));
        };
        let y = x.dot(self.form.declare(g, path, dtype, (&[inputs, self.out], g.images_of(x)), &self.weight));
        layer.output(match &self.bias {
            Some(bias) if !y.is_poison() => {
                y + g.parameter(&format!("{path}.bias"), dtype, [self.out], bias.init(inputs))
            }
            _ => y,
        })
    }
}

impl Bias {
    /// For a layer each of whose outputs has so many inputs.
    pub(super) fn init(&self, inputs: usize) -> Init {
        match self {
            Bias::Given(init) => init.clone(),
            Bias::Uniform if inputs == 0 => Init::Zeros,
            Bias::Uniform => {
                let bound = 1.0 / (inputs as f64).sqrt();
                Init::Uniform { low: -bound, high: bound }
            }
        }
    }
}

/// What a model is built for. A model is a function, and this is one of its arguments: the training
/// step and the evaluation are two programs over the same parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With the noise that training wants.
    Train,
    /// Without it.
    Evaluate,
}

/// Dropout: in training each element is zero with probability `p`, and divided by `1 - p` otherwise,
/// so that its expectation stays; in evaluation it is `x` itself. Shape in, shape out.
///
/// Fresh at every step; the numbers depend on the session's seed, the step and the place of the
/// dropout in the program (see [`Graph::random`](crate::Graph::random)), on every backend alike.
///
/// Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: "Dropout", JMLR 15, 2014, in the
/// inverted form.
///
/// # Errors
/// Recorded when `p` is outside `[0, 1)` or `x` holds no floats.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{self, Mode}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 128));
/// assert_eq!(nn::dropout(x, 0.5, Mode::Train).shape(), x.shape());
/// assert_eq!(nn::dropout(x, 0.5, Mode::Evaluate), x);
/// ```
#[track_caller]
pub fn dropout<'g>(x: Expr<'g>, p: f64, mode: Mode) -> Expr<'g> {
    Dropout::new(p).apply(x, mode)
}

/// Dropout with options; see [`dropout`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::{Dropout, Mode}};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 128));
/// // Predictions that differ from run to run (Gal, Ghahramani: "Dropout as a Bayesian approximation",
/// // ICML 2016): the program updates nothing, and is built for training.
/// let sampled = Dropout::new(0.5).each_run().apply(x, Mode::Train);
/// assert_eq!(sampled.shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
    clock: Clock,
}

impl Dropout {
    /// Each element is zero with probability `p`; other ones are chosen at every training step.
    pub fn new(p: f64) -> Dropout {
        Dropout { p, clock: Clock::Step }
    }

    /// Other ones are chosen at every run of a session, also of programs that update nothing. A session
    /// that resumes sets its number of runs beside that of its steps.
    pub fn each_run(self) -> Dropout {
        Dropout { clock: Clock::Run, ..self }
    }

    /// `x` with some of its elements zero; see [`dropout`] for errors.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, mode: Mode) -> Expr<'g> {
        dropped("dropout", x, self, &[], mode)
    }
}

/// Spatial dropout: as [`dropout`], but all elements along `axes` stay or go together. Shape in, shape
/// out. Of images `[B, H, W, C]`, `[1, 2]` drops whole channels, as PyTorch's `dropout2d`.
///
/// Tompson, Goroshin, Jain, LeCun, Bregler: "Efficient object localization using convolutional
/// networks", CVPR 2015.
///
/// # Errors
/// Recorded when `p` is outside `[0, 1)`, or `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn::{self, Mode}};
/// let g = Graph::new();
/// let x = g.full(F64, [4, 2], 1.0);
/// let y = interp::eval_expr(nn::spatial_dropout(x, 0.5, 1, Mode::Train), &[])?.to_f64();
/// assert!(y.chunks(2).all(|row| row == [0.0, 0.0] || row == [2.0, 2.0]));
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn spatial_dropout<'g>(x: Expr<'g>, p: f64, axes: impl Axes, mode: Mode) -> Expr<'g> {
    match axes.resolve(x.shape().rank()) {
        Ok(axes) => dropped("spatial_dropout", x, &Dropout::new(p), &axes, mode),
        Err(message) => x.fail(format!("spatial_dropout {message} of {}", x.shape())),
    }
}

/// `x` with one decision for all elements along `axes`.
#[track_caller]
fn dropped<'g>(what: &str, x: Expr<'g>, of: &Dropout, axes: &[usize], mode: Mode) -> Expr<'g> {
    let p = of.p;
    if let Err(poison) = require_float(what, x) {
        return poison;
    }
    if !(0.0..1.0).contains(&p) {
        return x.graph().fail(format!("{what} with p = {p}: a probability in [0, 1) is needed"));
    }
    if mode == Mode::Evaluate || p == 0.0 {
        return x;
    }
    let shape = x.shape();
    let free: Vec<usize> = (0..shape.rank()).filter(|axis| !axes.contains(axis)).collect();
    let kept =
        x.graph().random_by(of.clock, x.dtype(), shape.without(axes)).ge(p).broadcast_along(&free, &shape);
    kept.select(x * (1.0 / (1.0 - p)), 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{faults, gradient, near, value};
    use crate::{F32, F64, Graph, Named, Tensor, U8};
    use expect_test::expect;

    const B: Named = Named("B");

    #[test]
    fn dense_is_a_product_and_a_sum() {
        let g = Graph::new();
        let y = dense(g.input("x", F64, (B, 2)), "fc", 3);
        let data = [
            ("x", Tensor::new([1, 2], vec![1.0, 2.0]).unwrap()),
            ("fc.weight", Tensor::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap()),
            ("fc.bias", Tensor::vector(vec![0.5, 0.0, -0.5])),
        ];
        near(&value(y, &data), &[9.5, 12.0, 14.5]);
    }

    #[test]
    fn both_start_as_in_pytorch() {
        let g = Graph::new();
        dense(g.input("x", F32, (B, 7, 16)), "fc", 500);
        for decl in g.parameter_decls() {
            let v = decl.sample(3).unwrap().to_f64();
            let largest = v.iter().fold(0f64, |m, x| m.max(x.abs()));
            assert!(largest <= 0.25 && largest > 0.245, "{}: {largest}", decl.name);
        }
    }

    #[test]
    fn a_layer_without_inputs_is_its_bias() {
        let g = Graph::new();
        let y = dense(g.input("x", F64, (B, 0)), "fc", 2);
        let inits: Vec<Tensor> = g.parameter_decls().iter().map(|d| d.sample(0).unwrap()).collect();
        let data = [
            ("x", Tensor::zeros(F64, [3, 0])),
            ("fc.weight", inits[0].clone()),
            ("fc.bias", inits[1].clone()),
        ];
        near(&value(y, &data), &[0.0; 6]);
    }

    #[test]
    fn dropout_keeps_the_expectation_and_scales_the_gradient() {
        let g = Graph::new();
        let x = g.input("x", F64, B);
        let y = dropout(x, 0.25, Mode::Train);
        let data = [("x", Tensor::vector(vec![3.0; 20_000]))];
        let v = value(y, &data);
        assert!(v.iter().all(|&e| e == 0.0 || e == 4.0));
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        assert!((mean - 3.0).abs() < 0.05, "{mean}");
        let want: Vec<f64> = v.iter().map(|&e| 2.0 * e / 0.75).collect();
        near(&gradient(y.square().sum(..), x, &data), &want);
    }

    #[test]
    fn two_dropouts_are_two() {
        let g = Graph::new();
        let x = g.input("x", F32, B);
        assert_ne!(dropout(x, 0.5, Mode::Train), dropout(x, 0.5, Mode::Train));
        assert_eq!(dropout(x, 0.0, Mode::Train), x);
    }

    #[test]
    fn misuse_is_recorded_once() {
        let g = Graph::new();
        let x = g.input("x", U8, (B, 784));
        dense(dense(x, "fc1", 128).relu(), "fc2", 10);
        crate::nn::l2(g.parameters().matching("*.weight"));
        dense(g.input("n", F32, (3, B)), "fc3", 1);
        dense(g.input("s", F32, ()), "fc4", 1);
        dense(g.input("a", F32, (B, 2)), "fc5", 1);
        dense(g.input("b", F32, (B, 3)), "fc5", 1);
        dropout(g.input("a", F32, (B, 2)), 1.0, Mode::Evaluate);
        dropout(g.input("a", F32, (B, 2)), f64::NAN, Mode::Train);
        spatial_dropout(g.input("a", F32, (B, 2)), -0.5, 0, Mode::Train);
        spatial_dropout(g.input("a", F32, (B, 2)), 0.5, 2, Mode::Train);
        expect![[r#"
            dense fc1 needs a float (f32 or f64), got u8 [B, 784]: cast it first
            dense fc3 of [3, B]: a last axis of known size is needed
            dense fc4 of []: a last axis of known size is needed
            parameter fc5.weight is declared as f32 [3, 1], before as f32 [2, 1] (or with another initialiser)
            dropout with p = 1: a probability in [0, 1) is needed
            dropout with p = NaN: a probability in [0, 1) is needed
            spatial_dropout with p = -0.5: a probability in [0, 1) is needed
            spatial_dropout along axis 2 of [B, 2]"#]]
        .assert_eq(&faults(&g));
    }
}
