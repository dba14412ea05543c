//! The executors under test: all that are compiled in.

use dl_backends::Executor;

use crate::scheduled::Scheduled;

/// Fresh ones, in the order of the fidelity table's columns.
pub(crate) fn executors() -> Vec<Box<dyn Executor>> {
    vec![
        #[cfg(feature = "cpu")]
        Box::new(dl_backends::Cpu::with_threads(2)),
        // Tiles and lanes of a few rows, where a case has more.
        #[cfg(feature = "cpu")]
        Box::new(dl_backends::Cpu::with_threads(3).with_tile(3)),
        // What machines without code of ours run.
        #[cfg(feature = "cpu")]
        Box::new(dl_backends::Cpu::with_threads(2).with_tile(7).with_code(false)),
        #[cfg(feature = "ndarray")]
        Box::new(dl_backends::Ndarray::default()),
        #[cfg(feature = "flex")]
        Box::new(dl_backends::Flex::default()),
        #[cfg(feature = "wgpu")]
        Box::new(dl_backends::Wgpu::default()),
        Box::new(Scheduled),
    ]
}
