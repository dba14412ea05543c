//! What the examples print: the numbers of the tutorial, on the executor that is compiled in.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use dl_backends::{Cpu, Session};
use dl_core::{DType, F32, F64};
use dl_data::{Dataset, Store};
use dl_examples::descent::{self, LAMBDA, RATE, STEPS};
use dl_examples::options::Options;
use dl_examples::perceptron::{Perceptron, Recipe};
use expect_test::expect;

/// `θ` after the tutorial's steps.
fn descended(dtype: DType, lambda: Option<f64>) -> f64 {
    let program = descent::program(dtype, lambda).unwrap();
    let path = descent::run(&mut Session::new(Cpu::default(), 1), &program, STEPS).unwrap();
    assert_eq!(path.len(), STEPS + 1);
    path[STEPS].theta
}

#[test]
fn descent_follows_its_closed_form() {
    for lambda in [None, Some(LAMBDA)] {
        let minimum = descent::minimum(lambda);
        // Each step shrinks the distance to the minimum by 1 - 2α(1 + λ).
        let shrinking = (1.0 - 2.0 * RATE * (1.0 + lambda.unwrap_or(0.0))).powi(STEPS as i32);
        let want = minimum * (1.0 - shrinking);
        let got = descended(F64, lambda);
        assert!((got - want).abs() < 1e-14, "{got} {want}");
        assert!((descended(F32, lambda) - minimum).abs() < 1e-6);
    }
}

#[test]
fn descent_tells_its_derivative_and_its_end() {
    let text = descent::report(&Options::default(), None).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.contains(&"∂J/∂θ = 2·(θ - 3)"), "{text}");
    assert_eq!(lines.last(), Some(&"θ = 3.000000 after 100 steps on cpu; the minimum is at 3.000000"));
    let text = descent::report(&Options::default(), Some(LAMBDA)).unwrap();
    let want = "θ = 2.970297 after 100 steps on cpu; the minimum is at 2.970297";
    assert_eq!(text.lines().last(), Some(want));
}

#[test]
fn a_descent_without_its_backend_is_an_error() {
    let options = Options { backend: "abacus".into(), ..Options::default() };
    let error = descent::report(&options, None).unwrap_err().to_string();
    assert!(error.starts_with("unknown backend abacus; compiled in: cpu"), "{error}");
}

#[test]
fn the_perceptron_shows_the_gradient_of_every_parameter() {
    let program = Perceptron::MNIST.train(&Recipe::TUTORIAL).unwrap();
    let derived: Vec<&str> = program.derivation().iter().map(|d| &*d.name).collect();
    let want = ["h", "logits", "∂J/∂fc1.weight", "∂J/∂fc1.bias", "∂J/∂fc2.weight", "∂J/∂fc2.bias"];
    assert_eq!(derived, want);
    // The right sides are the compiler's, and change with its rules; each of them is there.
    let lines = program.math();
    for name in want {
        let start = format!("{name} = ");
        assert!(lines.lines().any(|line| line.starts_with(&start)), "{lines}");
    }
}

#[test]
fn recipes_are_told_in_words() {
    let wide = Recipe::PRACTICAL.with_batch_size(512);
    let words = format!("{}\n{}\n{wide}", Recipe::TUTORIAL, Recipe::PRACTICAL);
    expect![[r#"
        10 epochs, all images in one batch, learning rate 0.01, momentum 0
        10 epochs, batches of 64, learning rate 0.03, momentum 0.9
        10 epochs, batches of 512, learning rate 0.24, momentum 0.9"#]]
    .assert_eq(&words);
}

/// Test accuracy after `recipe`.
fn accuracy(dataset: &Dataset, recipe: Recipe, seed: u64) -> f64 {
    let model = Perceptron::of(dataset);
    let mut trainer = model.trainer(Box::new(Cpu::default()), &recipe, seed).unwrap();
    trainer.fit(&dataset.train, None).unwrap();
    trainer.evaluate(&dataset.test).unwrap().get("accuracy").unwrap()
}

#[test]
fn the_recipe_fits_the_small_digits_too() {
    let digits = dl_data::digits().unwrap();
    let reached = accuracy(&digits, Recipe { epochs: 5, ..Recipe::PRACTICAL }, 1);
    assert!(reached > 0.85, "{reached}");
}

#[test]
fn one_epoch_of_the_recipe_learns_mnist_where_it_is_at_hand() {
    let mut mnist = match Store::from_env().offline().mnist(&mut |_| ()) {
        Err(error) if error.is_unavailable() => return,
        other => other.unwrap(),
    };
    mnist.train = mnist.train.take(12_800);
    assert_eq!(Perceptron::of(&mnist), Perceptron::MNIST);
    let reached = accuracy(&mnist, Recipe { epochs: 1, ..Recipe::PRACTICAL }, 1);
    assert!(reached > 0.9, "{reached}");
}
