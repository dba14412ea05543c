//! The ledger: equal lines for equal runs, whatever the threads and wherever they were resumed.

use std::cell::RefCell;
use std::rc::Rc;

use dl_train::{History, Observer};

use crate::network::{digits, evaluation, kept, trainer, trainer_of};

#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Observer for Lines {
    fn ledger(&mut self, line: &str) {
        self.0.borrow_mut().push(line.into());
    }
}

fn history(threads: usize, seed: u64, rate: f64) -> History {
    let (train, _) = digits();
    trainer_of(threads, seed, rate).epochs(2).ledger_every(4).fit(&train, None).unwrap()
}

#[test]
fn two_runs_compare_by_one_line() {
    let first = history(1, 7, 0.01);
    let line = first.ledger_line().unwrap();
    assert_eq!(history(2, 7, 0.01).ledger_line().unwrap(), line, "threads are no part of it");
    let steps: Vec<u64> = first.ledger.iter().map(|mark| mark.step).collect();
    assert_eq!(steps, [4, 8, 10, 12, 16, 20]);
    let parts = ["at step 20  seed 7  program ", "cpu (same bits for any number of threads)  dl 0.1.0"];
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    assert!(!line.contains("data unknown"), "{line}");
    for other in [history(1, 8, 0.01), history(1, 7, 0.02)] {
        assert_ne!(other.ledger_line().unwrap(), line);
        assert_eq!(first.first_difference(&other), Some(4));
    }
    assert_eq!(first.first_difference(&first), None);
    let (train, _) = digits();
    let none = trainer(1).epochs(1).fit(&train, None).unwrap();
    assert_eq!(none.ledger_line(), None, "it costs nothing where nobody asks");
}

#[test]
fn the_ledger_goes_on_where_the_training_does() {
    let scratch = tempfile::tempdir().unwrap();
    let (train, test) = digits();
    let lines = Lines::default();
    let mut whole = trainer(1).evaluate_with(&evaluation()).unwrap().ledger_every(4).observe(lines.clone());
    let want = whole.fit(&train, Some(&test)).unwrap();
    assert_eq!(lines.0.borrow().last(), want.ledger_line().as_ref());
    let parted = |epochs: usize| {
        let trainer = kept(trainer(2), scratch.path()).ledger_every(4).epochs(epochs);
        trainer.resume(scratch.path()).unwrap().fit(&train, Some(&test)).unwrap()
    };
    parted(2);
    parted(3);
    let got = parted(6);
    assert_eq!(got.ledger, want.ledger);
    assert_eq!(got.ledger_line(), want.ledger_line());
    // From within an epoch as well.
    drop(whole);
    let from = kept(trainer(1), scratch.path()).ledger_every(4).resume_at(scratch.path(), 60).unwrap();
    assert_eq!(from.session().step(), 60);
    let others = dl_data::digits().unwrap().test.take(160);
    let error = kept(trainer(1), scratch.path()).resume(scratch.path()).unwrap().fit(&others, Some(&test));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("the checkpoint is of a training on other examples: their digest is "),
        "{error}"
    );
}
