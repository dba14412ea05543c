//! What parent and child say to each other, a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::subject::Training;
use crate::work::DataAt;

/// The one row that a child measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowSpec {
    pub(crate) backend: String,
    pub(crate) network: Network,
    /// Examples in a batch; the whole training split where it has no more.
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) data: DataAt,
    /// Where a peer that is no part of this program finds its work.
    pub(crate) peer: Option<PathBuf>,
}

/// What a parent asks; a closed pipe is the request to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// So many steps without dropout, asked first: from the first values on.
    Losses { steps: usize },
    /// Steps for about so long, at least two.
    WarmUp { ms: f64 },
    /// A burst of steps, each timed.
    Time { steps: usize },
    /// The memory used so far.
    Peak,
    /// Training from the first values on, then the test split.
    Train { epochs: Option<usize> },
}

/// What a child answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// Sent once, before any request is read.
    Ready { compile_ms: Option<f64>, note: Option<String> },
    /// The loss before each step; empty where a row has none.
    Losses { values: Vec<f64> },
    /// Milliseconds of each step, or of a step on average where steps overlap.
    Times { ms: Vec<f64> },
    /// MiB.
    Peak { mib: Option<f64>, data_mib: Option<f64> },
    /// Which share of the training is done; more replies follow.
    Progress { share: f64 },
    /// What the network's loss makes of the test split: the share classified right, or the mean
    /// squared error.
    Trained { test: Option<f64> },
    /// The last word.
    Failed { message: String },
}

impl Request {
    pub(crate) fn training(epochs: Option<usize>) -> Training {
        match epochs {
            None => Training::FullBatch,
            Some(epochs) => Training::Recipe { epochs },
        }
    }
}
