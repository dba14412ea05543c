//! Products, elements and the like: what is read by the ranks of its operands.

use crate::dim::Dim;
use crate::dtype::DType::{Bool, I64};
use crate::graph::Expr;
use crate::ops::{Contraction, Op};
use crate::print::index::indices;
use crate::print::names::pretty;
use crate::print::read::build::Builder;
use crate::print::read::split::top_level;
use crate::print::read::syntax::{Kind, Syntax, labels};
use crate::print::read::{Result, error};
use crate::shape::Shape;

impl<'g> Builder<'g> {
    /// Factors from left to right.
    pub(super) fn product(&self, at: usize, factors: &[Syntax<'_, 'g>]) -> Result<Expr<'g>> {
        let operand = |x: &Syntax<'_, 'g>| match &x.kind {
            Kind::Transpose(inner) => Ok((self.build(inner, &[])?, true)),
            _ => Ok((self.build(x, &[])?, false)),
        };
        let Some((first, rest)) = factors.split_first() else { return error(at, "expected factors") };
        let (mut left, mut transposed) = operand(first)?;
        for factor in rest {
            let (right, other) = operand(factor)?;
            left = self.matrices(factor.at, (left, transposed), (right, other))?;
            transposed = false;
        }
        Ok(left)
    }

    /// Vectors are columns, or rows where they are transposed.
    fn matrices(&self, at: usize, (a, row): (Expr<'g>, bool), (b, t): (Expr<'g>, bool)) -> Result<Expr<'g>> {
        let (left, right) = (a.shape(), b.shape());
        let spec = match (left.rank(), right.rank(), row, t) {
            (1, 1, true, false) => "k,k->",
            (1, 1, false, true) => "i,j->ij",
            (1, 2, true, false) => "k,kj->j",
            (1, 2, true, true) => "k,jk->j",
            (2, 1, false, false) => "ik,k->i",
            (2, 1, true, false) => "ki,k->i",
            (2, 2, false, false) => "ik,kj->ij",
            (2, 2, true, false) => "ki,kj->ij",
            (2, 2, false, true) => "ik,jk->ij",
            (2, 2, true, true) => "ki,jk->ij",
            (3.., 1, _, false) | (3.., 2, ..) => {
                let a = if row { a.transpose() } else { a };
                let b = if t { b.transpose() } else { b };
                return self.done(at, a.dot(b), || format!("{left} times {right} does not fit"));
            }
            _ => {
                let mark = |t| if t { " transposed" } else { "" };
                let what = format!("{left}{} times {right}{} is no matrix product", mark(row), mark(t));
                return error(at, what);
            }
        };
        self.done(at, a.contract(spec, b), || {
            format!("{left} times {right}: the inner sizes or types differ")
        })
    }

    /// A sum of products in index notation, if both factors have labels.
    pub(super) fn contraction(
        &self,
        at: usize,
        summed: &str,
        factors: &[Syntax<'_, 'g>],
        out: &[u8],
    ) -> Result<Option<Expr<'g>>> {
        let [left, right] = factors else { return Ok(None) };
        let (Some((x, lhs)), Some((y, rhs))) = (left.labelled(), right.labelled()) else { return Ok(None) };
        let summed = if summed.is_empty() { Some(vec![]) } else { labels(summed) };
        let Some(summed) = summed else { return Ok(None) };
        let contraction = Contraction { lhs, rhs, out: out.to_vec() };
        let own: Vec<u8> = contraction.summed().collect();
        if own != summed {
            return error(at, "the indices of the sum are not those that only the factors have");
        }
        let (x, y) = (self.build(x, &[])?, self.build(y, &[])?);
        let c = &contraction;
        // A number stands for an array of it, whose sizes the other factor says.
        let filled = |x: Expr<'g>, own: &[u8], y: Expr<'g>, other: &[u8]| {
            if x.shape().rank() > 0 || own.is_empty() {
                return Ok(x);
            }
            let other_shape = y.shape();
            let dim = |label: &u8| {
                let place = other.iter().position(|l| l == label);
                place.and_then(|a| other_shape.get(a)).cloned()
            };
            match own.iter().map(dim).collect::<Option<Vec<Dim>>>() {
                Some(dims) => self.repeated(at, x, &Shape::from(dims)),
                None => error(at, "a number for an array whose size nothing says"),
            }
        };
        let (x, y) = (filled(x, &c.lhs, y, &c.rhs)?, filled(y, &c.rhs, x, &c.lhs)?);
        let value = x.contract(&c.to_string(), y);
        let what = || format!("{} and {} do not fit the indices {c}", x.shape(), y.shape());
        self.done(at, value, what).map(Some)
    }

    /// Ones at labels; the shape beside it says how many classes there are.
    pub(super) fn one_hot(&self, at: usize, labels: &Syntax<'_, 'g>, hints: &[Shape]) -> Result<Expr<'g>> {
        let labels = self.index(at, self.build(labels, &[])?)?;
        let own = labels.shape();
        let fits = |hint: &&Shape| hint.rank() == own.rank() + 1 && hint[..own.rank()] == own[..];
        let Some(shape) = hints.iter().find(fits) else {
            return error(at, "one_hot: nothing beside it says how many classes there are");
        };
        let ones = self.repeated(at, self.number(at, 1.0)?, &own)?;
        let value = ones.scatter_add(own.rank(), own.rank(), labels, shape);
        self.done(at, value, || format!("one_hot of {}", labels.dtype()))
    }

    /// Whole numbers that count elements.
    fn index(&self, at: usize, x: Expr<'g>) -> Result<Expr<'g>> {
        let x = self.whole(x, I64).unwrap_or(x);
        match x.dtype() {
            I64 => Ok(x),
            dtype if dtype.is_float() || dtype == Bool => {
                error(at, format!("{dtype}: expected whole numbers"))
            }
            _ => Ok(x.cast(I64)),
        }
    }

    /// Elements at subscripts: ranges of a slice, or those that the last subscript counts.
    pub(super) fn element(
        &self,
        at: usize,
        x: Expr<'g>,
        subscripts: &str,
        last: Option<&Syntax<'_, 'g>>,
    ) -> Result<Expr<'g>> {
        let parts = top_level(subscripts, ", ");
        let shape = x.shape();
        if parts.len() > shape.rank() {
            return error(at, format!("{} subscripts of {shape}", parts.len()));
        }
        let Some(last) = last else {
            let mut value = x;
            for (axis, part) in parts.iter().enumerate().filter(|(_, part)| **part != ":") {
                let [start, end, by @ ..] = &part.split(':').collect::<Vec<_>>()[..] else {
                    return error(at, format!("the subscript {part} is no name and no range"));
                };
                let by = match by {
                    [] => Some(1),
                    [by] => by.parse().ok().filter(|by| *by > 0),
                    _ => None,
                };
                let (Some(start), Some(end), Some(by)) = (self.dim(start), self.dim(end), by) else {
                    return error(at, format!("the subscript {part} is no range"));
                };
                value = value.slice_by(axis, start, end, by);
            }
            return self.done(at, value, || format!("{subscripts} of {shape}"));
        };
        let letters: Vec<String> = indices(&shape).iter().map(|i| pretty(i).text).collect();
        let axis = parts.len() - 1;
        let batch = parts[..axis].iter().zip(&letters).take_while(|(part, own)| *part == own).count();
        if parts[batch..axis].iter().any(|part| *part != ":") {
            return error(at, format!("the subscripts {subscripts} of {shape}: expected its indices"));
        }
        let operand = match (batch, last.subscripted()) {
            (0, _) => last,
            (_, Some((operand, own))) if top_level(own, ", ") == parts[..batch] => operand,
            _ => return error(last.at, "expected a value with the same indices"),
        };
        let places = self.index(last.at, self.build(operand, &[])?)?;
        let value = x.apply(Op::Gather { axis, batch }, &[places]);
        self.done(at, value, || format!("elements of {shape} at {}", places.shape()))
    }

    /// Operations that formulas write by name, with their parameters.
    pub(super) fn call(
        &self,
        at: usize,
        name: &str,
        parameters: &str,
        x: Option<&Syntax<'_, 'g>>,
    ) -> Result<Expr<'g>> {
        let unknown = || format!("the parameters {parameters} of {name}");
        let parts: Vec<&str> = parameters.split(';').collect();
        let list = |text: &str| text.split(',').map(|dim| self.dim(dim)).collect::<Option<Vec<Dim>>>();
        match (name, parts.as_slice(), x) {
            ("iota", [axis, shape], None) => {
                let (Ok(axis), Some(shape)) = (axis.parse(), list(shape)) else {
                    return error(at, unknown());
                };
                let shape = Shape::from(shape);
                if axis >= shape.rank() {
                    return error(at, unknown());
                }
                self.done(at, self.graph.iota(I64, axis, shape), unknown)
            }
            ("flip", [axes], Some(x)) => {
                let x = self.build(x, &[])?;
                let axes = axes.split(',').map(|axis| axis.parse().ok()).collect::<Option<Vec<usize>>>();
                let Some(axes) = axes else {
                    return error(at, unknown());
                };
                self.done(at, x.flip(axes), unknown)
            }
            ("pad", [ranges, shape], Some(x)) => {
                let (ranges, Some(shape)) = (ranges.split(',').collect::<Vec<_>>(), list(shape)) else {
                    return error(at, unknown());
                };
                if ranges.len() != shape.len() {
                    return error(at, unknown());
                }
                let x = self.build(x, &[])?;
                let own = x.shape();
                let bound = |axis: usize, range: &str| match range.split(':').collect::<Vec<_>>()[..] {
                    ["", ""] => Some((Dim::Size(0), shape[axis].clone())),
                    [start, end] => self.dim(start).zip(self.dim(end)),
                    // The operand says how far it goes.
                    [start] => {
                        self.dim(start).zip(own.get(axis)).map(|(start, n)| (start.clone(), &start + n))
                    }
                    _ => None,
                };
                let bounds = ranges.iter().enumerate().map(|(axis, range)| bound(axis, range));
                let Some(bounds) = bounds.collect::<Option<Vec<(Dim, Dim)>>>() else {
                    return error(at, unknown());
                };
                let small: Shape = bounds.iter().map(|(start, end)| end - start).collect();
                let mut value = self.repeated(at, x, &small)?;
                for (axis, ((start, end), large)) in bounds.iter().zip(&shape).enumerate() {
                    value = value.pad(axis, start.clone(), large - end, 0.0);
                }
                self.done(at, value, unknown)
            }
            _ => error(at, format!("{}: its formula does not say all that it is", unknown())),
        }
    }

    /// A size as parameters and ranges write it: terms of names and numbers.
    fn dim(&self, text: &str) -> Option<Dim> {
        let mut sum = Dim::Size(0);
        let signed = text.replace('-', "+-");
        for term in signed.split('+').skip_while(|term| term.is_empty()) {
            let (minus, term) = term.strip_prefix('-').map_or((1, term), |term| (-1, term));
            let mut product = Dim::Size(minus);
            for factor in term.split("\\cdot ") {
                let factor = match factor.parse::<u32>() {
                    Ok(size) => Dim::Size(i64::from(size)),
                    Err(_) => self.size(factor)?,
                };
                product = &product * &factor;
            }
            sum = &sum + &product;
        }
        (sum != Dim::Overflow).then_some(sum)
    }

    fn size(&self, name: &str) -> Option<Dim> {
        let inputs = self.graph.input_decls().into_iter().map(|d| d.shape);
        let shapes: Vec<Shape> =
            inputs.chain(self.graph.parameter_decls().into_iter().map(|d| d.shape)).collect();
        let dims = shapes.iter().flat_map(|shape| shape.iter());
        let mut names = dims.flat_map(Dim::names);
        names.find(|own| **own == *name).map(|own| Dim::named(&own))
    }
}
