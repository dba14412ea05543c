//! Records as they are written, and a sample.

use expect_test::expect;

use super::*;
use crate::network::Known;
use crate::profile::{Level, Line, Roof};

fn around(median: f64) -> Spread {
    Spread { median, p10: 0.9 * median, p90: 1.2 * median }
}

/// Two rows, a floor and a control.
pub(crate) fn sample() -> Record {
    let row = |backend: &str, ms: f64, compile_ms| Row {
        backend: backend.into(),
        batch: 64,
        threads: 2,
        step_ms: around(ms),
        floor_ratio: Some(ms / 0.16),
        floor_ratio_spread: Some(around(ms / 0.16)),
        burn_ratio: Some(0.36 / ms),
        burn_ratio_spread: Some(around(0.36 / ms)),
        images_per_s: 64e3 / ms,
        gflops: 26.18 / ms,
        compile_ms,
        peak_mib: Some(81.25),
        data_mib: Some(60.0),
        test_accuracy: Some(0.9781),
        test_error: None,
        trained: "10 epochs".into(),
        losses: vec![2.3, 2.2],
        curve: vec![Point { epoch: 0.5, loss: 0.4 }, Point { epoch: 1.0, loss: 0.2 }],
        rounds: 40,
        steps: 4000,
    };
    Record {
        format: FORMAT,
        host: Host {
            cpu: "A CPU".into(),
            cores: 2,
            features: vec!["avx2".into(), "avx512f".into()],
            os: "linux".into(),
            arch: "x86_64".into(),
        },
        revision: Some("0123456789abcdef".into()),
        date: "2026-01-31T12:34:56Z".into(),
        seconds: 61.0,
        command: "bench".into(),
        quick: false,
        network: Network::perceptron(),
        data: DataUsed { name: "fashion-mnist".into(), origin: "a test".into(), train: 60_000, test: 10_000 },
        step: "a step.".into(),
        flops_per_image: 409_088,
        rows: vec![row("cpu", 0.18, Some(3.25)), row("burn-flex", 0.36, None)],
        floor: vec![FloorRow {
            batch: 64,
            threads: 2,
            step_ms: around(0.16),
            images_per_s: 400e3,
            gflops: 163.6,
            scheme: Some("tiles of 64 rows".into()),
        }],
        control: vec![Control {
            backend: "cpu".into(),
            batch: 64,
            threads: 2,
            ratio: Spread { median: 1.001, p10: 0.98, p90: 1.03 },
            compile_ratio: Some(1.02),
            peak_ratio: Some(0.99),
        }],
        peers: vec![],
        skipped: vec![],
        profiles: vec![profile()],
        failed: vec![],
    }
}

pub(crate) fn sample_peer(name: &str, ratio: f64) -> PeerRatio {
    PeerRatio {
        backend: "cpu".into(),
        peer: name.into(),
        batch: 64,
        threads: 2,
        ratio: around(ratio),
        note: Some(format!("{name} 1.0")),
    }
}

#[test]
fn the_file_has_the_promised_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench/latest.json");
    sample().write(&path).unwrap();
    sample().write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), sample());
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["host", "revision", "date", "data", "command", "rows", "control"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    let row = &json["rows"][0];
    for key in [
        "backend",
        "batch",
        "threads",
        "step_ms",
        "floor_ratio",
        "images_per_s",
        "gflops",
        "compile_ms",
        "peak_mib",
        "test_accuracy",
    ] {
        assert!(row.get(key).is_some(), "{key}");
    }
    for key in ["median", "p10", "p90"] {
        assert!(row["step_ms"].get(key).is_some(), "{key}");
    }
    assert_eq!(json["data"]["name"], "fashion-mnist");
    // The temporary files are gone.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = sample().write(&file.path().join("latest.json")).unwrap_err();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn noise_is_of_the_same_batch_and_threads() {
    assert_eq!(sample().noise(64, 2), Some(1.03));
    assert_eq!(sample().noise(64, 1), None);
}

/// Two kernels, of which one only moves bytes.
fn profile() -> Profile {
    let line = |name: &str, us: f64, flops, bytes| Line {
        name: name.into(),
        predicted: us * 1e-6,
        bound: "multiply".into(),
        measured: around(us * 1e-6),
        flops,
        bytes,
    };
    let level = |name: &str, bytes, gb: f64| Level {
        name: name.into(),
        bytes,
        read_gb_per_s: gb,
        copied_gb_per_s: 0.5 * gb,
    };
    Profile {
        batch: 64,
        threads: 2,
        kernels: vec![
            line("product    %4 [r, 784]·[784, 128]", 100.0, 13_000_000, 450_000),
            line("update     fc1.weight", 20.0, 0, 800_000),
        ],
        sum: around(120e-6),
        step: around(118e-6),
        roof: Roof {
            gflops: 80.0,
            levels: vec![
                level("L1", 16 << 10, 100.0),
                level("L2", 512 << 10, 50.0),
                level("memory", 64 << 20, 10.0),
            ],
        },
        ceilings: String::new(),
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let refused = |text: &str| {
        fs::write(&path, text).unwrap();
        let told = Record::read(&path).unwrap_err().to_string();
        told.replace(&path.display().to_string(), "r.json")
    };
    let whole = serde_json::to_string(&sample()).unwrap();
    expect![[r#"
        r.json: expected a record of `cargo xtask bench`: EOF while parsing a value at line 1 column 0
        r.json: expected a record of `cargo xtask bench`: missing field `host` at line 1 column 2
        r.json: expected a record of `cargo xtask bench`: expected ident at line 1 column 2
        r.json: a record of format 9; this program reads up to 2
        r.json: cpu, batch 64, threads 2: expected times above 0 with p10 ≤ median ≤ p90, got 0.18 (0.162–-1)"#]]
    .assert_eq(
        &[
            refused(""),
            refused("{}"),
            refused("not JSON"),
            refused(&whole.replacen(r#""format":2"#, r#""format":9"#, 1)),
            refused(&whole.replacen("0.216", "-1", 1)),
        ]
        .join("\n"),
    );
    // Cut anywhere, it is an error that names the place.
    for at in (1..whole.len()).step_by(97).filter(|at| whole.is_char_boundary(*at)) {
        assert!(refused(&whole[..at]).starts_with("r.json: expected a record"), "{at}");
    }
    fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
    let told = Record::read(&path).unwrap_err().to_string();
    assert!(told.ends_with("expected a record of at most 64 MiB"), "{told}");
    let told = Record::read(&folder.path().join("none.json")).unwrap_err().to_string();
    assert!(told.contains("cannot read") && told.contains("none.json"), "{told}");
}

#[test]
fn a_record_from_before_there_were_curves_is_read() {
    let mut json = serde_json::to_value(sample()).unwrap();
    let whole = json.as_object_mut().unwrap();
    ["format", "peers", "skipped", "profiles"].iter().for_each(|key| _ = whole.remove(*key));
    for row in whole["rows"].as_array_mut().unwrap() {
        let row = row.as_object_mut().unwrap();
        ["test_error", "losses", "curve"].iter().for_each(|key| _ = row.remove(*key));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    fs::write(&path, json.to_string()).unwrap();
    let read = Record::read(&path).unwrap();
    assert_eq!((read.format, read.rows.len(), read.profiles.len()), (1, 2, 0));
    assert!(read.rows[0].curve.is_empty());
}
