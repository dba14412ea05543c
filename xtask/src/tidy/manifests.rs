//! Rules about what the repository must hold: documents, shared lints.

use super::{File, Violation};

/// What a reader of the repository looks for first.
const DOCUMENTS: [&str; 5] =
    ["ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// The documents that every reader expects are there.
pub(crate) fn required(files: &[File]) -> Vec<Violation> {
    DOCUMENTS
        .iter()
        .filter(|name| !files.iter().any(|file| file.path == **name))
        .map(|name| File::new(*name, "").violation(1, "missing"))
        .collect()
}

/// Every crate of the workspace takes its lints from the one table.
pub(crate) fn lints(file: &File) -> Vec<Violation> {
    let elsewhere = ["tests/standalone/", "fuzz/"].iter().any(|folder| file.path.starts_with(folder));
    let member = file.path.ends_with("/Cargo.toml") && !elsewhere;
    if !member || inherits(&file.text) {
        return Vec::new();
    }
    vec![file.violation(1, "expected `[lints]` with `workspace = true`")]
}

fn inherits(manifest: &str) -> bool {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn missing_documents_are_found() {
        let mut files: Vec<File> = DOCUMENTS.map(|name| File::new(name, "x")).into();
        assert_eq!(required(&files), []);
        files.remove(1);
        let found = required(&files);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "CHANGELOG.md:1: missing");
    }

    #[test]
    fn members_inherit_the_lints() {
        let well = "[package]\n\n[lints]\nworkspace = true\n\n[dependencies]\n";
        check(lints, "crates/a/Cargo.toml", well, &[]);
        let expected = [(1, "expected `[lints]` with `workspace = true`")];
        check(lints, "crates/a/Cargo.toml", "[package]\n", &expected);
        let elsewhere = "[lints]\n[dependencies.a]\nworkspace = true\n";
        check(lints, "benches/Cargo.toml", elsewhere, &expected);
        check(lints, "tests/standalone/a/Cargo.toml", "[package]\n", &[]);
        check(lints, "fuzz/Cargo.toml", "[package]\n", &[]);
        check(lints, "Cargo.toml", "[workspace]\n", &[]);
    }
}
