//! Each optimizer's program, step by step, against its formula as a loop over numbers.

use crate::interp::evaluate;
use crate::nn::testing::near;
use crate::nn::{Adam, LearningRate, Optimizer, Sgd};
use crate::{DType, Expr, F32, F64, Graph, Init, Name, Program, Tensor};

const STEPS: u64 = 12;

/// `J = Σ c·(θ - a)⁴ + θ`, whose gradient changes its direction and its scale.
fn objective(theta: Expr<'_>) -> Expr<'_> {
    let like = |v: [f64; 3]| theta.graph().literal(Tensor::from_f64(theta.dtype(), [3], &v).unwrap());
    ((theta - like(A)).square().square() * like(C) + theta).sum(..)
}
const A: [f64; 3] = [1.0, -0.5, 0.0];
const C: [f64; 3] = [0.5, 2.0, 30.0];
const START: [f64; 3] = [0.25, 0.5, -0.75];

fn gradient(i: usize, theta: f64) -> f64 {
    4.0 * C[i] * (theta - A[i]).powi(3) + 1.0
}

fn program(dtype: DType, optimizer: impl Optimizer) -> Program {
    let g = Graph::new();
    let theta = g.parameter("θ", dtype, [3], Init::Literal(Tensor::from_f64(dtype, [3], &START).unwrap()));
    objective(theta).minimize(optimizer).unwrap()
}

/// `θ` after each step.
fn run(program: &Program, rate: Option<&[f64]>) -> Vec<f64> {
    let mut parameters: Vec<(Name, Tensor)> = program.initial(0).unwrap();
    let mut path = vec![];
    for step in 0..STEPS {
        let lr = rate.map(|r| Tensor::scalar(r[step as usize]));
        let inputs: Vec<_> = lr.iter().map(|t| ("lr", t.view())).collect();
        let found = evaluate(program, &inputs, &parameters, 0, step).unwrap();
        parameters = found.updates;
        path.extend(parameters.iter().find(|(n, _)| &**n == "θ").unwrap().1.to_f64());
    }
    path
}

/// The same for `update(state, θ, gradient, t)`, one element at a time; `t` counts from 1.
fn by_hand<S: Default>(mut update: impl FnMut(&mut S, f64, f64, i32) -> f64) -> Vec<f64> {
    let mut states: [S; 3] = Default::default();
    let mut theta = START;
    let mut path = vec![];
    for t in 1..=STEPS as i32 {
        for i in 0..3 {
            theta[i] = update(&mut states[i], theta[i], gradient(i, theta[i]), t);
        }
        path.extend(theta);
    }
    path
}

fn check<S: Default>(optimizer: impl Optimizer, update: impl FnMut(&mut S, f64, f64, i32) -> f64) {
    near(&run(&program(F64, optimizer), None), &by_hand(update));
}

#[test]
fn plain_sgd() {
    check(Sgd::new(0.01), |(): &mut (), theta, g, _| theta - 0.01 * g);
    check(Sgd::new(0.01).weight_decay(0.5), |(): &mut (), theta, g, _| theta - 0.01 * (g + 0.5 * theta));
}

#[test]
fn momentum() {
    check(Sgd::new(0.01).momentum(0.9), |v: &mut f64, theta, g, _| {
        *v = 0.9 * *v + g;
        theta - 0.01 * *v
    });
    check(Sgd::new(0.01).momentum(0.9).nesterov().weight_decay(0.1), |v: &mut f64, theta, g, _| {
        let g = g + 0.1 * theta;
        *v = 0.9 * *v + g;
        theta - 0.01 * (g + 0.9 * *v)
    });
}

#[test]
fn the_first_velocity_is_not_damped() {
    check(Sgd::new(0.01).momentum(0.5).dampening(0.25), |v: &mut f64, theta, g, t| {
        *v = if t == 1 { g } else { 0.5 * *v + 0.75 * g };
        theta - 0.01 * *v
    });
}

/// As PyTorch writes it.
fn adam(
    rate: f64,
    (b1, b2): (f64, f64),
    eps: f64,
    decay: f64,
) -> impl FnMut(&mut (f64, f64), f64, f64, i32) -> f64 {
    move |(m, v), theta, g, t| {
        let g = g + decay * theta;
        *m += (g - *m) * (1.0 - b1);
        *v = b2 * *v + (1.0 - b2) * g * g;
        let denominator = v.sqrt() / (1.0 - b2.powi(t)).sqrt() + eps;
        theta - rate / (1.0 - b1.powi(t)) * (*m / denominator)
    }
}

#[test]
fn adam_as_pytorch() {
    check(Adam::new(0.1), adam(0.1, (0.9, 0.999), 1e-8, 0.0));
    let other = Adam::new(0.1).betas(0.5, 0.75).eps(0.1).weight_decay(0.3);
    check(other, adam(0.1, (0.5, 0.75), 0.1, 0.3));
    check(Adam::new(0.1).betas(0.0, 0.0), adam(0.1, (0.0, 0.0), 1e-8, 0.0));
}

#[test]
fn a_late_adam_corrects_its_bias() {
    let program = program(F64, Adam::new(0.1));
    let fresh = program.initial(0).unwrap();
    let at = |step| evaluate(&program, &[], &fresh, 0, step).unwrap().updates;
    assert_eq!(at(0), at(1000));
}

#[test]
fn rates_by_schedule_and_by_input() {
    let halved = LearningRate::schedule(|step| 0.01 * (step * -0.5).exp());
    let rates: Vec<f64> = (0..STEPS).map(|t| 0.01 * (t as f64 * -0.5).exp()).collect();
    let want = by_hand(|(): &mut (), theta, g, t| theta - rates[t as usize - 1] * g);
    near(&run(&program(F64, Sgd::new(halved)), None), &want);
    near(&run(&program(F64, Sgd::new("lr")), Some(&rates)), &want);
}

#[test]
fn state_is_declared_beside_the_parameter() {
    let program = program(F32, Adam::new("lr"));
    let names: Vec<String> =
        program.parameters().iter().map(|d| format!("{} {} {}", d.name, d.dtype, d.shape)).collect();
    assert_eq!(names.join(", "), "θ f32 [3], adam.m.θ f32 [3], adam.v.θ f32 [3], adam.t.θ f32 []");
    assert_eq!(program.inputs()[0].dtype, F32);
    assert!(program.parameters()[1..].iter().all(|d| !d.trainable));
}

#[test]
fn one_rate_for_two_element_types() {
    let g = Graph::new();
    let (a, b) = (g.parameter("a", F32, (), Init::Zeros), g.parameter("b", F64, (), Init::Zeros));
    let j = (a.cast(F64) - b - 1.0).square();
    j.minimize(Sgd::new("lr")).unwrap();
}
