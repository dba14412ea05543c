//! Our own executor for the CPU: matrix products by the `gemm` crate, everything else by loops over
//! strided views that vectorize, shared by threads.
//!
//! Results are bit-identical for every number of threads: work is divided by shapes alone.

mod array;
mod code;
mod compile;
mod contract;
mod cumulative;
mod elementwise;
mod frame;
mod gemm;
mod index;
mod layout;
mod loops;
pub mod matmul;
mod movement;
mod parameter;
mod pool;
mod prefetch;
pub mod product;
mod real;
mod reduce;
mod repeat;
mod run;
mod team;
mod tiles;
pub mod vector;

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use dl_core::{Dims, Plan, Tensor, TensorRef};

use self::array::Array;
use self::parameter::Parameter;
use self::team::Team;
use self::tiles::Tiled;
use crate::error::{Error, Result};
use crate::executor::{Buffer, Executable, Executor};

/// The executor on the CPU. It has all element types and needs no library or device.
///
/// ```
/// use dl_backends::{Cpu, Session};
/// let session = Session::new(Cpu::with_threads(1), 7);
/// assert_eq!(session.executor(), "cpu");
/// ```
#[derive(Debug)]
pub struct Cpu {
    threads: usize,
    tile: Option<usize>,
    code: bool,
    team: OnceLock<Arc<Team>>,
}

impl Cpu {
    /// With `n` threads; 0 means as many as the machine offers. One thread is the calling one.
    /// The number changes how fast results come, never which.
    pub fn with_threads(n: usize) -> Self {
        let threads = match n {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            n => n,
        };
        Cpu { threads, tile: None, code: true, team: OnceLock::new() }
    }

    /// With tiles of so many rows, where a plan can be divided; otherwise the caches decide. Results may
    /// differ in their last places: sums are taken in another order.
    #[must_use]
    pub fn with_tile(self, rows: usize) -> Self {
        Cpu { tile: Some(rows.max(1)), ..self }
    }

    /// Whether elementwise operations that follow each other may run as machine code made when a plan is
    /// compiled, where the machine is one for which that can be made; they do by default. Without it they
    /// run one after the other. It changes how fast results come, never which.
    #[must_use]
    pub fn with_code(self, code: bool) -> Self {
        Cpu { code, ..self }
    }

    /// How many threads work.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The calling thread and those that help it, started when they are first needed.
    fn team(&self) -> Result<Option<Arc<Team>>> {
        if self.threads == 1 {
            return Ok(None);
        }
        if let Some(team) = self.team.get() {
            return Ok(Some(team.clone()));
        }
        let team = Team::new(self.threads).map_err(|e| self.cannot_start(e))?;
        Ok(Some(self.team.get_or_init(|| Arc::new(team)).clone()))
    }

    fn cannot_start(&self, why: impl std::fmt::Display) -> Error {
        Error::executor("cpu", format!("cannot start {} threads: {why}", self.threads))
    }
}

impl Default for Cpu {
    /// With as many threads as the machine offers.
    fn default() -> Self {
        Cpu::with_threads(0)
    }
}

impl Executor for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
        let tiled = Tiled::new(plan, dims, self.tile, self.code)?;
        Ok(Box::new(tiled.with_threads(self.threads, self.team()?)))
    }

    fn upload(&self, value: TensorRef<'_>) -> Result<Buffer> {
        Ok(Buffer::new(Parameter::new(Array::owned(value.to_owned()))))
    }

    fn download(&self, buffer: &Buffer) -> Result<Tensor> {
        Ok(buffer.get::<Parameter>()?.to_tensor())
    }

    fn copy(&self, from: &Buffer, into: &mut Option<Buffer>) -> Result<()> {
        let (from, team) = (from.get::<Parameter>()?, self.team()?);
        match into {
            Some(into) => into.get_mut::<Parameter>()?.copy(from, team.as_deref()),
            None => *into = Some(Buffer::new(Parameter::copied(from, team.as_deref()))),
        }
        Ok(())
    }

    fn share(&self, buffer: &Buffer) -> Result<Buffer> {
        Ok(Buffer::new(buffer.get::<Parameter>()?.shared()))
    }

    fn is_finite(&self, buffer: &Buffer) -> Result<bool> {
        Ok(buffer.get::<Parameter>()?.is_finite(self.team()?.as_deref()))
    }
}
