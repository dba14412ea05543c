//! The same of the wgpu executor: a kernel takes at least as long as a launch, and as the device's products or its
//! memory take; these ceilings are measured by programs of our own, in turn with the steps.

use dl_backends::{Handle, Kernel, Session, Wgpu};
use dl_core::{F32, Graph, Init, Program, TensorRef};

use super::ceilings::Ceilings;
use super::found::{Line, Profile, Roof};
use super::measure::Steps;
use super::model::Prediction;
use crate::fault::{Fault, Result};
use crate::subject::SEED;
use crate::table::{digits, wrapped};

/// Numbers of the array that is copied: beyond every cache.
const COPIED: usize = 1 << 24;
/// Rows, columns and terms of the product.
const PRODUCT: usize = 768;

/// What a device does at best.
#[derive(Clone, Copy)]
struct Rates {
    /// Seconds.
    launch: f64,
    /// In a second.
    operations: f64,
    bytes: f64,
}

/// The best of nothing.
const NOTHING: Rates = Rates { launch: f64::INFINITY, operations: 0.0, bytes: 0.0 };

/// What a device has, measured again and again.
struct Device {
    session: Session,
    copy: Handle,
    product: Handle,
    launch: Handle,
    best: Rates,
}

impl Device {
    fn new() -> Result<Device> {
        let mut session = Session::new(Wgpu::default(), SEED);
        let random = Init::Uniform { low: -1.0, high: 1.0 };
        let g = Graph::new();
        let x = g.parameter("copied", F32, [COPIED], Init::Zeros);
        let copy = session.compile(&Program::builder(&g).output("y", x + 1.0).compile()?)?;
        let g = Graph::new();
        let [a, b] = ["a", "b"].map(|name| g.parameter(name, F32, [PRODUCT, PRODUCT], random.clone()));
        let product = session.compile(&Program::builder(&g).output("y", a.dot(b)).compile()?)?;
        let g = Graph::new();
        let one = g.parameter("one", F32, [1], Init::Zeros);
        let launch = session.compile(&Program::builder(&g).output("y", one + 1.0).compile()?)?;
        let mut device = Device { session, copy, product, launch, best: NOTHING };
        // Kernels are compiled in the first run.
        device.measure()?;
        device.best = NOTHING;
        Ok(device)
    }

    fn measure(&mut self) -> Result<()> {
        let sum = |kernels: &[Kernel], of: fn(&Kernel) -> f64| kernels.iter().map(of).sum::<f64>();
        let launch = self.session.profile(&self.launch, &[])?;
        let product = self.session.profile(&self.product, &[])?;
        let copy = self.session.profile(&self.copy, &[])?;
        let [by_launch, by_product, by_copy] =
            [&launch, &product, &copy].map(|kernels| sum(kernels, |kernel| kernel.seconds));
        let (operations, bytes) = (sum(&product, |k| k.operations as f64), sum(&copy, |k| k.bytes as f64));
        self.best = Rates {
            launch: self.best.launch.min(by_launch),
            operations: self.best.operations.max(operations / by_product),
            bytes: self.best.bytes.max(bytes / by_copy),
        };
        Ok(())
    }

    fn predict(&self, kernel: &Kernel) -> Prediction {
        let Rates { launch, operations, bytes } = self.best;
        let launches = launch * kernel.parts as f64;
        let computing = kernel.operations as f64 / operations;
        let moving = (kernel.bytes + kernel.input_bytes) as f64 / bytes;
        let bounds = [(launches, "launch"), (computing, "operations"), (moving, "memory")];
        let bound = bounds.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or("", |bound| bound.1);
        Prediction { seconds: launches + computing.max(moving), bound: bound.into() }
    }

    fn text(&self) -> String {
        let Rates { launch, operations, bytes } = self.best;
        let text = format!(
            "a launch {} µs, products of {PRODUCT}×{PRODUCT} {} GFLOP/s, copying {} GB/s",
            digits(launch * 1e6),
            digits(operations / 1e9),
            digits(bytes / 1e9)
        );
        wrapped("", &text)
    }
}

/// Profiles a program on batches of its inputs.
///
/// # Errors
/// What the executor refuses.
pub(super) fn profile(
    program: &Program,
    batches: &[Vec<TensorRef<'_>>],
    batch: usize,
    (turns, seconds): (usize, f64),
    progress: impl Fn(f64),
) -> Result<Profile> {
    let mut steps = Steps::on(Session::new(Wgpu::default(), SEED), program, batches)?;
    let mut device = Device::new()?;
    for turn in 0..turns {
        progress(turn as f64 / turns as f64);
        device.measure()?;
        steps.burst(seconds)?;
    }
    let nothing = || Fault::new("no step was measured");
    Ok(Profile {
        batch,
        threads: 0,
        kernels: steps.kernels().map(|(k, seconds)| Line::new(k, seconds, &device.predict(k))).collect(),
        sum: steps.sum().ok_or_else(nothing)?,
        step: steps.unwatched().ok_or_else(nothing)?,
        roof: Roof::of(&Ceilings::default()),
        ceilings: device.text(),
    })
}
