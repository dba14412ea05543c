//! Ceilings of memory: how fast threads read and copy what fits each level, all of them at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use dl_backends::cpu::matmul::Caches;

use super::ceilings::{Ceiling, Ceilings};
use crate::host;

/// Most bytes that memory is measured with.
const MOST: usize = 256 << 20;
/// Bytes that a burst passes over at least.
const BURST: usize = 1 << 18;
/// Bursts of which the fastest counts.
const BURSTS: usize = 3;

/// For each thread, what it copies from and to.
pub(super) struct Memory {
    threads: Vec<[Vec<u64>; 2]>,
    caches: [usize; 3],
    points: Vec<usize>,
}

impl Memory {
    pub(super) fn new(threads: usize) -> Self {
        let Caches { l1, l2 } = Caches::of_this_machine();
        let l3 = host::last_cache().unwrap_or(4 * l2).max(l2);
        // What others leave of the last cache is seen on the way to memory.
        let shared = (1..).map(|i| l2 << i).take_while(|bytes| *bytes < l3);
        let points: Vec<usize> = [l1 / 2, l2 / 2].into_iter().chain(shared).chain([4 * l3]).collect();
        let most = points.iter().max().map_or(0, |bytes| bytes.min(&MOST) / 16);
        let one = || [vec![1; most], vec![2; most]];
        Memory { threads: (0..threads).map(|_| one()).collect(), caches: [l1, l2, l3], points }
    }

    /// Copies so many bytes, so that what was nearer is no more.
    pub(super) fn pass(&mut self, point: usize) {
        let len = point.min(MOST) / 16;
        if let Some([from, to]) = self.threads.first_mut() {
            black_box(&mut to[..len]).copy_from_slice(&from[..len]);
        }
    }

    pub(super) fn measure(&mut self, into: &mut Ceilings) {
        (into.caches, into.points) = (self.caches, self.points.clone());
        for point in self.points.clone() {
            // Threads share what is beyond their own caches.
            let share = if point > self.caches[1] { self.threads.len() } else { 1 };
            let len = point.min(MOST) / 16 / share;
            let copied = self.each(len, |[from, to]| to.copy_from_slice(from));
            into.add(Ceiling::Copied(point), copied);
            let read = self.each(len, |[from, to]| {
                black_box((sum(from), sum(to)));
            });
            into.add(Ceiling::Read(point), read);
        }
    }

    /// Seconds for each byte and thread.
    fn each(&mut self, len: usize, work: impl Fn([&mut [u64]; 2]) + Sync) -> f64 {
        let times = BURST.div_ceil(16 * len);
        let start = Barrier::new(self.threads.len());
        let burst = |[from, to]: &mut [Vec<u64>; 2]| {
            let mut fastest = f64::INFINITY;
            for _ in 0..BURSTS {
                start.wait();
                let begun = Instant::now();
                (0..times).for_each(|_| work([black_box(&mut from[..len]), black_box(&mut to[..len])]));
                fastest = fastest.min(begun.elapsed().as_secs_f64());
            }
            fastest / (times * 16 * len) as f64
        };
        let [own, others @ ..] = &mut self.threads[..] else { return 0.0 };
        thread::scope(|scope| {
            let others: Vec<_> = others.iter_mut().map(|buffers| scope.spawn(|| burst(buffers))).collect();
            let own = burst(own);
            let all = others.into_iter().filter_map(|other| other.join().ok()).chain([own]);
            let (sum, count) = all.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
            sum / count
        })
    }
}

/// In sums that do not wait for each other.
fn sum(x: &[u64]) -> u64 {
    let mut sums = [0_u64; 32];
    for chunk in x.as_chunks::<32>().0 {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum ^= x);
    }
    sums.iter().fold(0, |all, x| all ^ x)
}
