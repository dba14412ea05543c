//! Gradient descent on a parabola: `J(θ) = (θ - 3)²`, with or without the regularizer `λθ²`.

use dl_backends::Session;
use dl_core::derive::Derivation;
use dl_core::nn::{self, Sgd};
use dl_core::{DType, Expr, F32, F64, Graph, Init, Program};

use crate::options::Options;

/// The learning rate α.
pub const RATE: f64 = 0.1;

/// How many steps the tutorial takes.
pub const STEPS: usize = 100;

/// The regularization λ of the second program.
pub const LAMBDA: f64 = 0.01;

/// One step of descent: `θ`, a scalar of `dtype` from 0 on, becomes `θ - α·∂J/∂θ`. Without `lambda`
/// the objective `J` is `J₁ = (θ - 3)²`, with it `J₁ + λ·J₂`, where `J₂ = θ²`; each is an output.
///
/// The minimum is at [`minimum`]`(lambda)`.
///
/// # Errors
/// When `dtype` is no float.
pub fn program(dtype: DType, lambda: Option<f64>) -> dl_core::Result<Program> {
    objective(&Graph::new(), dtype, lambda).minimize(Sgd::new(RATE))
}

/// The same as a textbook has it: the objective, its gradient, the step.
///
/// # Errors
/// When `dtype` is no float.
pub fn derivation(dtype: DType, lambda: Option<f64>) -> dl_core::Result<Derivation> {
    let g = Graph::new();
    let j = objective(&g, dtype, lambda);
    Derivation::of(j, &[g.get_parameter("θ")])?.with_updates(&Sgd::new(RATE))
}

/// A page about the same.
///
/// # Errors
/// When `dtype` is no float.
#[cfg(feature = "explain")]
pub fn explanation(
    title: &str,
    dtype: DType,
    lambda: Option<f64>,
) -> dl_core::Result<dl_explain::Explanation> {
    let g = Graph::new();
    crate::explained::explanation(title, objective(&g, dtype, lambda), Sgd::new(RATE))
}

fn objective(g: &Graph, dtype: DType, lambda: Option<f64>) -> Expr<'_> {
    let theta = g.parameter("θ", dtype, (), Init::Zeros);
    let j1 = (theta - 3.0).square();
    match lambda {
        None => j1,
        Some(lambda) => {
            let j2 = nn::l2(g.parameters()).named("J₂");
            j1.named("J₁") + lambda * j2
        }
    }
}

/// Where the objective is smallest: `3/(1 + λ)`.
pub fn minimum(lambda: Option<f64>) -> f64 {
    3.0 / (1.0 + lambda.unwrap_or(0.0))
}

/// `θ` before each of `steps` steps and after the last, with `J` where a step computed it.
///
/// # Errors
/// What the session's executor refuses.
pub fn run(session: &mut Session, program: &Program, steps: usize) -> dl_backends::Result<Vec<Point>> {
    let step = session.compile(program)?;
    let mut path = Vec::with_capacity(steps + 1);
    for _ in 0..steps {
        let theta = session.get("θ")?.item()?;
        let j = session.run(&step, &[])?.read("J")?.item()?;
        path.push(Point { theta, j: Some(j) });
    }
    path.push(Point { theta: session.get("θ")?.item()?, j: None });
    Ok(path)
}

/// A point of the descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The parameter.
    pub theta: f64,
    /// The objective there, if it was computed.
    pub j: Option<f64>,
}

/// What the two examples print: the formulas, the way down, and where it ended.
///
/// In `f64`, or in `f32` where the backend has no doubles.
///
/// # Errors
/// When there is no such backend, or it refuses.
pub fn report(options: &Options, lambda: Option<f64>) -> dl_backends::Result<String> {
    let executor = options.executor()?;
    let dtype = if executor.supports(F64) { F64 } else { F32 };
    let program = program(dtype, lambda)?;
    let mut session = Session::boxed(executor, options.seed);
    let path = run(&mut session, &program, STEPS)?;
    let (derivation, runs) = (options.show_derivation(&derivation(dtype, lambda)?), options.show(&program));
    let mut text = format!("{derivation}\n\nWhat runs:\n\n{runs}\n\n");
    for (step, point) in path.iter().enumerate().step_by(10) {
        let j = point.j.map_or(String::new(), |j| format!("  J = {j:.6}"));
        text += &format!("step {step:3}  θ = {:.6}{j}\n", point.theta);
    }
    let last = path.last().map_or(f64::NAN, |point| point.theta);
    let (backend, minimum) = (session.executor(), minimum(lambda));
    text += &format!("\nθ = {last:.6} after {STEPS} steps on {backend}; the minimum is at {minimum:.6}\n");
    Ok(text)
}
