//! A formula at many values of one input: as it stands and as the compiler has it, both in `f32`, beside the right
//! value.

use dl_backends::{Cpu, Handle, Session};
use dl_core::interp::evaluate;
use dl_core::{DType, Dims, Program, Tensor};
use dl_report::Language;

use super::ends::{End, ends};
use crate::command::Failure;

/// Sizes of axes without one of their own.
const SIZE: usize = 3;
/// Decades on each side of 1.
const DECADES: i32 = 4;
/// Points of a decade.
const POINTS: i32 = 12;
/// What may be lost of a value.
const LOSS: f64 = 1e-4;
/// Below, `f32` has fewer digits for anything.
pub(super) const LEAST: f64 = f32::MIN_POSITIVE as f64;
/// Roundings of each input that may explain a difference.
const ROUNDINGS: f64 = 100.0;

/// One input on its way.
pub(super) struct Sweep {
    /// `x`, or what is done with it if it is an array.
    pub what: String,
    pub points: Vec<Point>,
    pub ends: Vec<End>,
}

/// What the values are where an input is `at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub at: f64,
    pub naive: f64,
    pub compiled: f64,
    pub right: f64,
    /// How far the inputs' roundings alone may take the value.
    pub blur: f64,
}

impl Point {
    /// Whether the right value exists in `f32`.
    pub(super) fn counts(&self) -> bool {
        self.right.is_finite() && self.blur.is_finite() && self.right.abs() < 1e37
    }

    /// Whether the value of the formula as it stands is wrong for no fault of the inputs.
    pub(super) fn is_harmed(&self) -> bool {
        self.counts() && self.is_wrong(self.naive)
    }

    pub(super) fn compiled_is_harmed(&self) -> bool {
        self.counts() && self.is_wrong(self.compiled)
    }

    fn is_wrong(&self, value: f64) -> bool {
        !value.is_finite() || (value - self.right).abs() > (LOSS * self.right.abs()).max(self.blur).max(LEAST)
    }
}

impl Sweep {
    /// Sentences about where the formula is wrong: `∞ in place of 100 (x = 100), for x from 89 to 10000`.
    pub(super) fn ranges(&self, language: Language) -> Vec<String> {
        let mut points: Vec<&Point> = self.points.iter().filter(|p| p.counts()).collect();
        points.sort_by(|a, b| a.at.total_cmp(&b.at));
        points.dedup_by(|b, a| {
            let same = a.at == b.at;
            // Of several of one place, a wrong one.
            if same && b.is_harmed() && !a.is_harmed() {
                *a = *b;
            }
            same
        });
        let kind = |p: &Point| (p.is_harmed(), p.naive.is_finite());
        let runs = points.chunk_by(|a, b| kind(a) == kind(b)).filter(|run| run[0].is_harmed());
        runs.map(|run| {
            let middle = run[run.len() / 2];
            let (from, to) = (number(run[0].at), number(run[run.len() - 1].at));
            let (wrong, right) = (number(middle.naive), number(middle.right));
            let at = number(middle.at);
            match (language, from == to) {
                (Language::English, true) => {
                    format!("{wrong} where {right} is right (at {at}); the like at {from}")
                }
                (Language::English, false) => {
                    format!("{wrong} where {right} is right (at {at}); the like from {from} to {to}")
                }
                (Language::Chinese, true) => {
                    format!("{wrong}，正确的是 {right}（在 {at} 处）；{from} 处也如此")
                }
                (Language::Chinese, false) => {
                    format!("{wrong}，正确的是 {right}（在 {at} 处）；从 {from} 到 {to} 都如此")
                }
            }
        })
        .collect()
    }
}

/// Three digits, as people write numbers.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "-∞".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor() as i32;
    if (-3..6).contains(&exponent) {
        let text = format!("{value:.*}", (2 - exponent).max(0) as usize);
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').into()
        } else {
            text
        };
    }
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let raised = power.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        d => char::from_u32(0x2070 + d.to_digit(10).unwrap_or(0)).unwrap_or(d),
    });
    format!("{digits}·10{}", raised.collect::<String>())
}

/// Where inputs go: 0, and both signs of a grid over the decades.
fn grid() -> Vec<f64> {
    let side: Vec<f64> = (-DECADES * POINTS..=DECADES * POINTS)
        .map(|i| 10f64.powf(f64::from(i) / f64::from(POINTS)))
        .collect();
    let mut all: Vec<f64> = side.iter().map(|x| -x).rev().collect();
    all.push(0.0);
    all.extend(side);
    // As f32 has them, so that both types begin with the same.
    all.into_iter().map(|x| f64::from(x as f32)).collect()
}

/// How an input moves.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It is the number.
    Is,
    /// Its elements are multiplied by it.
    Scaled,
    /// It is added to its elements.
    Shifted,
}

/// The sweeps over all inputs.
pub(super) fn sweeps(
    naive: &Program,
    compiled: &Program,
    exact: &Program,
    variables: &[String],
) -> Result<Vec<Sweep>, Failure> {
    let mut runs = [Run::new(naive)?, Run::new(compiled)?];
    let mut dims = Dims::new();
    for decl in exact.inputs() {
        for name in decl.shape.iter().flat_map(dl_core::Dim::names) {
            if dims.get(&name).is_none() {
                dims = dims.with(&name, SIZE);
            }
        }
    }
    let shape_of = |name: &str| -> Result<Vec<usize>, Failure> {
        let decl = exact.inputs().iter().find(|d| *d.name == *name);
        decl.map_or(Ok(vec![]), |d| d.shape.eval(&dims).map_err(Failure::other))
    };
    let mut all = vec![];
    for (place, variable) in variables.iter().enumerate() {
        let scalar = shape_of(variable)?.iter().product::<usize>() <= 1;
        for way in if scalar { &[Way::Is][..] } else { &[Way::Scaled, Way::Shifted] } {
            let what = match way {
                Way::Is => variable.clone(),
                Way::Scaled => format!("t·{variable}"),
                Way::Shifted => format!("{variable} + t"),
            };
            let mut sweep = Sweep { what, points: vec![], ends: vec![] };
            for draw in 0..2 {
                let data = |at: f64, digits: Digits| {
                    let mut data: Vec<(String, Tensor)> = vec![];
                    for (i, decl) in exact.inputs().iter().enumerate() {
                        let shape = shape_of(&decl.name)?;
                        let moved = (variables[place] == *decl.name).then_some((*way, at));
                        let value = values(decl.dtype, &shape, (i, draw), moved, digits)?;
                        data.push((decl.name.to_string(), value));
                    }
                    Ok::<_, Failure>(data)
                };
                let mut points = vec![];
                for at in grid() {
                    points.push(point(at, &data(at, Digits::F32)?, &mut runs, exact, variables)?);
                }
                let right = |at: f64| right(exact, &data(at, Digits::F64)?);
                let ends = ends(&points, right)?;
                for at in ends.closed {
                    let point = point(at, &data(at, Digits::F32)?, &mut runs, exact, variables)?;
                    // Digits beside a root or a logarithm are lost with those of the argument.
                    if !(point.naive.is_finite() && point.compiled.is_finite()) {
                        points.push(point);
                    }
                }
                for (at, limit) in ends.open {
                    let data = data(at, Digits::F32)?;
                    let [naive, compiled] = &mut runs;
                    let end = End { at, limit, naive: naive.value(&data)?, compiled: compiled.value(&data)? };
                    let known = sweep.ends.iter().any(|known| known.at == at && known.limit == limit);
                    if end.is_wrong() && !known {
                        sweep.ends.push(end);
                    }
                }
                sweep.points.append(&mut points);
            }
            all.push(sweep);
        }
    }
    Ok(all)
}

/// How exactly inputs have their values.
#[derive(Clone, Copy, PartialEq)]
enum Digits {
    /// As `f32` has them.
    F32,
    /// Between those, too.
    F64,
}

/// Elements near 1 that differ: all positive at first, then of both signs.
fn values(
    dtype: DType,
    shape: &[usize],
    (input, draw): (usize, usize),
    moved: Option<(Way, f64)>,
    digits: Digits,
) -> Result<Tensor, Failure> {
    let count: usize = shape.iter().product();
    let element = |i: usize| {
        if dtype == DType::I64 {
            return (i % 2) as f64;
        }
        // What is added to it meets it: `f32` has both.
        let base = f64::from((0.35 + ((i * 37 + input * 61 + draw * 17 + 11) % 101) as f64 / 90.0) as f32);
        let signed = if draw == 1 && (i + input) % 2 == 1 { -base } else { base };
        match moved {
            Some((Way::Is, at)) => at,
            Some((Way::Scaled, at)) => signed * at,
            Some((Way::Shifted, at)) => signed + at,
            None => signed,
        }
    };
    let rounded = |x: f64| if digits == Digits::F32 { f64::from(x as f32) } else { x };
    let all: Vec<f64> = (0..count).map(element).map(rounded).collect();
    Tensor::from_f64(dtype, shape, &all).map_err(Into::into)
}

/// A program in `f32` on the `cpu` executor.
struct Run<'p> {
    program: &'p Program,
    session: Session,
    handle: Handle,
}

impl<'p> Run<'p> {
    fn new(program: &'p Program) -> Result<Self, Failure> {
        let mut session = Session::new(Cpu::with_threads(1), 0);
        let handle = session.compile(program).map_err(|e| Failure::other(e.to_string()))?;
        Ok(Run { program, session, handle })
    }

    fn value(&mut self, data: &[(String, Tensor)]) -> Result<f64, Failure> {
        let mut inputs = vec![];
        for decl in self.program.inputs() {
            let Some((_, value)) = data.iter().find(|(name, _)| **name == *decl.name) else { continue };
            inputs.push(match decl.dtype {
                DType::F32 => Tensor::from_f64(DType::F32, value.shape(), &value.to_f64())?,
                _ => value.clone(),
            });
        }
        let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
        let found = self.session.run(&self.handle, &views).and_then(|out| out.read("J"));
        Ok(found.map_err(|e| Failure::other(e.to_string()))?.to_f64()[0])
    }
}

/// The right value.
fn right(exact: &Program, data: &[(String, Tensor)]) -> Result<f64, Failure> {
    let inputs: Vec<_> = data.iter().map(|(name, value)| (&**name, value.view())).collect();
    Ok(evaluate(exact, &inputs, &[], 0, 0)?.output("J")?.to_f64()[0])
}

fn point(
    at: f64,
    data: &[(String, Tensor)],
    runs: &mut [Run<'_>; 2],
    exact: &Program,
    variables: &[String],
) -> Result<Point, Failure> {
    let inputs: Vec<_> = data.iter().map(|(name, value)| (&**name, value.view())).collect();
    let found = evaluate(exact, &inputs, &[], 0, 0)?;
    let right = found.output("J")?.to_f64()[0];
    let mut blur = 0.0;
    for variable in variables {
        let slopes = found.output(&format!("∂J/∂{variable}"))?.to_f64();
        let value =
            data.iter().find(|(name, _)| name == variable).map(|(_, v)| v.to_f64()).unwrap_or_default();
        blur += slopes.iter().zip(&value).map(|(slope, x)| (slope * x).abs()).sum::<f64>();
    }
    let blur = blur * ROUNDINGS * 2f64.powi(-24);
    let [naive, compiled] = runs;
    Ok(Point { at, naive: naive.value(data)?, compiled: compiled.value(data)?, right, blur })
}
