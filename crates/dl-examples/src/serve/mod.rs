//! A service that answers requests over HTTP with a model: examples of many requests run as one batch.
//!
//! | file | |
//! | --- | --- |
//! | [`batcher`] | a bounded queue, and workers that take from it as much as a batch holds |
//! | [`body`] | examples in the bodies of requests, and answers |
//! | [`metrics`] | counts, times and sizes for Prometheus |
//! | [`http`] | addresses, limits and the end of it all |
//!
//! The first two know nothing of HTTP.

pub mod batcher;
pub mod body;
pub mod http;
pub mod metrics;

use std::time::Duration;

/// How much is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Examples of a batch, and most of a request.
    pub batch: usize,
    /// How long the first example waits for others, where fewer are there.
    pub wait: Duration,
    /// Examples that wait for a batch; further ones are refused.
    pub queue: usize,
    /// Threads that run batches.
    pub workers: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// From a request's first byte to its last, and from there to its answer.
    pub timeout: Duration,
    /// Connections that are open at once; others wait to be taken.
    pub connections: usize,
}

/// Batches of up to 64 of what is there, without waiting for more.
impl Default for Limits {
    fn default() -> Self {
        Limits {
            batch: 64,
            wait: Duration::ZERO,
            queue: 1024,
            workers: 1,
            body: 1 << 20,
            timeout: Duration::from_secs(5),
            connections: 1024,
        }
    }
}
