//! Other frameworks on the same work: which there are here, and what their processes are given.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dl_examples::perceptron::{Perceptron, Recipe};
use serde::Serialize;
use tempfile::TempDir;

use crate::fault::{Fault, Result};
use crate::protocol::RowSpec;
use crate::record::Skipped;
use crate::subject::SEED;
use crate::work::{DataAt, PIXELS, Work};

/// The Rust one: a subject of this program, if it was built with it.
pub(crate) const CANDLE: &str = "candle";

/// Those in Python, with the module that each needs.
const PYTHON: [(&str, &str); 3] = [("torch", "torch"), ("torch-compile", "torch"), ("jax", "jax")];

/// The folder of the virtual environment that `cargo xtask peers` makes, from the root.
const ENVIRONMENT: &str = "target/peers";

/// The peers that can run here, and why the others cannot.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) present: Vec<&'static str>,
    pub(crate) skipped: Vec<Skipped>,
}

/// Looks for every peer.
pub(crate) fn find() -> Peers {
    find_with(|module| has(&python(), module), cfg!(feature = "candle"))
}

fn find_with(mut has: impl FnMut(&str) -> bool, candle: bool) -> Peers {
    let mut peers = Peers::default();
    for (name, module) in PYTHON {
        if has(module) {
            peers.present.push(name);
        } else {
            let reason = format!("{module} is not installed in {ENVIRONMENT}: run `cargo xtask peers`");
            peers.skipped.push(Skipped { peer: name.into(), reason });
        }
    }
    if candle {
        peers.present.push(CANDLE);
    } else {
        let reason = "not in this build: add it, as in `--features ndarray,flex,candle`".into();
        peers.skipped.push(Skipped { peer: CANDLE.into(), reason });
    }
    peers
}

/// Whether the module is found, without the seconds that importing it may take.
fn has(python: &Path, module: &str) -> bool {
    let found = format!("import importlib.util, sys; sys.exit(not importlib.util.find_spec({module:?}))");
    let mut command = Command::new(python);
    command.args(["-c", &found]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn python() -> PathBuf {
    let inside = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python3" };
    Path::new(ENVIRONMENT).join(inside)
}

/// The process of a peer that is in Python; `None` where the row is of this program.
pub(crate) fn command(spec: &RowSpec) -> Option<Command> {
    spec.peer.as_ref()?;
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/peer.py"));
    Some(command)
}

/// Whether a peer's process is in Python, and so has to be [given](give) its work in files.
pub(crate) fn in_python(name: &str) -> bool {
    PYTHON.iter().any(|(peer, _)| *peer == name)
}

/// What a peer is told of its work; images, labels and parameters are raw values in files beside it.
#[derive(Serialize)]
struct About {
    batch: usize,
    pixels: usize,
    full_scale: u8,
    rate: f64,
    /// In the order in which they are used.
    parameters: Vec<(String, Vec<usize>)>,
}

/// The perceptron's parameters, in the order in which they are used.
pub(crate) const PARAMETERS: [&str; 4] = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"];

/// Writes the batches and first values of every row into a folder that is removed when dropped.
///
/// # Errors
/// The dataset is gone, or the folder cannot be written.
pub(crate) fn give(data: &DataAt, batch: usize) -> Result<TempDir> {
    write(&Work::new(data.load()?, batch)?).map_err(|fault| fault.during("cannot write a peer's data"))
}

fn write(work: &Work) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| File::create(folder.path().join(name));
    let (mut images, mut labels) = (file("images")?, file("labels")?);
    for batch in work.ring() {
        images.write_all(&batch.images)?;
        labels.write_all(&batch.labels.iter().flat_map(|label| label.to_ne_bytes()).collect::<Vec<u8>>())?;
    }
    let first = Perceptron::MNIST.train(&Recipe::TUTORIAL)?.initial(SEED)?;
    let mut parameters = vec![];
    for name in PARAMETERS {
        let found = first.iter().find(|(path, _)| **path == *name);
        let (_, value) = found.ok_or_else(|| Fault::new(format!("no parameter {name}")))?;
        let bytes = value.get::<f32>()?.iter().flat_map(|value| value.to_ne_bytes());
        fs::write(folder.path().join(name), bytes.collect::<Vec<u8>>())?;
        parameters.push((name.to_owned(), value.shape().to_vec()));
    }
    let (full_scale, rate) = (work.data().full_scale, Recipe::TUTORIAL.rate);
    let about = About { batch: work.batch(), pixels: PIXELS, full_scale, rate, parameters };
    serde_json::to_writer(file("work.json")?, &about)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Reply, Request};

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let peers = find_with(|module| module == "jax", false);
        assert_eq!(peers.present, ["jax"]);
        let said: Vec<String> = peers.skipped.iter().map(|s| format!("{}: {}", s.peer, s.reason)).collect();
        let torch = "torch is not installed in target/peers: run `cargo xtask peers`";
        let candle = "candle: not in this build: add it, as in `--features ndarray,flex,candle`";
        assert_eq!(said, [&*format!("torch: {torch}"), &format!("torch-compile: {torch}"), candle]);
        assert_eq!(find_with(|_| true, true).skipped, []);
    }

    #[test]
    fn the_script_speaks_the_words_of_the_protocol() {
        let script = include_str!("../peers/peer.py");
        let requests =
            [Request::Losses { steps: 1 }, Request::WarmUp { ms: 1.0 }, Request::Time { steps: 1 }];
        for request in requests.into_iter().chain([Request::Peak]) {
            let line = serde_json::to_string(&request).unwrap();
            let word = line.split('"').nth(1).unwrap();
            assert!(script.contains(&format!("word == \"{word}\"")), "{word}");
        }
        let replies = [
            Reply::Ready { compile_ms: None, note: None },
            Reply::Losses { values: vec![] },
            Reply::Times { ms: vec![] },
            Reply::Peak { mib: None, data_mib: None },
            Reply::Failed { message: String::new() },
        ];
        for reply in replies {
            let line = serde_json::to_string(&reply).unwrap();
            let words: Vec<&str> =
                line.split('"').skip(1).step_by(2).filter(|word| !word.is_empty()).collect();
            let said = format!("say(\"{}\", {{\"{}\":", words[0], words[1]);
            assert!(script.contains(&said), "{said}");
        }
    }

    #[test]
    fn a_python_that_is_not_there_has_no_modules() {
        assert!(!has(Path::new("no/such/python"), "sys"));
    }

    #[test]
    fn a_peer_is_given_every_value_as_it_lies_in_memory() {
        let work = Work::synthetic(30);
        let folder = write(&work).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("images"), &*work.ring()[0].images);
        let labels: Vec<u8> = (0..30i64).flat_map(|i| (i % 10).to_ne_bytes()).collect();
        assert_eq!(read("labels"), labels);
        assert_eq!(read("fc1.weight").len(), 784 * 128 * 4);
        let about: serde_json::Value = serde_json::from_slice(&read("work.json")).unwrap();
        assert_eq!(about["parameters"][2], serde_json::json!(["fc2.weight", [128, 10]]));
        assert_eq!((&about["batch"], &about["rate"]), (&30.into(), &0.01.into()));
    }
}
