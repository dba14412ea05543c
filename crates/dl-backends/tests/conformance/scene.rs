//! What a case writes its program with: declarations that bring their values along.

use std::cell::{Cell, RefCell};

use dl_core::ops::random::uniform;
use dl_core::{DType, Expr, Graph, Init, Program, Shape, Tensor};

/// A program under construction and the values that go into it.
pub(crate) struct Scene<'g> {
    /// Where expressions are made.
    pub g: &'g Graph,
    /// The float type under test.
    pub float: DType,
    parts: RefCell<Parts<'g>>,
    rewriting: Cell<bool>,
}

#[derive(Default)]
struct Parts<'g> {
    inputs: Vec<(String, Tensor)>,
    parameters: Vec<(String, Tensor)>,
    outputs: Vec<Expr<'g>>,
    updates: Vec<(Expr<'g>, Expr<'g>)>,
}

/// A program and the values that go into it.
pub(crate) struct Ready {
    pub program: Program,
    pub inputs: Vec<(String, Tensor)>,
    pub parameters: Vec<(String, Tensor)>,
}

/// Which values an input gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fill {
    /// Between -2 and 2.
    Uniform,
    /// Between 0.1 and 2.
    Positive,
    /// Small whole numbers, many of them equal.
    Ties,
    /// Zeros of both signs, infinities, NaN, denormals, the largest and the smallest.
    Extreme,
    /// Whole numbers from 0 up to this, exclusive.
    Below(usize),
    /// Whole numbers of all sizes, the ends of the type included.
    Wide,
    /// These, over and over.
    These(&'static [f64]),
}

impl<'g> Scene<'g> {
    pub(crate) fn new(g: &'g Graph, float: DType) -> Self {
        Scene { g, float, parts: RefCell::default(), rewriting: Cell::new(false) }
    }

    /// An input of the float type under test.
    #[track_caller]
    pub(crate) fn float(&self, sizes: &[usize], fill: Fill) -> Expr<'g> {
        self.input(self.float, sizes, sizes, fill)
    }

    /// An input of any type.
    #[track_caller]
    pub(crate) fn typed(&self, dtype: DType, sizes: &[usize], fill: Fill) -> Expr<'g> {
        self.input(dtype, sizes, sizes, fill)
    }

    /// An input whose shape may have names, and its sizes.
    #[track_caller]
    pub(crate) fn input(
        &self,
        dtype: DType,
        shape: impl Into<Shape>,
        sizes: &[usize],
        fill: Fill,
    ) -> Expr<'g> {
        let place = self.parts.borrow().inputs.len();
        let name = format!("x{place}");
        self.parts.borrow_mut().inputs.push((name.clone(), filled(dtype, sizes, fill, place as u64)));
        self.g.input(&name, dtype, shape)
    }

    /// A parameter of the float type under test.
    #[track_caller]
    pub(crate) fn parameter(&self, sizes: &[usize], fill: Fill) -> Expr<'g> {
        let place = self.parts.borrow().parameters.len();
        let name = format!("w{place}");
        let value = filled(self.float, sizes, fill, 100 + place as u64);
        self.parts.borrow_mut().parameters.push((name.clone(), value));
        self.g.parameter(&name, self.float, sizes, Init::Zeros)
    }

    /// Values for an input that was declared elsewhere.
    pub(crate) fn given(&self, name: String, value: Tensor) {
        self.parts.borrow_mut().inputs.push((name, value));
    }

    /// Has the program rewritten, as people run it.
    pub(crate) fn rewrite(&self) {
        self.rewriting.set(true);
    }

    /// A value to be compared.
    pub(crate) fn output(&self, value: Expr<'g>) {
        self.parts.borrow_mut().outputs.push(value);
    }

    /// An update whose new value is to be compared.
    pub(crate) fn update(&self, parameter: Expr<'g>, value: Expr<'g>) {
        self.parts.borrow_mut().updates.push((parameter, value));
    }

    /// The program, as it was written unless it asked for rewriting, so that each operation is really there.
    pub(crate) fn ready(self) -> dl_core::Result<Ready> {
        let parts = self.parts.into_inner();
        let mut builder = Program::builder(self.g);
        if !self.rewriting.get() {
            builder = builder.without_rewriting();
        }
        for (i, output) in parts.outputs.iter().enumerate() {
            builder = builder.output(&format!("y{i}"), *output);
        }
        for (parameter, value) in &parts.updates {
            builder = builder.update(*parameter, *value);
        }
        let program = builder.compile()?;
        let inputs =
            parts.inputs.into_iter().filter(|(n, _)| program.inputs().iter().any(|d| *d.name == **n));
        let used = |n: &str| program.parameters().iter().any(|d| *d.name == *n);
        let parameters = parts.parameters.into_iter().filter(|(n, _)| used(n)).collect();
        Ok(Ready { inputs: inputs.collect(), parameters, program })
    }
}

/// A tensor of values that depend on `fill`, `stream` and the place only.
pub(crate) fn filled(dtype: DType, sizes: &[usize], fill: Fill, stream: u64) -> Tensor {
    let n: usize = sizes.iter().product();
    if let (Fill::Wide, DType::I64) = (fill, dtype) {
        let ends = [i64::MIN, i64::MAX, 0, -1, 1, 1 << 53, -(1 << 53) - 1, 255, 256, -256];
        return Tensor::new(sizes, (0..n).map(|i| ends[i % ends.len()]).collect())
            .expect("as many as sizes say");
    }
    let draw = |i: usize| f64::from(uniform(2026, 0, stream, i as u64));
    let cycle = |values: &[f64], i: usize| values[(i + stream as usize) % values.len()];
    let value = |i: usize| match fill {
        Fill::Uniform => 4.0 * draw(i) - 2.0,
        Fill::Positive => 0.1 + 1.9 * draw(i),
        Fill::Ties => (5.0 * draw(i)).floor() - 2.0,
        Fill::Below(end) => (end as f64 * draw(i)).floor(),
        Fill::These(values) => cycle(values, i),
        Fill::Wide => (600.0 * draw(i)).floor() - 300.0,
        Fill::Extreme => cycle(extremes(dtype), i),
    };
    Tensor::from_f64(dtype, sizes, &(0..n).map(value).collect::<Vec<_>>()).expect("as many as sizes say")
}

/// As many extremes as no other input's sizes divide, so that pairs of them meet.
fn extremes(dtype: DType) -> &'static [f64] {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    if dtype == DType::F32 {
        &[
            0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 3.4e38, -3.4e38, 1e-38, -1e-38, 1e-45, -1e-45, 88.5, -88.5,
            103.5, -103.5, 1e-8, -1e-8, 0.5, -0.5, 2.0, -2.0,
        ]
    } else {
        &[
            0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1.7e308, -1.7e308, 2.3e-308, -2.3e-308, 5e-324, -5e-324,
            709.5, -709.5, 745.5, -745.5, 1e-17, -1e-17, 0.5, -0.5, 2.0, -2.0,
        ]
    }
}
