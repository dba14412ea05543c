//! What the command `dl` does: formulas in, mathematics out.

pub mod check;
pub mod command;
mod derive;
pub mod formula;
pub mod sympy;
