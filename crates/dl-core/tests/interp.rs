//! Whole training programs on the reference interpreter alone, through the public interface.

use dl_core::{Expr, F64, Graph, I64, Init, Named, Program, Result, Tensor, interp};

/// `steps` of gradient descent by the rate 0.1 on the objective of a scalar, from 0.
fn descend(objective: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, steps: u64) -> Result<f64> {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let j = objective(theta);
    let next = theta - 0.1 * j.grad(&[theta])[0];
    let step = Program::builder(&g).output("J", j).update(theta, next).compile()?;
    let mut parameters = vec![("θ".into(), Tensor::scalar(0.0))];
    for i in 0..steps {
        parameters = interp::evaluate(&step, &[], &parameters, 0, i)?.updates;
    }
    parameters[0].1.item()
}

#[test]
fn gradient_descent_finds_the_minimum() -> Result<()> {
    let theta = descend(|theta| (theta - 3.0).square(), 200)?;
    assert!((theta - 3.0).abs() < 1e-12, "{theta}");
    Ok(())
}

#[test]
fn a_regularizer_moves_the_minimum() -> Result<()> {
    let theta = descend(|theta| (theta - 3.0).square() + 0.01 * theta.square(), 200)?;
    assert!((theta - 3.0 / 1.01).abs() < 1e-12, "{theta}");
    Ok(())
}

#[test]
fn a_wrong_label_is_an_error_of_the_run_with_its_line() -> Result<()> {
    const B: Named = Named("B");
    let g = Graph::new();
    let (scores, labels) = (g.input("scores", F64, (B, 10)), g.input("labels", I64, (B,)));
    let line = line!() + 1;
    let picked = scores.pick(labels).mean(..);
    let program = Program::builder(&g).output("loss", picked).compile()?;

    let (scores, labels) = (Tensor::zeros(F64, [2, 10]), Tensor::vector(vec![9i64, 10]));
    let inputs = [("labels", labels.view()), ("scores", scores.view())];
    let error = interp::evaluate(&program, &inputs, &[], 0, 0).unwrap_err().to_string();
    let want = format!("{}:{line}: gather by index 10 at position [1], outside the 10 elements", file!());
    assert!(error.starts_with(&want), "{error}");
    Ok(())
}
