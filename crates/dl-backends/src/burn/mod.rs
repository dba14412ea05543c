//! burn's backends as executors: one lowering, generic over burn's `Backend`, on rank-dynamic primitives.
//!
//! A plan's steps become burn's operations one by one, in order (`step` is the table); nothing is
//! fused; on `wgpu` only what has no generated kernel (`crate::gpu`) comes here, by way of `bridge`.
//! `compile` resolves all sizes, so that a run looks nothing up; `value` and `machine` say
//! how values live on a device; `host` is the one place for what a backend cannot do right.
//!
//! | executor | element types | integers |
//! | --- | --- | --- |
//! | `Ndarray`, `Flex` | all | exact, wrapping at the ends of `i64` |
//! | `Wgpu` | all but `f64` | 32 bits on the device; what does not fit is an error |
//!
//! # Threads
//!
//! `Flex` and the elementwise loops of `Ndarray` use the rayon pool of the caller: the global one
//! (`RAYON_NUM_THREADS`), or one of their own after `with_threads`. `Ndarray`'s matrix products
//! have threads of their own, whose number the environment variable `MATMUL_NUM_THREADS` sets
//! before the first product.

mod adapter;
#[cfg(feature = "wgpu")]
pub(crate) mod bridge;
#[cfg(feature = "wgpu")]
mod check;
mod compile;
mod contract;
mod cumulative;
mod device;
#[cfg(feature = "wgpu")]
mod devices;
#[cfg(feature = "wgpu")]
mod download;
mod elementwise;
mod executable;
mod executors;
#[cfg(feature = "wgpu")]
pub mod fidelity;
mod host;
mod index;
mod long;
mod machine;
mod movement;
#[cfg(feature = "wgpu")]
mod open;
mod range;
mod reduce;
mod repeat;
mod step;
#[cfg(feature = "wgpu")]
mod storage;
#[cfg(all(test, feature = "flex"))]
mod tests;
mod value;
mod window;

#[cfg(feature = "wgpu")]
pub(crate) use adapter::size;
#[cfg(feature = "wgpu")]
pub use devices::{Adapter, adapters};
#[cfg(feature = "wgpu")]
pub(crate) use executable::guarded;
#[cfg(feature = "flex")]
pub use executors::Flex;
#[cfg(feature = "ndarray")]
pub use executors::Ndarray;
#[cfg(feature = "wgpu")]
pub use executors::Wgpu;
#[cfg(feature = "wgpu")]
pub use storage::Storage;
