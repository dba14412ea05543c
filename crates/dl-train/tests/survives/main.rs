//! Checkpoints: trainings that end and go on elsewhere, to the bit, and what is refused.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

mod killed;
mod ledger;
mod network;
mod sampled;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use dl_backends::{Cpu, Session};
use dl_core::nn::Sgd;
use dl_core::{F64, Graph, Init, Program};
use dl_train::{Columns, Goal, History, Keep, Metrics, Observer, Saved, Trainer, from_fn};

use network::{bits, digits, evaluation, kept, trainer, trainer_of};

fn metrics(history: &History) -> Vec<(Metrics, Metrics)> {
    history.epochs.iter().map(|e| (e.train.clone(), e.test.clone())).collect()
}

fn fails(result: dl_train::Result<impl Sized>, folder: &Path, want: &str) {
    let message = result.err().unwrap().to_string().replace(&folder.display().to_string(), "runs/a");
    assert_eq!(message, want);
}

/// The steps of the checkpoints in a folder.
fn steps(folder: &Path) -> Vec<u64> {
    let names = folder.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let step = |name: String| name.strip_prefix("step-")?.strip_suffix(".json")?.parse().ok();
    let mut steps: Vec<u64> = names.filter_map(step).collect();
    steps.sort_unstable();
    steps
}

#[test]
fn a_training_goes_on_where_it_ended_whatever_the_threads() {
    let scratch = tempfile::tempdir().unwrap();
    let (train, test) = digits();
    let mut whole = trainer(2).evaluate_with(&evaluation()).unwrap();
    let history = whole.fit(&train, Some(&test)).unwrap();
    let folder = scratch.path().join("a");
    // Killed in effect: each ends in the midst of an epoch, by an example that cannot be had.
    for (threads, most) in [(1, 7), (2, 31), (1, 14), (2, 1)] {
        let left = RefCell::new(most);
        let source = from_fn(160, |rows, batch| {
            *left.borrow_mut() -= 1;
            if *left.borrow() < 0 {
                return Err(dl_train::Error::value("no more"));
            }
            dl_train::Source::fill(&train, rows, batch)
        });
        let mut part = kept(trainer(threads), &folder).resume(&folder).unwrap();
        let from = part.session().step();
        let ended = part.fit(&source, Some(&test));
        let step = part.session().step();
        assert!(step > from);
        fails(ended, &folder, &format!("no more; the training before it is saved: runs/a at step {step}"));
    }
    // The evaluation program may come before or after.
    let last = trainer(1).resume(&folder).unwrap();
    assert_eq!(last.session().step(), 7 + 31 + 14 + 1);
    let mut last = kept(last, &folder);
    let resumed = last.fit(&train, Some(&test)).unwrap();
    assert_eq!(bits(last.session()), bits(whole.session()));
    assert_eq!(metrics(&resumed), metrics(&history));
    assert_eq!((resumed.run.finished, resumed.run.epochs), (0, 6));
    drop(last);
    // Another two epochs, in this process or another.
    let mut more = kept(trainer(2), &folder).resume(&folder).unwrap().epochs(8);
    assert_eq!(more.fit(&train, Some(&test)).unwrap().epochs.len(), 8);
    let mut whole = whole.epochs(2);
    whole.fit(&train, Some(&test)).unwrap();
    assert_eq!(bits(more.session()), bits(whole.session()));
}

#[test]
fn the_last_and_the_best_are_kept_and_the_best_restored() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("a");
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    // At rate 1 it hops from 0 to 2 and back, around 1.25: 2 is better.
    let step = (theta - 1.25).abs().minimize(Sgd::new(2.0)).unwrap();
    let one = from_fn(1, |_, _| Ok(()));
    let session = || Session::new(Cpu::default(), 1);
    let best =
        |goal: Goal| Trainer::new(session(), &step).unwrap().checkpoint(&folder, Keep::best(goal)).epochs(6);
    let mut trainer = best(Goal::lowest("J"));
    let history = trainer.fit(&one, None).unwrap();
    let losses: Vec<f64> = history.epochs.iter().map(|e| e.train.get("J").unwrap()).collect();
    assert_eq!(losses, [1.25, 0.75, 1.25, 0.75, 1.25, 0.75]);
    assert_eq!(steps(&folder), [2, 5, 6]);
    assert_eq!(trainer.restore_best().unwrap(), 2);
    // The loss of the second step was that of the parameters before it.
    assert_eq!(trainer.session().get("θ").unwrap().item().unwrap(), 0.0);
    // While it lives, the folder is its own.
    drop(trainer);
    std::fs::remove_dir_all(&folder).unwrap();
    best(Goal::highest("J")).fit(&one, None).unwrap();
    assert_eq!(steps(&folder), [1, 5, 6]);
    let mut none = Trainer::new(session(), &step).unwrap();
    fails(none.restore_best(), &folder, "there is no best to restore: see Trainer::keep_best and Keep::best");
    std::fs::remove_dir_all(&folder).unwrap();
    let mut patient = best(Goal::lowest("J")).patience(2).epochs(100);
    assert_eq!(patient.fit(&one, None).unwrap().epochs.len(), 4);
    drop(patient);
    // It has ended, also for those who resume it.
    let mut again = best(Goal::lowest("J")).patience(2).epochs(100).resume(&folder).unwrap();
    assert_eq!(again.fit(&one, None).unwrap().epochs.len(), 4);
    let mut unknown = best("K".into()).resume(&folder).unwrap();
    fails(unknown.fit(&one, None), &folder, "no metric K is reported; there are J");
}

#[test]
fn checkpoints_of_other_trainings_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("a");
    let (train, test) = digits();
    kept(trainer(1), &folder).epochs(2).fit(&train, Some(&test)).unwrap();
    let at = "checkpoint runs/a at step 20 is refused: ";
    fails(trainer_of(1, 7, 0.02).resume(&folder), &folder, &format!("{at}it is of another program"));
    fails(
        trainer_of(1, 8, 0.01).resume(&folder),
        &folder,
        &format!("{at}its session has the seed 7, this one 8"),
    );
    let resumed = || kept(trainer(1), &folder).resume(&folder).unwrap();
    fails(
        resumed().batch_size(8).shuffle(4).fit(&train, Some(&test)),
        &folder,
        "the checkpoint is of a training with batches of 16, here 8; shuffled by seed 3, here shuffled by seed 4",
    );
    fails(
        resumed().fit(&train.take(100), Some(&test)),
        &folder,
        "the checkpoint is of a training with 160 examples, here 100",
    );
    fails(
        kept(trainer(1), &folder).fit(&train, Some(&test)),
        &folder,
        "runs/a has checkpoints of another training: resume it, or choose another folder",
    );
    fails(trainer(1).checkpoint_every(3), &folder, "checkpoints need a folder: see Trainer::checkpoint");
    fails(
        trainer(1).resume_at(&folder, 11),
        &folder,
        "checkpoint runs/a/step-000000000011.json is refused: No such file or directory (os error 2); there is none \
         before it",
    );
    let path = folder.join("step-000000000020.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[1..]).unwrap();
    let message = trainer(1).resume(&folder).err().unwrap().to_string();
    assert!(
        message.ends_with("; the one before it, of step 18, is whole: Trainer::resume_at takes it"),
        "{message}"
    );
    assert_eq!(trainer(1).resume_at(&folder, 18).unwrap().session().step(), 18);
}

#[test]
fn observers_hear_of_every_checkpoint_and_none_is_there_before_it_is_safe() {
    #[derive(Clone, Default)]
    struct Heard(Rc<RefCell<Vec<u64>>>);
    impl Observer for Heard {
        fn saved(&mut self, saved: &Saved) {
            assert!(steps(&saved.folder).contains(&saved.step) || saved.step + 6 <= 60);
            self.0.borrow_mut().push(saved.step);
        }
    }
    let scratch = tempfile::tempdir().unwrap();
    let (train, test) = digits();
    let heard = Heard::default();
    let mut trainer = kept(trainer(1), scratch.path()).observe(heard.clone());
    trainer.fit(&train, Some(&test)).unwrap();
    let want: Vec<u64> = (1..=60).filter(|step| step % 3 == 0 || step % 10 == 0).collect();
    assert_eq!(*heard.0.borrow(), want);
    assert!(steps(scratch.path()).len() <= 3);
    let lines = Columns::new();
    assert!(trainer.fit(&lines, None).is_err());
}

#[test]
fn a_program_without_state_is_saved_too() {
    let scratch = tempfile::tempdir().unwrap();
    let g = Graph::new();
    let n = g.state("n", F64, (), Init::Zeros);
    let program = Program::builder(&g).update(n, n + 1.0).compile().unwrap();
    let one = from_fn(3, |_, _| Ok(()));
    let session = || Session::new(Cpu::default(), 1);
    let trainer = || {
        Trainer::new(session(), &program)
            .unwrap()
            .batch_size(1)
            .checkpoint(scratch.path(), Keep::last_ones(1))
    };
    trainer().epochs(2).fit(&one, None).unwrap();
    assert_eq!(steps(scratch.path()), [6]);
    let mut more = trainer().resume(scratch.path()).unwrap().epochs(3);
    more.fit(&one, None).unwrap();
    assert_eq!(more.session().get("n").unwrap().item().unwrap(), 9.0);
}

/// A small disk, until this is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None where file systems cannot be mounted.
    fn of(size: &str) -> Option<Disk> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Disk(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_was_saved_is_there() {
    let Some(disk) = Disk::of("96k") else {
        eprintln!("no file system can be mounted here: skipped");
        return;
    };
    let folder = disk.0.path().join("a");
    let (train, test) = digits();
    let saved = Rc::new(RefCell::new(0));
    struct Last(Rc<RefCell<u64>>);
    impl Observer for Last {
        fn saved(&mut self, saved: &Saved) {
            *self.0.borrow_mut() = saved.step;
        }
    }
    let all =
        || kept(trainer(1), &folder).checkpoint(&folder, Keep::last_ones(100)).checkpoint_every(3).unwrap();
    let mut full = all().observe(Last(saved.clone()));
    let error = full.fit(&train, Some(&test)).unwrap_err().to_string();
    let ends = error.contains("No space left on device") && error.ends_with("; those before it are whole");
    assert!(error.starts_with("a checkpoint could not be written: ") && ends, "{error}");
    drop(full);
    let last = *saved.borrow();
    assert!(last > 0, "some fit");
    let resumed = trainer(1).resume(&folder).unwrap();
    assert!(resumed.session().step() >= last);
    // With room again, it comes to what it would have.
    let room = tempfile::tempdir().unwrap();
    for entry in folder.read_dir().unwrap().map(|e| e.unwrap()) {
        std::fs::copy(entry.path(), room.path().join(entry.file_name())).unwrap();
    }
    let mut rest = kept(trainer(2), room.path()).resume(room.path()).unwrap();
    rest.fit(&train, Some(&test)).unwrap();
    let mut whole = trainer(1).evaluate_with(&evaluation()).unwrap();
    whole.fit(&train, Some(&test)).unwrap();
    assert_eq!(bits(rest.session()), bits(whole.session()));
}
