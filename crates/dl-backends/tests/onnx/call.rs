//! One node of a graph: what it is given, and how its operands and attributes are read.

use std::collections::HashMap;

use dl_core::interp::eval_expr;
use dl_core::{DType, Expr, Graph, I64, Tensor};
use serde_json::Value;

use crate::case::Given;
use crate::types::Ty;

/// The inputs' values by name: what shapes and axes are read from.
pub(crate) type Data = Vec<(String, Tensor)>;

/// Results, or why our operations do not say it; an empty reason is the operator itself.
pub(crate) type Out<'g> = Result<Vec<V<'g>>, String>;

/// A tensor: our expression, and its element type in ONNX.
#[derive(Clone, Copy)]
pub(crate) struct X<'g> {
    pub e: Expr<'g>,
    pub ty: Ty,
}

/// A value.
#[derive(Clone)]
pub(crate) enum V<'g> {
    T(X<'g>),
    Sequence(Vec<V<'g>>),
    Nothing(String),
}

pub(crate) struct Call<'a, 'g> {
    pub g: &'g Graph,
    pub op: &'a str,
    pub opset: i64,
    pub inputs: Vec<Option<V<'g>>>,
    pub attributes: &'a Value,
    pub outputs: usize,
    /// What an inner graph sees.
    pub scope: &'a HashMap<String, V<'g>>,
    pub data: &'a Data,
}

impl<'g> X<'g> {
    pub(crate) fn new(e: Expr<'g>, ty: Ty) -> Self {
        X { e, ty }
    }

    /// The same type.
    pub(crate) fn like(self, e: Expr<'g>) -> V<'g> {
        V::T(X { e, ty: self.ty })
    }

    pub(crate) fn sizes(self) -> Vec<usize> {
        sizes(self.e)
    }

    pub(crate) fn rank(self) -> usize {
        self.e.shape().rank()
    }
}

/// The sizes of an expression's axes, which are all known here.
pub(crate) fn sizes(e: Expr<'_>) -> Vec<usize> {
    e.shape().iter().map(|d| d.size().unwrap_or(0)).collect()
}

/// One result.
pub(crate) fn one<'g>(e: Expr<'g>, ty: Ty) -> Out<'g> {
    Ok(vec![V::T(X { e, ty })])
}

/// An axis as an index.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|a| *a <= rank).ok_or_else(|| format!("axis {axis} of {rank}"))
}

impl<'g> Call<'_, 'g> {
    pub(crate) fn value(&self, i: usize) -> Result<V<'g>, String> {
        self.inputs.get(i).cloned().flatten().ok_or_else(|| format!("{} without input {i}", self.op))
    }

    /// Operand `i`, a tensor.
    pub(crate) fn x(&self, i: usize) -> Result<X<'g>, String> {
        match self.value(i)? {
            V::T(x) => Ok(x),
            V::Sequence(_) => Err(format!("{} of sequences", self.op)),
            V::Nothing(why) => Err(why),
        }
    }

    /// Operand `i`, if it is given.
    pub(crate) fn optional(&self, i: usize) -> Result<Option<X<'g>>, String> {
        match self.inputs.get(i) {
            Some(Some(_)) => self.x(i).map(Some),
            _ => Ok(None),
        }
    }

    /// The value of an operand that decides shapes or axes.
    pub(crate) fn known(&self, e: Expr<'g>) -> Result<Tensor, String> {
        let names: Vec<String> = self.g.input_decls().iter().map(|d| d.name.to_string()).collect();
        let data: Vec<(&str, Tensor)> = self
            .data
            .iter()
            .filter(|(n, _)| names.contains(n))
            .map(|(n, t)| (n.as_str(), t.clone()))
            .collect();
        eval_expr(e, &data).map_err(|e| e.to_string())
    }

    /// The numbers of operand `i`, if it is given.
    pub(crate) fn numbers(&self, i: usize) -> Result<Option<Vec<f64>>, String> {
        self.optional(i)?.map(|x| Ok(self.known(x.e)?.to_f64())).transpose()
    }

    /// The integers of operand `i`, if it is given.
    pub(crate) fn ints(&self, i: usize) -> Result<Option<Vec<i64>>, String> {
        Ok(self.numbers(i)?.map(|v| v.into_iter().map(|x| x as i64).collect()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.attributes[name].is_null()
    }

    pub(crate) fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attributes[name].as_i64().unwrap_or(otherwise)
    }

    pub(crate) fn float(&self, name: &str, otherwise: f64) -> f64 {
        self.attributes[name].as_f64().unwrap_or(otherwise)
    }

    pub(crate) fn text(&self, name: &str, otherwise: &'static str) -> String {
        self.attributes[name].as_str().unwrap_or(otherwise).to_owned()
    }

    pub(crate) fn list(&self, name: &str) -> Option<Vec<i64>> {
        let items = self.attributes[name].as_array()?;
        Some(items.iter().map(|v| v.as_i64().unwrap_or(0)).collect())
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<(Tensor, Ty), String> {
        match Given::read(&self.attributes[name]) {
            Given::Tensor(tensor, ty) => Ok((tensor, ty)),
            Given::Missing(why) => Err(why),
            Given::Sequence(_) => Err("a sequence".into()),
        }
    }

    /// An attribute that later versions take as operand `i`.
    pub(crate) fn ints_or(&self, name: &str, i: usize) -> Result<Option<Vec<i64>>, String> {
        match self.list(name) {
            Some(list) => Ok(Some(list)),
            None => self.ints(i),
        }
    }

    /// The axis that an attribute names.
    pub(crate) fn axis(&self, otherwise: i64, rank: usize) -> Result<usize, String> {
        axis_of(self.int("axis", otherwise), rank)
    }

    /// A constant array of ours.
    pub(crate) fn literal(&self, dtype: DType, shape: &[usize], values: &[f64]) -> Expr<'g> {
        self.g.literal(Tensor::from_f64(dtype, shape, values).expect("as many as the shape says"))
    }

    /// A constant array of integers.
    pub(crate) fn indices(&self, shape: &[usize], values: Vec<i64>) -> Expr<'g> {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        self.literal(I64, shape, &values.iter().map(|i| *i as f64).collect::<Vec<_>>())
    }
}
