//! Formulas as a textbook writes them, in value and in gradient, against what they mean.

use dl_core::{Expr, F64, Graph, Program, Tensor, TensorRef, interp};

/// Value and derivative of `f` at `x`, of the compiled program.
fn at(f: for<'g> fn(Expr<'g>) -> Expr<'g>, x: f64) -> (f64, f64, String) {
    let g = Graph::new();
    let v = g.input("x", F64, ());
    let y = f(v);
    let dy = y.grad(&[v])[0];
    let program = Program::builder(&g).output("y", y).output("dy", dy).compile().unwrap();
    let text = {
        let g = program.to_graph();
        program.outputs().iter().map(|o| format!("{} = {}", o.name, program.expr(&g, o.node))).collect::<Vec<_>>().join("; ")
    };
    let x = Tensor::scalar(x);
    let inputs: Vec<(&str, TensorRef<'_>)> = if program.inputs().is_empty() { vec![] } else { vec![("x", x.view())] };
    let out = interp::evaluate(&program, &inputs, &[], 0, 0).unwrap();
    (out.output("y").unwrap().item().unwrap(), out.output("dy").unwrap().item().unwrap(), text)
}

#[test]
fn explore() {
    let cases: &[(&str, for<'g> fn(Expr<'g>) -> Expr<'g>)] = &[
        ("log(1/(1+exp(-x)))", |x| (1.0 / (1.0 + (-x).exp())).log()),
        ("log(exp(x)/(1+exp(x)))", |x| (x.exp() / (1.0 + x.exp())).log()),
        ("-log(1+exp(-x))", |x| -(1.0 + (-x).exp()).log()),
        ("x-log(1+exp(x))", |x| x - (1.0 + x.exp()).log()),
        ("log(sigmoid)", |x| x.sigmoid().log()),
        ("1/(1+exp(-x))", |x| 1.0 / (1.0 + (-x).exp())),
        ("(e^x-e^-x)/(e^x+e^-x)", |x| (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
        ("(e^2x-1)/(e^2x+1)", |x| ((2.0 * x).exp() - 1.0) / ((2.0 * x).exp() + 1.0)),
        ("1-2/(e^2x+1)", |x| 1.0 - 2.0 / ((2.0 * x).exp() + 1.0)),
        ("2/(1+e^-2x)-1", |x| 2.0 / (1.0 + (-2.0 * x).exp()) - 1.0),
        ("1-exp(-x)", |x| 1.0 - (-x).exp()),
        ("log(1-exp(-x))", |x| (1.0 - (-x).exp()).log()),
        ("log((e^x+e^-x)/2)", |x| ((x.exp() + (-x).exp()) / 2.0).log()),
        ("log(e^x+e^-x)-log2", |x| (x.exp() + (-x).exp()).log() - 2f64.ln()),
        ("log(e^x+e^(x/2)+1)", |x| (x.exp() + (x / 2.0).exp() + 1.0).log()),
        ("sqrt(x^2)", |x| x.pow(2.0).sqrt()),
        ("sqrt(1+x^2)-1", |x| (1.0 + x * x).sqrt() - 1.0),
        ("x log x", |x| x * x.log()),
        ("silu", |x| x / (1.0 + (-x).exp())),
        ("log(1-sigmoid)", |x| (1.0 - x.sigmoid()).log()),
        ("log(1 - 1/(1+e^-x))", |x| (1.0 - 1.0 / (1.0 + (-x).exp())).log()),
    ];
    for (name, f) in cases {
        println!("--- {name}");
        for x in [-1000.0, -20.0, -1e-5, 0.0, 1e-5, 20.0, 1000.0] {
            let (y, dy, text) = at(*f, x);
            if x == -1000.0 {
                println!("    {text}");
            }
            println!("    {x:>8}: {y:e}  {dy:e}");
        }
    }
}
