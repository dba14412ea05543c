//! Formulas that rewriting once turned into wrong numbers, each one of a kind: value and gradient.

use dl_core::{DType, Expr, F32, F64, Graph, I64, Program, Tensor, TensorRef, interp};

/// Names, values and expected gradients of inputs, all of one shape.
type Given<'a> = &'a [(&'a str, &'a [f64])];

/// The value and the gradients by every input, rewritten.
fn run(
    dtype: DType,
    given: Given<'_>,
    shape: &[usize],
    build: impl for<'g> Fn(&'g Graph, &[Expr<'g>]) -> Expr<'g>,
) -> Vec<Vec<f64>> {
    let graph = Graph::new();
    let shapes: Vec<Vec<usize>> =
        given.iter().map(|(_, v)| if v.len() == 1 { vec![] } else { shape.to_vec() }).collect();
    let inputs: Vec<Expr<'_>> = given
        .iter()
        .zip(&shapes)
        .map(|((name, _), shape)| graph.input(name, dtype, shape.as_slice()))
        .collect();
    let value = build(&graph, &inputs);
    let mut builder = Program::builder(&graph).output("value", value);
    let gradients = value.sum(..).grad(&inputs);
    for ((name, _), gradient) in given.iter().zip(gradients) {
        builder = builder.output(&format!("d/d{name}"), gradient);
    }
    let program = builder.compile().expect("it is right");
    let tensors: Vec<Tensor> = given
        .iter()
        .zip(&shapes)
        .map(|((_, v), shape)| Tensor::from_f64(dtype, shape.as_slice(), v).expect("it fits"))
        .collect();
    let views: Vec<(&str, TensorRef<'_>)> =
        given.iter().zip(&tensors).map(|((name, _), tensor)| (*name, tensor.view())).collect();
    let run = interp::evaluate(&program, &views, &[], 0, 0).expect("inputs fit");
    program.outputs().iter().map(|o| run.output(&o.name).expect("an output").to_f64()).collect()
}

#[track_caller]
fn near(found: &[Vec<f64>], want: &[&[f64]], tolerance: f64) {
    for (found, want) in found.iter().zip(want) {
        for (f, w) in found.iter().zip(*want) {
            let close = f == w || (f - w).abs() <= tolerance * w.abs().max(1e-300);
            assert!(close, "{found:?}, expected {want:?}");
        }
    }
    assert_eq!(found.len(), want.len());
}

#[test]
fn a_small_constant_stays_where_it_is_felt() {
    for dtype in [F32, F64] {
        let found = run(dtype, &[("x", &[20.0])], &[], |_, x| -(1.0 - x[0].sigmoid() + 1e-8).log());
        // log(σ(-20) + 1e-8), where f32 as written gives log 1e-8.
        let small = 1.0 / (1.0 + 20f64.exp());
        let want = [-(small + 1e-8).ln(), small * (1.0 - small) / (small + 1e-8)];
        near(&found, &[&want[..1], &want[1..]], 1e-6);
    }
    let found = run(F64, &[("x", &[-1.0])], &[], |_, x| (x[0] + 1.0) + 1e-17);
    near(&found, &[&[1e-17], &[1.0]], 1e-15);
    let found = run(F64, &[("x", &[0.0])], &[], |_, x| (1e-15 * x[0].exp()).log1p());
    near(&found, &[&[1e-15], &[1e-15]], 1e-12);
    let found = run(F64, &[("x", &[40.0])], &[], |_, x| (1e-15 * x[0].exp()).log1p());
    let weight = 1e-15 * 40f64.exp();
    near(&found, &[&[weight.ln_1p()], &[weight / (1.0 + weight)]], 1e-13);
}

#[test]
fn an_exponent_keeps_its_offset() {
    for dtype in [F32, F64] {
        let found = run(dtype, &[("x", &[2000.0])], &[], |_, x| 1.0 / (1.0 + (-(x[0] - 2000.0) / 2.0).exp()));
        near(&found, &[&[0.5], &[0.125]], 1e-7);
        let found = run(dtype, &[("x", &[0.0])], &[], |_, x| 100.0 - (100.0 - x[0]).softplus());
        assert!(found[0][0].abs() < 1e-14, "{found:?}");
        near(&found[1..], &[&[1.0]], 1e-7);
    }
}

#[test]
fn weights_are_weights_at_ties() {
    for (p, q) in [(0.7f64, 0.3f64), (0.3, 0.7), (0.5, 0.5), (0.9, 0.1), (0.9999, 0.0001), (2.0, 3.0)] {
        let found =
            run(F64, &[("x", &[1.0]), ("y", &[1.0])], &[], |_, v| (p * v[0].exp() + q * v[1].exp()).log());
        let want = [1.0 + (p + q).ln(), p / (p + q), q / (p + q)];
        near(&found, &[&want[..1], &want[1..2], &want[2..]], 1e-12);
    }
}

#[test]
fn one_hot_rows_side_by_side_sum_to_two() {
    let graph = Graph::new();
    let (a, b) = (graph.input("a", I64, [2]), graph.input("b", I64, [2]));
    let sum = graph.concat(1, &[a.one_hot(F32, 3), b.one_hot(F32, 2)]).sum(1);
    // Of two rows that sum to one, chosen element by element, nothing is known.
    let mixed =
        graph.input("c", dl_core::DType::Bool, [2, 3]).select(a.one_hot(F32, 3), b.one_hot(F32, 3)).sum(1);
    let program =
        Program::builder(&graph).output("sum", sum).output("mixed", mixed).compile().expect("it is right");
    let (a, b) = (Tensor::vector(vec![0i64, 2]), Tensor::vector(vec![1i64, 0]));
    let c = Tensor::new([2, 3], vec![true, true, true, true, true, false]).expect("six");
    let given = [("a", a.view()), ("b", b.view()), ("c", c.view())];
    let run = interp::evaluate(&program, &given, &[], 0, 0).expect("inputs fit");
    assert_eq!(run.output("sum").expect("an output").to_f64(), [2.0, 2.0]);
    assert_eq!(run.output("mixed").expect("an output").to_f64(), [1.0, 0.0]);
}

#[test]
fn a_divisor_is_the_author_s() {
    let rows: &[f64] = &[1.0, 2.0, 3.0, 0.0];
    let found = run(F64, &[("x", rows), ("n", &[3.0])], &[1, 4], |_, v| {
        let n = v[1].reshape([1]);
        (v[0] * v[0]).sum(1) / n - (v[0].sum(1) / n).square()
    });
    near(&found[..1], &[&[14.0 / 3.0 - 4.0]], 1e-12);
    // n computed inside: 14 - 36/3, and 36/9 by n.
    let found = run(F64, &[("x", rows), ("n", &[1.5])], &[1, 4], |_, v| {
        let n = (v[1] * 2.0).reshape([1]);
        (v[0] * v[0]).sum(1) - v[0].sum(1).square() / n
    });
    near(&[found[0].clone(), found[2].clone()], &[&[2.0], &[8.0]], 1e-12);
}

#[test]
fn logarithms_of_products_with_a_zero() {
    let found = run(F64, &[("x", &[0.0]), ("y", &[2.0])], &[], |_, v| (v[0] * v[1]).abs().log());
    assert_eq!(found[0], [f64::NEG_INFINITY]);
    let found = run(F64, &[("x", &[3.0]), ("y", &[-2.0])], &[], |_, v| (v[0] * v[1]).abs().log());
    near(&found, &[&[6f64.ln()], &[1.0 / 3.0], &[-0.5]], 1e-14);
}

#[test]
fn powers_of_what_has_no_root() {
    for dtype in [F32, F64] {
        let found = run(dtype, &[("x", &[f64::NEG_INFINITY])], &[], |_, x| x[0].pow(0.5));
        assert_eq!(found[0], [f64::INFINITY]);
        let found = run(dtype, &[("x", &[-0.0])], &[], |_, x| x[0].pow(-0.5));
        assert_eq!(found[0], [f64::INFINITY]);
    }
}

#[test]
fn constants_are_rounded_to_the_type_of_the_value() {
    let x = f64::from(0.1f32);
    let found = run(F32, &[("x", &[x])], &[], |_, v| v[0].gt(0.1).select(v[0] * 2.0, v[0] * 3.0));
    near(&found, &[&[3.0 * x], &[3.0]], 1e-15);
    let found = run(F32, &[("x", &[x])], &[], |_, v| v[0].maximum(0.1));
    near(&found, &[&[x], &[0.5]], 1e-15);
}

#[test]
fn constants_outside_the_type_are_mistakes_with_their_line() {
    let graph = Graph::new();
    let x = graph.input("x", F32, [2]);
    let (y, flag, count) =
        (graph.input("y", F32, [2]), graph.input("b", DType::Bool, [2]), graph.input("i", I64, [2]));
    let _ = (x * 1e300, x / (y + 1e-60), flag.eq(0.5), count * 1e30, count + 0.5, x.pad(0, 1, 0, -1e39));
    let message = graph.check().unwrap_err().to_string();
    for what in ["1e300", "1e-60", "0.5", "1e30", "-1e39"] {
        assert!(message.contains(&format!("constant {what} does not fit")), "{what}: {message}");
    }
    assert_eq!(message.matches("kinds.rs").count(), 6, "{message}");
    // What the type has, though it is no number or infinite.
    let graph = Graph::new();
    let x = graph.input("x", F32, [2]);
    let _ = (x * f64::INFINITY, x * f64::NAN, x + 1e-40);
    graph.check().expect("these are numbers of f32");
}
