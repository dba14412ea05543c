//! Ceilings of plans themselves: what a step that runs by itself takes, a body with code of its own, a value
//! at both ends of a run, and how long threads with shards of equal work wait for each other; measured on
//! programs made for that.

use dl_backends::{Cpu, Handle, Kernel, Operation, Session};
use dl_core::{F32, Graph, Named, Program, Tensor};

use super::ceilings::{Ceiling, Ceilings};
use super::model::LINE;
use crate::fault::Result;
use crate::stats;

/// Steps of a short and of a long program.
const STEPS: [usize; 2] = [8, 64];
/// Runs of which the median counts.
const RUNS: usize = 15;

/// Bodies of the program that has nothing else, every other one of them long.
const BODIES: usize = 17;

/// Rows for a shard, and elements of each: some tens of microseconds.
const ROWS: [usize; 2] = [256, 256];

/// Programs of a few numbers, and one whose rows threads share.
pub(super) struct Plans {
    session: Session,
    handles: [Handle; 2],
    bodies: Handle,
    /// What the bodies read.
    numbers: Vec<Tensor>,
    shared: Option<(Session, Handle, Tensor)>,
}

impl Plans {
    pub(super) fn new(threads: usize) -> Result<Self> {
        let mut session = Session::new(Cpu::with_threads(1), 1);
        let [short, long] = STEPS;
        let handles = [session.compile(&chain(short)?)?, session.compile(&chain(long)?)?];
        let bodies = session.compile(&bodies()?)?;
        let numbers = lengths().map(|n| Tensor::vector(vec![0.5_f32; n])).collect();
        let shared = if threads > 1 { Some(shared(threads)?) } else { None };
        Ok(Plans { session, handles, bodies, numbers, shared })
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
        let mut found = vec![];
        for _ in 0..RUNS {
            found.extend(self.each_body()?.into_iter().map(|(seconds, _)| seconds));
        }
        into.add(Ceiling::Element(Operation::Body), stats::median(&found).unwrap_or(0.0));
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

    /// Adds what a first step, a body's first run and both ends of a run take, once others have passed over
    /// so many bytes.
    pub(super) fn first(&mut self, point: usize, into: &mut Ceilings) -> Result<()> {
        let (kernels, end) = self.run(0)?;
        let later = into.get(Ceiling::Element(Operation::Step));
        let first = kernels.first().map_or(0.0, |(seconds, steps)| seconds - (*steps - 1) as f64 * later);
        into.add_first(Operation::Step, point, first.max(0.0), 1);
        into.add_first(Operation::Value, point, end, self.handles[0].plan().values().len());
        Ok(())
    }

    /// The same for bodies: the line through the times of those with little code and those with much.
    pub(super) fn first_bodies(&mut self, point: usize, into: &mut Ceilings) -> Result<()> {
        let warm = into.get(Ceiling::Element(Operation::Body));
        let found = self.each_body()?;
        let middle = found.iter().map(|(_, lines)| lines).sum::<usize>() / found.len().max(1);
        let (long, short): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, lines)| *lines > middle);
        let mean = |of: &[(f64, usize)]| {
            let count = of.len().max(1);
            let beyond = of.iter().map(|(seconds, _)| seconds - warm).sum::<f64>() / count as f64;
            (beyond.max(0.0), of.iter().map(|(_, lines)| lines).sum::<usize>() / count)
        };
        let (short, long) = (mean(&short), mean(&long));
        let parts = [Ceiling::First(Operation::Body, point), Ceiling::Code(point)];
        match short.1 < long.1 {
            true => into.add_line(parts, [short.1, long.1], |n| if n == short.1 { short.0 } else { long.0 }),
            // Without code they are all alike.
            false => into.add(parts[0], short.0),
        }
        Ok(())
    }

    /// Seconds of each body and lines of its code, but for the first, which finds less than the others.
    fn each_body(&mut self) -> Result<Vec<(f64, usize)>> {
        let numbers: Vec<_> = self.numbers.iter().map(Tensor::view).collect();
        let kernels = self.session.profile(&self.bodies, &numbers)?;
        let bodies = kernels.iter().filter(|k| k.amounts.iter().any(|a| a.operation == Operation::Body));
        Ok(bodies.skip(1).map(|k| (k.seconds, k.code.div_ceil(LINE))).collect())
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

/// How many numbers each body has: kernels of one shape would be one.
fn lengths() -> impl Iterator<Item = usize> {
    2..2 + BODIES
}

/// Bodies of two operations and of many, each on numbers of its own.
fn bodies() -> Result<Program> {
    let g = Graph::new();
    let program = lengths().fold(Program::builder(&g), |program, n| {
        let x = g.input(&format!("x{n}"), F32, [n]);
        let y = if n % 2 == 0 { x * 2.0 + 1.0 } else { ((x.tanh() * x).log1p() * x).expm1() / x };
        program.output(&format!("y{n}"), y)
    });
    Ok(program.without_rewriting().compile()?)
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
        let bodies = plans.each_body().unwrap();
        assert_eq!(bodies.len(), BODIES - 1);
        let lines = |long: bool| bodies[usize::from(!long)].1;
        assert!(lines(true) > 3 * lines(false) || lines(true) == 0, "{bodies:?}");
        plans.measure(&mut ceilings).unwrap();
        assert!(ceilings.get(Ceiling::Element(Operation::Step)) > 0.0);
    }
}
