//! Images and labels belong together: a nearest-class-mean classifier scores what it is known to.
//!
//! The real sets are not fetched: a test passes over a set that this machine lacks.

use dl_data::{Dataset, Split, Store};

#[test]
fn digits() {
    check(&dl_data::digits().unwrap(), 306);
}

#[test]
fn mnist() {
    let store = Store::from_env().offline();
    check_if_here("mnist", store.mnist(&mut |_| ()), 8_203);
}

#[test]
fn fashion_mnist() {
    let store = Store::from_env().offline();
    check_if_here("fashion-mnist", store.fashion_mnist(&mut |_| ()), 6_768);
}

fn check_if_here(name: &str, dataset: dl_data::Result<Dataset>, expected: usize) {
    match dataset {
        Ok(dataset) => check(&dataset, expected),
        Err(error) if error.is_unavailable() => eprintln!("passed over {name}: {error}"),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn check(dataset: &Dataset, expected: usize) {
    let means = class_means(&dataset.train, dataset.classes.len());
    let test = &dataset.test;
    let right = test.images().iter().zip(test.labels());
    let right = right.filter(|(image, label)| nearest(&means, image) == usize::from(**label));
    assert_eq!(right.count(), expected, "of {} in {dataset}", test.len());
}

/// The mean image of each class, `[classes][pixels]`.
fn class_means(split: &Split, classes: usize) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0u64; split.images().pixels_per_image()]; classes];
    let mut counts = vec![0u64; classes];
    for (image, &label) in split.images().iter().zip(split.labels()) {
        counts[usize::from(label)] += 1;
        for (sum, &pixel) in sums[usize::from(label)].iter_mut().zip(image) {
            *sum += u64::from(pixel);
        }
    }
    let mean = |(sum, &count): (&Vec<u64>, &u64)| -> Vec<f64> {
        sum.iter().map(|&s| s as f64 / count as f64).collect()
    };
    sums.iter().zip(&counts).map(mean).collect()
}

fn nearest(means: &[Vec<f64>], image: &[u8]) -> usize {
    let distance = |mean: &[f64]| -> f64 {
        let differences = mean.iter().zip(image).map(|(m, &p)| m - f64::from(p));
        differences.map(|d| d * d).sum()
    };
    let distances: Vec<f64> = means.iter().map(|mean| distance(mean)).collect();
    let by_distance = |a: &usize, b: &usize| distances[*a].total_cmp(&distances[*b]);
    (0..means.len()).min_by(by_distance).expect("there are classes")
}
