//! Datasets: fetched, verified, parsed with bounds.
