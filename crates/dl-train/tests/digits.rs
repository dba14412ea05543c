//! The 8×8 digits: a classifier learns in seconds, and always to the same bits.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{Expr, F32, Graph, I64, Named, Program, Tensor, U8};
use dl_train::{History, Metrics, Trainer};

const B: Named = Named("B");

/// 64-32-10 for pixels from 0 to 16.
fn logits(g: &Graph) -> Expr<'_> {
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 10)
}

fn programs() -> (Program, Program) {
    let g = Graph::new();
    let (logits, y) = (logits(&g), g.input("y", I64, B));
    let j = nn::cross_entropy(logits, y).mean(..);
    let correct = logits.argmax(-1).eq(y).cast(I64).sum(..);
    let evaluate = Program::builder(&g).output("J", j).output("accuracy", correct).compile().unwrap();
    (j.minimize(Sgd::new(0.1).momentum(0.9)).unwrap(), evaluate)
}

fn trained(executor: Cpu, seed: u64, epochs: usize) -> (History, Vec<Tensor>) {
    let digits = dl_data::digits().unwrap();
    let (train, evaluate) = programs();
    let mut trainer = Trainer::new(Session::new(executor, seed), &train)
        .unwrap()
        .evaluate_with(&evaluate)
        .unwrap()
        .epochs(epochs)
        .batch_size(64)
        .shuffle(seed);
    let history = trainer.fit(&digits.train, Some(&digits.test)).unwrap();
    let weights = trainer.session().weights().unwrap();
    (history, weights.into_iter().map(|(_, value)| value).collect())
}

fn metrics(history: &History) -> Vec<(Metrics, Metrics)> {
    history.epochs.iter().map(|e| (e.train.clone(), e.test.clone())).collect()
}

#[test]
fn digits_are_learned() {
    let (history, _) = trained(Cpu::default(), 7, 15);
    let last = history.last().unwrap();
    let accuracy = last.test.get("accuracy").unwrap();
    assert!(accuracy >= 0.9, "{last}");
    assert!(last.train.get("J").unwrap() < 0.05, "{last}");
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (first, weights) = trained(Cpu::default(), 7, 2);
    let (second, again) = trained(Cpu::default(), 7, 2);
    assert_eq!(metrics(&first), metrics(&second));
    assert_eq!(weights, again);
    let (other, _) = trained(Cpu::default(), 8, 2);
    assert_ne!(metrics(&first), metrics(&other));
}

#[test]
fn threads_change_no_bit() {
    let (one, weights) = trained(Cpu::with_threads(1), 7, 2);
    let (two, again) = trained(Cpu::with_threads(2), 7, 2);
    assert_eq!(metrics(&one), metrics(&two));
    assert_eq!(weights, again);
}

#[test]
fn a_history_survives_as_text() {
    let (history, _) = trained(Cpu::default(), 7, 1);
    let json = serde_json::to_string(&history).unwrap();
    let read: History = serde_json::from_str(&json).unwrap();
    assert_eq!(read, history);
    assert!(json.contains(r#""backend":"cpu""#), "{json}");
}
