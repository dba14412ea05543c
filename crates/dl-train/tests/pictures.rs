//! Pictures of a network that learns the 8×8 digits.
#![cfg(all(feature = "cpu", feature = "pictures"))]
#![allow(clippy::unwrap_used)] // shared by tests

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{Expr, F32, Graph, I64, Named, Tensor, U8};
use dl_data::Dataset;
use dl_train::pictures::{self, Findings, Study};
use dl_train::{Columns, Confusion, History, Trainer, from_fn};

const B: Named = Named("B");

struct Trained<'a> {
    digits: Dataset,
    history: History,
    trainer: Trainer<'a>,
    study: Study,
}

fn model<'g>(g: &'g Graph) -> (Expr<'g>, Expr<'g>, Expr<'g>) {
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let logits = nn::dense(nn::dense(x, "fc1", 12).relu(), "fc2", 10);
    (x, logits, nn::cross_entropy(logits, g.input("y", I64, B)).mean(..))
}

fn trained<'a>(epochs: usize) -> Trained<'a> {
    let digits = dl_data::digits().unwrap();
    let g = Graph::new();
    let (x, logits, j) = model(&g);
    let evaluate = dl_core::Program::builder(&g).output("J", j).compile().unwrap();
    let step = j.minimize(Sgd::new(0.1).momentum(0.9)).unwrap();
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step).unwrap();
    trainer = trainer.evaluate_with(&evaluate).unwrap().epochs(epochs).shuffle(7);
    let history = trainer.fit(&digits.train, Some(&digits.test)).unwrap();
    let study = Study::new(x, logits, j).unwrap().shape([8, 8]).classes(&digits.classes);
    Trained { digits, history, trainer, study }
}

fn found(trained: &mut Trained<'_>) -> Findings {
    trained.study.run(trained.trainer.session_mut(), &trained.digits.test).unwrap()
}

#[test]
fn curves_have_every_metric_of_training_and_evaluation() {
    let history = trained(3).history;
    let svg = pictures::learning_curves(&history).svg();
    for text in ["\nJ\n", "\ntrain\n", "\ntest\n", "\nepoch\n"] {
        assert!(svg.contains(text), "{text} {svg}");
    }
    let empty = pictures::learning_curves(&History::default()).svg();
    assert!(empty.contains("nothing to draw"));
}

#[test]
fn evaluations_within_epochs_stand_between_them() {
    let mut history = trained(2).history;
    let mut within = dl_train::Evaluation {
        steps: history.epochs[0].steps + history.epochs[0].steps / 2,
        metrics: [("K", 1.0)].into_iter().collect(),
        seconds: 0.0,
    };
    history.evaluations.push(within.clone());
    within.steps = history.epochs[1].steps;
    history.evaluations.push(within);
    // K was measured after 1.5 epochs and after 2: between those numbers there are marks.
    let svg = pictures::learning_curves(&history).svg();
    let (_, of_k) = svg.split_once("\nK\n").unwrap();
    assert!(of_k.contains("\n1.5\n") && of_k.contains("\n2\n") && !of_k.contains("\n0.5\n"), "{of_k}");
}

#[test]
fn the_study_counts_what_the_network_says() {
    let mut trained = trained(3);
    let findings = found(&mut trained);
    let images = trained.digits.test.images();
    let x = Tensor::new([images.len(), 64], images.as_slice().to_vec()).unwrap();
    let labels: Vec<i64> = trained.digits.test.labels().iter().map(|label| i64::from(*label)).collect();
    let y = Tensor::vector(labels.clone());
    let g = Graph::new();
    let (_, logits, _) = model(&g);
    let program = dl_core::Program::builder(&g).output("logits", logits).compile().unwrap();
    let session = trained.trainer.session_mut();
    let handle = session.compile(&program).unwrap();
    let logits = session.run_named(&handle, &[("x", x.view())]).unwrap().read("logits").unwrap();
    assert_eq!(*findings.counts(), Confusion::between(logits.view(), y.view()).unwrap());

    // The worst are those of the highest cross entropy of all, the highest first.
    let logits = logits.to_f64();
    let loss = |row: usize| {
        let own = &logits[row * 10..(row + 1) * 10];
        own.iter().map(|x| x.exp()).sum::<f64>().ln() - own[labels[row] as usize]
    };
    let mut all: Vec<usize> = (0..labels.len()).collect();
    all.sort_by(|a, b| loss(*b).total_cmp(&loss(*a)));
    let worst: Vec<usize> = findings.worst_examples().iter().map(|example| example.row).collect();
    assert_eq!(worst, all[..24]);
    for example in findings.worst_examples() {
        assert!((example.loss - loss(example.row)).abs() < 1e-6);
        let pixels = &images.as_slice()[example.row * 64..(example.row + 1) * 64];
        assert!(example.image.iter().zip(pixels).all(|(a, b)| *a == f64::from(*b)));
    }
}

#[test]
fn saliency_is_what_a_small_change_does() {
    let mut trained = trained(1);
    let findings = found(&mut trained);
    let example = &findings.worst_examples()[0];
    // The loss of this example alone, where a pixel is a level more, by the program's own numbers.
    let g = Graph::new();
    let x = g.input("x", F32, (B, 64)) / 16.0;
    let logits = nn::dense(nn::dense(x, "fc1", 12).relu(), "fc2", 10);
    let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..);
    let program = dl_core::Program::builder(&g).output("J", j).compile().unwrap();
    let session = trained.trainer.session_mut();
    let handle = session.compile(&program).unwrap();
    let y = Tensor::vector(vec![example.label as i64]);
    let mut loss = |pixel: usize, more: f64| {
        let mut image = example.image.clone();
        image[pixel] += more;
        let x = Tensor::from_f64(F32, [1, 64], &image).unwrap();
        let inputs = [("x", x.view()), ("y", y.view())];
        session.run_named(&handle, &inputs).unwrap().read("J").unwrap().item().unwrap()
    };
    for pixel in [10, 20, 36, 43] {
        // Of x, which is the pixel over 16.
        let slope = 16.0 * (loss(pixel, 0.05) - loss(pixel, -0.05)) / 0.1;
        let said = example.saliency[pixel];
        assert!((said - slope.abs()).abs() < 0.02 * (1.0 + said), "{pixel}: {said} {slope}");
    }
}

#[test]
fn a_study_changes_nothing() {
    let mut trained = trained(1);
    let weights = trained.trainer.session().weights().unwrap();
    let (runs, step) = (trained.trainer.session().runs(), trained.trainer.session().step());
    found(&mut trained);
    assert_eq!(trained.trainer.session().weights().unwrap(), weights);
    assert_eq!((trained.trainer.session().runs(), trained.trainer.session().step()), (runs, step));
}

#[test]
fn every_picture_has_what_it_is_of() {
    let mut trained = trained(2);
    let findings = found(&mut trained);
    let images = |picture: &pictures::Picture| picture.svg().matches("<image ").count();
    assert_eq!(images(&findings.worst()), 24);
    assert!(findings.worst().svg().contains(" → "));
    assert_eq!(images(&findings.first_layer()), 12);
    assert!(findings.first_layer().svg().contains("fc1.weight"));
    // Ten classes and eight of the worst, each beside its saliency.
    assert_eq!(images(&findings.saliency()), 2 * 18);
    assert!(findings.confusion().svg().contains("Confusion matrix"));
    for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
        assert!(findings.weights().svg().contains(&format!("Weights of {name}, ")));
        assert!(findings.gradients().svg().contains(&format!("Gradients of {name}, ")));
    }
    let page = pictures::report("Digits & more", &trained.history, Some(&findings)).html();
    assert!(page.contains("<h1>Digits &amp; more</h1>") && page.contains("test J"));
    assert_eq!(page.matches("<svg ").count(), 7);
    let short = pictures::report("Digits", &trained.history, None).html();
    assert_eq!(short.matches("<svg ").count(), 1);
}

#[test]
fn kernels_of_a_convolution_are_tiles() {
    let digits = dl_data::digits().unwrap();
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let h = nn::conv2d(x.reshape((B, 8, 8, 1)), "conv", 5, [3, 3]).relu();
    let logits = nn::dense(nn::flatten(h), "fc", 10);
    let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..);
    let step = j.minimize(Sgd::new(0.1)).unwrap();
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step).unwrap().epochs(0);
    trainer.fit(&digits.train, None).unwrap();
    let findings = Study::new(x, logits, j).unwrap().run(trainer.session_mut(), &digits.test).unwrap();
    assert_eq!(findings.first_layer().svg().matches("<image ").count(), 5);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut trained = trained(0);
    let session = trained.trainer.session_mut();
    let fails = |study: &Study, session: &mut Session, source: &dyn dl_train::Source, want: &str| {
        assert_eq!(study.run(session, source).unwrap_err().to_string(), want);
    };
    let study = &trained.study;
    let empty = from_fn(0, |_, _| Ok(()));
    fails(study, session, &empty, "there are no examples to study");
    let test = &trained.digits.test;
    let elsewhere = "images of 64 elements are not 5 × 5";
    fails(&study.clone().shape([5, 5]), session, test, elsewhere);
    let unfed = "the source does not feed z, which pictures show; Study::inputs names what it feeds";
    fails(&study.clone().inputs("z", "y"), session, test, unfed);
    let other = Columns::new().column("x", Tensor::zeros(U8, [2, 64])).unwrap();
    let unlabelled = "the source does not feed y, which pictures show; Study::inputs names what it feeds";
    fails(study, session, &other, unlabelled);
    let mut fresh = Session::new(Cpu::default(), 7);
    let unknown = "the studied model reads parameter fc1.weight, which the session has not";
    fails(study, &mut fresh, test, unknown);
}

#[test]
fn losses_that_are_no_numbers_are_the_worst() {
    let mut trained = trained(0);
    let session = trained.trainer.session_mut();
    session.set("fc2.bias", &Tensor::from_f64(F32, [10], &[f64::NAN; 10]).unwrap()).unwrap();
    let findings = trained.study.run(session, &trained.digits.test).unwrap();
    assert_eq!(findings.worst_examples().len(), 24);
    assert!(findings.worst().svg().contains("NaN"));
    assert!(pictures::report("NaN", &trained.history, Some(&findings)).html().contains("not finite"));
}
