//! Optimizers in derivations: as their papers write them, and line by line the same numbers.

use expect_test::expect;

use crate::derive::{Derivation, Kind, Line};
use crate::interp::evaluate;
use crate::nn::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, ClipValue, Lion, NAdam, Optimizer, RAdam, RmsProp, Sgd,
};
use crate::{F64, Graph, Init, Name, Program, Tensor};

/// The values of a program's updates and outputs, by name; state that is not there yet is as it begins.
fn values(program: &Program, known: &[(Name, f64)]) -> Vec<(Name, f64)> {
    let given = |name: &str| known.iter().find(|(other, _)| **other == *name).map(|(_, value)| *value);
    let tensor = |value: f64| Tensor::scalar(value);
    let inputs: Vec<(Name, Tensor)> =
        program.inputs().iter().map(|d| (d.name.clone(), tensor(given(&d.name).unwrap()))).collect();
    let inputs: Vec<(&str, _)> = inputs.iter().map(|(name, value)| (&**name, value.view())).collect();
    let first =
        |d: &crate::graph::ParameterDecl| d.init.sample(F64, &[], 0, &d.name).unwrap().item().unwrap();
    let parameters: Vec<(Name, Tensor)> = program
        .parameters()
        .iter()
        .map(|d| (d.name.clone(), tensor(given(&d.name).unwrap_or_else(|| first(d)))))
        .collect();
    let found = evaluate(program, &inputs, &parameters, 0, 0).unwrap();
    let all = found.updates.iter().chain(&found.outputs);
    all.map(|(name, value)| (name.clone(), value.item().unwrap())).collect()
}

/// The lines of an optimizer for `(w - 3)²`.
fn updates_of(optimizer: impl Optimizer) -> String {
    let g = Graph::new();
    let w = g.parameter("w", F64, (), Init::Constant(0.5));
    let derivation = Derivation::of((w - 3.0).square(), &[w]).unwrap().with_updates(&optimizer).unwrap();
    let lines = derivation.lines().iter();
    let lines = lines.filter(|line| matches!(line.kind(), Kind::Update | Kind::Setting));
    lines.map(Line::math).collect::<Vec<_>>().join("\n")
}

#[test]
fn optimizers_as_their_papers_write_them() {
    expect![[r#"
        v ← μ·v + (∂J/∂w + λ·w)
        w ← w - α·v
        α = 0.1
        μ = 0.9
        λ = 0.01"#]]
    .assert_eq(&updates_of(Sgd::new(0.1).momentum(0.9).weight_decay(0.01)));
    expect![[r#"
        v ← μ·v + ∂J/∂w
        w ← w - α·(∂J/∂w + μ·v)
        α = 0.1
        μ = 0.9"#]]
    .assert_eq(&updates_of(Sgd::new(0.1).momentum(0.9).nesterov()));
    expect![[r#"
        v ← (∂J/∂w if t = 0 else μ·v + (1 - τ)·∂J/∂w)
        t ← t + 1
        w ← w - α·v
        α = 0.1
        μ = 0.9
        τ = 0.5"#]]
    .assert_eq(&updates_of(Sgd::new(0.1).momentum(0.9).dampening(0.5)));
    expect![[r#"
        m ← β₁·m + (1 - β₁)·∂J/∂w
        v ← β₂·v + (1 - β₂)·(∂J/∂w)²
        t ← t + 1
        w ← w - α/(1 - β₁^t)·(m/(√v/√(1 - β₂^t) + ε))
        α = 0.001
        β₁ = 0.9
        β₂ = 0.999
        ε = 10⁻⁸"#]]
    .assert_eq(&updates_of(Adam::new(0.001)));
    expect![[r#"
        m ← β₁·m + (1 - β₁)·∂J/∂w
        v ← β₂·v + (1 - β₂)·(∂J/∂w)²
        t ← t + 1
        max ← max(max, v)
        w ← (1 - λ·α)·w - α/(1 - β₁^t)·(m/(√max/√(1 - β₂^t) + ε))
        α = 0.001
        β₁ = 0.9
        β₂ = 0.999
        ε = 10⁻⁸
        λ = 0.01"#]]
    .assert_eq(&updates_of(AdamW::new(0.001).amsgrad()));
    expect![[r#"
        v ← β·v + (1 - β)·(∂J/∂w)²
        g ← β·g + (1 - β)·∂J/∂w
        b ← μ·b + ∂J/∂w/(√relu(v - g²) + ε)
        w ← w - α·b
        α = 0.01
        β = 0.99
        ε = 10⁻⁸
        μ = 0.9"#]]
    .assert_eq(&updates_of(RmsProp::new(0.01).momentum(0.9).centered()));
    expect![[r#"
        s ← s + (∂J/∂w)²
        w ← w - α·(∂J/∂w/(√s + ε))
        α = 0.01
        ε = 10⁻¹⁰"#]]
    .assert_eq(&updates_of(Adagrad::new(0.01)));
    expect![[r#"
        v ← ρ·v + (1 - ρ)·(∂J/∂w)²
        w ← w - α·(√(u + ε)/√(v + ε)·∂J/∂w)
        u ← ρ·u + (1 - ρ)·(√(u + ε)/√(v + ε)·∂J/∂w)²
        α = 1
        ρ = 0.9
        ε = 10⁻⁶"#]]
    .assert_eq(&updates_of(Adadelta::new(1.0)));
    expect![[r#"
        m ← β₁·m + (1 - β₁)·∂J/∂w
        u ← max(β₂·u, |∂J/∂w| + ε)
        t ← t + 1
        w ← w - α/(1 - β₁^t)·(m/u)
        α = 0.002
        β₁ = 0.9
        β₂ = 0.999
        ε = 10⁻⁸"#]]
    .assert_eq(&updates_of(Adamax::new(0.002)));
    expect![[r#"
        w ← w - α·sign(β₁·m + (1 - β₁)·∂J/∂w)
        m ← β₂·m + (1 - β₂)·∂J/∂w
        α = 0.0001
        β₁ = 0.9
        β₂ = 0.99"#]]
    .assert_eq(&updates_of(Lion::new(1e-4)));
    // Neither a schedule nor an optimizer without letters is in the way.
    expect!["w ← w - lr·∂J/∂w"].assert_eq(&updates_of(Sgd::new("lr")));
    expect![[r#"
        t₁ = (-1 if ∂J/∂w < (-1) else ∂J/∂w)
        w ← w - 0.1·(1 if t₁ > 1 else t₁)"#]]
    .assert_eq(&updates_of(ClipValue::new(1.0, Sgd::new(0.1))));
}

/// Each line sees what those before it made: five steps of them are five steps of the optimizer.
#[test]
fn lines_of_optimizers_do_what_the_optimizers_do() {
    let all: [(&str, Box<dyn Optimizer>); 12] = [
        ("sgd", Box::new(Sgd::new(0.1).momentum(0.9).weight_decay(0.01))),
        ("nesterov", Box::new(Sgd::new(0.1).momentum(0.9).nesterov())),
        ("dampened", Box::new(Sgd::new(0.1).momentum(0.9).dampening(0.5))),
        ("adam", Box::new(Adam::new(0.1).weight_decay(0.01))),
        ("adamw", Box::new(AdamW::new(0.1).amsgrad())),
        ("rmsprop", Box::new(RmsProp::new(0.01).momentum(0.9).centered().weight_decay(0.1))),
        ("adagrad", Box::new(Adagrad::new(0.1).rate_decay(0.1).weight_decay(0.1))),
        ("adadelta", Box::new(Adadelta::new(1.0))),
        ("adamax", Box::new(Adamax::new(0.1).weight_decay(0.1))),
        ("lion", Box::new(Lion::new(0.1).weight_decay(0.1))),
        ("nadam", Box::new(NAdam::new(0.1))),
        ("radam", Box::new(RAdam::new(0.1))),
    ];
    for (name, optimizer) in all {
        let g = Graph::new();
        let w = g.parameter("w", F64, (), Init::Constant(0.5));
        let j = (w - 3.0).square();
        let derivation = Derivation::of(j, &[w]).unwrap().with_updates(&optimizer).unwrap();
        let has_letters = derivation.lines().iter().any(|line| line.kind() == Kind::Setting);
        assert_eq!(has_letters, !["nadam", "radam"].contains(&name), "{name}");
        let step = j.minimize(optimizer).unwrap();
        let mut state: Vec<(Name, f64)> = vec![("w".into(), 0.5)];
        let mut real: Vec<(Name, f64)> = state.clone();
        for number in 1..=5 {
            state.retain(|(name, _)| !name.starts_with('∂'));
            let w = state.iter().find(|(name, _)| &**name == "w").unwrap().1;
            state.push(("∂J/∂w".into(), 2.0 * (w - 3.0)));
            for kind in [Kind::Setting, Kind::Update] {
                let together: Vec<(Name, f64)> = state.clone();
                for line in derivation.lines().iter().filter(|line| line.kind() == kind) {
                    let known = if has_letters { &state } else { &together };
                    let (name, value) = values(line.program(), known).remove(0);
                    state.retain(|(other, _)| *other != name);
                    state.push((name, value));
                }
            }
            real = values(&step, &real);
            let of = |all: &[(Name, f64)]| all.iter().find(|(name, _)| &**name == "w").unwrap().1;
            let (lines, right) = (of(&state), of(&real));
            assert!((lines - right).abs() <= 1e-12 * right.abs(), "{name}, step {number}: {lines}, {right}");
        }
    }
}
