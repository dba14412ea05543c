//! The three checks of a derivative: along a random line, against its transpose, and of the gradient itself.

use dl_core::interp::eval_expr;
use dl_core::{Expr, F64, Graph, Tensor};

use super::library::{Case, draw, sizes};

/// How far a difference quotient may be off, relative to the size of the numbers.
const DIFFERENCE: f64 = 2e-7;
/// How far two ways to compute the same may be off.
const ROUNDING: f64 = 1e-12;
const STEP: f64 = 1e-5;
const SEEDS: std::ops::Range<u64> = 0..3;

/// A case in a graph, with a direction for each variable.
struct Line<'g> {
    case: &'g Case,
    graph: &'g Graph,
    variables: Vec<Expr<'g>>,
    directions: Vec<Expr<'g>>,
    value: Expr<'g>,
}

impl<'g> Line<'g> {
    fn new(case: &'g Case, graph: &'g Graph) -> Self {
        let scene = case.build(graph, F64);
        graph.check().unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let variables = scene.variables;
        let directions = variables.iter().map(|x| graph.input(&direction(*x), F64, x.shape())).collect();
        Line { case, graph, variables, directions, value: scene.value }
    }

    /// Values for all inputs and parameters of the graph, the variables moved by `step` along their directions.
    fn point(&self, seed: u64, step: f64) -> Vec<(String, Tensor)> {
        let mut values = self.case.values(seed, F64);
        for decl in self.graph.parameter_decls() {
            values.push((decl.name.to_string(), decl.sample(seed).expect("the initialiser fits")));
        }
        for decl in self.graph.input_decls() {
            if !values.iter().any(|(name, _)| *name == *decl.name) {
                let sizes = sizes(&decl.shape);
                let drawn = draw(&decl.name, sizes.iter().product(), seed, (-1.0, 1.0));
                values
                    .push((decl.name.to_string(), Tensor::new(sizes, drawn).expect("as many as sizes say")));
            }
        }
        for x in &self.variables {
            let along = find(&values, &direction(*x));
            let (place, along) = (find(&values, &x.to_string()), values[along].1.to_f64());
            let moved: Vec<f64> =
                values[place].1.to_f64().iter().zip(along).map(|(x, v)| x + step * v).collect();
            let shape = values[place].1.shape().to_vec();
            values[place].1 = Tensor::new(shape, moved).expect("as many as before");
        }
        values
    }

    fn eval(&self, expr: Expr<'_>, seed: u64, step: f64) -> Vec<f64> {
        let values = self.point(seed, step);
        let values: Vec<(&str, Tensor)> = values.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
        eval_expr(expr, &values).unwrap_or_else(|e| panic!("{}: {e}", self.case.name)).to_f64()
    }

    fn difference(&self, expr: Expr<'_>, seed: u64) -> Vec<f64> {
        let (up, down) = (self.eval(expr, seed, STEP), self.eval(expr, seed, -STEP));
        up.iter().zip(down).map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
    }

    fn compare(&self, what: &str, got: &[f64], want: &[f64], tolerance: f64) {
        let scale = want.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        for (g, w) in got.iter().zip(want) {
            let close = (g - w).abs() <= tolerance * scale;
            assert!(close, "{}: {what}: got {got:?}, expected {want:?}", self.case.name);
        }
        assert_eq!(got.len(), want.len());
    }
}

/// The name of a variable's direction.
fn direction(x: Expr<'_>) -> String {
    format!("along {x}")
}

fn find(values: &[(String, Tensor)], name: &str) -> usize {
    values.iter().position(|(n, _)| n == name).expect("it is declared")
}

/// A scalar that weighs every element differently and is not linear in any.
fn objective<'g>(y: Expr<'g>) -> Expr<'g> {
    let (graph, shape) = (y.graph(), y.shape());
    let (a, b) = (graph.input("weight", F64, &shape), graph.input("curvature", F64, &shape));
    (y * a + y * y * b).sum(..)
}

fn along<'g>(gradients: &[Expr<'g>], directions: &[Expr<'g>]) -> Expr<'g> {
    let terms = gradients.iter().zip(directions).map(|(g, v)| (*g * *v).sum(..));
    terms.reduce(|a, b| a + b).expect("a case has a variable")
}

/// The gradient along a line is the slope of the objective on that line.
pub(crate) fn gradient(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let line = Line::new(case, &graph);
        let j = objective(line.value);
        let slope = along(&j.grad(&line.variables), &line.directions);
        line.compare("slope", &line.eval(slope, seed, 0.0), &line.difference(j, seed), DIFFERENCE);
    }
}

/// Forward mode gives the difference, and `⟨u, Jv⟩ = ⟨Jᵀu, v⟩`.
pub(crate) fn transpose(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let line = Line::new(case, &graph);
        let y = line.value;
        let u = graph.input("u", F64, y.shape());
        let tangent = y.jvp(&line.variables, &line.directions);
        line.compare("tangent", &line.eval(tangent, seed, 0.0), &line.difference(y, seed), DIFFERENCE);
        let forward = line.eval((tangent * u).sum(..), seed, 0.0);
        let reverse = line.eval(along(&y.vjp(&line.variables, u), &line.directions), seed, 0.0);
        line.compare("transpose", &forward, &reverse, ROUNDING);
    }
}

/// The product with the Hessian is the difference of gradients.
pub(crate) fn curvature(case: &Case) {
    for seed in SEEDS {
        let graph = Graph::new();
        let line = Line::new(case, &graph);
        let j = objective(line.value);
        let products = j.hvp(&line.variables, &line.directions);
        for (product, gradient) in products.into_iter().zip(j.grad(&line.variables)) {
            let want = line.difference(gradient, seed);
            line.compare("curvature", &line.eval(product, seed, 0.0), &want, DIFFERENCE);
        }
    }
}
