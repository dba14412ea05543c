//! Formulas that nobody thought of, of numbers and of arrays.

use dl_core::ops::random::uniform;
use dl_core::{Expr, I64, Scalar, Tensor};

use crate::class::{LABELS, labels};

/// Numbers between 0 and 1, one after the other.
pub(crate) struct Draws {
    seed: u64,
    at: u64,
    /// Whether constants may be as large, as small or as near to one another as a type allows.
    extreme: bool,
}

/// Constants at which folding and moving go wrong; what an element type does not have is left out.
const EXTREMES: &[f64] = &[
    40.0,
    -100.0,
    300.0,
    710.0,
    -1000.0,
    2000.0,
    1e-8,
    -1e-15,
    1e-17,
    1e17,
    1e30,
    -1e-30,
    1e300,
    1e-300,
    f32::EPSILON as f64,
    f64::EPSILON,
    f32::MIN_POSITIVE as f64,
    0.0,
    -0.0,
    0.7,
    0.3,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl Draws {
    pub(crate) fn new(seed: u64) -> Draws {
        Draws { seed, at: 0, extreme: false }
    }

    /// The same with extreme constants among the others.
    pub(crate) fn extreme(seed: u64) -> Draws {
        Draws { extreme: true, ..Draws::new(seed) }
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.at += 1;
        f64::from(uniform(self.seed, 0, 1, self.at))
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.next() * n as f64) as usize).min(n - 1)
    }
}

/// A formula of the numbers `x` and `y` with so many levels.
pub(crate) fn number<'g>(draws: &mut Draws, x: Expr<'g>, y: Expr<'g>, depth: usize) -> Expr<'g> {
    if depth == 0 {
        return match draws.below(if draws.extreme { 7 } else { 5 }) {
            0 => y,
            1 | 5 | 6 => constant(draws, x),
            _ => x,
        };
    }
    let a = number(draws, x, y, depth - 1);
    if draws.next() < 0.5 {
        return function(draws, a);
    }
    let levels = draws.below(depth);
    let b = number(draws, x, y, levels);
    both(draws, a, b)
}

fn constant<'g>(draws: &mut Draws, like: Expr<'g>) -> Expr<'g> {
    if draws.extreme && draws.next() < 0.7 {
        let held = |c: &&f64| Scalar::written(like.dtype(), **c).is_ok();
        let all: Vec<f64> = EXTREMES.iter().filter(held).copied().collect();
        return like.graph().full(like.dtype(), like.shape(), all[draws.below(all.len())]);
    }
    let constants = [1.0, 2.0, 0.5, -1.0, 3.0, 0.25];
    like.graph().full(like.dtype(), like.shape(), constants[draws.below(constants.len())])
}

fn function<'g>(draws: &mut Draws, a: Expr<'g>) -> Expr<'g> {
    match draws.below(18) {
        0 | 1 => a.exp(),
        2 | 3 => a.log(),
        4 => a.sqrt(),
        5 => a.tanh(),
        6 => a.sigmoid(),
        7 => a.softplus(),
        8 => -a,
        9 => a.square(),
        10 => a.abs(),
        11 => a.log1p(),
        12 => a.expm1(),
        13 => a.pow([-2.0, -0.5, 0.5, 1.5, 3.0][draws.below(5)]),
        14 => a.relu(),
        15 => a.erf(),
        16 => match draws.below(3) {
            0 => a.sin(),
            1 => a.cos(),
            _ => a - a.floor(),
        },
        _ => a.pow(-1.0),
    }
}

fn both<'g>(draws: &mut Draws, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    if a == b {
        // x - x and x/x are exact as they are written, by luck.
        return a * b;
    }
    match draws.below(10) {
        0 | 1 => a + b,
        2 | 3 => a - b,
        4 => b - a,
        5 => a * b,
        6 => a / b,
        7 => b / a,
        8 => a.maximum(b),
        _ => a.minimum(b),
    }
}

/// The inputs of a formula of arrays: rows of three, and three numbers for all rows.
#[derive(Clone, Copy)]
pub(crate) struct Arrays<'g> {
    pub(crate) x: Expr<'g>,
    pub(crate) y: Expr<'g>,
}

impl<'g> Arrays<'g> {
    /// A formula with as many rows as `x`, of three elements each.
    pub(crate) fn matrix(self, draws: &mut Draws, depth: usize) -> Expr<'g> {
        let shape = self.x.shape();
        if depth == 0 {
            return match draws.below(6) {
                0 | 1 => self.y.broadcast_to(&shape),
                2 => constant(draws, self.x),
                _ => self.x,
            };
        }
        match draws.below(10) {
            0..=2 => {
                let a = self.matrix(draws, depth - 1);
                function(draws, a)
            }
            3 => {
                let (a, levels) = (self.matrix(draws, depth - 1), draws.below(depth));
                let b = self.matrix(draws, levels);
                both(draws, a, b)
            }
            4 | 5 => {
                let (a, levels) = (self.matrix(draws, depth - 1), draws.below(depth));
                let b = self.rows(draws, levels).unsqueeze(1).broadcast_to(&shape);
                both(draws, a, b)
            }
            6 => {
                let (a, levels) = (self.matrix(draws, depth - 1), draws.below(depth));
                let b = self.matrix(draws, levels);
                let condition = if draws.next() < 0.5 { a.gt(b) } else { self.x.le(0.5) };
                condition.select(a, b)
            }
            7 => {
                let a = self.matrix(draws, depth - 1);
                a.dot(mixing(draws, a))
            }
            8 => {
                let a = self.rows(draws, depth - 1);
                a.scatter_add(1, 1, labels(self.x), &shape)
            }
            _ => {
                let a = self.matrix(draws, depth - 1);
                moved(draws, a)
            }
        }
    }

    /// A formula with one number for each row of `x`.
    pub(crate) fn rows(self, draws: &mut Draws, depth: usize) -> Expr<'g> {
        if depth == 0 {
            return self.x.sum(1);
        }
        match draws.below(10) {
            0 | 1 => self.matrix(draws, depth - 1).sum(1),
            2 => self.matrix(draws, depth - 1).mean(1),
            3 => self.matrix(draws, depth - 1).max(1),
            4 => match draws.below(2) {
                0 => self.matrix(draws, depth - 1).min(1),
                _ => self.matrix(draws, depth - 1).prod(1),
            },
            5 => self.matrix(draws, depth - 1).pick(labels(self.x)),
            6 => self.matrix(draws, depth - 1).dot(self.y),
            7 => {
                let (a, levels) = (self.matrix(draws, depth - 1), draws.below(depth));
                a.contract("ij,ij->i", self.matrix(draws, levels))
            }
            8 => {
                let a = self.rows(draws, depth - 1);
                function(draws, a)
            }
            _ => {
                let (a, levels) = (self.rows(draws, depth - 1), draws.below(depth));
                let b = self.rows(draws, levels);
                both(draws, a, b)
            }
        }
    }
}

/// Numbers to multiply rows of three with.
fn mixing<'g>(draws: &mut Draws, like: Expr<'g>) -> Expr<'g> {
    let numbers: Vec<f64> = (0..9).map(|_| [0.0, 1.0, -1.0, 0.5, 2.0][draws.below(5)]).collect();
    like.graph().literal(Tensor::from_f64(like.dtype(), [3, 3], &numbers).expect("as many as elements"))
}

/// The same elements at other places; some are lost.
fn moved<'g>(draws: &mut Draws, a: Expr<'g>) -> Expr<'g> {
    let graph = a.graph();
    match draws.below(5) {
        0 => a.flip(1),
        1 => graph.concat(1, &[a.slice(1, 2, 3), a.slice(1, 0, 2)]),
        2 => a.slice(1, 0, 2).pad(1, 1, 0, 0.5),
        3 => a.transpose().flip([0, 1]).transpose(),
        _ => {
            let picks = Tensor::from_f64(I64, [3], &[1.0, 1.0, 0.0]).expect("three");
            a.gather(1, graph.literal(picks))
        }
    }
}

/// What `labels` stands for.
pub(crate) fn labelled() -> (&'static str, Tensor) {
    let labels = Tensor::from_f64(I64, [2], &LABELS.map(|l| l as f64)).expect("two labels");
    ("labels", labels)
}
