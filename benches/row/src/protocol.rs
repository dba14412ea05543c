//! What parent and child say to each other, a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::subject::Training;

/// The one row that a child measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowSpec {
    /// Who runs it.
    pub backend: String,
    /// What is trained.
    pub network: Network,
    /// Examples in a batch; the whole training split where it has no more.
    pub batch: usize,
    /// Of the thread pools.
    pub threads: usize,
    /// What the network learns from.
    pub data: DataAt,
    /// Where a peer that is no part of this program finds its work.
    pub peer: Option<PathBuf>,
}

/// Where a child finds the dataset that its parent chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataAt {
    /// Its own name.
    pub name: String,
    /// Where its files are, if not where they usually are.
    pub folder: Option<PathBuf>,
}

/// What a parent asks; a closed pipe is the request to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// So many steps without dropout, asked first: from the first values on.
    Losses {
        /// From 1 on.
        steps: usize,
    },
    /// Steps for about so long, at least two.
    WarmUp {
        /// Milliseconds.
        ms: f64,
    },
    /// A burst of steps, each timed.
    Time {
        /// From 1 on.
        steps: usize,
    },
    /// The memory used so far.
    Peak,
    /// Training from the first values on, then the test split.
    Train {
        /// Of the recipe; `None` for full-batch steps.
        epochs: Option<usize>,
    },
}

/// What a child answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Sent once, before any request is read.
    Ready {
        /// How long compiling took.
        compile_ms: Option<f64>,
        /// How it runs.
        note: Option<String>,
    },
    /// The loss before each step; empty where a row has none.
    Losses {
        /// In order.
        values: Vec<f64>,
    },
    /// Milliseconds of each step, or of a step on average where steps overlap.
    Times {
        /// In order.
        ms: Vec<f64>,
    },
    /// MiB.
    Peak {
        /// The most that was resident.
        mib: Option<f64>,
        /// What of it the program and the data are.
        data_mib: Option<f64>,
    },
    /// Which share of the training is done; more replies follow.
    Progress {
        /// From 0 to 1.
        share: f64,
    },
    /// What the network's loss makes of the test split: the share classified right, or the mean
    /// squared error.
    Trained {
        /// As above.
        test: Option<f64>,
        /// The loss on the way; empty where nobody kept it.
        #[serde(default)]
        curve: Vec<Point>,
    },
    /// The last word.
    Failed {
        /// For people.
        message: String,
    },
}

/// The loss at a place of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Passes over the training split that are done.
    pub epoch: f64,
    /// The mean over the steps since the point before.
    pub loss: f64,
}

impl Request {
    /// What is to be trained; no number of epochs stands for full-batch steps.
    pub fn training(epochs: Option<usize>) -> Training {
        match epochs {
            None => Training::FullBatch,
            Some(epochs) => Training::Recipe { epochs },
        }
    }
}
