//! Random programs built, and the values that go into them.

use dl_core::interp::evaluate;
use dl_core::{DType, F32, F64, Graph, I64, Init, Name, Named, Program, Result, Shape, Tensor, TensorRef};

use super::RUN;
use super::recipe::{Kitchen, Recipe, combine};
use crate::scene::{Fill, filled};

/// A recipe to be built in one element type.
pub(crate) struct Build<'r> {
    recipe: &'r Recipe,
    dtype: DType,
    noisy: bool,
}

/// A program, and its last value as it was written.
pub(crate) struct Built {
    pub(crate) program: Program,
    pub(crate) formula: String,
}

impl<'r> Build<'r> {
    pub(crate) fn new(recipe: &'r Recipe, dtype: DType) -> Build<'r> {
        Build { recipe, dtype, noisy: false }
    }

    /// With every value multiplied by an input `n0`, `n1`, … of its shape.
    pub(crate) fn noisy(self) -> Build<'r> {
        Build { noisy: true, ..self }
    }

    /// Some values, an objective, its gradients by inputs, and a step of descent.
    pub(crate) fn compile(&self, rewriting: bool) -> Result<Built> {
        let (graph, recipe) = (Graph::new(), self.recipe);
        let columns = recipe.columns;
        let shape: Shape =
            if recipe.named { (Named("B"), columns).into() } else { [recipe.rows, columns].into() };
        let x = graph.input("x", self.dtype, &shape);
        let row = graph.input("row", self.dtype, columns);
        let weights = graph.input("weights", self.dtype, &shape);
        let w = graph.parameter("w", self.dtype, [columns, columns], Init::Zeros);
        let b = graph.parameter("b", self.dtype, columns, Init::Zeros);
        let labels = graph.input("labels", I64, [shape[0].clone()]);
        let kitchen = Kitchen { rows: shape[0].clone(), columns, shape: shape.clone(), w, labels };

        let mut values = vec![x, x.dot(w) * 0.25 + b, row.broadcast_to(&shape)];
        for (i, pick) in recipe.picks.iter().enumerate() {
            let (a, b) = (values[pick.a % values.len()], values[pick.b % values.len()]);
            let value = combine(&kitchen, pick.op, a, b);
            let noise = || graph.input(&format!("n{i}"), self.dtype, &shape);
            values.push(if self.noisy { value * noise() } else { value });
        }
        let (last, middle) = (values[values.len() - 1], values[values.len() / 2]);
        // Everything is in the objective, whatever the picks leave out.
        let objective = (last * weights).sum(..) + 0.125 * (values[1] * (row + x).cos()).mean(..);
        let gradients = objective.grad(&[x, row, w, b]);
        let builder = Program::builder(&graph)
            .output("last", last)
            .output("columns", (last * 0.5).sum(0))
            .output("middle", middle)
            .output("J", objective)
            .output("dx", gradients[0])
            .output("drow", gradients[1])
            .update(w, w - 0.5 * gradients[2])
            .update(b, 0.75 * b - gradients[3]);
        let builder = if rewriting { builder } else { builder.without_rewriting() };
        Ok(Built { program: builder.compile()?, formula: last.to_string() })
    }
}

/// The values of a program's inputs and parameters: numbers that both float types have.
#[derive(Clone)]
pub(crate) struct Point {
    pub(crate) floats: Vec<(String, Tensor)>,
    labels: Tensor,
}

impl Point {
    pub(crate) fn new(recipe: &Recipe) -> Point {
        let (r, c) = (recipe.rows, recipe.columns);
        let stream = recipe.picks.iter().fold(0, |s, p| (31 * s + 7 * p.a + p.b) % 9973) as u64;
        let float =
            |name: &str, sizes: &[usize], fill, i| (name.to_string(), filled(F32, sizes, fill, stream + i));
        let floats = vec![
            float("x", &[r, c], Fill::Uniform, 0),
            float("row", &[c], Fill::Ties, 1),
            float("weights", &[r, c], Fill::Uniform, 2),
            float("w", &[c, c], Fill::Uniform, 3),
            float("b", &[c], Fill::Uniform, 4),
        ];
        Point { floats, labels: filled(I64, &[r], Fill::Below(c), stream + 5) }
    }

    /// What the program takes as inputs.
    pub(crate) fn inputs(&self, program: &Program, dtype: DType) -> Vec<(String, Tensor)> {
        let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
        let labels = ("labels".to_string(), self.labels.clone());
        self.given(dtype, used).chain([labels].into_iter().filter(|(n, _)| used(n))).collect()
    }

    /// What the program takes as parameters.
    pub(crate) fn parameters(&self, program: &Program, dtype: DType) -> Vec<(String, Tensor)> {
        self.given(dtype, |name| program.parameters().iter().any(|d| *d.name == *name)).collect()
    }

    fn given(&self, dtype: DType, used: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, Tensor)> {
        self.floats.iter().filter(move |(n, _)| used(n)).map(move |(n, t)| {
            let tensor = Tensor::from_f64(dtype, t.shape(), &t.to_f64()).expect("as many as before");
            (n.clone(), tensor)
        })
    }

    /// Outputs and updated parameters by the interpreter, by name.
    pub(crate) fn interpret(&self, program: &Program, dtype: DType) -> Result<Vec<(String, Tensor)>> {
        let inputs = self.inputs(program, dtype);
        let views: Vec<(&str, TensorRef<'_>)> = inputs.iter().map(|(n, t)| (n.as_str(), t.view())).collect();
        let parameters: Vec<(Name, Tensor)> =
            self.parameters(program, dtype).into_iter().map(|(n, t)| (n.as_str().into(), t)).collect();
        let run = evaluate(program, &views, &parameters, RUN.0, RUN.1)?;
        Ok(run.outputs.into_iter().chain(run.updates).map(|(n, t)| (n.to_string(), t)).collect())
    }
}

impl Point {
    /// In double precision throughout, with `change` of every number.
    pub(crate) fn changed(&self, mut change: impl FnMut(f64) -> f64) -> Point {
        let mut point = self.clone();
        for (_, tensor) in &mut point.floats {
            let values: Vec<f64> = tensor.to_f64().into_iter().map(&mut change).collect();
            *tensor = Tensor::from_f64(F64, tensor.shape(), &values).expect("as many as before");
        }
        point
    }

    /// With one more input.
    pub(crate) fn with(mut self, name: String, tensor: Tensor) -> Point {
        self.floats.push((name, tensor));
        self
    }
}
