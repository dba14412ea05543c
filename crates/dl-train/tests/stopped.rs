//! Trainings that stop at numbers that are not finite: where they came from, and what is kept.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use dl_backends::{Cpu, Session};
use dl_core::nn::Sgd;
use dl_core::{F32, Graph, Init, Named, Program};
use dl_train::{FromFn, Keep, Trainer, from_fn};

const B: Named = Named("B");

/// The likelihood of `x` with a scale that is learned: no number where `x` is not above 0.
fn likelihood() -> (Program, u32) {
    let g = Graph::new();
    let x = g.input("x", F32, B);
    let scale = g.parameter("scale", F32, (), Init::Constant(1.0));
    let line = line!() + 1;
    let score = x.log().named("score") - scale;
    let step = score.square().mean(..).minimize(Sgd::new(0.1)).unwrap();
    (step, line)
}

/// A loss that is finite where `x` is 0, with a derivative that is not: the scale is NaN from then on.
fn hidden() -> (Program, u32) {
    let g = Graph::new();
    let x = g.input("x", F32, B);
    let scale = g.parameter("scale", F32, (), Init::Constant(1.0));
    let line = line!() + 1;
    let root = (x * scale).sqrt().named("root");
    let step = root.mean(..).minimize(Sgd::new(0.01)).unwrap();
    (step, line)
}

/// Ten batches of 2: 1 to 20, of which the 13th is `thirteenth`.
fn numbers(
    thirteenth: &Cell<f32>,
) -> FromFn<impl Fn(&[usize], &mut dl_train::Batch) -> dl_train::Result<()>> {
    from_fn(20, |rows, batch| {
        let value = |row: &usize| if *row == 12 { thirteenth.get() } else { *row as f32 + 1.0 };
        batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(value)))
    })
}

fn trainer<'a>(step: &Program, checking: bool) -> Trainer<'a> {
    let session = Session::new(Cpu::default(), 7).checking(checking);
    Trainer::new(session, step).unwrap().epochs(2).batch_size(2)
}

#[test]
fn the_first_value_is_named_and_the_training_before_it_is_kept() {
    let (step, line) = likelihood();
    let thirteenth = Cell::new(13.0);
    let source = numbers(&thirteenth);
    let mut whole = trainer(&step, true);
    whole.fit(&source, None).unwrap();

    thirteenth.set(-13.0);
    let folder = tempfile::tempdir().unwrap();
    let error =
        trainer(&step, true).checkpoint(folder.path(), Keep::last_ones(2)).fit(&source, None).unwrap_err();
    assert!(error.is_divergence());
    let place = format!("epoch 1, batch 7 of 10 (step 7): {}:{line}: ", file!());
    let what = "score = log(x) is not finite: f32 [2] with 1 NaN; 1 finite from 2.6390573978424072 to \
                2.6390573978424072, mean 2.63906; computed from x: f32 [2] from -13.0 to 14.0, mean 0.5";
    let kept = format!("; the training before it is saved: {} at step 6", folder.path().display());
    assert_eq!(error.to_string(), format!("{place}{what}{kept}"));

    // From there it goes on as if nothing had been.
    thirteenth.set(13.0);
    let mut again = trainer(&step, true).resume(folder.path()).unwrap();
    assert_eq!(again.session().step(), 6);
    again.fit(&source, None).unwrap();
    assert_eq!(again.session().get("scale").unwrap(), whole.session().get("scale").unwrap());
}

/// What is found steps later is traced back, whatever was recorded in between.
#[test]
fn a_traced_training_goes_back_to_the_first_value() {
    let (step, line) = hidden();
    let thirteenth = Cell::new(0.0);
    let source = numbers(&thirteenth);
    for every in [0, 1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let mut traced = trainer(&step, false).tracing_not_finite(true).read_every(9);
        if every > 0 {
            traced = traced.ledger_every(every).checkpoint(folder.path(), Keep::last_ones(1));
            traced = traced.checkpoint_every(every).unwrap();
        }
        let error = traced.fit(&source, None).unwrap_err();
        let place = format!("epoch 1, batch 7 of 10 (step 7): {}:{line}: ", file!());
        assert!(error.is_divergence() && error.to_string().starts_with(&place), "{error}");
        assert_eq!(traced.session().step(), 6);
        if every > 0 {
            thirteenth.set(13.0);
            let mut again = trainer(&step, false).read_every(9).ledger_every(every);
            again = again.resume(folder.path()).unwrap();
            let resumed = again.fit(&source, None).unwrap();
            let mut whole = trainer(&step, false).read_every(9).ledger_every(every);
            let never = whole.fit(&source, None).unwrap();
            assert_eq!(resumed.ledger_line(), never.ledger_line());
            assert_eq!(resumed.epochs.len(), 2);
            thirteenth.set(0.0);
        }
    }
}

#[test]
fn without_checks_nothing_that_went_wrong_is_saved() {
    let (step, _) = likelihood();
    let (thirteenth, folder) = (Cell::new(-13.0), tempfile::tempdir().unwrap());
    let mut trainer = trainer(&step, false).checkpoint(folder.path(), Keep::last_ones(9));
    let error = trainer.fit(&numbers(&thirteenth), None).unwrap_err();
    assert!(error.is_divergence());
    assert_eq!(error.to_string(), "epoch 1, batch 7 of 10 (step 7): J is NaN, expected a finite number");
    assert!(trainer.session().get("scale").unwrap().item().unwrap().is_nan());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["lock"]);
}

#[test]
fn a_source_that_fails_loses_nothing() {
    let (step, _) = likelihood();
    let folder = tempfile::tempdir().unwrap();
    let broken = from_fn(20, |rows, batch| {
        if rows[0] == 8 {
            return Err(dl_train::Error::value("the disk is gone"));
        }
        batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|row| *row as f32 + 1.0)))
    });
    let mut trainer = trainer(&step, false).checkpoint(folder.path(), Keep::last_ones(1));
    let error = trainer.fit(&broken, None).unwrap_err().to_string();
    assert!(error.starts_with("the disk is gone; the training before it is saved: "), "{error}");
    assert!(error.ends_with(" at step 4"), "{error}");
    assert_eq!(trainer.session().step(), 4);
}
