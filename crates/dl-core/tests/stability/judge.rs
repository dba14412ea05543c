//! Judges the compiled spellings of a class, and prints a table of what fails.

use dl_core::{DType, Expr, F32, F64, Graph, I64, Named, Program, Result, Shape, Tensor, TensorRef, interp};

use crate::class::{Class, Formula, LABELS, SCALARS, drawn, rounded};
use crate::limits;
use crate::precision::{Ball, Extended, Single, Truth, errors, evaluate, truth};

/// What runs compiled programs, and how exactly.
pub(crate) struct Runner {
    pub(crate) name: &'static str,
    pub(crate) dtype: DType,
    /// Largest error in units of the last place times the condition.
    pub(crate) limit: f64,
    /// Prepares a program to be run at many points.
    pub(crate) prepare: fn(&Program) -> Run,
}

/// The outputs at a point, element by element.
pub(crate) type Run = Box<dyn FnMut(&[(&str, Tensor)]) -> Vec<Vec<f64>>>;

/// As plans compute them: in double precision by the interpreter, in single precision every result rounded.
pub(crate) static REFERENCES: &[Runner] = &[
    Runner { name: "interpreter", dtype: F64, limit: 8.0, prepare: interpreted },
    Runner { name: "rounded", dtype: F32, limit: 8.0, prepare: in_single },
];

/// A spelling that failed at a point.
struct Failure {
    class: &'static str,
    spelling: &'static str,
    /// Of the program: the value or a gradient.
    output: String,
    line: String,
}

/// Every class, both element types, value and gradient, by every runner.
pub(crate) fn all(classes: &'static [Class], runners: &[Runner]) {
    let failures: Vec<Failure> = classes.iter().flat_map(|class| judge(class, runners)).collect();
    let (mut report, mut before, mut unknown) = (String::new(), ("", ""), 0);
    for failure in &failures {
        if before != (failure.class, failure.spelling) {
            before = (failure.class, failure.spelling);
            report += &format!("{}: {}\n", failure.class, failure.spelling);
        }
        let known = limits::reason(failure.class, failure.spelling, &failure.output);
        unknown += usize::from(known.is_none());
        report += &format!(
            "  {}{}\n",
            failure.line,
            known.map_or(String::new(), |why| format!("   (known: {why})"))
        );
    }
    println!("{report}");
    assert!(unknown == 0, "{unknown} values are off; the table above says which");
}

fn judge(class: &'static Class, runners: &[Runner]) -> Vec<Failure> {
    let mut failures = vec![];
    for dtype in [F64, F32] {
        let reference = compile(class, dtype, class.truth, false);
        let smallest = if dtype == F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
        let fits = |p: &&[f64]| {
            p.iter().all(|x| rounded(dtype, *x).is_finite() && (x.abs() >= smallest || *x == 0.0))
        };
        let drawn: Vec<[f64; 1]> = drawn(class.name.len() as u64).into_iter().map(|x| [x]).collect();
        let drawn = drawn.iter().map(|x| &x[..]).filter(|_| class.points == SCALARS);
        let points = class.points.iter().copied().filter(fits).chain(drawn);
        let points: Vec<Vec<(String, Tensor)>> = points.map(|p| point(class, dtype, p)).collect();
        let truths: Vec<Vec<Vec<Truth>>> = points.iter().map(|p| truth(&reference, &named(p))).collect();
        for (spelling, formula) in class.spellings {
            if dtype == F64 {
                means_the_same(class, spelling, *formula, &points, &truths);
            }
            let program = compile(class, dtype, *formula, true);
            let program = match class.shape {
                // In single precision with the rows in a number that only a run knows, where that can be said.
                [rows, columns] if dtype == F32 => {
                    assert_eq!(*rows, 2, "{}", class.name);
                    build(class, dtype, *formula, true, (Named("B"), *columns).into()).unwrap_or(program)
                }
                _ => program,
            };
            let mut off = vec![];
            for runner in runners.iter().filter(|r| r.dtype == dtype) {
                let mut run = (runner.prepare)(&program);
                for (point, truths) in points.iter().zip(&truths) {
                    off.extend(judge_point(&program, runner, &run(&named(point)), point, truths));
                }
            }
            let failure = |(output, line)| Failure { class: class.name, spelling, output, line };
            failures.extend(off.into_iter().map(failure));
        }
    }
    failures
}

fn interpreted(program: &Program) -> Run {
    let program = program.expanded().into_owned();
    Box::new(move |point| {
        let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
        let views: Vec<(&str, TensorRef<'_>)> =
            point.iter().filter(|(n, _)| used(n)).map(|(n, t)| (*n, t.view())).collect();
        let run = interp::evaluate(&program, &views, &[], 0, 0).expect("inputs fit");
        program.outputs().iter().map(|o| run.output(&o.name).expect("it is an output").to_f64()).collect()
    })
}

fn in_single(program: &Program) -> Run {
    let program = program.expanded().into_owned();
    Box::new(move |point| {
        let outputs = evaluate(&Single, &program, point, &[]);
        outputs.iter().map(|o| o.reals().into_iter().copied().collect()).collect()
    })
}

fn judge_point(
    program: &Program,
    runner: &Runner,
    computed: &[Vec<f64>],
    point: &[(String, Tensor)],
    truths: &[Vec<Truth>],
) -> Vec<(String, String)> {
    let dtype = runner.dtype;
    let mut lines = vec![];
    for ((output, truths), computed) in program.outputs().iter().zip(truths).zip(computed) {
        let errors = errors(dtype, truths, computed);
        let worst =
            errors.iter().enumerate().filter_map(|(i, e)| Some((i, (*e)?))).fold(None, |worst, (i, e)| {
                match worst {
                    Some((_, w)) if w >= e => worst,
                    _ => Some((i, e)),
                }
            });
        if let Some((i, error)) = worst.filter(|(_, e)| e.is_nan() || *e > runner.limit) {
            let at: Vec<String> = point
                .iter()
                .filter(|(n, _)| n != "labels")
                .map(|(_, t)| format!("{:?}", t.to_f64()))
                .collect();
            let line = format!(
                "{dtype} {} {}[{i}] at {}: {:e}, true {:e}: off by {error:.1e}",
                runner.name,
                output.name,
                at.join(" "),
                computed[i],
                truths[i].value.to_f64()
            );
            lines.push((output.name.to_string(), line));
        }
    }
    lines
}

/// The spelling as it was written has the value of the trusted form wherever digits suffice to tell.
fn means_the_same(
    class: &Class,
    spelling: &str,
    formula: Formula,
    points: &[Vec<(String, Tensor)>],
    truths: &[Vec<Vec<Truth>>],
) {
    let program = compile(class, F64, formula, false);
    let a = Extended::new(320);
    let mut told = 0;
    for (point, truths) in points.iter().zip(truths) {
        let outputs = evaluate(&a, &program, &named(point), &[]);
        for (raw, truth) in outputs[0].reals().into_iter().zip(&truths[0]) {
            let (got, want) = (raw.to_f64(), truth.value.to_f64());
            if matches!(raw, Ball::Near { .. }) && raw.has_digits(60) && want.abs() > 1e-3 && want.abs() < 1e3
            {
                told += 1;
                let close = (got - want).abs() <= 1e-9 * want.abs();
                assert!(close, "{}: {spelling} is {got} at {point:?}, not {want}", class.name);
            }
        }
    }
    assert!(told > 0, "{}: {spelling} has no point that tells what it means", class.name);
}

/// The value and the gradients by all inputs of a weighted sum of its elements.
fn compile(class: &Class, dtype: DType, formula: Formula, rewriting: bool) -> Program {
    build(class, dtype, formula, rewriting, class.shape.into())
        .unwrap_or_else(|e| panic!("{}: {e}", class.name))
}

fn build(class: &Class, dtype: DType, formula: Formula, rewriting: bool, shape: Shape) -> Result<Program> {
    let graph = Graph::new();
    let inputs: Vec<Expr<'_>> =
        (0..class.inputs).map(|i| graph.input(&format!("x{i}"), dtype, &shape)).collect();
    let value = formula(&inputs);
    let mut builder = Program::builder(&graph).output("value", value);
    for (i, gradient) in objective(value).grad(&inputs).into_iter().enumerate() {
        builder = builder.output(&format!("d{i}"), gradient);
    }
    let builder = if rewriting { builder } else { builder.without_rewriting() };
    builder.compile()
}

/// The sum of the elements with weights that differ.
pub(crate) fn objective(value: Expr<'_>) -> Expr<'_> {
    let shape = value.shape();
    if shape.rank() == 0 {
        return value;
    }
    let Some(sizes) = shape.iter().map(|d| d.size()).collect::<Option<Vec<usize>>>() else {
        // The same weights of two rows (of three) by the elements' places.
        let at = |axis: usize| value.graph().iota(value.dtype(), axis, &shape);
        let weights = match shape.last().and_then(|d| d.size()) {
            Some(3) => at(0).eq(0.0).select(
                1.0 - 3.5 * at(1) + 2.0 * at(1).square(),
                0.25 - 3.875 * at(1) + 2.125 * at(1).square(),
            ),
            _ => 1.0 - 1.5 * at(0),
        };
        return (value * weights).sum(..);
    };
    let weights = [1.0, -0.5, 2.0, 0.25, -1.5, 1.0].into_iter().cycle();
    let weights: Vec<f64> = weights.take(sizes.iter().product()).collect();
    let weights = Tensor::from_f64(value.dtype(), sizes, &weights).expect("as many as elements");
    (value * value.graph().literal(weights)).sum(..)
}

fn point(class: &Class, dtype: DType, values: &[f64]) -> Vec<(String, Tensor)> {
    let count: usize = class.shape.iter().product();
    assert_eq!(values.len(), count * class.inputs, "{}: a point has the elements of all inputs", class.name);
    let tensor = |v: &[f64]| {
        let v: Vec<f64> = v.iter().map(|x| rounded(dtype, *x)).collect();
        Tensor::from_f64(dtype, class.shape, &v).expect("as many as the shape says")
    };
    let inputs = values.chunks(count).enumerate().map(|(i, v)| (format!("x{i}"), tensor(v)));
    let labels = Tensor::from_f64(I64, [2], &LABELS.map(|l| l as f64)).expect("two labels");
    inputs.chain([("labels".to_string(), labels)]).collect()
}

fn named(point: &[(String, Tensor)]) -> Vec<(&str, Tensor)> {
    point.iter().map(|(n, t)| (n.as_str(), t.clone())).collect()
}
