//! Examples on a device of its own: gathered there, and read without waiting.
#![cfg(feature = "wgpu")]

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use dl_backends::{Cpu, Executor, Session, Wgpu};
use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Init, Named, Program, Tensor, U8};
use dl_train::{Columns, Epoch, Metric, Observer, Source, Trainer, from_fn, held_out};

const B: Named = Named("B");

/// A perceptron on digits of 8×8, and the program that judges it.
fn digits(g: &Graph, width: usize) -> (Program, Program) {
    let (x, y) = (g.input("x", U8, (B, width)), g.input("y", I64, B));
    let model = nn::dense(x.cast(F32) / 16.0, "layer", 10);
    let loss = nn::cross_entropy(model, y).mean(..);
    let train = loss.named("J").minimize(Sgd::new(0.1)).expect("it can be trained");
    let test = Program::builder(g).output("logits", model).output("J", loss).compile().expect("a program");
    (train, test)
}

/// What a training came to, and how often the host waited for the device.
fn trained(
    executor: impl Executor + 'static,
    on: bool,
    source: &dyn Source,
    width: usize,
) -> (Vec<Tensor>, u64) {
    let g = Graph::new();
    let (train, test) = digits(&g, width);
    let mut trainer = Trainer::new(Session::new(executor, 7), &train)
        .and_then(|trainer| trainer.evaluate_with(&test))
        .and_then(|trainer| trainer.report_evaluation([Metric::accuracy("logits", "y")]))
        .expect("it can be compiled")
        .epochs(20)
        .batch_size(50)
        .shuffle(3)
        .read_every(1000)
        .preloading(on);
    let history = trainer.fit(source, None).expect("it trains");
    let waits = trainer.session().waits();
    assert!(history.epochs[19].train.get("J").is_some_and(|loss| loss < 0.7), "{:?}", history.epochs[19]);
    let test = trainer.evaluate(source).expect("it is judged");
    assert!(test.get("accuracy").is_some_and(|share| share > 0.8), "{test:?}");
    let weights = trainer.session().weights().expect("there are some");
    (weights.into_iter().map(|(_, value)| value).collect(), waits)
}

#[test]
fn batches_that_the_device_gathers_are_those_that_are_uploaded() {
    let digits = dl_data::digits().expect("they are in the crate").train;
    let (uploaded, _) = trained(Wgpu::default(), false, &digits, 64);
    let (gathered, waits) = trained(Wgpu::default(), true, &digits, 64);
    assert_eq!(gathered, uploaded);
    // At most the last loss of each epoch, of 29 steps.
    assert!(waits <= 20, "{waits}");
    // Parts of a source are rows of its columns.
    let (part, _) = held_out(&digits, 0.2, 5).expect("there are enough");
    let (uploaded, _) = trained(Wgpu::default(), false, &part, 64);
    let (gathered, _) = trained(Wgpu::default(), true, &part, 64);
    assert_eq!(gathered, uploaded);
}

/// After each epoch, how often the host has waited.
struct Waits(Rc<RefCell<Vec<u64>>>);

impl Observer for Waits {
    fn epoch(&mut self, _: &Epoch, session: &Session) -> ControlFlow<()> {
        self.0.borrow_mut().push(session.waits());
        ControlFlow::Continue(())
    }
}

#[test]
fn a_thousand_steps_wait_once() {
    let waits = Rc::new(RefCell::new(vec![]));
    let x = Columns::new().column("x", Tensor::vector((0..2000).map(|i| i as f32 / 2000.0).collect()));
    let x = x.expect("a column");
    let g = Graph::new();
    let theta = g.parameter("θ", F32, (), Init::Zeros);
    let step = (g.input("x", F32, B) - theta).square().mean(..).named("J").minimize(Sgd::new(0.01));
    let mut trainer = Trainer::new(Session::new(Wgpu::default(), 7), &step.expect("it can be trained"))
        .expect("it can be compiled")
        .batch_size(2)
        .shuffle(3)
        .read_every(100)
        .epochs(3)
        .observe(Waits(waits.clone()));
    let history = trainer.fit(&x, None).expect("it trains");
    assert_eq!(history.epochs[1].steps, 2000);
    let waits = waits.borrow();
    // The first epoch has the check of the device as well.
    assert!(waits.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{waits:?}");
    let theta = trainer.session().get("θ").and_then(|theta| Ok(theta.item()?)).expect("a number");
    assert!((theta - 0.5).abs() < 0.05, "{theta}");
}

#[test]
fn a_loss_that_is_not_finite_is_found_when_it_arrives() {
    let g = Graph::new();
    let theta = g.parameter("θ", F32, (), Init::Constant(1.0));
    let step = (g.input("x", F32, B) * theta.square().square()).mean(..).named("J").minimize(Sgd::new(1.0));
    let mut trainer = Trainer::new(Session::new(Wgpu::default(), 7), &step.expect("it can be trained"))
        .expect("it can be compiled")
        .batch_size(1)
        .read_every(4);
    let x = Columns::new().column("x", Tensor::vector(vec![1.0f32; 40])).expect("a column");
    let error = trainer.fit(&x, None).expect_err("it diverges");
    assert!(error.is_divergence() && error.to_string().contains("batch 8 of 40"), "{error}");
}

#[test]
fn labels_outside_are_found_before_anything_has_changed() {
    let g = Graph::new();
    let (train, _) = digits(&g, 3);
    let y: Vec<i64> = (0..60).map(|i| if i == 37 { 10 } else { i % 10 }).collect();
    let data = Columns::new()
        .column("x", Tensor::new([60, 3], vec![7u8; 180]).expect("it fits"))
        .and_then(|data| data.column("y", Tensor::vector(y)))
        .expect("columns");
    let told = |on: bool| {
        let mut trainer = Trainer::new(Session::new(Wgpu::default(), 7), &train).expect("it can be compiled");
        trainer = trainer.batch_size(20).preloading(on);
        let error = trainer.fit(&data, None).expect_err("a label is outside").to_string();
        (error, trainer.session().step())
    };
    assert_eq!(told(true), told(false));
    assert!(told(true).0.contains("index 10 at position [17"), "{}", told(true).0);
}

#[test]
fn sources_that_are_not_in_memory_are_fed() {
    let g = Graph::new();
    let theta = g.parameter("θ", F32, (), Init::Zeros);
    let step = (g.input("x", F32, B) - theta).square().mean(..).named("J").minimize(Sgd::new(0.1));
    let step = step.expect("it can be trained");
    let source = from_fn(10, |rows, batch| {
        batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|i| *i as f32)))
    });
    let run = |session: Session| {
        let mut trainer = Trainer::new(session, &step).expect("it can be compiled").batch_size(5).epochs(30);
        trainer.fit(&source, None).expect("it trains");
        trainer.session().get("θ").and_then(|theta| Ok(theta.item()?)).expect("a number")
    };
    let (device, host) = (run(Session::new(Wgpu::default(), 7)), run(Session::new(Cpu::default(), 7)));
    assert!((device - host).abs() < 1e-5, "{device} {host}");
}
