//! A training loop written out: batches, a step each, Adam, weight decay, dropout, the test at the end.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

const B: Named = Named("B");

fn model<'g>(x: Expr<'g>, mode: nn::Mode) -> Expr<'g> {
    let h = nn::dense(x, "fc1", 64).relu();
    nn::dense(nn::dropout(h, 0.2, mode), "fc2", 10)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let y = g.input("y", I64, B);
    let j = nn::cross_entropy(model(x, nn::Mode::Train), y).mean(..).named("J");
    let step = j.minimize(AdamW::new(0.003).weight_decay(0.01))?;
    let answers = model(x, nn::Mode::Evaluate).argmax(-1);
    let right = answers.eq(y).cast(I64).sum(..);
    let test = Program::builder(&g).output("right", right).compile()?;

    let digits = digits()?;
    let mut session = Session::new(Cpu::default(), 7);
    let (step, test) = (session.compile(&step)?, session.compile(&test)?);
    for epoch in 0..10 {
        for batch in digits.train.batches(64)?.shuffled(epoch) {
            let n = batch.labels.len();
            let (shape_x, shape_y) = ([n, 64], [n]);
            let inputs = [TensorRef::new(&shape_x, &batch.images)?, TensorRef::new(&shape_y, &batch.labels)?];
            session.run(&step, &inputs)?;
        }
    }
    let all = digits.test.batches(digits.test.len())?.next().ok_or("no digits")?;
    let n = all.labels.len();
    let (shape_x, shape_y) = ([n, 64], [n]);
    let inputs = [TensorRef::new(&shape_x, &all.images)?, TensorRef::new(&shape_y, &all.labels)?];
    let right = session.run(&test, &inputs)?.read("right")?.item()?;
    println!("{:.0} % of {n} digits are read right", 100.0 * right / n as f64);
    Ok(())
}
