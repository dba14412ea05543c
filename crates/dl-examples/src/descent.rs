//! Gradient descent on a parabola: `J(θ) = (θ - 3)²`, with or without the regularizer `λθ²`.

use dl_backends::Session;
use dl_core::nn::{self, Sgd};
use dl_core::{DType, F32, F64, Graph, Init, Program};

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
    let g = Graph::new();
    let theta = g.parameter("θ", dtype, (), Init::Zeros);
    let j1 = (theta - 3.0).square();
    match lambda {
        None => j1.minimize(Sgd::new(RATE)),
        Some(lambda) => {
            let j2 = nn::l2(g.parameters()).named("J₂");
            (j1.named("J₁") + lambda * j2).minimize(Sgd::new(RATE))
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
    let program = program(if executor.supports(F64) { F64 } else { F32 }, lambda)?;
    let mut session = Session::boxed(executor, options.seed);
    let path = run(&mut session, &program, STEPS)?;
    let mut text = format!("What a step computes:\n\n{}\n\n", options.show(&program));
    for (step, point) in path.iter().enumerate().step_by(10) {
        let j = point.j.map_or(String::new(), |j| format!("  J = {j:.6}"));
        text += &format!("step {step:3}  θ = {:.6}{j}\n", point.theta);
    }
    let last = path.last().map_or(f64::NAN, |point| point.theta);
    let (backend, minimum) = (session.executor(), minimum(lambda));
    text += &format!("\nθ = {last:.6} after {STEPS} steps on {backend}; the minimum is at {minimum:.6}\n");
    Ok(text)
}
