//! The adapter behind a device: opened with errors that say what to install, and what its failures mean.

use crate::error::{Error, Result};
use crate::executor::{Call, Executable, Reading};
use crate::profile::Kernel;
use dl_core::{Tensor, TensorRef};

/// What is known of an adapter.
#[derive(Clone, Debug)]
pub(super) struct Adapter {
    /// As it calls itself.
    pub(super) name: String,
    /// Bytes that one buffer holds at most.
    pub(super) largest: u64,
}

impl Adapter {
    /// Whether one buffer holds so many bytes.
    ///
    /// # Errors
    /// When it does not: what is too large, and what to do.
    pub(super) fn holds(&self, bytes: usize) -> std::result::Result<(), String> {
        if bytes as u64 <= self.largest {
            return Ok(());
        }
        Err(format!(
            "takes {}, and a buffer of {} holds {} at most: take a smaller batch, or the backend cpu",
            size(bytes as u64),
            self.name,
            size(self.largest)
        ))
    }

    /// A failure with the adapter's name, and what can be done about it; other errors as they are.
    fn explain(&self, error: Error) -> Error {
        match advice(&error.to_string()) {
            Some(advice) => Error::device(&self.name, error, advice),
            None if error.is_executor() => Error::device(&self.name, error, REPORT),
            None => error,
        }
    }
}

/// `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit < 3 {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    let digits = usize::from(value < 10.0 && value.fract() != 0.0);
    format!("{value:.digits$} {}", ["bytes", "KiB", "MiB", "GiB"][unit])
}

const LOST: &str = "the driver gave the device up (a reset, a kernel that took too long, a machine that slept); \
    parameters that were read or saved before are whole: start the program again, on the backend cpu if that \
    happens again";
const FULL: &str = "take a smaller batch, close what else runs on the device, or take the backend cpu, which has the \
    machine's memory";
const REPORT: &str = "the driver or its library is at fault: a newer driver may help, and the backend cpu runs the \
    same program";

/// What can be done about a failure of a device, by what its libraries say of it.
fn advice(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&[
        "device lost",
        "device is lost",
        "device was lost",
        "devicelost",
        "poisoned",
        "could not be mapped",
    ]) {
        Some(LOST)
    } else if has(&["out of memory", "outofmemory", "not enough memory", "buffer is too big", "buffertoobig"])
    {
        Some(FULL)
    } else {
        None
    }
}

/// Whether a failure says that the device is lost, or has no memory left.
pub(super) fn is_lost_or_full(text: &str) -> bool {
    advice(text).is_some()
}

/// Adds the adapter's name and advice to errors of a device.
pub(super) fn explained<T>(adapter: Option<&Adapter>, result: Result<T>) -> Result<T> {
    match adapter {
        Some(adapter) => result.map_err(|error| adapter.explain(error)),
        None => result,
    }
}

/// An executable on a device.
pub(super) struct OnDevice {
    pub(super) executable: Box<dyn Executable>,
    pub(super) adapter: Adapter,
}

impl Executable for OnDevice {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        explained(Some(&self.adapter), self.executable.run(call))
    }

    fn takes_rows(&self) -> bool {
        self.executable.takes_rows()
    }

    fn profile(&mut self, call: Call<'_>) -> Result<Vec<Kernel>> {
        explained(Some(&self.adapter), self.executable.profile(call))
    }

    fn listing(&self) -> String {
        self.executable.listing()
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        explained(Some(&self.adapter), self.executable.output(index))
    }

    fn show(&self, index: usize, to: &mut dyn FnMut(TensorRef<'_>)) -> Result<()> {
        explained(Some(&self.adapter), self.executable.show(index, to))
    }

    fn begin_reading(&self, index: usize) -> Result<Reading> {
        explained(Some(&self.adapter), self.executable.begin_reading(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_a_device_name_it_and_say_what_to_do() {
        let adapter = Adapter { name: "A card".into(), largest: 1 << 27 };
        let told = |message: &str| adapter.explain(Error::executor("wgpu", message)).to_string();
        let lost = told("the wgpu device was lost (Unknown): reset");
        assert!(
            lost.starts_with("wgpu on A card: the wgpu device was lost")
                && lost.contains("start the program again")
        );
        assert!(told("Not enough memory left").contains("smaller batch"));
        assert!(told("index out of bounds").contains("the backend cpu runs the same program"));
        // What users did wrong stays theirs.
        let own = adapter.explain(Error::value("input x: expected [2], got [3]"));
        assert_eq!(own.to_string(), "input x: expected [2], got [3]");
    }

    #[test]
    fn a_buffer_has_a_size() {
        let adapter = Adapter { name: "A card".into(), largest: 1 << 27 };
        assert_eq!(adapter.holds(1 << 27), Ok(()));
        let told = adapter.holds(3 << 29).unwrap_err();
        assert_eq!(
            told,
            "takes 1.5 GiB, and a buffer of A card holds 128 MiB at most: take a smaller batch, or the backend cpu"
        );
    }
}
