//! The training loop: epochs, batches, evaluation, history, progress.
