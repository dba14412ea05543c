//! The networks of the examples learn from little data, on the executor that is compiled in.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dl_backends::{Cpu, Session};
use dl_data::{Augmentation, Dataset, Images, Split};
use dl_examples::autoencoder::Autoencoder;
use dl_examples::classifier::{Classifier, Course, Model};
use dl_examples::heat::{Rod, solution};
use dl_examples::text::{Text, WINDOW, Writer, windows};
use dl_examples::{lenet, resnet, row_lstm};
use dl_train::Source;

/// The small digits, each pixel nine, with a margin: as large as MNIST's.
fn large_digits() -> Dataset {
    let digits = dl_data::digits().unwrap();
    let enlarged = |split: &Split| {
        let large = |image: &[u8]| -> Vec<u8> {
            let pixel = |row: usize, column: usize| match (row.checked_sub(2), column.checked_sub(2)) {
                (Some(row), Some(column)) if row < 24 && column < 24 => image[row / 3 * 8 + column / 3],
                _ => 0,
            };
            (0..28 * 28).map(|at| pixel(at / 28, at % 28)).collect()
        };
        let pixels = split.images().iter().flat_map(large).collect();
        let images = Images::new(pixels, [split.len(), 28, 28]).unwrap();
        Split::new(images, split.labels().to_vec()).unwrap()
    };
    let (train, test) = (enlarged(&digits.train), enlarged(&digits.test));
    let mut large = Dataset::new("digits", train, test, digits.classes.clone()).unwrap();
    large.full_scale = digits.full_scale;
    large
}

/// Test accuracy after `epochs`, in batches of 32.
fn accuracy(dataset: &Dataset, model: Model, course: Course, epochs: usize) -> f64 {
    let course = Course { epochs, batch_size: 32, ..course };
    let train = course.source(&Arc::new(dataset.train.clone()), 1).unwrap();
    let classifier = Classifier::of(dataset, model);
    let mut trainer = classifier.trainer(Box::new(Cpu::default()), &course, train.len(), 1).unwrap();
    trainer.fit(&train, None).unwrap();
    trainer.evaluate(&dataset.test).unwrap().get("accuracy").unwrap()
}

#[test]
fn lenet_learns_digits() {
    let reached = accuracy(&large_digits(), lenet::logits, lenet::COURSE, 6);
    assert!(reached > 0.9, "{reached}");
}

#[test]
fn an_lstm_learns_digits_row_by_row() {
    let reached = accuracy(&large_digits(), row_lstm::logits, row_lstm::COURSE, 4);
    assert!(reached > 0.8, "{reached}");
}

#[test]
fn a_residual_network_learns_digits_and_keeps_statistics_for_the_test() {
    let mut digits = large_digits();
    digits.train = digits.train.take(512);
    digits.test = digits.test.take(200);
    let plain = Course { augmentation: Augmentation::default(), ..resnet::COURSE };
    let reached = accuracy(&digits, resnet::logits, plain, 4);
    assert!(reached > 0.8, "{reached}");
}

#[test]
fn a_transformer_learns_a_text_and_writes_on() {
    let text =
        "Title\r\n*** START OF THIS BOOK ***\n".to_owned() + &"a stitch in time saves nine. ".repeat(80);
    let text = Text::new(&(text + "*** END OF THIS BOOK ***\nlicence")).unwrap();
    assert_eq!(text.to_string(), "2320 characters, 12 different ones; the last tenth is to test with");
    assert_eq!(text.spelled(&text.places("saves nine")), "saves nine");
    let short = Text::new("too short").unwrap_err();
    assert_eq!(short, "a text of at least 650 characters is needed");
    let writer = Writer { width: 32, heads: 2, layers: 1, ..Writer::of(&text) };
    let (train, test) = (windows(&text.train), windows(&text.test));
    assert_eq!(train.len(), (text.train.len() - 1) / WINDOW);
    let mut trainer = writer.trainer(Box::new(Cpu::default()), train.len(), (40, 8), 1).unwrap();
    let before = trainer.evaluate(&test).unwrap().get("bits").unwrap();
    trainer.fit(&train, None).unwrap();
    let after = trainer.evaluate(&test).unwrap().get("bits").unwrap();
    assert!(before > 3.0 && after < 1.0, "{before} {after}");
    let written = writer.write(trainer.session_mut(), &text.places("a stitch"), 100, 1).unwrap();
    assert_eq!(written.len(), 108);
    assert!(text.spelled(&written).starts_with("a stitch"));
}

#[test]
fn augmented_images_keep_their_labels_and_differ_from_batch_to_batch() {
    let how = Augmentation::new().shift(2).flip();
    let digits = large_digits();
    let course = Course { augmentation: how, ..lenet::COURSE };
    assert_eq!(
        course.to_string(),
        "10 epochs, batches of 64, AdamW with one cycle up to 0.003 and decay 0.01, images moved by up to 2, half of them mirrored"
    );
    // A model of what is left of a digit after that: far above chance, so labels stay beside their images.
    let reached = accuracy(&digits, lenet::logits, course, 3);
    assert!(reached > 0.5, "{reached}");
}

#[test]
fn an_autoencoder_tells_more_from_epoch_to_epoch() {
    let digits = dl_data::digits().unwrap();
    let model = Autoencoder { hidden: 64, code: 4, ..Autoencoder::of(&digits) };
    let mut trainer = model.trainer(Box::new(Cpu::default()), 8, 1).unwrap();
    let before = trainer.evaluate(&digits.test).unwrap().get("J").unwrap();
    let history = trainer.fit(&digits.train, None).unwrap();
    let after = trainer.evaluate(&digits.test).unwrap().get("J").unwrap();
    assert!(after < 0.8 * before, "{before} {after}");
    let last = history.last().unwrap();
    let part = |name: &str| last.train.get(name).unwrap();
    assert!(part("divergence") > 0.1, "codes say something: {last:?}");
    assert!((part("J") - part("reconstruction") - part("divergence")).abs() < 1e-3, "{last:?}");
    let images = model.dream(trainer.session_mut(), 3, 1).unwrap();
    let lines: Vec<usize> = model.drawn(&images).lines().map(str::len).collect();
    assert_eq!(lines, [3 * 4 + 2; 4]);
}

#[test]
fn the_heat_equation_is_solved() {
    let mut rod = Rod::new(Session::new(Cpu::default(), 1), 8, 1).unwrap();
    let before = rod.error().unwrap();
    let report = rod.fit(150).unwrap();
    let after = rod.error().unwrap();
    assert!(before > 0.3 && after < 0.03, "{before} {after}: {report}");
    let middle = rod.temperatures(&[[0.5, 0.5]]).unwrap()[0];
    assert!((middle - solution(0.5, 0.5)).abs() < 0.03, "{middle}");
}
