//! `cargo xtask new NAME`: a small project outside of this repository, a CSV file in, trained weights out.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::NewOptions;
use crate::process::{self, Child, Failure};
use crate::workspace::Workspace;

/// What is written as it is.
const FILES: [(&str, &str); 3] = [
    ("src/main.rs", include_str!("../template/src/main.rs")),
    ("leaves.csv", include_str!("../template/leaves.csv")),
    (".gitignore", "/target\n/checkpoints\n/weights.safetensors\n"),
];

/// Names that cargo refuses, or that a dependency has.
const TAKEN: [&str; 9] =
    ["test", "core", "std", "alloc", "proc_macro", "build", "deps", "examples", "dl-objective"];

/// Keywords of Rust 2024 that a package may not be called.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern \
    false final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self \
    static struct super trait true try type typeof unsafe unsized use virtual where while yield";

/// Writes the project, and says how to run it.
pub(crate) fn run(workspace: &Workspace, options: &NewOptions) -> Result<(), Failure> {
    let beside = workspace.root().parent().unwrap_or(workspace.root());
    let folder = options.folder.as_deref().unwrap_or(beside);
    let folder = std::path::absolute(folder).map_err(|e| cannot("find", folder, &e))?;
    let project = write(workspace, options, &folder)?;
    process::print(&format!(
        "{} is written: a short program, its data, and a manifest. To train it:\n\n  \
         cd {0}\n  cargo run --release\n",
        project.display()
    ))
}

/// The project's folder, in which all files are.
fn write(workspace: &Workspace, options: &NewOptions, folder: &Path) -> Result<PathBuf, Failure> {
    check(&options.name)?;
    if folder.starts_with(workspace.root()) {
        let why = "is inside of this repository; the project is to be outside";
        return Err(Failure::usage(format!("{} {why}", folder.display())));
    }
    if !folder.is_dir() {
        return Err(Failure::usage(format!("there is no folder {}", folder.display())));
    }
    let project = folder.join(&options.name);
    // Fails where anything of that name is: nothing is written over.
    fs::create_dir(&project).map_err(|e| cannot("make", &project, &e))?;
    let put = |name: &str, text: &str| {
        let path = project.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text)).map_err(|e| cannot("write", &path, &e))
    };
    put("Cargo.toml", &manifest(workspace, options))?;
    for (name, text) in FILES {
        put(name, text)?;
    }
    if options.version.is_none() {
        // The versions of dependencies that this checkout is tested with.
        let lock = workspace.root().join("Cargo.lock");
        fs::copy(&lock, project.join("Cargo.lock")).map_err(|e| cannot("copy", &lock, &e))?;
    }
    Ok(project)
}

fn cannot(what: &str, path: &Path, why: &std::io::Error) -> Failure {
    Failure::other(format!("cannot {what} {}: {why}", path.display()))
}

/// Whether cargo takes the name of a package.
fn check(name: &str) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::usage(format!("the name {name:?} {why}")));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if let Some((folder, last)) =
        name.rsplit_once('/').filter(|(folder, last)| !folder.is_empty() && !last.is_empty())
    {
        return refuse(&format!("is a path: expected a name; --in {folder} {last} makes it there"));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return refuse("does not begin with a letter from a to z");
    }
    if let Some(other) = name.chars().find(|c| !allowed(*c)) {
        return refuse(&format!("has the character {other:?}: expected letters, digits, - and _"));
    }
    if name.len() > 64 {
        return refuse("is longer than 64 characters");
    }
    if TAKEN.contains(&name) || KEYWORDS.split_whitespace().any(|word| word == name) {
        return refuse("is taken by Rust or by a dependency");
    }
    Ok(())
}

fn manifest(workspace: &Workspace, options: &NewOptions) -> String {
    let name = &options.name;
    let objective = match &options.version {
        Some(version) => format!("{{ version = {version:?}, features = [\"csv\"] }}"),
        None => {
            let path = workspace.root().join("crates/dl-objective");
            format!("{{ path = {:?}, features = [\"csv\"] }}", path.to_string_lossy())
        }
    };
    format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\ndl-objective = {objective}\n\n\
         # It trains at a bearable speed without --release, too.\n[profile.dev]\nopt-level = 1\n\n\
         # A workspace of its own, wherever it lies.\n[workspace]\n"
    )
}

/// Writes a project into a temporary folder and runs it: what it promises is there.
pub(crate) fn trial(workspace: &Workspace) -> Result<(), Failure> {
    let folder = Scratch::new()?;
    let options = NewOptions { name: "leaves".into(), ..NewOptions::default() };
    let project = write(workspace, &options, &folder.0)?;
    // Twice: the second run finds the checkpoints of the first.
    for _ in 0..2 {
        runs(workspace, &project)?.dir(&project).run()?;
        let weights = project.join("weights.safetensors");
        fs::remove_file(&weights).map_err(|e| cannot("find", &weights, &e))?;
    }
    Ok(())
}

/// `cargo run` in the profile of this repository, so that its dependencies need not be built again.
fn runs(workspace: &Workspace, project: &Path) -> Result<Child, Failure> {
    let path = workspace.root().join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|e| cannot("read", &path, &e))?;
    let child = Child::cargo("run").args(["--quiet", "--offline", "--manifest-path"]);
    let child = child.arg(project.join("Cargo.toml")).env("CARGO_TARGET_DIR", &workspace.target());
    Ok(profile(&manifest).into_iter().fold(child, |child, setting| child.arg("--config").arg(setting)))
}

/// The lines of `[profile.dev…]` tables as settings of a command line.
fn profile(manifest: &str) -> Vec<String> {
    let (mut settings, mut table) = (Vec::new(), None);
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            table = name.strip_suffix(']').filter(|name| name.starts_with("profile.dev"));
        } else if let (Some(table), Some((key, value))) = (table, line.split_once(" = "))
            && !key.contains('#')
        {
            settings.push(format!("{table}.{key}={value}"));
        }
    }
    settings
}

/// A folder that is gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        let path = std::env::temp_dir().join(format!("dl-new-{}", std::process::id()));
        fs::create_dir(&path).map_err(|e| cannot("make", &path, &e))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_refuses_are_refused() {
        for name in ["leaves", "my-net", "a_1"] {
            assert!(check(name).is_ok(), "{name}");
        }
        let refused = |name: &str, why: &str| {
            let failure = check(name).expect_err(name);
            assert_eq!((failure.exit_code(), failure.to_string().contains(why)), (2, true), "{failure}");
        };
        refused("", "does not begin with a letter");
        refused("1st", "does not begin with a letter");
        refused("/", "does not begin with a letter");
        refused("a/b", "is a path: expected a name; --in a b makes it there");
        refused("a.b", "has the character '.'");
        refused("größe", "has the character 'ö'");
        refused("match", "is taken");
        refused("dl-objective", "is taken");
        refused(&"a".repeat(65), "longer than 64");
    }

    #[test]
    fn nothing_is_written_over_or_into_the_repository() {
        let (workspace, folder) = (Workspace::here(), Scratch::new().expect("a folder"));
        let options = NewOptions { name: "net".into(), ..NewOptions::default() };
        let project = write(&workspace, &options, &folder.0).expect("it is written");
        let text = fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
        assert!(
            text.contains("name = \"net\"") && text.contains("crates/dl-objective\", features"),
            "{text}"
        );
        let again = write(&workspace, &options, &folder.0).expect_err("it is there");
        assert!(again.to_string().starts_with("cannot make "), "{again}");
        let inside = write(&workspace, &options, workspace.root()).expect_err("it is inside");
        assert!(inside.to_string().contains("is inside of this repository"), "{inside}");
        let nowhere = write(&workspace, &options, &folder.0.join("x")).expect_err("no folder");
        assert!(nowhere.to_string().starts_with("there is no folder "), "{nowhere}");
        let version = NewOptions { name: "other".into(), version: Some("0.1".into()), folder: None };
        let project = write(&workspace, &version, &folder.0).expect("it is written");
        let text = fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
        assert!(text.contains("dl-objective = { version = \"0.1\", "), "{text}");
        assert!(!project.join("Cargo.lock").exists());
    }

    #[test]
    fn the_program_is_short() {
        let lines = FILES[0].1.lines().count();
        assert!(lines <= 80, "{lines} lines of main.rs");
    }

    #[test]
    fn the_profile_becomes_settings() {
        let manifest =
            "[profile.dev]\nopt-level = 1\n# x = y\n[profile.dev.package.\"*\"]\ndebug = false\n[a]\nb = 1\n";
        let settings = profile(manifest);
        assert_eq!(settings, ["profile.dev.opt-level=1", "profile.dev.package.\"*\".debug=false"]);
    }
}
