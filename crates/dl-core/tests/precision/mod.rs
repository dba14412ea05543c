//! What a program means with hundreds of digits, what single precision makes of it, and how far apart they are.

// Each test that shares this folder uses another part of it.
#![allow(dead_code, unused_imports)]

mod ball;
mod evaluate;
mod extended;
mod judge;
mod single;

pub(crate) use ball::Ball;
pub(crate) use evaluate::{Arithmetic, Cell, Values, evaluate, inputs};
pub(crate) use extended::Extended;
pub(crate) use judge::{Truth, errors, exact_truth, truth};
pub(crate) use single::{Double, Single};
