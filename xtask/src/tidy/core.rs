//! Rules about `dl-core`: no tensor library below it, no world around it.

use super::{File, Violation};
use crate::process::Failure;
use crate::workspace::Workspace;

/// All that `dl-core` may stand on. A new name here is a decision: it must be
/// small, pure Rust, and no tensor library.
const DEPENDENCIES: [&str; 21] = [
    "dl-core",
    "equivalent",
    "hashbrown",
    "indexmap",
    "itoa",
    "libm",
    "memchr",
    "proc-macro2",
    "quote",
    "rustc-hash",
    "ryu",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
    "unicode-width",
    "zmij",
];

/// What of `std` would let results depend on more than the arguments.
const MODULES: [&str; 6] = ["env", "fs", "net", "process", "thread", "time"];

const PRINTING: [&str; 4] = ["print!", "println!", "eprint!", "eprintln!"];

/// `dl-core`'s dependencies, one `name vVERSION` a line.
pub(crate) fn tree(workspace: &Workspace) -> Result<String, Failure> {
    workspace
        .cargo("tree")
        .args(["-p", "dl-core", "--all-features", "-e", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
}

/// Nothing stands below `dl-core` that is not in the list.
pub(crate) fn dependencies(tree: &str) -> Vec<Violation> {
    let mut names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && !DEPENDENCIES.contains(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let manifest = File::new("crates/dl-core/Cargo.toml", "");
    let message = |name| format!("dl-core may not depend on `{name}` (xtask/src/tidy/core.rs)");
    names.into_iter().map(|name| manifest.violation(1, message(name))).collect()
}

/// `dl-core` reads no file, clock or environment, starts no thread, prints nothing.
pub(crate) fn pure(file: &File) -> Vec<Violation> {
    if !file.path.starts_with("crates/dl-core/src/") {
        return Vec::new();
    }
    let printing = file.code.lines().flat_map(|(number, line)| {
        let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!'));
        let found = words.filter_map(|word| PRINTING.iter().find(|name| **name == word));
        found.map(move |name| (number, (*name).to_owned()))
    });
    printing
        .chain(std_modules(file.code.text()))
        .map(|(number, what)| file.violation(number, format!("`{what}` in dl-core")))
        .collect()
}

/// The forbidden modules that `code` names: `std::fs`, or in `std::{fs, …}`.
fn std_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, root) in code.match_indices("std::") {
        let after = &code[start + root.len()..];
        let names = match after.strip_prefix('{') {
            Some(group) => top_level_names(group),
            None => vec![first_name(after)],
        };
        let line = code[..start].matches('\n').count() + 1;
        let forbidden = names.into_iter().filter(|name| MODULES.contains(name));
        found.extend(forbidden.map(|name| (line, format!("std::{name}"))));
    }
    found
}

/// The first names of the items of a `{…}` group, whose `{` is already taken.
fn top_level_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(first_name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> &str {
    let path = path.trim_start();
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    &path[..end.unwrap_or(path.len())]
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    const FILE: &str = "crates/dl-core/src/graph.rs";

    #[test]
    fn only_listed_crates_are_below() {
        let well = "dl-core v0.1.0 (here)\nserde v1.0.229\nsyn v3.0.10 (*)\n";
        assert_eq!(dependencies(well), []);
        let burn = format!("{well}burn-backend v0.22.1\nburn-backend v0.22.1 (*)\n");
        let found = dependencies(&burn);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("`burn-backend`"));
    }

    #[test]
    fn the_world_is_out_of_reach() {
        check(pure, FILE, "\nuse std::fs;", &[(2, "`std::fs` in dl-core")]);
        check(pure, FILE, "std::time::Instant::now()", &[(1, "`std::time` in dl-core")]);
        check(pure, FILE, "use std::{fmt, env::var};", &[(1, "`std::env` in dl-core")]);
        check(
            pure,
            FILE,
            "use std::{\n  fmt::{self, env},\n  thread\n};",
            &[(1, "`std::thread` in dl-core")],
        );
        check(pure, FILE, "use std::fmt; // std::fs", &[]);
        check(pure, "crates/dl-data/src/a.rs", "use std::fs;", &[]);
    }

    #[test]
    fn nothing_is_printed() {
        check(pure, FILE, "println!(\"x\")", &[(1, "`println!` in dl-core")]);
        check(pure, FILE, "eprintln!(\"x\")", &[(1, "`eprintln!` in dl-core")]);
        check(pure, FILE, "pretty_print!(x)", &[]);
    }
}
