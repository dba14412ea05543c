//! Other frameworks on the same work: which there are here, and what their processes are given.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dl_core::Tensor;
use dl_core::tensor::Data;
use tempfile::TempDir;

use crate::child::SERVE;
use crate::fault::Result;
use crate::network::{Network, Programs};
use crate::protocol::{DataAt, RowSpec};
use crate::record::Skipped;
use crate::work::{self, Work};

/// The Rust one: a program of its own, beside this one, if it was built.
pub(crate) const CANDLE: &str = "candle";

/// Those in Python, with the module that each needs.
const PYTHON: [(&str, &str); 3] = [("torch", "torch"), ("torch-compile", "torch"), ("jax", "jax")];

/// The variable that names candle's program.
const PROGRAM: &str = "DL_BENCH_CANDLE";

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
    find_with(|module| has(&python(), module), candle().is_some())
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
        let reason = "not built: add it, as in `--features ndarray,flex,candle`".into();
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

/// candle's program, where it was built: `cargo xtask bench` names it, since one that lies there may be old.
fn candle() -> Option<PathBuf> {
    std::env::var_os(PROGRAM).map(PathBuf::from).filter(|program| program.is_file())
}

/// The process of a peer; `None` where the row is of this program.
pub(crate) fn command(spec: &RowSpec) -> Option<Command> {
    spec.peer.as_ref()?;
    match (&*spec.backend, candle()) {
        (CANDLE, Some(program)) => {
            let mut command = Command::new(program);
            command.arg(SERVE);
            Some(command)
        }
        _ => Some(script("peer.py")),
    }
}

/// A script of the peers' folder, in the environment that has them.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name));
    command
}

/// Whether PyTorch can run here.
pub(crate) fn has_torch() -> bool {
    has(&python(), "torch")
}

/// Writes the batches and first values of every row into a folder that is removed when dropped:
/// the files `x` and `y`, batch after batch, and one for each parameter, raw values in each; and names and
/// shapes of all parameters as JSON, in `parameters`.
///
/// # Errors
/// The dataset is gone, or the folder cannot be written.
pub(crate) fn give(network: &Network, data: &DataAt, batch: usize) -> Result<TempDir> {
    let work = Work::new(work::load(data, network)?, network, batch)?;
    write(network, &work).map_err(|fault| fault.during("cannot write a peer's data"))
}

fn write(network: &Network, work: &Work) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| File::create(folder.path().join(name));
    let (mut x, mut y) = (file("x")?, file("y")?);
    for batch in work.ring() {
        x.write_all(&bytes(&batch.x)?)?;
        y.write_all(&bytes(&batch.y)?)?;
    }
    let first = network.first_values()?;
    for (name, value) in &first {
        file(name)?.write_all(&bytes(value)?)?;
    }
    let shapes: Vec<_> = first.iter().map(|(name, value)| (name, value.shape())).collect();
    serde_json::to_writer(file("parameters")?, &shapes)?;
    Ok(folder)
}

/// The values as they lie in memory.
fn bytes(of: &Tensor) -> Result<Cow<'_, [u8]>> {
    Ok(match of.data() {
        Data::U8(v) => Cow::Borrowed(&v[..]),
        Data::I64(v) => v.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>().into(),
        _ => of.get::<f32>()?.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Known;
    use crate::network::catalog::NAMES;
    use crate::protocol::{Reply, Request};
    use serde_json::Value;
    use std::fs;

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let peers = find_with(|module| module == "jax", false);
        assert_eq!(peers.present, ["jax"]);
        let said: Vec<String> = peers.skipped.iter().map(|s| format!("{}: {}", s.peer, s.reason)).collect();
        let torch = "torch is not installed in target/peers: run `cargo xtask peers`";
        let candle = "candle: not built: add it, as in `--features ndarray,flex,candle`";
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
        let work = Work::grey(30);
        let folder = write(&Network::perceptron(), &work).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("x"), work.train().x.get::<u8>().unwrap());
        let labels: Vec<u8> = (0..30i64).flat_map(|i| (i % 10).to_ne_bytes()).collect();
        assert_eq!(read("y"), labels);
        assert_eq!(read("fc1.weight").len(), 784 * 128 * 4);
        assert_eq!(read("fc2.bias").len(), 10 * 4);
        let shapes: Vec<(String, Vec<usize>)> = serde_json::from_slice(&read("parameters")).unwrap();
        assert!(shapes.contains(&("fc2.weight".into(), vec![128, 10])), "{shapes:?}");
    }

    #[test]
    fn the_scripts_know_every_word_of_a_network() {
        let shared = include_str!("../peers/work.py");
        let torch = concat!(include_str!("../peers/with_torch.py"), include_str!("../peers/torch_layers.py"));
        let jax = concat!(include_str!("../peers/with_jax.py"), include_str!("../peers/jax_layers.py"));
        for name in NAMES {
            let json = serde_json::to_value(Network::named(name).unwrap()).unwrap();
            let mut words: Vec<&str> = vec![
                "examples",
                "inputs",
                "layers",
                "loss",
                "l2",
                "optimizer",
                json["loss"].as_str().unwrap(),
            ];
            assert!(words[..6].iter().all(|key| json.get(key).is_some()));
            words.extend(json["optimizer"].as_object().unwrap().keys().map(|kind| &**kind));
            let mut methods = vec![];
            layers(&json["layers"], &mut methods, &mut words);
            for script in [torch, jax] {
                let known = |word: &str| [script, shared].iter().any(|s| s.contains(&format!("\"{word}\"")));
                let unknown = words.iter().find(|word| !known(word));
                assert_eq!(unknown, None, "{name}");
                let missing = methods.iter().find(|kind| !script.contains(&format!("    def {kind}(self, ")));
                assert_eq!(missing, None, "{name}");
            }
        }
    }

    /// Kinds of layers, and names of functions among what is said of them.
    fn layers<'j>(described: &'j Value, kinds: &mut Vec<&'j str>, words: &mut Vec<&'j str>) {
        for layer in described.as_array().unwrap() {
            let (kind, given) = match layer.as_str() {
                Some(kind) => (kind, &Value::Null),
                None => {
                    layer.as_object().unwrap().iter().map(|(kind, given)| (&**kind, given)).next().unwrap()
                }
            };
            kinds.push(kind);
            words.extend(given.as_str());
            if kind == "residual" {
                given.as_object().unwrap().values().for_each(|part| layers(part, kinds, words));
            }
        }
    }
}
