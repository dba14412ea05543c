//! One suite for all executors: every operation, against the reference interpreter.
//!
//! A case builds a program and the values that go into it; it runs in `f32` and `f64` on every
//! executor that is compiled in. How far results may be from the interpreter's stands in
//! [`fidelity`]. A test fails when an operation or a row of a table has no case.

mod case;
mod cases;
mod checking;
mod coverage;
mod edges;
mod executors;
mod faults;
mod fidelity;
mod hard;
mod kinds;
mod layers;
#[path = "../../../dl-core/tests/library/cases/mod.rs"]
mod library;
mod long;
mod not_finite;
mod optimizers;
mod optimizers_shared;
mod random_programs;
mod ranks;
mod scene;
mod scheduled;
mod sessions;
mod small;
mod together;
mod tutorial;
mod updates;
