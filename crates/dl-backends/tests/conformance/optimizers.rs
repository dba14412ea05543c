//! Every optimizer and every schedule trains a small network, on every executor as on the interpreter.

use dl_backends::{Executor, Session};
use dl_core::nn::{
    Accumulate, Adadelta, Adagrad, Adam, AdamW, Adamax, ClipNorm, ClipValue, Groups, Lamb, LearningRate,
    Lion, NAdam, OneCycle, Optimizer, RAdam, RmsProp, Rprop, Schedule, Sgd,
};
use dl_core::{DType, F32, F64, Graph, Init, Named};

use crate::case::differences;
use crate::executors::executors;
use crate::fidelity::promised;
use crate::scene::{Fill, Ready, filled};

const B: Named = Named("B");

/// How many steps are taken: past the first of RAdam, which does not adapt, and past every phase of the
/// schedules.
const STEPS: usize = 12;

fn boxed(optimizer: impl Optimizer + 'static) -> Box<dyn Optimizer> {
    Box::new(optimizer)
}

/// Plain descent at a rate that changes.
fn at(rate: impl Into<LearningRate>) -> Box<dyn Optimizer> {
    boxed(Sgd::new(rate))
}

#[rustfmt::skip]
fn optimizers() -> Vec<(&'static str, Box<dyn Optimizer>)> {
    vec![
        ("sgd", boxed(Sgd::new(0.05))),
        ("sgd, every option", boxed(Sgd::new(0.05).momentum(0.5).dampening(0.25).weight_decay(0.01))),
        ("sgd, nesterov", boxed(Sgd::new(0.05).momentum(0.5).nesterov())),
        ("adagrad", boxed(Adagrad::new(0.1))),
        ("adagrad, every option", boxed(Adagrad::new(0.2).rate_decay(0.1).initial_accumulator(0.1).weight_decay(0.01))),
        ("adadelta", boxed(Adadelta::new(1.0).eps(1e-3))),
        ("rmsprop", boxed(RmsProp::new(0.01))),
        ("rmsprop, every option", boxed(RmsProp::new(0.01).alpha(0.9).centered().momentum(0.5).weight_decay(0.01))),
        ("adam", boxed(Adam::new(0.05))),
        ("adam, every option", boxed(Adam::new(0.05).betas(0.5, 0.75).weight_decay(0.01).amsgrad())),
        ("adamw", boxed(AdamW::new(0.05).amsgrad())),
        ("adamax", boxed(Adamax::new(0.05))),
        ("nadam", boxed(NAdam::new(0.05).weight_decay(0.01).decoupled())),
        ("radam", boxed(RAdam::new(0.05).weight_decay(0.01).decoupled())),
        ("lion", boxed(Lion::new(0.01).weight_decay(0.01))),
        ("lamb", boxed(Lamb::new(0.05))),
        ("rprop", boxed(Rprop::new(0.05))),
        ("clip by norm", boxed(ClipNorm::new(0.5, Sgd::new(0.1)))),
        ("clip by value", boxed(ClipValue::new(0.05, Sgd::new(0.5)))),
        ("accumulated", boxed(Accumulate::new(5, ClipNorm::new(0.5, Adam::new(0.05))))),
        ("groups", boxed(Groups::new(Sgd::new(0.05)).with("*.bias", Adam::new(0.05)))),
        ("step", at(Schedule::step(0.1, 3, 0.5))),
        ("multi-step", at(Schedule::multi_step(0.1, [2, 7], 0.5))),
        ("exponential", at(Schedule::exponential(0.1, 0.9))),
        ("polynomial", at(Schedule::polynomial(0.1, 1.5, 10))),
        ("cosine", at(Schedule::cosine(0.1, 0.01, 10))),
        ("cosine with restarts", at(Schedule::cosine_restarts(0.1, 0.01, 2, 2))),
        ("one cycle", at(OneCycle::new(0.1, 10))),
        ("warm-up, then a number", at(Schedule::linear(0.01, 0.1, 4).then(4, 0.05))),
    ]
}

/// A step of a network with one hidden layer, on a batch of 7.
fn training(float: DType, optimizer: impl Optimizer) -> Ready {
    let g = Graph::new();
    let parameter = |name: &str, sizes: &[usize], stream: u64| {
        g.parameter(name, float, sizes, Init::Literal(filled(float, sizes, Fill::Uniform, stream)))
    };
    let (x, t) = (g.input("x", float, (B, 4)), g.input("t", float, (B, 3)));
    let h = (x.dot(parameter("fc1.weight", &[4, 5], 1)) + parameter("fc1.bias", &[5], 2)).tanh();
    let y = h.dot(parameter("fc2.weight", &[5, 3], 3)) + parameter("fc2.bias", &[3], 4);
    let program = (y - t).square().mean(..).minimize(optimizer).expect("it is well formed");
    let inputs = [("x", [7, 4], 5), ("t", [7, 3], 6)];
    let inputs =
        inputs.map(|(name, sizes, stream)| (name.into(), filled(float, &sizes, Fill::Uniform, stream)));
    Ready { program, inputs: inputs.to_vec(), parameters: vec![] }
}

/// The objective before the first and before the last step.
fn train(ready: &Ready, executor: Box<dyn Executor>) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let mut session = Session::boxed(executor, 7);
    let step = session.compile(&ready.program)?;
    let inputs: Vec<_> = ready.inputs.iter().map(|(name, value)| (&**name, value.view())).collect();
    let mut path = vec![];
    for _ in 0..STEPS {
        path.push(session.run_named(&step, &inputs)?.read("J")?.item()?);
    }
    Ok((path[0], path[STEPS - 1]))
}

#[test]
fn every_optimizer_trains_on_every_executor() {
    let mut wrong = vec![];
    for float in [F32, F64] {
        for (name, optimizer) in optimizers() {
            let ready = training(float, optimizer);
            for (i, executor) in executors().into_iter().enumerate().filter(|(_, e)| e.supports(float)) {
                let who = format!("{name} in {float} on {}", executor.name());
                let found = differences(&ready, executor, promised("composed"), STEPS);
                wrong.extend(found.into_iter().map(|what| format!("{who}: {what}")));
                let (first, last) = train(&ready, executors().swap_remove(i)).expect("it ran before");
                if last >= 0.99 * first {
                    wrong.push(format!("{who}: from {first} to {last}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
