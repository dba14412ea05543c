//! The ledger of a run: what two runs are compared by.

use std::fmt;
use std::hash::Hasher;

use dl_backends::weights::{Format, write_into};
use dl_core::{Name, Tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_64;

use crate::checkpoint::hex;

/// A hash over all losses that were read, step by step, and over parameters whenever one is marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger([u8; 32]);

impl Ledger {
    /// Adds what was read after a step.
    pub(crate) fn losses(&mut self, step: u64, values: &[f64]) {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(step.to_le_bytes());
        values.iter().for_each(|value| hasher.update(value.to_bits().to_le_bytes()));
        self.0 = hasher.finalize().into();
    }

    /// Adds the parameters after a step, and says what has come out.
    pub(crate) fn mark(&mut self, step: u64, parameters: &[(Name, Tensor)]) -> Mark {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        for (name, value) in parameters {
            hasher.update(name.as_bytes());
            hasher.update(digest(value).to_le_bytes());
        }
        self.0 = hasher.finalize().into();
        Mark { step, hash: hex(&self.0[..8]) }
    }

    pub(crate) fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// What [`to_hex`](Ledger::to_hex) wrote; nothing for anything else.
    pub(crate) fn from_hex(text: &str) -> Option<Ledger> {
        let mut chain = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (i, byte) in chain.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Ledger(chain))
    }
}

/// Of an array, with type and shape: XXH3, since parameters are many and nobody forges a ledger.
fn digest(value: &Tensor) -> u64 {
    let mut hasher = Digesting(XxHash3_64::new());
    // Nothing can fail but more axes than parameters have.
    let _ = write_into(Format::Npy, &mut hasher, &[("", value.view())]);
    hasher.0.finish()
}

/// A writer that never fails.
struct Digesting(XxHash3_64);

impl std::io::Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The session's step.
    pub step: u64,
    /// Of all losses and parameters up to it: 16 hexadecimal digits.
    pub hash: String,
}

/// What decides a run, beside the ledger: runs that differ here may differ there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The session's seed.
    pub seed: u64,
    /// Of the training program's plan, without the lines of the source: 16 hexadecimal digits.
    pub program: String,
    /// Of the examples, where the source [tells](crate::Source::digest).
    pub data: Option<String>,
    /// The executor's name.
    pub executor: String,
    /// How its results depend on where it runs.
    pub fidelity: String,
    /// The version of this library.
    pub version: String,
}

impl Identity {
    /// How far the results of an executor are the same elsewhere.
    pub(crate) fn fidelity(executor: &str) -> &'static str {
        match executor {
            "cpu" => "same bits for any number of threads",
            "wgpu" => "bits depend on the device",
            _ => "bits depend on the machine",
        }
    }
}

/// `seed 7  program 1b2c…  data 9f3e…  cpu (same bits for any number of threads)  dl 0.1.0`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { seed, program, data, executor, fidelity, version } = self;
        let data = data.as_deref().unwrap_or("unknown");
        write!(f, "seed {seed}  program {program}  data {data}  {executor} ({fidelity})  dl {version}")
    }
}

/// `ledger 5e1f… at step 938  seed 7  …`: equal for equal runs.
pub(crate) fn line(mark: &Mark, identity: &Identity) -> String {
    format!("ledger {} at step {}  {identity}", mark.hash, mark.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts_and_so_does_their_order() {
        let hash = |losses: &[(u64, f64)], weight: f64| {
            let mut ledger = Ledger::default();
            losses.iter().for_each(|(step, loss)| ledger.losses(*step, &[*loss]));
            // In the middle it is written down and read again.
            let mut ledger = Ledger::from_hex(&ledger.to_hex()).unwrap();
            ledger.mark(9, &[("w".into(), Tensor::scalar(weight))]).hash
        };
        let all = [
            hash(&[(1, 0.5), (2, 0.25)], 1.0),
            hash(&[(1, 0.5), (2, 0.25f64.next_up())], 1.0),
            hash(&[(2, 0.25), (1, 0.5)], 1.0),
            hash(&[(1, 0.5)], 1.0),
            hash(&[(1, 0.5), (2, 0.25)], 1f64.next_up()),
        ];
        for (i, hash) in all.iter().enumerate() {
            assert_eq!(hash.len(), 16);
            assert!(!all[..i].contains(hash));
        }
        assert_eq!(all[0], hash(&[(1, 0.5), (2, 0.25)], 1.0));
        assert_eq!(Ledger::from_hex("5e"), None);
        assert_eq!(Ledger::from_hex(&"x".repeat(64)), None);
    }
}
