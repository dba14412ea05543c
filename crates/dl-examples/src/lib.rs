//! One idea per example.
