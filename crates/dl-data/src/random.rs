//! Random numbers that are the same on every platform and in every version.

/// SplitMix64: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014.
///
/// The numbers of a seed are part of this crate's contract: orders, splits, samples and augmented images follow
/// from them.
///
/// ```
/// use dl_data::Random;
/// let mut random = Random::new(1_234_567);
/// assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
/// assert!((0.0..1.0).contains(&random.unit()));
/// // A stream of its own for example 5 of epoch 2.
/// assert_ne!(Random::of(7, &[2, 5]).next_u64(), Random::of(7, &[5, 2]).next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The numbers of a place under a seed, such as an epoch and an example: those of another place have nothing to
    /// do with them.
    pub fn of(seed: u64, place: &[u64]) -> Random {
        Random(place.iter().fold(seed, |before, at| mixed(before ^ mixed(at.wrapping_add(1)))))
    }

    /// Uniform among all numbers of 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let next = mixed(self.0);
        self.0 = self.0.wrapping_add(STEP);
        next
    }

    /// Uniform in `0..bound`; 0 if that is empty.
    ///
    /// It is the draw modulo `bound`; a draw among the last `2^64 mod bound` of the generator's range is drawn
    /// again, so that no number is favoured.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // 2^64 mod bound: how many draws at the end would favour the low numbers.
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let draw = self.next_u64();
            if draw <= u64::MAX - excess {
                return draw % bound;
            }
        }
    }

    /// Uniform in `[0, 1)`: a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5f64).powi(53)
    }

    /// Uniform in `[-1, 1)`.
    pub(crate) fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the generator makes of its state.
fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(STEP);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values of the generator's authors for seed 1234567.
    #[test]
    fn splitmix64_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn below_is_in_range_and_near_uniform() {
        let mut random = Random::new(5);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[random.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (900..1100).contains(&n)), "{seen:?}");
    }

    #[test]
    fn a_power_of_two_rejects_nothing_and_the_largest_bound_works() {
        assert_eq!(Random::new(1).below(1), 0);
        assert_eq!(Random::new(1).below(0), 0);
        let draw = Random::new(1).next_u64();
        assert_eq!(Random::new(1).below(1 << 63), draw % (1 << 63));
        assert_eq!(Random::new(1).below(u64::MAX), draw);
    }

    #[test]
    fn units_fill_their_interval() {
        let mut random = Random::new(3);
        let drawn: Vec<f64> = (0..4000).map(|_| random.unit()).collect();
        let mean = drawn.iter().sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!(drawn.iter().all(|x| (0.0..1.0).contains(x)));
        assert!(random.signed() >= -1.0);
    }

    #[test]
    fn places_have_streams_of_their_own() {
        let places = (0..4).flat_map(|seed| (0..20).flat_map(move |a| (0..20).map(move |b| (seed, [a, b]))));
        let mut first: Vec<u64> = places.map(|(seed, place)| Random::of(seed, &place).next_u64()).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 1600);
    }
}
