//! A seeded shuffle that gives the same order on every platform and in every version.

use crate::random::Random;

/// The numbers `0..n` in the order that `seed` gives.
///
/// The order is part of this crate's contract. It is Fisher and Yates' shuffle
/// from the last place down, `j` uniform in `0..=i`, over the numbers of [`Random`].
///
/// ```
/// assert_eq!(dl_data::permutation(5, 7), [4, 1, 3, 0, 2]);
/// ```
pub fn permutation(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut random = Random::new(seed);
    for i in (1..n).rev() {
        order.swap(i, random.below(i as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
