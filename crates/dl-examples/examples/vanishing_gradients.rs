//! How large the gradient is in each of eight layers, for two activations.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

const LAYERS: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let he = Init::KaimingNormal { fan: nn::Fan::In, nonlinearity: nn::Nonlinearity::Relu };
    let xavier = Init::XavierNormal { gain: 1.0 };
    let sigmoid = norms(|x| x.sigmoid(), xavier)?;
    let relu = norms(|x| x.relu(), he)?;
    println!("layer     sigmoid        relu");
    for (i, (a, b)) in sigmoid.iter().zip(&relu).enumerate() {
        println!("{:>5}   {a:>9.1e}   {b:>9.1e}", i + 1);
    }
    Ok(())
}

/// The norms of ∂J/∂W from the first layer to the last, for a batch of digits and the first weights.
fn norms(
    activation: impl for<'g> Fn(Expr<'g>) -> Expr<'g>,
    first: Init,
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let g = Graph::new();
    let mut h = g.input("x", U8, (128, 64)).cast(F32) / 16.0;
    let y = g.input("y", I64, 128);
    for i in 1..LAYERS {
        h = activation(nn::Dense::new(64).weight(first.clone()).apply(h, &format!("fc{i}")));
    }
    let logits = nn::Dense::new(10).weight(first).apply(h, &format!("fc{LAYERS}"));
    let j = nn::cross_entropy(logits, y).mean(..);
    let weights: Vec<Expr<'_>> = g.parameters().matching("*.weight").iter().collect();
    let mut program = Program::builder(&g);
    for (i, gradient) in j.grad(&weights).into_iter().enumerate() {
        program = program.output(&format!("{i}"), nn::norm(gradient, ..));
    }

    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&program.compile()?)?;
    let batch = digits()?.train.batches(128)?.next().ok_or("no digits")?;
    let images = TensorRef::new(&[128, 64], &batch.images)?;
    let out = session.run(&handle, &[images, TensorRef::new(&[128], &batch.labels)?])?;
    (0..LAYERS).map(|i| Ok(out.read(&format!("{i}"))?.item()?)).collect()
}
