//! How well results are conditioned: what moving every value of a program a little makes of them.

use dl_core::ops::random::uniform;
use dl_core::{F64, Result, Tensor};

use super::build::{Build, Built, Point};
use super::recipe::Recipe;

/// By how much values are moved, relative: beyond rounding in single precision, short of curvature.
const MOVE: f64 = 1e-6;

/// How often two moves are made: one way and then the other, so that a jump nearby is crossed, and
/// every second time in unrelated ways, since what is even in a move goes the same way in both.
const MOVES: u64 = 6;

/// One result of the program as it was written.
#[derive(Clone)]
pub(crate) struct Condition {
    pub(crate) name: String,
    /// Each element, and how far it goes for a move of every value, divided by the move.
    pub(crate) elements: Vec<(f64, f64)>,
}

/// Every output and update at a point.
pub(crate) fn condition(recipe: &Recipe, raw: &Built, point: &Point) -> Result<Vec<Condition>> {
    let results = point.changed(|x| x).interpret(&raw.program, F64)?;
    let elements = |t: &Tensor| t.to_f64().into_iter().map(|x| (x, 0.0)).collect();
    let mut conditions: Vec<Condition> =
        results.iter().map(|(name, t)| Condition { name: name.clone(), elements: elements(t) }).collect();
    let noisy = Build::new(recipe, F64).noisy().compile(false)?;
    for round in 0..MOVES {
        for (stream, sign) in [(round, MOVE), (round + MOVES * (round % 2), -MOVE)] {
            let moved = noise(recipe, point, stream, sign).interpret(&noisy.program, F64)?;
            for condition in &mut conditions {
                let (_, moved) = moved.iter().find(|(n, _)| *n == condition.name).expect("the same results");
                for ((value, change), moved) in condition.elements.iter_mut().zip(moved.to_f64()) {
                    let here = (moved - *value).abs() / MOVE;
                    // What is no number is no condition either.
                    *change = if here > *change || here.is_nan() { here } else { *change };
                }
            }
        }
    }
    Ok(conditions)
}

/// The point with every number moved, and what moves the values of the picks.
fn noise(recipe: &Recipe, point: &Point, round: u64, sign: f64) -> Point {
    let mut at = 0;
    let mut factor = move || {
        at += 1;
        1.0 + sign * (2.0 * f64::from(uniform(round, 0, 3, at)) - 1.0)
    };
    let sizes = [recipe.rows, recipe.columns];
    let mut moved = point.changed(|x| x * factor());
    for i in 0..recipe.picks.len() {
        let factors: Vec<f64> = (0..sizes[0] * sizes[1]).map(|_| factor()).collect();
        let tensor = Tensor::from_f64(F64, sizes, &factors).expect("as many as the sizes say");
        moved = moved.with(format!("n{i}"), tensor);
    }
    moved
}
