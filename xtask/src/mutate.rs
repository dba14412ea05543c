//! `cargo xtask mutate`: the whole mutation run over the tables of rules and derivatives.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Runs `dl-core`'s tests that make the mutants and judge them; they print the tables and fail on
/// survivors. Without the variable they hold mutants that are listed as equivalent against fewer points.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    workspace.cargo("test").args(TESTS.split(' ')).env("DL_MUTATE", "all").run_last()
}

const TESTS: &str = "--quiet -p dl-core --lib mutant_of -- --nocapture --test-threads 1";
