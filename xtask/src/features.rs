//! Which crates declare which feature, read from their manifests.
//!
//! Cargo refuses `--workspace --features wgpu` in some forms and takes
//! `crate/feature` in all, so a backend's name is spelled out for each crate
//! that has it.

use std::fs;
use std::path::PathBuf;

use crate::process::Failure;
use crate::workspace::Workspace;

/// The backends beside `cpu` that need no GPU.
pub(crate) const DEFAULT: &str = "ndarray,flex";

/// What no default build has: what reads data of other formats, pictures, and the service of an example.
pub(crate) const BESIDE: &str = ",csv,parquet,images,serde,pictures,page,explain,serve";

/// Whether this is a run of the continuous integration.
pub(crate) fn ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// `list` as `crate/feature,…` for every crate that has the feature.
pub(crate) fn everywhere(workspace: &Workspace, list: &str) -> Result<String, Failure> {
    spell_out(&declared(workspace)?, list)
}

/// Checks that some of `packages` has each feature of `list`.
pub(crate) fn of_packages(workspace: &Workspace, packages: &[&str], list: &str) -> Result<(), Failure> {
    let mut crates = declared(workspace)?;
    crates.retain(|krate| packages.contains(&&*krate.name));
    spell_out(&crates, list).map(drop)
}

struct Declared {
    name: String,
    features: Vec<String>,
}

fn declared(workspace: &Workspace) -> Result<Vec<Declared>, Failure> {
    let read = |path: PathBuf| {
        fs::read_to_string(&path)
            .map_err(|error| Failure::other(format!("cannot read {}: {error}", path.display())))
    };
    let manifests = workspace.manifests().into_iter();
    manifests.map(|path| Ok(parse(&read(path)?))).collect()
}

/// The keys of a manifest's `[features]` and the name in its `[package]`.
fn parse(manifest: &str) -> Declared {
    let mut declared = Declared { name: String::new(), features: Vec::new() };
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim();
        } else if let Some((key, value)) = line.split_once('=') {
            // A continued array's lines hold quotes before any `=`.
            let key = key.trim();
            match section {
                "[package]" if key == "name" => {
                    declared.name = value.trim().trim_matches('"').to_owned();
                }
                "[features]" if !key.contains(['"', '#']) => {
                    declared.features.push(key.to_owned());
                }
                _ => {}
            }
        }
    }
    declared
}

fn spell_out(crates: &[Declared], list: &str) -> Result<String, Failure> {
    let mut spelled = Vec::new();
    for feature in list.split([',', ' ']).filter(|part| !part.is_empty()) {
        let before = spelled.len();
        for krate in crates {
            if krate.features.iter().any(|declared| declared == feature) {
                spelled.push(format!("{}/{feature}", krate.name));
            }
        }
        if spelled.len() == before {
            return Err(unknown(crates, feature));
        }
    }
    Ok(spelled.join(","))
}

fn unknown(crates: &[Declared], feature: &str) -> Failure {
    let mut known: Vec<&str> = crates
        .iter()
        .flat_map(|krate| krate.features.iter().map(String::as_str))
        .filter(|name| *name != "default")
        .collect();
    known.sort_unstable();
    known.dedup();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Failure::usage(format!("no feature {feature:?}: expected some of {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKENDS: &str = r#"
[package]
name = "b"
[features]
default = ["cpu"]
cpu = []
flex = [
    "dep:burn-flex", # x = y
]
[dependencies]
gemm = "1"
"#;

    #[test]
    fn features_are_spelled_out_for_each_crate() {
        let train = "[package]\nname = \"t\"\n[features]\nflex = [\"b/flex\"]\n";
        let crates = [parse(BACKENDS), parse(train)];
        assert_eq!(spell_out(&crates, "cpu,flex").ok().as_deref(), Some("b/cpu,b/flex,t/flex"));
        assert_eq!(spell_out(&crates, "").ok().as_deref(), Some(""));
    }

    #[test]
    fn an_unknown_feature_is_a_usage_error() {
        let failure = spell_out(&[parse(BACKENDS)], "gemm").expect_err("a dependency");
        assert_eq!(failure.exit_code(), 2);
        let expected = "no feature \"gemm\": expected some of cpu, flex";
        assert_eq!(failure.to_string(), expected);
    }
}
