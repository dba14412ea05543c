//! Judges a formula at points: its condition, and how much more than that its own roundings weigh.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use super::Given;
use super::inspect::{self, Format, Inspector, RESULT};
use super::points;
use crate::dim::Name;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Origin};
use crate::interp::Evaluation;
use crate::program::Program;
use crate::tensor::Tensor;

/// How many times the weight of the inputs' roundings the formula's own may have.
const ALLOWED: f64 = 32.0;

/// Points of a small formula; of a large one fewer, so that so many elements are computed in all.
const POINTS: usize = 256;
const FEWEST: usize = 16;
const ELEMENTS: usize = 1 << 22;

/// A formula over ranges of what it takes.
#[derive(Clone, Debug)]
pub struct Examination {
    pub(super) name: Name,
    pub(super) dtype: DType,
    pub(super) points: usize,
    pub(super) values: Option<(f64, f64)>,
    pub(super) conditions: Vec<(f64, Vec<Given>)>,
    pub(super) doubts: Vec<Doubt>,
}

/// A place of a formula that loses more than its condition explains.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// What happens.
    pub flaw: Flaw,
    /// Where: the author's name and line.
    pub origin: Origin,
    /// The operation as it is computed, in Unicode text.
    pub formula: String,
    /// By how many times the error is larger than inputs that are off by a rounding would make it; infinite where the
    /// result is no number.
    pub factor: f64,
    /// The inputs and parameters where it is worst.
    pub at: Vec<(Name, Tensor)>,
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Flaw {
    /// Terms that are large cancel: what is left is mostly their roundings.
    Cancels,
    /// A rounding grows on the way to the result.
    Grows,
    /// A value is below the least normal number and has few digits or none, which the result shows.
    Underflows,
    /// A value is above the largest number, which the result shows.
    Overflows,
    /// The result is NaN or infinite though everything given is finite.
    NotFinite,
}

impl Examination {
    /// How many points were looked at.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The smallest and the largest finite value at the points; none if there is no finite one.
    pub fn values(&self) -> Option<(f64, f64)> {
        self.values
    }

    /// The condition at a share of the points, from 0 (the best) to 1 (the worst): by how many times larger, relatively,
    /// the result's change is than that of the inputs. None where no point has one.
    ///
    /// A large condition is a property of what is asked, not of how it is computed: no formula with the same meaning has
    /// a smaller one.
    pub fn condition(&self, share: f64) -> Option<f64> {
        let last = self.conditions.len().checked_sub(1)?;
        let place = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        Some(self.conditions[place].0)
    }

    /// What is doubtful, the worst first.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }
}

/// Examines the only output of a program.
pub(super) fn examine(program: &Program, ranges: &[(&str, RangeInclusive<f64>)]) -> Result<Examination> {
    let (variables, dims) = points::variables(program, ranges)?;
    let inspector = Inspector::new(program, &dims)?;
    let output = &program.outputs()[0];
    let declared = &program.nodes()[output.node.index()];
    let shape = declared.shape.eval(&dims).map_err(Error::value)?;
    let mut judge = Judge {
        format: Format::of(declared.dtype),
        graph: program.to_graph(),
        origins: program.origins(),
        result: output.node,
        found: BTreeMap::new(),
        values: None,
        conditions: vec![],
    };
    let points = (ELEMENTS / inspector.elements.max(1)).clamp(FEWEST, POINTS);
    let size: usize = shape.iter().product();
    for point in 0..points {
        let given: Vec<Given> =
            variables.iter().zip(0..).map(|(variable, stream)| variable.at(point as u64, stream)).collect();
        if size > 0 {
            let run = inspector.at(&variables, &given, &shape, point % size, declared.dtype)?;
            judge.point(&inspector, &run, &given, point % size)?;
        }
    }
    judge.conditions.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut doubts: Vec<Doubt> = judge.found.into_values().collect();
    doubts.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    let (name, dtype) = (output.name.clone(), declared.dtype);
    Ok(Examination { name, dtype, points, values: judge.values, conditions: judge.conditions, doubts })
}

struct Judge<'a> {
    format: Format,
    graph: Graph,
    origins: &'a [Origin],
    result: NodeId,
    found: BTreeMap<(NodeId, Flaw), Doubt>,
    values: Option<(f64, f64)>,
    conditions: Vec<(f64, Vec<Given>)>,
}

/// What one operation's rounding does to the result.
#[derive(Clone, Copy, Default)]
struct Weight {
    /// Of its own rounding.
    own: f64,
    /// The part of it that numbers with all their digits would not have.
    below: f64,
    /// Of the roundings of what it adds.
    terms: f64,
    /// How many times larger the terms are than their sum.
    ratio: f64,
    /// Whether a value that matters is beyond the type's range.
    overflows: bool,
    /// Whether a value is no finite number.
    lost: bool,
}

impl Judge<'_> {
    fn point(
        &mut self,
        inspector: &Inspector,
        run: &Evaluation,
        given: &[Given],
        picked: usize,
    ) -> Result<()> {
        let result = run.output(RESULT)?.to_f64();
        let y = result[picked];
        let outputs: FxHashMap<&str, &Tensor> =
            run.outputs.iter().map(|(name, tensor)| (&**name, tensor)).collect();
        let of = |name: &str| outputs.get(name).map_or(vec![], |tensor| tensor.to_f64());
        let mut weights = vec![];
        for (k, rounding) in inspector.roundings.iter().enumerate() {
            let (values, slopes) = (of(&inspect::value(k)), of(&inspect::slope(k)));
            let terms = of(&inspect::terms(k));
            weights.push(self.weight(y, &values, &slopes, &terms, rounding.sums));
        }
        if !y.is_finite() {
            // The first operation that gave no number, of finite ones.
            let first = weights.iter().position(|w| w.lost);
            let node = first.map_or(self.result, |k| inspector.roundings[k].node);
            self.doubt(node, Flaw::NotFinite, f64::INFINITY, given);
            return Ok(());
        }
        let (low, high) = self.values.unwrap_or((y, y));
        self.values = Some((low.min(y), high.max(y)));
        if y.abs() > self.format.most {
            return Ok(());
        }
        let mut moved = 0.0;
        for (name, tensor) in given {
            let by = of(&inspect::sensitivity(name));
            moved += tensor.to_f64().iter().zip(&by).map(|(x, by)| (x * by).abs()).sum::<f64>();
        }
        if y != 0.0 && moved.is_finite() {
            self.conditions.push((moved / y.abs(), given.to_vec()));
        }
        // An element counts as much as the largest of its array.
        let size = result.iter().filter(|x| x.is_finite()).fold(y.abs(), |most, x| most.max(x.abs()));
        let inherent = self.format.unit * (size + moved) + self.format.least;
        if let Some(k) = weights.iter().position(|w| w.overflows) {
            self.doubt(inspector.roundings[k].node, Flaw::Overflows, f64::INFINITY, given);
            return Ok(());
        }
        let own: f64 = weights.iter().map(|w| w.own).sum();
        let factor = own / inherent;
        // Where a derivative is no number, nothing is known.
        if factor.is_nan() || factor <= ALLOWED {
            return Ok(());
        }
        let places = || weights.iter().enumerate();
        let cancels = places().filter(|(_, w)| w.ratio > 8.0 && w.terms > own / 4.0);
        let cancelling = cancels.max_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio));
        let (k, flaw) = match cancelling {
            Some((k, _)) => (k, Flaw::Cancels),
            None => {
                let largest = places().max_by(|a, b| a.1.own.total_cmp(&b.1.own));
                let Some((k, weight)) = largest else { return Ok(()) };
                (k, if weight.below > weight.own / 2.0 { Flaw::Underflows } else { Flaw::Grows })
            }
        };
        self.doubt(inspector.roundings[k].node, flaw, factor, given);
        Ok(())
    }

    fn weight(&self, y: f64, values: &[f64], slopes: &[f64], terms: &[f64], sums: bool) -> Weight {
        let Format { unit, least, most, .. } = self.format;
        let mut weight = Weight::default();
        for (e, (value, slope)) in values.iter().zip(slopes).enumerate() {
            weight.lost |= !value.is_finite();
            // What does not reach the result may be anything.
            if *slope == 0.0 || (value.is_infinite() && !slope.is_finite()) || value.is_nan() {
                continue;
            }
            let (size, slope) = (value.abs(), slope.abs());
            let added = terms.get(e).copied().unwrap_or(size);
            if size > most {
                weight.overflows |= slope * size > unit * y.abs();
                continue;
            }
            let rounded = unit * if sums { added } else { size };
            let tiny = (least.min(size) - rounded).max(0.0);
            weight.own += slope * (rounded + tiny);
            weight.below += slope * tiny;
            let of_terms = slope * unit * added;
            if of_terms > weight.terms {
                (weight.terms, weight.ratio) = (of_terms, added / size.max(f64::MIN_POSITIVE));
            }
        }
        weight
    }

    /// Remembers the worst point of a place.
    fn doubt(&mut self, node: NodeId, flaw: Flaw, factor: f64, at: &[Given]) {
        let known = self.found.get(&(node, flaw));
        if known.is_some_and(|known| known.factor >= factor) {
            return;
        }
        let origin = self.origins[node.index()].clone();
        let formula = inspect::written(&self.graph, node);
        let doubt = Doubt { flaw, origin, formula, factor, at: at.to_vec() };
        self.found.insert((node, flaw), doubt);
    }
}
