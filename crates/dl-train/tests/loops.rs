//! The loop itself, on programs small enough to know every number.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use dl_backends::{Cpu, Session};
use dl_core::nn::{Plateau, Sgd};
use dl_core::{Expr, F64, Graph, I64, Init, Named, Program, Tensor};
use dl_train::{BatchEnd, Columns, Epoch, History, Metric, Observer, Progress, Trainer, from_fn};

const B: Named = Named("B");

/// `n` counts the examples seen; outputs are the batch's mean and its number of values above 4.
fn counting() -> Program {
    let g = Graph::new();
    let x = g.input("x", F64, B);
    let n = g.state("n", F64, (), Init::Zeros);
    let above = x.gt(4.0).cast(I64).sum(..);
    Program::builder(&g)
        .output("mean", x.mean(..))
        .output("above", above)
        .output("x", x)
        .update(n, n + g.extent(F64, dl_core::Dim::named("B")))
        .compile()
        .unwrap()
}

/// `J` on the examples as they are.
fn looking() -> Program {
    let g = Graph::new();
    let j = g.input("x", F64, B).mean(..);
    Program::builder(&g).output("J", j).compile().unwrap()
}

/// 0, 1, …, 6.
fn seven() -> Columns {
    let x = (0..7).map(f64::from).collect();
    Columns::new().column("x", Tensor::vector(x)).unwrap()
}

fn trainer<'a>() -> Trainer<'a> {
    Trainer::new(Session::new(Cpu::default(), 1), &counting()).unwrap()
}

fn fails(result: dl_train::Result<impl Sized>, want: &str) {
    assert_eq!(result.err().unwrap().to_string(), want);
}

#[test]
fn every_example_counts_once_and_a_small_batch_less() {
    let mut trainer =
        trainer().evaluation_batch_size(4).evaluate_with(&looking()).unwrap().batch_size(3).epochs(2);
    let history = trainer.fit(&seven(), Some(&seven())).unwrap();
    assert_eq!((history.run.batches, history.run.examples, history.epochs.len()), (3, 7, 2));
    for (i, epoch) in history.epochs.iter().enumerate() {
        assert_eq!((epoch.number, epoch.steps), (i + 1, 3 * (i as u64 + 1)));
        let want = [("mean", 3.0), ("above", 2.0 / 7.0)].into_iter().collect();
        assert_eq!(epoch.train, want);
        assert_eq!(epoch.test, [("J", 3.0)].into_iter().collect());
    }
    assert_eq!(trainer.session().get("n").unwrap().item().unwrap(), 14.0);
}

#[test]
fn metrics_are_chosen_and_named() {
    let metrics = [Metric::share("above").named("high"), Metric::mean("above")];
    let mut trainer = trainer().report(metrics).unwrap().batch_size(7);
    let history = trainer.fit(&seven(), None).unwrap();
    let want = [("high", 2.0 / 7.0), ("above", 2.0)].into_iter().collect();
    assert_eq!(history.epochs[0].train, want);
    let metrics = [Metric::largest("mean"), Metric::smallest("mean").named("least")];
    let mut trainer = self::trainer().report(metrics).unwrap().batch_size(3);
    let extremes = trainer.fit(&seven(), None).unwrap();
    assert_eq!(extremes.epochs[0].train, [("mean", 6.0), ("least", 1.0)].into_iter().collect());
    assert!(history.epochs[0].test.is_empty());
}

#[test]
fn outputs_are_read_only_when_wanted() {
    let mut trainer = trainer().read_every(3).batch_size(2).report([Metric::mean("mean")]).unwrap();
    let history = trainer.fit(&seven(), None).unwrap();
    // Batches 3 (4, 5) and 4 (6 alone, the last).
    assert_eq!(history.epochs[0].train.get("mean"), Some((4.5 * 2.0 + 6.0) / 3.0));
    let mut silent = self::trainer().report([]).unwrap();
    assert!(silent.fit(&seven(), None).unwrap().epochs[0].train.is_empty());
}

/// The examples in the order in which `epochs` epochs saw them, by as many calls as there are numbers.
fn orders(seed: u64, epochs: &[usize]) -> Vec<Vec<usize>> {
    let seen = RefCell::new(vec![]);
    let source = from_fn(7, |rows, batch| {
        seen.borrow_mut().extend_from_slice(rows);
        batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|&i| i as f64)))
    });
    let mut trainer = trainer().batch_size(3).shuffle(seed);
    for &n in epochs {
        trainer = trainer.epochs(n);
        trainer.fit(&source, None).unwrap();
    }
    seen.take().chunks(7).map(<[usize]>::to_vec).collect()
}

#[test]
fn every_epoch_has_an_order_of_its_own_that_only_the_seed_decides() {
    let epochs = orders(5, &[3]);
    assert_eq!(epochs.len(), 3);
    for (i, order) in epochs.iter().enumerate() {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
        assert!(!epochs[..i].contains(order));
    }
    assert_eq!(orders(5, &[1, 2]), epochs);
    assert_ne!(orders(6, &[3]), epochs);
}

/// What an observer saw, in words.
#[derive(Clone, Default)]
struct Diary(Rc<RefCell<Vec<String>>>);

impl Diary {
    fn note(&self, words: String) {
        self.0.borrow_mut().push(words);
    }
}

impl Observer for Diary {
    fn begin(&mut self, History { run, .. }: &History) -> dl_train::Result<()> {
        self.note(format!("begin {} after {}", run.epochs, run.finished));
        Ok(())
    }

    fn batch(&mut self, batch: &BatchEnd<'_>) {
        self.note(format!(
            "{}.{}/{}: {} of {}",
            batch.epoch,
            batch.number,
            batch.of,
            batch.metrics(),
            batch.examples
        ));
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        self.note(format!("epoch {}", epoch.number));
        ControlFlow::Continue(())
    }

    fn end(&mut self, history: &History) -> dl_train::Result<()> {
        self.note(format!("end {}", history.epochs.len()));
        Ok(())
    }
}

#[test]
fn observers_see_everything_in_order_and_may_stop() {
    let diary = Diary::default();
    let mut trainer = trainer()
        .report([Metric::mean("mean")])
        .unwrap()
        .batch_size(4)
        .epochs(5)
        .stop_when(|epoch| epoch.number.is_multiple_of(2))
        .observe(diary.clone());
    trainer.fit(&seven(), None).unwrap();
    trainer.fit(&seven(), None).unwrap();
    let seen = diary.0.borrow().join("; ");
    let epoch = |n| format!("{n}.1/2: mean 1.5000 of 4; {n}.2/2: mean 3.0000 of 3; epoch {n}; ");
    let fit = |done: usize| format!("begin 5 after {done}; {}{}end 2", epoch(done + 1), epoch(done + 2));
    assert_eq!(seen, format!("{}; {}", fit(0), fit(2)));
}

#[test]
fn nothing_is_trained_in_no_epochs() {
    let mut trainer = trainer().epochs(0);
    let history = trainer.fit(&seven(), None).unwrap();
    assert!(history.last().is_none());
    assert_eq!(history.seconds().to_string(), "0");
    assert_eq!(trainer.session().step(), 0);
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is() {
    fails(trainer().batch_size(0).fit(&seven(), None), "batch size must be at least 1, got 0");
    fails(trainer().fit(&Columns::new(), None), "there are no examples to train on");
    let evaluating = || trainer().evaluate_with(&looking()).unwrap();
    fails(evaluating().fit(&seven(), Some(&Columns::new())), "there are no examples to evaluate on");
    fails(
        trainer().fit(&seven(), Some(&seven())),
        "examples to evaluate on need an evaluation program: see Trainer::evaluate_with",
    );
    fails(trainer().report([Metric::mean("loss")]), "unknown output loss; the program has mean, above, x");
    fails(
        trainer().report([Metric::mean("maen")]),
        "unknown output maen; the program has mean, above, x; did you mean mean?",
    );
    fails(trainer().report([Metric::mean("x")]), "output x is f64 [B], expected a scalar number");
    fails(
        trainer().report([Metric::mean("mean"), Metric::share("above").named("mean")]),
        "two metrics are named mean",
    );
    fails(trainer().evaluate_with(&counting()), "the evaluation program updates n");
    let endless = || from_fn(usize::MAX, |_, _| unreachable!("nobody asks"));
    let too_many = format!("the numbers of {} examples do not fit into memory", usize::MAX);
    fails(trainer().fit(&endless(), None), &too_many);
    fails(trainer().shuffle(1).fit(&endless(), None), &too_many);
    fails(evaluating().evaluate(&endless()), &too_many);
    let session = || Session::new(Cpu::default(), 1);
    fails(Trainer::new(session(), &looking()), "the training program updates no parameter");
    let other = Columns::new().column("z", Tensor::vector(vec![1.0f64])).unwrap();
    fails(trainer().fit(&other, None), "input x is missing: of the program's inputs the source feeds none");
    let wrong = Columns::new().column("x", Tensor::vector(vec![1i64])).unwrap();
    fails(
        trainer().fit(&wrong, None),
        "epoch 1, batch 1 of 1 (step 1): input x: expected elements of f64, got i64",
    );
}

#[test]
fn an_evaluation_reads_what_is_trained() {
    fn j<'g>(g: &'g Graph, path: &str) -> Expr<'g> {
        (g.input("x", F64, B) * g.parameter(path, F64, (), Init::Zeros)).mean(..)
    }
    let looking = |path: &str, frozen: bool| {
        let g = Graph::new();
        let j = j(&g, path);
        if frozen {
            g.parameters().freeze();
        }
        Program::builder(&g).output("J", j).compile().unwrap()
    };
    let g = Graph::new();
    let step = j(&g, "fc.weight").minimize(Sgd::new(0.1)).unwrap();
    let trainer = || Trainer::new(Session::new(Cpu::default(), 1), &step).unwrap();
    assert!(trainer().evaluate_with(&looking("fc.weight", false)).is_ok());
    assert!(trainer().evaluate_with(&looking("teacher", true)).is_ok());
    fails(
        trainer().evaluate_with(&looking("fc.wieght", false)),
        "the evaluation program reads parameter fc.wieght, which is not trained; did you mean fc.weight?",
    );
}

#[test]
fn an_evaluation_that_fails_says_after_which_epoch() {
    let bad = Columns::new().column("x", Tensor::vector(vec![f64::NAN])).unwrap();
    let mut trainer = trainer().evaluate_with(&looking()).unwrap();
    for epoch in 1..=2 {
        fails(
            trainer.fit(&seven(), Some(&bad)),
            &format!("evaluation after epoch {epoch}, batch 1 of 1: J is NaN, expected a finite number"),
        );
    }
}

#[test]
fn more_epochs_than_can_be_counted_are_many() {
    let mut trainer = trainer().observe(Progress::lines(std::io::sink()));
    trainer.fit(&seven(), None).unwrap();
    let mut trainer = trainer.epochs(usize::MAX).stop_when(|epoch| epoch.number == 3);
    assert_eq!(trainer.fit(&seven(), None).unwrap().last().unwrap().number, 3);
}

#[test]
fn a_loss_that_becomes_nan_is_an_error_with_its_place() {
    let x = vec![0.0, 1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0];
    let holed = Columns::new().column("x", Tensor::vector(x)).unwrap();
    let mut trainer = trainer().evaluate_with(&looking()).unwrap().batch_size(2);
    trainer.fit(&seven(), None).unwrap();
    let error = trainer.fit(&holed, None).unwrap_err();
    assert!(error.is_divergence());
    assert_eq!(error.to_string(), "epoch 2, batch 3 of 4 (step 7): mean is NaN, expected a finite number");
    fails(
        trainer.evaluate(&holed),
        "evaluation after epoch 1, batch 1 of 1: J is NaN, expected a finite number",
    );
}

#[test]
fn a_plateau_gives_the_rate_of_the_next_epoch() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let step = (theta - 2.5).abs().minimize(Sgd::new("rate")).unwrap();
    // At rate 1 it hops over the minimum, from 2 to 3 and back.
    let plateau = RefCell::new(Plateau::new(1.0).patience(2));
    let source = from_fn(1, |_, batch| batch.set("rate", &[], |rate| rate.push(plateau.borrow().rate())));
    let mut rates = vec![];
    let mut trainer =
        Trainer::new(Session::new(Cpu::default(), 1), &step).unwrap().epochs(40).stop_when(|epoch| {
            rates.push(plateau.borrow_mut().observe(epoch.train.get("J").unwrap()).unwrap());
            false
        });
    let history = trainer.fit(&source, None).unwrap();
    assert!(history.last().unwrap().train.get("J").unwrap() < 1e-2);
    drop(trainer);
    assert_eq!(rates[..7], [1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1]);
}

/// A writer that others can read.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn progress_without_a_terminal_is_a_line_for_each_epoch() {
    let page = Page::default();
    let mut trainer = trainer().epochs(10).observe(Progress::lines(page.clone()));
    trainer.fit(&seven(), None).unwrap();
    let text = String::from_utf8(page.0.borrow().clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 10);
    assert!(lines[0].starts_with("epoch  1/10  mean 3.0000  above 0.2857  0."), "{}", lines[0]);
}
