//! Checkpoints whose record somebody changed and sealed again: a training goes on from them, or refuses them.

use std::fs;
use std::path::{Path, PathBuf};

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, Init, Named, Program, Tensor};
use dl_train::{Columns, Keep, Metric, Trainer};
use sha2::{Digest, Sha256};

/// The folder, written once, of a training that was interrupted within its second epoch.
struct Run {
    folder: tempfile::TempDir,
    step: PathBuf,
    program: Program,
}

const B: Named = Named("B");

fn program() -> Program {
    let g = Graph::new();
    let (x, t) = (g.input("x", F32, B), g.input("t", F32, B));
    let w = g.parameter("w", F32, (), Init::Zeros);
    let j = nn::mse(w * x, t).mean(..).named("J");
    let step = j.minimize(Sgd::new(0.1).momentum(0.9));
    step.expect("the program is right")
}

fn examples() -> Columns {
    let column = |by: f32| Tensor::vector((0u8..6).map(|i| by * f32::from(i)).collect());
    let columns = Columns::new().column("x", column(0.25)).and_then(|c| c.column("t", column(0.5)));
    columns.expect("the columns are right")
}

fn trainer(program: &Program) -> Trainer<'static> {
    let session = Session::new(Cpu::with_threads(1), 7);
    let trainer = Trainer::new(session, program).and_then(|t| t.report([Metric::mean("J")]));
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
