//! The small file of a checkpoint: checked before it is believed.

use dl_core::Plan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::history::History;

/// The newest version of the format; a reader refuses later ones.
///
/// Version 2 says how examples are sampled. What does without is written as version 1, which says the same to
/// earlier readers.
const FORMAT: u32 = 2;

/// All that is not an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    format: u32,
    /// The length and SHA-256 of the arrays' file.
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Of the training program; see [`program_hash`].
    pub(crate) program: String,
    pub(crate) standing: Standing,
    pub(crate) history: History,
    /// The goal's metric, where it was judged at this step.
    pub(super) score: Option<f64>,
}

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    /// Of the session: what decides random numbers and learning rates.
    pub(crate) seed: u64,
    pub(crate) step: u64,
    pub(crate) runs: u64,
    /// Epochs that are finished.
    pub(crate) finished: usize,
    /// Batches of the next one that are done.
    pub(crate) batches: usize,
    /// What they add up to, and how long they took.
    pub(crate) sums: Vec<Sum>,
    pub(crate) examples: f64,
    pub(crate) seconds: f64,
    /// The ledger so far.
    pub(crate) ledger: String,
}

/// A sum over the batches of an epoch so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sum {
    pub(crate) metric: String,
    /// One number of a mean; of others what they need.
    pub(crate) state: Vec<f64>,
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// Of the checkpoint, as it is written without spaces.
    sha256: String,
    checkpoint: Record,
}

impl Record {
    pub(crate) fn new(program: String, standing: Standing, history: History, score: Option<f64>) -> Record {
        let format = if history.run.sampling.is_some() { FORMAT } else { 1 };
        Record { format, bytes: 0, sha256: String::new(), program, standing, history, score }
    }

    /// As a file has it.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        let sha256 = digest(&serde_json::to_vec(self)?);
        let mut text = serde_json::to_string(&Sealed { sha256, checkpoint: self.clone() })?;
        text.push('\n');
        Ok(text)
    }

    /// Reads what [`to_json`](Record::to_json) wrote, or says what is wrong.
    pub(super) fn from_json(text: &[u8]) -> Result<Record, String> {
        /// What every version begins with.
        #[derive(Deserialize)]
        struct Any {
            checkpoint: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let cut = |e: serde_json::Error| {
            if e.is_eof() { "it is cut short".into() } else { format!("it is no checkpoint: {e}") }
        };
        let any: Any = serde_json::from_slice(text).map_err(cut)?;
        let format = any.checkpoint.format;
        if !(1..=FORMAT).contains(&format) {
            let newer = if format > FORMAT { "newer " } else { "" };
            return Err(format!("it is of the {newer}format {format}; this version reads up to {FORMAT}"));
        }
        let sealed: Sealed = serde_json::from_slice(text).map_err(cut)?;
        let found = serde_json::to_vec(&sealed.checkpoint).map_err(|e| e.to_string())?;
        if digest(&found) != sealed.sha256 {
            return Err("it was changed after it was written: its checksum is another".into());
        }
        Ok(sealed.checkpoint)
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells one program from another: SHA-256 of its plan, without the lines and names of the source that it
/// was written on.
pub(crate) fn program_hash(plan: &Plan) -> serde_json::Result<String> {
    let mut hasher = Sha256::new();
    feed(&serde_json::to_value(plan)?, &mut hasher);
    Ok(hex(&hasher.finalize()))
}

/// In an order of keys that depends on no feature of a library.
fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().filter(|key| *key != "origin").collect();
            keys.sort();
            hasher.update(b"{");
            for key in keys {
                hasher.update(key.as_bytes());
                hasher.update(b":");
                feed(&map[key], hasher);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(item, hasher);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        leaf => hasher.update(leaf.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::{F64, Graph, Init, Program};

    fn plan(rate: f64) -> Plan {
        let g = Graph::new();
        let theta = g.parameter("θ", F64, (), Init::Zeros);
        Plan::new(&Program::builder(&g).update(theta, theta * rate).compile().unwrap())
    }

    #[test]
    fn a_program_is_told_from_another_but_not_from_itself_elsewhere() {
        let [here, there, other] = [plan(0.5), plan(0.5), plan(0.25)].map(|p| program_hash(&p).unwrap());
        assert_eq!(here, there);
        assert_ne!(here, other);
        let moved = plan(0.5).to_json().unwrap().replace(".rs\",\"line\":", ".rs\",\"line\":1");
        assert_eq!(program_hash(&Plan::from_json(&moved).unwrap()).unwrap(), here);
    }

    #[test]
    fn what_was_changed_cut_or_is_newer_is_refused() {
        let standing = Standing { step: 12, seconds: 0.1, ..Standing::default() };
        let record = Record::new("p".into(), standing, History::default(), Some(0.5));
        let text = record.to_json().unwrap();
        let read = |text: &str| Record::from_json(text.as_bytes());
        assert_eq!(read(&text).unwrap(), record);
        let fails = |text: &str, want: &str| {
            let why = read(text).unwrap_err();
            assert!(why.starts_with(want), "{why}");
        };
        fails(&text[..text.len() / 2], "it is cut short");
        fails(&text.replace("\"step\":12", "\"step\":13"), "it was changed after it was written");
        fails(
            &text.replace("\"format\":1", "\"format\":3"),
            "it is of the newer format 3; this version reads up to 2",
        );
        fails(&text.replace("\"runs\":0", "\"turns\":0"), "it is no checkpoint: unknown field `turns`");
        // What an earlier reader cannot know it must not be told in a format that it reads.
        let mut sampled = History::default();
        sampled.run.sampling = Some("weighted 00".into());
        let text = Record::new("p".into(), Standing::default(), sampled, None).to_json().unwrap();
        assert!(text.contains("\"format\":2"), "{text}");
        fails("[]", "it is no checkpoint");
        fails("", "it is cut short");
    }

    #[test]
    fn damaged_records_are_refused() {
        let mut history = History::default();
        history.run.backend = "cpu".into();
        let sums = vec![Sum { metric: "J".into(), state: vec![0.1, 2.0] }];
        let standing = Standing { step: 12, sums, ledger: "ab".repeat(32), ..Standing::default() };
        let text = Record::new("p".into(), standing, history, Some(0.5)).to_json().unwrap().into_bytes();
        let mut random = 7u64;
        let mut below = |n: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % n.max(1)
        };
        for _ in 0..3000 {
            let mut bytes = text.clone();
            let at = below(bytes.len() - 1);
            match below(5) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << below(8),
                2 => bytes.splice(at..at, vec![b"[{\"9-e0"[below(7)]; 1 + below(300)]).for_each(drop),
                3 => bytes.drain(at..(at + 1 + below(40)).min(text.len() - 1)).for_each(drop),
                _ => bytes.swap(at, below(text.len() - 1)),
            }
            if let Ok(read) = Record::from_json(&bytes) {
                assert_eq!(read.to_json().unwrap().into_bytes(), text, "only what says the same is believed");
            }
        }
    }
}
