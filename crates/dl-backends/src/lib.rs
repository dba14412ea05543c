//! Executors of plans: our own on the CPU, and burn's ndarray, flex and wgpu.

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
pub mod burn;
mod choose;
#[cfg(feature = "cpu")]
pub mod cpu;
mod error;
mod executor;
#[cfg(feature = "wgpu")]
mod gpu;
mod model;
mod profile;
mod session;
pub mod tuning;
pub mod weights;

#[cfg(feature = "flex")]
pub use burn::Flex;
#[cfg(feature = "ndarray")]
pub use burn::Ndarray;
#[cfg(feature = "wgpu")]
pub use burn::{Storage, Wgpu};
pub use choose::{by_name, compiled_in};
#[cfg(feature = "cpu")]
pub use cpu::Cpu;
pub use error::{Error, Result};
pub use executor::{Buffer, Call, DeviceColumn, Executable, Executor, Pending, Reading, Rows};
pub use model::{Answer, Model, Runner};
pub use profile::{Amount, Kernel, Operation};
pub use session::{Handle, Outputs, Preloaded, Session, Values};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
