//! What PyTorch's tables do not say of optimizers: papers' formulas as loops, edges, states and rates.

use crate::interp::evaluate;
use crate::nn::{
    Accumulate, Adadelta, Adagrad, Adam, Adamax, ClipNorm, ClipValue, Groups, Lamb, Lion, MaxNorm, NAdam,
    Optimizer, RAdam, RmsProp, Rprop, Schedule, Sgd,
};
use crate::testing::near;
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
fn lion_as_in_its_paper() {
    let lion = |beta1: f64, beta2: f64, decay: f64| {
        move |m: &mut f64, theta: f64, g: f64, _| {
            let c = beta1 * *m + (1.0 - beta1) * g;
            *m = beta2 * *m + (1.0 - beta2) * g;
            theta - 0.02 * (c.signum() + decay * theta)
        }
    };
    check(Lion::new(0.02), lion(0.9, 0.99, 0.0));
    check(Lion::new(0.02).betas(0.6, 0.5).weight_decay(0.3), lion(0.6, 0.5, 0.3));
}

#[test]
fn lamb_as_in_its_paper() {
    let check = |optimizer: Lamb, (b1, b2): (f64, f64), eps: f64, decay: f64| {
        let (mut m, mut v, mut theta, mut path) = ([0.0; 3], [0.0; 3], START, vec![]);
        for t in 1..=STEPS as i32 {
            let mut r = [0.0; 3];
            for i in 0..3 {
                let g = gradient(i, theta[i]);
                m[i] = b1 * m[i] + (1.0 - b1) * g;
                v[i] = b2 * v[i] + (1.0 - b2) * g * g;
                let (m, v): (f64, f64) = (m[i] / (1.0 - b1.powi(t)), v[i] / (1.0 - b2.powi(t)));
                r[i] = m / (v.sqrt() + eps) + decay * theta[i];
            }
            let norm = |x: [f64; 3]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let trust = norm(theta) / norm(r);
            (0..3).for_each(|i| theta[i] -= 0.05 * trust * r[i]);
            path.extend(theta);
        }
        near(&run(&program(F64, optimizer), None), &path);
    };
    check(Lamb::new(0.05), (0.9, 0.999), 1e-6, 0.01);
    check(Lamb::new(0.05).betas(0.5, 0.75).eps(0.1).weight_decay(0.0), (0.5, 0.75), 0.1, 0.0);
}

/// `θ` after one step from `start` with the gradient `slope`.
fn first_step(dtype: DType, optimizer: impl Optimizer, start: f64, slope: f64) -> f64 {
    let g = Graph::new();
    let theta = g.parameter("θ", dtype, (), Init::Constant(start));
    // As data, which may be NaN, where an objective's own numbers may not.
    let target = g.literal(Tensor::from_f64(dtype, [], &[start - slope]).unwrap());
    let program = (0.5 * (theta - target).square()).minimize(optimizer).unwrap();
    let found = evaluate(&program, &[], &program.initial(0).unwrap(), 0, 0).unwrap();
    found.updates.iter().find(|(n, _)| &**n == "θ").unwrap().1.item().unwrap()
}

#[test]
fn lamb_leaves_the_origin() {
    near(&[first_step(F64, Lamb::new(0.5), 0.0, 2.0)], &[-0.5 / (1.0 + 0.5e-6)]);
    assert_eq!(first_step(F64, Lamb::new(0.5), 3.0, 0.0), 3.0 - 0.5 * 3.0);
    assert_eq!(first_step(F64, Lamb::new(0.5).weight_decay(0.0), 3.0, 0.0), 3.0);
}

#[test]
fn small_gradients_still_turn_rprop() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let slope = 1e-200 * (1.0 - 2.0 * g.step().cast(F64));
    let program = (slope * theta).minimize(Rprop::new(1.0)).unwrap();
    let mut parameters = program.initial(0).unwrap();
    for step in 0..2 {
        parameters = evaluate(&program, &[], &parameters, 0, step).unwrap().updates;
    }
    let step = parameters.iter().find(|(n, _)| &**n == "rprop.step(θ)").unwrap();
    assert_eq!(step.1.item().unwrap(), 0.5);
}

#[test]
fn a_centered_square_never_has_a_negative_root() {
    // Of equal gradients the square of the mean is above the mean of squares, by rounding.
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let program = (0.7 * theta).minimize(RmsProp::new(0.01).alpha(0.5).centered()).unwrap();
    let mut parameters = program.initial(0).unwrap();
    for step in 0..100 {
        parameters = evaluate(&program, &[], &parameters, 0, step).unwrap().updates;
    }
    assert!(parameters.iter().all(|(_, value)| value.item().unwrap().is_finite()));
}

#[test]
fn clipping_does_not_overflow() {
    let clipped = ClipNorm::new(2.0, Sgd::new(1.0));
    near(&[first_step(F32, clipped, 0.0, 1e30)], &[-2.0]);
    assert!(first_step(F64, ClipNorm::new(2.0, Sgd::new(1.0)), 0.0, f64::NAN).is_nan());
}

#[test]
fn parameters_without_elements_change_nothing() {
    fn check<O: Optimizer>(optimizer: impl Fn() -> O) {
        let alone = run(&program(F64, optimizer()), None);
        let g = Graph::new();
        let empty = g.parameter("empty", F64, [0, 2], Init::Zeros);
        let start = Tensor::from_f64(F64, [3], &START).unwrap();
        let theta = g.parameter("θ", F64, [3], Init::Literal(start));
        let beside = (objective(theta) + empty.square().sum(..)).minimize(optimizer()).unwrap();
        assert_eq!(run(&beside, None), alone);
        assert!(alone.iter().all(|x| x.is_finite()));
    }
    check(|| Sgd::new(0.01).momentum(0.9));
    check(|| ClipNorm::new(1.0, Sgd::new(0.01)));
    check(|| ClipValue::new(1.0, Sgd::new(0.01)));
    check(|| Groups::new(Adam::new(0.01)).with("*", ClipNorm::new(1.0, Sgd::new(0.01))));
    check(|| MaxNorm::new(Sgd::new(0.01), 1.0).matching("*"));
    check(|| Adagrad::new(0.01));
    check(|| Adadelta::new(0.01));
    check(|| RmsProp::new(0.01).centered());
    check(|| Adam::new(0.01).amsgrad());
    check(|| Adamax::new(0.01));
    check(|| NAdam::new(0.01));
    check(|| RAdam::new(0.01));
    check(|| Lion::new(0.01));
    check(|| Lamb::new(0.01));
    check(|| Rprop::new(0.01));
}

#[test]
fn nothing_is_clipped_where_nothing_is_left() {
    let nothing = Groups::new(ClipNorm::new(1.0, Sgd::new(0.5))).with("*", Sgd::new(0.25));
    assert_eq!(first_step(F64, nothing, 0.0, 8.0), -2.0);
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
    let halved = Schedule::from_fn(|step| 0.01 * (step * -0.5).exp());
    let rates: Vec<f64> = (0..STEPS).map(|t| 0.01 * (t as f64 * -0.5).exp()).collect();
    let want = by_hand(|(): &mut (), theta, g, t| theta - rates[t as usize - 1] * g);
    near(&run(&program(F64, Sgd::new(halved)), None), &want);
    near(&run(&program(F64, Sgd::new("lr")), Some(&rates)), &want);
    let planned = Schedule::step(0.01, 3, 0.5).then(6, 0.002);
    let rates = [0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.002, 0.002, 0.002, 0.002, 0.002, 0.002];
    let want = by_hand(|(): &mut (), theta, g, t| theta - rates[t as usize - 1] * g);
    near(&run(&program(F64, Sgd::new(planned)), None), &want);
}

#[test]
fn accumulated_gradients_make_one_update() {
    let sgd = Sgd::new(0.1).momentum(0.5);
    let want = by_hand(|(sum, n, v): &mut (f64, f64, f64), theta, g, _| {
        (*sum, *n) = (*sum + g, *n + 1.0);
        if *n < 3.0 {
            return theta;
        }
        *v = 0.5 * *v + *sum / 3.0;
        (*sum, *n) = (0.0, 0.0);
        theta - 0.1 * *v
    });
    near(&run(&program(F64, Accumulate::new(3, sgd)), None), &want);
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let error = theta.square().minimize(Accumulate::new(0, Sgd::new(0.1))).unwrap_err().to_string();
    assert!(error.ends_with("accumulation of 0 gradients: at least 1 is needed"), "{error}");
}

#[test]
fn state_is_declared_beside_the_parameter() {
    let program = program(F32, Adam::new("lr"));
    let names: Vec<String> =
        program.parameters().iter().map(|d| format!("{} {} {}", d.name, d.dtype, d.shape)).collect();
    assert_eq!(names.join(", "), "θ f32 [3], adam.m(θ) f32 [3], adam.v(θ) f32 [3], adam.t(θ) f32 []");
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
