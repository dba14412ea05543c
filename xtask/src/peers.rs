//! `cargo xtask peers`: the Python frameworks that `bench --peers` compares with.

use crate::process::{Child, Failure};
use crate::workspace::Workspace;

/// Where they go, under the root: `benches/src/peers.rs` looks for them there.
const ENVIRONMENT: &str = "target/peers";

/// The pinned packages.
const PACKAGES: &str = "benches/peers/requirements.txt";

/// Makes the virtual environment, or takes the one that is there, and installs what is pinned.
pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    let (system, inside) =
        if cfg!(windows) { ("python", "Scripts/python.exe") } else { ("python3", "bin/python3") };
    let root = workspace.root();
    Child::new(system).args(["-m", "venv", ENVIRONMENT]).dir(root).run()?;
    let python = root.join(ENVIRONMENT).join(inside);
    Child::new(python).args(["-m", "pip", "install", "--requirement", PACKAGES]).dir(root).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_pinned_and_the_bench_looks_where_they_go() {
        let packages = include_str!("../../benches/peers/requirements.txt");
        let mut lines = packages.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.all(|line| line.contains("==") && !line.contains("://")), "{packages}");
        let bench = include_str!("../../benches/src/peers.rs");
        assert!(bench.contains(&format!("const ENVIRONMENT: &str = {ENVIRONMENT:?};")));
    }
}
