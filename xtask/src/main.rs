//! The project's own commands: `cargo xtask bench | data | lint | test`.
fn main() {}
