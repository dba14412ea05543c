//! What the command `dl` does: formulas in, mathematics out.

pub mod check;
pub mod command;
mod derive;
mod explain;
pub mod formula;
mod run;
pub mod sympy;
