//! Where the repository is, which crates it has, and at which revision.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Child, Failure};

/// The repository that this xtask belongs to.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn here() -> Self {
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let xtask = PathBuf::from(xtask);
        let root = xtask.parent().unwrap_or(&xtask).to_owned();
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> String {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| self.root.join("target")).to_string_lossy().into_owned()
    }

    /// Cargo, run at the root.
    pub(crate) fn cargo(&self, subcommand: &str) -> Child {
        Child::cargo(subcommand).dir(&self.root)
    }

    /// Git, run at the root.
    pub(crate) fn git(&self, subcommand: &str) -> Child {
        Child::new("git").arg(subcommand).dir(&self.root)
    }

    /// The manifests of the members: of `crates/*`, `benches` with the crates in it, and `xtask`.
    pub(crate) fn manifests(&self) -> Vec<PathBuf> {
        let mut manifests = manifests_under(&self.root.join("crates"));
        manifests.push(self.root.join("benches/Cargo.toml"));
        manifests.extend(manifests_under(&self.root.join("benches")));
        manifests.push(self.root.join("xtask/Cargo.toml"));
        manifests
    }

    /// The manifests of the crates that are workspaces of their own, as a
    /// user's crate is. Relative to the root.
    pub(crate) fn standalone(&self) -> Vec<PathBuf> {
        manifests_under(&self.root.join("tests/standalone"))
            .iter()
            .filter_map(|path| path.strip_prefix(&self.root).ok().map(Path::to_owned))
            .collect()
    }

    /// The commit, with `-dirty` where the tree differs from it.
    pub(crate) fn revision(&self) -> Result<String, Failure> {
        let commit = self.git("rev-parse").arg("HEAD").output()?;
        let changes = self.git("status").arg("--porcelain").output()?;
        let suffix = if changes.is_empty() { "" } else { "-dirty" };
        Ok(format!("{}{suffix}", commit.trim()))
    }
}

fn manifests_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut manifests: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("Cargo.toml"))
        .filter(|manifest| manifest.is_file())
        .collect();
    manifests.sort();
    manifests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found() {
        let workspace = Workspace::here();
        let manifests = workspace.manifests();
        for member in ["crates/dl-core", "crates/dl-data", "benches", "benches/candle", "xtask"] {
            let manifest = workspace.root().join(member).join("Cargo.toml");
            assert!(manifests.contains(&manifest), "{member}: {manifests:?}");
        }
    }
}
