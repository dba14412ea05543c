//! Products of the `wgpu` executor cut as measurements say, and the file that keeps these.
#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use dl_backends::tuning::{Choices, Cut};
use dl_backends::{Session, Wgpu};
use dl_core::{Dims, F32, Graph, Init, Named, Plan, Program, Schedule, Tensor};

const ROWS: usize = 20;

/// A product and the gradient of its right operand, which is another one, in a step of this rate.
fn step(rate: f64) -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), 300));
    let w = g.parameter("w", F32, [300, 12], Init::Uniform { low: -1.0, high: 1.0 });
    let loss = x.dot(w).tanh().mean(..);
    let [gradient] = loss.grad(&[w])[..] else { panic!("one gradient") };
    let program = Program::builder(&g).output("J", loss).update(w, w - rate * gradient);
    program.compile().unwrap()
}

fn x() -> Tensor {
    let numbers = (0..ROWS * 300).map(|i| (i * 7919 % 2003) as f32 / 1001.5 - 1.0).collect::<Vec<_>>();
    Tensor::new([ROWS, 300], numbers).unwrap()
}

/// A step on a device: the parameter before and after, and how it ran.
fn run(device: Wgpu, rate: f64) -> ([Tensor; 2], String) {
    let mut session = Session::new(device, 7);
    let handle = session.compile(&step(rate)).unwrap();
    let before = session.get("w").unwrap();
    let listing = session.run(&handle, &[x().view()]).unwrap().listing();
    ([before, session.get("w").unwrap()], listing)
}

fn tuned(path: &Path, rate: f64) -> ([Tensor; 2], String) {
    run(Wgpu::default().tuned(path).unwrap(), rate)
}

/// What the interpreter makes of the parameter.
fn is_right([before, after]: &[Tensor; 2], rate: f64) {
    let plan = Arc::new(Plan::new(&step(rate)));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", ROWS)).unwrap();
    let want = schedule.interpret(&[x().view()], &[before.view()], (7, 0)).unwrap();
    let want = want.updates[0].as_ref().unwrap().to_f64();
    for (got, want) in after.to_f64().into_iter().zip(want) {
        assert!((got - want).abs() <= 1e-5, "{got}, not {want}");
    }
}

#[test]
fn what_was_measured_once_is_known_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tuned.json");
    let (plain, listing) = run(Wgpu::default(), 0.5);
    assert_eq!(listing.matches(" by the model").count(), 2, "{listing}");

    let (first, listing) = tuned(&path, 0.5);
    is_right(&first, 0.5);
    // Whatever was measured, no parameter was part of it.
    assert_eq!(first[0], plain[0]);
    assert!(
        listing.contains("\ntuning     2 products measured, 0 known, 0 as the model says\n"),
        "{listing}"
    );
    assert_eq!(listing.matches(" by measurement").count(), 2, "{listing}");
    let file = std::fs::read(&path).unwrap();
    let choices = Choices::from_json(&file).unwrap();
    assert_eq!(choices.all().len(), 2);
    for choice in choices.all() {
        assert!(choice.best.seconds <= choice.model.seconds, "{choice:?}");
        assert!(!choice.key.device.is_empty() && !choice.key.driver.is_empty(), "{choice:?}");
    }

    // Also with another rate, which is no part of a kernel.
    for rate in [0.5, 0.25] {
        let (again, listing) = tuned(&path, rate);
        is_right(&again, rate);
        assert!(
            listing.contains("\ntuning     0 products measured, 2 known, 0 as the model says\n"),
            "{listing}"
        );
        assert_eq!(listing.matches(" by an earlier measurement").count(), 2, "{listing}");
        assert_eq!(rate == 0.5, again == first);
    }
    assert_eq!(std::fs::read(&path).unwrap(), file, "nothing to add");
}

#[test]
fn a_file_decides_if_its_cut_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tuned.json");
    tuned(&path, 0.5);
    let measured = Choices::open(&path).unwrap();
    let with = |cut: &dyn Fn(Cut) -> Cut| {
        let changed = measured.all().iter().cloned().map(|mut choice| {
            choice.best.cut = cut(choice.best.cut);
            choice
        });
        Choices::add_to(&path, &changed.collect::<Vec<_>>()).unwrap();
        let (parameters, listing) = tuned(&path, 0.5);
        is_right(&parameters, 0.5);
        listing
    };
    // The gradient has a term for each row, and no shares.
    let listing = with(&|cut| Cut { rows: 4, columns: 1, terms: cut.terms.min(64) });
    assert!(listing.contains(" 0 products measured, 2 known"), "{listing}");
    assert!(listing.contains("tiles of 4 × ") && !listing.contains("tiles of 8 × "), "{listing}");
    assert!(listing.contains(" in 5 shares by an earlier measurement"), "{listing}");
    let listing = with(&|cut| Cut { rows: 5, ..cut });
    assert!(listing.contains(" 2 products measured, 0 known"), "{listing}");
}

#[test]
fn a_file_of_somebody_else_is_an_error_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "what I wrote").unwrap();
    let told = Wgpu::default().tuned(&path).err().unwrap().to_string();
    assert!(told.contains("notes.txt") && told.contains("name another file"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "what I wrote");

    // It came after the executor was made: the program runs, and says what was not kept.
    let path = folder.path().join("tuned.json");
    let device = Wgpu::default().tuned(&path).unwrap();
    std::fs::write(&path, "what I wrote").unwrap();
    let (parameters, listing) = run(device, 0.5);
    is_right(&parameters, 0.5);
    assert!(listing.contains("2 products measured") && listing.contains("could not be kept: "), "{listing}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "what I wrote");
}
