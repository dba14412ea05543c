//! Uniform random numbers: Philox 4x32-10, many counters at a time.

use dl_core::ops::random::uniform;

use super::{Isa, Kernel};

/// Blocks of four numbers that go through the rounds together.
const LANES: usize = 8;

impl Isa {
    /// The elements from `first` on of the numbers in `[0, 1)` that belong to a seed, a step and a stream:
    /// those of [`uniform`], to the bit.
    ///
    /// ```
    /// use dl_backends::cpu::vector::Isa;
    /// use dl_core::ops::random::uniform;
    /// let mut out = [0.0; 9];
    /// Isa::widest().uniform([7, 3, 1], 2, &mut out);
    /// assert_eq!(out[8], uniform(7, 3, 1, 10));
    /// ```
    pub fn uniform(self, [seed, step, stream]: [u64; 3], first: u64, out: &mut [f32]) {
        let one = |(i, o): (u64, &mut f32)| *o = uniform(seed, step, stream, i);
        // A block that others have begun, then whole ones, then the beginning of one.
        let begun = (first.next_multiple_of(4) - first).min(out.len() as u64) as usize;
        let (head, rest) = out.split_at_mut(begun);
        (first..).zip(head).for_each(one);
        let first = first + begun as u64;
        let (blocks, tail) = rest.as_chunks_mut();
        let end = first + 4 * blocks.len() as u64;
        self.run(Blocks {
            // As `dl_core::ops::random::block` puts them together.
            counter: [(step >> 32) as u32, step as u32, stream as u32],
            key: [seed as u32 ^ (stream >> 32) as u32, (seed >> 32) as u32],
            first: first / 4,
            out: blocks,
        });
        (end..).zip(tail).for_each(one);
    }
}

/// Blocks from a number on; `counter` is that of block 0, but for its first word, which is 0.
struct Blocks<'a> {
    counter: [u32; 3],
    key: [u32; 2],
    first: u64,
    out: &'a mut [[f32; 4]],
}

impl Kernel for Blocks<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let [high, step, stream] = self.counter.map(u64::from);
        let mut numbers: [u64; LANES] = std::array::from_fn(|lane| self.first.wrapping_add(lane as u64));
        let (whole, rest) = self.out.as_chunks_mut::<LANES>();
        for out in whole {
            fill(numbers.map(|number| number ^ high << 32), step | stream << 32, self.key, out);
            numbers = numbers.map(|number| number.wrapping_add(LANES as u64));
        }
        if !rest.is_empty() {
            let mut last = [[0.0; 4]; LANES];
            fill(numbers.map(|number| number ^ high << 32), step | stream << 32, self.key, &mut last);
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

/// The numbers of blocks, whose counters are given as two halves, the second the same for all.
#[inline(always)]
fn fill(first: [u64; LANES], second: u64, key: [u32; 2], out: &mut [[f32; 4]; LANES]) {
    let [first, second] = rounds([first, [second; LANES]], key);
    // 24 bits, which signed integers hold: not every instruction set converts others.
    let uniform = |word: u64| (word >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
    for lane in 0..LANES {
        let words = [first[lane], second[lane]].map(|pair| [pair & u64::from(u32::MAX), pair >> 32]);
        let [[a, b], [c, d]] = words;
        out[lane] = [a, b, c, d].map(uniform);
    }
}

/// [`philox`](dl_core::ops::random::philox) in each lane. Two words of a counter are one number, so that a
/// product of two words lies where the next round wants its halves, but for their order.
#[inline(always)]
fn rounds([mut first, mut second]: [[u64; LANES]; 2], mut key: [u32; 2]) -> [[u64; LANES]; 2] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        for lane in 0..LANES {
            let [a, b] = [first[lane], second[lane]];
            let product = |factor: u64, x: u64| (factor * (x & u64::from(u32::MAX))).rotate_left(32);
            first[lane] = product(0xCD9E_8D57, b) ^ a >> 32 ^ u64::from(key[0]);
            second[lane] = product(0xD251_1F53, a) ^ b >> 32 ^ u64::from(key[1]);
        }
    }
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_definition_wherever_they_begin() {
        // Every seed, step and stream word matters, and so do block numbers beyond 32 bits.
        let keys = [[7, 3, 1], [u64::MAX - 5, 3 << 32 | 9, 5 << 32 | 2]];
        for (isa, [seed, step, stream]) in Isa::all().into_iter().flat_map(|isa| keys.map(|key| (isa, key))) {
            for (first, len) in [(0, 0), (0, 3), (1, 2), (2, 131), (4, 64), (7, 65), ((1 << 34) - 9, 30)] {
                let mut out = vec![0.0; len];
                isa.uniform([seed, step, stream], first, &mut out);
                let expected: Vec<f32> =
                    (first..).take(len).map(|i| uniform(seed, step, stream, i)).collect();
                assert_eq!(out, expected, "{isa:?} from {first}");
            }
        }
    }
}
