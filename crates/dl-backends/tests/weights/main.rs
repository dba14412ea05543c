//! Weights in files: to and from PyTorch and NumPy, what is refused, and files that are damaged.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

mod networks;
mod python;

use std::path::{Path, PathBuf};

use dl_backends::weights::{ArrayFile, Layout, Load, write};
use dl_backends::{Cpu, Session};
use dl_core::{DType, F64, Graph, Init, Program, Tensor};
use expect_test::{Expect, expect};

use networks::{NAMES, answer, session};

/// Parameters of each network, and arrays beside them: the input, its logits, and of normalizations the number
/// of batches, which is no state of ours.
const LOADED: [(&str, usize, usize); 4] =
    [("perceptron", 4, 2), ("lenet", 10, 2), ("lstm", 18, 2), ("normed", 13, 3)];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights").join(name)
}

fn near(got: &Tensor, want: &Tensor, what: &str) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    for (got, want) in got.to_f64().iter().zip(want.to_f64()) {
        assert!((got - want).abs() <= 2e-6 * want.abs().max(1.0), "{what}: {got} and not {want}");
    }
}

/// The weights of `path` give the logits that stand in it.
fn gives_its_logits(name: &str, large: bool, path: &Path, report: &str) {
    let (mut session, handle) = session(name, large, 1);
    assert_eq!(session.load(path, Layout::PyTorch).unwrap().to_string(), report, "{name}");
    let mut file = ArrayFile::open(path).unwrap();
    let got = answer(&mut session, &handle, &file.read("x").unwrap());
    near(&got, &file.read("logits").unwrap(), name);
}

#[test]
fn state_dicts_of_pytorch_give_its_logits() {
    for (name, loaded, unused) in LOADED {
        let report = format!("loaded {loaded}, missing 0, unused {unused}");
        gives_its_logits(name, false, &fixture(&format!("{name}.safetensors")), &report);
    }
}

#[test]
fn archives_of_numpy_are_read() {
    for name in ["perceptron.npz", "packed.npz"] {
        gives_its_logits("perceptron", false, &fixture(name), "loaded 4, missing 0, unused 2");
    }
    let mut arrays = ArrayFile::open(fixture("fortran.npy")).unwrap();
    assert_eq!(arrays.entries()[0].to_string(), "fortran <f2 [5, 6]");
    let halves = arrays.read("fortran").unwrap();
    let whole = ArrayFile::open(fixture("perceptron.npz")).unwrap().read("fc1.weight").unwrap();
    assert_eq!(halves.shape(), [5, 6]);
    for (half, whole) in halves.to_f64().iter().zip(whole.to_f64()) {
        assert!((half - whole).abs() <= 1e-3 * whole.abs() + 1e-7, "{half} and not {whole}");
    }
}

#[test]
fn what_is_saved_is_loaded_in_either_layout_and_format() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let (saved, _) = session(name, false, 1);
        for file in ["w.safetensors", "w.npz"] {
            for layout in [Layout::Own, Layout::PyTorch] {
                let path = folder.path().join(file);
                saved.export(&path, layout).unwrap();
                let (mut loaded, _) = session(name, false, 2);
                let report = loaded.load(&path, layout).unwrap();
                assert_eq!((report.missing.len(), report.unused.len()), (0, 0), "{name}");
                assert_eq!(loaded.weights().unwrap(), saved.weights().unwrap(), "{name} {file} {layout}");
            }
        }
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn files_are_the_same_for_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["safetensors", "npz"] {
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name).with_extension(end));
        session("normed", false, 1).0.save(&a).unwrap();
        session("normed", false, 1).0.save(&b).unwrap();
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    }
}

#[test]
fn optimizers_keep_their_state_to_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Constant(2.0));
    let step = (theta - 3.0).square().minimize(dl_core::nn::Adam::new(0.1)).unwrap();
    let mut session = Session::new(Cpu::default(), 1);
    let handle = session.compile(&step).unwrap();
    session.run(&handle, &[]).unwrap();
    session.save(&path).unwrap();
    let names: Vec<String> =
        ArrayFile::open(&path).unwrap().entries().iter().map(|e| e.to_string()).collect();
    assert_eq!(names, ["θ f64 []"]);
}

/// A file with these arrays.
fn file(folder: &Path, name: &str, arrays: &[(&str, Tensor)]) -> PathBuf {
    let path = folder.join(name);
    let views: Vec<_> = arrays.iter().map(|(name, value)| (*name, value.view())).collect();
    write(&path, &views).unwrap();
    path
}

fn zeros(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::zeros(dtype, shape.to_vec())
}

#[test]
fn everything_that_does_not_fit_is_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        ("fc1.weight", zeros(DType::F32, &[6, 5])),
        ("fc1.bais", zeros(DType::F32, &[5])),
        ("fc2.weight", zeros(DType::F64, &[3, 5])),
        ("fc2.bias", zeros(DType::F32, &[3])),
    ];
    let path = file(folder.path(), "w.safetensors", &arrays);
    let (mut session, _) = session("perceptron", false, 1);
    let before = session.weights().unwrap();
    let mut check = |how: Load, want: Expect| {
        let message = session.load(&path, how).unwrap_err().to_string();
        want.assert_eq(&message.replace(&folder.path().display().to_string(), ""));
        assert_eq!(session.weights().unwrap(), before, "nothing was loaded");
    };
    check(
        Layout::PyTorch.into(),
        expect![[r#"
            /w.safetensors does not fit the parameters (3 mistakes):
              fc1.weight: expected f32 [5, 6] (ours is [6, 5]), the file has fc1.weight f32 [6, 5]
              fc1.bias: not in the file; did you mean fc1.bais?
              fc2.weight: expected f32 [3, 5] (ours is [5, 3]), the file has fc2.weight f64 [3, 5]"#]],
    );
    check(
        Load::new(Layout::Own).partial().casting().rename("fc1.bais", "fc2.bias"),
        expect![[r#"
            /w.safetensors does not fit the parameters (3 mistakes):
              fc2.bias: the arrays fc1.bais and fc2.bias are both renamed to it
              fc2.weight: expected f32 [5, 3], the file has fc2.weight f64 [3, 5]
              fc2.bias: expected f32 [3], the file has fc1.bais f32 [5]"#]],
    );
    check(
        Load::new(Layout::PyTorch).flattened("fc3.weight", &[2, 3]),
        expect!["no parameter fc3.weight to be flattened; did you mean fc1.weight?"],
    );
    check(
        Load::new(Layout::PyTorch).flattened("fc1.weight", &[2, 2]),
        expect!["images [2, 2] have not as many elements as weight fc1.weight [6, 5] has inputs"],
    );
}

#[test]
fn a_part_is_loaded_under_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        ("model.fc1.weight", Tensor::new([5, 6], (0..30).map(f64::from).collect()).unwrap()),
        ("model.fc1.bias", Tensor::vector(vec![0.5f64; 5])),
        ("epoch", Tensor::scalar(3i64)),
    ];
    let path = file(folder.path(), "w.npz", &arrays);
    let (mut session, _) = session("perceptron", false, 1);
    let before = session.get("fc2.weight").unwrap();
    let how = Load::new(Layout::PyTorch).partial().casting().rename("model.*", "*");
    let report = session.load(&path, how).unwrap();
    assert_eq!(report.to_string(), "loaded 2, missing 2, unused 1");
    assert_eq!(report.missing, ["fc2.weight", "fc2.bias"]);
    assert_eq!(report.unused, ["epoch"]);
    assert_eq!(session.get("fc1.weight").unwrap().get::<f32>().unwrap()[..3], [0.0, 6.0, 12.0]);
    assert_eq!(session.get("fc2.weight").unwrap(), before);
}

#[test]
fn inputs_may_be_said_to_be_images() {
    // The same network, of which the program says nothing.
    let g = Graph::new();
    let x = g.input("x", dl_core::F32, (dl_core::Named("B"), 4, 4, 2));
    let y = dl_core::nn::dense(x.reshape((dl_core::Named("B"), 32)), "fc", 3);
    let program = Program::builder(&g).output("y", y).compile().unwrap();
    let mut session = Session::new(Cpu::default(), 1);
    session.compile(&program).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let weight = Tensor::new([3, 32], (0..96).map(|i| i as f32).collect()).unwrap();
    let path =
        file(folder.path(), "w.safetensors", &[("fc.weight", weight), ("fc.bias", zeros(DType::F32, &[3]))]);
    session.load(&path, Load::new(Layout::PyTorch).flattened("fc.weight", &[4, 4, 2])).unwrap();
    // Row 1 of ours is the second channel of the first place: the 16th input of PyTorch's.
    assert_eq!(session.get("fc.weight").unwrap().get::<f32>().unwrap()[3..6], [16.0, 48.0, 80.0]);
}

#[test]
fn files_that_are_no_weights_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (mut session, _) = session("perceptron", false, 1);
    let mut fails = |name: &str, layout: Layout, want: &str| {
        let path = folder.path().join(name);
        let message = session.load(&path, layout).unwrap_err().to_string();
        let message = message.replace(&folder.path().display().to_string(), "");
        assert!(message.starts_with(want), "{message}");
    };
    fails("w.pt", Layout::Own, "/w.pt: pickled objects are not read; in Python, safetensors.torch.save_file");
    fails("w.h5", Layout::Own, "/w.h5: a name that ends in .safetensors, .npz or .npy is needed");
    fails("w.safetensors", Layout::Own, "/w.safetensors: No such file");
    std::fs::write(folder.path().join("w.safetensors"), "short").unwrap();
    fails("w.safetensors", Layout::Own, "/w.safetensors: 5 bytes are no safetensors file");
    std::fs::write(folder.path().join("w.npz"), "not an archive").unwrap();
    fails("w.npz", Layout::Own, "/w.npz: ");
    let (other, _) = networks::session("perceptron", false, 2);
    other.export(folder.path().join("w.safetensors"), Layout::PyTorch).unwrap();
    fails("w.safetensors", Layout::Own, "/w.safetensors: the file's layout is PyTorch, not Own");
    let two = [("a", zeros(DType::F32, &[1])), ("a", zeros(DType::F32, &[1]))];
    let views: Vec<_> = two.iter().map(|(name, value)| (*name, value.view())).collect();
    let error = write(folder.path().join("two.npz"), &views).unwrap_err().to_string();
    assert!(error.ends_with("two.npz: two arrays are named a"), "{error}");
    let error = other.save(folder.path().join("w.npy")).unwrap_err().to_string();
    assert!(error.ends_with("w.npy: 4 arrays, an .npy file holds one"), "{error}");
}
