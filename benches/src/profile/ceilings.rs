//! What the machine can do at most, measured by this program between the steps that it explains.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use dl_backends::Operation;

use super::measure::Steps;
use super::memory::Memory;
use super::model::PASS;
use super::operations::Operands;
use super::plans::Plans;
use super::products::Matrices;
use crate::fault::Result;
use crate::stats;

/// One of the machine's ceilings; its value is in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ceiling {
    /// An element of an operation, in the first cache.
    Element(Operation),
    /// A call of an operation's kernel, beside its elements.
    Call(Operation),
    /// The first call of an operation's kernel beyond any other: since the one before, so many bytes have
    /// been touched, or a whole [`STEP`] has passed.
    First(Operation, usize),
    /// A line of machine code that was made for a plan, at its first run beyond any other.
    Code(usize),
    /// A number of the left operand times a row of so many vectors of the right one.
    Depth(usize),
    /// A row of the result of so many vectors, beside its depth.
    Row(usize),
    /// A byte that is copied among so many: half of them read, half of them written.
    Copied(usize),
    /// A byte that is read.
    Read(usize),
    /// Reading the clock.
    Clock,
}

/// Stands for the bytes that a step of the program touches.
pub(super) const STEP: usize = usize::MAX;

/// What was measured of each ceiling, round after round.
#[derive(Debug, Default)]
pub(super) struct Ceilings {
    pub(super) found: BTreeMap<Ceiling, Vec<f64>>,
    /// Elements of a vector and vectors of a panel, for products.
    pub(super) width: usize,
    pub(super) panel: usize,
    /// The numbers of bytes at which ceilings of memory are known; the first of them fits the first cache.
    pub(super) points: Vec<usize>,
    /// Bytes that a step of the program touches.
    pub(super) step: usize,
    /// Bytes of the caches.
    pub(super) caches: [usize; 3],
}

impl Ceilings {
    /// The median over the rounds; 0 for what was not measured, which so costs nothing.
    pub(super) fn get(&self, ceiling: Ceiling) -> f64 {
        self.found.get(&ceiling).and_then(|found| stats::median(found)).unwrap_or(0.0)
    }

    pub(super) fn add(&mut self, ceiling: Ceiling, seconds: f64) {
        self.found.entry(ceiling).or_default().push(seconds);
    }

    /// Adds a call and its elements: the line through the times of two lengths.
    pub(super) fn add_line(
        &mut self,
        [call, element]: [Ceiling; 2],
        [short, long]: [usize; 2],
        mut seconds: impl FnMut(usize) -> f64,
    ) {
        let (near, far) = (seconds(short), seconds(long));
        let slope = ((far - near) / (long - short) as f64).max(0.0);
        self.add(element, slope);
        self.add(call, (near - slope * short as f64).max(0.0));
    }

    /// Adds what a first call took beyond the clock and such a call as comes again.
    pub(super) fn add_first(&mut self, operation: Operation, point: usize, seconds: f64, elements: usize) {
        let call = self.get(Ceiling::Call(operation));
        let warm = self.get(Ceiling::Clock) + call + elements as f64 * self.get(Ceiling::Element(operation));
        self.add(Ceiling::First(operation, point), (seconds - warm).max(0.0));
    }

    /// A ceiling of memory for so many bytes: between two points on the line through both, by the
    /// logarithm of the bytes.
    pub(super) fn among(&self, bytes: usize, ceiling: impl Fn(usize) -> Ceiling) -> f64 {
        let at = |point: &usize| self.get(ceiling(*point));
        let next = self.points.iter().position(|point| bytes <= *point);
        match next {
            Some(0) => at(&self.points[0]),
            Some(next) => {
                let (near, far) = (self.points[next - 1], self.points[next]);
                let share = (bytes as f64 / near as f64).ln() / (far as f64 / near as f64).ln();
                at(&near) + share * (at(&far) - at(&near))
            }
            None => self.points.last().map_or(0.0, at),
        }
    }

    /// Where so many bytes lie.
    pub(super) fn level(&self, bytes: usize) -> &'static str {
        let names = ["L1", "L2", "L3"].into_iter().zip(self.caches);
        names.into_iter().find(|(_, fits)| bytes <= *fits).map_or("memory", |(name, _)| name)
    }
}

/// Everything that ceilings are measured with.
pub(super) struct Machine {
    operands: Operands,
    matrices: Matrices,
    memory: Memory,
    plans: Plans,
}

impl Machine {
    pub(super) fn new(threads: usize) -> Result<Self> {
        Ok(Machine {
            operands: Operands::new(),
            matrices: Matrices::new(),
            memory: Memory::new(threads),
            plans: Plans::new(threads)?,
        })
    }

    /// Measures the ceilings of the steps' operations, and all others, once more.
    pub(super) fn measure(&mut self, steps: &mut Steps<'_>, into: &mut Ceilings) -> Result<()> {
        let operations = steps.operations();
        if !operations.contains(&PASS) {
            self.operands.measure(PASS, into);
        }
        into.step = steps.distance();
        into.add(Ceiling::Clock, seconds(|| _ = black_box(Instant::now())));
        operations.iter().for_each(|operation| self.operands.measure(*operation, into));
        self.matrices.measure(into);
        self.plans.measure(into)?;
        self.memory.measure(into);
        for point in into.points.clone().into_iter().skip(1) {
            for _ in 0..(COLD / point).clamp(1, BURSTS) {
                self.memory.pass(point);
                self.operands.first(&operations, point, into);
                self.matrices.first(point, into);
                self.memory.pass(point);
                self.plans.first(point, into)?;
                self.memory.pass(point);
                self.plans.first_bodies(point, into)?;
            }
        }
        let step = steps.step()?;
        for _ in 0..((PATIENCE / step) as usize).clamp(1, BURSTS) {
            steps.step()?;
            self.operands.first(&operations, STEP, into);
            self.matrices.first(STEP, into);
            steps.step()?;
            self.plans.first(STEP, into)?;
        }
        // One step alone lies between two runs of the bodies, as in the program that is predicted.
        for _ in 0..((PATIENCE / step) as usize).clamp(1, BURSTS) {
            steps.step()?;
            self.plans.first_bodies(STEP, into)?;
        }
        Ok(())
    }
}

/// Bytes that a round passes over, to see what is slow afterwards.
const COLD: usize = 16 << 20;
/// Seconds of steps in a round, for the same.
const PATIENCE: f64 = 0.02;

/// Bursts of which the fastest counts: whatever else the machine does only adds.
const BURSTS: usize = 5;
/// What a burst takes at least, in seconds: many times what reading the clock takes.
const BURST: f64 = 5e-6;

/// How long a piece of work takes that comes once.
pub(super) fn once(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// How long a piece of work takes, again and again.
pub(super) fn seconds(mut work: impl FnMut()) -> f64 {
    let mut burst = |times: usize| {
        let begun = Instant::now();
        (0..times).for_each(|_| work());
        begun.elapsed().as_secs_f64()
    };
    let mut times = 1;
    while burst(times) < BURST {
        times *= 2;
    }
    let fastest = (0..BURSTS).map(|_| burst(times)).fold(f64::INFINITY, f64::min);
    fastest / times as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_both_times() {
        let mut ceilings = Ceilings::default();
        let parts = [Ceiling::Row(1), Ceiling::Depth(1)];
        ceilings.add_line(parts, [10, 110], |n| 5.0 + 2.0 * n as f64);
        assert_eq!((ceilings.get(Ceiling::Row(1)), ceilings.get(Ceiling::Depth(1))), (5.0, 2.0));
        // Noise makes no negative time.
        ceilings = Ceilings::default();
        ceilings.add_line(parts, [10, 110], |n| 1.0 / n as f64);
        assert_eq!((ceilings.get(Ceiling::Row(1)), ceilings.get(Ceiling::Depth(1))), (0.1, 0.0));
    }

    #[test]
    fn the_median_of_the_rounds_counts() {
        let mut ceilings = Ceilings::default();
        [3.0, 1.0, 9.0].into_iter().for_each(|x| ceilings.add(Ceiling::Clock, x));
        assert_eq!(ceilings.get(Ceiling::Clock), 3.0);
        assert_eq!(ceilings.get(Ceiling::Read(1)), 0.0);
    }

    #[test]
    fn between_two_points_lies_a_line() {
        let mut ceilings =
            Ceilings { points: vec![100, 400], caches: [100, 200, 300], ..Ceilings::default() };
        ceilings.add(Ceiling::Read(100), 1.0);
        ceilings.add(Ceiling::Read(400), 3.0);
        let read = [1, 100, 200, 400, 9000].map(|bytes| ceilings.among(bytes, Ceiling::Read));
        assert_eq!(read, [1.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!([100, 101, 300, 301].map(|bytes| ceilings.level(bytes)), ["L1", "L2", "L3", "memory"]);
    }
}
