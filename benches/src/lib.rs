//! Criterion benches, and the program that `cargo xtask bench` drives.
