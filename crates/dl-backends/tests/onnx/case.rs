//! Reading the node tests: `export.py` prints them, one JSON object a line.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use dl_core::Tensor;
use serde_json::Value;

use crate::types::Ty;

/// One test.
pub(crate) struct Case {
    pub name: String,
    pub tolerance: (f64, f64),
    pub opset: i64,
    /// As `export.py` describes it.
    pub graph: Value,
    pub inputs: Vec<Given>,
    pub outputs: Vec<Given>,
}

/// A value that a test brings along or expects.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Tensor(Tensor, Ty),
    Sequence(Vec<Given>),
    /// Why there is none.
    Missing(String),
}

/// What a line is.
pub(crate) enum Line {
    Version(String),
    Case(Case),
}

/// All lines, if the package is installed.
pub(crate) fn all() -> Option<impl Iterator<Item = Line>> {
    let python = std::env::var("ONNX_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import onnx, numpy"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnx/export.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Python was just there");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    Some(lines.map(move |line| {
        let _ = &child;
        read(&line.expect("Python writes UTF-8"))
    }))
}

fn read(line: &str) -> Line {
    // Python writes numbers that JSON does not have.
    let line =
        line.replace(": NaN", ": null").replace(": Infinity", ": 1e999").replace(": -Infinity", ": -1e999");
    let mut json: Value =
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {}", &line[..200.min(line.len())]));
    if let Some(version) = json["version"].as_str() {
        return Line::Version(version.into());
    }
    let all = |v: &Value| v.as_array().map_or(vec![], |items| items.iter().map(Given::read).collect());
    Line::Case(Case {
        name: json["name"].as_str().unwrap_or_default().into(),
        tolerance: (json["rtol"].as_f64().unwrap_or(1e-3), json["atol"].as_f64().unwrap_or(1e-7)),
        opset: json["opset"].as_i64().unwrap_or(0),
        inputs: all(&json["inputs"]),
        outputs: all(&json["outputs"]),
        graph: json["graph"].take(),
    })
}

impl Given {
    pub(crate) fn read(json: &Value) -> Given {
        if let Some(items) = json["sequence"].as_array() {
            return Given::Sequence(items.iter().map(Given::read).collect());
        }
        match tensor(json) {
            Ok((tensor, ty)) => Given::Tensor(tensor, ty),
            Err(why) => Given::Missing(why),
        }
    }
}

fn tensor(json: &Value) -> Result<(Tensor, Ty), String> {
    let ty = Ty::named(json["type"].as_str().unwrap_or("nothing"))?;
    let data = json["data"].as_str().ok_or("integers beyond 63 bits")?;
    let shape: Vec<usize> = json["shape"]
        .as_array()
        .map_or(vec![], |dims| dims.iter().map(|d| d.as_u64().unwrap_or(0) as usize).collect());
    let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    let bytes: Vec<u8> = data.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let words = bytes.chunks(8).map(|b| <[u8; 8]>::try_from(b).expect("eight bytes"));
    let tensor = match ty {
        Ty::Bool => Tensor::new(shape, words.map(|w| i64::from_le_bytes(w) != 0).collect::<Vec<bool>>()),
        Ty::Int(..) => Tensor::new(shape, words.map(i64::from_le_bytes).collect::<Vec<i64>>()),
        float => Tensor::from_f64(float.dtype(), shape, &words.map(f64::from_le_bytes).collect::<Vec<_>>()),
    };
    Ok((tensor.map_err(|e| e.to_string())?, ty))
}
