//! A case: a function, what it is applied to, and values for that.

use dl_core::ops::random::uniform;
use dl_core::{DType, Dims, Expr, Graph, Shape, Tensor};

/// A function and its arguments.
pub(crate) struct Case {
    /// The function's name, and what is special.
    pub(crate) name: String,
    /// What it is applied to, in this order.
    pub(crate) arguments: Vec<Argument>,
    /// Whether its second derivatives exist around all points that are drawn.
    pub(crate) smooth: bool,
    function: Box<Function>,
}

/// From the arguments to the value.
pub(crate) type Function = dyn for<'g> Fn(&[Expr<'g>]) -> Expr<'g>;

/// A declared input. The dimension `B` in its shape has the size 4.
pub(crate) struct Argument {
    /// As which it is declared.
    pub(crate) name: String,
    /// Its shape.
    pub(crate) shape: Shape,
    /// What it holds.
    pub(crate) values: Values,
}

/// What an argument holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    /// Floats from this range, by which values are differentiated.
    Variable(f64, f64),
    /// Floats from this range, which derivatives leave alone.
    Constant(f64, f64),
    /// Along the last axis positive floats that sum to one; derivatives leave them alone.
    Distribution,
    /// Indices (`i64`) below this.
    Labels(usize),
    /// Truth values.
    Mask,
    /// These floats, which derivatives leave alone.
    These(&'static [f64]),
    /// These indices (`i64`).
    Indices(&'static [i64]),
}

/// A case in a graph.
pub(crate) struct Scene<'g> {
    /// What the function is differentiated by: its arguments and the parameters that it declares.
    pub(crate) variables: Vec<Expr<'g>>,
    /// What it gives.
    pub(crate) value: Expr<'g>,
}

/// A case without arguments so far.
pub(crate) fn case(name: &str, function: impl for<'g> Fn(&[Expr<'g>]) -> Expr<'g> + 'static) -> Case {
    Case { name: name.into(), arguments: vec![], smooth: true, function: Box::new(function) }
}

impl Case {
    /// With one argument more.
    pub(crate) fn with(mut self, name: &str, shape: impl Into<Shape>, values: Values) -> Case {
        self.arguments.push(Argument { name: name.into(), shape: shape.into(), values });
        self
    }

    /// With one more argument of floats in `[low, high)`, by which it is differentiated.
    pub(crate) fn over(self, name: &str, shape: impl Into<Shape>, (low, high): (f64, f64)) -> Case {
        self.with(name, shape, Values::Variable(low, high))
    }

    /// Without second derivatives.
    pub(crate) fn once(self) -> Case {
        Case { smooth: false, ..self }
    }

    /// Declares the arguments, their floats as `float`, and applies the function.
    pub(crate) fn build<'g>(&self, graph: &'g Graph, float: DType) -> Scene<'g> {
        let declare = |a: &Argument| graph.input(&a.name, a.values.dtype(float), &a.shape);
        let arguments: Vec<Expr<'g>> = self.arguments.iter().map(declare).collect();
        let value = (self.function)(&arguments);
        let varies = |(e, a): (Expr<'g>, &Argument)| matches!(a.values, Values::Variable(..)).then_some(e);
        let inputs = arguments.into_iter().zip(&self.arguments).filter_map(varies);
        Scene { variables: inputs.chain(graph.parameters()).collect(), value }
    }

    /// Values for the arguments, which depend on their names and the seed alone.
    pub(crate) fn values(&self, seed: u64, float: DType) -> Vec<(String, Tensor)> {
        self.arguments.iter().map(|a| (a.name.clone(), a.draw(seed, float))).collect()
    }
}

impl Argument {
    fn draw(&self, seed: u64, float: DType) -> Tensor {
        let sizes = sizes(&self.shape);
        let n = sizes.iter().product();
        let drawn = |low, high| draw(&self.name, n, seed, (low, high));
        let values = match self.values {
            Values::Variable(low, high) | Values::Constant(low, high) => drawn(low, high),
            Values::Distribution => shares(drawn(0.1, 1.0), sizes.last().copied().unwrap_or(1)),
            Values::Labels(classes) => drawn(0.0, classes as f64).iter().map(|x| x.floor()).collect(),
            Values::Mask => drawn(0.0, 2.0).iter().map(|x| x.floor()).collect(),
            Values::These(values) => values.to_vec(),
            Values::Indices(values) => values.iter().map(|x| *x as f64).collect(),
        };
        Tensor::from_f64(self.values.dtype(float), sizes, &values).expect("as many as the shape says")
    }
}

impl Values {
    fn dtype(self, float: DType) -> DType {
        match self {
            Values::Labels(_) | Values::Indices(_) => DType::I64,
            Values::Mask => DType::Bool,
            _ => float,
        }
    }
}

/// The sizes of a shape in which `B` is 4.
pub(crate) fn sizes(shape: &Shape) -> Vec<usize> {
    shape.eval(&Dims::new().with("B", 4)).expect("only B has no size")
}

/// Numbers in `[low, high)`.
pub(crate) fn draw(name: &str, n: usize, seed: u64, (low, high): (f64, f64)) -> Vec<f64> {
    let stream = name.bytes().fold(0u64, |n, b| n.wrapping_mul(31).wrapping_add(b.into()));
    (0..n as u64).map(|i| low + (high - low) * f64::from(uniform(seed, 0, stream, i))).collect()
}

fn shares(mut values: Vec<f64>, row: usize) -> Vec<f64> {
    for row in values.chunks_mut(row.max(1)) {
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= total);
    }
    values
}
