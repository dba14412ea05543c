//! What would be published: every package has what its readers need, and needs nothing that it has not.
//!
//! Nothing is built or sent. `cargo package --list` reads the manifest as a registry would, and says which files
//! a package has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::process::Failure;
use crate::workspace::Workspace;

/// Files beside the manifest.
const COMPANIONS: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Keys of `[package]` that a registry shows, its own or the workspace's.
const KEYS: [&str; 9] = [
    "name",
    "description",
    "version",
    "license",
    "documentation",
    "keywords",
    "categories",
    "readme",
    "rust-version",
];

/// Checks every package that is not for this repository alone, and names all that is missing.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let (mut wrong, mut packages) = (Vec::new(), 0);
    for path in workspace.manifests() {
        let manifest = read(&path)?;
        if stays(&manifest) {
            continue;
        }
        packages += 1;
        let folder = path.parent().unwrap_or(&path);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        wrong.extend(keys(&manifest).into_iter().map(|key| format!("{name}: Cargo.toml has no {key}")));
        let listed = workspace.cargo("package").args(["--list", "--allow-dirty", "--offline", "-p", &name]);
        let listed = listed.output()?;
        let files: BTreeSet<PathBuf> = listed.lines().map(PathBuf::from).collect();
        wrong.extend(lacks(folder, &files).into_iter().map(|what| format!("{name}: {what}")));
    }
    wrong.extend(unversioned(&read(&workspace.root().join("Cargo.toml"))?));
    if wrong.is_empty() {
        eprintln!("package: {packages} packages are complete");
        return Ok(());
    }
    Err(Failure::other(format!("package: {}", wrong.join("\npackage: "))))
}

/// Whether a package is for this repository alone. The line of the workspace, which packages inherit, is the
/// decision to publish, and checks nothing less.
fn stays(manifest: &str) -> bool {
    manifest.lines().any(|line| line.trim() == "publish = false")
}

/// The keys that `[package]` has not.
fn keys(manifest: &str) -> Vec<&'static str> {
    let package = manifest.lines().skip_while(|line| line.trim() != "[package]").skip(1);
    let package: Vec<&str> = package.take_while(|line| !line.starts_with('[')).collect();
    let has = |key: &str| {
        let rest = package.iter().filter_map(|line| line.strip_prefix(key));
        rest.into_iter().any(|rest| rest.starts_with([' ', '=', '.']))
    };
    KEYS.into_iter().filter(|key| !has(key)).collect()
}

/// Dependencies of the workspace by path without a version, which a registry needs.
fn unversioned(workspace: &str) -> Vec<String> {
    let by_path = workspace.lines().filter(|line| line.contains("path = \"crates/"));
    let bare = by_path.filter(|line| !line.contains("version = "));
    bare.map(|line| format!("Cargo.toml: no version beside the path: {line}")).collect()
}

/// What the package in `folder` lacks, which has `files`.
fn lacks(folder: &Path, files: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut lacks: Vec<String> = COMPANIONS
        .iter()
        .filter(|name| !files.contains(Path::new(name)))
        .map(|name| format!("no {name} in the package"))
        .collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        // Made by cargo or gone since; what cannot be read includes nothing.
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        for target in included(&text) {
            let path = normal(&file.parent().unwrap_or(Path::new("")).join(target));
            if !path.is_some_and(|path| files.contains(&path)) {
                lacks.push(format!("{} includes {target}, which is not in the package", file.display()));
            }
        }
    }
    lacks
}

/// The paths in `include!`, `include_str!`, `include_bytes!` and `#[path]`.
fn included(text: &str) -> Vec<&str> {
    // In two parts, so that this file includes nothing.
    let marks = [
        concat!("include", "!("),
        concat!("include_", "str!("),
        concat!("include_", "bytes!("),
        concat!("#[pa", "th = "),
    ];
    let mut found = Vec::new();
    for mark in marks {
        for (at, _) in text.match_indices(mark) {
            let rest = text[at + mark.len()..].trim_start();
            found.extend(rest.strip_prefix('"').and_then(|rest| rest.split('"').next()));
        }
    }
    found
}

/// Without `..`; none if it leads out of the folder.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !parts.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| Failure::other(format!("cannot read {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_this_repository_are_complete() {
        let checked = check(&Workspace::here());
        assert!(checked.is_ok(), "{}", checked.err().map(|failure| failure.to_string()).unwrap_or_default());
    }

    #[test]
    fn missing_keys_are_named() {
        let all: String = KEYS.iter().map(|key| format!("{key}.workspace = true\n")).collect();
        assert!(keys(&format!("[package]\n{all}[dependencies]\n")).is_empty());
        let some = all.replace("keywords.workspace = true\n", "keywords-of = 1\n");
        assert_eq!(keys(&format!("[package]\n{some}")), ["keywords"]);
        assert_eq!(keys(&format!("[package]\n{some}[other]\nkeywords = []\n")), ["keywords"]);
    }

    #[test]
    fn the_decision_of_the_workspace_changes_nothing() {
        assert!(!stays("[package]\npublish.workspace = true\n"));
        assert!(stays("[package]\npublish = false\n"));
    }

    #[test]
    fn paths_need_versions() {
        let well = "a = { path = \"crates/a\", version = \"0.1.0\" }\n";
        assert!(unversioned(well).is_empty());
        assert_eq!(unversioned("a = { path = \"crates/a\" }\n").len(), 1);
    }

    #[test]
    fn files_from_outside_and_files_left_out_are_found() {
        let folder = std::env::temp_dir().join(format!("dl-package-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).expect("a folder");
        let line = |macro_: &str, path: &str| format!("{macro_}{}(\"{path}\")\n", "!");
        let text = line("include_str", "../README.md")
            + &line("include_bytes", "../../a")
            + &line("include", "b.rs")
            + "#[pa"
            + "th = \"../c.rs\"] mod c;";
        fs::write(folder.join("src/lib.rs"), text).expect("a file");
        let files = ["README.md", "LICENSE-MIT", "src/lib.rs"].map(PathBuf::from).into();
        let found = lacks(&folder, &files);
        fs::remove_dir_all(&folder).expect("it is ours");
        let of = |path: &str| format!("src/lib.rs includes {path}, which is not in the package");
        let want = ["no LICENSE-APACHE in the package".into(), of("b.rs"), of("../../a"), of("../c.rs")];
        assert_eq!(found, want);
    }
}
