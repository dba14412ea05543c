//! Values and gradients as PyTorch has them, in double precision, from tables that its scripts made.
#![allow(clippy::unwrap_used)] // a test may

mod activations;
mod convolutions;
mod layers;
mod losses;
mod optimizers;
mod penalties;
mod recurrent;
mod schedules;
mod table;
