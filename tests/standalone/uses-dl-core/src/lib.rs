//! Symbolic work with `dl-core` alone: no backend, no tensor library.

use dl_core::{Expr, F64, Graph, Init, Program, Result};

/// `J(θ) = (θ - 3)² + λθ²` for a `λ` that is fixed.
pub fn objective(theta: Expr<'_>, lambda: f64) -> Expr<'_> {
    (theta - 3.0).square() + lambda * theta.square()
}

/// One step of gradient descent with rate `alpha`.
pub fn step(lambda: f64, alpha: f64) -> Result<Program> {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let j = objective(theta, lambda);
    let gradient = j.grad(&[theta])[0];
    Program::builder(&g).output("J", j).update(theta, theta - alpha * gradient).compile()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::interp;

    #[test]
    fn descends_on_the_interpreter() {
        let program = step(0.01, 0.1).unwrap();
        let mut parameters = program.initial(0).unwrap();
        for k in 0..200 {
            parameters = interp::evaluate(&program, &[], &parameters, 0, k).unwrap().updates;
        }
        assert!((parameters[0].1.item().unwrap() - 3.0 / 1.01).abs() < 1e-12);
    }

    #[test]
    fn burn_is_not_in_the_tree() {
        let lock = include_str!("../Cargo.lock");
        assert!(!lock.contains("burn"), "dl-core pulls in burn");
    }

    #[test]
    fn survives_a_file() {
        let program = step(0.0, 0.1).unwrap();
        let text = program.to_json().unwrap();
        assert_eq!(Program::from_json(&text).unwrap().updates(), program.updates());
        let cut = &text[..text.len() / 2];
        assert!(Program::from_json(cut).unwrap_err().to_string().starts_with("not a program"));
    }
}
