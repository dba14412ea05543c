//! Misspelt names: the error says which one was meant; and axes and sizes as people write them.

use dl_core::interp::eval_expr;
use dl_core::{Dim, Expr, F32, F64, Graph, Init, Named, Program, Tensor};

use crate::{faults, refused};

#[test]
fn inputs_outputs_and_parameters() {
    let g = Graph::new();
    let x = g.input("image", F64, ());
    let w = g.parameter("fc1.weight", F64, (), Init::Zeros);
    let error = eval_expr(x * w, &[("imgae", Tensor::scalar(1.0))]).unwrap_err().to_string();
    assert!(error.ends_with("; did you mean image?"), "{error}");
    let program = Program::builder(&g).output("loss", x * w).compile().unwrap();
    let weights = [("fc1.weight".into(), Tensor::scalar(1.0))];
    let run = dl_core::interp::evaluate(&program, &[("image", Tensor::scalar(1.0).view())], &weights, 0, 0)
        .unwrap();
    let error = run.output("Loss").unwrap_err().to_string();
    assert!(error.ends_with("; did you mean loss?"), "{error}");
    let line = line!() + 1;
    g.get_parameter("fc1.wieght");
    refused(&g, file!(), line, &["unknown parameter fc1.wieght; did you mean fc1.weight?"]);
}

#[test]
fn dimensions() {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("batch"), 3));
    let mean = x.sum(..) / g.extent(F32, Dim::named("bacth"));
    let error = Program::builder(&g).output("mean", mean).compile().unwrap_err().to_string();
    assert!(
        error.contains("dimension bacth is not the size of any axis of an input; did you mean batch?"),
        "{error}"
    );
}

#[test]
fn axes_may_be_a_slice() {
    let g = Graph::new();
    let x = g.input("x", F32, [2, 3, 4]);
    let sum = |axes: &[usize]| -> Expr<'_> { x.sum(axes) };
    assert_eq!(sum(&[2, 0]).shape().to_string(), "[3]");
    assert_eq!(sum(&[]).shape().to_string(), "[2, 3, 4]");
    sum(&[0, 0]);
    sum(&[3]);
    assert!(faults(&g)[0].message.starts_with("sum along axes [0, 0]"), "{:?}", faults(&g));
    assert!(faults(&g)[1].message.starts_with("sum along axes [3]"), "{:?}", faults(&g));
}
