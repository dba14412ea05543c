//! Checkpoints whose record somebody changed and sealed again: a training goes on from them, or refuses them.

use std::fs;
use std::path::{Path, PathBuf};

use dl_backends::{Cpu, Session};
use dl_core::{F32, Graph, I64, Named, Program, Tensor, nn};
use dl_train::{Columns, Keep, Metric, Trainer};
use sha2::{Digest, Sha256};

/// The folder, written once, of a training that was interrupted within its second epoch.
struct Run {
    folder: tempfile::TempDir,
    step: PathBuf,
    program: Program,
}

const B: Named = Named("B");

/// Three classes of points in the plane.
fn program() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 2)), g.input("y", I64, B));
    let logits = nn::dense(x, "fc", 3);
    let j = nn::cross_entropy(logits, y).mean(..);
    let weights: Vec<_> = g.parameters().iter().collect();
    let built = Program::builder(&g).output("J", j).output("logits", logits);
    let gradients = j.grad(&weights);
    let pairs = weights.iter().zip(gradients);
    let built = pairs.fold(built, |built, (w, gradient)| built.update(*w, *w - 0.1 * gradient));
    built.compile().expect("the program is right")
}

fn examples() -> Columns {
    let x = Tensor::new([6, 2], (0u8..12).map(|i| 0.25 * f32::from(i)).collect::<Vec<f32>>());
    let columns = Columns::new().column("x", x.expect("12 numbers"));
    let columns = columns.and_then(|c| c.column("y", Tensor::vector(vec![0i64, 1, 2, 0, 1, 2])));
    columns.expect("the columns are right")
}

/// With metrics of every kind of state.
fn trainer(program: &Program) -> Trainer<'static> {
    let metrics = [
        Metric::mean("J"),
        Metric::largest("J").named("most"),
        Metric::accuracy("logits", "y"),
        Metric::f1("logits", "y"),
        Metric::calibration_error(4, "logits", "y"),
    ];
    let session = Session::new(Cpu::with_threads(1), 7);
    let trainer = Trainer::new(session, program).and_then(|t| t.report(metrics));
    trainer.expect("the program can be trained").epochs(2).batch_size(2).shuffle(7)
}

impl Run {
    fn new() -> Run {
        let (folder, program) = (tempfile::tempdir().expect("a folder"), program());
        let trainer = trainer(&program).checkpoint(folder.path(), Keep::last_ones(9));
        let trainer = trainer.checkpoint_every(1).expect("a folder was said");
        let mut trainer = trainer.ledger_every(1);
        trainer.fit(&examples(), None).expect("it trains");
        // The second batch of the second epoch: sums, a history and a ledger are there.
        let step = folder.path().join("step-000000000005");
        Run { folder, step, program }
    }

    fn file(&self, end: &str) -> PathBuf {
        self.step.with_extension(end)
    }
}

thread_local! {
    static RUN: Run = Run::new();
}

/// What follows the seal of the record.
const RECORD: &str = ",\"checkpoint\":";

/// The record without its seal.
pub(crate) fn files() -> Vec<Vec<u8>> {
    RUN.with(|run| {
        let text = fs::read_to_string(run.file("json")).expect("the training wrote it");
        let start = text.find(RECORD).expect("it is sealed") + RECORD.len();
        let record = text[start..].trim_end().strip_suffix('}').expect("it is sealed");
        vec![record.as_bytes().to_vec()]
    })
}

/// Seals a record, as whoever changed it may do, and trains on from it.
pub(crate) fn read(record: Vec<u8>) -> bool {
    RUN.with(|run| {
        let folder = run.folder.path().join("read");
        write(run, &folder, &record);
        let Ok(mut trainer) = trainer(&run.program).resume(&folder) else { return false };
        trainer.fit(&examples(), None).is_ok()
    })
}

fn write(run: &Run, folder: &Path, record: &[u8]) {
    let seal: String = Sha256::digest(record).iter().map(|byte| format!("{byte:02x}")).collect();
    let sealed = [format!("{{\"sha256\":\"{seal}\"{RECORD}").as_bytes(), record, b"}"].concat();
    if !folder.exists() {
        fs::create_dir(folder).expect("a folder");
        fs::copy(run.file("safetensors"), folder.join("step-000000000005.safetensors")).expect("a copy");
    }
    fs::write(folder.join("step-000000000005.json"), sealed).expect("a file");
}
