//! Random small programs: whatever is composed, executors and interpreter agree.
