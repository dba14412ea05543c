//! From a tree to the expressions of a graph.

use std::collections::HashMap;

use dl_core::ops::Reduce;
use dl_core::{DType, Dim, Expr, Graph, Shape, Site};

use super::function::{Means, Takes, function};
use super::mistake::{Mistake, Span};
use super::tree::{Kind, Node, Operator, Says, Statement};

/// A value for all indices that it depends on: its first axes are theirs, from the outermost on.
#[derive(Clone)]
struct Value<'g> {
    expr: Expr<'g>,
    /// Which of the indices around.
    along: Vec<usize>,
}

/// Builds the statements; the value of the last one.
pub(super) fn build<'g>(
    graph: &'g Graph,
    text: &str,
    statements: &[Statement],
    leaves: HashMap<String, Expr<'g>>,
    real: DType,
    file: Option<&(String, usize)>,
) -> Result<Expr<'g>, Mistake> {
    let mut builder = Builder { graph, text, file, real, values: leaves, indices: vec![] };
    let mut last = None;
    for statement in statements {
        let Says::Value(node) = &statement.says else { continue };
        let value = builder.node(node)?.expr;
        builder.check(&node.span)?;
        if let Some((name, span)) = &statement.name {
            if builder.values.contains_key(name) {
                return Err(Mistake::new(text, span.clone(), format!("{name} is defined or used before")));
            }
            let leaf = matches!(node.kind, Kind::Name(_) | Kind::Number(_));
            builder.values.insert(name.clone(), if leaf { value } else { value.named(name) });
        }
        last = Some(value);
    }
    last.ok_or_else(|| Mistake::new(text, 0..0, "no value: only shapes are declared"))
}

struct Builder<'g, 't> {
    graph: &'g Graph,
    text: &'t str,
    /// The file that the text stands in, and its first line there.
    file: Option<&'t (String, usize)>,
    /// The type of real numbers.
    real: DType,
    /// By name: what stands for inputs, and definitions.
    values: HashMap<String, Expr<'g>>,
    /// Those of sums around, with their sizes as far as they are known.
    indices: Vec<(String, Option<Dim>)>,
}

impl<'g> Builder<'g, '_> {
    /// What the graph has to say against what stands at a place.
    fn check(&self, span: &Span) -> Result<(), Mistake> {
        let Err(error) = self.graph.check() else { return Ok(()) };
        let what = error.faults().first().map_or_else(|| error.to_string(), |fault| fault.message.clone());
        Err(Mistake::new(self.text, span.clone(), what))
    }

    fn number(&self, value: f64) -> Value<'g> {
        Value { expr: self.graph.constant(self.real, value), along: vec![] }
    }

    fn node(&mut self, node: &Node) -> Result<Value<'g>, Mistake> {
        let site = self.file.map(|(file, first)| {
            let before = self.text.as_bytes()[..node.span.start].iter().filter(|byte| **byte == b'\n');
            Site { file: file.clone().into(), line: (first + before.count()) as u32 }
        });
        let graph = self.graph;
        let value = graph.placed(site, || self.part(node))?;
        self.check(&node.span)?;
        Ok(value)
    }

    fn part(&mut self, node: &Node) -> Result<Value<'g>, Mistake> {
        match &node.kind {
            Kind::Number(value) => Ok(self.number(*value)),
            Kind::Name(name) => match self.values.get(name) {
                Some(expr) => Ok(Value { expr: *expr, along: vec![] }),
                None => Ok(self.number(std::f64::consts::PI)),
            },
            Kind::Negative(x) => Ok(match x.kind {
                Kind::Number(value) => self.number(-value),
                _ => self.node(x)?.map(|x| -x),
            }),
            Kind::Transposed(x) => {
                let x = self.plain(x)?;
                let vector = x.shape().rank() < 2;
                Ok(Value { expr: if vector { x } else { x.transpose() }, along: vec![] })
            }
            Kind::Binary(Operator::Matrix, x, y) => {
                let (x, y) = (self.plain(x)?, self.plain(y)?);
                Ok(Value { expr: x.dot(y), along: vec![] })
            }
            Kind::Binary(Operator::Power, x, exponent) => self.power(x, exponent),
            Kind::Binary(operator, x, y) => {
                // Numbers stay numbers, as people write them.
                let (x, y) = (self.node(x)?, self.node(y)?);
                Ok(x.with(y, |x, y| match operator {
                    Operator::Add => x + y,
                    Operator::Subtract => x - y,
                    Operator::Multiply => x * y,
                    Operator::Divide => x / y,
                    Operator::Less => x.lt(y),
                    Operator::LessEqual => x.le(y),
                    Operator::Greater => x.gt(y),
                    Operator::GreaterEqual => x.ge(y),
                    Operator::Equal => x.eq(y),
                    Operator::NotEqual => x.ne(y),
                    Operator::Matrix | Operator::Power => unreachable!("taken before"),
                }))
            }
            Kind::Index(x, indices) => self.element(x, indices),
            Kind::Over(name, index, span, body) => self.over(name, index, span, body),
            Kind::Call(name, _, all) => self.call(node, name, all),
        }
    }

    /// A value that depends on no index.
    fn plain(&mut self, node: &Node) -> Result<Expr<'g>, Mistake> {
        let value = self.node(node)?;
        if value.along.is_empty() {
            return Ok(value.expr);
        }
        let what = "a product of matrices of elements with indices: write it as a sum over an index";
        Err(Mistake::new(self.text, node.span.clone(), what))
    }

    fn power(&mut self, x: &Node, exponent: &Node) -> Result<Value<'g>, Mistake> {
        let base = self.node(x)?;
        let written = match &exponent.kind {
            Kind::Number(n) => Some(*n),
            Kind::Negative(n) => match n.kind {
                Kind::Number(n) => Some(-n),
                _ => None,
            },
            _ => None,
        };
        Ok(match written {
            Some(2.0) => base.map(|x| x.square()),
            Some(3.0) => base.map(|x| x * x * x),
            Some(1.0) => base,
            Some(-1.0) => base.map(|x| 1.0 / x),
            Some(0.5) => base.map(|x| x.sqrt()),
            Some(n) => base.map(|x| x.pow(n)),
            None => {
                let exponent = self.node(exponent)?;
                base.with(exponent, |x, n| x.pow(n))
            }
        })
    }

    fn element(&mut self, x: &Node, indices: &[Node]) -> Result<Value<'g>, Mistake> {
        let mut expr = self.plain(x)?;
        let mut places = vec![];
        let mut axis = 0;
        for index in indices {
            match &index.kind {
                Kind::Number(n) => {
                    let at = *n as usize;
                    expr = expr.slice(axis, at, at + 1);
                    let mut dims: Vec<Dim> = expr.shape().iter().cloned().collect();
                    dims.remove(axis);
                    expr = expr.reshape(dims.into_iter().collect::<Shape>());
                }
                Kind::Name(name) => {
                    let place = self.indices.iter().position(|(other, _)| other == name);
                    let place = place.ok_or_else(|| {
                        Mistake::new(self.text, index.span.clone(), format!("{name} is no index here"))
                    })?;
                    self.indices[place].1.get_or_insert_with(|| expr.shape()[axis].clone());
                    places.push(place);
                    axis += 1;
                }
                _ => unreachable!("indices were looked at"),
            }
            self.check(&index.span)?;
        }
        let mut along = places.clone();
        along.sort_unstable();
        along.dedup();
        if places != along {
            let letter = |place: &usize| char::from(b'a' + (*place % 26) as u8);
            let (from, to): (String, String) =
                (places.iter().map(letter).collect(), along.iter().map(letter).collect());
            expr = self.graph.einsum(&format!("{from}->{to}"), &[expr]);
        }
        Ok(Value { expr, along })
    }

    fn over(&mut self, name: &str, index: &str, span: &Span, body: &Node) -> Result<Value<'g>, Mistake> {
        let place = self.indices.len();
        self.indices.push((index.to_owned(), None));
        let product = if name == "sum" { self.product(body, place) } else { Ok(None) };
        let value = match product {
            Ok(None) => self.node(body).map(|value| (value, true)),
            Ok(Some(product)) => Ok((product, false)),
            Err(mistake) => Err(mistake),
        };
        self.indices.pop();
        let (Value { expr, mut along }, is_open) = value?;
        if !is_open {
            return Ok(Value { expr, along });
        }
        if along.last() != Some(&place) {
            let what = format!("{index} does not occur as an index in what {name} goes over");
            return Err(Mistake::new(self.text, span.clone(), what));
        }
        along.pop();
        let axis = along.len() as isize;
        let expr = match name {
            "mean" => expr.mean(axis),
            "prod" => expr.reduce(Reduce::Prod, axis),
            "max" => expr.reduce(Reduce::Max, axis),
            "min" => expr.reduce(Reduce::Min, axis),
            _ => expr.sum(axis),
        };
        Ok(Value { expr, along })
    }

    /// The sum over the last index of a product of elements: what a product of matrices is.
    fn product(&mut self, body: &Node, place: usize) -> Result<Option<Value<'g>>, Mistake> {
        let mut factors = vec![];
        factors_of(body, &mut factors);
        let mut values = vec![];
        for factor in factors {
            values.push(self.node(factor)?);
        }
        let (with, without): (Vec<_>, Vec<_>) = values.into_iter().partition(|v| v.along.contains(&place));
        let elements =
            with.iter().all(|v| v.expr.shape().rank() == v.along.len() && v.expr.dtype() == self.real);
        if with.len() != 2 || !elements {
            return Ok(None);
        }
        let letter = |place: &usize| char::from(b'a' + (*place % 26) as u8);
        let letters = |v: &Value<'_>| v.along.iter().map(letter).collect::<String>();
        let mut along: Vec<usize> = with.iter().flat_map(|v| v.along.iter().copied()).collect();
        along.sort_unstable();
        along.dedup();
        along.retain(|other| *other != place);
        let to: String = along.iter().map(letter).collect();
        let spec = format!("{},{}->{to}", letters(&with[0]), letters(&with[1]));
        let sum = Value { expr: self.graph.einsum(&spec, &[with[0].expr, with[1].expr]), along };
        let all = without.into_iter().fold(sum, |sum, factor| factor.with(sum, |x, y| x * y));
        Ok(Some(all))
    }

    fn call(&mut self, node: &Node, name: &str, all: &[Node]) -> Result<Value<'g>, Mistake> {
        let mut values = all.iter().map(|x| self.node(x)).collect::<Result<Vec<_>, _>>()?;
        let of = function(name);
        let known = of.map(|f| f.means);
        let first = values.remove(0);
        // The sum of conditions is how many hold, their mean the share.
        let counts = first.expr.dtype() == DType::Bool && of.is_some_and(|f| f.takes == Takes::All);
        let first = if counts { first.map(|x| x.cast(self.real)) } else { first };
        let second = if values.is_empty() { None } else { Some(values.remove(0)) };
        let third = values.pop();
        Ok(match (known, second, third) {
            (Some(Means::One(one)), ..) if first.along.is_empty() || is_elementwise(name) => first.map(one),
            (Some(Means::Either(all, _)), None, _) if first.along.is_empty() => first.map(all),
            (Some(Means::Either(_, two)), Some(y), _) => first.with(y, two),
            (Some(Means::Two(two)), Some(y), _) => first.with(y, two),
            (Some(Means::Product), Some(y), _) if first.along.is_empty() && y.along.is_empty() => {
                first.with(y, |x, y| x.dot(y))
            }
            (Some(Means::Choice), Some(a), Some(b)) => {
                let pair = a.aligned(b);
                let (a, b) = (pair.0, pair.1);
                let (condition, a) = first.aligned(a);
                let (condition, b) = condition.aligned(b);
                Value { expr: condition.expr.select(a.expr, b.expr), along: condition.along }
            }
            _ => {
                let what = format!("{name} of elements with indices: write {name}(i, …) over an index");
                return Err(Mistake::new(self.text, node.span.clone(), what));
            }
        })
    }
}

fn is_elementwise(name: &str) -> bool {
    function(name).is_some_and(|f| f.takes == Takes::Elements)
}

/// The factors of a product, from left to right.
fn factors_of<'n>(node: &'n Node, all: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Binary(Operator::Multiply, x, y) => {
            factors_of(x, all);
            factors_of(y, all);
        }
        _ => all.push(node),
    }
}

impl<'g> Value<'g> {
    fn map(self, f: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Value<'g> {
        Value { expr: f(self.expr), along: self.along }
    }

    fn with(self, other: Value<'g>, f: impl FnOnce(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Value<'g> {
        let (x, y) = self.aligned(other);
        Value { expr: f(x.expr, y.expr), along: x.along }
    }

    /// Both with the axes of the same indices, and as many of their own.
    fn aligned(self, other: Value<'g>) -> (Value<'g>, Value<'g>) {
        if self.along == other.along {
            return (self, other);
        }
        let mut along: Vec<usize> = self.along.iter().chain(&other.along).copied().collect();
        along.sort_unstable();
        along.dedup();
        let own = |v: &Value<'g>| v.expr.shape().rank() - v.along.len();
        let rank = own(&self).max(own(&other));
        let wide = |v: Value<'g>| {
            if v.expr.shape().rank() == 0 {
                return Value { along: along.clone(), ..v };
            }
            let shape = v.expr.shape();
            let mut axes = shape.iter().cloned();
            let mut dims: Vec<Dim> = vec![];
            for place in &along {
                let has = v.along.contains(place);
                dims.push(if has { axes.next().unwrap_or(Dim::from(1)) } else { Dim::from(1) });
            }
            dims.extend((own(&v)..rank).map(|_| Dim::from(1)));
            dims.extend(axes);
            Value { expr: v.expr.reshape(dims.into_iter().collect::<Shape>()), along: along.clone() }
        };
        (wide(self), wide(other))
    }
}
