//! Our own executor.
