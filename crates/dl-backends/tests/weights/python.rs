//! PyTorch itself, where `TORCH_PYTHON` names a Python that has it with `safetensors` and `numpy`.

use std::ffi::OsStr;
use std::process::Command;

use dl_backends::weights::{ArrayFile, Layout};

use crate::networks::{NAMES, answer, session};
use crate::{LOADED, fixture, gives_its_logits, near};

/// Runs `make/networks.py`; false without a Python to run it.
fn python<S: AsRef<OsStr>>(arguments: &[S]) -> bool {
    let Some(python) = std::env::var_os("TORCH_PYTHON") else {
        eprintln!("TORCH_PYTHON names no Python that has torch, safetensors and numpy: skipped");
        return false;
    };
    let mut command = Command::new(python);
    command.arg(fixture("make/networks.py")).args(arguments);
    assert!(command.status().expect("TORCH_PYTHON is a program").success());
    true
}

#[test]
fn networks_of_full_size_come_from_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    for (name, loaded, unused) in LOADED {
        let path = folder.path().join(format!("{name}.safetensors"));
        if !python(&["draw", name, "large", &path.display().to_string()]) {
            return;
        }
        gives_its_logits(name, true, &path, &format!("loaded {loaded}, missing 0, unused {unused}"));
    }
}

#[test]
fn networks_of_ours_go_to_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        for (large, end) in [(true, "safetensors"), (false, "npz")] {
            let [weights, answers] = ["weights", "answers"].map(|file| folder.path().join(file));
            let (weights, answers) = (weights.with_extension(end), answers.with_extension("safetensors"));
            let (mut session, handle) = session(name, large, 3);
            session.export(&weights, Layout::PyTorch).unwrap();
            let size = if large { "large" } else { "small" };
            let [weights, to] = [&weights, &answers].map(|path| path.display().to_string());
            if !python(&["answer", name, size, &weights, &to]) {
                return;
            }
            let mut file = ArrayFile::open(&answers).unwrap();
            let got = answer(&mut session, &handle, &file.read("x").unwrap());
            near(&got, &file.read("logits").unwrap(), name);
        }
    }
}
