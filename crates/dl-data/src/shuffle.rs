//! A seeded shuffle that gives the same order on every platform and in every version.

/// The numbers `0..n` in the order that `seed` gives.
///
/// The order is part of this crate's contract. It is Fisher and Yates' shuffle
/// from the last place down, `j` uniform in `0..=i`, over SplitMix64 (Steele, Lea and
/// Flood, *Fast splittable pseudorandom number generators*, 2014) started at `seed`.
/// `j` is the draw modulo `i + 1`; a draw among the last `2^64 mod (i + 1)` of the
/// generator's range is drawn again, so that no place is favoured.
///
/// ```
/// assert_eq!(dl_data::permutation(5, 7), [4, 1, 3, 0, 2]);
/// ```
pub fn permutation(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut random = SplitMix64(seed);
    for i in (1..n).rev() {
        order.swap(i, random.below(i as u64 + 1) as usize);
    }
    order
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        // 2^64 mod bound: how many draws at the end would favour the low numbers.
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let draw = self.next();
            if draw <= u64::MAX - excess {
                return draw % bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values of the generator's authors for seed 1234567.
    #[test]
    fn splitmix64_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn golden_orders() {
        assert_eq!(permutation(10, 0), [6, 3, 2, 9, 8, 1, 4, 7, 0, 5]);
        assert_eq!(permutation(10, 1), [4, 2, 8, 1, 9, 3, 0, 6, 7, 5]);
        assert_eq!(permutation(60_000, 7)[..5], [17260, 9878, 15524, 15177, 52132]);
    }

    #[test]
    fn every_number_comes_once() {
        for n in [0, 1, 2, 7, 33, 1000] {
            let mut order = permutation(n, 3);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..n));
        }
    }

    #[test]
    fn below_is_in_range_and_near_uniform() {
        let mut random = SplitMix64(5);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[random.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (900..1100).contains(&n)), "{seen:?}");
    }

    #[test]
    fn a_power_of_two_rejects_nothing_and_the_largest_bound_works() {
        assert_eq!(SplitMix64(1).below(1), 0);
        let draw = SplitMix64(1).next();
        assert_eq!(SplitMix64(1).below(1 << 63), draw % (1 << 63));
        assert_eq!(SplitMix64(1).below(u64::MAX), draw);
    }
}
