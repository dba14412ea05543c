//! The tutorial's perceptron, as it is compiled.

use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Plan, Target, U8};

#[test]
fn explore() {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", U8, (B, 784)).cast(F32) / 255.0;
    let y = g.input("y", I64, B);
    let h = nn::dense(x, "fc1", 128).relu();
    let j = nn::cross_entropy(nn::dense(h, "fc2", 10), y).mean(..).named("J");
    let step = j.minimize(Sgd::new(0.01)).unwrap();
    println!("{}", Plan::new(&step, &Target::default()));
    println!("{:#?}", step.trace().counts());
}
