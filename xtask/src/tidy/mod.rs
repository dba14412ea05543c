//! The tidy rules: what the compiler and clippy do not check.
//!
//! A rule is a function from files to violations; `RULES` is the list of them.

use std::fmt;
use std::fs;

use crate::process::Failure;
use crate::workspace::Workspace;

mod code;
mod core;
mod cycles;
mod links;
mod manifests;
mod text;
mod unsafety;

use code::Code;

/// A rule that looks at one file at a time.
type Rule = fn(&File) -> Vec<Violation>;

const RULES: &[Rule] = &[
    text::length,
    text::header,
    text::whitespace,
    text::unfinished,
    text::machine_paths,
    unsafety::place,
    unsafety::reason,
    core::pure,
    manifests::lints,
];

/// Checks all files and prints every violation at once.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let files = read(workspace)?;
    let mut violations: Vec<Violation> =
        files.iter().flat_map(|file| RULES.iter().flat_map(|rule| rule(file))).collect();
    violations.extend(manifests::required(&files));
    violations.extend(links::resolve(&files));
    violations.extend(cycles::layered(&files));
    violations.extend(core::dependencies(&core::tree(workspace)?));
    violations.sort();
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => {
            eprintln!("tidy: {} files are well", files.len());
            Ok(())
        }
        count => Err(Failure::other(format!("tidy: {count} violations"))),
    }
}

/// A text file of the repository.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
    /// For Rust files: the text without comments and literals.
    code: Code,
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if path.ends_with(".rs") { Code::of(&text) } else { Code::default() };
        Self { path, text, code }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Numbered from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    fn violation(&self, line: usize, message: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, message: message.into() }
    }
}

/// Where a rule is broken, and which.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Tracked files and new ones that git does not ignore; binary ones have no text here.
fn read(workspace: &Workspace) -> Result<Vec<File>, Failure> {
    let listed =
        workspace.git("ls-files").args(["-z", "--cached", "--others", "--exclude-standard"]).output()?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A tracked file may be deleted in the tree.
        let Ok(bytes) = fs::read(workspace.root().join(path)) else {
            continue;
        };
        files.push(File::new(path, String::from_utf8(bytes).unwrap_or_default()));
    }
    Ok(files)
}

/// Asserts the lines and messages of what `rule` finds in one file.
#[cfg(test)]
#[track_caller]
fn check(rule: Rule, path: &str, text: &str, expected: &[(usize, &str)]) {
    let found = rule(&File::new(path, text));
    let found: Vec<(usize, &str)> = found.iter().map(|v| (v.line, &*v.message)).collect();
    assert_eq!(found, expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_prints_its_place() {
        let violation = File::new("a/b.rs", "").violation(3, "too long");
        assert_eq!(violation.to_string(), "a/b.rs:3: too long");
    }

    #[test]
    fn the_tree_is_read_with_this_file() {
        let files = read(&Workspace::here()).expect("git lists the files");
        let this = files.iter().find(|file| file.path == "xtask/src/tidy/mod.rs");
        assert!(this.is_some_and(|file| file.text.starts_with("//!")));
    }
}
