//! Metrics of predictions beside their labels: what is added up for them is counts, or the examples themselves, so
//! that they are the same whatever the batches.

use dl_core::TensorRef;
use dl_core::tensor::DataRef;

/// What is measured of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Exact {
    /// The share of examples whose label is among the first so many classes.
    Top(usize),
    Precision,
    Recall,
    F1,
    Auroc,
    /// Expected calibration error, over so many bins.
    Calibration(usize),
    MeanAbsolute,
    MeanSquared,
    RootMeanSquared,
    RSquared,
}

impl Exact {
    /// Adds a batch to a state, which is empty at first.
    pub(super) fn add(
        self,
        state: &mut Vec<f64>,
        of: TensorRef<'_>,
        labels: TensorRef<'_>,
    ) -> Result<(), String> {
        match self {
            Exact::Top(k) => {
                let (rows, classes) = rows(of)?;
                let labels = classes_of(labels, rows.len() / classes.max(1), classes)?;
                state.resize(2, 0.0);
                state[1] += labels.len() as f64;
                let hit = |(row, label): (&[f64], &usize)| rank(row, *label) < k;
                state[0] += rows.chunks(classes).zip(&labels).filter(|pair| hit(*pair)).count() as f64;
            }
            Exact::Precision | Exact::Recall | Exact::F1 => Confusion::add(state, of, labels)?,
            Exact::Auroc => {
                let scores = floats(of)?;
                let truths = floats(labels)?;
                same(scores.len(), truths.len())?;
                for (score, truth) in scores.into_iter().zip(truths) {
                    if truth != 0.0 && truth != 1.0 {
                        return Err(format!("a label is {truth}, expected 0 or 1"));
                    }
                    state.extend([score, truth]);
                }
            }
            Exact::Calibration(bins) => {
                let (rows, classes) = rows(of)?;
                let labels = classes_of(labels, rows.len() / classes.max(1), classes)?;
                state.resize(3 * bins, 0.0);
                for (row, label) in rows.chunks(classes).zip(labels) {
                    let first = largest(row);
                    // The softmax of the largest logit.
                    let confidence = 1.0 / row.iter().map(|x| (x - row[first]).exp()).sum::<f64>();
                    let bin = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
                    state[3 * bin] += 1.0;
                    state[3 * bin + 1] += confidence;
                    state[3 * bin + 2] += f64::from(u8::from(first == label));
                }
            }
            Exact::MeanAbsolute | Exact::MeanSquared | Exact::RootMeanSquared | Exact::RSquared => {
                let (predictions, targets) = (floats(of)?, floats(labels)?);
                same(predictions.len(), targets.len())?;
                state.resize(5, 0.0);
                for (prediction, target) in predictions.into_iter().zip(targets) {
                    let error = prediction - target;
                    state[0] += 1.0;
                    state[1] += error.abs();
                    state[2] += error * error;
                    // Welford's mean and sum of squared deviations.
                    let apart = target - state[3];
                    state[3] += apart / state[0];
                    state[4] += apart * (target - state[3]);
                }
            }
        }
        Ok(())
    }

    /// What a state comes to; NaN where that is not defined.
    pub(super) fn value(self, state: &[f64]) -> f64 {
        match (self, state) {
            (_, []) => f64::NAN,
            (Exact::Top(_), [hits, labels, ..]) => hits / labels,
            (Exact::Precision, _) => Confusion::of(state).precision(),
            (Exact::Recall, _) => Confusion::of(state).recall(),
            (Exact::F1, _) => Confusion::of(state).f1(),
            (Exact::Auroc, _) => auroc(state),
            (Exact::Calibration(_), _) => {
                let (gap, labels) = (|bin: &[f64]| (bin[2] - bin[1]).abs(), |bin: &[f64]| bin[0]);
                let bins = state.chunks_exact(3);
                bins.clone().map(gap).sum::<f64>() / bins.map(labels).sum::<f64>()
            }
            (Exact::MeanAbsolute, [n, absolute, ..]) => absolute / n,
            (Exact::MeanSquared, [n, _, squared, ..]) => squared / n,
            (Exact::RootMeanSquared, [n, _, squared, ..]) => (squared / n).sqrt(),
            (Exact::RSquared, [_, _, squared, _, deviation, ..]) => 1.0 - squared / deviation,
            _ => f64::NAN,
        }
    }
}

/// How often each class was taken for each.
///
/// ```
/// use dl_core::Tensor;
/// use dl_train::Confusion;
/// let logits = Tensor::new([3, 2], vec![2.0f32, 1.0, 0.0, 1.0, 3.0, 0.0])?;
/// let confusion = Confusion::between(logits.view(), Tensor::vector(vec![0i64, 1, 1]).view())?;
/// assert_eq!(confusion.count(1, 0), 1);
/// assert_eq!(confusion.to_string(), "1 0\n1 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// Of logits `[n, classes]` and labels `[n]`; the first of the largest logits counts.
    ///
    /// # Errors
    /// When shapes or types do not fit, or a label is no class.
    pub fn between(logits: TensorRef<'_>, labels: TensorRef<'_>) -> crate::Result<Confusion> {
        let mut state = vec![];
        Confusion::add(&mut state, logits, labels).map_err(crate::Error::value)?;
        Ok(Confusion::of(&state))
    }

    pub(crate) fn add(
        state: &mut Vec<f64>,
        logits: TensorRef<'_>,
        labels: TensorRef<'_>,
    ) -> Result<(), String> {
        let (rows, classes) = rows(logits)?;
        let labels = classes_of(labels, rows.len() / classes.max(1), classes)?;
        state.resize(classes * classes, 0.0);
        for (row, label) in rows.chunks(classes).zip(labels) {
            state[label * classes + largest(row)] += 1.0;
        }
        Ok(())
    }

    pub(crate) fn of(state: &[f64]) -> Confusion {
        Confusion { classes: state.len().isqrt(), counts: state.iter().map(|n| *n as u64).collect() }
    }

    /// How many examples of class `label` were taken for `prediction`; 0 for what is no class.
    pub fn count(&self, label: usize, prediction: usize) -> u64 {
        let within = label < self.classes && prediction < self.classes;
        if within { self.counts[label * self.classes + prediction] } else { 0 }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The share of right ones.
    pub fn accuracy(&self) -> f64 {
        let right: f64 = (0..self.classes).map(|class| self.number(class, class)).sum();
        right / self.counts.iter().map(|n| *n as f64).sum::<f64>()
    }

    /// The mean over classes of the share of right ones among those taken for the class. As in scikit-learn's
    /// macro average, over classes that are labels or predictions, and 0 where a class is never predicted.
    pub fn precision(&self) -> f64 {
        self.mean(|right, taken, _| (right, taken))
    }

    /// The mean over classes of the share of right ones among those of the class.
    pub fn recall(&self) -> f64 {
        self.mean(|right, _, there| (right, there))
    }

    /// The mean over classes of the harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        self.mean(|right, taken, there| (2.0 * right, taken + there))
    }

    /// Added up as floats, which do not overflow: counts may come from a file.
    fn number(&self, label: usize, prediction: usize) -> f64 {
        self.count(label, prediction) as f64
    }

    fn mean(&self, share: impl Fn(f64, f64, f64) -> (f64, f64)) -> f64 {
        let all = 0..self.classes;
        let (mut sum, mut classes) = (0.0, 0.0);
        for class in all.clone() {
            let taken: f64 = all.clone().map(|label| self.number(label, class)).sum();
            let there: f64 = all.clone().map(|prediction| self.number(class, prediction)).sum();
            if taken + there > 0.0 {
                let (part, of) = share(self.number(class, class), taken, there);
                classes += 1.0;
                sum += if of == 0.0 { 0.0 } else { part / of };
            }
        }
        sum / classes
    }
}

/// A line for each label.
impl std::fmt::Display for Confusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.counts.iter().map(|n| n.to_string().len()).max().unwrap_or(0);
        for line in self.counts.chunks(self.classes.max(1)) {
            let line: Vec<String> = line.iter().map(|n| format!("{n:>width$}")).collect();
            writeln!(f, "{}", line.join(" "))?;
        }
        Ok(())
    }
}

/// The chance that a score of a 1 is above one of a 0, a tie counting half: Mann and Whitney's statistic, of pairs
/// of score and label. Hanley, McNeil: "The meaning and use of the area under a receiver operating characteristic
/// (ROC) curve", Radiology 143, 1982.
fn auroc(pairs: &[f64]) -> f64 {
    // Nothing is above or below NaN.
    if pairs.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut pairs: Vec<(f64, bool)> = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1] == 1.0)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Scores that are equal count half: 0 and -0 are.
    let (mut below, mut wins, mut ones) = (0.0, 0.0, 0.0);
    for ties in pairs.chunk_by(|a, b| a.0 == b.0) {
        let here = ties.iter().filter(|(_, one)| *one).count() as f64;
        let others = ties.len() as f64 - here;
        wins += here * (below + 0.5 * others);
        below += others;
        ones += here;
    }
    wins / (ones * below)
}

/// Elements of `[n, classes]`, row by row, and the number of classes.
fn rows(of: TensorRef<'_>) -> Result<(Vec<f64>, usize), String> {
    match *of.shape() {
        [_, classes] if classes > 0 => Ok((floats(of)?, classes)),
        _ => Err(format!("{} {:?} are no logits [n, classes]", of.dtype(), of.shape())),
    }
}

/// Labels of `n` examples.
fn classes_of(labels: TensorRef<'_>, n: usize, classes: usize) -> Result<Vec<usize>, String> {
    let all: Vec<i64> = match labels.data() {
        DataRef::I64(v) => v.to_vec(),
        DataRef::U8(v) => v.iter().map(|x| i64::from(*x)).collect(),
        DataRef::Bool(v) => v.iter().map(|x| i64::from(*x)).collect(),
        DataRef::F32(_) | DataRef::F64(_) => return Err(format!("labels are {}", labels.dtype())),
    };
    same(n, all.len())?;
    let class = |label: i64| match usize::try_from(label) {
        Ok(class) if class < classes => Ok(class),
        _ => Err(format!("a label is {label}, of {classes} classes")),
    };
    all.into_iter().map(class).collect()
}

fn floats(of: TensorRef<'_>) -> Result<Vec<f64>, String> {
    Ok(of.to_owned().to_f64())
}

fn same(a: usize, b: usize) -> Result<(), String> {
    if a == b { Ok(()) } else { Err(format!("{a} predictions and {b} labels")) }
}

/// The place of the first of the largest.
fn largest(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// How many classes come before `label`: those of larger logits, and of equal ones that stand before it. Of NaN
/// nothing is known, so it comes before `label`, and all others do if the label's own logit is one.
fn rank(row: &[f64], label: usize) -> usize {
    let own = row[label];
    let after = |(i, x): &(usize, &f64)| **x < own || (**x == own && *i >= label);
    row.len() - row.iter().enumerate().filter(after).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::Tensor;

    /// The value over all examples, which is the same for every size of batches.
    fn value(metric: Exact, of: &Tensor, labels: &Tensor) -> f64 {
        let n = labels.len();
        let width = of.len() / n;
        let values = (1..=n).map(|size| {
            let mut state = vec![];
            for start in (0..n).step_by(size) {
                let end = n.min(start + size);
                let part = |x: &Tensor, width: usize| {
                    let mut shape = x.shape().to_vec();
                    shape[0] = end - start;
                    Tensor::from_f64(x.dtype(), shape, &x.to_f64()[start * width..end * width]).unwrap()
                };
                metric.add(&mut state, part(of, width).view(), part(labels, 1).view()).unwrap();
            }
            metric.value(&state)
        });
        let values: Vec<f64> = values.collect();
        assert!(values.iter().all(|v| v.to_bits() == values[0].to_bits()), "{metric:?}: {values:?}");
        values[0]
    }

    fn logits() -> (Tensor, Tensor) {
        let rows = vec![3.0f32, 1.0, 0.0, 0.5, 2.0, 0.5, 1.0, 1.0, 1.0, 0.0, 0.25, 4.0, 2.0, 3.0, 1.0];
        (Tensor::new([5, 3], rows).unwrap(), Tensor::vector(vec![0i64, 2, 1, 2, 0]))
    }

    #[test]
    fn classes_are_counted() {
        let (of, labels) = logits();
        assert_eq!(value(Exact::Top(1), &of, &labels), 2.0 / 5.0);
        // Row 1: the label ties with class 0, which stands before it.
        assert_eq!(value(Exact::Top(2), &of, &labels), 4.0 / 5.0);
        assert_eq!(value(Exact::Top(3), &of, &labels), 1.0);
        // By hand: taken for 0, 1, 0, 2, 1; of 0 one of two, of 1 none of one, of 2 one of two are right.
        let near = |metric: Exact, want: f64| {
            let got = value(metric, &of, &labels);
            assert!((got - want).abs() < 1e-15, "{metric:?}: {got}");
        };
        near(Exact::Precision, (1.0 / 2.0 + 0.0 + 1.0) / 3.0);
        near(Exact::Recall, (1.0 / 2.0 + 0.0 + 1.0 / 2.0) / 3.0);
        near(Exact::F1, (1.0 / 2.0 + 0.0 + 2.0 / 3.0) / 3.0);
        let confusion = Confusion::between(of.view(), labels.view()).unwrap();
        assert_eq!(confusion.to_string(), "1 1 0\n1 0 0\n0 1 1\n");
        assert_eq!(confusion.accuracy(), 0.4);
    }

    #[test]
    fn the_area_under_the_curve_counts_ties_half() {
        let labels = Tensor::vector(vec![0i64, 0, 1, 1]);
        let of = |scores: [f64; 4]| value(Exact::Auroc, &Tensor::vector(scores.to_vec()), &labels);
        assert_eq!(of([0.1, 0.4, 0.35, 0.8]), 0.75);
        assert_eq!(of([1.0; 4]), 0.5);
        assert_eq!(of([1.0, 2.0, 2.0, 3.0]), 0.875);
        assert_eq!(of([4.0, 3.0, 2.0, 1.0]), 0.0);
        assert_eq!(of([0.0, -0.0, 0.0, 1.0]), 0.75);
        let one = Tensor::vector(vec![1i64]);
        assert!(value(Exact::Auroc, &Tensor::vector(vec![0.5]), &one).is_nan());
    }

    #[test]
    fn calibration_is_the_gap_between_confidence_and_accuracy() {
        // Two of confidence ½ (right and wrong), two of e/(1 + e), of which one is right.
        let of = Tensor::new([4, 2], vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]).unwrap();
        let labels = Tensor::vector(vec![0i64, 1, 0, 1]);
        let e = std::f64::consts::E;
        let got = value(Exact::Calibration(10), &of, &labels);
        assert!((got - 0.5 * (e / (1.0 + e) - 0.5)).abs() < 1e-15, "{got}");
    }

    #[test]
    fn regression_is_measured_about_targets() {
        let of = Tensor::vector(vec![2.5, 0.0, 2.0, 8.0]);
        let targets = Tensor::vector(vec![3.0, -0.5, 2.0, 7.0]);
        assert_eq!(value(Exact::MeanAbsolute, &of, &targets), 0.5);
        assert_eq!(value(Exact::MeanSquared, &of, &targets), 0.375);
        assert_eq!(value(Exact::RootMeanSquared, &of, &targets), 0.375f64.sqrt());
        let r2 = value(Exact::RSquared, &of, &targets);
        assert!((r2 - 0.948_608_137_044_967_9).abs() < 1e-14, "{r2}");
    }

    #[test]
    fn numbers_that_are_nan_are_no_hits() {
        let (nan, labels) = (f32::NAN, Tensor::vector(vec![0i64, 1]));
        let hits = |rows: [f32; 6], k: usize| {
            value(Exact::Top(k), &Tensor::new([2, 3], rows.to_vec()).unwrap(), &labels)
        };
        assert_eq!(hits([nan; 6], 2), 0.0);
        assert_eq!(hits([1.0, nan, 0.0, 1.0, 0.0, nan], 1), 0.0);
        assert_eq!(hits([1.0, nan, 0.0, 1.0, 2.0, 0.0], 2), 1.0);
        let scores = Tensor::vector(vec![0.5, f64::NAN]);
        assert!(value(Exact::Auroc, &scores, &labels).is_nan());
    }

    #[test]
    fn classes_that_are_not_told_apart_tie_in_their_order() {
        let equal = Tensor::new([4, 10], vec![0f32; 40]).unwrap();
        let labels = Tensor::vector(vec![3i64, 1, 4, 9]);
        assert_eq!(value(Exact::Top(2), &equal, &labels), 0.25);
    }

    #[test]
    fn the_order_of_scores_counts_however_large_they_are() {
        let scores = Tensor::vector(vec![18f32, 20.0, 19.0, 30.0]);
        assert_eq!(value(Exact::Auroc, &scores, &Tensor::vector(vec![0i64, 1, 0, 1])), 1.0);
    }

    #[test]
    fn explained_variance_does_not_depend_on_a_shift() {
        let near: Vec<f32> = (0..100).map(|i| (i * 37 % 100) as f32 / 128.0).collect();
        let far = |by: f32, turned: bool| {
            let mut values: Vec<f32> = near.iter().map(|x| x + by).collect();
            if turned {
                values.reverse();
            }
            Tensor::vector(values)
        };
        let r2 = |by: f32| value(Exact::RSquared, &far(by, true), &far(by, false));
        assert!((r2(65_536.0) - r2(0.0)).abs() < 1e-9, "{} {}", r2(65_536.0), r2(0.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (of, labels) = logits();
        let fails = |metric: Exact, of: &Tensor, labels: &Tensor, want: &str| {
            assert_eq!(metric.add(&mut vec![], of.view(), labels.view()).unwrap_err(), want);
        };
        fails(Exact::F1, &labels, &labels, "i64 [5] are no logits [n, classes]");
        fails(Exact::Top(1), &of, &Tensor::vector(vec![0i64; 4]), "5 predictions and 4 labels");
        fails(Exact::Top(1), &of, &Tensor::vector(vec![3i64; 5]), "a label is 3, of 3 classes");
        fails(Exact::Top(1), &of, &Tensor::vector(vec![-1i64; 5]), "a label is -1, of 3 classes");
        fails(
            Exact::Auroc,
            &Tensor::vector(vec![0.5]),
            &Tensor::vector(vec![2i64]),
            "a label is 2, expected 0 or 1",
        );
    }
}
