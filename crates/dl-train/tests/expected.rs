//! What people expect of a loop: validation, patience, reduced rates, interrupts, exact metrics, journals.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Accumulate, Adam, Plateau, Sgd};
use dl_core::{F32, F64, Graph, I64, Init, Named, Program, Tensor, U8};
use dl_train::{
    BatchEnd, Columns, Ended, Epoch, Evaluation, EventFile, Goal, History, Interrupt, Journal, Keep, Metric,
    Observer, Trainer, from_fn, held_out,
};

const B: Named = Named("B");

fn fails(result: dl_train::Result<impl Sized>, want: &str) {
    assert_eq!(result.err().unwrap().to_string(), want);
}

/// 64-10 for the small digits: a step with mean cross entropy, and an evaluation with its logits.
fn digits() -> (Program, Program) {
    let of = |training: bool| {
        let g = Graph::new();
        let logits = nn::dense(g.input("x", U8, (B, 64)).cast(F32) / 16.0, "fc", 10);
        let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..).named("J");
        if training {
            return j.minimize(Adam::new(0.01)).unwrap();
        }
        let scores = logits.slice(1, 0, 1).reshape(B);
        Program::builder(&g)
            .output("J", j)
            .output("logits", logits)
            .output("zero", scores)
            .output("is zero", g.input("y", I64, B).eq(0.0).cast(I64))
            .compile()
            .unwrap()
    };
    (of(true), of(false))
}

fn trainer<'a>() -> Trainer<'a> {
    let (step, evaluation) = digits();
    let session = Session::new(Cpu::default(), 7);
    Trainer::new(session, &step).unwrap().evaluate_with(&evaluation).unwrap().shuffle(1).batch_size(50)
}

#[test]
fn metrics_are_exact_whatever_the_batch() {
    let all = dl_data::digits().unwrap();
    let (train, validation) = held_out(&all.train, 0.2, 3).unwrap();
    let metrics = || {
        [
            Metric::accuracy("logits", "y"),
            Metric::top_k(3, "logits", "y"),
            Metric::precision("logits", "y"),
            Metric::recall("logits", "y"),
            Metric::f1("logits", "y").named("F₁"),
            Metric::auroc("zero", "is zero"),
            Metric::calibration_error(10, "logits", "y"),
            Metric::root_mean_squared_error("zero", "is zero"),
        ]
    };
    let of = |size: usize| {
        let mut trainer =
            trainer().report_evaluation(metrics()).unwrap().evaluation_batch_size(size).epochs(2);
        let history = trainer.fit(&train, Some(&validation)).unwrap();
        let confusion = trainer.confusion(&validation, "logits", "y").unwrap();
        (history.epochs[1].test.clone(), confusion)
    };
    let (got, confusion) = of(1000);
    // Rows are computed alike in batches of any of these sizes.
    for size in [7, 100] {
        let (other, same) = of(size);
        assert_eq!(same, confusion, "batches of {size}");
        for ((name, a), (_, b)) in got.iter().zip(other.iter()) {
            assert!((a - b).abs() < 1e-6, "{name}: {a} and {b} in batches of {size}");
        }
    }
    let get = |name: &str| got.get(name).unwrap();
    assert_eq!(get("accuracy"), confusion.accuracy());
    assert!(get("accuracy") > 0.8 && get("top-3") > 0.95 && get("top-3") < 1.0, "{got}");
    assert!(get("auroc") > 0.99 && get("ece") > 0.0 && get("ece") < 0.5, "{got}");
    assert!((get("F₁") - get("precision")).abs() < 0.05 && (get("recall") - get("accuracy")).abs() < 0.05);
    let wrong = trainer().report_evaluation([Metric::accuracy("logits", "labels")]);
    fails(wrong, "no output or input labels; the program has J, logits, zero, is zero, x, y");
    let mut scalar = trainer().report_evaluation([Metric::accuracy("zero", "y")]).unwrap();
    fails(
        scalar.evaluate(&validation),
        "evaluation, batch 1 of 1: accuracy: f32 [287] are no logits [n, classes]",
    );
}

/// `θ` hops around 1.25, from 0 to 2 and back.
fn hopping() -> Program {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    (theta - 1.25).abs().minimize(Sgd::new("rate")).unwrap()
}

#[test]
fn a_rate_is_reduced_and_goes_on_where_it_was() {
    let one = from_fn(1, |_, _| Ok(()));
    let scratch = tempfile::tempdir().unwrap();
    let trainer = |epochs: usize| {
        let trainer = Trainer::new(Session::new(Cpu::default(), 1), &hopping()).unwrap().epochs(epochs);
        trainer.reduce_on_plateau("rate", Plateau::new(2.0).patience(2)).unwrap()
    };
    let mut whole = trainer(12);
    let losses = |history: &History| -> Vec<f64> {
        history.epochs.iter().map(|epoch| epoch.train.get("J").unwrap()).collect()
    };
    let want = losses(&whole.fit(&one, None).unwrap());
    assert!(want[..5] == [1.25, 0.75, 1.25, 0.75, 1.25] && want[11] < 0.3, "{want:?}");
    for epochs in [3, 7, 12] {
        let part = trainer(epochs).checkpoint(scratch.path(), Keep::last_ones(1));
        let got = losses(&part.resume(scratch.path()).unwrap().fit(&one, None).unwrap());
        assert_eq!(got, want[..epochs]);
    }
    let plain = || Trainer::new(Session::new(Cpu::default(), 1), &hopping()).unwrap();
    fails(
        plain().reduce_on_plateau("rat", Plateau::new(1.0)),
        "unknown input rat; the program has rate; did you mean rate?",
    );
    let (step, _) = digits();
    let images = Trainer::new(Session::new(Cpu::default(), 1), &step).unwrap();
    fails(
        images.reduce_on_plateau("y", Plateau::new(1.0)),
        "input y is i64 [B], a rate is a scalar of floats",
    );
}

#[test]
fn evaluations_within_epochs_count_for_patience_and_the_best() {
    let scratch = tempfile::tempdir().unwrap();
    let all = dl_data::digits().unwrap();
    let (train, test) = (all.train.take(500), all.test.take(100));
    let by = |goal: Goal| trainer().evaluate_every(4).epochs(3).checkpoint(scratch.path(), Keep::best(goal));
    let mut rising = by(Goal::lowest("J"));
    let history = rising.fit(&train, Some(&test)).unwrap();
    let steps: Vec<u64> = history.evaluations.iter().map(|e| e.steps).collect();
    assert_eq!(steps, [4, 8, 12, 16, 24, 28], "10 and 20 are ends of epochs");
    assert_eq!(history.ended, Ended::Epochs);
    drop(rising);
    std::fs::remove_dir_all(scratch.path()).unwrap();
    // The highest loss is the first: nothing after it is better.
    let mut patient = by(Goal::highest("J")).patience(3);
    let stopped = patient.fit(&train, Some(&test)).unwrap();
    assert_eq!((stopped.ended, stopped.epochs.len()), (Ended::Patience, 1));
    assert_eq!(patient.session().step(), 12, "evaluated at 4, 8, 10 and 12");
    assert_eq!(patient.restore_best().unwrap(), 4);
    let found = patient.evaluate(&test).unwrap();
    assert_eq!(found, stopped.evaluations[0].metrics);
    fails(
        trainer().evaluate_every(4).fit(&train, None),
        "evaluation within epochs needs examples to evaluate on",
    );
}

/// Sets an interrupt after a step.
struct At(u64, Interrupt);

impl Observer for At {
    fn batch(&mut self, batch: &BatchEnd<'_>) {
        if batch.session.step() == self.0 {
            self.1.stop();
        }
    }
}

#[test]
fn an_interrupt_stops_after_the_step_and_saves() {
    let scratch = tempfile::tempdir().unwrap();
    let train = dl_data::digits().unwrap().train.take(500);
    let mut whole = trainer().epochs(2);
    whole.fit(&train, None).unwrap();
    let weights = |trainer: &Trainer<'_>| trainer.session().weights().unwrap();
    let interrupt = Interrupt::new();
    let stopping = || trainer().epochs(2).interrupt(&interrupt).observe(At(13, interrupt.clone()));
    let mut stopped = stopping().checkpoint(scratch.path(), Keep::last_ones(1));
    let history = stopped.fit(&train, None).unwrap();
    assert_eq!((history.ended, history.epochs.len(), stopped.session().step()), (Ended::Interrupted, 1, 13));
    // In the same process it goes on within the epoch; so it does in another.
    interrupt.clear();
    let history = stopped.fit(&train, None).unwrap();
    assert_eq!((history.ended, history.epochs.len()), (Ended::Epochs, 2));
    assert_eq!(weights(&stopped), weights(&whole));
    drop(stopped);
    // Also where it was at the end of an epoch.
    interrupt.clear();
    let mut between = trainer().epochs(2).interrupt(&interrupt).observe(At(10, interrupt.clone()));
    let history = between.fit(&train, None).unwrap();
    assert_eq!((history.ended, history.epochs.len()), (Ended::Interrupted, 1));
    interrupt.clear();
    assert_eq!(between.fit(&train, None).unwrap().epochs.len(), 2);
    assert_eq!(weights(&between), weights(&whole));
    interrupt.clear();
    std::fs::remove_dir_all(scratch.path()).unwrap();
    stopping().checkpoint(scratch.path(), Keep::last_ones(1)).fit(&train, None).unwrap();
    let mut other = trainer().epochs(2).checkpoint(scratch.path(), Keep::last_ones(1));
    other = other.resume(scratch.path()).unwrap();
    assert_eq!(other.session().step(), 13);
    other.fit(&train, None).unwrap();
    assert_eq!(weights(&other), weights(&whole));
}

/// Not a test but the training that `ctrl_c` interrupts.
#[test]
fn training() {
    let Some(folder) = std::env::var_os("DL_TRAIN_INTERRUPTED_FOLDER") else {
        return;
    };
    struct Say;
    impl Observer for Say {
        fn batch(&mut self, batch: &BatchEnd<'_>) {
            println!("\nbatch {}", batch.session.step());
            if std::env::var_os("DL_TRAIN_INTERRUPTED_TWICE").is_some() && batch.session.step() > 3 {
                // A step that takes long: until the second signal.
                std::thread::park();
            }
        }
    }
    let interrupt = Interrupt::on_ctrl_c().unwrap();
    let train = dl_data::digits().unwrap().train;
    let endless = trainer().epochs(usize::MAX).interrupt(&interrupt).observe(Say);
    let history = endless.checkpoint(folder, Keep::last_ones(1)).fit(&train, None).unwrap();
    println!("\nended {:?}", history.ended);
}

#[cfg(unix)]
#[test]
fn ctrl_c() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let scratch = tempfile::tempdir().unwrap();
    for twice in [false, true] {
        let folder = scratch.path().join(twice.to_string());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["training", "--exact", "--nocapture"]).env("DL_TRAIN_INTERRUPTED_FOLDER", &folder);
        if twice {
            command.env("DL_TRAIN_INTERRUPTED_TWICE", "1");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let interrupt = |child: &std::process::Child| {
            assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        };
        let mut ended = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            if line == "batch 4" {
                interrupt(&child);
                if twice {
                    // Until the first has arrived, the second is the first.
                    while child.try_wait().unwrap().is_none() {
                        interrupt(&child);
                    }
                }
            }
            ended = line.strip_prefix("ended ").map(str::to_owned).or(ended);
        }
        let code = child.wait().unwrap().code();
        if twice {
            assert_eq!((code, ended), (Some(130), None));
        } else {
            assert_eq!((code, ended), (Some(0), Some("Interrupted".into())));
            let resumed = trainer().resume(&folder).unwrap();
            assert!(resumed.session().step() >= 4);
        }
    }
}

#[test]
fn gradients_of_several_batches_make_one_step() {
    // The mean over 12 examples, at once or in three batches of four.
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, B), g.input("t", F64, B));
    let w = g.parameter("w", F64, (), Init::Constant(0.5));
    let b = g.parameter("b", F64, (), Init::Zeros);
    let j = (w * x + b - t).square().mean(..);
    let adam = || Adam::new(0.05);
    let line = Columns::new()
        .column("x", Tensor::vector((0..12).map(|i| f64::from(i) / 6.0).collect()))
        .unwrap()
        .column("t", Tensor::vector((0..12).map(|i| 1.0 + f64::from(i * i) / 40.0).collect()))
        .unwrap();
    let trained = |program: Program, batch_size: usize| {
        let session = Session::new(Cpu::default(), 1);
        let mut trainer = Trainer::new(session, &program).unwrap().batch_size(batch_size).epochs(5);
        trainer.fit(&line, None).unwrap();
        ["w", "b"].map(|name| trainer.session().get(name).unwrap().item().unwrap())
    };
    let whole = trained(j.minimize(adam()).unwrap(), 12);
    let parts = trained(j.minimize(Accumulate::new(3, adam())).unwrap(), 4);
    for (whole, part) in whole.iter().zip(parts) {
        assert!((whole - part).abs() < 1e-12, "{whole} and {part}");
    }
    assert!((whole[0] - 0.5).abs() > 0.05);
}

#[test]
fn journals_have_every_epoch_once_also_when_resumed() {
    let scratch = tempfile::tempdir().unwrap();
    let [runs, csv, json, events] =
        ["runs", "log.csv", "log.jsonl", "events"].map(|n| scratch.path().join(n));
    let all = dl_data::digits().unwrap();
    let (train, test) = (all.train.take(200), all.test.take(50));
    for epochs in [2, 3] {
        let trainer = trainer().epochs(epochs).evaluate_every(3).checkpoint(&runs, Keep::last_ones(1));
        let trainer = trainer.resume(&runs).unwrap();
        let trainer = trainer.observe(Journal::csv(&csv)).observe(Journal::json(&json));
        trainer.observe(EventFile::new(&events)).fit(&train, Some(&test)).unwrap();
    }
    let nowhere = trainer().observe(Journal::csv(scratch.path().join("no/folder")));
    let error = { nowhere }.fit(&train, None).unwrap_err().to_string();
    assert!(error.ends_with("no/folder: No such file or directory (os error 2)"), "{error}");
    let text = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "epoch,steps,seconds,train J,test J"));
    for (i, line) in lines[1..].iter().enumerate() {
        let fields: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
        assert_eq!(fields[..2], [1.0 + i as f64, 4.0 * (1.0 + i as f64)]);
        assert_eq!(fields.len(), 5);
    }
    let text = std::fs::read_to_string(&json).unwrap();
    let epochs: Vec<Epoch> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(epochs.iter().map(|e| e.number).collect::<Vec<_>>(), [1, 2, 3]);
    let files: Vec<_> = events.read_dir().unwrap().map(|e| e.unwrap()).collect();
    assert_eq!(files.len(), 2, "one for each process");
    let bytes = std::fs::read(files[0].path()).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(has("brain.Event:2") && has("train/J") && has("test/J"));
}

#[test]
fn callbacks_see_the_session() {
    struct Norms(Rc<RefCell<Vec<f64>>>);
    impl Observer for Norms {
        fn evaluated(&mut self, _: &Evaluation, session: &Session) {
            self.0.borrow_mut().push(-(session.step() as f64));
        }
        fn epoch(&mut self, _: &Epoch, session: &Session) -> ControlFlow<()> {
            let weight = session.get("fc.weight").unwrap().to_f64();
            self.0.borrow_mut().push(weight.iter().map(|x| x * x).sum());
            ControlFlow::Continue(())
        }
    }
    let all = dl_data::digits().unwrap();
    let seen = Rc::new(RefCell::new(vec![]));
    let mut trainer = trainer().epochs(2).evaluate_every(3).observe(Norms(seen.clone()));
    trainer.fit(&all.train.take(200), Some(&all.test.take(50))).unwrap();
    let seen = seen.borrow();
    assert_eq!((seen[0], seen[2], seen.len()), (-3.0, -6.0, 4));
    assert!(seen[1] > 0.0 && seen[3] > seen[1]);
}
