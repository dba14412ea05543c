//! Programs as Python source for SymPy: every element of every array is an expression of its own, so that SymPy can
//! differentiate, simplify and evaluate what we did.
//!
//! Named sizes get numbers, and whole numbers (labels) values, since SymPy's elements have no indices.

use std::fmt::Write;

use dl_core::ops::{Binary, Contraction, Cumulative, Op, Reduce, Scatter, Unary};
use dl_core::{DType, Dims, Program, Scalar};

/// Characters of an expression from which on it is written on a line of its own.
const LONG: usize = 60;
/// Elements of a program at most.
const MOST: usize = 20_000;

/// A program as statements, and the expressions of its outputs.
pub struct Source {
    /// The names of the symbols, by input or parameter, element by element.
    pub symbols: Vec<(String, Vec<String>)>,
    /// `t1 = …`, a line each.
    pub lines: String,
    /// The elements of each output.
    pub outputs: Vec<(String, Vec<String>)>,
}

/// An array of expressions.
#[derive(Clone)]
struct Array {
    is_condition: bool,
    shape: Vec<usize>,
    elements: Vec<String>,
}

/// Writes a program with these sizes; `labels` gives the elements of inputs that are no real numbers.
///
/// # Errors
/// What has no counterpart in SymPy, or is too large.
pub fn source(
    program: &Program,
    dims: &Dims,
    labels: impl Fn(&str, usize) -> Vec<i64>,
    prefix: &str,
) -> Result<Source, String> {
    let mut writer = Writer { prefix, lines: String::new(), count: 0 };
    let mut symbols = vec![];
    let mut arrays: Vec<Array> = vec![];
    let mut total = 0;
    for node in program.nodes() {
        let shape = node.shape.eval(dims)?;
        let count: usize = shape.iter().product();
        total += count;
        if total > MOST {
            return Err(format!("more than {MOST} elements: choose smaller shapes"));
        }
        let args: Vec<&Array> = node.args.iter().map(|id| &arrays[id.index()]).collect();
        let elements = match &node.op {
            Op::Input(name) | Op::Parameter(name) if node.dtype.is_float() => {
                let own = names(name, &shape);
                symbols.push((name.to_string(), own.clone()));
                own
            }
            Op::Input(name) => labels(name, count).into_iter().map(|n| n.to_string()).collect(),
            op => writer.node(op, &shape, &args, node.dtype, dims)?,
        };
        debug_assert_eq!(elements.len(), count, "{}", node.op.name());
        arrays.push(Array { is_condition: node.dtype == DType::Bool, shape, elements });
    }
    let output = |o: &dl_core::program::Output| (o.name.to_string(), arrays[o.node.index()].elements.clone());
    let outputs = program.outputs().iter().map(output).collect();
    Ok(Source { symbols, lines: writer.lines, outputs })
}

/// A Python name for each element: `x`, or `x_0_1`.
fn names(name: &str, shape: &[usize]) -> Vec<String> {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '₀'..='₉' => char::from_digit(c as u32 - '₀' as u32, 10).unwrap_or('_'),
            c if c.is_alphanumeric() => c,
            _ => '_',
        })
        .collect();
    each(shape).map(|at| at.iter().fold(format!("v_{plain}"), |name, i| format!("{name}_{i}"))).collect()
}

/// All indices of a shape, row by row.
fn each(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let shape = shape.to_vec();
    (0..shape.iter().product::<usize>()).map(move |mut place| {
        let mut at = vec![0; shape.len()];
        for (i, n) in at.iter_mut().zip(&shape).rev() {
            *i = place % n;
            place /= n;
        }
        at
    })
}

fn place(shape: &[usize], at: &[usize]) -> usize {
    shape.iter().zip(at).fold(0, |place, (n, i)| place * n + i)
}

fn constant(value: Scalar) -> String {
    match value {
        Scalar::Int(n) => n.to_string(),
        Scalar::Bool(truth) => if truth { "true" } else { "false" }.into(),
        other => {
            let x = other.as_f64();
            if x.is_infinite() {
                if x > 0.0 { "oo".into() } else { "(-oo)".into() }
            } else if x.is_nan() {
                "nan".into()
            } else if x.fract() == 0.0 && x.abs() < 1e15 {
                format!("Integer({x})")
            } else {
                // The number that was written, not the nearest of f64.
                format!("Rational('{x}')")
            }
        }
    }
}

struct Writer<'p> {
    prefix: &'p str,
    lines: String,
    count: usize,
}

impl Writer<'_> {
    /// A long expression gets a line and a name.
    fn kept(&mut self, expression: String) -> String {
        if expression.len() <= LONG {
            return expression;
        }
        self.count += 1;
        let name = format!("{}t{}", self.prefix, self.count);
        let _ = writeln!(self.lines, "{name} = {expression}");
        name
    }

    fn node(
        &mut self,
        op: &Op,
        shape: &[usize],
        args: &[&Array],
        dtype: DType,
        dims: &Dims,
    ) -> Result<Vec<String>, String> {
        let count: usize = shape.iter().product();
        let all = |text: String| vec![text; count];
        let one = |i: usize| args[i].elements.iter();
        let made: Vec<String> = match op {
            Op::Constant(value) => all(constant(*value)),
            Op::Extent(dim) => all(dim.eval(dims)?.to_string()),
            Op::Iota(axis) => each(shape).map(|at| at[*axis].to_string()).collect(),
            Op::Unary(op) => one(0).map(|x| unary(*op, x)).collect::<Result<_, _>>()?,
            // Whole numbers are known.
            Op::Binary(op) if dtype == DType::I64 => {
                one(0).zip(one(1)).map(|(x, y)| whole(*op, x, y)).collect::<Result<_, _>>()?
            }
            Op::Binary(Binary::Ierfcx) => {
                return Err("there are no repeated integrals of erfc in SymPy".into());
            }
            Op::Binary(op) => one(0).zip(one(1)).map(|(x, y)| binary(*op, x, y)).collect(),
            Op::Select => one(0)
                .zip(one(1).zip(one(2)))
                .map(|(c, (a, b))| format!("Piecewise(({a}, {c}), ({b}, True))"))
                .collect(),
            // 1 where it holds.
            Op::Cast if args[0].is_condition && dtype != DType::Bool => {
                one(0).map(|c| format!("Piecewise((Integer(1), {c}), (Integer(0), True))")).collect()
            }
            Op::Cast | Op::Reshape | Op::Variable(_) | Op::Assume(_) => args[0].elements.clone(),
            Op::Reduce { kind, axes } => self.reduce(*kind, axes, shape, args[0]),
            Op::LogSumExp(axes) => {
                let powers = exponentials(args[0]);
                let sums = self.reduce(Reduce::Sum, axes, shape, &powers);
                sums.into_iter().map(|sum| format!("log({sum})")).collect()
            }
            Op::LogSoftmax(axes) => {
                let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
                let rest: Vec<usize> = kept.iter().map(|a| shape[*a]).collect();
                let sums = self.reduce(Reduce::Sum, axes, &rest, &exponentials(args[0]));
                let sum = |at: &[usize]| {
                    let own: Vec<usize> = kept.iter().map(|a| at[*a]).collect();
                    &sums[place(&rest, &own)]
                };
                each(shape).zip(one(0)).map(|(at, x)| format!("({x} - log({}))", sum(&at))).collect()
            }
            Op::Contract(c) => self.contract(c, shape, args[0], args[1]),
            Op::Permute(axes) => {
                let from = |at: Vec<usize>| {
                    let mut own = vec![0; at.len()];
                    axes.iter().zip(&at).for_each(|(a, i)| own[*a] = *i);
                    args[0].at(&own)
                };
                each(shape).map(from).collect()
            }
            Op::Broadcast(axes) => {
                let from = |at: Vec<usize>| args[0].at(&axes.iter().map(|a| at[*a]).collect::<Vec<_>>());
                each(shape).map(from).collect()
            }
            Op::Flip(axes) => {
                let from = |mut at: Vec<usize>| {
                    axes.iter().for_each(|a| at[*a] = shape[*a] - 1 - at[*a]);
                    args[0].at(&at)
                };
                each(shape).map(from).collect()
            }
            Op::Concat(axis) => {
                let from = |mut at: Vec<usize>| {
                    let mut part = 0;
                    while at[*axis] >= args[part].shape[*axis] {
                        at[*axis] -= args[part].shape[*axis];
                        part += 1;
                    }
                    args[part].at(&at)
                };
                each(shape).map(from).collect()
            }
            Op::Cumulative { kind: kind @ (Cumulative::Sum | Cumulative::Prod), axis, reverse } => {
                let sign = if *kind == Cumulative::Sum { " + " } else { "*" };
                let from = |at: Vec<usize>| {
                    let up_to = if *reverse { at[*axis]..shape[*axis] } else { 0..at[*axis] + 1 };
                    let own = up_to.map(|i| {
                        let mut at = at.clone();
                        at[*axis] = i;
                        args[0].at(&at)
                    });
                    format!("({})", own.collect::<Vec<_>>().join(sign))
                };
                each(shape).map(from).collect()
            }
            Op::Slice { starts, strides } => {
                let starts = starts.iter().map(|d| d.eval(dims)).collect::<Result<Vec<_>, _>>()?;
                let from = |at: Vec<usize>| {
                    let own: Vec<usize> = (0..at.len()).map(|a| starts[a] + at[a] * strides[a]).collect();
                    args[0].at(&own)
                };
                each(shape).map(from).collect()
            }
            Op::Pad { starts, strides, value } => {
                let starts = starts.iter().map(|d| d.eval(dims)).collect::<Result<Vec<_>, _>>()?;
                let mut all = all(constant(*value));
                for (at, x) in each(&args[0].shape).zip(one(0)) {
                    let own: Vec<usize> = (0..at.len()).map(|a| starts[a] + at[a] * strides[a]).collect();
                    all[place(shape, &own)].clone_from(x);
                }
                all
            }
            Op::Gather { axis, batch } => {
                let indices = args[1].numbers()?;
                let rank = args[1].shape.len();
                let from = |at: Vec<usize>| {
                    // The leading axes in step, those up to `axis`, the indices' own, the rest.
                    let own = axis - batch;
                    let (lead, rest) = at.split_at(*batch);
                    let (before, rest) = rest.split_at(own);
                    let (picked, after) = rest.split_at(rank - batch);
                    let index = indices[place(&args[1].shape, &[lead, picked].concat())];
                    args[0].at(&[lead, before, &[index], after].concat())
                };
                each(shape).map(from).collect()
            }
            Op::Scatter { kind: Scatter::Add, axis, batch } if *axis == *batch && axis + 1 == shape.len() => {
                let indices = args[0].numbers()?;
                let mut all = all("Integer(0)".into());
                for (at, (index, x)) in each(&args[0].shape).zip(indices.iter().zip(one(1))) {
                    let own = place(shape, &[&at[..], &[*index]].concat());
                    all[own] = x.clone();
                }
                all
            }
            other => return Err(format!("there is no {} for SymPy", other.name())),
        };
        Ok(made.into_iter().map(|expression| self.kept(expression)).collect())
    }

    fn reduce(&mut self, kind: Reduce, axes: &[usize], shape: &[usize], x: &Array) -> Vec<String> {
        let mut groups: Vec<Vec<&str>> = vec![vec![]; shape.iter().product()];
        for (at, element) in each(&x.shape).zip(&x.elements) {
            let own: Vec<usize> = (0..at.len()).filter(|a| !axes.contains(a)).map(|a| at[a]).collect();
            groups[place(shape, &own)].push(element);
        }
        let join = |group: Vec<&str>| match (kind, group.as_slice()) {
            (Reduce::Sum, []) => "Integer(0)".into(),
            (Reduce::Sum, all) => format!("({})", all.join(" + ")),
            (Reduce::Prod, []) => "Integer(1)".into(),
            (Reduce::Prod, all) => format!("({})", all.join(" * ")),
            (Reduce::Max, all) => format!("Max({})", all.join(", ")),
            (Reduce::Min, all) => format!("Min({})", all.join(", ")),
        };
        groups.into_iter().map(join).collect()
    }

    fn contract(&mut self, c: &Contraction, shape: &[usize], x: &Array, y: &Array) -> Vec<String> {
        let summed: Vec<u8> = c.summed().collect();
        let size = |label: &u8| {
            let of =
                |labels: &[u8], array: &Array| labels.iter().position(|l| l == label).map(|a| array.shape[a]);
            of(&c.lhs, x).or_else(|| of(&c.rhs, y)).unwrap_or(1)
        };
        let sizes: Vec<usize> = summed.iter().map(size).collect();
        let element = |at: Vec<usize>| {
            let terms = each(&sizes).map(|along| {
                let index = |label: &u8| match c.out.iter().position(|l| l == label) {
                    Some(a) => at[a],
                    None => along[summed.iter().position(|l| l == label).unwrap_or(0)],
                };
                let own =
                    |labels: &[u8], array: &Array| array.at(&labels.iter().map(index).collect::<Vec<_>>());
                format!("{}*{}", own(&c.lhs, x), own(&c.rhs, y))
            });
            format!("({})", terms.collect::<Vec<_>>().join(" + "))
        };
        each(shape).map(element).collect()
    }
}

impl Array {
    fn at(&self, at: &[usize]) -> String {
        self.elements[place(&self.shape, at)].clone()
    }

    fn numbers(&self) -> Result<Vec<usize>, String> {
        let number = |x: &String| x.parse().map_err(|_| "there are no computed indices for SymPy".to_owned());
        self.elements.iter().map(number).collect()
    }
}

fn whole(op: Binary, x: &str, y: &str) -> Result<String, String> {
    let number = |x: &str| x.parse::<i64>().map_err(|_| "there are no computed indices for SymPy".to_owned());
    let (x, y) = (number(x)?, number(y)?);
    let value = match op {
        Binary::Add => x.checked_add(y),
        Binary::Sub => x.checked_sub(y),
        Binary::Mul => x.checked_mul(y),
        Binary::Max => Some(x.max(y)),
        Binary::Min => Some(x.min(y)),
        Binary::FloorDivide | Binary::Remainder => op.value_i64().map(|f| f(x, y)),
        _ => None,
    };
    value
        .map(|value| value.to_string())
        .ok_or_else(|| format!("there is no {} of indices for SymPy", op.row().name))
}

fn exponentials(x: &Array) -> Array {
    Array {
        is_condition: false,
        shape: x.shape.clone(),
        elements: x.elements.iter().map(|x| format!("exp({x})")).collect(),
    }
}

fn unary(op: Unary, x: &str) -> Result<String, String> {
    Ok(match op {
        Unary::Neg => format!("(-{x})"),
        Unary::Abs => format!("Abs({x})"),
        Unary::Sign => format!("sign({x})"),
        Unary::Expm1 => format!("(exp({x}) - 1)"),
        Unary::Log1p => format!("log(1 + {x})"),
        Unary::Sigmoid => format!("(1/(1 + exp(-{x})))"),
        Unary::Softplus => format!("log(1 + exp({x}))"),
        Unary::Relu => format!("Max(0, {x})"),
        Unary::Not => format!("Not({x})"),
        Unary::IsFinite => "true".into(),
        Unary::Ceil => format!("ceiling({x})"),
        Unary::Log2 => format!("log({x}, 2)"),
        Unary::Exp2 => format!("(Integer(2)**({x}))"),
        Unary::Erfcx => format!("(exp(({x})**2)*erfc({x}))"),
        Unary::LogNdtr => format!("log(erfc(-({x})/sqrt(2))/2)"),
        Unary::Lgamma => format!("log(Abs(gamma({x})))"),
        Unary::Round => return Err("there is no rounding to the nearest even number in SymPy".into()),
        other => format!("{}({x})", other.row().name),
    })
}

fn binary(op: Binary, x: &str, y: &str) -> String {
    match op {
        Binary::Add => format!("({x} + {y})"),
        Binary::Sub => format!("({x} - {y})"),
        Binary::Mul => format!("({x}*{y})"),
        Binary::Div => format!("({x}/({y}))"),
        Binary::Pow => format!("(({x})**({y}))"),
        Binary::Max => format!("Max({x}, {y})"),
        Binary::Atan2 | Binary::Polygamma => format!("{}({x}, {y})", op.row().name),
        Binary::FloorDivide => format!("floor(({x})/({y}))"),
        Binary::Remainder => format!("Mod({x}, {y})"),
        Binary::Min => format!("Min({x}, {y})"),
        // Comparisons and the like have SymPy's names but for the capital letter.
        other => {
            let (first, rest) = other.row().name.split_at(1);
            format!("{}{rest}({x}, {y})", first.to_uppercase())
        }
    }
}
