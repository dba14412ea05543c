//! A watch over long runs: a file that takes minutes ends the run, and is named.
//!
//! The suite's few files need none: what they may read and take from the heap is counted.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use std::{env, process, thread};

/// Thousands of times what a file takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Told of each file; silent when there is nobody to tell.
pub(crate) struct Watch(Option<Sender<(&'static str, u64)>>);

impl Watch {
    /// Watches where `cargo xtask fuzz` asked for a report.
    pub(crate) fn of_a_fuzz_run() -> Watch {
        if env::var_os("DL_FUZZ_REPORT").is_none() {
            return Watch(None);
        }
        let (to, from) = channel::<(&'static str, u64)>();
        thread::spawn(move || {
            let mut last = ("nothing", 0);
            loop {
                match from.recv_timeout(PATIENCE) {
                    Ok(now) => last = now,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let (parser, seed) = last;
                        eprintln!("{parser}: a file of seed {seed} takes more than {PATIENCE:?}");
                        process::abort();
                    }
                }
            }
        });
        Watch(Some(to))
    }

    /// The next file begins.
    pub(crate) fn begin(&self, parser: &'static str, seed: u64) {
        if let Some(to) = &self.0 {
            // The watch is there as long as we are.
            let _ = to.send((parser, seed));
        }
    }
}
