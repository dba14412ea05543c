//! Activation functions and their derivatives, at a few points.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", F64, Named("N"));
    let functions = [("σ", x.sigmoid()), ("tanh", x.tanh()), ("relu", x.relu()), ("gelu", nn::gelu(x))];

    let points = Tensor::vector(vec![-10.0, -1.0, 0.0, 1.0, 10.0]);
    println!("{:>7}{:>10}{:>10}{:>10}{:>10}{:>10}", "x", -10, -1, 0, 1, 10);
    for (name, f) in functions {
        let derivative = f.sum(..).grad(&[x])[0];
        let program = Program::builder(&g).output("f", f).output("f'", derivative).compile()?;
        let mut session = Session::new(Cpu::default(), 7);
        let handle = session.compile(&program)?;
        let out = session.run(&handle, &[points.view()])?;
        for (title, values) in [(name.to_owned(), out.read("f")?), (format!("{name}'"), out.read("f'")?)] {
            let cells: String = values.to_f64().iter().map(|v| format!("{v:>10.5}")).collect();
            println!("{title:>7}{cells}");
        }
    }
    Ok(())
}
