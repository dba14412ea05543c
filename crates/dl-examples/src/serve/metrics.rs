//! What a service tells Prometheus of itself.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Counts, times and sizes since the start.
pub struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, String); 1], Counter>,
    seconds: Histogram,
    /// Examples of each batch.
    pub batches: Histogram,
    queue: Gauge,
    /// Connections that are open.
    pub connections: Gauge,
}

/// Upper bounds of times, in seconds: 50 µs to 5 s.
const SECONDS: [f64; 16] =
    [5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Upper bounds of batches.
const EXAMPLES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("dl");
        let requests = Family::default();
        let (seconds, batches) = (Histogram::new(SECONDS), Histogram::new(EXAMPLES));
        let (queue, connections) = (Gauge::default(), Gauge::default());
        registry.register("requests", "Requests for predictions, by status", requests.clone());
        registry.register("request_seconds", "From a request's head to its answer", seconds.clone());
        registry.register("batch_examples", "Examples of a batch", batches.clone());
        registry.register("queue_examples", "Examples that wait for a batch", queue.clone());
        registry.register("connections", "Open connections", connections.clone());
        Metrics { registry, requests, seconds, batches, queue, connections }
    }
}

impl Metrics {
    /// Counts a request for predictions that was answered with `status`.
    pub fn answered(&self, status: u16, seconds: f64) {
        self.requests.get_or_create(&[("status", status.to_string())]).inc();
        self.seconds.observe(seconds);
    }

    /// All of it as text, in the format of OpenMetrics; so many examples wait.
    pub fn text(&self, waiting: usize) -> String {
        self.queue.set(waiting as i64);
        let mut text = String::new();
        // A string takes everything.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_times_and_sizes_are_told() {
        let metrics = Metrics::default();
        metrics.answered(200, 0.0003);
        metrics.answered(200, 0.0003);
        metrics.answered(503, 0.001);
        metrics.batches.observe(64.0);
        let text = metrics.text(7);
        for line in [
            "dl_requests_total{status=\"200\"} 2",
            "dl_requests_total{status=\"503\"} 1",
            "dl_request_seconds_bucket{le=\"0.0005\"} 2",
            "dl_request_seconds_count 3",
            "dl_batch_examples_bucket{le=\"32.0\"} 0",
            "dl_batch_examples_bucket{le=\"64.0\"} 1",
            "dl_queue_examples 7",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
