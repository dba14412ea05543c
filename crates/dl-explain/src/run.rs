//! What a run of a program came to: values, kernels, times.

use std::sync::Arc;

use dl_backends::{Cpu, Session};
use dl_core::derive::Derivation;
use dl_core::program::bind;
use dl_core::{Dims, Name, Plan, Program, Schedule, Tensor, TensorRef, interp};

use crate::Result;

/// Runs on the executor; of a kernel's times the median is told.
const RUNS: usize = 11;
/// How far equal values of `f32` programs may be from each other, relative to the largest.
const EQUAL: f64 = 1e-5;

/// A run of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub dims: Dims,
    /// By value of the plan; none for what scans compute.
    pub statistics: Vec<Option<Statistics>>,
    /// By line of the derivation: the values that are equal to it.
    pub lines: Vec<Vec<usize>>,
    pub kernels: Vec<Kernel>,
    pub measured: Vec<Measured>,
}

/// What the elements of a value are like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statistics {
    pub count: usize,
    pub mean: f64,
    pub deviation: f64,
    pub least: f64,
    pub most: f64,
    pub zeros: usize,
    pub not_finite: usize,
}

/// A kernel of the schedule.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub id: String,
    pub text: String,
    /// The values that it computes.
    pub values: Vec<usize>,
    pub operations: usize,
    pub bytes: usize,
}

/// A kernel of the executor.
#[derive(Debug)]
pub(crate) struct Measured {
    pub name: String,
    pub values: Vec<usize>,
    pub operations: usize,
    pub bytes: usize,
    pub seconds: f64,
}

impl Statistics {
    fn of(value: &Tensor) -> Statistics {
        let all = value.to_f64();
        let finite: Vec<f64> = all.iter().copied().filter(|x| x.is_finite()).collect();
        let count = finite.len().max(1) as f64;
        let mean = finite.iter().sum::<f64>() / count;
        let variance = finite.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        Statistics {
            count: all.len(),
            mean,
            deviation: variance.sqrt(),
            least: finite.iter().copied().fold(f64::INFINITY, f64::min),
            most: finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            zeros: all.iter().filter(|x| **x == 0.0).count(),
            not_finite: all.len() - finite.len(),
        }
    }
}

impl Ran {
    pub(crate) fn new(
        program: &Program,
        plan: &Plan,
        derivation: &Derivation,
        inputs: &[(&str, Tensor)],
        seed: u64,
    ) -> Result<Ran> {
        let given: Vec<(&str, TensorRef<'_>)> =
            inputs.iter().map(|(name, value)| (*name, value.view())).collect();
        let mut session = Session::new(Cpu::default(), seed);
        let handle = session.compile(program)?;
        let parameters: Vec<(Name, Tensor)> = session.weights()?;
        let values = interp::values_of_plan(plan, &given, &parameters, (seed, 0))?;
        // Biases that begin at zero would make a sum equal to a product: what is equal is asked a little beside.
        let beside = parameters.iter().map(|(name, value)| Ok((name.clone(), shaken(value)?)));
        let beside = beside.collect::<Result<Vec<(Name, Tensor)>>>()?;
        let shaken = interp::values_of_plan(plan, &given, &beside, (seed, 0))?;
        let lines = derivation.evaluate(&given, &beside)?;
        let lines = lines.iter().map(|line| equal(line.as_ref(), &shaken)).collect();
        let statistics = values.iter().map(|value| value.as_ref().map(Statistics::of)).collect();

        let in_order: Vec<TensorRef<'_>> = plan
            .inputs()
            .iter()
            .filter_map(|slot| given.iter().find(|(name, _)| **name == *slot.decl.name))
            .map(|(_, value)| *value)
            .collect();
        let decls: Vec<_> = plan.inputs().iter().map(|slot| slot.decl.clone()).collect();
        let dims = bind(&decls, &in_order)?;
        let schedule = Schedule::new(&Arc::new(plan.clone()), &dims)?;
        let mut runs = vec![];
        for _ in 0..RUNS {
            runs.push(session.profile(&handle, &in_order)?);
        }
        let measured = runs[0].iter().enumerate().map(|(place, kernel)| {
            let mut seconds: Vec<f64> = runs.iter().filter_map(|run| Some(run.get(place)?.seconds)).collect();
            seconds.sort_by(f64::total_cmp);
            Measured {
                name: kernel.name.clone(),
                values: values_in(&kernel.name),
                operations: kernel.operations,
                bytes: kernel.input_bytes + kernel.bytes,
                seconds: seconds[seconds.len() / 2],
            }
        });
        let measured = measured.collect();
        Ok(Ran { kernels: kernels(&schedule), dims, statistics, lines, measured })
    }
}

/// The same numbers, each moved a little.
fn shaken(value: &Tensor) -> Result<Tensor> {
    if !value.dtype().is_float() {
        return Ok(value.clone());
    }
    let moved = |(i, x): (usize, f64)| x + 0.01 + 0.02 * ((i * 37 + 11) % 101) as f64 / 101.0;
    let values: Vec<f64> = value.to_f64().into_iter().enumerate().map(moved).collect();
    Ok(Tensor::from_f64(value.dtype(), value.shape().to_vec(), &values)?)
}

/// The values of a plan that are equal to what a line came to.
fn equal(line: Option<&Tensor>, values: &[Option<Tensor>]) -> Vec<usize> {
    let Some(line) = line else { return vec![] };
    let own = line.to_f64();
    let scale = own.iter().fold(0.0, |scale: f64, x| scale.max(x.abs()));
    // Of what is zero everywhere nobody can tell which it is.
    if scale == 0.0 || !scale.is_finite() {
        return vec![];
    }
    let is_equal = |value: &Tensor| {
        value.dtype().is_float()
            && value.len() == own.len()
            && value.to_f64().iter().zip(&own).all(|(x, y)| (x - y).abs() <= EQUAL * scale)
    };
    let equal = values.iter().enumerate().filter(|(_, value)| value.as_ref().is_some_and(is_equal));
    equal.map(|(place, _)| place).collect()
}

/// The values that a listing names: `%12`.
fn values_in(text: &str) -> Vec<usize> {
    let places = text.split('%').skip(1);
    places.filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

fn kernels(schedule: &Schedule) -> Vec<Kernel> {
    let listing = schedule.to_string();
    let mut blocks: Vec<String> = vec![];
    let ids: Vec<String> = schedule.kernels().map(|(id, _)| id.to_string()).collect();
    for line in listing.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if ids.get(blocks.len()).is_some_and(|id| id == first) {
            blocks.push(line.to_owned());
        } else if line.starts_with(' ')
            && let Some(last) = blocks.last_mut()
        {
            last.push('\n');
            last.push_str(line);
        }
    }
    let steps = schedule.plan().steps();
    let all = schedule.kernels().zip(blocks);
    all.map(|((id, kernel), text)| {
        let cost = schedule.cost(kernel);
        Kernel {
            id: id.to_string(),
            text,
            values: kernel.steps().into_iter().map(|step| steps[step.index()].result.index()).collect(),
            operations: cost.operations,
            bytes: cost.read + cost.written,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_listing() {
        assert_eq!(values_in("pointwise  %3 %12:z w[%7]"), [3, 12, 7]);
        assert!(values_in("matrix product of 5 % of").is_empty());
    }

    #[test]
    fn statistics_leave_out_what_is_not_finite() {
        let of = Statistics::of(&Tensor::vector(vec![1.0, 3.0, 0.0, f64::NAN, f64::INFINITY]));
        assert_eq!((of.count, of.zeros, of.not_finite, of.least, of.most), (5, 1, 2, 0.0, 3.0));
        assert_eq!(of.mean, 4.0 / 3.0);
    }
}
