//! Executors of plans: our own on the CPU, and burn's ndarray, flex and wgpu.
