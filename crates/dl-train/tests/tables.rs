//! From a CSV file to a trained network: split by class, prepared by the training part, in memory and in files.
#![cfg(all(feature = "cpu", feature = "csv"))]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam};
use dl_core::{Expr, F32, Graph, I64, Named, Program};
use dl_data::{CsvFile, CsvOptions, Fill, Missing, Parts, Preparation, Random, Table, Unknown};
use dl_train::{Columns, Metric, Prefetch, Sampling, Source, Stored, Trainer};

const B: Named = Named("B");
const NAMES: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// The digits as people keep such things: a line each, with the class as a word, an ink that is written in words, and a
/// pixel lost here and there.
fn digits(path: &Path) {
    let digits = dl_data::digits().unwrap();
    let mut text: String = (0..64).map(|i| format!("p{i},")).collect();
    text += "ink,digit\n";
    let mut random = Random::new(5);
    for (image, label) in digits.train.images().iter().zip(digits.train.labels()) {
        let mut sum = 0;
        for pixel in image {
            sum += u32::from(*pixel);
            match random.below(100) {
                0 => text.push(','),
                _ => write!(text, "{pixel},").unwrap(),
            }
        }
        let ink = if sum > 330 { "dark" } else { "pale" };
        writeln!(text, "{ink},{}", NAMES[usize::from(*label)]).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

fn plan() -> Preparation {
    Preparation::new()
        .standardize((0..64).map(|i| format!("p{i}")))
        .one_hot(["ink"])
        .target_classes("digit")
        .fill(Fill::Median)
        .unknown(Unknown::Reserve)
}

fn logits(g: &Graph) -> (Expr<'_>, Expr<'_>) {
    let x = g.input("x", F32, (B, 67));
    let logits = nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 10);
    (logits, nn::cross_entropy(logits, g.input("y", I64, B)).mean(..).named("J"))
}

fn trainer<'a>(classes: &[usize]) -> Trainer<'a> {
    let (g, e) = (Graph::new(), Graph::new());
    let step = logits(&g).1.minimize(Adam::new(3e-3)).unwrap();
    let (scores, j) = logits(&e);
    let evaluation = Program::builder(&e).output("J", j).output("logits", scores).compile().unwrap();
    Trainer::new(Session::new(Cpu::default(), 7), &step)
        .unwrap()
        .evaluate_with(&evaluation)
        .unwrap()
        .report_evaluation([Metric::accuracy("logits", "y")])
        .unwrap()
        .epochs(15)
        .batch_size(32)
        .sample(Sampling::stratified(classes.iter().copied()), 7)
}

#[test]
fn a_csv_file_becomes_a_trained_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.csv");
    digits(&path);
    let refused = Table::read_csv(&path, &CsvOptions::new()).unwrap_err().to_string();
    assert!(refused.contains("digits.csv: line 2, column p"), "{refused}");
    let table = Table::read_csv(&path, &CsvOptions::new().missing(Missing::Keep)).unwrap();
    let classes = table.classes("digit").unwrap();
    let parts = Parts::stratified(&classes, [0.7, 0.1, 0.2], 7).unwrap();
    let train = table.rows(&parts.train).unwrap();
    let prepared = plan().fit(&train).unwrap();
    assert_eq!(prepared.names()[64..], ["ink=dark", "ink=pale", "ink=?"]);
    let columns =
        |rows: &[usize]| Columns::features(prepared.apply(&table.rows(rows).unwrap()).unwrap()).unwrap();
    let [train, validation, test] = [&parts.train, &parts.validation, &parts.test].map(|rows| columns(rows));
    let classes: Vec<usize> = parts.train.iter().map(|row| classes[*row]).collect();
    let mut trainer = trainer(&classes);
    let history = trainer.fit(&train, Some(&validation)).unwrap();
    assert!(history.last().unwrap().test.get("accuracy").unwrap() > 0.9);
    let accuracy = trainer.evaluate(&test).unwrap().get("accuracy").unwrap();
    assert!(accuracy > 0.94, "{accuracy}");
}

#[test]
fn a_csv_file_larger_than_memory_is_trained_on_in_files_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.csv");
    digits(&path);
    let csv = CsvFile::open(&path, &CsvOptions::new().missing(Missing::Keep)).unwrap();
    // In parts as small as one likes.
    let prepared = plan().fit_chunks(csv.chunks(100).unwrap()).unwrap();
    let stored = Stored::from_csv(&csv, &prepared, folder.path()).unwrap();
    let table = Table::read_csv(&path, &CsvOptions::new().missing(Missing::Keep)).unwrap();
    assert_eq!(plan().fit(&table).unwrap(), prepared);
    let columns = Columns::features(prepared.apply(&table).unwrap()).unwrap();
    assert_eq!(stored.len(), columns.len());
    let classes = table.classes("digit").unwrap();
    let trained = |source: &dyn Source| {
        let mut trainer = trainer(&classes).epochs(2);
        trainer.fit(source, None).unwrap();
        trainer.session().weights().unwrap()
    };
    assert!(trained(&columns) == trained(&Prefetch::new(stored).unwrap()));
    // A column of codes, and what cannot be stored.
    let coded = Preparation::new().code(["ink"]).target_number("p9").fill(Fill::Mean);
    let coded = coded.fit_chunks(csv.chunks(1000).unwrap()).unwrap();
    let stored = Stored::from_csv(&csv, &coded, folder.path()).unwrap();
    assert_eq!(stored.len(), 1437);
    let none = folder.path().join("none.csv");
    std::fs::write(&none, "a\n").unwrap();
    let none = CsvFile::open(&none, &CsvOptions::new()).unwrap();
    let why = Stored::from_csv(&none, &coded, folder.path()).unwrap_err().to_string();
    assert_eq!(why, "a CSV file without rows cannot be stored");
}
