//! The three checks of a derivative: along a random line, against its transpose, and of the gradient itself.

use dl_core::interp::eval_expr;
use dl_core::ops::random::uniform;
use dl_core::{Dims, Expr, F64, Graph, Shape, Tensor};

/// A function of inputs that are drawn from a range.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Of the inputs; the dimension `B` has the size 4.
    pub(crate) shapes: Vec<Shape>,
    /// From which the inputs' elements are drawn.
    pub(crate) range: (f64, f64),
    pub(crate) function: Box<Function>,
}

pub(crate) type Function = dyn for<'g> Fn(&[Expr<'g>]) -> Expr<'g>;

/// How far a difference quotient may be off, relative to the size of the numbers.
const DIFFERENCE: f64 = 2e-7;
/// How far two ways to compute the same may be off.
const ROUNDING: f64 = 1e-12;
const STEP: f64 = 1e-5;
const SEEDS: std::ops::Range<u64> = 0..3;

impl Case {
    /// The inputs and the value.
    pub(crate) fn build<'g>(&self, graph: &'g Graph) -> (Vec<Expr<'g>>, Expr<'g>) {
        let xs = self.inputs(graph, "x");
        let y = (self.function)(&xs);
        (xs, y)
    }

    fn inputs<'g>(&self, graph: &'g Graph, name: &str) -> Vec<Expr<'g>> {
        let input = |(i, shape): (usize, &Shape)| graph.input(&format!("{name}{i}"), F64, shape);
        self.shapes.iter().enumerate().map(input).collect()
    }

    /// Values for all inputs of the graph, `x` moved by `step` along `v`.
    fn point(&self, graph: &Graph, seed: u64, step: f64) -> Vec<(String, Tensor)> {
        let sizes = Dims::new().with("B", 4);
        let draw = |name: &str, shape: &[usize], low: f64, high: f64| -> Vec<f64> {
            let stream = name.bytes().fold(0, |n, b| 31 * n + u64::from(b));
            let n = shape.iter().product::<usize>() as u64;
            (0..n).map(|i| low + (high - low) * f64::from(uniform(seed, 0, stream, i))).collect()
        };
        let value = |decl: &dl_core::graph::InputDecl| {
            let (name, shape) = (decl.name.to_string(), decl.shape.eval(&sizes).expect("only B has no size"));
            let mut values = match name.strip_prefix('x') {
                Some(_) => draw(&name, &shape, self.range.0, self.range.1),
                None => draw(&name, &shape, -1.0, 1.0),
            };
            if let Some(i) = name.strip_prefix('x') {
                let direction = draw(&format!("v{i}"), &shape, -1.0, 1.0);
                values.iter_mut().zip(direction).for_each(|(x, v)| *x += step * v);
            }
            (name, Tensor::new(shape, values).expect("as many as the shape says"))
        };
        graph.input_decls().iter().map(value).collect()
    }

    fn eval(&self, expr: Expr<'_>, seed: u64, step: f64) -> Vec<f64> {
        let values = self.point(expr.graph(), seed, step);
        let values: Vec<(&str, Tensor)> = values.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
        eval_expr(expr, &values).unwrap_or_else(|e| panic!("{}: {e}", self.name)).to_f64()
    }

    fn difference(&self, expr: Expr<'_>, seed: u64) -> Vec<f64> {
        let (up, down) = (self.eval(expr, seed, STEP), self.eval(expr, seed, -STEP));
        up.iter().zip(down).map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
    }

    fn compare(&self, what: &str, got: &[f64], want: &[f64], tolerance: f64) {
        let scale = want.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        for (g, w) in got.iter().zip(want) {
            let close = (g - w).abs() <= tolerance * scale;
            assert!(close, "{}: {what}: got {got:?}, expected {want:?}", self.name);
        }
        assert_eq!(got.len(), want.len());
    }
}

/// A scalar that weighs every element differently and is not linear in any.
fn objective<'g>(y: Expr<'g>) -> Expr<'g> {
    let (graph, shape) = (y.graph(), y.shape());
    let (a, b) = (graph.input("weight", F64, &shape), graph.input("curvature", F64, &shape));
    (y * a + y * y * b).sum(..)
}

fn along<'g>(gradients: &[Expr<'g>], directions: &[Expr<'g>]) -> Expr<'g> {
    let terms = gradients.iter().zip(directions).map(|(g, v)| (*g * *v).sum(..));
    terms.reduce(|a, b| a + b).expect("a case has an input")
}

/// The gradient along a line is the slope of the objective on that line.
pub(crate) fn gradient(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let (xs, y) = case.build(&graph);
        let j = objective(y);
        let slope = along(&j.grad(&xs), &case.inputs(&graph, "v"));
        case.compare("slope", &case.eval(slope, seed, 0.0), &case.difference(j, seed), DIFFERENCE);
    }
}

/// Forward mode gives the difference, and `⟨u, Jv⟩ = ⟨Jᵀu, v⟩`.
pub(crate) fn transpose(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let (xs, y) = case.build(&graph);
        let vs = case.inputs(&graph, "v");
        let u = graph.input("u", F64, y.shape());
        let tangent = y.jvp(&xs, &vs);
        case.compare("tangent", &case.eval(tangent, seed, 0.0), &case.difference(y, seed), DIFFERENCE);
        let forward = case.eval((tangent * u).sum(..), seed, 0.0);
        let reverse = case.eval(along(&y.vjp(&xs, u), &vs), seed, 0.0);
        case.compare("transpose", &forward, &reverse, ROUNDING);
    }
}

/// The product with the Hessian is the difference of gradients.
pub(crate) fn curvature(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let (xs, y) = case.build(&graph);
        let vs = case.inputs(&graph, "v");
        let j = objective(y);
        for (product, gradient) in j.hvp(&xs, &vs).into_iter().zip(j.grad(&xs)) {
            let want = case.difference(gradient, seed);
            case.compare("curvature", &case.eval(product, seed, 0.0), &want, DIFFERENCE);
        }
    }
}
