//! Every operation, and every row of the tables, has a value here: a new one fails until it has.

use std::collections::BTreeSet;

use super::{bools, check, floats, ints, range};
use crate::dim::Named;
use crate::dtype::DType;
use crate::graph::{Expr, Graph};
use crate::init::Init;
use crate::interp::{Env, eval_expr, run};
use crate::ops::binary::BINARY;
use crate::ops::unary::UNARY;
use crate::ops::{Binary, Fact, NAMES, Op, Order, Reduce, Scatter, Unary};

/// One value of each function of one argument.
fn unary_case(op: Unary) -> (f64, f64) {
    match op {
        Unary::Neg => (2.0, -2.0),
        Unary::Abs => (-2.0, 2.0),
        Unary::Sign => (-7.0, -1.0),
        Unary::Exp => (1.0, std::f64::consts::E),
        Unary::Expm1 => (1e-10, 1.00000000005e-10),
        Unary::Log => (0.0, f64::NEG_INFINITY),
        Unary::Log1p => (1e-10, 9.9999999995e-11),
        Unary::Sqrt => (49.0, 7.0),
        Unary::Sin => (0.5, 0.479425538604203),
        Unary::Cos => (0.5, 0.8775825618903728),
        Unary::Tanh => (20.0, 1.0),
        Unary::Sigmoid => (0.0, 0.5),
        Unary::Softplus => (800.0, 800.0),
        Unary::Relu => (-3.0, 0.0),
        Unary::Erf => (0.5, 0.5204998778130465),
        Unary::Floor => (-0.5, -1.0),
        Unary::Ceil => (-0.5, -0.0),
        Unary::Round => (2.5, 2.0),
        Unary::Log2 => (8.0, 3.0),
        Unary::Exp2 => (-3.0, 0.125),
        Unary::Tan => (0.5, 0.5463024898437905),
        Unary::Sinh => (0.5, 0.5210953054937474),
        Unary::Cosh => (0.5, 1.1276259652063807),
        Unary::Asin => (0.5, std::f64::consts::FRAC_PI_6),
        Unary::Acos => (0.5, std::f64::consts::FRAC_PI_3),
        Unary::Atan => (0.5, 0.4636476090008061),
        Unary::Erfc => (3.0, 2.209049699858544e-05),
        Unary::Erfcx => (3.0, 0.17900115118138996),
        Unary::Erfinv => (0.5, 0.4769362762044699),
        Unary::LogNdtr => (-40.0, -804.6084420137538),
        Unary::Lgamma => (0.5, 0.5723649429247001),
        Unary::Digamma => (-2.5, 1.103156640645243),
        Unary::IsFinite => (f64::INFINITY, 0.0),
        Unary::Not => (0.0, 1.0),
    }
}

/// The value of each function of two arguments at `(7, 2)`, or at `(true, false)`.
fn binary_case(op: Binary) -> &'static str {
    match op {
        Binary::Add => "9",
        Binary::Sub => "5",
        Binary::Mul => "14",
        Binary::Div => "3.5",
        Binary::Pow => "49",
        Binary::Max => "7",
        Binary::Min => "2",
        Binary::Eq => "false",
        Binary::Ne => "true",
        Binary::Lt => "false",
        Binary::Le => "false",
        Binary::Gt => "true",
        Binary::Ge => "true",
        Binary::And => "false",
        Binary::Or => "true",
        Binary::Atan2 => "1.2924966677897853",
        Binary::FloorDivide => "3",
        Binary::Remainder => "1",
        Binary::Ierfcx => "0.0000014435809934713931",
        Binary::Polygamma => "20.54987523763948",
    }
}

#[test]
fn every_function_of_one_argument() {
    for row in UNARY {
        let (g, (x, want)) = (Graph::new(), unary_case(row.op));
        let x = if row.op == Unary::Not { bools(&g, &[x != 0.0]) } else { floats(&g, &[x]) };
        let y = x.apply(Op::Unary(row.op), &[]);
        let got = eval_expr(y, &[]).unwrap().item().unwrap();
        // The platform's functions may be off by the last bit.
        assert!(got == want || (got - want).abs() <= 1e-15 * want.abs(), "{}: {got}", row.name);
    }
}

#[test]
fn every_function_of_two_arguments() {
    for row in BINARY {
        let g = Graph::new();
        let logic = matches!(row.op, Binary::And | Binary::Or);
        let (x, y) = if logic {
            (bools(&g, &[true]), bools(&g, &[false]))
        } else {
            (floats(&g, &[7.0]), floats(&g, &[2.0]))
        };
        let z = x.apply(Op::Binary(row.op), &[y]);
        check(z, &format!("{}[1] {}", z.dtype(), binary_case(row.op)));
    }
}

/// One example of each op, and its value.
fn examples<'g>(g: &'g Graph) -> Vec<(Expr<'g>, &'static str)> {
    let x = range(g, [2, 2]);
    let b = Named("B");
    vec![
        (g.input("x", DType::F32, (b,)), "input x has no value"),
        (g.parameter("w", DType::F32, (), Init::Zeros), "parameter w has no value"),
        (g.full(DType::U8, [2], 200.0), "u8[2] 200 200"),
        (ints(g, &[i64::MAX]), "i64[1] 9223372036854775807"),
        (g.extent(DType::I64, 7), "i64[] 7"),
        (g.step(), "i64[] 0"),
        (-x, "f64[2, 2] -0 -1 -2 -3"),
        (x + x, "f64[2, 2] 0 2 4 6"),
        (x.gt(1.0).select(x, 0.0), "f64[2, 2] 0 0 2 3"),
        (x.cast(DType::U8), "u8[2, 2] 0 1 2 3"),
        (x.sum(0), "f64[2] 2 4"),
        (x.prod(0), "f64[2] 0 3"),
        (x.max(0), "f64[2] 2 3"),
        (x.min(0), "f64[2] 0 1"),
        (x.reshape([1, 4]).logsumexp(0), "f64[4] 0 1 2 3"),
        (x.reshape([1, 4]).log_softmax(0), "f64[1, 4] 0 0 0 0"),
        (x.argmax(0), "i64[2] 1 1"),
        (x.argmin(0), "i64[2] 0 0"),
        (x.cumsum(1), "f64[2, 2] 0 1 2 5"),
        (x.cumprod(0), "f64[2, 2] 0 1 0 3"),
        ((-x).cummax(0), "f64[2, 2] -0 -1 -0 -1"),
        (x.flip(1).cummin(1), "f64[2, 2] 1 0 3 2"),
        ((x * 0.0 + 3.0).logcumsumexp(1).exp().floor(), "f64[2, 2] 20 40 20 40"),
        (x.linear_recurrence(1, false, x + 1.0), "f64[2, 2] 1 3 3 13"),
        (x.dot(x), "f64[2, 2] 2 3 6 11"),
        (x.reshape([4]), "f64[4] 0 1 2 3"),
        (x.transpose(), "f64[2, 2] 0 2 1 3"),
        (range(g, [2]).broadcast_to(&[2, 2].into()), "f64[2, 2] 0 1 0 1"),
        (x.slice(0, 1, 2), "f64[1, 2] 2 3"),
        (x.pad(1, 1, 0, 9.0), "f64[2, 3] 9 0 1 9 2 3"),
        (g.concat(0, &[x, x]), "f64[4, 2] 0 1 2 3 0 1 2 3"),
        (x.flip(1), "f64[2, 2] 1 0 3 2"),
        (x.pick(ints(g, &[1, 0])), "f64[2] 1 2"),
        (x.scatter(Scatter::Set, 0, ints(g, &[1, 1]), x + 4.0), "f64[2, 2] 0 1 6 7"),
        (x.scatter(Scatter::Max, 0, ints(g, &[0, 0]), x), "f64[2, 2] 2 3 2 3"),
        (x.scatter(Scatter::Min, 0, ints(g, &[1, 1]), x), "f64[2, 2] 0 1 0 1"),
        (ints(g, &[1]).one_hot(DType::F64, 3), "f64[1, 3] 0 1 0"),
        (g.iota(DType::I64, 0, [3]), "i64[3] 0 1 2"),
        (x.sort(1, Order::Descending), "f64[2, 2] 1 0 3 2"),
        (x.argsort(1, Order::Descending), "i64[2, 2] 1 0 1 0"),
        (range(g, [3]).unfold(0, 2, 1, 1), "f64[2, 2] 0 1 1 2"),
        (
            x.apply_as(Op::Fold { axis: 0, stride: 1, dilation: 1 }, &[], DType::F64, [3].into()),
            "f64[3] 0 3 3",
        ),
        (g.random(DType::F32, [2]).lt(1.0), "bool[2] true true"),
        (x.stop_gradient(), "f64[2, 2] 0 1 2 3"),
        (x.apply(Op::Variable(0), &[]), "f64[2, 2] 0 1 2 3"),
        (x.assume(Fact::NonNegative), "f64[2, 2] 0 1 2 3"),
        (x.with_gradient(&[x], |c| [-c]), "f64[2, 2] 0 1 2 3"),
        (g.scan(0, &[x], &[range(g, [2])], |h, x| ([h[0] + x[0]], [h[0]])).outputs[0], "f64[2, 2] 0 1 0 2"),
        (g.scan(0, &[x], &[range(g, [2])], |h, x| ([h[0] + x[0]], [])).finals[0], "f64[2] 2 5"),
    ]
}

#[test]
fn every_op_has_an_example() {
    let g = Graph::new();
    let mut seen = BTreeSet::new();
    for (expr, want) in examples(&g) {
        check(expr, want);
        for id in crate::graph::reachable(&g, &[expr.id()]) {
            seen.insert(g.get(id).op.name());
        }
    }
    // These two have no value: what remains of them after compiling is an error.
    let theta = g.parameter("θ", DType::F64, (), Init::Zeros);
    for (expr, want) in
        [(theta.grad(&[theta])[0], "unresolved gradient"), (g.poison(), "a mistake was recorded")]
    {
        seen.insert(expr.node().op.name());
        let nodes: Vec<_> = (0..g.len()).map(|i| g.get(crate::graph::NodeId(i as u32))).collect();
        let env = Env { parameters: [("θ".into(), scalar())].into(), ..Env::default() };
        let error = run(&nodes, &[], &[expr.id()], &env).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
    let all = NAMES.iter().copied().chain(Reduce::ALL.iter().map(|kind| kind.name()));
    let missing: Vec<&str> = all.filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "operations without an example: {missing:?}");
}

fn scalar() -> crate::interp::Array {
    crate::interp::Array { shape: vec![], data: crate::interp::Values::Float(vec![1.0]) }
}
