//! What should not be accepted: each mistake is recorded with the line that makes it, in debug and release.
#![allow(clippy::unwrap_used)] // a test may

mod graphs;
mod layers;
mod names;
mod shapes;
mod sizes;
mod values;

use dl_core::{Fault, Graph};

/// The faults of a graph; the first one's line is `line` of `file`.
fn faults(g: &Graph) -> Vec<Fault> {
    g.check().expect_err("a mistake").faults().to_vec()
}

/// Asserts that the only mistake of `g` is at `line` of a file that ends in `file`, and what it says.
#[track_caller]
fn refused(g: &Graph, file: &str, line: u32, says: &[&str]) {
    let faults = faults(g);
    let [fault] = &faults[..] else { panic!("{} faults: {faults:?}", faults.len()) };
    let site = fault.site.as_ref().expect("a line");
    assert!(file.ends_with(&*site.file) && site.line == line, "{fault} is not at line {line}");
    for part in says {
        assert!(fault.message.contains(part), "{fault}: without {part:?}");
    }
}
