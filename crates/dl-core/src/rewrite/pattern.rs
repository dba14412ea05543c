//! Patterns: the two sides of a rule as text, parsed, matched against a graph and built again.
//!
//! ```text
//! x y z …        any expression              c k            any constant
//! 1 0.5          that constant               x + y, -x, …   as one writes them; + and * match both ways
//! exp(x)         a function of the tables    sum[r](x)      a reduction along the axes of the frame r
//! bc[r](y)       a value repeated back along the axes that r removed
//! select(x > 0, y, z)   stop(x)
//! ```
//!
//! A frame is a shape with the axes that a reduction removes from it; on both sides of a rule the
//! same letter is the same frame.

mod parse;

pub(crate) use self::parse::parse;

use crate::dtype::Scalar;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::rewrite::constants;
use crate::shape::Shape;

/// One side of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    /// Any expression, the same wherever the letter stands.
    Any(char),
    /// Any constant, the same wherever the letter stands.
    Constant(char),
    /// That number.
    Number(f64),
    Unary(Unary, Box<Pattern>),
    Binary(Binary, Box<Pattern>, Box<Pattern>),
    Reduce(Reduce, char, Box<Pattern>),
    Broadcast(char, Box<Pattern>),
    Select(Box<Pattern>, Box<Pattern>, Box<Pattern>),
    Stop(Box<Pattern>),
}

/// What the letters of a pattern stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings<'g> {
    values: Vec<(char, Expr<'g>)>,
    frames: Vec<(char, Frame)>,
}

/// A shape and the axes that a reduction removes from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The shape before the reduction.
    pub(crate) full: Shape,
    /// The axes that disappear.
    pub(crate) axes: Vec<usize>,
}

impl Frame {
    /// The axes that stay.
    pub(crate) fn kept(&self) -> Vec<usize> {
        (0..self.full.rank()).filter(|a| !self.axes.contains(a)).collect()
    }
}

impl<'g> Bindings<'g> {
    /// What a letter stands for.
    pub(crate) fn get(&self, letter: char) -> Option<Expr<'g>> {
        self.values.iter().find(|(l, _)| *l == letter).map(|(_, e)| *e)
    }

    /// The frame of a letter.
    pub(crate) fn frame(&self, letter: char) -> Option<&Frame> {
        self.frames.iter().find(|(l, _)| *l == letter).map(|(_, f)| f)
    }

    /// Gives a letter its value.
    #[cfg(test)]
    pub(crate) fn set(&mut self, letter: char, value: Expr<'g>) {
        self.values.push((letter, value));
    }

    /// Gives a letter its frame.
    #[cfg(test)]
    pub(crate) fn set_frame(&mut self, letter: char, frame: Frame) {
        self.frames.push((letter, frame));
    }

    fn bind(&mut self, letter: char, value: Expr<'g>) -> bool {
        match self.get(letter) {
            // Constants are equal by value: the same number has a node for each shape.
            Some(old) => {
                old == value || (old.as_constant().is_some() && old.as_constant() == value.as_constant())
            }
            None => {
                self.values.push((letter, value));
                true
            }
        }
    }

    fn bind_frame(&mut self, letter: char, frame: Frame) -> bool {
        match self.frame(letter) {
            Some(old) => *old == frame,
            None => {
                self.frames.push((letter, frame));
                true
            }
        }
    }
}

impl Pattern {
    /// The bindings under which the pattern is `expr`, if there are any.
    pub(crate) fn matches<'g>(&self, expr: Expr<'g>) -> Option<Bindings<'g>> {
        let mut bindings = Bindings::default();
        solve(Some(&Goal(self, expr, None)), &mut bindings).then_some(bindings)
    }

    /// The expression that the pattern describes, of that shape and of the element type of `like`.
    pub(crate) fn build<'g>(
        &self,
        bindings: &Bindings<'g>,
        like: Expr<'g>,
        shape: &Shape,
    ) -> Option<Expr<'g>> {
        let graph = like.graph();
        let build = |p: &Pattern, shape: &Shape| p.build(bindings, like, shape);
        Some(match self {
            Pattern::Any(l) | Pattern::Constant(l) => resized(bindings.get(*l)?, shape)?,
            Pattern::Number(x) => graph.full(like.dtype(), shape.clone(), *x),
            Pattern::Unary(op, x) => build(x, shape)?.apply(Op::Unary(*op), &[]),
            Pattern::Binary(op, x, y) => {
                let (x, y) = (build(x, shape)?, build(y, shape)?);
                match (x.as_constant(), y.as_constant()) {
                    (Some(a), Some(b)) => {
                        graph.full(x.dtype(), x.shape(), constants::combined(*op, x.dtype(), a, b)?)
                    }
                    _ => x.apply(Op::Binary(*op), &[y]),
                }
            }
            Pattern::Reduce(kind, l, x) => {
                let frame = bindings.frame(*l)?;
                build(x, &frame.full)?.reduce(*kind, frame.axes.clone())
            }
            Pattern::Broadcast(l, x) => {
                let frame = bindings.frame(*l)?;
                build(x, &frame.full.without(&frame.axes))?.broadcast_along(&frame.kept(), &frame.full)
            }
            Pattern::Select(c, x, y) => {
                build(c, shape)?.apply(Op::Select, &[build(x, shape)?, build(y, shape)?])
            }
            Pattern::Stop(x) => build(x, shape)?.stop_gradient(),
        })
    }

    /// Every letter for an expression, in order of appearance.
    #[cfg(test)]
    pub(crate) fn letters(&self) -> Vec<char> {
        let mut found = vec![];
        self.walk(&mut |p| {
            if let Pattern::Any(l) | Pattern::Constant(l) = p
                && !found.contains(l)
            {
                found.push(*l);
            }
        });
        found
    }

    /// The name of the node at which a match starts.
    pub(crate) fn root(&self) -> &'static str {
        match self {
            Pattern::Any(_) | Pattern::Constant(_) | Pattern::Number(_) => "constant",
            Pattern::Unary(op, _) => op.row().name,
            Pattern::Binary(op, ..) => op.row().name,
            Pattern::Reduce(kind, ..) => kind.name(),
            Pattern::Broadcast(..) => "broadcast",
            Pattern::Select(..) => "select",
            Pattern::Stop(_) => "stop_gradient",
        }
    }

    /// Visits every part, outermost first.
    #[cfg(test)]
    pub(crate) fn walk(&self, visit: &mut impl FnMut(&Pattern)) {
        visit(self);
        match self {
            Pattern::Any(_) | Pattern::Constant(_) | Pattern::Number(_) => {}
            Pattern::Unary(_, x) | Pattern::Reduce(_, _, x) | Pattern::Broadcast(_, x) | Pattern::Stop(x) => {
                x.walk(visit)
            }
            Pattern::Binary(_, x, y) => {
                x.walk(visit);
                y.walk(visit);
            }
            Pattern::Select(c, x, y) => {
                c.walk(visit);
                x.walk(visit);
                y.walk(visit);
            }
        }
    }
}

/// A constant in another shape; anything else must have it already.
fn resized<'g>(value: Expr<'g>, shape: &Shape) -> Option<Expr<'g>> {
    if value.shape() == *shape {
        return Some(value);
    }
    let number = value.as_constant()?;
    Some(value.graph().full(value.dtype(), shape.clone(), number))
}

/// What is left to match: a pattern against an expression, then the rest.
struct Goal<'p, 'g>(&'p Pattern, Expr<'g>, Option<&'p Goal<'p, 'g>>);

/// Matches all goals, trying both orders of commutative operations; bindings stay if it succeeds.
fn solve<'g>(goal: Option<&Goal<'_, 'g>>, bindings: &mut Bindings<'g>) -> bool {
    let Some(&Goal(pattern, expr, next)) = goal else {
        return true;
    };
    let bound = (bindings.values.len(), bindings.frames.len());
    let node = expr.node();
    let arg = |i: usize| expr.graph().expr(node.args[i]);
    let solved = match (pattern, &node.op) {
        (Pattern::Any(l), _) => bindings.bind(*l, expr) && solve(next, bindings),
        // Infinities and NaN stay where the author put them.
        (Pattern::Constant(l), Op::Constant(Scalar::Float(c))) => {
            c.is_finite() && bindings.bind(*l, expr) && solve(next, bindings)
        }
        (Pattern::Number(want), Op::Constant(value)) => value.as_f64() == *want && solve(next, bindings),
        (Pattern::Unary(want, x), Op::Unary(op)) if op == want => {
            solve(Some(&Goal(x, arg(0), next)), bindings)
        }
        (Pattern::Binary(want, x, y), Op::Binary(op)) if op == want => {
            let mut either_way = |i, j| {
                let y = Goal(y, arg(j), next);
                solve(Some(&Goal(x, arg(i), Some(&y))), bindings)
            };
            either_way(0, 1) || (op.is_commutative() && node.args[0] != node.args[1] && either_way(1, 0))
        }
        (Pattern::Reduce(want, l, x), Op::Reduce { kind, axes }) if kind == want => {
            let x = Goal(x, arg(0), next);
            let frame = Frame { full: x.1.shape(), axes: axes.clone() };
            bindings.bind_frame(*l, frame) && solve(Some(&x), bindings)
        }
        (Pattern::Broadcast(l, x), Op::Broadcast(kept)) => {
            let axes = (0..node.shape.rank()).filter(|a| !kept.contains(a)).collect();
            let frame = Frame { full: node.shape.clone(), axes };
            bindings.bind_frame(*l, frame) && solve(Some(&Goal(x, arg(0), next)), bindings)
        }
        (Pattern::Select(c, x, y), Op::Select) => {
            let y = Goal(y, arg(2), next);
            let x = Goal(x, arg(1), Some(&y));
            solve(Some(&Goal(c, arg(0), Some(&x))), bindings)
        }
        (Pattern::Stop(x), Op::StopGradient) => solve(Some(&Goal(x, arg(0), next)), bindings),
        _ => false,
    };
    if !solved {
        bindings.values.truncate(bound.0);
        bindings.frames.truncate(bound.1);
    }
    solved
}

impl Binary {
    /// True when the arguments may change places.
    pub(crate) fn is_commutative(self) -> bool {
        use Binary::{Add, And, Eq, Max, Min, Mul, Ne, Or};
        matches!(self, Add | Mul | Max | Min | Eq | Ne | And | Or)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::Named;
    use crate::dtype::DType;
    use crate::graph::Graph;

    fn check(pattern: &str, build: impl for<'g> Fn(&'g Graph) -> Expr<'g>, want: Option<&str>) {
        let g = Graph::new();
        let found = parse(pattern)
            .unwrap()
            .matches(build(&g))
            .map(|b| b.values.iter().map(|(l, e)| format!("{l}={e}")).collect::<Vec<_>>().join(" "));
        assert_eq!(found.as_deref(), want);
    }

    fn x(g: &Graph) -> Expr<'_> {
        g.input("x", DType::F64, (Named("B"), 3))
    }

    #[test]
    fn commutative_operations_match_both_ways() {
        check("log(1 + exp(x))", |g| (1.0 + x(g).exp()).log(), Some("x=x"));
        check("log(1 + exp(x))", |g| (x(g).exp() + 1.0).log(), Some("x=x"));
        check("log(1 + exp(x))", |g| (x(g).exp() + 2.0).log(), None);
        check("x*c + y*k", |g| 2.0 * x(g) + x(g).exp() * 3.0, Some("x=x c=2 y=(exp x) k=3"));
    }

    #[test]
    fn letters_bind_once() {
        check("x*x", |g| x(g) * x(g), Some("x=x"));
        check("x*x", |g| x(g) * x(g).exp(), None);
        check("y*exp(x) + x", |g| x(g) + x(g).exp() * x(g).sin(), Some("y=(sin x) x=x"));
    }

    #[test]
    fn frames_tie_reductions_to_broadcasts() {
        let g = Graph::new();
        // As many rows as columns, so that the shapes alone tell nothing.
        let e = g.input("x", DType::F64, (3, 3)).exp();
        let divided =
            |summed: usize, kept: usize| e / e.sum(vec![summed]).broadcast_along(&[kept], &e.shape());
        let (softmax, skewed) = (divided(1, 0), divided(1, 1));
        let matches = |pattern: &str, expr| parse(pattern).unwrap().matches(expr).is_some();
        assert!(matches("exp(x) / bc[r](sum[r](exp(x)))", softmax));
        assert!(!matches("exp(x) / bc[r](sum[r](exp(x)))", skewed));
        // Two frames are not tied, and one kind of reduction is not another.
        assert!(matches("exp(x) / bc[r](sum[s](exp(x)))", skewed));
        assert!(!matches("exp(x) / bc[r](max[r](exp(x)))", softmax));
    }

    #[test]
    fn what_is_parsed_is_built_again() {
        let g = Graph::new();
        let e = x(&g);
        let pattern = parse("select(x > 0, x + bc[r](sum[r](-x * 2)), stop(x ^ 3))").unwrap();
        let mut b = Bindings::default();
        b.set('x', e);
        b.set_frame('r', Frame { full: e.shape(), axes: vec![1] });
        let built = pattern.build(&b, e, &e.shape()).unwrap();
        assert!(pattern.matches(built).is_some());
        assert!(g.check().is_ok());
    }

    #[test]
    fn mistakes_are_reported() {
        assert!(parse("foo(x)").unwrap_err().contains("unknown function foo"));
        assert!(parse("exp(x").unwrap_err().contains("expected \")\""));
        assert!(parse("x + + y").is_err());
    }
}
