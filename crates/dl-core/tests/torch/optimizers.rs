//! Ten steps of each optimizer as PyTorch takes them.

use dl_core::interp::evaluate;
use dl_core::nn::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, ClipNorm, ClipValue, Groups, NAdam, Optimizer, RAdam, RmsProp,
    Rprop, Sgd,
};
use dl_core::{Expr, F64, Graph, Init, Name, Program, Tensor, TensorRef};

use super::table::{Case, Table, misfit};

fn boxed(optimizer: impl Optimizer + 'static) -> Box<dyn Optimizer> {
    Box::new(optimizer)
}

fn groups() -> Groups {
    let bias = Sgd::new(0.2).momentum(0.9);
    Groups::new(Sgd::new(0.1).weight_decay(0.1)).with("b", bias)
}

#[rustfmt::skip]
fn optimizers() -> Vec<(&'static str, Box<dyn Optimizer>)> {
    vec![
        ("sgd", boxed(Sgd::new(0.001))),
        ("sgd, lr 0.1", boxed(Sgd::new(0.1))),
        ("sgd, lr 0.1, weight_decay 0.1", boxed(Sgd::new(0.1).weight_decay(0.1))),
        ("sgd, lr 0.1, momentum 0.9", boxed(Sgd::new(0.1).momentum(0.9))),
        ("sgd, lr 0.1, momentum 0.9, dampening 0.25", boxed(Sgd::new(0.1).momentum(0.9).dampening(0.25))),
        ("sgd, lr 0.1, momentum 0.9, nesterov True", boxed(Sgd::new(0.1).momentum(0.9).nesterov())),
        ("sgd, lr 0.1, momentum 0.5, dampening 0.25, weight_decay 0.1",
            boxed(Sgd::new(0.1).momentum(0.5).dampening(0.25).weight_decay(0.1))),
        ("adagrad", boxed(Adagrad::new(0.01))),
        ("adagrad, lr 0.1, lr_decay 0.5", boxed(Adagrad::new(0.1).rate_decay(0.5))),
        ("adagrad, lr 0.1, weight_decay 0.1", boxed(Adagrad::new(0.1).weight_decay(0.1))),
        ("adagrad, lr 0.1, initial_accumulator_value 0.3", boxed(Adagrad::new(0.1).initial_accumulator(0.3))),
        ("adagrad, lr 0.1, eps 0.1", boxed(Adagrad::new(0.1).eps(0.1))),
        ("adadelta", boxed(Adadelta::new(1.0))),
        ("adadelta, lr 0.5", boxed(Adadelta::new(0.5))),
        ("adadelta, rho 0.5", boxed(Adadelta::new(1.0).rho(0.5))),
        ("adadelta, eps 0.01", boxed(Adadelta::new(1.0).eps(0.01))),
        ("adadelta, weight_decay 0.1", boxed(Adadelta::new(1.0).weight_decay(0.1))),
        ("rmsprop", boxed(RmsProp::new(0.01))),
        ("rmsprop, alpha 0.5", boxed(RmsProp::new(0.01).alpha(0.5))),
        ("rmsprop, eps 0.1", boxed(RmsProp::new(0.01).eps(0.1))),
        ("rmsprop, weight_decay 0.1", boxed(RmsProp::new(0.01).weight_decay(0.1))),
        ("rmsprop, momentum 0.9", boxed(RmsProp::new(0.01).momentum(0.9))),
        ("rmsprop, centered True", boxed(RmsProp::new(0.01).centered())),
        ("rmsprop, centered True, momentum 0.5, weight_decay 0.1",
            boxed(RmsProp::new(0.01).centered().momentum(0.5).weight_decay(0.1))),
        ("adam", boxed(Adam::new(0.001))),
        ("adam, lr 0.1", boxed(Adam::new(0.1))),
        ("adam, lr 0.1, betas (0.5, 0.75)", boxed(Adam::new(0.1).betas(0.5, 0.75))),
        ("adam, betas (0.0, 0.0)", boxed(Adam::new(0.001).betas(0.0, 0.0))),
        ("adam, eps 0.1", boxed(Adam::new(0.001).eps(0.1))),
        ("adam, lr 0.1, weight_decay 0.3", boxed(Adam::new(0.1).weight_decay(0.3))),
        ("adam, lr 0.1, betas (0.5, 0.5), amsgrad True", boxed(Adam::new(0.1).betas(0.5, 0.5).amsgrad())),
        ("adam, lr 0.1, weight_decay 0.3, amsgrad True", boxed(Adam::new(0.1).weight_decay(0.3).amsgrad())),
        ("adamw", boxed(AdamW::new(0.001))),
        ("adamw, lr 0.1", boxed(AdamW::new(0.1))),
        ("adamw, lr 0.1, betas (0.5, 0.75)", boxed(AdamW::new(0.1).betas(0.5, 0.75))),
        ("adamw, betas (0.0, 0.0)", boxed(AdamW::new(0.001).betas(0.0, 0.0))),
        ("adamw, eps 0.1", boxed(AdamW::new(0.001).eps(0.1))),
        ("adamw, lr 0.1, weight_decay 0.3", boxed(AdamW::new(0.1).weight_decay(0.3))),
        ("adamw, lr 0.1, betas (0.5, 0.5), amsgrad True", boxed(AdamW::new(0.1).betas(0.5, 0.5).amsgrad())),
        ("adamw, lr 0.1, weight_decay 0.3, amsgrad True", boxed(AdamW::new(0.1).weight_decay(0.3).amsgrad())),
        ("adamax", boxed(Adamax::new(0.002))),
        ("adamax, lr 0.1, betas (0.5, 0.75)", boxed(Adamax::new(0.1).betas(0.5, 0.75))),
        ("adamax, eps 0.1", boxed(Adamax::new(0.002).eps(0.1))),
        ("adamax, lr 0.1, weight_decay 0.3", boxed(Adamax::new(0.1).weight_decay(0.3))),
        ("nadam", boxed(NAdam::new(0.002))),
        ("nadam, lr 0.1, betas (0.5, 0.75)", boxed(NAdam::new(0.1).betas(0.5, 0.75))),
        ("nadam, eps 0.1", boxed(NAdam::new(0.002).eps(0.1))),
        ("nadam, lr 0.1, weight_decay 0.3", boxed(NAdam::new(0.1).weight_decay(0.3))),
        ("nadam, lr 0.1, weight_decay 0.3, decoupled_weight_decay True",
            boxed(NAdam::new(0.1).weight_decay(0.3).decoupled())),
        ("nadam, momentum_decay 0.5", boxed(NAdam::new(0.002).momentum_decay(0.5))),
        ("radam", boxed(RAdam::new(0.001))),
        ("radam, lr 0.1, betas (0.5, 0.75)", boxed(RAdam::new(0.1).betas(0.5, 0.75))),
        ("radam, lr 0.1, betas (0.5, 0.6)", boxed(RAdam::new(0.1).betas(0.5, 0.6))),
        ("radam, eps 0.1", boxed(RAdam::new(0.001).eps(0.1))),
        ("radam, lr 0.1, weight_decay 0.3", boxed(RAdam::new(0.1).weight_decay(0.3))),
        ("radam, lr 0.1, weight_decay 0.3, decoupled_weight_decay True",
            boxed(RAdam::new(0.1).weight_decay(0.3).decoupled())),
        ("rprop", boxed(Rprop::new(0.01))),
        ("rprop, lr 0.1", boxed(Rprop::new(0.1))),
        ("rprop, etas (0.3, 1.5)", boxed(Rprop::new(0.01).etas(0.3, 1.5))),
        ("rprop, lr 0.5, step_sizes (0.2, 0.4)", boxed(Rprop::new(0.5).step_sizes(0.2, 0.4))),
        ("clip by norm", boxed(ClipNorm::new(1.0, Sgd::new(0.1)))),
        ("clip by a norm never reached", boxed(ClipNorm::new(1e6, Sgd::new(0.1)))),
        ("clip by value", boxed(ClipValue::new(0.5, Adam::new(0.1)))),
        ("clip by norm, then by value", boxed(ClipNorm::new(2.0, ClipValue::new(0.5, Sgd::new(0.1))))),
        ("groups", boxed(groups())),
        ("groups, clip by norm", boxed(ClipNorm::new(1.0, groups()))),
    ]
}

#[test]
fn ten_steps_agree_with_pytorch() {
    let (table, optimizers) = (Table::read(include_str!("optimizers.json")), optimizers());
    table.holds_exactly(optimizers.iter().map(|(name, _)| *name));
    let mut wrong = vec![];
    for (name, optimizer) in optimizers {
        let case = &table.cases[name];
        wrong.extend(misfit(name, &path(case, optimizer), &case.value));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The network of `make/optimizers.py`.
fn objective<'g>(x: Expr<'g>, t: Expr<'g>, w: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    ((x.dot(w) + b).tanh() - t).square().sum(..) + 0.1 * w.square().square().sum(..)
}

/// The elements of `w` and `b` after each of ten steps.
fn path(case: &Case, optimizer: impl Optimizer) -> Tensor {
    let g = Graph::new();
    let input = |name: &str| g.input(name, F64, case.inputs[name].shape());
    let parameter = |name: &str| {
        let first = &case.inputs[name];
        g.parameter(name, F64, first.shape(), Init::Literal(first.clone()))
    };
    let j = objective(input("x"), input("t"), parameter("w"), parameter("b"));
    let program = j.minimize(optimizer).unwrap();
    let mut parameters = program.initial(0).unwrap();
    let mut path = vec![];
    for step in 0..10 {
        parameters = updated(&program, case, &parameters, step);
        for name in ["w", "b"] {
            path.extend(parameters.iter().find(|(n, _)| &**n == name).unwrap().1.to_f64());
        }
    }
    Tensor::new([10, path.len() / 10], path).unwrap()
}

/// All parameters after one step.
fn updated(program: &Program, case: &Case, before: &[(Name, Tensor)], step: u64) -> Vec<(Name, Tensor)> {
    let inputs: Vec<(&str, TensorRef<'_>)> =
        program.inputs().iter().map(|d| (&*d.name, case.inputs[&*d.name].view())).collect();
    evaluate(program, &inputs, before, 0, step).unwrap().updates
}
