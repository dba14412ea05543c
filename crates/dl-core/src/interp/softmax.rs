//! What logarithms of sums of exponentials mean: the largest element, and `log1p` of what the others add.

use super::array::{Array, Values, each_index, offset};

/// `log Σ exp(x)` along `axes`.
pub(super) fn log_sum_exp(axes: &[usize], x: &Array, shape: &[usize]) -> Result<Values, String> {
    let sums = Sums::of(axes, x, shape)?;
    Ok(Values::Float(sums.largest.iter().zip(&sums.logs).map(|(m, log)| m + log).collect()))
}

/// `x - log Σ exp(x)` along `axes`; where every element is `-∞`, so is the result.
pub(super) fn log_softmax(axes: &[usize], x: &Array) -> Result<Values, String> {
    let shape: Vec<usize> = (0..x.shape.len()).filter(|a| !axes.contains(a)).map(|a| x.shape[a]).collect();
    let sums = Sums::of(axes, x, &shape)?;
    let element = |(x, t): (&f64, &usize)| match sums.largest[*t] {
        f64::NEG_INFINITY => *x,
        largest => (x - largest) - sums.logs[*t],
    };
    Ok(Values::Float(x.data.floats()?.iter().zip(&sums.targets).map(element).collect()))
}

/// For each sum its largest element `m` and `log Σ exp(x - m)`.
struct Sums {
    largest: Vec<f64>,
    logs: Vec<f64>,
    /// For each element, the sum that it goes into.
    targets: Vec<usize>,
}

impl Sums {
    fn of(axes: &[usize], x: &Array, shape: &[usize]) -> Result<Sums, String> {
        let kept = |index: &[usize]| -> Vec<usize> {
            (0..index.len()).filter(|a| !axes.contains(a)).map(|a| index[a]).collect()
        };
        let targets = each_index(&x.shape, |index| offset(shape, &kept(index)));
        let values = x.data.floats()?;
        let len = shape.iter().product();
        let mut first: Vec<Option<usize>> = vec![None; len];
        for (i, &t) in targets.iter().enumerate() {
            let best = first[t].get_or_insert(i);
            if !values[*best].is_nan() && (values[i].is_nan() || values[i] > values[*best]) {
                *best = i;
            }
        }
        let largest: Vec<f64> =
            first.iter().map(|place| place.map_or(f64::NEG_INFINITY, |i| values[i])).collect();
        let mut others = vec![0.0; len];
        for (i, &t) in targets.iter().enumerate() {
            // Beside an infinity nothing counts, and what is no number is in the largest.
            if first[t] != Some(i) && largest[t].is_finite() {
                others[t] += (values[i] - largest[t]).exp();
            }
        }
        Ok(Sums { largest, logs: others.into_iter().map(f64::ln_1p).collect(), targets })
    }
}
