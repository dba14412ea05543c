//! Parts of a dataset: to train on, to choose by, and to judge by.

use crate::error::Result;
use crate::random::Random;
use crate::shuffle::permutation;
use crate::table::setting;

/// Which rows are for training, which for validation, which for the test; each in ascending order.
///
/// ```
/// use dl_data::Parts;
/// let classes = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
/// let parts = Parts::stratified(&classes, [0.5, 0.25, 0.25], 7)?;
/// assert_eq!([parts.train.len(), parts.validation.len(), parts.test.len()], [6, 3, 3]);
/// assert_eq!(parts.train.iter().filter(|row| classes[**row] == 1).count(), 2);
/// # Ok::<(), dl_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// To train on. All that is fitted is fitted to these alone.
    pub train: Vec<usize>,
    /// To choose models and settings by.
    pub validation: Vec<usize>,
    /// To judge what was chosen by.
    pub test: Vec<usize>,
}

impl Parts {
    /// Rows `0..len`, divided by shares that sum to 1; the seed decides which.
    ///
    /// # Errors
    /// When shares are negative or sum to something else, or a share above 0 gets no row.
    pub fn random(len: usize, shares: [f64; 3], seed: u64) -> Result<Parts> {
        divide(permutation(len, seed), shares)
    }

    /// The same with every class in every part as far as whole rows allow: the number of rows of a class in a part is
    /// within 2 of its share, the size of a part within 1.
    ///
    /// # Errors
    /// As for [`random`](Parts::random).
    pub fn stratified(classes: &[usize], shares: [f64; 3], seed: u64) -> Result<Parts> {
        let mut rows = permutation(classes.len(), seed);
        // Stable: within a class the order stays random.
        rows.sort_by_key(|row| classes[*row]);
        divide(rows, shares)
    }
}

/// Gives each row in turn to the part that lacks most.
fn divide(rows: Vec<usize>, shares: [f64; 3]) -> Result<Parts> {
    let sum: f64 = shares.iter().sum();
    if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || (sum - 1.0).abs() > 1e-9 {
        return Err(setting(format!("shares {shares:?}: expected numbers from 0 on that sum to 1")));
    }
    let len = rows.len();
    let mut parts = [const { vec![] }; 3];
    for (done, row) in rows.into_iter().enumerate() {
        let lacks = |part: usize| shares[part] * (done + 1) as f64 - parts[part].len() as f64;
        let part = (1..3).fold(0, |most, part| if lacks(part) > lacks(most) { part } else { most });
        parts[part].push(row);
    }
    if let Some(part) = (0..3).find(|part| shares[*part] > 0.0 && parts[*part].is_empty()) {
        return Err(setting(format!("a share of {} of {len} rows is none", shares[part])));
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    let [train, validation, test] = parts;
    Ok(Parts { train, validation, test })
}

/// A weight for each class with which all classes count the same: `n / (k · n_c)` for `n` examples of `k` classes,
/// `n_c` of class `c`; scikit-learn's `balanced`.
///
/// ```
/// assert_eq!(dl_data::class_weights(&[0, 0, 0, 1], 2)?, [2.0 / 3.0, 2.0]);
/// # Ok::<(), dl_data::Error>(())
/// ```
///
/// # Errors
/// When a class is outside of `0..classes`, or has no example.
pub fn class_weights(labels: &[usize], classes: usize) -> Result<Vec<f64>> {
    let mut counts = vec![0usize; classes];
    for label in labels {
        match counts.get_mut(*label) {
            Some(count) => *count += 1,
            None => return Err(setting(format!("class {label} is outside the {classes} classes"))),
        }
    }
    if let Some(class) = counts.iter().position(|count| *count == 0) {
        return Err(setting(format!("class {class} has no example, so that it has no weight")));
    }
    Ok(counts.iter().map(|count| labels.len() as f64 / (classes as f64 * *count as f64)).collect())
}

/// Draws `count` rows with replacement, each as often as its weight among all: PyTorch's `WeightedRandomSampler`.
///
/// # Errors
/// When a weight is negative or no number, or they sum to 0.
pub fn weighted_rows(weights: &[f64], count: usize, seed: u64) -> Result<Vec<usize>> {
    let mut sum = 0.0;
    let mut sums = Vec::with_capacity(weights.len());
    for (row, weight) in weights.iter().enumerate() {
        if !(weight.is_finite() && *weight >= 0.0) {
            return Err(setting(format!(
                "the weight of example {row} is {weight}, expected a number from 0 on"
            )));
        }
        sum += weight;
        sums.push(sum);
    }
    if !(sum > 0.0 && sum.is_finite()) {
        return Err(setting(format!("the weights of {} examples sum to {sum}", weights.len())));
    }
    // The last that has a weight: rounding may draw the whole sum.
    let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    let mut random = Random::new(seed);
    Ok((0..count)
        .map(|_| {
            let drawn = random.unit() * sum;
            sums.partition_point(|sum| *sum <= drawn).min(last)
        })
        .collect())
}

/// An order of all rows in which the classes are mixed evenly: any rows in a row have nearly each class's share.
///
/// The `k`-th of the `n` rows of a class, in a random order, stands at `(k + u) / n` of the whole, with one `u` for
/// each class.
pub fn stratified_order(classes: &[usize], seed: u64) -> Vec<usize> {
    let mut random = Random::of(seed, &[1]);
    // By class, as some may have large numbers and no rows.
    let mut known = std::collections::BTreeMap::<usize, (usize, usize, f64)>::new();
    for class in classes {
        known.entry(*class).or_default().0 += 1;
    }
    for (_, _, u) in known.values_mut() {
        *u = random.unit();
    }
    let mut places: Vec<(f64, usize)> = permutation(classes.len(), seed)
        .into_iter()
        .map(|row| {
            let (count, done, u) = known.entry(classes[row]).or_default();
            let place = (*done as f64 + *u) / *count as f64;
            *done += 1;
            (place, row)
        })
        .collect();
    // Stable, and the order before is random.
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 70 %, 25 % and 5 % of three classes, mixed.
    fn classes(n: usize) -> Vec<usize> {
        (0..n)
            .map(|i| match i * 7 % 20 {
                0 => 2,
                1..=5 => 1,
                _ => 0,
            })
            .collect()
    }

    fn fails(result: Result<impl std::fmt::Debug>, want: &str) {
        assert_eq!(result.unwrap_err().to_string(), want);
    }

    #[test]
    fn every_row_is_in_one_part() {
        for n in [3, 10, 33, 1000] {
            for parts in [
                Parts::random(n, [0.5, 0.25, 0.25], 7).unwrap(),
                Parts::stratified(&classes(n), [0.5, 0.25, 0.25], 7).unwrap(),
            ] {
                let mut all = [&parts.train[..], &parts.validation, &parts.test].concat();
                assert!(parts.train.is_sorted() && parts.validation.is_sorted() && parts.test.is_sorted());
                all.sort_unstable();
                assert!(all.into_iter().eq(0..n));
                assert!((parts.train.len() as f64 - n as f64 / 2.0).abs() <= 1.0);
            }
        }
        let parts = Parts::random(10, [0.8, 0.0, 0.2], 1).unwrap();
        assert!(parts.validation.is_empty() && parts.test.len() == 2);
        let of = |seed: u64| Parts::random(100, [0.5, 0.0, 0.5], seed).unwrap();
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn classes_keep_their_shares_in_each_part() {
        let (classes, shares) = (classes(2000), [0.7, 0.1, 0.2]);
        let parts = Parts::stratified(&classes, shares, 3).unwrap();
        for (part, share) in [&parts.train, &parts.validation, &parts.test].into_iter().zip(shares) {
            for class in 0..3 {
                let of =
                    |rows: &mut dyn Iterator<Item = usize>| rows.filter(|row| classes[*row] == class).count();
                let (all, here) = (of(&mut (0..2000)), of(&mut part.iter().copied()));
                assert!((here as f64 - share * all as f64).abs() <= 2.0, "{class}: {here} of {all}");
            }
        }
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let want = "shares [0.5, 0.5, 0.5]: expected numbers from 0 on that sum to 1";
        fails(Parts::random(10, [0.5, 0.5, 0.5], 1), want);
        assert!(Parts::random(10, [1.5, -0.5, 0.0], 1).is_err());
        assert!(Parts::random(10, [f64::NAN, 0.5, 0.5], 1).is_err());
        fails(Parts::random(2, [0.9, 0.05, 0.05], 1), "a share of 0.05 of 2 rows is none");
    }

    #[test]
    fn weights_balance_classes() {
        let weights = class_weights(&classes(100), 3).unwrap();
        let counts = [70.0, 25.0, 5.0];
        for (weight, count) in weights.iter().zip(counts) {
            assert!((weight * count - 100.0 / 3.0).abs() < 1e-12);
        }
        fails(class_weights(&[0, 2], 2), "class 2 is outside the 2 classes");
        fails(class_weights(&[0, 2], 3), "class 1 has no example, so that it has no weight");
    }

    #[test]
    fn rows_are_drawn_as_often_as_they_weigh() {
        let drawn = weighted_rows(&[1.0, 0.0, 3.0, 0.0], 8000, 5).unwrap();
        let count = |row: usize| drawn.iter().filter(|r| **r == row).count();
        assert_eq!((count(1), count(3), count(0) + count(2)), (0, 0, 8000));
        assert!((1850..2150).contains(&count(0)), "{}", count(0));
        assert_eq!(drawn, weighted_rows(&[1.0, 0.0, 3.0, 0.0], 8000, 5).unwrap());
        fails(
            weighted_rows(&[1.0, -1.0], 1, 1),
            "the weight of example 1 is -1, expected a number from 0 on",
        );
        fails(weighted_rows(&[0.0], 1, 1), "the weights of 1 examples sum to 0");
    }

    #[test]
    fn any_run_of_an_even_order_has_each_class_s_share() {
        let classes = classes(2000);
        for seed in 0..5 {
            let order = stratified_order(&classes, seed);
            for run in order.windows(64) {
                for (class, share) in [0.7, 0.25, 0.05].into_iter().enumerate() {
                    let here = run.iter().filter(|row| classes[**row] == class).count() as f64;
                    assert!((here - share * 64.0).abs() <= 2.5, "{class}: {here}");
                }
            }
            let mut all = order;
            all.sort_unstable();
            assert!(all.into_iter().eq(0..2000));
        }
        assert_ne!(stratified_order(&classes, 1), stratified_order(&classes, 2));
        assert!(stratified_order(&[], 1).is_empty());
        assert_eq!(stratified_order(&[usize::MAX; 2], 1).len(), 2);
    }
}
