//! Models: the same bits from every thread, in files and back, and what is refused.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use dl_backends::weights::{ArrayFile, Layout, write};
use dl_backends::{Cpu, Model, Session};
use dl_core::nn::{self, Mode, Sgd};
use dl_core::{Expr, F32, F64, Graph, I64, Init, Named, Program, Tensor, TensorRef, U8};

const B: Named = Named("B");

/// Bytes to probabilities, with a matrix that is packed (7 columns) and one that rows of images decide about.
fn program() -> Program {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 20)).cast(F32) / 255.0;
    let h = nn::BatchNorm::new().apply(nn::dense(x, "fc1", 32), "bn", Mode::Evaluate).relu();
    let logits = nn::dense(h, "fc2", 7);
    Program::builder(&g)
        .output("p", nn::softmax(logits, -1))
        .output("class", logits.argmax(-1))
        .compile()
        .unwrap()
}

fn session() -> Session {
    let mut session = Session::new(Cpu::with_threads(1), 7);
    session.compile(&program()).unwrap();
    session
}

fn model() -> Model {
    Model::new(&program(), &session()).unwrap()
}

fn images(rows: usize, seed: usize) -> Tensor {
    Tensor::new([rows, 20], (0..rows * 20).map(|i| ((i + seed) * 7919 % 251) as u8).collect()).unwrap()
}

/// What a session gives for the same images.
fn expected(rows: usize, seed: usize) -> (Tensor, Tensor) {
    let mut session = session();
    let handle = session.compile(&program()).unwrap();
    let x = images(rows, seed);
    let out = session.run(&handle, &[x.view()]).unwrap();
    (out.read("p").unwrap(), out.read("class").unwrap())
}

#[test]
fn many_threads_get_the_bits_of_one_session() {
    let sizes = [1, 3, 16, 40];
    let want: Vec<_> = (0..32).map(|i| expected(sizes[i % 4], i)).collect();
    for model in [model(), Model::on(Cpu::with_threads(2), &program(), &session()).unwrap()] {
        model.warm(&[("B", 1)], 3).unwrap();
        model.keep_sizes(3); // One of four goes all the time.
        std::thread::scope(|threads| {
            for thread in 0..8 {
                let (model, want) = (&model, &want);
                threads.spawn(move || {
                    let mut runner = model.runner();
                    for i in (0..96).map(|i| (i + thread * 5) % 32) {
                        let (rows, x) = (sizes[i % 4], images(sizes[i % 4], i));
                        let (mut p, mut class) = (vec![0.0f32; rows * 7], vec![0i64; rows]);
                        if thread % 2 == 0 {
                            let out = runner.run(&[x.view()]).unwrap();
                            out.read_into("p", &mut p).unwrap();
                            out.read_into("class", &mut class).unwrap();
                        } else {
                            let out = model.run_named(&[("x", x.view())]).unwrap();
                            out.read_into("p", &mut p).unwrap();
                            out.outputs().read_at_into(1, &mut class).unwrap();
                            assert_eq!(out.read("p").unwrap(), want[i].0);
                        }
                        assert_eq!(p, want[i].0.get::<f32>().unwrap(), "{rows} rows, thread {thread}");
                        assert_eq!(class, want[i].1.get::<i64>().unwrap());
                    }
                });
            }
        });
    }
}

#[test]
fn an_answer_stays_while_others_are_computed() {
    let model = model();
    let (x, y) = (images(2, 1), images(2, 9));
    let first = model.run(&[x.view()]).unwrap();
    let second = model.run(&[y.view()]).unwrap();
    assert_eq!(first.read("p").unwrap(), expected(2, 1).0);
    assert_eq!(second.read("p").unwrap(), expected(2, 9).0);
    drop(first);
    assert_eq!(second.read("p").unwrap(), expected(2, 9).0);
}

#[test]
fn random_numbers_are_the_same_in_every_call() {
    let g = Graph::new();
    let noise = g.normal(F64, [4]) + g.parameter("θ", F64, (), Init::Zeros);
    let program = Program::builder(&g).output("noise", noise).compile().unwrap();
    let mut session = Session::new(Cpu::with_threads(1), 3);
    let handle = session.compile(&program).unwrap();
    let first = session.run(&handle, &[]).unwrap().read("noise").unwrap();
    let model = Model::new(&program, &session).unwrap();
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path().join("m")).unwrap();
    let loaded = Model::load(folder.path().join("m")).unwrap();
    for model in [&model, &model, &loaded] {
        assert_eq!(model.run(&[]).unwrap().read("noise").unwrap(), first);
    }
}

#[test]
fn a_file_holds_the_model_and_weights_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.dlm");
    let model = model();
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    model.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "equal models are equal files");
    let loaded = Model::load(&path).unwrap();
    assert_eq!(loaded.program(), model.program());
    assert_eq!(loaded.inputs()[0].name.as_ref(), "x");
    assert_eq!(loaded.outputs().collect::<Vec<_>>(), ["p", "class"]);
    for rows in [1, 33] {
        let x = images(rows, 5);
        assert_eq!(loaded.run(&[x.view()]).unwrap().read("p").unwrap(), expected(rows, 5).0);
    }
    // The weights alone, by a session and by what knows safetensors only.
    let mut other = Session::new(Cpu::with_threads(1), 8);
    other.compile(&program()).unwrap();
    assert_eq!(other.load(&path, Layout::Own).unwrap().to_string(), "loaded 8, missing 0, unused 0");
    let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(parsed.tensor("fc1.weight").unwrap().shape(), [20, 32]);
}

/// The error of a file, whose path is `m`.
fn fails(path: &Path, want: &str) {
    let error = Model::load(path).err().unwrap().to_string();
    let error = error.replace(&path.display().to_string(), "m");
    assert!(error.starts_with(want), "{error}\nand not\n{want}");
}

#[test]
fn files_that_were_changed_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    model().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let text = |from: &str, to: &str, want: &str| {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|part| part == from).expect("it is there");
        let mut edited = whole.clone();
        edited[at..at + to.len()].copy_from_slice(to);
        std::fs::write(&path, edited).unwrap();
        fails(&path, want);
    };
    text(r#""dl-model":"1""#, r#""dl-model":"2""#, "m: a model of format 2; this version reads 1");
    text(r#""dl-model":"1""#, r#""dl-model":"x""#, "m: a model of format \"x\", which is unknown");
    text(r#""dl-model""#, r#""no-model""#, "m: no model, but arrays alone: a session loads weights");
    text(r#""dl-seed""#, r#""no-seed""#, "m: its note dl-seed is missing: it was edited");
    text(r#""dl-seed":"7""#, r#""dl-seed":"8""#, "m: the checksum is not that of its program and weights");
    text(r#"\"relu\""#, r#"\"sqrt\""#, "m: the checksum is not that of its program and weights");
    text(r#"[{\"name\":\"x\""#, r#"[{\"name\":\"y\""#, "m: not a program: ");
    text(
        r#""fc2.bias":{"#,
        r#""fc3.bias":{"#,
        "m does not fit the parameters (1 mistake):\n  fc2.bias: not in the file",
    );
    let mut edited = whole.clone();
    *edited.last_mut().unwrap() ^= 1;
    std::fs::write(&path, edited).unwrap();
    fails(&path, "m: the checksum is not that of its program and weights: it is damaged, or was edited");
    std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
    fails(&path, "m: 4120 bytes of elements, its header promises 4124");
    std::fs::write(&path, &whole[..100]).unwrap();
    fails(&path, "m: a header of ");
    std::fs::remove_file(&path).unwrap();
    fails(&path, "m: No such file or directory");
    let other = folder.path().join("w.safetensors");
    session().save(&other).unwrap();
    assert!(
        Model::load(&other)
            .err()
            .unwrap()
            .to_string()
            .ends_with("no model, but arrays alone: a session loads weights")
    );
}

#[test]
fn weights_that_are_not_the_programs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    model().save(&path).unwrap();
    let mut file = ArrayFile::open(&path).unwrap();
    let mut arrays: Vec<(String, Tensor)> = vec![];
    for entry in file.entries().to_vec() {
        arrays.push((entry.name().to_owned(), file.read(entry.name()).unwrap()));
    }
    // With the notes of the model, in front of other arrays.
    let with = |arrays: &[(String, Tensor)]| {
        let all: Vec<(&str, TensorRef<'_>)> = arrays.iter().map(|(n, t)| (n.as_str(), t.view())).collect();
        let other = folder.path().join("o.safetensors");
        write(&other, &all).unwrap();
        let (old, new) = (std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
        let header = |bytes: &[u8]| {
            let end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            (serde_json::from_slice::<serde_json::Value>(&bytes[8..end]).unwrap(), end)
        };
        let ((old, _), (mut both, end)) = (header(&old), header(&new));
        both["__metadata__"] = old["__metadata__"].clone();
        let mut text = both.to_string();
        text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes.extend(&new[end..]);
        std::fs::write(&other, bytes).unwrap();
        Model::load(&other).map(drop).map_err(|e| e.to_string().replace(&other.display().to_string(), "m"))
    };
    assert_eq!(with(&arrays), Ok(()));
    arrays.push(("more".into(), Tensor::scalar(1.0f32)));
    assert_eq!(with(&arrays), Err("m: 1 arrays are not the program's, the first is more".into()));
    arrays.pop();
    let bias = arrays.iter().position(|(name, _)| name == "fc2.bias").unwrap();
    let right = std::mem::replace(&mut arrays[bias].1, Tensor::vector(vec![0.0f32; 8]));
    let misfit = "m does not fit the parameters (1 mistake):\n  fc2.bias: expected f32 [7], the file has fc2.bias f32 [8]";
    assert_eq!(with(&arrays), Err(misfit.into()));
    arrays[bias].1 = right;
    arrays.swap_remove(bias);
    assert!(with(&arrays).unwrap_err().contains("fc2.bias: not in the file"));
}

#[test]
fn what_is_no_inference_is_refused() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let j = nn::cross_entropy(nn::dense(x, "fc", 2), g.input("y", I64, B)).mean(..);
    let step = j.minimize(Sgd::new(0.1)).unwrap();
    let mut session = Session::new(Cpu::with_threads(1), 7);
    session.compile(&step).unwrap();
    let fails = |program: &Program, want: &str| {
        assert_eq!(Model::new(program, &session).err().unwrap().to_string(), want);
    };
    fails(&step, "the program updates fc.weight: a model has no updates");
    let dense = |name: &str, units: usize| {
        let g = Graph::new();
        let y = nn::dense(g.input("x", F32, (B, 3)), name, units);
        Program::builder(&g).output("y", y).compile().unwrap()
    };
    fails(
        &dense("fc", 4),
        "parameter fc.weight has another type or shape in the session than the f32 [3, 4] of the program",
    );
    fails(
        &dense("fd", 2),
        "unknown parameter fd.weight; the session has fc.weight, fc.bias; did you mean fc.weight?",
    );
    assert!(Model::new(&dense("fc", 2), &session).is_ok());
}

#[test]
fn inputs_and_sizes_that_do_not_fit_are_refused() {
    let model = model();
    let fails =
        |result: dl_backends::Result<()>, want: &str| assert_eq!(result.err().unwrap().to_string(), want);
    let floats = Tensor::zeros(dl_core::DType::F32, [1, 20]);
    fails(model.run(&[floats.view()]).map(drop), "input x: expected elements of u8, got f32");
    fails(model.run(&[]).map(drop), "expected 1 inputs (x), got 0");
    let mut runner = model.runner();
    runner.run(&[images(1, 0).view()]).unwrap();
    fails(runner.run(&[floats.view()]).map(drop), "input x: expected elements of u8, got f32");
    fails(model.warm(&[("C", 1)], 1), "no input has a dimension C");
    fails(model.warm(&[("B", 1), ("B", 2)], 1), "dimension B is given twice");
    assert!(model.warm(&[], 1).is_err());
    let x = images(1, 0);
    let out = model.run(&[x.view()]).unwrap();
    fails(out.read_into("p", &mut [0.0f32; 6]), "output p has 7 elements [1, 7], the slice 6");
    fails(out.read_into("p", &mut [0.0f64; 7]), "output p: expected elements of f64, got f32");
    fails(out.read_into("q", &mut [0.0f32; 7]), "unknown output q; the program has p, class");
}

/// Whoever serves puts together what came at the same time: no answer may depend on that.
#[test]
fn a_row_s_bits_are_no_matter_of_the_rows_beside_it() {
    type Network = for<'g> fn(Expr<'g>) -> Expr<'g>;
    let networks: [(&str, usize, Network); 8] = [
        ("short softmax", 10, |x| nn::softmax(x, -1)),
        ("softmax", 33, |x| nn::softmax(x, -1)),
        ("perceptron", 60, |x| nn::log_softmax(nn::dense(nn::dense(x, "a", 48).tanh(), "b", 3), -1)),
        ("dense of many", 300, |x| nn::dense(x, "a", 500).relu().mean(-1)),
        ("short norm", 12, |x| nn::LayerNorm::new().apply(nn::dense(x, "a", 12), "n")),
        ("norm", 80, |x| nn::LayerNorm::new().apply(x, "n").prod(-1)),
        ("convolution", 64, |x| {
            let images = x.reshape((B, 8, 8, 1));
            nn::softmax(
                nn::dense(nn::flatten(nn::Conv::new([3, 3], 5).apply(images, "c").relu()), "d", 10),
                -1,
            )
        }),
        ("running sum", 20, |x| x.cumsum(-1).sigmoid().sum(-1)),
    ];
    for (name, width, network) in networks {
        let g = Graph::new();
        let y = network(g.input("x", F32, (B, width)));
        let program = Program::builder(&g).output("y", y).compile().unwrap();
        let mut session = Session::new(Cpu::with_threads(1), 7);
        session.compile(&program).unwrap();
        let number = |i: usize| (i * 7919 % 509) as f32 / 127.0 - 2.0;
        let all: Vec<f32> = (0..70 * width).map(number).collect();
        for model in [1, 2].map(|threads| Model::on(Cpu::with_threads(threads), &program, &session).unwrap())
        {
            let bits = |rows: std::ops::Range<usize>| {
                let x = Tensor::new([rows.len(), width], all[rows.start * width..rows.end * width].to_vec())
                    .unwrap();
                let y = model.run(&[x.view()]).unwrap().read("y").unwrap().to_f64();
                y.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            let alone: Vec<_> = (0..70).map(|row| bits(row..row + 1)).collect();
            for rows in [2, 3, 5, 8, 11, 16, 17, 31, 64, 70] {
                assert_eq!(bits(70 - rows..70), alone[70 - rows..].concat(), "{name}, {rows} rows");
            }
        }
    }
}
