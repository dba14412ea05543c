//! The table of parsers: whatever reads files that may come from elsewhere has a row here.
//!
//! A row gets its mutants in the suite and in `cargo xtask fuzz`, and its target in `fuzz/`.

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use dl_backends::tuning::{Choice, Choices, Cut, Key, Timed};
use dl_backends::weights::{ArrayFile, Format, write_into};
use dl_backends::{Cpu, Model, Session};
use dl_core::nn::{self, Sgd};
use dl_core::print::read_latex;
use dl_core::{F32, Graph, I64, Init, Named, Plan, Program, Tensor, TensorRef};
use dl_data::{CsvOptions, Missing, Table, idx};
use tempfile::TempDir;

use crate::{checkpoint, corpus};

/// Something that reads files.
pub(crate) struct Parser {
    /// As `fuzz/` calls its target.
    pub(crate) name: &'static str,
    /// How a file of it is mutated.
    pub(crate) form: Form,
    /// Files that are right.
    pub(crate) files: fn() -> Vec<Vec<u8>>,
    /// Reads a file to its end, and says whether it was accepted.
    pub(crate) read: fn(Vec<u8>) -> bool,
    /// What reading may take from the heap in all: so many bytes, and so many for each byte of the file.
    pub(crate) heap: (usize, usize),
}

/// What a file is to those who change it.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// Bytes, with what matters near both ends.
    Bytes,
    /// A tree of JSON.
    Json,
    /// Numbers and words between marks.
    Text,
}

impl Form {
    /// How many mutants of a file a seed makes: those of trees cost more, and the tests in `dl-core` and
    /// `dl-backends` that also run what they are make more of them.
    pub(crate) fn mutants(self) -> u64 {
        match self {
            Form::Bytes => 64,
            Form::Json => 8,
            Form::Text => 16,
        }
    }
}

/// The heap is counted in all, also what was given back, so that it bounds the work, too.
pub(crate) const PARSERS: &[Parser] = &[
    Parser { name: "idx_images", form: Form::Bytes, files: images, read: read_images, heap: (4 << 10, 1) },
    Parser { name: "idx_labels", form: Form::Bytes, files: labels, read: read_labels, heap: (4 << 10, 1) },
    // A table is read twice; a text is kept once, and each row has the number of one.
    Parser { name: "csv", form: Form::Text, files: tables, read: read_table, heap: (256 << 10, 400) },
    // A header is read into memory, parsed into maps and copied into entries; elements are widened.
    Parser {
        name: "safetensors",
        form: Form::Bytes,
        files: safetensors,
        read: read_safetensors,
        heap: (64 << 10, 40),
    },
    Parser { name: "npy", form: Form::Bytes, files: npy, read: read_npy, heap: (16 << 10, 20) },
    // A byte of a packed array stands for up to 1032; each array is read in pieces of at most 2 MiB.
    Parser { name: "npz", form: Form::Bytes, files: npz, read: read_npz, heap: (24 << 20, 3000) },
    Parser { name: "program", form: Form::Json, files: programs, read: read_program, heap: (64 << 10, 200) },
    Parser { name: "plan", form: Form::Json, files: plans, read: read_plan, heap: (64 << 10, 200) },
    // Each piece of a formula becomes an expression with its shape.
    Parser { name: "latex", form: Form::Text, files: formulas, read: read_formula, heap: (64 << 10, 400) },
    // Arrays and a program, which is lowered.
    Parser { name: "model", form: Form::Bytes, files: models, read: read_model, heap: (512 << 10, 400) },
    // Four texts for each choice, in places that grow.
    Parser { name: "tuning", form: Form::Json, files: tunings, read: read_tuning, heap: (16 << 10, 40) },
    // The training that goes on from it takes its own part.
    Parser {
        name: "checkpoint",
        form: Form::Text,
        files: checkpoint::files,
        read: checkpoint::read,
        heap: (4 << 20, 100),
    },
];

/// Choices of two devices, and none.
fn tunings() -> Vec<Vec<u8>> {
    let choice = |device: &str, rows: usize| {
        let timed = |rows, seconds| Timed { cut: Cut { rows, columns: 4, terms: 784 }, seconds };
        let key = Key { device: device.into(), driver: "1.2 (3)".into(), kernel: "0f".repeat(16) };
        Choice {
            key,
            product: "64 × 784 by 784 × 128".into(),
            best: timed(rows, 1e-4),
            model: timed(16, 2.5e-4),
        }
    };
    let folder = tempfile::tempdir().expect("a folder for files");
    let file = |name: &str, choices: &[Choice]| {
        let path = folder.path().join(name);
        Choices::add_to(&path, choices).expect("they are written");
        fs::read(&path).expect("they are there")
    };
    vec![file("two.json", &[choice("a card", 8), choice("another", 32)]), file("none.json", &[])]
}

fn read_tuning(bytes: Vec<u8>) -> bool {
    Choices::from_json(&bytes).is_ok()
}

fn images() -> Vec<Vec<u8>> {
    vec![idx(0x0803, &[3, 4, 5], 60), idx(0x0803, &[0, 1, 1], 0)]
}

fn labels() -> Vec<Vec<u8>> {
    vec![idx(0x0801, &[40], 40)]
}

fn idx(magic: u32, sizes: &[u32], length: u8) -> Vec<u8> {
    let header = [&[magic], sizes].concat();
    header.into_iter().flat_map(u32::to_be_bytes).chain(0..length).collect()
}

fn read_images(bytes: Vec<u8>) -> bool {
    idx::images(bytes, "images").is_ok()
}

fn read_labels(bytes: Vec<u8>) -> bool {
    idx::labels(bytes, "labels").is_ok()
}

fn tables() -> Vec<Vec<u8>> {
    let files = [
        "size,kind,n\n1.5,a,1\n-2e3,\"b, c\",2\n0.25,a,-3\n",
        "\u{feff}x;y\r\n1;NA\r\n2;\"so \"\"called\"\"\"\r\n3;long text without a number in it\r\n",
    ];
    files.map(|file| file.as_bytes().to_vec()).into()
}

/// With commas or semicolons, and what is missing kept.
fn read_table(bytes: Vec<u8>) -> bool {
    let delimiter = if bytes.contains(&b';') { b';' } else { b',' };
    let options = CsvOptions::new().delimiter(delimiter).missing(Missing::Keep);
    with_file("table.csv", &bytes, |path| Table::read_csv(path, &options).is_ok())
}

/// Writes a file for those who read paths.
fn with_file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FOLDER: TempDir = tempfile::tempdir().expect("a folder for files");
    }
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("the file is written");
        read(&path)
    })
}

/// Arrays of every element type, empty ones and numbers without axes.
fn arrays() -> Vec<(&'static str, Tensor)> {
    let numbers = |n: u8| (0..n).map(f32::from).collect::<Vec<f32>>();
    vec![
        ("fc1.weight", Tensor::new([4, 3], numbers(12)).expect("12 numbers")),
        ("fc1.bias", Tensor::vector(numbers(3))),
        ("double", Tensor::vector(vec![1.5f64, f64::NAN])),
        ("steps", Tensor::scalar(7i64)),
        ("mask", Tensor::vector(vec![true, false, true])),
        ("pixels", Tensor::vector(vec![0u8, 255])),
        ("none", Tensor::new([0, 3], numbers(0)).expect("no number")),
    ]
}

/// A file of some of the arrays.
fn written(format: Format, some: &[(&'static str, Tensor)]) -> Vec<u8> {
    let views: Vec<(&str, TensorRef<'_>)> = some.iter().map(|(name, value)| (*name, value.view())).collect();
    let mut bytes = vec![];
    write_into(format, &mut bytes, &views).expect("it is written to memory");
    bytes
}

fn safetensors() -> Vec<Vec<u8>> {
    vec![
        written(Format::Safetensors, &arrays()),
        include_bytes!("../../../dl-backends/tests/weights/lstm.safetensors").to_vec(),
        include_bytes!("../../../dl-backends/tests/weights/perceptron.safetensors").to_vec(),
    ]
}

fn npy() -> Vec<Vec<u8>> {
    let each = arrays().into_iter().map(|array| written(Format::Npy, &[array]));
    each.chain([include_bytes!("../../../dl-backends/tests/weights/fortran.npy").to_vec()]).collect()
}

fn npz() -> Vec<Vec<u8>> {
    vec![
        written(Format::Npz, &arrays()),
        include_bytes!("../../../dl-backends/tests/weights/perceptron.npz").to_vec(),
        include_bytes!("../../../dl-backends/tests/weights/packed.npz").to_vec(),
    ]
}

fn read_safetensors(bytes: Vec<u8>) -> bool {
    read_arrays(Format::Safetensors, bytes)
}

fn read_npy(bytes: Vec<u8>) -> bool {
    read_arrays(Format::Npy, bytes)
}

fn read_npz(bytes: Vec<u8>) -> bool {
    read_arrays(Format::Npz, bytes)
}

/// Opens the file and reads every array of it.
fn read_arrays(format: Format, bytes: Vec<u8>) -> bool {
    let from = Bounded { left: (1 << 20) + 64 * bytes.len(), from: Cursor::new(bytes) };
    let Ok(mut file) = ArrayFile::of(format, "file", from) else { return false };
    let all = file.entries().len();
    // Those behind one that is refused are read, too.
    (0..all).filter(|place| file.read_at(*place).is_ok()).count() == all
}

/// A file of which no more is read, again and again, than its length justifies.
struct Bounded {
    from: Cursor<Vec<u8>>,
    left: usize,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        // A call that gives nothing is work, too.
        let left = self.left.checked_sub(count.max(1));
        self.left = left.expect("a file is read no more often than its length justifies");
        Ok(count)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}

fn models() -> Vec<Vec<u8>> {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), 3));
    let program = Program::builder(&g).output("p", nn::softmax(nn::dense(x, "fc", 2), -1)).compile();
    let program = program.expect("the program is right");
    let mut session = Session::new(Cpu::with_threads(1), 7);
    session.compile(&program).expect("every program is compiled");
    let model = Model::new(&program, &session).expect("the session has the weights");
    let folder = tempfile::tempdir().expect("a folder for a file");
    let path = folder.path().join("model.dlm");
    model.save(&path).expect("the file is written");
    vec![fs::read(&path).expect("the file is there")]
}

fn read_model(bytes: Vec<u8>) -> bool {
    let from = Bounded { left: (1 << 20) + 64 * bytes.len(), from: Cursor::new(bytes) };
    let file = ArrayFile::of(Format::Safetensors, "model.dlm", from);
    file.and_then(|mut file| Model::load_from(&mut file, Cpu::with_threads(1))).is_ok()
}

fn programs() -> Vec<Vec<u8>> {
    corpus::program_files().into_iter().map(String::into_bytes).collect()
}

fn plans() -> Vec<Vec<u8>> {
    corpus::plan_files().into_iter().map(String::into_bytes).collect()
}

/// The names that formulas may use.
fn sheet() -> Graph {
    let (g, b, n) = (Graph::new(), Named("B"), Named("N"));
    g.input("X", F32, (b, 3));
    g.input("S", F32, (b, n));
    g.input("y", I64, b);
    g.parameter("W", F32, [3, 2], Init::Zeros);
    g.parameter("u", F32, [2], Init::Zeros);
    g.input("θ", F32, ());
    g
}

/// A training step, and what else formulas are written with: cases, places, powers, products by their elements.
fn formulas() -> Vec<Vec<u8>> {
    let (g, b) = (Graph::new(), Named("B"));
    let (x, y) = (g.input("X", F32, (b, 3)), g.input("y", I64, b));
    let (w, u) = (g.parameter("W", F32, [3, 2], Init::Zeros), g.parameter("u", F32, [2], Init::Zeros));
    let j = nn::cross_entropy(x.dot(w) + u, y).mean(..) + 1e-4 * w.square().sum(..);
    let step = j.minimize(Sgd::new(0.1)).expect("the program is right").latex();
    let others = [
        r"\frac{e^{\theta^{2}}}{1 + \left|\tanh\left(\theta\right)\right|}",
        r"\begin{cases} u & \text{if } u > 0 \land u < 1 \\ 0 & \text{otherwise} \end{cases}",
        r"\left[\sum_{c} S_{a c}\,S_{d c}\right]_{d a}",
        r"\left(\log \operatorname{softmax}_{n}\left(S\right)\right)_{b, y_{b}} \cdot \max_{b}\left(\theta \cdot y\right)",
        r"1.5 \cdot 10^{-8} \cdot \theta + {\theta}^{\theta - 1} \cdot \frac{1}{B} \sum_{b, n} S^{2}",
    ];
    others.map(str::to_owned).into_iter().chain([step]).map(String::into_bytes).collect()
}

fn read_formula(bytes: Vec<u8>) -> bool {
    std::str::from_utf8(&bytes).is_ok_and(|text| read_latex(&sheet(), text, None).is_ok())
}

fn read_program(bytes: Vec<u8>) -> bool {
    std::str::from_utf8(&bytes).is_ok_and(|text| Program::from_json(text).is_ok())
}

fn read_plan(bytes: Vec<u8>) -> bool {
    std::str::from_utf8(&bytes).is_ok_and(|text| Plan::from_json(text).is_ok())
}
