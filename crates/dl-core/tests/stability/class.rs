//! A class of formulas: one meaning, one trusted form, many spellings, points to try them at.

use dl_core::ops::random::uniform;
use dl_core::{DType, Expr, I64, Tensor};

/// A formula of its inputs.
pub(crate) type Formula = for<'a, 'g> fn(&'a [Expr<'g>]) -> Expr<'g>;

/// Spellings of one function.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// Of the inputs; all of the same.
    pub(crate) shape: &'static [usize],
    /// How many inputs there are.
    pub(crate) inputs: usize,
    /// For each point the elements of all inputs, one after the other.
    pub(crate) points: &'static [&'static [f64]],
    /// A form that loses nothing when it is computed with hundreds of digits.
    pub(crate) truth: Formula,
    pub(crate) spellings: &'static [(&'static str, Formula)],
}

macro_rules! class {
    ($name:literal, $shape:expr, $points:expr, $inputs:tt $truth:expr; $($spelling:expr;)*) => {
        $crate::class::Class {
            name: $name,
            shape: &$shape,
            inputs: $crate::class::formula!(count $inputs),
            points: $points,
            truth: $crate::class::formula!($inputs $truth),
            spellings: &[$((stringify!($spelling), $crate::class::formula!($inputs $spelling))),*],
        }
    };
}

macro_rules! formula {
    (count ($($x:ident),+)) => {
        [$(stringify!($x)),+].len()
    };
    (($($x:ident),+) $body:expr) => {{
        #[allow(unused_variables)]
        fn formula<'g>(inputs: &[dl_core::Expr<'g>]) -> dl_core::Expr<'g> {
            let [$($x),+] = *inputs else { panic!("one input for each name") };
            $body
        }
        formula as $crate::class::Formula
    }};
}

pub(crate) use {class, formula};

/// Numbers of every size.
pub(crate) const SCALARS: &[&[f64]] = &[
    &[0.0],
    &[1e-30],
    &[-1e-30],
    &[1e-10],
    &[-1e-10],
    &[1e-5],
    &[-1e-5],
    &[0.03],
    &[-0.03],
    &[0.4],
    &[-0.4],
    &[1.0],
    &[-1.0],
    &[5.0],
    &[-5.0],
    &[17.0],
    &[-17.0],
    &[40.0],
    &[-40.0],
    &[88.0],
    &[-88.0],
    &[100.0],
    &[-100.0],
    &[720.0],
    &[-720.0],
    &[1e4],
    &[-1e4],
    &[1e30],
    &[-1e30],
];

/// Numbers that nobody chose: of any size between 1e-8 and 1e4, half of them within ±30.
pub(crate) fn drawn(seed: u64) -> Vec<f64> {
    let draw = |i: u64| f64::from(uniform(seed, 0, 0, i));
    let any = |i: u64| 10f64.powf(12.0 * draw(i) - 8.0) * if draw(i + 1) < 0.5 { 1.0 } else { -1.0 };
    (0..8).map(|i| any(2 * i)).chain((0..8).map(|i| 60.0 * draw(100 + i) - 30.0)).collect()
}

/// Pairs of numbers.
pub(crate) const PAIRS: &[&[f64]] = &[
    &[0.0, 0.0],
    &[1.0, 2.0],
    &[-3.0, 0.5],
    &[0.0, -20.0],
    &[20.0, 0.0],
    &[1e-5, -1e-5],
    &[1e-3, 3e-3],
    &[-30.0, -31.0],
    &[40.0, -40.0],
    &[3.0, 60.0],
    &[100.0, 99.0],
    &[-100.0, -120.0],
    &[-1000.0, -1000.5],
    &[1e4, -1e4],
    &[-1e4, 3.0],
    &[1e30, 1e30],
    &[-1e30, 1e30],
];

/// Two rows of three numbers.
pub(crate) const ROWS: &[&[f64]] = &[
    &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
    &[-1.0, 0.5, 0.3, 20.0, 0.0, -5.0],
    &[0.0, -20.0, -30.0, 1e-5, -1e-5, 0.0],
    &[100.0, 101.0, 99.5, -100.0, -101.0, -130.0],
    &[1000.0, 1000.0, 1000.0, -1000.0, -1000.0, -1001.0],
    &[1e4, 0.0, -1e4, -1e4, 50.0, 40.0],
    &[1e30, -1e30, 1e30, 88.0, 89.0, -104.0],
    &[3.0, 3.0, -40.0, 7.0, -88.0, 7.0],
];

/// A reduced value of `[2]`, along the last axis of `[2, 3]` again.
pub(crate) fn wide<'g>(reduced: Expr<'g>, like: Expr<'g>) -> Expr<'g> {
    reduced.unsqueeze(1).broadcast_to(&like.shape())
}

/// The class of each of the two rows.
pub(crate) fn labels<'g>(like: Expr<'g>) -> Expr<'g> {
    like.graph().input("labels", I64, [like.shape()[0].clone()])
}

/// The same classes as rows of zeros with a one.
pub(crate) fn one_hot<'g>(like: Expr<'g>) -> Expr<'g> {
    labels(like).one_hot(like.dtype(), 3)
}

/// What [`labels`] is at every point.
pub(crate) const LABELS: [i64; 2] = [1, 0];

/// Numbers of the element type of `like`.
pub(crate) fn numbers<'g>(like: Expr<'g>, values: &[f64]) -> Expr<'g> {
    let tensor = Tensor::from_f64(like.dtype(), [values.len()], values).expect("as many as the shape says");
    like.graph().literal(tensor)
}

/// The log-softmax of rows of three, each element as `-log(1 + Σ exp(others - own))`.
pub(crate) fn log_softmax(x: Expr<'_>) -> Expr<'_> {
    let column = |j: usize| {
        let keep: Vec<bool> = (0..3).map(|i| i != j).collect();
        let keep = x.graph().literal(Tensor::vector(keep)).broadcast_to(&x.shape());
        let own = x.slice(1, j as i64, j as i64 + 1);
        -(log_sum_exp(keep.select(x, f64::NEG_INFINITY)).unsqueeze(1) - own).softplus()
    };
    x.graph().concat(1, &[column(0), column(1), column(2)])
}

/// `-log softmax(x)` of each row at its label, as `log(1 + Σ exp(others - own))`.
pub(crate) fn cross_entropy(x: Expr<'_>) -> Expr<'_> {
    log_odds_against(x).softplus()
}

/// `log Σ exp(others - own)` of each row at its label: its weight is the logistic function of less that.
pub(crate) fn log_odds_against(x: Expr<'_>) -> Expr<'_> {
    let others = one_hot(x).gt(0.5).select(f64::NEG_INFINITY, x);
    log_sum_exp(others) - x.pick(labels(x))
}

fn log_sum_exp(x: Expr<'_>) -> Expr<'_> {
    let m = x.max(1).stop_gradient();
    m + (x - wide(m, x)).exp().sum(1).log()
}

/// What an input of that type holds of the numbers.
pub(crate) fn rounded(dtype: DType, x: f64) -> f64 {
    if dtype == DType::F32 { f64::from(x as f32) } else { x }
}
