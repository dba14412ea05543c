//! Ceilings of plans themselves: what a step that runs by itself takes, a value at both ends of a run, and
//! how long threads with shards of equal work wait for each other; measured on programs made for that.

use dl_backends::{Cpu, Handle, Kernel, Operation, Session};
use dl_core::{F32, Graph, Named, Program, Tensor};

use super::ceilings::{Ceiling, Ceilings};
use crate::fault::Result;
use crate::stats;

/// Steps of a short and of a long program.
const STEPS: [usize; 2] = [8, 64];
/// Runs of which the median counts.
const RUNS: usize = 15;

/// Rows for a shard, and elements of each: some tens of microseconds.
const ROWS: [usize; 2] = [256, 256];

/// Programs of a few numbers, and one whose rows threads share.
pub(super) struct Plans {
    session: Session,
    handles: [Handle; 2],
    shared: Option<(Session, Handle, Tensor)>,
}

impl Plans {
    pub(super) fn new(threads: usize) -> Result<Self> {
        let mut session = Session::new(Cpu::with_threads(1), 1);
        let [short, long] = STEPS;
        let handles = [session.compile(&chain(short)?)?, session.compile(&chain(long)?)?];
        let shared = if threads > 1 { Some(shared(threads)?) } else { None };
        Ok(Plans { session, handles, shared })
    }

    pub(super) fn measure(&mut self, into: &mut Ceilings) -> Result<()> {
        let (mut around, mut steps) = ([vec![], vec![]], vec![]);
        for _ in 0..RUNS {
            for (i, around) in around.iter_mut().enumerate() {
                let (kernels, end) = self.run(i)?;
                steps.extend(kernels.iter().map(|(seconds, steps)| seconds / *steps as f64));
                around.push(end);
            }
        }
        into.add(Ceiling::Element(Operation::Step), stats::median(&steps).unwrap_or(0.0));
        let values = self.handles.each_ref().map(|handle| handle.plan().values().len());
        let around = around.map(|around| stats::median(&around).unwrap_or(0.0));
        let parts = [Ceiling::Call(Operation::Value), Ceiling::Element(Operation::Value)];
        into.add_line(parts, values, |n| around[usize::from(n == values[1])]);
        if let Some((session, handle, x)) = &mut self.shared {
            let mut waits = vec![];
            for _ in 0..RUNS {
                let kernels = session.profile(handle, &[x.view()])?;
                let waited = |k: &&Kernel| k.amounts.iter().any(|a| a.operation == Operation::Wait);
                waits.extend(kernels.iter().find(waited).map(|k| k.seconds));
            }
            into.add(Ceiling::Call(Operation::Wait), stats::median(&waits).unwrap_or(0.0));
        }
        Ok(())
    }

    /// Adds what a first step and both ends of a run take, once others have passed over so many
    /// bytes.
    pub(super) fn first(&mut self, point: usize, into: &mut Ceilings) -> Result<()> {
        let (kernels, end) = self.run(0)?;
        let later = into.get(Ceiling::Element(Operation::Step));
        let first = kernels.first().map_or(0.0, |(seconds, steps)| seconds - (*steps - 1) as f64 * later);
        into.add_first(Operation::Step, point, first.max(0.0), 1);
        into.add_first(Operation::Value, point, end, self.handles[0].plan().values().len());
        Ok(())
    }

    /// Seconds and steps of each kernel of a program, and the seconds around them.
    fn run(&mut self, program: usize) -> Result<(Vec<(f64, usize)>, f64)> {
        let x = Tensor::vector(vec![0.5_f32; 2]);
        let mut kernels = self.session.profile(&self.handles[program], &[x.view()])?;
        let end = kernels.pop().map_or(0.0, |around| around.seconds);
        let steps = |k: &Kernel| k.amounts.iter().filter(|a| a.operation == Operation::Step).count();
        Ok((kernels.iter().map(|k| (k.seconds, steps(k).max(1))).collect(), end))
    }
}

/// A function of two numbers in so many steps, none of which is fused with another.
fn chain(steps: usize) -> Result<Program> {
    let g = Graph::new();
    let x = g.input("x", F32, [2]);
    let y = (0..steps / 2).fold(x, |y, _| y.sum(0).broadcast_to(&x.shape()));
    Ok(Program::builder(&g).output("y", y).without_rewriting().compile()?)
}

/// A shard of rows for each thread.
fn shared(threads: usize) -> Result<(Session, Handle, Tensor)> {
    let [rows, len] = [ROWS[0] * threads, ROWS[1]];
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), len));
    let program = Program::builder(&g).output("y", x.exp().sum(..)).compile()?;
    let mut session = Session::new(Cpu::with_threads(threads).with_tile(ROWS[0] / 2), 1);
    let handle = session.compile(&program)?;
    Ok((session, handle, Tensor::new([rows, len], vec![0.5_f32; rows * len])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_with_shards_wait_and_scalars_take_steps() {
        let (mut plans, mut ceilings) = (Plans::new(2).unwrap(), Ceilings::default());
        let waits = |k: &Kernel| k.amounts.iter().any(|a| a.operation == Operation::Wait);
        let (session, handle, x) = plans.shared.as_mut().unwrap();
        assert!(session.profile(handle, &[x.view()]).unwrap().iter().any(waits));
        assert_eq!(plans.run(1).unwrap().0.iter().map(|(_, steps)| steps).sum::<usize>(), STEPS[1]);
        plans.measure(&mut ceilings).unwrap();
        assert!(ceilings.get(Ceiling::Element(Operation::Step)) > 0.0);
    }
}
