//! The benchmark program as a process: what it answers without any data.

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().expect("cargo has built it")
}

#[test]
fn help_goes_to_standard_output() {
    let output = bench(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("usage: cargo xtask bench"));
}

#[test]
fn a_wrong_command_line_is_told_apart_from_a_failed_run() {
    let output = bench(&["--threads", "none"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.starts_with("bench: --threads none: expected numbers from 1 on"), "{message}");
}

#[test]
fn a_row_that_cannot_start_tells_its_parent_why() {
    let network = r#"{"name":"n","title":"N","examples":"images","inputs":784,"layers":[{"dense":{"name":"fc","outputs":10}}],
        "loss":"cross_entropy","l2":0,"optimizer":{"adam":{"rate":1}},"recipe":{"adam":{"rate":1}},"batches":[64]}"#;
    let data = r#"{"name":"abacus","folder":null}"#;
    let spec = format!(r#"{{"backend":"cpu","network":{network},"batch":64,"threads":1,"data":{data}}}"#);
    let output = bench(&["serve-row", &spec]);
    assert!(output.status.success());
    let reply = String::from_utf8_lossy(&output.stdout);
    assert_eq!(reply.trim_end(), r#"{"failed":{"message":"no dataset \"abacus\""}}"#);
}
