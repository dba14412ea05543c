//! From the parts of a formula to values of a graph: what formulas leave out follows from shapes.

use crate::dim::Dim;
use crate::dtype::DType::{self, F32, F64, I64};
use crate::graph::{Expr, Graph};
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::print::form::Along;
use crate::print::index::indices;
use crate::print::names::pretty;
use crate::print::read::split::top_level;
use crate::print::read::syntax::{Kind, Syntax};
use crate::print::read::{Result, error};
use crate::shape::Shape;

pub(super) struct Builder<'g> {
    pub(super) graph: &'g Graph,
    /// The type of numbers that stand alone.
    float: DType,
}

impl<'g> Builder<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        let types: Vec<DType> = graph.input_decls().iter().map(|d| d.dtype).collect();
        let parameters = graph.parameter_decls();
        let has = |dtype| types.contains(&dtype) || parameters.iter().any(|d| d.dtype == dtype);
        Builder { graph, float: if has(F32) && !has(F64) { F32 } else { F64 } }
    }

    /// The value of a formula, of that shape if one is expected.
    pub(super) fn value(&self, syntax: &Syntax<'_, 'g>, shape: Option<&Shape>) -> Result<Expr<'g>> {
        let hints: Vec<Shape> = shape.into_iter().cloned().collect();
        let value = self.build(syntax, &hints)?;
        match shape {
            Some(shape) => self.repeated(syntax.at, value, shape),
            None => Ok(value),
        }
    }

    /// What was built, unless it did not fit.
    pub(super) fn done(&self, at: usize, value: Expr<'g>, what: impl FnOnce() -> String) -> Result<Expr<'g>> {
        if value.is_poison() { error(at, what()) } else { Ok(value) }
    }

    pub(super) fn build(&self, syntax: &Syntax<'_, 'g>, hints: &[Shape]) -> Result<Expr<'g>> {
        let at = syntax.at;
        match &syntax.kind {
            Kind::Value(x) => Ok(*x),
            Kind::Size(dim) => Ok(self.graph.extent(self.float, dim.clone())),
            Kind::Number(x) => self.number(at, *x),
            Kind::Truth(truth) => Ok(self.graph.constant(DType::Bool, f64::from(u8::from(*truth)))),
            Kind::Unary(op, x) => {
                let x = self.build(x, hints)?;
                match (op, x.as_constant()) {
                    (Unary::Neg, Some(number)) if x.shape().rank() == 0 => self.number(at, -number),
                    _ => self.unary(at, *op, x),
                }
            }
            Kind::Binary(op, x, y) => self.both(at, *op, x, y, hints),
            Kind::Chain(first, rest) => self.chain(first, rest, hints),
            Kind::Product(factors) => self.product(at, factors),
            Kind::Square(x) => {
                let x = self.build(x, hints)?;
                self.binary(at, Binary::Mul, x, x)
            }
            Kind::Transpose(x) => {
                let x = self.build(x, &[])?;
                self.done(at, x.transpose(), || format!("the transpose of {}: expected two axes", x.shape()))
            }
            Kind::Mean { count, sum } => {
                let count = match size(count) {
                    Some(dim) => match dim.size() {
                        Some(n) => self.number(at, n as f64)?,
                        None => self.graph.extent(self.float, dim),
                    },
                    None => return error(count.at, "expected how many there are"),
                };
                let sum = self.build(sum, &[])?;
                self.binary(at, Binary::Div, sum, count)
            }
            Kind::Reduce { kind, indices, x } => {
                if let (Reduce::Sum, Kind::Product(factors)) = (kind, &x.kind)
                    && let Some(sum) = self.contraction(at, indices, factors, &[])?
                {
                    return Ok(sum);
                }
                let x = self.build(x, &[])?;
                let axes = self.axes(at, indices, x)?;
                self.done(at, x.reduce(*kind, axes), || format!("{} of {}", kind.name(), x.dtype()))
            }
            Kind::Along { function, indices, x } => {
                let x = self.build(x, hints)?;
                let axes = self.axes(at, indices, x)?;
                let value = match function {
                    Along::LogSumExp => x.apply(Op::LogSumExp(axes), &[]),
                    Along::LogSoftmax => x.apply(Op::LogSoftmax(axes), &[]),
                    Along::Softmax => x.apply(Op::LogSoftmax(axes), &[]).exp(),
                };
                self.done(at, value, || format!("softmax of {}: expected a float", x.dtype()))
            }
            Kind::ArgReduce { kind, indices, x } => {
                let x = self.build(x, &[])?;
                let [axis] = self.axes(at, indices, x)?[..] else {
                    return error(at, "expected one index");
                };
                let value = x.apply(Op::ArgReduce { kind: *kind, axis }, &[]);
                self.done(at, value, || format!("the place of an extreme element of {}", x.shape()))
            }
            Kind::Inner(x, y) => {
                let (x, y) = (self.build(x, &[])?, self.build(y, &[])?);
                if x.shape() != y.shape() {
                    return error(at, format!("{} beside {}: expected equal shapes", x.shape(), y.shape()));
                }
                let product = self.binary(at, Binary::Mul, x, y)?;
                self.done(at, product.sum(..), || "expected numbers".into())
            }
            Kind::Cases { condition, then, otherwise } => self.cases(at, [condition, then, otherwise], hints),
            Kind::Bracket(x) => {
                let condition = self.build(x, hints)?;
                if condition.dtype() != DType::Bool {
                    return error(x.at, format!("{}: expected a condition", condition.dtype()));
                }
                Ok(condition.cast(self.float))
            }
            Kind::OneHot(labels) => self.one_hot(at, labels, hints),
            Kind::At { x, subscripts, last } => {
                if let (Kind::Bracket(inside), Some((_, out))) = (&x.kind, syntax.labelled()) {
                    let (summed, product) = match &inside.kind {
                        Kind::Reduce { kind: Reduce::Sum, indices, x } => (*indices, &x.kind),
                        other => ("", other),
                    };
                    if let Kind::Product(factors) = product
                        && let Some(value) = self.contraction(at, summed, factors, &out)?
                    {
                        return Ok(value);
                    }
                }
                let x = self.build(x, &[])?;
                self.element(at, x, subscripts, last.as_deref())
            }
            Kind::Call { name, parameters, x } => self.call(at, name, parameters, x.as_deref()),
        }
    }

    pub(super) fn number(&self, at: usize, x: f64) -> Result<Expr<'g>> {
        self.done(at, self.graph.constant(self.float, x), || format!("{x} is no {}", self.float))
    }

    fn unary(&self, at: usize, op: Unary, x: Expr<'g>) -> Result<Expr<'g>> {
        // Whole numbers and sizes become what the function takes.
        let x = if x.dtype() == I64 && op != Unary::Neg && op != Unary::Abs { x.cast(self.float) } else { x };
        let value = x.apply(Op::Unary(op), &[]);
        self.done(at, value, || format!("{} of {}", op.row().name, x.dtype()))
    }

    fn both(
        &self,
        at: usize,
        op: Binary,
        x: &Syntax<'_, 'g>,
        y: &Syntax<'_, 'g>,
        hints: &[Shape],
    ) -> Result<Expr<'g>> {
        let (x, y) = match x.is_open() {
            true => {
                let y = self.build(y, hints)?;
                (self.build(x, &beside(hints, y))?, y)
            }
            false => {
                let x = self.build(x, hints)?;
                (x, self.build(y, &beside(hints, x))?)
            }
        };
        self.binary(at, op, x, y)
    }

    fn chain(
        &self,
        first: &Syntax<'_, 'g>,
        rest: &[(Binary, Syntax<'_, 'g>)],
        hints: &[Shape],
    ) -> Result<Expr<'g>> {
        let mut hints = hints.to_vec();
        let all: Vec<&Syntax<'_, 'g>> = std::iter::once(first).chain(rest.iter().map(|(_, x)| x)).collect();
        let mut values = vec![None; all.len()];
        for open in [false, true] {
            for (place, x) in all.iter().enumerate().filter(|(_, x)| x.is_open() == open) {
                let value = self.build(x, &hints)?;
                if !hints.contains(&value.shape()) {
                    hints.push(value.shape());
                }
                values[place] = Some(value);
            }
        }
        let mut values = values.into_iter().flatten();
        let mut left = values.next().map_or_else(|| error(first.at, "expected a value"), Ok)?;
        for ((op, x), right) in rest.iter().zip(values) {
            left = self.binary(x.at, *op, left, right)?;
        }
        Ok(left)
    }

    pub(super) fn binary(&self, at: usize, op: Binary, x: Expr<'g>, y: Expr<'g>) -> Result<Expr<'g>> {
        let (x, y) = self.alike(at, x, y)?;
        // Whole numbers are divided as reals.
        let [x, y] = [x, y].map(|x| {
            let whole = x.dtype() == I64 && matches!(op, Binary::Div | Binary::Pow);
            if whole { x.cast(self.float) } else { x }
        });
        let shape = self.common(at, x, y)?;
        let (x, y) = (self.repeated(at, x, &shape)?, self.repeated(at, y, &shape)?);
        self.done(at, x.apply(Op::Binary(op), &[y]), || format!("{} of {}", op.row().name, x.dtype()))
    }

    fn cases(
        &self,
        at: usize,
        [condition, then, otherwise]: [&Syntax<'_, 'g>; 3],
        hints: &[Shape],
    ) -> Result<Expr<'g>> {
        let c = self.build(condition, hints)?;
        if c.dtype() != DType::Bool {
            return error(condition.at, format!("{}: expected a condition", c.dtype()));
        }
        let hints = beside(hints, c);
        let (a, b) = (self.build(then, &hints)?, self.build(otherwise, &hints)?);
        let (a, b) = self.alike(at, a, b)?;
        let shape = self.common(at, a, b)?;
        let a = self.repeated(at, a, &shape)?;
        let shape = self.common(at, c, a)?;
        let [c, a, b] = [c, a, b].map(|x| self.repeated(at, x, &shape));
        let value = c?.apply(Op::Select, &[a?, b?]);
        self.done(at, value, || "the cases do not fit together".into())
    }

    /// Both in one element type: formulas do not show that whole numbers become floats.
    fn alike(&self, at: usize, x: Expr<'g>, y: Expr<'g>) -> Result<(Expr<'g>, Expr<'g>)> {
        let (a, b) = (x.dtype(), y.dtype());
        match (a, b) {
            _ if a == b => Ok((x, y)),
            _ if a == DType::Bool || b == DType::Bool => error(at, format!("{a} beside {b}")),
            _ if a.is_float() && b.is_float() => {
                error(at, format!("{a} beside {b}: formulas do not show which of them was made the other"))
            }
            _ if a.is_float() => self.whole(x, b).map_or_else(|| Ok((x, y.cast(a))), |x| Ok((x, y))),
            _ if b.is_float() => self.whole(y, a).map_or_else(|| Ok((x.cast(b), y)), |y| Ok((x, y))),
            _ => Ok((x.cast(I64), y.cast(I64))),
        }
    }

    /// A number or a size as a whole number, if it is one.
    pub(super) fn whole(&self, x: Expr<'g>, dtype: DType) -> Option<Expr<'g>> {
        match &x.node().op {
            Op::Constant(value) if value.as_f64().fract() == 0.0 && value.as_f64().abs() < 1e15 => {
                Some(self.graph.full(dtype, x.shape(), value.as_f64()))
            }
            Op::Extent(dim) => Some(self.graph.extent(dtype, dim.clone())),
            _ => None,
        }
    }

    /// The shape of both together.
    fn common(&self, at: usize, x: Expr<'g>, y: Expr<'g>) -> Result<Shape> {
        let (a, b) = (x.shape(), y.shape());
        let larger = |small: &Shape, large: &Shape| match places(small, large) {
            Places::One(_) => Some(Ok(large.clone())),
            Places::Many => Some(error(
                at,
                format!(
                    "{small} could repeat in {large} along more than one axis: formulas do not show which"
                ),
            )),
            Places::None => None,
        };
        larger(&a, &b)
            .or_else(|| larger(&b, &a))
            .unwrap_or_else(|| a.broadcast(&b).or_else(|message| error(at, message)))
    }

    /// The value repeated to a shape, in the one place where it fits; axes of size one are not seen.
    pub(super) fn repeated(&self, at: usize, x: Expr<'g>, shape: &Shape) -> Result<Expr<'g>> {
        let own = x.shape();
        if own == *shape {
            return Ok(x);
        }
        let value = match places(&own, shape) {
            Places::One(axes) => x.broadcast_along(&axes, shape),
            Places::Many => {
                let what = format!("{own} could repeat in {shape} along more than one axis");
                return error(at, what);
            }
            Places::None => {
                let long = |s: &Shape| -> Vec<Dim> { s.iter().filter(|d| !d.is_one()).cloned().collect() };
                if long(&own) == long(shape) { x.reshape(shape.clone()) } else { x.broadcast_to(shape) }
            }
        };
        self.done(at, value, || format!("{own} does not fit {shape}"))
    }

    /// The axes of indices between commas.
    pub(super) fn axes(&self, at: usize, text: &str, x: Expr<'g>) -> Result<Vec<usize>> {
        let known: Vec<String> = indices(&x.shape()).iter().map(|i| pretty(i).text).collect();
        let axis = |letter: &str| {
            let found = known.iter().position(|own| own == letter);
            found.map_or_else(|| error(at, format!("no axis of {} has the index {letter}", x.shape())), Ok)
        };
        let mut axes: Vec<usize> = top_level(text, ", ").into_iter().map(axis).collect::<Result<_>>()?;
        axes.sort_unstable();
        if axes.windows(2).any(|two| two[0] == two[1]) {
            return error(at, "expected different indices");
        }
        Ok(axes)
    }
}

/// A size, if that is what stands there.
fn size(syntax: &Syntax<'_, '_>) -> Option<Dim> {
    let dim = match &syntax.kind {
        Kind::Size(dim) => dim.clone(),
        Kind::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => Dim::Size(*n as i64),
        Kind::Square(x) => size(x).map(|dim| &dim * &dim)?,
        Kind::Chain(first, rest) => rest.iter().try_fold(size(first)?, |left, (op, x)| match op {
            Binary::Mul => Some(&left * &size(x)?),
            Binary::Add => Some(&left + &size(x)?),
            Binary::Sub => Some(&left - &size(x)?),
            _ => None,
        })?,
        _ => return None,
    };
    (dim != Dim::Overflow).then_some(dim)
}

/// Where a shape fits into a larger one.
enum Places {
    None,
    One(Vec<usize>),
    Many,
}

/// The axes of `large`, in order, that are those of `small`.
fn places(small: &Shape, large: &Shape) -> Places {
    // From the left and from the right: there is one place only if both are the same.
    let mut axes = 0..large.rank();
    let left: Option<Vec<usize>> = small.iter().map(|dim| axes.find(|a| large[*a] == *dim)).collect();
    let mut axes = (0..large.rank()).rev();
    let right: Option<Vec<usize>> = small.iter().rev().map(|dim| axes.find(|a| large[*a] == *dim)).collect();
    match (left, right) {
        (Some(left), Some(mut right)) => {
            right.reverse();
            if left == right { Places::One(left) } else { Places::Many }
        }
        _ => Places::None,
    }
}

fn beside<'g>(hints: &[Shape], x: Expr<'g>) -> Vec<Shape> {
    hints.iter().cloned().chain([x.shape()]).collect()
}
