//! The rule about imports: in folders that are layered, no files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Violation};

/// The folders, each with the path of its module.
const LAYERED: &[(&str, &str)] = &[
    ("crates/dl-core/src/schedule/", "crate::schedule"),
    ("crates/dl-backends/src/cpu/tiles/", "crate::cpu::tiles"),
];

/// No file of a layered folder imports, directly or not, a file that imports it.
pub(crate) fn layered(files: &[File]) -> Vec<Violation> {
    LAYERED.iter().flat_map(|(folder, module)| circles(files, folder, module)).collect()
}

fn circles(files: &[File], folder: &str, module: &str) -> Vec<Violation> {
    let modules: BTreeMap<String, &File> =
        files.iter().filter_map(|file| Some((name(file.path.strip_prefix(folder)?)?, file))).collect();
    let imports: BTreeMap<&str, BTreeSet<&str>> =
        modules.iter().map(|(own, file)| (own.as_str(), imports(file, own, module, &modules))).collect();
    let circle = |own: &str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![own]);
        while let Some(next) = open.pop() {
            for &other in imports.get(next).into_iter().flatten() {
                if other == own {
                    return true;
                }
                if reached.insert(other) {
                    open.push(other);
                }
            }
        }
        false
    };
    let found = modules.iter().filter(|(own, _)| circle(own));
    found.map(|(_, file)| file.violation(1, "it imports itself through other files of its folder")).collect()
}

/// The module of a file of the folder: `run/fold.rs` is `run::fold`. Roots of folders and tests are none:
/// they name all others.
fn name(path: &str) -> Option<String> {
    let path = path.strip_suffix(".rs")?;
    let tests = path == "tests" || path.starts_with("tests/");
    (!tests && !path.ends_with("mod")).then(|| path.replace('/', "::"))
}

/// The modules of the folder that a file imports.
fn imports<'m>(
    file: &File,
    own: &str,
    module: &str,
    modules: &'m BTreeMap<String, &File>,
) -> BTreeSet<&'m str> {
    let code = file.code.text();
    let uses = code.match_indices("use ").map(|(at, word)| &code[at + word.len()..]);
    let uses = uses.filter_map(|rest| rest.split_once(';')).map(|(path, _)| path.trim());
    let paths = uses.filter_map(|path| inside(path, own, module));
    // The longest module that the path begins with.
    let of = |path: String| {
        let begins = |m: &&String| path == **m || path.starts_with(&format!("{m}::"));
        modules.keys().filter(begins).max_by_key(|m| m.len())
    };
    paths.filter_map(of).map(String::as_str).filter(|other| *other != own).collect()
}

/// The path within the folder's module, if it leads there.
fn inside(path: &str, own: &str, module: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix(module) {
        return rest.strip_prefix("::").map(str::to_owned);
    }
    let rest = path.strip_prefix("super::").filter(|rest| !rest.starts_with("super::"))?;
    let parent = own.rsplit_once("::").map(|(parent, _)| parent);
    Some(parent.map_or(rest.to_owned(), |parent| format!("{parent}::{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let path = |name: &str| format!("crates/dl-backends/src/cpu/tiles/{name}");
        let files: Vec<File> = files.iter().map(|(name, text)| File::new(path(name), *text)).collect();
        let places =
            layered(&files).into_iter().map(|v| v.path.rsplit_once("tiles/").map(|(_, p)| p.to_owned()));
        places.flatten().collect()
    }

    #[test]
    fn a_circle_is_found_in_each_of_its_files() {
        let a = ("run/a.rs", "use crate::cpu::tiles::data::b::B;");
        let b = ("data/b.rs", "use super::c::{C, D};");
        let c = ("data/c.rs", "use crate::cpu::tiles::run::a::A;");
        assert_eq!(found(&[a, b, c]), ["data/b.rs", "data/c.rs", "run/a.rs"]);
        assert_eq!(found(&[a, b, ("data/c.rs", "// use crate::cpu::tiles::run::a::A;")]), [""; 0]);
    }

    #[test]
    fn roots_and_tests_may_name_everything() {
        let root = ("run/mod.rs", "use crate::cpu::tiles::run::a::A;");
        let a = ("run/a.rs", "use super::A;\nuse crate::cpu::tiles::run::B;");
        assert_eq!(found(&[root, a, ("tests/t.rs", "use super::a::A;")]), [""; 0]);
    }
}
