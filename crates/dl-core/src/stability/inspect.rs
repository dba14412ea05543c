//! The program that an examination runs: values on the way, and what a change of each does to the result.

use super::Given;
use super::points::Variable;
use crate::diff::adjoints;
use crate::dim::Dims;
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::graph::{Expr, Graph, Levels, NodeId};
use crate::interp::{self, Evaluation};
use crate::ops::{Binary, Cumulative, Op, Reduce, Unary};
use crate::program::{Output, Program};
use crate::tensor::{Tensor, TensorRef};

/// The name of the input that picks an element of the result.
const PICK: &str = "the element that is examined";

/// An operation that rounds.
pub(super) struct Rounding {
    /// Of the formula's program.
    pub(super) node: NodeId,
    /// Whether its operands may cancel.
    pub(super) cancels: bool,
    /// Whether each term of it rounds.
    pub(super) sums: bool,
}

/// The formula's program with outputs for everything that is looked at.
pub(super) struct Inspector {
    pub(super) program: Program,
    pub(super) roundings: Vec<Rounding>,
    /// Elements of all that is computed for each point.
    pub(super) elements: usize,
}

/// Names of outputs.
pub(super) fn value(k: usize) -> String {
    format!("value {k}")
}

/// The derivative of the picked element by a value.
pub(super) fn slope(k: usize) -> String {
    format!("slope {k}")
}

/// The sum of the magnitudes of what an operation adds up.
pub(super) fn terms(k: usize) -> String {
    format!("terms {k}")
}

/// The derivative of the picked element by an input or a parameter.
pub(super) fn sensitivity(name: &str) -> String {
    format!("sensitivity {name}")
}

/// The result itself.
pub(super) const RESULT: &str = "result";

impl Inspector {
    /// # Errors
    /// What the gradients need and operations lack.
    pub(super) fn new(program: &Program, dims: &Dims) -> Result<Inspector> {
        let graph = program.to_graph();
        let Output { node, .. } = program.outputs()[0];
        let result = program.expr(&graph, node);
        let pick = graph.input(PICK, result.dtype(), result.shape());
        let picked = (result * pick).sum(..);
        let levels = Levels::new(program.nodes(), &[node]);
        let order = levels.everything().order;
        let roundings: Vec<Rounding> = order.iter().filter_map(|id| rounding(&graph.expr(*id))).collect();
        let sources = order.iter().filter(|id| {
            let node = graph.get(**id);
            node.dtype.is_float() && matches!(node.op, Op::Input(_) | Op::Parameter(_))
        });
        let sources: Vec<Expr<'_>> = sources.map(|id| graph.expr(*id)).collect();

        let looked_at: Vec<NodeId> =
            roundings.iter().map(|r| r.node).chain(sources.iter().map(|s| s.id())).collect();
        let slopes = adjoints(picked, &looked_at);
        let by = |of: Expr<'_>| match slopes.get(&of.id()) {
            Some(slope) => slope.id(),
            None => graph.full(of.dtype(), of.shape(), 0.0).id(),
        };
        let mut builder = Program::builder(&graph).output(RESULT, result);
        let mut elements = 0;
        for (k, rounding) in roundings.iter().enumerate() {
            let expr = graph.expr(rounding.node);
            builder = builder.output(&value(k), expr).output(&slope(k), graph.expr(by(expr)));
            if rounding.cancels {
                builder = builder.output(&terms(k), magnitudes(expr));
            }
            elements += 3 * expr.shape().eval(dims).map_or(1, |shape| shape.iter().product());
        }
        for source in &sources {
            let (Op::Input(name) | Op::Parameter(name)) = &source.node().op else { continue };
            builder = builder.output(&sensitivity(name), graph.expr(by(*source)));
            elements += source.shape().eval(dims).map_or(1, |shape| shape.iter().product());
        }
        Ok(Inspector { program: builder.compile()?, roundings, elements })
    }

    /// Everything at a point, for one element of the result.
    pub(super) fn at(
        &self,
        variables: &[Variable],
        given: &[Given],
        shape: &[usize],
        picked: usize,
        dtype: DType,
    ) -> Result<Evaluation> {
        let mut pick = vec![0.0; shape.iter().product()];
        pick[picked] = 1.0;
        let pick = Tensor::from_f64(dtype, shape, &pick)?;
        let needs = |name: &str| self.program.inputs().iter().any(|d| *d.name == *name);
        let of = |wanted: bool| {
            let all = variables.iter().zip(given);
            all.filter(move |(variable, _)| variable.is_parameter == wanted).map(|(_, given)| given)
        };
        let mut inputs: Vec<(&str, TensorRef<'_>)> = of(false)
            .filter(|(name, _)| needs(name))
            .map(|(name, tensor)| (&**name, tensor.view()))
            .collect();
        if needs(PICK) {
            inputs.push((PICK, pick.view()));
        }
        let has = |name: &str| self.program.parameters().iter().any(|d| *d.name == *name);
        let parameters: Vec<Given> = of(true).filter(|(name, _)| has(name)).cloned().collect();
        interp::evaluate(&self.program, &inputs, &parameters, 0, 0)
    }
}

/// What an operation rounds, if it does.
fn rounding(expr: &Expr<'_>) -> Option<Rounding> {
    let node = expr.node();
    if !node.dtype.is_float() {
        return None;
    }
    let (cancels, sums) = match &node.op {
        Op::Unary(
            Unary::Neg
            | Unary::Abs
            | Unary::Sign
            | Unary::Relu
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::IsFinite
            | Unary::Not,
        ) => return None,
        Op::Unary(_) => (false, false),
        Op::Binary(Binary::Add | Binary::Sub) => (true, false),
        // Exact for a power of two.
        Op::Binary(Binary::Mul | Binary::Div) if is_power_of_two(*expr) => return None,
        Op::Binary(
            Binary::Mul | Binary::Div | Binary::Pow | Binary::Atan2 | Binary::Ierfcx | Binary::Polygamma,
        ) => (false, false),
        Op::Reduce { kind: Reduce::Sum, .. } | Op::Contract(_) => (true, true),
        Op::Cumulative { kind: Cumulative::Sum, .. } => (true, true),
        Op::Reduce { kind: Reduce::Prod, .. } | Op::Cumulative { kind: Cumulative::Prod, .. } => {
            (false, false)
        }
        Op::LinearRecurrence { .. } | Op::LogSumExp(_) | Op::LogSoftmax(_) => (false, false),
        Op::Cumulative { kind: Cumulative::LogSumExp, .. } => (false, false),
        _ => return None,
    };
    Some(Rounding { node: expr.id(), cancels, sums })
}

/// Whether one operand is a constant that only changes the exponent of the other.
fn is_power_of_two(expr: Expr<'_>) -> bool {
    let node = expr.node();
    let constant = |id: &NodeId| match expr.graph().get(*id).op {
        Op::Constant(Scalar::Float(x)) => x != 0.0 && x.is_normal() && x.to_bits().trailing_zeros() >= 52,
        _ => false,
    };
    match node.op {
        Op::Binary(Binary::Mul) => node.args.iter().any(constant),
        _ => constant(&node.args[1]),
    }
}

/// The sum of the magnitudes of what is added.
fn magnitudes(expr: Expr<'_>) -> Expr<'_> {
    let node = expr.node();
    let args: Vec<Expr<'_>> = node.args.iter().map(|id| expr.graph().expr(*id).abs()).collect();
    match &node.op {
        Op::Binary(_) => args[0] + args[1],
        op => args[0].apply(op.clone(), &args[1..]),
    }
}

/// What rounding does to numbers of an element type.
pub(super) struct Format {
    /// Half a unit in the last place of 1.
    pub(super) unit: f64,
    /// Half of the distance between the smallest numbers.
    pub(super) least: f64,
    pub(super) most: f64,
    /// Decimal digits.
    pub(super) digits: f64,
}

impl Format {
    pub(super) fn of(dtype: DType) -> Format {
        match dtype {
            DType::F32 => Format {
                unit: f64::from(f32::EPSILON) / 2.0,
                least: 2f64.powi(-150),
                most: f32::MAX.into(),
                digits: 7.2,
            },
            _ => Format { unit: f64::EPSILON / 2.0, least: f64::from_bits(1), most: f64::MAX, digits: 16.0 },
        }
    }
}

/// A node of the formula as Unicode text, in one line.
pub(super) fn written(graph: &Graph, node: NodeId) -> String {
    let text = crate::print::math(&[("", graph.expr(node))]);
    text.lines().map(|line| line.trim_start_matches(" = ")).collect::<Vec<_>>().join("; ")
}
