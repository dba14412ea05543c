//! Steps of a program on batch after batch, watched and unwatched in turn.

use std::time::Instant;

use dl_backends::{Cpu, Handle, Kernel, Operation, Session};
use dl_core::{Program, TensorRef};

use crate::fault::Result;
use crate::stats::Spread;
use crate::subject::SEED;

/// A session whose steps take batches in turn.
pub(super) struct Steps<'b> {
    session: Session,
    handle: Handle,
    batches: &'b [Vec<TensorRef<'b>>],
    at: usize,
    /// The kernels, and by kernel the seconds of each watched step.
    kernels: Vec<Kernel>,
    watched: Vec<Vec<f64>>,
    /// Seconds of each unwatched step.
    unwatched: Vec<f64>,
}

impl<'b> Steps<'b> {
    /// Steps of a program on `batches`, each the program's inputs in order.
    ///
    /// # Errors
    /// What the session refuses.
    pub(super) fn new(program: &Program, batches: &'b [Vec<TensorRef<'b>>], threads: usize) -> Result<Self> {
        Steps::on(Session::new(Cpu::with_threads(threads), SEED), program, batches)
    }

    /// The same in a session.
    ///
    /// # Errors
    /// What the session refuses.
    pub(super) fn on(
        mut session: Session,
        program: &Program,
        batches: &'b [Vec<TensorRef<'b>>],
    ) -> Result<Self> {
        let handle = session.compile(program)?;
        let (kernels, watched, unwatched) = (vec![], vec![], vec![]);
        let mut steps = Steps { session, handle, batches, at: 0, kernels, watched, unwatched };
        // The first step makes room, and packs what later ones find packed.
        steps.step()?;
        steps.kernels = steps.profile()?;
        steps.watched = vec![vec![]; steps.kernels.len()];
        Ok(steps)
    }

    /// Which operations there are.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut all: Vec<_> =
            self.kernels.iter().flat_map(|k| k.amounts.iter().map(|a| a.operation)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Steps for so many seconds, watched and unwatched in turn, one of each at least. The first that comes
    /// after something else counts for nothing.
    pub(super) fn burst(&mut self, seconds: f64) -> Result<()> {
        let begun = Instant::now();
        self.step()?;
        loop {
            let kernels = self.profile()?;
            self.watched.iter_mut().zip(kernels).for_each(|(watched, kernel)| watched.push(kernel.seconds));
            let unwatched = self.step()?;
            self.unwatched.push(unwatched);
            if begun.elapsed().as_secs_f64() >= seconds {
                return Ok(());
            }
        }
    }

    /// Each kernel that does anything, with its seconds.
    pub(super) fn kernels(&self) -> impl Iterator<Item = (&Kernel, Spread)> {
        let idle =
            |k: &Kernel| k.bytes + k.input_bytes + k.amounts.iter().map(|a| a.elements).sum::<usize>() == 0;
        let both = self.kernels.iter().zip(&self.watched).filter(move |(kernel, _)| !idle(kernel));
        both.filter_map(|(kernel, watched)| Some((kernel, Spread::of(watched)?)))
    }

    /// Seconds of the unwatched steps.
    pub(super) fn unwatched(&self) -> Option<Spread> {
        Spread::of(&self.unwatched)
    }

    /// Seconds of all kernels together, by watched step.
    pub(super) fn sum(&self) -> Option<Spread> {
        let steps = self.watched.first().map_or(0, Vec::len);
        let sums: Vec<f64> = (0..steps).map(|i| self.watched.iter().map(|kernel| kernel[i]).sum()).collect();
        Spread::of(&sums)
    }

    /// Bytes of all batches that steps take in turn.
    pub(super) fn inputs(&self) -> usize {
        let bytes = |t: &TensorRef<'_>| t.shape().iter().product::<usize>() * t.dtype().bytes();
        self.batches.iter().flatten().map(bytes).sum()
    }

    /// Bytes that a step touches.
    pub(super) fn distance(&self) -> usize {
        self.kernels.iter().map(|kernel| kernel.distance).max().unwrap_or(0)
    }

    /// The next step; its seconds.
    pub(super) fn step(&mut self) -> Result<f64> {
        let batch = self.next();
        let begun = Instant::now();
        let outputs = self.session.run(&self.handle, batch)?;
        // What is read has been computed, on a device, too.
        if let Some(first) = self.handle.plan().outputs().first() {
            outputs.read(&first.name)?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    fn profile(&mut self) -> Result<Vec<Kernel>> {
        let batch = self.next();
        Ok(self.session.profile(&self.handle, batch)?)
    }

    fn next(&mut self) -> &'b [TensorRef<'b>] {
        self.at = (self.at + 1) % self.batches.len();
        &self.batches[self.at]
    }
}

#[cfg(test)]
mod tests {
    use dl_core::nn::{self, Sgd};
    use dl_core::{F32, Graph, Named, Tensor};

    use super::*;

    #[test]
    fn every_kernel_of_a_program_is_named_and_timed() {
        let g = Graph::new();
        let x = g.input("x", F32, (Named("B"), 4));
        let program = nn::dense(x, "fc", 3).tanh().sum(..).minimize(Sgd::new(0.1)).unwrap();
        let x = Tensor::new([5, 4], (0..20).map(|i| i as f32 / 20.0).collect()).unwrap();
        let batches = [vec![x.view()], vec![x.view()]];
        let mut steps = Steps::new(&program, &batches, 1).unwrap();
        steps.burst(0.0).unwrap();
        let kinds: Vec<_> = steps.kernels().filter_map(|(k, _)| k.name.split_whitespace().next()).collect();
        assert_eq!(kinds, ["product", "group", "product", "update", "around"]);
        assert!(steps.kernels().all(|(_, seconds)| seconds.median >= 0.0));
        assert!(steps.sum().unwrap().median > 0.0 && steps.unwatched().unwrap().median > 0.0);
        assert!(steps.operations().contains(&Operation::Unary(dl_core::ops::Unary::Tanh)));
        assert_eq!(steps.inputs(), 2 * 20 * 4);
    }
}
